// SPDX-License-Identifier: GPL-2.0
/* Closing, in each state a socket can be in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

struct close_row {
	const char *name;
	void (*prepare)(int fd, int peer);
	bool alone;		/* no connection */
	bool refused;		/* the close fails and leaves the socket open */
	bool waits;		/* close(2) does, for however long: see typical() */
	const char *skip;	/* a way for which the row makes no sense */
	int (*request)(int fd);	/* instead of WINSOCK_IOC_CLOSESOCKET, by itself */
};

static void nothing(int fd, int peer)
{
}

static void hard(int fd, int peer)
{
	set_linger(fd, 1, 0);
}

static void peer_fin(int fd, int peer)
{
	shutdown(peer, SHUT_WR);
}

static void unread(int fd, int peer)
{
	if (send(peer, "unread", 6, 0) != 6)
		die("send");
}

static void listening(int fd, int peer)
{
	if (listen(fd, 8))
		die("listen");
}

static int kept = -1;

static void duplicate(int fd, int peer)
{
	kept = dup(fd);
}

static void idle_linger(int fd, int peer)
{
	set_linger(fd, 1, 5);
}

static void idle_linger_nonblocking(int fd, int peer)
{
	set_linger(fd, 1, 5);
	set_nonblocking(fd, true);
}

static void pending(int fd, int peer)
{
	set_linger(fd, 1, 5);
	set_nonblocking(fd, true);
	fill(fd);
}

/* The peer never reads; see new_narrow_pair(). */
static void not_drained(int fd, int peer)
{
	fill(fd);
}

static const struct close_row rows[] = {
	{ "FIN close", nothing },
	{ "FIN close, not drained", not_drained },
	{ "deadline close", nothing, .request = by_deadline },
	{ "deadline close, not drained", not_drained, .request = by_deadline },
	{ "RST close", hard },
	{ "after the peer's FIN", peer_fin },
	{ "unread input", unread },
	{ "unconnected", nothing, .alone = true },
	{ "listening", listening, .alone = true },
	{ "not last (dup)", duplicate },
	{ "idle linger, blocking", idle_linger, .waits = true },
	{ "idle linger, nonblocking", idle_linger_nonblocking, .waits = true },
	{ "refusal", pending, .refused = true, .skip = "close" },
};

/* Where the clock's tick stands at a close is left to no chance: everywhere. */
static void pass_time(int round)
{
	usleep(500 + 137 * round % 4000);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The least is what a path costs; a wait has none that says anything. */
static uint64_t typical(uint64_t counts[ROUNDS], bool waits)
{
	qsort(counts, ROUNDS, sizeof(*counts), by_size);
	return counts[waits ? ROUNDS / 2 : 0];
}

static void close_row(const struct close_row *row, const struct way *way)
{
	int (*close_it)(int fd) = row->request ?: way->close;
	uint64_t counts[ROUNDS];
	int i, fd, peer, ret;

	if (row->skip && !strcmp(row->skip, way->name))
		return;
	if (row->request && way->close != by_ioctl)
		return;
	for (i = 0; i < ROUNDS; i++) {
		peer = -1;
		if (row->alone)
			fd = new_socket(way->attached);
		else if (row->prepare == not_drained)
			new_narrow_pair(way->attached, &fd, &peer);
		else
			new_pair(way->attached, &fd, &peer);
		row->prepare(fd, peer);
		pass_time(i);
		counts[i] = UINT64_MAX;
		COUNT(counts[i], ret = close_it(fd));
		if (!ret == row->refused)
			die(row->name);
		if (row->refused) {
			set_linger(fd, 1, 0);
			close(fd);
		}
		if (peer >= 0)
			close(peer);
		if (kept >= 0) {
			close(kept);
			kept = -1;
		}
	}
	report_least(row->name, way->name, typical(counts, row->waits));
}

void close_rows(void)
{
	size_t i;
	int j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (j = 0; j < nr_ways; j++)
			close_row(&rows[i], &ways[j]);
}

/* The cost of a close must not depend on how many sockets are open. */
void open_rows(int count)
{
	uint64_t least = UINT64_MAX;
	char name[64];
	int *fds = calloc(count, sizeof(*fds));
	int i, fd, peer;

	for (i = 0; i < count; i++)
		fds[i] = new_socket(true);
	for (i = 0; i < ROUNDS; i++) {
		new_pair(true, &fd, &peer);
		pass_time(i);
		COUNT(least, by_ioctl(fd));
		close(peer);
	}
	snprintf(name, sizeof(name), "FIN close, %d open", count);
	report_least(name, "ioctl", least);
	for (i = 0; i < count; i++)
		close(fds[i]);
	free(fds);
}
