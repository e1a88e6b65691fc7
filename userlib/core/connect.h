/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_CONNECT_H
#define WS_CONNECT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "call.h"

bool ws_is_listening(int fd);
int ws_connect_begin(struct ws_call *call, const struct sockaddr *addr,
		     socklen_t len);
int ws_connect_result(const struct ws_call *call);

#endif
