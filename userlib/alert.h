/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Completion routines run in the thread that asked for them, while it is in an
 * alertable wait.  Nothing asks for any yet.
 */
#ifndef WS_ALERT_H
#define WS_ALERT_H

#include <stdbool.h>

/* Readable while this thread has routines to run; -1 if it can have none. */
static inline int ws_alert_fd(void)
{
	return -1;
}

/* Runs them.  False if there were none. */
static inline bool ws_alert_run(void)
{
	return false;
}

#endif
