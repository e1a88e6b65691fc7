// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The outcomes of closes with a deadline (L28).
 *
 * An outcomes object is a nonblocking descriptor of the device.  The library's own
 * descriptor of the device is blocking, so that it is never read or closed as one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <unistd.h>
#include <winsock2.h>

#include "call.h"
#include "device.h"
#include "error.h"
#include "export.h"
#include "outcome.h"
#include "socket.h"

/* The first ABI version with WINSOCK_IOC_CLOSE_DEADLINE. */
#define FIRST_VERSION	3

bool ws_is_outcomes(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_NONBLOCK &&
	       (flags & O_ACCMODE) == O_RDWR &&
	       ws_device_version(fd) >= FIRST_VERSION;
}

/* As open(2), but never 0: that is WSA_INVALID_EVENT. */
static int open_outcomes(void)
{
	int fd = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int other, err;

	if (fd)
		return fd;
	other = fcntl(fd, F_DUPFD_CLOEXEC, 1);
	err = errno;
	close(fd);
	errno = err;
	return other;
}

static int open_error(int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return ws_error_from_errno(err);
	default:
		return WSAENETDOWN;	/* G3 */
	}
}

static int create_outcomes(int *error)
{
	int fd = open_outcomes();
	int version;

	if (fd < 0) {
		*error = open_error(errno);
		return -1;
	}
	version = ws_device_version(fd);
	if (version >= FIRST_VERSION)
		return fd;
	close(fd);
	*error = version < 0 ? WSAENETDOWN : WSAEOPNOTSUPP;
	return -1;
}

WS_EXPORT WSAEVENT winsock_create_outcomes(void)
{
	struct ws_call call;
	int fd, error = 0;

	if (!ws_call_begin(&call, -1))
		return WSA_INVALID_EVENT;
	fd = create_outcomes(&error);
	if (ws_call_end(&call, error))
		return WSA_INVALID_EVENT;
	return (WSAEVENT)(intptr_t)fd;
}

WS_EXPORT int winsock_close_outcomes(WSAEVENT outcomes)
{
	int fd = ws_event_fd(outcomes);
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	if (!ws_is_outcomes(fd) || close(fd))
		error = WSA_INVALID_HANDLE;
	return ws_call_end(&call, error);
}

/* 1 with an outcome, 0 if there is none, or -1 with a WSA error. */
static int get_outcome(int fd, struct winsock_outcome *outcome, int *error)
{
	ssize_t ret;

	if (!ws_is_outcomes(fd)) {
		*error = WSA_INVALID_HANDLE;
		return -1;
	}
	if (!outcome) {
		*error = WSAEFAULT;
		return -1;
	}
	ret = read(fd, outcome, sizeof(*outcome));
	if (ret < 0 && errno != EAGAIN)
		*error = ws_error_from_errno(errno);
	return ret > 0;
}

WS_EXPORT int winsock_get_outcome(WSAEVENT outcomes,
				  struct winsock_outcome *outcome)
{
	struct ws_call call;
	int ret, error = 0;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	ret = get_outcome(ws_event_fd(outcomes), outcome, &error);
	return ws_call_end(&call, error) ? SOCKET_ERROR : ret;
}
