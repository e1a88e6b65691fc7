// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of an attached socket.  Each adds one thing and calls the base
 * operation: calls that may block are recorded (calls.c), all reads and writes after a
 * reset fail where that was requested (R1), SOL_WINSOCK is handled, and children are
 * attached.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "calls.h"
#include "compat.h"
#include "stat.h"
#include "winsock.h"

static int op_release(struct socket *sock);

static const struct winsock_table *op_table(const struct socket *sock)
{
	/* Pairs with attach_ops(): a reader that sees the table sees the state. */
	const struct proto_ops *ops = smp_load_acquire(&sock->ops);

	return container_of(ops, struct winsock_table, ops);
}

static const struct proto_ops *op_base(const struct socket *sock)
{
	return op_table(sock)->base;
}

/*
 * The state of a child that the kernel itself accepted and that could not be attached.
 * It has the table of its listener, and otherwise behaves like the base.
 */
static struct winsock_sock no_state = {
	.lock = __SPIN_LOCK_UNLOCKED(no_state.lock),
};

/* The state of an attached socket, after an op_table() of the same socket. */
static struct winsock_sock *op_state(const struct socket *sock)
{
	struct winsock_sock *ws;

	if (sock->type == SOCK_DGRAM)
		return (struct winsock_sock *)
			&container_of(op_table(sock), struct winsock_dgram,
				      table)->ws;
	ws = (struct winsock_sock __force *)
		READ_ONCE(inet_csk(sock->sk)->icsk_ulp_data);
	return likely(ws) ? ws : &no_state;
}

/**
 * winsock_sock_of - the state of a socket
 * @sock: any socket
 *
 * Return: the state, or NULL if the socket is not attached.
 */
struct winsock_sock *winsock_sock_of(const struct socket *sock)
{
	/* Pairs with attach_ops(), as in op_table(). */
	const struct proto_ops *ops = smp_load_acquire(&sock->ops);
	struct winsock_sock *ws;

	if (!ops || ops->release != op_release)
		return NULL;
	ws = op_state(sock);
	return ws == &no_state ? NULL : ws;
}

/*
 * Does R1 apply?  A reset applies to its connection only: tcp_disconnect(), which a
 * failing connect() calls as well, clears the shutdown of both directions.
 */
static bool op_is_reset(const struct socket *sock, struct winsock_sock *ws)
{
	if (likely(!READ_ONCE(ws->reset)))
		return false;
	if (READ_ONCE(sock->sk->sk_shutdown) == SHUTDOWN_MASK)
		return true;
	WRITE_ONCE(ws->reset, false);
	return false;
}

/*
 * The socket is neither closed by this process nor reset.  A call that does not wait
 * then calls the base directly.  Other calls may first try the base without waiting,
 * so that only a call that has to wait needs a record.  All other cases are in the
 * functions named _checked, which keeps the records out of the fast path.
 */
static bool op_is_plain(const struct winsock_sock *ws)
{
	return likely(!winsock_may_be_closed(ws) && !READ_ONCE(ws->reset));
}

/* Enters a socket for a transfer.  Returns 0 if the base may be called, or an error. */
static __always_inline int op_transfer_begin(struct winsock_sock *ws,
					     const struct socket *sock,
					     struct winsock_call *call, bool wait)
{
	if (!winsock_call_begin(ws, sock, call, wait))
		return -ECANCELED;
	if (likely(!op_is_reset(sock, ws)))
		return 0;
	/* The reset is reported now, and not again by SO_ERROR and EPOLLERR. */
	WRITE_ONCE(sock->sk->sk_err, 0);
	return winsock_call_end(ws, call, wait, -ECONNRESET);
}

static int op_connect(struct socket *sock, struct sockaddr_unsized *addr,
		      int len, int flags)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_sock *ws = op_state(sock);
	const bool wait = !(flags & O_NONBLOCK);
	struct winsock_call call;
	int ret;

	if (!winsock_call_begin(ws, sock, &call, wait))
		return -ECANCELED;
	op_is_reset(sock, ws);	/* clears the reset of a former connection */
	ret = base->connect(sock, addr, len, flags);
	return winsock_call_end(ws, &call, wait, ret);
}

/*
 * Gives @newsock the base table instead of the one that do_accept() has copied from
 * @sock.  The table of a datagram socket is its own, and may be freed before @newsock,
 * which is released after this call.  @newsock may not have our table: do_accept() may
 * have read sock->ops before the listener was attached, and kernel_accept() sets it
 * only after this.
 */
static void op_return_table(const struct socket *sock, struct socket *newsock)
{
	const struct proto_ops *base = op_base(sock);

	if (!newsock->ops || newsock->ops->release != op_release)
		return;
	__module_get(base->owner);
	WRITE_ONCE(newsock->ops, base);
	module_put(THIS_MODULE);
}

/* Accepts a connection without waiting. */
static int op_accept_now(const struct proto_ops *base, struct socket *sock,
			 struct socket *newsock, struct proto_accept_arg *arg)
{
	const int flags = arg->flags;
	int err;

	arg->flags |= O_NONBLOCK;
	err = winsock_base_accept(base, sock, newsock, arg);
	arg->flags = flags;
	return err;
}

/*
 * io_uring uses ECANCELED internally when a multishot accept ends, and would then
 * report a poll mask, which looks like a descriptor.  It calls without waiting and gets
 * EBADF, which is also correct, since the descriptor has been removed.
 */
static noinline int op_accept_checked(const struct proto_ops *base,
				      struct socket *sock, struct winsock_sock *ws,
				      struct socket *newsock,
				      struct proto_accept_arg *arg)
{
	const bool wait = !(arg->flags & O_NONBLOCK);
	struct winsock_call call;
	int err;

	if (!winsock_call_begin(ws, sock, &call, wait))
		return wait ? -ECANCELED : -EBADF;
	err = winsock_base_accept(base, sock, newsock, arg);
	return winsock_call_end(ws, &call, wait, err);
}

/*
 * The child has our table from do_accept() and needs the ULP, which
 * attach_ulp_clone() has removed.  No connection is lost because it cannot be
 * attached: memory is allocated before the connection is accepted, and a connection
 * that a BPF program has put into a sockmap meanwhile is accepted without being
 * attached.
 */
static int op_accept(struct socket *sock, struct socket *newsock,
		     struct proto_accept_arg *arg)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_sock *ws = op_state(sock);
	struct winsock_sock *child;
	int err = -EAGAIN;

	if (sock->type == SOCK_DGRAM) {		/* the base returns the error */
		op_return_table(sock, newsock);
		return winsock_base_accept(base, sock, newsock, arg);
	}

	child = winsock_state_new();
	if (!child)
		return -ENOMEM;
	if (op_is_plain(ws))
		err = op_accept_now(base, sock, newsock, arg);
	if (err == -EAGAIN)
		err = op_accept_checked(base, sock, ws, newsock, arg);
	child->reset_discards = READ_ONCE(ws->reset_discards);
	if (!err && !winsock_attach(newsock, child, op_table(sock)))
		return 0;
	if (!err)
		op_return_table(sock, newsock);
	winsock_state_free(child);
	return err;
}

WINSOCK_DEFINE_ACCEPT(op_accept)

/*
 * R1: a reset is reported as ECONNRESET even if it arrives during the call, and
 * without SIGPIPE.  The base is therefore called with MSG_NOSIGNAL, and the signal is
 * sent here where it is due.
 */
static int op_after_send(const struct winsock_sock *ws, int flags, int ret)
{
	if (ret != -EPIPE)
		return ret;
	if (READ_ONCE(ws->reset))
		return -ECONNRESET;
	if (!(flags & MSG_NOSIGNAL))
		send_sig(SIGPIPE, current, 0);
	return ret;
}

static int op_send_base(const struct proto_ops *base, struct socket *sock,
			struct winsock_sock *ws, struct msghdr *msg, size_t size)
{
	int flags = msg->msg_flags;

	if (!READ_ONCE(ws->reset_discards))
		return base->sendmsg(sock, msg, size);
	msg->msg_flags |= MSG_NOSIGNAL;
	return op_after_send(ws, flags, base->sendmsg(sock, msg, size));
}

static noinline int op_send_checked(const struct proto_ops *base,
				    struct socket *sock, struct winsock_sock *ws,
				    struct msghdr *msg, size_t size)
{
	const bool wait = !(msg->msg_flags & MSG_DONTWAIT);
	struct winsock_call call;
	int ret = op_transfer_begin(ws, sock, &call, wait);

	if (ret)
		return ret;
	ret = op_send_base(base, sock, ws, msg, size);
	return winsock_call_end(ws, &call, wait, ret);
}

static int op_sendmsg(struct socket *sock, struct msghdr *msg, size_t size)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_sock *ws = op_state(sock);

	if (msg->msg_flags & MSG_DONTWAIT && op_is_plain(ws))
		return op_send_base(base, sock, ws, msg, size);
	return op_send_checked(base, sock, ws, msg, size);
}

/* A reset that arrives while the call waits is reported as ECONNRESET (R1). */
static int op_after_reset(const struct winsock_sock *ws, int ret)
{
	return ret <= 0 && READ_ONCE(ws->reset) ? -ECONNRESET : ret;
}

static noinline int op_recv_checked(const struct proto_ops *base,
				    struct socket *sock, struct winsock_sock *ws,
				    struct msghdr *msg, size_t size, int flags)
{
	const bool wait = !(flags & MSG_DONTWAIT);
	struct winsock_call call;
	int ret = op_transfer_begin(ws, sock, &call, wait);

	if (ret)
		return ret;
	ret = op_after_reset(ws, base->recvmsg(sock, msg, size, flags));
	return winsock_call_end(ws, &call, wait, ret);
}

/* Would a call with MSG_DONTWAIT return no fewer bytes than one that waits? */
static bool op_takes_any(const struct socket *sock, int flags)
{
	return flags & MSG_DONTWAIT ||
	       (!(flags & MSG_WAITALL) && READ_ONCE(sock->sk->sk_rcvlowat) <= 1);
}

static int op_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		      int flags)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_sock *ws = op_state(sock);
	int ret;

	if (flags & MSG_ERRQUEUE)
		return base->recvmsg(sock, msg, size, flags);
	if (op_is_plain(ws) && op_takes_any(sock, flags)) {
		ret = base->recvmsg(sock, msg, size, flags | MSG_DONTWAIT);
		if (ret != -EAGAIN || flags & MSG_DONTWAIT)
			return op_after_reset(ws, ret);
	}
	return op_recv_checked(base, sock, ws, msg, size, flags);
}

static ssize_t op_splice_read(struct socket *sock, loff_t *ppos,
			      struct pipe_inode_info *pipe, size_t len,
			      unsigned int flags)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_sock *ws = op_state(sock);
	struct winsock_call call;
	int ret = op_transfer_begin(ws, sock, &call, true);

	if (ret)
		return ret;
	ret = op_after_reset(ws, base->splice_read(sock, ppos, pipe, len, flags));
	return winsock_call_end(ws, &call, true, ret);
}

#ifdef WINSOCK_HAVE_SENDPAGE
static ssize_t op_sendpage(struct socket *sock, struct page *page, int offset,
			   size_t size, int flags)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_sock *ws = op_state(sock);
	const bool wait = !(flags & MSG_DONTWAIT);
	struct winsock_call call;
	int ret = op_transfer_begin(ws, sock, &call, wait);

	if (ret)
		return ret;
	ret = base->sendpage(sock, page, offset, size, flags | MSG_NOSIGNAL);
	return winsock_call_end(ws, &call, wait, op_after_send(ws, flags, ret));
}
#endif

/*
 * The base registers the entry before closed_by is examined.  Either closesocket()
 * finds the entry and wakes it, or the socket is seen to be closed and the entry is
 * woken here.  poll() and select() then look the descriptor up again and return
 * POLLNVAL; io_uring retries the request, which is then refused.
 *
 * Two callers do not register: an epoll set, in whichever thread delivers its events,
 * and an io_uring request that was woken.  Both get the actual mask.  EPOLLNVAL, which
 * ends the request and which no epoll set waits for, is added.  An epoll set gets no
 * events only while the last reference is in a lingering close (P9), when no other
 * process can be interested in them.
 */
static __poll_t op_poll(struct file *file, struct socket *sock,
			struct poll_table_struct *wait)
{
	__poll_t mask = op_base(sock)->poll(file, sock, wait);
	struct winsock_sock *ws = op_state(sock);

	if (likely(!READ_ONCE(ws->closed_by)))
		return mask;
	if (READ_ONCE(ws->last_close))
		return 0;
	if (!winsock_may_be_closed(ws) || !winsock_closed_by_caller(ws, sock))
		return mask;
	if (!wait || !wait->_qproc)
		return mask | EPOLLNVAL;
	winsock_wake_pollers(file, &sock->wq.wait);
	return 0;
}

static int op_setsockopt(struct socket *sock, int level, int optname,
			 sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_WINSOCK)
		return winsock_setsockopt(sock, optname, optval, optlen);

	/*
	 * IPV6_ADDRFORM stores an IPv4 table in sock->ops.  Our table would be
	 * lost, together with its reference to the module.
	 */
	if (level == SOL_IPV6 && optname == IPV6_ADDRFORM)
		return -EBUSY;

	return op_base(sock)->setsockopt(sock, level, optname, optval, optlen);
}

static int op_getsockopt(struct socket *sock, int level, int optname,
			 char __user *optval, int __user *optlen)
{
	if (level == SOL_WINSOCK)
		return winsock_getsockopt(sock, optname, optval, optlen);

	return op_base(sock)->getsockopt(sock, level, optname, optval, optlen);
}

static int op_release_dgram(struct socket *sock)
{
	const struct proto_ops *base = op_base(sock);
	struct winsock_dgram *dgram =
		container_of(op_state(sock), struct winsock_dgram, ws);
	int err;

	winsock_stat_add(sock->sk, WINSOCK_STAT_ATTACHED, -1);
	err = base->release(sock);
	put_pid(dgram->ws.closed_by);
	kfree_rcu(dgram, ws.rcu);
	return err;
}

/*
 * The last reference to the file has been dropped.  __sock_release() drops the table's
 * reference to the module after this.  A failed accept() releases a socket that has
 * our table and no sock.
 */
static int op_release(struct socket *sock)
{
	struct winsock_sock *ws;

	if (!sock->sk)
		return op_base(sock)->release(sock);
	if (sock->type == SOCK_DGRAM)
		return op_release_dgram(sock);

	ws = op_state(sock);
	ws->owns_table = false;
	if (unlikely(ws->closed_by) && ws->closed_by == task_tgid(current))
		winsock_close_leftover(sock->sk);
	return op_base(sock)->release(sock);
}

/**
 * winsock_override - fill in the table of operations of attached sockets
 * @t: the table
 * @base: the table it is based on; members that later kernels add are inherited
 */
void winsock_override(struct winsock_table *t, const struct proto_ops *base)
{
	t->base = base;
	t->ops = *base;
	t->ops.owner = THIS_MODULE;
	t->ops.release = op_release;
	t->ops.connect = op_connect;
	t->ops.sendmsg = op_sendmsg;
	t->ops.recvmsg = op_recvmsg;
	t->ops.poll = op_poll;
	t->ops.setsockopt = op_setsockopt;
	t->ops.getsockopt = op_getsockopt;
	if (base->splice_read)
		t->ops.splice_read = op_splice_read;
#ifdef WINSOCK_HAVE_SENDPAGE
	if (base->sendpage)
		t->ops.sendpage = op_sendpage;
#endif
	t->ops.accept = WINSOCK_ACCEPT_OP(op_accept);
}
