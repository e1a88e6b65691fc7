// SPDX-License-Identifier: GPL-2.0
/*
 * A close with a deadline: the connection delivers what it has without a
 * descriptor, and is reset if that takes too long (T-rows).
 *
 * The file is released as by any close, by the caller, with all that hangs on it:
 * epoll sets, locks, SIGIO.  The connection is moved to a socket without a file
 * before, as accept() gives one to a connection, so that it is no orphan, which
 * TCP would not tell us about, and may drop.
 *
 * Three events end it: the ACK of the last byte, the end of the connection, the
 * deadline.  The first of them queues the work, which does the rest.  The module
 * stays until it has.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "compat.h"
#include "stat.h"
#include "trace.h"
#include "winsock.h"

/* 65,535 s: what SO_LINGER can say at most, and what the ABI allows. */
#define MAX_DEADLINE	U16_MAX

static unsigned int max_deadline_closes;
module_param(max_deadline_closes, uint, 0644);
MODULE_PARM_DESC(max_deadline_closes,
		 "closes with a deadline at the same time, those whose outcome has not been read included (default: by memory, as tcp_max_orphans)");

static unsigned int max_deadline = MAX_DEADLINE;
module_param(max_deadline, uint, 0644);
MODULE_PARM_DESC(max_deadline,
		 "longest deadline in seconds; a longer one is refused (default and most: 65535)");

static atomic_t deadlines = ATOMIC_INIT(0);
static struct kmem_cache *deadline_cache;
static struct workqueue_struct *deadline_wq;

/*
 * What remains in the file of a connection that has moved.  Its sock stays valid,
 * since an epoll set may be asking until the file lets go of it.
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
 * Under lock_sock, and nobody but an epoll set can know @from.  The table's
 * reference to its module goes along.
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

	/* What sock_graft() does; for security modules nothing changes hands. */
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_pointer(sk->sk_wq, &to->wq);
	sk_set_socket(sk, to);
	write_unlock_bh(&sk->sk_callback_lock);
}

/* From any context, as often as one likes. */
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

/* Waits for winsock_deadline_begin() by the lock. */
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
	sock_release(dl->sock);		/* FIN goes on, or RST */
	dl->sock = NULL;
	winsock_deadline_end(dl, result);
	module_put(THIS_MODULE);
}

/*
 * All that a close with a deadline may need: to be begun, ended or freed; or
 * -EINVAL for a deadline that is none or too far away, -ENOBUFS at the limit,
 * -ENOMEM.
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
 * winsock_deadline_begin - the connection delivers what it has in the background
 * @dl: new; somebody else's from here on
 * @sock: a connected TCP socket; the caller has the last reference to its file
 *
 * SO_LINGER is over.  @sock's sock stays valid until its file is released.
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

	/* The work begins by taking the lock: @dl lives until it is released. */
	lock_sock(sk);
	winsock_drain_begin(&dl->drain, deadline_on_event, NULL);
	hrtimer_start(&dl->timer, dl->end, HRTIMER_MODE_ABS_SOFT);
	if (winsock_drain_poll(&dl->drain))
		deadline_end_soon(dl);
	release_sock(sk);
}

/* Without the connection, if it was not needed for one. */
static void deadline_put_socket(struct winsock_deadline *dl)
{
	if (dl->sock && cmpxchg(&dl->outcomes->spare, NULL, dl->sock))
		sock_release(dl->sock);
	dl->sock = NULL;
}

/**
 * winsock_deadline_end - it is over
 * @dl: not begun, or done; freed, or the readers' from here on
 * @result: what became of it
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
 * winsock_deadline_free - forget a close that was not begun, or is over
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
 * @arg: flags and pad checked by the caller
 * @outcomes: the device descriptor's
 *
 * As winsock_close(), but that it neither waits for the peer nor refuses, and that
 * a connection which has something to deliver goes on without the descriptor
 * (T-rows).  All that may be missing is had before anything is touched.
 *
 * Return: 0, and the descriptor is gone; or -EBADF, -ENOTSOCK, -EINVAL, -ENOBUFS,
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
	/* TCP's own limit of orphans is found in the same way. */
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

/* No close is under way; the last one's work may be about to return. */
void winsock_deadline_exit(void)
{
	destroy_workqueue(deadline_wq);
	kmem_cache_destroy(deadline_cache);
}
