// SPDX-License-Identifier: GPL-2.0
/*
 * A preload of the program's own, which counts the sockets that it makes and closes.
 * With MODULE_VERSION the module says that it has that one.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../../../uapi/linux/winsock.h"

static int made, closed;
static int is_made[1024];

int socket(int domain, int type, int protocol)
{
	int (*next)(int domain, int type, int protocol);
	int fd;

	*(void **)&next = dlsym(RTLD_NEXT, "socket");
	fd = next(domain, type, protocol);
	if (fd >= 0 && fd < 1024 && domain == AF_INET)
		made += is_made[fd] = 1;
	return fd;
}

int close(int fd)
{
	int (*next)(int fd);

	*(void **)&next = dlsym(RTLD_NEXT, "close");
	if (fd >= 0 && fd < 1024 && is_made[fd]) {
		is_made[fd] = 0;
		closed++;
	}
	return next(fd);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...);
	const char *version = getenv("MODULE_VERSION");
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == WINSOCK_IOC_VERSION && version) {
		*(__u32 *)arg = atoi(version);
		return 0;
	}
	*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, arg);
}

__attribute__((destructor))
static void end(void)
{
	if (getenv("WINSOCK_RUN"))
		printf("made %d\nseen %d\n", made, closed);
}
