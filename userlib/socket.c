// SPDX-License-Identifier: LGPL-2.1-or-later
/* socket() */
#include <errno.h>
#include <linux/winsock.h>
#include <winsock2.h>

#include "call.h"
#include "device.h"
#include "error.h"
#include "export.h"

#define TYPE_FLAGS	(SOCK_CLOEXEC | SOCK_NONBLOCK)

/*
 * Attached before any thread can know its number.  What the module cannot
 * attach is a socket all the same.
 */
static int new_socket(int domain, int type, int protocol, bool *attached)
{
	struct winsock_socket arg = {
		.domain = domain,
		.type = type,
		.protocol = protocol,
	};
	int fd;

	fd = ws_device_ioctl(WINSOCK_IOC_SOCKET, &arg);
	*attached = fd >= 0;
	if (fd < 0 && errno == EOPNOTSUPP)
		fd = socket(domain, type, protocol);
	return fd;
}

/* Linux says EINVAL of types that it has never heard of. */
static int socket_error(int err, int domain, int type, int protocol)
{
	if (err == EINVAL)
		return domain || type || protocol ? WSAESOCKTNOSUPPORT : WSAEINVAL;
	return ws_error_from_errno(err);
}

/*
 * Inherited by exec as on fork, as Winsock's handles are: SOCK_CLOEXEC is
 * there for those who do not want it.
 */
WS_EXPORT int winsock_socket(int domain, int type, int protocol)
{
	static const int only = 1;
	struct ws_call call;
	struct ws_slot *slot;
	int fd, err = 0;
	bool attached;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;

	fd = new_socket(domain, type, protocol, &attached);
	if (fd < 0) {
		err = socket_error(errno, domain, type, protocol);
	} else {
		slot = ws_slot_open(fd, domain, type & ~TYPE_FLAGS, 0);
		if (slot && !(attached && ws_slot_is_stream(slot)))
			ws_slot_identify(slot, fd);
		/* Programs bind a port once for each family, as they may there. */
		if (domain == AF_INET6)
			setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	}
	return ws_call_end(&call, err) ? SOCKET_ERROR : fd;
}
