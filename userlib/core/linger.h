/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_LINGER_H
#define WS_LINGER_H

#include <stdbool.h>
#include <linux/winsock.h>

bool ws_has_native_linger(int fd);
int ws_get_linger(int fd, struct winsock_linger *ling);
int ws_set_linger(int fd, const struct winsock_linger *ling);

#endif
