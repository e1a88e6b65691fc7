// SPDX-License-Identifier: LGPL-2.1-or-later
/* Each thread's queue of completion routines. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/part.h"
#include "alert.h"
#include "event.h"

/**
 * struct ws_alerts - what one thread has to run
 * @users: the thread, and each request that may post here
 * @fd: an event that is set while there is something; -1 when the thread has
 *	ended
 * @first: the next to run
 * @last: where the one after them goes
 */
struct ws_alerts {
	unsigned int users;
	int fd;
	struct ws_alert *first;
	struct ws_alert **last;
};

static pthread_mutex_t alert_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

static void free_list(struct ws_alert *alert)
{
	struct ws_alert *next;

	for (; alert; alert = next) {
		next = alert->next;
		free(alert);
	}
}

/* Under alert_lock.  Windows drops a thread's routines with the thread, too. */
static void end(struct ws_alerts *alerts)
{
	if (ws_event_is_valid(alerts->fd))
		close(alerts->fd);
	free_list(alerts->first);
	alerts->fd = -1;
	alerts->first = NULL;
	alerts->last = &alerts->first;
	if (!--alerts->users)
		free(alerts);
}

static void thread_ends(void *arg)
{
	pthread_mutex_lock(&alert_lock);
	end(arg);
	pthread_mutex_unlock(&alert_lock);
}

static void make_key(void)
{
	have_key = !pthread_key_create(&key, thread_ends);
}

static struct ws_alerts *own(void)
{
	pthread_once(&key_once, make_key);
	return have_key ? pthread_getspecific(key) : NULL;
}

static struct ws_alerts *new_alerts(void)
{
	struct ws_alerts *alerts = calloc(1, sizeof(*alerts));

	if (!alerts)
		return NULL;
	alerts->users = 1;
	alerts->last = &alerts->first;
	alerts->fd = ws_event_create();
	if (alerts->fd < 0 || pthread_setspecific(key, alerts)) {
		if (alerts->fd >= 0)
			close(alerts->fd);
		free(alerts);
		return NULL;
	}
	return alerts;
}

/* This thread's queue, for a request to post to; NULL if it cannot be had. */
struct ws_alerts *ws_alerts_get(void)
{
	struct ws_alerts *alerts = own();

	if (!alerts && have_key)
		alerts = new_alerts();
	if (alerts) {
		pthread_mutex_lock(&alert_lock);
		alerts->users++;
		pthread_mutex_unlock(&alert_lock);
	}
	return alerts;
}

void ws_alerts_put(struct ws_alerts *alerts)
{
	bool last;

	if (!alerts)
		return;
	pthread_mutex_lock(&alert_lock);
	last = !--alerts->users;
	pthread_mutex_unlock(&alert_lock);
	if (last)
		free(alerts);
}

/* From any thread; @alert is the queue's from now on. */
void ws_alerts_post(struct ws_alerts *alerts, struct ws_alert *alert)
{
	pthread_mutex_lock(&alert_lock);
	if (alerts->fd >= 0) {
		alert->next = NULL;
		*alerts->last = alert;
		alerts->last = &alert->next;
		ws_event_set(alerts->fd);
		alert = NULL;
	}
	pthread_mutex_unlock(&alert_lock);
	free(alert);
}

/* Readable while this thread has routines to run; -1 if it can have none. */
int ws_alert_fd(void)
{
	struct ws_alerts *alerts = own();

	return alerts ? alerts->fd : -1;
}

static struct ws_alert *take_all(struct ws_alerts *alerts)
{
	struct ws_alert *all;

	pthread_mutex_lock(&alert_lock);
	all = alerts->first;
	alerts->first = NULL;
	alerts->last = &alerts->first;
	ws_event_reset(alerts->fd);
	pthread_mutex_unlock(&alert_lock);
	return all;
}

/* Runs those that are there now, none of them twice.  False if there were none. */
bool ws_alert_run(void)
{
	struct ws_alerts *alerts = own();
	struct ws_alert *alert, *next;

	alert = alerts ? take_all(alerts) : NULL;
	if (!alert)
		return false;
	for (; alert; alert = next) {
		next = alert->next;
		alert->routine(alert->error, alert->transferred,
			       alert->overlapped, alert->flags);
		free(alert);
	}
	return true;
}

/* L8: the parent's requests, and what they have come to, are the parent's. */
static void forget_alerts(void)
{
	struct ws_alerts *alerts = own();

	if (!alerts)
		return;
	pthread_setspecific(key, NULL);
	end(alerts);
}

static const struct ws_part alert_part = {
	.lock = &alert_lock,
	.forked = forget_alerts,
};

WS_REGISTER_PART(WS_PART_ALERTS, alert_part)
