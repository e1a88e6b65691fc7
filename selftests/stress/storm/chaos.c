// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, no order at all.  Each act has a list of what it may come
 * to on a number that is anybody's; waits are bounded by timeouts.  In the upper
 * arena pipes live as well, so only calls that leave files alone go there; in the
 * lower one close(2) and dup2(2) take part.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "storm.h"

#define UPPER_BASE	300
#define UPPER_LIMIT	312
#define LOWER_BASE	200
#define LOWER_LIMIT	208
#define CHAOS_BYTE	0x5a

/**
 * struct chaos - what the threads of it share
 * @port: last port somebody listened on, network order
 * @goal: closes that succeed before it ends
 * @closed: so many did
 */
struct chaos {
	in_port_t port;
	unsigned long goal;
	unsigned long closed;
};

static struct chaos all;

static int any_number(void)
{
	return dice(2) ? UPPER_BASE + dice(UPPER_LIMIT - UPPER_BASE) :
			 LOWER_BASE + dice(LOWER_LIMIT - LOWER_BASE);
}

static int lower_number(void)
{
	return LOWER_BASE + dice(LOWER_LIMIT - LOWER_BASE);
}

/* Give a new socket away, under one of the shared numbers. */
static void publish(int fd)
{
	struct timeval soon = { .tv_usec = 50000 };
	int base = dice(2) ? UPPER_BASE : LOWER_BASE;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	dup_in_range(fd, base, base == UPPER_BASE ? UPPER_LIMIT : LOWER_LIMIT);
	close(fd);
}

static struct sockaddr_in chaos_addr(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = get(all.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static long act_socket(void)
{
	static const int types[] = {
		SOCK_STREAM, SOCK_STREAM, SOCK_STREAM | SOCK_NONBLOCK,
		SOCK_DGRAM,
	};

	publish(new_socket(dice(8), types[dice(ARRAY_SIZE(types))]));
	return 0;
}

static long act_listen(void)
{
	struct port port;
	struct sockaddr_in *in = (struct sockaddr_in *)&port.addr;

	port_open(&port, dice(4), 4);
	set(all.port, in->sin_port);
	publish(port.fd);
	return 0;
}

static long act_pair(void)
{
	int fd[2];

	if (dice(4))
		return act_socket();
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	publish(fd[0]);
	publish(fd[1]);
	return 0;
}

static long act_connection(void)
{
	struct sockaddr_in addr = chaos_addr();
	struct timeval soon = { .tv_usec = 50000 };
	int fd = new_socket(dice(8), SOCK_STREAM);
	long ret;

	small_buffers(fd);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	ret = result(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	publish(fd);
	return ret;
}

static long act_accept(void)
{
	long fd = result(accept4(any_number(), NULL, NULL,
				 SOCK_CLOEXEC | (dice(2) ? SOCK_NONBLOCK : 0)));

	publish(fd);
	return fd < 0 ? fd : 0;
}

static long act_connect(void)
{
	struct sockaddr_in addr = chaos_addr();

	return result(connect(any_number(), (struct sockaddr *)&addr,
			      sizeof(addr)));
}

static long act_send(void)
{
	char buf[2048];

	memset(buf, CHAOS_BYTE, sizeof(buf));
	return result(send(any_number(), buf, 1 + dice(sizeof(buf)),
			   MSG_NOSIGNAL | (dice(2) ? MSG_DONTWAIT : 0)));
}

static long act_recv(void)
{
	static const int flags[] = {
		0, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC
	};
	int flag = flags[dice(ARRAY_SIZE(flags))];
	char buf[2048];
	long ret, i;

	ret = result(recv(any_number(), buf, sizeof(buf), flag));
	for (i = 0; i < ret && flag != MSG_TRUNC; i++)
		if (buf[i] != CHAOS_BYTE)
			die("byte %ld of %ld is %#x", i, ret, buf[i]);
	return ret;
}

static long act_poll(void)
{
	struct pollfd pfds[3];
	int i;

	for (i = 0; i < 3; i++)
		pfds[i] = (struct pollfd){ any_number(), POLLIN, 0 };
	return result(poll(pfds, 3, dice(20)));
}

static __thread int chaos_epoll;

static long act_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int n = any_number();
	long ret;

	event.data.fd = n;
	ret = result(epoll_ctl(chaos_epoll,
			       dice(4) ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, n,
			       &event));
	if (ret)
		return ret;
	return result(epoll_wait(chaos_epoll, &event, 1, dice(5)));
}

static long act_option(void)
{
	struct linger linger = { .l_onoff = dice(2), .l_linger = dice(2) };
	int fd = any_number(), on = dice(2);

	if (dice(2))
		return result(ioctl(fd, FIONBIO, &on));
	return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
				 sizeof(linger)));
}

static long act_shutdown(void)
{
	return result(shutdown(any_number(), dice(3)));
}

static long act_dup(void)
{
	long fd = result(fcntl(lower_number(), F_DUPFD_CLOEXEC, 0));

	publish(fd);
	return fd < 0 ? fd : 0;
}

static long act_dup2(void)
{
	long ret = result(dup3(lower_number(), lower_number(), O_CLOEXEC));

	return ret < 0 ? ret : 0;
}

static long act_close(void)
{
	return result(close(lower_number()));
}

static long act_closesocket(void)
{
	int err = closesocket(any_number());

	if (!err)
		bump(all.closed);
	return err;
}

static long act_deadline(void)
{
	int err = close_deadline(any_number(), 1 + dice(1000));

	if (!err)
		bump(all.closed);
	return err;
}

/* A child with all of it, for a while. */
static long act_fork(void)
{
	int status, i;
	pid_t pid;

	if (dice(16))
		return 0;
	pid = check(fork());
	if (!pid) {
		for (i = 0; i < 16; i++) {
			if (dice(2))
				act_recv();
			else
				closesocket(any_number());
		}
		_exit(0);
	}
	check(waitpid(pid, &status, 0));
	if (status)
		die("a child ended with status %#x", status);
	return 0;
}

/**
 * struct act - something a thread may do
 * @name: of it
 * @act: does it; -errno
 * @weight: how often, compared to others
 * @allowed: errors that may come of it: EBADF and ENOTSOCK on a number that is
 *	     closed, closing or a pipe's; EAGAIN, EINTR and ECANCELED where it
 *	     may have to wait; and its own
 */
static const struct act {
	const char *name;
	long (*act)(void);
	unsigned int weight;
	int allowed[16];
} acts[] = {
	{ "socket", act_socket, 6 },
	{ "listen", act_listen, 2 },
	{ "socketpair", act_pair, 2 },
	{ "connection", act_connection, 16,
	  { ECONNREFUSED, ECONNRESET, EINPROGRESS, EADDRNOTAVAIL, EAGAIN } },
	{ "accept", act_accept, 10,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    EINVAL, EOPNOTSUPP, ECONNABORTED } },
	{ "connect", act_connect, 4,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    EINPROGRESS, EALREADY, EISCONN, EAFNOSUPPORT, ECONNREFUSED,
	    ECONNRESET, EADDRNOTAVAIL, EINVAL, ECONNABORTED, EPIPE } },
	{ "send", act_send, 12,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    EPIPE, ECONNRESET, ENOTCONN, EDESTADDRREQ, ECONNREFUSED,
	    EISCONN } },
	{ "recv", act_recv, 12,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    ENOTCONN, ECONNRESET, ECONNREFUSED, EINVAL, EPIPE } },
	{ "poll", act_poll, 6 },
	{ "epoll", act_epoll, 4, { EBADF, EEXIST, ENOENT } },
	{ "option", act_option, 6, { EBADF, ENOTSOCK } },
	{ "shutdown", act_shutdown, 3, { EBADF, ENOTSOCK, ENOTCONN } },
	{ "dup", act_dup, 3, { EBADF } },
	{ "dup2", act_dup2, 3, { EBADF, EINVAL, EBUSY } },
	{ "close", act_close, 3, { EBADF } },
	{ "closesocket", act_closesocket, 60,
	  { EBADF, ENOTSOCK, EWOULDBLOCK } },
	{ "deadline", act_deadline, 10, { EBADF, ENOTSOCK } },
	{ "fork", act_fork, 1 },
};

static void act(void)
{
	const struct act *a = acts;
	unsigned int total = 0, i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(acts); i++)
		total += acts[i].weight;
	for (i = dice(total); i >= a->weight; a++)
		i -= a->weight;
	step(a->name);
	ret = a->act();
	if (ret >= 0)
		return;
	for (i = 0; i < ARRAY_SIZE(a->allowed); i++)
		if (a->allowed[i] == -ret)
			return;
	die("%s: %s", a->name, strerror(-ret));
}

static void run_chaos(void *unused)
{
	chaos_epoll = check(epoll_create1(EPOLL_CLOEXEC));
	while (get(all.closed) < all.goal)
		act();
	check(close(chaos_epoll));
}

void storm_chaos(void)
{
	struct thread *actors[6];
	struct fd_reuse reuse;
	int i;

	memset(&all, 0, sizeof(all));
	all.goal = 12000 * rounds;
	fd_reuse_start(&reuse, UPPER_BASE, UPPER_LIMIT);
	for (i = 0; i < ARRAY_SIZE(actors); i++)
		actors[i] = start("actor", run_chaos, NULL);
	for (i = 0; i < ARRAY_SIZE(actors); i++)
		join(actors[i]);
	fd_reuse_stop(&reuse);
	for (i = LOWER_BASE; i < UPPER_LIMIT; i++)
		close(i);
}
