// SPDX-License-Identifier: LGPL-2.1-or-later
/* Translates the result of poll(2) into Winsock's terms. */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ready.h"

/* The events to pass to poll(2), which reports errors in any case. */
short ws_ready_events(unsigned int interest)
{
	short events = 0;

	if (interest & WS_READABLE)
		events |= POLLIN;
	if (interest & WS_WRITABLE)
		events |= POLLOUT;
	if (interest & WS_URGENT)
		events |= POLLPRI;
	if (interest & (WS_HANGUP | WS_ABORTED))
		events |= POLLRDHUP;
	return events;
}

static bool has_unread(int fd)
{
	int n = 0;

	return !ioctl(fd, SIOCINQ, &n) && n > 0;
}

static bool is_inline(int fd)
{
	socklen_t len = sizeof(int);
	int on = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, &len) && on;
}

static unsigned int plain(int fd, short revents)
{
	unsigned int ready = 0;

	if (revents & POLLIN)
		ready |= WS_READABLE;
	if (revents & POLLOUT)
		ready |= WS_WRITABLE;
	if (revents & POLLPRI)
		ready |= is_inline(fd) ? WS_READABLE : WS_URGENT;
	return ready;
}

/* Asked separately, since not every wait includes POLLRDHUP. */
static bool is_shut_down(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLRDHUP };

	return poll(&pollfd, 1, 0) > 0 && pollfd.revents & POLLRDHUP;
}

/*
 * TCP_CLOSE is the state of a socket whose connection has ended, of one whose connect
 * has failed, and of a new one.  Only a socket that was connected has a measured round
 * trip or negotiated options, and it keeps both; only a new socket is not shut down.
 * A pending SO_ERROR must not be consumed here.
 */
static unsigned int ready_when_closed(struct ws_slot *slot, int fd,
				      const struct tcp_info *info, short revents)
{
	bool connected = info->tcpi_rtt || info->tcpi_options ||
			 ws_slot_flags(slot) & WS_SLOT_ACCEPTED;
	char byte;
	ssize_t n;

	if (!is_shut_down(fd))
		return 0;
	if (!connected)
		return WS_CONNECT_FAILED;
	if (revents & POLLERR)
		return WS_ABORTED | WS_WRITABLE;

	n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n > 0)
		return WS_READABLE | WS_HANGUP | WS_WRITABLE;
	if (n && errno != EAGAIN && errno != ESHUTDOWN)
		return WS_ABORTED | WS_WRITABLE;
	return WS_HANGUP | WS_WRITABLE;
}

/* poll(2) reported a hangup or an error: find out which. */
static unsigned int ready_at_end(struct ws_slot *slot, int fd, short revents)
{
	unsigned int ready = plain(fd, revents & ~(POLLIN | POLLPRI));
	socklen_t len = sizeof(struct tcp_info);
	struct tcp_info info = { 0 };

	if (has_unread(fd))
		ready |= plain(fd, revents & (POLLIN | POLLPRI));
	else
		ready |= plain(fd, revents & POLLPRI);

	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len)) {
		if (revents & (POLLHUP | POLLRDHUP))
			ready |= WS_HANGUP;
		return revents & POLLERR ? ready | WS_ABORTED : ready;
	}

	switch (info.tcpi_state) {
	case TCP_CLOSE:
		return ready_when_closed(slot, fd, &info, revents);
	case TCP_LISTEN:
		return plain(fd, revents);
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
	case TCP_TIME_WAIT:
		return ready | WS_HANGUP;
	default:	/* only this side's shutdown(), which is not reported */
		return ready;
	}
}

/**
 * ws_ready - what is a socket ready for?
 * @slot: its slot; may be NULL
 * @fd: its descriptor
 * @revents: the result of poll(2) with ws_ready_events() of the conditions of
 *	     interest
 *
 * Return: WS_READABLE etc.; conditions that were not polled for may be missing.  0 for
 * a new stream socket, and for one that poll(2) reports only because of this side's
 * shutdown().
 */
unsigned int ws_ready(struct ws_slot *slot, int fd, short revents)
{
	if (ws_slot_is_datagram(slot))
		/* The next recv() returns the error. */
		return plain(fd, revents & POLLERR ? revents | POLLIN : revents);
	if (revents & (POLLRDHUP | POLLHUP | POLLERR))
		return ready_at_end(slot, fd, revents);
	return plain(fd, revents);
}
