/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_ERROR_H
#define WS_ERROR_H

int ws_error_from_errno(int err);
int ws_fail(int error);
void ws_no_error(void);

#endif
