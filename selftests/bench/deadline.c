// SPDX-License-Identifier: GPL-2.0
/*
 * Many connections that are closed with a deadline at the same time: by
 * WINSOCK_IOC_CLOSE_DEADLINE, and by the loop that a server has to keep for them
 * without it.
 *
 * All that the machine does counts, whoever does it: processes, timers, softirqs and
 * the kernel's workers.  That is the time that its one processor has not been idle,
 * of which one nanosecond is one instruction.  What the peers and TCP's own timers do
 * is the same in both and is none of it: it is counted in a run of its own, where the
 * send sides are shut before and the sockets are closed after, and subtracted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <linux/winsock.h>

#include "bench.h"

#define NSEC_PER_SEC	1000000000ull
#define CLOSES		1000
#define EVENTS		64
#define TICK_NSEC	(NSEC_PER_SEC / 10)

/**
 * struct scene - what the peers do
 * @name: of the row
 * @drains: each takes what there is for it, one after the other, until the deadline is
 *	    near; otherwise none ever does
 * @seconds: the deadline
 */
struct scene {
	const char *name;
	bool drains;
	unsigned int seconds;
};

/**
 * struct closed - a connection of the loop's own
 * @entry: in the list of all
 * @fd: still open
 * @deadline: on CLOCK_MONOTONIC
 */
struct closed {
	LIST_ENTRY(closed) entry;
	int fd;
	uint64_t deadline;
};

/**
 * struct result - what became of them
 * @delivered: how many were
 * @reset: how many were reset at the deadline
 * @descriptors: how many were open in the meantime, but for the epoll set, which such a
 *		 server has anyway
 */
struct result {
	unsigned int delivered;
	unsigned int reset;
	unsigned int descriptors;
};

static int fds[CLOSES], peers[CLOSES];
static LIST_HEAD(, closed) all_closed;
static struct closed closed[CLOSES];

static void sleep_until(uint64_t when)
{
	struct timespec ts = { when / NSEC_PER_SEC, when % NSEC_PER_SEC };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* To the nanosecond, which /proc/stat does not have. */
static uint64_t idle_time(void)
{
	FILE *file = fopen("/proc/timer_list", "r");
	unsigned long long idle;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " .idle_sleeptime : %llu", &idle) == 1) {
			fclose(file);
			return idle;
		}
	}
	die("/proc/timer_list: idle_sleeptime");
	return 0;
}

static uint64_t busy_time(void)
{
	uint64_t idle = idle_time();

	return now_ns() - idle;
}

static unsigned int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (!dir)
		die("/proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void open_all(void)
{
	int i, queued;

	for (i = 0; i < CLOSES; i++) {
		new_narrow_pair(false, &fds[i], &peers[i]);
		set_nonblocking(fds[i], true);
		fill(fds[i]);
		if (ioctl(fds[i], SIOCOUTQ, &queued) || !queued)
			die("nothing is queued");
	}
}

static void *drain_all(void *arg)
{
	const struct scene *scene = arg;
	const uint64_t step = scene->seconds * NSEC_PER_SEC / CLOSES * 9 / 10;
	const uint64_t start = now_ns();
	static char buf[65536];
	int i;

	for (i = 0; i < CLOSES; i++) {
		sleep_until(start + NSEC_PER_SEC + i * step);
		while (recv(peers[i], buf, sizeof(buf), 0) > 0)
			;
		close(peers[i]);
	}
	return NULL;
}

/* Nothing but the peers' work and TCP's. */
static void wait_alone(const struct scene *scene, struct result *result)
{
	sleep_until(now_ns() + scene->seconds * NSEC_PER_SEC);
}

static void loop_end(struct closed *c, bool reset)
{
	if (reset)
		set_linger(c->fd, 1, 0);
	close(c->fd);
	LIST_REMOVE(c, entry);
}

static void loop_look(struct closed *c, uint64_t time, struct result *result)
{
	int queued;

	if (ioctl(c->fd, SIOCOUTQ, &queued) || !queued) {
		loop_end(c, false);
		result->delivered++;
	} else if (time >= c->deadline) {
		loop_end(c, true);
		result->reset++;
	}
}

static void loop_tick(int timer, struct result *result)
{
	const uint64_t time = now_ns();
	struct closed *c, *next;
	uint64_t ticks;

	if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		die("timerfd");
	for (c = LIST_FIRST(&all_closed); c; c = next) {
		next = LIST_NEXT(c, entry);
		loop_look(c, time, result);
	}
}

static void loop_begin(const struct scene *scene, int epoll)
{
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLET };
	int i;

	for (i = 0; i < CLOSES; i++) {
		closed[i].fd = fds[i];
		closed[i].deadline = now_ns() + scene->seconds * NSEC_PER_SEC;
		shutdown(fds[i], SHUT_WR);
		event.data.ptr = &closed[i];
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event))
			die("epoll_ctl");
		LIST_INSERT_HEAD(&all_closed, &closed[i], entry);
	}
}

/* As its users write it: keep the descriptor, and ask each at every tick. */
static void close_by_loop(const struct scene *scene, struct result *result)
{
	struct itimerspec tick = {
		.it_value.tv_nsec = TICK_NSEC,
		.it_interval.tv_nsec = TICK_NSEC,
	};
	struct epoll_event event = { .events = EPOLLIN }, events[EVENTS];
	int epoll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	int i, n;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) ||
	    timerfd_settime(timer, 0, &tick, NULL))
		die("timerfd");
	loop_begin(scene, epoll);
	result->descriptors = count_descriptors();
	while (!LIST_EMPTY(&all_closed)) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			/* The tick comes last: it may end what has an event. */
			if (events[i].data.ptr)
				loop_look(events[i].data.ptr, now_ns(), result);
		}
		for (i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				loop_tick(timer, result);
		}
	}
	close(timer);
	close(epoll);
}

static void note_outcomes(const struct winsock_outcome *outcomes, int n,
			  struct result *result)
{
	int i;

	for (i = 0; i < n; i++) {
		result->delivered += outcomes[i].result == WINSOCK_DELIVERED;
		result->reset += outcomes[i].result == WINSOCK_DEADLINE_RESET;
	}
}

static void close_by_request(const struct scene *scene, struct result *result)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct winsock_outcome outcomes[EVENTS];
	int dev = open(WINSOCK_DEVICE, O_RDWR | O_NONBLOCK);
	int epoll = epoll_create1(0);
	unsigned int left = CLOSES;
	int i, n;

	if (dev < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, dev, &event))
		die(WINSOCK_DEVICE);
	for (i = 0; i < CLOSES; i++) {
		struct winsock_close_deadline arg = {
			.fd = fds[i],
			.flags = WINSOCK_CLOSE_REPORT,
			.timeout = scene->seconds * NSEC_PER_SEC,
			.cookie = i,
		};

		if (ioctl(dev, WINSOCK_IOC_CLOSE_DEADLINE, &arg))
			die("WINSOCK_IOC_CLOSE_DEADLINE");
	}
	result->descriptors = count_descriptors();
	while (left) {
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			die("epoll_wait");
		n = read(dev, outcomes, sizeof(outcomes)) / (ssize_t)sizeof(*outcomes);
		note_outcomes(outcomes, n, result);
		left -= n;
	}
	close(dev);
	close(epoll);
}

static uint64_t count(const struct scene *scene, struct result *result,
		      void (*run)(const struct scene *scene, struct result *result))
{
	unsigned int before = count_descriptors();
	const bool alone = run == wait_alone;
	pthread_t thread;
	uint64_t busy;
	int i;

	memset(result, 0, sizeof(*result));
	open_all();
	for (i = 0; alone && i < CLOSES; i++)
		shutdown(fds[i], SHUT_WR);
	/* Whatever the connections' beginning has left to be done. */
	sleep_until(now_ns() + NSEC_PER_SEC);

	busy = busy_time();
	if (scene->drains && pthread_create(&thread, NULL, drain_all, (void *)scene))
		die("thread");
	run(scene, result);
	if (scene->drains)
		pthread_join(thread, NULL);
	busy = busy_time() - busy;

	/* The peers' own are there, too, and an epoll set. */
	result->descriptors -= before + CLOSES + 1;
	for (i = 0; alone && i < CLOSES; i++)
		close(fds[i]);
	for (i = 0; !scene->drains && i < CLOSES; i++)
		close(peers[i]);
	if (!alone && (scene->drains ? result->delivered : result->reset) != CLOSES)
		die(scene->name);
	return busy;
}

static void scene_rows(const struct scene *scene)
{
	static const struct {
		const char *way;
		void (*run)(const struct scene *scene, struct result *result);
	} ways[] = {
		{ "emulation", close_by_loop },
		{ "ioctl-plain", close_by_request },
	};
	struct result result;
	uint64_t alone, busy;
	char name[64];
	size_t i;

	alone = count(scene, &result, wait_alone);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		busy = count(scene, &result, ways[i].run);
		snprintf(name, sizeof(name), "%s, each", scene->name);
		report(name, ways[i].way, (busy - alone) / CLOSES);
		snprintf(name, sizeof(name), "%s, descriptors", scene->name);
		report(name, ways[i].way, result.descriptors);
	}
	snprintf(name, sizeof(name), "%s, peers alone", scene->name);
	report(name, "emulation", alone / CLOSES);
}

void deadline_rows(bool brief)
{
	static const struct scene scenes[] = {
		{ "1000 drain within 60 s", true, 60 },
		{ "1000 never drain, 60 s", false, 60 },
		{ "1000 drain within 30 s", true, 30 },
		{ "1000 never drain, 30 s", false, 30 },
	};
	size_t i, count = brief ? 2 : sizeof(scenes) / sizeof(scenes[0]);

	for (i = 0; i < count; i++)
		scene_rows(&scenes[i]);
}
