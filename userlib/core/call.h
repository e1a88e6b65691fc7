/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call of the application, from its first check to its error code.
 *
 * Every exported function that uses a socket calls ws_call_begin() first and
 * ws_call_end() last.  One that may wait is marked as blocking between
 * ws_call_block() and ws_call_unblock() (blocking.h), and calls ws_call_resume()
 * to find out what a signal means for it (L3).
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

/* Determines the error of a call that closesocket() cancels (P1 to P4). */
enum ws_kind {
	WS_ACCEPT,
	WS_CONNECT,
	WS_RECV,
	WS_SEND,
	WS_OTHER,
};

/**
 * struct ws_call - one call
 * @fd: the descriptor of the socket; -1 if there is none
 * @kind: what it does
 * @dontwait: it must not wait, whatever the mode of the socket
 * @polls: it waits only in poll(2), where closesocket() finds it
 * @inode: of the socket, if @polls
 * @slot: of @fd; NULL if there is none
 * @generation: of @slot when the call began
 * @stream: it was a stream socket then; set only for a call that may wait
 * @saved_errno: restored at the end: errno is the application's
 * @start: when the wait began, for a call that may wait
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
 * False if the call must fail before its arguments are checked; the last error is
 * set then (L1).
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

/* Sets the last error if @error is not 0.  Returns 0 or SOCKET_ERROR. */
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
