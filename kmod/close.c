// SPDX-License-Identifier: GPL-2.0
/*
 * closesocket(): decide, remove the descriptor, carry out.
 *
 * decide() is the table of the README; everything else serves to make it come
 * true without changing a thing when the answer is a refusal (invariant I1),
 * without ever closing another file (I2), without a change for other processes
 * that close(2) would not make (I3), and within a bound (I4).
 *
 * Most closes never need a reference of their own: under files->file_lock the
 * descriptor's is taken over.  Only where the answer may be a refusal is the
 * socket looked at first, and the descriptor left where it is.
 *
 * Locks: files->file_lock and lock_sock are never held together.  lock_sock is
 * taken by the last reference alone, since a process that shares the socket may
 * hold it through a page fault.  No lock is held while waiting.
 */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "calls.h"
#include "compat.h"
#include "winsock.h"

enum close_kind {
	NATIVE,		/* nothing to add: the last reference does it all */
	GRACEFUL,	/* return at once, data and FIN go on in the background */
	HARD,		/* reset */
	LINGER,		/* wait for the data, reset when it takes too long */
	DEADLINE,	/* a LINGER that took too long: reset */
	BACKGROUND,	/* return at once, reset at a deadline (deadline.c) */
	REFUSE,		/* EWOULDBLOCK, nothing touched */
	SHARED,		/* somebody else has it too: give up the number (G5) */
};

#define CREATE_TRACE_POINTS
#include "trace.h"

/* A close that may not linger returns within this, whatever others do (I4). */
#define BOUND_MS	2000
/* Within it: what passing references get to go, so that the last one is known. */
#define SETTLE_MS	20
/* What is known to be on its way out: calls that were ended, an epoll set's look. */
#define LEAVE_MS	250

/**
 * struct closing - one closesocket() on its way
 * @fd: the descriptor
 * @file: the open file; held, once find() has let go of the lock
 * @sock: its socket
 * @sk: its protocol's part, NULL if there is none
 * @tcp: it is a TCP socket
 * @nonblock: O_NONBLOCK is set on @file
 * @ws: the attachment, NULL if there is none; see look_closer()
 * @calls: how many calls of this process were ended
 * @deadline: it is a close with a deadline; NULL for closesocket()
 * @wait_end: of everything that this close waits for, but for lingering; 0 until
 *	      it waits
 * @start: when it began, for the tracepoint
 */
struct closing {
	unsigned int fd;
	struct file *file;
	struct socket *sock;
	struct sock *sk;
	bool tcp;
	bool nonblock;
	struct winsock_sock *ws;
	unsigned int calls;
	struct winsock_deadline *deadline;
	ktime_t wait_end;
	u64 start;
};

static bool is_tcp(const struct sock *sk)
{
	return sk && sk->sk_type == SOCK_STREAM &&
	       sk->sk_protocol == IPPROTO_TCP &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

static bool has_unacked(const struct sock *sk)
{
	return winsock_unacked(sk, winsock_data_end(sk));
}

/*
 * Which close it is.  No side effects.  Under lock_sock, or where nobody else
 * has the file: then only the peer changes anything, and what was true a moment
 * ago is as good an answer.  See peek() for the third case.
 */
static __always_inline enum close_kind decide(const struct closing *c)
{
	const struct sock *sk = c->sk;

	if (!winsock_connected(sk) || tcp_sk(sk)->repair)
		return NATIVE;				/* N2 - N5, T6 */
	if (c->deadline)
		return has_unacked(sk) ? BACKGROUND	/* T2, T3 */
				       : GRACEFUL;	/* T1 */
	if (!sock_flag(sk, SOCK_LINGER))
		return GRACEFUL;			/* C1, C3 */
	if (!sk->sk_lingertime)
		return HARD;				/* C4 */
	if (!has_unacked(sk))
		return GRACEFUL;			/* C7, C14 */
	if (!c->nonblock)
		return LINGER;				/* C8, C9 */
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		return GRACEFUL;			/* C16 */
	return REFUSE;					/* C15 */
}

/*
 * Where others have the file, too.  Not under lock_sock, which one of them may
 * hold for as long as it likes; what it changes meanwhile makes either answer as
 * good.
 */
static enum close_kind peek(const struct closing *c)
{
	enum close_kind how;

	spin_lock_bh(&c->sk->sk_lock.slock);
	how = decide(c);
	spin_unlock_bh(&c->sk->sk_lock.slock);
	return how;
}

/* In @ms, or earlier: all waits of one close together have a bound (I4). */
static ktime_t end_of_wait(struct closing *c, unsigned int ms)
{
	ktime_t now = ktime_get();

	if (!c->wait_end)
		c->wait_end = ktime_add_ms(now, BOUND_MS);
	return min(ktime_add_ms(now, ms), c->wait_end);
}

/*
 * Do no more than @count references hold the file?  Some come and go: those of
 * calls that are on their way out, or that do not wait, those of a look-up that
 * lost a race, and epoll's, which last for an event.
 */
static bool settles_at(struct closing *c, long count, unsigned int ms)
{
	ktime_t end = 0;

	while (file_count(c->file) > count) {
		if (!end)
			end = end_of_wait(c, ms);
		if (ktime_after(ktime_get(), end) ||
		    fatal_signal_pending(current))
			return false;
		usleep_range(50, 100);
	}
	return true;
}

/* Under files->file_lock. */
static bool slot_is_ours(const struct closing *c)
{
	return files_lookup_fd_locked(current->files, c->fd) == c->file;
}

/* What the plain close does not need to know. */
static void look_closer(struct closing *c)
{
	c->ws = winsock_sock_of(c->sock);
}

/*
 * C15, the only answer that must be found before anything is touched.  @pending
 * is how many references of this process only its library can count.
 */
static bool would_block(struct closing *c, u32 pending)
{
	long known = pending;

	if (peek(c) != REFUSE)
		return false;
	look_closer(c);
	if (c->ws)
		known += winsock_calls_here(c->ws);
	return settles_at(c, 2 + known, SETTLE_MS);	/* 2: the slot's, ours */
}

/*
 * Could another thread be inside a call that has no record?  Such a call does
 * not wait, so that a thread that does is elsewhere; one in a page fault is not.
 */
static bool threads_may_be_inside(void)
{
	struct task_struct *task;
	bool inside = false;

	if (atomic_read(&current->files->count) == 1)
		return false;
	if (atomic_read(&current->files->count) > get_nr_threads(current))
		return true;
	rcu_read_lock();
	for_each_thread(current, task)
		if (task != current &&
		    !(READ_ONCE(task->__state) & TASK_INTERRUPTIBLE))
			inside = true;
	rcu_read_unlock();
	return inside;
}

/*
 * Is it worth a moment to find out that nobody else has the socket?  Only where
 * this process itself may hold what is left, and where a wait with a deadline is
 * ours alone.  A socket that is really shared costs nothing otherwise.
 */
static bool worth_settling(const struct closing *c, bool interrupted)
{
	enum close_kind how;

	if (interrupted || threads_may_be_inside())
		return true;
	if (!c->tcp || (!c->deadline &&
			(c->nonblock || !sock_flag(c->sk, SOCK_LINGER))))
		return false;
	how = peek(c);
	return how == LINGER || how == BACKGROUND;
}

/*
 * Under files->file_lock.  Empties the slot and leaves the descriptor marked as in
 * use: other threads see EBADF, none gets it again, fork() skips it.  The table's
 * reference is the caller's from here on.
 */
static void empty_slot(const struct closing *c)
{
	struct fdtable *fdt = files_fdtable(current->files);

	rcu_assign_pointer(fdt->fd[array_index_nospec(c->fd, fdt->max_fds)],
			   NULL);
}

/*
 * C11: the same file under the same descriptor, and open for calls again.  What
 * happened meanwhile was kept from epoll sets, which must look once more.
 */
static void put_back(const struct closing *c)
{
	get_file(c->file);
	fd_install(c->fd, c->file);
	if (c->ws) {
		winsock_reopen(c->ws);
		wake_up_interruptible_poll(&c->sock->wq.wait, EPOLLIN |
					   EPOLLOUT | EPOLLERR | EPOLLHUP);
	}
	fput(c->file);
}

static void wait_for_polls(struct closing *c)
{
	ktime_t end = end_of_wait(c, BOUND_MS);

	while (winsock_polls_here(&c->sock->wq.wait) &&
	       ktime_before(ktime_get(), end) && !fatal_signal_pending(current))
		usleep_range(50, 100);
}

/*
 * Ends what this process has pending in the socket, unless another of its
 * descriptors refers to it.  A woken poll() finds the slot empty and returns
 * POLLNVAL; so does an ordinary socket's, whose other calls cannot be found.
 */
static bool interrupt_pending(struct closing *c, struct winsock_closer *closer)
{
	struct wait_queue_head *wq = &c->sock->wq.wait;
	long before = file_count(c->file);
	unsigned int pollers;

	if (!(c->ws && !hlist_empty(&c->ws->calls)) && !wq_has_sleeper(wq))
		return false;
	if (winsock_has_descriptor(c->file))
		return false;

	if (c->ws)
		c->calls = winsock_interrupt_calls(c->ws, closer,
						   end_of_wait(c, BOUND_MS));
	pollers = winsock_wake_pollers(c->file, wq);
	if (pollers)
		wait_for_polls(c);
	if (c->calls) {
		winsock_stat_add(c->sk, WINSOCK_STAT_CANCELLED, c->calls);
		/* Each drops its reference at the end of its system call... */
		settles_at(c, max(1L, before - (long)c->calls), LEAVE_MS);
		/* ...where recvmmsg() leaves its error for others to find (P11). */
		cmpxchg(&c->sk->sk_err, ECANCELED, 0);
	}
	return c->calls || pollers;
}

/*
 * Jiffies may lag behind the clock when a time-out is set and catch up while it
 * runs, so that it ends early: late is fine, early is not.  The clock decides.
 */
static ktime_t linger_deadline(const struct sock *sk)
{
	return ktime_add_safe(ktime_get(), ktime_set(sk->sk_lingertime / HZ, 0));
}

/*
 * Only a signal may end the wait (I4).  Task work, which TIF_NOTIFY_SIGNAL stands
 * for, waits for the return to user space as it does for any call that is not
 * interrupted; the flag would keep the task from sleeping, and is given back.
 */
static bool put_task_work_off(void)
{
	bool pending = test_thread_flag(TIF_NOTIFY_SIGNAL);

	if (pending)
		clear_notify_signal();
	return pending;
}

static long jiffies_left(ktime_t deadline)
{
	s64 left = ktime_to_ns(ktime_sub(deadline, ktime_get()));

	return left > 0 ? nsecs_to_jiffies(left) + 1 : 0;
}

static int linger_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
		       void *key)
{
	struct winsock_drain *d = container_of(wait, struct winsock_drain, wait);

	if (!winsock_drain_poll(d))
		return 0;
	return woken_wake_function(wait, mode, sync, key);
}

/* 0 when the data is acknowledged or the connection gone, -ETIMEDOUT, -EINTR. */
static int wait_for_drain(struct winsock_drain *d, ktime_t deadline)
{
	bool task_work = false;
	long timeout;
	int err = 0;

	winsock_drain_begin(d, linger_wake, current);
	while (!winsock_drain_poll(d)) {
		timeout = jiffies_left(deadline);
		task_work |= put_task_work_off();
		if (task_sigpending(current))
			err = -EINTR;
		else if (!timeout)
			err = -ETIMEDOUT;
		if (err)
			break;
		wait_woken(&d->wait, TASK_INTERRUPTIBLE, timeout);
	}
	winsock_drain_end(d);
	if (task_work)
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return err;
}

/*
 * C8 - C11.  Ends without SOCK_LINGER: the last reference must not wait again.
 */
static int linger(struct socket *sock, enum close_kind *how)
{
	struct sock *sk = sock->sk;
	struct winsock_drain d;
	ktime_t deadline;
	u32 lowat;
	int err;

	lock_sock(sk);
	deadline = linger_deadline(sk);
	lowat = winsock_drain_prepare(&d, sk);
	release_sock(sk);

	kernel_sock_shutdown(sock, SHUT_WR);
	err = wait_for_drain(&d, deadline);

	lock_sock(sk);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, lowat);
	if (err == -EINTR && !fatal_signal_pending(current)) {
		/* C11: only a task that goes on can use the handle again. */
	} else if (err == -ETIMEDOUT && winsock_unacked(sk, d.end)) {
		winsock_abort(sk);
		*how = DEADLINE;
		err = 0;
	} else {
		sock_reset_flag(sk, SOCK_LINGER);
		winsock_discard_unread(sk);
		err = 0;
	}
	release_sock(sk);
	return err;
}

/* Does the native close do the rest as it is?  It must not wait. */
static bool native_will_do(const struct sock *sk, enum close_kind how)
{
	switch (how) {
	case HARD:		/* what winsock_abort() mends needs our FIN */
		return !(sk->sk_shutdown & SEND_SHUTDOWN);
	case NATIVE:
	case GRACEFUL:
		return !sock_flag(sk, SOCK_LINGER) &&
		       skb_queue_empty_lockless(&sk->sk_receive_queue);
	default:
		return false;
	}
}

/*
 * The caller holds the last reference, so that nobody can send, receive or set
 * an option any more.  Whatever is left to do when it is dropped must not wait:
 * SOCK_LINGER with an interval is cleared.
 */
static int carry_out(struct closing *c, enum close_kind *how)
{
	struct sock *sk = c->sk;

	*how = decide(c);
	if (native_will_do(sk, *how))
		return 0;

	lock_sock(sk);
	*how = decide(c);
	switch (*how) {
	case LINGER:
		release_sock(sk);
		/* Nobody has a call here, but an epoll set may listen. */
		if (!c->ws)
			look_closer(c);
		if (c->ws)
			winsock_set_last_close(c->ws);
		return linger(c->sock, how);
	case BACKGROUND:
		release_sock(sk);
		winsock_deadline_begin(c->deadline, c->sock);
		return 0;
	case HARD:
		winsock_abort(sk);
		break;
	default:	/* REFUSE: data came since that was ruled out, too late */
		*how = GRACEFUL;
		fallthrough;
	case GRACEFUL:
		winsock_discard_unread(sk);
		fallthrough;
	case NATIVE:
		if (sk->sk_lingertime || c->deadline)	/* T5 */
			sock_reset_flag(sk, SOCK_LINGER);
		break;
	}
	release_sock(sk);
	return 0;
}

/*
 * Sockets of other protocols linger by themselves, nonblocking or not; a close
 * that may not block must not (C15).
 */
static void never_linger(struct sock *sk)
{
	if (!sk || !sock_flag(sk, SOCK_LINGER) || !sk->sk_lingertime)
		return;
	lock_sock(sk);
	sock_reset_flag(sk, SOCK_LINGER);
	release_sock(sk);
}

/**
 * winsock_close_leftover - the last reference goes after closesocket() has
 * @sk: a TCP socket
 *
 * A reference that nobody could see end in time, as that of an io_uring request
 * submitted by the closing thread itself, made closesocket() take the socket for
 * shared.  When it goes at last it must neither wait nor lose data.  For the
 * process that closed it alone: others close the socket as they always would.
 */
void winsock_close_leftover(struct sock *sk)
{
	lock_sock(sk);
	if (winsock_connected(sk) && !tcp_sk(sk)->repair &&
	    !(sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime))
		winsock_discard_unread(sk);
	if (sk->sk_lingertime)
		sock_reset_flag(sk, SOCK_LINGER);
	release_sock(sk);
}

static void count(const struct sock *sk, enum close_kind how, int err)
{
	static const enum winsock_stat stats[] = {
		[NATIVE]	= WINSOCK_STAT_NATIVE,
		[GRACEFUL]	= WINSOCK_STAT_GRACEFUL,
		[HARD]		= WINSOCK_STAT_HARD,
		[LINGER]	= WINSOCK_STAT_LINGER,
		[DEADLINE]	= WINSOCK_STAT_LINGER,
		[BACKGROUND]	= WINSOCK_STAT_BACKGROUND,
		[REFUSE]	= WINSOCK_STAT_REFUSED,
		[SHARED]	= WINSOCK_STAT_SHARED,
	};

	winsock_stat_inc(sk, err == -EINTR ? WINSOCK_STAT_INTERRUPTED
					   : stats[how]);
	if (unlikely(how == DEADLINE))
		winsock_stat_inc(sk, WINSOCK_STAT_TIMEOUTS);
}

static void note(const struct closing *c, enum close_kind how, int err)
{
	if (!c->sk)
		return;
	count(c->sk, how, err);
	if (trace_winsock_close_enabled())
		trace_winsock_close(c->sk, c->fd, how, err, c->calls,
				    ktime_get_ns() - c->start);
}

/* Under files->file_lock. */
static int find(struct closing *c)
{
	c->file = files_lookup_fd_locked(current->files, c->fd);
	if (!c->file)
		return -EBADF;
	c->sock = sock_from_file(c->file);
	if (!c->sock)	/* O_PATH is not open at all */
		return c->file->f_mode & FMODE_PATH ? -EBADF : -ENOTSOCK;

	c->sk = c->sock->sk;
	c->tcp = is_tcp(c->sk);
	c->nonblock = c->file->f_flags & O_NONBLOCK;
	return 0;
}

/* A refusal is possible only of these; an option that is set now comes late. */
static bool may_refuse(const struct closing *c)
{
	return c->nonblock && c->tcp && !c->deadline && sock_flag(c->sk, SOCK_LINGER) &&
	       READ_ONCE(c->sk->sk_lingertime);
}

/*
 * C15: 0, and the descriptor may be removed; or -EWOULDBLOCK, or -EBADF where
 * another thread was faster meanwhile.  Under files->file_lock, which is dropped
 * and retaken where others hold the file: that takes a moment to tell.  Without
 * the lock a refused socket is anybody's to close, so that it is counted here.
 */
static int refuse(struct closing *c, u32 pending)
	__must_hold(&current->files->file_lock)
{
	int err = 0;

	if (file_count(c->file) == 1) {
		if (decide(c) == REFUSE)
			err = -EWOULDBLOCK;
	} else {
		get_file(c->file);
		spin_unlock(&current->files->file_lock);
		if (would_block(c, pending))
			err = -EWOULDBLOCK;
		spin_lock(&current->files->file_lock);
		if (!slot_is_ours(c))
			err = -EBADF;
		fput(c->file);
	}
	if (err == -EWOULDBLOCK)
		note(c, REFUSE, err);
	return err;
}

/*
 * Ends this process's calls, and tells whether the socket is another's, too.
 * Only for a file that has other references than ours.
 */
static bool is_shared(struct closing *c)
{
	struct winsock_closer closer;
	bool interrupted, shared;

	look_closer(c);
	if (c->ws)
		winsock_closer_begin(c->ws, &closer);
	interrupted = interrupt_pending(c, &closer);
	shared = file_count(c->file) > 1 &&
		 !(worth_settling(c, interrupted) &&
		   settles_at(c, 1, SETTLE_MS));
	if (c->ws)
		winsock_closer_end(c->ws, &closer);
	return shared;
}

/* The descriptor has been removed, and its reference is ours. */
static int close_removed(struct closing *c, enum close_kind *how)
{
	/* Mostly nobody else is there, and there is nothing to look for. */
	if (unlikely(file_count(c->file) > 1) && is_shared(c)) {
		*how = SHARED;
		return 0;
	}
	if (c->tcp)
		return carry_out(c, how);
	if (c->nonblock || c->deadline)
		never_linger(c->sk);
	return 0;
}

/*
 * Frees the descriptor and drops its reference.  filp_close() would look for what
 * a socket cannot have, and for locks, which only a strange program puts on one.
 */
static void give_up(const struct closing *c)
{
	put_unused_fd(c->fd);
	if (unlikely(locks_inode_context(file_inode(c->file))))
		filp_close(c->file, current->files);
	else
		winsock_fput_now(c->file);
}

static void finish(struct closing *c, enum close_kind how)
{
	bool watched = unlikely(winsock_epoll_watches(c->file)) && how != SHARED;

	if (watched)
		get_file(c->file);
	give_up(c);
	/* The stack may have woken an epoll set; ours is to be the last. */
	if (watched) {
		settles_at(c, 1, LEAVE_MS);
		fput(c->file);
	}
}

/* What became of a close with a deadline that had nothing to do in the background. */
static enum winsock_result result_of(enum close_kind how)
{
	switch (how) {
	case SHARED:
		return WINSOCK_STILL_SHARED;
	case GRACEFUL:
		return WINSOCK_DELIVERED;
	default:
		return WINSOCK_NOT_CONNECTED;
	}
}

/**
 * winsock_close - WINSOCK_IOC_CLOSESOCKET, or a close with a deadline
 * @fd: the descriptor
 * @pending: references to the file that only the caller can count
 * @deadline: NULL for closesocket(); somebody else's once it has succeeded
 *
 * Works on attached and on ordinary sockets.  FIN or RST has been sent when the
 * caller is back in user space: its last reference goes here or in task work.
 *
 * Return: 0, and the descriptor is gone; or -EBADF, -ENOTSOCK, and of closesocket()
 * -EWOULDBLOCK (C15), -EINTR (C11), and the descriptor is as it was.
 */
int winsock_close(unsigned int fd, u32 pending,
		  struct winsock_deadline *deadline)
{
	struct files_struct *files = current->files;
	struct closing c = { .fd = fd, .deadline = deadline };
	enum close_kind how = NATIVE;
	int err;

	if (trace_winsock_close_enabled())
		c.start = ktime_get_ns();

	spin_lock(&files->file_lock);
	err = find(&c);
	if (!err && unlikely(may_refuse(&c)))
		err = refuse(&c, pending);
	if (!err)
		empty_slot(&c);
	spin_unlock(&files->file_lock);
	if (err)
		return err;

	err = close_removed(&c, &how);
	note(&c, how, err);
	if (err) {
		put_back(&c);
		return err;
	}
	finish(&c, how);
	if (unlikely(deadline) && how != BACKGROUND)
		winsock_deadline_end(deadline, result_of(how));
	return 0;
}
