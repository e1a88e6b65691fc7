// SPDX-License-Identifier: GPL-2.0
/* Marked data */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "storm.h"

/**
 * struct record - what the streams are made of
 * @conn: the connection
 * @direction: 0 from the socket under test, 1 to it
 * @seq: number of the record in its direction
 * @sum: of all the others
 * @fill: words that depend on all the others
 */
struct record {
	uint32_t conn;
	uint32_t direction;
	uint32_t seq;
	uint32_t sum;
	uint64_t fill[6];
};

_Static_assert(sizeof(struct record) == RECORD, "size of a record");

static uint32_t record_sum(const struct record *r)
{
	uint64_t sum = r->conn * 31ULL + r->direction * 7 + r->seq;
	int i;

	for (i = 0; i < ARRAY_SIZE(r->fill); i++)
		sum = sum * 1099511628211ULL + r->fill[i];
	return sum ^ sum >> 32;
}

static void record_make(struct record *r, uint32_t conn, int direction,
			uint32_t seq)
{
	uint64_t x = ((uint64_t)conn << 33 | (uint64_t)seq << 1 | direction) + 1;
	int i;

	r->conn = conn;
	r->direction = direction;
	r->seq = seq;
	for (i = 0; i < ARRAY_SIZE(r->fill); i++)
		r->fill[i] = next_random(&x);
	r->sum = record_sum(r);
}

static void stream_bytes(const struct stream *s, void *buf, size_t len)
{
	unsigned long offset = s->offset;
	struct record r;

	while (len) {
		size_t skip = offset % RECORD, part = RECORD - skip;

		record_make(&r, s->conn, s->direction, offset / RECORD);
		if (part > len)
			part = len;
		memcpy(buf, (char *)&r + skip, part);
		buf = (char *)buf + part;
		offset += part;
		len -= part;
	}
}

/* The bytes are the stream's next ones and nobody else's. */
static void stream_expect(struct stream *s, const void *buf, size_t len)
{
	char want[4096];
	struct record r;

	stream_bytes(s, want, len);
	if (memcmp(buf, want, len)) {
		memset(&r, 0, sizeof(r));
		memcpy(&r, buf, len < RECORD ? len : RECORD);
		die("at %u/%d/%lu foreign data that look like %u/%u/%lu, sum %s",
		    s->conn, s->direction, s->offset, r.conn, r.direction,
		    (unsigned long)r.seq * RECORD, r.sum == record_sum(&r) ? "good" : "bad");
	}
	s->offset += len;
}

/* Bytes sent, or -errno. */
long stream_send(struct stream *s, int fd, size_t len, int flags)
{
	char buf[4096];
	long ret;

	if (len > sizeof(buf))
		len = sizeof(buf);
	stream_bytes(s, buf, len);
	ret = result(send(fd, buf, len, flags | MSG_NOSIGNAL));
	if (ret > 0)
		s->offset += ret;
	return ret;
}

/* Bytes received and found in order, 0 at the end, or -errno. */
long stream_recv(struct stream *s, int fd, size_t len, int flags)
{
	char buf[4096];
	long ret;

	if (len > sizeof(buf))
		len = sizeof(buf);
	ret = result(recv(fd, buf, len, flags));
	if (ret > 0)
		stream_expect(s, buf, ret);
	return ret;
}

void stream_send_all(struct stream *s, int fd, size_t len)
{
	while (len) {
		long ret = stream_send(s, fd, len, 0);

		if (ret < 0)
			die("send(%d): %s", fd, strerror(-ret));
		len -= ret;
	}
}

void stream_recv_all(struct stream *s, int fd, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	while (len) {
		long ret = stream_recv(s, fd, len, MSG_DONTWAIT);

		if (ret == -EAGAIN) {
			poll(&pfd, 1, WAIT_MS);
			continue;
		}
		if (ret <= 0)
			die("recv(%d): %s", fd, strerror(-ret));
		len -= ret;
	}
}

/* Until the buffers are full or len is through. */
void stream_stuff(struct stream *s, int fd, size_t len)
{
	while (len) {
		long ret = stream_send(s, fd, len, MSG_DONTWAIT);

		if (ret == -EAGAIN)
			return;
		if (ret < 0)
			die("send(%d): %s", fd, strerror(-ret));
		len -= ret;
	}
}
