// SPDX-License-Identifier: GPL-2.0
/*
 * The last part of a connection that is being closed: waiting for the event that all
 * data is acknowledged, and the two ways to end the connection.
 */
#include "drain.h"
#include "winsock.h"

/**
 * winsock_drain_prepare - make TCP report the acknowledgment of the last byte, too
 * @d: the connection's drain
 * @sk: the connection, locked
 *
 * Disables TCP_NOTSENT_LOWAT, since with it an unsent FIN may be enough to prevent
 * the call of sk_write_space().
 *
 * Return: the previous value of TCP_NOTSENT_LOWAT.
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
 * TCP calls sk_write_space() when ACKs free memory, if SOCK_NOSPACE is set.  The ACK
 * of the FIN would be the wrong event to wait for: while the peer's window is closed
 * the FIN is not even sent.
 */
static void drain_ask_for_space(struct winsock_drain *d)
{
	set_bit(SOCK_NOSPACE, &d->sk->sk_socket->flags);
	/*
	 * Pairs with the barrier in tcp_check_space(): the flag is set before the
	 * connection is looked at again.
	 */
	smp_mb__after_atomic();
}

/* All data is acknowledged, or the connection has ended (C10: reset, TCP's timeouts). */
static bool drain_is_done(const struct winsock_drain *d)
{
	return winsock_in_state(d->sk, TCPF_CLOSE) || !winsock_unacked(d->sk, d->end);
}

/**
 * winsock_drain_poll - is all data acknowledged, or has the connection ended?
 * @d: a drain on its socket's wait queue
 *
 * Called from any context.  A wait-queue function calls it so that only the last ACK
 * wakes a task.
 *
 * Return: true if so; if not, an event follows when this may have changed.
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
 * @d: prepared by winsock_drain_prepare()
 * @func: called for each event; it calls winsock_drain_poll()
 * @task: the task that @func wakes, or NULL
 *
 * Each event from now on calls @func.  For earlier events the caller must call
 * winsock_drain_poll().
 */
void winsock_drain_begin(struct winsock_drain *d, wait_queue_func_t func,
			 struct task_struct *task)
{
	init_waitqueue_func_entry(&d->wait, func);
	d->wait.private = task;
	add_wait_queue(sk_sleep(d->sk), &d->wait);
}

/**
 * winsock_drain_end - remove a drain from its socket's wait queue
 * @d: on the wait queue; its function does not run any more
 */
void winsock_drain_end(struct winsock_drain *d)
{
	remove_wait_queue(sk_sleep(d->sk), &d->wait);
}

/**
 * winsock_discard_unread - keep unread input from resetting the connection
 * @sk: a TCP socket, locked
 *
 * U1: input that the application has not read must not turn the close into a reset.
 * Reading the queue instead would send window updates, and the peer would send more.
 * With another ULP or a sockmap the queue has a second owner and is left alone.
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
 * winsock_abort - make the drop of the last reference reset the connection
 * @sk: a TCP socket, locked
 *
 * In CLOSING and LAST_ACK tcp_disconnect() sends RST only if there are bytes that
 * were never sent.  If sent data or the FIN is lost, the peer would wait for ever.
 * write_seq is therefore advanced by one, as if one byte had not been sent; the
 * socket is about to be destroyed.
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
