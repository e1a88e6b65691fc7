/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper thread: one at most, started when something first needs it.
 *
 * It waits on an epoll set.  What is ready there is known by a name whose upper
 * half is a watch's serial number, or by the number of a part.
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
