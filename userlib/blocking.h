/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mark "this thread sits in a blocking call" (G2), and its cancellation (L3).
 *
 * Only a signal handler, or what it calls, can find the mark set.
 */
#ifndef WS_BLOCKING_H
#define WS_BLOCKING_H

#include <poll.h>
#include <stdbool.h>
#include <time.h>

bool ws_is_blocking(void);
void ws_blocking_begin(void);
void ws_blocking_end(void);

bool ws_is_cancellable(void);
bool ws_is_cancelled(void);
int ws_ppoll(struct pollfd *pollfds, nfds_t count, const struct timespec *left);

#endif
