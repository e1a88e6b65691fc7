/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Winsock 2 on Linux.  winsock(7) is the overview.
 *
 * It includes Linux's own socket headers.  Types and the values of AF_, SOCK_,
 * SOL_ and SO_ are Linux's, so that a program may include Linux headers, too,
 * before or after this one.  Error codes have Windows' values.
 *
 * How send() becomes winsock_send()
 *
 * The library does not define a name that libc has.  libc's declarations of
 * socket, bind, send and so on are repeated here with another assembler name.
 * Unlike macros, this does not affect std::bind, methods or structure members
 * called send, connect, accept or select, or Linux headers that are included
 * later.  The disadvantage is that these functions keep libc's types: send()
 * returns ssize_t, and socket() and accept() an int, whose -1 converts to
 * INVALID_SOCKET.
 *
 * Lengths are int in Winsock and socklen_t in libc.  Pointers to either are
 * accepted: in C++ by templates beside the functions, in C by five macros that
 * select by the type of the argument and expand to the same name; calls with
 * another number of arguments are not changed.
 */
#ifndef _WINSOCK2_H
#define _WINSOCK2_H

/* Programs test these to see whether Windows' headers were included. */
#ifndef _WINSOCK2API_
#define _WINSOCK2API_
#endif
#ifndef _WINSOCKAPI_
#define _WINSOCKAPI_
#endif

/*
 * -std=c99 hides what is not ISO C, such as getaddrinfo().  It is needed here,
 * and <features.h> may have been included already.
 */
#if !defined(_FEATURES_H) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include <stddef.h>
#include <stdint.h>

/* A program may contain "#define socklen_t int", before this or after it. */
#pragma push_macro("socklen_t")
#undef socklen_t

#pragma push_macro("__USE_MISC")
#pragma push_macro("__USE_POSIX")
#pragma push_macro("__USE_XOPEN2K")
#undef __USE_MISC
#undef __USE_POSIX
#undef __USE_XOPEN2K
#define __USE_MISC 1
#define __USE_POSIX 1
#define __USE_XOPEN2K 1

/*
 * The size of an fd_set is FD_SETSIZE as the program defines it before this
 * header.  libc's <sys/select.h>, which <stdlib.h> includes, overwrites that
 * without a warning, but not WINSOCK_FD_SETSIZE.
 */
#pragma push_macro("FD_SETSIZE")
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/time.h>
#pragma pop_macro("FD_SETSIZE")
#include <poll.h>
#include <sys/uio.h>

/*
 * _FORTIFY_SOURCE gives recv() and recvfrom() inline bodies that call libc
 * by a third name.  They are suppressed if this header is first; else see below.
 */
#ifdef __USE_FORTIFY_LEVEL
#  if __USE_FORTIFY_LEVEL > 0
#    ifndef _SYS_SOCKET_H
#      pragma push_macro("__USE_FORTIFY_LEVEL")
#      undef __USE_FORTIFY_LEVEL
#      define __USE_FORTIFY_LEVEL 0
#      include <sys/socket.h>
#      pragma pop_macro("__USE_FORTIFY_LEVEL")
#    elif !defined(WINSOCK_PLAIN_RECV)
#      define WINSOCK_FORTIFIED_RECV 1
#    endif
#    define WINSOCK_FORTIFIED_NAME 1
#    include <unistd.h>		/* gethostname() */
#  endif
#endif

#include <sys/socket.h>

/*
 * Winsock's other names for an address, where libc's structure has not been
 * declared yet: its one member becomes a union of both.
 */
union winsock_in_addr {
	struct {
		uint8_t s_b1, s_b2, s_b3, s_b4;
	} S_un_b;
	struct {
		uint16_t s_w1, s_w2;
	} S_un_w;
	uint32_t S_addr;
};

/* The same for the words and bytes of an IPv6 address, in libc's own union. */
union winsock_in6_addr {
	uint8_t Byte[16];
	uint16_t Word[8];
};

#ifndef _NETINET_IN_H
#define s_addr : 0; \
	__extension__ union { in_addr_t s_addr; union winsock_in_addr S_un; }
#define __u6_addr8 winsock_bytes[16]; \
	__extension__ union { uint8_t __u6_addr8
#define __in6_u __in6_u; union winsock_in6_addr u; }
#include <netinet/in.h>
#undef s_addr
#undef __u6_addr8
#undef __in6_u
#endif
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <netdb.h>
/*
 * <sys/ioctl.h> has SIOCGIFCONF and <sys/socket.h> SO_BINDTODEVICE; programs
 * that find them use what belongs to them.
 */
#ifndef _LINUX_IF_H
#include <net/if.h>
#endif

#pragma pop_macro("__USE_XOPEN2K")
#pragma pop_macro("__USE_POSIX")
#pragma pop_macro("__USE_MISC")

/* <sys/types.h> was included without them, and is not included again. */
#ifndef __u_char_defined
typedef __u_char u_char;
typedef __u_short u_short;
typedef __u_int u_int;
typedef __u_long u_long;
typedef __quad_t quad_t;
typedef __u_quad_t u_quad_t;
typedef __fsid_t fsid_t;
#define __u_char_defined
#endif

/*
 * u_long has 32 bits on Windows, and programs cast to u_long pointers.  libc's
 * type of that name stays what it is for the headers above.
 */
typedef uint32_t winsock_u_long;
#define u_long winsock_u_long

/*
 * Windows' socklen_t is an int, and programs define it as one themselves.  The
 * functions here take pointers to either.
 */
typedef socklen_t winsock_libc_socklen;
typedef int winsock_socklen;
#pragma pop_macro("socklen_t")
#ifndef WINSOCK_NO_REDIRECT
#ifndef socklen_t
#define socklen_t winsock_socklen
#endif
#endif

#ifdef WINSOCK_WIN32
/* The package winsock-win32: WinPR has the rest of Windows, and these types. */
#include <winsock_types.h>
#else
typedef unsigned char BYTE;
typedef uint16_t WORD;
typedef uint32_t DWORD;
typedef int BOOL;
typedef char CHAR;
typedef unsigned char UCHAR;
typedef short SHORT;
typedef unsigned short USHORT;
typedef int INT;
typedef unsigned int UINT;
typedef int32_t LONG;
typedef winsock_u_long ULONG;
typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int64_t LONGLONG;
typedef uint64_t ULONGLONG;
typedef char *PCHAR, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
/* 16 bits with -fshort-wchar: see ws2tcpip.h. */
typedef wchar_t WCHAR, *PWCHAR, *PWSTR, *LPWSTR;
typedef const wchar_t *PCWSTR, *LPCWSTR;
typedef void VOID;
typedef void *PVOID, *LPVOID;
typedef const void *LPCVOID;
typedef unsigned char *PBYTE, *LPBYTE, *PUCHAR;
typedef uint16_t *PWORD, *LPWORD, *PUSHORT;
typedef uint32_t *PDWORD, *LPDWORD, *PULONG;
typedef int32_t *PLONG, *LPLONG;
typedef int *PINT, *LPINT, *PBOOL, *LPBOOL;
typedef void *HANDLE, **PHANDLE, **LPHANDLE;
typedef uintptr_t ULONG_PTR, DWORD_PTR, UINT_PTR;
typedef intptr_t LONG_PTR, INT_PTR;
#endif /* !WINSOCK_WIN32 */
typedef uintptr_t WPARAM;
typedef intptr_t LPARAM;

#ifndef INVALID_HANDLE_VALUE
#define INVALID_HANDLE_VALUE	((HANDLE)~(uintptr_t)0)
#endif
#ifndef TRUE
#define TRUE	1
#endif
#ifndef FALSE
#define FALSE	0
#endif
#ifndef NO_ERROR
#define NO_ERROR	0L
#endif
#ifndef INFINITE
#define INFINITE	((DWORD)0xffffffff)
#endif

#ifndef MAKEWORD
#define MAKEWORD(low, high) \
	((WORD)(((BYTE)((low) & 0xff)) | ((WORD)((BYTE)((high) & 0xff))) << 8))
#endif
#ifndef LOBYTE
#define LOBYTE(word)	((BYTE)((word) & 0xff))
#endif
#ifndef HIBYTE
#define HIBYTE(word)	((BYTE)(((word) >> 8) & 0xff))
#endif
#ifndef MAKELONG
#define MAKELONG(low, high) \
	((int)((WORD)((low) & 0xffff) | ((DWORD)(WORD)((high) & 0xffff)) << 16))
#endif
#ifndef LOWORD
#define LOWORD(dword)	((WORD)((dword) & 0xffff))
#endif
#ifndef HIWORD
#define HIWORD(dword)	((WORD)(((dword) >> 16) & 0xffff))
#endif

/* Calling conventions and pointer sizes that Linux does not tell apart. */
#ifndef WINAPI
#define WINAPI
#endif
#ifndef WSAAPI
#define WSAAPI
#endif
#ifndef CALLBACK
#define CALLBACK
#endif
#ifndef PASCAL
#define PASCAL
#endif
#ifndef FAR
#define FAR
#endif

/* A descriptor. */
typedef uintptr_t SOCKET;

#define INVALID_SOCKET	((SOCKET)(~(SOCKET)0))
#define SOCKET_ERROR	(-1)

/* A counted array; the functions here do not depend on its size. */
#ifndef FD_SETSIZE
#define FD_SETSIZE	__FD_SETSIZE
#endif
#ifndef WINSOCK_FD_SETSIZE
#define WINSOCK_FD_SETSIZE	FD_SETSIZE
#endif

typedef struct winsock_fd_set {
	unsigned int fd_count;
	SOCKET fd_array[WINSOCK_FD_SETSIZE];
} winsock_fd_set, FD_SET, *PFD_SET, *LPFD_SET;

/* Linux's numbers; -std=c99 may have kept some of them from us. */
#ifndef POLLRDNORM
#define POLLRDNORM	0x040
#endif
#ifndef POLLRDBAND
#define POLLRDBAND	0x080
#endif
#ifndef POLLWRNORM
#define POLLWRNORM	0x100
#endif
#ifndef POLLWRBAND
#define POLLWRBAND	0x200
#endif

typedef struct winsock_pollfd {
	SOCKET fd;
	short events;
	short revents;
} WSAPOLLFD, *PWSAPOLLFD, *LPWSAPOLLFD;

typedef struct sockaddr SOCKADDR, *PSOCKADDR, *LPSOCKADDR;
typedef struct sockaddr_in SOCKADDR_IN, *PSOCKADDR_IN, *LPSOCKADDR_IN;
typedef struct sockaddr_storage SOCKADDR_STORAGE, *PSOCKADDR_STORAGE,
	*LPSOCKADDR_STORAGE;
typedef struct in_addr IN_ADDR, *PIN_ADDR, *LPIN_ADDR;
typedef struct hostent HOSTENT, *PHOSTENT, *LPHOSTENT;
typedef struct servent SERVENT, *PSERVENT, *LPSERVENT;
typedef struct protoent PROTOENT, *PPROTOENT, *LPPROTOENT;
#ifndef h_addr
#define h_addr	h_addr_list[0]
#endif
typedef struct timeval TIMEVAL, *PTIMEVAL, *LPTIMEVAL;

/*
 * Where long has 32 bits, time_t has 32 or, with _TIME_BITS=64, 64.  There is a select()
 * for each; so programs of both kinds can use the same library.
 */
#if __SIZEOF_LONG__ == 4 && (defined(__USE_TIME_BITS64) || !defined(__GLIBC__))
#define WINSOCK_TIME64		1
#define WINSOCK_SELECT_NAME	__asm__("winsock_select_time64")
#else
#define WINSOCK_SELECT_NAME
#endif

typedef sa_family_t ADDRESS_FAMILY;

typedef struct _SOCKET_ADDRESS {
	LPSOCKADDR lpSockaddr;
	INT iSockaddrLength;
} SOCKET_ADDRESS, *PSOCKET_ADDRESS, *LPSOCKET_ADDRESS;

typedef struct _SOCKET_ADDRESS_LIST {
	INT iAddressCount;
	SOCKET_ADDRESS Address[1];
} SOCKET_ADDRESS_LIST, *PSOCKET_ADDRESS_LIST, *LPSOCKET_ADDRESS_LIST;

/* Protocol numbers of IANA that Linux's headers do not define. */
#define IPPROTO_GGP		3
#define IPPROTO_IPV4		4
#define IPPROTO_ST		5
#define IPPROTO_CBT		7
#define IPPROTO_IGP		9
#define IPPROTO_RDP		27
#define IPPROTO_ND		77
#define IPPROTO_ICLFXBM		78
#define IPPROTO_PGM		113
#ifndef IPPROTO_L2TP
#define IPPROTO_L2TP		115
#endif
#define IN_CLASSD_NET		0xf0000000
#define IN_CLASSD_NSHIFT	28
#define IN_CLASSD_HOST		0x0fffffff

#define WINSOCK_VERSION		MAKEWORD(2, 2)
#define ADDR_ANY		INADDR_ANY
/* Room for what WSAAsyncGetHostByName() and its kin fill in. */
#define MAXGETHOSTSTRUCT	1024

/*
 * Winsock's structure has 4 bytes, libc's struct linger 8.  Both are taken as
 * the value of SO_LINGER; 8 bytes exactly mean libc's.
 */
typedef struct winsock_linger_value {
	unsigned short l_onoff;
	unsigned short l_linger;
} LINGER, *PLINGER, *LPLINGER;

#define WSADESCRIPTION_LEN	256
#define WSASYS_STATUS_LEN	128

typedef struct WSAData {
	WORD wVersion;
	WORD wHighVersion;
	unsigned short iMaxSockets;
	unsigned short iMaxUdpDg;
	char *lpVendorInfo;
	char szDescription[WSADESCRIPTION_LEN + 1];
	char szSystemStatus[WSASYS_STATUS_LEN + 1];
} WSADATA, *LPWSADATA;

/* Options that Linux has no number for. */
#ifndef SO_DONTLINGER
#define SO_DONTLINGER		((int)(~SO_LINGER))
#endif
#ifndef SO_EXCLUSIVEADDRUSE
#define SO_EXCLUSIVEADDRUSE	((int)(~SO_REUSEADDR))
#endif

/* Network events. */
#define FD_READ_BIT				0
#define FD_WRITE_BIT				1
#define FD_OOB_BIT				2
#define FD_ACCEPT_BIT				3
#define FD_CONNECT_BIT				4
#define FD_CLOSE_BIT				5
#define FD_QOS_BIT				6
#define FD_GROUP_QOS_BIT			7
#define FD_ROUTING_INTERFACE_CHANGE_BIT		8
#define FD_ADDRESS_LIST_CHANGE_BIT		9
#define FD_READ					0x001
#define FD_WRITE				0x002
#define FD_OOB					0x004
#define FD_ACCEPT				0x008
#define FD_CONNECT				0x010
#define FD_CLOSE				0x020
#define FD_QOS					0x040
#define FD_GROUP_QOS				0x080
#define FD_ROUTING_INTERFACE_CHANGE		0x100
#define FD_ADDRESS_LIST_CHANGE			0x200
#define FD_MAX_EVENTS				10
#define FD_ALL_EVENTS				0x3ff

typedef struct _WSANETWORKEVENTS {
	long lNetworkEvents;
	int iErrorCode[FD_MAX_EVENTS];
} WSANETWORKEVENTS, *PWSANETWORKEVENTS, *LPWSANETWORKEVENTS;

/* An event is an eventfd(2) descriptor, readable while the event is set. */
#define WSAEVENT			HANDLE
#define WSA_INVALID_EVENT		((WSAEVENT)NULL)
#define WINSOCK_EVENT_FD(event)		((int)(intptr_t)(event))
#define WSA_MAXIMUM_WAIT_EVENTS		64
#define WSA_INFINITE			((DWORD)0xffffffff)
#define WSA_WAIT_EVENT_0		((DWORD)0)
#define WSA_WAIT_IO_COMPLETION		((DWORD)0xc0)
#define WSA_WAIT_TIMEOUT		((DWORD)258)
#define WSA_WAIT_FAILED			((DWORD)0xffffffff)

typedef void **LPWSAEVENT;

/* Scatter and gather; of an overlapped call, only the bytes must stay valid. */
typedef struct _WSABUF {
	ULONG len;
	CHAR *buf;
} WSABUF, *LPWSABUF;

/* Only hEvent is the application's; Internal is WSA_STATUS_PENDING until the end. */
#ifndef WINSOCK_WIN32
typedef struct _OVERLAPPED {
	ULONG_PTR Internal;
	ULONG_PTR InternalHigh;
	DWORD Offset;
	DWORD OffsetHigh;
	HANDLE hEvent;
} OVERLAPPED, *LPOVERLAPPED;
#endif
typedef OVERLAPPED WSAOVERLAPPED, *LPWSAOVERLAPPED;

#define WSA_STATUS_PENDING		((ULONG_PTR)0x103)
#ifndef HasOverlappedIoCompleted
#define HasOverlappedIoCompleted(overlapped) \
	(__atomic_load_n(&(overlapped)->Internal, __ATOMIC_ACQUIRE) != \
	 WSA_STATUS_PENDING)
#endif

typedef void (*LPWSAOVERLAPPED_COMPLETION_ROUTINE)(DWORD error,
						   DWORD transferred,
						   LPWSAOVERLAPPED overlapped,
						   DWORD flags);

/* Taken by WSARecv() and WSARecvFrom(), and told by them of a datagram. */
#ifndef MSG_PARTIAL
#define MSG_PARTIAL			0x00800000
#endif

/* A datagram with its control data, which are as in cmsg(3). */
typedef struct _WSAMSG {
	struct sockaddr *name;
	INT namelen;
	LPWSABUF lpBuffers;
	ULONG dwBufferCount;
	WSABUF Control;
	ULONG dwFlags;
} WSAMSG, *PWSAMSG, *LPWSAMSG;

typedef struct cmsghdr WSACMSGHDR, *PWSACMSGHDR, *LPWSACMSGHDR;

#define WSA_CMSGHDR_ALIGN(length)	CMSG_ALIGN(length)
#define WSA_CMSGDATA_ALIGN(length)	CMSG_ALIGN(length)
#define WSA_CMSG_DATA(cmsg)		CMSG_DATA(cmsg)
#define WSA_CMSG_LEN(length)		CMSG_LEN(length)
#define WSA_CMSG_SPACE(length)		CMSG_SPACE(length)
#define WSA_CMSG_FIRSTHDR(msg) \
	winsock_first_control(&(msg)->Control)
#define WSA_CMSG_NXTHDR(msg, cmsg) \
	winsock_next_control(&(msg)->Control, (cmsg))

static inline LPWSACMSGHDR winsock_first_control(const WSABUF *control)
{
	return control->len >= sizeof(WSACMSGHDR) ?
	       (LPWSACMSGHDR)(void *)control->buf : (LPWSACMSGHDR)0;
}

/* NULL for @cmsg: the first. */
static inline LPWSACMSGHDR winsock_next_control(const WSABUF *control,
						LPWSACMSGHDR cmsg)
{
	size_t at = cmsg ? (size_t)((CHAR *)cmsg - control->buf) +
			   CMSG_ALIGN(cmsg->cmsg_len) : 0;

	if ((cmsg && cmsg->cmsg_len < sizeof(*cmsg)) ||
	    at + sizeof(*cmsg) > control->len)
		return (LPWSACMSGHDR)0;
	return (LPWSACMSGHDR)(void *)(control->buf + at);
}

/* Describes a socket for another process: see WSADuplicateSocket(3). */
typedef unsigned int GROUP;

#ifndef WINSOCK_WIN32
typedef struct _GUID {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID;
#endif

#define MAX_PROTOCOL_CHAIN		7
#define WSAPROTOCOL_LEN			255

typedef struct _WSAPROTOCOLCHAIN {
	int ChainLen;
	DWORD ChainEntries[MAX_PROTOCOL_CHAIN];
} WSAPROTOCOLCHAIN, *LPWSAPROTOCOLCHAIN;

typedef struct _WSAPROTOCOL_INFOA {
	DWORD dwServiceFlags1;
	DWORD dwServiceFlags2;
	DWORD dwServiceFlags3;
	DWORD dwServiceFlags4;
	DWORD dwProviderFlags;
	GUID ProviderId;
	DWORD dwCatalogEntryId;
	WSAPROTOCOLCHAIN ProtocolChain;
	int iVersion;
	int iAddressFamily;
	int iMaxSockAddr;
	int iMinSockAddr;
	int iSocketType;
	int iProtocol;
	int iProtocolMaxOffset;
	int iNetworkByteOrder;
	int iSecurityScheme;
	DWORD dwMessageSize;
	DWORD dwProviderReserved;
	CHAR szProtocol[WSAPROTOCOL_LEN + 1];
} WSAPROTOCOL_INFOA, *LPWSAPROTOCOL_INFOA, WSAPROTOCOL_INFO,
	*LPWSAPROTOCOL_INFO;

#define FROM_PROTOCOL_INFO		(-1)

#define XP1_CONNECTIONLESS		0x00000001
#define XP1_GUARANTEED_DELIVERY		0x00000002
#define XP1_GUARANTEED_ORDER		0x00000004
#define XP1_MESSAGE_ORIENTED		0x00000008
#define XP1_GRACEFUL_CLOSE		0x00000020
#define XP1_PSEUDO_STREAM		0x00000010
#define XP1_EXPEDITED_DATA		0x00000040
#define XP1_CONNECT_DATA		0x00000080
#define XP1_DISCONNECT_DATA		0x00000100
#define XP1_SUPPORT_BROADCAST		0x00000200
#define XP1_SUPPORT_MULTIPOINT		0x00000400
#define XP1_MULTIPOINT_CONTROL_PLANE	0x00000800
#define XP1_MULTIPOINT_DATA_PLANE	0x00001000
#define XP1_QOS_SUPPORTED		0x00002000
#define XP1_INTERRUPT			0x00004000
#define XP1_UNI_SEND			0x00008000
#define XP1_UNI_RECV			0x00010000
#define XP1_IFS_HANDLES			0x00020000
#define XP1_PARTIAL_MESSAGE		0x00040000
#define XP1_SAN_SUPPORT_SDP		0x00080000

#define PFL_MULTIPLE_PROTO_ENTRIES	0x00000001
#define PFL_RECOMMENDED_PROTO_ENTRY	0x00000002
#define PFL_HIDDEN			0x00000004
#define PFL_MATCHES_PROTOCOL_ZERO	0x00000008
#define PFL_NETWORKDIRECT_PROVIDER	0x00000010

#define LAYERED_PROTOCOL		0
#define BASE_PROTOCOL			1
#define BIGENDIAN			0x0000
#define LITTLEENDIAN			0x0001
#define SECURITY_PROTOCOL_NONE		0x0000

/* There is no quality of service to ask for: a pointer to it must be NULL. */
typedef struct _QualityOfService QOS, *LPQOS;

/* Answers of a condition function. */
#define CF_ACCEPT			0x0000
#define CF_REJECT			0x0001
#define CF_DEFER			0x0002

typedef int (*LPCONDITIONPROC)(LPWSABUF caller_id, LPWSABUF caller_data,
			       LPQOS socket_qos, LPQOS group_qos,
			       LPWSABUF callee_id, LPWSABUF callee_data,
			       GROUP *group, DWORD_PTR data);

/*
 * Codes of WSAIoctl() beside FIONBIO, FIONREAD and SIOCATMARK.  IOC_IN, IOC_OUT
 * and IOC_INOUT stay what Linux's headers say.
 */
#define IOC_UNIX			0x00000000
#define IOC_WS2				0x08000000
#define IOC_PROTOCOL			0x10000000
#define IOC_VENDOR			0x18000000
#define _WSAIO(vendor, code)		(0x20000000U | (vendor) | (code))
#define _WSAIOR(vendor, code)		(0x40000000U | (vendor) | (code))
#define _WSAIOW(vendor, code)		(0x80000000U | (vendor) | (code))
#define _WSAIORW(vendor, code)		(0xc0000000U | (vendor) | (code))

#define SIO_GET_EXTENSION_FUNCTION_POINTER	_WSAIORW(IOC_WS2, 6)
#define SIO_ROUTING_INTERFACE_QUERY		_WSAIORW(IOC_WS2, 20)
#define SIO_ADDRESS_LIST_QUERY			_WSAIOR(IOC_WS2, 22)

/* How many pieces one call takes is not limited to this. */
#define MSG_MAXIOVLEN			16

#define WSA_FLAG_OVERLAPPED		0x01
#define WSA_FLAG_NO_HANDLE_INHERIT	0x80

/* There are no windows: WSAAsyncSelect() posts to the library's queues. */
#ifndef WINSOCK_WIN32
typedef struct winsock_queue *HWND;
#endif

struct winsock_message {
	HWND hwnd;
	UINT message;
	WPARAM wParam;
	LPARAM lParam;
};

/*
 * The outcome of a close with a deadline.  The structure and its values are the
 * kernel ABI's; they are repeated here in case its header is not installed, or is
 * older.
 */
#ifdef __has_include
#if __has_include("linux/winsock.h")
#include <linux/winsock.h>
#endif
#endif
#ifndef WINSOCK_CLOSE_REPORT
enum winsock_result {
	WINSOCK_DELIVERED,
	WINSOCK_DEADLINE_RESET,
	WINSOCK_PEER_RESET,
	WINSOCK_STILL_SHARED,
	WINSOCK_NOT_CONNECTED
};

struct winsock_outcome {
	uint64_t cookie;
	uint64_t nsec;
	uint64_t unacked;
	uint32_t result;
	uint32_t pad;
};
#endif

#define WSAMAKESELECTREPLY(event, error)	MAKELONG(event, error)
#define WSAGETSELECTEVENT(lparam)		LOWORD(lparam)
#define WSAGETSELECTERROR(lparam)		HIWORD(lparam)

#define SD_RECEIVE	SHUT_RD
#define SD_SEND		SHUT_WR
#define SD_BOTH		SHUT_RDWR

/* Error numbers: Windows' values. */
#define WSA_INVALID_HANDLE		6
#define WSA_NOT_ENOUGH_MEMORY		8
#define WSA_INVALID_PARAMETER		87
#define WSA_OPERATION_ABORTED		995
#define WSA_IO_INCOMPLETE		996
#define WSA_IO_PENDING			997
#define WSABASEERR			10000
#define WSAEINTR			10004
#define WSAEBADF			10009
#define WSAEACCES			10013
#define WSAEFAULT			10014
#define WSAEINVAL			10022
#define WSAEMFILE			10024
#define WSAEWOULDBLOCK			10035
#define WSAEINPROGRESS			10036
#define WSAEALREADY			10037
#define WSAENOTSOCK			10038
#define WSAEDESTADDRREQ			10039
#define WSAEMSGSIZE			10040
#define WSAEPROTOTYPE			10041
#define WSAENOPROTOOPT			10042
#define WSAEPROTONOSUPPORT		10043
#define WSAESOCKTNOSUPPORT		10044
#define WSAEOPNOTSUPP			10045
#define WSAEPFNOSUPPORT			10046
#define WSAEAFNOSUPPORT			10047
#define WSAEADDRINUSE			10048
#define WSAEADDRNOTAVAIL		10049
#define WSAENETDOWN			10050
#define WSAENETUNREACH			10051
#define WSAENETRESET			10052
#define WSAECONNABORTED			10053
#define WSAECONNRESET			10054
#define WSAENOBUFS			10055
#define WSAEISCONN			10056
#define WSAENOTCONN			10057
#define WSAESHUTDOWN			10058
#define WSAETOOMANYREFS			10059
#define WSAETIMEDOUT			10060
#define WSAECONNREFUSED			10061
#define WSAELOOP			10062
#define WSAENAMETOOLONG			10063
#define WSAEHOSTDOWN			10064
#define WSAEHOSTUNREACH			10065
#define WSAENOTEMPTY			10066
#define WSAEPROCLIM			10067
#define WSAEUSERS			10068
#define WSAEDQUOT			10069
#define WSAESTALE			10070
#define WSAEREMOTE			10071
#define WSASYSNOTREADY			10091
#define WSAVERNOTSUPPORTED		10092
#define WSANOTINITIALISED		10093
#define WSAEDISCON			10101
#define WSAENOMORE			10102
#define WSAECANCELLED			10103
#define WSAEINVALIDPROCTABLE		10104
#define WSAEINVALIDPROVIDER		10105
#define WSAEPROVIDERFAILEDINIT		10106
#define WSASYSCALLFAILURE		10107
#define WSASERVICE_NOT_FOUND		10108
#define WSATYPE_NOT_FOUND		10109
#define WSA_E_NO_MORE			10110
#define WSA_E_CANCELLED			10111
#define WSAEREFUSED			10112
#define WSAHOST_NOT_FOUND		11001
#define WSATRY_AGAIN			11002
#define WSANO_RECOVERY			11003
#define WSANO_DATA			11004
#define WSANO_ADDRESS			WSANO_DATA
#define WSA_QOS_RECEIVERS		11005
#define WSA_QOS_SENDERS			11006
#define WSA_QOS_NO_SENDERS		11007
#define WSA_QOS_NO_RECEIVERS		11008
#define WSA_QOS_REQUEST_CONFIRMED	11009
#define WSA_QOS_ADMISSION_FAILURE	11010
#define WSA_QOS_POLICY_FAILURE		11011
#define WSA_QOS_BAD_STYLE		11012
#define WSA_QOS_BAD_OBJECT		11013
#define WSA_QOS_TRAFFIC_CTRL_ERROR	11014
#define WSA_QOS_GENERIC_ERROR		11015
#define WSA_QOS_ESERVICETYPE		11016
#define WSA_QOS_EFLOWSPEC		11017
#define WSA_QOS_EPROVSPECBUF		11018
#define WSA_QOS_EFILTERSTYLE		11019
#define WSA_QOS_EFILTERTYPE		11020
#define WSA_QOS_EFILTERCOUNT		11021
#define WSA_QOS_EOBJLENGTH		11022
#define WSA_QOS_EFLOWCOUNT		11023
#define WSA_QOS_EUNKOWNPSOBJ		11024
#define WSA_QOS_EUNKNOWNPSOBJ		WSA_QOS_EUNKOWNPSOBJ
#define WSA_QOS_EPOLICYOBJ		11025
#define WSA_QOS_EFLOWDESC		11026
#define WSA_QOS_EPSFLOWSPEC		11027
#define WSA_QOS_EPSFILTERSPEC		11028
#define WSA_QOS_ESDMODEOBJ		11029
#define WSA_QOS_ESHAPERATEOBJ		11030
#define WSA_QOS_RESERVED_PETYPE		11031
#define WSA_SECURE_HOST_NOT_FOUND	11032
#define WSA_IPSEC_NAME_POLICY_ERROR	11033

#ifdef __cplusplus
extern "C" {
#endif

int WSAStartup(WORD version, LPWSADATA data);
int WSACleanup(void);
int WSACancelBlockingCall(void);
BOOL WSAIsBlocking(void);
int WSAGetLastError(void);
void WSASetLastError(int error);
/* The error's text, which is valid until the next call of this thread. */
const char *winsock_strerror(int error);

int closesocket(SOCKET s);
int ioctlsocket(SOCKET s, long cmd, u_long *arg);

int WSAIoctl(SOCKET s, DWORD code, LPVOID in, DWORD insize, LPVOID out,
	     DWORD outsize, LPDWORD returned, LPWSAOVERLAPPED overlapped,
	     LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

int WSAConnect(SOCKET s, const struct sockaddr *addr, int len, LPWSABUF caller,
	       LPWSABUF callee, LPQOS socket_qos, LPQOS group_qos);
SOCKET WSAAccept(SOCKET s, struct sockaddr *addr, LPINT len,
		 LPCONDITIONPROC condition, DWORD_PTR data);
int WSASendDisconnect(SOCKET s, LPWSABUF data);
int WSARecvDisconnect(SOCKET s, LPWSABUF data);

INT WSAAddressToStringA(LPSOCKADDR addr, DWORD addrlen,
			LPWSAPROTOCOL_INFOA info, LPSTR text, LPDWORD len);
INT WSAStringToAddressA(LPSTR text, INT family, LPWSAPROTOCOL_INFOA info,
			LPSOCKADDR addr, LPINT len);

/*
 * Strings of WCHAR are UTF-16 or UTF-32, as it has 16 bits or 32; the library has
 * a function for either.
 */
#if defined(WINSOCK_WIN32) || __SIZEOF_WCHAR_T__ == 2
#define WINSOCK_WIDE(name)	__asm__("winsock_" name "_utf16")
#else
#define WINSOCK_WIDE(name)	__asm__("winsock_" name "_utf32")
#endif
INT WSAAddressToStringW(LPSOCKADDR addr, DWORD addrlen, LPWSAPROTOCOL_INFOA info,
			LPWSTR text, LPDWORD len) WINSOCK_WIDE("address_to_string");
INT WSAStringToAddressW(LPWSTR text, INT family, LPWSAPROTOCOL_INFOA info,
			LPSOCKADDR addr, LPINT len) WINSOCK_WIDE("string_to_address");

#ifdef UNICODE
#define WSAAddressToString WSAAddressToStringW
#define WSAStringToAddress WSAStringToAddressW
#else
#define WSAAddressToString WSAAddressToStringA
#define WSAStringToAddress WSAStringToAddressA
#endif

int WSAHtonl(SOCKET s, u_long host, u_long *net);
int WSAHtons(SOCKET s, unsigned short host, unsigned short *net);
int WSANtohl(SOCKET s, u_long net, u_long *host);
int WSANtohs(SOCKET s, unsigned short net, unsigned short *host);

WSAEVENT WSACreateEvent(void);
BOOL WSASetEvent(WSAEVENT event);
BOOL WSAResetEvent(WSAEVENT event);
BOOL WSACloseEvent(WSAEVENT event);
DWORD WSAWaitForMultipleEvents(DWORD count, const WSAEVENT *events, BOOL all,
			       DWORD timeout, BOOL alertable);
int WSAEventSelect(SOCKET s, WSAEVENT event, long mask);
int WSAEnumNetworkEvents(SOCKET s, WSAEVENT event, WSANETWORKEVENTS *events);

int WSAAsyncSelect(SOCKET s, HWND queue, u_int message, long mask);
HWND winsock_create_queue(void);
int winsock_close_queue(HWND queue);
int winsock_get_message(HWND queue, struct winsock_message *message,
			DWORD timeout);
WSAEVENT winsock_queue_event(HWND queue);

/* Not part of Winsock. */
WSAEVENT winsock_create_outcomes(void);
int winsock_close_outcomes(WSAEVENT outcomes);
int winsock_get_outcome(WSAEVENT outcomes, struct winsock_outcome *outcome);
int winsock_close_deadline(SOCKET s, unsigned int milliseconds,
			   WSAEVENT outcomes, uint64_t cookie);

SOCKET WSASocketA(int domain, int type, int protocol, LPWSAPROTOCOL_INFOA info,
		  GROUP group, DWORD flags);
/* Programs give the wide one NULL: but for szProtocol they are the same. */
#define WSASocket WSASocketA
#define WSASocketW WSASocketA
int WSADuplicateSocketA(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOA info);
#define WSADuplicateSocket WSADuplicateSocketA

int WSASend(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD sent, DWORD flags,
	    LPWSAOVERLAPPED overlapped,
	    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSASendTo(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD sent, DWORD flags,
	      const struct sockaddr *to, int tolen, LPWSAOVERLAPPED overlapped,
	      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSARecv(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD received,
	    LPDWORD flags, LPWSAOVERLAPPED overlapped,
	    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSARecvFrom(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD received,
		LPDWORD flags, struct sockaddr *from, LPINT fromlen,
		LPWSAOVERLAPPED overlapped,
		LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSASendMsg(SOCKET s, LPWSAMSG msg, DWORD flags, LPDWORD sent,
	       LPWSAOVERLAPPED overlapped,
	       LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
BOOL WSAGetOverlappedResult(SOCKET s, LPWSAOVERLAPPED overlapped,
			    LPDWORD transferred, BOOL wait, LPDWORD flags);

int WSAPoll(WSAPOLLFD *fds, ULONG nfds, INT timeout);
/* The same for libc's structure. */
int winsock_poll(struct pollfd *fds, ULONG nfds, INT timeout);
int winsock_select(int nfds, winsock_fd_set *readfds, winsock_fd_set *writefds,
		   winsock_fd_set *exceptfds, const struct timeval *timeout)
	WINSOCK_SELECT_NAME;
int __WSAFDIsSet(SOCKET s, winsock_fd_set *set);

#ifdef WINSOCK_NO_REDIRECT
/*
 * For a program that calls libc's functions and ours in one file: libc's keep
 * their names, ours are these.
 */
int winsock_socket(int domain, int type, int protocol);
int winsock_bind(int s, const struct sockaddr *addr, winsock_libc_socklen len);
int winsock_connect(int s, const struct sockaddr *addr, winsock_libc_socklen len);
int winsock_listen(int s, int backlog);
int winsock_accept(int s, struct sockaddr *addr, winsock_libc_socklen *len);
int winsock_shutdown(int s, int how);
int winsock_getsockname(int s, struct sockaddr *addr, winsock_libc_socklen *len);
int winsock_getpeername(int s, struct sockaddr *addr, winsock_libc_socklen *len);
int winsock_getsockopt(int s, int level, int name, void *value,
		       winsock_libc_socklen *len);
int winsock_setsockopt(int s, int level, int name, const void *value,
		       winsock_libc_socklen len);
ssize_t winsock_send(int s, const void *buf, size_t len, int flags);
ssize_t winsock_sendto(int s, const void *buf, size_t len, int flags,
		       const struct sockaddr *addr, winsock_libc_socklen addrlen);
ssize_t winsock_recv(int s, void *buf, size_t len, int flags);
ssize_t winsock_recvfrom(int s, void *buf, size_t len, int flags,
			 struct sockaddr *addr, winsock_libc_socklen *addrlen);
struct addrinfo;
int winsock_getaddrinfo(const char *node, const char *service,
			const struct addrinfo *hints, struct addrinfo **res);
void winsock_freeaddrinfo(struct addrinfo *res);
int winsock_getnameinfo(const struct sockaddr *addr, winsock_libc_socklen addrlen,
			char *host, winsock_libc_socklen hostlen, char *service,
			winsock_libc_socklen servicelen, int flags);
const char *winsock_gai_strerror(int error);
struct hostent *winsock_gethostbyname(const char *name);
struct hostent *winsock_gethostbyaddr(const void *addr, winsock_libc_socklen len,
				      int family);
struct servent *winsock_getservbyname(const char *name, const char *protocol);
struct servent *winsock_getservbyport(int port, const char *protocol);
struct protoent *winsock_getprotobyname(const char *name);
struct protoent *winsock_getprotobynumber(int number);
int winsock_gethostname(char *name, size_t len);
const char *winsock_inet_ntop(int family, const void *addr, char *buf,
			      winsock_libc_socklen size);
int winsock_inet_pton(int family, const char *text, void *addr);
in_addr_t winsock_inet_addr(const char *text);
int winsock_ioctlsocket_long(SOCKET s, long cmd, unsigned long *arg);

#else /* !WINSOCK_NO_REDIRECT */

/* The same function, with libc's types, under another assembler name. */
extern __typeof__(socket) socket __asm__("winsock_socket");
extern __typeof__(bind) bind __asm__("winsock_bind");
extern __typeof__(connect) connect __asm__("winsock_connect");
extern __typeof__(listen) listen __asm__("winsock_listen");
extern __typeof__(accept) accept __asm__("winsock_accept");
extern __typeof__(shutdown) shutdown __asm__("winsock_shutdown");
extern __typeof__(getsockname) getsockname __asm__("winsock_getsockname");
extern __typeof__(getpeername) getpeername __asm__("winsock_getpeername");
extern __typeof__(send) send __asm__("winsock_send");
extern __typeof__(sendto) sendto __asm__("winsock_sendto");

/*
 * A definition takes the place of the inline one; weak and hidden, so that
 * every file of a program may have it, and not under libc's name.
 */
#define WINSOCK_INSTEAD __attribute__((__weak__, __visibility__("hidden")))

#ifndef WINSOCK_FORTIFIED_RECV
extern __typeof__(recv) recv __asm__("winsock_recv");
extern __typeof__(recvfrom) recvfrom __asm__("winsock_recvfrom");
#else
extern ssize_t winsock_recv(int fd, void *buf, size_t len, int flags);
extern ssize_t winsock_recvfrom(int fd, void *buf, size_t len, int flags,
				struct sockaddr *addr, winsock_libc_socklen *addrlen);
#  ifndef __clang__
extern WINSOCK_INSTEAD __typeof__(recv) recv __asm__("winsock_instead_recv");
extern WINSOCK_INSTEAD __typeof__(recvfrom) recvfrom
	__asm__("winsock_instead_recvfrom");

WINSOCK_INSTEAD ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return winsock_recv(fd, buf, len, flags);
}

WINSOCK_INSTEAD ssize_t recvfrom(int fd, void *__restrict buf, size_t len,
				 int flags, __SOCKADDR_ARG addr,
				 winsock_libc_socklen *__restrict addrlen)
{
#    if defined(__USE_GNU) && !defined(__cplusplus)
	return winsock_recvfrom(fd, buf, len, flags, addr.__sockaddr__,
				addrlen);
#    else
	return winsock_recvfrom(fd, buf, len, flags, addr, addrlen);
#    endif
}

#  else
/* clang keeps the inline body: macros are what is left. */
#define recv winsock_recv
#define recvfrom winsock_recvfrom
#  endif
#endif

/* It is the one name from a header that is not included for others. */
#ifndef WINSOCK_FORTIFIED_NAME
extern int __REDIRECT_NTH(gethostname, (char *name, size_t len),
			  winsock_gethostname);
#else
extern int winsock_gethostname(char *name, size_t len);
#  ifndef __clang__
extern WINSOCK_INSTEAD int __REDIRECT_NTH(gethostname,
					  (char *name, size_t len),
					  winsock_instead_gethostname);
WINSOCK_INSTEAD int __NTH(gethostname(char *name, size_t len))
{
	return winsock_gethostname(name, len);
}
#  else
#define gethostname winsock_gethostname
#  endif
#endif
#undef WINSOCK_INSTEAD

#ifdef AI_PASSIVE	/* netdb.h may have come first, and without them */
extern __typeof__(getaddrinfo) getaddrinfo __asm__("winsock_getaddrinfo");
extern __typeof__(freeaddrinfo) freeaddrinfo __asm__("winsock_freeaddrinfo");
extern __typeof__(getnameinfo) getnameinfo __asm__("winsock_getnameinfo");
extern __typeof__(gai_strerror) gai_strerror __asm__("winsock_gai_strerror");
#endif
extern __typeof__(gethostbyname) gethostbyname
	__asm__("winsock_gethostbyname");
extern __typeof__(gethostbyaddr) gethostbyaddr
	__asm__("winsock_gethostbyaddr");
extern __typeof__(getservbyname) getservbyname
	__asm__("winsock_getservbyname");
extern __typeof__(getservbyport) getservbyport
	__asm__("winsock_getservbyport");
extern __typeof__(getprotobyname) getprotobyname
	__asm__("winsock_getprotobyname");
extern __typeof__(getprotobynumber) getprotobynumber
	__asm__("winsock_getprotobynumber");
extern __typeof__(inet_ntop) inet_ntop __asm__("winsock_inet_ntop");
extern __typeof__(inet_pton) inet_pton __asm__("winsock_inet_pton");
extern __typeof__(inet_addr) inet_addr __asm__("winsock_inet_addr");

#ifndef WINSOCK_TIME64
extern __typeof__(getsockopt) getsockopt __asm__("winsock_getsockopt");
extern __typeof__(setsockopt) setsockopt __asm__("winsock_setsockopt");
/* Its sets are ours: see below. */
extern __typeof__(select) select __asm__("winsock_select");
#else
/* libc has other assembler names for them here: macros are what is left. */
int winsock_getsockopt(int s, int level, int name, void *value,
		       winsock_libc_socklen *len);
int winsock_setsockopt(int s, int level, int name, const void *value,
		       winsock_libc_socklen len);
#define getsockopt winsock_getsockopt
#define setsockopt winsock_setsockopt
#define select winsock_select
#endif

#endif /* !WINSOCK_NO_REDIRECT */

#ifdef __cplusplus
}
#endif

#ifndef WINSOCK_NO_REDIRECT

/*
 * In a file that includes this header fd_set is Winsock's, whatever libc's
 * headers have said: they come once, and before this.
 */
#define fd_set winsock_fd_set

/* gethostbyname() leaves Winsock's numbers, and only as the last error. */
#undef h_errno
#define h_errno		WSAGetLastError()
#undef HOST_NOT_FOUND
#undef TRY_AGAIN
#undef NO_RECOVERY
#undef NO_DATA
#undef NO_ADDRESS
#define HOST_NOT_FOUND	WSAHOST_NOT_FOUND
#define TRY_AGAIN	WSATRY_AGAIN
#define NO_RECOVERY	WSANO_RECOVERY
#define NO_DATA		WSANO_DATA
#define NO_ADDRESS	WSANO_ADDRESS

/* Winsock's have room for a scope and a port, as WSAAddressToString() writes. */
#undef INET_ADDRSTRLEN
#undef INET6_ADDRSTRLEN
#define INET_ADDRSTRLEN		22
#define INET6_ADDRSTRLEN	65

#undef FD_SET
#undef FD_CLR
#undef FD_ISSET
#undef FD_ZERO
#define FD_SET(s, set) winsock_fd_add((SOCKET)(s), (winsock_fd_set *)(set))
#define FD_CLR(s, set) winsock_fd_remove((SOCKET)(s), (winsock_fd_set *)(set))
#define FD_ISSET(s, set) __WSAFDIsSet((SOCKET)(s), (winsock_fd_set *)(set))
#define FD_ZERO(set) ((void)(((winsock_fd_set *)(set))->fd_count = 0))

/* What does not fit, or is there already, is left out. */
static inline void winsock_fd_add(SOCKET s, winsock_fd_set *set)
{
	unsigned int i;

	for (i = 0; i < set->fd_count; i++)
		if (set->fd_array[i] == s)
			return;
	if (set->fd_count < WINSOCK_FD_SETSIZE)
		set->fd_array[set->fd_count++] = s;
}

static inline void winsock_fd_remove(SOCKET s, winsock_fd_set *set)
{
	unsigned int i;

	for (i = 0; i < set->fd_count; i++)
		if (set->fd_array[i] == s)
			break;
	if (i == set->fd_count)
		return;
	for (set->fd_count--; i < set->fd_count; i++)
		set->fd_array[i] = set->fd_array[i + 1];
}

#ifdef __cplusplus

#ifndef WINSOCK_TIME64
/* A template, so that libc's comes first where all pointers are NULL. */
template <class N>
inline int select(N nfds, winsock_fd_set *readfds, winsock_fd_set *writefds,
		  winsock_fd_set *exceptfds, const struct timeval *timeout)
{
	return winsock_select((int)nfds, readfds, writefds, exceptfds, timeout);
}
#endif

inline int WSAPoll(struct pollfd *fds, ULONG nfds, INT timeout)
{
	return winsock_poll(fds, nfds, timeout);
}

namespace winsock {
template <class T, class U, class R> struct when_same { };
template <class T, class R> struct when_same<T, T, R> { typedef R type; };
template <class T, class R> struct when_word { };
template <class R> struct when_word<int, R> { typedef R type; };
template <class R> struct when_word<long, R> { typedef R type; };
template <class R> struct when_word<unsigned long, R> { typedef R type; };
}

template <class L> inline typename winsock::when_same<L, int, SOCKET>::type
accept(SOCKET s, struct sockaddr *addr, L *len)
{
	return (SOCKET)(accept)((int)s, addr, (winsock_libc_socklen *)len);
}

template <class L> inline typename winsock::when_same<L, int, int>::type
getsockname(SOCKET s, struct sockaddr *addr, L *len)
{
	return (getsockname)((int)s, addr, (winsock_libc_socklen *)len);
}

template <class L> inline typename winsock::when_same<L, int, int>::type
getpeername(SOCKET s, struct sockaddr *addr, L *len)
{
	return (getpeername)((int)s, addr, (winsock_libc_socklen *)len);
}

template <class L> inline typename winsock::when_same<L, int, int>::type
getsockopt(SOCKET s, int level, int name, void *value, L *len)
{
	return (getsockopt)((int)s, level, name, value, (winsock_libc_socklen *)len);
}

template <class L> inline typename winsock::when_same<L, int, int>::type
recvfrom(SOCKET s, void *buf, size_t size, int flags, struct sockaddr *addr,
	 L *len)
{
	return (int)(recvfrom)((int)s, buf, size, flags, addr,
			       (winsock_libc_socklen *)len);
}

/*
 * Windows' types for the address of a function.  No call can tell what R is, so
 * that only a pointer of this type chooses one.
 */
template <class R> inline R socket(int domain, int type, int protocol)
{
	return (R)(socket)(domain, type, protocol);
}

template <class R> inline R bind(SOCKET s, const struct sockaddr *addr, int len)
{
	return (R)(bind)((int)s, addr, (winsock_libc_socklen)len);
}

template <class R>
inline R connect(SOCKET s, const struct sockaddr *addr, int len)
{
	return (R)(connect)((int)s, addr, (winsock_libc_socklen)len);
}

template <class R> inline R listen(SOCKET s, int backlog)
{
	return (R)(listen)((int)s, backlog);
}

template <class R> inline R shutdown(SOCKET s, int how)
{
	return (R)(shutdown)((int)s, how);
}

template <class R>
inline R getsockopt(SOCKET s, int level, int name, char *value, int *len)
{
	return (R)(getsockopt)((int)s, level, name, value,
			       (winsock_libc_socklen *)len);
}

template <class R>
inline R setsockopt(SOCKET s, int level, int name, const char *value, int len)
{
	return (R)(setsockopt)((int)s, level, name, value,
			       (winsock_libc_socklen)len);
}

/* Here a negative length is a very long one, too. */
template <class R> inline R send(SOCKET s, const char *buf, int len, int flags)
{
	return (R)(send)((int)s, buf, (size_t)len, flags);
}

template <class R>
inline R sendto(SOCKET s, const char *buf, int len, int flags,
		const struct sockaddr *addr, int addrlen)
{
	return (R)(sendto)((int)s, buf, (size_t)len, flags, addr,
			   (winsock_libc_socklen)addrlen);
}

template <class R> inline R recv(SOCKET s, char *buf, int len, int flags)
{
	return (R)(recv)((int)s, buf, (size_t)len, flags);
}

template <class R>
inline R recvfrom(SOCKET s, char *buf, int len, int flags,
		  struct sockaddr *addr, int *addrlen)
{
	return (R)(recvfrom)((int)s, buf, (size_t)len, flags, addr,
			     (winsock_libc_socklen *)addrlen);
}

template <class R> inline R gethostname(char *name, int len)
{
	return (R)(gethostname)(name, (size_t)len);
}

template <class R>
inline R gethostbyaddr(const char *addr, int len, int family)
{
	return (R)(gethostbyaddr)(addr, (winsock_libc_socklen)len, family);
}

template <class R>
inline R getnameinfo(const struct sockaddr *addr, int addrlen, char *host,
		     DWORD hostlen, char *service, DWORD servicelen, int flags)
{
	return (R)(getnameinfo)(addr, (winsock_libc_socklen)addrlen, host,
				hostlen, service, servicelen, flags);
}

template <class R>
inline R inet_ntop(int family, const void *addr, char *buf, size_t size)
{
	return (R)(inet_ntop)(family, addr, buf, (winsock_libc_socklen)size);
}

/*
 * A DWORD is a program's unsigned long on Windows, where both have 32 bits.  The
 * wider one is written when the call has succeeded, as the narrow one is.
 */
namespace winsock {
class dword {
	unsigned long *wide;
	DWORD value;
	DWORD *narrow;
public:
	dword(unsigned long *p, bool in)
		: wide(p), value(p && in ? (DWORD)*p : 0), narrow(p ? &value : 0) { }
	dword(long *p, bool in)
		: wide((unsigned long *)p), value(p && in ? (DWORD)*p : 0),
		  narrow(p ? &value : 0) { }
	dword(DWORD *p, bool) : wide(0), value(0), narrow(p) { }
	/* NULL in its several forms */
	dword(long, bool) : wide(0), value(0), narrow(0) { }
	dword(int, bool) : wide(0), value(0), narrow(0) { }
#if __cplusplus >= 201103L
	dword(decltype(nullptr), bool) : wide(0), value(0), narrow(0) { }
#endif
	operator DWORD *() { return narrow; }
	template <class T> T done(T ret, bool ok)
	{
		if (ok && wide)
			*wide = value;
		return ret;
	}
};

template <class T> struct is_wide { static const bool value = false; };
template <> struct is_wide<unsigned long *> { static const bool value = true; };
template <> struct is_wide<long *> { static const bool value = true; };
template <bool wide, class R> struct when { };
template <class R> struct when<true, R> { typedef R type; };
template <class T, class R> struct when_wide : when<is_wide<T>::value, R> { };
template <class T, class U, class R> struct when_one_wide
	: when<is_wide<T>::value || is_wide<U>::value, R> { };
}

template <class N> inline typename winsock::when_wide<N, int>::type
WSASend(SOCKET s, LPWSABUF bufs, DWORD count, N sent, DWORD flags,
	LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	winsock::dword n(sent, false);
	int ret = WSASend(s, bufs, count, (LPDWORD)n, flags, overlapped, routine);

	return n.done(ret, !ret);
}

template <class N> inline typename winsock::when_wide<N, int>::type
WSASendTo(SOCKET s, LPWSABUF bufs, DWORD count, N sent, DWORD flags,
	  const struct sockaddr *to, int tolen, LPWSAOVERLAPPED overlapped,
	  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	winsock::dword n(sent, false);
	int ret = WSASendTo(s, bufs, count, (LPDWORD)n, flags, to, tolen,
			    overlapped, routine);

	return n.done(ret, !ret);
}

template <class N, class F>
inline typename winsock::when_one_wide<N, F, int>::type
WSARecv(SOCKET s, LPWSABUF bufs, DWORD count, N received, F flags,
	LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	winsock::dword n(received, false), f(flags, true);
	int ret = WSARecv(s, bufs, count, (LPDWORD)n, (LPDWORD)f, overlapped,
			  routine);

	return f.done(n.done(ret, !ret), !ret);
}

template <class N, class F>
inline typename winsock::when_one_wide<N, F, int>::type
WSARecvFrom(SOCKET s, LPWSABUF bufs, DWORD count, N received, F flags,
	    struct sockaddr *from, LPINT fromlen, LPWSAOVERLAPPED overlapped,
	    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	winsock::dword n(received, false), f(flags, true);
	int ret = WSARecvFrom(s, bufs, count, (LPDWORD)n, (LPDWORD)f, from,
			      fromlen, overlapped, routine);

	return f.done(n.done(ret, !ret), !ret);
}

template <class N, class F>
inline typename winsock::when_one_wide<N, F, BOOL>::type
WSAGetOverlappedResult(SOCKET s, LPWSAOVERLAPPED overlapped, N transferred,
		       BOOL wait, F flags)
{
	winsock::dword n(transferred, false), f(flags, false);
	BOOL ret = WSAGetOverlappedResult(s, overlapped, (LPDWORD)n, wait,
					  (LPDWORD)f);

	return f.done(n.done(ret, ret), ret);
}

template <class N> inline typename winsock::when_wide<N, int>::type
WSAIoctl(SOCKET s, DWORD code, LPVOID in, DWORD insize, LPVOID out,
	 DWORD outsize, N returned, LPWSAOVERLAPPED overlapped,
	 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	winsock::dword n(returned, false);
	int ret = WSAIoctl(s, code, in, insize, out, outsize, (LPDWORD)n,
			   overlapped, routine);

	return n.done(ret, !ret);
}

template <class N> inline typename winsock::when_wide<N, INT>::type
WSAAddressToStringA(LPSOCKADDR addr, DWORD addrlen, LPWSAPROTOCOL_INFOA info,
		    LPSTR text, N len)
{
	winsock::dword n(len, true);
	INT ret = WSAAddressToStringA(addr, addrlen, info, text, (LPDWORD)n);

	/* too small: the size that is needed is returned */
	return n.done(ret, true);
}

/* unsigned long is u_long's own name on Windows, where both have 32 bits. */
template <class T> inline typename winsock::when_word<T, int>::type
ioctlsocket(SOCKET s, long cmd, T *arg)
{
	u_long value = arg && (unsigned long)cmd == FIONBIO ? (u_long)*arg : 0;
	int ret = (ioctlsocket)(s, cmd, arg ? &value : (u_long *)0);

	if (!ret && (unsigned long)cmd != FIONBIO)
		*arg = (T)value;
	return ret;
}

#else /* C */

#define WINSOCK_IS(type, ...) \
	__builtin_types_compatible_p(__typeof__(__VA_ARGS__), type)
#define WINSOCK_LEN(...) __builtin_choose_expr(WINSOCK_IS(int *, __VA_ARGS__), \
	(winsock_libc_socklen *)(void *)(__VA_ARGS__), (__VA_ARGS__))

/* WINSOCK_PICK(args..., 6, 5, ...) is the macro for that many arguments. */
#define WINSOCK_PICK(a, b, c, d, e, f, macro, ...) macro
#define WINSOCK_SAME(call, ...) call(__VA_ARGS__)
#define WINSOCK_LEN3(call, a, b, c) call(a, b, WINSOCK_LEN(c))
#define WINSOCK_LEN5(call, a, b, c, d, e) call(a, b, c, d, WINSOCK_LEN(e))
#define WINSOCK_LEN6(call, a, b, c, d, e, f) \
	call(a, b, c, d, e, WINSOCK_LEN(f))
#define WINSOCK_CALL3(call, ...) WINSOCK_PICK(__VA_ARGS__, WINSOCK_SAME, \
	WINSOCK_SAME, WINSOCK_SAME, WINSOCK_LEN3, WINSOCK_SAME, WINSOCK_SAME, \
	)(call, __VA_ARGS__)
#define WINSOCK_CALL5(call, ...) WINSOCK_PICK(__VA_ARGS__, WINSOCK_SAME, \
	WINSOCK_LEN5, WINSOCK_SAME, WINSOCK_SAME, WINSOCK_SAME, WINSOCK_SAME, \
	)(call, __VA_ARGS__)
#define WINSOCK_CALL6(call, ...) WINSOCK_PICK(__VA_ARGS__, WINSOCK_LEN6, \
	WINSOCK_SAME, WINSOCK_SAME, WINSOCK_SAME, WINSOCK_SAME, WINSOCK_SAME, \
	)(call, __VA_ARGS__)

/* libc's select() has other types, and by now our name for the linker. */
#define WINSOCK_SET(...) \
	__builtin_choose_expr(WINSOCK_IS(winsock_fd_set *, __VA_ARGS__), \
	(void *)(__VA_ARGS__), (__VA_ARGS__))
#define WINSOCK_TIME(...) \
	__builtin_choose_expr(WINSOCK_IS(const struct timeval *, __VA_ARGS__), \
	(struct timeval *)(void *)(__VA_ARGS__), (__VA_ARGS__))
#define WINSOCK_SELECT5(call, a, b, c, d, e) \
	call(a, WINSOCK_SET(b), WINSOCK_SET(c), WINSOCK_SET(d), WINSOCK_TIME(e))
#define WINSOCK_SELECT(call, ...) WINSOCK_PICK(__VA_ARGS__, WINSOCK_SAME, \
	WINSOCK_SELECT5, WINSOCK_SAME, WINSOCK_SAME, WINSOCK_SAME, \
	WINSOCK_SAME, \
	)(call, __VA_ARGS__)

#ifndef WINSOCK_TIME64
#define select(...)		WINSOCK_SELECT(select, __VA_ARGS__)
#endif

/* An array is a pointer only in an expression. */
#define WINSOCK_FIRST(first, ...) first
#define WINSOCK_POLL(...) __builtin_choose_expr(WINSOCK_IS(struct pollfd *, \
	1 ? (__VA_ARGS__) : (__VA_ARGS__)), winsock_poll, WSAPoll)
#define WSAPoll(...) \
	WINSOCK_POLL(WINSOCK_FIRST(__VA_ARGS__, 0))(__VA_ARGS__)

#define accept(...)		WINSOCK_CALL3(accept, __VA_ARGS__)
#define getsockname(...)	WINSOCK_CALL3(getsockname, __VA_ARGS__)
#define getpeername(...)	WINSOCK_CALL3(getpeername, __VA_ARGS__)
/* Where the name is a macro already, it is that of our function. */
#ifndef getsockopt
#define getsockopt(...)		WINSOCK_CALL5(getsockopt, __VA_ARGS__)
#else
#define winsock_getsockopt(...)	WINSOCK_CALL5(winsock_getsockopt, __VA_ARGS__)
#endif
#ifndef recvfrom
#define recvfrom(...)		WINSOCK_CALL6(recvfrom, __VA_ARGS__)
#else
#define winsock_recvfrom(...)	WINSOCK_CALL6(winsock_recvfrom, __VA_ARGS__)
#endif

/* The same call for a 64-bit long, which Windows does not have. */
int winsock_ioctlsocket_long(SOCKET s, long cmd, unsigned long *arg);

#define WINSOCK_IS_LONG(...) (WINSOCK_IS(unsigned long *, __VA_ARGS__) || \
	WINSOCK_IS(long *, __VA_ARGS__))
#define WINSOCK_IOCTL(...) __builtin_choose_expr(WINSOCK_IS_LONG(__VA_ARGS__), \
	winsock_ioctlsocket_long, ioctlsocket)
#define ioctlsocket(s, cmd, ...) \
	WINSOCK_IOCTL(__VA_ARGS__)((s), (cmd), (void *)(__VA_ARGS__))

#endif /* C */
#endif /* !WINSOCK_NO_REDIRECT */

#ifdef WINSOCK_WIN32
#include <winsock_objects.h>
#endif

#endif /* _WINSOCK2_H */
