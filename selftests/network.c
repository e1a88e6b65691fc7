// SPDX-License-Identifier: GPL-2.0
/*
 * closesocket() over links that lose, repeat, reorder and delay: nothing that
 * was promised is lost, no timeout is early.
 */
#include "support/lossy_link.h"
#include "support/suite.h"

/* Made once: the tests change its weather, nothing else. */
static struct lossy_link net;

static void __attribute__((constructor)) make_link(void)
{
	link_open(&net);
}

static void __attribute__((destructor)) end_link(void)
{
	link_close(&net);
}

FIXTURE(network) {
	struct pair pair;
};

FIXTURE_VARIANT(network) {
	struct kind kind;
	const char *netem;
};

FIXTURE_VARIANT_ADD(network, delay_ipv4) {
	{ AF_INET, true, false }, "delay 30ms 10ms",
};

FIXTURE_VARIANT_ADD(network, loss_ipv6) {
	{ AF_INET6, true, false }, "delay 2ms loss 10%",
};

FIXTURE_VARIANT_ADD(network, reordering_ipv4) {
	{ AF_INET, true, false }, "delay 20ms reorder 50% 25%",
};

FIXTURE_VARIANT_ADD(network, duplication_ipv6_plain) {
	{ AF_INET6, false, false }, "delay 2ms duplicate 30%",
};

FIXTURE_VARIANT_ADD(network, rate_ipv4_plain) {
	{ AF_INET, false, false }, "delay 2ms rate 1mbit",
};

FIXTURE_VARIANT_ADD(network, everything_ipv6) {
	{ AF_INET6, true, false },
	"delay 5ms 5ms loss 5% duplicate 5% reorder 30% rate 2mbit",
};

/* The window opens by little and shuts again. */
static unsigned long read_slowly(int fd, unsigned int pause)
{
	unsigned long bytes = 0;
	int i;

	for (i = 0; i < 10; i++) {
		if (!receive_pattern(fd, bytes, 1000))
			fail("byte %lu or later is wrong", bytes);
		bytes += 1000;
		usleep(pause);
	}
	return bytes;
}

FIXTURE_SETUP(network)
{
	winsock_open();
	link_pair(&net, &self->pair, &variant->kind);
	link_both(&net, variant->netem);
}

PAIR_TEARDOWN(network);

/* C8 */
TEST_F(network, lingering_close_ends_with_the_last_acknowledgment)
{
	struct pair *pair = &self->pair;
	struct reader reader;
	struct received got;
	long start;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	reader_start(&reader, pair->peer, gettid());
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(pair->sent, wire_acked(&pair->wire));
	EXPECT_GT(LINGER_LONG * 1000, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;

	got = reader_join(&reader);
	expect_delivered(_metadata, pair, &got);
	EXPECT_LE(1, pair->wire.sent.fin);
}

/* C9 */
TEST_F(network, linger_timeout_resets_before_the_return_and_never_early)
{
	struct pair *pair = &self->pair;
	long before = orphans(), start;
	struct received got;

	keep_alive(pair->peer);
	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_GE(before, orphans());

	/* An acknowledgment of the peer's may have been on its way. */
	wait_until(tcp_state(pair->peer) == TCP_CLOSE);
	got = receive_all(pair->peer);
	expect_cut_off(_metadata, pair, &got);
}

/* C15, I1, and C20 at last */
TEST_F(network, refusal_keeps_the_handle_until_everything_is_acknowledged)
{
	struct pair *pair = &self->pair;
	struct reader reader;
	struct received got;
	long deadline;
	int i, err;

	set_nonblocking(pair->fd, true);
	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_TRUE(fd_is_open(pair->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);

	reader_start(&reader, pair->peer, 0);
	deadline = now_ms() + WAIT_MS;
	while ((err = ioc_closesocket(pair->fd)) == -EWOULDBLOCK &&
	       now_ms() < deadline) {
		EXPECT_TRUE(fd_is_open(pair->fd));
		usleep(5000);
	}
	EXPECT_EQ(0, err);
	EXPECT_LE(pair->sent, wire_acked(&pair->wire));
	pair->fd = -1;

	got = reader_join(&reader);
	expect_delivered(_metadata, pair, &got);
}

/* C16 */
TEST_F(network, nonblocking_close_after_shutdown_delivers_in_the_background)
{
	struct pair *pair = &self->pair;
	long start;

	set_nonblocking(pair->fd, true);
	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	check(shutdown(pair->fd, SHUT_WR));
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	EXPECT_GT(pair->sent, wire_acked(&pair->wire));

	expect_all(_metadata, pair);
}

/* C1: also when nobody is left to look after it */
TEST_F(network, graceful_close_delivers_after_the_process_has_ended)
{
	struct pair *pair = &self->pair;
	pid_t pid;

	pair_stall(pair);
	pid = child_fork();
	if (!pid) {
		close(pair->peer);
		_exit(ioc_closesocket(pair->fd) != 0);
	}
	close(pair->fd);
	pair->fd = -1;
	child_join(pid);
	EXPECT_GT(pair->sent, wire_acked(&pair->wire));

	expect_all(_metadata, pair);
}

/* C8: the window opens by little and shuts again, for as long as it takes. */
TEST_F(network, lingering_close_bears_a_peer_that_reads_by_little)
{
	struct pair *pair = &self->pair;
	struct closer closer;
	unsigned long part;
	struct received got;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	close_and_wait(&closer, pair);
	part = read_slowly(pair->peer, 20000);
	EXPECT_FALSE(closer_done(&closer));

	/* Read without checking the pattern, which has begun already. */
	got = receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(&closer));
	EXPECT_LE(pair->sent, wire_acked(&pair->wire));
	EXPECT_EQ(pair->sent - part, got.bytes);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/*
 * Many at once, each in its own way.
 */
enum ending_of {
	STORM_GRACEFUL,		/* C1 */
	STORM_LINGER,		/* C8 */
	STORM_RETRY,		/* C15 until C20 */
	STORM_SHUTDOWN,		/* C16 */
	STORM_HARD,		/* C4 */
	STORM_TIMEOUT,		/* C9 */
	STORM_WAYS
};

/**
 * struct transfer - one connection of the storm
 * @pair: the connection, without a capture
 * @call: the thread that sends and closes
 * @way: how it closes
 * @len: bytes to send
 * @reader: its peer; STORM_TIMEOUT has none until the close is over
 */
struct transfer {
	struct pair pair;
	struct call call;
	enum ending_of way;
	unsigned long len;
	struct reader reader;
};

static int close_in_the_end(int fd)
{
	long deadline = now_ms() + WAIT_MS;
	int err;

	while ((err = ioc_closesocket(fd)) == -EWOULDBLOCK &&
	       now_ms() < deadline)
		usleep(10000);
	return err;
}

static long run_transfer(struct call *call)
{
	struct transfer *transfer = call->arg;
	struct pair *pair = &transfer->pair;
	long start, err;

	/* What the peer does not read must not block the sender. */
	if (transfer->way == STORM_TIMEOUT)
		set_nonblocking(pair->fd, true);
	else
		pair_send(pair, transfer->len);
	switch (transfer->way) {
	case STORM_LINGER:
		set_linger(pair->fd, 1, LINGER_LONG);
		break;
	case STORM_RETRY:
		set_linger(pair->fd, 1, LINGER_LONG);
		set_nonblocking(pair->fd, true);
		return close_in_the_end(pair->fd);
	case STORM_SHUTDOWN:
		set_linger(pair->fd, 1, LINGER_LONG);
		set_nonblocking(pair->fd, true);
		check(shutdown(pair->fd, SHUT_WR));
		break;
	case STORM_HARD:
		set_linger(pair->fd, 1, 0);
		break;
	case STORM_TIMEOUT:
		pair_fill(pair);
		set_nonblocking(pair->fd, false);
		set_linger(pair->fd, 1, 1);
		break;
	default:
		break;
	}
	start = now_ms();
	err = ioc_closesocket(pair->fd);
	if (!err && transfer->way == STORM_TIMEOUT && now_ms() - start < 1000)
		return -ETIME;
	return err;
}

static void transfer_open(struct transfer *transfer, const struct kind *kind, int listener,
			  const struct sockaddr_storage *addr, socklen_t len)
{
	struct pair *pair = &transfer->pair;
	int room = 65536;

	pair->kind = *kind;
	pair->wire.fd = -1;
	pair->fd = kind_socket(kind, SOCK_STREAM);
	/* More than the peer takes without reading. */
	check(setsockopt(pair->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	connect_to(pair->fd, addr, len);
	pair->peer = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	keep_alive(pair->peer);
}

static void transfer_start(struct transfer *transfer)
{
	transfer->call.run = run_transfer;
	transfer->call.arg = transfer;
	call_start(&transfer->call);
	if (transfer->way != STORM_TIMEOUT)
		reader_start(&transfer->reader, transfer->pair.peer, 0);
}

static void transfer_finish(struct __test_metadata *_metadata, struct transfer *transfer)
{
	struct pair *pair = &transfer->pair;
	struct received got;

	EXPECT_EQ(0, call_join(&transfer->call));
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	if (transfer->way == STORM_TIMEOUT)
		reader_start(&transfer->reader, pair->peer, 0);
	got = reader_join(&transfer->reader);
	EXPECT_TRUE(got.intact) TH_LOG("way %d", transfer->way);
	if (transfer->way == STORM_HARD || transfer->way == STORM_TIMEOUT) {
		EXPECT_EQ(END_RESET, got.ending) TH_LOG("way %d", transfer->way);
	} else {
		EXPECT_EQ(pair->sent, got.bytes) TH_LOG("way %d", transfer->way);
		EXPECT_EQ(END_EOF, got.ending) TH_LOG("way %d", transfer->way);
	}
	close(pair->peer);
}

/* C1, C4, C8, C9, C15, C16, C20 */
TEST_F(network, storm_of_closes_loses_nothing_that_was_promised)
{
	struct transfer transfers[4 * STORM_WAYS] = { 0 };
	struct sockaddr_storage addr;
	unsigned int i;
	socklen_t len;
	int listener;

	link_both(&net, "");
	listener = link_listen(&net, variant->kind.family, &addr, &len);
	for (i = 0; i < ARRAY_SIZE(transfers); i++) {
		transfers[i].way = i % STORM_WAYS;
		transfers[i].len = 1 + i * 1103;
		transfer_open(&transfers[i], &variant->kind, listener, &addr, len);
	}
	close(listener);
	link_both(&net, variant->netem);
	for (i = 0; i < ARRAY_SIZE(transfers); i++)
		transfer_start(&transfers[i]);
	for (i = 0; i < ARRAY_SIZE(transfers); i++)
		transfer_finish(_metadata, &transfers[i]);
}

TEST_HARNESS_MAIN
