/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_FILTER_COUNT_H
#define RUN_FILTER_COUNT_H

/* The number of filters of this thread, from /proc; -1 if that cannot be read. */
int run_filter_count(void);

#endif
