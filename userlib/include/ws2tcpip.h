/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Winsock programs expect in this header; see winsock2.h. */
#ifndef _WS2TCPIP_H
#define _WS2TCPIP_H

#include <winsock2.h>
#include <string.h>

typedef struct sockaddr_in6 SOCKADDR_IN6, *PSOCKADDR_IN6, *LPSOCKADDR_IN6;
typedef struct in6_addr IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;
typedef struct addrinfo ADDRINFO, ADDRINFOA, ADDRINFOT, *PADDRINFOA,
	*PADDRINFOT, *LPADDRINFO;
typedef struct ip_mreq IP_MREQ, *PIP_MREQ;
typedef struct ipv6_mreq IPV6_MREQ, *PIPV6_MREQ;

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

static inline int IN6ADDR_ISANY(const struct sockaddr_in6 *addr)
{
	return addr->sin6_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&addr->sin6_addr);
}

static inline int IN6ADDR_ISLOOPBACK(const struct sockaddr_in6 *addr)
{
	return addr->sin6_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&addr->sin6_addr);
}

static inline void IN6_SET_ADDR_UNSPECIFIED(struct in6_addr *addr)
{
	*addr = in6addr_any;
}

static inline void IN6_SET_ADDR_LOOPBACK(struct in6_addr *addr)
{
	*addr = in6addr_loopback;
}

static inline void IN6ADDR_SETANY(struct sockaddr_in6 *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin6_family = AF_INET6;
}

static inline void IN6ADDR_SETLOOPBACK(struct sockaddr_in6 *addr)
{
	IN6ADDR_SETANY(addr);
	addr->sin6_addr = in6addr_loopback;
}

#endif /* _WS2TCPIP_H */
