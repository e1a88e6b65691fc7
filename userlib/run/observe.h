/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_OBSERVE_H
#define RUN_OBSERVE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <time.h>

#include "message.h"

/**
 * struct observed - a TCP socket before its close
 * @close: the data for the report that is known before the close
 * @start: CLOCK_MONOTONIC
 * @local: its local address
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

/* False if it is not a TCP socket; such a close is not reported. */
bool run_observe(int fd, struct observed *before);
/* After the close: fills in @close; @err is 0, -EAGAIN or -EINTR. */
void run_observed(const struct observed *before, int shown, int err,
		  struct run_close *close);

#endif
