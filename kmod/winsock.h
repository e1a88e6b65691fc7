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
	struct list_head calls;
	wait_queue_head_t idle;
	const void *closed_by;
	struct rcu_head rcu;
};

/**
 * struct winsock_call - one call that may block, on its own stack
 * @node: in winsock_sock.calls
 * @task: who calls; it cannot be gone while the record is on the list
 * @files: its descriptors when it called
 * @cancelled: closesocket() told it to leave
 */
struct winsock_call {
	struct list_head node;
	struct task_struct *task;
	const struct files_struct *files;
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
int winsock_attach(struct socket *sock);
int winsock_socket(const struct winsock_socket *arg);
bool winsock_ulp_is_ours(const struct sock *sk);

/* proto_ops.c */
void winsock_override(struct winsock_table *t, const struct proto_ops *base);
struct winsock_sock *winsock_sock_of(const struct socket *sock);

/* calls.c */
bool winsock_call_begin(struct winsock_sock *ws, const struct socket *sock,
			struct winsock_call *call, bool may_block);
int winsock_call_end(struct winsock_sock *ws, struct winsock_call *call,
		     int ret);
bool winsock_closed_here(const struct winsock_sock *ws,
			 const struct file *file);
bool winsock_has_descriptor(const struct file *file);
unsigned int winsock_calls_here(struct winsock_sock *ws);
unsigned int winsock_cancel_calls(struct winsock_sock *ws);
unsigned int winsock_wake_pollers(struct wait_queue_head *wq);
int winsock_calls_init(void);
void winsock_set_closed(struct winsock_sock *ws, const void *files);

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
