/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WSAEVENT is an eventfd(2) descriptor, readable while the event is set. */
#ifndef WS_EVENT_H
#define WS_EVENT_H

#include <stdbool.h>

#include "core/socket.h"

int ws_event_create(void);
bool ws_event_is_valid(int fd);
bool ws_event_set(int fd);
bool ws_event_reset(int fd);

#endif
