// SPDX-License-Identifier: GPL-2.0
/* SO_LINGER with an interval on a blocking socket. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>	/* for the next */
#include <linux/vm_sockets.h>

#include "support/suite.h"

FIXTURE(linger) {
	struct pair pair;
	struct closer closer;
};

FIXTURE_VARIANT(linger) {
	struct kind kind;
};

KINDS_BLOCKING(linger);

FIXTURE_SETUP(linger)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, LINGER_LONG);
}

PAIR_TEARDOWN(linger);

/* C7 */
TEST_F(linger, returns_at_once_when_nothing_is_queued)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_FALSE(fd_is_open(pair->fd));
	expect_eof(_metadata, pair, 0);
}

/* C7 */
TEST_F(linger, does_not_wait_for_the_acknowledgment_of_the_fin)
{
	struct pair *pair = &self->pair;
	long start;

	pair_cut(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_LE(1, wire_look(&pair->wire)->sent.fin);
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/*
 * Both connect to each other, and the socket under test hears the peer's SYN, which
 * does not hear the answer.
 */
static void pair_open_crossed(struct pair *pair, const struct kind *kind)
{
	struct sockaddr_storage addr, peer_addr;
	socklen_t len;

	memset(pair, 0, sizeof(*pair));
	pair->kind = *kind;
	wire_open(&pair->wire);
	pair->fd = kind_socket(kind, SOCK_STREAM);
	pair->peer = check(socket(kind->family, SOCK_STREAM, 0));
	bind_loopback(pair->fd, kind->family, &addr, &len);
	bind_loopback(pair->peer, kind->family, &peer_addr, &len);
	make_deaf(pair->fd);
	make_deaf(pair->peer);
	set_nonblocking(pair->fd, true);
	set_nonblocking(pair->peer, true);
	connect(pair->fd, (struct sockaddr *)&peer_addr, len);
	connect(pair->peer, (struct sockaddr *)&addr, len);
	make_hear(pair->fd);
	pair->wire.local = local_port(pair->fd);
	pair->wire.remote = local_port(pair->peer);
	wait_until(tcp_state(pair->fd) == TCP_SYN_RECV);
	set_nonblocking(pair->fd, kind->nonblocking);
}

/* C7: a SYN is no more waited for than a FIN. */
TEST_F(linger, does_not_wait_for_the_acknowledgment_of_a_crossed_syn)
{
	struct pair *pair = &self->pair;
	long start;

	pair_close(pair);
	pair_open_crossed(pair, &variant->kind);
	set_linger(pair->fd, 1, LINGER_LONG);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C7, after a shutdown whose FIN the peer has not acknowledged */
TEST_F(linger, does_not_wait_for_an_earlier_fin_either)
{
	struct pair *pair = &self->pair;
	long start;

	pair_cut(pair);
	pair_arrange(pair, LOAD_NONE, TCP_FIN_WAIT1);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C7, after the peer's FIN */
TEST_F(linger, returns_at_once_when_the_peer_has_finished)
{
	struct pair *pair = &self->pair;
	long start;

	pair_arrange(pair, LOAD_NONE, TCP_CLOSE_WAIT);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	pair->fd = -1;
}

/* C7's control */
TEST_F(linger, close_2_waits_for_the_acknowledgment_of_the_fin)
{
	struct pair *pair = &self->pair;
	long start;

	set_linger(pair->fd, 1, 1);
	pair_cut(pair);
	start = now_ms();
	ASSERT_EQ(0, native_close(pair->fd));
	EXPECT_LE(900, now_ms() - start);
	pair->fd = -1;
}

/* C8 */
TEST_F(linger, waits_until_the_peer_has_taken_the_last_byte)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	unsigned long part = 20000;
	struct received got;
	unsigned long rest;

	pair_stall(pair);
	rest = queued(pair->fd);
	ASSERT_LT(part, rest);
	close_and_wait(closer, pair);

	/* Some of it acknowledged is not all of it. */
	ASSERT_TRUE(receive_pattern(pair->peer, 0, part));
	closer_wait_asleep(closer);
	EXPECT_FALSE(closer_done(closer));

	/* Read without checking the pattern, which has begun already. */
	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent - part, got.bytes);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_GT(LINGER_LONG * 1000, closer->elapsed_ms);
	EXPECT_FALSE(fd_is_open(closer->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* C8 */
TEST_F(linger, every_byte_arrives_and_then_the_fin)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	expect_eof(_metadata, pair, pair->sent);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C8: also what is in flight and has to be sent again */
TEST_F(linger, waits_for_data_that_are_all_sent_but_not_acknowledged)
{
	struct pair *pair = &self->pair;

	pair_strand(pair);
	close_and_wait(&self->closer, pair);
	pair_mend(pair);
	expect_eof(_metadata, pair, pair->sent);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C8, after the application's own shutdown */
TEST_F(linger, waits_for_what_an_earlier_shutdown_left_queued)
{
	struct pair *pair = &self->pair;

	pair_arrange(pair, LOAD_STALLED, TCP_FIN_WAIT1);
	close_and_wait(&self->closer, pair);
	expect_eof(_metadata, pair, pair->sent);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C8, in both states that follow on the peer's FIN */
TEST_F(linger, waits_also_when_the_peer_has_finished)
{
	static const int states[] = { TCP_LAST_ACK, TCP_CLOSING };
	struct pair *pair = &self->pair;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		pair_arrange(pair, LOAD_STALLED, states[i]);
		close_and_wait(&self->closer, pair);
		expect_eof(_metadata, pair, pair->sent);
		EXPECT_EQ(0, closer_join(&self->closer));
		EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
		pair_close(pair);
		pair_open(pair, &variant->kind);
		set_linger(pair->fd, 1, LINGER_LONG);
	}
}

/* C8: by event.  Nothing happens for a second, and the thread does nothing. */
TEST_F(linger, does_not_poll_while_it_waits)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	long switches;

	pair_stall(pair);
	close_and_wait(closer, pair);
	switches = closer_switches(closer);
	sleep(1);
	EXPECT_GE(2, closer_switches(closer) - switches);
	receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(closer));
}

/* C8: what is not the last acknowledgment wakes nobody. */
TEST_F(linger, sleeps_through_all_but_the_last_acknowledgment)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	unsigned long part = 4000, rest;

	pair_stall(pair);
	close_and_wait(closer, pair);
	/* Small parts, each of which opens the window a bit. */
	for (rest = pair->sent; rest > part; rest -= part) {
		ASSERT_TRUE(receive_pattern(pair->peer, pair->sent - rest, part));
		usleep(1000);
	}
	receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_GE(4, closer->sleeps);
}

/* Bytes that fit in the window that the peer has offered last. */
static __u32 room(struct pair *pair)
{
	wire_look(&pair->wire);
	return pair->wire.received.edge - pair->wire.sent.end;
}

/*
 * The data are the last that the window admits, so that the FIN cannot even be
 * sent when they are acknowledged.  They go in so many parts.
 */
static void close_behind_full_window(struct __test_metadata *_metadata, struct pair *pair,
				     struct closer *closer, int parts)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	__u32 edge, left;

	ASSERT_EQ(0, getsockopt(pair->fd, SOL_TCP, TCP_INFO, &info, &len));
	pair->wire.received.scale = info.tcpi_snd_wscale;
	/* Until the peer's buffer is so full that the edge stands still. */
	do {
		edge = pair->wire.received.edge;
		pair_send(pair, 1000);
		wait_until(!queued(pair->fd));
		wire_look(&pair->wire);
	} while (edge != pair->wire.received.edge || room(pair) > 4000);
	while (room(pair) > 1000) {
		pair_send(pair, 100);
		wait_until(!queued(pair->fd));
	}
	ASSERT_LT(0, room(pair));
	ASSERT_EQ(0, queued(pair->fd));

	pair_cut(pair);
	for (left = room(pair); parts; left -= left / parts--)
		pair_send(pair, left / parts);
	close_and_wait(closer, pair);
	pair_mend(pair);
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_GT(LINGER_LONG * 1000, closer->elapsed_ms);
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.received.window);
	EXPECT_EQ(0, pair->wire.sent.fin);

	expect_eof(_metadata, pair, pair->sent);
}

/* C8: data count, the FIN does not. */
TEST_F(linger, returns_although_the_window_has_no_room_for_the_fin)
{
	close_behind_full_window(_metadata, &self->pair, &self->closer, 1);
}

/* C8: the last is waited for also when others come first, one by one. */
TEST_F(linger, returns_at_the_last_of_several_acknowledgments)
{
	struct pair *pair = &self->pair;
	int on = 1, sysctl;

	sysctl = check(open("/proc/sys/net/ipv4/tcp_retrans_collapse", O_WRONLY));
	ASSERT_EQ(1, write(sysctl, "0", 1));
	close(sysctl);
	ASSERT_EQ(0, setsockopt(pair->fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on)));
	close_behind_full_window(_metadata, pair, &self->closer, 4);
}

/* C9: seen from outside, while the call is under way */
TEST_F(linger, does_not_reset_before_the_time)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	long start;

	set_linger(pair->fd, 1, 2);
	pair_stall(pair);
	start = now_ms();
	closer_start(closer, ioc_closesocket, pair->fd);
	wait_until(wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(2000, now_ms() - start);
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_LE(2000, closer->elapsed_ms);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
}

/* C10 */
TEST_F(linger, returns_when_the_peer_resets)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;

	pair_stall(pair);
	close_and_wait(closer, pair);
	set_linger(pair->peer, 1, 0);
	close(pair->peer);
	pair->peer = -1;
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_GT(LINGER_LONG * 1000, closer->elapsed_ms);
	EXPECT_FALSE(fd_is_open(closer->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->received.rst);
	EXPECT_EQ(0, pair_state(pair));
}

/* C10 */
TEST_F(linger, returns_when_the_connection_times_out)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	unsigned int ms = 500;

	ASSERT_EQ(0, setsockopt(pair->fd, SOL_TCP, TCP_USER_TIMEOUT, &ms,
				sizeof(ms)));
	pair_strand(pair);
	closer_start(closer, ioc_closesocket, pair->fd);
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_GT(LINGER_LONG * 1000, closer->elapsed_ms);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
}

/* I2: the number is taken until the call returns, and then it is free. */
TEST_F(linger, descriptor_is_neither_usable_nor_reused_during_the_wait)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	int fd = pair->fd;
	int other;

	pair_stall(pair);
	close_and_wait(closer, pair);
	EXPECT_FALSE(fd_is_open(fd));
	EXPECT_EQ(-EBADF, ioc_closesocket(fd));
	EXPECT_EQ(-EBADF, native_close(fd));
	EXPECT_EQ(-1, dup2(pair->peer, fd));
	EXPECT_EQ(EBUSY, errno);
	other = check(dup(pair->peer));
	EXPECT_NE(fd, other);
	close(other);

	receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_FALSE(fd_is_open(fd));
	EXPECT_EQ(fd, dup2(pair->peer, fd));
	EXPECT_EQ(0, close(fd));
}

/* A child born during the wait has no part in the socket. */
TEST_F(linger, fork_does_not_inherit_a_socket_that_is_being_closed)
{
	struct pair *pair = &self->pair;
	struct closer *closer = &self->closer;
	int fd = pair->fd;
	struct received got;
	int hold[2];
	pid_t pid;
	char byte;

	pair_stall(pair);
	check(pipe(hold));
	close_and_wait(closer, pair);
	pid = check(fork());
	if (!pid) {
		close(hold[1]);
		check(read(hold[0], &byte, 1));
		_exit(fd_is_open(fd));
	}
	got = receive_all(pair->peer);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, closer_join(closer));
	close(hold[1]);
	child_join(pid);
}

/* A fatal signal ends the wait, not the transfer. */
TEST_F(linger, sigkill_ends_the_wait)
{
	struct pair *pair = &self->pair;
	int go[2], status;
	pid_t pid;
	char byte;

	pair_stall(pair);
	check(pipe(go));
	pid = check(fork());
	if (!pid) {
		check(read(go[0], &byte, 1));
		ioc_closesocket(pair->fd);
		_exit(0);
	}
	close(pair->fd);
	pair->fd = -1;
	check(write(go[1], "x", 1));
	wait_until(pair_state(pair) == TCP_FIN_WAIT1);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	wait_until(check(waitpid(pid, &status, WNOHANG)) == pid);
	EXPECT_TRUE(WIFSIGNALED(status));

	expect_eof(_metadata, pair, pair->sent);
}

FIXTURE(accepted) {
	struct pair pair;
	struct closer closer;
};

FIXTURE_VARIANT(accepted) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(accepted, ipv4_attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(accepted, ipv6_plain)
	KIND(AF_INET6, false, false);

FIXTURE_SETUP(accepted)
{
	netns_enter();
	winsock_open();
	pair_open_accepted(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(accepted);

/* C8 */
TEST_F(accepted, socket_waits_for_the_last_byte)
{
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	expect_eof(_metadata, pair, pair->sent);
	EXPECT_EQ(0, closer_join(&self->closer));
}

/* C9 */
TEST_F(accepted, socket_resets_at_the_timeout)
{
	struct pair *pair = &self->pair;
	long start;

	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

/* C9, over every state that has data left to wait for. */
FIXTURE(linger_timeout) {
	struct pair pair;
};

FIXTURE_VARIANT(linger_timeout) {
	struct kind kind;
	enum load load;
	int state;
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_ipv4_attached) {
	{ AF_INET, true, false }, LOAD_STALLED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_ipv4_plain) {
	{ AF_INET, false, false }, LOAD_STALLED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_ipv6_attached) {
	{ AF_INET6, true, false }, LOAD_STALLED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_ipv6_plain) {
	{ AF_INET6, false, false }, LOAD_STALLED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_after_shutdown_ipv4_attached) {
	{ AF_INET, true, false }, LOAD_STALLED, TCP_FIN_WAIT1,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_after_shutdown_ipv6_plain) {
	{ AF_INET6, false, false }, LOAD_STALLED, TCP_FIN_WAIT1,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_after_peers_fin_ipv4_plain) {
	{ AF_INET, false, false }, LOAD_STALLED, TCP_CLOSE_WAIT,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_after_peers_fin_ipv6_attached) {
	{ AF_INET6, true, false }, LOAD_STALLED, TCP_CLOSE_WAIT,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_in_last_ack_ipv4_attached) {
	{ AF_INET, true, false }, LOAD_STALLED, TCP_LAST_ACK,
};

FIXTURE_VARIANT_ADD(linger_timeout, queued_in_closing_ipv6_plain) {
	{ AF_INET6, false, false }, LOAD_STALLED, TCP_CLOSING,
};

FIXTURE_VARIANT_ADD(linger_timeout, unacknowledged_ipv4_attached) {
	{ AF_INET, true, false }, LOAD_STRANDED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(linger_timeout, unacknowledged_ipv6_plain) {
	{ AF_INET6, false, false }, LOAD_STRANDED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(linger_timeout, unacknowledged_after_shutdown) {
	{ AF_INET6, true, false }, LOAD_STRANDED, TCP_FIN_WAIT1,
};

FIXTURE_VARIANT_ADD(linger_timeout, unacknowledged_after_peers_fin) {
	{ AF_INET, false, false }, LOAD_STRANDED, TCP_CLOSE_WAIT,
};

FIXTURE_VARIANT_ADD(linger_timeout, unacknowledged_in_last_ack) {
	{ AF_INET6, true, false }, LOAD_STRANDED, TCP_LAST_ACK,
};

FIXTURE_VARIANT_ADD(linger_timeout, unacknowledged_in_closing) {
	{ AF_INET, false, false }, LOAD_STRANDED, TCP_CLOSING,
};

FIXTURE_SETUP(linger_timeout)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, 1);
	pair_arrange(&self->pair, variant->load, variant->state);
}

PAIR_TEARDOWN(linger_timeout);

/* C9 */
TEST_F(linger_timeout, resets_before_the_return_and_not_before_the_time)
{
	struct pair *pair = &self->pair;
	long before = orphans();
	struct received got;
	long start;

	ASSERT_EQ(0, pair->wire.sent.rst);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;

	/* Neither TIME_WAIT nor an orphan in FIN_WAIT1. */
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_GE(before, orphans());

	/* A peer whose segments are dropped does not see the reset either. */
	if (variant->load == LOAD_STALLED) {
		got = receive_all(pair->peer);
		EXPECT_TRUE(got.intact);
		EXPECT_GT(pair->sent, got.bytes);
		EXPECT_EQ(END_RESET, got.ending);
	}
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
}

/* C8: with this limit a FIN that waits keeps TCP from reporting free space. */
TEST(linger_wait_ends_although_the_fin_is_beyond_notsent_lowat)
{
	struct kind kind = { .family = AF_INET, .attached = true };
	struct closer closer;
	unsigned int limit = 1;
	struct pair pair;

	pair_setup(&pair, &kind);
	set_linger(pair.fd, 1, LINGER_LONG);
	check(setsockopt(pair.fd, SOL_TCP, TCP_NOTSENT_LOWAT, &limit,
			 sizeof(limit)));
	close_behind_full_window(_metadata, &pair, &closer, 1);
	pair_close(&pair);
}

/* C9: the interval is the option's, not some constant. */
TEST(linger_timeout_is_the_interval)
{
	struct kind kind = { .family = AF_INET, .attached = true };
	struct pair pair;
	long start;

	pair_setup(&pair, &kind);
	set_linger(pair.fd, 1, 3);
	pair_stall(&pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair.fd));
	EXPECT_LE(1, wire_look(&pair.wire)->sent.rst);
	EXPECT_LE(3000, now_ms() - start);
	pair.fd = -1;
	pair_close(&pair);
}

/* C9's control: close(2) gives up waiting, but not the transfer. */
FIXTURE(close_2) {
	struct pair pair;
};

FIXTURE_VARIANT(close_2) {
	struct kind kind;
	enum load load;
	int state;
};

FIXTURE_VARIANT_ADD(close_2, queued_ipv4_attached) {
	{ AF_INET, true, false }, LOAD_STALLED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(close_2, queued_in_last_ack_ipv6_plain) {
	{ AF_INET6, false, false }, LOAD_STALLED, TCP_LAST_ACK,
};

FIXTURE_VARIANT_ADD(close_2, unacknowledged_ipv6_attached) {
	{ AF_INET6, true, false }, LOAD_STRANDED, TCP_ESTABLISHED,
};

FIXTURE_VARIANT_ADD(close_2, unacknowledged_after_shutdown_ipv4_plain) {
	{ AF_INET, false, false }, LOAD_STRANDED, TCP_FIN_WAIT1,
};

FIXTURE_SETUP(close_2)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, 1);
	pair_arrange(&self->pair, variant->load, variant->state);
}

PAIR_TEARDOWN(close_2);

TEST_F(close_2, returns_at_the_timeout_too_but_never_resets)
{
	struct pair *pair = &self->pair;
	long start;

	start = now_ms();
	ASSERT_EQ(0, native_close(pair->fd));
	EXPECT_LE(900, now_ms() - start);
	pair->fd = -1;
	EXPECT_NE(0, pair_state(pair));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);

	if (variant->load == LOAD_STRANDED)
		pair_mend(pair);
	expect_eof(_metadata, pair, pair->sent);
}

#define NO_VSOCK	"kernel: no vsock over the loopback"

/* A connected pair whose peer does not read; false where there is none. */
static bool stalled_vsock(int fds[2])
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_port = 4711,
		.svm_cid = VMADDR_CID_LOCAL,
	};
	static char buf[65536];
	int listener;

	if (system("modprobe vsock_loopback >/dev/null 2>&1"))
		return false;
	listener = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (listener < 0)
		return false;
	check(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	check(listen(listener, 1));
	fds[0] = check(socket(AF_VSOCK, SOCK_STREAM, 0));
	check(connect(fds[0], (struct sockaddr *)&addr, sizeof(addr)));
	fds[1] = check(accept(listener, NULL, NULL));
	close(listener);
	while (send(fds[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	return true;
}

/* C15 of a stream that is not TCP: it cannot refuse, and must not wait either. */
TEST(nonblocking_close_of_another_protocol_does_not_linger)
{
	long start;
	int fds[2];

	winsock_open();
	if (!stalled_vsock(fds))
		SKIP(return, NO_VSOCK);
	set_linger(fds[0], 1, LINGER_LONG);
	set_nonblocking(fds[0], true);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(fds[0]));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(fds[0]));
	close(fds[1]);
}

/* The control: such a socket does linger. */
TEST(blocking_close_of_another_protocol_lingers)
{
	long start;
	int fds[2];

	winsock_open();
	if (!stalled_vsock(fds))
		SKIP(return, NO_VSOCK);
	set_linger(fds[0], 1, 1);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(fds[0]));
	/* Its own wait counts ticks, of which a virtual machine may catch up on some. */
	EXPECT_LE(900, now_ms() - start);
	close(fds[1]);
}

TEST_HARNESS_MAIN
