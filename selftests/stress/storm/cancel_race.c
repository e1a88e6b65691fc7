// SPDX-License-Identifier: GPL-2.0
/*
 * Calls in a socket while it is closed, its number taken at once by another one
 * that would answer every one of them.  Two kinds of rounds:
 *
 * asleep: the close comes when all workers sleep in their calls.  Each must get
 * what BEHAVIOUR's P rows say and nothing else.
 *
 * racing: the close comes at some moment around that at which they enter.  They
 * may find the number gone too, but must not stay, and the number is not given
 * out before they are back, so that what they get is about their own socket.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "storm.h"

enum op {
	OP_NONE,
	OP_RECV, OP_READ, OP_RECVMSG, OP_SPLICE, OP_WAITALL,
	OP_SEND, OP_WRITE,
	OP_ACCEPT, OP_CONNECT,
	OP_POLLIN, OP_POLLOUT, OP_SELECT, OP_EPOLL,
	OP_DRAIN, OP_FEED, OP_POLL_AGAIN, OP_POLL_TAKE,
	OP_CLOSE,
};

#define CANCELLED	{ -ECANCELED }
#define TOO_LATE	{ -ECANCELED, -EBADF }

/**
 * struct outcome - what a call may come to when its socket is closed
 * @name: of the call
 * @asleep: errors if it slept in the socket
 * @racing: errors if it may have come too late
 * @bytes: success with part of its bytes is fine
 */
static const struct outcome {
	const char *name;
	int asleep[2];
	int racing[2];
	bool bytes;
} outcomes[] = {
	[OP_NONE]	= { "nothing" },
	[OP_RECV]	= { "recv", CANCELLED, TOO_LATE },
	[OP_READ]	= { "read", CANCELLED, TOO_LATE },
	[OP_RECVMSG]	= { "recvmsg", CANCELLED, TOO_LATE },
	[OP_SPLICE]	= { "splice", CANCELLED, TOO_LATE },
	[OP_WAITALL]	= { "recv MSG_WAITALL", CANCELLED, TOO_LATE, true },
	[OP_SEND]	= { "send", CANCELLED, TOO_LATE, true },
	[OP_WRITE]	= { "write", CANCELLED, TOO_LATE, true },
	[OP_ACCEPT]	= { "accept", CANCELLED, TOO_LATE },
	[OP_CONNECT]	= { "connect", CANCELLED, TOO_LATE },
	[OP_POLLIN]	= { "poll POLLIN" },
	[OP_POLLOUT]	= { "poll POLLOUT" },
	[OP_SELECT]	= { "select", { 0 }, { -EBADF } },
	[OP_EPOLL]	= { "epoll_wait", { 0 }, { -EBADF } },
	[OP_DRAIN]	= { "recv in a loop", CANCELLED, TOO_LATE },
	[OP_FEED]	= { "send by the peer" },
	[OP_POLL_AGAIN]	= { "poll in a loop" },
	[OP_POLL_TAKE]	= { "poll and recv in a loop" },
	[OP_CLOSE]	= { "closesocket", { 0 }, { -EBADF } },
};

enum scene {
	SCENE_RECV,	/* connected, nothing to read */
	SCENE_PARTIAL,	/* a part of what they want is there */
	SCENE_FLOW,	/* data keep coming */
	SCENE_SEND,	/* full */
	SCENE_CONNECT,	/* never answered */
	SCENE_ACCEPT,
	SCENE_DGRAM,
	SCENE_TICKLE,	/* datagrams come, so that they enter again and again */
	NR_SCENES,
};

#define WORKERS	3

struct cancel_race;

/**
 * struct worker - one thread with calls in the socket
 * @race: its race
 * @thread: the thread
 * @op: its call this round
 * @result: of the call: -errno, bytes, or the poll mask
 * @back: the call has returned
 * @pipe: to splice into
 * @epoll: with @stop in it
 * @stop: ends epoll_wait() when all is over
 */
struct worker {
	struct cancel_race *race;
	struct thread *thread;
	enum op op;
	long result;
	bool back;
	int pipe[2];
	int epoll;
	int stop;
};

/**
 * struct cancel_race - a number, its workers and who closes it
 * @number: where the sockets of this race live, one after the other
 * @goal: rounds to do
 * @quick: only the scenes that are set up quickly, mostly racing
 * @over: no more rounds
 * @closed: this round's socket is
 * @peer: the other end of this round's connection, or -1
 * @in: what the workers may receive
 * @trap: takes the number next; connected, readable, writable
 * @trap_peer: its other end
 * @port: to connect to
 * @deaf: a port that does not answer any more
 * @callers: connections that fill it
 * @tickler: sends datagrams to this round's socket
 * @entry_us: how long workers take to fall asleep
 */
struct cancel_race {
	struct thread *driver;
	int number;
	unsigned long goal;
	bool quick;
	pthread_barrier_t ready, finished;
	struct worker workers[WORKERS];
	bool over;
	bool closed;
	int peer;
	struct stream in;
	int trap, trap_peer;
	struct port port, deaf;
	int callers[2];
	int tickler;
	long entry_us;
};

static void spin(long us)
{
	long long end = now_us() + us;

	while (now_us() < end)
		;
}

static long worker_recvmsg(int fd, void *buf, size_t len)
{
	struct iovec iov[16] = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 16 };

	iov[15].iov_base = buf;
	iov[15].iov_len = len;
	return result(recvmsg(fd, &msg, 0));
}

static long worker_poll(int fd, short events, enum op op)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret;

	for (;;) {
		ret = poll(&pfd, 1, -1);
		if (ret != 1)
			die("poll: %d", ret);
		if ((op != OP_POLL_AGAIN && op != OP_POLL_TAKE) ||
		    pfd.revents & ~POLLIN)
			return pfd.revents;
		step("poll");
		if (op == OP_POLL_TAKE)
			result(recv(fd, &op, 0, MSG_DONTWAIT));
		else
			sched_yield();
	}
}

static long worker_select(int fd)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	if (select(fd + 1, &in, NULL, NULL, NULL) < 0)
		return -errno;
	return FD_ISSET(fd, &in) ? 1 : -ENOMSG;
}

/* Returns when told to, with nothing heard of the socket. */
static long worker_epoll(struct worker *w, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	uint64_t value;

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	if (epoll_wait(w->epoll, &event, 1, -1) != 1)
		die("epoll_wait: %s", strerror(errno));
	if (event.data.fd != w->stop)
		die("an epoll set heard %#x of a socket after its close",
		    event.events);
	check(read(w->stop, &value, sizeof(value)));
	return 0;
}

static long worker_drain(struct cancel_race *race, int fd)
{
	long ret;

	do {
		step("recv");
		ret = stream_recv(&race->in, fd, 4096, 0);
	} while (ret > 0);
	return ret;
}

static long worker_feed(struct cancel_race *race)
{
	struct stream out = race->in;

	while (!get(race->closed)) {
		step("feed");
		if (stream_send(&out, race->peer, 1 + dice(2 * RECORD),
				MSG_DONTWAIT) < 0 || !dice(4))
			usleep(dice(200));
	}
	return 0;
}

static long worker_call(struct worker *w)
{
	struct cancel_race *race = w->race;
	int fd = race->number;
	char buf[4096];

	switch (w->op) {
	case OP_NONE:
		return 0;
	case OP_RECV:
		return stream_recv(&(struct stream){ race->in.conn, 1, 0 }, fd,
				   RECORD, 0);
	case OP_READ:
		return result(read(fd, buf, RECORD));
	case OP_RECVMSG:
		return worker_recvmsg(fd, buf, RECORD);
	case OP_SPLICE:
		return result(splice(fd, NULL, w->pipe[1], NULL, RECORD, 0));
	case OP_WAITALL:
		return stream_recv(&(struct stream){ race->in.conn, 1, 0 }, fd,
				   4 * RECORD, MSG_WAITALL);
	case OP_SEND:
		memset(buf, 0, sizeof(buf));
		return result(send(fd, buf, sizeof(buf), MSG_NOSIGNAL));
	case OP_WRITE:
		memset(buf, 0, sizeof(buf));
		return result(write(fd, buf, sizeof(buf)));
	case OP_ACCEPT:
		return result(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	case OP_CONNECT:
		return result(connect(fd, (struct sockaddr *)&race->deaf.addr,
				      race->deaf.len));
	case OP_POLLIN:
		return worker_poll(fd, POLLIN, w->op);
	case OP_POLLOUT:
		return worker_poll(fd, POLLOUT, w->op);
	case OP_SELECT:
		return worker_select(fd);
	case OP_EPOLL:
		return worker_epoll(w, fd);
	case OP_DRAIN:
		return worker_drain(race, fd);
	case OP_FEED:
		return worker_feed(race);
	case OP_POLL_AGAIN:
	case OP_POLL_TAKE:
		return worker_poll(fd, POLLIN, w->op);
	case OP_CLOSE:
		usleep(dice(1 + race->entry_us));
		return closesocket(fd);
	}
	return 0;
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct cancel_race *race = w->race;

	for (;;) {
		step("waiting for a round");
		pthread_barrier_wait(&race->ready);
		if (race->over)
			return;
		step(outcomes[w->op].name);
		w->result = worker_call(w);
		set(w->back, true);
		step("back");
		pthread_barrier_wait(&race->finished);
	}
}

/* In its call, or already back. */
static bool worker_asleep(const struct worker *w)
{
	long nr;

	if (get(w->back))
		return true;
	nr = task_syscall(w->thread->tid);
	return nr >= 0 && nr != SYS_futex;
}

static bool polls(enum op op)
{
	return op == OP_POLLIN || op == OP_POLLOUT || op == OP_POLL_AGAIN ||
	       op == OP_POLL_TAKE;
}

static void judge(const struct worker *w, bool asleep)
{
	const struct outcome *o = &outcomes[w->op];
	long result = w->result;
	int i;

	if (polls(w->op)) {
		if (result == POLLNVAL ||
		    (w->op == OP_POLLOUT && result == POLLOUT) ||
		    (!asleep &&
		     (result & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP)))
			return;
		if (!asleep || !(result & (POLLIN | POLLOUT)))
			die("%s: %#lx", o->name, result);
		bump(counts->outstayed);
		return;
	}
	if (w->op == OP_SELECT ? result == 1 : !result)
		return;
	if (result > 0 && o->bytes)
		return;
	for (i = 0; i < 2; i++) {
		int allowed = asleep ? o->asleep[i] : o->racing[i];

		if (allowed && result == allowed)
			return;
	}
	die("%s %s: %ld (%s)", o->name,
	    asleep ? "asleep in a socket that was closed" : "racing a close",
	    result, result < 0 ? strerror(-result) : "success");
}

static void take_number(struct cancel_race *race, int fd, const char *what)
{
	if (dup_in_range(fd, race->number, race->number + 1) != race->number)
		die("number %d is not free for %s", race->number, what);
}

/* What one datagram socket sends goes to another. */
static void aim(int from, int to)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	check(bind(to, (struct sockaddr *)&addr, len));
	check(getsockname(to, (struct sockaddr *)&addr, &len));
	check(connect(from, (struct sockaddr *)&addr, len));
}

/*
 * The workers are on their way into poll() when the close comes: woken just now
 * is a much better guess than started just now.
 */
static void tickle(const struct cancel_race *race)
{
	unsigned int times = 1 + dice(6);

	while (times--) {
		/* What the last round's socket refused is told to this one. */
		result(send(race->tickler, "", 0, 0));
		spin(dice(100));
	}
}

/* Chooses the calls and returns the socket they are for. */
static int set_scene(struct cancel_race *race, enum scene scene, int linger)
{
	static const enum op receivers[] = {
		OP_RECV, OP_READ, OP_RECVMSG, OP_SPLICE, OP_POLLIN, OP_SELECT,
		OP_EPOLL
	};
	static const enum op senders[] = { OP_SEND, OP_WRITE, OP_POLLOUT };
	static const enum op acceptors[] = { OP_ACCEPT, OP_ACCEPT, OP_POLLIN };
	static const enum op listeners[] = { OP_RECV, OP_POLLIN, OP_SELECT };
	static const enum op flow[] = { OP_DRAIN, OP_FEED, OP_POLL_AGAIN };
	struct stream stream = { .conn = bump(counts->conn) };
	int fd = -1, i;

	race->peer = -1;
	race->in = stream;
	race->in.direction = 1;
	if (scene <= SCENE_SEND) {
		fd = port_connect(&race->port, true);
		race->peer = port_accept(&race->port);
		if (linger >= 0)
			set_linger(fd, 1, linger);
	}
	for (i = 0; i < WORKERS; i++) {
		enum op *op = &race->workers[i].op;

		switch (scene) {
		case SCENE_RECV:
			*op = receivers[dice(ARRAY_SIZE(receivers))];
			break;
		case SCENE_PARTIAL:
			*op = OP_WAITALL;
			break;
		case SCENE_FLOW:
			*op = flow[i];
			break;
		case SCENE_SEND:
			*op = senders[dice(ARRAY_SIZE(senders))];
			break;
		case SCENE_CONNECT:
			*op = i ? OP_NONE : OP_CONNECT;
			break;
		case SCENE_TICKLE:
			*op = OP_POLL_TAKE;
			break;
		case SCENE_ACCEPT:
			*op = acceptors[dice(ARRAY_SIZE(acceptors))];
			break;
		default:
			*op = listeners[dice(ARRAY_SIZE(listeners))];
		}
	}
	switch (scene) {
	case SCENE_PARTIAL:
		stream.direction = 1;
		stream_send_all(&stream, race->peer, RECORD);
		wait_until(readable(fd) == RECORD);
		break;
	case SCENE_SEND:
		stream_stuff(&stream, fd, FILL_UP);
		break;
	case SCENE_CONNECT:
		fd = new_socket(true, SOCK_STREAM);
		break;
	case SCENE_ACCEPT:
		fd = new_socket(true, SOCK_STREAM);
		check(listen(fd, 4));
		break;
	case SCENE_DGRAM:
		fd = new_socket(true, SOCK_DGRAM);
		break;
	case SCENE_TICKLE:
		fd = new_socket(true, SOCK_DGRAM);
		aim(race->tickler, fd);
		break;
	default:
		break;
	}
	return fd;
}

/* The close has reached the peer: nothing of ours holds the socket. */
static void expect_end(int peer, bool reset)
{
	struct pollfd pfd = { .fd = peer, .events = POLLIN };
	char buf[4096];
	long ret;

	do {
		step("waiting for the peer's end");
		check(poll(&pfd, 1, -1));
		ret = result(recv(peer, buf, sizeof(buf), MSG_DONTWAIT));
	} while (ret > 0 || ret == -EAGAIN);
	if (ret != (reset ? -ECONNRESET : 0))
		die("the peer ends with %ld, not %s", ret,
		    reset ? "a reset" : "EOF");
}

static void trap_open(struct cancel_race *race)
{
	struct stream bait = { .conn = bump(counts->conn), .direction = 1 };

	race->trap = port_connect(&race->port, false);
	race->trap_peer = port_accept(&race->port);
	stream_send_all(&bait, race->trap_peer, 16 * RECORD);
	wait_until(readable(race->trap) == 16 * RECORD);
}

static void trap_verify(const struct cancel_race *race)
{
	if (readable(race->trap) != 16 * RECORD)
		die("a call of a closed socket has read from the next one");
	if (readable(race->trap_peer))
		die("a call of a closed socket has written to the next one");
}

static void wait_asleep(struct cancel_race *race)
{
	long long began = now_us();
	int i;

	for (i = 0; i < WORKERS; i++) {
		const struct worker *w = &race->workers[i];

		while (w->op != OP_NONE && !worker_asleep(w))
			usleep(20);
	}
	race->entry_us += (now_us() - began - race->entry_us) / 8;
}

static void check_parts(const struct cancel_race *race, bool asleep)
{
	long sum = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		if (race->workers[i].op == OP_WAITALL &&
		    race->workers[i].result > 0)
			sum += race->workers[i].result;
	if (sum > RECORD || (asleep && sum != RECORD))
		die("%ld bytes reported of %zu", sum, RECORD);
}

static void race_round(struct cancel_race *race, enum scene scene, bool asleep)
{
	static const int lingers[] = { -1, -1, 0, LINGER_LONG };
	int linger = lingers[dice(scene == SCENE_SEND ? 3 : 4)];
	struct worker *closer = NULL;
	uint64_t one = 1;
	int fd, i, err, zeros;

	step("setting the scene");
	fd = set_scene(race, scene, linger);
	take_number(race, fd, "the next socket");
	close(fd);
	if (!asleep && scene != SCENE_FLOW && scene != SCENE_TICKLE &&
	    !dice(4)) {
		closer = &race->workers[WORKERS - 1];
		closer->op = OP_CLOSE;
	}
	race->closed = false;
	for (i = 0; i < WORKERS; i++)
		race->workers[i].back = false;

	pthread_barrier_wait(&race->ready);
	step("closing the descriptor");
	if (asleep)
		wait_asleep(race);
	else
		spin(dice(1 + race->entry_us * (scene == SCENE_FLOW ? 8 : 2)));
	if (scene == SCENE_TICKLE)
		tickle(race);
	err = closesocket(race->number);
	if (err && !(closer && err == -EBADF))
		die("closesocket: %s", strerror(-err));
	if (asleep)
		take_number(race, race->trap, "the trap");
	set(race->closed, true);

	if (race->peer >= 0 && scene != SCENE_FLOW) {
		expect_end(race->peer, linger == 0);
		send(race->peer, "x", 1, MSG_NOSIGNAL);
	}
	for (i = 0; i < WORKERS; i++)
		if (race->workers[i].op == OP_EPOLL)
			check(write(race->workers[i].stop, &one, sizeof(one)));

	step("waiting for the workers");
	pthread_barrier_wait(&race->finished);
	for (i = 0; i < WORKERS; i++) {
		judge(&race->workers[i], asleep);
		/* What epoll_wait() did not need. */
		if (race->workers[i].op == OP_EPOLL)
			result(read(race->workers[i].stop, &one, sizeof(one)));
	}
	if (scene == SCENE_PARTIAL)
		check_parts(race, asleep);
	zeros = !err + (closer && !closer->result);
	if (zeros != 1)
		die("%d closers of one number succeeded", zeros);
	if (asleep) {
		trap_verify(race);
		check(close(race->number));
	}
	if (race->peer >= 0) {
		set_linger(race->peer, 1, 0);
		close(race->peer);
	}
}

static enum scene choose_scene(bool quick)
{
	if (quick)
		return SCENE_ACCEPT + dice(NR_SCENES - SCENE_ACCEPT);
	return dice(NR_SCENES);
}

static void race_drive(void *arg)
{
	struct cancel_race *race = arg;
	unsigned long i;

	for (i = 0; i < race->goal; i++) {
		enum scene scene = choose_scene(race->quick);
		bool asleep = dice(8) < (race->quick ? 1 : 4);

		/* The two in which nobody sleeps for long. */
		if (scene == SCENE_FLOW || scene == SCENE_TICKLE)
			asleep = false;
		race_round(race, scene, asleep);
	}
	race->over = true;
	pthread_barrier_wait(&race->ready);
}

static void race_start(struct cancel_race *race, int number, unsigned long goal,
		       bool quick)
{
	struct epoll_event event = { .events = EPOLLIN };
	int i;

	memset(race, 0, sizeof(*race));
	race->number = number;
	race->goal = goal;
	race->quick = quick;
	race->entry_us = 200;
	port_open(&race->port, false, 16);
	port_open(&race->deaf, false, 0);
	race->callers[0] = port_connect(&race->deaf, false);
	race->callers[1] = new_socket(false, SOCK_STREAM | SOCK_NONBLOCK);
	result(connect(race->callers[1], (struct sockaddr *)&race->deaf.addr,
		       race->deaf.len));
	race->tickler = new_socket(false, SOCK_DGRAM);
	trap_open(race);
	pthread_barrier_init(&race->ready, NULL, WORKERS + 1);
	pthread_barrier_init(&race->finished, NULL, WORKERS + 1);
	for (i = 0; i < WORKERS; i++) {
		struct worker *w = &race->workers[i];

		w->race = race;
		check(pipe2(w->pipe, O_CLOEXEC));
		w->stop = check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		w->epoll = check(epoll_create1(EPOLL_CLOEXEC));
		event.data.fd = w->stop;
		check(epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &event));
		w->thread = start("worker", work, w);
	}
	race->driver = start("driver", race_drive, race);
}

static void race_join(struct cancel_race *race)
{
	int i;

	join(race->driver);
	for (i = 0; i < WORKERS; i++) {
		struct worker *w = &race->workers[i];

		join(w->thread);
		close(w->pipe[0]);
		close(w->pipe[1]);
		close(w->stop);
		close(w->epoll);
	}
	close(race->trap);
	close(race->trap_peer);
	close(race->callers[0]);
	close(race->callers[1]);
	close(race->tickler);
	close(race->deaf.fd);
	close(race->port.fd);
}

void storm_cancel_race(unsigned long goal, bool quick)
{
	struct cancel_race races[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(races); i++)
		race_start(&races[i], 400 + 32 * i, goal * rounds, quick);
	for (i = 0; i < ARRAY_SIZE(races); i++)
		race_join(&races[i]);
}
