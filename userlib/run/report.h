/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of the report.  Nothing here waits: a line that cannot be written at once is
 * lost, and counted.
 */
#ifndef RUN_REPORT_H
#define RUN_REPORT_H

#include <stdbool.h>
#include <sys/types.h>

/* The file of that name, or standard error for NULL; -1 with errno. */
int run_report_open(const char *name);
/*
 * Returns what run_report_reopen() needs to open standard error again; -1 with errno.
 * Until that is called, a reader of standard error sees EOF when the program ends.
 */
int run_report_keep_stderr(void);
int run_report_reopen(int kept);
/* False if the line is lost. */
bool run_report_write(int fd, const char *line, size_t len);
/* At the end: the number of lines in a FIFO without a reader.  Closes @fd. */
unsigned long run_report_unread(int fd);

#endif
