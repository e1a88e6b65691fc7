/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper thread: one at most, started when something first needs it.
 *
 * It waits on an epoll set.  What is ready there is known by a name whose upper
 * half is a watch's serial number, or 0 for the sources below.
 */
#ifndef WS_HELPER_H
#define WS_HELPER_H

#include <stdbool.h>
#include <sys/epoll.h>

enum ws_source {
	WS_SOURCE_WAKE,		/* there is work to be looked for */
	WS_SOURCE_STOP,		/* the helper's own */
	WS_SOURCE_RING,		/* requests have been completed */
	WS_SOURCE_HANDOVER,	/* somebody fetches a duplicate */
};

int ws_helper_start(void);
bool ws_helper_runs(void);
void ws_helper_stop(void);
void ws_helper_wake(void);
int ws_helper_ctl(int op, int fd, struct epoll_event *event);
int ws_helper_add(int fd, enum ws_source source);
void ws_helper_before_fork(void);
void ws_helper_after_fork(bool child);

#endif
