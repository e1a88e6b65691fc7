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

FIXTURE_VARIANT_ADD(graceful, ipv4_attached_blocking)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(graceful, ipv4_attached_nonblocking)
	KIND(AF_INET, true, true);
FIXTURE_VARIANT_ADD(graceful, ipv4_plain_blocking)
	KIND(AF_INET, false, false);
FIXTURE_VARIANT_ADD(graceful, ipv4_plain_nonblocking)
	KIND(AF_INET, false, true);
FIXTURE_VARIANT_ADD(graceful, ipv6_attached_blocking)
	KIND(AF_INET6, true, false);
FIXTURE_VARIANT_ADD(graceful, ipv6_attached_nonblocking)
	KIND(AF_INET6, true, true);
FIXTURE_VARIANT_ADD(graceful, ipv6_plain_blocking)
	KIND(AF_INET6, false, false);
FIXTURE_VARIANT_ADD(graceful, ipv6_plain_nonblocking)
	KIND(AF_INET6, false, true);

FIXTURE_SETUP(graceful)
{
	netns_enter();
	winsock_open();
	pair_open(&self->pair, &variant->kind);
}

FIXTURE_TEARDOWN(graceful)
{
	pair_close(&self->pair);
}

/* C1 */
TEST_F(graceful, fin_is_sent_before_the_return_when_nothing_is_queued)
{
	struct pair *pair = &self->pair;
	struct received got;

	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;

	got = receive_all(pair->peer);
	EXPECT_EQ(0, got.bytes);
	EXPECT_EQ(END_EOF, got.ending);
}

/* C1 */
TEST_F(graceful, queued_data_and_fin_follow_in_the_background)
{
	struct pair *pair = &self->pair;
	struct received got;
	long start;

	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));

	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* C1 */
TEST_F(graceful, data_in_flight_are_retransmitted_after_the_return)
{
	struct pair *pair = &self->pair;
	struct received got;

	pair_strand(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	pair_mend(pair);

	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C1 */
TEST_F(graceful, queued_data_outlive_the_thread)
{
	struct pair *pair = &self->pair;
	struct closer closer;
	struct received got;

	pair_stall(pair);
	closer_start(&closer, ioc_closesocket, pair->fd);
	ASSERT_EQ(0, closer_join(&closer));
	pair->fd = -1;

	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C1 */
TEST_F(graceful, queued_data_outlive_the_process)
{
	struct pair *pair = &self->pair;
	struct received got;
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
	pair->fd = -1;

	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C3 */
TEST_F(graceful, shutdown_goes_on_when_data_are_queued)
{
	struct pair *pair = &self->pair;
	struct received got;
	long start;

	pair_arrange(pair, LOAD_STALLED, TCP_FIN_WAIT1);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));

	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C3 */
TEST_F(graceful, shutdown_that_is_done_is_not_done_again)
{
	struct pair *pair = &self->pair;
	struct received got;
	unsigned int fin;

	pair_arrange(pair, LOAD_NONE, TCP_FIN_WAIT2);
	fin = pair->wire.sent.fin;
	EXPECT_LE(1, fin);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_EQ(fin, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);

	got = receive_all(pair->peer);
	EXPECT_EQ(0, got.bytes);
	EXPECT_EQ(END_EOF, got.ending);
}

/* C1, C3: the interval counts for nothing while linger is off. */
TEST_F(graceful, interval_is_ignored_while_linger_is_off)
{
	struct pair *pair = &self->pair;
	struct received got;
	long start;

	set_linger(pair->fd, 1, LINGER_LONG);
	set_linger(pair->fd, 0, LINGER_LONG);
	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;

	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
}

/* C1: the accepted end is no different. */
TEST_F(graceful, accepted_end_closes_gracefully_too)
{
	struct received got;
	struct pair pair;

	pair_open_accepted(&pair, &variant->kind);
	pair_stall(&pair);
	ASSERT_EQ(0, ioc_closesocket(pair.fd));
	pair.fd = -1;

	got = receive_all(pair.peer);
	EXPECT_EQ(pair.sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair.wire)->sent.rst);
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
