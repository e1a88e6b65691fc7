// SPDX-License-Identifier: GPL-2.0
/*
 * Two processors closing at once.  Here the clock has to serve: what counts is
 * how much more two threads get done than one, beside the same for close(2).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define SOCKETS		8000
#define REPEATS		11

struct batch {
	pthread_t thread;
	const struct way *way;
	int fds[SOCKETS];
};

static atomic_int waiting;

static void *batch_run(void *arg)
{
	struct batch *batch = arg;
	int i;

	atomic_fetch_sub(&waiting, 1);
	while (atomic_load(&waiting) > 0)
		;
	for (i = 0; i < SOCKETS; i++)
		if (batch->way->close(batch->fds[i]))
			die("close");
	return NULL;
}

static double seconds(void)
{
	return now_ns() / 1e9;
}

/* Closes in a second, by @threads threads */
static double rate(const struct way *way, int threads)
{
	static struct batch batches[2];
	double start;
	int i, j;

	for (i = 0; i < threads; i++) {
		batches[i].way = way;
		for (j = 0; j < SOCKETS; j++)
			batches[i].fds[j] = new_socket(way->attached);
	}
	/* The clock starts when the last of them is ready. */
	atomic_store(&waiting, threads + 1);
	for (i = 0; i < threads; i++)
		if (pthread_create(&batches[i].thread, NULL, batch_run, &batches[i]))
			die("thread");
	while (atomic_load(&waiting) > 1)
		;
	start = seconds();
	atomic_fetch_sub(&waiting, 1);
	for (i = 0; i < threads; i++)
		pthread_join(batches[i].thread, NULL);
	return threads * SOCKETS / (seconds() - start);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double values[REPEATS])
{
	qsort(values, REPEATS, sizeof(*values), by_value);
	return values[REPEATS / 2];
}

/*
 * A host with other work to do is now fast and now slow: what one thread does is
 * compared with what two do right after, and the ways take turns.
 */
int parallel_rows(void)
{
	struct { double one[REPEATS], two[REPEATS], times[REPEATS]; } *of;
	int i, k;

	of = calloc(nr_ways, sizeof(*of));
	if (!of)
		die("memory");
	for (k = 0; k < REPEATS; k++) {
		for (i = 0; i < nr_ways; i++) {
			of[i].one[k] = rate(&ways[i], 1);
			of[i].two[k] = rate(&ways[i], 2);
			of[i].times[k] = of[i].two[k] / of[i].one[k];
		}
	}
	for (i = 0; i < nr_ways; i++) {
		report("closes a second, 1 thread", ways[i].name,
		       median(of[i].one));
		report("closes a second, 2 threads", ways[i].name,
		       median(of[i].two));
		report("2 threads to 1, percent", ways[i].name,
		       100 * median(of[i].times));
	}
	free(of);
	return 0;
}
