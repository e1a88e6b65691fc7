// SPDX-License-Identifier: LGPL-2.1-or-later
/* connect and shutdown */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "name.h"
#include "watch.h"

static bool is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int listening;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) &&
	       listening;
}

/* Begun without waiting, so that the wait is ws_call_resume()'s. */
static int begin_connect(const struct ws_call *call, const struct sockaddr *addr,
			 socklen_t len)
{
	int flags = fcntl(call->fd, F_GETFL);
	int err;

	fcntl(call->fd, F_SETFL, flags | O_NONBLOCK);
	err = connect(call->fd, addr, len) ? errno : 0;
	fcntl(call->fd, F_SETFL, flags);
	return err;
}

static int connect_errno(struct ws_call *call, const struct sockaddr *addr,
			 socklen_t len)
{
	bool polled;
	int err;

	if (ws_call_is_cancellable(call)) {
		err = begin_connect(call, addr, len);
		if (err != EINPROGRESS && err != EALREADY)
			return err;
		if (!ws_call_resume(call, POLLOUT, SO_SNDTIMEO, &polled))
			return errno;
	}

	/* While the handshake lasts, asking again means waiting on. */
	while (connect(call->fd, addr, len)) {
		if (errno != EINTR)
			return errno;
		if (!ws_call_resume(call, POLLOUT, SO_SNDTIMEO, &polled))
			return errno;
	}
	return 0;
}

WS_EXPORT int winsock_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct ws_call call;
	int err;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;

	ws_call_block(&call, WS_CONNECT);
	err = connect_errno(&call, addr, len);
	if (!err || err == EINPROGRESS)
		ws_watch_connecting(call.slot);
	if (err == EINVAL && ws_name_is_short(addr, len))
		err = EFAULT;
	else if (err == EISCONN && is_listening(fd))
		err = EINVAL;
	err = ws_call_error(&call, err);
	ws_call_unblock();

	return ws_call_end(&call, err);
}

/*
 * EPIPE and a later recv() are told apart by what was shut here (L7).  It is noted
 * first: shutdown(2) says that the socket is writable, and FD_WRITE must not.
 */
static int shut(const struct ws_call *call, int how)
{
	struct ws_slot *slot = ws_slot_adopt(call->fd);
	unsigned int flags = 0, before = 0;
	int error;

	if (how != SHUT_RD)
		flags |= WS_SLOT_SHUT_SEND;
	if (how != SHUT_WR)
		flags |= WS_SLOT_SHUT_RECV;
	if (slot) {
		ws_slot_identify(slot, call->fd);
		before = atomic_fetch_or(&slot->flags, flags);
	}
	if (!shutdown(call->fd, how))
		return 0;
	error = ws_call_error(call, errno);
	if (slot)
		atomic_fetch_and(&slot->flags, ~(flags & ~before));
	return error;
}

WS_EXPORT int winsock_shutdown(int fd, int how)
{
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	/* Linux would have it listen no more. */
	if (is_listening(fd))
		error = WSAENOTCONN;
	else
		error = shut(&call, how);
	return ws_call_end(&call, error);
}
