/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WSAEVENT is the number of an eventfd(2): readable while it is set. */
#ifndef WS_EVENT_H
#define WS_EVENT_H

#include <stdbool.h>

#include "core/socket.h"

int ws_event_create(void);
bool ws_event_is_valid(int fd);
bool ws_event_set(int fd);
bool ws_event_reset(int fd);

#endif
