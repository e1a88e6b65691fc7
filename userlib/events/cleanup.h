/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An event that WSACleanup() sets, for waits on event objects and message queues,
 * which nothing could end after it.  Waits for sockets do not need it, since
 * WSACleanup() closes those.
 */
#ifndef WS_CLEANUP_H
#define WS_CLEANUP_H

#include <poll.h>
#include <stdbool.h>

struct ws_cleanup_event;

bool ws_cleanup_event_get(struct ws_cleanup_event **e, struct pollfd *pollfd);
void ws_cleanup_event_put(struct ws_cleanup_event *e);

#endif
