/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Winsock programs expect in this header; see winsock2.h. */
#ifndef _WS2TCPIP_H
#define _WS2TCPIP_H

#include <winsock2.h>
#include <ws2ipdef.h>

#ifndef _WS2TCPIP_H_
#define _WS2TCPIP_H_
#endif

typedef struct addrinfo ADDRINFO, ADDRINFOA, ADDRINFOT, *PADDRINFOA,
	*PADDRINFOT, *LPADDRINFO;

/* getaddrinfo() and getnameinfo() return WSA numbers, as on Windows. */
#undef EAI_AGAIN
#undef EAI_BADFLAGS
#undef EAI_FAIL
#undef EAI_FAMILY
#undef EAI_MEMORY
#undef EAI_NONAME
#undef EAI_SERVICE
#undef EAI_SOCKTYPE
#undef EAI_NODATA
#define EAI_AGAIN	WSATRY_AGAIN
#define EAI_BADFLAGS	WSAEINVAL
#define EAI_FAIL	WSANO_RECOVERY
#define EAI_FAMILY	WSAEAFNOSUPPORT
#define EAI_MEMORY	WSA_NOT_ENOUGH_MEMORY
#define EAI_NONAME	WSAHOST_NOT_FOUND
#define EAI_SERVICE	WSATYPE_NOT_FOUND
#define EAI_SOCKTYPE	WSAESOCKTNOSUPPORT
#define EAI_NODATA	EAI_NONAME

#ifdef __cplusplus
extern "C" {
#endif

PCSTR InetNtopA(INT family, const void *addr, PSTR buf, size_t size);
INT InetPtonA(INT family, PCSTR text, PVOID addr);

#ifdef __cplusplus
}
#endif

/* Narrow strings only: there is no UNICODE here. */
#define InetNtop	InetNtopA
#define InetPton	InetPtonA
#define GetAddrInfo	getaddrinfo
#define GetAddrInfoA	getaddrinfo
#define FreeAddrInfo	freeaddrinfo
#define FreeAddrInfoA	freeaddrinfo
#define GetNameInfo	getnameinfo
#define GetNameInfoA	getnameinfo
#define gai_strerrorA	gai_strerror

/* gai_strerror() needs none here. */
#define GAI_STRERROR_BUFFER_SIZE	1024

#define SS_PORT(addr)	(((struct sockaddr_in *)(addr))->sin_port)

#endif /* _WS2TCPIP_H */
