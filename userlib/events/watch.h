/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WSAEventSelect and WSAAsyncSelect: what an application wants to hear of a
 * socket, what has happened and what it has been told.
 *
 * The other calls on sockets report here what they did, since that decides what
 * may be told again.  A socket without a selection pays for one look at its slot.
 */
#ifndef WS_WATCH_H
#define WS_WATCH_H

#include <stdint.h>

#include "core/slot.h"

struct winsock_queue;

/**
 * struct ws_target - who is told
 * @event: an event's number, or -1
 * @queue: a queue, or NULL
 * @message: what the queue's messages say
 * @socket: and the socket they name
 */
struct ws_target {
	int event;
	struct winsock_queue *queue;
	unsigned int message;
	uintptr_t socket;
};

int ws_watch_select(int fd, const struct ws_target *target, long mask);

void ws_watch_forget_event(int event);
void ws_watch_forget_queue(const struct winsock_queue *queue);
void ws_watch_ready(uint64_t name);
void ws_watch_stop(void);
void ws_watch_before_fork(void);
void ws_watch_after_fork(bool child);

void ws_watch_reenable_slow(struct ws_slot *slot, long events);
void ws_watch_connecting_slow(struct ws_slot *slot);
void ws_watch_inherit_slow(struct ws_slot *slot, struct ws_slot *child, int fd);
uint32_t ws_watch_suspend_slow(struct ws_slot *slot);
void ws_watch_resume_slow(struct ws_slot *slot, uint32_t serial);
void ws_watch_drop_slow(struct ws_slot *slot);
void ws_watch_replace_slow(struct ws_slot *slot, int fd);
bool ws_watch_is_active_slow(struct ws_slot *slot);
int ws_watch_connect_error_slow(struct ws_slot *slot);
void ws_watch_adopted(struct ws_slot *slot, int fd);

static inline bool ws_is_watched(struct ws_slot *slot)
{
	return slot && atomic_load_explicit(&slot->watch, memory_order_relaxed);
}

/* A call was made that lets these FD_ events be told again. */
static inline void ws_watch_reenable(struct ws_slot *slot, long events)
{
	if (ws_is_watched(slot))
		ws_watch_reenable_slow(slot, events);
}

/* connect() or listen() has been called, and did not fail. */
static inline void ws_watch_connecting(struct ws_slot *slot)
{
	if (ws_is_watched(slot))
		ws_watch_connecting_slow(slot);
}

/* accept() made @child out of @slot. */
static inline void ws_watch_inherit(struct ws_slot *slot, struct ws_slot *child,
				    int fd)
{
	if (ws_is_watched(slot) && child)
		ws_watch_inherit_slow(slot, child, fd);
}

/*
 * closesocket() begins: nothing is recorded from here on, unless it fails and
 * all goes on (C15).  Returns what resuming takes.
 */
static inline uint32_t ws_watch_suspend(struct ws_slot *slot)
{
	return ws_is_watched(slot) ? ws_watch_suspend_slow(slot) : 0;
}

static inline void ws_watch_resume(struct ws_slot *slot, uint32_t serial)
{
	if (serial)
		ws_watch_resume_slow(slot, serial);
}

/* The number means another socket from now on, or none. */
static inline void ws_watch_drop(struct ws_slot *slot)
{
	if (ws_is_watched(slot))
		ws_watch_drop_slow(slot);
}

/* AcceptEx: the number means a connection from now on, whose selection it is. */
static inline void ws_watch_replace(struct ws_slot *slot, int fd)
{
	if (ws_is_watched(slot))
		ws_watch_replace_slow(slot, fd);
}

/* L5: it must stay nonblocking. */
static inline bool ws_watch_is_active(struct ws_slot *slot)
{
	return ws_is_watched(slot) && ws_watch_is_active_slow(slot);
}

/* The errno of a failed connect() that FD_CONNECT has told of, or 0. */
static inline int ws_watch_connect_error(struct ws_slot *slot)
{
	return ws_is_watched(slot) ? ws_watch_connect_error_slow(slot) : 0;
}

#endif
