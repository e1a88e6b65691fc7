// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * deadline_epoll port seconds text: one thread, nonblocking sockets.  Sends the text to
 * each client and closes with a deadline: the connection delivers in the background what
 * it still has to send, and is reset if the client has not acknowledged all of it within
 * so many seconds.  What became of each is an event of the device, and is printed.
 *
 * Compare epoll_server.c, which has to keep each descriptor, ask again at intervals and
 * reset by itself.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Lives until the outcome has been read: its address is the cookie. */
struct client {
	TAILQ_ENTRY(client) entry;
	int fd;
	size_t sent;
	long long give_up;	/* ms; until everything has been handed to the kernel */
	struct sockaddr_in addr;
};

/* Those that have not been sent everything, the longest there first. */
static TAILQ_HEAD(, client) sending = TAILQ_HEAD_INITIALIZER(sending);
static long long patience;	/* ms */
static const char *text;
static size_t text_len;
static int dev, epoll, listener;

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void print(const struct client *c, const char *what, long long ms, long long bytes)
{
	char host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &c->addr.sin_addr, host, sizeof(host));
	printf("%s:%d: %s after %lld ms, bytes not acknowledged: %lld\n", host,
	       ntohs(c->addr.sin_port), what, ms, bytes);
	fflush(stdout);
}

/* Resets the connection of a client that has not been sent everything. */
static void give_up(struct client *c)
{
	struct linger linger = { 1, 0 };

	TAILQ_REMOVE(&sending, c, entry);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(c->fd);
	print(c, "given up", now() - c->give_up + patience, text_len - c->sent);
	free(c);
}

/*
 * Everything has been handed to the kernel.  The call does not wait.  When it returns,
 * the descriptor is gone, and the socket is in no epoll set any more.
 */
static void close_with_deadline(struct client *c)
{
	struct winsock_close_deadline how = {
		.fd = c->fd,
		.flags = WINSOCK_CLOSE_REPORT,
		.timeout = patience * 1000000ULL,
		.cookie = (uintptr_t)c,
	};

	if (ioctl(dev, WINSOCK_IOC_CLOSE_DEADLINE, &how)) {
		/* ENOBUFS, ENOMEM: nothing has changed, and fd is still ours. */
		perror("WINSOCK_IOC_CLOSE_DEADLINE");
		give_up(c);
		return;
	}
	TAILQ_REMOVE(&sending, c, entry);
	c->fd = -1;
}

static void progress(struct client *c)
{
	ssize_t n;

	while (c->sent < text_len) {
		n = send(c->fd, text + c->sent, text_len - c->sent, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno != EAGAIN)
				give_up(c);
			return;
		}
		c->sent += n;
	}
	close_with_deadline(c);
}

static void accept_clients(void)
{
	struct epoll_event event = { .events = EPOLLOUT };
	struct sockaddr_in addr;	/* the listener's family: always as long */
	socklen_t len = sizeof(addr);
	struct client *c;
	int fd;

	while ((fd = accept4(listener, (struct sockaddr *)&addr, &len,
			     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (!c)
			exit(1);
		c->fd = fd;
		c->addr = addr;
		c->give_up = now() + patience;
		TAILQ_INSERT_TAIL(&sending, c, entry);
		event.data.ptr = c;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			give_up(c);
	}
}

/* As many as there are and fit; for the rest there is another event. */
static void read_outcomes(void)
{
	static const char *const results[] = {
		[WINSOCK_DELIVERED]		= "delivered",
		[WINSOCK_DEADLINE_RESET]	= "reset at the deadline",
		[WINSOCK_PEER_RESET]		= "lost",
		[WINSOCK_STILL_SHARED]		= "left to another descriptor",
		[WINSOCK_NOT_CONNECTED]		= "not connected",
	};
	struct winsock_outcome outcomes[16], *o;
	ssize_t size = read(dev, outcomes, sizeof(outcomes));

	for (o = outcomes; size > 0; o++, size -= sizeof(*o)) {
		struct client *c = (struct client *)(uintptr_t)o->cookie;

		print(c, results[o->result], o->nsec / 1000000, o->unacked);
		free(c);
	}
}

/* The one timer that is left: for clients that have not been sent everything. */
static int next_timeout(void)
{
	struct client *c;
	long long left;

	while ((c = TAILQ_FIRST(&sending))) {
		left = c->give_up - now();
		if (left > 0)
			return left;
		give_up(c);
	}
	return -1;
}

static void watch(int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
		perror("epoll_ctl");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	struct epoll_event event;
	int n, yes = 1;

	if (argc != 4 || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: deadline_epoll port seconds text\n");
		return 2;
	}
	addr.sin_port = htons(atoi(argv[1]));
	patience = 1000LL * atoi(argv[2]);
	text = argv[3];
	text_len = strlen(text);

	/* Nonblocking: read(2) fails with EAGAIN when there is no outcome. */
	dev = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (dev < 0) {
		perror(WINSOCK_DEVICE);
		return 1;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&addr, len) || listen(listener, SOMAXCONN)) {
		perror("listen");
		return 1;
	}
	watch(listener, &listener);
	watch(dev, &dev);
	getsockname(listener, (struct sockaddr *)&addr, &len);
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	/* One event at a time: what it ends cannot have another in the same array. */
	while ((n = epoll_wait(epoll, &event, 1, next_timeout())) >= 0 || errno == EINTR) {
		if (n <= 0)
			continue;
		if (event.data.ptr == &listener)
			accept_clients();
		else if (event.data.ptr == &dev)
			read_outcomes();
		else
			progress(event.data.ptr);
	}
	perror("epoll_wait");
	return 1;
}
