// SPDX-License-Identifier: GPL-2.0
/*
 * Streams that live through whatever a closesocket() may do to them before it
 * succeeds, and all of whose bytes arrive if it was a graceful one.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "storm.h"

enum plan {
	PLAN_GRACEFUL,	/* SO_DONTLINGER */
	PLAN_HARD,	/* LINGER {1, 0} */
	PLAN_REFUSED,	/* nonblocking, LINGER {1, N}, peer stalled */
	PLAN_LINGER,	/* LINGER {1, N}, interrupted by signals */
	PLAN_TIMEOUT,	/* LINGER {1, 1}, peer stalled for longer */
	PLAN_DEADLINE,	/* a close with a deadline, which is far away */
	PLAN_LATE,	/* one that the peer does not meet */
	PLAN_DUP,	/* the other descriptor goes first */
	PLAN_NATIVE,	/* close(2) */
};

/**
 * struct session - a thread that opens, fills and closes, and its reader
 * @thread: the thread
 * @reader: drains the peer
 * @go: the reader may begin
 * @done: it has seen the end
 * @over: there is nothing left to read
 * @goal: connections to make
 * @lingering: the thread is in a linger wait and wants signals
 * @plain: listener that is not attached
 * @attached: listener that is
 * @fd: the socket under test
 * @peer: the other end
 * @peer_attached: and is attached
 * @out: what was sent on @fd
 * @back: what was sent to @fd
 * @heard: what the reader got of @out
 * @end: 0 for EOF, -ECONNRESET
 */
struct session {
	struct thread *thread, *reader;
	sem_t go, done;
	bool over;
	unsigned long goal;
	bool lingering;
	struct port plain, attached;
	int fd, peer;
	bool peer_attached;
	struct stream out, back, heard;
	long end;
};

static void sem_down(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void read_session(void *arg)
{
	struct session *s = arg;
	long ret;

	for (;;) {
		sem_down(&s->go);
		if (s->over)
			return;
		if (dice(2))
			usleep(dice(8000));
		do {
			step("reading");
			ret = stream_recv(&s->heard, s->peer,
					  1 + dice(4096), 0);
			if (!dice(16))
				usleep(dice(1000));
		} while (ret > 0);
		s->end = ret;
		if (s->peer_attached)
			closesocket_ok(s->peer);
		else
			close(s->peer);
		step("read all");
		sem_post(&s->done);
	}
}

/* Both ways round, both kinds of peers. */
static void session_connect(struct session *s)
{
	uint32_t conn = bump(counts->conn);

	if (dice(2)) {
		s->peer_attached = dice(4) == 0;
		s->peer = port_connect(&s->attached, s->peer_attached);
		s->fd = port_accept(&s->attached);
	} else {
		s->peer_attached = false;
		s->fd = port_connect(&s->plain, true);
		s->peer = port_accept(&s->plain);
	}
	s->out = (struct stream){ conn, 0, 0 };
	s->back = (struct stream){ conn, 1, 0 };
	s->heard = (struct stream){ conn, 0, 0 };
}

/* A record to the socket under test, which must still be able to read it. */
static void session_answer(struct session *s)
{
	struct stream in = s->back;

	stream_send_all(&s->back, s->peer, RECORD);
	stream_recv_all(&in, s->fd, RECORD);
}

static void session_linger(struct session *s, int onoff, int seconds)
{
	if (s->fd < 0)
		return;
	set_linger(s->fd, onoff, seconds);
}

static void session_untouched(const struct session *s, ino_t ino, int seconds)
{
	struct linger linger;
	socklen_t len = sizeof(linger);

	if (inode(s->fd) != ino)
		die("after a failed closesocket() %d is not what it was",
		    s->fd);
	check(getsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	if (!linger.l_onoff || linger.l_linger != seconds)
		die("a failed closesocket() left linger {%d, %d}",
		    linger.l_onoff, linger.l_linger);
}

/*
 * Refused as long as the peer stalls, each time with everything in working
 * order; then one of the ways out.  Returns how the stream ends.
 */
static long close_refused(struct session *s)
{
	int seconds = 1 + dice(LINGER_LONG), refusals = dice(4), err;
	ino_t ino = inode(s->fd);
	bool going = false;
	long end = 0;

	set_nonblocking(s->fd, true);
	session_linger(s, 1, seconds);
	stream_stuff(&s->out, s->fd, FILL_UP);
	while ((err = closesocket(s->fd)) == -EWOULDBLOCK) {
		step("refused");
		session_untouched(s, ino, seconds);
		if (!going) {
			session_answer(s);
			if (dice(2))
				stream_stuff(&s->out, s->fd, dice(2 * RECORD));
		}
		if (refusals-- > 0)
			continue;
		if (!going) {
			going = true;
			sem_post(&s->go);
		}
		switch (dice(32)) {
		case 0:
			session_linger(s, 0, seconds);		/* C17 */
			closesocket_ok(s->fd);
			return 0;
		case 1:
			session_linger(s, 1, 0);		/* C18 */
			closesocket_ok(s->fd);
			return -ECONNRESET;
		case 2:
			session_linger(s, 1, LINGER_LONG);
			set_nonblocking(s->fd, false);		/* C19 */
			closesocket_ok(s->fd);
			return 0;
		default:
			usleep(500);
		}
	}
	if (err)
		die("closesocket: %s", strerror(-err));
	if (!going)
		sem_post(&s->go);
	return end;
}

/* C11: as often as the signals come, the file is back under its number. */
static void close_interrupted(struct session *s)
{
	ino_t ino = inode(s->fd);
	int err, tries = dice(4);
	sigset_t usr1;

	session_linger(s, 1, LINGER_LONG);
	stream_stuff(&s->out, s->fd, FILL_UP);
	if (!tries)
		sem_post(&s->go);

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	set(s->lingering, true);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	while ((err = closesocket(s->fd)) == -EINTR) {
		step("interrupted");
		session_untouched(s, ino, LINGER_LONG);
		if (--tries == 0)
			sem_post(&s->go);
	}
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	set(s->lingering, false);
	if (err)
		die("closesocket: %s", strerror(-err));
	/* The buffers had taken it all. */
	if (tries > 0)
		sem_post(&s->go);
}

/* T3; or T1, T2, where the buffers take it all. */
static long close_late(struct session *s)
{
	int device = check(open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC));
	struct winsock_close_deadline arg = {
		.fd = s->fd,
		.flags = WINSOCK_CLOSE_REPORT,
		.timeout = 1 + dice(100000000),
		.cookie = s->out.conn,
	};
	struct winsock_outcome outcome;

	check(ioctl(device, WINSOCK_IOC_CLOSE_DEADLINE, &arg));
	bump(counts->closed);
	bump(*all_closed);
	step("waiting for the outcome");
	outcome = outcome_next(device);
	close(device);
	if (outcome.cookie != s->out.conn)
		die("the outcome of another close");
	sem_post(&s->go);
	switch (outcome.result) {
	case WINSOCK_DELIVERED:
		return 0;
	case WINSOCK_DEADLINE_RESET:
		return -ECONNRESET;
	default:
		die("outcome %u", outcome.result);
	}
}

/* Returns how the stream must end. */
static long session_close(struct session *s, enum plan plan)
{
	bool early = dice(2);
	long began;
	int other;

	if (plan != PLAN_REFUSED && plan != PLAN_LINGER && plan != PLAN_LATE)
		stream_stuff(&s->out, s->fd, dice(4) ? dice(16384) : FILL_UP);

	switch (plan) {
	case PLAN_REFUSED:
		return close_refused(s);
	case PLAN_LINGER:
		close_interrupted(s);
		return 0;
	case PLAN_LATE:
		session_linger(s, dice(2), dice(2));
		set_nonblocking(s->fd, dice(2));
		stream_stuff(&s->out, s->fd, FILL_UP);
		return close_late(s);
	case PLAN_TIMEOUT:
		session_linger(s, 1, 1);
		began = now_ms();
		closesocket_ok(s->fd);
		sem_post(&s->go);
		return now_ms() - began >= 1000 ? -ECONNRESET : 0;
	default:
		break;
	}

	if (early)
		sem_post(&s->go);
	switch (plan) {
	case PLAN_HARD:
		session_linger(s, 1, 0);
		closesocket_ok(s->fd);
		break;
	case PLAN_DEADLINE:
		session_linger(s, dice(2), dice(2));
		set_nonblocking(s->fd, dice(2));
		close_deadline_ok(s->fd, LINGER_LONG * 1000);
		break;
	case PLAN_DUP:
		other = check(fcntl(s->fd, F_DUPFD_CLOEXEC, 0));
		session_linger(s, 1, dice(2));
		set_nonblocking(s->fd, dice(2));
		closesocket_ok(s->fd);
		s->fd = other;
		session_linger(s, 0, 0);
		stream_stuff(&s->out, s->fd, dice(4096));
		closesocket_ok(s->fd);
		break;
	case PLAN_NATIVE:
		check(close(s->fd));
		break;
	default:
		if (dice(2))
			check(shutdown(s->fd, SHUT_WR));
		closesocket_ok(s->fd);
	}
	if (!early)
		sem_post(&s->go);
	return plan == PLAN_HARD ? -ECONNRESET : 0;
}

static enum plan session_plan(void)
{
	static const enum plan plans[] = {
		PLAN_GRACEFUL, PLAN_GRACEFUL, PLAN_HARD, PLAN_HARD,
		PLAN_REFUSED, PLAN_REFUSED, PLAN_REFUSED, PLAN_LINGER,
		PLAN_LINGER, PLAN_LINGER, PLAN_DEADLINE, PLAN_DEADLINE,
		PLAN_LATE, PLAN_DUP, PLAN_NATIVE,
	};

	return dice(128) ? plans[dice(ARRAY_SIZE(plans))] : PLAN_TIMEOUT;
}

static void session_round(struct session *s)
{
	enum plan plan = session_plan();
	unsigned int unread = 0;
	long end;

	step("connecting");
	session_connect(s);
	if (dice(2))
		session_answer(s);
	/* U1; close(2) knows no such thing. */
	if (plan != PLAN_NATIVE)
		unread = dice(3) * 100;
	stream_send_all(&s->back, s->peer, unread);
	wait_until(readable(s->fd) == unread);
	if (plan == PLAN_REFUSED) {
		s->back.offset -= unread;
		stream_recv_all(&s->back, s->fd, unread);
	}

	step("closing");
	end = session_close(s, plan);
	step("waiting for the reader");
	sem_down(&s->done);
	if (s->end != end)
		die("plan %d: the stream ends with %ld instead of %ld after %lu bytes of %lu",
		    plan, s->end, end, s->heard.offset, s->out.offset);
	if (!end && s->heard.offset != s->out.offset)
		die("plan %d: %lu bytes of %lu arrived", plan,
		    s->heard.offset, s->out.offset);
}

static void run_session(void *arg)
{
	struct session *s = arg;
	unsigned long i;

	for (i = 0; i < s->goal; i++)
		session_round(s);
	s->over = true;
	sem_post(&s->go);
}

struct poker {
	struct thread *thread;
	struct session *sessions;
	int nr;
	bool stop;
};

/* Signals for those who wait, and for nobody else. */
static void poke(void *arg)
{
	struct poker *p = arg;
	int i;

	while (!get(p->stop)) {
		step("poking");
		for (i = 0; i < p->nr; i++)
			if (get(p->sessions[i].lingering))
				pthread_kill(p->sessions[i].thread->id,
					     SIGUSR1);
		usleep(500 + dice(2000));
	}
}

void storm_sessions(void)
{
	struct session sessions[5] = { 0 };
	struct poker poker = { .sessions = sessions };
	struct fd_reuse reuse;
	sigset_t usr1;
	int i;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);

	/* Takes and gives back the numbers just below and between theirs. */
	fd_reuse_start(&reuse, 0, 0);
	for (i = 0; i < ARRAY_SIZE(sessions); i++) {
		struct session *s = &sessions[i];

		s->goal = 600 * rounds;
		sem_init(&s->go, 0, 0);
		sem_init(&s->done, 0, 0);
		port_open(&s->plain, false, 4);
		port_open(&s->attached, true, 4);
		s->reader = start("reader", read_session, s);
		s->thread = start("session", run_session, s);
	}
	poker.nr = ARRAY_SIZE(sessions);
	poker.thread = start("poker", poke, &poker);

	for (i = 0; i < ARRAY_SIZE(sessions); i++) {
		join(sessions[i].thread);
		join(sessions[i].reader);
		check(close(sessions[i].plain.fd));
		closesocket_ok(sessions[i].attached.fd);
	}
	set(poker.stop, true);
	join(poker.thread);
	fd_reuse_stop(&reuse);
	if (!counts->refused || !counts->interrupted)
		die("%lu closes were refused and %lu interrupted",
		    counts->refused, counts->interrupted);
}
