/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_SOCKET_H
#define WS_SOCKET_H

#include <limits.h>
#include <stdint.h>

/* A SOCKET is a descriptor; -1 for a value that cannot be one. */
static inline int ws_socket_fd(uintptr_t s)
{
	return s <= INT_MAX ? (int)s : -1;
}

/* The same for a WSAEVENT, where 0 is invalid. */
static inline int ws_event_fd(const void *event)
{
	uintptr_t number = (uintptr_t)event;

	return number && number <= INT_MAX ? (int)number : -1;
}

int ws_open_socket(int domain, int type, int protocol, unsigned int flags,
		   int *error);

#endif
