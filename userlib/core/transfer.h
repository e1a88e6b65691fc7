/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transfer of bytes: common to send, recv and related calls, overlapped or not. */
#ifndef WS_TRANSFER_H
#define WS_TRANSFER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "call.h"

struct _WSAMSG;

/**
 * struct ws_transfer - bytes to transfer
 * @send: true to send, false to receive
 * @iov: the pieces; shrinks from the front as bytes are transferred
 * @iovlen: the number of pieces
 * @left: bytes not yet transferred
 * @flags: MSG_*
 * @to: destination
 * @tolen: length of @to
 * @from: buffer for the source address
 * @fromlen: size of @from on entry, length of the address on return
 * @control: control data, or the buffer for it
 * @controllen: length of @control
 * @received: the WSAMSG that WSARecvMsg() fills in
 * @truncated: set if a datagram was truncated
 */
struct ws_transfer {
	bool send;
	struct iovec *iov;
	size_t iovlen;
	size_t left;
	int flags;
	const struct sockaddr *to;
	socklen_t tolen;
	struct sockaddr *from;
	socklen_t *fromlen;
	void *control;
	size_t controllen;
	struct _WSAMSG *received;
	bool truncated;
};

ssize_t ws_move_once(const struct ws_call *call, struct ws_transfer *t,
		     int flags);
bool ws_transfer_is_partial(const struct ws_call *call, const struct ws_transfer *t);
bool ws_is_earlier_error(const struct ws_call *call, bool send, int err);
bool ws_is_shut_datagram(const struct ws_call *call, ssize_t n);
void ws_transfer_received(struct ws_transfer *t, const struct msghdr *msg);
void ws_transfer_advance(struct ws_transfer *t, size_t n);
int ws_transfer_check(const struct ws_call *call, struct ws_transfer *t);
void ws_transfer_ended(struct ws_slot *slot, const struct ws_transfer *t,
		       int error);
int ws_transfer(struct ws_call *call, struct ws_transfer *t, ssize_t *moved);

#endif
