// SPDX-License-Identifier: GPL-2.0
/*
 * Closers that start on the same number at the same moment, close(2) and dup2(2)
 * among them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "storm.h"

enum way { WAY_CLOSESOCKET, WAY_CLOSE, WAY_DUP2 };

#define RACERS	3

struct race {
	pthread_barrier_t ready, finished;
	int fd;
	int replacement;
	bool over;
	struct racer {
		struct race *race;
		enum way way;
		int result;
	} racers[RACERS];
};

static void racer_run(void *arg)
{
	struct racer *r = arg;
	struct race *race = r->race;

	for (;;) {
		pthread_barrier_wait(&race->ready);
		if (race->over)
			return;
		step("racing");
		if (r->way == WAY_CLOSESOCKET)
			r->result = closesocket(race->fd);
		else if (r->way == WAY_CLOSE)
			r->result = result(close(race->fd));
		else
			r->result = result(dup2(race->replacement, race->fd));
		pthread_barrier_wait(&race->finished);
	}
}

/*
 * dup2() wins without any other closer failing: it may come first and be closed
 * (a pipe: ENOTSOCK, or 0 from close), come last, or meet a number that is
 * being given up (EBUSY).
 */
static void race_judge(const struct race *race, ino_t pipe_ino)
{
	const int *res[RACERS];
	int zeros = 0, dup2s = 0, closes = 0, i;

	for (i = 0; i < RACERS; i++) {
		const struct racer *r = &race->racers[i];

		res[i] = &r->result;
		if (r->way == WAY_DUP2) {
			dup2s++;
			if (r->result != race->fd && r->result != -EBUSY)
				die("dup2: %d", r->result);
			continue;
		}
		closes += r->way == WAY_CLOSE;
		if (r->result == 0)
			zeros++;
		else if (r->result != -EBADF &&
			 !(dup2s && r->result == -ENOTSOCK))
			die("racing close %d: %s", i, strerror(-r->result));
	}
	if (!dup2s) {
		if (zeros != 1)
			die("%d closers of one number succeeded (%d, %d, %d)",
			    zeros, *res[0], *res[1], *res[2]);
		if (fd_is_open(race->fd))
			die("number %d is still open", race->fd);
		return;
	}
	/* closesocket() cannot have closed the pipe, close() may have. */
	if (zeros > 1 + closes)
		die("%d closers of a socket and a pipe succeeded", zeros);
	if (!closes && race->racers[0].result == race->fd &&
	    inode(race->fd) != pipe_ino)
		die("the pipe that dup2() put at %d is gone", race->fd);
	if (fd_is_open(race->fd) && inode(race->fd) != pipe_ino)
		die("number %d is not the pipe", race->fd);
	close(race->fd);
}

void storm_close_race(void)
{
	struct thread *threads[RACERS];
	struct race race = { 0 };
	unsigned long i;
	int pipe[2], fd;

	check(pipe2(pipe, O_CLOEXEC));
	race.replacement = pipe[0];
	pthread_barrier_init(&race.ready, NULL, RACERS + 1);
	pthread_barrier_init(&race.finished, NULL, RACERS + 1);
	for (i = 0; i < RACERS; i++) {
		race.racers[i].race = &race;
		threads[i] = start("racer", racer_run, &race.racers[i]);
	}
	for (i = 0; i < 2500 * rounds; i++) {
		step("racing");
		race.fd = 200 + dice(8);
		fd = new_socket(dice(8), dice(8) ? SOCK_STREAM : SOCK_DGRAM);
		check(dup3(fd, race.fd, O_CLOEXEC));
		close(fd);
		/* dup2() is the first if it is there at all. */
		race.racers[0].way = dice(3) ? WAY_CLOSESOCKET : WAY_DUP2;
		race.racers[1].way = WAY_CLOSESOCKET;
		race.racers[2].way = dice(3) ? WAY_CLOSESOCKET : WAY_CLOSE;
		pthread_barrier_wait(&race.ready);
		pthread_barrier_wait(&race.finished);
		race_judge(&race, inode(pipe[0]));
	}
	race.over = true;
	pthread_barrier_wait(&race.ready);
	for (i = 0; i < RACERS; i++)
		join(threads[i]);
	close(pipe[0]);
	close(pipe[1]);
}
