/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages from the programs that winsock-run starts to its reporter, a process
 * that outlives them: one packet each, over a socket that they inherit.
 */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include <netinet/in.h>
#include <stdint.h>

/*
 * SOCKET:INODE:DEVICE:RDEV:FILTERS, the first four being -1, 0, -1 and 0 without a
 * report; FILTERS is the argument of run_filter_start().
 */
#define RUN_ENV			"WINSOCK_RUN"
/* Set if only this program is to be changed, not those that it starts. */
#define RUN_ENV_ALONE		"WINSOCK_RUN_NO_CHILDREN"

/* The first with WINSOCK_IOC_CLOSE_DEADLINE; later versions are compatible. */
#define RUN_ABI_NEEDED		3

enum run_decision {
	RUN_NATIVE,		/* not connected */
	RUN_GRACEFUL,
	RUN_HARD,
	RUN_LINGER,
	RUN_TIMEOUT,		/* linger, ended with a reset */
	RUN_BACKGROUND,		/* linger that the program did not wait for */
	RUN_SHARED,
};

/**
 * struct run_close - a close, as shown in its line of the report
 * @when: CLOCK_REALTIME when it began, in nanoseconds
 * @took: duration in nanoseconds
 * @pid: process ID
 * @fd: the descriptor
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
 * enum run_message_kind - the kind of a packet
 * @RUN_CLOSED: a close that has ended
 * @RUN_BEGINS: a close with a deadline is about to be requested; its line is written
 *		with the outcome
 * @RUN_INSTEAD: that request failed, and the socket was closed in this way instead
 * @RUN_NO_CLOSE: only @missing is valid
 *
 * RUN_BEGINS is sent before the request, so that a reporter that has read an outcome
 * finds its packet in the socket.  If the program ends between the two, or RUN_INSTEAD
 * cannot be sent, the reporter stops waiting some time after the deadline and counts
 * the line as missing.
 */
enum run_message_kind {
	RUN_CLOSED,
	RUN_BEGINS,
	RUN_INSTEAD,
	RUN_NO_CLOSE,
};

/**
 * struct run_message - a packet
 * @close: what to report
 * @cookie: the outcome's, for RUN_BEGINS and RUN_INSTEAD
 * @kind: enum run_message_kind
 * @missing: closes before this one that could not be sent
 */
struct run_message {
	struct run_close close;
	uint64_t cookie;
	uint32_t kind;
	uint32_t missing;
};

#endif
