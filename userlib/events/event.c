// SPDX-License-Identifier: LGPL-2.1-or-later
/* Event objects, and waiting for them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/export.h"
#include "completion.h"
#include "cleanup.h"
#include "event.h"
#include "watch.h"

/* As eventfd(2), but never 0: that is WSA_INVALID_EVENT. */
int ws_event_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int other;

	if (fd)
		return fd;
	other = fcntl(fd, F_DUPFD_CLOEXEC, 1);
	close(fd);
	return other;
}

/*
 * The application may pass a descriptor that is not an event.  Setting it must not
 * write eight bytes to a file or a socket; those have a type in st_mode, and an eventfd
 * has none.  Other descriptors without a type, such as an epoll set, fail write(2).
 */
bool ws_event_is_valid(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !(st.st_mode & S_IFMT);
}

bool ws_event_set(int fd)
{
	uint64_t one = 1;

	return ws_event_is_valid(fd) &&
	       (write(fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
}

bool ws_event_reset(int fd)
{
	uint64_t count;

	return ws_event_is_valid(fd) &&
	       (read(fd, &count, sizeof(count)) == sizeof(count) ||
		errno == EAGAIN);
}

WS_EXPORT WSAEVENT WSACreateEvent(void)
{
	struct ws_call call;
	int fd;

	if (!ws_call_begin(&call, -1))
		return WSA_INVALID_EVENT;
	fd = ws_event_create();
	if (ws_call_end(&call, fd < 0 ? WSA_NOT_ENOUGH_MEMORY : 0))
		return WSA_INVALID_EVENT;
	return (WSAEVENT)(intptr_t)fd;
}

static BOOL change(WSAEVENT event, bool (*change)(int fd))
{
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, -1))
		return FALSE;
	error = change(ws_event_fd(event)) ? 0 : WSA_INVALID_HANDLE;
	return !ws_call_end(&call, error);
}

WS_EXPORT BOOL WSASetEvent(WSAEVENT event)
{
	return change(event, ws_event_set);
}

WS_EXPORT BOOL WSAResetEvent(WSAEVENT event)
{
	return change(event, ws_event_reset);
}

/* L6: selections that would set it stay in force, for WSAEnumNetworkEvents(). */
static bool close_event(int fd)
{
	if (!ws_event_is_valid(fd))
		return false;
	ws_watch_forget_event(fd);
	return !close(fd);
}

WS_EXPORT BOOL WSACloseEvent(WSAEVENT event)
{
	return change(event, close_event);
}

/**
 * struct events - one WSAWaitForMultipleEvents()
 * @count: the number of events
 * @alertable: completion routines end the wait
 * @cleanup: WSACleanup() ends the wait, since no event can be set after it
 * @deadline: when the wait times out
 * @pollfds: the events, then this thread's completion queue and @cleanup
 */
struct events {
	DWORD count;
	bool alertable;
	struct ws_cleanup_event *cleanup;
	struct ws_deadline deadline;
	struct pollfd pollfds[WSA_MAXIMUM_WAIT_EVENTS + 2];
};

/* The number of events that are set; -1 with errno if one of them is not an event. */
static int poll_events(struct events *events, const struct timespec *timeout)
{
	DWORD i;
	int ret;

	ret = ppoll(events->pollfds, events->count + 2, timeout, NULL);
	/* L3: a signal that cancels nothing has no visible effect. */
	if (ret < 0)
		return errno == EINTR ? 0 : -1;
	for (ret = 0, i = 0; i < events->count; i++) {
		if (events->pollfds[i].revents & POLLNVAL) {
			errno = EBADF;
			return -1;
		}
		ret += !!(events->pollfds[i].revents & POLLIN);
	}
	return ret;
}

static DWORD first_set(const struct events *events)
{
	DWORD i = 0;

	while (!(events->pollfds[i].revents & POLLIN))
		i++;
	return i;
}

static void skip_set_events(struct events *events, bool out)
{
	DWORD i;

	for (i = 0; i < events->count; i++)
		if (out ? events->pollfds[i].revents & POLLIN :
			  events->pollfds[i].fd < 0)
			events->pollfds[i].fd = ~events->pollfds[i].fd;
}

static bool run_completions(const struct events *events)
{
	return events->alertable &&
	       events->pollfds[events->count].revents & POLLIN &&
	       ws_completion_run();
}

static bool is_cleaned_up(const struct events *events)
{
	if (!(events->pollfds[events->count + 1].revents & POLLIN))
		return false;
	errno = ECANCELED;
	return true;
}

/* The time left; false if the deadline has passed. */
static bool time_left(const struct events *events, struct timespec *left)
{
	if (!events->deadline.bounded)
		return true;
	*left = ws_deadline_left(&events->deadline);
	return left->tv_sec || left->tv_nsec;
}

/* These return the result of WSAWaitForMultipleEvents(). */
static DWORD wait_for_any(struct events *events)
{
	struct timespec left = { 0 };
	bool more;
	int set;

	do {
		more = time_left(events, &left);
		set = poll_events(events, events->deadline.bounded ? &left : NULL);
		if (set < 0)
			return WSA_WAIT_FAILED;
		if (set)
			return WSA_WAIT_EVENT_0 + first_set(events);
		if (run_completions(events))
			return WSA_WAIT_IO_COMPLETION;
		if (is_cleaned_up(events))
			return WSA_WAIT_FAILED;
	} while (more);
	return WSA_WAIT_TIMEOUT;
}

static DWORD wait_for_all(struct events *events)
{
	static const struct timespec now;
	struct timespec left = { 0 };
	int set;

	for (;;) {
		set = poll_events(events, &now);
		if (set < 0)
			return WSA_WAIT_FAILED;
		if ((DWORD)set == events->count)
			return WSA_WAIT_EVENT_0;
		if (run_completions(events))
			return WSA_WAIT_IO_COMPLETION;
		if (is_cleaned_up(events))
			return WSA_WAIT_FAILED;
		if (!time_left(events, &left))
			return WSA_WAIT_TIMEOUT;
		/* Events that are set already would end ppoll(2) at once. */
		skip_set_events(events, true);
		set = poll_events(events, events->deadline.bounded ? &left : NULL);
		skip_set_events(events, false);
		if (set < 0)
			return WSA_WAIT_FAILED;
	}
}

static int events_init(struct events *events, const WSAEVENT *list,
		       bool alertable)
{
	DWORD i;

	if (!events->count || events->count > WSA_MAXIMUM_WAIT_EVENTS)
		return WSA_INVALID_PARAMETER;
	if (!list)
		return WSAEFAULT;
	for (i = 0; i < events->count; i++) {
		events->pollfds[i].fd = ws_event_fd(list[i]);
		events->pollfds[i].events = POLLIN;
		if (events->pollfds[i].fd < 0)
			return WSA_INVALID_HANDLE;
	}
	events->pollfds[i].fd = alertable ? ws_completion_fd() : -1;
	events->pollfds[i].events = POLLIN;
	events->alertable = events->pollfds[i].fd >= 0;
	events->pollfds[i + 1].fd = -1;
	return 0;
}

static DWORD wait_until(struct events *events, bool all,
			struct ws_deadline deadline)
{
	events->deadline = deadline;
	return all ? wait_for_all(events) : wait_for_any(events);
}

/*
 * Polls once before it creates the cleanup event: that must not be given the
 * descriptor of an event in the list which has been closed.
 */
static DWORD wait_for(struct events *events, bool all, DWORD timeout)
{
	struct ws_deadline deadline = timeout == WSA_INFINITE ? ws_never() :
		ws_deadline_in(timeout / 1000,
			       timeout % 1000 * WS_NSEC_PER_MSEC);
	DWORD ret;

	ret = wait_until(events, all, ws_deadline_in(0, 0));
	if (ret != WSA_WAIT_TIMEOUT || !timeout)
		return ret;
	if (!ws_cleanup_event_get(&events->cleanup, &events->pollfds[events->count + 1])) {
		errno = ECANCELED;
		return WSA_WAIT_FAILED;
	}
	ret = wait_until(events, all, deadline);
	ws_cleanup_event_put(events->cleanup);
	return ret;
}

static int wait_error(int err)
{
	switch (err) {
	case EBADF:
		return WSA_INVALID_HANDLE;
	case ECANCELED:
		return WSANOTINITIALISED;
	default:
		return WSA_NOT_ENOUGH_MEMORY;
	}
}

/* The wait does not reset events: all are manual-reset events. */
WS_EXPORT DWORD WSAWaitForMultipleEvents(DWORD count, const WSAEVENT *list,
					 BOOL all, DWORD timeout,
					 BOOL alertable)
{
	struct events events = { .count = count };
	DWORD ret = WSA_WAIT_FAILED;
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, -1))
		return WSA_WAIT_FAILED;
	error = events_init(&events, list, alertable);
	if (!error) {
		ret = wait_for(&events, all, timeout);
		if (ret == WSA_WAIT_FAILED)
			error = wait_error(errno);
	}
	ws_call_end(&call, error);
	return ret;
}
