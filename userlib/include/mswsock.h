/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Winsock programs expect in this header; see TransmitFile(3). */
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

#define SIO_UDP_CONNRESET	_WSAIOW(IOC_VENDOR, 12)

/* setsockopt() knows it as little as Linux does: all sockets are overlapped. */
#define SO_OPENTYPE		0x7008
#define SO_SYNCHRONOUS_ALERT	0x10
#define SO_SYNCHRONOUS_NONALERT	0x20

#ifdef __cplusplus
extern "C" {
#endif

/* @file is the number of a descriptor, as (HANDLE)(intptr_t)fd. */
BOOL TransmitFile(SOCKET s, HANDLE file, DWORD count, DWORD at_once,
		  LPOVERLAPPED overlapped, LPTRANSMIT_FILE_BUFFERS buffers,
		  DWORD flags);

#ifdef __cplusplus
}
#endif

typedef __typeof__(TransmitFile) *LPFN_TRANSMITFILE;

/* For SIO_GET_EXTENSION_FUNCTION_POINTER. */
#define WSAID_TRANSMITFILE \
	{ 0xb5367df0, 0xcbac, 0x11cf, \
	  { 0x95, 0xca, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92 } }

#endif /* _MSWSOCK_H */
