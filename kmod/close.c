// SPDX-License-Identifier: GPL-2.0
/*
 * closesocket(): decide, remove the descriptor, carry out.
 *
 * decide() is the table in the README.  Everything else carries it out such that a
 * refusal changes nothing (invariant I1), no other file is ever closed (I2), other
 * processes see only what close(2) would change (I3), and the time is bounded (I4).
 *
 * Most closes take no reference of their own: they remove the descriptor under
 * files->file_lock and take over its reference.  Only where a refusal is possible
 * is the socket examined first, while the descriptor stays in place.
 *
 * Locks: files->file_lock and lock_sock are never held together.  Only the last
 * reference takes lock_sock, since a process that shares the socket may hold it
 * through a page fault.  No lock is held while waiting.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "calls.h"
#include "close.h"
#include "compat.h"
#include "drain.h"
#include "stat.h"
#include "winsock.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static bool is_tcp(const struct sock *sk)
{
	return sk && sk->sk_type == SOCK_STREAM &&
	       sk->sk_protocol == IPPROTO_TCP &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

static bool has_unacked(const struct sock *sk)
{
	return winsock_unacked(sk, winsock_data_end(sk));
}

/*
 * Decides which kind of close this is.  No side effects.  Called with lock_sock held;
 * by the only owner of the file, where only the peer can change the answer, and one
 * that was right a moment ago is equally valid; or with the spinlock of lock_sock held
 * (winsock_closing_peek()).
 */
static __always_inline enum close_kind decide(const struct closing *c)
{
	const struct sock *sk = c->sk;

	/* TCP changes other bits beside this one, and not atomically. */
	if (!winsock_connected(sk) || data_race(!!tcp_sk(sk)->repair))
		return NATIVE;				/* N2 - N5, T6 */
	if (c->deadline)
		return has_unacked(sk) ? DEADLINE_CLOSE	/* T2, T3 */
				       : GRACEFUL;	/* T1 */
	if (!winsock_lingers(sk))
		return GRACEFUL;			/* C1, C3 */
	if (!READ_ONCE(sk->sk_lingertime))
		return HARD;				/* C4 */
	if (!has_unacked(sk))
		return GRACEFUL;			/* C7, C14 */
	if (!c->nonblock)
		return LINGER;				/* C8, C9 */
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return GRACEFUL;			/* C16 */
	return REFUSE;					/* C15 */
}

/* Is the ordinary release enough: no state to change first, and no wait in it? */
static bool native_will_do(const struct sock *sk, enum close_kind how)
{
	switch (how) {
	case HARD:		/* winsock_abort() is needed only after our FIN */
		return !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN);
	case NATIVE:
	case GRACEFUL:
		return !winsock_lingers(sk) &&
		       skb_queue_empty_lockless(&sk->sk_receive_queue);
	default:
		return false;
	}
}

/*
 * The caller holds the last reference, so nobody can send, receive or set an option
 * any more.  Dropping that reference must not wait: SOCK_LINGER with an interval is
 * cleared.
 */
static int closing_carry_out(struct closing *c, enum close_kind *how)
{
	struct sock *sk = c->sk;

	*how = decide(c);
	if (native_will_do(sk, *how))
		return 0;

	lock_sock(sk);
	*how = decide(c);
	switch (*how) {
	case LINGER:
		release_sock(sk);
		/* No call is inside, but an epoll set may watch the socket. */
		if (!c->ws)
			closing_find_state(c);
		if (c->ws)
			winsock_set_last_close(c->ws);
		return winsock_linger_wait(c->sock, how);
	case DEADLINE_CLOSE:
		release_sock(sk);
		winsock_deadline_begin(c->deadline, c->sock);
		return 0;
	case HARD:
		winsock_abort(sk);
		break;
	default:
		/* REFUSE: data was sent, or SO_LINGER set, after the check; too late. */
		*how = GRACEFUL;
		fallthrough;
	case GRACEFUL:
		winsock_discard_unread(sk);
		fallthrough;
	case NATIVE:
		if (sk->sk_lingertime || c->deadline)	/* T5 */
			sock_reset_flag(sk, SOCK_LINGER);
		break;
	}
	release_sock(sk);
	return 0;
}

/**
 * winsock_closing_peek - decide() where the file has other references
 * @c: a close of a TCP socket
 *
 * Takes the spinlock alone, since another process may hold lock_sock for any time.
 * What that process changes meanwhile makes both answers equally valid.
 */
enum close_kind winsock_closing_peek(const struct closing *c)
{
	enum close_kind how;

	spin_lock_bh(&c->sk->sk_lock.slock);
	how = decide(c);
	spin_unlock_bh(&c->sk->sk_lock.slock);
	return how;
}

static void closing_count(const struct sock *sk, enum close_kind how, int err)
{
	static const enum winsock_stat stats[] = {
		[NATIVE]	= WINSOCK_STAT_NATIVE,
		[GRACEFUL]	= WINSOCK_STAT_GRACEFUL,
		[HARD]		= WINSOCK_STAT_HARD,
		[LINGER]	= WINSOCK_STAT_LINGER,
		[LINGER_TIMEOUT]	= WINSOCK_STAT_LINGER,
		[DEADLINE_CLOSE]	= WINSOCK_STAT_BACKGROUND,
		[REFUSE]	= WINSOCK_STAT_REFUSED,
		[SHARED]	= WINSOCK_STAT_SHARED,
	};

	winsock_stat_inc(sk, err == -EINTR ? WINSOCK_STAT_INTERRUPTED
					   : stats[how]);
	if (unlikely(how == LINGER_TIMEOUT))
		winsock_stat_inc(sk, WINSOCK_STAT_TIMEOUTS);
}

static void closing_note(const struct closing *c, enum close_kind how, int err)
{
	if (!c->sk)
		return;
	closing_count(c->sk, how, err);
	if (trace_winsock_close_enabled())
		trace_winsock_close(c->sk, c->fd, how, err, c->calls,
				    ktime_get_ns() - c->start);
}

/* Under files->file_lock. */
static int closing_find(struct closing *c)
{
	c->file = files_lookup_fd_locked(current->files, c->fd);
	if (!c->file)
		return -EBADF;
	c->sock = sock_from_file(c->file);
	if (!c->sock)	/* an O_PATH descriptor is not open at all */
		return c->file->f_mode & FMODE_PATH ? -EBADF : -ENOTSOCK;

	c->sk = c->sock->sk;
	c->tcp = is_tcp(c->sk);
	/* fcntl() may be changing it; either is right. */
	c->nonblock = data_race(c->file->f_flags) & O_NONBLOCK;
	return 0;
}

/*
 * Only a close of such a socket can be refused.  An option that another thread sets
 * after this check cannot cause a refusal any more, but closing_carry_out() decides
 * with it.
 */
static bool closing_is_refusable(const struct closing *c)
{
	return c->nonblock && c->tcp && !c->deadline && winsock_lingers(c->sk) &&
	       READ_ONCE(c->sk->sk_lingertime);
}

/* Under files->file_lock. */
static bool closing_fd_is_unchanged(const struct closing *c)
{
	return files_lookup_fd_locked(current->files, c->fd) == c->file;
}

/*
 * C15: returns 0 if the descriptor may be removed, -EWOULDBLOCK, or -EBADF if
 * another thread has closed or replaced it meanwhile.  Called under
 * files->file_lock.  The lock is released and taken again where the file has other
 * references, since looking at these takes time.  After the lock is released another
 * thread may close a refused socket, so the refusal is counted here.
 */
static int closing_check_refusal(struct closing *c, u32 pending)
	__must_hold(&current->files->file_lock)
{
	int err = 0;

	if (file_count(c->file) == 1) {
		if (decide(c) == REFUSE)
			err = -EWOULDBLOCK;
	} else {
		get_file(c->file);
		spin_unlock(&current->files->file_lock);
		if (winsock_would_block(c, pending))
			err = -EWOULDBLOCK;
		spin_lock(&current->files->file_lock);
		if (!closing_fd_is_unchanged(c))
			err = -EBADF;
		fput(c->file);
	}
	if (err == -EWOULDBLOCK)
		closing_note(c, REFUSE, err);
	return err;
}

/*
 * Under files->file_lock.  Removes the file and leaves the descriptor marked as in
 * use: other threads get EBADF, the descriptor is not allocated again, fork() skips
 * it.  From here on the caller owns the reference of the descriptor table.
 */
static void closing_remove_file(const struct closing *c)
{
	struct fdtable *fdt = files_fdtable(current->files);

	rcu_assign_pointer(fdt->fd[array_index_nospec(c->fd, fdt->max_fds)],
			   NULL);
}

/*
 * C11: installs the file under the same descriptor and admits calls again.  Epoll
 * sets have missed the events since then and must ask for them again.
 */
static void closing_restore(const struct closing *c)
{
	get_file(c->file);
	fd_install(c->fd, c->file);
	if (c->ws) {
		winsock_reopen(c->ws);
		wake_up_interruptible_poll(&c->sock->wq.wait, EPOLLIN |
					   EPOLLOUT | EPOLLERR | EPOLLHUP);
	}
	fput(c->file);
}

/*
 * Sockets of other protocols may linger in their own release, nonblocking or not.
 * A close that must not block prevents that (C15).
 */
static void closing_never_linger(struct sock *sk)
{
	if (!sk || !winsock_lingers(sk) || !READ_ONCE(sk->sk_lingertime))
		return;
	lock_sock(sk);
	sock_reset_flag(sk, SOCK_LINGER);
	release_sock(sk);
}

/* The file has been removed from the descriptor table; the caller owns a reference. */
static int closing_removed(struct closing *c, enum close_kind *how)
{
	/* The reference is mostly the only one, and there is no call to look for. */
	if (unlikely(file_count(c->file) > 1) && winsock_is_shared(c)) {
		*how = SHARED;
		return 0;
	}
	if (c->tcp)
		return closing_carry_out(c, how);
	if (c->nonblock || c->deadline)
		closing_never_linger(c->sk);
	return 0;
}

/*
 * Frees the descriptor and drops the reference.  filp_close() also looks for a flush
 * operation and dnotify, which a socket does not have, and for file locks, which are
 * rare on one.
 */
static void closing_drop(const struct closing *c)
{
	put_unused_fd(c->fd);
	if (unlikely(locks_inode_context(file_inode(c->file))))
		filp_close(c->file, current->files);
	else
		winsock_fput_now(c->file);
}

static void closing_finish(struct closing *c, enum close_kind how)
{
	bool watched = unlikely(winsock_epoll_watches(c->file)) && how != SHARED;

	if (watched)
		get_file(c->file);
	closing_drop(c);
	/*
	 * The stack may have woken an epoll set, which then holds a transient reference
	 * while it asks for events.  The caller's must be the last one.
	 */
	if (watched) {
		winsock_settles_at(c, 1, CLOSE_LEAVE_MS);
		fput(c->file);
	}
}

/* The outcome of a close with a deadline that has ended without DEADLINE_CLOSE. */
static enum winsock_result closing_result(enum close_kind how)
{
	switch (how) {
	case SHARED:
		return WINSOCK_STILL_SHARED;
	case GRACEFUL:
		return WINSOCK_DELIVERED;
	default:
		return WINSOCK_NOT_CONNECTED;
	}
}

/**
 * winsock_close - WINSOCK_IOC_CLOSESOCKET, or a close with a deadline
 * @fd: the descriptor
 * @pending: number of references to the file that only the caller can count
 * @deadline: NULL for closesocket(); ownership passes to this function on success
 *
 * Works on attached and on other sockets.  FIN or RST has been sent when the caller
 * is back in user space: the last reference is dropped here or in task work.
 *
 * Return: 0, and the descriptor is free; -EBADF or -ENOTSOCK; for closesocket() also
 * -EWOULDBLOCK (C15) or -EINTR (C11).  On failure the descriptor is unchanged.
 */
int winsock_close(unsigned int fd, u32 pending,
		  struct winsock_deadline *deadline)
{
	struct files_struct *files = current->files;
	struct closing c = { .fd = fd, .deadline = deadline };
	enum close_kind how = NATIVE;
	int err;

	if (trace_winsock_close_enabled())
		c.start = ktime_get_ns();

	spin_lock(&files->file_lock);
	err = closing_find(&c);
	if (!err && unlikely(closing_is_refusable(&c)))
		err = closing_check_refusal(&c, pending);
	if (!err)
		closing_remove_file(&c);
	spin_unlock(&files->file_lock);
	if (err)
		return err;

	err = closing_removed(&c, &how);
	closing_note(&c, how, err);
	if (err) {
		closing_restore(&c);
		return err;
	}
	closing_finish(&c, how);
	if (unlikely(deadline) && how != DEADLINE_CLOSE)
		winsock_deadline_end(deadline, closing_result(how));
	return 0;
}
