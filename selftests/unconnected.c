// SPDX-License-Identifier: GPL-2.0
/* Sockets without a connection: whatever the options, 0 and at once. */
#include <string.h>
#include <sys/ioctl.h>

#include "support/suite.h"

FIXTURE(unconnected) {
	struct sockaddr_storage addr;
	socklen_t addrlen;
};

/* L0, LZ and LN */
FIXTURE_VARIANT(unconnected) {
	struct kind kind;
	struct linger linger;
};

#define UNCONNECTED(family, attached, nonblocking, onoff, seconds)	\
	{ { family, attached, nonblocking }, { onoff, seconds } }

FIXTURE_VARIANT_ADD(unconnected, no_linger_ipv4_attached_blocking)
	UNCONNECTED(AF_INET, true, false, 0, 0);
FIXTURE_VARIANT_ADD(unconnected, no_linger_ipv4_plain_nonblocking)
	UNCONNECTED(AF_INET, false, true, 0, 0);
FIXTURE_VARIANT_ADD(unconnected, no_linger_ipv6_attached_nonblocking)
	UNCONNECTED(AF_INET6, true, true, 0, 0);
FIXTURE_VARIANT_ADD(unconnected, no_linger_ipv6_plain_blocking)
	UNCONNECTED(AF_INET6, false, false, 0, 0);
FIXTURE_VARIANT_ADD(unconnected, linger_zero_ipv4_attached_blocking)
	UNCONNECTED(AF_INET, true, false, 1, 0);
FIXTURE_VARIANT_ADD(unconnected, linger_zero_ipv4_plain_nonblocking)
	UNCONNECTED(AF_INET, false, true, 1, 0);
FIXTURE_VARIANT_ADD(unconnected, linger_zero_ipv6_attached_nonblocking)
	UNCONNECTED(AF_INET6, true, true, 1, 0);
FIXTURE_VARIANT_ADD(unconnected, linger_zero_ipv6_plain_blocking)
	UNCONNECTED(AF_INET6, false, false, 1, 0);
FIXTURE_VARIANT_ADD(unconnected, linger_ipv4_attached_blocking)
	UNCONNECTED(AF_INET, true, false, 1, LINGER_LONG);
FIXTURE_VARIANT_ADD(unconnected, linger_ipv4_plain_nonblocking)
	UNCONNECTED(AF_INET, false, true, 1, LINGER_LONG);
FIXTURE_VARIANT_ADD(unconnected, linger_ipv6_attached_nonblocking)
	UNCONNECTED(AF_INET6, true, true, 1, LINGER_LONG);
FIXTURE_VARIANT_ADD(unconnected, linger_ipv6_plain_blocking)
	UNCONNECTED(AF_INET6, false, false, 1, LINGER_LONG);

FIXTURE_SETUP(unconnected)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(unconnected)
{
}

static int make(const struct kind *kind, const struct linger *linger, int type)
{
	int fd = kind_socket(kind, type);

	set_linger(fd, linger->l_onoff, linger->l_linger);
	return fd;
}

static void expect_closed_at_once(struct __test_metadata *_metadata, int fd)
{
	long start = now_ms();

	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(fd));
}

/*
 * Close a socket whose connection is over: nothing is sent for that.  What is
 * left of it may still acknowledge a FIN that comes twice.
 */
static void expect_silent_close(struct __test_metadata *_metadata,
				struct pair *pair)
{
	struct wire_side before = wire_look(&pair->wire)->sent;

	EXPECT_EQ(TCP_CLOSE, tcp_state(pair->fd));
	expect_closed_at_once(_metadata, pair->fd);
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_EQ(before.data, pair->wire.sent.data);
	EXPECT_EQ(before.fin, pair->wire.sent.fin);
	EXPECT_EQ(before.rst, pair->wire.sent.rst);
}

/* N1 */
TEST_F(unconnected, datagrams_in_the_queue_are_discarded)
{
	int fd = make(&variant->kind, &variant->linger, SOCK_DGRAM);
	int other, bytes;
	char byte;

	bind_loopback(fd, variant->kind.family, &self->addr,
		      &self->addrlen);
	other = check(socket(variant->kind.family, SOCK_DGRAM, 0));
	check(connect(other, (void *)&self->addr, self->addrlen));
	check(send(other, "one", 3, 0));
	check(send(other, "two", 3, 0));
	wait_ready(fd, POLLIN);
	check(ioctl(fd, FIONREAD, &bytes));
	ASSERT_EQ(3, bytes);

	expect_closed_at_once(_metadata, fd);

	/* The port is free, and who takes it inherits nothing. */
	fd = check(socket(variant->kind.family, SOCK_DGRAM, 0));
	EXPECT_EQ(0, bind(fd, (void *)&self->addr, self->addrlen));
	EXPECT_EQ(-1, recv(fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
	close(other);
}

/* N2 */
TEST_F(unconnected, fresh_socket)
{
	int fd = make(&variant->kind, &variant->linger, SOCK_STREAM);

	expect_closed_at_once(_metadata, fd);
}

/* N2 */
TEST_F(unconnected, bound_socket_gives_up_its_port)
{
	int fd = make(&variant->kind, &variant->linger, SOCK_STREAM);

	bind_loopback(fd, variant->kind.family, &self->addr,
		      &self->addrlen);
	expect_closed_at_once(_metadata, fd);

	fd = check(socket(variant->kind.family, SOCK_STREAM, 0));
	EXPECT_EQ(0, bind(fd, (void *)&self->addr, self->addrlen));
	close(fd);
}

/* N3 */
TEST_F(unconnected, listener_closes_its_port_and_resets_what_is_queued)
{
	int fd = make(&variant->kind, &variant->linger, SOCK_STREAM);
	int client[2], late;
	unsigned int i;

	listen_loopback(fd, variant->kind.family, 4, &self->addr,
			&self->addrlen);
	for (i = 0; i < ARRAY_SIZE(client); i++) {
		client[i] = check(socket(variant->kind.family, SOCK_STREAM, 0));
		connect_to(client[i], &self->addr, self->addrlen);
	}
	check(send(client[1], "unread", 6, 0));
	wait_ready(fd, POLLIN);

	expect_closed_at_once(_metadata, fd);
	for (i = 0; i < ARRAY_SIZE(client); i++) {
		EXPECT_EQ(END_RESET, receive_all(client[i]).ending);
		close(client[i]);
	}
	late = check(socket(variant->kind.family, SOCK_STREAM, 0));
	EXPECT_EQ(-1, connect(late, (void *)&self->addr, self->addrlen));
	EXPECT_EQ(ECONNREFUSED, errno);
	close(late);
}

/* N4 */
TEST_F(unconnected, connect_in_progress_is_abandoned)
{
	struct pair pair = { .kind = variant->kind };
	int listener;

	listener = listen_deaf(variant->kind.family, &self->addr, &self->addrlen);
	wire_open(&pair.wire);
	pair.fd = make(&variant->kind, &variant->linger, SOCK_STREAM);
	set_nonblocking(pair.fd, true);
	ASSERT_EQ(-1, connect(pair.fd, (void *)&self->addr, self->addrlen));
	ASSERT_EQ(EINPROGRESS, errno);
	set_nonblocking(pair.fd, variant->kind.nonblocking);
	pair.wire.local = local_port(pair.fd);
	pair.wire.remote = local_port(listener);
	ASSERT_EQ(TCP_SYN_SENT, pair_state(&pair));

	expect_closed_at_once(_metadata, pair.fd);
	EXPECT_EQ(0, pair_state(&pair));
	wire_look(&pair.wire);
	EXPECT_LE(1, pair.wire.sent.packets);
	EXPECT_EQ(0, pair.wire.sent.fin);
	EXPECT_EQ(0, pair.wire.sent.rst);
	close(listener);
	close(pair.wire.fd);
}

/* N5 */
TEST_F(unconnected, refused_connect_leaves_nothing_to_close)
{
	struct kind blocking = variant->kind;
	int fd, spare;

	spare = check(socket(variant->kind.family, SOCK_STREAM, 0));
	bind_loopback(spare, variant->kind.family, &self->addr,
		      &self->addrlen);
	blocking.nonblocking = false;
	fd = make(&blocking, &variant->linger, SOCK_STREAM);
	ASSERT_EQ(-1, connect(fd, (void *)&self->addr, self->addrlen));
	ASSERT_EQ(ECONNREFUSED, errno);
	set_nonblocking(fd, variant->kind.nonblocking);
	expect_closed_at_once(_metadata, fd);
	close(spare);
}

/* N5 */
TEST_F(unconnected, reset_connection_is_closed_in_silence)
{
	struct pair pair;

	pair_open(&pair, &variant->kind);
	set_linger(pair.fd, variant->linger.l_onoff, variant->linger.l_linger);
	pair_stall(&pair);
	set_linger(pair.peer, 1, 0);
	close(pair.peer);
	pair.peer = -1;
	wait_until(tcp_state(pair.fd) == TCP_CLOSE);
	expect_silent_close(_metadata, &pair);
	pair_close(&pair);
}

/* N5 */
TEST_F(unconnected, timed_out_connection_is_closed_in_silence)
{
	unsigned int ms = 200;
	struct pair pair;

	pair_open(&pair, &variant->kind);
	set_linger(pair.fd, variant->linger.l_onoff, variant->linger.l_linger);
	check(setsockopt(pair.fd, SOL_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)));
	pair_strand(&pair);
	wait_until(tcp_state(pair.fd) == TCP_CLOSE);
	expect_silent_close(_metadata, &pair);
	pair_close(&pair);
}

/* N5 */
TEST_F(unconnected, connection_that_we_finished_first_is_closed_in_silence)
{
	struct pair pair;

	pair_open(&pair, &variant->kind);
	set_linger(pair.fd, variant->linger.l_onoff, variant->linger.l_linger);
	check(shutdown(pair.fd, SHUT_WR));
	wait_until(tcp_state(pair.fd) == TCP_FIN_WAIT2);
	check(shutdown(pair.peer, SHUT_WR));
	wait_until(tcp_state(pair.fd) == TCP_CLOSE);
	expect_silent_close(_metadata, &pair);
	pair_close(&pair);
}

/* N5 */
TEST_F(unconnected, connection_that_the_peer_finished_first_is_closed_in_silence)
{
	struct pair pair;

	pair_open(&pair, &variant->kind);
	set_linger(pair.fd, variant->linger.l_onoff, variant->linger.l_linger);
	check(shutdown(pair.peer, SHUT_WR));
	wait_until(tcp_state(pair.fd) == TCP_CLOSE_WAIT);
	check(shutdown(pair.fd, SHUT_WR));
	wait_until(tcp_state(pair.fd) == TCP_CLOSE);
	expect_silent_close(_metadata, &pair);
	pair_close(&pair);
}

TEST_HARNESS_MAIN
