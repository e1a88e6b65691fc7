// SPDX-License-Identifier: LGPL-2.1-or-later
/* send, sendto, recv, recvfrom */
#include <errno.h>
#include <poll.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "watch.h"

/**
 * struct transfer - bytes to be moved
 * @send: out, else in
 * @buf: where from or to
 * @len: how many at most
 * @flags: MSG_*
 * @to: destination
 * @tolen: its length
 * @from: where the source goes
 * @fromlen: room there, and its length
 */
struct transfer {
	bool send;
	char *buf;
	size_t len;
	int flags;
	const struct sockaddr *to;
	socklen_t tolen;
	struct sockaddr *from;
	socklen_t *fromlen;
};

/* A datagram that does not fit is an error, and the part that fits is there. */
static ssize_t receive_datagram(const struct ws_call *call,
				const struct transfer *t, int flags)
{
	struct iovec iov = { .iov_base = t->buf, .iov_len = t->len };
	struct msghdr msg = {
		.msg_name = t->from,
		.msg_namelen = t->from && t->fromlen ? *t->fromlen : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	if (t->from && (!t->fromlen ||
			*t->fromlen < ws_slot_address_size(call->slot))) {
		errno = EFAULT;
		return -1;
	}
	n = recvmsg(call->fd, &msg, flags);
	if (n < 0)
		return -1;
	if (t->from)
		*t->fromlen = msg.msg_namelen;
	if (msg.msg_flags & MSG_TRUNC && !(flags & MSG_TRUNC)) {
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

static ssize_t move_once(const struct ws_call *call, const struct transfer *t,
			 size_t done, int flags)
{
	char *buf = t->buf + done;
	size_t len = t->len - done;

	if (t->send)	/* No signal tells a Winsock program of a lost peer. */
		return sendto(call->fd, buf, len, flags | MSG_NOSIGNAL, t->to,
			      t->tolen);
	if (!ws_slot_is_stream(call->slot))
		return receive_datagram(call, t, flags);
	return recvfrom(call->fd, buf, len, flags, t->from, t->fromlen);
}

/*
 * A blocking send() returns when everything has been taken, and so does recv()
 * with MSG_WAITALL; Linux's return early for a signal.
 */
static bool wants_the_rest(const struct ws_call *call, const struct transfer *t,
			   size_t done)
{
	if (done >= t->len || !ws_slot_is_stream(call->slot))
		return false;
	if (t->send)
		return true;
	return t->flags & MSG_WAITALL && !(t->flags & (MSG_PEEK | MSG_OOB));
}

/* As sendto(2) and recvfrom(2): -1 with errno. */
static ssize_t move_all(struct ws_call *call, const struct transfer *t)
{
	int option = t->send ? SO_SNDTIMEO : SO_RCVTIMEO;
	short events = t->send ? POLLOUT : POLLIN;
	bool polled = false;
	size_t done = 0;
	ssize_t n;

	for (;;) {
		n = -1;
		if (!polled && !ws_call_await(call, events, option, &polled))
			break;
		n = move_once(call, t, done,
			      t->flags | (polled ? MSG_DONTWAIT : 0));
		if (n < 0) {
			if (errno != EINTR && !(errno == EAGAIN && polled))
				break;
			if (!ws_call_resume(call, events, option, &polled))
				break;
			continue;
		}
		done += n;
		if (!n || !wants_the_rest(call, t, done) ||
		    !ws_call_may_go_on(call, option))
			break;
		polled = false;
	}
	/* P2: bytes that were moved are reported, whatever came after them. */
	return done ? (ssize_t)done : n;
}

/* Winsock refuses at once what Linux lets read to its end. */
static bool receive_is_shut(const struct ws_call *call)
{
	return ws_slot_flags(call->slot) & WS_SLOT_SHUT_RECV &&
	       ws_slot_is_current(call->slot, call->fd);
}

/* Any attempt to receive lets FD_READ come again; to send, one that found no room. */
static void tell_watch(const struct ws_call *call, const struct transfer *t,
		       int error)
{
	if (!t->send)
		ws_watch_reenable(call->slot, t->flags & MSG_OOB ? FD_OOB : FD_READ);
	else if (error == WSAEWOULDBLOCK)
		ws_watch_reenable(call->slot, FD_WRITE);
}

static ssize_t transfer(int fd, const struct transfer *t)
{
	struct ws_call call;
	ssize_t n = -1;
	int error;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;

	call.dontwait = t->flags & MSG_DONTWAIT;
	ws_call_block(&call, t->send ? WS_SEND : WS_RECV);
	if (!t->send && receive_is_shut(&call)) {
		error = WSAESHUTDOWN;
	} else {
		n = move_all(&call, t);
		error = n < 0 ? ws_call_error(&call, errno) : 0;
	}
	ws_call_unblock();
	tell_watch(&call, t, error);

	return ws_call_end(&call, error) ? SOCKET_ERROR : n;
}

WS_EXPORT ssize_t winsock_send(int fd, const void *buf, size_t len, int flags)
{
	return winsock_sendto(fd, buf, len, flags, NULL, 0);
}

WS_EXPORT ssize_t winsock_sendto(int fd, const void *buf, size_t len, int flags,
				 const struct sockaddr *addr, socklen_t addrlen)
{
	struct transfer t = {
		.send = true,
		.buf = (char *)buf,
		.len = len,
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
	struct transfer t = {
		.buf = buf,
		.len = len,
		.flags = flags,
		.from = addr,
		.fromlen = addrlen,
	};

	return transfer(fd, &t);
}
