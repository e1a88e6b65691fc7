/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cache of the descriptors that are TCP sockets, which saves a system call at their
 * close.  A socket that the library did not see created, for example one received in a
 * message, is not in it; getsockopt(2) is used for those.
 */
#ifndef RUN_KNOWN_H
#define RUN_KNOWN_H

#include <stdbool.h>

void run_known_add(int fd);
void run_known_remove(int fd);
bool run_known(int fd);
/*
 * Is this a TCP socket?  Removes it from the cache, since it is about to be closed.  Does
 * not preserve errno.
 */
bool run_is_tcp(int fd);

#endif
