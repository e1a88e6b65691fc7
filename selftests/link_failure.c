// SPDX-License-Identifier: GPL-2.0
/*
 * closesocket() as the peer, its host or the link fails: one failure at a time,
 * at the moment that matters.
 */
#include <stdio.h>
#include <linux/filter.h>

#include "support/lossy_link.h"
#include "support/suite.h"

/* A link that is not the same afterwards. */
FIXTURE(outage) {
	struct lossy_link net;
	struct pair pair;
	struct closer closer;
};

FIXTURE_VARIANT(outage) {
	struct kind kind;
	const char *nobody;
};

FIXTURE_VARIANT_ADD(outage, ipv4) {
	{ AF_INET, true, false }, LINK_NOBODY4,
};

FIXTURE_VARIANT_ADD(outage, ipv6) {
	{ AF_INET6, true, false }, LINK_NOBODY6,
};

FIXTURE_SETUP(outage)
{
	winsock_open();
	link_open(&self->net);
	link_pair(&self->net, &self->pair, &variant->kind);
}

FIXTURE_TEARDOWN(outage)
{
	pair_close(&self->pair);
	link_close(&self->net);
}

/* C9 */
TEST_F(outage, peer_that_dies_silently_is_given_up_at_the_timeout)
{
	struct pair *pair = &self->pair;
	long before = orphans();

	set_linger(pair->fd, 1, 3);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	link_unplug(&self->net);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_LE(3000, self->closer.elapsed_ms);
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_FALSE(fd_is_open(self->closer.fd));
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_GE(before, orphans());
}

/* C9: no way out of our own host either; there is nothing to be seen then. */
TEST_F(outage, own_cable_pulled_ends_the_linger_wait_at_the_timeout)
{
	struct pair *pair = &self->pair;
	long before = orphans();

	set_linger(pair->fd, 1, 3);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	link_ip(&self->net, HERE, "link set eth0 down");
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_LE(3000, self->closer.elapsed_ms);
	EXPECT_FALSE(fd_is_open(self->closer.fd));
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_GE(before, orphans());
}

/* C15, I1: for as long as the peer is silent; and C18 */
TEST_F(outage, peer_that_dies_silently_keeps_the_refusal)
{
	struct pair *pair = &self->pair;
	struct call recv;
	int i;

	set_nonblocking(pair->fd, true);
	set_linger(pair->fd, 1, 1);
	link_unplug(&self->net);
	pair_send(pair, 3000);
	recv = (struct call)CALL_RECV(pair->fd);
	for (i = 0; i < 12; i++) {
		EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
		usleep(100000);
	}
	EXPECT_TRUE(fd_is_open(pair->fd));
	EXPECT_EQ(3000, queued(pair->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	EXPECT_EQ(-EAGAIN, recv.run(&recv));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin + pair->wire.sent.rst);

	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
}

/* C1: the tail ends as TCP gives up, and lets go of the module. */
TEST_F(outage, graceful_tail_to_a_dead_peer_ends_some_time)
{
	struct pair *pair = &self->pair;
	long start;

	link_sysctl(&self->net, HERE, "ipv4/tcp_orphan_retries", "2");
	pair_send(pair, 3000);
	wait_until(!queued(pair->fd));
	link_unplug(&self->net);
	pair_send(pair, 3000);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(1, winsock_counter("WinsockCurrAttached"));
	wait_until(!winsock_counter("WinsockCurrAttached"));
	EXPECT_EQ(0, pair_state(pair));
}

/* P2: neither call has anything else to hope for. */
TEST_F(outage, calls_that_wait_for_a_dead_peer_are_cancelled)
{
	struct pair *pair = &self->pair;
	struct call calls[2] = { CALL_RECV(pair->fd), CALL_SEND(pair->fd) };

	pair_stall(pair);
	call_enter(&calls[0]);
	call_enter(&calls[1]);
	link_unplug(&self->net);
	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(-ECANCELED, call_join(&calls[0]));
	EXPECT_EQ(-ECANCELED, call_join(&calls[1]));
	pair->fd = -1;
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
}

static long run_connect(struct call *call)
{
	struct sockaddr_storage addr;
	socklen_t len = link_address(call->arg, &addr);

	/* Both families have the port at the same place. */
	((struct sockaddr_in *)&addr)->sin_port = htons(9);
	return result_of(connect(call->fd, (struct sockaddr *)&addr, len));
}

/* A route that swallows what it is given. */
static void swallow(const struct lossy_link *net, const char *address)
{
	char args[64];

	snprintf(args, sizeof(args), "route add blackhole %s", address);
	link_ip(net, ROUTER, args);
}

/* One more SYN would have been due by the end of it. */
static void expect_silence(struct __test_metadata *_metadata,
			   struct wire *wire)
{
	unsigned int packets = wire_look(wire)->sent.packets;

	EXPECT_LE(1, packets);
	usleep(1500000);
	EXPECT_EQ(packets, wire_look(wire)->sent.packets);
	EXPECT_EQ(0, wire->sent.rst + wire->sent.fin);
}

/* P4, N4 */
TEST_F(outage, blocking_connect_into_a_black_hole_is_cancelled)
{
	int fd = kind_socket(&variant->kind, SOCK_STREAM);
	struct call call = { SYS_connect, run_connect, fd,
			     (void *)variant->nobody };
	struct wire wire;

	swallow(&self->net, variant->nobody);
	wire_open_on(&wire, "eth0");
	set_linger(fd, 1, LINGER_LONG);
	call_enter(&call);
	wire.local = local_port(fd);
	wire.remote = htons(9);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	expect_silence(_metadata, &wire);
	close(wire.fd);
}

/* N4: the SYN is no data; and no second one follows. */
TEST_F(outage, nonblocking_connect_into_a_black_hole_is_abandoned)
{
	int fd = kind_socket(&variant->kind, SOCK_STREAM | SOCK_NONBLOCK);
	struct call call = { SYS_connect, run_connect, fd,
			     (void *)variant->nobody };
	struct wire wire;

	swallow(&self->net, variant->nobody);
	wire_open_on(&wire, "eth0");
	set_linger(fd, 1, LINGER_LONG);
	EXPECT_EQ(-EINPROGRESS, run_connect(&call));
	wire.local = local_port(fd);
	wire.remote = htons(9);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_FALSE(fd_is_open(fd));
	expect_silence(_metadata, &wire);
	close(wire.fd);
}

/* C10: TCP gives up long before the interval is over. */
TEST_F(outage, retransmission_timeout_ends_the_linger_wait)
{
	struct pair *pair = &self->pair;
	long before = orphans();

	link_sysctl(&self->net, HERE, "ipv4/tcp_retries2", "2");
	set_linger(pair->fd, 1, LINGER_LONG);
	link_unplug(&self->net);
	pair_send(pair, 3000);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_GE(before, orphans());
	EXPECT_EQ(0, winsock_counter("WinsockLingerTimeouts"));
}

/* C8: that nobody knows a way is not the end of the connection. */
TEST_F(outage, unreachable_peer_does_not_end_the_linger_wait)
{
	bool ipv6 = variant->kind.family == AF_INET6;
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	link_ip(&self->net, ROUTER, ipv6 ?
		"route add unreachable " LINK_PEER6 :
		"route add unreachable " LINK_PEER4);
	usleep(1500000);
	EXPECT_FALSE(closer_done(&self->closer));
	link_ip(&self->net, ROUTER, ipv6 ?
		"route del unreachable " LINK_PEER6 :
		"route del unreachable " LINK_PEER4);
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&self->closer));
}

/*
 * The link stays up: netem delays and loses packets, or one segment is changed.
 */
static struct lossy_link net;

static void __attribute__((constructor)) make_link(void)
{
	link_open(&net);
}

static void __attribute__((destructor)) end_link(void)
{
	link_close(&net);
}

FIXTURE(loss) {
	struct pair pair;
	struct closer closer;
};

FIXTURE_VARIANT(loss) {
	struct kind kind;
};

KINDS_ATTACHED(loss);

FIXTURE_SETUP(loss)
{
	winsock_open();
	link_both(&net, "");
	link_pair(&net, &self->pair, &variant->kind);
}

PAIR_TEARDOWN(loss);

/* Our TCP or the peer's takes no segment that has this flag. */
static void lose(int fd, unsigned int flag)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(filter), .filter = filter };

	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			 sizeof(prog)));
}

/* C10 */
TEST_F(loss, reset_by_the_peer_ends_the_linger_wait)
{
	struct pair *pair = &self->pair;

	link_both(&net, "delay 20ms");
	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	set_linger(pair->peer, 1, 0);
	close(pair->peer);
	pair->peer = -1;
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_GT(LINGER_LONG * 1000, self->closer.elapsed_ms);
	EXPECT_LE(1, wire_look(&pair->wire)->received.rst);
	EXPECT_FALSE(fd_is_open(self->closer.fd));
	EXPECT_EQ(0, pair_state(pair));
}

/* C8 goes on in CLOSING. */
TEST_F(loss, half_close_by_the_peer_does_not_end_the_linger_wait)
{
	struct pair *pair = &self->pair;
	struct reader reader;
	struct received got;

	link_both(&net, "delay 20ms loss 5%");
	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	close_and_wait(&self->closer, pair);
	check(shutdown(pair->peer, SHUT_WR));
	wait_until(wire_look(&pair->wire)->received.fin);
	closer_wait_asleep(&self->closer);
	EXPECT_FALSE(closer_done(&self->closer));

	reader_start(&reader, pair->peer, 0);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_LE(pair->sent, wire_acked(&pair->wire));
	got = reader_join(&reader);
	expect_delivered(_metadata, pair, &got);
}

/* C9 after the peer's half-close: the reset is no matter of the state. */
TEST_F(loss, half_closed_connection_is_reset_at_the_timeout)
{
	struct pair *pair = &self->pair;
	struct received got;

	link_both(&net, "delay 20ms");
	set_linger(pair->fd, 1, 1);
	pair_arrange(pair, LOAD_STALLED, TCP_CLOSE_WAIT);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	pair->fd = -1;
	wait_until(tcp_state(pair->peer) == TCP_CLOSE);
	got = receive_all(pair->peer);
	EXPECT_GT(pair->sent, got.bytes);
	EXPECT_NE(END_NONE, got.ending);
}

/* C1, C7: it is sent again when nobody waits for it any more. */
TEST_F(loss, lost_fin_arrives_all_the_same)
{
	struct pair *pair = &self->pair;
	long start;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_send(pair, 3000);
	wait_until(!queued(pair->fd));
	lose(pair->peer, 0x01);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	wait_until(wire_look(&pair->wire)->sent.fin > 1);
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->peer));
	pair_mend(pair);
	expect_all(_metadata, pair);
}

/* C4, C9: lost, it is repeated for each segment of the peer's. */
TEST_F(loss, lost_reset_is_made_up_for_when_the_peer_speaks)
{
	struct pair *pair = &self->pair;
	unsigned int resets;
	struct received got;

	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	lose(pair->peer, 0x04);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	resets = wire_look(&pair->wire)->sent.rst;
	EXPECT_LE(1, resets);
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->peer));

	pair_mend(pair);
	keep_alive(pair->peer);
	wait_until(tcp_state(pair->peer) == TCP_CLOSE);
	got = receive_all(pair->peer);
	expect_cut_off(_metadata, pair, &got);
	EXPECT_LT(resets, wire_look(&pair->wire)->sent.rst);
}

/* C7: TIME_WAIT answers the FIN that the peer repeats. */
TEST_F(loss, lost_last_acknowledgment_is_sent_again)
{
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, LINGER_LONG);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);

	lose(pair->peer, 0x10);
	check(shutdown(pair->peer, SHUT_WR));
	wait_until(wire_look(&pair->wire)->received.fin > 1);
	EXPECT_EQ(TCP_TIME_WAIT, pair_state(pair));
	EXPECT_EQ(TCP_LAST_ACK, tcp_state(pair->peer));
	pair_mend(pair);
	wait_until(tcp_state(pair->peer) == TCP_CLOSE);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C9: what arrived counts for nothing while we are not told. */
TEST_F(loss, data_whose_acknowledgments_are_lost_keep_it_waiting)
{
	long timeouts = winsock_counter("WinsockLingerTimeouts"), start;
	struct pair *pair = &self->pair;
	struct received got;

	set_linger(pair->fd, 1, 1);
	link_toward(&net, HERE, "loss 100%");
	pair_send(pair, 3000);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(timeouts + 1, winsock_counter("WinsockLingerTimeouts"));

	/* Data and FIN had come; this reset finds a connection half closed. */
	got = receive_all(pair->peer);
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(TCP_CLOSE, tcp_state(pair->peer));
}

/* C8: an interruption of the link that the interval outlasts */
TEST_F(loss, link_that_is_mended_in_time_loses_nothing)
{
	struct pair *pair = &self->pair;
	struct received got;

	set_linger(pair->fd, 1, LINGER_LONG);
	link_both(&net, "loss 100%");
	pair_send(pair, 30000);
	close_and_wait(&self->closer, pair);
	sleep(1);
	EXPECT_FALSE(closer_done(&self->closer));
	link_both(&net, "");
	got = receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(&self->closer));
	expect_delivered(_metadata, pair, &got);
}

/* C9: progress is no reprieve. */
TEST_F(loss, peer_that_reads_but_too_slowly_is_reset_at_the_timeout)
{
	struct pair *pair = &self->pair;
	struct reader reader;
	struct received got;
	long start;

	keep_alive(pair->peer);
	link_both(&net, "rate 64kbit");
	set_linger(pair->fd, 1, 2);
	reader_start(&reader, pair->peer, 0);
	pair_send(pair, 60000);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(2000, now_ms() - start);
	pair->fd = -1;
	got = reader_join(&reader);
	expect_cut_off(_metadata, pair, &got);
	EXPECT_LT(0, got.bytes);
}

/* C8 on both ends: the FINs cross. */
TEST_F(loss, both_ends_may_linger_at_once)
{
	struct kind kind = variant->kind;
	int before = module_references();
	struct sockaddr_storage addr;
	struct closer closers[2];
	int fd, peer, listener;
	socklen_t len;
	unsigned int i;

	listener = link_listen(&net, kind.family, &addr, &len);
	EXPECT_EQ(0, winsock_attach(listener));
	fd = kind_socket(&kind, SOCK_STREAM);
	connect_to(fd, &addr, len);
	peer = check(accept4(listener, NULL, NULL, 0));
	close(listener);
	link_both(&net, "delay 100ms");
	set_linger(fd, 1, LINGER_LONG);
	set_linger(peer, 1, LINGER_LONG);
	check(send(fd, "here", 4, 0));
	check(send(peer, "there", 5, 0));
	closer_start(&closers[0], ioc_closesocket, fd);
	closer_start(&closers[1], ioc_closesocket, peer);
	for (i = 0; i < ARRAY_SIZE(closers); i++) {
		EXPECT_EQ(0, closer_join(&closers[i]));
		EXPECT_GT(LINGER_LONG * 1000, closers[i].elapsed_ms);
		EXPECT_FALSE(fd_is_open(closers[i].fd));
	}
	/* Both FINs arrive, and nothing is left of the two. */
	wait_until(module_references() == before);
}

TEST_HARNESS_MAIN
