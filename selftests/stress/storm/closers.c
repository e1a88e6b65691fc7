// SPDX-License-Identifier: GPL-2.0
/*
 * Closers that know nothing of each other, on numbers that sockets and pipes
 * take in turn.  The books: whatever was put there was closed once.
 */
#include <fcntl.h>
#include <string.h>

#include "storm.h"

struct arena {
	int base;
	int limit;
	int anchor;		/* is never the last reference */
	unsigned long goal;
	unsigned long placed;
	unsigned long closed;
	bool full;		/* nothing will be added */
};

static int arena_socket(struct arena *a)
{
	int fd;

	/*
	 * closesocket() wonders for a while whether to refuse this one, and
	 * goes on with a number that may be somebody else's by then.
	 */
	if (!dice(64))
		return check(fcntl(a->anchor, F_DUPFD_CLOEXEC, 0));

	switch (dice(8)) {
	case 0:
		return new_socket(false, SOCK_STREAM);
	case 1:
		return new_socket(true, SOCK_DGRAM);
	case 2:
		return check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	case 3:
		fd = new_socket(true, SOCK_STREAM);
		check(listen(fd, 1));
		return fd;
	default:
		return new_socket(true, SOCK_STREAM);
	}
}

static void arena_make(void *arg)
{
	struct arena *a = arg;
	int fd, n;

	while (get(a->placed) < a->goal) {
		step("making sockets");
		fd = arena_socket(a);
		n = dup_in_range(fd, a->base, a->limit);
		if (n >= 0)
			bump(a->placed);
		else
			sched_yield();
		check(close(fd));
	}
}

static void arena_close(void *arg)
{
	struct arena *a = arg;
	int err;

	while (!get(a->full) || get(a->closed) < get(a->placed)) {
		step("closing whatever there is");
		err = closesocket(a->base + dice(a->limit - a->base));
		if (!err)
			bump(a->closed);
		else if (err == -EINTR)
			die("closesocket: %s", strerror(-err));
		else
			usleep(dice(100));
	}
}

void storm_closers(void)
{
	struct arena a = { .base = 200, .limit = 216, .goal = 22000 * rounds };
	struct kind kind = { AF_INET, true, true };
	struct thread *makers[2], *racers[4];
	struct fd_reuse reuses[2];
	struct pair pair;
	int i;

	pair_open(&pair, &kind);
	pair_stall(&pair);
	close(pair.wire.fd);
	set_linger(pair.fd, 1, LINGER_LONG);
	a.anchor = pair.fd;

	for (i = 0; i < ARRAY_SIZE(racers); i++)
		racers[i] = start("closer", arena_close, &a);
	for (i = 0; i < ARRAY_SIZE(reuses); i++)
		fd_reuse_start(&reuses[i], a.base, a.limit);
	for (i = 0; i < ARRAY_SIZE(makers); i++)
		makers[i] = start("maker", arena_make, &a);

	for (i = 0; i < ARRAY_SIZE(makers); i++)
		join(makers[i]);
	set(a.full, true);
	for (i = 0; i < ARRAY_SIZE(racers); i++)
		join(racers[i]);
	for (i = 0; i < ARRAY_SIZE(reuses); i++)
		fd_reuse_stop(&reuses[i]);

	if (a.closed != a.placed)
		die("%lu sockets were closed %lu times", a.placed, a.closed);
	for (i = a.base; i < a.limit; i++)
		if (fd_is_open(i))
			die("number %d is still open", i);
	pair.wire.fd = -1;
	pair_close(&pair);
}
