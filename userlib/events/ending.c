// SPDX-License-Identifier: LGPL-2.1-or-later
/* See ending.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/part.h"
#include "core/startup.h"
#include "ending.h"
#include "event.h"

/**
 * struct ws_ending - the end of what one WSAStartup() has begun
 * @users: those who wait, and @ending
 * @event: set when it has come; -1 when it cannot be waited for
 */
struct ws_ending {
	unsigned int users;
	int event;
};

static pthread_mutex_t ending_lock = PTHREAD_MUTEX_INITIALIZER;
/* That of the present; NULL until somebody waits. */
static struct ws_ending *ending;

/* Under ending_lock. */
static void put(struct ws_ending *e)
{
	if (--e->users)
		return;
	if (ws_event_is_valid(e->event))
		close(e->event);
	free(e);
}

static struct ws_ending *get(void)
{
	if (!ending) {
		ending = calloc(1, sizeof(*ending));
		if (!ending)
			return NULL;
		ending->users = 1;
		ending->event = ws_event_create();
	}
	ending->users++;
	return ending;
}

/**
 * ws_ending_get - begin to wait for the end as well
 * @e: for ws_ending_put()
 * @pollfd: has POLLIN when it has come; without memory or a descriptor it is
 *	    not seen
 *
 * Return: false if it has come already.
 */
bool ws_ending_get(struct ws_ending **e, struct pollfd *pollfd)
{
	bool started;

	pthread_mutex_lock(&ending_lock);
	started = ws_started();
	*e = started ? get() : NULL;
	pthread_mutex_unlock(&ending_lock);
	*pollfd = (struct pollfd) {
		.fd = *e ? (*e)->event : -1,
		.events = POLLIN,
	};
	return started;
}

/* Leaves errno alone. */
void ws_ending_put(struct ws_ending *e)
{
	int err = errno;

	if (!e)
		return;
	pthread_mutex_lock(&ending_lock);
	put(e);
	pthread_mutex_unlock(&ending_lock);
	errno = err;
}

/* Before anybody can start again, whose waits are none of it. */
static void come(void)
{
	pthread_mutex_lock(&ending_lock);
	if (ending) {
		ws_event_set(ending->event);
		put(ending);
		ending = NULL;
	}
	pthread_mutex_unlock(&ending_lock);
}

/* L8: those who wait are the parent's, and so is the event. */
static void forget_ending(void)
{
	if (!ending)
		return;
	ending->users = 1;
	put(ending);
	ending = NULL;
}

static const struct ws_part ending_part = {
	.lock = &ending_lock,
	.forked = forget_ending,
	.end = come,
};

WS_REGISTER_PART(WS_PART_ENDING, ending_part)
