// SPDX-License-Identifier: LGPL-2.1-or-later
/* The descriptors that are known to be TCP sockets, as a bitmap. */
#include <limits.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "known.h"

#define NUMBERS		65536	/* higher descriptors are not cached */
#define BITS		(CHAR_BIT * sizeof(unsigned long))

static _Atomic unsigned long known[NUMBERS / BITS];

static unsigned long bit(int fd)
{
	return 1UL << (fd % BITS);
}

void run_known_add(int fd)
{
	if (fd >= 0 && fd < NUMBERS)
		atomic_fetch_or_explicit(&known[fd / BITS], bit(fd), memory_order_relaxed);
}

void run_known_remove(int fd)
{
	/* Do not write without need: after fork(2) that would copy the page. */
	if (run_known(fd))
		atomic_fetch_and_explicit(&known[fd / BITS], ~bit(fd), memory_order_relaxed);
}

bool run_known(int fd)
{
	return fd >= 0 && fd < NUMBERS &&
	       atomic_load_explicit(&known[fd / BITS], memory_order_relaxed) & bit(fd);
}

bool run_is_tcp(int fd)
{
	socklen_t len = sizeof(int);
	int protocol;

	if (run_known(fd)) {
		run_known_remove(fd);
		return true;
	}
	return fd >= 0 && !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
	       protocol == IPPROTO_TCP;
}
