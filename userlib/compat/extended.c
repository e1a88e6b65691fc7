// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Winsock 2's own forms of connect, accept and shutdown.  What they have more,
 * TCP and UDP have not: it must be NULL.
 */
#include <winsock2.h>

#include "core/call.h"
#include "core/export.h"
#include "core/socket.h"

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
