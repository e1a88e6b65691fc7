/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_CLOSE_H
#define RUN_CLOSE_H

#include <stdbool.h>

/*
 * Closes @fd as closesocket() would; returns false, and has changed nothing, if @fd is
 * not a socket or the module is not loaded.  The report shows the descriptor as @shown.
 * Does not preserve errno.  May be called in a signal handler.
 */
bool run_close_socket(int fd, int shown);

#endif
