// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names, addresses and byte order. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <unistd.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include "core/blocking.h"
#include "core/call.h"
#include "core/error.h"
#include "core/export.h"
#include "core/socket.h"

/* libc's EAI_ codes are small negative numbers; the header redefines the names. */
static const struct {
	int eai;
	int wsa;
} from_eai[] = {
	{ -1,	WSAEINVAL },
	{ -2,	WSAHOST_NOT_FOUND },
	{ -3,	WSATRY_AGAIN },
	{ -4,	WSANO_RECOVERY },
	{ -5,	WSAHOST_NOT_FOUND },
	{ -6,	WSAEAFNOSUPPORT },
	{ -7,	WSAESOCKTNOSUPPORT },
	{ -8,	WSATYPE_NOT_FOUND },
	{ -9,	WSANO_DATA },
	{ -10,	WSA_NOT_ENOUGH_MEMORY },
	{ -12,	WSAEFAULT },
};

#define LIBC_EAI_SYSTEM		(-11)
#define LIBC_EAI_SERVICE	(-8)
#define ENTRIES		(sizeof(from_eai) / sizeof(from_eai[0]))

static int error_from_eai(int eai)
{
	size_t i;

	if (!eai)
		return 0;
	if (eai == LIBC_EAI_SYSTEM)
		return ws_error_from_errno(errno);
	for (i = 0; i < ENTRIES; i++)
		if (from_eai[i].eai == eai)
			return from_eai[i].wsa;
	return WSANO_RECOVERY;
}

/* These return the error, and also set it as the last error. */
static int name_result(struct ws_call *call, int eai)
{
	int error = error_from_eai(eai);

	ws_call_end(call, error);
	return error;
}

/* L18: socket type and protocol are returned as in the hints. */
static void keep_hinted(struct addrinfo *list, int type, int protocol)
{
	struct addrinfo *info;

	for (info = list; info; info = info->ai_next) {
		info->ai_socktype = type;
		info->ai_protocol = protocol;
	}
}

/*
 * Linux returns an entry for each socket type that the hints allow, and fails if type
 * and protocol do not fit; Winsock ignores both.
 */
static int look_up_name(const char *node, const char *service,
			const struct addrinfo *hints, struct addrinfo **res)
{
	struct addrinfo asked = { 0 };
	int type, protocol, ret;

	/* NULL hints would make libc set AI_ADDRCONFIG and AI_V4MAPPED. */
	if (hints)
		asked = *hints;
	type = asked.ai_socktype;
	protocol = asked.ai_protocol;
	asked.ai_protocol = 0;
	if (!type)
		asked.ai_socktype = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	ret = getaddrinfo(node, service, &asked, res);
	if (ret == LIBC_EAI_SERVICE && !type && !protocol) {
		asked.ai_socktype = SOCK_DGRAM;
		ret = getaddrinfo(node, service, &asked, res);
	}
	if (!ret)
		keep_hinted(*res, type, protocol);
	return ret;
}

/* L18: the empty name is this machine, even if no name server has it. */
static int look_up_own(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **res)
{
	char own[HOST_NAME_MAX + 1];
	int ret;

	if (!node || *node)
		return look_up_name(node, service, hints, res);
	ret = gethostname(own, sizeof(own)) ? LIBC_EAI_SYSTEM :
					      look_up_name(own, service, hints, res);
	return ret ? look_up_name("localhost", service, hints, res) : 0;
}

WS_EXPORT int winsock_getaddrinfo(const char *node, const char *service,
				  const struct addrinfo *hints,
				  struct addrinfo **res)
{
	struct ws_call call;
	int ret;

	if (!ws_call_begin(&call, -1))
		return WSAGetLastError();
	if (!res) {
		ws_call_end(&call, WSAEFAULT);
		return WSAEFAULT;
	}
	*res = NULL;
	ws_blocking_begin();
	ret = look_up_own(node, service, hints, res);
	ws_blocking_end();
	if (ret)
		*res = NULL;
	return name_result(&call, ret);
}

WS_EXPORT void winsock_freeaddrinfo(struct addrinfo *res)
{
	int saved_errno = errno;

	if (res)
		freeaddrinfo(res);
	errno = saved_errno;
}

WS_EXPORT int winsock_getnameinfo(const struct sockaddr *addr, socklen_t addrlen,
				  char *host, socklen_t hostlen, char *service,
				  socklen_t servicelen, int flags)
{
	struct ws_call call;
	int ret;

	if (!ws_call_begin(&call, -1))
		return WSAGetLastError();
	ws_blocking_begin();
	ret = getnameinfo(addr, addrlen, host, hostlen, service, servicelen,
			  flags);
	ws_blocking_end();
	return name_result(&call, ret);
}

/* As on Windows, these work before WSAStartup. */
WS_EXPORT const char *winsock_inet_ntop(int family, const void *addr, char *buf,
					socklen_t size)
{
	int saved_errno = errno;
	const char *text;

	if (!addr || !buf) {
		ws_fail(WSA_INVALID_PARAMETER);
		return NULL;
	}
	text = inet_ntop(family, addr, buf, size);
	if (!text)
		ws_fail(errno == EAFNOSUPPORT ? WSAEAFNOSUPPORT :
			WSA_INVALID_PARAMETER);
	errno = saved_errno;
	return text;
}

WS_EXPORT int winsock_inet_pton(int family, const char *text, void *addr)
{
	int saved_errno = errno;
	int ret;

	if (!text || !addr)
		return ws_fail(WSAEFAULT);
	ret = inet_pton(family, text, addr);
	if (ret < 0)
		ws_fail(WSAEAFNOSUPPORT);
	errno = saved_errno;
	return ret;
}

WS_EXPORT in_addr_t winsock_inet_addr(const char *text)
{
	if (text)
		return inet_addr(text);
	ws_fail(WSAEFAULT);
	return INADDR_NONE;
}

WS_EXPORT PCSTR InetNtopA(INT family, const void *addr, PSTR buf, size_t size)
{
	return winsock_inet_ntop(family, addr, buf,
				 size < UINT32_MAX ? size : UINT32_MAX);
}

WS_EXPORT INT InetPtonA(INT family, PCSTR text, PVOID addr)
{
	return winsock_inet_pton(family, text, addr);
}

/* The byte order is the same for every socket, but @s must be one. */
static int check_order(SOCKET s, const void *result)
{
	socklen_t len = sizeof(int);
	struct ws_call call;
	int type, error = 0;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (getsockopt(call.fd, SOL_SOCKET, SO_TYPE, &type, &len))
		error = ws_call_error(&call, errno);
	else if (!result)
		error = WSAEFAULT;
	return ws_call_end(&call, error);
}

WS_EXPORT int WSAHtonl(SOCKET s, u_long host, u_long *net)
{
	if (check_order(s, net))
		return SOCKET_ERROR;
	*net = htonl(host);
	return 0;
}

WS_EXPORT int WSAHtons(SOCKET s, unsigned short host, unsigned short *net)
{
	if (check_order(s, net))
		return SOCKET_ERROR;
	*net = htons(host);
	return 0;
}

WS_EXPORT int WSANtohl(SOCKET s, u_long net, u_long *host)
{
	if (check_order(s, host))
		return SOCKET_ERROR;
	*host = ntohl(net);
	return 0;
}

WS_EXPORT int WSANtohs(SOCKET s, unsigned short net, unsigned short *host)
{
	if (check_order(s, host))
		return SOCKET_ERROR;
	*host = ntohs(net);
	return 0;
}
