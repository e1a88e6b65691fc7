// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * close(2), which cannot say "not yet", by closesocket(), which does.
 *
 * Where closesocket() refuses, and where a signal ends its wait, the number must
 * be gone all the same, and what is left of the linger interval is waited for by
 * the keeper.
 */
#include <errno.h>
#include <linux/winsock.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "close.h"
#include "descriptors.h"
#include "observe.h"
#include "own.h"

static int closesocket(int fd)
{
	struct winsock_closesocket arg = { .fd = fd };

	return run_device_ioctl(WINSOCK_IOC_CLOSESOCKET, &arg);
}

/* The data is kept, the deadline is lost: better than the other way round. */
static void close_without_deadline(int fd)
{
	static const struct linger off;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	if (closesocket(fd))
		run_plain_close(fd);
}

static void leave_epoll_set(int set, int fd)
{
	struct epoll_event none;

	/* EINVAL: it is no epoll set. */
	epoll_ctl(set, EPOLL_CTL_DEL, fd, &none);
}

/*
 * The socket lives on, but the program must not hear of it; and where an epoll
 * set watches, closesocket() needs a while to tell that others hold the socket.
 */
static void leave_epoll_sets(int fd)
{
	run_each_descriptor(0, ~0U, leave_epoll_set, fd);
}

void run_prepare_close(int fd)
{
	struct linger linger = { 0 };
	socklen_t len = sizeof(linger);

	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	if (linger.l_onoff && linger.l_linger)
		leave_epoll_sets(fd);
}

static void take_back(int from)
{
	char byte;
	int fd;

	if (run_take(from, &byte, 1, &fd) == 1 && fd >= 0)
		close_without_deadline(fd);
}

/*
 * The keeper may only begin when the number is gone: it would find the socket
 * shared.  So it gets the socket in a parcel that is passed on last.
 */
static bool hand_over(int fd, struct run_message *message)
{
	bool packed;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return false;
	packed = !run_pass(ends[0], "", 1, fd, 0);
	if (packed) {
		leave_epoll_sets(fd);
		closesocket(fd);	/* G5 */
		if (run_channel_send(message, ends[1]))
			take_back(ends[1]);
	}
	run_plain_close(ends[0]);
	run_plain_close(ends[1]);
	return packed;
}

static unsigned int seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec - start->tv_sec - (now.tv_nsec < start->tv_nsec);
}

bool run_close_socket(int fd, int shown)
{
	struct run_message message;
	struct observed before;
	struct timespec start;
	bool report;
	int err;

	report = run_channel_reports() && run_observe(fd, &before);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
	err = closesocket(fd);
	if (err && err != -EAGAIN && err != -EINTR)
		return false;
	if (!err && !report)
		return true;

	message = (struct run_message) { .spent = err ? seconds_since(&start) : 0 };
	if (report)
		run_observed(&before, shown, err, &message.close);
	if (!err)
		run_channel_send(&message, -1);
	else if (!hand_over(fd, &message))
		close_without_deadline(fd);
	return true;
}
