/* SPDX-License-Identifier: GPL-2.0 */
/* Overlapped requests. */
#ifndef LIB_REQUEST_H
#define LIB_REQUEST_H

#include <mswsock.h>
#include "test.h"

/* What AcceptEx() needs of an address. */
#define BLOCK	(sizeof(struct sockaddr_in6) + 16)

/**
 * struct request - an overlapped call and its memory
 * @ov: overlapped
 * @buf: its only piece
 * @bytes: what the call returned
 * @flags: of a call that receives
 * @s: the socket that AcceptEx() or ConnectEx() connects
 * @data: room for what is received, then for two addresses
 */
struct request {
	WSAOVERLAPPED ov;
	WSABUF buf;
	DWORD bytes;
	DWORD flags;
	SOCKET s;
	char data[64 + 2 * BLOCK];
};

static inline void request_init(struct request *r, WSAEVENT event, ULONG len)
{
	memset(r, 0, sizeof(*r));
	r->ov.hEvent = event;
	r->buf.buf = r->data;
	r->buf.len = len;
}

/* Waits; the number of bytes, or its error as a negative number. */
static inline long outcome(SOCKET s, struct request *r)
{
	DWORD bytes = 0, flags = 0;

	if (!WSAGetOverlappedResult(s, &r->ov, &bytes, TRUE, &flags))
		return -WSAGetLastError();
	return bytes;
}

#endif
