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
/*
 * Before the number @fd of a TCP socket goes, and a copy of it is what
 * run_close_socket() closes: an epoll set knows the socket by that number, and where
 * it lingers in the background it would be heard of.  errno is lost.
 */
void run_prepare_close(int fd);

#endif
