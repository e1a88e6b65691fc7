// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "check.h"
#include "device.h"

int winsock_device = -1;

void winsock_open(void)
{
	if (winsock_device < 0)
		winsock_device = check(open(WINSOCK_DEVICE,
					    O_RDWR | O_CLOEXEC));
}

int ioc_socket(int domain, int type, int protocol)
{
	struct winsock_socket arg = {
		.domain = domain,
		.type = type,
		.protocol = protocol,
	};
	int fd = ioctl(winsock_device, WINSOCK_IOC_SOCKET, &arg);

	return fd < 0 ? -errno : fd;
}

int ioc_closesocket_pending(int fd, unsigned int pending)
{
	struct winsock_closesocket arg = { .fd = fd, .pending = pending };

	return ioctl(winsock_device, WINSOCK_IOC_CLOSESOCKET, &arg) < 0 ?
	       -errno : 0;
}

int ioc_closesocket(int fd)
{
	return ioc_closesocket_pending(fd, 0);
}

static int close_deadline(int fd, unsigned int ms, unsigned int flags,
			  __u64 cookie)
{
	struct winsock_close_deadline arg = {
		.fd = fd,
		.flags = flags,
		.timeout = ms * 1000000ULL,
		.cookie = cookie,
	};

	return ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, &arg) < 0 ?
	       -errno : 0;
}

int ioc_close_deadline(int fd, unsigned int ms)
{
	return close_deadline(fd, ms, 0, 0);
}

int ioc_close_report(int fd, unsigned int ms, __u64 cookie)
{
	return close_deadline(fd, ms, WINSOCK_CLOSE_REPORT, cookie);
}

struct winsock_outcome outcome_next(int device)
{
	struct winsock_outcome outcome;

	wait_ready(device, POLLIN);
	if (check(read(device, &outcome, sizeof(outcome))) != sizeof(outcome))
		fail("a part of an outcome");
	return outcome;
}

int winsock_attach(int fd)
{
	return setsockopt(fd, SOL_TCP, TCP_ULP, WINSOCK_ULP,
			  strlen(WINSOCK_ULP)) < 0 ? -errno : 0;
}

int native_close(int fd)
{
	return close(fd) < 0 ? -errno : 0;
}

int set_reset_discards(int fd, int on)
{
	return result_of(setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS,
				    &on, sizeof(on)));
}

int get_reset_discards(int fd)
{
	socklen_t len = sizeof(int);
	int on;

	check(getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS, &on, &len));
	return on;
}
