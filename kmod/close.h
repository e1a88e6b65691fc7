/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One close, shared by the files that carry it out: close.c decides, settle.c finds
 * out whether the socket is shared, linger.c waits for the data.
 */
#ifndef _WINSOCK_CLOSE_H
#define _WINSOCK_CLOSE_H

#include <linux/ktime.h>

#include "winsock.h"

enum close_kind {
	NATIVE,		/* nothing to add: dropping the last reference does it all */
	GRACEFUL,	/* return at once; data and FIN are sent in the background */
	HARD,		/* reset */
	LINGER,		/* wait for the data, reset when it takes too long */
	LINGER_TIMEOUT,	/* a LINGER whose interval has passed: reset */
	DEADLINE_CLOSE,	/* return at once, reset at the deadline (deadline.c) */
	REFUSE,		/* EWOULDBLOCK, nothing has changed */
	SHARED,		/* not the last reference: free the descriptor (G5) */
};

/* A close that need not linger returns within this time (I4). */
#define CLOSE_BOUND_MS	2000
/*
 * Part of it: how long to wait for transient references to be dropped, if all
 * processors run meanwhile; see winsock_settles_at().
 */
#define CLOSE_SETTLE_MS	20
/*
 * Part of it: how long to wait for them at most, and for references that are certain to
 * be dropped, those of calls that were interrupted and of an epoll set that asks for
 * events.
 */
#define CLOSE_LEAVE_MS	250

/**
 * struct closing - one close in progress, on the caller's stack
 * @fd: the descriptor
 * @file: the open file; referenced once files->file_lock is released
 * @sock: its socket
 * @sk: the protocol's part of @sock, NULL if there is none
 * @tcp: it is a TCP socket
 * @nonblock: O_NONBLOCK is set on @file
 * @ws: the state of an attached socket, or NULL; set by closing_find_state()
 * @calls: how many calls of this process were interrupted
 * @deadline: the close with a deadline; NULL for closesocket()
 * @wait_end: when all waits of this close end, lingering excluded; 0 until the
 *	      first of them begins
 * @start: when the close began, for the tracepoint
 */
struct closing {
	unsigned int fd;
	struct file *file;
	struct socket *sock;
	struct sock *sk;
	bool tcp;
	bool nonblock;
	struct winsock_sock *ws;
	unsigned int calls;
	struct winsock_deadline *deadline;
	ktime_t wait_end;
	u64 start;
};

/* Not part of closing_find(), since the plain close does not need the state. */
static inline void closing_find_state(struct closing *c)
{
	c->ws = winsock_sock_of(c->sock);
}

/* close.c */
enum close_kind winsock_closing_peek(const struct closing *c);

/* settle.c */
bool winsock_settles_at(struct closing *c, long count, unsigned int ms);
bool winsock_would_block(struct closing *c, u32 pending);
bool winsock_is_shared(struct closing *c);

/* linger.c */
int winsock_linger_wait(struct socket *sock, enum close_kind *how);

#endif /* _WINSOCK_CLOSE_H */
