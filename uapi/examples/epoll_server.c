// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * epoll_server port seconds text: one thread, nonblocking sockets.  Sends the text to
 * each client, closes when the client has acknowledged all of it, and resets the
 * connection of a client that has not done so within so many seconds.
 *
 * With SO_LINGER on, closing a nonblocking socket that holds unacknowledged data fails
 * with EWOULDBLOCK.  Nothing has changed then: the descriptor is open and still in the
 * epoll set, so the loop continues and closes it again later.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS	20

struct client {
	int fd;
	size_t sent;
	long long deadline;	/* ms */
	int closes;		/* how often closesocket was called */
	struct client *next;
};

static struct client *clients;
static long long patience;	/* ms */
static const char *text;
static size_t text_len;
static int dev, epoll;

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void set_linger(int fd, int seconds)
{
	struct linger linger = { 1, seconds };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Returns 0, or -1 with errno EWOULDBLOCK: the client is still there. */
static int try_close(struct client *c)
{
	struct winsock_closesocket how = { .fd = c->fd };

	c->closes++;
	if (ioctl(dev, WINSOCK_IOC_CLOSESOCKET, &how)) {
		if (errno == EWOULDBLOCK)
			return -1;
		perror("closesocket");	/* a number that is none of ours */
		exit(1);
	}
	/* The last reference is gone, and with it the entry in the epoll set. */
	c->fd = -1;
	return 0;
}

/* SO_LINGER with an interval of 0 resets the connection and never blocks. */
static void give_up(struct client *c)
{
	set_linger(c->fd, 0);
	try_close(c);
	printf("reset after %zu bytes\n", c->sent);
}

/* Sends what fits; once all is sent, closes if all is acknowledged. */
static void progress(struct client *c)
{
	ssize_t n;

	while (c->sent < text_len) {
		n = send(c->fd, text + c->sent, text_len - c->sent, MSG_NOSIGNAL);
		if (n < 0) {
			if (errno != EAGAIN)
				give_up(c);	/* the client is gone */
			return;
		}
		c->sent += n;
	}
	if (!try_close(c))
		printf("closed by call %d\n", c->closes);
}

static void accept_clients(int listener)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	struct client *c;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		c = calloc(1, sizeof(*c));
		if (!c)
			exit(1);
		c->fd = fd;
		c->deadline = now() + patience;
		c->next = clients;
		clients = c;
		/* Any interval but 0: the deadline is this loop's own. */
		set_linger(fd, 1);
		/*
		 * EPOLLET: there is room for more as soon as some bytes are
		 * acknowledged, and EPOLLOUT would be reported again and again.
		 */
		event.data.ptr = c;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
}

/*
 * No event says that the last byte was acknowledged, so a client that was sent
 * everything is closed again at intervals.  Returns whether there is such a client,
 * or one with a deadline to come.
 */
static int look_after_all(void)
{
	struct client **at = &clients, *c;

	while ((c = *at)) {
		if (c->fd >= 0 && c->sent == text_len)
			progress(c);
		if (c->fd >= 0 && now() >= c->deadline)
			give_up(c);
		if (c->fd >= 0) {
			at = &c->next;
		} else {
			*at = c->next;
			free(c);
		}
	}
	fflush(stdout);
	return !!clients;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN }, events[64];
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int s, i, n, timeout = -1, yes = 1;
	socklen_t len = sizeof(addr);
	struct client *c;

	if (argc != 4) {
		fprintf(stderr, "usage: epoll_server port seconds text\n");
		return 2;
	}
	addr.sin_port = htons(atoi(argv[1]));
	patience = 1000LL * atoi(argv[2]);
	text = argv[3];
	text_len = strlen(text);

	dev = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	if (dev < 0) {
		perror(WINSOCK_DEVICE);
		return 1;
	}
	epoll = epoll_create1(EPOLL_CLOEXEC);
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(s, (struct sockaddr *)&addr, len) || listen(s, SOMAXCONN) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, s, &event)) {
		perror("listen");
		return 1;
	}
	getsockname(s, (struct sockaddr *)&addr, &len);
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	while ((n = epoll_wait(epoll, events, 64, timeout)) >= 0 || errno == EINTR) {
		for (i = 0; i < n; i++) {
			c = events[i].data.ptr;
			if (!c)
				accept_clients(s);
			else if (c->fd >= 0)
				progress(c);
		}
		timeout = look_after_all() ? RETRY_MS : -1;
	}
	perror("epoll_wait");
	return 1;
}
