/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end that WSACleanup() brings, for those who wait for what only the
 * program can bring about: it cannot any more.  Waits for sockets need no such
 * thing, since these are closed.
 */
#ifndef WS_CLEANUP_H
#define WS_CLEANUP_H

#include <poll.h>
#include <stdbool.h>

struct ws_cleanup_event;

bool ws_cleanup_event_get(struct ws_cleanup_event **e, struct pollfd *pollfd);
void ws_cleanup_event_put(struct ws_cleanup_event *e);

#endif
