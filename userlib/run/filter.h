/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp filters in a program that is not aware of the preload library: the filter
 * allows what the program calls, and may kill it for anything else.
 */
#ifndef RUN_FILTER_H
#define RUN_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

/*
 * True once a filter does not allow the system calls of the preload library.  The
 * library then makes only those calls that the program itself requests.
 */
bool run_filter_forbids(void);
/* Before a filter is installed, which may apply to other threads at once. */
void run_filter_begin(void);
/* After it is installed: @program is the filter, NULL if it cannot be read. */
void run_filter_end(bool installed, const struct sock_fprog *program);
/* At the start of a program: @tried filters are known to allow ioctl(2). */
void run_filter_start(int tried);

#endif
