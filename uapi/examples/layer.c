// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * layer: how a layer under Windows programs makes Winsock's calls of Linux's.  One
 * thread waits in accept, one in WSAPoll, the first closes the socket under them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WSAEINTR = 10004, WSAEWOULDBLOCK = 10035, WSAENOTSOCK = 10038,
	WSAENETDOWN = 10050,
};

static int dev = -1;
static atomic_uint pollers[1024];	/* of each number; see layer_poll() */

static atomic_uint *pollers_of(int fd)
{
	return fd >= 0 && fd < 1024 ? &pollers[fd] : NULL;
}

static int layer_startup(void)
{
	__u32 version;

	dev = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	if (dev < 0 || ioctl(dev, WINSOCK_IOC_VERSION, &version))
		return -1;
	return version < WINSOCK_ABI_VERSION ? -1 : 0;
}

/* Attached from birth: no call on it can be missed. */
static int layer_socket(int domain, int type, int protocol)
{
	struct winsock_socket new = { domain, type | SOCK_CLOEXEC, protocol, 0 };
	int fd = ioctl(dev, WINSOCK_IOC_SOCKET, &new);

	if (fd < 0 && errno == EOPNOTSUPP)	/* neither TCP nor UDP */
		fd = socket(domain, new.type, protocol);
	return fd;
}

static int layer_accept(int fd)
{
	int child = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (child < 0 && errno == ECANCELED)
		return -WSAEINTR;
	return child < 0 ? -WSAENOTSOCK : child;
}

/* poll(2) holds the file, and the kernel cannot tell for whom. */
static short layer_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	atomic_uint *n = pollers_of(fd);

	if (!n)
		return POLLNVAL;
	++*n;
	poll(&p, 1, -1);
	--*n;
	return p.revents;
}

static int layer_closesocket(int fd)
{
	atomic_uint *n = pollers_of(fd);
	struct winsock_closesocket how = { .fd = fd, .pending = n ? *n : 0 };

	while (ioctl(dev, WINSOCK_IOC_CLOSESOCKET, &how)) {
		switch (errno) {
		case EINTR:		/* a signal of the layer's own */
			continue;
		case EWOULDBLOCK:	/* still open, still the program's */
			return WSAEWOULDBLOCK;
		case EBADF:
		case ENOTSOCK:
			return WSAENOTSOCK;
		default:
			return WSAENETDOWN;
		}
	}
	return 0;
}

static int s;

static void *accepting(void *arg)
{
	printf("accept: %d\n", layer_accept(s));
	return arg;
}

static void *polling(void *arg)
{
	printf("poll: %s\n", layer_poll(s) & POLLNVAL ? "POLLNVAL" : "?");
	return arg;
}

int main(void)
{
	pthread_t threads[2];

	if (layer_startup()) {
		perror(WINSOCK_DEVICE);
		return 1;
	}
	s = layer_socket(AF_INET, SOCK_STREAM, 0);
	if (s < 0 || listen(s, 1))
		return 1;
	pthread_create(&threads[0], NULL, accepting, NULL);
	pthread_create(&threads[1], NULL, polling, NULL);
	sleep(1);
	printf("closesocket: %d\n", layer_closesocket(s));
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}
