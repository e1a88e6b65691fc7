/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of the library that have a lock, and what each does when the process
 * forks, when WSACleanup() is called, and when a call is made on a socket that it
 * keeps state for.
 *
 * Parts outside core/ register themselves, so that core/ does not refer to their
 * symbols.  In libwinsock.a a part that the program does not use is not linked in,
 * and its entry stays NULL.
 */
#ifndef WS_PART_H
#define WS_PART_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slot.h"

/*
 * The lock order: each part has one lock, and a thread that holds one may take only
 * those of the parts after it.  WSACleanup() holds the first, startup_lock, while it
 * waits for the helper thread to end, so the helper thread must not take that one; it
 * takes request_lock and the locks after it.
 */
enum ws_part_id {
	WS_PART_STARTUP,	/* startup_lock: the count of WSAStartup(), new sockets */
	WS_PART_CLEANUP,	/* the event that wakes waiters at WSACleanup() */
	WS_PART_DEVICE,		/* the descriptor of /dev/winsock */
	WS_PART_REQUESTS,	/* request_lock: overlapped requests, the ring, slot->requests */
	WS_PART_COMPLETIONS,	/* each thread's queue of completion routines */
	WS_PART_SLOTS,		/* reuse of a descriptor by another socket */
	WS_PART_WATCH,		/* event selections, slot->watch */
	WS_PART_QUEUES,		/* message queues */
	WS_PART_HANDOVER,	/* sockets on offer to other processes */
	WS_PART_HELPER,		/* the helper thread and its descriptors */
	WS_PARTS,
};

/**
 * struct ws_part - a part of the library; all members but @lock are optional
 * @lock: held across fork(2), so that parent and child find it unlocked (L8)
 * @forked: called in the child, under @lock: discards the parent's state
 * @end: called by WSACleanup() under startup_lock, before it closes the sockets
 * @stop: called by WSACleanup() under startup_lock, after it has closed them
 * @ready: called by the helper thread, see ws_helper_add()
 *
 * WS_PART_WATCH; all but @adopted are called only for a socket with a selection:
 * @adopted: a descriptor was seen for the first time; it may refer to a socket that
 *	     has a selection
 * @connecting: connect() or listen() was called and did not fail
 * @connect_error: the errno of a failed connect() that FD_CONNECT reported, or 0
 * @inherit: accept() returned a socket
 * @reenable: a call was made after which these FD_ events are reported again
 * @suspend: closesocket() begins; returns the argument of @resume
 * @resume: closesocket() failed
 * @drop: the descriptor refers to another socket from now on, or to none
 *
 * WS_PART_REQUESTS; called only for sockets that have had requests:
 * @hold: closesocket() begins; returns the argument of @pending and @release
 * @pending: how many references to the file the kernel would mistake for another
 *	     process's
 * @release: closesocket() has ended; with NULL only deferred requests are resumed
 * @shut_receiving: shutdown() has ended the receives that are pending
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

/*
 * Set while requests wait for the end of a closesocket(), which may be that of
 * another socket.
 */
extern atomic_bool ws_requests_deferred __attribute__((visibility("hidden")));

/*
 * Registers @part before main(), and before the constructors of a program that is
 * linked with libwinsock.a: ws_parts does not change once other threads can exist.
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

/* No FD_ event is recorded after this, unless closesocket() fails (I1). */
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
 * Nothing is submitted for the socket after this.  The caller has incremented the
 * slot's count of closing threads before.
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

/* If @closed, the caller has called ws_slot_closed() before. */
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
