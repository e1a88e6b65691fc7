// SPDX-License-Identifier: GPL-2.0
/* WSACleanup() while the library is in use (L2). */
#include <sys/stat.h>
#include <sys/wait.h>

#include "suite.h"
#include "waiter.h"

/* What a thread may sit in. */
struct scene {
	SOCKET s;
	struct pair pair;
	struct sockaddr_storage addr;
	socklen_t len;
	WSAEVENT events[2];
	HWND queue;
	WSABUF buf;
	WSAOVERLAPPED overlapped;
	char big[1 << 20];
};

static void prepare_listener(struct scene *scene)
{
	scene->s = open_listener(AF_INET);
}

static void prepare_pair(struct scene *scene)
{
	open_pair(&scene->pair, AF_INET6);
	scene->s = scene->pair.s;
}

static void prepare_full(struct scene *scene)
{
	prepare_pair(scene);
	fill(scene->s);
}

static void prepare_datagram(struct scene *scene)
{
	scene->s = open_socket(AF_INET, SOCK_DGRAM);
	scene->len = loopback(AF_INET, &scene->addr);
	check(bind(scene->s, (struct sockaddr *)&scene->addr, scene->len));
}

static void prepare_silence(struct scene *scene)
{
	SOCKET listener;

	pending_connect(AF_INET, &listener);
	scene->s = open_socket(AF_INET, SOCK_STREAM);
	scene->len = name_of(listener, &scene->addr);
}

static void prepare_events(struct scene *scene)
{
	prepare_pair(scene);
	scene->events[0] = WSACreateEvent();
	scene->events[1] = WSACreateEvent();
	check(WSAEventSelect(scene->s, scene->events[0], FD_READ | FD_CLOSE));
}

static void prepare_queue(struct scene *scene)
{
	prepare_pair(scene);
	scene->queue = winsock_create_queue();
	check(WSAAsyncSelect(scene->s, scene->queue, 1, FD_READ | FD_CLOSE));
}

static void prepare_request(struct scene *scene)
{
	DWORD n, flags = 0;

	prepare_pair(scene);
	scene->overlapped.hEvent = WSACreateEvent();
	scene->buf.buf = scene->big;
	scene->buf.len = sizeof(scene->big);
	if (WSARecv(scene->s, &scene->buf, 1, &n, &flags, &scene->overlapped,
		    NULL) != SOCKET_ERROR || WSAGetLastError() != WSA_IO_PENDING)
		errx(EXIT_FAILURE, "WSARecv: error %d", WSAGetLastError());
}

static int run_accept(void *arg)
{
	struct scene *scene = arg;
	SOCKET s = accept(scene->s, NULL, NULL);

	return s == INVALID_SOCKET ? -WSAGetLastError() : 0;
}

static int run_recv(void *arg)
{
	struct scene *scene = arg;

	return or_error(recv(scene->s, scene->big, 16, 0));
}

static int run_send(void *arg)
{
	struct scene *scene = arg;
	int ret = or_error(send(scene->s, scene->big, sizeof(scene->big), 0));

	/* There may have been a little room after all. */
	return ret > 0 ? -WSAECONNABORTED : ret;
}

static int run_connect(void *arg)
{
	struct scene *scene = arg;

	return or_error(connect(scene->s, (struct sockaddr *)&scene->addr,
				scene->len));
}

static int run_select_read(void *arg)
{
	struct scene *scene = arg;
	fd_set set;
	int ret;

	FD_ZERO(&set);
	FD_SET(scene->s, &set);
	ret = or_error(select(0, &set, NULL, NULL, NULL));
	return ret == 1 && !FD_ISSET(scene->s, &set) ? 0 : ret;
}

static int run_select_write(void *arg)
{
	struct scene *scene = arg;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(scene->s, &set);
	return or_error(select(0, NULL, &set, NULL, NULL));
}

static int run_poll(void *arg)
{
	struct scene *scene = arg;
	WSAPOLLFD poll = { .fd = scene->s, .events = POLLRDNORM };
	int ret = or_error(WSAPoll(&poll, 1, -1));

	return ret == 1 ? poll.revents : ret;
}

static int run_wait(void *arg)
{
	struct scene *scene = arg;

	return or_error(WSAWaitForMultipleEvents(1, scene->events, FALSE,
						 WSA_INFINITE, FALSE));
}

static int run_wait_for_all(void *arg)
{
	struct scene *scene = arg;

	WSASetEvent(scene->events[1]);
	return or_error(WSAWaitForMultipleEvents(2, scene->events, TRUE,
						 WSA_INFINITE, TRUE));
}

static int run_get_message(void *arg)
{
	struct scene *scene = arg;
	struct winsock_message message;

	return or_error(winsock_get_message(scene->queue, &message,
					    WSA_INFINITE));
}

static int run_get_result(void *arg)
{
	struct scene *scene = arg;
	DWORD n, flags;

	return WSAGetOverlappedResult(scene->s, &scene->overlapped, &n, TRUE,
				      &flags) ? 0 : -WSAGetLastError();
}

FIXTURE(sitting) {
	struct scene scene;
	struct waiter waiter;
};

FIXTURE_VARIANT(sitting) {
	void (*prepare)(struct scene *scene);
	int (*run)(void *arg);
	int result;
};

#define SITTING(prepare, run, result)	{ prepare, run, result }

FIXTURE_VARIANT_ADD(sitting, accept)		/* P1 */
	SITTING(prepare_listener, run_accept, -WSAEINTR);
FIXTURE_VARIANT_ADD(sitting, recv)		/* P2 */
	SITTING(prepare_pair, run_recv, -WSAECONNABORTED);
FIXTURE_VARIANT_ADD(sitting, send)		/* P2 */
	SITTING(prepare_full, run_send, -WSAECONNABORTED);
FIXTURE_VARIANT_ADD(sitting, recv_datagram)	/* P3 */
	SITTING(prepare_datagram, run_recv, -WSAEINTR);
FIXTURE_VARIANT_ADD(sitting, connect)		/* P4 */
	SITTING(prepare_silence, run_connect, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(sitting, select_read)	/* P5 */
	SITTING(prepare_pair, run_select_read, 1);
FIXTURE_VARIANT_ADD(sitting, select_write)	/* P6 */
	SITTING(prepare_full, run_select_write, -WSAENOTSOCK);
FIXTURE_VARIANT_ADD(sitting, poll)		/* P7 */
	SITTING(prepare_pair, run_poll, POLLNVAL);
FIXTURE_VARIANT_ADD(sitting, wait)
	SITTING(prepare_events, run_wait, -WSANOTINITIALISED);
FIXTURE_VARIANT_ADD(sitting, wait_for_all)
	SITTING(prepare_events, run_wait_for_all, -WSANOTINITIALISED);
FIXTURE_VARIANT_ADD(sitting, get_message)
	SITTING(prepare_queue, run_get_message, -WSANOTINITIALISED);
FIXTURE_VARIANT_ADD(sitting, get_result)	/* P8 */
	SITTING(prepare_request, run_get_result, -WSA_OPERATION_ABORTED);

FIXTURE_SETUP(sitting)
{
	start();
	variant->prepare(&self->scene);
	waiter_start_asleep(&self->waiter, variant->run, &self->scene);
}

FIXTURE_TEARDOWN(sitting)
{
}

/* P-rows, and nothing but WSANOTINITIALISED for what comes later */
TEST_F(sitting, ends_with_the_last_cleanup)
{
	ASSERT_FALSE(self->waiter.done);
	EXPECT_WORKS(WSACleanup());
	EXPECT_FALSE(is_open(self->scene.s));
	EXPECT_EQ(variant->result, waiter_join(&self->waiter));
	EXPECT_EQ(-WSANOTINITIALISED, variant->run(&self->scene));
}

/* L2: counted */
TEST_F(sitting, continues_after_any_other_cleanup)
{
	start();
	start();
	EXPECT_WORKS(WSACleanup());
	EXPECT_WORKS(WSACleanup());
	usleep(50000);
	EXPECT_FALSE(self->waiter.done);
	EXPECT_TRUE(is_open(self->scene.s));
	EXPECT_WORKS(WSACleanup());
	EXPECT_EQ(variant->result, waiter_join(&self->waiter));
	EXPECT_FAILS(WSANOTINITIALISED, WSACleanup());
}

/* The old calls have no effect on what begins right after it. */
TEST_F(sitting, ends_when_all_begins_again_at_once)
{
	struct pair pair;

	EXPECT_WORKS(WSACleanup());
	start();
	open_pair(&pair, AF_INET);
	EXPECT_EQ(variant->result, waiter_join(&self->waiter));
	EXPECT_EQ(4, send(pair.s, "ping", 4, 0));
	EXPECT_EQ(4, recv(pair.peer, self->scene.big, 16, 0));
	EXPECT_WORKS(WSACleanup());
}

/* A wait that has been satisfied returns that. */
TEST(an_event_that_is_set_counts_more_than_the_end)
{
	struct waiter waiter;
	struct scene scene;

	start();
	prepare_events(&scene);
	waiter_start_asleep(&waiter, run_wait, &scene);
	EXPECT_TRUE(WSASetEvent(scene.events[0]));
	EXPECT_WORKS(WSACleanup());
	EXPECT_EQ(WSA_WAIT_EVENT_0, waiter_join(&waiter));
}

/* P8: the application may free what it gave */
TEST(overlapped_requests_are_aborted_and_their_events_not_set)
{
	struct scene scene = { 0 };
	struct pollfd event = { .events = POLLIN };

	start();
	prepare_request(&scene);
	event.fd = WINSOCK_EVENT_FD(scene.overlapped.hEvent);
	EXPECT_WORKS(WSACleanup());
	EXPECT_TRUE(HasOverlappedIoCompleted(&scene.overlapped));
	EXPECT_EQ(0, poll(&event, 1, 50));
}

FIXTURE(undelivered) {
	struct pair pair;
	long sent;
	long ms;
};

FIXTURE_SETUP(undelivered)
{
	struct timeval limit = { .tv_sec = AT_ONCE_MS / 1000 };

	start();
	open_pair(&self->pair, AF_INET);
	self->sent = fill(self->pair.s);
	/* the library does not know this descriptor, and does not close it */
	self->pair.peer = check(dup((int)self->pair.peer));
	/* an end that does not come is a failure like any other */
	check(syscall(SYS_setsockopt, (int)self->pair.peer, SOL_SOCKET,
		      SO_RCVTIMEO, &limit, sizeof(limit)));
}

FIXTURE_TEARDOWN(undelivered)
{
	WSACleanup();
}

/* Its end as the peer sees it; @ms becomes how long WSACleanup() took. */
static long cleanup(struct __test_metadata *_metadata, struct pair *pair,
		    long *ms)
{
	long before = now_ms();

	EXPECT_WORKS(WSACleanup());
	EXPECT_FALSE(is_open(pair->s));
	*ms = now_ms() - before;
	start();
	return drain(pair->peer);
}

/* C1 */
TEST_F(undelivered, data_goes_out_all_the_same)
{
	EXPECT_EQ(self->sent, cleanup(_metadata, &self->pair, &self->ms));
	EXPECT_GT(AT_ONCE_MS, self->ms);
}

/* C4 */
TEST_F(undelivered, data_is_dropped_with_linger_zero)
{
	set_linger(self->pair.s, 1, 0);
	EXPECT_EQ(-WSAECONNRESET, cleanup(_metadata, &self->pair, &self->ms));
	EXPECT_GT(AT_ONCE_MS, self->ms);
}

/* L2, where closesocket() says C15 */
TEST_F(undelivered, data_is_dropped_where_closesocket_would_refuse)
{
	set_linger(self->pair.s, 1, LONG_TIME);
	set_nonblocking(self->pair.s, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->pair.s));
	EXPECT_EQ(-WSAECONNRESET, cleanup(_metadata, &self->pair, &self->ms));
	EXPECT_GT(AT_ONCE_MS, self->ms);
}

/* C9 */
TEST_F(undelivered, data_is_waited_for_as_long_as_the_interval)
{
	set_linger(self->pair.s, 1, 2);
	EXPECT_EQ(-WSAECONNRESET, cleanup(_metadata, &self->pair, &self->ms));
	EXPECT_LE(2000, self->ms);
	EXPECT_GT(AT_ONCE_MS, self->ms);
}

static int run_close(void *arg)
{
	return or_error(closesocket(*(SOCKET *)arg));
}

/* The close is the other thread's, and ends as its row says: C8. */
TEST_F(undelivered, data_that_a_closesocket_waits_for_is_left_to_it)
{
	struct waiter waiter;

	set_linger(self->pair.s, 1, LONG_TIME);
	waiter_start_asleep(&waiter, run_close, &self->pair.s);
	ASSERT_FALSE(waiter.done);
	EXPECT_EQ(self->sent, cleanup(_metadata, &self->pair, &self->ms));
	EXPECT_GT(AT_ONCE_MS, self->ms);
	EXPECT_EQ(0, waiter_join(&waiter));
}

static int run_cleanup(void *arg)
{
	return or_error(WSACleanup());
}

/* While an old socket lingers, a new beginning has all of its own. */
TEST_F(undelivered, data_does_not_keep_others_from_beginning_again)
{
	struct waiter waiter;
	WSANETWORKEVENTS got;
	WSAPROTOCOL_INFO info;
	struct pair pair;
	WSAEVENT event;
	SOCKET s;

	set_linger(self->pair.s, 1, 3);
	waiter_start_asleep(&waiter, run_cleanup, NULL);
	ASSERT_FALSE(waiter.done);
	EXPECT_FAILS(WSANOTINITIALISED, WSACleanup());

	start();
	open_pair(&pair, AF_INET6);
	/* above the one that lingers: descriptors are closed in ascending order */
	EXPECT_LT(self->pair.s, pair.s);
	event = WSACreateEvent();
	EXPECT_WORKS(WSAEventSelect(pair.s, event, FD_READ));
	EXPECT_WORKS(WSADuplicateSocket(pair.s, getpid(), &info));
	ASSERT_FALSE(waiter.done);

	EXPECT_EQ(0, waiter_join(&waiter));
	EXPECT_TRUE(is_open(pair.s));
	EXPECT_EQ(4, send(pair.peer, "ping", 4, 0));
	EXPECT_EQ(WSA_WAIT_EVENT_0,
		  WSAWaitForMultipleEvents(1, &event, FALSE, AT_ONCE_MS, FALSE));
	EXPECT_WORKS(WSAEnumNetworkEvents(pair.s, event, &got));
	EXPECT_EQ(FD_READ, got.lNetworkEvents);
	s = WSASocket(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
		      FROM_PROTOCOL_INFO, &info, 0, 0);
	EXPECT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(-WSAECONNRESET, drain(self->pair.peer));
}

/* L8: fork() does not wait, and the child is not in the middle of anything. */
TEST_F(undelivered, data_does_not_hold_fork_up)
{
	struct waiter waiter;
	pid_t pid;

	set_linger(self->pair.s, 1, 3);
	waiter_start_asleep(&waiter, run_cleanup, NULL);
	ASSERT_FALSE(waiter.done);
	pid = fork();
	if (!pid) {
		struct pair pair;

		alarm(60);
		start();
		open_pair(&pair, AF_INET);
		if (send(pair.s, "ping", 4, 0) != 4 || WSACleanup())
			_exit(1);
		_exit(0);
	}
	EXPECT_FALSE(waiter.done);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(0, waiter_join(&waiter));
	start();
}

/* G1, L1: the calls that lib_startup does not know */
TEST(after_cleanup_no_call_touches_anything)
{
	WSAOVERLAPPED overlapped;
	WSANETWORKEVENTS events;
	WSAPROTOCOL_INFO info;
	WSAEVENT event;
	WSAPOLLFD poll = { .events = POLLIN };
	struct winsock_message message;
	unsigned char poison[sizeof(info)];
	DWORD n = 0xcccccccc, flags = n;
	char byte = 0x5c;
	WSABUF buf = { .buf = &byte, .len = 1 };
	SOCKET pair[2];
	fd_set set;
	int ends[2];

	start();
	event = WSACreateEvent();
	WSACleanup();
	check(syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, ends));
	pair[0] = ends[0];
	pair[1] = ends[1];
	check(syscall(SYS_sendto, ends[1], "x", 1, 0, NULL, 0));
	memset(&info, 0xcc, sizeof(info));
	memset(&overlapped, 0xcc, sizeof(overlapped));
	memset(poison, 0xcc, sizeof(poison));
	poll.fd = pair[0];
	FD_ZERO(&set);
	FD_SET(pair[0], &set);

	EXPECT_FAILS(WSANOTINITIALISED,
		     WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSADuplicateSocket(pair[0], getpid(), &info));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSASend(pair[0], &buf, 1, &n, 0, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSASendTo(pair[0], &buf, 1, &n, 0, NULL, 0, &overlapped,
			       NULL));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSARecv(pair[0], &buf, 1, &n, &flags, &overlapped, NULL));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSARecvFrom(pair[0], &buf, 1, &n, &flags, NULL, NULL, NULL,
				 NULL));
	WSASetLastError(0);
	EXPECT_FALSE(WSAGetOverlappedResult(pair[0], &overlapped, &n, FALSE,
					    &flags));
	EXPECT_EQ(WSANOTINITIALISED, WSAGetLastError());
	EXPECT_FAILS(WSANOTINITIALISED, WSAPoll(&poll, 1, 0));
	EXPECT_FAILS(WSANOTINITIALISED, select(0, &set, NULL, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, WSAEventSelect(pair[0], event, FD_READ));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSAEnumNetworkEvents(pair[0], event, &events));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSAWaitForMultipleEvents(1, &event, FALSE, WSA_INFINITE,
					      TRUE));
	EXPECT_FAILS(WSANOTINITIALISED, winsock_get_message(NULL, &message, 0));

	EXPECT_EQ(0, memcmp(&info, poison, sizeof(info)));
	EXPECT_EQ(0, memcmp(&overlapped, poison, sizeof(overlapped)));
	EXPECT_EQ(0xcccccccc, n);
	EXPECT_EQ(0xcccccccc, flags);
	EXPECT_EQ(0, poll.revents);
	EXPECT_EQ(1, set.fd_count);
	EXPECT_FALSE(is_nonblocking(pair[0]));
	EXPECT_EQ(1, syscall(SYS_recvfrom, ends[0], &byte, 1, MSG_DONTWAIT,
			     NULL, NULL));
	EXPECT_EQ('x', byte);
}

#define WORKERS	4
#define ROUNDS	100

/* Makes sockets until it is not allowed to any more. */
static int run_make(void *arg)
{
	SOCKET s;

	for (;;) {
		s = socket(AF_INET, SOCK_STREAM, 0);
		if (s == INVALID_SOCKET)
			return -WSAGetLastError();
		if (s % 3 && closesocket(s))
			return -WSAGetLastError();
	}
}

static int run_connect_and_accept(void *arg)
{
	struct sockaddr_storage addr;
	socklen_t len = loopback(AF_INET, &addr);
	SOCKET listener, s;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener == INVALID_SOCKET ||
	    bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		return -WSAGetLastError();
	for (;;) {
		s = socket(AF_INET, SOCK_STREAM, 0);
		if (s == INVALID_SOCKET ||
		    connect(s, (struct sockaddr *)&addr, len) ||
		    accept(listener, NULL, NULL) == (int)INVALID_SOCKET ||
		    closesocket(s))
			return -WSAGetLastError();
	}
}

static int run_duplicate(void *arg)
{
	SOCKET s = socket(AF_INET, SOCK_DGRAM, 0), other;
	WSAPROTOCOL_INFO info;

	if (s == INVALID_SOCKET)
		return -WSAGetLastError();
	for (;;) {
		if (WSADuplicateSocket(s, getpid(), &info))
			return -WSAGetLastError();
		other = WSASocket(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
				  FROM_PROTOCOL_INFO, &info, 0, 0);
		if (other == INVALID_SOCKET)
			return -WSAGetLastError();
	}
}

static bool is_clean(int error)
{
	switch (-error) {
	case WSANOTINITIALISED:
	case WSAENOTSOCK:	/* closed between two calls, or P4 */
	case WSAEINTR:		/* P1 */
	case WSAECONNABORTED:	/* P2 */
	case WSAECONNREFUSED:	/* the listener went first */
	case WSAECONNRESET:
	case WSAEINVAL:		/* the offer was withdrawn */
		return true;
	default:
		return false;
	}
}

FIXTURE(working) {
};

FIXTURE_VARIANT(working) {
	int (*run)(void *arg);
};

FIXTURE_VARIANT_ADD(working, make) {
	.run = run_make,
};

FIXTURE_VARIANT_ADD(working, connect_and_accept) {
	.run = run_connect_and_accept,
};

FIXTURE_VARIANT_ADD(working, duplicate) {
	.run = run_duplicate,
};

FIXTURE_SETUP(working)
{
}

FIXTURE_TEARDOWN(working)
{
}

/*
 * Threads that are at it while WSACleanup() comes get a clean error, and leave
 * no socket: neither those that were there nor those that were being made.
 */
TEST_F(working, threads_leave_no_socket_behind)
{
	struct waiter workers[WORKERS];
	int i, round, before = count_descriptors();

	for (round = 0; round < ROUNDS; round++) {
		start();
		for (i = 0; i < WORKERS; i++)
			waiter_run(&workers[i], variant->run, NULL);
		usleep(1000 + round * 50);
		EXPECT_WORKS(WSACleanup());
		for (i = 0; i < WORKERS; i++)
			EXPECT_TRUE(is_clean(waiter_join(&workers[i])));
		ASSERT_EQ(before, count_descriptors());
	}
}

static int run_recv_in_turn(void *arg)
{
	struct pair *pair = arg;
	char byte;

	for (;;)
		if (recv(pair->s, &byte, 1, 0) != 1 ||
		    send(pair->s, &byte, 1, 0) != 1)
			return -WSAGetLastError();
}

/* P10: files that reuse the descriptors are not read from. */
TEST(reused_descriptors_are_left_alone)
{
	struct waiter workers[WORKERS];
	struct pair pairs[WORKERS];
	int files[4 * WORKERS][2];
	int i, n, round;
	char byte;

	for (round = 0; round < ROUNDS; round++) {
		start();
		for (i = 0; i < WORKERS; i++) {
			open_pair(&pairs[i], AF_INET);
			waiter_run(&workers[i], run_recv_in_turn, &pairs[i]);
		}
		usleep(5000);
		EXPECT_WORKS(WSACleanup());
		for (i = 0; i < 4 * WORKERS; i++) {
			check(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0,
				      files[i]));
			check(syscall(SYS_sendto, files[i][0], "x", 1, 0, NULL, 0));
			check(syscall(SYS_sendto, files[i][1], "x", 1, 0, NULL, 0));
		}
		for (i = 0; i < WORKERS; i++)
			EXPECT_TRUE(is_clean(waiter_join(&workers[i])));
		for (i = 0; i < 8 * WORKERS; i++) {
			n = syscall(SYS_recvfrom, files[i / 2][i % 2], &byte, 1,
				    MSG_DONTWAIT, NULL, NULL);
			EXPECT_EQ(1, n);
			native_close(files[i / 2][i % 2]);
		}
	}
}

TEST_HARNESS_MAIN
