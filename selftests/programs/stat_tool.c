// SPDX-License-Identifier: GPL-2.0
/* winsock-stat: what it prints is what has been done, each thing once. */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "support/suite.h"
#include "support/program.h"

#define TOOL	"winsock-stat"
#define HEADING	" graceful      hard    linger    native    shared   refused" \
		"   timeout interrupt cancelled  deadline delivered      late      lost" \
		"  attached  underway"

/* Columns of its table. */
enum { GRACEFUL, HARD, LINGER, NATIVE, SHARED, REFUSED, TIMEOUT, INTERRUPT, CANCELLED,
	DEADLINE, DELIVERED, LATE, LOST, ATTACHED, UNDER_WAY, COLUMNS };

struct row {
	double n[COLUMNS];
};

FIXTURE(stat_tool) {
	struct program program;
};

FIXTURE_SETUP(stat_tool)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(stat_tool)
{
}

/* Opened, filled as need be, and closed; returns the descriptor it had. */
static int close_one(int family, int column)
{
	struct kind kind = { family, true, column == REFUSED };
	struct call call = CALL_RECV(-1);
	struct pair pair;
	int fd, copy;

	pair_open(&pair, &kind);
	fd = pair.fd;
	switch (column) {
	case HARD:
		set_linger(fd, 1, 0);
		break;
	case REFUSED:
		set_linger(fd, 1, LINGER_LONG);
		pair_stall(&pair);
		if (ioc_closesocket(fd) != -EWOULDBLOCK)
			fail("it was not refused");
		close(pair.peer);
		close(fd);
		return fd;
	case TIMEOUT:
		set_linger(fd, 1, 1);
		pair_stall(&pair);
		break;
	case LATE:
		pair_stall(&pair);
		if (ioc_close_report(fd, 100, 1))
			fail("the close with a deadline failed");
		outcome_next(winsock_device);
		close(pair.peer);
		return fd;
	case SHARED:
		copy = check(dup(fd));
		if (ioc_closesocket(fd))
			fail("the shared close failed");
		close(copy);
		close(pair.peer);
		return fd;
	case CANCELLED:
		call.fd = fd;
		call_enter(&call);
		break;
	}
	if (ioc_closesocket(fd))
		fail("the close failed");
	if (column == CANCELLED && call_join(&call) != -ECANCELED)
		fail("the call was not ended");
	close(pair.peer);
	return fd;
}

static struct row parse_row(const char *line)
{
	struct row row;
	int i, used;

	for (i = 0; i < COLUMNS; i++, line += used)
		if (sscanf(line, "%lf%n", &row.n[i], &used) != 1)
			fail("no row: %s", line);
	return row;
}

static void expect_heading(struct __test_metadata *_metadata, struct program *program)
{
	EXPECT_STREQ(HEADING, program_line(program));
}

static struct row totals(struct __test_metadata *_metadata, struct program *program)
{
	struct row row;

	program_start(program, TOOL);
	expect_heading(_metadata, program);
	row = parse_row(program_line(program));
	EXPECT_EQ(0, program_end(program));
	return row;
}

/* A timed-out linger is a linger, too, and what ends calls is graceful. */
static const int done[] = { GRACEFUL, GRACEFUL, HARD, SHARED, REFUSED, TIMEOUT, CANCELLED,
	LATE };
static const struct row expected = {
	.n = {
		[GRACEFUL] = 3, [HARD] = 1, [LINGER] = 1, [SHARED] = 1, [REFUSED] = 1,
		[TIMEOUT] = 1, [CANCELLED] = 1, [DEADLINE] = 1, [LATE] = 1,
	},
};

static void do_all(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(done) / sizeof(done[0]); i++)
		close_one(AF_INET, done[i]);
}

TEST_F(stat_tool, totals_grow_by_what_was_done)
{
	struct row before, after;
	int i;

	before = totals(_metadata, &self->program);
	do_all();
	after = totals(_metadata, &self->program);
	for (i = 0; i < ATTACHED; i++) {
		EXPECT_EQ(expected.n[i], after.n[i] - before.n[i]) {
			TH_LOG("column %d", i);
		}
	}
}

TEST_F(stat_tool, rows_add_up_to_what_was_done)
{
	struct row sum = { 0 }, row;
	int i, rows;

	program_start(&self->program, TOOL, "1", "15");
	expect_heading(_metadata, &self->program);
	do_all();
	for (rows = 0; rows < 15; rows++) {
		row = parse_row(program_line(&self->program));
		for (i = 0; i < COLUMNS; i++)
			sum.n[i] += row.n[i];
	}
	EXPECT_EQ(0, program_end(&self->program));
	for (i = 0; i < ATTACHED; i++) {
		EXPECT_EQ(expected.n[i], sum.n[i]) {
			TH_LOG("column %d", i);
		}
	}
}

TEST_F(stat_tool, longer_interval_is_counted_per_second)
{
	struct row row;

	program_start(&self->program, TOOL, "10", "1");
	expect_heading(_metadata, &self->program);
	close_one(AF_INET, HARD);
	row = parse_row(program_line(&self->program));
	EXPECT_EQ(0.1, row.n[HARD]);
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(stat_tool, attached_sockets_are_a_level)
{
	struct kind kind = { AF_INET, true, false };
	struct row before, after;
	struct pair pair;

	before = totals(_metadata, &self->program);
	pair_open(&pair, &kind);
	after = totals(_metadata, &self->program);
	EXPECT_EQ(1, after.n[ATTACHED] - before.n[ATTACHED]);
	program_start(&self->program, TOOL, "1", "1");
	expect_heading(_metadata, &self->program);
	EXPECT_EQ(after.n[ATTACHED], parse_row(program_line(&self->program)).n[ATTACHED]);
	EXPECT_EQ(0, program_end(&self->program));
	pair_close(&pair);
}

/**
 * struct shown - a line of the trace
 * @pid: of the thread
 * @comm: its name
 * @fd: the number
 * @peer: address and port
 * @decision: what was decided
 * @seconds: how long it took
 * @calls: that were ended by it
 * @result: and what came of it
 */
struct shown {
	int pid;
	char comm[32];
	int fd;
	char peer[64];
	char decision[16];
	double seconds;
	unsigned int calls;
	char result[16];
};

/* The next line that is about this process: others close, too. */
static struct shown next_close(struct program *program)
{
	struct shown got;
	const char *line;

	do {
		line = program_line(program);
		if (sscanf(line, "%*d:%*d:%*d.%*d %d %31s %d %63s %15s %lf %u %15s", &got.pid,
			   got.comm, &got.fd, got.peer, got.decision, &got.seconds,
			   &got.calls, got.result) != 8)
			fail("no close: %s", line);
	} while (got.pid != getpid());
	return got;
}

static bool instance_left(void)
{
	struct dirent *entry;
	bool left = false;
	DIR *dir;

	dir = opendir("/sys/kernel/tracing/instances");
	if (!dir)
		fail("no tracefs");
	while ((entry = readdir(dir)))
		left |= !strncmp(entry->d_name, TOOL, strlen(TOOL));
	closedir(dir);
	return left;
}

static void trace_begin(struct __test_metadata *_metadata, struct program *program)
{
	program_start(program, TOOL, "-t");
	EXPECT_EQ(0, strncmp("TIME ", program_line(program), 5));
	EXPECT_TRUE(instance_left());
}

static void trace_end(struct __test_metadata *_metadata, struct program *program)
{
	check(kill(program->pid, SIGTERM));
	EXPECT_EQ(0, program_end(program));
	EXPECT_FALSE(instance_left());
	EXPECT_STREQ("", program->text + program->seen);
}

TEST_F(stat_tool, trace_shows_each_close_once)
{
	static const struct {
		int column;
		const char *decision;
		const char *result;
		unsigned int calls;
	} rows[] = {
		{ GRACEFUL, "graceful", "closed" },
		{ HARD, "hard", "closed" },
		{ REFUSED, "refuse", "refused" },
		{ SHARED, "shared", "closed" },
		{ TIMEOUT, "deadline", "reset" },
		{ CANCELLED, "graceful", "closed", 1 },
	};
	struct shown got;
	unsigned int i;
	int fd;

	trace_begin(_metadata, &self->program);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = close_one(AF_INET, rows[i].column);
		got = next_close(&self->program);
		EXPECT_STREQ(rows[i].decision, got.decision);
		EXPECT_STREQ(rows[i].result, got.result);
		EXPECT_EQ(rows[i].calls, got.calls);
		EXPECT_EQ(fd, got.fd);
		EXPECT_STREQ("stat_tool", got.comm);
		if (rows[i].column == TIMEOUT)
			EXPECT_LE(1.0, got.seconds);
	}
	trace_end(_metadata, &self->program);
}

TEST_F(stat_tool, trace_names_the_peer)
{
	static const int families[] = { AF_INET, AF_INET6 };
	char expected_peer[64];
	struct kind kind = { 0, true, false };
	struct shown got;
	struct pair pair;
	unsigned int i;

	trace_begin(_metadata, &self->program);
	for (i = 0; i < 2; i++) {
		kind.family = families[i];
		pair_open(&pair, &kind);
		snprintf(expected_peer, sizeof(expected_peer), "%s:%d",
			 i ? "[::1]" : "127.0.0.1", ntohs(local_port(pair.peer)));
		EXPECT_EQ(0, ioc_closesocket(pair.fd));
		got = next_close(&self->program);
		EXPECT_STREQ(expected_peer, got.peer);
		close(pair.peer);
	}
	/* Without one it has none. */
	EXPECT_EQ(0, ioc_closesocket(kind_socket(&kind, SOCK_STREAM)));
	got = next_close(&self->program);
	EXPECT_STREQ("-", got.peer);
	EXPECT_STREQ("native", got.decision);
	trace_end(_metadata, &self->program);
}

/* A background close ends, and belongs to no process. */
TEST_F(stat_tool, trace_shows_the_end_of_a_close_with_a_deadline)
{
	struct shown got;
	const char *line;
	int fd;

	trace_begin(_metadata, &self->program);
	fd = close_one(AF_INET, LATE);
	got = next_close(&self->program);
	EXPECT_EQ(fd, got.fd);
	EXPECT_STREQ("background", got.decision);
	EXPECT_STREQ("closed", got.result);
	line = program_line(&self->program);
	EXPECT_NE(NULL, strstr(line, " outcome "));
	EXPECT_NE(NULL, strstr(line, " reset, "));
	EXPECT_NE(NULL, strstr(line, " bytes missing"));
	EXPECT_NE(NULL, strstr(line, " 127.0.0.1:"));
	trace_end(_metadata, &self->program);
}

/* A deadline that does not pass is none. */
TEST_F(stat_tool, trace_shows_a_linger_in_time_as_closed)
{
	struct kind kind = { AF_INET, true, false };
	struct shown got;
	struct pair pair;

	trace_begin(_metadata, &self->program);
	pair_open(&pair, &kind);
	set_linger(pair.fd, 1, LINGER_LONG);
	check(write(pair.fd, "x", 1));
	EXPECT_EQ(0, ioc_closesocket(pair.fd));
	got = next_close(&self->program);
	EXPECT_STREQ("closed", got.result);
	close(pair.peer);
	trace_end(_metadata, &self->program);
}

TEST_F(stat_tool, trace_removes_what_a_killed_one_has_left)
{
	struct program live = {};

	trace_begin(_metadata, &self->program);
	check(kill(self->program.pid, SIGKILL));
	check(waitpid(self->program.pid, NULL, 0));
	EXPECT_TRUE(instance_left());
	/* Its name is not taken for that of a stale one. */
	trace_begin(_metadata, &live);
	self->program = (struct program){};
	program_start(&self->program, TOOL, "-t", "1");
	EXPECT_EQ(0, strncmp("TIME ", program_line(&self->program), 5));
	close_one(AF_INET, HARD);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("hard", next_close(&live).decision);
	trace_end(_metadata, &live);
}

/* Where process IDs are few, as in a container, a killed one had ours. */
TEST_F(stat_tool, trace_removes_what_one_of_its_own_pid_has_left)
{
	char self_path[PATH_MAX] = "", script[2 * PATH_MAX];
	/* From beside the suite, wherever that is. */
	const char *const argv[] = { "../../../../../../bin/sh", "-c", script, NULL };

	check(readlink("/proc/self/exe", self_path, sizeof(self_path) - 1));
	snprintf(script, sizeof(script),
		 "mkdir /sys/kernel/tracing/instances/" TOOL ".$$ && exec %s/" TOOL " -t 1",
		 dirname(self_path));
	program_run(&self->program, argv);
	EXPECT_EQ(0, strncmp("TIME ", program_line(&self->program), 5));
	close_one(AF_INET, HARD);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_FALSE(instance_left());
}

/* Nobody escapes by a name, nor writes to the terminal by one. */
TEST_F(stat_tool, trace_takes_a_process_by_any_name)
{
	static const struct {
		const char *name;
		const char *shown;
	} names[] = {
		{ ": winsock_close", ": winsock_close" },
		{ "x [LOST 1]", "x [LOST 1]" },
		{ "a-1 [000] 1.2: ", "a-1 [000] 1.2: " },
		{ "\033[2J\a", "?[2J?" },
	};
	const char *line, *at;
	unsigned int i;
	pid_t child;

	trace_begin(_metadata, &self->program);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		/* The trace may show a process by a name that it had before. */
		child = child_fork();
		if (!child) {
			check(prctl(PR_SET_NAME, names[i].name));
			close_one(AF_INET, HARD);
			pause();
			_exit(0);
		}
		do {
			line = program_line(&self->program);
		} while (atoi(line + strcspn(line, " ")) != child);
		at = line + strlen("00:00:00.000000 1234567 ");
		EXPECT_EQ(0, strncmp(at, names[i].shown, strlen(names[i].shown))) {
			TH_LOG("%s", line);
		}
		EXPECT_NE(NULL, strstr(line, " hard "));
		check(kill(child, SIGKILL));
		check(waitpid(child, NULL, 0));
	}
	trace_end(_metadata, &self->program);
}

static void expect_full(struct __test_metadata *_metadata, const char *words)
{
	char self[PATH_MAX] = "", command[2 * PATH_MAX], text[256] = "";
	FILE *f;

	check(readlink("/proc/self/exe", self, sizeof(self) - 1));
	snprintf(command, sizeof(command), "%s/" TOOL " %s 2>&1 >/dev/full",
		 dirname(self), words);
	f = popen(command, "r");
	if (!f)
		fail("no shell");
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	EXPECT_EQ(1, WEXITSTATUS(pclose(f)));
	EXPECT_STREQ(TOOL ": cannot write the output: No space left on device\n", text) {
		TH_LOG("%s", words);
	}
}

TEST_F(stat_tool, output_that_cannot_be_written_is_reported)
{
	expect_full(_metadata, "");
	expect_full(_metadata, "-t 1");
	expect_full(_metadata, "--help");
	EXPECT_FALSE(instance_left());
}

TEST_F(stat_tool, trace_ends_after_so_many)
{
	program_start(&self->program, TOOL, "-t", "2");
	EXPECT_EQ(0, strncmp("TIME ", program_line(&self->program), 5));
	close_one(AF_INET, HARD);
	EXPECT_TRUE(program_running(&self->program));
	close_one(AF_INET, HARD);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_FALSE(instance_left());
}

static void expect_sentence(struct __test_metadata *_metadata, struct program *program,
			    const char *sentence)
{
	EXPECT_EQ(1, program_end(program));
	EXPECT_STREQ(sentence, program->text);
}

/* Each test is a process: what it becomes it is until its end. */
static void become_nobody(void)
{
	check(setresuid(65534, 65534, 65534));
}

TEST_F(stat_tool, trace_is_for_root)
{
	become_nobody();
	program_start(&self->program, TOOL, "-t");
	expect_sentence(_metadata, &self->program,
			TOOL ": only root may watch closes; run it as root\n");
}

TEST_F(stat_tool, counters_are_for_everyone)
{
	become_nobody();
	program_start(&self->program, TOOL);
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(stat_tool, trace_without_tracefs_is_reported)
{
	check(unshare(CLONE_NEWNS));
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	check(umount2("/sys/kernel/tracing", MNT_DETACH));
	check(umount2("/sys/kernel/debug", MNT_DETACH));
	program_start(&self->program, TOOL, "-t");
	EXPECT_EQ(1, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, TOOL ": tracefs is not there; "
				 "as root run: mount -t tracefs none /sys/kernel/tracing"));
}

TEST_F(stat_tool, bad_words_are_explained)
{
	program_start(&self->program, TOOL, "often");
	expect_sentence(_metadata, &self->program,
			TOOL ": INTERVAL is 'often', and must be a number from 1 on\n");
	program_start(&self->program, TOOL, "1", "0");
	expect_sentence(_metadata, &self->program,
			TOOL ": COUNT is '0', and must be a number from 1 on\n");
	program_start(&self->program, TOOL, "1", "2", "3");
	expect_sentence(_metadata, &self->program,
			TOOL ": '3' is one word too many; try 'winsock-stat --help'\n");
}

TEST_F(stat_tool, without_the_module_it_fails_with_a_message)
{
	static const char sentence[] =
		TOOL ": the module winsock is not loaded; as root run: modprobe winsock\n";

	if (module_is_built_in())
		SKIP(return, "kernel: the module is built in");
	close(winsock_device);
	wait_until(!module_references());
	EXPECT_EQ(0, module_remove());
	program_start(&self->program, TOOL);
	expect_sentence(_metadata, &self->program, sentence);
	program_start(&self->program, TOOL, "-t");
	expect_sentence(_metadata, &self->program, sentence);
	EXPECT_EQ(0, module_insert());
}

TEST_HARNESS_MAIN
