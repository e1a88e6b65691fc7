/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_FILTER_COUNT_H
#define RUN_FILTER_COUNT_H

/* How many filters this thread has, by /proc; -1 if that cannot be read. */
int run_filter_count(void);

#endif
