/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WSAEventSelect and WSAAsyncSelect: what an application wants to hear of a
 * socket, what has happened and what it has been told.
 *
 * The other calls on sockets report what they did through core/part.h, since that
 * decides what may be reported again.
 */
#ifndef WS_WATCH_H
#define WS_WATCH_H

#include <stdint.h>

#include "core/part.h"

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

void ws_watch_replace_slow(struct ws_slot *slot, int fd);
bool ws_watch_is_active_slow(struct ws_slot *slot);

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

#endif
