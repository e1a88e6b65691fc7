// SPDX-License-Identifier: LGPL-2.1-or-later
/* bind, getsockname, getpeername */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "memory.h"
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

/* True on an error, too: the caller's next system call reports it. */
bool ws_is_bound(int fd)
{
	socklen_t len = sizeof(union name);
	union name name;

	return getsockname(fd, &name.sa, &len) || !has_no_port(&name);
}

bool ws_is_connected(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	return !getpeername(fd, (struct sockaddr *)&addr, &len);
}

/* Lengths for which Linux returns EINVAL, or which would be read beyond. */
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

int ws_set_reuse(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/*
 * L12.  A TCP socket without options can bind a port that only old connections use,
 * as on Windows.  Linux requires SO_REUSEADDR for that, on the new socket and on the
 * old connections.  Those inherit it from their listener, on which listen() sets it:
 * no other socket can bind the port of a listener.  A socket that is only bound does
 * not keep it, since another one with the option could bind the same port.
 */
bool ws_may_lend_reuse(struct ws_slot *slot, int fd)
{
	socklen_t len = sizeof(int);
	int domain = slot ? atomic_load(&slot->domain) : AF_UNSPEC;
	int reuse;

	return (domain == AF_INET || domain == AF_INET6) &&
	       ws_slot_is_stream(slot) &&
	       !(ws_slot_flags(slot) & WS_SLOT_EXCLUSIVE) &&
	       !getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &len) && !reuse;
}

/*
 * As bind(2).  SO_REUSEADDR is set during the call only: with it two bound sockets
 * could share the port.
 */
static int bind_over_old(int fd, const struct sockaddr *addr, socklen_t len)
{
	int ret, err;

	if (!bind(fd, addr, len))
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	if (!ws_may_lend_reuse(ws_slot_adopt(fd), fd) || ws_set_reuse(fd, 1)) {
		errno = EADDRINUSE;
		return -1;
	}
	ret = bind(fd, addr, len);
	err = errno;
	ws_set_reuse(fd, 0);
	errno = err;
	return ret;
}

WS_EXPORT int winsock_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	if (bind_over_old(fd, addr, len)) {
		if (errno == EINVAL && ws_name_is_short(addr, len))
			errno = EFAULT;
		error = ws_call_error(&call, errno);
	}
	return ws_call_end(&call, error);
}

static int copy_name(const union name *name, socklen_t namelen,
		     struct sockaddr *addr, socklen_t *len)
{
	if (ws_is_near_null(addr) || ws_is_near_null(len) || *len < namelen)
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
