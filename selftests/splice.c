// SPDX-License-Identifier: GPL-2.0
/*
 * splice(2) and sendfile(2) on a socket that is closed: P2.
 *
 * A splice() that waits for its pipe has not entered the socket, or has left
 * it again: there is no call to cancel, and its reference to the open file
 * counts as another descriptor (G5) until the pipe moves.  Then it finds the
 * socket closed, and the connection ends as its row says.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "support/suite.h"

/* More than any queue here takes */
#define BULK	1048576
/* What a pipe holds by default, and more */
#define ROOM	65536

FIXTURE(splice) {
	struct pair pair;
	int pipe[2];
	struct call call;
};

FIXTURE_VARIANT(splice) {
	struct kind kind;
	int onoff;
	int seconds;
};

#define SPLICE(family, onoff, seconds)					\
	{ { family, true, false }, onoff, seconds }

FIXTURE_VARIANT_ADD(splice, ipv4)
	SPLICE(AF_INET, 0, 0);
FIXTURE_VARIANT_ADD(splice, ipv6)
	SPLICE(AF_INET6, 0, 0);
FIXTURE_VARIANT_ADD(splice, hard)
	SPLICE(AF_INET, 1, 0);

FIXTURE_SETUP(splice)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, variant->onoff, variant->seconds);
	check(pipe2(self->pipe, O_CLOEXEC));
	self->call.fd = self->pair.fd;
	self->call.arg = self->pipe;
}

PAIR_TEARDOWN(splice);

/* A file whose content is the pattern from offset on */
static int pattern_file(unsigned long offset)
{
	int fd = check(memfd_create("pattern", MFD_CLOEXEC));
	unsigned char *bytes = malloc(BULK);

	pattern(bytes, offset, BULK);
	if (write(fd, bytes, BULK) != BULK)
		fail("memfd: %s", strerror(errno));
	free(bytes);
	check(lseek(fd, 0, SEEK_SET));
	return fd;
}

static long run_sendfile(struct call *call)
{
	int *file = call->arg;

	return result_of(sendfile(call->fd, *file, NULL, BULK));
}

static long run_splice_out(struct call *call)
{
	int *pipe = call->arg;

	return result_of(splice(pipe[0], NULL, call->fd, NULL, ROOM, 0));
}

static long run_splice_in(struct call *call)
{
	int *pipe = call->arg;

	return result_of(splice(call->fd, NULL, pipe[1], NULL, ROOM, 0));
}

static void enter(struct call *call, long nr, long (*run)(struct call *call))
{
	call->nr = nr;
	call->run = run;
	call_enter(call);
}

static void fill_pipe(int fd)
{
	char page[4096] = "";

	set_nonblocking(fd, true);
	while (write(fd, page, sizeof(page)) > 0)
		;
	if (errno != EAGAIN)
		fail("pipe: %s", strerror(errno));
	set_nonblocking(fd, false);
}

/* In a full one: a buffer of it is a page, and written to only when it is empty. */
static void make_room(int fd)
{
	static char page[65536];

	check(read(fd, page, sysconf(_SC_PAGESIZE)));
}

/* P2 */
TEST_F(splice, sendfile_to_a_stalled_peer_ends_with_ecanceled)
{
	struct pair *pair = &self->pair;
	int file;

	pair_stall(pair);
	file = pattern_file(pair->sent);
	self->call.arg = &file;
	enter(&self->call, SYS_sendfile, run_sendfile);
	close_expecting(_metadata, pair->fd, &self->call, 1);
	expect_end(_metadata, pair, variant->onoff, pair->sent);
}

/* P2: bytes that the socket has taken are reported, and they arrive. */
TEST_F(splice, sendfile_in_progress_reports_what_was_queued)
{
	struct pair *pair = &self->pair;
	int file = pattern_file(0);
	long sent;

	self->call.arg = &file;
	self->call.nr = SYS_sendfile;
	self->call.run = run_sendfile;
	call_start(&self->call);
	wait_until(!wire_look(&pair->wire)->received.window);
	call_wait_inside(&self->call);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(call_inside(&self->call));
	sent = call_join(&self->call);
	EXPECT_LT(0, sent);
	EXPECT_GT(BULK, sent);
	expect_end(_metadata, pair, variant->onoff, sent);
}

/* P2 */
TEST_F(splice, from_a_silent_peer_ends_with_ecanceled)
{
	struct pair *pair = &self->pair;

	enter(&self->call, SYS_splice, run_splice_in);
	close_expecting(_metadata, pair->fd, &self->call, 1);
	expect_end(_metadata, pair, variant->onoff, 0);
}

/* P2 */
TEST_F(splice, to_a_stalled_peer_ends_with_ecanceled)
{
	struct pair *pair = &self->pair;
	char bytes[1000] = "";

	pair_stall(pair);
	ASSERT_EQ(1000, write(self->pipe[1], bytes, sizeof(bytes)));
	enter(&self->call, SYS_splice, run_splice_out);
	close_expecting(_metadata, pair->fd, &self->call, 1);
	expect_end(_metadata, pair, variant->onoff, pair->sent);
}

/* G5: one thread's splice is another descriptor, and then none. */
TEST_F(splice, to_a_full_pipe_counts_as_a_descriptor_until_there_is_room)
{
	struct pair *pair = &self->pair;
	long got;

	fill_pipe(self->pipe[1]);
	enter(&self->call, SYS_splice, run_splice_in);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	EXPECT_TRUE(call_stays(&self->call));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);

	make_room(self->pipe[0]);
	got = call_join(&self->call);
	EXPECT_TRUE(got == -ECANCELED || got == -EBADF);
	expect_end(_metadata, pair, variant->onoff, 0);
}

/* G5: data that came meanwhile are not read either, and reset nothing (U1). */
TEST_F(splice, to_a_full_pipe_does_not_read_what_came_after_the_close)
{
	struct pair *pair = &self->pair;
	long got;

	fill_pipe(self->pipe[1]);
	enter(&self->call, SYS_splice, run_splice_in);
	pair_send(pair, 1000);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	make_room(self->pipe[0]);
	got = call_join(&self->call);
	EXPECT_TRUE(got == -ECANCELED || got == -EBADF);
	expect_end(_metadata, pair, variant->onoff, 1000);
}

/* G5 */
TEST_F(splice, from_an_empty_pipe_counts_as_a_descriptor_until_it_is_fed)
{
	struct pair *pair = &self->pair;
	long got;

	enter(&self->call, SYS_splice, run_splice_out);
	pair_send(pair, 1000);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	EXPECT_TRUE(call_stays(&self->call));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);

	ASSERT_EQ(1, write(self->pipe[1], "", 1));
	got = call_join(&self->call);
	EXPECT_TRUE(got == -ECANCELED || got == -EBADF);
	expect_end(_metadata, pair, variant->onoff, 1000);
}

/* G5: or until it is given up. */
TEST_F(splice, from_a_pipe_whose_writer_leaves_ends_with_nothing_moved)
{
	struct pair *pair = &self->pair;

	enter(&self->call, SYS_splice, run_splice_out);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	close(self->pipe[1]);
	EXPECT_EQ(0, call_join(&self->call));
	expect_end(_metadata, pair, variant->onoff, 0);
}

/* P2: the one waits for the socket, the other for the one. */
TEST_F(splice, of_two_threads_into_one_pipe_end_both)
{
	struct pair *pair = &self->pair;
	struct call other;

	self->call.nr = SYS_splice;
	self->call.run = run_splice_in;
	other = self->call;
	call_enter(&self->call);
	call_enter(&other);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(-ECANCELED, call_join(&self->call));
	EXPECT_EQ(-ECANCELED, call_join(&other));
	expect_end(_metadata, pair, variant->onoff, 0);
}

/* P11 */
TEST_F(splice, of_another_process_continues)
{
	struct pair *pair = &self->pair;
	pid_t child = child_fork();

	self->call.nr = SYS_splice;
	self->call.run = run_splice_in;
	/* With a pipe of its own: who waits for the socket holds its lock. */
	if (!child) {
		check(pipe(self->pipe));
		_exit(run_splice_in(&self->call) == 1 ? 0 : 1);
	}
	task_wait_inside(child, SYS_splice);
	call_enter(&self->call);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(-ECANCELED, call_join(&self->call));
	EXPECT_TRUE(task_stays(child, SYS_splice));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	child_join(child);
	expect_end(_metadata, pair, variant->onoff, 0);
}

/* The control: with the number open, everything flows. */
TEST_F(splice, moves_every_byte_of_an_open_socket)
{
	struct pair *pair = &self->pair;
	unsigned long received = 0;
	int file = pattern_file(0);
	char page[4096];
	ssize_t got;

	self->call.arg = &file;
	enter(&self->call, SYS_sendfile, run_sendfile);
	ASSERT_TRUE(receive_pattern(pair->peer, 0, BULK));
	EXPECT_EQ(BULK, call_join(&self->call));

	ASSERT_EQ(4096, send(pair->peer, page, sizeof(page), 0));
	while (received < sizeof(page)) {
		got = splice(pair->fd, NULL, self->pipe[1], NULL, ROOM, 0);
		ASSERT_LT(0, got);
		ASSERT_EQ(got, read(self->pipe[0], page, got));
		received += got;
	}
}

TEST_HARNESS_MAIN
