// SPDX-License-Identifier: GPL-2.0
/* select() and WSAPoll(). */
#define FD_SETSIZE 2000
#include <winsock2.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "suite.h"
#include "waiter.h"

_Static_assert(sizeof(fd_set) == sizeof(SOCKET) * 2001, "FD_SETSIZE counts");

/**
 * struct sets - the arguments of a select()
 * @read: readfds
 * @write: writefds
 * @except: exceptfds
 */
struct sets {
	fd_set read;
	fd_set write;
	fd_set except;
};

enum {
	IN_READ		= 1 << 0,
	IN_WRITE	= 1 << 1,
	IN_EXCEPT	= 1 << 2,
	IN_ALL		= IN_READ | IN_WRITE | IN_EXCEPT,
};

static void clear_sets(struct sets *sets)
{
	FD_ZERO(&sets->read);
	FD_ZERO(&sets->write);
	FD_ZERO(&sets->except);
}

static void put_in(struct sets *sets, SOCKET s, int in)
{
	if (in & IN_READ)
		FD_SET(s, &sets->read);
	if (in & IN_WRITE)
		FD_SET(s, &sets->write);
	if (in & IN_EXCEPT)
		FD_SET(s, &sets->except);
}

static int is_in(struct sets *sets, SOCKET s)
{
	return (FD_ISSET(s, &sets->read) ? IN_READ : 0) |
	       (FD_ISSET(s, &sets->write) ? IN_WRITE : 0) |
	       (FD_ISSET(s, &sets->except) ? IN_EXCEPT : 0);
}

static int select_sets(struct sets *sets, int timeout_ms)
{
	struct timeval timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = timeout_ms % 1000 * 1000,
	};

	return select(0, &sets->read, &sets->write, &sets->except,
		      timeout_ms < 0 ? NULL : &timeout);
}

/* The sets that one socket is ready in. */
static int ready_in(SOCKET s, int in, int timeout_ms)
{
	struct sets sets;
	int ret;

	clear_sets(&sets);
	put_in(&sets, s, in);
	ret = select_sets(&sets, timeout_ms);
	if (ret == SOCKET_ERROR)
		return -WSAGetLastError();
	in = is_in(&sets, s);
	return ret == __builtin_popcount(in) ? in : -1;
}

/* The time an event may take on a slow machine. */
#define SOON	AT_ONCE_MS

FIXTURE(select) {
	struct pair pair;
};

FIXTURE_VARIANT(select) {
	int family;
};

FIXTURE_VARIANT_ADD(select, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(select, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(select)
{
	start();
	open_pair(&self->pair, variant->family);
}

FIXTURE_TEARDOWN(select)
{
	WSACleanup();
}

/* L1, G1 */
TEST_F(select, needs_startup_before_anything_else)
{
	WSAPOLLFD poll = { .fd = self->pair.s };

	WSACleanup();
	EXPECT_FAILS(WSANOTINITIALISED, select(0, NULL, NULL, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, WSAPoll(NULL, 1, 0));
	EXPECT_FAILS(WSANOTINITIALISED, WSAPoll(&poll, 1, 0));
}

TEST_F(select, needs_a_socket)
{
	struct sets sets;

	clear_sets(&sets);
	EXPECT_FAILS(WSAEINVAL, select(0, NULL, NULL, NULL, NULL));
	EXPECT_FAILS(WSAEINVAL, select_sets(&sets, 0));
	EXPECT_FAILS(WSAEINVAL, select(0, &sets.read, NULL, NULL, NULL));
}

TEST_F(select, needs_a_time_that_is_not_negative)
{
	struct timeval timeout = { .tv_sec = -1 };
	struct sets sets;

	clear_sets(&sets);
	put_in(&sets, self->pair.s, IN_ALL);
	EXPECT_FAILS(WSAEINVAL, select(0, &sets.read, &sets.write, NULL,
				       &timeout));
	timeout = (struct timeval) { .tv_usec = -1 };
	EXPECT_FAILS(WSAEINVAL, select(0, &sets.read, &sets.write, NULL,
				       &timeout));
	EXPECT_EQ(IN_ALL, is_in(&sets, self->pair.s));
}

TEST_F(select, leaves_the_sets_alone_when_there_is_no_socket)
{
	SOCKET closed = open_socket(variant->family, SOCK_STREAM), bad[3];
	struct sets sets;
	int ends[2], i;

	ASSERT_EQ(0, pipe(ends));
	check(closesocket(closed));
	bad[0] = closed;
	bad[1] = ends[0];
	bad[2] = INVALID_SOCKET;

	for (i = 0; i < 3; i++) {
		clear_sets(&sets);
		put_in(&sets, self->pair.s, IN_ALL);
		put_in(&sets, bad[i], IN_EXCEPT);
		EXPECT_FAILS(WSAENOTSOCK, select_sets(&sets, 0));
		EXPECT_EQ(IN_ALL, is_in(&sets, self->pair.s));
		EXPECT_EQ(IN_EXCEPT, is_in(&sets, bad[i]));
		EXPECT_FAILS(WSAENOTSOCK, select_sets(&sets, -1));
		EXPECT_EQ(2, sets.except.fd_count);
	}
	EXPECT_TRUE(is_open(ends[0]));
}

TEST_F(select, finds_a_socket_that_was_lost_to_close)
{
	struct sets sets;

	clear_sets(&sets);
	put_in(&sets, self->pair.s, IN_READ);
	ASSERT_EQ(0, native_close(self->pair.s));
	EXPECT_FAILS(WSAENOTSOCK, select_sets(&sets, -1));
	EXPECT_EQ(IN_READ, is_in(&sets, self->pair.s));
}

TEST_F(select, reports_a_connection_to_accept)
{
	SOCKET listener = open_listener(variant->family), s;
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	EXPECT_EQ(0, ready_in(listener, IN_ALL, 0));
	s = open_socket(variant->family, SOCK_STREAM);
	check(connect(s, (struct sockaddr *)&addr, len));
	EXPECT_EQ(IN_READ, ready_in(listener, IN_ALL, SOON));
	check(accept(listener, NULL, NULL));
	EXPECT_EQ(0, ready_in(listener, IN_ALL, 0));
}

TEST_F(select, reports_data_and_room)
{
	SOCKET s = self->pair.s, peer = self->pair.peer;
	char buf[8];

	EXPECT_EQ(IN_WRITE, ready_in(s, IN_ALL, 0));
	check(send(peer, "1234", 4, 0));
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
	EXPECT_EQ(IN_READ | IN_WRITE, ready_in(s, IN_ALL, SOON));
	EXPECT_EQ(4, recv(s, buf, sizeof(buf), 0));
	fill(s);
	EXPECT_EQ(0, ready_in(s, IN_ALL, 0));
}

TEST_F(select, reports_an_urgent_byte_that_is_not_inline)
{
	SOCKET s = self->pair.s, peer = self->pair.peer;
	int on = 1;
	char c;

	check(send(peer, "A", 1, MSG_OOB));
	EXPECT_EQ(IN_EXCEPT, ready_in(s, IN_READ | IN_EXCEPT, SOON));
	EXPECT_EQ(1, recv(s, &c, 1, MSG_OOB));
	EXPECT_EQ(0, ready_in(s, IN_READ | IN_EXCEPT, 0));

	check(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)));
	check(send(peer, "B", 1, MSG_OOB));
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
	EXPECT_EQ(0, ready_in(s, IN_EXCEPT, 100));
}

TEST_F(select, reports_the_end_in_readfds)
{
	SOCKET s = self->pair.s;

	check(shutdown(self->pair.peer, SD_SEND));
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
	EXPECT_EQ(0, ready_in(s, IN_EXCEPT, 100));
}

TEST_F(select, reports_a_reset_in_readfds)
{
	SOCKET s = self->pair.s;
	char c;

	set_linger(self->pair.peer, 1, 0);
	check(closesocket(self->pair.peer));
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
	EXPECT_EQ(0, ready_in(s, IN_EXCEPT, 100));
	EXPECT_EQ(IN_WRITE, ready_in(s, IN_WRITE, SOON));
	EXPECT_FAILS(WSAECONNRESET, recv(s, &c, 1, 0));
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
}

/* Its error was given out, and it stays reset (R1). */
TEST_F(select, reports_a_reset_whose_error_is_known)
{
	int error, len = sizeof(error);
	SOCKET s = self->pair.s;

	set_linger(self->pair.peer, 1, 0);
	check(closesocket(self->pair.peer));
	wait_for(s, POLLHUP);
	check(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(WSAECONNRESET, error);
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
}

static SOCKET refused_later(int family)
{
	SOCKET listener, s;

	s = pending_connect(family, &listener);
	if (ready_in(s, IN_ALL, 0))
		errx(EXIT_FAILURE, "a connect that goes on shows");
	check(closesocket(listener));
	return s;
}

TEST_F(select, reports_a_failed_connect_in_exceptfds_alone)
{
	SOCKET s = refused_later(variant->family);
	int error, len = sizeof(error);

	EXPECT_EQ(IN_EXCEPT, ready_in(s, IN_ALL, SOON));
	EXPECT_EQ(IN_EXCEPT, ready_in(s, IN_WRITE | IN_EXCEPT, SOON));
	EXPECT_EQ(IN_EXCEPT, ready_in(s, IN_EXCEPT, SOON));
	EXPECT_EQ(0, ready_in(s, IN_READ | IN_WRITE, 100));
	check(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(WSAECONNREFUSED, error);
	EXPECT_EQ(IN_EXCEPT, ready_in(s, IN_ALL, SOON));
}

TEST_F(select, reports_a_finished_connect_in_writefds)
{
	SOCKET listener = open_listener(variant->family), s;
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	s = open_socket(variant->family, SOCK_STREAM);
	set_nonblocking(s, true);
	connect(s, (struct sockaddr *)&addr, len);
	EXPECT_EQ(IN_WRITE, ready_in(s, IN_ALL, SOON));
}

/* Linux calls it hung up. */
TEST_F(select, has_nothing_to_report_of_a_socket_that_has_done_nothing)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	long before = now_ms();

	EXPECT_EQ(0, ready_in(s, IN_ALL, 0));
	EXPECT_EQ(0, ready_in(s, IN_ALL, 300));
	EXPECT_LE(300, now_ms() - before);
}

TEST_F(select, reports_a_datagram)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	SOCKET peer = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr;
	socklen_t len;

	EXPECT_EQ(IN_WRITE, ready_in(s, IN_ALL, 0));
	len = bind_loopback(s, variant->family, &addr);
	check(sendto(peer, "x", 1, 0, (struct sockaddr *)&addr, len));
	EXPECT_EQ(IN_READ, ready_in(s, IN_READ | IN_EXCEPT, SOON));
}

TEST_F(select, takes_a_socket_that_is_there_twice_as_one)
{
	struct sets sets;

	clear_sets(&sets);
	sets.write.fd_count = 2;
	sets.write.fd_array[0] = self->pair.s;
	sets.write.fd_array[1] = self->pair.s;
	EXPECT_EQ(1, select_sets(&sets, 0));
	EXPECT_EQ(1, sets.write.fd_count);
	EXPECT_EQ(self->pair.s, sets.write.fd_array[0]);
}

/* libc's declaration says that they differ, and the compiler warns. */
static fd_set *same(fd_set *set)
{
	return set;
}

TEST_F(select, takes_one_set_as_two)
{
	struct timeval now = { 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(self->pair.s, &set);
	FD_SET(self->pair.peer, &set);
	EXPECT_EQ(2, select(0, &set, same(&set), NULL, &now));
	EXPECT_EQ(2, set.fd_count);
	fill(self->pair.s);
	EXPECT_EQ(1, select(0, &set, same(&set), same(&set), &now));
	EXPECT_EQ(1, set.fd_count);
	EXPECT_EQ(self->pair.peer, set.fd_array[0]);
}

TEST_F(select, keeps_the_order_of_the_ready)
{
	SOCKET s[100];
	fd_set set;
	int i;

	FD_ZERO(&set);
	for (i = 0; i < 100; i++) {
		s[i] = open_socket(variant->family,
				   i % 3 ? SOCK_DGRAM : SOCK_STREAM);
		FD_SET(s[i], &set);
	}
	FD_CLR(s[1], &set);
	ASSERT_EQ(65, select(0, NULL, &set, NULL, NULL));
	for (i = 0; i < 65; i++)
		EXPECT_EQ(s[3 + i / 2 * 3 - 1 + i % 2 * 2], set.fd_array[i]);
}

TEST_F(select, has_no_limit_but_the_room_in_the_set)
{
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };
	SOCKET s = INVALID_SOCKET;
	struct sets sets;
	int i;

	check(setrlimit(RLIMIT_NOFILE, &limit));
	clear_sets(&sets);
	for (i = 0; i < 1500; i++) {
		s = open_socket(variant->family, SOCK_DGRAM);
		put_in(&sets, s, IN_ALL);
	}
	ASSERT_LT(1024, (int)s);
	EXPECT_EQ(1500, select_sets(&sets, SOON));
	EXPECT_EQ(IN_WRITE, is_in(&sets, s));
	for (i = 0; i < 600; i++)
		FD_SET((SOCKET)100000 + i, &sets.write);
	EXPECT_EQ(2000, sets.write.fd_count);
}

TEST_F(select, ends_in_time_and_never_before)
{
	struct sets sets;
	long before;

	clear_sets(&sets);
	put_in(&sets, self->pair.s, IN_READ | IN_EXCEPT);
	before = now_ms();
	EXPECT_CLEAR(select_sets(&sets, 300));
	EXPECT_LE(300, now_ms() - before);
	EXPECT_GT(SOON, now_ms() - before);
	EXPECT_EQ(0, sets.read.fd_count + sets.except.fd_count);
}

/* L3 */
TEST_F(select, does_not_notice_signals)
{
	WSAPOLLFD poll = { .fd = self->pair.s, .events = POLLRDNORM };
	struct signaller signaller;
	long before;

	signaller_start(&signaller, 20);
	before = now_ms();
	EXPECT_EQ(0, ready_in(self->pair.s, IN_READ, 1000));
	EXPECT_LE(1000, now_ms() - before);
	EXPECT_GT(SOON, now_ms() - before);
	before = now_ms();
	EXPECT_EQ(0, WSAPoll(&poll, 1, 1000));
	EXPECT_LE(1000, now_ms() - before);
	signaller_stop(&signaller);
	EXPECT_LT(0, signals_handled);
}

static int run_select(void *arg)
{
	return or_error(select_sets(arg, -1));
}

static int run_poll(void *arg)
{
	return or_error(WSAPoll(arg, 2, -1));
}

/*
 * P5, P6: what is waited for, and what comes of closing it.  A socket that has
 * done nothing is among them: poll(2) cannot wait for it.
 */
/* The end came before the data were read: both finished, and TCP with them. */
TEST_F(select, reports_data_when_the_connection_is_over)
{
	SOCKET s = self->pair.s;
	struct sets sets;
	char text[8];

	check(shutdown(s, SD_SEND));
	check(send(self->pair.peer, "four", 4, 0));
	check(closesocket(self->pair.peer));
	wait_for(s, POLLHUP);
	clear_sets(&sets);
	FD_SET(s, &sets.read);
	EXPECT_EQ(1, select_sets(&sets, SOON));
	EXPECT_EQ(4, recv(s, text, sizeof(text), 0));
	clear_sets(&sets);
	FD_SET(s, &sets.read);
	EXPECT_EQ(1, select_sets(&sets, SOON));
	EXPECT_EQ(0, recv(s, text, sizeof(text), 0));
}

/* A stream that is no TCP */
TEST_F(select, reports_the_end_of_a_local_socket)
{
	struct sets sets;
	int ends[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	clear_sets(&sets);
	FD_SET(ends[0], &sets.read);
	EXPECT_EQ(0, select_sets(&sets, 0));
	native_close(ends[1]);
	clear_sets(&sets);
	FD_SET(ends[0], &sets.read);
	EXPECT_EQ(1, select_sets(&sets, SOON));
	native_close(ends[0]);
}

/* More seconds than there are is for ever. */
TEST_F(select, takes_any_time)
{
	struct timeval long_time = { LONG_MAX, 2000000 };
	struct sets sets;

	check(send(self->pair.peer, "x", 1, 0));
	clear_sets(&sets);
	FD_SET(self->pair.s, &sets.read);
	EXPECT_EQ(1, select(0, &sets.read, NULL, NULL, &long_time));
}

FIXTURE(closing) {
	SOCKET s;
};

FIXTURE_VARIANT(closing) {
	const char *kind;
	int in;
	int result;
};

#define CLOSING(kind_, in_, result_)					\
	{ .kind = kind_, .in = in_, .result = result_ }

FIXTURE_VARIANT_ADD(closing, connected_in_readfds)
	CLOSING("connected", IN_READ, 1);
FIXTURE_VARIANT_ADD(closing, connected_in_readfds_and_exceptfds)
	CLOSING("connected", IN_READ | IN_EXCEPT, 1);
FIXTURE_VARIANT_ADD(closing, connected_in_all)
	CLOSING("connected", IN_ALL, 1);
FIXTURE_VARIANT_ADD(closing, connected_in_writefds)
	CLOSING("connected", IN_WRITE, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(closing, connected_in_exceptfds)
	CLOSING("connected", IN_EXCEPT, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(closing, listener_in_readfds)
	CLOSING("listener", IN_READ, 1);
FIXTURE_VARIANT_ADD(closing, listener_in_exceptfds)
	CLOSING("listener", IN_EXCEPT, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(closing, datagram_in_readfds)
	CLOSING("datagram", IN_READ, 1);
FIXTURE_VARIANT_ADD(closing, datagram_in_exceptfds)
	CLOSING("datagram", IN_EXCEPT, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(closing, fresh_in_readfds)
	CLOSING("fresh", IN_READ, 1);
FIXTURE_VARIANT_ADD(closing, fresh_in_writefds)
	CLOSING("fresh", IN_WRITE, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(closing, native_in_readfds)
	CLOSING("native", IN_READ, 1);
FIXTURE_VARIANT_ADD(closing, native_in_exceptfds)
	CLOSING("native", IN_EXCEPT, -WSAENOTSOCK);

FIXTURE_SETUP(closing)
{
	struct pair pair;

	start();
	switch (variant->kind[0]) {
	case 'l':
		self->s = open_listener(AF_INET);
		return;
	case 'd':
		self->s = open_socket(AF_INET, SOCK_DGRAM);
		return;
	case 'f':
		self->s = open_socket(AF_INET6, SOCK_STREAM);
		return;
	case 'n':
		self->s = native_socket(AF_INET, SOCK_DGRAM);
		return;
	}
	open_pair(&pair, AF_INET);
	fill(pair.s);
	self->s = pair.s;
}

FIXTURE_TEARDOWN(closing)
{
	WSACleanup();
}

TEST_F(closing, ends_select)
{
	struct waiter waiter;
	struct sets sets;
	SOCKET other;

	other = open_socket(AF_INET, SOCK_DGRAM);
	clear_sets(&sets);
	put_in(&sets, self->s, variant->in);
	put_in(&sets, other, IN_READ);
	waiter_start(&waiter, run_select, &sets);
	EXPECT_WORKS(closesocket(self->s));
	/* P10 */
	if (variant->kind[0] != 'f')
		EXPECT_FALSE(waiter_in_poll(&waiter) && !waiter.done);
	EXPECT_EQ(variant->result, waiter_join(&waiter));
	EXPECT_GT(SOON, waiter.elapsed_ms);
	EXPECT_EQ(variant->result > 0 ? IN_READ : 0, is_in(&sets, self->s));
	EXPECT_EQ(0, is_in(&sets, other));
}

/* P7 */
TEST_F(closing, ends_wsapoll)
{
	WSAPOLLFD polls[2] = {
		{ .fd = open_socket(AF_INET, SOCK_DGRAM), .events = POLLIN },
		{ .fd = self->s, .events = POLLRDNORM },
	};
	struct waiter waiter;

	if (variant->in & IN_WRITE && variant->kind[0] != 'd')
		polls[1].events |= POLLOUT;
	waiter_start(&waiter, run_poll, polls);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(1, waiter_join(&waiter));
	EXPECT_GT(SOON, waiter.elapsed_ms);
	EXPECT_EQ(0, polls[0].revents);
	EXPECT_EQ(POLLNVAL, polls[1].revents);
}

/* A connection that closesocket() refuses to close (C15). */
FIXTURE(refusal) {
	struct pair pair;
};

FIXTURE_SETUP(refusal)
{
	start();
	open_pair(&self->pair, AF_INET);
	set_nonblocking(self->pair.s, true);
	set_linger(self->pair.s, 1, LONG_TIME);
	fill(self->pair.s);
}

FIXTURE_TEARDOWN(refusal)
{
	WSACleanup();
}

/* C15: a thread in poll(2) is not another owner, and is left alone. */
TEST_F(refusal, is_not_missed_because_of_select)
{
	struct waiter waiters[3];
	struct sets sets[3];
	int i;

	for (i = 0; i < 3; i++) {
		clear_sets(&sets[i]);
		put_in(&sets[i], self->pair.s, IN_READ | IN_EXCEPT);
		if (i)
			put_in(&sets[i], self->pair.s, IN_WRITE);
		waiter_start(&waiters[i], run_select, &sets[i]);
	}
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->pair.s));
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->pair.s));
	usleep(50000);
	for (i = 0; i < 3; i++)
		EXPECT_FALSE(waiters[i].done);

	check(send(self->pair.peer, "x", 1, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, waiter_join(&waiters[i]));
		EXPECT_EQ(IN_READ, is_in(&sets[i], self->pair.s));
	}
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->pair.s));
}

/* C15: every entry of the array holds a reference. */
TEST_F(refusal, is_not_missed_because_of_wsapoll)
{
	WSAPOLLFD polls[2] = {
		{ .fd = self->pair.s, .events = POLLRDNORM },
		{ .fd = self->pair.s, .events = POLLRDNORM | POLLWRNORM },
	};
	struct waiter waiter;

	waiter_start(&waiter, run_poll, polls);
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->pair.s));
	usleep(50000);
	EXPECT_FALSE(waiter.done);
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_EQ(2, waiter_join(&waiter));
	EXPECT_TRUE(polls[0].revents & POLLRDNORM);
	EXPECT_TRUE(polls[1].revents & POLLRDNORM);
}

/* C15: a socket that is closed is not counted. */
TEST_F(refusal, is_not_invented_because_of_an_earlier_select)
{
	struct pair *pair = &self->pair;
	struct sets sets;
	int shared;

	clear_sets(&sets);
	put_in(&sets, pair->s, IN_READ | IN_EXCEPT);
	EXPECT_EQ(0, select_sets(&sets, 50));
	shared = dup((int)pair->s);
	ASSERT_LE(0, shared);
	EXPECT_WORKS(closesocket(pair->s));	/* G5 */
	native_close(shared);
}

FIXTURE(poll) {
	struct pair pair;
};

FIXTURE_SETUP(poll)
{
	start();
	open_pair(&self->pair, AF_INET);
}

FIXTURE_TEARDOWN(poll)
{
	WSACleanup();
}

TEST_F(poll, needs_sockets)
{
	WSAPOLLFD polls[2] = {
		{ .fd = INVALID_SOCKET, .events = POLLIN },
		{ .fd = 12345, .events = POLLIN },
	};

	EXPECT_FAILS(WSAEINVAL, WSAPoll(NULL, 0, 0));
	EXPECT_FAILS(WSAEINVAL, WSAPoll(polls, 0, 1));
	EXPECT_FAILS(WSAEFAULT, WSAPoll(NULL, 1, 0));
	EXPECT_FAILS(WSAEFAULT, winsock_poll(NULL, 1, 0));
	EXPECT_FAILS(WSAENOTSOCK, WSAPoll(polls, 2, -1));
	EXPECT_EQ(POLLNVAL, polls[0].revents);
	EXPECT_EQ(POLLNVAL, polls[1].revents);
}

TEST_F(poll, takes_what_can_be_asked_for)
{
	short bad[] = { POLLERR, POLLHUP, POLLNVAL, POLLPRI };
	WSAPOLLFD poll = { .fd = self->pair.s };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		poll.events = POLLIN | bad[i];
		EXPECT_FAILS(WSAEINVAL, WSAPoll(&poll, 1, 0));
	}
}

/* They get POLLNVAL, and do not count. */
TEST_F(poll, ignores_what_is_no_socket)
{
	WSAPOLLFD polls[4] = {
		{ .fd = INVALID_SOCKET, .events = POLLERR, .revents = -1 },
		{ .fd = self->pair.s, .events = POLLIN, .revents = -1 },
		{ .fd = 12345, .events = POLLIN, .revents = -1 },
		{ .fd = self->pair.peer, .events = POLLOUT, .revents = -1 },
	};
	long before = now_ms();

	EXPECT_EQ(0, WSAPoll(polls, 3, 200));
	EXPECT_LE(200, now_ms() - before);
	EXPECT_EQ(POLLNVAL, polls[0].revents);
	EXPECT_EQ(0, polls[1].revents);
	EXPECT_EQ(POLLNVAL, polls[2].revents);
	EXPECT_EQ(1, WSAPoll(polls, 4, -1));
	EXPECT_EQ(POLLNVAL, polls[2].revents);
	EXPECT_EQ(POLLOUT | POLLWRNORM, polls[3].revents);
}

static int revents_of(SOCKET s, short events)
{
	WSAPOLLFD poll = { .fd = s, .events = events, .revents = -1 };
	int ret = WSAPoll(&poll, 1, events & POLLRDBAND ? 100 : SOON);

	if (ret == SOCKET_ERROR)
		return -WSAGetLastError();
	return ret == !!poll.revents ? poll.revents : -1;
}

#define DATA	(POLLIN | POLLRDNORM)
#define URGENT	(POLLIN | POLLRDBAND)
#define ROOM	(POLLOUT | POLLWRNORM)

TEST_F(poll, reports_data_and_room)
{
	SOCKET s = self->pair.s;
	char buf[8];

	EXPECT_EQ(ROOM, revents_of(s, POLLRDNORM | POLLWRNORM));
	check(send(self->pair.peer, "1234", 4, 0));
	EXPECT_EQ(POLLRDNORM, revents_of(s, POLLRDNORM));	/* L20 */
	EXPECT_EQ(DATA, revents_of(s, POLLIN));
	EXPECT_EQ(0, revents_of(s, POLLRDBAND));
	EXPECT_EQ(DATA | ROOM, revents_of(s, POLLIN | POLLOUT));
	EXPECT_EQ(4, recv(s, buf, sizeof(buf), 0));
	check(send(self->pair.peer, "A", 1, MSG_OOB));
	EXPECT_EQ(URGENT, revents_of(s, POLLIN));
	EXPECT_EQ(POLLRDBAND, revents_of(s, POLLRDBAND | POLLRDNORM));
}

TEST_F(poll, reports_the_end_unasked)
{
	SOCKET s = self->pair.s;
	char buf[8];

	check(send(self->pair.peer, "1234", 4, 0));
	check(shutdown(self->pair.peer, SD_SEND));
	EXPECT_EQ(POLLHUP, revents_of(s, 0));
	EXPECT_EQ(POLLHUP | DATA | ROOM, revents_of(s, POLLIN | POLLOUT));
	EXPECT_EQ(4, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(POLLHUP, revents_of(s, POLLIN));
	EXPECT_EQ(0, recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(POLLHUP, revents_of(s, POLLIN));
}

TEST_F(poll, reports_a_reset_unasked)
{
	set_linger(self->pair.peer, 1, 0);
	check(closesocket(self->pair.peer));
	EXPECT_EQ(POLLERR | POLLHUP, revents_of(self->pair.s, 0));
	EXPECT_EQ(POLLERR | POLLHUP, revents_of(self->pair.s, POLLIN));
}

TEST_F(poll, reports_a_failed_connect)
{
	EXPECT_EQ(POLLERR | POLLHUP | ROOM,
		  revents_of(refused_later(AF_INET), POLLIN | POLLOUT));
}

TEST_F(poll, does_not_take_our_own_shutdown_for_the_peers)
{
	SOCKET s = self->pair.s;

	check(shutdown(s, SD_RECEIVE));
	EXPECT_EQ(0, revents_of(s, POLLRDNORM | POLLRDBAND));
	check(shutdown(s, SD_SEND));
	EXPECT_EQ(0, revents_of(s, POLLRDNORM | POLLRDBAND));
}

/* Programs call Winsock's structure by libc's name. */
TEST_F(poll, takes_libc_structures)
{
	struct pollfd polls[100];
	int i;

	for (i = 0; i < 100; i++) {
		polls[i].fd = i ? -1 : (int)self->pair.s;
		polls[i].events = POLLOUT;
		polls[i].revents = -1;
	}
	EXPECT_EQ(1, WSAPoll(polls, 100, 0));
	EXPECT_EQ(ROOM, polls[0].revents);
	EXPECT_EQ(POLLNVAL, polls[99].revents);
}

static int poll_input(void *arg)
{
	WSAPOLLFD poll = { .fd = *(SOCKET *)arg, .events = POLLIN };

	return or_error(WSAPoll(&poll, 1, -1));
}

/* G5, L8: who polls in the parent is no reason for the child's refusal. */
TEST(polls_of_the_parent_do_not_count_in_the_child)
{
	struct waiter waiter;
	struct pair pair;
	int go[2];
	char byte;
	pid_t pid;

	start();
	open_pair(&pair, AF_INET);
	waiter_start(&waiter, poll_input, &pair.s);
	check(pipe(go));
	pid = check(fork());
	if (!pid) {
		close(go[1]);
		if (read(go[0], &byte, 1))
			_exit(1);
		set_nonblocking(pair.s, true);
		set_linger(pair.s, 1, LONG_TIME);
		fill(pair.s);
		_exit(closesocket(pair.s) ? 2 : 0);
	}
	EXPECT_EQ(1, send(pair.peer, "x", 1, 0));
	waiter_join(&waiter);
	EXPECT_EQ(1, waiter.result);
	close(go[1]);
	EXPECT_EQ(0, wait_child(pid));
	set_linger(pair.s, 1, 0);
	EXPECT_WORKS(closesocket(pair.s));
	EXPECT_WORKS(closesocket(pair.peer));
	WSACleanup();
}

TEST_HARNESS_MAIN
