// SPDX-License-Identifier: LGPL-2.1-or-later
/* closesocket() as a Winsock program sees it. */
#include <linux/winsock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "suite.h"
#include "waiter.h"

/* Everything that may not have changed when closesocket() failed (I1). */
static void expect_untouched(struct __test_metadata *_metadata, SOCKET s,
			     LINGER linger, bool nonblocking)
{
	LINGER now;

	ASSERT_TRUE(is_open(s));
	now = get_linger(s);
	EXPECT_EQ(linger.l_onoff, now.l_onoff);
	EXPECT_EQ(linger.l_linger, now.l_linger);
	EXPECT_EQ(nonblocking, is_nonblocking(s));
}

FIXTURE(handle) {
};

FIXTURE_SETUP(handle)
{
	start();
}

FIXTURE_TEARDOWN(handle)
{
	WSACleanup();
}

/* G4 */
TEST_F(handle, bad_descriptor_gives_wsaenotsock)
{
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);

	EXPECT_FAILS(WSAENOTSOCK, closesocket(INVALID_SOCKET));
	EXPECT_FAILS(WSAENOTSOCK, closesocket(12345));
#if __SIZEOF_POINTER__ > 4
	/* A value beyond int is not truncated to a descriptor in use. */
	EXPECT_FAILS(WSAENOTSOCK, closesocket((SOCKET)1 << 32 | s));
#endif
	EXPECT_TRUE(is_open(s));
}

/* G4 */
TEST_F(handle, another_kind_of_file_stays_open)
{
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_FAILS(WSAENOTSOCK, closesocket(ends[0]));
	EXPECT_TRUE(is_open(ends[0]));
	EXPECT_EQ(1, write(ends[1], "x", 1));
}

/* G4 */
TEST_F(handle, second_close_gives_wsaenotsock)
{
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);

	EXPECT_WORKS(closesocket(s));
	EXPECT_FALSE(is_open(s));
	EXPECT_FAILS(WSAENOTSOCK, closesocket(s));
	EXPECT_FAILS(WSAENOTSOCK, send(s, "x", 1, 0));
}

/* N1, N2, N3 */
TEST_F(handle, what_is_not_connected_closes_at_once_even_with_linger)
{
	SOCKET fresh = open_socket(AF_INET, SOCK_STREAM);
	SOCKET datagram = open_socket(AF_INET, SOCK_DGRAM);
	SOCKET listener = open_listener(AF_INET);
	long before = now_ms();

	set_linger(fresh, 1, LONG_TIME);
	set_linger(listener, 1, LONG_TIME);
	EXPECT_WORKS(closesocket(fresh));
	EXPECT_WORKS(closesocket(datagram));
	EXPECT_WORKS(closesocket(listener));
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_FALSE(is_open(fresh));
	EXPECT_FALSE(is_open(datagram));
	EXPECT_FALSE(is_open(listener));
}

/* N4 */
TEST_F(handle, a_connection_attempt_is_abandoned)
{
	struct sockaddr_in nowhere = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0x7f000001),
	};
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);

	set_nonblocking(s, true);
	set_linger(s, 1, LONG_TIME);
	connect(s, (struct sockaddr *)&nowhere, sizeof(nowhere));
	EXPECT_WORKS(closesocket(s));
}

/* Created by socket(2): the library knows nothing of them yet. */
TEST_F(handle, closes_sockets_made_by_native_socket)
{
	SOCKET s = native_socket(AF_INET6, SOCK_STREAM);
	SOCKET local = native_socket(AF_UNIX, SOCK_STREAM);

	EXPECT_WORKS(closesocket(s));
	EXPECT_WORKS(closesocket(local));
	EXPECT_FALSE(is_open(s));
	EXPECT_FALSE(is_open(local));
}

FIXTURE(connection) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
};

FIXTURE_VARIANT(connection) {
	int family;
	bool nonblocking;
};

FIXTURE_VARIANT_ADD(connection, ipv4_blocking) {
	.family = AF_INET,
	.nonblocking = false,
};

FIXTURE_VARIANT_ADD(connection, ipv4_nonblocking) {
	.family = AF_INET,
	.nonblocking = true,
};

FIXTURE_VARIANT_ADD(connection, ipv6_blocking) {
	.family = AF_INET6,
	.nonblocking = false,
};

FIXTURE_VARIANT_ADD(connection, ipv6_nonblocking) {
	.family = AF_INET6,
	.nonblocking = true,
};

FIXTURE_SETUP(connection)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
	set_nonblocking(self->s, variant->nonblocking);
}

FIXTURE_TEARDOWN(connection)
{
	WSACleanup();
}

/* C1 */
TEST_F(connection, by_default_all_data_arrive_after_the_close)
{
	long sent = fill(self->s), before = now_ms();

	EXPECT_WORKS(closesocket(self->s));
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_EQ(sent, drain(self->peer));
}

/* C4, R1 */
TEST_F(connection, a_hard_close_resets_the_peer)
{
	char byte;

	fill(self->s);
	set_linger(self->s, 1, 0);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
	EXPECT_NE(0, recv(self->peer, &byte, 1, 0));
}

/* C7, C14 */
TEST_F(connection, with_nothing_queued_linger_does_not_wait)
{
	long before = now_ms();

	set_linger(self->s, 1, LONG_TIME);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_EQ(0, drain(self->peer));
}

/* G5: the other descriptor of the process stays usable */
TEST_F(connection, a_duplicate_keeps_the_connection)
{
	SOCKET copy = check(dup((int)self->s));
	long sent = fill(self->s);

	set_linger(self->s, 1, 0);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_FALSE(is_open(self->s));
	/* no refusal either, and nothing is sent: only the last one ends it */
	set_linger(copy, 1, LONG_TIME);
	set_nonblocking(copy, false);
	shutdown(copy, SD_SEND);
	EXPECT_EQ(sent, drain(self->peer));
	EXPECT_WORKS(closesocket(copy));
}

/* U1 */
TEST_F(connection, unread_data_do_not_turn_the_close_into_a_reset)
{
	ASSERT_EQ(6, send(self->peer, "unread", 6, 0));
	ASSERT_EQ(1, send(self->s, "", 1, 0));
	wait_for(self->s, POLLIN);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(1, drain(self->peer));
}

/* The orderly end of BEHAVIOUR's last section */
TEST_F(connection, shutdown_then_reading_to_the_end_then_closing)
{
	char byte;

	set_nonblocking(self->s, false);
	ASSERT_EQ(1, send(self->s, "", 1, 0));
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_EQ(1, drain(self->peer));
	EXPECT_WORKS(closesocket(self->peer));
	EXPECT_EQ(0, recv(self->s, &byte, 1, 0));
	EXPECT_WORKS(closesocket(self->s));
}

FIXTURE(refused) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	LINGER linger;
	long sent;
};

FIXTURE_VARIANT(refused) {
	int family;
};

FIXTURE_VARIANT_ADD(refused, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(refused, ipv6) {
	.family = AF_INET6,
};

/* A nonblocking socket with an interval and a peer that does not read: C15 */
FIXTURE_SETUP(refused)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
	set_nonblocking(self->s, true);
	set_linger(self->s, 1, LONG_TIME);
	self->linger = get_linger(self->s);
	self->sent = fill(self->s);
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->s));
	expect_untouched(_metadata, self->s, self->linger, true);
}

FIXTURE_TEARDOWN(refused)
{
	WSACleanup();
}

/* C15, I1 */
TEST_F(refused, nothing_has_changed_however_often_it_is_tried)
{
	char buf[16];
	int i;

	for (i = 0; i < 20; i++)
		EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->s));
	expect_untouched(_metadata, self->s, self->linger, true);

	/* both directions still work, and neither end has seen EOF */
	ASSERT_EQ(5, send(self->peer, "hello", 5, 0));
	wait_for(self->s, POLLIN);
	EXPECT_EQ(5, recv(self->s, buf, sizeof(buf), 0));
	set_nonblocking(self->s, false);
	set_linger(self->s, 0, 0);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(self->sent, drain(self->peer));
}

/* C16: a shutdown settles that the data go out in the background */
TEST_F(refused, shutdown_ends_the_refusal)
{
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(self->sent, drain(self->peer));
}

/* C17 */
TEST_F(refused, dontlinger_ends_the_refusal)
{
	BOOL on = TRUE;

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_DONTLINGER,
				(char *)&on, sizeof(on)));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(self->sent, drain(self->peer));
}

/* C18 */
TEST_F(refused, a_zero_interval_ends_the_refusal_with_a_reset)
{
	set_linger(self->s, 1, 0);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

/* C19, the retry ladder */
TEST_F(refused, a_blocking_socket_waits_for_the_peer)
{
	struct drainer drainer;
	u_long mode = 0;
	long before;

	before = now_ms();
	drainer_start(&drainer, self->peer, 500);
	EXPECT_CLEAR(ioctlsocket(self->s, FIONBIO, &mode));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LE(450, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_EQ(self->sent, drainer_join(&drainer));
}

/* C20, the wait loop */
TEST_F(refused, trying_until_it_works_loses_no_byte)
{
	struct drainer drainer;
	int refusals = 0;

	drainer_start(&drainer, self->peer, 300);
	while (closesocket(self->s) == SOCKET_ERROR) {
		ASSERT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
		refusals++;
		usleep(10000);
	}
	EXPECT_LT(0, refusals);
	EXPECT_EQ(self->sent, drainer_join(&drainer));
}

/* G5: where another process has the socket too, there is nothing to refuse */
TEST_F(refused, a_share_in_another_process_ends_the_refusal)
{
	int go[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &byte, 1))
			_exit(1);
		/* L8: now it is the child's to refuse and to end */
		if (closesocket(self->s) != SOCKET_ERROR ||
		    WSAGetLastError() != WSAEWOULDBLOCK)
			_exit(2);
		set_linger(self->s, 0, 0);
		_exit(closesocket(self->s) ? 3 : 0);
	}
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_FALSE(is_open(self->s));
	close(go[1]);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(self->sent, drain(self->peer));
}

FIXTURE(lingering) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	long sent;
};

FIXTURE_VARIANT(lingering) {
	int family;
};

FIXTURE_VARIANT_ADD(lingering, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(lingering, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(lingering)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
	self->sent = fill(self->s);
}

FIXTURE_TEARDOWN(lingering)
{
	WSACleanup();
}

/* C8 */
TEST_F(lingering, waits_until_the_peer_has_all_data)
{
	long before = now_ms();
	struct drainer drainer;

	set_linger(self->s, 1, LONG_TIME);
	drainer_start(&drainer, self->peer, 500);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LE(450, now_ms() - before);
	EXPECT_EQ(self->sent, drainer_join(&drainer));
}

/* C9 */
TEST_F(lingering, after_the_interval_the_peer_is_reset)
{
	long before = now_ms();

	set_linger(self->s, 1, 1);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LE(1000, now_ms() - before);
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

/* L3: signals neither end the wait nor make it longer */
TEST_F(lingering, signals_do_not_end_the_wait)
{
	long before = now_ms();
	struct drainer drainer;
	struct signaller signaller;

	set_linger(self->s, 1, LONG_TIME);
	drainer_start(&drainer, self->peer, 700);
	signaller_start(&signaller, 50);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LE(650, now_ms() - before);
	signaller_stop(&signaller);
	EXPECT_LT(2, signals_handled);
	EXPECT_EQ(self->sent, drainer_join(&drainer));
}

/* L3, C9 */
TEST_F(lingering, signals_do_not_prolong_the_wait)
{
	long before = now_ms();
	struct signaller signaller;

	set_linger(self->s, 1, 2);
	signaller_start(&signaller, 300);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LE(2000, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	signaller_stop(&signaller);
	EXPECT_LT(2, signals_handled);
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

/* What a thread sits in while another one closes its socket. */
static int run_accept(void *arg)
{
	return or_error((int)accept(*(SOCKET *)arg, NULL, NULL));
}

#define LARGE	(4 * 1024 * 1024)

static int run_send(void *arg)
{
	static char large[LARGE];

	return or_error(send(*(SOCKET *)arg, large, LARGE, 0));
}

struct attempt {
	SOCKET s;
	struct sockaddr_storage addr;
	socklen_t len;
};

static int run_connect(void *arg)
{
	struct attempt *attempt = arg;

	return or_error(connect(attempt->s, (struct sockaddr *)&attempt->addr,
				attempt->len));
}

FIXTURE(pending) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	struct waiter w;
};

FIXTURE_VARIANT(pending) {
	int family;
};

FIXTURE_VARIANT_ADD(pending, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(pending, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(pending)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
}

FIXTURE_TEARDOWN(pending)
{
	WSACleanup();
}

/* P1: eight threads, as in BEHAVIOUR's last section */
TEST_F(pending, accept_is_interrupted)
{
	SOCKET listener = open_listener(variant->family);
	struct waiter w[8];
	int i;

	for (i = 0; i < 8; i++)
		waiter_start_asleep(&w[i], run_accept, &listener);
	EXPECT_WORKS(closesocket(listener));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(-WSAEINTR, waiter_join(&w[i]));
}

/* P2, with LINGER{1,0} from a control thread */
TEST_F(pending, recv_on_a_stream_is_aborted)
{
	set_linger(self->s, 1, 0);
	waiter_start_asleep(&self->w, recv_from, &self->s);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&self->w));
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

static void nothing(int sig)
{
	(void)sig;
}

/* P2, P10 and L3: also a call that signals have made the library resume */
TEST_F(pending, a_resumed_recv_is_aborted_too)
{
	struct sigaction action = { .sa_handler = nothing };
	DWORD ms = LONG_TIME * 1000;
	int i;

	check(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	set_linger(self->s, 1, 0);
	sigaction(SIGUSR1, &action, NULL);
	waiter_start_asleep(&self->w, recv_from, &self->s);
	for (i = 0; i < 5; i++) {
		pthread_kill(self->w.thread, SIGUSR1);
		usleep(20000);
	}
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&self->w));
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

static void expect_part_sent(struct __test_metadata *_metadata, struct waiter *w)
{
	int sent = waiter_join(w);

	EXPECT_LT(0, sent);
	EXPECT_GT(LARGE, sent);
}

/* P2: returns what was sent by then */
TEST_F(pending, send_returns_what_it_sent)
{
	waiter_start_asleep(&self->w, run_send, &self->s);
	set_linger(self->s, 1, 0);
	EXPECT_WORKS(closesocket(self->s));
	expect_part_sent(_metadata, &self->w);
}

/* P3 */
TEST_F(pending, recv_on_a_datagram_socket_is_interrupted)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);

	bind_loopback(s, variant->family, NULL);
	waiter_start_asleep(&self->w, recv_from, &s);
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(-WSAEINTR, waiter_join(&self->w));
}

/* P4 */
TEST_F(pending, connect_finds_no_socket)
{
	struct attempt attempt;
	SOCKET listener;

	pending_connect(variant->family, &listener);
	attempt.s = open_socket(variant->family, SOCK_STREAM);
	attempt.len = name_of(listener, &attempt.addr);
	waiter_start_asleep(&self->w, run_connect, &attempt);
	EXPECT_WORKS(closesocket(attempt.s));
	EXPECT_EQ(-WSAENOTSOCK, waiter_join(&self->w));
}

/* I1: a refusal leaves a pending call where it is */
TEST_F(pending, a_refused_close_ends_no_call)
{
	set_linger(self->s, 1, LONG_TIME);
	waiter_start_asleep(&self->w, recv_from, &self->s);
	fill(self->s);
	set_nonblocking(self->s, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->s));
	usleep(100000);
	ASSERT_EQ(1, send(self->peer, "x", 1, 0));
	EXPECT_EQ(1, waiter_join(&self->w));
}

/* Sockets that the module cannot attach. */
FIXTURE(local) {
	SOCKET listener;
	struct sockaddr_storage addr;
	socklen_t len;
	SOCKET s;
	SOCKET peer;
	struct waiter w;
};

FIXTURE_SETUP(local)
{
	int ends[2];

	start();
	self->listener = open_socket(AF_UNIX, SOCK_STREAM);
	check(bind(self->listener, (struct sockaddr *)
		   &(struct sockaddr) { AF_UNIX }, sizeof(sa_family_t)));
	check(listen(self->listener, 8));
	self->len = name_of(self->listener, &self->addr);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	self->s = ends[0];
	self->peer = ends[1];
}

FIXTURE_TEARDOWN(local)
{
	WSACleanup();
}

static SOCKET new_client(const struct sockaddr_storage *addr, socklen_t len)
{
	SOCKET s = open_socket(AF_UNIX, SOCK_STREAM);

	check(connect(s, (struct sockaddr *)addr, len));
	return s;
}

/* P1; four threads have been busy when the close comes, and four have not */
TEST_F(local, accept_is_interrupted_and_no_connection_accepted_any_more)
{
	int i, ret, accepted = 0, interrupted = 0;
	struct waiter w[8];

	for (i = 0; i < 8; i++)
		waiter_start_asleep(&w[i], run_accept, &self->listener);
	for (i = 0; i < 4; i++)
		new_client(&self->addr, self->len);
	usleep(300000);
	EXPECT_WORKS(closesocket(self->listener));
	for (i = 0; i < 8; i++) {
		ret = waiter_join(&w[i]);
		accepted += ret >= 0;
		interrupted += ret == -WSAEINTR;
	}
	EXPECT_EQ(4, accepted);
	EXPECT_EQ(4, interrupted);
	EXPECT_FAILS(WSAECONNREFUSED, connect(open_socket(AF_UNIX, SOCK_STREAM),
					      (struct sockaddr *)&self->addr,
					      self->len));
}

/* P2 */
TEST_F(local, recv_on_a_stream_is_aborted)
{
	char byte;

	waiter_start_asleep(&self->w, recv_from, &self->s);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&self->w));
	EXPECT_EQ(0, recv(self->peer, &byte, 1, 0));
}

/* P2 */
TEST_F(local, send_returns_what_it_sent_and_is_aborted_if_nothing)
{
	waiter_start_asleep(&self->w, run_send, &self->s);
	EXPECT_WORKS(closesocket(self->s));
	expect_part_sent(_metadata, &self->w);

	fill(self->peer = new_client(&self->addr, self->len));
	set_nonblocking(self->peer, false);
	waiter_start_asleep(&self->w, run_send, &self->peer);
	EXPECT_WORKS(closesocket(self->peer));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&self->w));
}

/* P3 */
TEST_F(local, recv_of_a_datagram_is_interrupted)
{
	SOCKET s = open_socket(AF_UNIX, SOCK_DGRAM);

	waiter_start_asleep(&self->w, recv_from, &s);
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(-WSAEINTR, waiter_join(&self->w));
}

/* The wait in poll(2) keeps the socket's timeout and its mode. */
TEST_F(local, timeouts_and_modes_hold)
{
	DWORD ms = 300;
	char byte;
	long before = now_ms();

	check(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	EXPECT_FAILS(WSAETIMEDOUT, recv(self->s, &byte, 1, 0));
	EXPECT_LE(300, now_ms() - before);
	check(setsockopt(self->listener, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	EXPECT_FAILS(WSAETIMEDOUT, accept(self->listener, NULL, NULL));
	EXPECT_LE(600, now_ms() - before);
	set_nonblocking(self->s, true);
	set_nonblocking(self->listener, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, 0));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->peer, &byte, 1, MSG_DONTWAIT));
	EXPECT_FAILS(WSAEWOULDBLOCK, accept(self->listener, NULL, NULL));
}

/* G5 */
TEST_F(local, another_descriptor_keeps_the_calls_going)
{
	SOCKET other = check(dup(self->s)), listener = check(dup(self->listener));
	SOCKET client = open_socket(AF_UNIX, SOCK_STREAM);
	struct waiter w;

	waiter_start_asleep(&self->w, recv_from, &self->s);
	waiter_start_asleep(&w, run_accept, &self->listener);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_WORKS(closesocket(self->listener));
	usleep(100000);
	EXPECT_TRUE(sleeps(self->w.tid));
	EXPECT_TRUE(sleeps(w.tid));
	/* The two descriptors stay unused until both have been woken. */
	EXPECT_EQ(1, send(self->peer, "x", 1, 0));
	EXPECT_EQ(1, waiter_join(&self->w));
	EXPECT_EQ(0, connect(client, (struct sockaddr *)&self->addr, self->len));
	EXPECT_LE(0, waiter_join(&w));

	waiter_start_asleep(&self->w, recv_from, &other);
	waiter_start_asleep(&w, run_accept, &listener);
	EXPECT_WORKS(closesocket(other));
	EXPECT_WORKS(closesocket(listener));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&self->w));
	EXPECT_EQ(-WSAEINTR, waiter_join(&w));
}

/* G5: only this process's call ends, and nothing is shut down. */
TEST_F(local, another_process_keeps_the_connection)
{
	char byte = 0;
	pid_t pid;

	pid = check(fork());
	if (!pid) {
		_exit(recv(self->s, &byte, 1, 0) != 1 || byte != 'x' ||
		      send(self->s, "y", 1, 0) != 1);
	}
	waiter_start_asleep(&self->w, recv_from, &self->s);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&self->w));
	EXPECT_EQ(1, send(self->peer, "x", 1, 0));
	EXPECT_EQ(1, recv(self->peer, &byte, 1, 0));
	EXPECT_EQ('y', byte);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
}

/* I1: a sandbox that does not know the request; there is no close(2) instead. */
TEST_F(connection, forbidden_ioctl_closes_nothing)
{
	const LINGER linger = { 1, LONG_TIME };
	char byte;

	set_linger(self->s, linger.l_onoff, linger.l_linger);
	fake_answer(SYS_ioctl, 1, WINSOCK_IOC_CLOSESOCKET, EPERM);
	EXPECT_FAILS(WSAEACCES, closesocket(self->s));
	EXPECT_FAILS(WSAEACCES, closesocket(self->s));
	expect_untouched(_metadata, self->s, linger, variant->nonblocking);
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
	EXPECT_EQ(1, recv(self->peer, &byte, 1, 0));
}

TEST_HARNESS_MAIN
