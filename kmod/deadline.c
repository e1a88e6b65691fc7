// SPDX-License-Identifier: GPL-2.0
/*
 * A close with a deadline: the connection delivers its data without a descriptor, and
 * is reset if that takes too long (T-rows).
 *
 * The caller releases the file as in any close, together with what refers to it: epoll
 * entries, file locks, SIGIO.  Before that the connection is moved to a socket without
 * a file, much as accept() gives a connection its socket.  It is therefore not an
 * orphan, for which TCP reports no events and which TCP may drop.
 *
 * Three events end the close: the ACK of the last byte, the end of the connection, and
 * the deadline.  The first of them queues the work, which completes the close and then
 * drops its reference to the module.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "compat.h"
#include "stat.h"
#include "trace.h"
#include "winsock.h"

/* 65,535 s, the longest interval of SO_LINGER in Winsock, is the limit of the ABI. */
#define MAX_DEADLINE	U16_MAX

static unsigned int max_deadline_closes;
module_param(max_deadline_closes, uint, 0644);
MODULE_PARM_DESC(max_deadline_closes,
		 "maximum number of closes with a deadline that are in progress or have an unread outcome (default: depends on memory, as tcp_max_orphans)");

static unsigned int max_deadline = MAX_DEADLINE;
module_param(max_deadline, uint, 0644);
MODULE_PARM_DESC(max_deadline,
		 "longest deadline in seconds; a longer one is refused (default and maximum: 65535)");

static atomic_t deadlines = ATOMIC_INIT(0);
static struct kmem_cache *deadline_cache __ro_after_init;
static struct workqueue_struct *deadline_wq __ro_after_init;

/*
 * The operations of the socket that a connection was moved from.  Its sock pointer
 * stays valid until the file is released, since an epoll set may poll it until then.
 */
static int deadline_emptied_release(struct socket *sock)
{
	sock_put(sock->sk);
	return 0;
}

static __poll_t deadline_emptied_poll(struct file *file, struct socket *sock,
				      struct poll_table_struct *wait)
{
	return 0;
}

static const struct proto_ops deadline_emptied_ops = {
	.family		= PF_UNSPEC,
	.owner		= THIS_MODULE,
	.release	= deadline_emptied_release,
	.poll		= deadline_emptied_poll,
};

/*
 * Under lock_sock.  Nothing but an epoll set can refer to @from any more.  The
 * reference to the module of the table of operations moves with the table.
 */
static void deadline_move_connection(struct socket *from, struct socket *to)
{
	struct sock *sk = from->sk;

	SOCK_INODE(to)->i_uid = SOCK_INODE(from)->i_uid;
	SOCK_INODE(to)->i_gid = SOCK_INODE(from)->i_gid;
	to->type = from->type;
	to->state = from->state;
	to->ops = from->ops;
	to->sk = sk;

	sock_hold(sk);
	__module_get(THIS_MODULE);
	WRITE_ONCE(from->ops, &deadline_emptied_ops);

	/* As sock_graft(), but security modules see no change of owner. */
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_pointer(sk->sk_wq, &to->wq);
	sk_set_socket(sk, to);
	write_unlock_bh(&sk->sk_callback_lock);
}

/* From any context; only the first call has an effect. */
static void deadline_end_soon(struct winsock_deadline *dl)
{
	if (!atomic_xchg(&dl->over, 1))
		queue_work(deadline_wq, &dl->work);
}

static int deadline_on_event(wait_queue_entry_t *wait, unsigned int mode, int sync,
			     void *key)
{
	struct winsock_drain *d = container_of(wait, struct winsock_drain, wait);

	if (winsock_drain_poll(d))
		deadline_end_soon(container_of(d, struct winsock_deadline, drain));
	return 0;
}

static enum hrtimer_restart deadline_on_timer(struct hrtimer *timer)
{
	deadline_end_soon(container_of(timer, struct winsock_deadline, timer));
	return HRTIMER_NORESTART;
}

/* Under lock_sock. */
static enum winsock_result deadline_end_connection(struct sock *sk, u32 unacked)
{
	if (!unacked) {
		winsock_discard_unread(sk);
		return WINSOCK_DELIVERED;
	}
	if (sk->sk_state == TCP_CLOSE)
		return WINSOCK_PEER_RESET;
	winsock_abort(sk);
	return WINSOCK_DEADLINE_RESET;
}

static void deadline_note_end(const struct winsock_deadline *dl, const struct sock *sk,
			      enum winsock_result result)
{
	static const enum winsock_stat stats[] = {
		[WINSOCK_DELIVERED]		= WINSOCK_STAT_DELIVERED,
		[WINSOCK_DEADLINE_RESET]	= WINSOCK_STAT_DEADLINE_RESET,
		[WINSOCK_PEER_RESET]		= WINSOCK_STAT_PEER_RESET,
	};

	winsock_stat_inc(sk, stats[result]);
	winsock_stat_add(sk, WINSOCK_STAT_UNDER_WAY, -1);
	trace_winsock_outcome(sk, result, dl->outcome.cookie,
			      dl->outcome.unacked,
			      ktime_to_ns(ktime_sub(ktime_get(), dl->start)));
}

/* Taking the lock waits until winsock_deadline_begin() has finished. */
static void deadline_work(struct work_struct *work)
{
	struct winsock_deadline *dl =
		container_of(work, struct winsock_deadline, work);
	struct sock *sk = dl->drain.sk;
	enum winsock_result result;

	lock_sock(sk);
	winsock_drain_end(&dl->drain);
	hrtimer_cancel(&dl->timer);
	dl->outcome.unacked = winsock_unacked(sk, dl->drain.end);
	result = deadline_end_connection(sk, dl->outcome.unacked);
	release_sock(sk);

	deadline_note_end(dl, sk, result);
	sock_release(dl->sock);		/* sends RST, or leaves the FIN to TCP */
	dl->sock = NULL;
	winsock_deadline_end(dl, result);
	module_put(THIS_MODULE);
}

/*
 * Allocates everything that a close with a deadline may need.  The result must be
 * given to winsock_deadline_begin(), _end() or _free().  Fails with -EINVAL if the
 * timeout is 0 or too long, with -ENOBUFS at the limit, and with -ENOMEM.
 */
static struct winsock_deadline *
deadline_new(const struct winsock_close_deadline *arg,
	     struct winsock_outcomes *outcomes)
{
	const u64 max = min_t(u64, READ_ONCE(max_deadline), MAX_DEADLINE);
	struct winsock_deadline *dl;
	int err = -ENOMEM;

	if (!arg->timeout || arg->timeout > max * NSEC_PER_SEC)
		return ERR_PTR(-EINVAL);

	if (atomic_inc_return(&deadlines) > READ_ONCE(max_deadline_closes)) {
		err = -ENOBUFS;
		goto out_count;
	}
	dl = kmem_cache_alloc(deadline_cache, GFP_KERNEL);
	if (!dl)
		goto out_count;
	dl->sock = xchg(&outcomes->spare, NULL);
	if (!dl->sock) {
		err = sock_create_lite(PF_INET, SOCK_STREAM, IPPROTO_TCP,
				       &dl->sock);
		if (err)
			goto out_free;
	}

	dl->start = ktime_get();
	dl->end = ktime_add_ns(dl->start, arg->timeout);
	dl->report = arg->flags & WINSOCK_CLOSE_REPORT;
	dl->outcome = (struct winsock_outcome) { .cookie = arg->cookie };
	atomic_set(&dl->over, 0);
	dl->outcomes = outcomes;
	kref_get(&outcomes->ref);
	return dl;

out_free:
	kmem_cache_free(deadline_cache, dl);
out_count:
	atomic_dec(&deadlines);
	return ERR_PTR(err);
}

/**
 * winsock_deadline_begin - let the connection deliver its data in the background
 * @dl: new; owned by the work from here on
 * @sock: a connected TCP socket; the caller has the last reference to its file
 *
 * Clears SOCK_LINGER.  The sock of @sock stays valid until the file is released.
 */
void winsock_deadline_begin(struct winsock_deadline *dl, struct socket *sock)
{
	struct sock *sk = sock->sk;

	__module_get(THIS_MODULE);
	winsock_stat_inc(sk, WINSOCK_STAT_UNDER_WAY);
	INIT_WORK(&dl->work, deadline_work);
	hrtimer_setup(&dl->timer, deadline_on_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);

	lock_sock(sk);
	sock_reset_flag(sk, SOCK_LINGER);
	winsock_drain_prepare(&dl->drain, sk);
	deadline_move_connection(sock, dl->sock);
	release_sock(sk);

	kernel_sock_shutdown(dl->sock, SHUT_WR);

	/* The work takes the lock first, so @dl exists until the lock is released. */
	lock_sock(sk);
	winsock_drain_begin(&dl->drain, deadline_on_event, NULL);
	hrtimer_start(&dl->timer, dl->end, HRTIMER_MODE_ABS_SOFT);
	if (winsock_drain_poll(&dl->drain))
		deadline_end_soon(dl);
	release_sock(sk);
}

/* Keeps a socket that no connection was moved to for the next close. */
static void deadline_put_socket(struct winsock_deadline *dl)
{
	if (dl->sock && cmpxchg(&dl->outcomes->spare, NULL, dl->sock))
		sock_release(dl->sock);
	dl->sock = NULL;
}

/**
 * winsock_deadline_end - report the outcome of a close
 * @dl: not begun, or completed by the work; freed, or owned by the outcomes
 * @result: its result
 */
void winsock_deadline_end(struct winsock_deadline *dl,
			  enum winsock_result result)
{
	deadline_put_socket(dl);
	dl->outcome.result = result;
	dl->outcome.nsec = ktime_to_ns(ktime_sub(ktime_get(), dl->start));
	if (!dl->report || !winsock_outcomes_add(dl))
		winsock_deadline_free(dl);
}

/**
 * winsock_deadline_free - free a close that was not begun, or has ended
 * @dl: the close
 */
void winsock_deadline_free(struct winsock_deadline *dl)
{
	deadline_put_socket(dl);
	winsock_outcomes_put(dl->outcomes);
	kmem_cache_free(deadline_cache, dl);
	atomic_dec(&deadlines);
}

/**
 * winsock_close_deadline - WINSOCK_IOC_CLOSE_DEADLINE
 * @arg: the request; flags and pad have been checked by the caller
 * @outcomes: those of the open device
 *
 * As winsock_close(), except that it neither waits for the peer nor refuses, and that
 * a connection with data to deliver continues without the descriptor (T-rows).  All
 * resources are allocated before anything changes.
 *
 * Return: 0, and the descriptor is free; or -EBADF, -ENOTSOCK, -EINVAL, -ENOBUFS or
 * -ENOMEM, and nothing has changed.
 */
int winsock_close_deadline(const struct winsock_close_deadline *arg,
			   struct winsock_outcomes *outcomes)
{
	struct winsock_deadline *dl = deadline_new(arg, outcomes);
	int err;

	if (IS_ERR(dl))
		return PTR_ERR(dl);
	err = winsock_close(arg->fd, 0, dl);
	if (err)
		winsock_deadline_free(dl);
	return err;
}

int __init winsock_deadline_init(void)
{
	/* TCP computes its limit of orphans in the same way. */
	if (!max_deadline_closes)
		max_deadline_closes = clamp(totalram_pages() >> (18 - PAGE_SHIFT),
					    4096UL, 262144UL);

	deadline_cache = KMEM_CACHE(winsock_deadline, SLAB_ACCOUNT);
	if (!deadline_cache)
		return -ENOMEM;
	deadline_wq = alloc_workqueue("winsock", WQ_UNBOUND, 0);
	if (!deadline_wq) {
		kmem_cache_destroy(deadline_cache);
		return -ENOMEM;
	}
	return 0;
}

/* No close is in progress; the work of the last one may be about to return. */
void winsock_deadline_exit(void)
{
	destroy_workqueue(deadline_wq);
	kmem_cache_destroy(deadline_cache);
}
