// SPDX-License-Identifier: LGPL-2.1-or-later
/* socket */
#include <errno.h>
#include <linux/winsock.h>
#include <unistd.h>
#include <winsock2.h>

#include "call.h"
#include "device.h"
#include "error.h"
#include "export.h"
#include "socket.h"
#include "startup.h"

#define TYPE_FLAGS	(SOCK_CLOEXEC | SOCK_NONBLOCK)

/*
 * The socket is attached before any other thread can use its descriptor, and a stream
 * gets row R1 unless the module is too old to have the flag.  A socket that the module
 * cannot attach is created by socket(2).
 */
static int new_socket(int domain, int type, int protocol, bool *attached)
{
	struct winsock_socket arg = {
		.domain = domain,
		.type = type,
		.protocol = protocol,
	};
	int fd;

	if ((type & ~TYPE_FLAGS) == SOCK_STREAM)
		arg.flags = WINSOCK_SOCKET_RESET_DISCARDS;
	fd = ws_device_ioctl(WINSOCK_IOC_SOCKET, &arg);
	if (fd < 0 && errno == EINVAL && arg.flags) {
		arg.flags = 0;
		fd = ws_device_ioctl(WINSOCK_IOC_SOCKET, &arg);
	}
	*attached = fd >= 0;
	if (fd < 0 && errno == EOPNOTSUPP)
		fd = socket(domain, type, protocol);
	return fd;
}

static bool is_type(int type)
{
	return type >= SOCK_STREAM && type <= SOCK_PACKET;
}

/* Linux returns EINVAL for unknown types and protocols. */
static int socket_error(int err, int domain, int type, int protocol)
{
	bool asked = domain || type & ~TYPE_FLAGS || protocol;

	if (err == EBADF)	/* WSACleanup() has closed the device */
		return WSANOTINITIALISED;
	if (!asked && (err == EINVAL || err == EAFNOSUPPORT))
		return WSAEINVAL;
	if (err == EINVAL)
		return is_type(type & ~TYPE_FLAGS) ? WSAEPROTONOSUPPORT :
						     WSAESOCKTNOSUPPORT;
	return ws_error_from_errno(err);
}

/* L17: the protocol implies the family and the type. */
static void infer(int *domain, int *type, int protocol)
{
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return;
	if (*domain == AF_UNSPEC)
		*domain = AF_INET;
	if (!(*type & ~TYPE_FLAGS))
		*type |= protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
}

/* As socket(2).  @flags are WS_SLOT_*; @error is a WSA error if it returns -1. */
int ws_open_socket(int domain, int type, int protocol, unsigned int flags,
		   int *error)
{
	static const int only = 1;
	struct ws_slot *slot;
	bool attached;
	int fd;

	infer(&domain, &type, protocol);
	fd = new_socket(domain, type, protocol, &attached);
	if (fd < 0) {
		*error = socket_error(errno, domain, type, protocol);
		return -1;
	}
	type &= ~TYPE_FLAGS;
	if (!ws_startup_open(&slot, fd, domain, type, flags,
			     !attached || type != SOCK_STREAM)) {
		close(fd);
		*error = WSANOTINITIALISED;
		return -1;
	}
	/* Windows' default: programs bind the same port once for each family. */
	if (domain == AF_INET6)
		setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	return fd;
}

/*
 * Inherited across exec, as Winsock's handles are.  A program that does not want
 * that passes SOCK_CLOEXEC.
 */
WS_EXPORT int winsock_socket(int domain, int type, int protocol)
{
	struct ws_call call;
	int fd, error = 0;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	fd = ws_open_socket(domain, type, protocol, 0, &error);
	return ws_call_end(&call, error) ? SOCKET_ERROR : fd;
}
