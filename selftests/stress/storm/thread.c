// SPDX-License-Identifier: GPL-2.0
/* Threads, and who looks after them. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "storm.h"

#define THREADS_MAX	64

static struct thread threads[THREADS_MAX];
static int nr_threads;
static bool storm_over;
static pthread_t watchdog;
__thread struct thread *me;

void step(const char *doing)
{
	set(me->doing, doing);
	bump(me->steps);
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

unsigned int dice(unsigned int sides)
{
	return (next_random(&me->random) >> 32) % sides;
}

static void show_file(pid_t tid, const char *name, int max_lines)
{
	char path[64], line[200];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	f = fopen(path, "r");
	while (f && max_lines-- && fgets(line, sizeof(line), f))
		dprintf(STDOUT_FILENO, "#     %s: %.*s\n", name,
			(int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static void show_thread(const struct thread *t, int stack_lines)
{
	dprintf(STDOUT_FILENO, "#   %s %d: %s, step %lu, %ld ms ago\n", t->role,
		t->tid, get(t->doing), t->seen, now_ms() - t->since);
	if (t->done || !stack_lines)
		return;
	show_file(t->tid, "syscall", 1);
	show_file(t->tid, "wchan", 1);
	show_file(t->tid, "stack", stack_lines);
}

/* The first failure is told and ends the test; the others have to wait. */
static pthread_mutex_t first_failure = PTHREAD_MUTEX_INITIALIZER;

void die(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	pthread_mutex_lock(&first_failure);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dprintf(STDOUT_FILENO, "# SEED=%lu: %s, step %lu (%s): %s\n", seed,
		me ? me->role : "?", me ? me->steps : 0, me ? me->doing : "?",
		text);
	_exit(EXIT_FAILURE);
}

/* Waits for another thread of ours, who is the one to look at. */
static bool waits_for_thread(const struct thread *t)
{
	return task_inside(t->tid, SYS_futex);
}

/* Who stands still comes first: only so many lines of a test are shown. */
static void show_stall(const struct thread *stalled)
{
	bool shown[THREADS_MAX] = { false };
	int i;

	pthread_mutex_lock(&first_failure);
	dprintf(STDOUT_FILENO, "# SEED=%lu: %s: no progress in %d ms\n", seed,
		stalled->role, WAIT_MS);
	for (i = 0; i < nr_threads; i++) {
		if (threads[i].done || waits_for_thread(&threads[i]) ||
		    now_ms() - threads[i].since < WAIT_MS / 2)
			continue;
		show_thread(&threads[i], 10);
		shown[i] = true;
	}
	for (i = 0; i < nr_threads; i++)
		if (!shown[i])
			show_thread(&threads[i], 0);
	_exit(EXIT_FAILURE);
}

static void *watch(void *unused)
{
	struct thread *stalled;
	int i;

	while (!get(storm_over)) {
		stalled = NULL;
		for (i = 0; i < get(nr_threads); i++) {
			struct thread *t = &threads[i];
			unsigned long steps = get(t->steps);

			if (get(t->done))
				continue;
			if (!t->since || steps != t->seen) {
				t->seen = steps;
				t->since = now_ms();
			}
			if (now_ms() - t->since > WAIT_MS &&
			    (!stalled || t->since < stalled->since))
				stalled = t;
		}
		if (stalled)
			show_stall(stalled);
		usleep(50000);
	}
	return NULL;
}

static void *thread_main(void *arg)
{
	me = arg;
	set(me->tid, syscall(SYS_gettid));
	me->run(me->arg);
	set(me->done, true);
	return NULL;
}

static struct thread *thread_new(const char *role)
{
	struct thread *t = &threads[nr_threads];

	if (nr_threads == THREADS_MAX)
		die("too many threads");
	memset(t, 0, sizeof(*t));
	t->role = role;
	t->doing = "starting";
	t->random = (seed + 1) * 0x9e3779b97f4a7c15ULL ^
		    (nr_threads + 1) * 0xbf58476d1ce4e5b9ULL;
	next_random(&t->random);
	return t;
}

struct thread *start(const char *role, void (*run)(void *), void *arg)
{
	struct thread *t = thread_new(role);

	t->run = run;
	t->arg = arg;
	errno = pthread_create(&t->id, NULL, thread_main, t);
	if (errno)
		die("pthread_create: %s", strerror(errno));
	set(nr_threads, nr_threads + 1);
	wait_until(get(t->tid));
	return t;
}

void join(struct thread *t)
{
	set(me->done, true);	/* not ours to make progress */
	pthread_join(t->id, NULL);
	set(me->done, false);
	step("joined");
}

/* A process begins with its main thread and the watchdog. */
void threads_begin(unsigned int process)
{
	nr_threads = 0;
	storm_over = false;
	me = thread_new("main");
	me->random += process * 0x94d049bb133111ebULL;
	me->tid = syscall(SYS_gettid);
	nr_threads = 1;
	errno = pthread_create(&watchdog, NULL, watch, NULL);
	if (errno)
		die("pthread_create: %s", strerror(errno));
}

void threads_end(void)
{
	set(storm_over, true);
	pthread_join(watchdog, NULL);
}
