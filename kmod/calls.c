// SPDX-License-Identifier: GPL-2.0
/*
 * Pending calls: which are in a socket, and how closesocket() ends its own
 * process's.
 *
 * A call that may block puts a record on the socket's list and takes it off on
 * its way out.  closesocket() removes the descriptor first, then sets closed_by
 * and marks the records of this process under ws->lock.  So a call is either on
 * the list by then and interrupted, or takes the lock later and sees closed_by;
 * its descriptor is gone then, unless another one of the process keeps it legal.
 *
 * A marked task leaves any interruptible sleep by TIF_NOTIFY_SIGNAL, which
 * delivers no signal.  What the base operation makes of that, a restart, must not
 * reach user space: the descriptor may belong to another file by then (P10).  It
 * becomes ECANCELED, not EINTR, which programs answer by calling again.
 *
 * poll() and select() put an entry on the socket's queue instead, which keeps a
 * reference to the file until they return; so does an armed io_uring request.
 * Their entries say whose they are.  Those of this process are woken and look the
 * descriptor up again; no other process's entry is touched (I3).
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/wait.h>

#include "calls.h"
#include "compat.h"
#include "winsock.h"

static int call_same_file(const void *file, struct file *other, unsigned int fd)
{
	return file == other;
}

/**
 * winsock_has_descriptor - does a descriptor of this process refer to @file?
 * @file: an open file
 */
bool winsock_has_descriptor(const struct file *file)
{
	return iterate_fd(current->files, 0, call_same_file, file);
}

/* Under ws->lock.  A closer's table is alive while it is on the list. */
static bool call_is_closing_here(const struct winsock_sock *ws)
{
	const struct winsock_closer *closer;

	hlist_for_each_entry(closer, &ws->closers, node)
		if (closer->files == current->files)
			return true;
	return false;
}

/* Takes over the reference to @pid. */
static void call_set_closed_by(struct winsock_sock *ws, struct pid *pid)
{
	struct pid *old;

	spin_lock(&ws->lock);
	old = ws->closed_by;
	WRITE_ONCE(ws->closed_by, pid);
	spin_unlock(&ws->lock);
	put_pid(old);
}

/* The process has a descriptor again, so that its next call walks no table. */
static void call_forget_closer(struct winsock_sock *ws)
{
	bool ours;

	spin_lock(&ws->lock);
	ours = ws->closed_by == task_tgid(current) && hlist_empty(&ws->closers);
	if (ours)
		WRITE_ONCE(ws->closed_by, NULL);
	spin_unlock(&ws->lock);
	if (ours)
		put_pid(task_tgid(current));
}

/**
 * winsock_closed_by_caller - has closesocket() taken the socket from this process?
 * @ws: its state
 * @sock: the socket
 *
 * For calls that looked their descriptor up before it was removed.  A kernel
 * service that has taken the socket over, as KCM does, calls on behalf of
 * nobody's descriptor.
 */
bool winsock_closed_by_caller(struct winsock_sock *ws, const struct socket *sock)
{
	bool ours;

	if (sock->sk->sk_user_data)
		return false;
	spin_lock(&ws->lock);
	ours = ws->closed_by == task_tgid(current) || call_is_closing_here(ws);
	spin_unlock(&ws->lock);
	if (!ours)
		return false;
	if (!winsock_has_descriptor(sock->file))
		return true;
	call_forget_closer(ws);
	return false;
}

/**
 * winsock_call_leave_cancelled - the way out of a call that a closer waits for
 * @call: its record, under ws->lock
 */
void winsock_call_leave_cancelled(struct winsock_call *call)
{
	if (!--call->closer->leaving)
		complete(&call->closer->left);
}

/**
 * winsock_call_end_cancelled - what a cancelled call returns
 * @ret: what the base operation returned
 *
 * What interrupted it must not interrupt the next wait of the same system call,
 * as of io_submit(2): it is withdrawn, unless task work needs it too.
 */
int winsock_call_end_cancelled(int ret)
{
	clear_notify_signal();
	if (task_work_pending(current))
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return ret == -ERESTARTSYS || ret == -EINTR ? -ECANCELED : ret;
}

/* Under ws->lock. */
static bool call_is_here(const struct winsock_call *call)
{
	return READ_ONCE(call->task->files) == current->files;
}

/**
 * winsock_calls_here - how many calls of this process are in the socket
 * @ws: its state
 *
 * Each holds one reference to the file: they share the descriptor table with
 * the caller, so their look-up had to take one.  Those of io_uring's workers may
 * use a registered file, which they hold no reference to.
 */
unsigned int winsock_calls_here(struct winsock_sock *ws)
{
	struct winsock_call *call;
	unsigned int n = 0;

	spin_lock(&ws->lock);
	hlist_for_each_entry(call, &ws->calls, node)
		n += call_is_here(call) && !(call->task->flags & PF_IO_WORKER);
	spin_unlock(&ws->lock);
	return n;
}

/**
 * winsock_closer_begin - from now on calls of this process find the socket closed
 * @ws: the socket's state; the descriptor has been removed
 * @closer: on the caller's stack, until winsock_closer_end()
 */
void winsock_closer_begin(struct winsock_sock *ws,
			  struct winsock_closer *closer)
{
	closer->files = current->files;
	closer->leaving = 0;
	init_completion(&closer->left);

	spin_lock(&ws->lock);
	hlist_add_head(&closer->node, &ws->closers);
	spin_unlock(&ws->lock);
	call_set_closed_by(ws, get_pid(task_tgid(current)));
}

/**
 * winsock_closer_end - the closer waits no more
 * @ws: the socket's state
 * @closer: given to winsock_closer_begin()
 *
 * What it interrupted and is kept from leaving goes without telling.
 */
void winsock_closer_end(struct winsock_sock *ws, struct winsock_closer *closer)
{
	struct winsock_call *call;

	spin_lock(&ws->lock);
	hlist_for_each_entry(call, &ws->calls, node)
		if (call->closer == closer)
			call->closer = NULL;
	__hlist_del(&closer->node);
	spin_unlock(&ws->lock);
}

/*
 * wake_up_state() is not exported; a wait-queue entry's own function is, and
 * finds the task wherever it sleeps, on the socket's queue or elsewhere.
 */
static void call_interrupt_task(struct task_struct *task)
{
	wait_queue_entry_t entry;

	set_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL);
	init_waitqueue_entry(&entry, task);
	default_wake_function(&entry, TASK_INTERRUPTIBLE, 0, NULL);
}

/**
 * winsock_interrupt_calls - end this process's calls in a socket
 * @ws: its state
 * @closer: as given to winsock_closer_begin()
 * @deadline: how long to wait for them to leave
 *
 * Calls of other processes go on (P11), and nobody waits for another closer's.
 *
 * Return: how many there were.
 */
unsigned int winsock_interrupt_calls(struct winsock_sock *ws,
				     struct winsock_closer *closer,
				     ktime_t deadline)
{
	struct winsock_call *call;
	unsigned int n = 0;
	s64 left;

	spin_lock(&ws->lock);
	hlist_for_each_entry(call, &ws->calls, node) {
		if (!call_is_here(call))
			continue;
		n++;
		if (call->cancelled)
			continue;
		call->cancelled = true;
		call->closer = closer;
		closer->leaving++;
		call_interrupt_task(call->task);
	}
	spin_unlock(&ws->lock);

	left = ktime_to_ns(ktime_sub(deadline, ktime_get()));
	if (n && left > 0 && READ_ONCE(closer->leaving))
		wait_for_completion_killable_timeout(&closer->left,
						     nsecs_to_jiffies(left) + 1);
	return n;
}

/* What poll() and select() are woken by.  It is static; see below. */
static wait_queue_func_t poll_wake __ro_after_init;

static bool call_is_poll_here(const wait_queue_entry_t *entry)
{
	const struct poll_wqueues *poll = entry->private;

	return entry->func == poll_wake &&
	       READ_ONCE(poll->polling_task->files) == current->files;
}

/*
 * Of all that may wait for a socket only io_uring puts the address of something
 * that begins with the file into its entry, with the lowest bit for its own use.
 */
static const struct io_kiocb *call_armed_here(const wait_queue_entry_t *entry,
					      const struct file *file)
{
	const struct io_kiocb *req =
		(void *)((unsigned long)entry->private & ~1UL);
	struct file *first;

	if (!req || entry->func == poll_wake ||
	    get_kernel_nofault(first, &req->file) || first != file)
		return NULL;
	return winsock_request_files(req) == current->files ? req : NULL;
}

/*
 * The request tries again and is refused.  One that only polls has nothing to
 * try, and one of many shots would stay: it is told that the queue goes away.
 */
static __poll_t call_poll_key(const struct io_kiocb *req)
{
	return req->opcode == IORING_OP_POLL_ADD ? EPOLLHUP | POLLFREE
						 : EPOLLNVAL;
}

/**
 * winsock_wake_pollers - make this process's pollers look their descriptor up again
 * @file: the socket's file
 * @wq: its wait queue
 *
 * No other process's entry is touched, and no epoll set's: it asks on behalf of a
 * set that others may share.
 *
 * Return: how many entries on the queue are its own.  Each holds a reference to
 * the file until its poll() is about to return, or its request is.
 */
unsigned int winsock_wake_pollers(const struct file *file,
				  struct wait_queue_head *wq)
{
	wait_queue_entry_t *entry, *next;
	const struct io_kiocb *req;
	unsigned long flags;
	unsigned int n = 0;
	__poll_t key;

	spin_lock_irqsave(&wq->lock, flags);
	list_for_each_entry_safe(entry, next, &wq->head, entry) {
		key = 0;
		if (!call_is_poll_here(entry)) {
			req = call_armed_here(entry, file);
			if (!req)
				continue;
			key = call_poll_key(req);
		}
		entry->func(entry, TASK_INTERRUPTIBLE, 0, poll_to_key(key));
		n++;
	}
	spin_unlock_irqrestore(&wq->lock, flags);
	return n;
}

/**
 * winsock_polls_here - is a poll() or select() of this process still in there?
 * @wq: a socket's wait queue
 */
bool winsock_polls_here(struct wait_queue_head *wq)
{
	wait_queue_entry_t *entry;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&wq->lock, flags);
	list_for_each_entry(entry, &wq->head, entry)
		found |= call_is_poll_here(entry);
	spin_unlock_irqrestore(&wq->lock, flags);
	return found;
}

/*
 * Poll a socket of the kernel's own as poll(2) does, and see what is on its
 * queue then.
 */
static int call_capture_poll_wake(struct file *file)
{
	struct wait_queue_head *wq = &sock_from_file(file)->wq.wait;
	struct poll_wqueues *poll = kmalloc(sizeof(*poll), GFP_KERNEL);

	if (!poll)
		return -ENOMEM;
	poll_initwait(poll);
	vfs_poll(file, &poll->pt);
	spin_lock_irq(&wq->lock);
	if (!list_empty(&wq->head))
		poll_wake = list_first_entry(&wq->head, wait_queue_entry_t,
					     entry)->func;
	spin_unlock_irq(&wq->lock);
	poll_freewait(poll);
	kfree(poll);
	return poll_wake ? 0 : -EOPNOTSUPP;
}

int __init winsock_calls_init(void)
{
	struct socket *sock;
	struct file *file;
	int err;

	err = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP,
			       &sock);
	if (err)
		return err;
	file = sock_alloc_file(sock, 0, NULL);	/* releases on failure */
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = call_capture_poll_wake(file);
	fput(file);
	return err;
}

/**
 * winsock_set_last_close - the last reference waits in a lingering closesocket()
 * @ws: its state
 *
 * Epoll sets report nothing from now on (P9).
 */
void winsock_set_last_close(struct winsock_sock *ws)
{
	WRITE_ONCE(ws->last_close, true);
	call_set_closed_by(ws, get_pid(task_tgid(current)));
}

/**
 * winsock_reopen - the file is back under its descriptor (C11)
 * @ws: its state
 *
 * It was the only reference: no other process has closed the socket.
 */
void winsock_reopen(struct winsock_sock *ws)
{
	call_set_closed_by(ws, NULL);
	WRITE_ONCE(ws->last_close, false);
}
