// SPDX-License-Identifier: GPL-2.0
/* SO_LINGER with an interval on a nonblocking socket. */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "support/suite.h"

FIXTURE(refusal) {
	struct pair pair;
};

FIXTURE_VARIANT(refusal) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(refusal, ipv4_attached)
	KIND(AF_INET, true, true);
FIXTURE_VARIANT_ADD(refusal, ipv4_plain)
	KIND(AF_INET, false, true);
FIXTURE_VARIANT_ADD(refusal, ipv6_attached)
	KIND(AF_INET6, true, true);
FIXTURE_VARIANT_ADD(refusal, ipv6_plain)
	KIND(AF_INET6, false, true);

FIXTURE_SETUP(refusal)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, LINGER_LONG);
}

PAIR_TEARDOWN(refusal);

/* What a refusal must leave as it was: I1. */
struct snapshot {
	int flags;
	int fd_flags;
	int state;
	int queued;
	int unsent;
	int unread;
	struct linger linger;
	char ulp[16];
	unsigned int data;
	unsigned int fin;
	unsigned int rst;
};

static struct snapshot look(struct pair *pair)
{
	socklen_t linger_len = sizeof(struct linger);
	socklen_t ulp_len = sizeof(((struct snapshot *)0)->ulp);
	struct snapshot now;

	memset(&now, 0, sizeof(now));
	now.flags = check(fcntl(pair->fd, F_GETFL));
	now.fd_flags = check(fcntl(pair->fd, F_GETFD));
	now.state = tcp_state(pair->fd);
	now.queued = queued(pair->fd);
	now.unsent = unsent(pair->fd);
	check(ioctl(pair->fd, FIONREAD, &now.unread));
	check(getsockopt(pair->fd, SOL_SOCKET, SO_LINGER, &now.linger,
			 &linger_len));
	check(getsockopt(pair->fd, SOL_TCP, TCP_ULP, now.ulp, &ulp_len));
	wire_look(&pair->wire);
	now.data = pair->wire.sent.data;
	now.fin = pair->wire.sent.fin;
	now.rst = pair->wire.sent.rst;
	return now;
}

/* A call that must not wait. */
static int close_at_once(struct __test_metadata *_metadata, int fd)
{
	long start = now_ms();
	int result = ioc_closesocket(fd);

	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_EQ(result != 0, fd_is_open(fd));
	return result;
}

/* C14 */
TEST_F(refusal, does_not_happen_when_nothing_is_queued)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.fin);
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C14: a FIN is not data. */
TEST_F(refusal, does_not_happen_for_a_fin)
{
	struct pair *pair = &self->pair;

	pair_cut(pair);
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	pair->fd = -1;
}

/* C15 */
TEST_F(refusal, changes_nothing)
{
	struct pair *pair = &self->pair;
	struct snapshot before, after;

	pair_stall(pair);
	check(send(pair->peer, "unread", 6, 0));
	wait_until(look(pair).unread == 6);
	before = look(pair);
	ASSERT_EQ(TCP_ESTABLISHED, before.state);

	EXPECT_EQ(-EWOULDBLOCK, close_at_once(_metadata, pair->fd));
	after = look(pair);
	EXPECT_EQ(before.flags, after.flags);
	EXPECT_EQ(before.fd_flags, after.fd_flags);
	EXPECT_EQ(before.state, after.state);
	EXPECT_EQ(before.queued, after.queued);
	EXPECT_EQ(before.unsent, after.unsent);
	EXPECT_EQ(before.unread, after.unread);
	EXPECT_EQ(before.linger.l_onoff, after.linger.l_onoff);
	EXPECT_EQ(before.linger.l_linger, after.linger.l_linger);
	EXPECT_STREQ(before.ulp, after.ulp);
	EXPECT_EQ(before.data, after.data);
	EXPECT_EQ(0, after.fin);
	EXPECT_EQ(0, after.rst);
}

/* C15: sent is not acknowledged. */
TEST_F(refusal, covers_data_that_are_sent_but_not_acknowledged)
{
	struct pair *pair = &self->pair;

	pair_strand(pair);
	EXPECT_EQ(-EWOULDBLOCK, close_at_once(_metadata, pair->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* C15: the peer's shutdown is not ours. */
TEST_F(refusal, happens_also_after_the_peers_fin)
{
	struct pair *pair = &self->pair;

	pair_arrange(pair, LOAD_STALLED, TCP_CLOSE_WAIT);
	EXPECT_EQ(-EWOULDBLOCK, close_at_once(_metadata, pair->fd));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(pair->fd));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* C15: only the direction of sending counts. */
TEST_F(refusal, happens_also_after_shutdown_for_receiving)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(0, shutdown(pair->fd, SHUT_RD));
	EXPECT_EQ(-EWOULDBLOCK, close_at_once(_metadata, pair->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
}

/* C15 */
TEST_F(refusal, can_be_repeated_for_ever)
{
	struct pair *pair = &self->pair;
	int i, refused = 0;

	pair_stall(pair);
	for (i = 0; i < 100; i++)
		refused += ioc_closesocket(pair->fd) == -EWOULDBLOCK;
	EXPECT_EQ(100, refused);
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* C15 */
TEST_F(refusal, leaves_send_and_recv_working)
{
	struct pair *pair = &self->pair;
	unsigned long before;
	char buf[8];

	pair_stall(pair);
	before = pair->sent;
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_EQ(-1, send(pair->fd, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);

	check(send(pair->peer, "hello", 5, 0));
	wait_ready(pair->fd, POLLIN);
	EXPECT_EQ(5, recv(pair->fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));

	/* Make room, then send more. */
	ASSERT_TRUE(receive_pattern(pair->peer, 0, before));
	pair_send(pair, 5000);
	EXPECT_TRUE(receive_pattern(pair->peer, before, 5000));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
}

/* C15: an epoll set goes on telling about the socket. */
TEST_F(refusal, leaves_events_coming)
{
	struct pair *pair = &self->pair;
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int set;

	set = check(epoll_create1(0));
	pair_stall(pair);
	check(epoll_ctl(set, EPOLL_CTL_ADD, pair->fd, &event));
	EXPECT_EQ(0, epoll_wait(set, &event, 1, 0));

	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_EQ(0, epoll_wait(set, &event, 1, 0));

	check(send(pair->peer, "x", 1, 0));
	ASSERT_EQ(1, epoll_wait(set, &event, 1, WAIT_MS));
	EXPECT_EQ(EPOLLIN, event.events);

	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	ASSERT_TRUE(receive_pattern(pair->peer, 0, pair->sent));
	do {
		ASSERT_EQ(1, epoll_wait(set, &event, 1, WAIT_MS));
	} while (!(event.events & EPOLLOUT));
	close(set);
}

struct poller {
	pthread_t thread;
	int fd;
	int result;
	short revents;
	pid_t tid;
};

static void *poller_run(void *arg)
{
	struct poller *poller = arg;
	struct pollfd pfd = { .fd = poller->fd, .events = POLLIN };

	__atomic_store_n(&poller->tid, gettid(), __ATOMIC_RELEASE);
	poller->result = poll(&pfd, 1, WAIT_MS);
	poller->revents = pfd.revents;
	return NULL;
}

/*
 * C15: a thread that sits in poll() holds a reference, which its caller knows
 * and the kernel does not.
 */
TEST_F(refusal, leaves_a_poll_of_the_process_waiting)
{
	struct pair *pair = &self->pair;
	struct poller poller = { .fd = pair->fd };
	struct closer asleep = {};

	pair_stall(pair);
	check(-pthread_create(&poller.thread, NULL, poller_run, &poller));
	wait_until(__atomic_load_n(&poller.tid, __ATOMIC_ACQUIRE));
	asleep.tid = poller.tid;
	closer_wait_asleep(&asleep);

	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket_pending(pair->fd, 1));
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket_pending(pair->fd, 1));
	closer_wait_asleep(&asleep);

	check(send(pair->peer, "x", 1, 0));
	pthread_join(poller.thread, NULL);
	EXPECT_EQ(1, poller.result);
	EXPECT_EQ(POLLIN, poller.revents);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
}

/* C16, also when it was refused before */
TEST_F(refusal, ends_with_shutdown)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	ASSERT_EQ(0, shutdown(pair->fd, SHUT_WR));
	EXPECT_LT(0, queued(pair->fd));
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
	expect_all(_metadata, pair);
}

/* C16, in the states that follow on the peer's FIN */
TEST_F(refusal, does_not_happen_in_last_ack)
{
	struct pair *pair = &self->pair;

	pair_arrange(pair, LOAD_STALLED, TCP_LAST_ACK);
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C16 */
TEST_F(refusal, does_not_happen_in_closing)
{
	struct pair *pair = &self->pair;

	pair_arrange(pair, LOAD_STALLED, TCP_CLOSING);
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C17 */
TEST_F(refusal, ends_with_linger_off)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	set_linger(pair->fd, 0, LINGER_LONG);
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
	expect_all(_metadata, pair);
}

/* C17, by Winsock's own options, which only an attached socket has */
TEST_F(refusal, ends_with_dontlinger_on)
{
	struct winsock_linger off = { .l_onoff = 0, .l_linger = LINGER_LONG };
	struct pair *pair = &self->pair;
	int on = 1;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	if (!variant->kind.attached) {
		set_linger(pair->fd, 0, 0);
	} else if (variant->kind.family == AF_INET) {
		ASSERT_EQ(0, setsockopt(pair->fd, SOL_WINSOCK,
					WINSOCK_SO_DONTLINGER, &on,
					sizeof(on)));
	} else {
		ASSERT_EQ(0, setsockopt(pair->fd, SOL_WINSOCK,
					WINSOCK_SO_LINGER, &off, sizeof(off)));
	}
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	pair->fd = -1;
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
	expect_all(_metadata, pair);
}

/* C18 */
TEST_F(refusal, ends_with_linger_zero)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	set_linger(pair->fd, 1, 0);
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

/* C19: the clock begins with the call that waits. */
TEST_F(refusal, ends_with_blocking_mode_and_its_timeout)
{
	struct pair *pair = &self->pair;
	int off = 0;
	long start;

	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	usleep(500000);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	check(ioctl(pair->fd, FIONBIO, &off));

	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

/* C19 */
TEST_F(refusal, ends_with_blocking_mode_and_a_wait)
{
	struct pair *pair = &self->pair;
	struct closer closer;
	int off = 0;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	check(ioctl(pair->fd, FIONBIO, &off));
	close_and_wait(&closer, pair);
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&closer));
	EXPECT_GT(LINGER_LONG * 1000, closer.elapsed_ms);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* C20 */
TEST_F(refusal, ends_by_itself_when_the_peer_drains)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	ASSERT_TRUE(receive_pattern(pair->peer, 0, pair->sent));
	wait_until(!queued(pair->fd));
	ASSERT_EQ(0, close_at_once(_metadata, pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	pair->fd = -1;
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
}

/* C20, as a program would: ask until it works */
TEST_F(refusal, asked_again_and_again_loses_no_byte)
{
	struct pair *pair = &self->pair;
	struct reader reader;
	struct received got;
	int result;

	pair_stall(pair);
	ASSERT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	reader_start(&reader, pair->peer, 0);
	wait_until((result = ioc_closesocket(pair->fd)) != -EWOULDBLOCK);
	EXPECT_EQ(0, result);
	pair->fd = -1;

	got = reader_join(&reader);
	expect_delivered(_metadata, pair, &got);
}

/* The control: close(2) does not look at O_NONBLOCK. */
TEST_F(refusal, is_unknown_to_close_2_which_blocks)
{
	struct pair *pair = &self->pair;
	long start;

	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, native_close(pair->fd));
	EXPECT_LE(900, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

TEST_HARNESS_MAIN
