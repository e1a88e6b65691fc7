// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching a socket to the module.
 *
 * A TCP socket is attached by the ULP "winsock", which has a place for per-socket
 * state, excludes kTLS, espintcp and sockmap, and is shown by ss(8).  Its init
 * replaces sock->ops by a copy of the family's own table in which the operations of
 * proto_ops.c are overridden.  An attached socket holds two references to the module.
 * The ULP's is dropped when the sock is destroyed.  The table's is dropped by
 * __sock_release() after ->release() has returned, so that no function of the module
 * runs without a reference.  If another table is stored over ours, for example by an
 * IPV6_ADDRFORM that was already waiting for the socket's lock, the core does not drop
 * the table's reference; it is then dropped together with the ULP's.
 *
 * Datagram sockets have no ULP.  They are attached only when they are created.  Each
 * has a table of its own, and the state follows that table in memory.
 *
 * A TCP socket must be attached before another thread can know its descriptor: a call
 * that read sock->ops before the change bypasses this module and cannot be cancelled.
 * WINSOCK_IOC_SOCKET attaches in time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat.h"
#include "stat.h"
#include "winsock.h"

static struct kmem_cache *states __ro_after_init;

/* Captured from kernel sockets, since not every table is exported. */
static struct winsock_table stream_tables[2] __ro_after_init;
static const struct proto_ops *dgram_bases[2] __ro_after_init;
static void (*base_error_report)(struct sock *sk) __ro_after_init;

static const int families[2] = { AF_INET, AF_INET6 };

static struct winsock_table *attach_stream_table(const struct socket *sock)
{
	const struct proto_ops *ops = READ_ONCE(sock->ops);
	int i;

	for (i = 0; i < ARRAY_SIZE(stream_tables); i++) {
		struct winsock_table *t = &stream_tables[i];

		if (t->base && (ops == &t->ops || ops == t->base))
			return t;
	}
	return NULL;
}

static bool attach_is_dgram_base(const struct proto_ops *ops)
{
	return ops == dgram_bases[0] || ops == dgram_bases[1];
}

/* The slab constructor: a state is freed with these members as they are here. */
static void attach_state_init_once(void *object)
{
	struct winsock_sock *ws = object;

	spin_lock_init(&ws->lock);
	INIT_HLIST_HEAD(&ws->calls);
	INIT_HLIST_HEAD(&ws->closers);
}

/**
 * winsock_was_reset - has the peer reset the connection, and is that not yet reported?
 * @sk: a TCP socket
 *
 * tcp_reset() stores ECONNRESET, or EPIPE after the peer's FIN, and shuts the socket
 * down in both directions.  A disconnect by this side does not do both.
 */
bool winsock_was_reset(const struct sock *sk)
{
	int err = READ_ONCE(sk->sk_err);

	return (err == ECONNRESET || err == EPIPE) &&
	       READ_ONCE(sk->sk_state) == TCP_CLOSE &&
	       READ_ONCE(sk->sk_shutdown) == SHUTDOWN_MASK;
}

/*
 * R1, where it was requested.  sk_err is reported once, so that the reset must be
 * remembered.  A reset after the peer's FIN is reported as ECONNRESET, too.
 */
static void attach_ulp_error_report(struct sock *sk)
{
	struct winsock_sock *ws;

	rcu_read_lock();
	ws = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	if (ws && READ_ONCE(ws->reset_discards) && winsock_was_reset(sk)) {
		WRITE_ONCE(ws->reset, true);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	rcu_read_unlock();
	base_error_report(sk);
}

/**
 * winsock_state_new - allocate the state of a socket that is to be attached
 *
 * Return: the state, or NULL if there is no memory.
 */
struct winsock_sock *winsock_state_new(void)
{
	struct winsock_sock *ws = kmem_cache_alloc(states, GFP_KERNEL);

	if (ws) {
		ws->closed_by = NULL;
		ws->reset = false;
		ws->reset_discards = false;
		ws->last_close = false;
		ws->owns_table = false;
	}
	return ws;
}

/**
 * winsock_state_free - free a state that was not attached to a socket
 * @ws: the state
 */
void winsock_state_free(struct winsock_sock *ws)
{
	kmem_cache_free(states, ws);
}

static void attach_free_state_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(states, container_of(rcu, struct winsock_sock, rcu));
}

/*
 * Under lock_sock, unless the socket has no descriptor yet.  A reset that arrives
 * meanwhile is either seen here or reported later.
 */
static int attach_ops(struct sock *sk, struct winsock_sock *ws,
		      const struct winsock_table *t)
{
	struct socket *sock = sk->sk_socket;

	/* a sockmap or a kernel service owns the socket */
	if (sk->sk_user_data || sk->sk_error_report != base_error_report)
		return -EBUSY;
	if (!t)
		return -EOPNOTSUPP;

	ws->reset = ws->reset_discards && winsock_was_reset(sk);
	ws->owns_table = true;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ws);
	WRITE_ONCE(sk->sk_error_report, attach_ulp_error_report);

	if (READ_ONCE(sock->ops) == t->base) {
		__module_get(THIS_MODULE);
		/* A reader that sees the new table also sees icsk_ulp_data. */
		smp_store_release(&sock->ops, &t->ops);
		module_put(t->base->owner);
	}
	winsock_stat_inc(sk, WINSOCK_STAT_ATTACHED);
	return 0;
}

/* Called by tcp_set_ulp() under lock_sock, which admits one ULP per socket. */
static int attach_ulp_init(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct winsock_sock *ws;
	int err;

	if (!sock)
		return -EINVAL;
	/* The core has cleared the flag; zero copy works on attached sockets. */
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	ws = winsock_state_new();
	if (!ws)
		return -ENOMEM;
	err = attach_ops(sk, ws, attach_stream_table(sock));
	if (err)
		winsock_state_free(ws);
	return err;
}

/*
 * The child of an attached listener is not attached until op_accept().  This runs in
 * softirq, where neither memory nor a module reference can be obtained reliably, and
 * the child may still be migrated to a listener that is not attached.
 */
static void attach_ulp_clone(const struct request_sock *req, struct sock *newsk,
			     const gfp_t priority)
{
	inet_csk(newsk)->icsk_ulp_ops = NULL;
	RCU_INIT_POINTER(inet_csk(newsk)->icsk_ulp_data, NULL);
	newsk->sk_error_report = base_error_report;
}

/* Called when the sock is destroyed, which may be long after the last close. */
static void attach_ulp_release(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct winsock_sock *ws;

	ws = rcu_dereference_protected(icsk->icsk_ulp_data, true);
	RCU_INIT_POINTER(icsk->icsk_ulp_data, NULL);
	WRITE_ONCE(sk->sk_error_report, base_error_report);
	put_pid(ws->closed_by);
	if (ws->owns_table)	/* the ULP still holds its own reference */
		module_put(THIS_MODULE);
	call_rcu(&ws->rcu, attach_free_state_rcu);
	winsock_stat_add(sk, WINSOCK_STAT_ATTACHED, -1);
}

static struct tcp_ulp_ops winsock_ulp = {
	.name		= WINSOCK_ULP,
	.owner		= THIS_MODULE,
	.init		= attach_ulp_init,
	.clone		= attach_ulp_clone,
	.release	= attach_ulp_release,
};

/**
 * winsock_ulp_is_ours - does the TCP socket have no other ULP?
 * @sk: a TCP socket, locked
 */
bool winsock_ulp_is_ours(const struct sock *sk)
{
	const struct tcp_ulp_ops *ulp = inet_csk(sk)->icsk_ulp_ops;

	return !ulp || ulp == &winsock_ulp;
}

/* As tcp_set_ulp(), without the lookup by name. */
static int attach_stream(struct sock *sk, struct winsock_sock *ws,
			 const struct winsock_table *t)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	int err;

	if (icsk->icsk_ulp_ops)
		return -EEXIST;
	err = attach_ops(sk, ws, t);
	if (err)
		return err;
	__module_get(THIS_MODULE);
	icsk->icsk_ulp_ops = &winsock_ulp;
	return 0;
}

/**
 * winsock_attach - attach a connection that is being accepted
 * @sock: its socket.  The listener holds a reference to the module.  If the kernel
 *	  itself accepts, @sock has no table yet and gets the listener's afterwards.
 * @ws: its state, which is owned by the socket on success
 * @t: the listener's table
 *
 * Return: 0, or the error that setsockopt(TCP_ULP) would return; the caller then
 * still owns @ws.
 */
int winsock_attach(struct socket *sock, struct winsock_sock *ws,
		   const struct winsock_table *t)
{
	bool slow;
	int err;

	/* The connection already receives packets. */
	slow = lock_sock_fast(sock->sk);
	err = attach_stream(sock->sk, ws, t);
	unlock_sock_fast(sock->sk, slow);
	return err;
}

/* The same for a socket without a descriptor, which needs no lock. */
static int attach_new_stream(struct socket *sock, bool reset_discards)
{
	struct winsock_sock *ws = winsock_state_new();
	int err;

	if (!ws)
		return -ENOMEM;
	ws->reset_discards = reset_discards;
	err = attach_stream(sock->sk, ws, attach_stream_table(sock));
	if (err)
		winsock_state_free(ws);
	return err;
}

/* Only before the socket has a descriptor. */
static int attach_dgram(struct socket *sock)
{
	const struct proto_ops *base = sock->ops;
	struct winsock_dgram *dgram;

	dgram = kzalloc(sizeof(*dgram), GFP_KERNEL_ACCOUNT);
	if (!dgram)
		return -ENOMEM;
	attach_state_init_once(&dgram->ws);
	winsock_override(&dgram->table, base);
	__module_get(THIS_MODULE);
	sock->ops = &dgram->table.ops;
	module_put(base->owner);
	winsock_stat_inc(sock->sk, WINSOCK_STAT_ATTACHED);
	return 0;
}

static int attach_new(struct socket *sock, bool reset_discards)
{
	if (attach_stream_table(sock))
		return attach_new_stream(sock, reset_discards);
	if (attach_is_dgram_base(sock->ops))
		return attach_dgram(sock);
	return -EOPNOTSUPP;
}

/*
 * For what cannot be attached no socket is created and no module is loaded, since a
 * process that may open the device is not necessarily allowed to call socket(2).
 * Values outside the valid ranges are refused by the core.
 */
static int attach_check(const struct winsock_socket *arg)
{
	const int type = arg->type & SOCK_TYPE_MASK, protocol = arg->protocol;

	if (arg->type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (arg->domain < 0 || arg->domain >= NPROTO)
		return -EAFNOSUPPORT;
	if ((arg->domain != AF_INET && arg->domain != AF_INET6) ||
	    type == SOCK_RAW || type == SOCK_DCCP)
		return -EOPNOTSUPP;
	if (protocol > 0 && protocol < IPPROTO_MAX &&
	    protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	/* R1 is about connections. */
	return arg->flags && type != SOCK_STREAM ? -EINVAL : 0;
}

/**
 * winsock_socket - socket(2) for a socket that is attached when it is created
 * @arg: the request; its flags have been checked by the caller
 *
 * Return: a descriptor, an error as from socket(2), or -EAFNOSUPPORT or -EOPNOTSUPP
 * for a kind of socket that cannot be attached.
 */
int winsock_socket(const struct winsock_socket *arg)
{
	int flags = arg->type & ~SOCK_TYPE_MASK;
	struct socket *sock;
	struct file *file;
	int fd, err;

	err = attach_check(arg);
	if (err)
		return err;
	if (flags & SOCK_NONBLOCK)	/* on some architectures the values differ */
		flags = (flags & ~SOCK_NONBLOCK) | O_NONBLOCK;

	err = sock_create(arg->domain, arg->type & SOCK_TYPE_MASK,
			  arg->protocol, &sock);
	if (err)
		return err;

	err = attach_new(sock, arg->flags & WINSOCK_SOCKET_RESET_DISCARDS);
	if (err) {
		sock_release(sock);
		return err;
	}

	fd = get_unused_fd_flags(flags & O_CLOEXEC);
	if (fd < 0) {
		sock_release(sock);
		return fd;
	}
	file = sock_alloc_file(sock, flags, NULL);	/* releases on failure */
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static int attach_capture_stream(int i)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, families[i], SOCK_STREAM,
			       IPPROTO_TCP, &sock);
	if (err)
		return err;
	if (winsock_getsockopt_bypassed(sock->ops)) {
		pr_err("the getsockopt() of this kernel bypasses SOL_WINSOCK: not supported\n");
		err = -EOPNOTSUPP;
	} else {
		winsock_override(&stream_tables[i], sock->ops);
		base_error_report = sock->sk->sk_error_report;
	}
	sock_release(sock);
	return err;
}

static int attach_capture_dgram(int i)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, families[i], SOCK_DGRAM,
			       IPPROTO_UDP, &sock);
	if (err)
		return err;
	dgram_bases[i] = sock->ops;
	sock_release(sock);
	return 0;
}

static int attach_capture_all(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		err = attach_capture_stream(i) ?: attach_capture_dgram(i);
		/* IPv6 may be disabled. */
		if (err && !(err == -EAFNOSUPPORT && families[i] == AF_INET6))
			return err;
	}
	return 0;
}

int __init winsock_attach_init(void)
{
	int err;

	states = kmem_cache_create("winsock_sock", sizeof(struct winsock_sock),
				   0, SLAB_ACCOUNT, attach_state_init_once);
	if (!states)
		return -ENOMEM;
	err = attach_capture_all() ?: tcp_register_ulp(&winsock_ulp);
	if (err)
		kmem_cache_destroy(states);
	return err;
}

void winsock_attach_exit(void)
{
	tcp_unregister_ulp(&winsock_ulp);
	rcu_barrier();	/* attach_free_state_rcu() */
	kmem_cache_destroy(states);
}
