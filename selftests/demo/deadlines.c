// SPDX-License-Identifier: GPL-2.0
/*
 * The third table: a server has connections to close by a deadline.  It makes the
 * request for each, or keeps the loop that it needs without the module.
 *
 * The server is a process of its own; the row's process has the peers.
 */
#include <linux/sockios.h>
#include <linux/winsock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "demo.h"

#define CONNECTIONS	8
#define EVENTS		16
#define TICK_MS		100
#define ROOM		16384
/* An RST may come late on a busy machine. */
#define GRACE_MS	1000
/* When peers do what they do, if that is not at once. */
#define LATER_MS	500

enum peers {
	READ_ALL,	/* before the close */
	READ_LATER,
	NEVER_READ,
	RESET_LATER,
};

/**
 * struct by_deadline - one row
 * @id: its number in BEHAVIOUR
 * @situation: for the reader
 * @peers: what they do
 * @killed: the server is, once it has closed
 * @seconds: the deadline
 * @ended: promised of each
 * @other: promised to each peer
 */
struct by_deadline {
	const char *id;
	const char *situation;
	enum peers peers;
	bool killed;
	int seconds;
	const char *ended;
	const char *other;
};

static const struct by_deadline rows[] = {
	{ "T1", "peers have it all", READ_ALL, false, 4,
	  "8 delivered", "8 EOF" },
	{ "T2", "peers read 0.5 s later", READ_LATER, false, 4,
	  "8 delivered", "8 EOF" },
	{ "T3", "peers do not read", NEVER_READ, false, 2,
	  "8 reset", "8 reset" },
	{ "T4", "peers reset in 0.5 s", RESET_LATER, false, 4,
	  "8 lost", "-" },
	{ "T11", "server killed, as T3", NEVER_READ, true, 2,
	  "not told", "8 reset" },
};

/**
 * struct server - what the server's process tells
 * @close_us: how long all closes took
 * @kept: descriptors of connections, after that
 * @delivered: how many were
 * @reset: at the deadline
 * @lost: the peer was faster
 * @wakeups: how often the server slept until then
 * @last_us: when the last of them was over
 */
struct server {
	long close_us;
	int kept;
	int delivered;
	int reset;
	int lost;
	long wakeups;
	long last_us;
};

static long sleeps(void)
{
	struct rusage usage;

	check(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_nvcsw;
}

static int count_open(const struct pair *pairs)
{
	int i, count = 0;

	for (i = 0; i < CONNECTIONS; i++)
		count += pairs[i].fd >= 0 && fd_is_open(pairs[i].fd);
	return count;
}

static void watch(int epoll, int fd, unsigned int events, int index)
{
	struct epoll_event event = { .events = events, .data.u32 = index };

	check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static void request_closes(const struct by_deadline *row, struct pair *pairs)
{
	int i, err;

	for (i = 0; i < CONNECTIONS; i++) {
		err = ioc_close_report(pairs[i].fd, row->seconds * 1000, i);
		if (err)
			fail("close with a deadline: %s", strerror(-err));
	}
}

static void request_wait(struct server *server)
{
	int i, epoll = check(epoll_create1(EPOLL_CLOEXEC));
	struct winsock_outcome outcome;
	struct epoll_event event;

	watch(epoll, winsock_device, EPOLLIN, 0);
	for (i = 0; i < CONNECTIONS; i++) {
		check(epoll_wait(epoll, &event, 1, -1));
		outcome = outcome_next(winsock_device);
		server->delivered += outcome.result == WINSOCK_DELIVERED;
		server->reset += outcome.result == WINSOCK_DEADLINE_RESET;
		server->lost += outcome.result == WINSOCK_PEER_RESET;
	}
}

static int loop_epoll, loop_timer;

static void loop_closes(struct pair *pairs)
{
	struct itimerspec tick = {
		.it_value.tv_nsec = TICK_MS * 1000000,
		.it_interval.tv_nsec = TICK_MS * 1000000,
	};
	int i;

	loop_epoll = check(epoll_create1(EPOLL_CLOEXEC));
	loop_timer = check(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	check(timerfd_settime(loop_timer, 0, &tick, NULL));
	watch(loop_epoll, loop_timer, EPOLLIN, CONNECTIONS);
	for (i = 0; i < CONNECTIONS; i++) {
		check(shutdown(pairs[i].fd, SHUT_WR));
		watch(loop_epoll, pairs[i].fd, EPOLLRDHUP | EPOLLET, i);
	}
}

/* Is this one over? */
static void loop_look(struct pair *pair, long deadline, struct server *server)
{
	int error = 0;
	socklen_t len = sizeof(error);

	check(getsockopt(pair->fd, SOL_SOCKET, SO_ERROR, &error, &len));
	if (error) {
		server->lost++;
	} else if (!queued(pair->fd)) {
		server->delivered++;
	} else if (now_ms() >= deadline) {
		set_linger(pair->fd, 1, 0);
		server->reset++;
	} else {
		return;
	}
	close(pair->fd);
	pair->fd = -1;
}

static void loop_wait(struct pair *pairs, long deadline, struct server *server)
{
	struct epoll_event events[EVENTS];
	unsigned long long ticks;
	int i, j, n;

	while (server->delivered + server->reset + server->lost < CONNECTIONS) {
		n = check(epoll_wait(loop_epoll, events, EVENTS, -1));
		for (i = 0; i < n; i++) {
			if (events[i].data.u32 == CONNECTIONS)
				check(read(loop_timer, &ticks, sizeof(ticks)));
			/* Whoever woke it, and at a tick all of them. */
			for (j = 0; j < CONNECTIONS; j++)
				if (pairs[j].fd >= 0 &&
				    (events[i].data.u32 == CONNECTIONS ||
				     events[i].data.u32 == j))
					loop_look(&pairs[j], deadline, server);
		}
	}
}

/* Writes to @out once it has closed all, and once all are over. */
static void serve(const struct by_deadline *row, enum side side,
		  struct pair *pairs, int out)
{
	struct server server = { 0 };
	long long start = now_us(), before = sleeps();

	if (side == BY_CLOSESOCKET)
		request_closes(row, pairs);
	else
		loop_closes(pairs);
	server.close_us = now_us() - start;
	server.kept = count_open(pairs);
	check(write(out, &server, sizeof(server)));
	if (side == BY_CLOSESOCKET)
		request_wait(&server);
	else
		loop_wait(pairs, start / 1000 + row->seconds * 1000, &server);
	server.last_us = now_us() - start;
	server.wakeups = sleeps() - before;
	check(write(out, &server, sizeof(server)));
	_exit(0);
}

static void open_pairs(const struct by_deadline *row, int family,
		       struct pair *pairs)
{
	struct kind kind = { .family = family, .nonblocking = true };
	int i;

	for (i = 0; i < CONNECTIONS; i++) {
		pair_connect(&pairs[i], &kind, check(socket(family, SOCK_STREAM, 0)),
			     ROOM);
		if (row->peers == READ_ALL) {
			pair_send(&pairs[i], 1000);
			wait_until(!queued(pairs[i].fd));
		} else {
			pair_stall(&pairs[i]);
		}
	}
}

/* What the peers do meanwhile. */
static void play_peers(const struct by_deadline *row, struct pair *pairs,
		       struct received *got)
{
	int i;

	if (row->peers == NEVER_READ)
		usleep((row->seconds * 1000 + GRACE_MS) * 1000);
	else if (row->peers != READ_ALL)
		usleep(LATER_MS * 1000);
	for (i = 0; i < CONNECTIONS; i++) {
		wire_look(&pairs[i].wire);
		if (row->peers == RESET_LATER) {
			set_linger(pairs[i].peer, 1, 0);
			close(pairs[i].peer);
		} else if (row->peers != NEVER_READ || pairs[i].wire.sent.rst) {
			got[i] = receive_all(pairs[i].peer);
			/* Its own end, which the loop waits for. */
			close(pairs[i].peer);
		}
	}
}

static void look_at_peers(const struct by_deadline *row,
			  const struct pair *pairs, const struct received *got,
			  struct outcome *outcome)
{
	int i, eof = 0, reset = 0;

	outcome->intact = true;
	for (i = 0; i < CONNECTIONS; i++) {
		eof += got[i].ending == END_EOF;
		reset += got[i].ending == END_RESET;
		if (got[i].ending != END_NONE && !got[i].intact)
			outcome->intact = false;
		if (got[i].ending == END_EOF && got[i].bytes != pairs[i].sent)
			outcome->intact = false;
	}
	if (row->peers == RESET_LATER)
		strcpy(outcome->other, "-");
	else if (eof || reset)
		snprintf(outcome->other, sizeof(outcome->other), "%d %s",
			 eof ?: reset, eof ? "EOF" : "reset");
	else
		snprintf(outcome->other, sizeof(outcome->other), "%d still open",
			 CONNECTIONS);
}

static void note_server(const struct server *server, struct outcome *outcome)
{
	char text[sizeof(outcome->error)];

	if (server->delivered == CONNECTIONS)
		snprintf(text, sizeof(text), "%d delivered", CONNECTIONS);
	else if (server->reset == CONNECTIONS)
		snprintf(text, sizeof(text), "%d reset", CONNECTIONS);
	else if (server->lost == CONNECTIONS)
		snprintf(text, sizeof(text), "%d lost", CONNECTIONS);
	else
		snprintf(text, sizeof(text), "%d+%d+%d", server->delivered,
			 server->reset, server->lost);
	strcpy(outcome->error, text);
	outcome->out_us = server->last_us;
	outcome->wakeups = server->wakeups;
}

static void take(int fd, struct server *server)
{
	if (check(read(fd, server, sizeof(*server))) != sizeof(*server))
		fail("the server ended early");
}

static void deadlines_measure(unsigned int index, enum side side, int family,
			      struct outcome *outcome)
{
	const struct by_deadline *row = &rows[index];
	struct received got[CONNECTIONS] = { 0 };
	struct pair pairs[CONNECTIONS];
	int i, told[2], go[2];
	struct server server;
	char byte;
	pid_t pid;

	winsock_open();
	open_pairs(row, family, pairs);
	check(pipe(told));
	check(pipe(go));
	pid = child_fork();
	if (!pid) {
		for (i = 0; i < CONNECTIONS; i++)
			close(pairs[i].peer);
		/* The row's process has the server's sockets, until it says so. */
		check(read(go[0], &byte, 1));
		serve(row, side, pairs, told[1]);
	}
	for (i = 0; i < CONNECTIONS; i++) {
		close(pairs[i].fd);
		pairs[i].fd = -1;
	}
	check(write(go[1], "", 1));

	take(told[0], &server);
	outcome->close_us = server.close_us;
	outcome->kept = server.kept;
	if (row->killed) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	play_peers(row, pairs, got);
	if (row->killed) {
		strcpy(outcome->error, "not told");
		outcome->out_us = -1;
		outcome->wakeups = -1;
	} else {
		take(told[0], &server);
		waitpid(pid, NULL, 0);
		note_server(&server, outcome);
	}
	look_at_peers(row, pairs, got, outcome);
}

static void deadlines_judge(unsigned int index, const struct outcome *outcome,
			    struct complaint *complaint)
{
	const struct by_deadline *row = &rows[index];

	complain_about_close(complaint, outcome, NULL, 0, SOON_MS);
	if (outcome->kept)
		complain(complaint, "%d descriptors are still open", outcome->kept);
	if (strcmp(outcome->error, row->ended))
		complain(complaint, "the outcomes are \"%s\", not \"%s\"",
			 outcome->error, row->ended);
	if (strcmp(outcome->other, row->other))
		complain(complaint, "the peers see \"%s\", not \"%s\"",
			 outcome->other, row->other);
	if (row->peers == NEVER_READ && outcome->out_us >= 0 &&
	    outcome->out_us < row->seconds * 1000000L)
		complain(complaint, "the reset came before the deadline");
	if (!outcome->intact)
		complain(complaint, "a peer got wrong bytes");
}

static const char *deadlines_id(unsigned int row)
{
	return rows[row].id;
}

#define LEFT_FORMAT	"%-4s %-23s %8s %-3s"
#define SIDE_FORMAT	"%6s %4s %5s %-11s %6s %s"

static void deadlines_heading(void)
{
	printf("\n" LEFT_FORMAT " | %-46s | %s\n", "", "", "", "",
	       "WINSOCK_IOC_CLOSE_DEADLINE", "a loop with a timer, epoll, SIOCOUTQ");
	printf(LEFT_FORMAT " | " SIDE_FORMAT " | " SIDE_FORMAT "\n",
	       "row", "8 connections", "deadline", "IP",
	       "took", "fds", "slept", "outcome", "after", "peers see",
	       "took", "fds", "slept", "outcome", "after", "peers see");
}

static void side_cells(const struct outcome *outcome, char *text, size_t size)
{
	char wakeups[16] = "-", kept[16];
	struct cell took, last;

	if (outcome->wakeups >= 0)
		snprintf(wakeups, sizeof(wakeups), "%d", outcome->wakeups);
	snprintf(kept, sizeof(kept), "%d", outcome->kept);
	snprintf(text, size, SIDE_FORMAT, time_cell(&took, outcome->close_us),
		 kept, wakeups, outcome->error,
		 time_cell(&last, outcome->out_us), outcome->other);
}

static void deadlines_line(unsigned int index, const char *family,
			   const struct outcome outcomes[SIDES])
{
	const struct by_deadline *row = &rows[index];
	char seconds[16], ours[128], loop[128];

	snprintf(seconds, sizeof(seconds), "%d s", row->seconds);
	side_cells(&outcomes[BY_CLOSESOCKET], ours, sizeof(ours));
	side_cells(&outcomes[BY_CLOSE], loop, sizeof(loop));
	printf(LEFT_FORMAT " | %-46s | %s\n", row->id, row->situation, seconds,
	       family, ours, loop);
}

/* How often a server slept is a matter of time, which is not compared. */
static bool deadlines_alike(const struct outcome *one, const struct outcome *other)
{
	return one->kept == other->kept && one->intact == other->intact &&
	       !strcmp(one->error, other->error) &&
	       !strcmp(one->other, other->other);
}

const struct section deadlines = {
	.rows = ARRAY_SIZE(rows),
	.id = deadlines_id,
	.heading = deadlines_heading,
	.measure = deadlines_measure,
	.judge = deadlines_judge,
	.line = deadlines_line,
	.alike = deadlines_alike,
};
