// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * close(2) implemented by closesocket().
 *
 * close(2) cannot be refused: where closesocket() refuses, or a signal ends its wait,
 * the descriptor must be closed anyway, and the module waits in the background for the
 * rest of the linger interval.
 */
#include <errno.h>
#include <linux/winsock.h>
#include <sys/socket.h>
#include <time.h>

#include "close.h"
#include "observe.h"
#include "own.h"

#define NSEC_PER_SEC	1000000000LL
#define TICK_NSEC	10000000LL	/* of the coarse clock, at most */
#define MAX_LINGER	65535		/* of a request */

static int closesocket(int fd)
{
	struct winsock_closesocket arg = { .fd = fd };

	return run_device_ioctl(WINSOCK_IOC_CLOSESOCKET, &arg);
}

/* The fallback: the data is still delivered, but without a deadline. */
static void close_without_deadline(int fd)
{
	static const struct linger off;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	if (closesocket(fd))
		run_plain_close(fd);
}

static long long nsec_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (now.tv_sec - start->tv_sec) * NSEC_PER_SEC + now.tv_nsec - start->tv_nsec;
}

/*
 * The rest of the linger interval in nanoseconds, up to a tick too long; 0 if SO_LINGER
 * is off.
 */
static uint64_t time_left(int fd, long long spent)
{
	struct linger linger = { 0 };
	socklen_t len = sizeof(linger);
	long long asked;

	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	if (!linger.l_onoff)
		return 0;
	asked = linger.l_linger < MAX_LINGER ? linger.l_linger : MAX_LINGER;
	asked *= NSEC_PER_SEC;
	if (spent > TICK_NSEC)
		asked -= spent - TICK_NSEC;
	return asked > 0 ? asked : 1;
}

static void report(const struct observed *before, int shown)
{
	struct run_message message = { .kind = RUN_CLOSED };

	run_observed(before, shown, 0, &message.close);
	run_channel_send(&message);
}

/* Sent before there can be an outcome; see message.h. */
static bool announce(const struct observed *before, int shown, int err)
{
	struct run_message message = { .kind = RUN_BEGINS, .cookie = before->cookie };

	run_observed(before, shown, err, &message.close);
	return !run_channel_send(&message);
}

static void report_instead(const struct observed *before, int shown)
{
	struct run_message message = { .kind = RUN_INSTEAD, .cookie = before->cookie };

	run_observed(before, shown, 0, &message.close);
	if (message.close.decision != RUN_SHARED)
		message.close.decision = RUN_GRACEFUL;
	run_channel_send(&message);
}

/* @before is NULL without a report. */
static void close_in_background(int fd, int err, long long spent,
				const struct observed *before, int shown)
{
	struct winsock_close_deadline arg = { .fd = fd, .timeout = time_left(fd, spent) };

	if (before && announce(before, shown, err)) {
		arg.flags = WINSOCK_CLOSE_REPORT;
		arg.cookie = before->cookie;
	}
	if (!run_device_ioctl(WINSOCK_IOC_CLOSE_DEADLINE, &arg))
		return;
	close_without_deadline(fd);
	if (arg.flags)
		report_instead(before, shown);
}

bool run_close_socket(int fd, int shown)
{
	struct observed before;
	struct timespec start;
	bool reported;
	int err;

	reported = run_channel_reports() && run_observe(fd, &before);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
	err = closesocket(fd);
	if (err && err != -EAGAIN && err != -EINTR)
		return false;
	if (err)
		close_in_background(fd, err, err == -EINTR ? nsec_since(&start) : 0,
				    reported ? &before : NULL, shown);
	else if (reported)
		report(&before, shown);
	return true;
}
