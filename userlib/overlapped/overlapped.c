// SPDX-License-Identifier: LGPL-2.1-or-later
/* WSASend, WSASendTo, WSARecv, WSARecvFrom, overlapped or not, and their results. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <mswsock.h>
#include <winsock2.h>

#include "core/blocking.h"
#include "core/call.h"
#include "core/error.h"
#include "core/export.h"
#include "core/memory.h"
#include "core/socket.h"
#include "core/transfer.h"
#include "request.h"

/* More pieces than this are allocated. */
#define FEW_PIECES	16

/**
 * struct vector - the arguments that these calls have in common
 * @bufs: the pieces
 * @count: number of pieces
 * @bytes: returns the number of bytes; may be NULL if @overlapped is not
 * @flags: MSG_*
 * @overlapped: not NULL if the call does not wait
 * @routine: its completion routine
 */
struct vector {
	LPWSABUF bufs;
	DWORD count;
	LPDWORD bytes;
	int flags;
	LPWSAOVERLAPPED overlapped;
	LPWSAOVERLAPPED_COMPLETION_ROUTINE routine;
};

static void fill(const struct vector *v, struct ws_transfer *t)
{
	DWORD i;

	t->iovlen = v->count;
	t->left = 0;
	for (i = 0; i < v->count; i++) {
		t->iov[i].iov_base = v->bufs[i].buf;
		t->iov[i].iov_len = v->bufs[i].len;
		t->left += v->bufs[i].len;
	}
}

static int start(struct ws_call *call, const struct vector *v,
		 struct ws_transfer *t)
{
	struct ws_request_args args = {
		.call = call,
		.transfer = t,
		.overlapped = v->overlapped,
		.routine = v->routine,
	};
	int error;

	call->kind = t->send ? WS_SEND : WS_RECV;
	call->dontwait = true;
	t->flags &= ~MSG_DONTWAIT;	/* the request waits, not the call */
	call->slot = ws_slot_adopt(call->fd);
	if (!call->slot)
		return WSAENOTSOCK;
	call->generation = ws_slot_generation(call->slot);
	error = ws_transfer_check(call, t);
	if (!error)
		error = ws_request(&args);
	if (!error && v->bytes)
		*v->bytes = v->overlapped->InternalHigh;
	return error;
}

static int carry_out(struct ws_call *call, const struct vector *v,
		     struct ws_transfer *t)
{
	ssize_t n = 0;
	int error;

	if (v->overlapped)
		return start(call, v, t);
	error = ws_transfer(call, t, &n);
	if (!error)
		*v->bytes = n;
	return error;
}

static int check(const struct vector *v)
{
	if (!v->count || v->count > IOV_MAX)
		return WSAEINVAL;
	if (!v->bufs || (!v->bytes && !v->overlapped))
		return WSAEFAULT;
	if (v->routine && !v->overlapped)
		return WSAEINVAL;
	return 0;
}

/* 0 or a WSA error. */
static int transfer(struct ws_call *call, const struct vector *v,
		    struct ws_transfer *t)
{
	struct iovec few[FEW_PIECES], *pieces = few;
	int error = check(v);

	if (error)
		return ws_call_argument(call, error);
	if (v->count > FEW_PIECES)
		pieces = malloc(v->count * sizeof(*pieces));
	if (!pieces)
		return WSAENOBUFS;

	t->iov = pieces;	/* advances during the transfer: keep pieces */
	t->flags = v->flags & ~MSG_PARTIAL;
	fill(v, t);
	error = carry_out(call, v, t);
	if (pieces != few)
		free(pieces);
	return error;
}

static int send_vector(SOCKET s, const struct vector *v,
		       const struct sockaddr *to, int tolen)
{
	struct ws_transfer t = {
		.send = true,
		.to = to,
		.tolen = to ? tolen : 0,
	};
	struct ws_call call;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (t.tolen > sizeof(struct sockaddr_storage))
		return ws_call_done(&call, ws_call_argument(&call, WSAEFAULT));
	return ws_call_done(&call, transfer(&call, v, &t));
}

/* For a truncated datagram, MSG_PARTIAL is returned together with WSAEMSGSIZE. */
static int receive_vector(SOCKET s, struct vector *v, LPDWORD flags,
			  struct sockaddr *from, LPINT fromlen)
{
	struct ws_transfer t = {
		.from = from,
		.fromlen = (socklen_t *)fromlen,
	};
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (!flags)
		return ws_call_done(&call, ws_call_argument(&call, WSAEFAULT));
	v->flags = *flags;
	error = transfer(&call, v, &t);
	if (!error || error == WSAEMSGSIZE)
		*flags = error ? MSG_PARTIAL : 0;
	return ws_call_done(&call, error);
}

WS_EXPORT int WSASend(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD sent,
		      DWORD flags, LPWSAOVERLAPPED overlapped,
		      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	return WSASendTo(s, bufs, count, sent, flags, NULL, 0, overlapped,
			 routine);
}

WS_EXPORT int WSASendTo(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD sent,
			DWORD flags, const struct sockaddr *to, int tolen,
			LPWSAOVERLAPPED overlapped,
			LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	struct vector v = { bufs, count, sent, flags, overlapped, routine };

	return send_vector(s, &v, to, tolen);
}

WS_EXPORT int WSARecv(SOCKET s, LPWSABUF bufs, DWORD count, LPDWORD received,
		      LPDWORD flags, LPWSAOVERLAPPED overlapped,
		      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	return WSARecvFrom(s, bufs, count, received, flags, NULL, NULL,
			   overlapped, routine);
}

WS_EXPORT int WSARecvFrom(SOCKET s, LPWSABUF bufs, DWORD count,
			  LPDWORD received, LPDWORD flags,
			  struct sockaddr *from, LPINT fromlen,
			  LPWSAOVERLAPPED overlapped,
			  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	struct vector v = { bufs, count, received, 0, overlapped, routine };

	return receive_vector(s, &v, flags, from, fromlen);
}

/* These return 0 or a WSA error.  A stream has no messages. */
static int check_message(struct ws_call *call, const WSAMSG *msg)
{
	struct ws_slot *slot = ws_slot_adopt(call->fd);

	if (!slot)
		return WSAENOTSOCK;
	if (ws_is_near_null(msg) || (msg->Control.len && !msg->Control.buf))
		return WSAEFAULT;
	return ws_slot_is_connectionless(slot) ? 0 : WSAEOPNOTSUPP;
}

static int move_message(struct ws_call *call, WSAMSG *msg, struct vector *v,
			struct ws_transfer *t)
{
	int error = check_message(call, msg);

	if (error)
		return error;
	v->bufs = msg->lpBuffers;
	v->count = msg->dwBufferCount;
	if (msg->Control.len) {
		t->control = msg->Control.buf;
		t->controllen = msg->Control.len;
	}
	if (t->send && msg->name) {
		t->to = msg->name;
		t->tolen = msg->namelen;
		if (t->tolen > sizeof(struct sockaddr_storage))
			return WSAEFAULT;
	} else if (!t->send) {
		v->flags = msg->dwFlags;
		t->from = msg->name;
		t->fromlen = (socklen_t *)&msg->namelen;
		t->received = msg;
	}
	return transfer(call, v, t);
}

WS_EXPORT int WSASendMsg(SOCKET s, LPWSAMSG msg, DWORD flags, LPDWORD sent,
			 LPWSAOVERLAPPED overlapped,
			 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	struct vector v = { NULL, 0, sent, flags, overlapped, routine };
	struct ws_transfer t = { .send = true };
	struct ws_call call;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	return ws_call_done(&call, move_message(&call, msg, &v, &t));
}

WS_EXPORT int WSARecvMsg(SOCKET s, LPWSAMSG msg, LPDWORD received,
			 LPWSAOVERLAPPED overlapped,
			 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	struct vector v = { NULL, 0, received, 0, overlapped, routine };
	struct ws_transfer t = { 0 };
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	error = move_message(&call, msg, &v, &t);
	if (error == WSAEMSGSIZE && received)
		*received = t.left;
	return ws_call_done(&call, error);
}

/*
 * The result of a request that has ended can be read after its socket was closed; it
 * is WSA_OPERATION_ABORTED if the close cancelled it (P8).
 */
static int outcome(struct ws_call *call, const WSAOVERLAPPED *overlapped,
		   bool wait)
{
	ULONG_PTR status = __atomic_load_n(&overlapped->Internal,
					   __ATOMIC_ACQUIRE);

	if (status != WSA_STATUS_PENDING)
		return status;
	if (!ws_slot_adopt(call->fd))
		return WSAENOTSOCK;
	if (!wait)
		return WSA_IO_INCOMPLETE;
	ws_blocking_begin();
	ws_request_wait(overlapped);
	ws_blocking_end();
	return overlapped->Internal;
}

WS_EXPORT BOOL WSAGetOverlappedResult(SOCKET s, LPWSAOVERLAPPED overlapped,
				      LPDWORD transferred, BOOL wait,
				      LPDWORD flags)
{
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return FALSE;
	if (!overlapped || !transferred)
		return !ws_call_done(&call, WSAEFAULT);
	error = outcome(&call, overlapped, wait);
	if (HasOverlappedIoCompleted(overlapped)) {
		*transferred = overlapped->InternalHigh;
		if (flags)	/* L19 */
			*flags = overlapped->Offset;
	}
	return !ws_call_done(&call, error);
}
