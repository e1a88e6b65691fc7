// SPDX-License-Identifier: LGPL-2.1-or-later
/* closesocket() and winsock_close_deadline(); the decision is made in the kernel. */
#include <errno.h>
#include <linux/winsock.h>
#include <sys/ioctl.h>
#include <winsock2.h>

#include "blocking.h"
#include "call.h"
#include "close.h"
#include "deadline.h"
#include "device.h"
#include "error.h"
#include "export.h"
#include "linger.h"
#include "outcome.h"
#include "part.h"
#include "socket.h"

#define LONGEST_TICK_NSEC	(10 * WS_NSEC_PER_MSEC)
#define MAX_DEADLINE_MSEC	65535000

atomic_bool ws_requests_deferred;

/**
 * struct background - a close that continues without the caller (T-rows)
 * @nsec: the time until the deadline
 * @outcomes: the descriptor to read the outcome from; -1 if none is wanted
 * @cookie: returned in the outcome
 */
struct background {
	uint64_t nsec;
	int outcomes;
	uint64_t cookie;
};

/*
 * References to the open file that the kernel cannot distinguish from those of
 * another process: threads of this process in poll(2), and overlapped requests.
 */
static unsigned int pending(const struct ws_slot *slot,
			    const struct ws_requests *requests)
{
	return (slot ? atomic_load(&slot->pollers) : 0) +
	       (requests ? ws_requests_pending(requests) : 0);
}

static inline int close_request(int fd, const struct ws_slot *slot,
				const struct ws_requests *requests)
{
	struct winsock_closesocket arg = {
		.fd = fd,
		.pending = pending(slot, requests),
	};

	return ws_device_ioctl(WINSOCK_IOC_CLOSESOCKET, &arg) ? errno : 0;
}

/*
 * Whole seconds, rounded down: the coarse clock is cheap and up to one tick late.
 */
static time_t seconds_since(const struct timespec *start)
{
	struct timespec now;
	long long nsec;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	nsec = (long long)(now.tv_sec - start->tv_sec) * WS_NSEC_PER_SEC +
	       now.tv_nsec - start->tv_nsec - LONGEST_TICK_NSEC;
	return nsec > 0 ? nsec / WS_NSEC_PER_SEC : 0;
}

/*
 * L3: a signal that cancels nothing has no visible effect, and does not extend the
 * wait.  The kernel starts the interval again with each request, so it is set to
 * the time that is left, and to 0 when none is left, which resets (C9).
 */
static int __attribute__((noinline))
close_again(int fd, const struct ws_slot *slot,
	    const struct ws_requests *requests, const struct timespec *start)
{
	struct winsock_linger asked, left;
	bool known = false;
	time_t spent;
	int err = EINTR;

	while (err == EINTR && !ws_is_cancelled()) {	/* C11 */
		if (known || !ws_get_linger(fd, &asked)) {
			known = true;
			spent = seconds_since(start);
			left = asked;
			left.l_linger = spent < asked.l_linger ?
					asked.l_linger - spent : 0;
			ws_set_linger(fd, &left);
		}
		err = close_request(fd, slot, requests);
	}

	/* I1: a failure leaves the options as they were. */
	if (err && known)
		ws_set_linger(fd, &asked);
	return err;
}

/*
 * Without a linger interval there is no wait, and the clock is not read.  If the
 * program set the interval by setsockopt(2) and the library did not see it, time
 * is counted from the first signal.
 */
static int close_through_signals(int fd, struct ws_slot *slot,
				 const struct ws_requests *requests)
{
	bool may_linger = !slot || ws_slot_flags(slot) & WS_SLOT_LINGER;
	struct timespec start;
	int err;

	if (may_linger)
		clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
	err = close_request(fd, slot, requests);
	if (err != EINTR)
		return err;
	if (!may_linger)
		clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
	return close_again(fd, slot, requests, &start);
}

static int __attribute__((noinline))
close_in_background(int fd, const struct ws_slot *slot,
		    const struct ws_requests *requests,
		    const struct background *how)
{
	struct winsock_close_deadline arg = {
		.fd = fd,
		.flags = how->outcomes >= 0 ? WINSOCK_CLOSE_REPORT : 0,
		.pending = pending(slot, requests),
		.timeout = how->nsec,
		.cookie = how->cookie,
	};
	int ret;

	if (how->outcomes >= 0)
		ret = ioctl(how->outcomes, WINSOCK_IOC_CLOSE_DEADLINE, &arg);
	else
		ret = ws_device_ioctl(WINSOCK_IOC_CLOSE_DEADLINE, &arg);
	return ret ? errno : 0;
}

/*
 * closesocket(), or with @how a close with a deadline.  Returns 0, or an errno; on
 * failure nothing has changed.
 */
static int close_socket(int fd, const struct background *how)
{
	struct ws_slot *slot = ws_slot_lookup(fd);
	struct ws_requests *requests;
	unsigned int generation = 0;
	uint32_t watch;
	int err;

	/*
	 * While slot->closing is not 0, a call that returns with EINTR is not restarted:
	 * another socket may have the descriptor by then.
	 */
	if (slot) {
		generation = ws_slot_generation(slot);
		atomic_fetch_add(&slot->closing, 1);
	}
	watch = ws_watch_suspend(slot);
	requests = ws_requests_hold(slot, fd);
	err = how ? close_in_background(fd, slot, requests, how) :
		    close_through_signals(fd, slot, requests);
	if (slot) {
		if (!err)
			ws_slot_closed(slot, generation);
		atomic_fetch_sub(&slot->closing, 1);
	}
	ws_requests_release(requests, !err);
	if (err)	/* I1 */
		ws_watch_resume(slot, watch);
	return err;
}

/**
 * ws_close - close a socket
 * @fd: its descriptor
 *
 * Return: 0, or an errno; on failure nothing has changed.
 */
int ws_close(int fd)
{
	return close_socket(fd, NULL);
}

/* L2: where closesocket() would refuse, the connection is reset. */
void ws_close_at_once(int fd)
{
	static const struct winsock_linger reset = { .l_onoff = 1 };

	if (ws_close(fd) == EAGAIN && !ws_set_linger(fd, &reset))
		ws_close(fd);
}

WS_EXPORT int closesocket(SOCKET s)
{
	struct ws_call call;
	int err;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	ws_blocking_begin();
	err = ws_close(call.fd);
	ws_blocking_end();
	/* Not ws_call_error(): EAGAIN is a refusal here, never a timeout. */
	return ws_call_end(&call, err ? ws_error_from_errno(err) : 0);
}

/* WSAENOTSOCK takes precedence over the errors of other arguments. */
static int background_error(const struct ws_call *call, unsigned int msec,
			    WSAEVENT outcomes)
{
	if (!msec || msec > MAX_DEADLINE_MSEC)
		return ws_call_argument(call, WSAEINVAL);
	if (outcomes != WSA_INVALID_EVENT &&
	    !ws_is_outcomes(ws_event_fd(outcomes)))
		return ws_call_argument(call, WSA_INVALID_HANDLE);
	return 0;
}

/* Not a function of Winsock. */
WS_EXPORT int winsock_close_deadline(SOCKET s, unsigned int milliseconds,
				     WSAEVENT outcomes, uint64_t cookie)
{
	struct background how = {
		.nsec = (uint64_t)milliseconds * WS_NSEC_PER_MSEC,
		.outcomes = ws_event_fd(outcomes),
		.cookie = cookie,
	};
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	error = background_error(&call, milliseconds, outcomes);
	if (!error) {
		ws_blocking_begin();
		error = ws_error_from_errno(close_socket(call.fd, &how));
		ws_blocking_end();
	}
	return ws_call_end(&call, error);
}
