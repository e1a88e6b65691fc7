/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_CLOSE_H
#define WS_CLOSE_H

int ws_close(int fd);
void ws_close_at_once(int fd);

#endif
