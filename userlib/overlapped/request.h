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
 * struct ws_ask - what the application wants of an overlapped call
 * @call: the call
 * @link: what it begins with
 * @accept: WS_LINK_ACCEPT: the accept socket
 * @blocks: WS_LINK_ACCEPT: where addresses go
 * @transfer: what is to be moved; its pieces are copied
 * @overlapped: where the outcome goes
 * @routine: run at the end, or NULL
 */
struct ws_ask {
	struct ws_call *call;
	enum ws_link link;
	const struct ws_call *accept;
	struct ws_address_blocks blocks;
	const struct ws_transfer *transfer;
	LPWSAOVERLAPPED overlapped;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
};

int ws_request(const struct ws_ask *ask);
void ws_request_wait(const WSAOVERLAPPED *overlapped);

struct ws_requests *ws_requests_hold_slow(struct ws_slot *slot, int fd);
unsigned int ws_requests_pending(const struct ws_requests *requests);
void ws_requests_release_slow(struct ws_requests *requests, bool closed);
void ws_requests_shut_receiving(struct ws_slot *slot);
extern atomic_bool ws_requests_deferred;

void ws_requests_work(void);
void ws_requests_stop(void);
void ws_requests_before_fork(void);
void ws_requests_after_fork(bool child);

/**
 * ws_requests_hold - closesocket() begins
 * @slot: the socket's; its closing count says so already
 * @fd: its number
 *
 * Nothing is submitted for the socket from here on.
 *
 * Return: what ws_requests_release() takes; NULL if it never had requests.
 */
static inline struct ws_requests *ws_requests_hold(struct ws_slot *slot, int fd)
{
	return slot && atomic_load(&slot->requests) ?
	       ws_requests_hold_slow(slot, fd) : NULL;
}

/**
 * ws_requests_release - closesocket() has ended
 * @requests: what ws_requests_hold() returned
 * @closed: it succeeded; the slot knows already
 */
static inline void ws_requests_release(struct ws_requests *requests, bool closed)
{
	if (requests || atomic_load(&ws_requests_deferred))
		ws_requests_release_slow(requests, closed);
}

#endif
