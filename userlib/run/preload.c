// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The functions of libc that winsock-run replaces in the program it starts.  Except
 * for fclose(3), each is async-signal-safe if the original is.
 *
 * They pass on to the next library in the search order, which may be another preload
 * that tracks the same calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/winsock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"
#include "close.h"
#include "descriptors.h"
#include "filter.h"
#include "known.h"
#include "next.h"
#include "own.h"

#define FEW	16	/* descriptors that are cheaper to test than to look up in /proc */

/* With --no-children: removes this library from LD_PRELOAD. */
static void remove_from_environment(void)
{
	const char *list = getenv("LD_PRELOAD");
	const char *rest = list ? strpbrk(list, ": ") : NULL;

	if (rest)
		setenv("LD_PRELOAD", rest + 1, 1);
	else
		unsetenv("LD_PRELOAD");
	unsetenv(RUN_ENV);
	unsetenv(RUN_ENV_ALONE);
}

__attribute__((constructor))
static void begin(void)
{
	const char *value = getenv(RUN_ENV);

	run_next();
	if (value)
		run_channel_set(value);
	if (getenv(RUN_ENV_ALONE))
		remove_from_environment();
}

__attribute__((destructor))
static void end(void)
{
	run_channel_end();
}

static bool is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (!protocol || protocol == IPPROTO_TCP);
}

/* For a socket that another preload has created, which need not be a TCP socket. */
static int attach(int fd)
{
	int saved = errno;

	if (fd >= 0 && run_is_tcp(fd) &&
	    !setsockopt(fd, SOL_TCP, TCP_ULP, WINSOCK_ULP, strlen(WINSOCK_ULP)))
		run_known_add(fd);
	errno = saved;
	return fd;
}

EXPORT int socket(int domain, int type, int protocol)
{
	struct winsock_socket arg = {
		.domain = domain,
		.type = type,
		.protocol = protocol,
	};
	int saved = errno;
	int fd;

	if (!is_tcp(domain, type, protocol) || run_filter_forbids())
		return run_next()->socket(domain, type, protocol);
	if (run_next()->socket_replaced)
		return attach(run_next()->socket(domain, type, protocol));
	fd = run_device_ioctl(WINSOCK_IOC_SOCKET, &arg);
	errno = saved;
	/* Fails for the same reason, with libc's errno; or the module is not there. */
	if (fd < 0)
		return run_next()->socket(domain, type, protocol);
	run_known_add(fd);
	return fd;
}

/* A socket that was accepted from a TCP listener is a TCP socket. */
static int accepted(int listener, int fd)
{
	if (fd >= 0 && run_known(listener))
		run_known_add(fd);
	return fd;
}

EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return accepted(fd, run_next()->accept(fd, addr, len));
}

EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return accepted(fd, run_next()->accept4(fd, addr, len, flags));
}

/* A second descriptor: the next library closes @fd, closesocket() the copy. */
static int copy_of_socket(int fd)
{
	int saved = errno;
	int copy;

	copy = !run_filter_forbids() && run_is_tcp(fd) ? run_copy(fd) : -1;
	errno = saved;
	return copy;
}

/* -1 if dup3() is going to fail: then @to must stay as it is. */
static int copy_of_replaced(int from, int to, int flags)
{
	int saved = errno;
	int copy = -1;

	if (!run_filter_forbids() && run_is_tcp(to) && !(flags & ~O_CLOEXEC) &&
	    fcntl(from, F_GETFD) >= 0)
		copy = run_copy(to);
	errno = saved;
	return copy;
}

static void close_copy(int copy, int shown)
{
	int saved = errno;

	if (copy >= 0 && !run_close_socket(copy, shown))
		run_plain_close(copy);
	errno = saved;
}

/* Another preload tracks which descriptors are closed. */
static int close_by_next(int fd)
{
	int copy = copy_of_socket(fd);
	int ret = run_next()->close(fd);

	close_copy(copy, fd);
	return ret;
}

EXPORT int close(int fd)
{
	int saved = errno;
	bool done;

	if (run_filter_forbids())
		return run_next()->close(fd);
	if (run_is_own(fd)) {
		errno = EBADF;
		return -1;
	}
	if (run_next()->close_replaced)
		return close_by_next(fd);
	done = run_is_tcp(fd) && run_close_socket(fd, fd);
	errno = saved;
	return done ? 0 : run_next()->close(fd);
}

int __close(int fd) __attribute__((alias("close"), visibility("default")));

static int replace(int from, int to, int flags, bool by_dup2)
{
	int copy, ret;

	if (run_is_own(from)) {
		errno = EBADF;
		return -1;
	}
	if (run_is_own(to))
		run_own_move(to);
	copy = copy_of_replaced(from, to, flags);
	ret = by_dup2 ? run_next()->dup2(from, to) : run_next()->dup3(from, to, flags);
	if (ret < 0 && copy >= 0) {
		run_plain_close(copy);
		copy = -1;
	}
	close_copy(copy, to);
	return ret;
}

EXPORT int dup3(int from, int to, int flags)
{
	return from == to ? run_next()->dup3(from, to, flags) :
			    replace(from, to, flags, false);
}

EXPORT int dup2(int from, int to)
{
	return from == to ? run_next()->dup2(from, to) : replace(from, to, 0, true);
}

int __dup2(int from, int to)
__attribute__((nothrow, leaf, alias("dup2"), visibility("default")));

static void close_if_tcp(int fd)
{
	if (run_is_tcp(fd))
		run_close_socket(fd, fd);
}

static void close_tcp_between(unsigned int first, unsigned int last)
{
	int saved = errno;
	unsigned int fd;

	if (last - first >= FEW)
		run_each_descriptor(first, last, close_if_tcp);
	else
		for (fd = first; fd - first <= last - first; fd++)
			if (!run_is_own(fd))
				close_if_tcp(fd);
	errno = saved;
}

/* Calls close_range() for the ranges between the library's own descriptors. */
static int range_without_own(unsigned int first, unsigned int last, int flags)
{
	long own;
	int ret = 0;

	while (!ret) {
		own = run_own_between(first, last);
		if (own < 0 || (unsigned int)own != first)
			ret = run_next()->close_range(first, own < 0 ? last : (unsigned int)own - 1,
						      flags);
		if (own < 0 || (unsigned int)own == last)
			break;
		first = own + 1;
	}
	return ret;
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (first > last || run_filter_forbids())
		return run_next()->close_range(first, last, flags);
	/* CLOSE_RANGE_UNSHARE: the other users of the table still have the sockets. */
	if (!flags)
		close_tcp_between(first, last);
	return range_without_own(first, last, flags);
}

EXPORT void closefrom(int first)
{
	int saved = errno;

	/* closefrom() cannot fail, but a filter may reject close_range(2). */
	if (close_range(first < 0 ? 0 : first, ~0U, 0) && run_next()->closefrom)
		run_next()->closefrom(first);
	errno = saved;
}

EXPORT int fclose(FILE *file)
{
	int saved = errno;
	int fd = fileno(file);
	int copy, ret;

	errno = saved;
	copy = copy_of_socket(fd);
	ret = run_next()->fclose(file);
	close_copy(copy, fd);
	return ret;
}
