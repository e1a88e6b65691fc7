// SPDX-License-Identifier: GPL-2.0
/*
 * The outcomes of closes with a deadline, which are read from the same open
 * /dev/winsock as the closes were requested on.
 *
 * Each close contains its own record, so that no outcome is lost for lack of memory.
 * Closing the device discards the outcomes; the closes continue.
 */
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "winsock.h"

/**
 * winsock_outcomes_new - allocate the outcomes of a device that is being opened
 *
 * Return: the outcomes, or NULL if there is no memory.
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
 * @outcomes: freed with the last reference
 */
void winsock_outcomes_put(struct winsock_outcomes *outcomes)
{
	kref_put(&outcomes->ref, outcomes_free);
}

/**
 * winsock_outcomes_close - discard what is unread, as the device is closed
 * @outcomes: the device's; its reference is dropped
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
 * winsock_outcomes_add - make an outcome readable
 * @dl: a close that has ended; owned by the list on success
 *
 * Return: false if the device has been closed; the caller still owns @dl.
 */
bool winsock_outcomes_add(struct winsock_deadline *dl)
{
	struct winsock_outcomes *outcomes = dl->outcomes;
	bool closed;

	spin_lock(&outcomes->lock);
	closed = outcomes->closed;
	if (!closed) {
		list_add_tail(&dl->node, &outcomes->list);
		/* Under the lock, since a reader of @dl drops its reference. */
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

/* Under outcomes->reader.  Returns a number of bytes, 0 if there is no record, or -EFAULT. */
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
		/* A hardened usercopy refuses a copy from inside a slab object. */
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
 * winsock_outcomes_read - read(2), readv(2) of the device
 * @outcomes: the device's
 * @to: where the records are copied to
 * @nonblock: do not wait for a record
 *
 * Return: the number of bytes, in whole records; -EINVAL if there is no room for one,
 * -EAGAIN, -EFAULT or -ERESTARTSYS.
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
 * winsock_outcomes_poll - poll(2) of the device
 * @outcomes: the device's
 * @file: the device
 * @wait: as for any poll operation
 *
 * Return: EPOLLIN | EPOLLRDNORM if there is a record, else 0.
 */
__poll_t winsock_outcomes_poll(struct winsock_outcomes *outcomes,
			       struct file *file,
			       struct poll_table_struct *wait)
{
	poll_wait(file, &outcomes->wait, wait);
	return outcomes_first(outcomes) ? EPOLLIN | EPOLLRDNORM : 0;
}
