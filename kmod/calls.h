/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls that may block in a socket, and the closes that wait until these calls
 * have left it: see calls.c.  What each send() and recv() of an attached socket
 * executes is inlined here.
 */
#ifndef _WINSOCK_CALLS_H
#define _WINSOCK_CALLS_H

#include <linux/completion.h>
#include <linux/sched.h>

#include "winsock.h"

/**
 * struct winsock_closer - a close that interrupts calls, on the caller's stack
 * @node: in winsock_sock.closers
 * @files: the caller's descriptor table, which outlives the call
 * @leaving: number of calls that it interrupted and that are still in the socket
 * @left: completed when @leaving becomes 0
 */
struct winsock_closer {
	struct hlist_node node;
	const struct files_struct *files;
	unsigned int leaving;
	struct completion left;
};

/**
 * struct winsock_call - one call that may block, on the caller's stack
 * @node: in winsock_sock.calls
 * @task: the caller; while the record is on the list the task is in the call, and
 *	  neither exits nor changes its descriptor table
 * @closer: the close that waits for the call to leave, NULL if none does
 * @cancelled: a close has interrupted the call
 */
struct winsock_call {
	struct hlist_node node;
	struct task_struct *task;
	struct winsock_closer *closer;
	bool cancelled;
};

int winsock_calls_init(void);
bool winsock_closed_by_caller(struct winsock_sock *ws,
			      const struct socket *sock);
void winsock_call_leave_cancelled(struct winsock_call *call);
int winsock_call_end_cancelled(int ret);
unsigned int winsock_calls_here(struct winsock_sock *ws);
void winsock_closer_begin(struct winsock_sock *ws,
			  struct winsock_closer *closer);
void winsock_closer_end(struct winsock_sock *ws, struct winsock_closer *closer);
bool winsock_has_descriptor(const struct file *file);
unsigned int winsock_interrupt_calls(struct winsock_sock *ws,
				     struct winsock_closer *closer,
				     ktime_t deadline);
unsigned int winsock_wake_pollers(const struct file *file,
				  struct wait_queue_head *wq);
bool winsock_polls_here(struct wait_queue_head *wq);
void winsock_set_last_close(struct winsock_sock *ws);
void winsock_reopen(struct winsock_sock *ws);

/**
 * winsock_may_be_closed - could the caller's process have closed the socket?
 * @ws: the socket's state
 *
 * For a process that has not closed the socket this is the whole cost: one
 * comparison.  While another process is in its closesocket(), the caller also takes
 * the lock to find out.
 */
static inline bool winsock_may_be_closed(const struct winsock_sock *ws)
{
	const struct pid *closed_by = READ_ONCE(ws->closed_by);

	return unlikely(closed_by) && (closed_by == task_tgid(current) ||
				       !hlist_empty(&ws->closers));
}

static inline void winsock_call_leave(struct winsock_sock *ws,
				      struct winsock_call *call)
{
	spin_lock(&ws->lock);
	__hlist_del(&call->node);
	if (unlikely(call->closer))
		winsock_call_leave_cancelled(call);
	spin_unlock(&ws->lock);
}

/**
 * winsock_call_begin - enter a socket
 * @ws: its state
 * @sock: the socket
 * @call: the caller's record
 * @may_block: false if the call returns EAGAIN rather than wait.  Such a call needs
 *	       no record, but must not start on a closed descriptor either, or
 *	       io_uring would poll and retry for ever.
 *
 * Inlined, since send() and recv() of an attached socket execute it.
 *
 * Return: true if the call may continue; false if it must fail with -ECANCELED,
 * without a winsock_call_end().
 */
static __always_inline bool winsock_call_begin(struct winsock_sock *ws,
					       const struct socket *sock,
					       struct winsock_call *call,
					       bool may_block)
{
	if (may_block) {
		call->task = current;
		call->closer = NULL;
		call->cancelled = false;
		spin_lock(&ws->lock);
		hlist_add_head(&call->node, &ws->calls);
		spin_unlock(&ws->lock);
	}
	if (!winsock_may_be_closed(ws) || !winsock_closed_by_caller(ws, sock))
		return true;
	if (may_block)
		winsock_call_leave(ws, call);
	return false;
}

/**
 * winsock_call_end - leave a socket
 * @ws: its state
 * @call: the record given to winsock_call_begin()
 * @may_block: as given to winsock_call_begin()
 * @ret: what the base operation returned
 *
 * Return: @ret, or -ECANCELED where a cancelled call would be restarted or
 * report EINTR.  Byte counts and other errors are returned unchanged, so that no
 * transferred bytes are lost.
 */
static __always_inline int winsock_call_end(struct winsock_sock *ws,
					    struct winsock_call *call,
					    bool may_block, int ret)
{
	if (!may_block)
		return ret;
	winsock_call_leave(ws, call);
	/* No close marks a record that is not on the list. */
	if (unlikely(call->cancelled))
		return winsock_call_end_cancelled(ret);
	return ret;
}

#endif /* _WINSOCK_CALLS_H */
