// SPDX-License-Identifier: GPL-2.0
/*
 * The pending calls of a process when it closes a socket: P1 - P4, P10, G5 and N1.
 * At this level every cancelled call says ECANCELED.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/userfaultfd.h>
#include <linux/aio_abi.h>

#include "support/suite.h"

#define BULK	1048576

/* The calls that read. */

static long run_read(struct call *call)
{
	char byte;

	return result_of(read(call->fd, &byte, 1));
}

static long run_readv(struct call *call)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return result_of(readv(call->fd, &iov, 1));
}

static long run_recvmsg(struct call *call)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return result_of(recvmsg(call->fd, &msg, 0));
}

static long run_recv_waitall(struct call *call)
{
	char bytes[1000];

	return result_of(recv(call->fd, bytes, sizeof(bytes), MSG_WAITALL));
}

static long run_recv_peek(struct call *call)
{
	char byte;

	return result_of(recv(call->fd, &byte, 1, MSG_PEEK));
}

/* The calls that write; BULK bytes are more than any queue here takes. */

static unsigned char bulk[BULK];

static long run_write(struct call *call)
{
	return result_of(write(call->fd, bulk, sizeof(bulk)));
}

static long run_send_bulk(struct call *call)
{
	return result_of(send(call->fd, bulk, sizeof(bulk), 0));
}

static long run_sendmsg(struct call *call)
{
	struct iovec iov = { bulk, sizeof(bulk) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	return result_of(sendmsg(call->fd, &msg, 0));
}

/* Counts messages, not bytes: here it returns the bytes. */
static long run_sendmmsg(struct call *call)
{
	struct iovec iov = { bulk, sizeof(bulk) };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	long got = result_of(sendmmsg(call->fd, msgs, 2, 0));

	return got == 1 ? msgs[0].msg_len : got;
}

static long run_connect(struct call *call)
{
	const struct sockaddr_storage *addr = call->arg;

	return result_of(connect(call->fd, (const struct sockaddr *)addr,
				 sizeof(*addr)));
}

static void set_timeouts(int fd, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	check(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	check(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
}

FIXTURE(cancel) {
	struct pair pair;
};

FIXTURE_VARIANT(cancel) {
	struct kind kind;
};

KINDS_ATTACHED(cancel);

FIXTURE_SETUP(cancel)
{
	pair_setup(&self->pair, &variant->kind);
	pattern(bulk, 0, sizeof(bulk));
}

PAIR_TEARDOWN(cancel);

/* P2, for every call that reads */
FIXTURE(reading) {
	struct pair pair;
	struct call call;
};

FIXTURE_VARIANT(reading) {
	struct kind kind;
	long nr;
	long (*run)(struct call *call);
	int timeout;
};

#define READING(family, nr, run, timeout)					\
	{ { family, true, false }, nr, run, timeout }

FIXTURE_VARIANT_ADD(reading, recv)
	READING(AF_INET, SYS_recvfrom, run_recv, 0);
FIXTURE_VARIANT_ADD(reading, recv_with_a_timeout)
	READING(AF_INET6, SYS_recvfrom, run_recv, 600);
FIXTURE_VARIANT_ADD(reading, read)
	READING(AF_INET, SYS_read, run_read, 0);
FIXTURE_VARIANT_ADD(reading, read_with_a_timeout)
	READING(AF_INET6, SYS_read, run_read, 600);
FIXTURE_VARIANT_ADD(reading, readv)
	READING(AF_INET, SYS_readv, run_readv, 0);
FIXTURE_VARIANT_ADD(reading, readv_with_a_timeout)
	READING(AF_INET6, SYS_readv, run_readv, 600);
FIXTURE_VARIANT_ADD(reading, recvmsg)
	READING(AF_INET, SYS_recvmsg, run_recvmsg, 0);
FIXTURE_VARIANT_ADD(reading, recvmsg_with_a_timeout)
	READING(AF_INET6, SYS_recvmsg, run_recvmsg, 600);
FIXTURE_VARIANT_ADD(reading, recvmmsg)
	READING(AF_INET, SYS_recvmmsg, run_recvmmsg, 0);
FIXTURE_VARIANT_ADD(reading, recvmmsg_with_a_timeout)
	READING(AF_INET6, SYS_recvmmsg, run_recvmmsg, 600);
FIXTURE_VARIANT_ADD(reading, recv_waitall)
	READING(AF_INET, SYS_recvfrom, run_recv_waitall, 0);
FIXTURE_VARIANT_ADD(reading, recv_waitall_with_a_timeout)
	READING(AF_INET6, SYS_recvfrom, run_recv_waitall, 600);
FIXTURE_VARIANT_ADD(reading, recv_peek)
	READING(AF_INET, SYS_recvfrom, run_recv_peek, 0);
FIXTURE_VARIANT_ADD(reading, recv_peek_with_a_timeout)
	READING(AF_INET6, SYS_recvfrom, run_recv_peek, 600);

FIXTURE_SETUP(reading)
{
	pair_setup(&self->pair, &variant->kind);
	if (variant->timeout)
		set_timeouts(self->pair.fd, variant->timeout);
	self->call = (struct call) { variant->nr, variant->run, self->pair.fd };
	call_enter(&self->call);
}

PAIR_TEARDOWN(reading);

TEST_F(reading, ends_with_ecanceled)
{
	close_expecting(_metadata, self->pair.fd, &self->call, 1);
	expect_eof(_metadata, &self->pair, 0);
}

/* C4: a pending call does not soften the reset. */
TEST_F(reading, ends_with_ecanceled_when_the_close_is_hard)
{
	set_linger(self->pair.fd, 1, 0);
	close_expecting(_metadata, self->pair.fd, &self->call, 1);
	self->pair.fd = -1;
	EXPECT_EQ(END_RESET, receive_all(self->pair.peer).ending);
	EXPECT_EQ(0, self->pair.wire.sent.fin);
}

/* P2: what has moved is reported. */
TEST_F(cancel, recv_waitall_reports_the_bytes_it_has)
{
	struct call call = { SYS_recvfrom, run_recv_waitall, self->pair.fd };
	char bytes[100] = "";

	ASSERT_EQ(100, send(self->pair.peer, bytes, sizeof(bytes), 0));
	call_enter(&call);
	ASSERT_EQ(0, ioc_closesocket(self->pair.fd));
	EXPECT_EQ(100, call_join(&call));
	expect_eof(_metadata, &self->pair, 0);
}

/* P2 */
TEST_F(cancel, recvmmsg_reports_the_messages_it_has)
{
	struct call call = { SYS_recvmmsg, run_recvmmsg, self->pair.fd };

	ASSERT_EQ(1, send(self->pair.peer, "", 1, 0));
	call_enter(&call);
	ASSERT_EQ(0, ioc_closesocket(self->pair.fd));
	EXPECT_EQ(1, call_join(&call));
	expect_eof(_metadata, &self->pair, 0);
}

/* P2, for every call that writes */
FIXTURE(writing) {
	struct pair pair;
	struct call call;
};

FIXTURE_VARIANT(writing) {
	struct kind kind;
	long nr;
	long (*run)(struct call *call);
	int timeout;
};

#define WRITING(family, nr, run, timeout)					\
	{ { family, true, false }, nr, run, timeout }

FIXTURE_VARIANT_ADD(writing, send)
	WRITING(AF_INET, SYS_sendto, run_send_bulk, 0);
FIXTURE_VARIANT_ADD(writing, send_with_a_timeout)
	WRITING(AF_INET6, SYS_sendto, run_send_bulk, 600);
FIXTURE_VARIANT_ADD(writing, write)
	WRITING(AF_INET, SYS_write, run_write, 0);
FIXTURE_VARIANT_ADD(writing, write_with_a_timeout)
	WRITING(AF_INET6, SYS_write, run_write, 600);
FIXTURE_VARIANT_ADD(writing, sendmsg)
	WRITING(AF_INET, SYS_sendmsg, run_sendmsg, 0);
FIXTURE_VARIANT_ADD(writing, sendmsg_with_a_timeout)
	WRITING(AF_INET6, SYS_sendmsg, run_sendmsg, 600);
FIXTURE_VARIANT_ADD(writing, sendmmsg)
	WRITING(AF_INET, SYS_sendmmsg, run_sendmmsg, 0);
FIXTURE_VARIANT_ADD(writing, sendmmsg_with_a_timeout)
	WRITING(AF_INET6, SYS_sendmmsg, run_sendmmsg, 600);

FIXTURE_SETUP(writing)
{
	pair_setup(&self->pair, &variant->kind);
	pattern(bulk, 0, sizeof(bulk));
	if (variant->timeout)
		set_timeouts(self->pair.fd, variant->timeout);
	self->call = (struct call) { variant->nr, variant->run, self->pair.fd };
}

PAIR_TEARDOWN(writing);

TEST_F(writing, ends_with_ecanceled_when_nothing_was_queued)
{
	pair_stall(&self->pair);
	call_enter(&self->call);
	close_expecting(_metadata, self->pair.fd, &self->call, 1);
	expect_eof(_metadata, &self->pair, self->pair.sent);
}

TEST_F(writing, reports_what_was_queued_and_that_arrives)
{
	long sent;

	call_enter(&self->call);
	wait_until(!wire_look(&self->pair.wire)->received.window);
	call_wait_inside(&self->call);
	ASSERT_EQ(0, ioc_closesocket(self->pair.fd));
	sent = call_join(&self->call);
	EXPECT_LT(0, sent);
	EXPECT_GT(BULK, sent);
	expect_eof(_metadata, &self->pair, sent);
}

/* P2, C4 */
TEST_F(writing, ends_with_ecanceled_when_the_close_is_hard)
{
	pair_stall(&self->pair);
	set_linger(self->pair.fd, 1, 0);
	call_enter(&self->call);
	close_expecting(_metadata, self->pair.fd, &self->call, 1);
	self->pair.fd = -1;
	EXPECT_EQ(END_RESET, receive_all(self->pair.peer).ending);
}

/* P1 */
FIXTURE(listener) {
	int fd;
	struct sockaddr_storage addr;
	socklen_t len;
};

FIXTURE_VARIANT(listener) {
	struct kind kind;
	int timeout;
};

#define LISTENER(family, timeout)	{ { family, true, false }, timeout }

FIXTURE_VARIANT_ADD(listener, ipv4)
	LISTENER(AF_INET, 0);
FIXTURE_VARIANT_ADD(listener, ipv6)
	LISTENER(AF_INET6, 0);
FIXTURE_VARIANT_ADD(listener, ipv4_with_a_timeout)
	LISTENER(AF_INET, 600);

FIXTURE_SETUP(listener)
{
	netns_enter();
	winsock_open();
	self->fd = kind_socket(&variant->kind, SOCK_STREAM);
	listen_loopback(self->fd, variant->kind.family, 8, &self->addr,
			&self->len);
	if (variant->timeout)
		set_timeouts(self->fd, variant->timeout);
}

FIXTURE_TEARDOWN(listener)
{
}

/* P1, and N3: nobody listens there any more. */
TEST_F(listener, accept_ends_with_ecanceled)
{
	struct call call = CALL_ACCEPT(self->fd);
	int fd;

	call_enter(&call);
	close_expecting(_metadata, self->fd, &call, 1);

	fd = check(socket(variant->kind.family, SOCK_STREAM, 0));
	EXPECT_EQ(-1, connect(fd, (struct sockaddr *)&self->addr, self->len));
	EXPECT_EQ(ECONNREFUSED, errno);
}

/* P1, P10: they wait exclusively, and all are woken. */
TEST_F(listener, eight_threads_in_accept_are_out_when_closesocket_returns)
{
	struct call calls[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct call)CALL_ACCEPT(self->fd);
		call_enter(&calls[i]);
	}
	close_expecting(_metadata, self->fd, calls, ARRAY_SIZE(calls));
}

/* Another socket's calls are not this one's. */
TEST_F(listener, a_connection_it_has_made_is_left_alone)
{
	struct call accept = CALL_ACCEPT(self->fd), recv;
	int peer, child;

	peer = check(socket(variant->kind.family, SOCK_STREAM, 0));
	connect_to(peer, &self->addr, self->len);
	child = check(accept4(self->fd, NULL, NULL, 0));
	recv = (struct call)CALL_RECV(child);
	call_enter(&recv);
	call_enter(&accept);
	close_expecting(_metadata, self->fd, &accept, 1);

	EXPECT_TRUE(call_stays(&recv));
	ASSERT_EQ(1, send(peer, "", 1, 0));
	EXPECT_EQ(1, call_join(&recv));
}

/* P2, P10 */
TEST_F(cancel, eight_threads_in_recv_are_out_when_closesocket_returns)
{
	struct call calls[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct call)CALL_RECV(self->pair.fd);
		call_enter(&calls[i]);
	}
	close_expecting(_metadata, self->pair.fd, calls, ARRAY_SIZE(calls));
	expect_eof(_metadata, &self->pair, 0);
}

/* P2, P10 */
TEST_F(cancel, four_threads_in_a_full_send_are_out_when_closesocket_returns)
{
	struct call calls[4];
	unsigned int i;

	pair_stall(&self->pair);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct call)CALL_SEND(self->pair.fd);
		call_enter(&calls[i]);
	}
	close_expecting(_metadata, self->pair.fd, calls, ARRAY_SIZE(calls));
	expect_eof(_metadata, &self->pair, self->pair.sent);
}

/* P2 in both directions at once */
TEST_F(cancel, readers_and_writers_leave_together)
{
	struct call calls[4];
	unsigned int i;

	pair_stall(&self->pair);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = i % 2 ? (struct call)CALL_SEND(self->pair.fd) :
				   (struct call)CALL_RECV(self->pair.fd);
		call_enter(&calls[i]);
	}
	close_expecting(_metadata, self->pair.fd, calls, ARRAY_SIZE(calls));
	expect_eof(_metadata, &self->pair, self->pair.sent);
}

/* P2 with C8: the calls end before the wait begins, not after it. */
TEST_F(cancel, calls_end_although_closesocket_still_waits)
{
	struct pair *pair = &self->pair;
	struct call recv = CALL_RECV(pair->fd), send = CALL_SEND(pair->fd);
	struct closer closer;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	call_enter(&recv);
	call_enter(&send);
	closer_start(&closer, ioc_closesocket, pair->fd);
	EXPECT_EQ(-ECANCELED, call_join(&recv));
	EXPECT_EQ(-ECANCELED, call_join(&send));
	closer_wait_asleep(&closer);
	EXPECT_FALSE(closer_done(&closer));
	expect_eof(_metadata, pair, pair->sent);
	EXPECT_EQ(0, closer_join(&closer));
}

/* P2 with C9 */
TEST_F(cancel, a_linger_timeout_resets_although_calls_were_pending)
{
	struct pair *pair = &self->pair;
	struct call calls[2] = { CALL_RECV(pair->fd), CALL_SEND(pair->fd) };

	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	call_enter(&calls[0]);
	call_enter(&calls[1]);
	close_expecting(_metadata, pair->fd, calls, 2);
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
	pair->fd = -1;
}

/* P4, N4 */
FIXTURE(connecting) {
	int fd;
	int deaf;
	struct sockaddr_storage addr;
	socklen_t len;
	struct call call;
};

FIXTURE_VARIANT(connecting) {
	struct kind kind;
	int timeout;
	int onoff;
	int seconds;
};

#define CONNECTING(family, timeout, onoff, seconds)			\
	{ { family, true, false }, timeout, onoff, seconds }

FIXTURE_VARIANT_ADD(connecting, ipv4)
	CONNECTING(AF_INET, 0, 0, 0);
FIXTURE_VARIANT_ADD(connecting, ipv6)
	CONNECTING(AF_INET6, 0, 0, 0);
FIXTURE_VARIANT_ADD(connecting, with_a_timeout)
	CONNECTING(AF_INET, 600, 0, 0);
FIXTURE_VARIANT_ADD(connecting, hard)
	CONNECTING(AF_INET, 0, 1, 0);
FIXTURE_VARIANT_ADD(connecting, lingering)
	CONNECTING(AF_INET6, 0, 1, LINGER_LONG);

FIXTURE_SETUP(connecting)
{
	netns_enter();
	winsock_open();
	self->deaf = listen_deaf(variant->kind.family, &self->addr, &self->len);
	self->fd = kind_socket(&variant->kind, SOCK_STREAM);
	if (variant->timeout)
		set_timeouts(self->fd, variant->timeout);
	set_linger(self->fd, variant->onoff, variant->seconds);
	self->call = (struct call) { SYS_connect, run_connect, self->fd,
				     &self->addr };
	call_enter(&self->call);
}

FIXTURE_TEARDOWN(connecting)
{
	close(self->deaf);
}

/* P4, P10, N4: whatever L is, there is nothing to wait for. */
TEST_F(connecting, connect_to_an_address_that_never_answers_is_abandoned)
{
	long start = now_ms();

	EXPECT_EQ(TCP_SYN_SENT, tcp_state(self->fd));
	close_expecting(_metadata, self->fd, &self->call, 1);
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
}

/* P3, N1 */
FIXTURE(datagram) {
	int fd;
	int peer;
	struct call call;
};

FIXTURE_VARIANT(datagram) {
	struct kind kind;
	long nr;
	long (*run)(struct call *call);
	int timeout;
};

#define DATAGRAM(family, nr, run, timeout)				\
	{ { family, true, false }, nr, run, timeout }

FIXTURE_VARIANT_ADD(datagram, recvfrom)
	DATAGRAM(AF_INET, SYS_recvfrom, run_recv, 0);
FIXTURE_VARIANT_ADD(datagram, recvfrom_ipv6)
	DATAGRAM(AF_INET6, SYS_recvfrom, run_recv, 0);
FIXTURE_VARIANT_ADD(datagram, recvfrom_with_a_timeout)
	DATAGRAM(AF_INET, SYS_recvfrom, run_recv, 600);
FIXTURE_VARIANT_ADD(datagram, read)
	DATAGRAM(AF_INET6, SYS_read, run_read, 0);
FIXTURE_VARIANT_ADD(datagram, recvmsg)
	DATAGRAM(AF_INET, SYS_recvmsg, run_recvmsg, 0);
FIXTURE_VARIANT_ADD(datagram, recvmmsg)
	DATAGRAM(AF_INET6, SYS_recvmmsg, run_recvmmsg, 0);

FIXTURE_SETUP(datagram)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	bool six = variant->kind.family == AF_INET6;
	struct sockaddr *addr = six ? (void *)&in6 : (void *)&in;
	socklen_t len = six ? sizeof(in6) : sizeof(in);

	netns_enter();
	winsock_open();
	self->fd = kind_socket(&variant->kind, SOCK_DGRAM);
	if (variant->timeout)
		set_timeouts(self->fd, variant->timeout);
	check(bind(self->fd, addr, len));
	check(getsockname(self->fd, addr, &len));
	self->peer = check(socket(variant->kind.family, SOCK_DGRAM, 0));
	check(connect(self->peer, addr, len));
	self->call = (struct call) { variant->nr, variant->run, self->fd };
}

FIXTURE_TEARDOWN(datagram)
{
	close(self->peer);
}

static void expect_port_closed(struct __test_metadata *_metadata, int peer)
{
	ASSERT_EQ(1, send(peer, "", 1, 0));
	wait_ready(peer, POLLIN);
	EXPECT_EQ(-1, recv(peer, &(char){ 0 }, 1, 0));
	EXPECT_EQ(ECONNREFUSED, errno);
}

TEST_F(datagram, ends_with_ecanceled)
{
	call_enter(&self->call);
	close_expecting(_metadata, self->fd, &self->call, 1);
	expect_port_closed(_metadata, self->peer);
}

/* Options that mean nothing to a datagram socket change nothing. */
TEST_F(datagram, ends_with_ecanceled_whatever_linger_says)
{
	set_linger(self->fd, 1, LINGER_LONG);
	call_enter(&self->call);
	close_expecting(_metadata, self->fd, &self->call, 1);
	expect_port_closed(_metadata, self->peer);
}

TEST_F(datagram, eight_threads_are_out_when_closesocket_returns)
{
	struct call calls[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = self->call;
		call_enter(&calls[i]);
	}
	close_expecting(_metadata, self->fd, calls, ARRAY_SIZE(calls));
}

/* N1 */
TEST_F(datagram, queued_datagrams_are_discarded)
{
	ASSERT_EQ(1, send(self->peer, "", 1, 0));
	ASSERT_EQ(0, ioc_closesocket(self->fd));
	EXPECT_FALSE(fd_is_open(self->fd));
	expect_port_closed(_metadata, self->peer);
}

/* G5 for datagrams */
TEST_F(datagram, another_descriptor_keeps_the_call_alive)
{
	int other = check(dup(self->fd));

	call_enter(&self->call);
	ASSERT_EQ(0, ioc_closesocket(self->fd));
	EXPECT_TRUE(call_stays(&self->call));
	close_expecting(_metadata, other, &self->call, 1);
}

/* G5: P-rows apply only with the last descriptor of the process. */
TEST_F(cancel, another_descriptor_of_the_process_keeps_the_calls_alive)
{
	struct pair *pair = &self->pair;
	struct call calls[2] = { CALL_RECV(pair->fd), CALL_RECV(pair->fd) };
	int other = check(dup(pair->fd));

	call_enter(&calls[0]);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	EXPECT_TRUE(call_stays(&calls[0]));
	expect_untouched(_metadata, pair);

	/* The call on the number that is gone gets its data. */
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	EXPECT_EQ(1, call_join(&calls[0]));

	/* New calls through the descriptor that is left are as good as ever. */
	calls[1].fd = other;
	call_enter(&calls[1]);
	EXPECT_TRUE(call_stays(&calls[1]));
	close_expecting(_metadata, other, &calls[1], 1);
	expect_eof(_metadata, pair, 0);
}

/* G5: the calls belong to the socket, whichever number they were made on. */
TEST_F(cancel, the_last_descriptor_takes_the_calls_of_the_others_with_it)
{
	struct pair *pair = &self->pair;
	struct call calls[2] = { CALL_RECV(pair->fd), CALL_RECV(pair->fd) };
	int other = check(dup(pair->fd));

	calls[1].fd = other;
	call_enter(&calls[0]);
	call_enter(&calls[1]);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_TRUE(call_stays(&calls[0]));
	EXPECT_TRUE(call_stays(&calls[1]));
	close_expecting(_metadata, other, calls, 2);
	expect_eof(_metadata, pair, 0);
}

/* G5: close(2) cancels nothing; what it leaves, closesocket() still finds. */
TEST_F(cancel, calls_left_by_close_2_on_one_descriptor_end_with_the_other)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	int other = check(dup(pair->fd));

	call_enter(&call);
	ASSERT_EQ(0, native_close(pair->fd));
	EXPECT_TRUE(call_stays(&call));
	close_expecting(_metadata, other, &call, 1);
	expect_eof(_metadata, pair, 0);
}

/* P10: main closes and reuses the number while four threads are in recv. */
TEST_F(cancel, no_thread_reads_from_what_reuses_its_descriptor)
{
	struct kind kind = variant->kind;
	struct sockaddr_storage addr;
	int listener, marked[2];
	unsigned int round, i;
	char bytes[4] = "mark";
	socklen_t len;

	listener = check(socket(kind.family, SOCK_STREAM, 0));
	listen_loopback(listener, kind.family, 8, &addr, &len);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, marked));
	ASSERT_EQ(4, write(marked[1], bytes, sizeof(bytes)));

	for (round = 0; round < 50; round++) {
		int fd = kind_socket(&kind, SOCK_STREAM);
		struct call calls[4];
		int peer;

		connect_to(fd, &addr, len);
		peer = check(accept4(listener, NULL, NULL, 0));
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			calls[i] = (struct call)CALL_RECV(fd);
			call_enter(&calls[i]);
		}
		ASSERT_EQ(0, ioc_closesocket(fd));
		ASSERT_EQ(fd, dup2(marked[0], fd));
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			EXPECT_EQ(-ECANCELED, call_join(&calls[i]));
		ASSERT_EQ(4, recv(marked[0], bytes, sizeof(bytes),
				  MSG_PEEK | MSG_DONTWAIT));
		close(fd);
		close(peer);
	}
}

/* A page whose first touch makes the toucher wait. */
struct trap {
	int fd;
	void *page;
};

static bool trap_set(struct trap *trap)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = sysconf(_SC_PAGESIZE);

	trap->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (trap->fd < 0)
		return false;
	check(ioctl(trap->fd, UFFDIO_API, &api));
	trap->page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (trap->page == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	reg.range.start = (unsigned long)trap->page;
	reg.range.len = size;
	check(ioctl(trap->fd, UFFDIO_REGISTER, &reg));
	return true;
}

static void trap_release(struct trap *trap, const void *content, size_t len)
{
	size_t size = sysconf(_SC_PAGESIZE);
	struct uffdio_copy copy = {
		.dst = (unsigned long)trap->page,
		.len = size,
	};
	void *page = calloc(1, size);

	memcpy(page, content, len);
	copy.src = (unsigned long)page;
	check(ioctl(trap->fd, UFFDIO_COPY, &copy));
	free(page);
}

static long run_trapped(struct call *call)
{
	struct trap *trap = call->arg;

	return result_of(syscall(call->nr, call->fd, trap->page,
				 call->nr == SYS_connect ?
				 sizeof(struct sockaddr_storage) : 0));
}

/*
 * The second half of the handshake: the call has looked its number up, but is
 * not in the socket yet, when closesocket() comes and goes.
 */
FIXTURE(late) {
	struct pair pair;
	struct trap trap;
	char byte;
	struct iovec iov;
};

FIXTURE_VARIANT(late) {
	struct kind kind;
	long nr;
};

#define LATE(family, nonblocking, nr)	{ { family, true, nonblocking }, nr }

FIXTURE_VARIANT_ADD(late, recvmsg)
	LATE(AF_INET, false, SYS_recvmsg);
FIXTURE_VARIANT_ADD(late, recvmsg_nonblocking)
	LATE(AF_INET, true, SYS_recvmsg);
FIXTURE_VARIANT_ADD(late, sendmsg)
	LATE(AF_INET6, false, SYS_sendmsg);
FIXTURE_VARIANT_ADD(late, connect)
	LATE(AF_INET, false, SYS_connect);

FIXTURE_SETUP(late)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(late);

/* P10 */
TEST_F(late, call_that_looked_its_descriptor_up_before_does_not_start)
{
	struct pair *pair = &self->pair;
	struct call call = { variant->nr, run_trapped, pair->fd, &self->trap };
	struct msghdr msg = { .msg_iov = &self->iov, .msg_iovlen = 1 };
	struct sockaddr_storage addr = { .ss_family = variant->kind.family };

	if (!trap_set(&self->trap))
		SKIP(return, "kernel: no userfaultfd(2)");
	self->iov = (struct iovec) { &self->byte, 1 };
	call_start(&call);
	wait_ready(self->trap.fd, POLLIN);

	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	EXPECT_FALSE(call_done(&call));
	if (variant->nr == SYS_connect)
		trap_release(&self->trap, &addr, sizeof(addr));
	else
		trap_release(&self->trap, &msg, sizeof(msg));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	expect_eof(_metadata, pair, 0);
}

static long run_recv_trapped(struct call *call)
{
	struct trap *trap = call->arg;

	return result_of(recv(call->fd, trap->page, 1, 0));
}

/*
 * P2: a call that moves bytes is not pending, however long its buffer takes.  Its
 * bytes are its own, and the connection ends when it has left, as by close(2).
 */
TEST_F(cancel, call_that_waits_for_its_buffer_keeps_its_bytes)
{
	struct pair *pair = &self->pair;
	struct closer closer;
	struct trap trap;
	struct call call = { SYS_recvfrom, run_recv_trapped, pair->fd, &trap };

	if (!trap_set(&trap))
		SKIP(return, "kernel: no userfaultfd(2)");
	ASSERT_EQ(1, send(pair->peer, "x", 1, 0));
	call_start(&call);
	wait_ready(trap.fd, POLLIN);
	closer_start(&closer, ioc_closesocket, pair->fd);
	wait_until(!fd_is_open(pair->fd));
	EXPECT_FALSE(call_done(&call));
	trap_release(&trap, "", 1);
	EXPECT_EQ(1, call_join(&call));
	EXPECT_EQ(0, closer_join(&closer));
	expect_eof(_metadata, pair, 0);
}

/*
 * A stopped task has left the socket already, to make its call again when it
 * goes on: by then the number is closed.
 */
TEST_F(cancel, stopped_task_is_not_waited_for)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	pid_t child = clone_files();
	siginfo_t info;
	long start;

	if (!child)
		_exit(run_recv(&call) == -EBADF ? 0 : 1);
	task_wait_inside(child, SYS_recvfrom);
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(0, waitid(P_PID, child, &info, WSTOPPED | WNOWAIT));
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	expect_eof(_metadata, pair, 0);
	ASSERT_EQ(0, kill(child, SIGCONT));
	child_join(child);
}

/* The same in a container that is frozen. */
TEST_F(cancel, frozen_task_is_not_waited_for)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	char dir[64];
	pid_t child;
	long start;

	if (!cgroup_make(dir, sizeof(dir)))
		SKIP(return, NO_CGROUP);
	child = clone_files();
	if (!child) {
		/* By then the number may be that of the cgroup's own file. */
		long result = run_recv(&call);

		_exit(result == -EBADF || result == -ENOTSOCK ? 0 : 1);
	}
	cgroup_enter(dir, child);
	task_wait_inside(child, SYS_recvfrom);
	cgroup_freeze(dir, true);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	expect_eof(_metadata, pair, 0);
	cgroup_freeze(dir, false);
	child_join(child);
	EXPECT_EQ(0, rmdir(dir));
}

/* The same under a debugger, which is another process. */
TEST_F(cancel, traced_thread_is_not_waited_for)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	int via[2];
	pid_t tracer;
	long start;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, via));
	call_enter(&call);
	tracer = child_fork();
	if (!tracer) {
		close(pair->fd);
		close(pair->peer);
		check(ptrace(PTRACE_SEIZE, call.tid, 0, 0));
		check(ptrace(PTRACE_INTERRUPT, call.tid, 0, 0));
		check(waitpid(call.tid, NULL, __WALL));
		check(send(via[1], "", 1, 0));
		check(recv(via[1], &(char){ 0 }, 1, 0));
		check(ptrace(PTRACE_DETACH, call.tid, 0, 0));
		_exit(0);
	}
	wait_ready(via[0], POLLIN);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	expect_eof(_metadata, pair, 0);
	ASSERT_EQ(1, send(via[0], "", 1, 0));
	EXPECT_EQ(-EBADF, call_join(&call));
	child_join(tracer);
}

/* Keeps all that is not of real time off the second processor, for a while. */
struct hog {
	pthread_t thread;
	long ms;
	bool runs;
	bool done;
};

static void use_processor(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check(sched_setaffinity(tid, sizeof(set), &set));
}

static void *hog_run(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	struct hog *hog = arg;
	long end;

	use_processor(0, 1);
	check(sched_setscheduler(0, SCHED_FIFO, &param));
	end = now_ms() + hog->ms;
	__atomic_store_n(&hog->runs, true, __ATOMIC_RELEASE);
	while (now_ms() < end)
		;
	__atomic_store_n(&hog->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * A thread in recv() that cannot run for so long, and two descriptors closed
 * meanwhile; returns whether it could run again when both had been.
 */
static bool close_while_kept_from_running(struct __test_metadata *_metadata,
					  struct pair *pair, long ms)
{
	static const char limit[] = "/proc/sys/kernel/sched_rt_runtime_us";
	struct call call = CALL_RECV(pair->fd);
	struct hog hog = { .ms = ms };
	char before[16] = "";
	struct closer closer;
	long deadline;
	int via[2], fd;
	bool over;

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, via));
	rights_send(via[0], pair->fd);
	call_enter(&call);
	use_processor(call.tid, 1);
	use_processor(0, 0);
	fd = check(open(limit, O_RDONLY));
	check(read(fd, before, sizeof(before) - 1));
	close(fd);
	put_line(limit, "-1");
	check(pthread_create(&hog.thread, NULL, hog_run, &hog));
	wait_until(__atomic_load_n(&hog.runs, __ATOMIC_ACQUIRE));

	closer_start(&closer, ioc_closesocket, pair->fd);
	wait_until(!fd_is_open(pair->fd));
	EXPECT_EQ(0, ioc_closesocket(rights_receive(via[1])));
	EXPECT_EQ(0, closer_join(&closer));
	deadline = now_ms() + ms / 8;
	while (!call_done(&call) && now_ms() < deadline)
		usleep(1000);
	over = call_done(&call) || __atomic_load_n(&hog.done, __ATOMIC_ACQUIRE);

	pthread_join(hog.thread, NULL);
	put_line(limit, before);
	EXPECT_EQ(-ECANCELED, call_join(&call));
	expect_eof(_metadata, pair, 0);
	return over;
}

/*
 * P10, and P2 of two descriptors: a call that is interrupted but cannot run is
 * waited for, by each closesocket().  Some kernels let it run a little, and it
 * leaves before the hog does.
 */
TEST_F(cancel, call_that_is_kept_from_running_is_waited_for)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "kernel: one processor");
	EXPECT_TRUE(close_while_kept_from_running(_metadata, &self->pair,
						  1000));
}

/* I4: but not for ever. */
TEST_F(cancel, call_that_is_kept_from_running_is_waited_for_within_a_bound)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "kernel: one processor");
	if (close_while_kept_from_running(_metadata, &self->pair, 16000))
		SKIP(return, "kernel: lets it run");
}

/* Two reads in one system call, the second of another socket: its result. */
static long run_io_submit(struct call *call)
{
	static char bytes[2];
	struct iocb iocbs[2] = {
		{ .aio_fildes = call->fd, .aio_lio_opcode = IOCB_CMD_PREAD,
		  .aio_buf = (unsigned long)&bytes[0], .aio_nbytes = 1 },
		{ .aio_fildes = ((struct pair *)call->arg)->fd,
		  .aio_lio_opcode = IOCB_CMD_PREAD,
		  .aio_buf = (unsigned long)&bytes[1], .aio_nbytes = 1 },
	}, *list[2] = { &iocbs[0], &iocbs[1] };
	struct io_event events[2];
	aio_context_t context = 0;

	check(syscall(SYS_io_setup, 2, &context));
	check(syscall(SYS_io_submit, context, 2, list));
	check(syscall(SYS_io_getevents, context, 2, 2, events, NULL));
	syscall(SYS_io_destroy, context);
	return events[0].res == -ECANCELED ? events[1].res : -EPROTO;
}

/* P2: what interrupts a call does not reach the next one of the same request. */
TEST_F(cancel, next_call_of_the_same_system_call_waits_as_ever)
{
	struct kind kind = variant->kind;
	struct pair *pair = &self->pair, other;
	struct call call = { SYS_io_submit, run_io_submit, pair->fd, &other };

	pair_open(&other, &kind);
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_TRUE(call_stays(&call));
	ASSERT_EQ(1, send(other.peer, "", 1, 0));
	EXPECT_EQ(1, call_join(&call));
	pair_close(&other);
}

TEST_HARNESS_MAIN
