/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _WINSOCK_H
#define _WINSOCK_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <linux/winsock.h>

#include "drain.h"

/**
 * struct winsock_sock - what an attached socket knows beyond struct sock
 * @lock: guards @calls, @closers, @closed_by and the records on both lists.
 *	  Taken in process context; nothing is taken under it but wait-queue and
 *	  scheduler locks.
 * @reset: the peer reset the connection (R1); written under the socket's own
 *	   lock, read without, and meant for this connection alone: see op_is_reset()
 * @reset_discards: row R1 was asked for; under the socket's own lock
 * @last_close: the last reference waits in a lingering closesocket(), so that
 *		epoll sets report nothing (P9)
 * @owns_table: the socket's table of operations holds a reference to the module
 *		that nobody else returns if the table is replaced behind our back
 * @calls: the calls that may block in this socket right now
 * @closers: the closesocket() calls that are ending calls in this socket
 * @closed_by: thread group that closed it last, NULL if none did or it has a
 *	       descriptor again.  Referenced, so that the address cannot become
 *	       another process's; strangers compare it and never follow it.
 * @rcu: freed a grace period after the socket
 *
 * TCP: in icsk_ulp_data from ULP init to ULP release.  Datagram: in struct
 * winsock_dgram.
 */
struct winsock_sock {
	spinlock_t lock;	/* of calls, closers and closed_by */
	bool reset;
	bool reset_discards;
	bool last_close;
	bool owns_table;
	struct hlist_head calls;
	struct hlist_head closers;
	struct pid *closed_by;
	struct rcu_head rcu;
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

/**
 * struct winsock_outcomes - what can be read from one open /dev/winsock
 * @ref: the device's own, and one for each close with a deadline made by it
 * @lock: guards @list and @closed; process context, and nothing is taken under it
 *	  but the lock of @wait
 * @list: struct winsock_deadline, the oldest first
 * @closed: nobody will read any more
 * @reader: one reader at a time takes records off @list, so that one which cannot
 *	    be copied stays the first
 * @wait: readers and pollers
 * @spare: a socket that was made for a connection which did not need it, or NULL
 */
struct winsock_outcomes {
	struct kref ref;
	spinlock_t lock;	/* of list and closed */
	struct list_head list;
	bool closed;
	struct mutex reader;	/* readers, one at a time */
	struct wait_queue_head wait;
	struct socket *spare;
};

/**
 * struct winsock_deadline - one close with a deadline
 * @node: in winsock_outcomes.list, once it is over
 * @outcome: what is read then
 * @outcomes: of the device that it was made by
 * @report: WINSOCK_CLOSE_REPORT
 * @sock: what the connection is moved to, so that its file can be released
 * @drain: what it still has to deliver
 * @start: when it was asked for, and @end when the connection is reset
 * @end: see @start
 * @timer: at @end
 * @over: delivered, lost or too late: @work is queued, once
 * @work: the end of it
 */
struct winsock_deadline {
	struct list_head node;
	struct winsock_outcome outcome;
	struct winsock_outcomes *outcomes;
	bool report;
	struct socket *sock;
	struct winsock_drain drain;
	ktime_t start;
	ktime_t end;
	struct hrtimer timer;
	atomic_t over;
	struct work_struct work;
};

/* attach.c */
int winsock_attach_init(void);
void winsock_attach_exit(void);
struct winsock_sock *winsock_state_new(void);
void winsock_state_free(struct winsock_sock *ws);
int winsock_attach(struct socket *sock, struct winsock_sock *ws,
		   const struct winsock_table *t);
int winsock_socket(const struct winsock_socket *arg);
bool winsock_ulp_is_ours(const struct sock *sk);
bool winsock_was_reset(const struct sock *sk);

/* proto_ops.c */
void winsock_override(struct winsock_table *t, const struct proto_ops *base);
struct winsock_sock *winsock_sock_of(const struct socket *sock);

/* device.c */
int winsock_device_init(void);
void winsock_device_exit(void);

/* close.c */
int winsock_close(unsigned int fd, u32 pending,
		  struct winsock_deadline *deadline);

/* linger.c */
void winsock_close_leftover(struct sock *sk);

/* deadline.c */
int winsock_deadline_init(void);
void winsock_deadline_exit(void);
int winsock_close_deadline(const struct winsock_close_deadline *arg,
			   struct winsock_outcomes *outcomes);
void winsock_deadline_begin(struct winsock_deadline *dl, struct socket *sock);
void winsock_deadline_end(struct winsock_deadline *dl,
			  enum winsock_result result);
void winsock_deadline_free(struct winsock_deadline *dl);

/* outcome.c */
struct winsock_outcomes *winsock_outcomes_new(void);
void winsock_outcomes_close(struct winsock_outcomes *outcomes);
void winsock_outcomes_put(struct winsock_outcomes *outcomes);
bool winsock_outcomes_add(struct winsock_deadline *dl);
ssize_t winsock_outcomes_read(struct winsock_outcomes *outcomes,
			      struct iov_iter *to, bool nonblock);
__poll_t winsock_outcomes_poll(struct winsock_outcomes *outcomes,
			       struct file *file, struct poll_table_struct *wait);

/* sockopt.c */
int winsock_setsockopt(struct socket *sock, int optname, sockptr_t optval,
		       unsigned int optlen);
int winsock_getsockopt(struct socket *sock, int optname, char __user *optval,
		       int __user *optlen);

#endif /* _WINSOCK_H */
