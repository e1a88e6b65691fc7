// SPDX-License-Identifier: GPL-2.0
/*
 * Pending calls: which calls are in a socket, and how closesocket() ends those of its
 * own process.
 *
 * A call that may block puts a record on the socket's list, and removes it before it
 * returns.  closesocket() removes the descriptor first, then sets closed_by and marks
 * the records of its process under ws->lock.  A call is therefore either on the list
 * by then and is interrupted, or it takes the lock later and sees closed_by.  In the
 * latter case it may continue only if another descriptor of the process refers to the
 * socket.
 *
 * TIF_NOTIFY_SIGNAL makes a marked task leave any interruptible sleep and delivers no
 * signal.  The base operation then returns a restart code, which must not reach user
 * space, since the descriptor may belong to another file by then (P10).  It is
 * replaced by ECANCELED; EINTR would make programs call again.
 *
 * poll() and select() have an entry on the socket's wait queue instead, and hold a
 * reference to the file until they return.  The same is true of an armed io_uring
 * request.  The process can be found from the entry.  Entries of the closing process
 * are woken and look the descriptor up again; entries of other processes are not
 * touched (I3).
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

/* Under ws->lock.  The descriptor table of a closer exists while it is on the list. */
static bool call_is_closing_here(const struct winsock_sock *ws)
{
	const struct winsock_closer *closer;

	hlist_for_each_entry(closer, &ws->closers, node)
		if (closer->files == current->files)
			return true;
	return false;
}

/* Consumes the reference to @pid. */
static void call_set_closed_by(struct winsock_sock *ws, struct pid *pid)
{
	struct pid *old;

	spin_lock(&ws->lock);
	old = ws->closed_by;
	WRITE_ONCE(ws->closed_by, pid);
	spin_unlock(&ws->lock);
	put_pid(old);
}

/*
 * The process has a descriptor again.  Without the mark its next call does not search
 * the descriptor table.
 */
static void call_clear_closed_by(struct winsock_sock *ws)
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
 * winsock_closed_by_caller - has closesocket() closed the socket for this process?
 * @ws: its state
 * @sock: the socket
 *
 * For calls that looked their descriptor up before it was removed.  The calls of a
 * kernel service that owns the socket, for example KCM, do not depend on a descriptor.
 */
bool winsock_closed_by_caller(struct winsock_sock *ws, const struct socket *sock)
{
	bool ours;

	if (READ_ONCE(sock->sk->sk_user_data))
		return false;
	spin_lock(&ws->lock);
	ours = ws->closed_by == task_tgid(current) || call_is_closing_here(ws);
	spin_unlock(&ws->lock);
	if (!ours)
		return false;
	if (!winsock_has_descriptor(sock->file))
		return true;
	call_clear_closed_by(ws);
	return false;
}

/**
 * winsock_call_leave_cancelled - leave a socket while a closer waits for this call
 * @call: the call's record, under ws->lock
 */
void winsock_call_leave_cancelled(struct winsock_call *call)
{
	struct winsock_closer *closer = call->closer;

	/* winsock_interrupt_calls() reads it without the lock. */
	WRITE_ONCE(closer->leaving, closer->leaving - 1);
	if (!closer->leaving)
		complete(&closer->left);
}

/**
 * winsock_call_end_cancelled - what a cancelled call returns
 * @ret: what the base operation returned
 *
 * The flag that interrupted the call must not interrupt the next wait of the same
 * system call, for example of io_submit(2).  It is cleared unless task work needs it.
 *
 * Return: -ECANCELED where @ret is an interruption, else @ret.
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
 * winsock_calls_here - count the calls of this process that are in the socket
 * @ws: its state
 *
 * Each holds one reference to the file: these tasks share the descriptor table with
 * the caller, so that their lookup took a reference.  Calls of io_uring workers are
 * not counted, since they may use a registered file without a reference.
 *
 * Return: the number of these calls.
 */
unsigned int winsock_calls_here(struct winsock_sock *ws)
{
	struct winsock_call *call;
	unsigned int n = 0;

	spin_lock(&ws->lock);
	hlist_for_each_entry(call, &ws->calls, node)
		n += call_is_here(call) &&
		     /* The task changes other flags; this one it keeps. */
		     !(data_race(call->task->flags) & PF_IO_WORKER);
	spin_unlock(&ws->lock);
	return n;
}

/**
 * winsock_closer_begin - make new calls of this process find the socket closed
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
 * winsock_closer_end - the closer does not wait any more
 * @ws: the socket's state
 * @closer: given to winsock_closer_begin()
 *
 * Calls that it interrupted and that could not leave in time are detached from it.
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
 * wake_up_state() is not exported.  The default function of a wait-queue entry is,
 * and wakes the task whether it sleeps on the socket's queue or elsewhere.
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
 * @deadline: until when to wait for them to leave
 *
 * Calls of other processes continue (P11).  A closer does not wait for calls that
 * another closer has interrupted.
 *
 * Return: the number of calls of this process.
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

/*
 * pollwake() is static in fs/select.c: call_capture_poll_wake() reads its address from
 * a wait-queue entry at init.
 */
static wait_queue_func_t poll_wake __ro_after_init;

static bool call_is_poll_here(const wait_queue_entry_t *entry)
{
	const struct poll_wqueues *poll = entry->private;

	return entry->func == poll_wake &&
	       READ_ONCE(poll->polling_task->files) == current->files;
}

/*
 * Only io_uring's entries on a socket's wait queue hold, in ->private, a pointer to an
 * object whose first member is a pointer to the socket's file.  The lowest bit is a
 * flag.  What ->private of another entry points to need not be readable.
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
 * EPOLLNVAL makes a request retry its operation, which is then refused.  A poll request
 * has no operation to retry, and a multishot one would stay armed.  It is woken with
 * POLLFREE, as when the wait queue is about to be freed.
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
 * Entries of other processes are not touched, nor are those of epoll sets, which
 * other processes may share.
 *
 * Return: the number of entries of this process.  Each holds a reference to the file
 * until its poll() is about to return or its request is about to complete.
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
 * winsock_polls_here - is a poll() or select() of this process on the wait queue?
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
 * Polls a kernel socket as poll(2) does, and reads the function from the entry that
 * is on its wait queue then.
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
 * @ws: the socket's state
 *
 * From now on epoll sets report nothing (P9).
 */
void winsock_set_last_close(struct winsock_sock *ws)
{
	WRITE_ONCE(ws->last_close, true);
	call_set_closed_by(ws, get_pid(task_tgid(current)));
}

/**
 * winsock_reopen - the file is installed under its descriptor again (C11)
 * @ws: the socket's state
 *
 * The caller holds the only reference, so no other process has closed the socket.
 */
void winsock_reopen(struct winsock_sock *ws)
{
	call_set_closed_by(ws, NULL);
	WRITE_ONCE(ws->last_close, false);
}
