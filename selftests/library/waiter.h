/* SPDX-License-Identifier: GPL-2.0 */
/* What waits: a call in a thread of its own, an attempt to connect. */
#ifndef LIB_THREAD_H
#define LIB_THREAD_H

#include <stdio.h>
#include "support/syscall_nr.h"
#include "test.h"

/**
 * struct waiter - a call in a thread of its own
 * @run: makes it; returns what it returned, or its error as a negative number
 * @arg: for @run
 * @thread: for waiter_join()
 * @tid: of the thread, once it runs
 * @done: @run has returned
 * @result: what
 * @elapsed_ms: how long it took
 */
struct waiter {
	int (*run)(void *arg);
	void *arg;
	pthread_t thread;
	atomic_int tid;
	atomic_bool done;
	int result;
	long elapsed_ms;
};

static inline int or_error(int result)
{
	return result == SOCKET_ERROR ? -WSAGetLastError() : result;
}

static inline void *waiter_main(void *arg)
{
	struct waiter *w = arg;
	long before = now_ms();

	w->tid = syscall(SYS_gettid);
	w->result = w->run(w->arg);
	w->elapsed_ms = now_ms() - before;
	w->done = true;
	return NULL;
}

/* Returns when the thread runs. */
static inline pid_t waiter_tid(const struct waiter *w)
{
	while (!w->tid)
		usleep(1000);
	return w->tid;
}

static inline bool waiter_in_poll(const struct waiter *w)
{
	char path[64], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
		 waiter_tid(w));
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return known_nr(atoi(text)) == SYS_ppoll;
}

static inline void waiter_run(struct waiter *w, int (*run)(void *arg), void *arg)
{
	w->run = run;
	w->arg = arg;
	w->tid = 0;
	w->done = false;
	if (pthread_create(&w->thread, NULL, waiter_main, w))
		errx(EXIT_FAILURE, "pthread_create");
}

/* Returns when the thread sleeps in its call, whichever that is, or is done. */
static inline void waiter_start_asleep(struct waiter *w, int (*run)(void *arg),
				       void *arg)
{
	waiter_run(w, run, arg);
	wait_asleep(waiter_tid(w), &w->done);
}

/* Returns when the thread sleeps in ppoll(2). */
static inline void waiter_start(struct waiter *w, int (*run)(void *arg),
				void *arg)
{
	long deadline = now_ms() + AT_ONCE_MS;

	waiter_run(w, run, arg);
	while (!waiter_in_poll(w)) {
		if (now_ms() > deadline)
			errx(EXIT_FAILURE, "the call does not wait");
		usleep(1000);
	}
	usleep(20000);
}

static inline int waiter_join(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	return w->result;
}

/*
 * An attempt to connect that a listener has no room for.  It fails when the
 * listener is closed, some seconds later.
 */
static inline SOCKET pending_connect(int family, SOCKET *listener)
{
	*listener = open_listener(family);
	return fill_backlog(*listener, family);
}

/* recv() on the socket that @arg points to, in a waiter's thread */
static inline int recv_from(void *arg)
{
	char buf[64];

	return or_error(recv(*(SOCKET *)arg, buf, sizeof(buf), 0));
}

#endif
