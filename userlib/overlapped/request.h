/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Overlapped requests that could not be carried out at once.
 *
 * Those of a socket wait in three lanes, to send, to receive, and to accept or
 * connect.  Only the first of each is the kernel's, through io_uring: Winsock
 * fills buffers in the order of the calls.
 */
#ifndef WS_REQUEST_H
#define WS_REQUEST_H

#include <winsock2.h>

#include "core/transfer.h"
#include "accepted.h"

struct ws_requests;

/* What a request waits for before anything is moved. */
enum ws_link {
	WS_LINK_NONE,
	WS_LINK_ACCEPT,		/* then it receives on the accept socket */
	WS_LINK_CONNECT,	/* to transfer.to, then it sends */
};

/**
 * struct ws_request_args - what the application wants of an overlapped call
 * @call: the call
 * @link: what it begins with
 * @accept: WS_LINK_ACCEPT: the accept socket
 * @blocks: WS_LINK_ACCEPT: where addresses go
 * @transfer: what is to be moved; its pieces are copied
 * @overlapped: where the outcome goes
 * @routine: run at the end, or NULL
 */
struct ws_request_args {
	struct ws_call *call;
	enum ws_link link;
	const struct ws_call *accept;
	struct ws_address_blocks blocks;
	const struct ws_transfer *transfer;
	LPWSAOVERLAPPED overlapped;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
};

int ws_request(const struct ws_request_args *args);
void ws_request_wait(const WSAOVERLAPPED *overlapped);

#endif
