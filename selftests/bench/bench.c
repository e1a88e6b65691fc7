// SPDX-License-Identifier: GPL-2.0
/*
 * What closesocket() and the calls around it cost, in instructions.
 *
 * Under qemu's -icount the guest's time stamp counter advances by one with each
 * instruction, so that a difference of two readings is a count: the same in
 * every boot, whatever the machine is doing.  Each row takes the least of
 * ROUNDS calls for each way to do the thing, all in the same boot, and prints
 * "row way count", tab-separated.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/winsock.h>
#include <x86intrin.h>
#define WINSOCK_NO_REDIRECT
#include <winsock2.h>

#define ROUNDS 200

static int device;
static struct sockaddr_in address;
static uint64_t overhead;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Ways to have a socket and to close it. */
struct way {
	const char *name;
	bool attached;
	int (*close)(int fd);
};

static int by_close(int fd)
{
	return close(fd);
}

static int by_ioctl(int fd)
{
	struct winsock_closesocket arg = { .fd = fd };

	return ioctl(device, WINSOCK_IOC_CLOSESOCKET, &arg);
}

static int by_library(int fd)
{
	return closesocket(fd);
}

/* The best that user space can do for C15 without the module. */
static int by_emulation(int fd)
{
	struct linger linger;
	socklen_t len = sizeof(linger);
	int queued;

	if (fcntl(fd, F_GETFL) & O_NONBLOCK &&
	    !getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) &&
	    linger.l_onoff && linger.l_linger &&
	    !ioctl(fd, SIOCOUTQ, &queued) && queued) {
		errno = EWOULDBLOCK;
		return -1;
	}
	return close(fd);
}

static const struct way ways[] = {
	{ "close", false, by_close },
	{ "emulation", false, by_emulation },
	{ "ioctl-plain", false, by_ioctl },
	{ "ioctl", true, by_ioctl },
	{ "library", true, by_library },
};

static int new_socket(bool attached)
{
	struct winsock_socket arg = { .domain = AF_INET, .type = SOCK_STREAM };
	int fd;

	fd = attached ? ioctl(device, WINSOCK_IOC_SOCKET, &arg) :
			socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

static int new_listener(bool attached)
{
	socklen_t len = sizeof(address);
	int fd = new_socket(attached);

	address = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 64) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		die("listen");
	return fd;
}

static int plain_listener, attached_listener;
static struct sockaddr_in plain_address, attached_address;

/* @fd is what is measured, @peer the other end, always plain. */
static void new_pair(bool attached, int *fd, int *peer)
{
	*fd = new_socket(attached);
	if (connect(*fd, (struct sockaddr *)&plain_address, sizeof(address)))
		die("connect");
	*peer = accept(plain_listener, NULL, NULL);
	if (*peer < 0)
		die("accept");
}

static void set_linger(int fd, int on, int seconds)
{
	struct linger linger = { .l_onoff = on, .l_linger = seconds };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		die("SO_LINGER");
}

static void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("O_NONBLOCK");
}

static void report(const char *row, const char *way, uint64_t least)
{
	printf("%s\t%s\t%llu\n", row, way, (unsigned long long)(least - overhead));
	fflush(stdout);
}

#define COUNT(least, statement) do {					\
	uint64_t *min = &(least);					\
	uint64_t before, after;						\
									\
	before = __rdtsc();						\
	statement;							\
	after = __rdtsc();						\
	if (after - before < *min)					\
		*min = after - before;					\
} while (0)

/* Rows that close: what the socket is like just before. */
enum { PEER = 1 };

struct close_row {
	const char *name;
	void (*prepare)(int fd, int peer);
	bool alone;		/* no connection */
	bool refused;		/* the close fails and leaves the socket open */
	const char *skip;	/* a way for which the row makes no sense */
};

static void nothing(int fd, int peer)
{
}

static void prepare_hard(int fd, int peer)
{
	set_linger(fd, 1, 0);
}

static void prepare_peer_fin(int fd, int peer)
{
	shutdown(peer, SHUT_WR);
}

static void prepare_listen(int fd, int peer)
{
	if (listen(fd, 8))
		die("listen");
}

static int kept = -1;

static void prepare_dup(int fd, int peer)
{
	kept = dup(fd);
}

static void prepare_idle_linger(int fd, int peer)
{
	set_linger(fd, 1, 5);
}

static void prepare_idle_linger_nb(int fd, int peer)
{
	set_linger(fd, 1, 5);
	set_nonblocking(fd);
}

static void prepare_unread(int fd, int peer)
{
	if (send(peer, "unread", 6, 0) != 6)
		die("send");
}

static void prepare_refusal(int fd, int peer)
{
	static char chunk[65536];

	set_linger(fd, 1, 5);
	set_nonblocking(fd);
	while (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
		;
}

static const struct close_row close_rows[] = {
	{ "FIN close", nothing },
	{ "RST close", prepare_hard },
	{ "after the peer's FIN", prepare_peer_fin },
	{ "unread input", prepare_unread },
	{ "unconnected", nothing, .alone = true },
	{ "listening", prepare_listen, .alone = true },
	{ "not last (dup)", prepare_dup },
	{ "idle linger, blocking", prepare_idle_linger },
	{ "idle linger, nonblocking", prepare_idle_linger_nb },
	{ "refusal", prepare_refusal, .refused = true, .skip = "close" },
};

static void close_row(const struct close_row *row, const struct way *way)
{
	uint64_t least = UINT64_MAX;
	int i, fd, peer, ret;

	if (row->skip && !strcmp(row->skip, way->name))
		return;
	for (i = 0; i < ROUNDS; i++) {
		peer = -1;
		if (row->alone)
			fd = new_socket(way->attached);
		else
			new_pair(way->attached, &fd, &peer);
		row->prepare(fd, peer);
		COUNT(least, ret = way->close(fd));
		if (!ret == row->refused)
			die(row->name);
		if (row->refused) {
			set_linger(fd, 1, 0);
			close(fd);
		}
		if (peer >= 0)
			close(peer);
		if (kept >= 0) {
			close(kept);
			kept = -1;
		}
	}
	report(row->name, way->name, least);
}

static void socket_row(bool attached)
{
	uint64_t least = UINT64_MAX;
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		COUNT(least, fd = new_socket(attached));
		close(fd);
	}
	report("socket()", attached ? "ioctl" : "close", least);
}

static void accept_row(bool attached)
{
	uint64_t least = UINT64_MAX;
	int i, fd, child;

	for (i = 0; i < ROUNDS; i++) {
		fd = new_socket(false);
		if (connect(fd, (struct sockaddr *)(attached ? &attached_address :
						    &plain_address), sizeof(address)))
			die("connect");
		COUNT(least, child = accept(attached ? attached_listener :
					    plain_listener, NULL, NULL));
		if (child < 0)
			die("accept");
		close(fd);
		close(child);
	}
	report("accept()", attached ? "ioctl" : "close", least);
}

static void transfer_rows(bool attached, size_t size, bool nonblocking)
{
	static char buf[65536];
	uint64_t least_send = UINT64_MAX, least_recv = UINT64_MAX;
	char name[64];
	int i, fd, peer;
	ssize_t n;

	new_pair(attached, &fd, &peer);
	if (nonblocking)
		set_nonblocking(fd);
	for (i = 0; i < ROUNDS; i++) {
		COUNT(least_send, n = send(fd, buf, size, 0));
		if (n != (ssize_t)size)
			die("send");
		n = recv(peer, buf, size, MSG_WAITALL);
		if (n != (ssize_t)size || send(peer, buf, size, 0) != n)
			die("peer");
		/* All of it is there: recv cannot wait. */
		COUNT(least_recv, n = recv(fd, buf, size, 0));
		if (n != (ssize_t)size)
			die("recv");
	}
	snprintf(name, sizeof(name), "send %zu, %s", size,
		 nonblocking ? "nonblocking" : "blocking");
	report(name, attached ? "ioctl" : "close", least_send);
	snprintf(name, sizeof(name), "recv %zu, %s", size,
		 nonblocking ? "nonblocking" : "blocking");
	report(name, attached ? "ioctl" : "close", least_recv);
	close(fd);
	close(peer);
}

static void poll_rows(bool attached)
{
	const char *way = attached ? "ioctl" : "close";
	uint64_t least = UINT64_MAX;
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd pollfd;
	int i, fd, peer, epfd;

	new_pair(attached, &fd, &peer);
	if (send(peer, "x", 1, 0) != 1)
		die("send");
	pollfd = (struct pollfd) { .fd = fd, .events = POLLIN };
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, poll(&pollfd, 1, 0));
	report("poll", way, least);

	epfd = epoll_create1(0);
	if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
		die("epoll");
	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, epoll_wait(epfd, &event, 1, 0));
	report("epoll_wait", way, least);

	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, set_linger(fd, 1, 1));
	report("set SO_LINGER, native", way, least);

	if (attached) {
		struct winsock_linger linger = { .l_onoff = 1, .l_linger = 1 };

		least = UINT64_MAX;
		for (i = 0; i < ROUNDS; i++)
			COUNT(least, setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_LINGER,
						&linger, sizeof(linger)));
		report("set SO_LINGER, shim", way, least);
	}
	close(epfd);
	close(fd);
	close(peer);
}

/* The cost of a close must not depend on how many sockets are open. */
static void open_rows(int count)
{
	uint64_t least = UINT64_MAX;
	char name[64];
	int *fds = calloc(count, sizeof(*fds));
	int i, fd, peer;

	for (i = 0; i < count; i++)
		fds[i] = new_socket(true);
	for (i = 0; i < ROUNDS; i++) {
		new_pair(true, &fd, &peer);
		COUNT(least, by_ioctl(fd));
		close(peer);
	}
	snprintf(name, sizeof(name), "FIN close, %d open", count);
	report(name, "ioctl", least);
	for (i = 0; i < count; i++)
		close(fds[i]);
	free(fds);
}

static void base_rows(void)
{
	uint64_t least = UINT64_MAX;
	int i, null = open("/dev/null", O_RDWR);

	for (i = 0; i < ROUNDS; i++)
		COUNT(least, ioctl(null, WINSOCK_IOC_CLOSESOCKET, NULL));
	report("ioctl on /dev/null", "close", least);
	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, close(-1));
	report("close(-1)", "close", least);
	close(null);
}

int main(int argc, char **argv)
{
	const bool brief = argc > 1 && !strcmp(argv[1], "short");
	struct rlimit limit = { 32768, 32768 };
	WSADATA data;
	size_t i, j;

	setrlimit(RLIMIT_NOFILE, &limit);
	device = open(WINSOCK_DEVICE, O_RDWR);
	if (device < 0)
		die("/dev/winsock: load winsock.ko first");
	if (WSAStartup(0x0202, &data)) {
		fprintf(stderr, "WSAStartup failed\n");
		return 1;
	}
	plain_listener = new_listener(false);
	plain_address = address;
	attached_listener = new_listener(true);
	attached_address = address;

	overhead = 0;
	{
		uint64_t least = UINT64_MAX;

		for (i = 0; i < ROUNDS; i++)
			COUNT(least, (void)0);
		overhead = least;
	}

	base_rows();
	for (i = 0; i < sizeof(close_rows) / sizeof(close_rows[0]); i++)
		for (j = 0; j < sizeof(ways) / sizeof(ways[0]); j++)
			close_row(&close_rows[i], &ways[j]);
	for (i = 0; i < 2; i++) {
		socket_row(i);
		accept_row(i);
		transfer_rows(i, 1, false);
		transfer_rows(i, 1, true);
		if (brief)
			continue;
		transfer_rows(i, 65536, false);
		transfer_rows(i, 65536, true);
		poll_rows(i);
	}
	if (!brief) {
		open_rows(10);
		open_rows(1000);
		open_rows(20000);
	}
	return 0;
}
