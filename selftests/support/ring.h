/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring through raw system calls: the suites test details that liburing would
 * hide, such as which thread submits.
 */
#ifndef WINSOCK_RING_H
#define WINSOCK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/io_uring.h>
#include <linux/swab.h>

/* On big-endian machines the kernel takes the halves of poll32_events swapped. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define POLL32(events)	__swahw32(events)
#else
#define POLL32(events)	(events)
#endif

struct ring {
	int fd;
	unsigned int flags;
	unsigned int *sq_head;
	unsigned int *sq_tail;
	unsigned int *sq_array;
	unsigned int sq_mask;
	struct io_uring_sqe *sqes;
	unsigned int *cq_head;
	unsigned int *cq_tail;
	unsigned int cq_mask;
	struct io_uring_cqe *cqes;
	void *map;
	size_t map_size;
	size_t sqes_size;
};

/* struct io_uring_cqe without its user_data. */
struct completion {
	int res;
	unsigned int flags;
};

/* False if the kernel has no such ring. */
bool ring_open(struct ring *ring, unsigned int flags);
/* The mappings hold the ring as well. */
void ring_close(struct ring *ring);
/* io_uring_enter(2): submit @submit entries, wait for @complete completions. */
int ring_enter(struct ring *ring, unsigned int submit, unsigned int complete);
void ring_queue(struct ring *ring, const struct io_uring_sqe *sqe);
/* A kernel thread may do the submitting. */
bool ring_taken(const struct ring *ring);
/* The next completion, if there is one. */
bool ring_look(struct ring *ring, struct completion *done);
/* The next completion, for the thread that submitted; waits. */
struct completion ring_next(struct ring *ring);
void ring_submit(struct ring *ring, const struct io_uring_sqe *sqe);

#endif /* WINSOCK_RING_H */
