// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/filter.h>
#include <linux/sockios.h>

#include "check.h"
#include "socket.h"

void set_int(int fd, int option, int value)
{
	check(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)));
}

/* Loopback address of a family; sockaddr_storage holds either. */
static socklen_t loopback(struct sockaddr_storage *addr, int family)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = family;
	if (family == AF_INET6) {
		in6->sin6_addr = in6addr_loopback;
		return sizeof(*in6);
	}
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*in);
}

/* Both families have the port at the same place. */
in_port_t local_port(int fd)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	check(getsockname(fd, (struct sockaddr *)&addr, &len));
	return addr.sin6_port;
}

void bind_loopback(int fd, int family, struct sockaddr_storage *addr,
		   socklen_t *len)
{
	*len = loopback(addr, family);
	check(bind(fd, (struct sockaddr *)addr, *len));
	check(getsockname(fd, (struct sockaddr *)addr, len));
}

void listen_loopback(int fd, int family, int backlog,
		     struct sockaddr_storage *addr, socklen_t *len)
{
	bind_loopback(fd, family, addr, len);
	check(listen(fd, backlog));
}

int listen_deaf(int family, struct sockaddr_storage *addr, socklen_t *len)
{
	int fd = check(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));

	listen_loopback(fd, family, 1, addr, len);
	make_deaf(fd);
	return fd;
}

void connect_to(int fd, const struct sockaddr_storage *addr, socklen_t len)
{
	if (connect(fd, (const struct sockaddr *)addr, len) < 0 &&
	    errno != EINPROGRESS)
		fail("connect: %s", strerror(errno));
	wait_ready(fd, POLLOUT);
}

void set_nonblocking(int fd, bool on)
{
	int flags = check(fcntl(fd, F_GETFL));

	check(fcntl(fd, F_SETFL,
		    on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

void set_linger(int fd, int onoff, int seconds)
{
	struct linger linger = { .l_onoff = onoff, .l_linger = seconds };

	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

void keep_alive(int fd)
{
	int on = 1, seconds = 1;

	check(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	check(setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)));
	check(setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, &seconds,
			 sizeof(seconds)));
}

int queued(int fd)
{
	int bytes;

	check(ioctl(fd, SIOCOUTQ, &bytes));
	return bytes;
}

int unsent(int fd)
{
	int bytes;

	check(ioctl(fd, SIOCOUTQNSD, &bytes));
	return bytes;
}

int tcp_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	check(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	return info.tcpi_state;
}

void make_deaf(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &drop };

	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

void make_hear(int fd)
{
	int unused = 0;

	check(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)));
}
