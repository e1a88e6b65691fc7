// SPDX-License-Identifier: GPL-2.0
/* What the application has not read when it closes. */
#include <string.h>
#include <sys/ioctl.h>

#include "support/suite.h"

#define UNREAD	100

static int unread(int fd)
{
	int bytes;

	check(ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

/* Have the peer send what the socket under test then does not read. */
static void leave_unread(struct pair *pair)
{
	char buf[UNREAD] = "";
	int before = unread(pair->fd);

	check(send(pair->peer, buf, sizeof(buf), MSG_NOSIGNAL));
	wait_until(unread(pair->fd) == before + UNREAD);
}

/* Everything that was sent arrives, then FIN, and no reset. */
static void expect_graceful(struct __test_metadata *_metadata,
			    struct pair *pair)
{
	expect_all(_metadata, pair);
	EXPECT_LE(1, pair->wire.sent.fin);
}

FIXTURE(unread) {
	struct pair pair;
};

FIXTURE_VARIANT(unread) {
	struct kind kind;
};

KINDS_ALL(unread);

FIXTURE_SETUP(unread)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(unread);

/* U1 */
TEST_F(unread, data_do_not_turn_the_fin_into_a_reset)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* U1 */
TEST_F(unread, data_do_not_destroy_what_is_queued)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	pair_stall(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* U1: those who look at the connection see nothing unread in it either. */
TEST_F(unread, data_are_gone_from_the_connection_that_stays_open)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	pair_stall(pair);
	EXPECT_EQ(UNREAD, pair_unread(pair));
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(0, pair_unread(pair));
	expect_graceful(_metadata, pair);
}

/* U1: an urgent byte outside the stream is unread too. */
TEST_F(unread, urgent_byte_is_discarded_as_well)
{
	struct pair *pair = &self->pair;

	check(send(pair->peer, "!", 1, MSG_OOB));
	wait_ready(pair->fd, POLLPRI);
	pair_send(pair, 5000);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* U1 */
TEST_F(unread, urgent_byte_amid_other_data_is_discarded_as_well)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	check(send(pair->peer, "!", 1, MSG_OOB));
	wait_ready(pair->fd, POLLPRI);
	check(send(pair->peer, "more", 4, 0));
	wait_until(unread(pair->fd) >= UNREAD);
	pair_stall(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* U1 */
TEST_F(unread, data_before_the_peers_fin_are_discarded)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	pair_arrange(pair, LOAD_STALLED, TCP_CLOSE_WAIT);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* U1, after shutdown for sending */
TEST_F(unread, data_do_not_spoil_an_earlier_shutdown)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	pair_arrange(pair, LOAD_STALLED, TCP_FIN_WAIT1);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* U1, with the interval of C7 and C14 */
TEST_F(unread, data_do_not_matter_to_a_linger_that_has_nothing_to_wait_for)
{
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, LINGER_LONG);
	leave_unread(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_graceful(_metadata, pair);
}

/* C4 makes no exception for them. */
TEST_F(unread, data_do_not_matter_to_a_hard_close)
{
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, 0);
	leave_unread(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.rst);
	EXPECT_EQ(0, pair->wire.sent.fin);
	pair->fd = -1;
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

/* U2 */
TEST_F(unread, data_that_come_after_the_close_are_answered_by_reset)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);

	check(send(pair->peer, "late", 4, MSG_NOSIGNAL));
	wait_until(wire_look(&pair->wire)->sent.rst);
	wait_until(tcp_state(pair->peer) == TCP_CLOSE);
	EXPECT_EQ(-1, send(pair->peer, "later", 5, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

/* U1's control: close(2) resets, and destroys what was queued. */
TEST_F(unread, data_make_close_2_reset)
{
	struct pair *pair = &self->pair;
	struct received got;

	leave_unread(pair);
	pair_stall(pair);
	ASSERT_EQ(0, native_close(pair->fd));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.rst);
	EXPECT_EQ(0, pair->wire.sent.fin);
	got = receive_all(pair->peer);
	EXPECT_GT(pair->sent, got.bytes);
	EXPECT_EQ(END_RESET, got.ending);
}

/* Blocking sockets with an interval. */
FIXTURE(unread_linger) {
	struct pair pair;
	struct closer closer;
};

FIXTURE_VARIANT(unread_linger) {
	struct kind kind;
};

KINDS_BLOCKING(unread_linger);

FIXTURE_SETUP(unread_linger)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, LINGER_LONG);
}

PAIR_TEARDOWN(unread_linger);

/* U1, C8 */
TEST_F(unread_linger, data_do_not_spoil_the_wait)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	expect_graceful(_metadata, pair);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_GT(LINGER_LONG * 1000, self->closer.elapsed_ms);
	/* The FIN is the wait's, a reset would be the return's. */
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* U1: the close is not over yet. */
TEST_F(unread_linger, data_that_come_during_the_wait_are_discarded)
{
	struct pair *pair = &self->pair;
	char buf[UNREAD] = "";

	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	check(send(pair->peer, buf, sizeof(buf), MSG_NOSIGNAL));
	wait_until(!queued(pair->peer));
	expect_graceful(_metadata, pair);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* U1, C9 */
TEST_F(unread_linger, data_do_not_change_the_timeout)
{
	struct pair *pair = &self->pair;
	long start;

	set_linger(pair->fd, 1, 1);
	leave_unread(pair);
	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

TEST_HARNESS_MAIN
