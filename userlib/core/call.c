// SPDX-License-Identifier: LGPL-2.1-or-later
/* A call of the application: its checks, its waits, its error code. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/time.h>
#include <winsock2.h>

#include "blocking.h"
#include "call.h"
#include "error.h"
#include "startup.h"

#define NSEC_PER_SEC	1000000000L

/* As ws_call_end(), for a call that transfers, polls or handles options (L1). */
int ws_call_done(struct ws_call *call, int error)
{
	if (!error)
		ws_no_error();
	return ws_call_end(call, error);
}

/* @error is that of another argument; WSAENOTSOCK takes precedence over it. */
int ws_call_argument(const struct ws_call *call, int error)
{
	return ws_slot_adopt(call->fd) ? error : WSAENOTSOCK;
}

/* The call may wait after this.  Adopts a socket that has no slot. */
void ws_call_block(struct ws_call *call, enum ws_kind kind)
{
	call->kind = kind;
	call->slot = ws_slot_adopt(call->fd);
	if (call->slot)
		call->generation = ws_slot_generation(call->slot);
	call->stream = ws_slot_is_stream(call->slot);
	clock_gettime(CLOCK_MONOTONIC, &call->start);
	ws_blocking_begin();
}

void ws_call_unblock(void)
{
	ws_blocking_end();
}

static bool closed(const struct ws_call *call)
{
	return ws_slot_closed_since(call->slot, call->generation);
}

/*
 * The call waits only in poll(2) after this: there the module finds threads that
 * wait for a socket which is not attached.
 */
void ws_call_poll(struct ws_call *call)
{
	call->polls = true;
	call->inode = atomic_load(&call->slot->inode);
}

/*
 * G5: a call continues while another descriptor of the process has the socket.
 * poll(2) looks its own descriptor up again when something comes.  If that refers
 * to another socket by then, the call waits for that one, too.
 */
static bool follow(struct ws_call *call)
{
	int fd = call->polls ? ws_slot_find_descriptor(call->inode) : -1;
	struct ws_slot *slot = ws_slot_adopt(fd);

	if (!slot)
		return false;
	call->fd = fd;
	call->slot = slot;
	call->generation = ws_slot_generation(slot);
	return true;
}

static bool gone(struct ws_call *call)
{
	return closed(call) && !follow(call);
}

/* The time left of the socket's timeout; false if it has none. */
static bool time_left(const struct ws_call *call, int option,
		      struct timespec *left)
{
	socklen_t len = sizeof(struct timeval);
	struct timeval timeout;
	struct timespec now;

	if (getsockopt(call->fd, SOL_SOCKET, option, &timeout, &len) ||
	    (!timeout.tv_sec && !timeout.tv_usec))
		return false;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left->tv_sec = timeout.tv_sec - (now.tv_sec - call->start.tv_sec);
	left->tv_nsec = timeout.tv_usec * 1000L -
			(now.tv_nsec - call->start.tv_nsec);
	while (left->tv_nsec < 0) {
		left->tv_nsec += NSEC_PER_SEC;
		left->tv_sec--;
	}
	while (left->tv_nsec >= NSEC_PER_SEC) {
		left->tv_nsec -= NSEC_PER_SEC;
		left->tv_sec++;
	}
	if (left->tv_sec < 0)
		*left = (struct timespec) { 0 };
	return true;
}

static int poll_once(const struct ws_call *call, short events,
		     const struct timespec *left)
{
	struct pollfd pollfd = { .fd = call->fd, .events = events };
	int ret;

	/* poll(2) holds a reference: closesocket() must not count it as an owner. */
	if (call->slot)
		atomic_fetch_add(&call->slot->pollers, 1);
	ret = ws_ppoll(&pollfd, 1, left);
	if (call->slot)
		atomic_fetch_sub(&call->slot->pollers, 1);
	if (ret > 0 && pollfd.revents & POLLNVAL) {
		errno = ECANCELED;
		return -1;
	}
	return ret;
}

/**
 * ws_call_resume - a system call was interrupted or found nothing: may it continue?
 * @call: the call, whose system call has just failed
 * @events: what it waits for
 * @option: the timeout that applies, SO_RCVTIMEO or SO_SNDTIMEO
 * @polled: set if poll(2) reported @events, so that the next attempt need not wait
 *
 * A signal that cancels nothing has no visible effect (L3), and a restarted system
 * call would start the socket's timeout again: the call waits here for the time that
 * is left.  It also waits here if WSACancelBlockingCall() may end the wait, or if
 * closesocket() must find it.
 *
 * Return: true to try again; false with errno, which is the result of the call.
 */
bool ws_call_resume(struct ws_call *call, short events, int option,
		    bool *polled)
{
	struct timespec left;
	bool bounded;
	int ret;

	for (;;) {
		if (gone(call)) {
			errno = ECANCELED;
			return false;
		}
		bounded = time_left(call, option, &left);
		if (!bounded && !ws_is_cancellable() && !call->polls) {
			*polled = false;
			return true;
		}
		ret = poll_once(call, events, bounded ? &left : NULL);
		if (ret > 0 && gone(call)) {
			errno = ECANCELED;
			return false;
		}
		if (ret > 0) {
			*polled = true;
			return true;
		}
		if (!ret) {
			errno = EAGAIN;
			return false;
		}
		if (errno == ECANCELED) {
			if (follow(call))
				continue;
			errno = ECANCELED;
			return false;
		}
		if (errno != EINTR || ws_is_cancelled())
			return false;
	}
}

bool ws_call_may_wait(const struct ws_call *call)
{
	return !call->dontwait && !ws_is_nonblocking(call->fd);
}

/* Does the call wait in a system call that a cancellation could miss? */
bool ws_call_is_cancellable(const struct ws_call *call)
{
	return ws_is_cancellable() && ws_call_may_wait(call);
}

/**
 * ws_call_await - wait where WSACancelBlockingCall() reaches
 * @call: the call, before a system call that may wait
 * @events: as for ws_call_resume()
 * @option: as for ws_call_resume()
 * @polled: as for ws_call_resume()
 *
 * Return: true at once if nothing can cancel the call; else as ws_call_resume().
 */
bool ws_call_await(struct ws_call *call, short events, int option, bool *polled)
{
	return !ws_call_is_cancellable(call) ||
	       ws_call_resume(call, events, option, polled);
}

/* A blocking transfer has moved a part: may it continue with the rest? */
bool ws_call_may_continue(struct ws_call *call, int option)
{
	struct timespec left;

	if (!ws_call_may_wait(call) || closed(call))
		return false;
	return !time_left(call, option, &left) || left.tv_sec || left.tv_nsec;
}

bool ws_is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_NONBLOCK;
}

/* EAGAIN means "would block" as well as "not within SO_RCVTIMEO". */
static int again_error(const struct ws_call *call)
{
	if (call->dontwait || !(ws_slot_flags(call->slot) & WS_SLOT_TIMEOUT) ||
	    ws_is_nonblocking(call->fd))
		return WSAEWOULDBLOCK;
	return WSAETIMEDOUT;
}

/* P1 to P4.  The slot may already belong to another socket. */
static int cancelled_error(const struct ws_call *call)
{
	switch (call->kind) {
	case WS_CONNECT:
		return WSAENOTSOCK;
	case WS_RECV:
	case WS_SEND:
		return call->stream ? WSAECONNABORTED : WSAEINTR;
	default:
		return WSAEINTR;
	}
}

/*
 * L7.  Linux returns EPIPE for every stream that cannot be sent on: one that was
 * shut down here, was never connected, or has lost its connection.  Only a socket
 * that was connected has measured a round trip, and it keeps that value.
 */
static int pipe_error(const struct ws_call *call)
{
	socklen_t len = sizeof(struct tcp_info);
	struct tcp_info info = { 0 };

	if (ws_slot_flags(call->slot) & WS_SLOT_SHUT_SEND ||
	    ws_slot_is_connectionless(call->slot))
		return WSAESHUTDOWN;
	if (getsockopt(call->fd, SOL_TCP, TCP_INFO, &info, &len))
		return WSAECONNRESET;

	switch (info.tcpi_state) {
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		return WSAESHUTDOWN;
	case TCP_CLOSE:
		return info.tcpi_rtt ? WSAECONNRESET : WSAENOTCONN;
	case TCP_LISTEN:
		return WSAENOTCONN;
	default:
		return WSAECONNRESET;
	}
}

/* What @err means to this call; 0 for 0. */
int ws_call_error(const struct ws_call *call, int err)
{
	switch (err) {
	case EAGAIN:
		return again_error(call);
	case EINPROGRESS:
		return ws_is_nonblocking(call->fd) ? WSAEWOULDBLOCK : WSAETIMEDOUT;
	case ECANCELED:
		return cancelled_error(call);
	case EPIPE:
		return pipe_error(call);
	case EDESTADDRREQ:
		if (call->kind == WS_SEND)	/* L13 */
			return WSAENOTCONN;
		break;
	case ECONNREFUSED:
		/* Port unreachable; Winsock's code for it is a different one. */
		if (call->kind != WS_CONNECT && ws_slot_is_datagram(call->slot))
			return WSAECONNRESET;
		break;
	}
	return ws_error_from_errno(err);
}
