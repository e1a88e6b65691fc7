// SPDX-License-Identifier: GPL-2.0
/* A preload of the program's own, which counts the sockets that it makes and closes. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

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

__attribute__((destructor))
static void end(void)
{
	if (getenv("WINSOCK_RUN"))
		printf("made %d\nseen %d\n", made, closed);
}
