// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Winsock 2's own forms of socket, connect, accept and shutdown.  The additional
 * arguments of the latter three do not apply to TCP and UDP, and must be NULL.
 */
#include <winsock2.h>

#include "core/call.h"
#include "core/export.h"
#include "core/socket.h"
#include "duplicate.h"

static int refuse(SOCKET s, int error)
{
	struct ws_call call;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	return ws_call_end(&call, ws_call_argument(&call, error));
}

WS_EXPORT int WSAConnect(SOCKET s, const struct sockaddr *addr, int len,
			 LPWSABUF caller, LPWSABUF callee, LPQOS socket_qos,
			 LPQOS group_qos)
{
	if (caller || callee || socket_qos || group_qos)
		return refuse(s, WSAEOPNOTSUPP);
	return winsock_connect(ws_socket_fd(s), addr, len);
}

WS_EXPORT SOCKET WSAAccept(SOCKET s, struct sockaddr *addr, LPINT len,
			   LPCONDITIONPROC condition, DWORD_PTR data)
{
	(void)data;
	if (condition)
		return refuse(s, WSAEOPNOTSUPP);
	return winsock_accept(ws_socket_fd(s), addr, (socklen_t *)len);
}

WS_EXPORT int WSASendDisconnect(SOCKET s, LPWSABUF data)
{
	if (data)
		return refuse(s, WSAENOPROTOOPT);
	return winsock_shutdown(ws_socket_fd(s), SD_SEND);
}

WS_EXPORT int WSARecvDisconnect(SOCKET s, LPWSABUF data)
{
	if (data)
		return refuse(s, WSAENOPROTOOPT);
	return winsock_shutdown(ws_socket_fd(s), SD_RECEIVE);
}

static int from_info(int value, int theirs)
{
	return value == FROM_PROTOCOL_INFO ? theirs : value;
}

/* Every socket can do overlapped I/O. */
WS_EXPORT SOCKET WSASocketA(int domain, int type, int protocol,
			    LPWSAPROTOCOL_INFOA info, GROUP group, DWORD flags)
{
	bool inherited = !(flags & WSA_FLAG_NO_HANDLE_INHERIT);
	struct ws_call call;
	int fd = -1, error = 0;

	if (!ws_call_begin(&call, -1))
		return INVALID_SOCKET;

	if (flags & ~(WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT) ||
	    group) {
		error = WSAEINVAL;
	} else if (info && ws_is_duplicate(info)) {
		fd = ws_fetch_duplicate(info, inherited, &error);
	} else {
		if (info) {
			domain = from_info(domain, info->iAddressFamily);
			type = from_info(type, info->iSocketType);
			protocol = from_info(protocol, info->iProtocol);
		}
		fd = ws_open_socket(domain, type | (inherited ? 0 : SOCK_CLOEXEC),
				    protocol, inherited ? 0 : WS_SLOT_NO_INHERIT,
				    &error);
	}
	return ws_call_end(&call, error) ? INVALID_SOCKET : (SOCKET)fd;
}
