// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ring.h"
#include "cgroup.h"
#include "check.h"
#include "counters.h"
#include "device.h"
#include "module.h"
#include "netns.h"
#include "pair.h"
#include "process.h"
#include "receive.h"
#include "socket.h"
#include "thread.h"
#include "wire.h"

#define ENTRIES	8

/* False if the kernel has no such ring. */
bool ring_open(struct ring *ring, unsigned int flags)
{
	struct io_uring_params params = { .flags = flags };
	size_t size;
	char *map;

	memset(ring, 0, sizeof(*ring));
	ring->flags = flags;
	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring->fd < 0)
		return false;
	size = params.cq_off.cqes + params.cq_entries * sizeof(*ring->cqes);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		   IORING_OFF_SQ_RING);
	ring->map = map;
	ring->map_size = size;
	ring->sqes_size = params.sq_entries * sizeof(*ring->sqes);
	ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (map == MAP_FAILED || ring->sqes == MAP_FAILED)
		fail("mmap of a ring: %s", strerror(errno));
	ring->sq_head = (void *)(map + params.sq_off.head);
	ring->sq_tail = (void *)(map + params.sq_off.tail);
	ring->sq_array = (void *)(map + params.sq_off.array);
	ring->sq_mask = *(unsigned int *)(map + params.sq_off.ring_mask);
	ring->cq_head = (void *)(map + params.cq_off.head);
	ring->cq_tail = (void *)(map + params.cq_off.tail);
	ring->cq_mask = *(unsigned int *)(map + params.cq_off.ring_mask);
	ring->cqes = (void *)(map + params.cq_off.cqes);
	return true;
}

/* The mappings hold the ring as well. */
void ring_close(struct ring *ring)
{
	check(munmap(ring->sqes, ring->sqes_size));
	check(munmap(ring->map, ring->map_size));
	check(close(ring->fd));
}

int ring_enter(struct ring *ring, unsigned int submit, unsigned int complete)
{
	unsigned int flags = complete ? IORING_ENTER_GETEVENTS : 0;

	if (ring->flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	return syscall(SYS_io_uring_enter, ring->fd, submit, complete, flags,
		       NULL, 0);
}

void ring_queue(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *ring->sq_tail;

	ring->sqes[tail & ring->sq_mask] = *sqe;
	ring->sq_array[tail & ring->sq_mask] = tail & ring->sq_mask;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

/* A kernel thread may do the submitting. */
bool ring_taken(const struct ring *ring)
{
	return __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE) ==
	       *ring->sq_tail;
}

bool ring_look(struct ring *ring, struct completion *done)
{
	unsigned int head = *ring->cq_head;
	const struct io_uring_cqe *cqe = &ring->cqes[head & ring->cq_mask];

	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return false;
	*done = (struct completion) { cqe->res, cqe->flags };
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* The next completion, for the thread that submitted. */
struct completion ring_next(struct ring *ring)
{
	long deadline = now_ms() + WAIT_MS;
	struct completion done;

	while (!ring_look(ring, &done)) {
		if (now_ms() > deadline)
			fail("no completion");
		/* Lets a ring with deferred work do it. */
		syscall(SYS_io_uring_enter, ring->fd, 0, 0,
			IORING_ENTER_GETEVENTS, NULL, 0);
		usleep(1000);
	}
	return done;
}

void ring_submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	ring_queue(ring, sqe);
	if (check(ring_enter(ring, 1, 0)) != 1)
		fail("a request was not taken");
}
