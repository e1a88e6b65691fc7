/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the programs that winsock-run starts tell its reporter, the process that
 * outlives them: one packet each, over a socket that they inherit.
 */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include <netinet/in.h>
#include <stdint.h>

/*
 * SOCKET:INODE:DEVICE:RDEV:FILTERS, the former four -1, 0, -1 and 0 without a report;
 * FILTERS is run_filter_start()'s.
 */
#define RUN_ENV			"WINSOCK_RUN"
/* This program, and none that it starts. */
#define RUN_ENV_ALONE		"WINSOCK_RUN_NO_CHILDREN"

/* WINSOCK_IOC_CLOSE_DEADLINE came with it; later versions keep what it promises. */
#define RUN_ABI_NEEDED		3

enum run_decision {
	RUN_NATIVE,		/* there was no connection */
	RUN_GRACEFUL,
	RUN_HARD,
	RUN_LINGER,
	RUN_TIMEOUT,		/* a linger that ended with a reset */
	RUN_BACKGROUND,		/* a linger that the program did not wait for */
	RUN_SHARED,
};

/**
 * struct run_close - a close, as its line in the report has it
 * @when: CLOCK_REALTIME when it began, in nanoseconds
 * @took: nanoseconds
 * @pid: process ID
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
 * enum run_message_kind - what a packet is about
 * @RUN_CLOSED: a close that is over
 * @RUN_BEGINS: a close with a deadline is about to be requested; its line is written
 *		with the outcome
 * @RUN_INSTEAD: the request failed, and this is how the socket was closed
 * @RUN_NO_CLOSE: only @missing counts
 *
 * RUN_BEGINS is sent before the request: whoever has read an outcome finds its packet
 * in the socket.  If the program ends between the two, or RUN_INSTEAD cannot be sent,
 * the reporter gives up waiting some time after the deadline, and counts the line.
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
