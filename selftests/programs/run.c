// SPDX-License-Identifier: GPL-2.0
/*
 * winsock-run: an ordinary program, which closes with close(2), first as it is
 * and then started by winsock-run.  Each row shows both.
 */
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/suite.h"
#include "support/program.h"

#define REPORT		"/tmp/winsock-run.report"
#define PEER_RCVBUF	4096
#define WORDS		16

FIXTURE(run) {
	struct program program;
	struct peer peer;
	int port;
};

FIXTURE_VARIANT(run) {
	bool run;
};

FIXTURE_VARIANT_ADD(run, plain) { false };
FIXTURE_VARIANT_ADD(run, run) { true };

static int setup_peer(struct peer *peer)
{
	netns_enter();
	small_buffers();
	unlink(REPORT);
	return peer_listen(peer, PEER_RCVBUF);
}

FIXTURE_SETUP(run)
{
	self->port = setup_peer(&self->peer);
}

FIXTURE_TEARDOWN(run)
{
}

static const char *sibling_path(const char *name)
{
	static char path[2 * PATH_MAX];
	char self[PATH_MAX] = "";

	check(readlink("/proc/self/exe", self, sizeof(self) - 1));
	snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
	return path;
}

/* The ordinary program with these words, by winsock-run if that is asked. */
static void start_words(struct program *program, bool run, const char *const words[])
{
	const char *argv[WORDS] = { "winsock-run", "--report=" REPORT };
	unsigned int n = 2, i;

	if (run)
		argv[n++] = sibling_path("run_ordinary");
	else
		argv[n = 0, n++] = "run_ordinary";
	for (i = 0; words[i]; i++)
		argv[n++] = words[i];
	argv[n] = NULL;
	program_run(program, argv);
}

#define start(...)	start_words(&self->program, variant->run, \
				    (const char *const[]){ __VA_ARGS__, NULL })

static void let_continue(struct program *program)
{
	check(write(program->in, "\n", 1));
}

/* The number in the next line, which must begin with @what. */
static long read_number(struct program *program, const char *what)
{
	const char *line = program_line(program);
	size_t len = strlen(what);

	if (strncmp(line, what, len) || line[len] != ' ')
		fail("'%s' instead of '%s'", line, what);
	return atol(line + len + 1);
}

/* Accepts its connection, waits until its send buffer is full, then lets it close. */
static void let_close_when_full(struct program *program, struct peer *peer)
{
	peer_accept(peer);
	read_number(program, "full");
	let_continue(program);
}

/* Returns what it exits with. */
static int let_end(struct program *program)
{
	let_continue(program);
	return program_end(program);
}

/**
 * struct line - a line of the report
 * @pid: the process
 * @fd: the descriptor
 * @peer: address and port
 * @decision: what was done
 * @seconds: how long it took
 * @lost: what was lost
 */
struct line {
	int pid;
	int fd;
	char peer[64];
	char decision[16];
	double seconds;
	char lost[64];
};

/* The line after so many others; waits for it. */
static struct line report_line(unsigned int skip)
{
	long deadline = now_ms() + WAIT_MS;
	struct line got = { 0 };
	char text[256];
	unsigned int n;
	FILE *f;

	while (now_ms() < deadline) {
		f = fopen(REPORT, "r");
		/* One more for the heading. */
		for (n = 0; f && n < skip + 2 && fgets(text, sizeof(text), f); n++)
			;
		if (f)
			fclose(f);
		if (f && n == skip + 2 &&
		    sscanf(text, "%*s %d %d %63s %15s %lf %63[^\n]", &got.pid, &got.fd,
			   got.peer, got.decision, &got.seconds, got.lost) == 6)
			return got;
		usleep(10000);
	}
	fail("no line %u in the report", skip + 1);
}

static bool has_text(const struct program *program, const char *text)
{
	if (strstr(program->text, text))
		return true;
	fprintf(stderr, "# not in what it said: %s\n# but: %s\n", text, program->text);
	return false;
}

/* P1, P2, P5: which call another thread is in, and how its socket is closed */
static void blocked_call(struct __test_metadata *_metadata,
			 struct _test_data_run *self,
			 const struct _fixture_variant_run *variant,
			 const char *how, const char *call, long nr)
{
	bool listener = nr == SYS_accept;
	struct peer caller;
	pid_t tid;
	int port = 0;

	start("blocked", how, call, number(self->port));
	if (listener)
		port = read_number(&self->program, "port");
	else
		peer_accept(&self->peer);
	tid = read_number(&self->program, "thread");
	task_wait_inside(tid, nr);
	let_continue(&self->program);
	EXPECT_EQ(0, read_number(&self->program, "closed"));

	if (variant->run) {
		EXPECT_EQ(nr == SYS_poll ? -POLLNVAL : ECANCELED,
			  read_number(&self->program, "left"));
	} else {
		EXPECT_TRUE(task_stays(tid, nr));
		if (listener)
			peer_connect(&caller, port);
		else
			check(send(self->peer.fd, "x", 1, 0));
		EXPECT_GE(0, read_number(&self->program, "left"));
	}
	EXPECT_EQ(0, program_end(&self->program));
}

#define BLOCKED(how, call, nr)	blocked_call(_metadata, self, variant, how, call, nr)

TEST_F(run, accept_ends_when_another_thread_closes)
{
	BLOCKED("close", "accept", SYS_accept);
}

TEST_F(run, recv_ends_when_another_thread_closes)
{
	BLOCKED("close", "recv", SYS_recvfrom);
}

TEST_F(run, read_ends_when_another_thread_closes)
{
	BLOCKED("close", "read", SYS_read);
}

TEST_F(run, poll_ends_when_another_thread_closes)
{
	BLOCKED("close", "poll", SYS_poll);
}

TEST_F(run, recv_ends_when_another_thread_closes_the_stream)
{
	BLOCKED("fclose", "recv", SYS_recvfrom);
}

TEST_F(run, read_ends_when_dup2_replaces_the_descriptor)
{
	BLOCKED("dup2", "read", SYS_read);
}

TEST_F(run, accept_ends_when_dup3_replaces_the_descriptor)
{
	BLOCKED("dup3", "accept", SYS_accept);
}

TEST_F(run, read_ends_with_close_range)
{
	BLOCKED("close_range", "read", SYS_read);
}

TEST_F(run, read_ends_with_closefrom)
{
	BLOCKED("closefrom", "read", SYS_read);
}

/* libuv closes so. */
TEST_F(run, read_ends_with_close_by_its_number)
{
	BLOCKED("syscall", "read", SYS_read);
}

TEST_F(run, read_ends_when_a_signal_handler_closes)
{
	BLOCKED("handler", "read", SYS_read);
}

/* C9 */
TEST_F(run, linger_timeout_resets_the_peer)
{
	struct received got;
	struct line line;

	start("linger", "blocking", "1", "close", number(self->port));
	let_close_when_full(&self->program, &self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	if (variant->run)
		EXPECT_NE(0, wire_look(&self->peer.wire)->sent.rst);
	got = receive_all(self->peer.fd);
	EXPECT_EQ(variant->run ? END_RESET : END_EOF, got.ending);
	EXPECT_EQ(0, let_end(&self->program));
	if (!variant->run)
		return;
	line = report_line(0);
	EXPECT_STREQ("timeout", line.decision);
	EXPECT_LE(1.0, line.seconds);
	EXPECT_EQ(0, strncmp("up to ", line.lost, 6));
}

/* C8 */
TEST_F(run, linger_ends_when_the_peer_has_read)
{
	struct received got;

	start("linger", "blocking", number(LINGER_LONG), "close", number(self->port));
	let_close_when_full(&self->program, &self->peer);
	task_wait_inside(self->program.pid, variant->run ? SYS_ioctl : SYS_close);
	got = receive_all(self->peer.fd);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, let_end(&self->program));
	if (variant->run)
		EXPECT_STREQ("linger", report_line(0).decision);
}

/* C15, as far as close(2) can say it */
TEST_F(run, nonblocking_close_does_not_wait)
{
	struct received got;
	long fd;

	start("linger", "nonblocking", number(LINGER_LONG), "close", number(self->port));
	peer_accept(&self->peer);
	fd = read_number(&self->program, "full");
	let_continue(&self->program);
	if (variant->run) {
		EXPECT_EQ(0, read_number(&self->program, "closed"));
		EXPECT_EQ(fd, read_number(&self->program, "next"));
	} else {
		task_wait_inside(self->program.pid, SYS_close);
		EXPECT_TRUE(task_stays(self->program.pid, SYS_close));
	}
	/* Nobody is in a hurry: each byte arrives. */
	got = receive_all(self->peer.fd);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_LT(PEER_RCVBUF, got.bytes);
	EXPECT_EQ(0, let_end(&self->program));
	if (!variant->run)
		return;
	EXPECT_STREQ("background", report_line(0).decision);
	EXPECT_STREQ("-", report_line(0).lost);
}

/* The line comes when it is over. */
static void expect_reset_line(struct __test_metadata *_metadata, double seconds)
{
	struct line line = report_line(0);

	EXPECT_STREQ("timeout", line.decision);
	EXPECT_LE(seconds, line.seconds);
	EXPECT_EQ(0, strncmp("up to ", line.lost, 6));
}

/* C9 without the program: it has ended when the time comes. */
TEST_F(run, nonblocking_close_resets_at_the_deadline)
{
	struct received got;

	start("linger", "nonblocking", "3", "close", number(self->port));
	let_close_when_full(&self->program, &self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, let_end(&self->program));
	if (variant->run) {
		EXPECT_EQ(0, wire_look(&self->peer.wire)->sent.rst);
		expect_reset_line(_metadata, 3.0);
		EXPECT_NE(0, wire_look(&self->peer.wire)->sent.rst);
	}
	got = receive_all(self->peer.fd);
	EXPECT_EQ(variant->run ? END_RESET : END_EOF, got.ending);
}

TEST_F(run, nonblocking_stream_resets_at_the_deadline)
{
	struct received got;

	start("linger", "nonblocking", "2", "fclose", number(self->port));
	let_close_when_full(&self->program, &self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, let_end(&self->program));
	if (variant->run)
		expect_reset_line(_metadata, 2.0);
	got = receive_all(self->peer.fd);
	EXPECT_EQ(variant->run ? END_RESET : END_EOF, got.ending);
}

/* As with close(2) the signal ends the wait; the deadline stays. */
TEST_F(run, wait_that_a_signal_ends_continues_in_the_background)
{
	struct received got;

	start("linger", "interrupted", "10", "close", number(self->port));
	let_close_when_full(&self->program, &self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	if (variant->run) {
		EXPECT_EQ(0, wire_look(&self->peer.wire)->sent.rst);
		/* 5 of them had passed. */
		expect_reset_line(_metadata, 10.0);
		EXPECT_GT(14.0, report_line(0).seconds);
	}
	got = receive_all(self->peer.fd);
	EXPECT_EQ(variant->run ? END_RESET : END_EOF, got.ending);
	EXPECT_EQ(0, let_end(&self->program));
}

/* U1 */
TEST_F(run, unread_input_does_not_reset)
{
	struct received got;

	start("unread", number(self->port));
	peer_accept(&self->peer);
	check(send(self->peer.fd, "hello", 5, 0));
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	wait_ready(self->peer.fd, POLLRDHUP);
	got = receive_all(self->peer.fd);
	EXPECT_EQ(variant->run ? END_EOF : END_RESET, got.ending);
	EXPECT_EQ(!variant->run, !!wire_look(&self->peer.wire)->sent.rst);
	EXPECT_EQ(0, let_end(&self->program));
	if (variant->run) {
		EXPECT_STREQ("graceful", report_line(0).decision);
		EXPECT_STREQ("5 unread", report_line(0).lost);
	}
}

/* G5 */
TEST_F(run, close_of_a_child_leaves_the_connection)
{
	struct line first, second;
	struct received got;
	char peer[32];

	start("forked", number(self->port));
	peer_accept(&self->peer);
	EXPECT_EQ(0, read_number(&self->program, "child"));
	EXPECT_EQ(0, wire_look(&self->peer.wire)->sent.fin);
	let_continue(&self->program);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	got = receive_all(self->peer.fd);
	EXPECT_EQ(4, got.bytes);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, let_end(&self->program));
	if (!variant->run)
		return;
	first = report_line(0);
	second = report_line(1);
	EXPECT_STREQ("shared", first.decision);
	EXPECT_STREQ("graceful", second.decision);
	EXPECT_EQ(self->program.pid, second.pid);
	EXPECT_NE(self->program.pid, first.pid);
	EXPECT_EQ(first.fd, second.fd);
	snprintf(peer, sizeof(peer), "127.0.0.1:%d", self->port);
	EXPECT_STREQ(peer, first.peer);
}

/* What is different is seen by the wire, not by errno. */
TEST_F(run, errors_are_those_of_close)
{
	start("errors", number(self->port));
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(4242, read_number(&self->program, "errno"));
	EXPECT_EQ(EBADF, read_number(&self->program, "again"));
	EXPECT_EQ(EBADF, read_number(&self->program, "none"));
	/* Neither the device nor the socket to the reporter shows. */
	EXPECT_EQ(0, read_number(&self->program, "open"));
	EXPECT_EQ(EPROTONOSUPPORT, read_number(&self->program, "socket"));
	EXPECT_EQ(0, program_end(&self->program));
}

/* A sandbox that does not allow what only winsock-run calls. */
static void expect_filtered(struct __test_metadata *_metadata, struct program *program,
			    bool socket_too)
{
	EXPECT_EQ(0, read_number(program, "file"));
	if (socket_too) {
		EXPECT_EQ(0, read_number(program, "socket"));
		EXPECT_EQ(4242, read_number(program, "errno"));
	}
	EXPECT_EQ(0, read_number(program, "leaked"));
	EXPECT_EQ(0, program_end(program));
}

TEST_F(run, filter_that_kills_for_ioctl_does_not_kill)
{
	start("filtered", "kill", "seen", number(self->port));
	expect_filtered(_metadata, &self->program, true);
}

TEST_F(run, filter_that_refuses_ioctl_leaves_nothing_open)
{
	start("filtered", "EPERM", "seen", number(self->port));
	expect_filtered(_metadata, &self->program, true);
}

TEST_F(run, file_is_closed_without_ioctl)
{
	start("filtered", "kill", "unseen", number(self->port));
	expect_filtered(_metadata, &self->program, false);
}

TEST_F(run, filter_that_was_not_seen_leaves_nothing_open)
{
	start("filtered", "EPERM", "unseen", number(self->port));
	expect_filtered(_metadata, &self->program, true);
}

TEST_F(run, filter_of_another_thread_does_not_hide_one_that_kills)
{
	start("installing");
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(run, closefrom_does_without_close_range)
{
	long err;

	start("unranged", number(self->port));
	err = read_number(&self->program, "errno");
	/* libc's own leaves what close_range(2) has set. */
	if (variant->run)
		EXPECT_EQ(4242, err);
	EXPECT_EQ(0, read_number(&self->program, "open"));
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(run, filter_of_the_program_before_does_not_kill)
{
	start("filter", "exec", "many", "3");
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(run, descriptor_that_is_the_programs_now_can_be_closed)
{
	start("reused", number(self->port));
	EXPECT_EQ(0, read_number(&self->program, "refused"));
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(run, low_limit_leaves_the_lowest_descriptors)
{
	struct rlimit low = { 32, 32 };

	check(setrlimit(RLIMIT_NOFILE, &low));
	start("numbers", number(self->port));
	EXPECT_EQ(3, read_number(&self->program, "socket"));
	EXPECT_EQ(4, read_number(&self->program, "next"));
	EXPECT_EQ(0, program_end(&self->program));
}

/* What winsock-run alone is asked, and where close(2) would show nothing. */
FIXTURE(run_only) {
	struct program program;
	struct peer peer;
	int port;
};

FIXTURE_SETUP(run_only)
{
	self->port = setup_peer(&self->peer);
}

FIXTURE_TEARDOWN(run_only)
{
}

#define start_run(...)	start_words(&self->program, true, \
				    (const char *const[]){ __VA_ARGS__, NULL })

/* One that allows what is needed changes nothing. */
TEST_F(run_only, filter_that_allows_ioctl_leaves_the_closes)
{
	start_run("filtered", "allow", "seen", number(self->port));
	expect_filtered(_metadata, &self->program, true);
	EXPECT_STREQ("graceful", report_line(0).decision);
}

/* Without a report nothing is inherited, and the device is the child's. */
TEST_F(run_only, descriptor_of_a_vfork_child_can_be_closed)
{
	program_start(&self->program, "winsock-run", sibling_path("run_ordinary"),
		      "vforked", number(self->port));
	EXPECT_EQ(0, read_number(&self->program, "refused"));
	EXPECT_EQ(0, program_end(&self->program));
}

/* Where the report goes must not matter to the program, nor to the deadline. */
static void start_reporting(struct program *program, const char *report,
			    const char *const words[])
{
	const char *argv[WORDS] = { "winsock-run", report, sibling_path("run_ordinary") };
	unsigned int n = 3, i;

	for (i = 0; words[i]; i++)
		argv[n++] = words[i];
	program_run(program, argv);
}

#define start_to(report, ...)	start_reporting(&self->program, "--report=" report, \
						(const char *const[]){ __VA_ARGS__, NULL })

#define FIFO	"/tmp/winsock-run.fifo"

static void make_fifo(void)
{
	unlink(FIFO);
	check(mkfifo(FIFO, 0600));
}

/* The newest one that has not ended, or 0. */
static pid_t find_reporter(void)
{
	pid_t newest = 0;
	glob_t found;
	char state;
	size_t i;
	FILE *f;
	int pid;

	if (glob("/proc/[0-9]*/stat", 0, NULL, &found))
		fail("no process in /proc");
	for (i = 0; i < found.gl_pathc; i++) {
		f = fopen(found.gl_pathv[i], "r");
		if (f && fscanf(f, "%d (winsock-report) %c", &pid, &state) == 2 &&
		    state != 'Z' && pid > newest)
			newest = pid;
		if (f)
			fclose(f);
	}
	globfree(&found);
	return newest;
}

static long lines_of_report(void)
{
	FILE *f = fopen(REPORT, "r");
	char text[256];
	long lines = 0;

	while (f && fgets(text, sizeof(text), f))
		lines++;
	if (f)
		fclose(f);
	return lines;
}

/* What the reporter says at its end, which may be later than the program's. */
static long lines_that_lack(struct program *program)
{
	static const char lacks[] = "the report lacks ";
	int out = check(dup(program->out));
	size_t len;
	char *at;

	check(fcntl(out, F_SETFL, O_NONBLOCK));
	if (program_end(program))
		fail("the program failed after: %s", program->text);
	len = program->len;
	if (!strstr(program->text, lacks))
		wait_until(read(out, program->text + len, sizeof(program->text) - 1 - len) > 0);
	close(out);
	at = strstr(program->text, lacks);
	return at ? atol(at + strlen(lacks)) : 0;
}

TEST_F(run_only, deadline_outlives_the_reader_of_the_report)
{
	char heading[256];
	int reader;

	make_fifo();
	reader = check(open(FIFO, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	start_to(FIFO, "linger", "nonblocking", "2", "close", number(self->port));
	peer_accept(&self->peer);
	read_number(&self->program, "full");
	wait_ready(reader, POLLIN);
	check(read(reader, heading, sizeof(heading)));
	close(reader);
	let_continue(&self->program);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
		/* The program is there to the end, and the one line does not kill its writer. */
	usleep(2500000);
	let_continue(&self->program);
	EXPECT_EQ(1, lines_that_lack(&self->program));
	EXPECT_EQ(END_RESET, receive_all(self->peer.fd).ending);
}

TEST_F(run_only, report_without_a_reader_holds_nothing_up)
{
	make_fifo();
	start_to(FIFO, "linger", "nonblocking", "2", "close", number(self->port));
	let_close_when_full(&self->program, &self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, let_end(&self->program));
	usleep(2500000);
	EXPECT_EQ(END_RESET, receive_all(self->peer.fd).ending);
}

TEST_F(run_only, full_report_holds_nothing_up)
{
	int reader;

	make_fifo();
	reader = check(open(FIFO, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	start_to(FIFO, "many", "3000");
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "winsock-run: the report lacks "));
	close(reader);
}

TEST_F(run_only, reporter_that_is_behind_holds_nothing_up)
{
	/* Of an earlier test: a reporter may end after the program. */
	pid_t reporter, earlier = find_reporter();
	long lack;

	start_run("many", "3000", "told");
	read_number(&self->program, "ready");
	wait_until((reporter = find_reporter()) > earlier);
	check(kill(reporter, SIGSTOP));
	let_continue(&self->program);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	check(kill(reporter, SIGCONT));
	/* At its end the program does not wait long for room to say what is missing. */
	wait_until(lines_of_report() > 1);
	let_continue(&self->program);
	lack = lines_that_lack(&self->program);
	EXPECT_LT(0, lack);
	/* The heading is not a close. */
	EXPECT_EQ(3000 + 1, lines_of_report() + lack);
}

TEST_F(run_only, full_device_is_counted)
{
	start_to("/dev/full", "many", "300");
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, program_end(&self->program));
	/* And the heading. */
	EXPECT_TRUE(has_text(&self->program, "the report lacks 301 lines"));
}

TEST_F(run_only, another_preload_sees_what_it_replaces)
{
	check(setenv("LD_PRELOAD", sibling_path("run_preload.so"), 1));
	start_run("unread", number(self->port));
	check(unsetenv("LD_PRELOAD"));
	peer_accept(&self->peer);
	check(send(self->peer.fd, "hello", 5, 0));
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(END_EOF, receive_all(self->peer.fd).ending);
	let_continue(&self->program);
	EXPECT_EQ(1, read_number(&self->program, "made"));
	EXPECT_EQ(1, read_number(&self->program, "seen"));
	EXPECT_EQ(0, program_end(&self->program));
}

/* Room in the socket, and an end: an epoll set that watches it reports both. */
static long events_after(struct __test_metadata *_metadata,
			 struct _test_data_run_only *self)
{
	struct received got;

	peer_accept(&self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_GT(200, read_number(&self->program, "took"));
	got = receive_all(self->peer.fd);
	EXPECT_EQ(END_EOF, got.ending);
	check(shutdown(self->peer.fd, SHUT_WR));
	return read_number(&self->program, "events");
}

/* P9, T9: the descriptor is closed, and so are its events. */
static void epoll_hears_nothing(struct __test_metadata *_metadata,
				struct _test_data_run_only *self, const char *how)
{
	start_run("watched", how, number(LINGER_LONG), number(self->port));
	EXPECT_EQ(0, events_after(_metadata, self));
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("background", report_line(0).decision);
}

/* What the tests below would see if the socket stayed. */
TEST_F(run_only, epoll_set_hears_of_what_another_descriptor_has)
{
	start_run("watched", "close", number(LINGER_LONG), number(self->port), "kept");
	peer_accept(&self->peer);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	read_number(&self->program, "took");
	wait_ready(self->peer.fd, POLLIN);
	check(shutdown(self->peer.fd, SHUT_WR));
	EXPECT_EQ(1, read_number(&self->program, "events"));
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("shared", report_line(0).decision);
}

TEST_F(run_only, epoll_set_reports_nothing_of_a_background_close)
{
	epoll_hears_nothing(_metadata, self, "close");
}

TEST_F(run_only, epoll_set_does_not_hear_of_what_dup2_has_replaced)
{
	epoll_hears_nothing(_metadata, self, "dup2");
}

TEST_F(run_only, epoll_set_does_not_hear_of_a_closed_stream)
{
	epoll_hears_nothing(_metadata, self, "fclose");
}

TEST_F(run_only, epoll_set_does_not_hear_of_what_another_preload_closed)
{
	check(setenv("LD_PRELOAD", sibling_path("run_preload.so"), 1));
	epoll_hears_nothing(_metadata, self, "close");
	check(unsetenv("LD_PRELOAD"));
}

static void unread_is_graceful(struct __test_metadata *_metadata,
			       struct program *program, struct peer *peer)
{
	peer_accept(peer);
	check(send(peer->fd, "hello", 5, 0));
	EXPECT_EQ(0, read_number(program, "closed"));
	EXPECT_EQ(END_EOF, receive_all(peer->fd).ending);
	EXPECT_EQ(0, let_end(program));
}

/* What only the report calls may be killed for where there is none. */
TEST_F(run_only, filter_against_the_report_leaves_the_closes)
{
	program_start(&self->program, "winsock-run", sibling_path("run_ordinary"),
		      "unnamed", "unread", number(self->port));
	unread_is_graceful(_metadata, &self->program, &self->peer);
}

/* A filter that is not seen would kill for it. */
TEST_F(run_only, known_socket_is_closed_without_getsockopt)
{
	program_start(&self->program, "winsock-run", sibling_path("run_ordinary"),
		      "unasked", number(self->port));
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, program_end(&self->program));
}

static void expect_background(struct __test_metadata *_metadata,
			      struct program *program, struct peer *peer)
{
	let_close_when_full(program, peer);
	EXPECT_EQ(0, read_number(program, "closed"));
	EXPECT_EQ(0, let_end(program));
	expect_reset_line(_metadata, 2.0);
	EXPECT_EQ(END_RESET, receive_all(peer->fd).ending);
}

TEST_F(run_only, descriptors_of_ours_survive_who_closes_all)
{
	start_run("close_all", "linger", "nonblocking", "2", "close", number(self->port));
	expect_background(_metadata, &self->program, &self->peer);
}

TEST_F(run_only, our_descriptors_survive_a_program_that_reuses_them)
{
	start_run("take_all", "linger", "nonblocking", "2", "close", number(self->port));
	expect_background(_metadata, &self->program, &self->peer);
}

/* Past libc even they are lost: the device is opened again with the first call. */
TEST_F(run_only, socket_is_attached_when_the_device_was_lost)
{
	pid_t tid;

	start_run("lose_all", "blocked", "close", "recv", number(self->port));
	peer_accept(&self->peer);
	tid = read_number(&self->program, "thread");
	task_wait_inside(tid, SYS_recvfrom);
	let_continue(&self->program);
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(ECANCELED, read_number(&self->program, "left"));
	EXPECT_EQ(0, program_end(&self->program));
}

/* A nonblocking close of a full socket, and the end of the program, which come at once. */
static void close_full(struct __test_metadata *_metadata, struct program *program,
		       struct peer *peer)
{
	let_close_when_full(program, peer);
	EXPECT_EQ(0, read_number(program, "closed"));
	let_continue(program);
}

/* The socket to the reporter is not opened again; the deadline does not need it. */
TEST_F(run_only, deadline_is_kept_when_the_reporter_is_lost)
{
	start_run("lose_all", "linger", "nonblocking", "2", "close", number(self->port));
	close_full(_metadata, &self->program, &self->peer);
	EXPECT_EQ(0, program_end(&self->program));
	usleep(2500000);
	EXPECT_EQ(END_RESET, receive_all(self->peer.fd).ending);
	EXPECT_EQ(1, lines_of_report());
}

/* Nor can the outcome be read that comes by another device; its line is missing. */
TEST_F(run_only, line_of_a_lost_device_is_counted)
{
	start_run("lose_device", "linger", "nonblocking", "2", "close", number(self->port));
	close_full(_metadata, &self->program, &self->peer);
	EXPECT_EQ(1, lines_that_lack(&self->program));
	usleep(2500000);
	EXPECT_EQ(END_RESET, receive_all(self->peer.fd).ending);
}

TEST_F(run_only, without_a_report_the_module_keeps_the_deadline_alone)
{
	program_start(&self->program, "winsock-run", sibling_path("run_ordinary"), "linger",
		      "nonblocking", "2", "close", number(self->port));
	close_full(_metadata, &self->program, &self->peer);
	EXPECT_GT(self->program.pid, find_reporter());
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_EQ(NULL, strstr(self->program.text, "winsock-run"));
	usleep(2500000);
	EXPECT_EQ(END_RESET, receive_all(self->peer.fd).ending);
}

#define CLOSES_LIMIT	"/sys/module/winsock/parameters/max_deadline_closes"

static unsigned int closes_limit(void)
{
	FILE *f = fopen(CLOSES_LIMIT, "r");
	unsigned int limit;

	if (!f || fscanf(f, "%u", &limit) != 1)
		fail(CLOSES_LIMIT " cannot be read");
	fclose(f);
	return limit;
}

/* The data arrives, the deadline is lost, and there is one line. */
TEST_F(run_only, beyond_the_limit_of_closes_the_data_is_kept)
{
	unsigned int limit = closes_limit();

	start_run("linger", "nonblocking", "1", "close", number(self->port));
	put_line(CLOSES_LIMIT, "0");
	close_full(_metadata, &self->program, &self->peer);
	EXPECT_EQ(0, program_end(&self->program));
	put_line(CLOSES_LIMIT, number(limit));
	EXPECT_STREQ("graceful", report_line(0).decision);
	usleep(1500000);
	EXPECT_EQ(END_EOF, receive_all(self->peer.fd).ending);
	EXPECT_EQ(2, lines_of_report());
}

/* None is lost and none written twice, whoever is first, packet or outcome. */
TEST_F(run_only, each_of_a_crowd_has_its_line)
{
	start_run("crowd", "4", "100", "1");
	read_number(&self->program, "port");
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	EXPECT_EQ(0, let_end(&self->program));
	/* With the heading; the listener ends with the program. */
	wait_until(lines_of_report() >= 400 + 1);
	wait_until(find_reporter() < self->program.pid);
	EXPECT_EQ(400 + 1, lines_of_report());
}

TEST_F(run_only, programs_that_it_starts_are_run_likewise)
{
	start_run("exec", "linger", "nonblocking", "2", "close", number(self->port));
	expect_background(_metadata, &self->program, &self->peer);
}

TEST_F(run_only, no_children_means_none)
{
	program_start(&self->program, "winsock-run", "--no-children",
		      sibling_path("run_ordinary"), "exec", "unread", number(self->port));
	peer_accept(&self->peer);
	check(send(self->peer.fd, "hello", 5, 0));
	EXPECT_EQ(0, read_number(&self->program, "closed"));
	wait_ready(self->peer.fd, POLLRDHUP);
	EXPECT_EQ(END_RESET, receive_all(self->peer.fd).ending);
	EXPECT_EQ(0, let_end(&self->program));
}

TEST_F(run_only, no_children_means_the_program_itself)
{
	program_start(&self->program, "winsock-run", "--no-children",
		      sibling_path("run_ordinary"), "unread", number(self->port));
	unread_is_graceful(_metadata, &self->program, &self->peer);
}

/* The words of winsock-run itself, and its exit status. */
TEST_F(run_only, exits_as_the_program_does)
{
	program_start(&self->program, "winsock-run", sibling_path("run_ordinary"));
	EXPECT_EQ(3, program_end(&self->program));
	EXPECT_STREQ("", self->program.text);
}

TEST_F(run_only, program_that_is_not_there)
{
	program_start(&self->program, "winsock-run", "/nowhere/program");
	EXPECT_EQ(127, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "there is no program /nowhere/program\n"));
}

TEST_F(run_only, program_that_cannot_be_run)
{
	program_start(&self->program, "winsock-run", "/tmp");
	EXPECT_EQ(126, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "/tmp is no file that can be run\n"));
}

TEST_F(run_only, option_that_does_not_exist)
{
	program_start(&self->program, "winsock-run", "--never", "/bin/true");
	EXPECT_EQ(125, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "Try 'winsock-run --help'.\n"));
}

TEST_F(run_only, no_program_at_all)
{
	program_start(&self->program, "winsock-run");
	EXPECT_EQ(125, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "no PROGRAM is named"));
}

TEST_F(run_only, static_program_is_said_to_be_one)
{
	program_start(&self->program, "winsock-run", sibling_path("run_static"));
	EXPECT_EQ(3, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "run_static is statically linked: nothing can"));
}

TEST_F(run_only, setuid_program_is_said_to_be_one)
{
	static const char path[] = "/tmp/run_setuid";
	char copy[2 * PATH_MAX + 64];

	snprintf(copy, sizeof(copy), "cp %s %s", sibling_path("run_ordinary"), path);
	EXPECT_EQ(0, system(copy));
	check(chown(path, 65534, 65534));
	check(chmod(path, 04755));
	program_start(&self->program, "winsock-run", path);
	EXPECT_EQ(3, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program, "run_setuid is a set-user-ID program: nothing"));
}

static long run_with_module_version(struct program *program, const char *version)
{
	long status;

	check(setenv("LD_PRELOAD", sibling_path("run_preload.so"), 1));
	check(setenv("MODULE_VERSION", version, 1));
	program_start(program, "winsock-run", sibling_path("run_ordinary"));
	status = program_end(program);
	check(unsetenv("LD_PRELOAD"));
	check(unsetenv("MODULE_VERSION"));
	return status;
}

TEST_F(run_only, older_module_is_refused_and_a_later_one_is_not)
{
	EXPECT_EQ(125, run_with_module_version(&self->program, "2"));
	EXPECT_TRUE(has_text(&self->program,
			     "the loaded module has version 2, and 3 is needed; install"));
	EXPECT_EQ(3, run_with_module_version(&self->program, "4"));
}

TEST_F(run_only, without_the_module_it_fails_with_a_message)
{
	if (module_is_built_in())
		SKIP(return, "kernel: the module is built in");
	wait_until(!module_references());
	EXPECT_EQ(0, module_remove());
	program_start(&self->program, "winsock-run", sibling_path("run_ordinary"));
	EXPECT_EQ(125, program_end(&self->program));
	EXPECT_TRUE(has_text(&self->program,
			     "the module winsock is not loaded; as root run: modprobe winsock\n"));
	EXPECT_EQ(0, module_insert());
}

TEST_HARNESS_MAIN
