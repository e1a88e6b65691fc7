// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The calls of libc that winsock-run replaces in the program it starts.  Except
 * for fclose(3) they are what they replace, as to where they may be called.
 *
 * The system calls are made directly: what is called before the loader has run
 * the constructors, or in a signal handler, cannot look for libc's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/close_range.h>
#include <linux/winsock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "close.h"
#include "descriptors.h"
#include "own.h"

#define EXPORT	__attribute__((visibility("default")))

/* With --no-children: take our name out of the list. */
static void leave_environment(void)
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

	if (value)
		run_channel_set(value);
	if (getenv(RUN_ENV_ALONE))
		leave_environment();
}

static bool is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (!protocol || protocol == IPPROTO_TCP);
}

static bool is_socket(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
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

	if (is_tcp(domain, type, protocol)) {
		fd = run_device_ioctl(WINSOCK_IOC_SOCKET, &arg);
		errno = saved;
		if (fd >= 0)
			return fd;
	}
	/* What is wrong with it is the same, and in the caller's words. */
	return syscall(SYS_socket, domain, type, protocol);
}

EXPORT int close(int fd)
{
	int saved = errno;
	bool done;

	if (run_is_own(fd)) {
		errno = EBADF;
		return -1;
	}
	done = fd >= 0 && run_close_socket(fd, fd);
	errno = saved;
	return done ? 0 : run_plain_close(fd);
}

int __close(int fd) __attribute__((alias("close"), visibility("default")));

/* A second descriptor, so that the number can go the way it always goes. */
static int copy_of_socket(int fd)
{
	int saved = errno;
	int copy;

	copy = is_socket(fd) ? run_copy(fd) : -1;
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

static int replace(int from, int to, int flags)
{
	int copy, ret;

	if (run_is_own(from)) {
		errno = EBADF;
		return -1;
	}
	if (from == to)
		return syscall(SYS_dup3, from, to, flags);
	if (run_is_own(to))
		run_own_move(to);
	copy = copy_of_socket(to);
	ret = syscall(SYS_dup3, from, to, flags);
	if (ret < 0 && copy >= 0) {
		run_plain_close(copy);
		copy = -1;
	}
	close_copy(copy, to);
	return ret;
}

EXPORT int dup3(int from, int to, int flags)
{
	return replace(from, to, flags);
}

EXPORT int dup2(int from, int to)
{
	return from == to ? syscall(SYS_dup2, from, to) : replace(from, to, 0);
}

int __dup2(int from, int to)
__attribute__((nothrow, leaf, alias("dup2"), visibility("default")));

static void close_if_socket(int fd, int unused)
{
	(void)unused;
	if (is_socket(fd))
		run_close_socket(fd, fd);
}

/* In pieces, around what is ours. */
static int range_without_own(unsigned int first, unsigned int last, int flags)
{
	long own;
	int ret = 0;

	while (!ret) {
		own = run_own_between(first, last);
		if (own != (long)first)
			ret = syscall(SYS_close_range, first, own < 0 ? last : own - 1,
				      flags);
		if (own < 0 || own == (long)last)
			break;
		first = own + 1;
	}
	return ret;
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	int saved = errno;

	/* What has only just been unshared is somebody else's, too. */
	if (!flags) {
		run_each_descriptor(first, last, close_if_socket, 0);
		errno = saved;
	}
	return first > last ? syscall(SYS_close_range, first, last, flags) :
			      range_without_own(first, last, flags);
}

EXPORT void closefrom(int first)
{
	int saved = errno;

	close_range(first < 0 ? 0 : first, ~0U, 0);
	errno = saved;
}

EXPORT int fclose(FILE *file)
{
	static int (*original)(FILE *file);
	int saved = errno;
	int fd, copy, ret;

	if (!original)
		original = (int (*)(FILE *))dlsym(RTLD_NEXT, "fclose");
	fd = fileno(file);
	errno = saved;
	copy = copy_of_socket(fd);
	ret = original(file);
	close_copy(copy, fd);
	return ret;
}
