/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WSAEVENT is the number of an eventfd(2): readable while it is set. */
#ifndef WS_EVENT_H
#define WS_EVENT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* -1 for what can be no event. */
static inline int ws_event_fd(const void *event)
{
	uintptr_t number = (uintptr_t)event;

	return number && number <= INT_MAX ? (int)number : -1;
}

int ws_event_create(void);
bool ws_event_is_valid(int fd);
bool ws_event_set(int fd);
bool ws_event_reset(int fd);

#endif
