/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the reporter writes to.  Nothing here waits: what the file does not take at
 * once is lost, and counted.
 */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include <stdbool.h>
#include <sys/types.h>

/* The file of that name, or standard error for NULL; -1 with errno. */
int run_report_open(const char *name);
/*
 * What run_report_reopen() makes standard error of, later: as long as it has not been
 * called, who reads from there sees its end when the program ends.  -1 with errno.
 */
int run_report_keep_stderr(void);
int run_report_reopen(int kept);
/* False if it is lost. */
bool run_report_write(int fd, const char *line, size_t len);
/*
 * At the end: how many lines are in a FIFO that nobody reads.  @fd is closed.
 */
unsigned long run_report_unread(int fd);

#endif
