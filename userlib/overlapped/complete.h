/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlapped call whose work is done by the time it returns. */
#ifndef WS_COMPLETE_H
#define WS_COMPLETE_H

#include <winsock2.h>

#include "events/event.h"

/* The application may reuse @overlapped as soon as Internal holds the result. */
static inline void ws_complete(LPWSAOVERLAPPED overlapped, size_t bytes)
{
	int event = ws_event_fd(overlapped->hEvent);

	overlapped->InternalHigh = bytes;
	__atomic_store_n(&overlapped->Internal, (ULONG_PTR)0, __ATOMIC_RELEASE);
	if (event >= 0)
		ws_event_set(event);
}

#endif
