/* SPDX-License-Identifier: GPL-2.0 */
/* What a close needs from TCP: bytes not yet acknowledged, and the two ways to end. */
#ifndef _WINSOCK_DRAIN_H
#define _WINSOCK_DRAIN_H

#include <linux/wait.h>
#include <net/tcp.h>

/**
 * winsock_in_state - is the connection in one of these states?
 * @sk: a TCP socket
 * @states: TCPF_...
 */
static inline bool winsock_in_state(const struct sock *sk, int states)
{
	return (1 << READ_ONCE(sk->sk_state)) & states;
}

/**
 * winsock_connected - does the connection exist?
 * @sk: a TCP socket
 *
 * SYN_RECV is the child of a TCP Fast Open handshake.
 */
static inline bool winsock_connected(const struct sock *sk)
{
	return winsock_in_state(sk, TCPF_ESTABLISHED | TCPF_SYN_RECV |
				    TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
				    TCPF_CLOSE_WAIT | TCPF_CLOSING |
				    TCPF_LAST_ACK);
}

/**
 * winsock_lingers - is SO_LINGER on?
 * @sk: a socket, locked or not
 */
static inline bool winsock_lingers(const struct sock *sk)
{
	/* TCP changes other flags of the word meanwhile, and not atomically. */
	return data_race(sock_flag(sk, SOCK_LINGER));
}

/**
 * winsock_data_end - the sequence number behind the last byte of data
 * @sk: a connected TCP socket
 *
 * FIN and SYN occupy a sequence number each and are not data.  In SYN_RECV our SYN is
 * not yet acknowledged after a simultaneous open, while snd_una of the child of a TCP
 * Fast Open handshake starts behind it.
 */
static inline u32 winsock_data_end(const struct sock *sk)
{
	u32 end = READ_ONCE(tcp_sk(sk)->write_seq);

	if (winsock_in_state(sk, TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
				 TCPF_CLOSING | TCPF_LAST_ACK))
		end--;
	else if (winsock_in_state(sk, TCPF_SYN_RECV) && !tcp_passive_fastopen(sk))
		end--;
	return end;
}

/**
 * winsock_unacked - how many bytes the peer has not yet acknowledged
 * @sk: a TCP socket
 * @end: its winsock_data_end(), taken while it was connected
 */
static inline u32 winsock_unacked(const struct sock *sk, u32 end)
{
	u32 una = READ_ONCE(tcp_sk(sk)->snd_una);

	return before(una, end) ? end - una : 0;
}

/**
 * struct winsock_drain - data that the peer has not yet acknowledged
 * @wait: on the socket's wait queue
 * @sk: the connection
 * @end: the sequence number behind the last byte
 */
struct winsock_drain {
	wait_queue_entry_t wait;
	struct sock *sk;
	u32 end;
};

u32 winsock_drain_prepare(struct winsock_drain *d, struct sock *sk);
bool winsock_drain_poll(struct winsock_drain *d);
void winsock_drain_begin(struct winsock_drain *d, wait_queue_func_t func,
			 struct task_struct *task);
void winsock_drain_end(struct winsock_drain *d);
void winsock_discard_unread(struct sock *sk);
void winsock_abort(struct sock *sk);

#endif /* _WINSOCK_DRAIN_H */
