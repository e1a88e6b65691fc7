/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end that WSACleanup() brings, for those who wait for what only the
 * program can bring about: it cannot any more.  Waits for sockets need no such
 * thing, since these are closed.
 */
#ifndef WS_ENDING_H
#define WS_ENDING_H

#include <poll.h>
#include <stdbool.h>

struct ws_ending;

bool ws_ending_get(struct ws_ending **e, struct pollfd *pollfd);
void ws_ending_put(struct ws_ending *e);

#endif
