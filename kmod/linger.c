// SPDX-License-Identifier: GPL-2.0
/*
 * SO_LINGER: waiting until the peer has acknowledged all data, and dropping a last
 * reference without waiting.
 */
#include <linux/sched/signal.h>
#include <net/tcp.h>

#include "close.h"
#include "drain.h"
#include "winsock.h"

/*
 * The interval is measured with ktime, not in jiffies: jiffies may lag when the timer
 * is armed and catch up later, so that the wait would end early.  Late is allowed,
 * early is not.
 */
static ktime_t linger_deadline(const struct sock *sk)
{
	return ktime_add_safe(ktime_get(), ktime_set(sk->sk_lingertime / HZ, 0));
}

/*
 * Only a signal may end the wait (I4).  TIF_NOTIFY_SIGNAL stands for task work,
 * which runs at the return to user space, as in any call that is not interrupted.
 * The flag would prevent the task from sleeping, so it is cleared here, and set
 * again after the wait.
 */
static bool linger_put_off_task_work(void)
{
	bool pending = test_thread_flag(TIF_NOTIFY_SIGNAL);

	if (pending)
		clear_notify_signal();
	return pending;
}

static long linger_jiffies_left(ktime_t deadline)
{
	s64 left = ktime_to_ns(ktime_sub(deadline, ktime_get()));

	return left > 0 ? nsecs_to_jiffies(left) + 1 : 0;
}

static int linger_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
		       void *key)
{
	struct winsock_drain *d = container_of(wait, struct winsock_drain, wait);

	if (!winsock_drain_poll(d))
		return 0;
	return woken_wake_function(wait, mode, sync, key);
}

/*
 * Returns 0 once all data is acknowledged or the connection has ended, -ETIMEDOUT,
 * or -EINTR.
 */
static int linger_wait_for_drain(struct winsock_drain *d, ktime_t deadline)
{
	bool task_work = false;
	long timeout;
	int err = 0;

	winsock_drain_begin(d, linger_wake, current);
	while (!winsock_drain_poll(d)) {
		timeout = linger_jiffies_left(deadline);
		task_work |= linger_put_off_task_work();
		if (task_sigpending(current))
			err = -EINTR;
		else if (!timeout)
			err = -ETIMEDOUT;
		if (err)
			break;
		wait_woken(&d->wait, TASK_INTERRUPTIBLE, timeout);
	}
	winsock_drain_end(d);
	if (task_work)
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return err;
}

/**
 * winsock_linger_wait - shut the send side down and wait for the data (C8 - C11)
 * @sock: a connected TCP socket; the caller has the last reference to its file
 * @how: becomes LINGER_TIMEOUT if the interval has passed and the connection is reset
 *
 * On success SOCK_LINGER is cleared unless the connection is to be reset, so that
 * dropping the last reference does not wait again.
 *
 * Return: 0, or -EINTR if a signal ended the wait.
 */
int winsock_linger_wait(struct socket *sock, enum close_kind *how)
{
	struct sock *sk = sock->sk;
	struct winsock_drain d;
	ktime_t deadline;
	u32 lowat;
	int err;

	lock_sock(sk);
	deadline = linger_deadline(sk);
	lowat = winsock_drain_prepare(&d, sk);
	release_sock(sk);

	kernel_sock_shutdown(sock, SHUT_WR);
	err = linger_wait_for_drain(&d, deadline);

	lock_sock(sk);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, lowat);
	if (err == -EINTR && !fatal_signal_pending(current)) {
		/* C11; a task that is being killed cannot use the descriptor again. */
	} else if (err == -ETIMEDOUT && winsock_unacked(sk, d.end)) {
		winsock_abort(sk);
		*how = LINGER_TIMEOUT;
		err = 0;
	} else {
		sock_reset_flag(sk, SOCK_LINGER);
		winsock_discard_unread(sk);
		err = 0;
	}
	release_sock(sk);
	return err;
}

/**
 * winsock_close_leftover - the last reference is dropped after closesocket()
 * @sk: a TCP socket
 *
 * closesocket() assumed that the socket is shared because a reference was not dropped
 * in time, for example that of an io_uring request submitted by the closing thread
 * itself.  When that reference is dropped at last it must neither wait nor lose
 * data.  This applies only to the process that called closesocket(): in other
 * processes the last reference is dropped as on any socket.
 */
void winsock_close_leftover(struct sock *sk)
{
	lock_sock(sk);
	if (winsock_connected(sk) && !tcp_sk(sk)->repair &&
	    !(sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime))
		winsock_discard_unread(sk);
	if (sk->sk_lingertime)
		sock_reset_flag(sk, SOCK_LINGER);
	release_sock(sk);
}
