// SPDX-License-Identifier: LGPL-2.1-or-later
/* AcceptEx, GetAcceptExSockaddrs, ConnectEx, DisconnectEx */
#include <errno.h>
#include <string.h>
#include <mswsock.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/connect.h"
#include "core/error.h"
#include "core/export.h"
#include "core/memory.h"
#include "core/name.h"
#include "core/socket.h"
#include "accepted.h"
#include "complete.h"
#include "request.h"

/* False if it is not a socket. */
static bool find(struct ws_call *call, enum ws_kind kind)
{
	call->kind = kind;
	call->dontwait = true;
	call->slot = ws_slot_adopt(call->fd);
	if (call->slot)
		call->generation = ws_slot_generation(call->slot);
	return call->slot;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	return !getpeername(fd, (struct sockaddr *)&addr, &len);
}

static bool is_tcp(struct ws_slot *slot)
{
	return ws_slot_is_stream(slot) && !ws_slot_is_unattachable(slot);
}

/* These return 0 or a WSA error. */
static int check_accept_socket(const struct ws_call *listener,
			       struct ws_call *accept)
{
	if (!find(accept, WS_ACCEPT) || accept->fd == listener->fd ||
	    atomic_load(&accept->slot->domain) !=
	    atomic_load(&listener->slot->domain) ||
	    !is_tcp(accept->slot) || ws_is_bound(accept->fd) ||
	    is_connected(accept->fd))
		return WSAEINVAL;
	/* When a connection arrives, this is compared to detect reuse of the descriptor. */
	ws_slot_identify(accept->slot, accept->fd);
	return 0;
}

static int accept_ex(struct ws_call *listener, struct ws_call *accept,
		     char *buf, DWORD size, struct ws_request_args *args)
{
	size_t room;
	int error;

	if (!find(listener, WS_ACCEPT))
		return WSAENOTSOCK;
	if (!args->overlapped)
		return WSA_INVALID_PARAMETER;
	if (!ws_is_listening(listener->fd))
		return WSAEINVAL;
	if (!is_tcp(listener->slot))
		return WSAEOPNOTSUPP;
	error = check_accept_socket(listener, accept);
	if (error)
		return error;
	room = ws_slot_address_size(listener->slot) + WS_ADDRESS_BLOCK_EXTRA;
	if (ws_is_near_null(buf) || args->blocks.local_room < room ||
	    args->blocks.remote_room < room)
		return WSAEFAULT;
	args->blocks.local = buf + size;
	args->blocks.remote = args->blocks.local + args->blocks.local_room;
	return ws_request(args);
}

WS_EXPORT BOOL AcceptEx(SOCKET s, SOCKET accept_socket, PVOID buf, DWORD size,
			DWORD local_size, DWORD remote_size, LPDWORD received,
			LPOVERLAPPED overlapped)
{
	struct ws_call call, accept = { .fd = ws_socket_fd(accept_socket) };
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct ws_transfer t = {
		.iov = &iov,
		.iovlen = 1,
		.left = size,
	};
	struct ws_request_args args = {
		.call = &call,
		.link = WS_LINK_ACCEPT,
		.accept = &accept,
		.blocks.local_room = local_size,
		.blocks.remote_room = remote_size,
		.transfer = &t,
		.overlapped = overlapped,
	};

	(void)received;		/* the request is never complete when this returns */
	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return FALSE;
	return !ws_call_done(&call, accept_ex(&call, &accept, buf, size, &args));
}

WS_EXPORT void GetAcceptExSockaddrs(PVOID buf, DWORD size, DWORD local_size,
				    DWORD remote_size, struct sockaddr **local,
				    LPINT local_len, struct sockaddr **remote,
				    LPINT remote_len)
{
	char *block = (char *)buf + size;

	*local = ws_accepted_address(block, local_size, local_len);
	*remote = ws_accepted_address(block + local_size, remote_size,
				      remote_len);
}

static int connect_ex(struct ws_call *call, struct ws_request_args *args)
{
	const struct ws_transfer *t = args->transfer;

	if (!find(call, WS_CONNECT))
		return WSAENOTSOCK;
	if (!args->overlapped)
		return WSA_INVALID_PARAMETER;
	if (!is_tcp(call->slot))
		return WSAEOPNOTSUPP;
	if (is_connected(call->fd))
		return WSAEISCONN;
	if (!ws_is_bound(call->fd) || ws_is_listening(call->fd))
		return WSAEINVAL;
	if (ws_is_near_null(t->to) || ws_name_is_short(t->to, t->tolen) ||
	    t->tolen > sizeof(struct sockaddr_storage) ||
	    (t->left && ws_is_near_null(t->iov->iov_base)))
		return WSAEFAULT;
	return ws_request(args);
}

WS_EXPORT BOOL ConnectEx(SOCKET s, const struct sockaddr *addr, int len,
			 PVOID buf, DWORD size, LPDWORD sent,
			 LPOVERLAPPED overlapped)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct ws_transfer t = {
		.send = true,
		.iov = &iov,
		.iovlen = 1,
		.left = size,
		.to = addr,
		.tolen = len,
	};
	struct ws_call call;
	struct ws_request_args args = {
		.call = &call,
		.link = WS_LINK_CONNECT,
		.transfer = &t,
		.overlapped = overlapped,
	};

	(void)sent;		/* the request is never complete when this returns */
	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return FALSE;
	return !ws_call_done(&call, connect_ex(&call, &args));
}

static int check_disconnect(struct ws_call *call, DWORD flags, DWORD reserved)
{
	if (!find(call, WS_OTHER))
		return WSAENOTSOCK;
	if (reserved || flags & ~TF_REUSE_SOCKET)
		return WSAEINVAL;
	if (flags & TF_REUSE_SOCKET || !is_tcp(call->slot))
		return WSAEOPNOTSUPP;
	if (!is_connected(call->fd) ||
	    ws_slot_flags(call->slot) & WS_SLOT_SHUT_SEND)
		return WSAENOTCONN;
	return 0;
}

/* An overlapped call is complete when it returns: the kernel sends in the background. */
WS_EXPORT BOOL DisconnectEx(SOCKET s, LPOVERLAPPED overlapped, DWORD flags,
			    DWORD reserved)
{
	struct ws_call call;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return FALSE;
	if (ws_call_done(&call, check_disconnect(&call, flags, reserved)) ||
	    winsock_shutdown(call.fd, SHUT_WR))
		return FALSE;
	if (overlapped)
		ws_complete(overlapped, 0);
	return TRUE;
}
