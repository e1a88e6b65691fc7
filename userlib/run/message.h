/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the programs that winsock-run starts tell its keeper, the process that
 * outlives them: one packet each, over a socket that they inherit.
 */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* NUMBER:INODE:REPORT of that socket, and FILTERS, as run_filter_start() has it */
#define RUN_ENV			"WINSOCK_RUN"
/* This program, and none that it starts. */
#define RUN_ENV_ALONE		"WINSOCK_RUN_NO_CHILDREN"

/* Where descriptors are out of the program's way; see own.c. */
#define RUN_NUMBERS		60
#define RUN_NUMBERS_END		64
#define RUN_NUMBERS_ROOM	(RUN_NUMBERS_END - RUN_NUMBERS)

enum run_decision {
	RUN_NATIVE,		/* there was no connection */
	RUN_GRACEFUL,
	RUN_HARD,
	RUN_LINGER,
	RUN_TIMEOUT,		/* a linger that ended with a reset */
	RUN_BACKGROUND,		/* a linger that the keeper waits for */
	RUN_SHARED,
};

/**
 * struct run_close - a close, as its line in the report has it
 * @when: CLOCK_REALTIME when it began, in nanoseconds
 * @took: nanoseconds
 * @pid: who
 * @fd: the number
 * @decision: enum run_decision
 * @linger: the interval, in seconds
 * @unacked: bytes that the peer had not acknowledged when it began
 * @unread: bytes that the program had not read
 * @peer: sin6_family is AF_UNSPEC if there is none
 */
struct run_close {
	uint64_t when;
	uint64_t took;
	int32_t pid;
	int32_t fd;
	uint32_t decision;
	uint32_t linger;
	uint32_t unacked;
	uint32_t unread;
	struct sockaddr_in6 peer;
};

/**
 * struct run_message - a packet
 * @close: what to report; nothing if @when is 0
 * @spent: of a wait that the keeper takes over, seconds that have passed
 * @missing: closes before this one that could not be sent
 *
 * To take over a wait is to be passed a socket, in whose queue is the other one:
 * it gets there before the program has closed it, and comes out afterwards.
 */
struct run_message {
	struct run_close close;
	uint32_t spent;
	uint32_t missing;
};

/*
 * 0 or -errno; @fd is -1 for none; @flags as for sendmsg(2).  Both may be called in a
 * signal handler.
 */
int run_pass(int to, const void *buf, size_t len, int fd, int flags);
/*
 * A copy of @fd with a number of at least @lowest, or among the
 * last of a smaller table; @cmd is F_DUPFD or F_DUPFD_CLOEXEC.  -1 with errno.
 */
int run_copy_high(int fd, int cmd, int lowest);
/* Bytes, 0 at the end, or -errno. */
ssize_t run_take(int from, void *buf, size_t len, int *fd);

#endif
