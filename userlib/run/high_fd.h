/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_HIGH_FD_H
#define RUN_HIGH_FD_H

/* The range of the library's own descriptors; see own.c. */
#define RUN_HIGH_FD		60
#define RUN_HIGH_FD_END		64
#define RUN_HIGH_FD_ROOM	(RUN_HIGH_FD_END - RUN_HIGH_FD)

/*
 * Duplicates @fd to a descriptor of at least @lowest, or among the highest ones if
 * RLIMIT_NOFILE is smaller; @cmd is F_DUPFD or F_DUPFD_CLOEXEC.  -1 with errno.
 */
int run_copy_high(int fd, int cmd, int lowest);

#endif
