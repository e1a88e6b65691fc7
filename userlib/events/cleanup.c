// SPDX-License-Identifier: LGPL-2.1-or-later
/* See cleanup.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/part.h"
#include "core/startup.h"
#include "cleanup.h"
#include "event.h"

/**
 * struct ws_cleanup_event - set by WSACleanup(); one for each period between
 *			     WSAStartup() and WSACleanup()
 * @users: references: one for each waiter, and one for @current
 * @event: an event; -1 if it could not be created
 */
struct ws_cleanup_event {
	unsigned int users;
	int event;
};

static pthread_mutex_t cleanup_lock = PTHREAD_MUTEX_INITIALIZER;
/* That of the current period; NULL until the first wait. */
static struct ws_cleanup_event *current;

/* Under cleanup_lock. */
static void put(struct ws_cleanup_event *e)
{
	if (--e->users)
		return;
	if (ws_event_is_valid(e->event))
		close(e->event);
	free(e);
}

static struct ws_cleanup_event *get(void)
{
	if (!current) {
		current = calloc(1, sizeof(*current));
		if (!current)
			return NULL;
		current->users = 1;
		current->event = ws_event_create();
	}
	current->users++;
	return current;
}

/**
 * ws_cleanup_event_get - add WSACleanup() to a wait in poll(2)
 * @e: for ws_cleanup_event_put()
 * @pollfd: gets POLLIN when WSACleanup() is called; without memory or a descriptor
 *	    it is left out of the wait
 *
 * Return: false if WSACleanup() has been called already.
 */
bool ws_cleanup_event_get(struct ws_cleanup_event **e, struct pollfd *pollfd)
{
	bool started;

	pthread_mutex_lock(&cleanup_lock);
	started = ws_started();
	*e = started ? get() : NULL;
	pthread_mutex_unlock(&cleanup_lock);
	*pollfd = (struct pollfd) {
		.fd = *e ? (*e)->event : -1,
		.events = POLLIN,
	};
	return started;
}

/* Preserves errno. */
void ws_cleanup_event_put(struct ws_cleanup_event *e)
{
	int err = errno;

	if (!e)
		return;
	pthread_mutex_lock(&cleanup_lock);
	put(e);
	pthread_mutex_unlock(&cleanup_lock);
	errno = err;
}

/* Under startup_lock, so that waits after the next WSAStartup() are not ended. */
static void signal_cleanup(void)
{
	pthread_mutex_lock(&cleanup_lock);
	if (current) {
		ws_event_set(current->event);
		put(current);
		current = NULL;
	}
	pthread_mutex_unlock(&cleanup_lock);
}

/* L8: the waiters and the event belong to the parent. */
static void forget_cleanup_event(void)
{
	if (!current)
		return;
	current->users = 1;
	put(current);
	current = NULL;
}

static const struct ws_part cleanup_part = {
	.lock = &cleanup_lock,
	.forked = forget_cleanup_event,
	.end = signal_cleanup,
};

WS_REGISTER_PART(WS_PART_CLEANUP, cleanup_part)
