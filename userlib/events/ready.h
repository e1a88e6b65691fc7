/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a socket is ready for, in Winsock's terms.  select(), WSAPoll() and the event
 * selections all use this, so that their results agree.
 */
#ifndef WS_READY_H
#define WS_READY_H

#include "core/slot.h"

enum {
	WS_READABLE		= 1 << 0,	/* data, or a connection to accept */
	WS_WRITABLE		= 1 << 1,
	WS_URGENT		= 1 << 2,	/* an urgent byte that is not inline */
	WS_HANGUP		= 1 << 3,	/* the peer's FIN */
	WS_ABORTED		= 1 << 4,	/* reset, or timed out */
	WS_CONNECT_FAILED	= 1 << 5,
};

short ws_ready_events(unsigned int interest);
unsigned int ws_ready(struct ws_slot *slot, int fd, short revents);

#endif
