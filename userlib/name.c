// SPDX-License-Identifier: LGPL-2.1-or-later
/* bind, getsockname, getpeername */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "name.h"

union name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

/* Every bound socket of the Internet families has a port. */
static bool has_no_port(const union name *name)
{
	switch (name->sa.sa_family) {
	case AF_INET:
		return !name->in.sin_port;
	case AF_INET6:
		return !name->in6.sin6_port;
	default:
		return false;
	}
}

/* Anything but a socket that has yet to be bound: that is another's to tell. */
bool ws_is_bound(int fd)
{
	socklen_t len = sizeof(union name);
	union name name;

	return getsockname(fd, &name.sa, &len) || !has_no_port(&name);
}

/* What Linux calls EINVAL, or would read past. */
bool ws_name_is_short(const struct sockaddr *addr, socklen_t len)
{
	if (!addr || len < sizeof(addr->sa_family))
		return true;
	switch (addr->sa_family) {
	case AF_INET:
		return len < sizeof(struct sockaddr_in);
	case AF_INET6:
		return len < offsetof(struct sockaddr_in6, sin6_scope_id);
	default:
		return false;
	}
}

WS_EXPORT int winsock_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	if (bind(fd, addr, len)) {
		if (errno == EINVAL && ws_name_is_short(addr, len))
			errno = EFAULT;
		error = ws_call_error(&call, errno);
	}
	return ws_call_end(&call, error);
}

static int copy_name(const union name *name, socklen_t namelen,
		     struct sockaddr *addr, socklen_t *len)
{
	if (!addr || !len || *len < namelen)
		return WSAEFAULT;
	memcpy(addr, name, namelen);
	*len = namelen;
	return 0;
}

WS_EXPORT int winsock_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	socklen_t namelen = sizeof(union name);
	struct ws_call call;
	union name name;
	int error;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	if (getsockname(fd, &name.sa, &namelen))
		error = ws_call_error(&call, errno);
	else if (has_no_port(&name))
		error = WSAEINVAL;
	else
		error = copy_name(&name, namelen, addr, len);
	return ws_call_end(&call, error);
}

WS_EXPORT int winsock_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	socklen_t namelen = sizeof(union name);
	struct ws_call call;
	union name name;
	int error;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	if (getpeername(fd, &name.sa, &namelen))
		error = ws_call_error(&call, errno);
	else
		error = copy_name(&name, namelen, addr, len);
	return ws_call_end(&call, error);
}
