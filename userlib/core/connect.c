// SPDX-License-Identifier: LGPL-2.1-or-later
/* connect and shutdown */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <winsock2.h>

#include "call.h"
#include "connect.h"
#include "error.h"
#include "export.h"
#include "name.h"
#include "part.h"

bool ws_is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int listening;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) &&
	       listening;
}

/* Starts a connect without waiting; ws_call_resume() does the waiting. */
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

	/* During the handshake, another connect(2) continues the wait. */
	while (connect(call->fd, addr, len)) {
		if (errno != EINTR)
			return errno;
		if (!ws_call_resume(call, POLLOUT, SO_SNDTIMEO, &polled))
			return errno;
	}
	return 0;
}

static bool attempt_is_over(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	return poll(&pollfd, 1, 0) > 0;
}

/* Is this the error of an attempt that has ended, which the socket has kept? */
static bool is_end_of_attempt(int err)
{
	switch (err) {
	case 0:
	case EALREADY:
	case EINPROGRESS:
	case EISCONN:
	case EINVAL:
	case EFAULT:
	case EAFNOSUPPORT:
	case EADDRNOTAVAIL:
	case EBADF:
	case ENOTSOCK:
	case EINTR:
	case ECANCELED:
	case EAGAIN:
		return false;
	default:
		return true;
	}
}

/*
 * L9.  An earlier connect() returned before the attempt ended.  On Linux the next
 * connect() returns the result of that attempt and does not begin another.
 */
static int connect_after_attempt(struct ws_call *call, const struct sockaddr *addr,
				 socklen_t len)
{
	bool nonblocking = ws_is_nonblocking(call->fd);
	bool over = attempt_is_over(call->fd);
	int err;

	err = connect_errno(call, addr, len);
	if (!err && (nonblocking || over))
		err = EISCONN;
	else if (is_end_of_attempt(err) && (nonblocking || over))
		err = connect_errno(call, addr, len);
	return err;
}

/* Only a TCP connect continues after connect() has returned. */
static void note_connecting(const struct ws_call *call, int err)
{
	bool connecting = err == EINPROGRESS || err == EALREADY ||
			  err == EAGAIN || err == EINTR;
	socklen_t len = sizeof(int);
	int protocol;

	/* An error from an earlier peer does not concern this one. */
	if (!err && ws_slot_flags(call->slot) & WS_SLOT_UNREACHABLE)
		ws_slot_clear(call->slot, WS_SLOT_UNREACHABLE);
	if (!call->slot || !call->stream ||
	    connecting == !!(ws_slot_flags(call->slot) & WS_SLOT_CONNECTING))
		return;
	if (!connecting)
		ws_slot_clear(call->slot, WS_SLOT_CONNECTING);
	else if (!getsockopt(call->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
		 protocol == IPPROTO_TCP)
		ws_slot_set(call->slot, WS_SLOT_CONNECTING);
}

/*
 * ConnectEx: returns 0 or an errno, EINPROGRESS during the handshake.  The error of
 * an attempt that has failed is returned by the next connect(2), so that one is
 * repeated.
 */
int ws_connect_begin(struct ws_call *call, const struct sockaddr *addr,
		     socklen_t len)
{
	bool again = ws_slot_flags(call->slot) & WS_SLOT_CONNECTING &&
		     attempt_is_over(call->fd);
	int err;

	err = begin_connect(call, addr, len);
	if (again && is_end_of_attempt(err))
		err = begin_connect(call, addr, len);
	note_connecting(call, err);
	if (!err || err == EINPROGRESS) {
		ws_slot_connected(call->slot);
		ws_watch_connecting(call->slot);
	}
	return err;
}

/* The result of the attempt: 0 or an errno.  FD_CONNECT may have read SO_ERROR first. */
int ws_connect_result(const struct ws_call *call)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	return err ? err : ws_watch_connect_error(call->slot);
}

WS_EXPORT int winsock_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct ws_call call;
	int err;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;

	ws_call_block(&call, WS_CONNECT);
	if (ws_slot_flags(call.slot) & WS_SLOT_CONNECTING)
		err = connect_after_attempt(&call, addr, len);
	else
		err = connect_errno(&call, addr, len);
	note_connecting(&call, err);
	if (!err || err == EINPROGRESS) {
		ws_slot_connected(call.slot);
		ws_watch_connecting(call.slot);
	}
	if (err == EINVAL && ws_name_is_short(addr, len))
		err = EFAULT;
	else if (err == EISCONN && ws_is_listening(fd))
		err = EINVAL;
	err = ws_call_error(&call, err);
	ws_call_unblock();

	return ws_call_end(&call, err);
}

/* L10: shutdown(2) would fail too, but it would have taken effect. */
static int connection_error(const struct ws_call *call, struct ws_slot *slot)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (ws_slot_is_connectionless(slot) ||
	    !getpeername(call->fd, (struct sockaddr *)&addr, &len))
		return 0;
	return ws_call_error(call, errno);
}

/*
 * The flags decide the error of EPIPE and of a later recv() (L7).  They are set before
 * shutdown(2), which makes the socket writable: FD_WRITE must not be recorded for that.
 */
static int shut(const struct ws_call *call, int how)
{
	struct ws_slot *slot = ws_slot_adopt(call->fd);
	unsigned int flags = 0, before = 0;
	int error = connection_error(call, slot);

	if (error)
		return error;
	if (how != SHUT_RD)
		flags |= WS_SLOT_SHUT_SEND;
	if (how != SHUT_WR)
		flags |= WS_SLOT_SHUT_RECV;
	if (slot) {
		ws_slot_identify(slot, call->fd);
		before = ws_slot_set(slot, flags);
	}
	if (!shutdown(call->fd, how)) {
		if (how != SHUT_WR)
			ws_requests_shut_receiving(slot);
		return 0;
	}
	/* L10: it has taken effect. */
	if (errno == ENOTCONN && ws_slot_is_connectionless(slot))
		return 0;
	error = ws_call_error(call, errno);
	if (slot)
		ws_slot_clear(slot, flags & ~before);
	return error;
}

WS_EXPORT int winsock_shutdown(int fd, int how)
{
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	if ((how < SHUT_RD || how > SHUT_RDWR) && ws_slot_adopt(fd))
		error = WSAEINVAL;
	else
		error = shut(&call, how);
	return ws_call_end(&call, error);
}
