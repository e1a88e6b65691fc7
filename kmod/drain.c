// SPDX-License-Identifier: GPL-2.0
/*
 * What is left of a connection that is being closed: how much the peer has yet
 * to acknowledge, being told of it, and the two ways to end it.
 */
#include "drain.h"
#include "winsock.h"

/**
 * winsock_drain_prepare - have an event for every byte, down to the last
 * @d: the connection's drain
 * @sk: the connection, locked
 *
 * TCP_NOTSENT_LOWAT is out of force from here on, since an unsent FIN may be
 * enough to keep sk_write_space() quiet.
 *
 * Return: what TCP_NOTSENT_LOWAT was.
 */
u32 winsock_drain_prepare(struct winsock_drain *d, struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);
	u32 lowat = tp->notsent_lowat;

	d->sk = sk;
	d->end = winsock_data_end(sk);
	WRITE_ONCE(tp->notsent_lowat, UINT_MAX);
	return lowat;
}

/*
 * TCP calls sk_write_space() as ACKs free memory, if SOCK_NOSPACE asks for it.
 * The FIN's own ACK would be the wrong event: behind a closed window the FIN is
 * not even sent.
 */
static void drain_ask_for_space(struct winsock_drain *d)
{
	set_bit(SOCK_NOSPACE, &d->sk->sk_socket->flags);
	/* Pairs with the barrier in tcp_check_space(): ask, then look. */
	smp_mb__after_atomic();
}

/* All is acknowledged, or the connection gone: reset and time-out end in TCP_CLOSE (C10). */
static bool drain_is_done(const struct winsock_drain *d)
{
	return winsock_in_state(d->sk, TCPF_CLOSE) || !winsock_unacked(d->sk, d->end);
}

/**
 * winsock_drain_poll - is it over?  If not, there is an event when it may be
 * @d: a drain on its socket's wait queue
 *
 * From any context, as a wait-queue function too: only the last ACK is worth
 * waking somebody for.
 */
bool winsock_drain_poll(struct winsock_drain *d)
{
	if (drain_is_done(d))
		return true;
	drain_ask_for_space(d);
	return drain_is_done(d);
}

/**
 * winsock_drain_begin - put a drain on its socket's wait queue
 * @d: prepared
 * @func: called for each event; it calls winsock_drain_poll()
 * @task: whom it wakes, if it does
 *
 * Events from now on call @func; what happened earlier, winsock_drain_poll() tells.
 */
void winsock_drain_begin(struct winsock_drain *d, wait_queue_func_t func,
			 struct task_struct *task)
{
	init_waitqueue_func_entry(&d->wait, func);
	d->wait.private = task;
	add_wait_queue(sk_sleep(d->sk), &d->wait);
}

/**
 * winsock_drain_end - take it off again
 * @d: on its socket's wait queue; its function does not run any more
 */
void winsock_drain_end(struct winsock_drain *d)
{
	remove_wait_queue(sk_sleep(d->sk), &d->wait);
}

/**
 * winsock_discard_unread - the last reference is not to reset the connection
 * @sk: a TCP socket, locked
 *
 * U1: what the application has not read must not turn the close into one.
 * Reading the queue instead would send window updates and invite more.  With
 * another ULP or sockmap the queue has a second owner, whose business it stays.
 */
void winsock_discard_unread(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	if (sk->sk_user_data || !winsock_ulp_is_ours(sk))
		return;
	__skb_queue_purge(&sk->sk_receive_queue);
	WRITE_ONCE(tp->copied_seq, tp->rcv_nxt);
}

/**
 * winsock_abort - the last reference is to reset the connection
 * @sk: a TCP socket, locked
 *
 * In CLOSING and LAST_ACK tcp_disconnect() sends RST only if something has never
 * been sent; data that is sent but lost, or a lost FIN, would leave the peer waiting
 * for ever.  One sequence number that was never sent tells it so; the socket is about
 * to die.
 */
void winsock_abort(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	sk->sk_lingertime = 0;
	sock_set_flag(sk, SOCK_LINGER);
	if (winsock_in_state(sk, TCPF_CLOSING | TCPF_LAST_ACK) &&
	    tp->snd_nxt == tp->write_seq)
		WRITE_ONCE(tp->write_seq, tp->write_seq + 1);
}
