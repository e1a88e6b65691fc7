// SPDX-License-Identifier: GPL-2.0
/*
 * Closes that wait, and closes that others wait for.  While a thread sleeps the
 * counter leaps to the next timer, so that a wait is measured by the processor
 * time of its thread, of which one nanosecond is one instruction.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define NSEC_PER_SEC	1000000000ull
#define MAX_THREADS	64

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* C8 without the module: look each millisecond. */
static int linger_by_emulation(int fd)
{
	int queued, i;

	shutdown(fd, SHUT_WR);
	for (i = 0; i < 5000; i++) {
		if (ioctl(fd, SIOCOUTQ, &queued) || !queued) {
			set_linger(fd, 0, 0);
			return close(fd);
		}
		pause_ms(1);
	}
	set_linger(fd, 1, 0);
	return close(fd);
}

struct closer {
	int fd;
	int (*close)(int fd);
	uint64_t count, wakeups;
	int ret;
};

static void *closer_run(void *arg)
{
	struct closer *closer = arg;
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	closer->count = now(CLOCK_THREAD_CPUTIME_ID);
	closer->ret = closer->close(closer->fd);
	closer->count = now(CLOCK_THREAD_CPUTIME_ID) - closer->count;
	getrusage(RUSAGE_THREAD, &after);
	closer->wakeups = after.ru_nvcsw - before.ru_nvcsw;
	return NULL;
}

/* The peer begins to read after a tenth of a second. */
static void drain_row(bool attached, const char *way, int (*close_it)(int fd))
{
	struct closer closer = { .close = close_it };
	uint64_t least = UINT64_MAX, wakeups = UINT64_MAX;
	static char buf[1 << 20];
	pthread_t thread;
	int i, peer;

	for (i = 0; i < 20; i++) {
		new_pair(attached, &closer.fd, &peer);
		fill(closer.fd);
		set_linger(closer.fd, 1, 5);
		if (pthread_create(&thread, NULL, closer_run, &closer))
			die("thread");
		pause_ms(100);
		while (recv(peer, buf, sizeof(buf), 0) > 0)
			;
		pthread_join(thread, NULL);
		close(peer);
		if (closer.ret)
			die("drain");
		if (closer.count < least)
			least = closer.count;
		if (closer.wakeups < wakeups)
			wakeups = closer.wakeups;
	}
	report("linger until drained", way, least);
	report("linger until drained, wake-ups", way, wakeups);
}

/* C9 */
static void timeout_row(void)
{
	uint64_t start, late, least = UINT64_MAX;
	int i, fd, peer;

	for (i = 0; i < 5; i++) {
		new_pair(true, &fd, &peer);
		fill(fd);
		set_linger(fd, 1, 1);
		start = now(CLOCK_MONOTONIC);
		if (by_ioctl(fd))
			die("timeout");
		late = now(CLOCK_MONOTONIC) - start - NSEC_PER_SEC;
		if (late < least)
			least = late;
		close(peer);
	}
	report("linger timeout, microseconds late", "ioctl", least / 1000);
}

struct sleeper {
	pthread_t thread;
	int fd;
	uint64_t out;
};

static void *sleeper_run(void *arg)
{
	struct sleeper *sleeper = arg;
	char byte;

	recv(sleeper->fd, &byte, 1, 0);
	sleeper->out = __rdtsc();
	return NULL;
}

static int by_shutdown(int fd)
{
	return shutdown(fd, SHUT_RDWR) | close(fd);
}

static void cancel_row(bool attached, const char *way, int (*close_it)(int fd),
		       int threads)
{
	struct sleeper sleepers[MAX_THREADS];
	uint64_t start, last, least = UINT64_MAX;
	char name[64];
	int i, j, fd, peer;

	for (i = 0; i < 20; i++) {
		new_pair(attached, &fd, &peer);
		for (j = 0; j < threads; j++) {
			sleepers[j].fd = fd;
			if (pthread_create(&sleepers[j].thread, NULL,
					   sleeper_run, &sleepers[j]))
				die("thread");
		}
		pause_ms(100);
		start = __rdtsc();
		if (close_it(fd))
			die("cancel");
		last = __rdtsc();
		for (j = 0; j < threads; j++) {
			pthread_join(sleepers[j].thread, NULL);
			if (sleepers[j].out > last)
				last = sleepers[j].out;
		}
		close(peer);
		if (last - start < least)
			least = last - start;
	}
	snprintf(name, sizeof(name), "cancel of %d", threads);
	report(name, way, least);
}

static void memory_row(void)
{
	FILE *file = fopen("/sys/kernel/slab/winsock_sock/slab_size", "r");
	int size;

	if (!file || fscanf(file, "%d", &size) != 1)
		die("/sys/kernel/slab/winsock_sock");
	fclose(file);
	report("bytes for an attached socket", "ioctl", size);
}

void wait_rows(void)
{
	static const int threads[] = { 1, 16, MAX_THREADS };
	size_t i;

	drain_row(false, "emulation", linger_by_emulation);
	drain_row(true, "ioctl", by_ioctl);
	timeout_row();
	for (i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		cancel_row(false, "shutdown", by_shutdown, threads[i]);
		cancel_row(true, "ioctl", by_ioctl, threads[i]);
	}
	memory_row();
}
