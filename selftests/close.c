// SPDX-License-Identifier: GPL-2.0
/* Closes that return at once: the graceful tail and the reset. */
#include <string.h>

#include "support/suite.h"

/* A new SO_LINGER option is {0, 0}. */
FIXTURE(graceful) {
	struct pair pair;
};

FIXTURE_VARIANT(graceful) {
	struct kind kind;
};

KINDS_ALL(graceful);

FIXTURE_SETUP(graceful)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(graceful);

/* C1 */
TEST_F(graceful, fin_is_sent_before_the_return_when_nothing_is_queued)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_FALSE(fd_is_open(pair->fd));
	expect_eof(_metadata, pair, 0);
}

/* C1 */
TEST_F(graceful, queued_data_and_fin_follow_in_the_background)
{
	struct pair *pair = &self->pair;
	long start;

	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));

	expect_eof(_metadata, pair, pair->sent);
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* C1 */
TEST_F(graceful, data_in_flight_are_retransmitted_after_the_return)
{
	struct pair *pair = &self->pair;

	pair_strand(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	pair_mend(pair);

	expect_eof(_metadata, pair, pair->sent);
}

/* C1 */
TEST_F(graceful, queued_data_outlive_the_thread)
{
	struct pair *pair = &self->pair;
	struct closer closer;

	pair_stall(pair);
	closer_start(&closer, ioc_closesocket, pair->fd);
	ASSERT_EQ(0, closer_join(&closer));
	expect_eof(_metadata, pair, pair->sent);
}

/* C1 */
TEST_F(graceful, queued_data_outlive_the_process)
{
	struct pair *pair = &self->pair;
	int go[2];
	pid_t pid;
	char byte;

	pair_stall(pair);
	check(pipe(go));
	pid = check(fork());
	if (!pid) {
		/* The parent's descriptor is gone when the byte comes. */
		check(read(go[0], &byte, 1));
		_exit(ioc_closesocket(pair->fd) ? 1 : 0);
	}
	close(pair->fd);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
	check(write(go[1], "x", 1));
	child_join(pid);
	expect_eof(_metadata, pair, pair->sent);
}

/* C3 */
TEST_F(graceful, shutdown_continues_when_data_are_queued)
{
	struct pair *pair = &self->pair;
	long start;

	pair_arrange(pair, LOAD_STALLED, TCP_FIN_WAIT1);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));

	expect_eof(_metadata, pair, pair->sent);
}

/* C3 */
TEST_F(graceful, shutdown_that_is_done_is_not_done_again)
{
	struct pair *pair = &self->pair;
	unsigned int fin;

	pair_arrange(pair, LOAD_NONE, TCP_FIN_WAIT2);
	fin = pair->wire.sent.fin;
	EXPECT_LE(1, fin);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_EQ(fin, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);

	expect_eof(_metadata, pair, 0);
}

/* C1, C3: the interval counts for nothing while linger is off. */
TEST_F(graceful, interval_is_ignored_while_linger_is_off)
{
	struct pair *pair = &self->pair;
	long start;

	set_linger(pair->fd, 1, LINGER_LONG);
	set_linger(pair->fd, 0, LINGER_LONG);
	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	expect_eof(_metadata, pair, pair->sent);
}

/* C1: the accepted end is no different. */
TEST_F(graceful, accepted_end_closes_gracefully_too)
{
	struct pair pair;

	pair_open_accepted(&pair, &variant->kind);
	pair_stall(&pair);
	ASSERT_EQ(0, ioc_closesocket(pair.fd));
	expect_eof(_metadata, &pair, pair.sent);
	pair_close(&pair);
}

/* SO_LINGER {1, 0}, over every state that has a connection left to reset. */
FIXTURE(hard) {
	struct pair pair;
};

FIXTURE_VARIANT(hard) {
	enum load load;
	int state;
};

FIXTURE_VARIANT_ADD(hard, idle) {
	LOAD_NONE, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(hard, idle_after_shutdown) {
	LOAD_NONE, TCP_FIN_WAIT2,
};

FIXTURE_VARIANT_ADD(hard, idle_after_peers_fin) {
	LOAD_NONE, TCP_CLOSE_WAIT,
};

FIXTURE_VARIANT_ADD(hard, queued) {
	LOAD_STALLED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(hard, queued_after_shutdown) {
	LOAD_STALLED, TCP_FIN_WAIT1,
};

FIXTURE_VARIANT_ADD(hard, queued_after_peers_fin) {
	LOAD_STALLED, TCP_CLOSE_WAIT,
};

FIXTURE_VARIANT_ADD(hard, queued_in_last_ack) {
	LOAD_STALLED, TCP_LAST_ACK,
};

FIXTURE_VARIANT_ADD(hard, queued_in_closing) {
	LOAD_STALLED, TCP_CLOSING,
};

FIXTURE_VARIANT_ADD(hard, unacknowledged) {
	LOAD_STRANDED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(hard, unacknowledged_after_shutdown) {
	LOAD_STRANDED, TCP_FIN_WAIT1,
};

FIXTURE_VARIANT_ADD(hard, unacknowledged_after_peers_fin) {
	LOAD_STRANDED, TCP_CLOSE_WAIT,
};

FIXTURE_VARIANT_ADD(hard, unacknowledged_in_last_ack) {
	LOAD_STRANDED, TCP_LAST_ACK,
};

FIXTURE_VARIANT_ADD(hard, unacknowledged_in_closing) {
	LOAD_STRANDED, TCP_CLOSING,
};

FIXTURE_SETUP(hard)
{
	netns_enter();
	winsock_open();
	self->pair.fd = -1;
}

FIXTURE_TEARDOWN(hard)
{
}

static void hard_close(struct __test_metadata *_metadata,
		       const struct kind *kind, enum load load, int state)
{
	struct received got;
	struct pair pair;
	long start;

	pair_open(&pair, kind);
	set_linger(pair.fd, 1, 0);
	pair_arrange(&pair, load, state);
	ASSERT_EQ(0, pair.wire.sent.rst);

	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair.fd));
	wire_look(&pair.wire);
	EXPECT_LE(1, pair.wire.sent.rst);
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair.fd));
	pair.fd = -1;

	/* No TIME_WAIT, no orphan. */
	EXPECT_EQ(0, pair_state(&pair));

	/* A peer whose segments are dropped does not see the reset either. */
	if (load != LOAD_STRANDED) {
		wait_until(tcp_state(pair.peer) == TCP_CLOSE);
		got = receive_all(pair.peer);
		EXPECT_TRUE(got.intact);
		/* Who has seen a FIN natively goes on to see EOF. */
		EXPECT_EQ(state == TCP_FIN_WAIT2 ? END_EOF : END_RESET,
			  got.ending);
		if (load == LOAD_STALLED)
			EXPECT_GT(pair.sent, got.bytes);
	}
	pair_close(&pair);
}

/* C4 */
TEST_F(hard, reset_is_on_the_wire_before_a_blocking_socket_returns)
{
	struct kind kind = { .family = AF_INET, .attached = true };

	hard_close(_metadata, &kind, variant->load, variant->state);
}

/* C4 */
TEST_F(hard, reset_is_on_the_wire_before_a_nonblocking_socket_returns)
{
	struct kind kind = { .family = AF_INET6, .nonblocking = true };

	hard_close(_metadata, &kind, variant->load, variant->state);
}

TEST_HARNESS_MAIN
