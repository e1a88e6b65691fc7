/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp filters in a program that does not know of the preload library: its
 * filter allows what the program calls, and may kill for anything else.
 */
#ifndef RUN_FILTER_H
#define RUN_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

/*
 * True once a filter does not allow the system calls of the preload library, which
 * from then on makes none but those that the program asked for.
 */
bool run_filter_forbids(void);
/* Before a filter is installed: other threads may have it before it is evaluated. */
void run_filter_begin(void);
/* Afterwards: @program is the filter, NULL if there is none that can be read. */
void run_filter_end(bool installed, const struct sock_fprog *program);
/* At the start of a program; @tried filters have allowed ioctl(2). */
void run_filter_start(int tried);

#endif
