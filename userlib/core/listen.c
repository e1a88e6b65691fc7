// SPDX-License-Identifier: LGPL-2.1-or-later
/* listen and accept */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>
#include <winsock2.h>

#include "call.h"
#include "error.h"
#include "export.h"
#include "name.h"
#include "part.h"
#include "startup.h"

/*
 * As listen(2).  L12: SO_REUSEADDR stays set while the socket listens, and the sockets
 * that it accepts inherit it.
 */
static int listen_over_old(int fd, int backlog)
{
	struct ws_slot *slot = ws_slot_adopt(fd);
	bool lent = ws_may_lend_reuse(slot, fd) && !ws_set_reuse(fd, 1);
	int err;

	if (!listen(fd, backlog)) {
		if (lent)
			ws_slot_set(slot, WS_SLOT_REUSE_LENT);
		return 0;
	}
	err = errno;
	if (lent)
		ws_set_reuse(fd, 0);
	errno = err;
	return -1;
}

/* Linux chooses a port for a socket that is not bound; Winsock fails. */
static int listen_error(int fd, int backlog)
{
	if (ws_slot_is_connectionless(ws_slot_adopt(fd)))	/* L13 */
		return WSAEOPNOTSUPP;
	if (!ws_is_bound(fd) && !ws_is_connected(fd))
		return WSAEINVAL;
	if (!listen_over_old(fd, backlog))
		return 0;
	if (errno == EINVAL && ws_is_connected(fd))
		return WSAEISCONN;
	return ws_error_from_errno(errno);
}

WS_EXPORT int winsock_listen(int fd, int backlog)
{
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	error = listen_error(fd, backlog);
	if (!error)
		ws_watch_connecting(ws_slot_lookup(fd));
	return ws_call_end(&call, error);
}

/*
 * P1.  accept(2) has no flag not to wait, and another thread may have accepted the
 * connection that poll(2) reported.  So only one thread at a time calls accept(2), and
 * only if none has since it called poll(2).  If another process accepts first, the
 * call waits in accept(2), where closesocket() does not find it.
 */
static int accept_seen(struct ws_call *call, struct sockaddr *addr,
		       socklen_t *len, int flags)
{
	_Atomic unsigned int *accepts;
	unsigned int seen, taking;
	bool polled;
	int fd;

	for (;;) {
		accepts = &call->slot->accepts;
		seen = atomic_load(accepts) & ~1u;
		if (!ws_call_resume(call, POLLIN, SO_RCVTIMEO, &polled))
			return -1;
		if (accepts != &call->slot->accepts)
			continue;
		taking = seen + 1;
		if (!atomic_compare_exchange_strong(accepts, &seen, taking)) {
			sched_yield();
			continue;
		}
		fd = accept4(call->fd, addr, len, flags);
		/* Fails if the descriptor has been reused and the slot reset. */
		atomic_compare_exchange_strong(accepts, &taking, taking + 1);
		if (fd >= 0 || errno != EINTR)
			return fd;
	}
}

static int accept_once(struct ws_call *call, struct sockaddr *addr,
		       socklen_t *len)
{
	int flags = ws_is_nonblocking(call->fd) ? SOCK_NONBLOCK : 0;
	bool polled = false;
	int fd;

	/* L13: without both no address is returned. */
	if (!addr || !len) {
		addr = NULL;
		len = NULL;
	}
	/* Fail before a connection is accepted that could not be returned. */
	if (addr && *len < ws_slot_address_size(call->slot)) {
		errno = EFAULT;
		return -1;
	}
	if (ws_slot_flags(call->slot) & WS_SLOT_NO_INHERIT)	/* L14 */
		flags |= SOCK_CLOEXEC;
	if (ws_slot_is_unattachable(call->slot) && !(flags & SOCK_NONBLOCK)) {
		ws_call_poll(call);
		return accept_seen(call, addr, len, flags);
	}
	if (!ws_call_await(call, POLLIN, SO_RCVTIMEO, &polled))
		return -1;
	/* The new socket inherits the listener's mode, as in Winsock. */
	do {
		fd = accept4(call->fd, addr, len, flags);
	} while (fd < 0 && errno == EINTR &&
		 ws_call_resume(call, POLLIN, SO_RCVTIMEO, &polled));
	return fd;
}

/*
 * O8: the module has attached a socket that was accepted from an attached listener.
 * Returns 0 or a WSA error.
 */
static int register_accepted(const struct ws_call *call, int fd)
{
	struct ws_slot *slot;

	if (!call->slot)
		return 0;
	if (!ws_startup_open(&slot, fd, atomic_load(&call->slot->domain),
			     atomic_load(&call->slot->type),
			     (ws_slot_flags(call->slot) & WS_SLOT_INHERITED) |
			     WS_SLOT_ACCEPTED,
			     atomic_load(&call->slot->inode))) {
		close(fd);
		return WSANOTINITIALISED;
	}
	ws_slot_connected(slot);
	ws_watch_inherit(call->slot, slot, fd);
	return 0;
}

WS_EXPORT int winsock_accept(int s, struct sockaddr *addr, socklen_t *len)
{
	struct ws_call call;
	int fd, error;

	if (!ws_call_begin(&call, s))
		return SOCKET_ERROR;

	ws_call_block(&call, WS_ACCEPT);
	fd = accept_once(&call, addr, len);
	error = fd < 0 ? ws_call_error(&call, errno) : 0;
	ws_call_unblock();

	if (!error)
		error = register_accepted(&call, fd);
	ws_watch_reenable(call.slot, FD_ACCEPT);
	return ws_call_end(&call, error) ? SOCKET_ERROR : fd;
}
