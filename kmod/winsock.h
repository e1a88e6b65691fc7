/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _WINSOCK_H
#define _WINSOCK_H

#include <linux/net.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <linux/winsock.h>

/**
 * struct winsock_sock - what an attached socket knows beyond struct sock
 * @lock: guards @calls, @leaving, and the records on @calls.  Taken in process
 *	  context; nothing is taken under it but wait-queue and scheduler locks.
 * @reset: the peer reset the connection (R1); written under the socket's own
 *	   lock, read without
 * @leaving: cancelled calls that are still inside
 * @calls: the calls that may block in this socket right now
 * @idle: woken when @leaving falls to 0
 * @closed_by: the files_struct of the process that closed it last, NULL if none
 *	       did.  Compared, never followed.  Set under @lock.
 * @rcu: freed a grace period after the socket
 *
 * TCP: in icsk_ulp_data from ULP init to ULP release.  Datagram: in struct
 * winsock_dgram.
 */
struct winsock_sock {
	spinlock_t lock;	/* of calls, leaving and closed_by */
	bool reset;
	unsigned int leaving;
	struct hlist_head calls;
	wait_queue_head_t idle;
	const void *closed_by;
	struct rcu_head rcu;
};

/**
 * struct winsock_call - one call that may block, on its own stack
 * @node: in winsock_sock.calls
 * @task: who calls; while the record is on the list it is inside, and neither
 *	  ends nor changes its descriptor table
 * @cancelled: closesocket() told it to leave
 */
struct winsock_call {
	struct hlist_node node;
	struct task_struct *task;
	bool cancelled;
};

/**
 * struct winsock_table - operations of attached sockets
 * @ops: what they use
 * @base: what they used before, and what @ops is a copy of
 */
struct winsock_table {
	struct proto_ops ops;
	const struct proto_ops *base;
};

/**
 * struct winsock_dgram - an attached datagram socket
 * @table: its own, since there is no ULP to keep state in
 * @ws: the state
 */
struct winsock_dgram {
	struct winsock_table table;
	struct winsock_sock ws;
};

/* attach.c */
int winsock_attach_init(void);
void winsock_attach_exit(void);
struct winsock_sock *winsock_state_new(void);
void winsock_state_free(struct winsock_sock *ws);
int winsock_attach(struct socket *sock, struct winsock_sock *ws);
int winsock_socket(const struct winsock_socket *arg);
bool winsock_ulp_is_ours(const struct sock *sk);

/* proto_ops.c */
void winsock_override(struct winsock_table *t, const struct proto_ops *base);
struct winsock_sock *winsock_sock_of(const struct socket *sock);

/* calls.c */
void winsock_call_leave_cancelled(struct winsock_sock *ws);
bool winsock_has_descriptor(const struct file *file);
unsigned int winsock_calls_here(struct winsock_sock *ws);
unsigned int winsock_cancel_calls(struct winsock_sock *ws);
unsigned int winsock_wake_pollers(struct wait_queue_head *wq);
int winsock_calls_init(void);
void winsock_set_closed(struct winsock_sock *ws, const void *files);

/**
 * winsock_closed_here - has closesocket() taken @file from this process?
 * @ws: the socket's state
 * @file: the socket's open file
 */
static inline bool winsock_closed_here(const struct winsock_sock *ws,
				       const struct file *file)
{
	return unlikely(READ_ONCE(ws->closed_by)) &&
	       !winsock_has_descriptor(file);
}

static inline void winsock_call_leave(struct winsock_sock *ws,
				      struct winsock_call *call)
{
	spin_lock(&ws->lock);
	__hlist_del(&call->node);
	if (unlikely(call->cancelled))
		winsock_call_leave_cancelled(ws);
	spin_unlock(&ws->lock);
}

/**
 * winsock_call_begin - enter a socket
 * @ws: its state
 * @sock: the socket
 * @call: the caller's record
 * @may_block: false if the call returns EAGAIN rather than wait; it needs no
 *	       record then, but must not start on a closed number either, or
 *	       io_uring would poll and retry for ever
 *
 * Inlined, since it is all that send() and recv() pay for being attached.
 *
 * Return: true if the call may go on; false if it must fail with -ECANCELED,
 * without a winsock_call_end().
 */
static __always_inline bool winsock_call_begin(struct winsock_sock *ws,
					       const struct socket *sock,
					       struct winsock_call *call,
					       bool may_block)
{
	if (may_block) {
		call->task = current;
		call->cancelled = false;
		spin_lock(&ws->lock);
		hlist_add_head(&call->node, &ws->calls);
		spin_unlock(&ws->lock);
	}
	if (!winsock_closed_here(ws, sock->file))
		return true;
	if (may_block)
		winsock_call_leave(ws, call);
	return false;
}

/**
 * winsock_call_end - leave a socket
 * @ws: its state
 * @call: the record given to winsock_call_begin()
 * @may_block: as it was there
 * @ret: what the base operation returned
 *
 * Return: @ret, or -ECANCELED where a cancelled call would be restarted or
 * report EINTR.  Byte counts and other errors pass: nothing moved is lost.
 */
static __always_inline int winsock_call_end(struct winsock_sock *ws,
					    struct winsock_call *call,
					    bool may_block, int ret)
{
	if (!may_block)
		return ret;
	winsock_call_leave(ws, call);
	/* Nobody marks a record that is off the list. */
	if (unlikely(call->cancelled) && (ret == -ERESTARTSYS || ret == -EINTR))
		return -ECANCELED;
	return ret;
}

/* close.c */
int winsock_closesocket(const struct winsock_closesocket *arg);
void winsock_close_leftover(struct sock *sk, const struct winsock_sock *ws);

/* sockopt.c */
int winsock_setsockopt(struct sock *sk, int optname, sockptr_t optval,
		       unsigned int optlen);
int winsock_getsockopt(struct sock *sk, int optname, char __user *optval,
		       int __user *optlen);

/* stat.c: what /proc/net/winsock_stat counts, per network namespace */
enum winsock_stat {
	WINSOCK_STAT_GRACEFUL,
	WINSOCK_STAT_HARD,
	WINSOCK_STAT_LINGER,
	WINSOCK_STAT_NATIVE,
	WINSOCK_STAT_SHARED,
	WINSOCK_STAT_REFUSED,
	WINSOCK_STAT_TIMEOUTS,
	WINSOCK_STAT_INTERRUPTED,
	WINSOCK_STAT_CANCELLED,
	WINSOCK_STAT_ATTACHED,
	__WINSOCK_STAT_MAX
};

int winsock_stat_init(void);
void winsock_stat_exit(void);
void winsock_stat_add(const struct sock *sk, enum winsock_stat stat, int n);

static inline void winsock_stat_inc(const struct sock *sk,
				    enum winsock_stat stat)
{
	winsock_stat_add(sk, stat, 1);
}

#endif /* _WINSOCK_H */
