/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_OBSERVE_H
#define RUN_OBSERVE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <time.h>

#include "message.h"

/**
 * struct observed - a TCP socket before its close
 * @close: the line of the report, as far as it can be known
 * @start: CLOCK_MONOTONIC
 * @local: its address
 * @inode: of the socket
 * @cookie: of the socket
 */
struct observed {
	struct run_close close;
	struct timespec start;
	struct sockaddr_in6 local;
	uint64_t inode;
	uint64_t cookie;
};

/* False if it is no TCP socket: there will be no line. */
bool run_observe(int fd, struct observed *before);
/* Afterwards: what became of it, @err being 0, -EAGAIN or -EINTR. */
void run_observed(const struct observed *before, int shown, int err,
		  struct run_close *close);

#endif
