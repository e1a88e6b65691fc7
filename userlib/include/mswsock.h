/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Winsock programs expect in this header; see TransmitFile(3) and AcceptEx(3). */
#ifndef _MSWSOCK_H
#define _MSWSOCK_H

#include <winsock2.h>

typedef struct _TRANSMIT_FILE_BUFFERS {
	LPVOID Head;
	DWORD HeadLength;
	LPVOID Tail;
	DWORD TailLength;
} TRANSMIT_FILE_BUFFERS, *PTRANSMIT_FILE_BUFFERS, *LPTRANSMIT_FILE_BUFFERS;

#define TF_DISCONNECT		0x01
/* Hints, and nothing depends on them. */
#define TF_WRITE_BEHIND		0x04
#define TF_USE_DEFAULT_WORKER	0x00
#define TF_USE_SYSTEM_THREAD	0x10
#define TF_USE_KERNEL_APC	0x20

/* What programs compare WSAGetLastError() with. */
#ifndef ERROR_IO_PENDING
#define ERROR_IO_PENDING	WSA_IO_PENDING
#endif

/* DisconnectEx() does not have it. */
#define TF_REUSE_SOCKET		0x02

#define SIO_UDP_CONNRESET	_WSAIOW(IOC_VENDOR, 12)

/* setsockopt() knows it as little as Linux does: all sockets are overlapped. */
#define SO_OPENTYPE		0x7008
#define SO_SYNCHRONOUS_ALERT	0x10
#define SO_SYNCHRONOUS_NONALERT	0x20

#define SO_UPDATE_ACCEPT_CONTEXT	0x700b
#define SO_CONNECT_TIME			0x700c
#define SO_UPDATE_CONNECT_CONTEXT	0x7010

#ifdef __cplusplus
extern "C" {
#endif

/* @file is the number of a descriptor, as (HANDLE)(intptr_t)fd. */
BOOL TransmitFile(SOCKET s, HANDLE file, DWORD count, DWORD at_once,
		  LPOVERLAPPED overlapped, LPTRANSMIT_FILE_BUFFERS buffers,
		  DWORD flags);

BOOL AcceptEx(SOCKET s, SOCKET accept_socket, PVOID buf, DWORD size,
	      DWORD local_size, DWORD remote_size, LPDWORD received,
	      LPOVERLAPPED overlapped);
void GetAcceptExSockaddrs(PVOID buf, DWORD size, DWORD local_size,
			  DWORD remote_size, struct sockaddr **local,
			  LPINT local_len, struct sockaddr **remote,
			  LPINT remote_len);
BOOL ConnectEx(SOCKET s, const struct sockaddr *addr, int len, PVOID buf,
	       DWORD size, LPDWORD sent, LPOVERLAPPED overlapped);
BOOL DisconnectEx(SOCKET s, LPOVERLAPPED overlapped, DWORD flags,
		  DWORD reserved);
int WSARecvMsg(SOCKET s, LPWSAMSG msg, LPDWORD received,
	       LPWSAOVERLAPPED overlapped,
	       LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

#ifdef __cplusplus
}
#endif

typedef __typeof__(TransmitFile) *LPFN_TRANSMITFILE;
typedef __typeof__(AcceptEx) *LPFN_ACCEPTEX;
typedef __typeof__(GetAcceptExSockaddrs) *LPFN_GETACCEPTEXSOCKADDRS;
typedef __typeof__(ConnectEx) *LPFN_CONNECTEX;
typedef __typeof__(DisconnectEx) *LPFN_DISCONNECTEX;
typedef __typeof__(WSARecvMsg) *LPFN_WSARECVMSG;
typedef __typeof__(WSASendMsg) *LPFN_WSASENDMSG;

/* For SIO_GET_EXTENSION_FUNCTION_POINTER. */
#define WSAID_TRANSMITFILE \
	{ 0xb5367df0, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }

#define WSAID_ACCEPTEX \
	{ 0xb5367df1, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }
#define WSAID_GETACCEPTEXSOCKADDRS \
	{ 0xb5367df2, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }
#define WSAID_CONNECTEX \
	{ 0x25a207b9, 0xddf3, 0x4660, \
	  { 0x8e, 0xe9, 0x76, 0xe5, 0x8c, 0x74, 0x06, 0x3e } }
#define WSAID_DISCONNECTEX \
	{ 0x7fda2e11, 0x8630, 0x436f, \
	  { 0xa0, 0x31, 0xf5, 0x36, 0xa6, 0xee, 0xc1, 0x57 } }
#define WSAID_WSARECVMSG \
	{ 0xf689d7c8, 0x6f1f, 0x436b, \
	  { 0x8a, 0x53, 0xe5, 0x4f, 0xe3, 0x51, 0xc3, 0x22 } }
#define WSAID_WSASENDMSG \
	{ 0xa441e712, 0x754f, 0x43ca, \
	  { 0x84, 0xa7, 0x0d, 0xee, 0x44, 0xcf, 0x60, 0x6d } }

#endif /* _MSWSOCK_H */
