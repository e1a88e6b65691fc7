// SPDX-License-Identifier: GPL-2.0
/*
 * Pending calls: who sits in a socket, and how closesocket() gets them out.
 *
 * A call that may block puts a record on the socket's list and takes it off on
 * its way out.  closesocket() empties the descriptor slot first, then sets
 * closed_by and marks the records of this process under ws->lock.  So a call is
 * either on the list by then and cancelled, or takes the lock later and sees
 * closed_by; its number is gone then, unless another descriptor keeps it legal.
 *
 * A marked task is thrown out of any interruptible sleep by TIF_NOTIFY_SIGNAL,
 * which delivers no signal and is cleared on the way to user space.  What the
 * base operation makes of that, a restart, must not reach user space: the number
 * may be somebody else's by then (P10).  It becomes ECANCELED, not EINTR, which
 * programs answer by calling again.
 *
 * poll() and select() put an entry on the socket's queue instead, which keeps a
 * reference to the file until they return.  Woken, they look the number up
 * again; closesocket() waits for that too, lest they find the next file there.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "winsock.h"

static int same_file(const void *file, struct file *other, unsigned int fd)
{
	return file == other;
}

/**
 * winsock_has_descriptor - does a number of this process refer to @file?
 * @file: an open file
 *
 * Kernel threads have no numbers and need none.
 */
bool winsock_has_descriptor(const struct file *file)
{
	return (current->flags & PF_KTHREAD) ||
	       iterate_fd(current->files, 0, same_file, file);
}

/**
 * winsock_call_leave_cancelled - the way out of a call that was cancelled
 * @ws: the socket's state, locked
 */
void winsock_call_leave_cancelled(struct winsock_sock *ws)
{
	if (!--ws->leaving)
		wake_up(&ws->idle);
}

/* Under ws->lock. */
static bool is_call_here(const struct winsock_call *call)
{
	return READ_ONCE(call->task->files) == current->files;
}

/**
 * winsock_calls_here - how many calls of this process are in the socket
 * @ws: its state
 *
 * Each holds one reference to the file: they share the descriptor table with
 * the caller, so their look-up had to take one.
 */
unsigned int winsock_calls_here(struct winsock_sock *ws)
{
	struct winsock_call *call;
	unsigned int n = 0;

	spin_lock(&ws->lock);
	hlist_for_each_entry(call, &ws->calls, node)
		n += is_call_here(call);
	spin_unlock(&ws->lock);
	return n;
}

/*
 * wake_up_state() is not exported; a wait-queue entry's own function is, and
 * finds the task wherever it sleeps, on the socket's queue or elsewhere.
 */
static void throw_out(struct task_struct *task)
{
	wait_queue_entry_t entry;

	set_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL);
	init_waitqueue_entry(&entry, task);
	default_wake_function(&entry, TASK_INTERRUPTIBLE, 0, NULL);
}

/**
 * winsock_cancel_calls - end this process's calls in a socket
 * @ws: its state; the descriptor slot is empty already
 *
 * Returns when they have left the socket.  Calls of other processes go on (P11).
 * Only death by signal ends the wait early.
 *
 * Return: how many there were.
 */
unsigned int winsock_cancel_calls(struct winsock_sock *ws)
{
	struct winsock_call *call;
	unsigned int n = 0;

	spin_lock(&ws->lock);
	WRITE_ONCE(ws->closed_by, current->files);
	hlist_for_each_entry(call, &ws->calls, node) {
		if (!is_call_here(call))
			continue;
		n++;
		if (call->cancelled)
			continue;
		call->cancelled = true;
		ws->leaving++;
		throw_out(call->task);
	}
	spin_unlock(&ws->lock);

	if (n)
		wait_event_killable(ws->idle, !READ_ONCE(ws->leaving));
	return n;
}

/* What poll() and select() are woken by.  It is static; see below. */
static wait_queue_func_t poll_wake;

static bool is_poller_here(const wait_queue_entry_t *entry)
{
	const struct poll_wqueues *poll = entry->private;

	return entry->func == poll_wake &&
	       READ_ONCE(poll->polling_task->files) == current->files;
}

/**
 * winsock_wake_pollers - make this process's poll()ers look their numbers up again
 * @wq: a socket's wait queue
 *
 * An armed io_uring request listens for EPOLLNVAL too, tries again and is
 * refused.  An epoll set does not: it has nothing to hear, and its look would
 * take a reference that may become the last, while its task sleeps on.
 *
 * Return: how many entries on the queue are theirs.  Each holds one reference to
 * the file, until its poll() is about to return.
 */
unsigned int winsock_wake_pollers(struct wait_queue_head *wq)
{
	wait_queue_entry_t *entry;
	unsigned long flags;
	unsigned int n = 0;

	spin_lock_irqsave(&wq->lock, flags);
	list_for_each_entry(entry, &wq->head, entry) {
		if (is_poller_here(entry)) {
			entry->func(entry, TASK_INTERRUPTIBLE, 0, NULL);
			n++;
		}
	}
	spin_unlock_irqrestore(&wq->lock, flags);
	if (wq_has_sleeper(wq))
		__wake_up(wq, TASK_INTERRUPTIBLE, 0, poll_to_key(EPOLLNVAL));
	return n;
}

/*
 * Poll a socket of the kernel's own as poll(2) does, and see what is on its
 * queue then.
 */
static int learn_poll_wake(struct file *file)
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
	err = learn_poll_wake(file);
	fput(file);
	return err;
}

/**
 * winsock_set_closed - note which process has closed the socket
 * @ws: its state
 * @files: the process's descriptors; NULL when the file is back in its slot
 */
void winsock_set_closed(struct winsock_sock *ws, const void *files)
{
	spin_lock(&ws->lock);
	WRITE_ONCE(ws->closed_by, files);
	spin_unlock(&ws->lock);
}
