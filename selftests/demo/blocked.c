// SPDX-License-Identifier: GPL-2.0
/*
 * The second table: threads sit in a call, another one closes the socket.
 *
 * Those that close(2) leaves behind end with the process of their row.
 */
#include <stdio.h>
#include <string.h>

#include "demo.h"
#include "support/syscall_nr.h"

#define THREADS_MAX	8
/* close(2) wakes nobody: so long is waited for its threads. */
#define PATIENCE_MS	500
/* Those of closesocket() need only the CPU, which may be busy; else: for ever. */
#define PROMPT_MS	5000
/* How long the other end may take to notice. */
#define NOTICE_MS	300

/**
 * struct scene - a socket that threads can sit in
 * @fd: the socket
 * @pair: the connection it is an end of; its @fd is -1 if there is none
 * @addr: where it is bound, or will connect to
 * @len: of @addr
 */
struct scene {
	int fd;
	struct pair pair;
	struct sockaddr_storage addr;
	socklen_t len;
};

/**
 * struct waiter - a thread in a call
 * @call: the thread
 * @side: whose call
 * @scene: its socket
 * @out_us: when it came out
 */
struct waiter {
	struct call call;
	enum side side;
	const struct scene *scene;
	long out_us;
};

static void listening(struct scene *scene, enum side side, int family)
{
	scene->fd = side_socket(side, family, SOCK_STREAM);
	listen_loopback(scene->fd, family, 8, &scene->addr, &scene->len);
}

static void connected(struct scene *scene, enum side side, int family)
{
	struct kind kind = { .family = family };

	pair_connect(&scene->pair, &kind, side_socket(side, family, SOCK_STREAM),
		     65536);
	scene->fd = scene->pair.fd;
}

static void full(struct scene *scene, enum side side, int family)
{
	connected(scene, side, family);
	pair_stall(&scene->pair);
}

/* The listener's TCP hears nothing: no SYN is ever answered. */
static void unanswered(struct scene *scene, enum side side, int family)
{
	listen_deaf(family, &scene->addr, &scene->len);
	scene->fd = side_socket(side, family, SOCK_STREAM);
}

static void datagrams(struct scene *scene, enum side side, int family)
{
	scene->fd = side_socket(side, family, SOCK_DGRAM);
	bind_loopback(scene->fd, family, &scene->addr, &scene->len);
}

static struct waiter *waiter_of(struct call *call)
{
	return call->arg;
}

static long left(struct call *call, long result)
{
	waiter_of(call)->out_us = now_us();
	return result;
}

static long sit_in_accept(struct call *call)
{
	return left(call, side_accept(waiter_of(call)->side, call->fd));
}

static long sit_in_recv(struct call *call)
{
	char byte;

	return left(call, side_recv(waiter_of(call)->side, call->fd, &byte, 1));
}

static long sit_in_recvfrom(struct call *call)
{
	char byte;

	return left(call, side_recvfrom(waiter_of(call)->side, call->fd, &byte,
					1));
}

static long sit_in_send(struct call *call)
{
	return left(call, side_send(waiter_of(call)->side, call->fd, "", 1));
}

static long sit_in_connect(struct call *call)
{
	const struct scene *scene = waiter_of(call)->scene;

	return left(call, side_connect(waiter_of(call)->side, call->fd,
				       &scene->addr, scene->len));
}

static long sit_in_poll(struct call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLLIN };

	poll(&pfd, 1, -1);
	return left(call, pfd.revents);
}

/* One more connection, one more byte, one more datagram: who takes it? */
static const char *knock(const struct scene *scene, int type)
{
	int fd = check(socket(scene->addr.ss_family, type, 0));
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char byte = 0;

	if (connect(fd, (const struct sockaddr *)&scene->addr, scene->len))
		return errno == ECONNREFUSED ? "port closed" : "?";
	if (type == SOCK_STREAM)
		return "port open";
	check(send(fd, &byte, 1, 0));
	check(poll(&pfd, 1, NOTICE_MS));
	if (recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
		return "port closed";
	return "port open";
}

static const char *other_listener(const struct scene *scene)
{
	return knock(scene, SOCK_STREAM);
}

static const char *other_datagram(const struct scene *scene)
{
	return knock(scene, SOCK_DGRAM);
}

static const char *other_peer(const struct scene *scene)
{
	struct pollfd pfd = { .fd = scene->pair.peer, .events = POLLIN };
	char byte;

	if (!check(poll(&pfd, 1, NOTICE_MS)))
		return "nothing";
	if (!recv(scene->pair.peer, &byte, 1, MSG_DONTWAIT))
		return "EOF";
	return errno == ECONNRESET ? "reset" : "?";
}

/**
 * struct blocked - one row
 * @id: its number in BEHAVIOUR
 * @name: of the call
 * @threads: how many sit in it
 * @nr: of the system call that they sleep in
 * @sit: makes the call
 * @scene: makes the socket
 * @look: says what the other end sees afterwards; NULL if nothing is told
 * @error: promised to each thread
 * @other: promised to the other end
 */
struct blocked {
	const char *id;
	const char *name;
	int threads;
	long nr;
	long (*sit)(struct call *call);
	void (*scene)(struct scene *scene, enum side side, int family);
	const char *(*look)(const struct scene *scene);
	const char *error;
	const char *other;
};

static const struct blocked rows[] = {
	{ "P1", "accept", 8, SYS_accept4, sit_in_accept, listening,
	  other_listener, "WSAEINTR", "port closed" },
	{ "P2", "recv", 8, SYS_recvfrom, sit_in_recv, connected,
	  other_peer, "WSAECONNABORTED", "EOF" },
	{ "P2", "send, full", 4, SYS_sendto, sit_in_send, full,
	  NULL, "WSAECONNABORTED", "-" },
	{ "P3", "recvfrom, UDP", 4, SYS_recvmsg, sit_in_recvfrom, datagrams,
	  other_datagram, "WSAEINTR", "port closed" },
	{ "P4", "connect", 1, SYS_connect, sit_in_connect, unanswered,
	  NULL, "WSAENOTSOCK", "-" },
	{ "P7", "poll", 4, SYS_poll, sit_in_poll, connected,
	  other_peer, "POLLNVAL", "EOF" },
};

static void error_text(const struct waiter *waiter, char *text, size_t size)
{
	long result = waiter->call.result;

	if (waiter->call.run == sit_in_poll)
		snprintf(text, size, result == POLLNVAL ? "POLLNVAL" : "%#lx",
			 result);
	else if (result < 0)
		snprintf(text, size, "%s", side_error(waiter->side, result));
	else
		snprintf(text, size, "%ld", result);
}

static int count_out(const struct waiter *waiters, int threads)
{
	int i, out = 0;

	for (i = 0; i < threads; i++)
		out += call_done(&waiters[i].call);
	return out;
}

static void look_at_threads(const struct waiter *waiters, long start,
			    struct outcome *outcome)
{
	char text[sizeof(outcome->error)];
	int i;

	strcpy(outcome->error, "-");
	outcome->out_us = -1;
	for (i = 0; i < outcome->threads; i++) {
		if (!call_done(&waiters[i].call))
			continue;
		if (waiters[i].out_us - start > outcome->out_us)
			outcome->out_us = waiters[i].out_us - start;
		error_text(&waiters[i], text, sizeof(text));
		if (!outcome->out++)
			strcpy(outcome->error, text);
		else if (strcmp(outcome->error, text))
			strcpy(outcome->error, "(various)");
	}
}

static void blocked_measure(unsigned int index, enum side side, int family,
			    struct outcome *outcome)
{
	static struct waiter waiters[THREADS_MAX];
	const struct blocked *row = &rows[index];
	struct scene scene = { .pair.fd = -1 };
	long start, patience;
	int i;

	row->scene(&scene, side, family);
	outcome->threads = row->threads;
	for (i = 0; i < row->threads; i++) {
		waiters[i] = (struct waiter) {
			.call = {
				.nr = row->nr,
				.run = row->sit,
				.fd = scene.fd,
				.arg = &waiters[i],
			},
			.side = side,
			.scene = &scene,
		};
		call_enter(&waiters[i].call);
	}

	start = now_us();
	outcome->result = side_close(side, scene.fd);
	outcome->close_us = now_us() - start;
	outcome->fd_open = fd_is_open(scene.fd);
	patience = now_ms() + (side == BY_CLOSE ? PATIENCE_MS : PROMPT_MS);
	while (count_out(waiters, row->threads) < row->threads &&
	       now_ms() < patience)
		usleep(1000);

	look_at_threads(waiters, start, outcome);
	snprintf(outcome->other, sizeof(outcome->other), "%s",
		 row->look ? row->look(&scene) : "-");
}

static void blocked_judge(unsigned int index, const struct outcome *outcome,
			  struct complaint *complaint)
{
	const struct blocked *row = &rows[index];

	complain_about_close(complaint, outcome, NULL, 0, PROMPT_MS);
	if (outcome->fd_open)
		complain(complaint, "the descriptor is still open");
	if (outcome->out != outcome->threads)
		complain(complaint, "%d of %d threads are still inside",
			 outcome->threads - outcome->out, outcome->threads);
	else if (strcmp(outcome->error, row->error))
		complain(complaint, "not every thread got %s", row->error);
	if (strcmp(outcome->other, row->other))
		complain(complaint, "the other end sees \"%s\", not \"%s\"",
			 outcome->other, row->other);
}

static const char *blocked_id(unsigned int row)
{
	return rows[row].id;
}

#define LEFT_FORMAT	"%-4s %-13s %7s %-3s"
#define OURS_FORMAT	"%-8s %6s %-6s %6s %-15s %-11s"
#define NATIVE_FORMAT	"%6s %-6s %-8s %s\n"

static void blocked_heading(void)
{
	printf("\n" LEFT_FORMAT " | %-60s| close()\n", "", "", "", "",
	       "closesocket()");
	printf(LEFT_FORMAT " | " OURS_FORMAT " | " NATIVE_FORMAT,
	       "row", "sitting in", "threads", "IP", "returned", "took", "out",
	       "within", "with", "other end", "took", "out", "with",
	       "other end");
}

static void blocked_line(unsigned int index, const char *family,
			 const struct outcome outcomes[SIDES])
{
	const struct outcome *ours = &outcomes[BY_CLOSESOCKET];
	const struct outcome *native = &outcomes[BY_CLOSE];
	const struct blocked *row = &rows[index];
	struct cell threads, result, took[SIDES], within, out[SIDES];
	int i;

	snprintf(threads.text, sizeof(threads.text), "%d", row->threads);
	for (i = 0; i < SIDES; i++) {
		time_cell(&took[i], outcomes[i].close_us);
		snprintf(out[i].text, sizeof(out[i].text), "%d of %d",
			 outcomes[i].out, outcomes[i].threads);
	}
	printf(LEFT_FORMAT " | ", row->id, row->name, threads.text, family);
	printf(OURS_FORMAT " | ", result_cell(&result, BY_CLOSESOCKET, ours),
	       took[0].text, out[0].text, time_cell(&within, ours->out_us),
	       ours->error, ours->other);
	printf(NATIVE_FORMAT, took[1].text, out[1].text, native->error,
	       native->other);
}

static bool blocked_alike(const struct outcome *one, const struct outcome *other)
{
	return one->result == other->result && one->fd_open == other->fd_open &&
	       one->out == other->out &&
	       !strcmp(one->error, other->error) &&
	       !strcmp(one->other, other->other);
}

const struct section blocked_calls = {
	.rows = ARRAY_SIZE(rows),
	.id = blocked_id,
	.heading = blocked_heading,
	.measure = blocked_measure,
	.judge = blocked_judge,
	.line = blocked_line,
	.alike = blocked_alike,
};
