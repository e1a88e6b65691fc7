// SPDX-License-Identifier: GPL-2.0
/*
 * Tying a socket to the module.
 *
 * A TCP socket is attached by the ULP "winsock", which gives us a place for
 * per-socket state, excludes kTLS, espintcp and sockmap, and shows in ss(8).
 * Its init replaces sock->ops by a copy of the family's own table in which
 * the operations below are overridden; everything else is inherited.
 *
 * A socket must be attached before another thread can know its number: a call
 * that read sock->ops before the change goes past us.  WINSOCK_IOC_SOCKET
 * makes that certain.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat.h"
#include "winsock.h"

/**
 * struct winsock_table - one family's operations, ours and the base
 * @ops: what attached sockets use
 * @base: what they used before, and what @ops is a copy of
 */
struct winsock_table {
	struct proto_ops ops;
	const struct proto_ops *base;
};

static struct winsock_table stream_tables[] = {
	{ .ops.family = AF_INET },
	{ .ops.family = AF_INET6 },
};

/* Only for sockets whose ops are ours. */
static const struct proto_ops *base_ops(const struct socket *sock)
{
	return container_of(READ_ONCE(sock->ops), struct winsock_table,
			    ops)->base;
}

static struct winsock_table *table_of(const struct socket *sock)
{
	const struct proto_ops *ops = READ_ONCE(sock->ops);
	struct winsock_table *t;

	for (t = stream_tables; t < stream_tables + ARRAY_SIZE(stream_tables); t++)
		if (t->base && (ops == &t->ops || ops == t->base))
			return t;
	return NULL;
}

static int attach(struct socket *sock)
{
	sockptr_t name = KERNEL_SOCKPTR(WINSOCK_ULP);

	return READ_ONCE(sock->ops)->setsockopt(sock, SOL_TCP, TCP_ULP, name,
						sizeof(WINSOCK_ULP) - 1);
}

/*
 * do_accept() has given @newsock our ops and taken the reference for them;
 * what is missing is the ULP, which the child lost in ulp_clone().
 */
static int winsock_accept(struct socket *sock, struct socket *newsock,
			  struct proto_accept_arg *arg)
{
	int err;

	err = winsock_base_accept(base_ops(sock), sock, newsock, arg);
	if (err)
		return err;
	return attach(newsock);
}

WINSOCK_DEFINE_ACCEPT(winsock_accept)

static int winsock_op_setsockopt(struct socket *sock, int level, int optname,
				 sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_WINSOCK)
		return winsock_setsockopt(sock->sk, optname, optval, optlen);

	/*
	 * IPV6_ADDRFORM stores inet_stream_ops in sock->ops, which would lose
	 * our table together with the module reference that goes with it.
	 */
	if (level == SOL_IPV6 && optname == IPV6_ADDRFORM)
		return -EBUSY;

	return base_ops(sock)->setsockopt(sock, level, optname, optval, optlen);
}

static int winsock_op_getsockopt(struct socket *sock, int level, int optname,
				 char __user *optval, int __user *optlen)
{
	if (level == SOL_WINSOCK)
		return winsock_getsockopt(sock->sk, optname, optval, optlen);

	return base_ops(sock)->getsockopt(sock, level, optname, optval, optlen);
}

static void override(struct winsock_table *t, const struct proto_ops *base)
{
	t->ops = *base;
	t->ops.owner = THIS_MODULE;
	t->ops.accept = WINSOCK_ACCEPT_OP(winsock_accept);
	t->ops.setsockopt = winsock_op_setsockopt;
	t->ops.getsockopt = winsock_op_getsockopt;
	t->base = base;
}

/* Called by tcp_set_ulp() under lock_sock, which admits one ULP per socket. */
static int ulp_init(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct winsock_table *t;
	struct winsock_sock *ws;

	if (!sock)
		return -EINVAL;
	if (sk->sk_user_data)	/* sockmap or a kernel user came first */
		return -EBUSY;
	t = table_of(sock);
	if (!t)
		return -EOPNOTSUPP;

	ws = kzalloc(sizeof(*ws), GFP_KERNEL_ACCOUNT);
	if (!ws)
		return -ENOMEM;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ws);

	/* The core clears it for any ULP; ours leaves zero copy alone. */
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);

	if (READ_ONCE(sock->ops) == t->base) {
		__module_get(THIS_MODULE);
		/* Whoever sees the new table also sees icsk_ulp_data. */
		smp_store_release(&sock->ops, &t->ops);
		module_put(t->base->owner);
	}
	return 0;
}

/*
 * The child of an attached listener is plain until winsock_accept(): this runs
 * in softirq, where neither memory nor a module reference is to be had.
 */
static void ulp_clone(const struct request_sock *req, struct sock *newsk,
		      const gfp_t priority)
{
	inet_csk(newsk)->icsk_ulp_ops = NULL;
	RCU_INIT_POINTER(inet_csk(newsk)->icsk_ulp_data, NULL);
}

/* When the sock dies, which may be long after the last close. */
static void ulp_release(struct sock *sk)
{
	struct inet_connection_sock *icsk = inet_csk(sk);
	struct winsock_sock *ws = rcu_dereference_protected(icsk->icsk_ulp_data, true);

	RCU_INIT_POINTER(icsk->icsk_ulp_data, NULL);
	kfree_rcu(ws, rcu);
}

static struct tcp_ulp_ops winsock_ulp = {
	.name		= WINSOCK_ULP,
	.owner		= THIS_MODULE,
	.init		= ulp_init,
	.clone		= ulp_clone,
	.release	= ulp_release,
};

/**
 * winsock_attached - does this TCP socket carry our ULP?
 * @sk: a TCP socket
 */
bool winsock_attached(const struct sock *sk)
{
	return READ_ONCE(inet_csk(sk)->icsk_ulp_ops) == &winsock_ulp;
}

/**
 * winsock_socket - socket(2) for sockets that are born attached
 * @arg: validated by the caller
 *
 * Return: a descriptor, or what socket(2) would say, or -EOPNOTSUPP for a kind
 * of socket that cannot be attached.
 */
int winsock_socket(const struct winsock_socket *arg)
{
	int flags = arg->type & ~SOCK_TYPE_MASK;
	struct socket *sock;
	struct file *file;
	int fd, err;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (flags & SOCK_NONBLOCK)	/* the two differ on some machines */
		flags = (flags & ~SOCK_NONBLOCK) | O_NONBLOCK;

	err = sock_create(arg->domain, arg->type & SOCK_TYPE_MASK,
			  arg->protocol, &sock);
	if (err)
		return err;

	err = table_of(sock) ? attach(sock) : -EOPNOTSUPP;
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

/* inet6_stream_ops is not exported everywhere: learn each table from a socket. */
static int learn(struct winsock_table *t)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, t->ops.family, SOCK_STREAM,
			       IPPROTO_TCP, &sock);
	if (err == -EAFNOSUPPORT)
		return 0;	/* this kernel runs without IPv6 */
	if (err)
		return err;
	if (winsock_getsockopt_bypassed(sock->ops)) {
		pr_err("this kernel's getsockopt() would go past SOL_WINSOCK\n");
		err = -EOPNOTSUPP;
	} else {
		override(t, sock->ops);
	}
	sock_release(sock);
	return err;
}

int __init winsock_attach_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(stream_tables); i++) {
		err = learn(&stream_tables[i]);
		if (err)
			return err;
	}
	return tcp_register_ulp(&winsock_ulp);
}

void winsock_attach_exit(void)
{
	tcp_unregister_ulp(&winsock_ulp);
}
