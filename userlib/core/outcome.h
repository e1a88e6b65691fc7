/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_OUTCOME_H
#define WS_OUTCOME_H

#include <stdbool.h>

bool ws_is_outcomes(int fd);

#endif
