// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer: makes sequences up, keeps those that run code of the module, or
 * come into situations of the model, that none has before, and makes those small
 * that go otherwise than the model has it.
 *
 *   fuzz SECONDS SEED [FILE...]	the files are sequences to begin with
 *   fuzz replay FILE...		run these, and nothing else
 *
 * With FUZZ_SHOW_CORPUS in the environment it prints what it keeps.
 *
 * Every sequence goes to the kernel's log before it is run: if the kernel does
 * not survive it, it stands there last.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cgroup.h"
#include "support/check.h"
#include "support/counters.h"
#include "support/device.h"
#include "support/module.h"
#include "support/netns.h"
#include "support/pair.h"
#include "support/process.h"
#include "support/receive.h"
#include "support/socket.h"
#include "support/thread.h"
#include "support/wire.h"
#include "execute.h"
#include "kcov.h"
#include "program.h"

#define CORPUS_MAX	4096
#define PROGRESS_MS	5000
/* A race is tried so often before it counts as lost. */
#define RACE_TRIES	20
#define MINIMISE_MS	60000
#define FINDINGS_MAX	10

static struct program corpus[CORPUS_MAX];
static int corpus_count;
static unsigned long calls, sequences;
static int kmsg = -1;
static uint8_t features[FEATURES / 8];
static int feature_count;

__attribute__((format(printf, 1, 2)))
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
}

static void log_program(const struct program *p)
{
	char text[900];
	int used = snprintf(text, sizeof(text), "<4>fuzz: ");

	program_print(p, text + used, sizeof(text) - used, "; ");
	if (kmsg >= 0 && write(kmsg, text, strlen(text)) < 0)
		kmsg = -1;
}

static bool fails(const struct program *p, bool hurried,
		  struct verdict *verdict)
{
	log_program(p);
	execute(p, hurried, verdict);
	calls += verdict->calls;
	sequences++;
	return verdict->finding;
}

static bool fails_again(const struct program *p, bool hurried,
			struct verdict *verdict)
{
	int tries = program_racers(p) ? RACE_TRIES : 1;

	while (tries--)
		if (fails(p, hurried, verdict))
			return true;
	return false;
}

/* Without the calls that were not made. */
static void strip(struct program *p, const struct verdict *verdict)
{
	int i;

	for (i = p->count - 1; i >= 0; i--)
		if (verdict->skipped & 1U << i && p->count > 1)
			program_remove(p, i);
}

/* Until no call can be spared. */
static void minimise(struct program *p, struct verdict *verdict)
{
	long end = now_ms() + MINIMISE_MS;
	int i, kept = 0;

	for (i = p->count - 1; kept < p->count && p->count > 1 &&
	     now_ms() < end; i--) {
		struct program less = *p;
		struct verdict last;

		if (i < 0)
			i = p->count - 1;
		program_remove(&less, i);
		if (fails_again(&less, true, &last)) {
			*p = less;
			*verdict = last;
			kept = 0;
		} else {
			kept++;
		}
	}
}

static void report(const struct program *p, const struct verdict *verdict)
{
	char text[TEXT_MAX];

	program_print(p, text, sizeof(text), "\n");
	say("FINDING: %s\n", verdict->text);
	say("replay it with make fuzz REPLAY=file, this being the file:\n\n%s\n",
	    text);
}

static void load(struct program *p, const char *path)
{
	char text[16384];
	const char *error;
	ssize_t n;
	int fd, line;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		errx(2, "%s: %s", path, strerror(errno));
	close(fd);
	text[n] = 0;
	line = program_parse(p, text, &error);
	if (line)
		errx(2, "%s:%d: %s", path, line, error);
}

static int replay(int argc, char **argv)
{
	int i, j, found = 0;

	for (i = 0; i < argc; i++) {
		struct verdict verdict;
		struct program p;

		load(&p, argv[i]);
		if (fails_again(&p, false, &verdict)) {
			report(&p, &verdict);
			found++;
		}
		for (j = 0; j < p.count; j++)
			if (verdict.skipped & 1U << j)
				say("%s: call %d left out: the model does not know its outcome\n",
				    argv[i], j + 1);
	}
	say("%d sequences, %lu calls, %d findings\n", argc, calls, found);
	return found != 0;
}

static void keep(const struct program *p)
{
	char text[TEXT_MAX];

	if (corpus_count < CORPUS_MAX)
		corpus[corpus_count++] = *p;
	if (getenv("FUZZ_SHOW_CORPUS")) {
		program_print(p, text, sizeof(text), "; ");
		say("+ %s\n", text);
	}
}

/* Situations that no sequence has been in before. */
static int new_features(const struct verdict *verdict)
{
	int i, fresh = 0;

	for (i = 0; i < FEATURES / 8; i++) {
		fresh += __builtin_popcount(verdict->features[i] & ~features[i]);
		features[i] |= verdict->features[i];
	}
	feature_count += fresh;
	return fresh;
}

static void choose(struct program *p)
{
	if (!corpus_count || !random_below(8)) {
		program_generate(p);
		return;
	}
	/* The newest are the least explored. */
	*p = corpus[random_below(2) ? random_below(corpus_count) :
		    corpus_count - 1 - random_below(corpus_count / 4 + 1)];
	program_mutate(p, &corpus[random_below(corpus_count)]);
}

/* Whatever was attached must be gone when nobody has it any more. */
static long attached(void)
{
	return winsock_counter("WinsockCurrAttached");
}

/* Connections that nobody has any more and TCP still works at. */
static long orphans_here(void)
{
	static const char *const tables[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	unsigned int state, inode;
	char line[512];
	long n = 0;
	int i;

	for (i = 0; i < 2; i++) {
		FILE *f = fopen(tables[i], "r");

		while (f && fgets(line, sizeof(line), f))
			n += sscanf(line, " %*d: %*s %*s %x %*s %*s %*s %*d %*d %u",
				    &state, &inode) == 2 &&
			     !inode && state != TCP_TIME_WAIT;
		if (f)
			fclose(f);
	}
	return n;
}

static int leaks(void)
{
	long end = now_ms() + WAIT_MS;

	while (attached() > orphans_here() && now_ms() < end)
		usleep(10000);
	if (attached() <= orphans_here())
		return 0;
	say("FINDING: %ld sockets are attached after the last process, TCP has %ld\n",
	    attached(), orphans_here());
	return 1;
}

static void progress(long start, int found)
{
	say("%4ld s: %lu sequences, %lu calls, %d edges, %d situations, corpus %d, %d findings\n",
	    (now_ms() - start) / 1000, sequences, calls, kcov_edges(),
	    feature_count, corpus_count, found);
}

static int fuzz(long seconds, unsigned long seed, int argc, char **argv)
{
	long start = now_ms(), end = start + seconds * 1000, next = start;
	bool kcov = kcov_open();
	struct verdict verdict;
	struct program p;
	int i, found = 0;

	say("seed %lu%s\n", seed, kcov ? "" :
	    "; this kernel has no KCOV, so only the model is learnt from");
	random_seed(seed);
	for (i = 0; now_ms() < end && found < FINDINGS_MAX; i++) {
		if (i < argc)
			load(&p, argv[i]);
		else
			choose(&p);
		if (now_ms() >= next) {
			progress(start, found);
			next = now_ms() + PROGRESS_MS;
		}
		if (fails(&p, false, &verdict)) {
			strip(&p, &verdict);
			say("found: %s; making it smaller\n", verdict.text);
			minimise(&p, &verdict);
			report(&p, &verdict);
			found++;
			kcov_collect();
			continue;
		}
		strip(&p, &verdict);
		if (kcov_collect() + new_features(&verdict) || i < argc)
			keep(&p);
	}
	found += leaks();
	progress(start, found);
	return found != 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: fuzz SECONDS SEED [FILE...] | fuzz replay FILE...");
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	execute_init();
	if (!strcmp(argv[1], "replay"))
		return replay(argc - 2, argv + 2);
	return fuzz(atol(argv[1]), strtoul(argv[2], NULL, 0), argc - 3,
		    argv + 3);
}
