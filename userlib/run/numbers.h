/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_NUMBERS_H
#define RUN_NUMBERS_H

/* Where descriptors are out of the program's way; see own.c. */
#define RUN_NUMBERS		60
#define RUN_NUMBERS_END		64
#define RUN_NUMBERS_ROOM	(RUN_NUMBERS_END - RUN_NUMBERS)

/*
 * A copy of @fd with a number of at least @lowest, or among the
 * last of a smaller table; @cmd is F_DUPFD or F_DUPFD_CLOEXEC.  -1 with errno.
 */
int run_copy_high(int fd, int cmd, int lowest);

#endif
