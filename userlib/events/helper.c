// SPDX-License-Identifier: LGPL-2.1-or-later
/* The helper thread and its descriptors. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/part.h"
#include "helper.h"
#include "watch.h"

#define HELPER_STACK	(256 * 1024)
#define EVENTS_AT_ONCE	32

/*
 * @set and @wake are in the application's descriptor table.  They are closed on exec,
 * and a program that closes descriptors which it did not open gets no more events.
 */
static struct helper {
	bool running;
	int set;
	int wake;
	pthread_t thread;
} helper;

static pthread_mutex_t helper_lock = PTHREAD_MUTEX_INITIALIZER;

static void *helper_main(void *arg)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int set = (intptr_t)arg;
	int i, n;

	for (;;) {
		n = epoll_wait(set, events, EVENTS_AT_ONCE, -1);
		if (n < 0 && errno != EINTR)
			return NULL;
		for (i = 0; i < n; i++) {
			if (events[i].data.u64 == WS_PART_HELPER)
				return NULL;
			if (events[i].data.u64 < WS_PARTS)
				ws_parts[events[i].data.u64]->ready();
			else
				ws_watch_ready(events[i].data.u64);
		}
	}
}

/* All signals are blocked: the application's handlers run in its own threads. */
static int start_thread(struct helper *h)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HELPER_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&h->thread, &attr, helper_main, (void *)(intptr_t)h->set);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	errno = ENOMEM;
	return err ? -1 : 0;
}

/* @wake is never read: with EPOLLET each write causes an event. */
static int open_helper(struct helper *h)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLET,
		.data.u64 = WS_PART_REQUESTS,
	};
	int err;

	h->set = epoll_create1(EPOLL_CLOEXEC);
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->set >= 0 && h->wake >= 0 &&
	    !epoll_ctl(h->set, EPOLL_CTL_ADD, h->wake, &event) &&
	    !start_thread(h))
		return 0;
	err = errno;
	if (h->set >= 0)
		close(h->set);
	if (h->wake >= 0)
		close(h->wake);
	errno = err;
	return -1;
}

/* 0, or -1 with errno if it cannot be started. */
int ws_helper_start(void)
{
	struct helper h;
	int ret = 0;

	pthread_mutex_lock(&helper_lock);
	if (!helper.running) {
		ret = open_helper(&h);
		if (!ret) {
			h.running = true;
			helper = h;
		}
	}
	pthread_mutex_unlock(&helper_lock);
	return ret;
}

bool ws_helper_runs(void)
{
	bool runs;

	pthread_mutex_lock(&helper_lock);
	runs = helper.running;
	pthread_mutex_unlock(&helper_lock);
	return runs;
}

/* WSACleanup(): no watches or requests are left. */
static void stop_helper(void)
{
	struct epoll_event end = {
		.events = EPOLLIN,
		.data.u64 = WS_PART_HELPER,
	};
	struct helper h;

	pthread_mutex_lock(&helper_lock);
	h = helper;
	helper.running = false;
	pthread_mutex_unlock(&helper_lock);

	if (!h.running)
		return;
	/*
	 * If the application has closed these descriptors, the thread cannot be woken,
	 * and they must not be closed here.
	 */
	if (epoll_ctl(h.set, EPOLL_CTL_MOD, h.wake, &end) ||
	    eventfd_write(h.wake, 1)) {
		pthread_detach(h.thread);
		return;
	}
	pthread_join(h.thread, NULL);
	close(h.wake);
	close(h.set);
}

/* Makes the thread process the list of requests. */
void ws_helper_wake(void)
{
	pthread_mutex_lock(&helper_lock);
	if (helper.running)
		eventfd_write(helper.wake, 1);
	pthread_mutex_unlock(&helper_lock);
}

/* As epoll_ctl(2) on the helper's set; EBADF if the thread does not run. */
int ws_helper_ctl(int op, int fd, struct epoll_event *event)
{
	int ret = -1;

	pthread_mutex_lock(&helper_lock);
	if (helper.running)
		ret = epoll_ctl(helper.set, op, fd, event);
	else
		errno = EBADF;
	pthread_mutex_unlock(&helper_lock);
	return ret;
}

/* @part is called when @fd is readable.  Starts the thread.  0, or -1 with errno. */
int ws_helper_add(int fd, enum ws_part_id part)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = part };

	if (ws_helper_start())
		return -1;
	return ws_helper_ctl(EPOLL_CTL_ADD, fd, &event);
}

/* L8: the thread and its epoll set belong to the parent. */
static void forget_helper(void)
{
	if (!helper.running)
		return;
	helper.running = false;
	close(helper.set);
	close(helper.wake);
}

static const struct ws_part helper_part = {
	.lock = &helper_lock,
	.forked = forget_helper,
	.stop = stop_helper,
};

WS_REGISTER_PART(WS_PART_HELPER, helper_part)
