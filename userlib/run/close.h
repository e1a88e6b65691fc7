/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_CLOSE_H
#define RUN_CLOSE_H

#include <stdbool.h>

/*
 * Closes @fd as closesocket() would; false, and nothing has happened, if that is
 * no socket or there is no module.  The report calls it @shown.  errno is lost.
 * May be called in a signal handler.
 */
bool run_close_socket(int fd, int shown);

#endif
