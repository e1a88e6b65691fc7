/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Winsock programs expect in this header; see winsock2.h. */
#ifndef _WS2TCPIP_H
#define _WS2TCPIP_H

#include <winsock2.h>
#include <ws2ipdef.h>

#ifndef _WS2TCPIP_H_
#define _WS2TCPIP_H_
#endif

typedef struct addrinfo ADDRINFO, ADDRINFOA, *PADDRINFOA, *LPADDRINFO;

/* But for the name's type the same as libc's. */
typedef struct addrinfoW {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	winsock_libc_socklen ai_addrlen;
	struct sockaddr *ai_addr;
	PWSTR ai_canonname;
	struct addrinfoW *ai_next;
} ADDRINFOW, *PADDRINFOW;

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

PCWSTR InetNtopW(INT family, const void *addr, PWSTR buf, size_t size)
	WINSOCK_WIDE("inet_ntop");
INT InetPtonW(INT family, PCWSTR text, PVOID addr) WINSOCK_WIDE("inet_pton");
INT GetAddrInfoW(PCWSTR node, PCWSTR service, const struct addrinfoW *hints,
		 struct addrinfoW **res) WINSOCK_WIDE("getaddrinfo");
void FreeAddrInfoW(PADDRINFOW res);
INT GetNameInfoW(const SOCKADDR *addr, socklen_t addrlen, PWCHAR host, DWORD hostlen,
		 PWCHAR service, DWORD servicelen, INT flags) WINSOCK_WIDE("getnameinfo");
int GetHostNameW(PWSTR name, int len) WINSOCK_WIDE("gethostname");
const WCHAR *gai_strerrorW(int error) WINSOCK_WIDE("gai_strerror");

#ifdef __cplusplus
}
#endif

#define GetAddrInfoA	getaddrinfo
#define FreeAddrInfoA	freeaddrinfo
#define GetNameInfoA	getnameinfo
#define gai_strerrorA	gai_strerror
#ifdef UNICODE
typedef ADDRINFOW ADDRINFOT, *PADDRINFOT;
#define InetNtop	InetNtopW
#define InetPton	InetPtonW
#define GetAddrInfo	GetAddrInfoW
#define FreeAddrInfo	FreeAddrInfoW
#define GetNameInfo	GetNameInfoW
#else
typedef ADDRINFOA ADDRINFOT, *PADDRINFOT;
#define InetNtop	InetNtopA
#define InetPton	InetPtonA
#define GetAddrInfo	getaddrinfo
#define FreeAddrInfo	freeaddrinfo
#define GetNameInfo	getnameinfo
#endif

/* gai_strerror() needs none here. */
#define GAI_STRERROR_BUFFER_SIZE	1024

#define SS_PORT(addr)	(((struct sockaddr_in *)(addr))->sin_port)

#endif /* _WS2TCPIP_H */
