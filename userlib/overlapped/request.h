/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Overlapped requests that could not be completed at once.
 *
 * Each socket has three FIFOs of them: to send, to receive, and to accept or connect.
 * Only the first request of each is submitted to io_uring, since Winsock fills buffers
 * in the order of the calls.
 */
#ifndef WS_REQUEST_H
#define WS_REQUEST_H

#include <winsock2.h>

#include "core/transfer.h"
#include "accepted.h"

struct ws_requests;

/* What a request waits for before bytes are transferred. */
enum ws_link {
	WS_LINK_NONE,
	WS_LINK_ACCEPT,		/* a connection; then it receives on the accept socket */
	WS_LINK_CONNECT,	/* connect to transfer.to; then it sends */
};

/**
 * struct ws_request_args - the arguments of an overlapped call
 * @call: the call
 * @link: what it waits for first
 * @accept: WS_LINK_ACCEPT: the accept socket
 * @blocks: WS_LINK_ACCEPT: buffers for the addresses
 * @transfer: what to transfer; its pieces are copied
 * @overlapped: where the result is stored
 * @routine: the completion routine, or NULL
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
