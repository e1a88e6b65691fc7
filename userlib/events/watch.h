/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WSAEventSelect and WSAAsyncSelect: the network events that an application selects
 * for a socket, those that have occurred, and those that were reported.
 *
 * The other calls on sockets notify this part through core/part.h, since they
 * determine which events are reported again.
 */
#ifndef WS_WATCH_H
#define WS_WATCH_H

#include <stdint.h>

#include "core/part.h"

struct winsock_queue;

/**
 * struct ws_target - where network events are reported
 * @event: the descriptor of an event, or -1
 * @queue: a queue, or NULL
 * @message: the message that is posted to @queue
 * @socket: the socket in that message
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

/*
 * AcceptEx: the descriptor refers to a connection from now on, which takes over the
 * selection.
 */
static inline void ws_watch_replace(struct ws_slot *slot, int fd)
{
	if (ws_is_watched(slot))
		ws_watch_replace_slow(slot, fd);
}

/* L5: a socket with an active selection must stay nonblocking. */
static inline bool ws_watch_is_active(struct ws_slot *slot)
{
	return ws_is_watched(slot) && ws_watch_is_active_slow(slot);
}

#endif
