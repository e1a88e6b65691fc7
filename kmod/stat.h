/* SPDX-License-Identifier: GPL-2.0 */
/* The counters of /proc/net/winsock_stat, per network namespace: see stat.c. */
#ifndef _WINSOCK_STAT_H
#define _WINSOCK_STAT_H

#include <net/sock.h>

enum winsock_stat {
	WINSOCK_STAT_GRACEFUL,
	WINSOCK_STAT_HARD,
	WINSOCK_STAT_LINGER,
	WINSOCK_STAT_BACKGROUND,
	WINSOCK_STAT_NATIVE,
	WINSOCK_STAT_SHARED,
	WINSOCK_STAT_REFUSED,
	WINSOCK_STAT_TIMEOUTS,
	WINSOCK_STAT_INTERRUPTED,
	WINSOCK_STAT_CANCELLED,
	WINSOCK_STAT_DELIVERED,
	WINSOCK_STAT_DEADLINE_RESET,
	WINSOCK_STAT_PEER_RESET,
	WINSOCK_STAT_ATTACHED,
	WINSOCK_STAT_UNDER_WAY,
	__WINSOCK_STAT_MAX
};

int winsock_stat_init(void);
void winsock_stat_exit(void);
void winsock_stat_add(const struct sock *sk, enum winsock_stat stat, int n);

static inline void winsock_stat_inc(const struct sock *sk,
				    enum winsock_stat stat)
{
	winsock_stat_add(sk, stat, 1);
}

#endif /* _WINSOCK_STAT_H */
