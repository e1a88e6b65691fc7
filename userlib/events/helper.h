/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper thread: at most one, started when it is first needed.
 *
 * It waits on an epoll set.  The data of an event is either a key with a watch's
 * serial number in its upper half, or an enum ws_part_id.
 */
#ifndef WS_HELPER_H
#define WS_HELPER_H

#include <stdbool.h>
#include <sys/epoll.h>

#include "core/part.h"

int ws_helper_start(void);
bool ws_helper_runs(void);
void ws_helper_wake(void);
int ws_helper_ctl(int op, int fd, struct epoll_event *event);
int ws_helper_add(int fd, enum ws_part_id part);

#endif
