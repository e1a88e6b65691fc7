/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Completion routines.  They run in the thread that asked for them, while it is
 * in an alertable wait.
 */
#ifndef WS_ALERT_H
#define WS_ALERT_H

#include <stdbool.h>
#include <winsock2.h>

struct ws_alerts;

/**
 * struct ws_alert - one routine that is to run
 * @next: after which comes this
 * @routine: the routine and its arguments
 */
struct ws_alert {
	struct ws_alert *next;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
	DWORD error;
	DWORD transferred;
	LPWSAOVERLAPPED overlapped;
	DWORD flags;
};

struct ws_alerts *ws_alerts_get(void);
void ws_alerts_put(struct ws_alerts *alerts);
void ws_alerts_post(struct ws_alerts *alerts, struct ws_alert *alert);
int ws_alert_fd(void);
bool ws_alert_run(void);

#endif
