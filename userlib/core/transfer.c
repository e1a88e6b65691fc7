// SPDX-License-Identifier: LGPL-2.1-or-later
/* send, sendto, recv, recvfrom */
#include <errno.h>
#include <poll.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "part.h"
#include "transfer.h"

/*
 * L10.  For a datagram socket that was shut down for receiving, Linux returns 0, as
 * for an empty datagram.
 */
bool ws_is_shut_datagram(const struct ws_call *call, ssize_t n)
{
	struct pollfd pollfd = { .fd = call->fd, .events = POLLRDHUP };

	return !n && ws_slot_is_datagram(call->slot) &&
	       poll(&pollfd, 1, 0) > 0 && pollfd.revents & POLLRDHUP;
}

/*
 * L11.  If the port of an earlier datagram was unreachable, Linux reports that once,
 * to the next call of any kind, which then does nothing else.
 *
 * Return: true if the call has to be repeated.
 */
bool ws_is_earlier_error(const struct ws_call *call, bool send, int err)
{
	if (err != ECONNREFUSED || !ws_slot_is_datagram(call->slot))
		return false;
	if (ws_slot_flags(call->slot) & WS_SLOT_NO_CONNRESET)
		return true;
	if (send)
		ws_slot_set(call->slot, WS_SLOT_UNREACHABLE);
	return send;
}

/* Fills in the address, control data and flags of a received datagram. */
void ws_transfer_received(struct ws_transfer *t, const struct msghdr *msg)
{
	if (t->from)
		*t->fromlen = msg->msg_namelen;
	if (!t->received)
		return;
	t->received->Control.len = msg->msg_controllen;
	t->received->dwFlags = msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC);
}

/* A truncated datagram is an error, but the part that fits is in the buffers. */
static ssize_t receive_message(const struct ws_call *call,
			       struct ws_transfer *t, int flags)
{
	struct msghdr msg = {
		.msg_name = t->from,
		.msg_namelen = t->from ? *t->fromlen : 0,
		.msg_iov = t->iov,
		.msg_iovlen = t->iovlen,
		.msg_control = t->control,
		.msg_controllen = t->controllen,
	};
	ssize_t n;

	n = recvmsg(call->fd, &msg, flags);
	if (n < 0)
		return -1;
	if (ws_is_shut_datagram(call, n)) {
		errno = ESHUTDOWN;
		return -1;
	}
	ws_transfer_received(t, &msg);
	if (msg.msg_flags & MSG_TRUNC && !(flags & MSG_TRUNC)) {
		t->truncated = true;
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

static ssize_t send_message(const struct ws_call *call,
			    const struct ws_transfer *t, int flags)
{
	struct msghdr msg = {
		.msg_name = (void *)t->to,
		.msg_namelen = t->tolen,
		.msg_iov = t->iov,
		.msg_iovlen = t->iovlen,
		.msg_control = t->control,
		.msg_controllen = t->controllen,
	};

	return sendmsg(call->fd, &msg, flags);
}

/* A Winsock program does not expect SIGPIPE. */
static ssize_t move(const struct ws_call *call, struct ws_transfer *t, int flags)
{
	const struct iovec *iov = t->iov;

	if (t->send && t->iovlen == 1 && !t->control)
		return sendto(call->fd, iov->iov_base, iov->iov_len,
			      flags | MSG_NOSIGNAL, t->to, t->tolen);
	if (t->send)
		return send_message(call, t, flags | MSG_NOSIGNAL);
	if (t->iovlen == 1 && ws_slot_is_stream(call->slot))
		return recvfrom(call->fd, iov->iov_base, iov->iov_len, flags,
				t->from, t->fromlen);
	return receive_message(call, t, flags);
}

/* One system call, repeated if it reports the error of an earlier datagram. */
ssize_t ws_move_once(const struct ws_call *call, struct ws_transfer *t,
		     int flags)
{
	ssize_t n;

	do {
		n = move(call, t, flags);
	} while (n < 0 && ws_is_earlier_error(call, t->send, errno));
	return n;
}

/* Removes the first @n bytes from the front of the pieces. */
void ws_transfer_advance(struct ws_transfer *t, size_t n)
{
	if (n > t->left)	/* MSG_TRUNC returns the length of the datagram */
		n = t->left;
	t->left -= n;
	while (t->iovlen && n >= t->iov->iov_len) {
		n -= t->iov->iov_len;
		t->iov++;
		t->iovlen--;
	}
	if (n) {
		t->iov->iov_base = (char *)t->iov->iov_base + n;
		t->iov->iov_len -= n;
	}
}

/*
 * A stream send() transfers all bytes before it returns, and so does recv() with
 * MSG_WAITALL; on Linux both return early for a signal.
 */
bool ws_transfer_is_partial(const struct ws_call *call, const struct ws_transfer *t)
{
	if (!t->left || !ws_slot_is_stream(call->slot))
		return false;
	if (t->send)
		return true;
	return t->flags & MSG_WAITALL && !(t->flags & (MSG_PEEK | MSG_OOB));
}

/*
 * P2, P3.  poll(2) does not report whether a datagram can be sent to a given address,
 * nor whether MSG_PEEK or MSG_OOB would find bytes: such calls wait in the system
 * call itself.
 */
static bool waits_in_poll(const struct ws_call *call, const struct ws_transfer *t)
{
	if (!ws_slot_is_unattachable(call->slot))
		return false;
	return t->send ? ws_slot_is_stream(call->slot) :
			 !(t->flags & (MSG_PEEK | MSG_OOB));
}

/* An attempt with MSG_DONTWAIT transferred nothing: may the call wait? */
static bool has_to_wait(const struct ws_call *call)
{
	return errno == EAGAIN && (!call->polls || ws_call_may_wait(call));
}

/* As sendto(2) and recvfrom(2): -1 with errno. */
static ssize_t move_all(struct ws_call *call, struct ws_transfer *t)
{
	int option = t->send ? SO_SNDTIMEO : SO_RCVTIMEO;
	short events = t->send ? POLLOUT : POLLIN;
	bool polled = call->polls;	/* then the first attempt does not wait */
	size_t done = 0;
	ssize_t n;

	for (;;) {
		n = -1;
		if (!polled && !ws_call_await(call, events, option, &polled))
			break;
		n = ws_move_once(call, t,
				 t->flags | (polled ? MSG_DONTWAIT : 0));
		if (n < 0) {
			if (errno != EINTR && !(polled && has_to_wait(call)))
				break;
			if (!ws_call_resume(call, events, option, &polled))
				break;
			continue;
		}
		done += n;
		ws_transfer_advance(t, n);
		if (!n || !ws_transfer_is_partial(call, t) ||
		    !ws_call_may_continue(call, option))
			break;
		polled = call->polls;
	}
	/* P2: bytes that were transferred are reported despite a later error. */
	return done ? (ssize_t)done : n;
}

/* After shutdown() of receiving, Winsock fails at once; Linux returns queued bytes. */
static bool receive_is_shut(const struct ws_call *call)
{
	return ws_slot_flags(call->slot) & WS_SLOT_SHUT_RECV &&
	       ws_slot_is_current(call->slot, call->fd);
}

/* L11: the error that send() consumed; reported once. */
static bool is_unreachable(const struct ws_call *call)
{
	return ws_slot_flags(call->slot) & WS_SLOT_UNREACHABLE &&
	       ws_slot_clear(call->slot, WS_SLOT_UNREACHABLE) &
	       WS_SLOT_UNREACHABLE &&
	       ws_slot_is_current(call->slot, call->fd);
}

/* Checks before the first attempt.  Returns 0 or a WSA error. */
int ws_transfer_check(const struct ws_call *call, struct ws_transfer *t)
{
	if (t->send)
		return 0;
	if (receive_is_shut(call))
		return WSAESHUTDOWN;
	/* L13: on a stream both arguments are ignored. */
	if (ws_slot_is_stream(call->slot)) {
		t->from = NULL;
		t->fromlen = NULL;
	}
	if (t->from && (!t->fromlen ||
			*t->fromlen < ws_slot_address_size(call->slot)))
		return WSAEFAULT;
	return is_unreachable(call) ? WSAECONNRESET : 0;
}

/*
 * Any receive re-enables FD_READ; a send re-enables FD_WRITE only if it failed with
 * WSAEWOULDBLOCK.
 */
void ws_transfer_ended(struct ws_slot *slot, const struct ws_transfer *t,
		       int error)
{
	if (!t->send)
		ws_watch_reenable(slot, t->flags & MSG_OOB ? FD_OOB : FD_READ);
	else if (error == WSAEWOULDBLOCK)
		ws_watch_reenable(slot, FD_WRITE);
}

/**
 * ws_transfer - transfer bytes for a call of the application
 * @call: the call
 * @t: what to transfer
 * @moved: the number of bytes that were transferred
 *
 * Return: 0 or a WSA error.
 */
int ws_transfer(struct ws_call *call, struct ws_transfer *t, ssize_t *moved)
{
	int error;

	call->dontwait = t->flags & MSG_DONTWAIT;
	ws_call_block(call, t->send ? WS_SEND : WS_RECV);
	if (waits_in_poll(call, t))
		ws_call_poll(call);
	error = ws_transfer_check(call, t);
	if (!error) {
		*moved = move_all(call, t);
		error = *moved < 0 ? ws_call_error(call, errno) : 0;
	}
	ws_call_unblock();
	ws_transfer_ended(call->slot, t, error);
	return error;
}

static ssize_t transfer(int fd, struct ws_transfer *t)
{
	struct ws_call call;
	ssize_t n;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	return ws_call_done(&call, ws_transfer(&call, t, &n)) ? SOCKET_ERROR : n;
}

WS_EXPORT ssize_t winsock_send(int fd, const void *buf, size_t len, int flags)
{
	return winsock_sendto(fd, buf, len, flags, NULL, 0);
}

WS_EXPORT ssize_t winsock_sendto(int fd, const void *buf, size_t len, int flags,
				 const struct sockaddr *addr, socklen_t addrlen)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct ws_transfer t = {
		.send = true,
		.iov = &iov,
		.iovlen = 1,
		.left = len,
		.flags = flags,
		.to = addr,
		.tolen = addr ? addrlen : 0,
	};

	return transfer(fd, &t);
}

WS_EXPORT ssize_t winsock_recv(int fd, void *buf, size_t len, int flags)
{
	return winsock_recvfrom(fd, buf, len, flags, NULL, NULL);
}

WS_EXPORT ssize_t winsock_recvfrom(int fd, void *buf, size_t len, int flags,
				   struct sockaddr *addr, socklen_t *addrlen)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct ws_transfer t = {
		.iov = &iov,
		.iovlen = 1,
		.left = len,
		.flags = flags,
		.from = addr,
		.fromlen = addrlen,
	};

	return transfer(fd, &t);
}
