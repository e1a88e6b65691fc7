/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Completion routines.  They run in the thread that passed them, while it is in an
 * alertable wait.
 */
#ifndef WS_COMPLETION_H
#define WS_COMPLETION_H

#include <stdbool.h>
#include <winsock2.h>

struct ws_completions;

/**
 * struct ws_completion - a completion routine to be run
 * @next: the next one in the queue
 * @routine: the routine; the other members are its arguments
 */
struct ws_completion {
	struct ws_completion *next;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
	DWORD error;
	DWORD transferred;
	LPWSAOVERLAPPED overlapped;
	DWORD flags;
};

struct ws_completions *ws_completions_get(void);
void ws_completions_put(struct ws_completions *completions);
void ws_completions_post(struct ws_completions *completions, struct ws_completion *completion);
int ws_completion_fd(void);
bool ws_completion_run(void);

#endif
