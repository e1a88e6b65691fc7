/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving bytes: what send, recv and their kin, overlapped or not, have in common. */
#ifndef WS_TRANSFER_H
#define WS_TRANSFER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "call.h"

struct _WSAMSG;

/**
 * struct ws_transfer - bytes to be moved
 * @send: out, else in
 * @iov: where from or to; shrinks from the front as they are moved
 * @iovlen: how many pieces that is
 * @left: how many bytes
 * @flags: MSG_*
 * @to: destination
 * @tolen: its length
 * @from: where the source goes
 * @fromlen: room there, and its length
 * @control: control data, or room for them
 * @controllen: their length
 * @received: what WSARecvMsg() fills in besides
 * @truncated: set if a datagram was cut short
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
