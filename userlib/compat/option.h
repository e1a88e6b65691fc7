/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_OPTION_H
#define WS_OPTION_H

#include <linux/winsock.h>

int ws_get_linger(int fd, struct winsock_linger *ling);
int ws_set_linger(int fd, const struct winsock_linger *ling);

#endif
