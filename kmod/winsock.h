/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _WINSOCK_H
#define _WINSOCK_H

#include <linux/net.h>
#include <linux/spinlock.h>
#include <net/sock.h>
#include <linux/winsock.h>

/**
 * struct winsock_sock - what an attached socket knows beyond struct sock
 * @rcu: freed a grace period after the socket
 *
 * A TCP socket keeps it in icsk_ulp_data from ULP init to ULP release.
 */
struct winsock_sock {
	struct rcu_head rcu;
};

/* attach.c */
int winsock_attach_init(void);
void winsock_attach_exit(void);
int winsock_socket(const struct winsock_socket *arg);
bool winsock_attached(const struct sock *sk);

/* close.c */
int winsock_closesocket(const struct winsock_closesocket *arg);

/* sockopt.c */
int winsock_setsockopt(struct sock *sk, int optname, sockptr_t optval,
		       unsigned int optlen);
int winsock_getsockopt(struct sock *sk, int optname, char __user *optval,
		       int __user *optlen);

#endif /* _WINSOCK_H */
