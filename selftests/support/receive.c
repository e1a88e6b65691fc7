// SPDX-License-Identifier: GPL-2.0
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "receive.h"

void pattern(void *buf, unsigned long offset, size_t len)
{
	unsigned char *byte = buf;

	while (len--) {
		*byte++ = offset * 131 + (offset >> 8);
		offset++;
	}
}

struct received receive_all(int fd)
{
	struct received received = { .intact = true };
	unsigned char buf[4096], want[4096];
	long deadline = now_ms() + WAIT_MS;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		long left = deadline - now_ms();
		ssize_t got;

		if (left <= 0 || !check(poll(&pfd, 1, left)))
			return received;
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got < 0 && errno == ECONNRESET) {
			received.ending = END_RESET;
			return received;
		}
		if (!check(got)) {
			received.ending = END_EOF;
			return received;
		}
		pattern(want, received.bytes, got);
		if (memcmp(buf, want, got))
			received.intact = false;
		received.bytes += got;
	}
}

bool receive_pattern(int fd, unsigned long skip, size_t len)
{
	unsigned char buf[4096], want[4096];

	while (len) {
		size_t part = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t got;

		wait_ready(fd, POLLIN);
		got = check(recv(fd, buf, part, MSG_DONTWAIT));
		if (!got)
			return false;
		pattern(want, skip, got);
		if (memcmp(buf, want, got))
			return false;
		skip += got;
		len -= got;
	}
	return true;
}
