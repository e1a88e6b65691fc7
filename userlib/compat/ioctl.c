// SPDX-License-Identifier: LGPL-2.1-or-later
/* ioctlsocket and WSAIoctl */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <mstcpip.h>
#include <mswsock.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include "core/call.h"
#include "core/error.h"
#include "core/export.h"
#include "core/memory.h"
#include "core/name.h"
#include "core/socket.h"
#include "events/completion.h"
#include "events/watch.h"
#include "overlapped/complete.h"
#include "interface.h"

#define MSEC_PER_SEC		1000
/* The maximum of TCP_KEEPIDLE and TCP_KEEPINTVL, in seconds. */
#define KEEPALIVE_MAX		32767

static int get_option(int fd, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, name, value, &len);
}

_Static_assert(sizeof(u_long) == sizeof(int), "as FIONBIO and FIONREAD have it");

static int set_mode(int fd, const u_long *nonblocking)
{
	u_long on;

	if (ws_watch_is_active(ws_slot_lookup(fd))) {		/* L5 */
		if (!ws_copy_in(&on, nonblocking, sizeof(on)))
			return -1;
		if (!on) {
			errno = EINVAL;
			return -1;
		}
	}
	return ioctl(fd, FIONBIO, nonblocking);
}

/*
 * Winsock returns TRUE as long as no urgent byte is to be received; Linux returns it
 * only at the mark.  With SO_OOBINLINE there is no separate urgent byte.
 */
static int at_mark(int fd, u_long *answer)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLPRI };
	int type, inlined;

	if (get_option(fd, SO_TYPE, &type) ||
	    get_option(fd, SO_OOBINLINE, &inlined))
		return -1;
	if (!ws_is_readable(answer, sizeof(*answer))) {
		errno = EFAULT;
		return -1;
	}
	if (type != SOCK_STREAM) {
		errno = EINVAL;
		return -1;
	}
	*answer = inlined || poll(&pollfd, 1, 0) <= 0;
	return 0;
}

static int ioctl_socket(int fd, unsigned int cmd, u_long *arg)
{
	int type;

	/* ioctl(2) would change the mode of anything that is open (G4). */
	if (get_option(fd, SO_TYPE, &type))
		return -1;

	switch (cmd) {
	case FIONBIO:
		return set_mode(fd, arg);
	case FIONREAD:
		return ioctl(fd, FIONREAD, arg);
	case SIOCATMARK:
		return at_mark(fd, arg);
	default:
		errno = EOPNOTSUPP;
		return -1;
	}
}

WS_EXPORT int ioctlsocket(SOCKET s, long cmd, u_long *arg)
{
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (ioctl_socket(call.fd, cmd, arg))
		error = ws_call_error(&call, errno);
	return ws_call_done(&call, error);
}

/* Reads what the kernel has written, whatever type the program uses. */
static u_long load(const void *from)
{
	u_long value;

	memcpy(&value, from, sizeof(value));
	return value;
}

/* For C programs that have the value in a long, which has 64 bits here. */
WS_EXPORT int winsock_ioctlsocket_long(SOCKET s, long cmd, unsigned long *arg)
{
	u_long *low = (u_long *)arg;
	int ret;

	if (htole32(1) != 1 && !ws_is_near_null(arg))	/* big-endian */
		low += sizeof(*arg) / sizeof(*low) - 1;
	ret = ioctlsocket(s, cmd, low);
	if (!ret && (unsigned int)cmd != FIONBIO)
		*arg = load(low);
	return ret;
}

/**
 * struct control - one WSAIoctl()
 * @fd: the socket
 * @code: the control code
 * @in: input buffer
 * @insize: its length
 * @out: output buffer
 * @outsize: its length
 * @returned: bytes used of it
 * @is_short: it was too small; @returned bytes are needed (L22)
 */
struct control {
	int fd;
	DWORD code;
	const void *in;
	DWORD insize;
	void *out;
	DWORD outsize;
	DWORD returned;
	bool is_short;
};

/* Copies @size bytes of the input; false with errno if it is shorter. */
static bool take(const struct control *c, void *value, size_t size)
{
	if (!c->in || c->insize < size) {
		errno = EFAULT;
		return false;
	}
	memcpy(value, c->in, size);
	return true;
}

static int give_value(struct control *c, const void *value, size_t size)
{
	memcpy(c->out, value, size);
	c->returned = size;
	return 0;
}

static bool has_room(const struct control *c, size_t size)
{
	if (c->out && c->outsize >= size)
		return true;
	errno = EFAULT;
	return false;
}

/* Linux takes seconds, and at least one. */
static bool to_seconds(u_long msec, int *seconds)
{
	*seconds = msec / MSEC_PER_SEC + !!(msec % MSEC_PER_SEC);
	if (!*seconds)
		*seconds = 1;
	return *seconds <= KEEPALIVE_MAX;
}

static int set_keepalive(struct control *c)
{
	struct tcp_keepalive keepalive;
	int type, on, idle, interval;

	if (!take(c, &keepalive, sizeof(keepalive)) ||
	    get_option(c->fd, SO_TYPE, &type))
		return -1;
	if (type != SOCK_STREAM) {
		errno = EOPNOTSUPP;
		return -1;
	}
	on = !!keepalive.onoff;
	if (on) {
		if (!to_seconds(keepalive.keepalivetime, &idle) ||
		    !to_seconds(keepalive.keepaliveinterval, &interval)) {
			errno = EINVAL;
			return -1;
		}
		if (setsockopt(c->fd, SOL_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) ||
		    setsockopt(c->fd, SOL_TCP, TCP_KEEPINTVL, &interval,
			       sizeof(interval)))
			return -1;
	}
	return setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/*
 * L11.  Linux reports an unreachable port only to a connected socket.  So TRUE is
 * accepted only on one of those, or to undo an earlier FALSE.
 */
static int set_connreset(struct control *c)
{
	struct ws_slot *slot = ws_slot_adopt(c->fd);
	BOOL on;
	int type;

	if (!take(c, &on, sizeof(on)) || get_option(c->fd, SO_TYPE, &type))
		return -1;
	if (type != SOCK_DGRAM ||
	    (on && !ws_is_connected(c->fd) &&
	     !(ws_slot_flags(slot) & WS_SLOT_NO_CONNRESET))) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (!slot) {
		errno = ENOBUFS;
		return -1;
	}
	if (on)
		ws_slot_clear(slot, WS_SLOT_NO_CONNRESET);
	else
		ws_slot_set(slot, WS_SLOT_NO_CONNRESET);
	return 0;
}

typedef void (*extension)(void);

/* The functions that a program obtains by SIO_GET_EXTENSION_FUNCTION_POINTER. */
static const struct {
	GUID guid;
	extension function;
} extensions[] = {
	{ WSAID_ACCEPTEX,		(extension)AcceptEx },
	{ WSAID_CONNECTEX,		(extension)ConnectEx },
	{ WSAID_DISCONNECTEX,		(extension)DisconnectEx },
	{ WSAID_GETACCEPTEXSOCKADDRS,	(extension)GetAcceptExSockaddrs },
	{ WSAID_TRANSMITFILE,		(extension)TransmitFile },
	{ WSAID_WSARECVMSG,		(extension)WSARecvMsg },
	{ WSAID_WSASENDMSG,		(extension)WSASendMsg },
};

static int get_function(struct control *c)
{
	extension function;
	GUID guid;
	size_t i;

	if (!take(c, &guid, sizeof(guid)) || !has_room(c, sizeof(function)))
		return -1;
	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (memcmp(&guid, &extensions[i].guid, sizeof(guid)))
			continue;
		function = extensions[i].function;
		return give_value(c, &function, sizeof(function));
	}
	errno = EINVAL;
	return -1;
}

/* L22 */
static int about_addresses(struct control *c)
{
	size_t room = c->out ? c->outsize : 0;
	ssize_t size;
	int family;

	if (get_option(c->fd, SO_DOMAIN, &family))
		return -1;
	switch (c->code) {
	case SIO_GET_INTERFACE_LIST:
		size = ws_interface_list(family, c->out, room);
		break;
	case SIO_ADDRESS_LIST_QUERY:
		size = ws_address_list(family, c->out, room);
		break;
	default:
		size = ws_routing_interface(family, c->in, c->insize, c->out, room);
	}
	if (size < 0)
		return -1;
	c->returned = size;
	c->is_short = (size_t)size > room;
	if (!c->is_short)
		return 0;
	errno = EFAULT;
	return -1;
}

static int control(struct control *c)
{
	u_long value;

	switch (c->code) {
	case FIONBIO:
		if (!take(c, &value, sizeof(value)))
			return -1;
		return ioctl_socket(c->fd, c->code, &value);
	case FIONREAD:
	case SIOCATMARK:
		if (!has_room(c, sizeof(value)) ||
		    ioctl_socket(c->fd, c->code, &value))
			return -1;
		return give_value(c, &value, sizeof(value));
	case SIO_KEEPALIVE_VALS:
		return set_keepalive(c);
	case SIO_UDP_CONNRESET:
		return set_connreset(c);
	case SIO_GET_EXTENSION_FUNCTION_POINTER:
		return get_function(c);
	case SIO_GET_INTERFACE_LIST:
	case SIO_ADDRESS_LIST_QUERY:
	case SIO_ROUTING_INTERFACE_QUERY:
		return about_addresses(c);
	default:
		errno = EOPNOTSUPP;
		return -1;
	}
}

/* Nothing here waits: an overlapped call is complete when it returns. */
static int check_control(const struct control *c, const DWORD *returned,
			 const WSAOVERLAPPED *overlapped,
			 LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	int type;

	if (get_option(c->fd, SO_TYPE, &type))
		return -1;
	if (routine && !overlapped)
		errno = EINVAL;
	else if (!returned && !overlapped)
		errno = EFAULT;
	else
		return 0;
	return -1;
}

/* L19: allocated before the control takes effect, so that completion cannot fail. */
static int prepare_routine(struct ws_completions **completions, struct ws_completion **completion,
			   LPWSAOVERLAPPED overlapped,
			   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	if (!routine)
		return 0;
	*completion = calloc(1, sizeof(**completion));
	*completions = *completion ? ws_completions_get() : NULL;
	if (!*completions) {
		free(*completion);
		*completion = NULL;
		errno = ENOBUFS;
		return -1;
	}
	(*completion)->routine = routine;
	(*completion)->overlapped = overlapped;
	return 0;
}

/* With a completion routine, hEvent is not an event but the application's data. */
static void complete(LPWSAOVERLAPPED overlapped, struct ws_completions *completions,
		     struct ws_completion *completion, DWORD returned)
{
	if (!completion) {
		ws_complete(overlapped, returned);
		return;
	}
	overlapped->InternalHigh = returned;
	__atomic_store_n(&overlapped->Internal, (ULONG_PTR)0, __ATOMIC_RELEASE);
	completion->transferred = returned;
	ws_completions_post(completions, completion);
}

WS_EXPORT int WSAIoctl(SOCKET s, DWORD code, LPVOID in, DWORD insize, LPVOID out,
		       DWORD outsize, LPDWORD returned,
		       LPWSAOVERLAPPED overlapped,
		       LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	struct control c = {
		.fd = ws_socket_fd(s),
		.code = code,
		.in = in,
		.insize = insize,
		.out = out,
		.outsize = outsize,
	};
	struct ws_completions *completions = NULL;
	struct ws_completion *completion = NULL;
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, c.fd))
		return SOCKET_ERROR;
	if (check_control(&c, returned, overlapped, routine) ||
	    prepare_routine(&completions, &completion, overlapped, routine) || control(&c))
		error = ws_call_error(&call, errno);
	if (returned && (!error || c.is_short))
		*returned = c.returned;
	if (error)
		free(completion);
	else if (overlapped)
		complete(overlapped, completions, completion, c.returned);
	ws_completions_put(completions);
	return ws_call_done(&call, error);
}
