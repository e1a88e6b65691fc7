// SPDX-License-Identifier: LGPL-2.1-or-later
/* ioctlsocket */
#include <errno.h>
#include <poll.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "socket.h"
#include "watch.h"

static int get_option(int fd, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, name, value, &len);
}

static int set_mode(int fd, u_long nonblocking)
{
	int on = !!nonblocking;

	if (!on && ws_watch_is_active(ws_slot_lookup(fd))) {	/* L5 */
		errno = EINVAL;
		return -1;
	}
	return ioctl(fd, FIONBIO, &on);
}

static int count_unread(int fd, u_long *count)
{
	int n;

	if (ioctl(fd, FIONREAD, &n))
		return -1;
	*count = n;
	return 0;
}

/*
 * Winsock's answer is yes as long as no urgent byte waits to be fetched, while
 * Linux's is no most of the time.  With SO_OOBINLINE there is nothing to fetch.
 */
static int at_mark(int fd, u_long *answer)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLPRI };
	int type, inlined;

	if (get_option(fd, SO_TYPE, &type) ||
	    get_option(fd, SO_OOBINLINE, &inlined))
		return -1;
	if (type != SOCK_STREAM) {
		errno = EINVAL;
		return -1;
	}
	*answer = inlined || poll(&pollfd, 1, 0) <= 0;
	return 0;
}

static int ioctl_socket(int fd, unsigned int cmd, u_long *arg)
{
	int type;

	/* ioctl(2) would change the mode of anything that is open (G4). */
	if (get_option(fd, SO_TYPE, &type))
		return -1;

	switch (cmd) {
	case FIONBIO:
	case FIONREAD:
	case SIOCATMARK:
		break;
	default:
		errno = EOPNOTSUPP;
		return -1;
	}
	if (!arg) {
		errno = EFAULT;
		return -1;
	}

	switch (cmd) {
	case FIONBIO:
		return set_mode(fd, *arg);
	case FIONREAD:
		return count_unread(fd, arg);
	default:
		return at_mark(fd, arg);
	}
}

WS_EXPORT int ioctlsocket(SOCKET s, long cmd, u_long *arg)
{
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (ioctl_socket(call.fd, cmd, arg))
		error = ws_call_error(&call, errno);
	return ws_call_end(&call, error);
}

/* For C programs that keep the value in a long, which has 64 bits here. */
WS_EXPORT int winsock_ioctlsocket_long(SOCKET s, long cmd, unsigned long *arg)
{
	u_long value = 0;
	int ret;

	if (!arg)
		return ioctlsocket(s, cmd, NULL);
	if ((unsigned int)cmd == FIONBIO)
		value = *arg;
	ret = ioctlsocket(s, cmd, &value);
	if (!ret && (unsigned int)cmd != FIONBIO)
		*arg = value;
	return ret;
}
