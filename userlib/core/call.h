/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call of the application, from its first check to its last error.
 *
 * Every exported function that touches a socket is bracketed by begin and end.
 * Those that may wait are marked so from ws_call_block() to ws_call_unblock()
 * (blocking.h) and ask ws_call_resume() what a signal means to them (L3).
 */
#ifndef WS_CALL_H
#define WS_CALL_H

#include <errno.h>
#include <stdbool.h>
#include <time.h>
#include <winsock2.h>

#include "blocking.h"
#include "error.h"
#include "slot.h"
#include "startup.h"

/* What a call was doing decides what it gets when closesocket cancels it. */
enum ws_kind {
	WS_ACCEPT,
	WS_CONNECT,
	WS_RECV,
	WS_SEND,
	WS_OTHER,
};

/**
 * struct ws_call - one call
 * @fd: the descriptor it is about, -1 if none can be
 * @kind: for the rows P1 to P4
 * @dontwait: it asked not to wait, whatever the socket's mode
 * @polls: it waits in poll(2) alone, where closesocket() finds it
 * @inode: of the socket, if it does
 * @slot: what the library remembers of @fd; NULL if nothing
 * @generation: of @slot, when the call began
 * @stream: so was the socket then; only of a call that may wait
 * @saved_errno: errno belongs to the application
 * @start: when a call that may wait began to
 */
struct ws_call {
	int fd;
	enum ws_kind kind;
	bool dontwait;
	bool polls;
	uint64_t inode;
	struct ws_slot *slot;
	unsigned int generation;
	bool stream;
	int saved_errno;
	struct timespec start;
};

/*
 * False if the call must not even look at its arguments: the last error is set
 * then (L1).
 */
static inline bool ws_call_begin(struct ws_call *call, int fd)
{
	if (!ws_started()) {		/* G1 */
		ws_fail(WSANOTINITIALISED);
		return false;
	}
	if (ws_is_blocking()) {		/* G2 */
		ws_fail(WSAEINPROGRESS);
		return false;
	}
	*call = (struct ws_call) {
		.fd = fd,
		.kind = WS_OTHER,
		.saved_errno = errno,
	};
	return true;
}

/* What the application gets for @error: 0 or SOCKET_ERROR. */
static inline int ws_call_end(struct ws_call *call, int error)
{
	errno = call->saved_errno;
	return error ? ws_fail(error) : 0;
}

int ws_call_done(struct ws_call *call, int error);

void ws_call_block(struct ws_call *call, enum ws_kind kind);
void ws_call_unblock(void);
bool ws_call_resume(struct ws_call *call, short events, int option,
		    bool *polled);
void ws_call_poll(struct ws_call *call);
bool ws_call_may_wait(const struct ws_call *call);
bool ws_call_is_cancellable(const struct ws_call *call);
bool ws_call_await(struct ws_call *call, short events, int option, bool *polled);
bool ws_call_may_continue(struct ws_call *call, int option);

int ws_call_argument(const struct ws_call *call, int error);
int ws_call_error(const struct ws_call *call, int err);

bool ws_is_nonblocking(int fd);

#endif
