// SPDX-License-Identifier: GPL-2.0
/*
 * Is the socket shared?  Only the caller's reference to the file may be left, but
 * transient references come and go: those of calls that are on their way out, of
 * calls that do not wait, of a descriptor lookup that lost a race, and of epoll,
 * which holds one while it asks for events.  A close waits for them, within a bound
 * (I4), where it makes a difference.
 */
#include <linux/delay.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <net/sock.h>

#include "calls.h"
#include "close.h"
#include "stat.h"
#include "winsock.h"

/* After @ms, or earlier: one bound applies to all waits of a close together (I4). */
static ktime_t settle_deadline(struct closing *c, unsigned int ms)
{
	ktime_t now = ktime_get();

	if (!c->wait_end)
		c->wait_end = ktime_add_ms(now, CLOSE_BOUND_MS);
	return min(ktime_add_ms(now, ms), c->wait_end);
}

/**
 * winsock_settles_at - wait until at most @count references to the file are left
 * @c: the close
 * @count: the number of references that are accounted for
 * @ms: how long to wait
 *
 * Time alone does not show that a reference is not a transient one: the host of a
 * virtual machine may not run the processor of the thread that holds it, or this one.
 * An RCU grace period shows that each processor has run: a thread that was inside a call
 * then has left it, sleeps in it, or was preempted.  If there has been none after @ms,
 * the wait goes on, up to CLOSE_LEAVE_MS in all.
 *
 * Return: false if there are still more.
 */
bool winsock_settles_at(struct closing *c, long count, unsigned int ms)
{
	unsigned long grace_period;
	ktime_t end = 0, last, now;

	while (file_count(c->file) > count) {
		now = ktime_get();
		if (!end) {
			end = settle_deadline(c, ms);
			last = settle_deadline(c, max(ms, CLOSE_LEAVE_MS));
			grace_period = start_poll_synchronize_rcu();
		} else if (fatal_signal_pending(current) || ktime_after(now, last) ||
			   (ktime_after(now, end) &&
			    poll_state_synchronize_rcu(grace_period))) {
			return false;
		}
		usleep_range(50, 100);
	}
	return true;
}

/**
 * winsock_would_block - must a close of a file with other references be refused?
 * @c: the close; the descriptor has not been removed, and the caller holds a
 *     reference of its own
 * @pending: how many references only the caller's library can count
 *
 * C15 is the only result that must be known before anything has changed.
 */
bool winsock_would_block(struct closing *c, u32 pending)
{
	/* More than there can be, and room to add to it where long has 32 bits. */
	long known = min_t(u32, pending, INT_MAX / 2);

	if (winsock_closing_peek(c) != REFUSE)
		return false;
	closing_find_state(c);
	if (c->ws)
		known += winsock_calls_here(c->ws);
	/* 2: the descriptor's and the caller's */
	return winsock_settles_at(c, 2 + known, CLOSE_SETTLE_MS);
}

/*
 * Could another thread be inside a call that has no record?  Such a call does not
 * wait, so a thread in an interruptible sleep is not in one.  A thread in a page
 * fault may be.
 */
static bool settle_threads_may_be_inside(void)
{
	struct task_struct *task;
	bool inside = false;
	int threads;

	if (atomic_read(&current->files->count) == 1)
		return false;
	/* A thread that is being created or ends meanwhile is not inside. */
	threads = data_race(get_nr_threads(current));
	if (atomic_read(&current->files->count) > threads)
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
 * Should the close wait to learn whether the remaining references are passing ones?
 * Only where this process itself may hold them, or where the last reference has data
 * to deliver within a time (LINGER, DEADLINE_CLOSE).  In all other cases closing a shared
 * socket does not wait at all.
 */
static bool settle_is_worthwhile(const struct closing *c, bool interrupted)
{
	enum close_kind how;

	if (interrupted || settle_threads_may_be_inside())
		return true;
	if (!c->tcp || (!c->deadline &&
			(c->nonblock || !winsock_lingers(c->sk))))
		return false;
	how = winsock_closing_peek(c);
	return how == LINGER || how == DEADLINE_CLOSE;
}

static void settle_polls(struct closing *c)
{
	ktime_t end = settle_deadline(c, CLOSE_BOUND_MS);

	while (winsock_polls_here(&c->sock->wq.wait) &&
	       ktime_before(ktime_get(), end) && !fatal_signal_pending(current))
		usleep_range(50, 100);
}

/*
 * Ends the calls that this process has pending in the socket, unless another of its
 * descriptors refers to it.  A poll() that is woken finds no file under the
 * descriptor and returns POLLNVAL.  This includes a poll() of a socket that is not
 * attached; other calls in such a socket cannot be found.
 */
static bool settle_interrupt_pending(struct closing *c,
				     struct winsock_closer *closer)
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
						   settle_deadline(c, CLOSE_BOUND_MS));
	pollers = winsock_wake_pollers(c->file, wq);
	if (pollers)
		settle_polls(c);
	if (c->calls) {
		winsock_stat_add(c->sk, WINSOCK_STAT_CANCELLED, c->calls);
		/* Each call drops its reference at the end of its system call. */
		winsock_settles_at(c, max(1L, before - (long)c->calls),
				   CLOSE_LEAVE_MS);
		/*
		 * By then recvmmsg() may have stored its error in the socket, where
		 * other processes would find it (P11).
		 */
		cmpxchg(&c->sk->sk_err, ECANCELED, 0);
	}
	return c->calls || pollers;
}

/**
 * winsock_is_shared - end this process's calls, and find out who else has the socket
 * @c: the close of a file that has other references; the descriptor has been removed
 *
 * Return: true if the caller's reference is not the last one.
 */
bool winsock_is_shared(struct closing *c)
{
	struct winsock_closer closer;
	bool interrupted, shared;

	closing_find_state(c);
	if (c->ws)
		winsock_closer_begin(c->ws, &closer);
	interrupted = settle_interrupt_pending(c, &closer);
	shared = file_count(c->file) > 1 &&
		 !(settle_is_worthwhile(c, interrupted) &&
		   winsock_settles_at(c, 1, CLOSE_SETTLE_MS));
	if (c->ws)
		winsock_closer_end(c->ws, &closer);
	return shared;
}
