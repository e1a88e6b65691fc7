/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of the library that have a lock, and what each does when the process
 * forks, when WSACleanup() comes, and when a call is made on a socket that it knows.
 *
 * What is outside of core/ registers itself, so that core/ needs no symbol of it.  In
 * libwinsock.a a part that the program has no use for is not linked in, and its entry
 * stays empty.
 */
#ifndef WS_PART_H
#define WS_PART_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slot.h"

/*
 * In the order of their locks: whoever holds one takes only those further down.
 * WSACleanup() waits for the helper thread with the first, so that this thread takes
 * none before WS_PART_REQUESTS.
 */
enum ws_part_id {
	WS_PART_STARTUP,	/* how often WSAStartup() was called; new slots, too */
	WS_PART_CLEANUP,		/* who waits for what WSACleanup() ends */
	WS_PART_DEVICE,		/* the number of /dev/winsock */
	WS_PART_REQUESTS,	/* overlapped requests, the ring, slot->requests */
	WS_PART_COMPLETIONS,		/* each thread's completion routines that are to run */
	WS_PART_SLOTS,		/* a number's change from one socket to the next */
	WS_PART_WATCH,		/* event selections, slot->watch */
	WS_PART_QUEUES,		/* message queues */
	WS_PART_HANDOVER,	/* sockets on offer to other processes */
	WS_PART_HELPER,		/* the helper thread and its descriptors */
	WS_PARTS,
};

/**
 * struct ws_part - a part of the library; only the lock is needed
 * @lock: fork(2) finds it free, in the parent and in the child (L8)
 * @forked: in the child, under @lock: what was the parent's is forgotten
 * @end: WSACleanup(), under startup_lock: sockets are about to be closed
 * @stop: the same, when all are closed
 * @ready: called by the helper thread, see ws_helper_add()
 *
 * WS_PART_WATCH, of sockets that have a selection but for @adopted:
 * @adopted: the library has met a number that may be one of such a socket
 * @connecting: connect() or listen() has been called, and did not fail
 * @connect_error: the errno of a failed connect() that FD_CONNECT reported, or 0
 * @inherit: accept() made a socket
 * @reenable: a call was made after which these FD_ events are reported again
 * @suspend: closesocket() begins; returns what @resume takes
 * @resume: it has failed
 * @drop: the number means another socket from now on, or none
 *
 * WS_PART_REQUESTS, of sockets that have had requests:
 * @hold: closesocket() begins; returns what the next two take
 * @pending: references to the file that the kernel takes for another process's
 * @release: closesocket() has ended; NULL is for @deferred ones alone
 * @shut_receiving: shutdown() has ended what they wait for
 */
struct ws_part {
	pthread_mutex_t *lock;
	void (*forked)(void);
	void (*end)(void);
	void (*stop)(void);
	void (*ready)(void);

	void (*adopted)(struct ws_slot *slot, int fd);
	void (*connecting)(struct ws_slot *slot);
	int (*connect_error)(struct ws_slot *slot);
	void (*inherit)(struct ws_slot *slot, struct ws_slot *child, int fd);
	void (*reenable)(struct ws_slot *slot, long events);
	uint32_t (*suspend)(struct ws_slot *slot);
	void (*resume)(struct ws_slot *slot, uint32_t serial);
	void (*drop)(struct ws_slot *slot);

	struct ws_requests *(*hold)(struct ws_slot *slot, int fd);
	unsigned int (*pending)(const struct ws_requests *requests);
	void (*release)(struct ws_requests *requests, bool closed);
	void (*shut_receiving)(struct ws_slot *slot);
};

extern const struct ws_part *ws_parts[WS_PARTS]
	__attribute__((visibility("hidden")));

/* Requests wait for the end of a closesocket() on a socket that is not theirs. */
extern atomic_bool ws_requests_deferred __attribute__((visibility("hidden")));

/*
 * Registers @part before main(), and before the constructors of a program that is
 * linked with libwinsock.a: ws_parts never changes while there can be another thread.
 */
#define WS_REGISTER_PART(id, part) \
	static void __attribute__((constructor(101))) register_##part(void) \
	{ \
		ws_parts[id] = &(part); \
	}

static inline bool ws_is_watched(struct ws_slot *slot)
{
	return slot && atomic_load_explicit(&slot->watch, memory_order_relaxed);
}

static inline void ws_watch_adopted(struct ws_slot *slot, int fd)
{
	if (ws_parts[WS_PART_WATCH])
		ws_parts[WS_PART_WATCH]->adopted(slot, fd);
}

static inline void ws_watch_connecting(struct ws_slot *slot)
{
	if (ws_is_watched(slot))
		ws_parts[WS_PART_WATCH]->connecting(slot);
}

static inline int ws_watch_connect_error(struct ws_slot *slot)
{
	return ws_is_watched(slot) ?
	       ws_parts[WS_PART_WATCH]->connect_error(slot) : 0;
}

static inline void ws_watch_inherit(struct ws_slot *slot, struct ws_slot *child,
				    int fd)
{
	if (ws_is_watched(slot) && child)
		ws_parts[WS_PART_WATCH]->inherit(slot, child, fd);
}

static inline void ws_watch_reenable(struct ws_slot *slot, long events)
{
	if (ws_is_watched(slot))
		ws_parts[WS_PART_WATCH]->reenable(slot, events);
}

/* Nothing is recorded from here on, unless closesocket() fails (C15). */
static inline uint32_t ws_watch_suspend(struct ws_slot *slot)
{
	return ws_is_watched(slot) ? ws_parts[WS_PART_WATCH]->suspend(slot) : 0;
}

static inline void ws_watch_resume(struct ws_slot *slot, uint32_t serial)
{
	if (serial)
		ws_parts[WS_PART_WATCH]->resume(slot, serial);
}

static inline void ws_watch_drop(struct ws_slot *slot)
{
	if (ws_is_watched(slot))
		ws_parts[WS_PART_WATCH]->drop(slot);
}

/*
 * Nothing is submitted for the socket from here on; its slot's closing count says
 * so already.
 */
static inline struct ws_requests *ws_requests_hold(struct ws_slot *slot, int fd)
{
	return slot && atomic_load(&slot->requests) ?
	       ws_parts[WS_PART_REQUESTS]->hold(slot, fd) : NULL;
}

static inline unsigned int ws_requests_pending(const struct ws_requests *requests)
{
	return ws_parts[WS_PART_REQUESTS]->pending(requests);
}

/* If @closed, the slot knows already. */
static inline void ws_requests_release(struct ws_requests *requests, bool closed)
{
	if (requests || atomic_load(&ws_requests_deferred))
		ws_parts[WS_PART_REQUESTS]->release(requests, closed);
}

static inline void ws_requests_shut_receiving(struct ws_slot *slot)
{
	if (slot && atomic_load(&slot->requests))
		ws_parts[WS_PART_REQUESTS]->shut_receiving(slot);
}

#endif
