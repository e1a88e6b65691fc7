// SPDX-License-Identifier: LGPL-2.1-or-later
/* setsockopt and getsockopt */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <mswsock.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/error.h"
#include "core/export.h"
#include "core/linger.h"
#include "core/memory.h"
#include "core/name.h"
#include "core/part.h"
#include "core/socket.h"
#include "option_form.h"

static int min_len(int len, int most)
{
	return len < 0 || len > most ? most : len;
}

/* Errors of the socket and of the option take precedence over a bad argument. */
static int bad_argument(int fd)
{
	struct winsock_linger ling;

	if (!ws_get_linger(fd, &ling))
		errno = EFAULT;
	return -1;
}

/* O3 and O10.  O11: a negative length is valid here, and counts as large enough. */
static int set_so_linger(int fd, const void *value, int len)
{
	struct winsock_linger ling;
	struct linger libc;

	if (!value || (len >= 0 && len < (int)sizeof(ling)))
		return bad_argument(fd);
	if (len != sizeof(libc)) {
		if (!setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_LINGER, value,
				sizeof(ling)))
			return 0;
		if (!ws_has_native_linger(fd))
			return -1;
	}
	if (len == sizeof(libc)) {
		if (!ws_copy_in(&libc, value, sizeof(libc)))
			return bad_argument(fd);
		ling.l_onoff = !!libc.l_onoff;
		ling.l_linger = libc.l_linger >= 0 && libc.l_linger <= UINT16_MAX ?
				libc.l_linger : UINT16_MAX;
	} else if (!ws_copy_in(&ling, value, sizeof(ling))) {
		return bad_argument(fd);
	}
	return ws_set_linger(fd, &ling);
}

/* O4, L16: the @len bytes of the buffer are set to 0. */
static int no_room(void *value, int len)
{
	if (len > 0 && len < (int)sizeof(uint32_t) && ws_is_readable(value, len))
		memset(value, 0, len);
	errno = EFAULT;
	return -1;
}

/* O4 and O10 */
static int get_so_linger(int fd, void *value, int *len)
{
	socklen_t size = sizeof(struct winsock_linger);
	struct winsock_linger ling;
	struct linger libc;

	if (*len < (int)sizeof(ling))
		return ws_get_linger(fd, &ling) ? -1 : no_room(value, *len);
	if (!getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_LINGER, value, &size)) {
		memcpy(&ling, value, sizeof(ling));
	} else {
		if (!ws_has_native_linger(fd) || ws_get_linger(fd, &ling))
			return -1;
		if (!ws_is_readable(value, sizeof(ling)))
			return no_room(value, *len);
	}
	if (*len == sizeof(libc)) {
		libc.l_onoff = ling.l_onoff;
		libc.l_linger = ling.l_linger;
		memcpy(value, &libc, sizeof(libc));
	} else {
		memcpy(value, &ling, sizeof(ling));
		*len = sizeof(ling);
	}
	return 0;
}

/* O5: the value is one boolean of @len bytes, at most four. */
static int set_so_dontlinger(int fd, const void *value, int len)
{
	struct winsock_linger ling;
	uint32_t on = 0;

	if (!value)
		return bad_argument(fd);
	len = min_len(len, sizeof(on));
	if (!setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_DONTLINGER, value, len))
		return 0;
	if (!ws_has_native_linger(fd) || ws_get_linger(fd, &ling) ||
	    !ws_copy_in(&on, value, len))
		return -1;
	ling.l_onoff = !on;	/* O1: the interval is kept */
	return ws_set_linger(fd, &ling);
}

/* O6, L16: an integer of the size of the room; of three bytes, of two. */
static void put_boolean(void *value, int room, bool boolean)
{
	uint32_t word = boolean;
	uint16_t half = boolean;

	if (room >= (int)sizeof(word)) {
		memcpy(value, &word, sizeof(word));
		return;
	}
	memset(value, room == 1 ? boolean : 0, room);
	if (room >= (int)sizeof(half))
		memcpy(value, &half, sizeof(half));
}

/* L16: what less than four bytes are as an integer of that size. */
static bool get_short(uint32_t *word, const void *value, int len)
{
	char *lowest = (char *)word + (htole32(1) == 1 ? 0 : sizeof(*word) - len);

	*word = 0;
	return ws_copy_in(lowest, value, len);
}

/* O6 */
static int get_so_dontlinger(int fd, void *value, int *len)
{
	socklen_t size = min_len(*len, sizeof(uint32_t));
	struct winsock_linger ling;
	uint32_t off;

	if (*len <= 0)
		return bad_argument(fd);
	if (!getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_DONTLINGER, value, &size)) {
		*len = size;
		return 0;
	}
	if (!ws_has_native_linger(fd) || ws_get_linger(fd, &ling))
		return -1;
	if (!ws_is_readable(value, min_len(*len, sizeof(off)))) {
		errno = EFAULT;
		return -1;
	}
	put_boolean(value, *len, !ling.l_onoff);
	*len = *len < (int)sizeof(off) ? 1 : (int)sizeof(off);
	return 0;
}

/*
 * Winsock's type is a DWORD of milliseconds.  libc's struct timeval is taken, too.  Where
 * long has 32 bits, there are two of it, and two names of each option: which ones a
 * program has depends on its _TIME_BITS.
 */
struct timeval32 {
	int32_t tv_sec;
	int32_t tv_usec;
};

#define HAS_TIMEVAL32	(sizeof(long) == sizeof(int32_t))

static int timeout_name(int name)
{
	return name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW ? SO_RCVTIMEO : SO_SNDTIMEO;
}

static int set_timeout(struct ws_call *call, int name, const void *value,
		       int len)
{
	struct timeval timeout;
	struct timeval32 time32;
	uint32_t ms;

	if (!value || (len >= 0 && len < (int)sizeof(ms))) {
		errno = EFAULT;
		return -1;
	}
	if (HAS_TIMEVAL32 && len == sizeof(time32)) {
		if (!ws_copy_in(&time32, value, sizeof(time32)))
			return -1;
		timeout.tv_sec = time32.tv_sec;
		timeout.tv_usec = time32.tv_usec;
		value = &timeout;
	} else if (len != sizeof(timeout)) {
		if (!ws_copy_in(&ms, value, sizeof(ms)))
			return -1;
		if (ms == UINT32_MAX)	/* no timeout, as 0 */
			ms = 0;
		timeout.tv_sec = ms / 1000;
		timeout.tv_usec = ms % 1000 * 1000;
		value = &timeout;
	}
	if (setsockopt(call->fd, SOL_SOCKET, timeout_name(name), value, sizeof(timeout)))
		return -1;
	/* EAGAIN may mean a timeout after this. */
	call->slot = ws_slot_adopt(call->fd);
	if (call->slot)
		ws_slot_set(call->slot, WS_SLOT_TIMEOUT);
	return 0;
}

static int get_timeout(int fd, int name, void *value, int *len)
{
	socklen_t room = sizeof(struct timeval);
	struct timeval timeout;
	bool native = *len >= (int)sizeof(timeout);
	struct timeval32 time32;
	size_t size;
	uint32_t ms;

	if (getsockopt(fd, SOL_SOCKET, timeout_name(name), native ? value : &timeout, &room))
		return -1;
	if (native) {
		*len = sizeof(timeout);
		return 0;
	}
	size = HAS_TIMEVAL32 && *len >= (int)sizeof(time32) ? sizeof(time32) : sizeof(ms);
	if (*len < (int)size || !ws_is_readable(value, size)) {
		errno = EFAULT;
		return -1;
	}
	time32.tv_sec = timeout.tv_sec;
	time32.tv_usec = timeout.tv_usec;
	ms = timeout.tv_sec * 1000 + timeout.tv_usec / 1000;
	memcpy(value, size == sizeof(ms) ? (void *)&ms : &time32, size);
	*len = size;
	return 0;
}

static int get_flag(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : !!value;
}

/* L12: clears SO_REUSEADDR if the library has set it; the program decides now. */
static bool take_back_reuse(struct ws_call *call)
{
	if (!(ws_slot_flags(call->slot) & WS_SLOT_REUSE_LENT) ||
	    ws_set_reuse(call->fd, 0))
		return false;
	ws_slot_clear(call->slot, WS_SLOT_REUSE_LENT);
	return true;
}

/*
 * Without SO_REUSEADDR, an address is exclusive on Linux anyway.  Only the combination
 * with SO_REUSEADDR has to be refused.
 */
static int set_exclusive(struct ws_call *call, const void *value, int len)
{
	uint32_t on = 0;
	int reuse;

	if (!value || !len) {
		errno = EFAULT;
		return -1;
	}
	reuse = get_flag(call->fd, SO_REUSEADDR);
	if (reuse < 0)
		return -1;
	if (!ws_copy_in(&on, value, min_len(len, sizeof(on))))
		return -1;
	call->slot = ws_slot_adopt(call->fd);
	if (on && reuse && !take_back_reuse(call)) {
		errno = EINVAL;
		return -1;
	}
	if (!call->slot)
		return 0;
	if (on)
		ws_slot_set(call->slot, WS_SLOT_EXCLUSIVE);
	else
		ws_slot_clear(call->slot, WS_SLOT_EXCLUSIVE);
	return 0;
}

static int get_exclusive(int fd, void *value, int *len)
{
	socklen_t room = min_len(*len, sizeof(uint32_t));

	if (*len <= 0) {
		if (get_flag(fd, SO_TYPE) >= 0)
			errno = EFAULT;
		return -1;
	}
	/* The value is not used: the call checks the descriptor and the memory. */
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, value, &room))
		return -1;
	*len = room;
	put_boolean(value, room,
		    !!(ws_slot_flags(ws_slot_lookup(fd)) & WS_SLOT_EXCLUSIVE));
	return 0;
}

/* Called after the kernel has read an int.  If only one byte counts and it is 0, clears it. */
static int set_counted(int fd, const struct ws_option_form *form,
		       const void *value)
{
	int wide;

	if (form->counted == sizeof(wide))
		return 0;
	memcpy(&wide, value, sizeof(wide));
	if (!wide || wide & 0xff)
		return 0;
	wide = 0;
	return setsockopt(fd, form->level, form->name, &wide, sizeof(wide));
}

/* L16 */
static int set_formed(struct ws_call *call, const struct ws_option_form *form,
		      const void *value, int len)
{
	bool is_short = len >= 0 && len < (int)sizeof(int);
	uint32_t wide;

	if (!value || (is_short && !form->takes_short)) {
		if (get_flag(call->fd, SO_TYPE) >= 0)
			errno = EFAULT;
		return -1;
	}
	if (!is_short)
		return setsockopt(call->fd, form->level, form->name, value,
				  sizeof(int)) ?
		       -1 : set_counted(call->fd, form, value);
	if (!get_short(&wide, value, len))
		return -1;
	if (form->counted == 1)
		wide &= 0xff;
	return setsockopt(call->fd, form->level, form->name, &wide, sizeof(wide));
}

static int get_formed(int fd, const struct ws_option_form *form, void *value,
		      int *len)
{
	int room = *len < 2 ? WS_ROOM_1 : *len < 4 ? WS_ROOM_2 : WS_ROOM_4;
	bool is_short = room != WS_ROOM_4;
	socklen_t size = sizeof(int);
	uint32_t word;

	if (getsockopt(fd, form->level, form->name, is_short ? &word : value, &size))
		return -1;
	if (!is_short) {
		memcpy(&word, value, sizeof(word));
	} else if (*len <= 0 || !form->returned[room]) {
		return no_room(value, *len);
	} else if (!ws_is_readable(value, *len)) {
		errno = EFAULT;
		return -1;
	}
	if (form->boolean)
		put_boolean(value, *len, word);
	*len = form->returned[room];
	return 0;
}

static int set_reuse(struct ws_call *call, const void *value, int len)
{
	struct ws_slot *slot = ws_slot_lookup(call->fd);

	if (ws_slot_flags(slot) & WS_SLOT_EXCLUSIVE) {
		errno = EINVAL;
		return -1;
	}
	if (set_formed(call, ws_option_form(SOL_SOCKET, SO_REUSEADDR), value, len))
		return -1;
	/* The program sets the option itself from now on (L12). */
	if (ws_slot_flags(slot) & WS_SLOT_REUSE_LENT)
		ws_slot_clear(slot, WS_SLOT_REUSE_LENT);
	return 0;
}

/* L12: returns what the program has set. */
static int get_reuse(int fd, void *value, int *len)
{
	bool lent = ws_slot_flags(ws_slot_lookup(fd)) & WS_SLOT_REUSE_LENT;
	int room = *len;

	if (get_formed(fd, ws_option_form(SOL_SOCKET, SO_REUSEADDR), value, len))
		return -1;
	if (lent)
		put_boolean(value, room, false);
	return 0;
}

/*
 * L26.  The connection has inherited the properties of its listener already; only the
 * arguments are checked.
 */
static int update_accept_context(struct ws_call *call, const void *value,
				 int len)
{
	SOCKET listener;
	int listening;

	if (get_flag(call->fd, SO_TYPE) < 0)
		return -1;
	if (len != sizeof(int) && len < (int)sizeof(listener)) {
		errno = EFAULT;
		return -1;
	}
	/* Some programs pass the SOCKET in an int. */
	if (len == sizeof(int) ?
	    !ws_copy_in(&listening, value, sizeof(listening)) :
	    !ws_copy_in(&listener, value, sizeof(listener)))
		return -1;
	if (len == sizeof(int))
		listener = listening;
	listening = get_flag(ws_socket_fd(listener), SO_ACCEPTCONN);
	if (listening < 0)
		return -1;
	if (!listening || !ws_is_connected(call->fd) ||
	    !(ws_slot_flags(ws_slot_lookup(call->fd)) & WS_SLOT_ACCEPTED)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static int update_connect_context(struct ws_call *call)
{
	if (get_flag(call->fd, SO_TYPE) < 0)
		return -1;
	if (ws_is_connected(call->fd))
		return 0;
	errno = ENOTCONN;
	return -1;
}

static int get_connect_time(int fd, void *value, int *len)
{
	struct ws_slot *slot = ws_slot_adopt(fd);
	uint32_t seconds = UINT32_MAX;

	if (!slot) {
		errno = ENOTSOCK;
		return -1;
	}
	if (*len < (int)sizeof(seconds) || !ws_is_readable(value, sizeof(seconds))) {
		errno = EFAULT;
		return -1;
	}
	if (ws_is_connected(fd) && ws_slot_is_stream(slot))
		seconds = ws_slot_connect_time(slot);
	memcpy(value, &seconds, sizeof(seconds));
	*len = sizeof(seconds);
	return 0;
}

/* L13: Linux returns the same errno for an unknown level as for an unknown option. */
static int unknown_option(int level)
{
	switch (level) {
	case SOL_SOCKET:
	case IPPROTO_IP:
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_IPV6:
	case IPPROTO_ICMPV6:
	case IPPROTO_UDPLITE:
	case IPPROTO_RAW:
	case SOL_WINSOCK:
		break;
	default:
		if (errno == ENOPROTOOPT || errno == EOPNOTSUPP)
			errno = EINVAL;
	}
	return -1;
}

static int set_other(struct ws_call *call, int level, int name,
		     const void *value, int len)
{
	const struct ws_option_form *form = ws_option_form(level, name);
	uint32_t wide;

	if (form)
		return set_formed(call, form, value, len);
	if (value && len > 0 && len < (int)sizeof(wide) &&
	    (level == SOL_SOCKET || level == SOL_TCP)) {
		if (!get_short(&wide, value, len))
			return -1;
		return setsockopt(call->fd, level, name, &wide, sizeof(wide));
	}
	return setsockopt(call->fd, level, name, value, len) ?
	       unknown_option(level) : 0;
}

static int get_other(int fd, int level, int name, void *value, socklen_t *len)
{
	const struct ws_option_form *form = ws_option_form(level, name);
	int error;

	if (form)
		return get_formed(fd, form, value, (int *)len);
	if (!value) {
		errno = EFAULT;
		return -1;
	}
	if (getsockopt(fd, level, name, value, len))
		return unknown_option(level);
	if (level == SOL_SOCKET && name == SO_ERROR && *len == sizeof(error)) {
		memcpy(&error, value, sizeof(error));
		if (!error)
			error = ws_watch_connect_error(ws_slot_lookup(fd));
		error = ws_error_from_errno(error);
		memcpy(value, &error, sizeof(error));
	}
	return 0;
}

/* A closesocket() of this socket may wait. */
static void may_linger(int fd)
{
	struct ws_slot *slot = ws_slot_lookup(fd);

	if (slot)
		ws_slot_set(slot, WS_SLOT_LINGER);
}

WS_EXPORT int winsock_setsockopt(int fd, int level, int name, const void *value,
				 socklen_t len)
{
	struct ws_call call;
	int ret;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;

	switch (level == SOL_SOCKET ? name : 0) {
	case SO_LINGER:
		may_linger(fd);
		ret = set_so_linger(fd, value, (int)len);
		break;
	case SO_DONTLINGER:
		may_linger(fd);
		ret = set_so_dontlinger(fd, value, (int)len);
		break;
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		ret = set_timeout(&call, name, value, (int)len);
		break;
	case SO_EXCLUSIVEADDRUSE:
		ret = set_exclusive(&call, value, (int)len);
		break;
	case SO_REUSEADDR:
		ret = set_reuse(&call, value, (int)len);
		break;
	case SO_UPDATE_ACCEPT_CONTEXT:
		ret = update_accept_context(&call, value, (int)len);
		break;
	case SO_UPDATE_CONNECT_CONTEXT:
		ret = update_connect_context(&call);
		break;
	default:
		ret = set_other(&call, level, name, value, (int)len);
	}
	return ws_call_done(&call, ret ? ws_call_error(&call, errno) : 0);
}

WS_EXPORT int winsock_getsockopt(int fd, int level, int name, void *value,
				 socklen_t *len)
{
	struct ws_call call;
	int ret;

	if (!ws_call_begin(&call, fd))
		return SOCKET_ERROR;
	if (ws_is_near_null(len))
		return ws_call_done(&call, ws_call_argument(&call, WSAEFAULT));

	switch (level == SOL_SOCKET ? name : 0) {
	case SO_LINGER:
		ret = get_so_linger(fd, value, (int *)len);
		break;
	case SO_DONTLINGER:
		ret = get_so_dontlinger(fd, value, (int *)len);
		break;
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		ret = get_timeout(fd, name, value, (int *)len);
		break;
	case SO_EXCLUSIVEADDRUSE:
		ret = get_exclusive(fd, value, (int *)len);
		break;
	case SO_REUSEADDR:
		ret = get_reuse(fd, value, (int *)len);
		break;
	case SO_CONNECT_TIME:
		ret = get_connect_time(fd, value, (int *)len);
		break;
	default:
		ret = get_other(fd, level, name, value, len);
	}
	return ws_call_done(&call, ret ? ws_call_error(&call, errno) : 0);
}
