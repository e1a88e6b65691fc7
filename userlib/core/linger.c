// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The socket's linger state.  The module stores it in Winsock's form; a socket that
 * is not attached has the native option, with the same meaning.
 */
#include <errno.h>
#include <stdint.h>
#include <winsock2.h>

#include "linger.h"

/* Called after Winsock's option has failed: is the reason that it is not attached? */
bool ws_has_native_linger(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	if (errno != ENOPROTOOPT && errno != EOPNOTSUPP)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return false;
	errno = ENOPROTOOPT;
	return type != SOCK_DGRAM;	/* O7 */
}

/* 0, or -1 with errno. */
int ws_get_linger(int fd, struct winsock_linger *ling)
{
	socklen_t len = sizeof(*ling);
	struct linger native;

	if (!getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_LINGER, ling, &len))
		return 0;
	if (!ws_has_native_linger(fd))
		return -1;

	len = sizeof(native);
	if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &native, &len))
		return -1;
	ling->l_onoff = !!native.l_onoff;
	ling->l_linger = native.l_linger >= 0 && native.l_linger <= UINT16_MAX ?
			 native.l_linger : UINT16_MAX;
	return 0;
}

/* 0, or -1 with errno. */
int ws_set_linger(int fd, const struct winsock_linger *ling)
{
	struct linger native = {
		.l_onoff = 1,
		.l_linger = ling->l_linger,
	};

	if (!setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_LINGER, ling, sizeof(*ling)))
		return 0;
	if (!ws_has_native_linger(fd))
		return -1;

	/* Linux ignores the interval if l_onoff is 0: set it first, then turn it off. */
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &native, sizeof(native)))
		return -1;
	if (ling->l_onoff)
		return 0;
	native.l_onoff = 0;
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &native, sizeof(native));
}
