// SPDX-License-Identifier: GPL-2.0
/*
 * SOL_WINSOCK: SO_LINGER and SO_DONTLINGER in Winsock's binary form, and the option
 * by which a reset discards unread data.
 *
 * The first two are views of the two native fields, SOCK_LINGER and sk_lingertime, so
 * setsockopt(SOL_SOCKET, SO_LINGER) and this level always agree (O9).
 */
#include <linux/sockptr.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "winsock.h"

/* Under lock_sock.  A negative @seconds keeps the interval (O1). */
static void sockopt_set_linger(struct sock *sk, bool on, int seconds)
{
	if (seconds >= 0)
		WRITE_ONCE(sk->sk_lingertime, (unsigned long)seconds * HZ);
	sock_valbool_flag(sk, SOCK_LINGER, on);
}

static struct winsock_linger sockopt_get_linger(const struct sock *sk)
{
	unsigned long seconds = READ_ONCE(sk->sk_lingertime) / HZ;

	return (struct winsock_linger) {
		.l_onoff = winsock_lingers(sk),
		.l_linger = min_t(unsigned long, seconds, U16_MAX),
	};
}

/* O3 */
static int sockopt_set_so_linger(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	struct winsock_linger ling;

	if (sockptr_is_null(optval) || optlen < sizeof(ling) ||
	    copy_from_sockptr(&ling, optval, sizeof(ling)))
		return -EFAULT;

	lock_sock(sk);
	sockopt_set_linger(sk, ling.l_onoff, ling.l_linger);
	release_sock(sk);
	return 0;
}

/* O5 */
static int sockopt_set_so_dontlinger(struct sock *sk, sockptr_t optval,
				     unsigned int optlen)
{
	u32 on = 0;

	if (sockptr_is_null(optval) ||
	    copy_from_sockptr(&on, optval, min_t(unsigned int, optlen, sizeof(on))))
		return -EFAULT;

	lock_sock(sk);
	sockopt_set_linger(sk, !on, -1);
	release_sock(sk);
	return 0;
}

/* O4 */
static int sockopt_get_so_linger(const struct sock *sk, char __user *optval,
				 int __user *optlen, int len)
{
	struct winsock_linger ling = sockopt_get_linger(sk);

	if (len < (int)sizeof(ling)) {
		if (len > 0 && clear_user(optval, len))
			return -EFAULT;
		return -EFAULT;
	}
	if (copy_to_user(optval, &ling, sizeof(ling)) ||
	    put_user((int)sizeof(ling), optlen))
		return -EFAULT;
	return 0;
}

/* O6; a length of 3 is treated as 2. */
static int sockopt_get_so_dontlinger(const struct sock *sk, char __user *optval,
				     int __user *optlen, int len)
{
	bool off = !sockopt_get_linger(sk).l_onoff;
	int written = 1;
	int err;

	if (len <= 0)
		return -EFAULT;

	if (len == 1) {
		err = put_user(off, (u8 __user *)optval);
	} else if (len < 4) {
		err = put_user(off, (u16 __user *)optval);
	} else {
		err = put_user(off, (u32 __user *)optval);
		written = 4;
	}
	return err ?: put_user(written, optlen);
}

/* R1; applies also to a connection that has just been reset. */
static int sockopt_set_reset_discards(struct sock *sk, struct winsock_sock *ws,
				      sockptr_t optval, unsigned int optlen)
{
	int on;

	if (optlen < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, optval, sizeof(on)))
		return -EFAULT;
	if (on != 0 && on != 1)
		return -EINVAL;

	lock_sock(sk);
	WRITE_ONCE(ws->reset_discards, on);
	WRITE_ONCE(ws->reset, on && (ws->reset || winsock_was_reset(sk)));
	release_sock(sk);
	return 0;
}

/* R1; an integer of the size of the room, as O6. */
static int sockopt_get_reset_discards(const struct winsock_sock *ws,
				      char __user *optval, int __user *optlen, int len)
{
	int on = READ_ONCE(ws->reset_discards);
	const char *lowest = (const char *)&on;

	if (len < 0)
		return -EINVAL;
	len = min_t(int, len, sizeof(on));
	if (IS_ENABLED(CONFIG_CPU_BIG_ENDIAN))
		lowest += sizeof(on) - len;
	if (copy_to_user(optval, lowest, len) || put_user(len, optlen))
		return -EFAULT;
	return 0;
}

/**
 * winsock_setsockopt - set an option of level SOL_WINSOCK
 * @sock: an attached socket, not locked
 * @optname: WINSOCK_SO_LINGER, WINSOCK_SO_DONTLINGER, WINSOCK_SO_RESET_DISCARDS
 * @optval: the caller's value
 * @optlen: its length; setsockopt(2) itself refuses a negative one (O11)
 *
 * Return: 0, -EFAULT, -EINVAL, or -ENOPROTOOPT for other options and for datagram
 * sockets (O7).  On failure nothing has changed.
 */
int winsock_setsockopt(struct socket *sock, int optname, sockptr_t optval,
		       unsigned int optlen)
{
	struct winsock_sock *ws = winsock_sock_of(sock);
	struct sock *sk = sock->sk;

	if (sk->sk_type != SOCK_STREAM || !ws)
		return -ENOPROTOOPT;

	switch (optname) {
	case WINSOCK_SO_LINGER:
		return sockopt_set_so_linger(sk, optval, optlen);
	case WINSOCK_SO_DONTLINGER:
		return sockopt_set_so_dontlinger(sk, optval, optlen);
	case WINSOCK_SO_RESET_DISCARDS:
		return sockopt_set_reset_discards(sk, ws, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * winsock_getsockopt - read an option of level SOL_WINSOCK
 * @sock: an attached socket
 * @optname: WINSOCK_SO_LINGER, WINSOCK_SO_DONTLINGER, WINSOCK_SO_RESET_DISCARDS
 * @optval: where the value is stored
 * @optlen: the room there; on success, the length that Winsock returns
 *
 * Return: 0, -EFAULT, -EINVAL or -ENOPROTOOPT, as for winsock_setsockopt().
 */
int winsock_getsockopt(struct socket *sock, int optname, char __user *optval,
		       int __user *optlen)
{
	const struct winsock_sock *ws = winsock_sock_of(sock);
	const struct sock *sk = sock->sk;
	int len;

	if (sk->sk_type != SOCK_STREAM || !ws)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;

	switch (optname) {
	case WINSOCK_SO_LINGER:
		return sockopt_get_so_linger(sk, optval, optlen, len);
	case WINSOCK_SO_DONTLINGER:
		return sockopt_get_so_dontlinger(sk, optval, optlen, len);
	case WINSOCK_SO_RESET_DISCARDS:
		return sockopt_get_reset_discards(ws, optval, optlen, len);
	default:
		return -ENOPROTOOPT;
	}
}
