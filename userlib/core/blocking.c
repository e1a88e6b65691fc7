// SPDX-License-Identifier: LGPL-2.1-or-later
/* WSACancelBlockingCall and WSAIsBlocking */
#include <errno.h>
#include <signal.h>
#include <winsock2.h>

#include "blocking.h"
#include "error.h"
#include "export.h"
#include "startup.h"

__thread struct ws_blocking ws_blocking;

/* Winsock 2 has no WSACancelBlockingCall(): no call has to allow for it then (L3). */
bool ws_is_cancellable(void)
{
	return ws_version_is_1();
}

bool ws_is_cancelled(void)
{
	return ws_blocking.cancelled;
}

/*
 * ppoll(2) without a race against cancellation: signals are blocked before the flag
 * is tested and are delivered only during the wait, and ppoll(2) is never restarted.
 * A cancelled call fails with EINTR.
 */
int ws_ppoll(struct pollfd *pollfds, nfds_t count, const struct timespec *left)
{
	sigset_t all, old;
	int ret, err;

	if (!ws_is_cancellable())
		return ppoll(pollfds, count, left, NULL);

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (ws_blocking.cancelled) {
		ret = -1;
		err = EINTR;
	} else {
		ret = ppoll(pollfds, count, left, &old);
		err = errno;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return ret;
}

/* Winsock 1.1 only.  The interrupted call fails with WSAEINTR. */
WS_EXPORT int WSACancelBlockingCall(void)
{
	if (!ws_started())
		return ws_fail(WSANOTINITIALISED);
	if (!ws_is_cancellable())
		return ws_fail(WSAEOPNOTSUPP);
	if (!ws_blocking.blocking)
		return ws_fail(WSAEINVAL);
	ws_blocking.cancelled = true;
	return 0;
}

WS_EXPORT BOOL WSAIsBlocking(void)
{
	return ws_blocking.blocking ? TRUE : FALSE;
}
