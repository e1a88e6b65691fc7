/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that were TCP sockets when the program got them, as far as this was
 * seen: no system call is needed to find that out once more.  A socket that is not
 * known, from a message or another program, is asked.
 */
#ifndef RUN_KNOWN_H
#define RUN_KNOWN_H

#include <stdbool.h>

void run_known_add(int fd);
void run_known_remove(int fd);
bool run_known(int fd);
/* Is this a TCP socket?  It is about to be closed, and forgotten.  errno is lost. */
bool run_is_tcp(int fd);

#endif
