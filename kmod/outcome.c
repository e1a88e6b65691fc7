// SPDX-License-Identifier: GPL-2.0
/*
 * The outcomes of closes with a deadline, read from the descriptor of /dev/winsock
 * by which they were asked for.
 *
 * Each close is its own record, so that none is lost for want of memory.  Whoever
 * closes the device forgets the outcomes, not the closes.
 */
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "winsock.h"

/**
 * winsock_outcomes_new - for a device that is being opened
 *
 * Return: NULL without memory
 */
struct winsock_outcomes *winsock_outcomes_new(void)
{
	struct winsock_outcomes *outcomes;

	outcomes = kzalloc(sizeof(*outcomes), GFP_KERNEL_ACCOUNT);
	if (!outcomes)
		return NULL;
	kref_init(&outcomes->ref);
	spin_lock_init(&outcomes->lock);
	INIT_LIST_HEAD(&outcomes->list);
	mutex_init(&outcomes->reader);
	init_waitqueue_head(&outcomes->wait);
	return outcomes;
}

static void outcomes_free(struct kref *ref)
{
	struct winsock_outcomes *outcomes =
		container_of(ref, struct winsock_outcomes, ref);

	if (outcomes->spare)
		sock_release(outcomes->spare);
	kfree(outcomes);
}

/**
 * winsock_outcomes_put - drop a reference, in process context
 * @outcomes: freed with the last one
 */
void winsock_outcomes_put(struct winsock_outcomes *outcomes)
{
	kref_put(&outcomes->ref, outcomes_free);
}

/**
 * winsock_outcomes_close - the device is closed
 * @outcomes: its own reference goes
 */
void winsock_outcomes_close(struct winsock_outcomes *outcomes)
{
	struct winsock_deadline *dl, *next;
	LIST_HEAD(unread);

	spin_lock(&outcomes->lock);
	outcomes->closed = true;
	list_splice_init(&outcomes->list, &unread);
	spin_unlock(&outcomes->lock);

	list_for_each_entry_safe(dl, next, &unread, node)
		winsock_deadline_free(dl);
	winsock_outcomes_put(outcomes);
}

/**
 * winsock_outcomes_add - let an outcome be read
 * @dl: a close that is over; the readers' from here on
 *
 * Return: false if nobody can read it any more, and @dl is still the caller's.
 */
bool winsock_outcomes_add(struct winsock_deadline *dl)
{
	struct winsock_outcomes *outcomes = dl->outcomes;
	bool closed;

	spin_lock(&outcomes->lock);
	closed = outcomes->closed;
	if (!closed) {
		list_add_tail(&dl->node, &outcomes->list);
		/* Here, since @dl's reference goes with whoever reads it. */
		wake_up_interruptible_poll(&outcomes->wait,
					   EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock(&outcomes->lock);
	return !closed;
}

static struct winsock_deadline *outcomes_first(struct winsock_outcomes *outcomes)
{
	struct winsock_deadline *dl;

	spin_lock(&outcomes->lock);
	dl = list_first_entry_or_null(&outcomes->list, struct winsock_deadline,
				      node);
	spin_unlock(&outcomes->lock);
	return dl;
}

static void outcomes_remove(struct winsock_outcomes *outcomes,
			    struct winsock_deadline *dl)
{
	spin_lock(&outcomes->lock);
	list_del(&dl->node);
	spin_unlock(&outcomes->lock);
	winsock_deadline_free(dl);
}

/* By the one reader.  Bytes, 0 if there is no record, or -EFAULT. */
static ssize_t outcomes_copy(struct winsock_outcomes *outcomes,
			     struct iov_iter *to)
{
	const size_t size = sizeof(struct winsock_outcome);
	struct winsock_outcome outcome;
	struct winsock_deadline *dl;
	ssize_t done = 0;
	size_t copied;

	while (iov_iter_count(to) >= size) {
		dl = outcomes_first(outcomes);
		if (!dl)
			break;
		/* User space gets nothing from the middle of an object. */
		outcome = dl->outcome;
		copied = copy_to_iter(&outcome, size, to);
		if (copied != size) {
			iov_iter_revert(to, copied);
			return done ?: -EFAULT;
		}
		outcomes_remove(outcomes, dl);
		done += size;
	}
	return done;
}

/**
 * winsock_outcomes_read - read(2), readv(2)
 * @outcomes: the device's
 * @to: where to
 * @nonblock: do not wait for one
 *
 * Return: bytes of whole records, -EINVAL without room for one, -EAGAIN, -EFAULT,
 * -ERESTARTSYS.
 */
ssize_t winsock_outcomes_read(struct winsock_outcomes *outcomes,
			      struct iov_iter *to, bool nonblock)
{
	ssize_t done;

	if (iov_iter_count(to) < sizeof(struct winsock_outcome))
		return -EINVAL;
	do {
		if (nonblock) {
			if (!mutex_trylock(&outcomes->reader))
				return -EAGAIN;
		} else if (wait_event_interruptible(outcomes->wait,
						    outcomes_first(outcomes)) ||
			   mutex_lock_interruptible(&outcomes->reader)) {
			return -ERESTARTSYS;
		}
		done = outcomes_copy(outcomes, to);
		mutex_unlock(&outcomes->reader);
	} while (!done && !nonblock);
	return done ?: -EAGAIN;
}

/**
 * winsock_outcomes_poll - is there one to be read?
 * @outcomes: the device's
 * @file: the device
 * @wait: as for any poll operation
 */
__poll_t winsock_outcomes_poll(struct winsock_outcomes *outcomes,
			       struct file *file,
			       struct poll_table_struct *wait)
{
	poll_wait(file, &outcomes->wait, wait);
	return outcomes_first(outcomes) ? EPOLLIN | EPOLLRDNORM : 0;
}
