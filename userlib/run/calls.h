/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The replaced functions that syscall() dispatches to. */
#ifndef RUN_CALLS_H
#define RUN_CALLS_H

#include <sys/socket.h>

#define EXPORT	__attribute__((visibility("default")))

int close(int fd);
int dup2(int from, int to);
int dup3(int from, int to, int flags);
int close_range(unsigned int first, unsigned int last, int flags);

#endif
