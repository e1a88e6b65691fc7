// SPDX-License-Identifier: LGPL-2.1-or-later
/* Each thread's queue of completion routines. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/part.h"
#include "completion.h"
#include "event.h"

/**
 * struct ws_completions - the queue of one thread
 * @users: references: the thread's, and one for each request that may post here
 * @fd: an event, set while the queue is not empty; -1 once the thread has ended
 * @first: the oldest completion
 * @last: points to the link where the next one is appended
 */
struct ws_completions {
	unsigned int users;
	int fd;
	struct ws_completion *first;
	struct ws_completion **last;
};

static pthread_mutex_t completion_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

static void free_list(struct ws_completion *completion)
{
	struct ws_completion *next;

	for (; completion; completion = next) {
		next = completion->next;
		free(completion);
	}
}

/* Under completion_lock.  As on Windows, an ended thread's routines do not run. */
static void end(struct ws_completions *completions)
{
	if (ws_event_is_valid(completions->fd))
		close(completions->fd);
	free_list(completions->first);
	completions->fd = -1;
	completions->first = NULL;
	completions->last = &completions->first;
	if (!--completions->users)
		free(completions);
}

static void thread_exited(void *arg)
{
	pthread_mutex_lock(&completion_lock);
	end(arg);
	pthread_mutex_unlock(&completion_lock);
}

static void make_key(void)
{
	have_key = !pthread_key_create(&key, thread_exited);
}

static struct ws_completions *own_completions(void)
{
	pthread_once(&key_once, make_key);
	return have_key ? pthread_getspecific(key) : NULL;
}

static struct ws_completions *new_completions(void)
{
	struct ws_completions *completions = calloc(1, sizeof(*completions));

	if (!completions)
		return NULL;
	completions->users = 1;
	completions->last = &completions->first;
	completions->fd = ws_event_create();
	if (completions->fd < 0 || pthread_setspecific(key, completions)) {
		if (completions->fd >= 0)
			close(completions->fd);
		free(completions);
		return NULL;
	}
	return completions;
}

/* Takes a reference to this thread's queue; NULL if it cannot be created. */
struct ws_completions *ws_completions_get(void)
{
	struct ws_completions *completions = own_completions();

	if (!completions && have_key)
		completions = new_completions();
	if (completions) {
		pthread_mutex_lock(&completion_lock);
		completions->users++;
		pthread_mutex_unlock(&completion_lock);
	}
	return completions;
}

void ws_completions_put(struct ws_completions *completions)
{
	bool last;

	if (!completions)
		return;
	pthread_mutex_lock(&completion_lock);
	last = !--completions->users;
	pthread_mutex_unlock(&completion_lock);
	if (last)
		free(completions);
}

/* May be called by any thread.  The queue takes ownership of @completion. */
void ws_completions_post(struct ws_completions *completions, struct ws_completion *completion)
{
	pthread_mutex_lock(&completion_lock);
	if (completions->fd >= 0) {
		completion->next = NULL;
		*completions->last = completion;
		completions->last = &completion->next;
		ws_event_set(completions->fd);
		completion = NULL;
	}
	pthread_mutex_unlock(&completion_lock);
	free(completion);
}

/* Readable while this thread has routines to run; -1 if it has no queue. */
int ws_completion_fd(void)
{
	struct ws_completions *completions = own_completions();

	return completions ? completions->fd : -1;
}

static struct ws_completion *take_all(struct ws_completions *completions)
{
	struct ws_completion *all;

	pthread_mutex_lock(&completion_lock);
	all = completions->first;
	completions->first = NULL;
	completions->last = &completions->first;
	ws_event_reset(completions->fd);
	pthread_mutex_unlock(&completion_lock);
	return all;
}

/*
 * Runs the routines that are queued now, but none that they queue in turn.  Returns
 * false if there were none.
 */
bool ws_completion_run(void)
{
	struct ws_completions *completions = own_completions();
	struct ws_completion *completion, *next;

	completion = completions ? take_all(completions) : NULL;
	if (!completion)
		return false;
	for (; completion; completion = next) {
		next = completion->next;
		completion->routine(completion->error, completion->transferred,
				    completion->overlapped, completion->flags);
		free(completion);
	}
	return true;
}

/* L8: requests and their completions belong to the parent. */
static void forget_completions(void)
{
	struct ws_completions *completions = own_completions();

	if (!completions)
		return;
	pthread_setspecific(key, NULL);
	end(completions);
}

static const struct ws_part completion_part = {
	.lock = &completion_lock,
	.forked = forget_completions,
};

WS_REGISTER_PART(WS_PART_COMPLETIONS, completion_part)
