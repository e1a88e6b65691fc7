// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * WSAAsyncSelect, and the message queues that it posts to, which take the place of
 * windows.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/export.h"
#include "core/part.h"
#include "core/socket.h"
#include "async.h"
#include "cleanup.h"
#include "event.h"
#include "watch.h"

/**
 * struct queued_message - a message that has not been read
 * @next: the next message in the queue
 * @message: for the application
 * @origin: key of the watch that posted it
 */
struct queued_message {
	struct queued_message *next;
	struct winsock_message message;
	uint64_t origin;
};

/**
 * struct winsock_queue - a message queue
 * @next: in the list of open queues
 * @link: the pointer to this queue in that list; NULL once it is closed
 * @readers: threads that are in winsock_get_message() with it
 * @event: an event, set while there are messages or once the queue is closed
 * @first: the oldest message
 * @last: points to the link where the next message is appended
 */
struct winsock_queue {
	struct winsock_queue *next;
	struct winsock_queue **link;
	unsigned int readers;
	int event;
	struct queued_message *first;
	struct queued_message **last;
};

static pthread_mutex_t queues_lock = PTHREAD_MUTEX_INITIALIZER;
static struct winsock_queue *queues;

static bool is_open(const struct winsock_queue *queue)
{
	const struct winsock_queue *q;

	for (q = queues; q && q != queue; q = q->next)
		;
	return q;
}

bool ws_queue_is_open(const struct winsock_queue *queue)
{
	bool open;

	pthread_mutex_lock(&queues_lock);
	open = is_open(queue);
	pthread_mutex_unlock(&queues_lock);
	return open;
}

/* False without memory, or if the queue has been closed. */
bool ws_queue_post(struct winsock_queue *queue, const struct ws_target *target,
		   uint64_t origin, long event, int error)
{
	struct queued_message *queued_message = malloc(sizeof(*queued_message));
	bool open;

	if (!queued_message)
		return false;
	queued_message->next = NULL;
	queued_message->origin = origin;
	queued_message->message.hwnd = queue;
	queued_message->message.message = target->message;
	queued_message->message.wParam = target->socket;
	queued_message->message.lParam = WSAMAKESELECTREPLY(event, error);

	pthread_mutex_lock(&queues_lock);
	open = is_open(queue);
	if (open) {
		*queue->last = queued_message;
		queue->last = &queued_message->next;
		ws_event_set(queue->event);
	}
	pthread_mutex_unlock(&queues_lock);
	if (!open)
		free(queued_message);
	return open;
}

static void update_event(struct winsock_queue *queue)
{
	if (!queue->first)
		ws_event_reset(queue->event);
}

/* The socket is closed, and its descriptor may be reused. */
void ws_queue_purge(struct winsock_queue *queue, uint64_t origin)
{
	struct queued_message **at, *queued_message;

	pthread_mutex_lock(&queues_lock);
	if (is_open(queue)) {
		for (at = &queue->first; (queued_message = *at); ) {
			if (queued_message->origin != origin) {
				at = &queued_message->next;
				continue;
			}
			*at = queued_message->next;
			free(queued_message);
		}
		queue->last = at;
		update_event(queue);
	}
	pthread_mutex_unlock(&queues_lock);
}

static void drop_messages(struct winsock_queue *queue)
{
	struct queued_message *queued_message;

	while ((queued_message = queue->first)) {
		queue->first = queued_message->next;
		free(queued_message);
	}
	queue->last = &queue->first;
}

/* L8: the child keeps the queues, but empty, and with events not shared with the parent. */
static void reset_after_fork(void)
{
	struct winsock_queue *queue;
	int event;

	for (queue = queues; queue; queue = queue->next) {
		queue->readers = 0;
		drop_messages(queue);
		event = ws_event_create();
		if (event < 0)
			continue;
		dup3(event, queue->event, O_CLOEXEC);
		close(event);
	}
}

static const struct ws_part queues_part = {
	.lock = &queues_lock,
	.forked = reset_after_fork,
};

WS_REGISTER_PART(WS_PART_QUEUES, queues_part)

WS_EXPORT HWND winsock_create_queue(void)
{
	struct winsock_queue *queue;
	struct ws_call call;

	if (!ws_call_begin(&call, -1))
		return NULL;
	queue = calloc(1, sizeof(*queue));
	if (queue) {
		queue->last = &queue->first;
		queue->event = ws_event_create();
	}
	if (!queue || queue->event < 0) {
		free(queue);
		ws_call_end(&call, WSAENOBUFS);
		return NULL;
	}

	pthread_mutex_lock(&queues_lock);
	queue->next = queues;
	queue->link = &queues;
	if (queue->next)
		queue->next->link = &queue->next;
	queues = queue;
	pthread_mutex_unlock(&queues_lock);

	ws_call_end(&call, 0);
	return queue;
}

/* Under queues_lock, once it is closed and has no readers. */
static void free_queue(struct winsock_queue *queue)
{
	drop_messages(queue);
	close(queue->event);
	free(queue);
}

static int close_queue(struct winsock_queue *queue)
{
	pthread_mutex_lock(&queues_lock);
	if (!is_open(queue)) {
		pthread_mutex_unlock(&queues_lock);
		return WSAEINVAL;
	}
	*queue->link = queue->next;
	if (queue->next)
		queue->next->link = queue->link;
	queue->link = NULL;
	pthread_mutex_unlock(&queues_lock);

	/*
	 * watch_lock must be taken before queues_lock.  The queue is no longer in the
	 * list, so that no other thread finds it.
	 */
	ws_watch_forget_queue(queue);

	pthread_mutex_lock(&queues_lock);
	if (queue->readers)
		ws_event_set(queue->event);
	else
		free_queue(queue);
	pthread_mutex_unlock(&queues_lock);
	return 0;
}

WS_EXPORT int winsock_close_queue(HWND queue)
{
	struct ws_call call;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	return ws_call_end(&call, close_queue(queue));
}

WS_EXPORT WSAEVENT winsock_queue_event(HWND queue)
{
	WSAEVENT event = WSA_INVALID_EVENT;
	struct ws_call call;

	if (!ws_call_begin(&call, -1))
		return WSA_INVALID_EVENT;
	pthread_mutex_lock(&queues_lock);
	if (is_open(queue))
		event = (WSAEVENT)(intptr_t)queue->event;
	pthread_mutex_unlock(&queues_lock);
	ws_call_end(&call, event ? 0 : WSAEINVAL);
	return event;
}

static bool dequeue(struct winsock_queue *queue, struct winsock_message *message)
{
	struct queued_message *queued_message = queue->first;

	if (!queued_message)
		return false;
	*message = queued_message->message;
	queue->first = queued_message->next;
	if (!queue->first)
		queue->last = &queue->first;
	update_event(queue);
	free(queued_message);
	return true;
}

enum wait {
	WAIT_ON,
	WAIT_TIMEOUT,
	WAIT_ENDED,	/* by WSACleanup() */
};

/* L3: a signal that cancels nothing has no visible effect. */
static enum wait wait_for_event(int event, const struct ws_deadline *deadline)
{
	struct pollfd pollfds[] = { { .fd = event, .events = POLLIN }, { 0 } };
	struct timespec left = { 0 };
	struct ws_cleanup_event *cleanup;

	if (!ws_cleanup_event_get(&cleanup, &pollfds[1]))
		return WAIT_ENDED;
	if (deadline->bounded)
		left = ws_deadline_left(deadline);
	ppoll(pollfds, 2, deadline->bounded ? &left : NULL, NULL);
	ws_cleanup_event_put(cleanup);
	if (pollfds[1].revents & POLLIN)
		return WAIT_ENDED;
	if (deadline->bounded && !left.tv_sec && !left.tv_nsec)
		return WAIT_TIMEOUT;
	return WAIT_ON;
}

/* 1 with a message, 0 on timeout, or a WSA error. */
static int get_message(struct winsock_queue *queue,
		       struct winsock_message *message,
		       const struct ws_deadline *deadline)
{
	enum wait wait = WAIT_ON;
	int ret = 0;

	pthread_mutex_lock(&queues_lock);
	if (!is_open(queue)) {
		pthread_mutex_unlock(&queues_lock);
		return WSAEINVAL;
	}
	queue->readers++;
	while (queue->link && !(ret = dequeue(queue, message)) && wait == WAIT_ON) {
		pthread_mutex_unlock(&queues_lock);
		wait = wait_for_event(queue->event, deadline);
		pthread_mutex_lock(&queues_lock);
	}
	if (!ret && wait == WAIT_ENDED)
		ret = WSANOTINITIALISED;
	queue->readers--;
	if (!queue->link) {
		ret = WSAEINVAL;
		if (!queue->readers)
			free_queue(queue);
	}
	pthread_mutex_unlock(&queues_lock);
	return ret;
}

WS_EXPORT int winsock_get_message(HWND queue, struct winsock_message *message,
				  DWORD timeout)
{
	struct ws_deadline deadline = ws_never();
	struct ws_call call;
	int ret;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	if (!message)
		return ws_call_end(&call, WSAEFAULT);
	if (timeout != WSA_INFINITE)
		deadline = ws_deadline_in(timeout / 1000,
					  timeout % 1000 * WS_NSEC_PER_MSEC);
	ret = get_message(queue, message, &deadline);
	return ws_call_end(&call, ret > 1 ? ret : 0) ? SOCKET_ERROR : ret;
}

WS_EXPORT int WSAAsyncSelect(SOCKET s, HWND queue, u_int message, long mask)
{
	struct ws_target target = {
		.event = -1,
		.queue = mask ? queue : NULL,
		.message = message,
		.socket = s,
	};
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (mask && !queue)
		error = ws_slot_adopt(call.fd) ? WSAEINVAL : WSAENOTSOCK;
	else
		error = ws_watch_select(call.fd, &target, mask);
	return ws_call_end(&call, error);
}
