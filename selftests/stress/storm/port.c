// SPDX-License-Identifier: GPL-2.0
/* Sockets, connections, numbers */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "storm.h"

int new_socket(bool attached, int type)
{
	int fd;

	if (!attached)
		return check(socket(AF_INET, type | SOCK_CLOEXEC, 0));
	fd = ioc_socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("WINSOCK_IOC_SOCKET: %s", strerror(-fd));
	return fd;
}

void small_buffers(int fd)
{
	int size = SMALL_BUFFER;

	check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	check(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
}

void port_open(struct port *port, bool attached, int backlog)
{
	port->fd = new_socket(attached, SOCK_STREAM);
	small_buffers(port->fd);
	listen_loopback(port->fd, AF_INET, backlog, &port->addr, &port->len);
}

int port_connect(const struct port *port, bool attached)
{
	int fd = new_socket(attached, SOCK_STREAM);

	small_buffers(fd);
	check(connect(fd, (const struct sockaddr *)&port->addr, port->len));
	return fd;
}

int port_accept(const struct port *port)
{
	return check(accept4(port->fd, NULL, NULL, SOCK_CLOEXEC));
}

int readable(int fd)
{
	int bytes = 0;

	check(ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* Who else sees the number? Lowest free one from base on, or -1 if none is. */
int dup_in_range(int fd, int base, int limit)
{
	int n = check(fcntl(fd, F_DUPFD_CLOEXEC, base));

	if (n < limit)
		return n;
	close(n);
	return -1;
}
