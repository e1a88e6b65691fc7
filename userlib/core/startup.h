/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_STARTUP_H
#define WS_STARTUP_H

#include <stdatomic.h>
#include <stdbool.h>

/* Hidden, so that every call reads it without the GOT. */
extern _Atomic unsigned int ws_startups __attribute__((visibility("hidden")));

static inline bool ws_started(void)
{
	return atomic_load_explicit(&ws_startups, memory_order_relaxed);
}

bool ws_version_is_1(void);

struct ws_slot;

bool ws_startup_open(struct ws_slot **slot, int fd, int domain, int type,
		     unsigned int flags, bool identify);

#endif
