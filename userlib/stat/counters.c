// SPDX-License-Identifier: LGPL-2.1-or-later
/* /proc/net/winsock_stat, in the manner of vmstat(8). */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stat.h"

#define COUNTERS_FILE	"/proc/net/winsock_stat"
#define ROWS		20	/* lines between two headings */

/* The columns from LEVELS on are current values, not counts of events. */
enum { LEVELS = 13, COUNTERS = 15 };

static const struct {
	const char *name;
	const char *heading;
} columns[COUNTERS] = {
	{ "WinsockCloseGraceful", "graceful" },
	{ "WinsockCloseHard", "hard" },
	{ "WinsockCloseLinger", "linger" },
	{ "WinsockCloseNative", "native" },
	{ "WinsockCloseShared", "shared" },
	{ "WinsockCloseRefused", "refused" },
	{ "WinsockLingerTimeouts", "timeout" },
	{ "WinsockLingerInterrupted", "interrupt" },
	{ "WinsockCallsCancelled", "cancelled" },
	{ "WinsockCloseDeadline", "deadline" },
	{ "WinsockDeadlineDelivered", "delivered" },
	{ "WinsockDeadlineResets", "late" },
	{ "WinsockDeadlineLost", "lost" },
	[LEVELS] = { "WinsockCurrAttached", "attached" },
	{ "WinsockCurrDeadline", "underway" },
};

struct counters {
	unsigned long n[COUNTERS];
};

static FILE *open_counters(void)
{
	FILE *f = fopen(COUNTERS_FILE, "r");

	if (!f && errno == ENOENT)
		errx(EXIT_FAILURE,
		     "the module winsock is not loaded; as root run: modprobe winsock");
	if (!f)
		err(EXIT_FAILURE, "cannot read " COUNTERS_FILE);
	return f;
}

void stat_need_module(void)
{
	fclose(open_counters());
}

static struct counters read_counters(void)
{
	struct counters counters = { 0 };
	unsigned long value;
	FILE *f = open_counters();
	char name[64];
	int i;

	while (fscanf(f, "%63s %lu", name, &value) == 2)
		for (i = 0; i < COUNTERS; i++)
			if (!strcmp(name, columns[i].name))
				counters.n[i] = value;
	fclose(f);
	return counters;
}

static void print_heading(void)
{
	int i;

	for (i = 0; i < COUNTERS; i++)
		printf("%s%9s", i ? " " : "", columns[i].heading);
	putchar('\n');
	stat_flush();
}

/* Prints counts per second, over an interval of @seconds, and levels unchanged. */
static void print_row(const struct counters *before, const struct counters *now,
		      unsigned int seconds)
{
	unsigned long n;
	int i;

	for (i = 0; i < COUNTERS; i++) {
		n = now->n[i] - (i >= LEVELS ? 0 : before->n[i]);
		if (i)
			putchar(' ');
		if (i >= LEVELS || seconds == 1)
			printf("%9lu", n);
		else
			printf("%9.1f", (double)n / seconds);
	}
	putchar('\n');
	stat_flush();
}

void stat_counters(unsigned int interval, unsigned long count)
{
	struct counters before = { 0 }, now;
	struct timespec next;
	unsigned long row;

	now = read_counters();
	print_heading();
	if (!interval) {
		print_row(&before, &now, 1);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (row = 0; !count || row < count; row++) {
		if (row && !(row % ROWS) && isatty(STDOUT_FILENO))
			print_heading();
		next.tv_sec += interval;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL))
			;
		before = now;
		now = read_counters();
		print_row(&before, &now, interval);
	}
}
