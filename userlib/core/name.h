/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_NAME_H
#define WS_NAME_H

#include <stdbool.h>
#include <sys/socket.h>

#include "slot.h"

bool ws_is_bound(int fd);
bool ws_is_connected(int fd);
bool ws_may_lend_reuse(struct ws_slot *slot, int fd);
int ws_set_reuse(int fd, int on);
bool ws_name_is_short(const struct sockaddr *addr, socklen_t len);

#endif
