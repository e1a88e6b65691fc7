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
 * struct winsock_sock - the state of an attached socket
 * @lock: taken in process context; only wait-queue and scheduler locks nest inside it
 * @reset: the peer has reset the connection (R1); read without the lock, and cleared
 *	   without it by op_is_reset() when the connection has been replaced
 * @reset_discards: row R1 was requested
 * @last_close: the last reference waits in a lingering closesocket(), and epoll sets
 *		report nothing (P9)
 * @owns_table: the socket's table of operations holds a reference to the module, which
 *		the core does not drop if another table is stored over it
 * @calls: the calls that may block in this socket
 * @closers: the closes that are interrupting calls in this socket
 * @closed_by: the thread group that closed the socket last; NULL if none did or if it
 *	       has a descriptor again.  A reference is held, so that the address is not
 *	       used for another process.  Other processes only compare it.
 * @rcu: the state is freed a grace period after the socket
 *
 * @lock guards also the records on both lists.  @closed_by is written under it and
 * may be read without.
 *
 * TCP: in icsk_ulp_data from ULP init to ULP release.  Datagram: in struct
 * winsock_dgram.
 */
struct winsock_sock {
	spinlock_t lock;	/* guards calls, closers and closed_by */

	/* Here to fill the hole after the lock.  Set under the lock of the sock: */
	bool reset;
	bool reset_discards;
	/* Set by the last reference to the file, or before there is one: */
	bool last_close;
	bool owns_table;

	/* Guarded by lock: */
	struct hlist_head calls;
	struct hlist_head closers;
	struct pid *closed_by;

	struct rcu_head rcu;
};

/**
 * struct winsock_table - the operations of attached sockets
 * @ops: a copy of @base in which some are overridden
 * @base: the table that the sockets had before
 */
struct winsock_table {
	struct proto_ops ops;
	const struct proto_ops *base;
};

/**
 * struct winsock_dgram - an attached datagram socket
 * @table: its own, since without a ULP the socket has no other place for the state
 * @ws: the state
 */
struct winsock_dgram {
	struct winsock_table table;
	struct winsock_sock ws;
};

/**
 * struct winsock_outcomes - what can be read from one open /dev/winsock
 * @ref: one reference of the device, and one of each close with a deadline made by it
 * @lock: taken in process context; only the lock of @wait nests inside it
 * @list: struct winsock_deadline, the oldest first
 * @closed: the device is closed, and nothing can be read any more
 * @reader: held by the one reader that removes records from @list, so that a record
 *	    which cannot be copied stays the first
 * @wait: readers and pollers
 * @spare: a socket that no connection was moved to, for the next close, or NULL; read
 *	   and written with xchg() and cmpxchg()
 */
struct winsock_outcomes {
	struct kref ref;

	spinlock_t lock;	/* guards list and closed */
	struct list_head list;
	bool closed;

	struct mutex reader;	/* serializes removal from list */

	struct wait_queue_head wait;
	struct socket *spare;
};

/**
 * struct winsock_deadline - one close with a deadline
 * @node: in winsock_outcomes.list, once the close has ended
 * @outcome: the record that is read then
 * @outcomes: those of the device on which the close was requested
 * @report: WINSOCK_CLOSE_REPORT
 * @start: when the close was requested
 * @end: the deadline
 * @sock: the socket that the connection is moved to, so that its file can be released
 * @drain: the data that is still to be delivered
 * @timer: expires at @end
 * @over: all data is delivered, the connection has ended or the deadline has passed;
 *	  the first to set it queues @work
 * @work: completes the close
 */
struct winsock_deadline {
	struct list_head node;	/* under outcomes->lock */

	/* owned by the caller, then by the work, then by the outcomes */
	struct winsock_outcome outcome;
	struct winsock_outcomes *outcomes;
	bool report;
	ktime_t start;
	ktime_t end;

	/* under lock_sock of the connection once the close has begun */
	struct socket *sock;
	struct winsock_drain drain;

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
