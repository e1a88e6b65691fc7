/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_NAME_H
#define WS_NAME_H

#include <stdbool.h>
#include <sys/socket.h>

bool ws_is_bound(int fd);
bool ws_name_is_short(const struct sockaddr *addr, socklen_t len);

#endif
