/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_STARTUP_H
#define WS_STARTUP_H

#include <stdbool.h>

bool ws_started(void);
bool ws_version_is_1(void);

#endif
