// SPDX-License-Identifier: GPL-2.0
/* The calls before the close: what does being attached cost them? */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/winsock.h>

#include "bench.h"

static const char *way_name(bool attached)
{
	return attached ? "ioctl" : "close";
}

static void socket_row(bool attached)
{
	uint64_t least = UINT64_MAX;
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		COUNT(least, fd = new_socket(attached));
		close(fd);
	}
	report_least("socket()", way_name(attached), least);
}

static void accept_row(bool attached)
{
	uint64_t least = UINT64_MAX;
	int i, fd, child;

	for (i = 0; i < ROUNDS; i++) {
		fd = new_client(attached);
		COUNT(least, child = accept(listener_of(attached), NULL, NULL));
		if (child < 0)
			die("accept");
		close(fd);
		close(child);
	}
	report_least("accept()", way_name(attached), least);
}

static void transfer_rows(bool attached, size_t size, bool nonblocking)
{
	static char buf[65536];
	uint64_t least_send = UINT64_MAX, least_recv = UINT64_MAX;
	const char *mode = nonblocking ? "nonblocking" : "blocking";
	char name[64];
	int i, fd, peer;
	ssize_t n;

	new_pair(attached, &fd, &peer);
	if (nonblocking)
		set_nonblocking(fd, true);
	for (i = 0; i < ROUNDS; i++) {
		COUNT(least_send, n = send(fd, buf, size, 0));
		if (n != (ssize_t)size)
			die("send");
		n = recv(peer, buf, size, MSG_WAITALL);
		if (n != (ssize_t)size || send(peer, buf, size, 0) != n)
			die("peer");
		/* All of it is there: recv does not wait. */
		COUNT(least_recv, n = recv(fd, buf, size, 0));
		if (n != (ssize_t)size)
			die("recv");
	}
	snprintf(name, sizeof(name), "send %zu, %s", size, mode);
	report_least(name, way_name(attached), least_send);
	snprintf(name, sizeof(name), "recv %zu, %s", size, mode);
	report_least(name, way_name(attached), least_recv);
	close(fd);
	close(peer);
}

static void poll_rows(bool attached)
{
	const char *way = way_name(attached);
	struct winsock_linger linger = { .l_onoff = 1, .l_linger = 1 };
	struct linger native = { .l_onoff = 1, .l_linger = 1 };
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t least = UINT64_MAX;
	struct pollfd pollfd;
	int i, fd, peer, epfd;

	new_pair(attached, &fd, &peer);
	if (send(peer, "x", 1, 0) != 1)
		die("send");
	pollfd = (struct pollfd) { .fd = fd, .events = POLLIN };
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, poll(&pollfd, 1, 0));
	report_least("poll", way, least);

	epfd = epoll_create1(0);
	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		die("epoll");
	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, epoll_wait(epfd, &event, 1, 0));
	report_least("epoll_wait", way, least);

	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, setsockopt(fd, SOL_SOCKET, SO_LINGER, &native,
					sizeof(native)));
	report_least("set SO_LINGER, native", way, least);

	least = UINT64_MAX;
	for (i = 0; attached && i < ROUNDS; i++)
		COUNT(least, setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_LINGER,
					&linger, sizeof(linger)));
	if (attached)
		report_least("set SO_LINGER, shim", way, least);
	close(epfd);
	close(fd);
	close(peer);
}

void call_rows(bool attached, bool brief)
{
	socket_row(attached);
	accept_row(attached);
	transfer_rows(attached, 1, false);
	transfer_rows(attached, 1, true);
	if (brief)
		return;
	transfer_rows(attached, 65536, false);
	transfer_rows(attached, 65536, true);
	poll_rows(attached);
}

/*
 * A recv() that another thread can end: with the module any will do, without it
 * each has to poll() for the socket and an eventfd first.
 */
void cancellable_rows(void)
{
	uint64_t least = UINT64_MAX;
	struct pollfd pollfds[2];
	int i, fd, peer;
	char byte;

	new_pair(false, &fd, &peer);
	pollfds[0] = (struct pollfd) { .fd = fd, .events = POLLIN };
	pollfds[1] = (struct pollfd) { .fd = eventfd(0, 0), .events = POLLIN };
	for (i = 0; i < ROUNDS; i++) {
		if (send(peer, "x", 1, 0) != 1)
			die("send");
		COUNT(least, poll(pollfds, 2, -1); recv(fd, &byte, 1, 0));
	}
	report_least("recv 1, blocking", "emulation", least);
	close(pollfds[1].fd);
	close(fd);
	close(peer);
}
