/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_STARTUP_H
#define WS_STARTUP_H

#include <stdbool.h>

bool ws_started(void);
bool ws_version_is_1(void);

struct ws_slot;

bool ws_startup_open(struct ws_slot **slot, int fd, int domain, int type,
		     unsigned int flags, bool identify);

#endif
