// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "check.h"

long check_result(long result, const char *call, const char *file, int line)
{
	if (result < 0)
		fail("%s:%d: %s: %s", file, line, call, strerror(errno));
	return result;
}

long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

long long now_us(void)
{
	return now_ns() / 1000;
}

long now_ms(void)
{
	return now_ns() / 1000000;
}

void wait_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (!check(poll(&pfd, 1, WAIT_MS)))
		fail("descriptor %d not ready for %#x within %d ms", fd, events,
		     WAIT_MS);
}

void put_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		fail("%s <- %s: %s", path, line, strerror(errno));
	close(fd);
}

long result_of(long result)
{
	return result < 0 ? -errno : result;
}
