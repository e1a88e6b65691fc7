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
 * struct ws_cleanup_event - the end of what one WSAStartup() has begun
 * @users: those who wait, and @current
 * @event: set when it has come; -1 when it cannot be waited for
 */
struct ws_cleanup_event {
	unsigned int users;
	int event;
};

static pthread_mutex_t cleanup_lock = PTHREAD_MUTEX_INITIALIZER;
/* That of the present; NULL until somebody waits. */
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
 * ws_cleanup_event_get - begin to wait for the end as well
 * @e: for ws_cleanup_event_put()
 * @pollfd: has POLLIN when it has come; without memory or a descriptor it is
 *	    not seen
 *
 * Return: false if it has come already.
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

/* Leaves errno alone. */
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

/* Before anybody can start again, whose waits are none of it. */
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

/* L8: those who wait are the parent's, and so is the event. */
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
