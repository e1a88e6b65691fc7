/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that are passed to another process. */
#ifndef WS_DUPLICATE_H
#define WS_DUPLICATE_H

#include <stdbool.h>

struct _WSAPROTOCOL_INFOA;

bool ws_is_duplicate(const struct _WSAPROTOCOL_INFOA *info);
int ws_fetch_duplicate(const struct _WSAPROTOCOL_INFOA *info, bool inherited,
		       int *error);

#endif
