// SPDX-License-Identifier: LGPL-2.1-or-later
/* TransmitFile */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mswsock.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/error.h"
#include "core/export.h"
#include "core/part.h"
#include "core/socket.h"
#include "overlapped/complete.h"

#define COPY_SIZE	16384
#define FLAGS	(TF_DISCONNECT | TF_WRITE_BEHIND | TF_USE_SYSTEM_THREAD | \
		 TF_USE_KERNEL_APC)

/**
 * struct part - head, file or tail
 * @file: its descriptor, or -1
 * @offset: of @file; NULL to use the file offset
 * @buf: bytes in memory
 * @left: bytes not yet sent
 * @more: other parts follow
 */
struct part {
	int file;
	off_t *offset;
	const char *buf;
	size_t left;
	bool more;
};

enum {
	HEAD,
	BODY,
	TAIL,
	PARTS,
};

/**
 * struct transmission - one TransmitFile()
 * @parts: what to send
 * @offset: in the file, if the application specifies it
 * @sent: bytes sent
 */
struct transmission {
	struct part parts[PARTS];
	off_t offset;
	size_t sent;
};

/* sendfile(2) without SIGPIPE; it has no flag like MSG_NOSIGNAL. */
static ssize_t send_piece(int fd, const struct part *part)
{
	static const struct timespec now;
	sigset_t pipe, pending, old;
	ssize_t n;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	sigpending(&pending);
	n = sendfile(fd, part->file, part->offset, part->left);
	err = errno;
	if (n != (ssize_t)part->left && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return n;
}

/*
 * Does not wait in the kernel, where the call would miss a WSACancelBlockingCall() that
 * comes before the wait, and the timeout would start again.  sendfile(2) has no flag
 * like MSG_DONTWAIT.
 */
static ssize_t copy_file(int fd, const struct part *part)
{
	size_t len = part->left < COPY_SIZE ? part->left : COPY_SIZE;
	char buf[COPY_SIZE];
	off_t offset;
	ssize_t n;

	offset = part->offset ? *part->offset : lseek(part->file, 0, SEEK_CUR);
	n = pread(part->file, buf, len, offset);
	if (n <= 0)
		return n;
	n = send(fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -1;
	if (part->offset)
		*part->offset += n;
	else
		lseek(part->file, n, SEEK_CUR);
	return n;
}

/* @polled: poll(2) has just reported room in the send buffer */
static ssize_t send_some(int fd, const struct part *part, bool polled)
{
	int flags = MSG_NOSIGNAL;

	if (part->file >= 0)
		return polled ? copy_file(fd, part) : send_piece(fd, part);
	if (part->more)
		flags |= MSG_MORE;
	if (polled)
		flags |= MSG_DONTWAIT;
	return send(fd, part->buf, part->left, flags);
}

static bool closed(const struct ws_call *call)
{
	return ws_slot_closed_since(call->slot, call->generation);
}

/* SO_SNDTIMEO limits the time without progress, not that of the whole transfer. */
static bool may_go_on(struct ws_call *call)
{
	clock_gettime(CLOCK_MONOTONIC, &call->start);
	if (ws_call_may_continue(call, SO_SNDTIMEO))
		return true;
	errno = closed(call) ? ECANCELED : EAGAIN;
	return false;
}

/* False with errno if not all of it was sent. */
static bool send_part(struct ws_call *call, struct part *part, size_t *sent)
{
	bool polled = false;
	ssize_t n;

	for (;;) {
		if (!polled &&
		    !ws_call_await(call, POLLOUT, SO_SNDTIMEO, &polled))
			return false;
		n = send_some(call->fd, part, polled);
		if (n < 0) {
			if (errno != EINTR && !(errno == EAGAIN && polled))
				return false;
			if (!ws_call_resume(call, POLLOUT, SO_SNDTIMEO, &polled))
				return false;
			continue;
		}
		*sent += n;
		part->left -= n;
		if (part->file < 0)
			part->buf += n;
		/* n is 0 if the file has been truncated meanwhile. */
		if (!n || !part->left)
			return true;
		if (!may_go_on(call))
			return false;
		polled = false;
	}
}

static bool send_parts(struct ws_call *call, struct transmission *t)
{
	struct part *part;
	int i;

	for (i = HEAD; i < PARTS; i++) {
		part = &t->parts[i];
		/* With nothing to send, an empty head still checks the socket. */
		if (!part->left && (i != HEAD || part->more))
			continue;
		if (!send_part(call, part, &t->sent))
			return false;
		if (part->more && closed(call)) {
			errno = ECANCELED;
			return false;
		}
	}
	return true;
}

/* These return 0 or a WSA error. */
static int set_buffers(struct transmission *t,
		       const TRANSMIT_FILE_BUFFERS *buffers)
{
	if (!buffers)
		return 0;
	if ((!buffers->Head && buffers->HeadLength) ||
	    (!buffers->Tail && buffers->TailLength))
		return WSAEFAULT;
	t->parts[HEAD].buf = buffers->Head;
	t->parts[HEAD].left = buffers->HeadLength;
	t->parts[TAIL].buf = buffers->Tail;
	t->parts[TAIL].left = buffers->TailLength;
	return 0;
}

static int set_file(struct transmission *t, HANDLE file, DWORD count,
		    const OVERLAPPED *overlapped)
{
	struct part *part = &t->parts[BODY];
	off_t offset;
	struct stat st;
	int flags;

	if (!file)
		return 0;
	part->file = ws_event_fd(file);
	flags = fcntl(part->file, F_GETFL);
	if (flags < 0 || fstat(part->file, &st))
		return WSA_INVALID_HANDLE;
	if (!S_ISREG(st.st_mode))
		return WSAEOPNOTSUPP;
	if ((flags & O_ACCMODE) == O_WRONLY)
		return WSAEACCES;

	if (overlapped) {
		offset = (off_t)((uint64_t)overlapped->OffsetHigh << 32 |
				 overlapped->Offset);
		t->offset = offset;
		part->offset = &t->offset;
	} else {
		offset = lseek(part->file, 0, SEEK_CUR);
	}
	if (offset < 0)
		return WSAEINVAL;
	if (offset < st.st_size)
		part->left = st.st_size - offset;
	if (count && part->left > count)
		part->left = count;
	return 0;
}

static int check_socket(struct ws_call *call)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (ws_slot_is_stream(call->slot))
		return 0;
	if (getpeername(call->fd, (struct sockaddr *)&addr, &len))
		return ws_error_from_errno(errno);
	return WSAEOPNOTSUPP;
}

static int transmit(struct ws_call *call, struct transmission *t)
{
	int error;

	t->parts[BODY].more = t->parts[TAIL].left;
	t->parts[HEAD].more = t->parts[BODY].left || t->parts[TAIL].left;

	ws_call_block(call, WS_SEND);
	error = check_socket(call);
	if (!error && !send_parts(call, t))
		error = ws_call_error(call, errno);
	ws_call_unblock();
	if (error == WSAEWOULDBLOCK)
		ws_watch_reenable(call->slot, FD_WRITE);
	return error;
}

/*
 * An overlapped call waits as well, and is complete when it returns.  Only an
 * overlapped call can return how much was sent before an error, such as
 * WSAEWOULDBLOCK.
 */
WS_EXPORT BOOL TransmitFile(SOCKET s, HANDLE file, DWORD count, DWORD at_once,
			    LPOVERLAPPED overlapped,
			    LPTRANSMIT_FILE_BUFFERS buffers, DWORD flags)
{
	struct transmission t = {
		.parts = { { .file = -1 }, { .file = -1 }, { .file = -1 } },
	};
	struct ws_call call;
	int error = 0;

	(void)at_once;
	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return FALSE;
	if (flags & ~FLAGS)
		error = WSAEOPNOTSUPP;
	if (!error)
		error = set_buffers(&t, buffers);
	if (!error)
		error = set_file(&t, file, count, overlapped);
	if (!error)
		error = transmit(&call, &t);
	if (error && overlapped)
		overlapped->InternalHigh = t.sent;
	if (ws_call_done(&call, error))
		return FALSE;
	if (flags & TF_DISCONNECT && winsock_shutdown(call.fd, SHUT_WR))
		return FALSE;
	if (overlapped)
		ws_complete(overlapped, t.sent);
	return TRUE;
}
