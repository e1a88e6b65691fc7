// SPDX-License-Identifier: GPL-2.0
/* Event objects, WSAEventSelect() and WSAAsyncSelect(). */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "suite.h"
#include "waiter.h"

/* The time an event may take on a slow machine. */
#define SOON	AT_ONCE_MS

FIXTURE(event) {
	WSAEVENT events[3];
};

FIXTURE_SETUP(event)
{
	int i;

	start();
	for (i = 0; i < 3; i++) {
		self->events[i] = WSACreateEvent();
		ASSERT_NE(WSA_INVALID_EVENT, self->events[i]);
	}
}

FIXTURE_TEARDOWN(event)
{
	WSACleanup();
}

#define WAIT(count, all, timeout)					\
	WSAWaitForMultipleEvents(count, self->events, all, timeout, FALSE)

/* L1, G1 */
TEST_F(event, needs_startup_before_anything_else)
{
	WSANETWORKEVENTS got;

	WSACleanup();
	EXPECT_REFUSED(WSANOTINITIALISED, WSACreateEvent());
	EXPECT_REFUSED(WSANOTINITIALISED, WSASetEvent(self->events[0]));
	EXPECT_REFUSED(WSANOTINITIALISED, WSAResetEvent(self->events[0]));
	EXPECT_REFUSED(WSANOTINITIALISED, WSACloseEvent(self->events[0]));
	EXPECT_FAILS(WSANOTINITIALISED, WAIT(0, FALSE, 0));
	EXPECT_FAILS(WSANOTINITIALISED, WSAEventSelect(99, NULL, -1));
	EXPECT_FAILS(WSANOTINITIALISED, WSAEnumNetworkEvents(99, NULL, &got));
	EXPECT_FAILS(WSANOTINITIALISED, WSAAsyncSelect(99, NULL, 0, -1));
	EXPECT_REFUSED(WSANOTINITIALISED, winsock_create_queue());
	EXPECT_FAILS(WSANOTINITIALISED, winsock_close_queue(NULL));
	EXPECT_REFUSED(WSANOTINITIALISED, winsock_queue_event(NULL));
}

TEST_F(event, stays_set_until_it_is_reset)
{
	EXPECT_FALSE(is_set(self->events[0], 0));
	EXPECT_TRUE(WSASetEvent(self->events[0]));
	EXPECT_TRUE(WSASetEvent(self->events[0]));
	EXPECT_TRUE(is_set(self->events[0], 0));
	EXPECT_TRUE(is_set(self->events[0], 0));
	EXPECT_TRUE(WSAResetEvent(self->events[0]));
	EXPECT_FALSE(is_set(self->events[0], 0));
	EXPECT_TRUE(WSAResetEvent(self->events[0]));
}

TEST_F(event, is_one_only_if_it_is)
{
	WSAEVENT closed = self->events[1];
	int ends[2];
	char buf[16];

	ASSERT_EQ(0, pipe2(ends, O_NONBLOCK));
	EXPECT_TRUE(WSACloseEvent(closed));
	EXPECT_REFUSED(WSA_INVALID_HANDLE, WSASetEvent(closed));
	EXPECT_REFUSED(WSA_INVALID_HANDLE, WSAResetEvent(closed));
	EXPECT_REFUSED(WSA_INVALID_HANDLE, WSACloseEvent(closed));
	EXPECT_REFUSED(WSA_INVALID_HANDLE, WSASetEvent(WSA_INVALID_EVENT));
	EXPECT_FAILS(WSA_INVALID_HANDLE, WAIT(2, FALSE, 0));
	EXPECT_FAILS(WSA_INVALID_HANDLE, WAIT(3, TRUE, WSA_INFINITE));
	closed = (WSAEVENT)(intptr_t)-1;
	EXPECT_FAILS(WSA_INVALID_HANDLE,
		     WSAWaitForMultipleEvents(1, &closed, FALSE, 0, FALSE));

	/* Nothing is written into, read from or closed that is no event. */
	EXPECT_REFUSED(WSA_INVALID_HANDLE,
		       WSASetEvent((WSAEVENT)(intptr_t)ends[1]));
	EXPECT_EQ(-1, read(ends[0], buf, sizeof(buf)));
	EXPECT_EQ(9, write(ends[1], "something", 9));
	EXPECT_REFUSED(WSA_INVALID_HANDLE,
		       WSAResetEvent((WSAEVENT)(intptr_t)ends[0]));
	EXPECT_EQ(9, read(ends[0], buf, sizeof(buf)));
	EXPECT_REFUSED(WSA_INVALID_HANDLE,
		       WSACloseEvent((WSAEVENT)(intptr_t)ends[0]));
	EXPECT_TRUE(is_open(ends[0]));
}

/* A program without a standard input gets descriptor 0 from the system. */
TEST_F(event, is_never_null)
{
	WSAEVENT event;

	close(0);
	event = WSACreateEvent();
	EXPECT_NE(WSA_INVALID_EVENT, event);
	EXPECT_EQ(-1, fcntl(0, F_GETFD));
	EXPECT_TRUE(WSASetEvent(event));
}

TEST_F(event, is_a_descriptor_that_can_be_polled)
{
	struct epoll_event got, event = { .events = EPOLLIN };
	int set = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_ADD,
			       WINSOCK_EVENT_FD(self->events[0]), &event));
	EXPECT_EQ(0, epoll_wait(set, &got, 1, 0));
	WSASetEvent(self->events[0]);
	EXPECT_EQ(1, epoll_wait(set, &got, 1, 0));
}

TEST_F(event, wait_for_any_gives_the_first)
{
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WAIT(3, FALSE, 0));
	WSASetEvent(self->events[2]);
	EXPECT_EQ(WSA_WAIT_EVENT_0 + 2, WAIT(3, FALSE, WSA_INFINITE));
	WSASetEvent(self->events[1]);
	EXPECT_EQ(WSA_WAIT_EVENT_0 + 1, WAIT(3, FALSE, WSA_INFINITE));
	EXPECT_EQ(WSA_WAIT_EVENT_0 + 1, WAIT(3, FALSE, 0));
}

TEST_F(event, wait_for_all_takes_all_at_the_same_time)
{
	WSASetEvent(self->events[0]);
	WSASetEvent(self->events[2]);
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WAIT(3, TRUE, 100));
	EXPECT_TRUE(is_set(self->events[0], 0));
	WSASetEvent(self->events[1]);
	EXPECT_EQ(WSA_WAIT_EVENT_0, WAIT(3, TRUE, WSA_INFINITE));
	EXPECT_TRUE(is_set(self->events[0], 0));
	WSAResetEvent(self->events[0]);
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WAIT(3, TRUE, 0));
}

static int wait_for_all(void *arg)
{
	return WSAWaitForMultipleEvents(3, arg, TRUE, WSA_INFINITE, FALSE);
}

TEST_F(event, wait_for_all_ends_with_the_last)
{
	struct waiter waiter;
	int i;

	waiter_start(&waiter, wait_for_all, self->events);
	for (i = 0; i < 3; i++) {
		EXPECT_FALSE(waiter.done);
		WSASetEvent(self->events[i]);
		usleep(50000);
	}
	EXPECT_EQ(WSA_WAIT_EVENT_0, waiter_join(&waiter));
}

/* L3 */
TEST_F(event, wait_ends_in_time_signals_or_not)
{
	struct signaller signaller;
	long before;
	int all;

	signaller_start(&signaller, 20);
	for (all = 0; all < 2; all++) {
		WSASetEvent(self->events[0]);
		before = now_ms();
		EXPECT_EQ(WSA_WAIT_TIMEOUT,
			  WSAWaitForMultipleEvents(all ? 3 : 2,
						   self->events + !all, all, 500,
						   FALSE));
		EXPECT_LE(500, now_ms() - before);
		EXPECT_GT(SOON, now_ms() - before);
	}
	signaller_stop(&signaller);
	EXPECT_LT(0, signals_handled);
}

TEST_F(event, wait_takes_up_to_64)
{
	WSAEVENT events[65];
	int i;

	for (i = 0; i < 65; i++)
		events[i] = WSACreateEvent();
	WSASetEvent(events[63]);
	EXPECT_EQ(WSA_WAIT_EVENT_0 + 63,
		  WSAWaitForMultipleEvents(64, events, FALSE, 0, TRUE));
	EXPECT_FAILS(WSA_INVALID_PARAMETER,
		     WSAWaitForMultipleEvents(65, events, FALSE, 0, FALSE));
	EXPECT_FAILS(WSA_INVALID_PARAMETER, WAIT(0, FALSE, 0));
	EXPECT_FAILS(WSAEFAULT,
		     WSAWaitForMultipleEvents(1, NULL, FALSE, 0, FALSE));
}

/* Selections, reported by an event or by messages. */
struct told {
	bool messages;
	WSAEVENT event;
	HWND queue;
};

static int run_wait(void *arg)
{
	return WSAWaitForMultipleEvents(1, arg, FALSE, WSA_INFINITE, FALSE);
}

/* L8: the waiters are the parent's, and continue. */
TEST_F(event, is_waited_for_across_a_fork)
{
	struct waiter waiter;
	pid_t pid;

	waiter_start(&waiter, run_wait, &self->events[0]);
	pid = fork();
	if (!pid)
		_exit(WAIT(1, FALSE, 20) != WSA_WAIT_TIMEOUT || WSACleanup());
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_FALSE(waiter.done);
	EXPECT_TRUE(WSASetEvent(self->events[0]));
	EXPECT_EQ(WSA_WAIT_EVENT_0, waiter_join(&waiter));
}

FIXTURE(network) {
	struct pair pair;
	struct told told;
};

FIXTURE_VARIANT(network) {
	bool messages;
	int family;
};

FIXTURE_VARIANT_ADD(network, events) {
	.messages = false,
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(network, messages) {
	.messages = true,
	.family = AF_INET6,
};

FIXTURE_SETUP(network)
{
	start();
	open_pair(&self->pair, variant->family);
	self->told.messages = variant->messages;
	self->told.event = WSACreateEvent();
	self->told.queue = winsock_create_queue();
	ASSERT_NE(NULL, self->told.queue);
}

FIXTURE_TEARDOWN(network)
{
	WSACleanup();
}

#define MESSAGE		0x0471
#define ALL		(FD_READ | FD_WRITE | FD_OOB | FD_ACCEPT | FD_CONNECT | FD_CLOSE)

static int ask(const struct told *told, SOCKET s, long mask)
{
	return told->messages ? WSAAsyncSelect(s, told->queue, MESSAGE, mask) :
				WSAEventSelect(s, told->event, mask);
}

#define ASK(s, mask)	check(ask(&self->told, s, mask))

/* One event of a socket: MAKELONG(which, error), 0 for none, -1 for several. */
static long one_message(HWND queue, SOCKET s, DWORD timeout)
{
	struct winsock_message message;

	if (!check(winsock_get_message(queue, &message, timeout)))
		return 0;
	if (message.hwnd != queue || message.message != MESSAGE ||
	    message.wParam != s)
		return -1;
	return MAKELONG(WSAGETSELECTEVENT(message.lParam),
			WSAGETSELECTERROR(message.lParam));
}

/* Mask of events in the low half, the error of the last in the high one. */
static long next_events(const struct told *told, SOCKET s, DWORD timeout)
{
	WSANETWORKEVENTS got;
	int bit, error = 0;

	if (told->messages)
		return one_message(told->queue, s, timeout);

	is_set(told->event, timeout);
	memset(&got, 0x7f, sizeof(got));
	check(WSAEnumNetworkEvents(s, told->event, &got));
	for (bit = 0; bit < FD_MAX_EVENTS; bit++)
		if (got.lNetworkEvents & 1 << bit)
			error = got.iErrorCode[bit] ? got.iErrorCode[bit] : error;
		else if (got.iErrorCode[bit] != 0x7f7f7f7f)
			return -1;	/* L20 */
	return MAKELONG(got.lNetworkEvents, error);
}

/* Gathers until all that is wanted has come; too much shows as well. */
static long gather(const struct told *told, SOCKET s, long wanted)
{
	long deadline = now_ms() + SOON, all = 0, got;

	do {
		got = next_events(told, s, 100);
		if (got < 0 || all & LOWORD(got))
			return -1;
		all |= got;
	} while ((all & wanted) != wanted && now_ms() < deadline);
	return all;
}

/* Is anything reported, of any socket? */
static bool is_told(const struct told *told, DWORD timeout)
{
	return is_set(told->messages ? winsock_queue_event(told->queue) :
				       told->event, timeout);
}

#define EXPECT_EVENTS(s, wanted) do {					\
	long wanted_ = (wanted);					\
									\
	EXPECT_EQ(wanted_, gather(&self->told, s, wanted_));		\
} while (0)
#define EXPECT_QUIET(s)							\
	EXPECT_EQ(0, next_events(&self->told, s, QUIET))

/* What is in flight makes room, and a message of that is not taken back. */
static void fill_quietly(const struct told *told, SOCKET s)
{
	do {
		fill(s);
	} while (next_events(told, s, QUIET));
}

static SOCKET start_connect(SOCKET listener, int family)
{
	SOCKET s = open_socket(family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	set_nonblocking(s, true);
	connect(s, (struct sockaddr *)&addr, len);
	return s;
}

TEST_F(network, events_of_a_listener)
{
	SOCKET listener = open_listener(variant->family);

	ASK(listener, ALL);
	EXPECT_QUIET(listener);
	start_connect(listener, variant->family);
	EXPECT_EVENTS(listener, FD_ACCEPT);
	EXPECT_QUIET(listener);
	start_connect(listener, variant->family);
	start_connect(listener, variant->family);
	usleep(50000);
	check(closesocket(check(accept(listener, NULL, NULL))));
	EXPECT_EVENTS(listener, FD_ACCEPT);
	EXPECT_QUIET(listener);
}

/* Also with listen() after the selection. */
TEST_F(network, accept_event_of_a_listener_to_be)
{
	SOCKET listener = open_socket(variant->family, SOCK_STREAM), s;

	ASK(listener, FD_ACCEPT);
	bind_loopback(listener, variant->family, NULL);
	check(listen(listener, 5));
	EXPECT_QUIET(listener);
	s = start_connect(listener, variant->family);
	EXPECT_EVENTS(listener, FD_ACCEPT);
	closesocket(s);
}

/* L6: the same event or queue, and nonblocking. */
TEST_F(network, selection_is_inherited_on_accept)
{
	SOCKET listener = open_listener(variant->family), s, child;

	ASK(listener, FD_READ | FD_CLOSE);
	s = start_connect(listener, variant->family);
	usleep(50000);
	child = check(accept(listener, NULL, NULL));
	EXPECT_TRUE(is_nonblocking(child));
	EXPECT_QUIET(child);
	check(send(s, "x", 1, 0));
	EXPECT_EVENTS(child, FD_READ);
	check(closesocket(s));
	EXPECT_QUIET(child);
	EXPECT_EQ(1, recv(child, &(char){ 0 }, 1, 0));
	EXPECT_EVENTS(child, FD_CLOSE);
}

TEST_F(network, events_of_a_connect)
{
	SOCKET listener = open_listener(variant->family);
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	ASK(s, ALL);
	EXPECT_QUIET(s);
	connect(s, (struct sockaddr *)&addr, len);
	EXPECT_EVENTS(s, FD_CONNECT | FD_WRITE);
	EXPECT_QUIET(s);
}

/* As on Windows; messages of it are only for who asks before. */
TEST_F(network, connect_event_when_asked_for_late)
{
	SOCKET s = self->pair.s;

	ASK(s, ALL);
	EXPECT_EVENTS(s, variant->messages ? FD_WRITE : FD_WRITE | FD_CONNECT);
	EXPECT_QUIET(s);
	ASK(self->pair.peer, ALL);
	EXPECT_EVENTS(self->pair.peer, FD_WRITE);
	EXPECT_QUIET(self->pair.peer);
}

TEST_F(network, event_of_a_failed_connect)
{
	SOCKET listener, s = pending_connect(variant->family, &listener);
	int i, error, len;

	ASK(s, ALL);
	EXPECT_QUIET(s);
	check(closesocket(listener));
	EXPECT_EVENTS(s, MAKELONG(FD_CONNECT, WSAECONNREFUSED));
	EXPECT_QUIET(s);
	for (i = 0; i < 2; i++) {
		len = sizeof(error);
		check(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len));
		EXPECT_EQ(WSAECONNREFUSED, error);
	}
}

TEST_F(network, read_event_comes_again_after_each_recv)
{
	SOCKET s = self->pair.s;
	char buf[8];

	ASK(s, FD_READ | FD_CLOSE);
	EXPECT_QUIET(s);
	check(send(self->pair.peer, "12345", 5, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_QUIET(s);
	EXPECT_EQ(2, recv(s, buf, 2, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_QUIET(s);
	EXPECT_EQ(3, recv(s, buf, 8, 0));
	EXPECT_QUIET(s);
	check(send(self->pair.peer, "6", 1, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(s, buf, 8, 0));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(s, buf, 8, 0));
	EXPECT_QUIET(s);
	check(send(self->pair.peer, "7", 1, 0));
	EXPECT_EVENTS(s, FD_READ);
}

/* What recv() leaves is reported before it returns. */
TEST_F(network, read_event_is_there_when_recv_returns)
{
	SOCKET s = self->pair.s;
	char c;

	ASK(s, FD_READ);
	check(send(self->pair.peer, "123", 3, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_EQ(FD_READ, next_events(&self->told, s, 0));
}

TEST_F(network, write_event_comes_again_after_a_refusal)
{
	SOCKET s = self->pair.s;
	struct drainer drainer;

	ASK(s, FD_WRITE);
	EXPECT_EVENTS(s, FD_WRITE);
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_QUIET(s);
	EXPECT_EQ(1, recv(self->pair.peer, &(char){ 0 }, 1, 0));
	fill_quietly(&self->told, s);
	drainer_start(&drainer, self->pair.peer, 0);
	EXPECT_EVENTS(s, FD_WRITE);
	EXPECT_QUIET(s);
	check(shutdown(s, SD_SEND));
	drainer_join(&drainer);
}

TEST_F(network, write_event_does_not_come_after_the_own_shutdown)
{
	SOCKET s = self->pair.s;
	struct drainer drainer;

	ASK(s, FD_WRITE);
	EXPECT_EVENTS(s, FD_WRITE);
	fill_quietly(&self->told, s);
	check(shutdown(s, SD_SEND));
	drainer_start(&drainer, self->pair.peer, 0);
	drainer_join(&drainer);
	EXPECT_QUIET(s);
}

/* L25 */
TEST_F(network, read_event_does_not_come_after_the_own_shutdown)
{
	SOCKET s = self->pair.s;
	DWORD received, flags = 0;
	char byte;
	WSABUF buf = { 1, &byte };

	check(shutdown(s, SD_RECEIVE));
	ASK(s, FD_READ | FD_CLOSE);
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_QUIET(s);
	EXPECT_FAILS(WSAESHUTDOWN, WSARecv(s, &buf, 1, &received, &flags, NULL, NULL));
	EXPECT_QUIET(s);
	/* That of the peer comes all the same, over what cannot be read any more. */
	check(shutdown(self->pair.peer, SD_SEND));
	EXPECT_EVENTS(s, FD_CLOSE);
}

TEST_F(network, urgent_event_comes_again_after_its_recv)
{
	SOCKET s = self->pair.s;
	char c;

	ASK(s, FD_READ | FD_OOB);
	check(send(self->pair.peer, "A", 1, MSG_OOB));
	EXPECT_EVENTS(s, FD_OOB);
	EXPECT_QUIET(s);
	EXPECT_EQ(1, recv(s, &c, 1, MSG_OOB));
	EXPECT_QUIET(s);
	check(send(self->pair.peer, "B", 1, MSG_OOB));
	EXPECT_EVENTS(s, FD_OOB);
}

TEST_F(network, close_event_comes_once_and_after_the_data)
{
	SOCKET s = self->pair.s;
	char buf[8];

	ASK(s, FD_READ | FD_CLOSE);
	check(send(self->pair.peer, "12", 2, 0));
	check(shutdown(self->pair.peer, SD_SEND));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(s, buf, 1, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(s, buf, 8, 0));
	EXPECT_EVENTS(s, FD_CLOSE);
	EXPECT_EQ(0, recv(s, buf, 8, 0));
	check(closesocket(self->pair.peer));
	EXPECT_QUIET(s);
}

TEST_F(network, close_event_is_not_for_our_own_shutdown)
{
	SOCKET s = self->pair.s;

	ASK(s, FD_READ | FD_CLOSE);
	check(shutdown(s, SD_BOTH));
	EXPECT_QUIET(s);
	check(shutdown(self->pair.peer, SD_SEND));
	EXPECT_EVENTS(s, FD_CLOSE);
}

/* The error of Windows, whatever its manual says. */
TEST_F(network, close_event_of_a_reset_has_an_error)
{
	SOCKET s = self->pair.s;

	ASK(s, FD_READ | FD_CLOSE);
	check(send(self->pair.peer, "12", 2, 0));
	EXPECT_EVENTS(s, FD_READ);
	set_linger(self->pair.peer, 1, 0);
	check(closesocket(self->pair.peer));
	EXPECT_EVENTS(s, MAKELONG(FD_CLOSE, WSAECONNABORTED));
	EXPECT_FAILS(WSAECONNRESET, recv(s, &(char){ 0 }, 1, 0));
	EXPECT_QUIET(s);
}

TEST_F(network, datagram_events)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr;
	socklen_t len;
	char c;

	len = bind_loopback(s, variant->family, &addr);
	ASK(s, FD_READ | FD_WRITE);
	EXPECT_EVENTS(s, FD_WRITE);
	check(sendto(s, "1", 1, 0, (struct sockaddr *)&addr, len));
	check(sendto(s, "2", 1, 0, (struct sockaddr *)&addr, len));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_QUIET(s);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	EXPECT_QUIET(s);
}

/* As Windows has it: an event is not reported twice, a message is. */
TEST_F(network, what_asking_again_brings)
{
	SOCKET s = self->pair.s;
	char c;

	ASK(s, FD_READ);
	check(send(self->pair.peer, "1", 1, 0));
	EXPECT_EVENTS(s, FD_READ);
	ASK(s, 0);
	ASK(s, FD_READ);
	EXPECT_EQ(variant->messages ? FD_READ : 0,
		  next_events(&self->told, s, QUIET));
	EXPECT_QUIET(s);

	/* What was not fetched is there for who asks again. */
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	check(send(self->pair.peer, "2", 1, 0));
	usleep(QUIET * 1000);
	if (!variant->messages) {
		EXPECT_TRUE(is_set(self->told.event, SOON));
		ASK(s, FD_OOB);
		WSAResetEvent(self->told.event);
		EXPECT_QUIET(s);
		ASK(s, FD_READ);
		EXPECT_EVENTS(s, FD_READ);
	}
}

TEST_F(network, data_that_came_and_went_unasked_is_no_event)
{
	SOCKET s = self->pair.s;
	char c;

	ASK(s, FD_READ);
	check(send(self->pair.peer, "1", 1, 0));
	EXPECT_EVENTS(s, FD_READ);
	ASK(s, 0);
	EXPECT_EQ(1, recv(s, &c, 1, 0));
	ASK(s, FD_READ);
	EXPECT_QUIET(s);
	ASK(s, 0);
	check(send(self->pair.peer, "1", 1, 0));
	EXPECT_QUIET(s);
	ASK(s, FD_READ);
	EXPECT_EVENTS(s, FD_READ);
}

/* L5 */
TEST_F(network, selection_keeps_the_socket_nonblocking)
{
	SOCKET s = self->pair.s;
	u_long off = 0, on = 1;

	ASK(s, FD_READ);
	EXPECT_TRUE(is_nonblocking(s));
	EXPECT_FAILS(WSAEINVAL, ioctlsocket(s, FIONBIO, &off));
	EXPECT_FAILS(WSAEFAULT, ioctlsocket(s, FIONBIO, (u_long *)NULL));
	EXPECT_CLEAR(ioctlsocket(s, FIONBIO, &on));
	EXPECT_TRUE(is_nonblocking(s));
	ASK(s, 0);
	EXPECT_TRUE(is_nonblocking(s));
	EXPECT_CLEAR(ioctlsocket(s, FIONBIO, &off));
	EXPECT_FALSE(is_nonblocking(s));
	ASK(s, 0);
	EXPECT_TRUE(is_nonblocking(s));
}

TEST_F(network, selection_takes_the_place_of_the_one_before)
{
	SOCKET s = self->pair.s;
	WSANETWORKEVENTS got;

	check(WSAEventSelect(s, self->told.event, FD_READ));
	check(WSAAsyncSelect(s, self->told.queue, MESSAGE, FD_READ));
	check(send(self->pair.peer, "1", 1, 0));
	EXPECT_EQ(FD_READ, one_message(self->told.queue, s, SOON));
	EXPECT_FALSE(is_set(self->told.event, 0));
	check(WSAEnumNetworkEvents(s, NULL, &got));
	EXPECT_EQ(0, got.lNetworkEvents);

	EXPECT_EQ(1, recv(s, &(char){ 0 }, 1, 0));
	check(WSAEventSelect(s, self->told.event, FD_READ));
	check(send(self->pair.peer, "2", 1, 0));
	EXPECT_TRUE(is_set(self->told.event, SOON));
	EXPECT_EQ(0, one_message(self->told.queue, s, 0));
}

TEST_F(network, selection_needs_sound_arguments)
{
	SOCKET s = self->pair.s, closed = open_socket(AF_INET, SOCK_STREAM);
	WSANETWORKEVENTS got = { .lNetworkEvents = 0x55 };

	check(closesocket(closed));
	EXPECT_FAILS(WSAENOTSOCK, ask(&self->told, closed, FD_READ));
	EXPECT_FAILS(WSAENOTSOCK, ask(&self->told, closed, 0));
	EXPECT_FAILS(WSAEINVAL, ask(&self->told, s, 0x400));
	EXPECT_FAILS(WSAEINVAL, WSAEventSelect(s, NULL, FD_READ));
	EXPECT_FAILS(WSAEINVAL, WSAEventSelect(s, (WSAEVENT)s, FD_READ));
	EXPECT_FAILS(WSAEINVAL, WSAAsyncSelect(s, NULL, MESSAGE, FD_READ));
	EXPECT_FAILS(WSAEINVAL, WSAAsyncSelect(s, (HWND)self, MESSAGE, FD_READ));
	EXPECT_FALSE(is_nonblocking(s));
	EXPECT_FAILS(WSAENOTSOCK, WSAEnumNetworkEvents(closed, NULL, &got));
	EXPECT_FAILS(WSAEFAULT, WSAEnumNetworkEvents(s, NULL, NULL));
	EXPECT_FAILS(WSAEINVAL, WSAEnumNetworkEvents(s, (WSAEVENT)s, &got));
	EXPECT_EQ(0x55, got.lNetworkEvents);
	EXPECT_WORKS(WSAEnumNetworkEvents(s, NULL, &got));
	EXPECT_EQ(0, got.lNetworkEvents);
}

TEST_F(network, selection_is_the_sockets_not_the_descriptors)
{
	SOCKET s = self->pair.s, other;
	u_long off = 0;
	char c;

	ASK(s, FD_READ);
	other = dup((int)s);
	EXPECT_EQ(0, send(other, "", 0, 0));
	EXPECT_FAILS(WSAEINVAL, ioctlsocket(other, FIONBIO, &off));
	check(send(self->pair.peer, "12", 2, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(other, &c, 1, 0));
	EXPECT_EVENTS(s, FD_READ);

	/* G5: it continues with the other descriptor. */
	check(closesocket(s));
	EXPECT_EQ(1, recv(other, &c, 1, 0));
	check(send(self->pair.peer, "3", 1, 0));
	/* Messages name the socket as it was named when they were asked for. */
	EXPECT_EVENTS(variant->messages ? s : other, FD_READ);
}

/* closesocket() finds the selection, and no socket. */
TEST_F(network, selection_of_a_closed_descriptor_does_not_affect_the_next)
{
	SOCKET s = self->pair.s;

	ASK(s, FD_READ);
	native_close(s);
	EXPECT_FAILS(WSAENOTSOCK, closesocket(s));
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_FALSE(is_told(&self->told, QUIET));
}

/* C15: nothing is cancelled, nothing lost. */
TEST_F(network, refusal_to_close_leaves_events_coming)
{
	SOCKET s = self->pair.s;
	struct drainer drainer;
	u_long off = 0;
	int i;

	ASK(s, FD_READ | FD_WRITE);
	EXPECT_EVENTS(s, FD_WRITE);
	fill_quietly(&self->told, s);
	set_linger(s, 1, LONG_TIME);
	for (i = 0; i < 3; i++)
		EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(s));
	EXPECT_QUIET(s);
	EXPECT_FAILS(WSAEINVAL, ioctlsocket(s, FIONBIO, &off));
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(s));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(s));
	EXPECT_EQ(1, recv(s, &(char){ 0 }, 1, 0));
	drainer_start(&drainer, self->pair.peer, 0);
	EXPECT_EVENTS(s, FD_WRITE);
	while (closesocket(s) == SOCKET_ERROR)
		usleep(10000);
	EXPECT_LT(0, drainer_join(&drainer));
}

/* Which decisions the module has made in this network namespace. */
static void say_decisions(void)
{
	FILE *f = fopen("/proc/net/winsock_stat", "r");
	char line[96];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "WinsockClose", 12))
			printf("# %s", line);
	if (f)
		fclose(f);
}

static void *refuse_for_ever(void *arg)
{
	struct waiter *w = arg;

	while (!w->done && !w->result)
		if (closesocket((SOCKET)w->arg) != SOCKET_ERROR ||
		    WSAGetLastError() != WSAEWOULDBLOCK) {
			w->result = -1;
			printf("# not refused, the last error is %d\n", WSAGetLastError());
			say_decisions();
		}
	return NULL;
}

/* C15, with events at the very moment */
TEST_F(network, refusals_without_end_lose_no_event)
{
	struct waiter w = { .arg = (void *)self->pair.s };
	SOCKET s = self->pair.s;
	int i;

	ASK(s, FD_READ | FD_WRITE);
	EXPECT_EVENTS(s, FD_WRITE);
	fill_quietly(&self->told, s);
	set_linger(s, 1, LONG_TIME);
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, refuse_for_ever, &w));
	for (i = 0; i < 50; i++) {
		check(send(self->pair.peer, "x", 1, 0));
		EXPECT_EVENTS(s, FD_READ);
		EXPECT_EQ(1, recv(s, &(char){ 0 }, 1, 0));
	}
	w.done = true;
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.result);
}

enum deed { SEND, FINISH, RESET };

static void do_deed(SOCKET peer, enum deed deed)
{
	if (deed == SEND) {
		send(peer, "x", 1, 0);
		return;
	}
	if (deed == RESET)
		set_linger(peer, 1, 0);
	check(closesocket(peer));
}

/* P9: also for who shares the socket with another process. */
TEST_F(network, nothing_is_reported_after_closesocket)
{
	struct pair pair;
	int deed, shared;
	pid_t child;

	for (deed = SEND; deed <= RESET; deed++) {
		for (shared = 0; shared < 2; shared++) {
			open_pair(&pair, variant->family);
			ASK(pair.s, FD_READ | FD_CLOSE | FD_OOB);
			child = shared ? fork() : 0;
			if (shared && !child) {
				pause();
				_exit(0);
			}
			check(closesocket(pair.s));
			do_deed(pair.peer, deed);
			EXPECT_FALSE(is_told(&self->told, QUIET));
			if (deed == SEND)
				check(closesocket(pair.peer));
			if (child) {
				kill(child, SIGKILL);
				waitpid(child, NULL, 0);
			}
		}
	}
}

/* P9, with events at the very moment */
TEST_F(network, nothing_is_reported_after_closesocket_not_even_late)
{
	struct pair pair;
	int round, late = 0;

	for (round = 0; round < 200; round++) {
		open_pair(&pair, variant->family);
		ASK(pair.s, FD_READ | FD_CLOSE);
		do_deed(pair.peer, round % 3);
		check(closesocket(pair.s));
		if (!variant->messages)
			WSAResetEvent(self->told.event);
		late += is_told(&self->told, 1);
		if (round % 3 == SEND)
			check(closesocket(pair.peer));
	}
	EXPECT_EQ(0, late);
}

/* L6 */
TEST_F(network, closesocket_ends_the_selection_and_leaves_the_event)
{
	SOCKET s = self->pair.s, again;
	u_long off = 0;
	char c;

	ASK(s, FD_READ | FD_WRITE | FD_CLOSE);
	check(closesocket(s));
	EXPECT_TRUE(WSASetEvent(self->told.event));
	EXPECT_TRUE(WSAResetEvent(self->told.event));

	again = open_socket(AF_INET, SOCK_DGRAM);
	ASSERT_EQ(s, again);
	EXPECT_CLEAR(ioctlsocket(again, FIONBIO, &off));
	EXPECT_QUIET(again);
	EXPECT_FALSE(is_set(self->told.event, 0));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(again, &c, 1, MSG_DONTWAIT));
	EXPECT_QUIET(again);
}

TEST_F(network, descriptor_lost_to_close_has_no_selection_when_it_is_reused)
{
	SOCKET s = self->pair.s, again;

	ASK(s, FD_READ | FD_WRITE);
	next_events(&self->told, s, SOON);
	native_close(s);
	again = open_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(s, again);
	EXPECT_FALSE(is_nonblocking(again));
	EXPECT_QUIET(again);
	ASK(again, FD_WRITE);
	EXPECT_EVENTS(again, FD_WRITE);
}

/* A selection continues without it, as with Windows' handles. */
TEST_F(network, closed_event_is_not_written_to)
{
	SOCKET s = self->pair.s;
	WSANETWORKEVENTS got;
	char buf[16];
	int ends[2];

	check(WSAEventSelect(s, self->told.event, FD_READ));
	EXPECT_TRUE(WSACloseEvent(self->told.event));
	ASSERT_EQ(0, pipe2(ends, O_NONBLOCK));
	check(dup2(ends[1], WINSOCK_EVENT_FD(self->told.event)));
	check(send(self->pair.peer, "x", 1, 0));
	do {
		usleep(1000);
		check(WSAEnumNetworkEvents(s, NULL, &got));
	} while (!got.lNetworkEvents);
	EXPECT_EQ(FD_READ, got.lNetworkEvents);
	EXPECT_EQ(-1, read(ends[0], buf, sizeof(buf)));
}

/* The sanitizer has threads of its own. */
#ifndef __SANITIZE_THREAD__
static int threads(void)
{
	struct stat tasks;

	check(stat("/proc/self/task", &tasks));
	return tasks.st_nlink - 2;
}

/* L2: and begins again with the next startup. */
TEST_F(network, one_thread_at_most_and_none_after_cleanup)
{
	SOCKET s[20];
	int i, before;

	EXPECT_EQ(1, threads());
	before = open("/dev/null", O_RDONLY);
	close(before);
	for (i = 0; i < 20; i++) {
		s[i] = open_socket(AF_INET, SOCK_DGRAM);
		ASK(s[i], FD_READ);
	}
	EXPECT_EQ(2, threads());
	EXPECT_WORKS(WSACleanup());
	/* A thread that was joined may show for a moment. */
	for (i = 0; i < 1000 && threads() > 1; i++)
		usleep(1000);
	EXPECT_EQ(1, threads());
	for (i = 0; i < 20; i++)
		EXPECT_FALSE(is_open(s[i]));

	start();
	s[0] = open_socket(AF_INET, SOCK_DGRAM);
	EXPECT_GE(before, (int)s[0]);
	ASK(s[0], FD_WRITE);
	EXPECT_EVENTS(s[0], FD_WRITE);
	open_pair(&self->pair, variant->family);
}
#endif

/* The sanitizer takes the helper of a child for the parent's. */
#ifndef __SANITIZE_THREAD__
/* L8: a selection is the process's that made it. */
TEST_F(network, fork_leaves_selections_to_the_parent)
{
	SOCKET s = self->pair.s, peer = self->pair.peer;
	WSAEVENT event;
	u_long off = 0;
	char c, buf[16];
	pid_t child;

	ASK(s, FD_READ);
	child = fork();
	if (!child) {
		alarm(60);
		if (threads() != 1 || check(ioctlsocket(s, FIONBIO, &off)))
			_exit(1);
		event = WSACreateEvent();
		check(WSAEventSelect(peer, event, FD_READ));
		check(send(s, "to the child", 12, 0));
		if (!is_set(event, SOON) || threads() != 2)
			_exit(2);
		if (check(recv(peer, buf, sizeof(buf), 0)) != 12)
			_exit(3);
		check(closesocket(s));
		check(closesocket(peer));
		_exit(WSACleanup() ? 4 : 0);
	}
	EXPECT_EQ(0, wait_child(child));

	EXPECT_QUIET(s);
	check(send(peer, "x", 1, 0));
	EXPECT_EVENTS(s, FD_READ);
	EXPECT_EQ(1, recv(s, &c, 1, MSG_DONTWAIT));
}
#endif

static void *churn(void *arg)
{
	struct waiter *w = arg;
	struct pair pair;
	WSAEVENT event = WSACreateEvent();
	WSANETWORKEVENTS got;
	char c;
	int i;

	for (i = 0; i < 30; i++) {
		open_pair(&pair, AF_INET);
		check(WSAEventSelect(pair.s, event, FD_READ | FD_CLOSE));
		check(send(pair.peer, "x", 1, 0));
		if (!is_set(event, SOON))
			w->result++;
		check(WSAEnumNetworkEvents(pair.s, event, &got));
		if (got.lNetworkEvents != FD_READ)
			w->result++;
		check(recv(pair.s, &c, 1, 0));
		check(closesocket(pair.peer));
		if (!is_set(event, SOON))
			w->result++;
		check(closesocket(pair.s));
		WSAResetEvent(event);
	}
	return NULL;
}

TEST_F(network, many_threads_at_once)
{
	struct waiter w[6];
	int i;

	memset(w, 0, sizeof(w));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, churn, &w[i]));
	for (i = 0; i < 6; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].result);
	}
}

FIXTURE(queue) {
	struct pair pair;
	HWND queue;
};

FIXTURE_SETUP(queue)
{
	start();
	open_pair(&self->pair, AF_INET);
	self->queue = winsock_create_queue();
}

FIXTURE_TEARDOWN(queue)
{
	WSACleanup();
}

TEST_F(queue, keeps_messages_in_order)
{
	SOCKET s = self->pair.s;

	check(send(self->pair.peer, "x", 1, 0));
	usleep(50000);
	check(WSAAsyncSelect(s, self->queue, MESSAGE, FD_READ | FD_WRITE));
	EXPECT_EQ(FD_READ, one_message(self->queue, s, SOON));
	EXPECT_EQ(FD_WRITE, one_message(self->queue, s, SOON));
	EXPECT_EQ(0, one_message(self->queue, s, 0));
}

TEST_F(queue, has_an_event)
{
	WSAEVENT event = winsock_queue_event(self->queue);

	ASSERT_NE(WSA_INVALID_EVENT, event);
	EXPECT_FALSE(is_set(event, 0));
	check(WSAAsyncSelect(self->pair.s, self->queue, MESSAGE, FD_WRITE));
	EXPECT_TRUE(is_set(event, SOON));
	EXPECT_EQ(FD_WRITE, one_message(self->queue, self->pair.s, 0));
	EXPECT_FALSE(is_set(event, 0));
}

TEST_F(queue, loses_the_messages_of_a_socket_that_is_closed)
{
	SOCKET s = self->pair.s, peer = self->pair.peer;

	check(WSAAsyncSelect(s, self->queue, MESSAGE, FD_WRITE));
	check(WSAAsyncSelect(peer, self->queue, MESSAGE, FD_WRITE));
	check(closesocket(s));
	EXPECT_EQ(FD_WRITE, one_message(self->queue, peer, 0));
	EXPECT_EQ(0, one_message(self->queue, s, 0));
	check(WSAAsyncSelect(peer, self->queue, MESSAGE, FD_CLOSE));
	EXPECT_EQ(FD_CLOSE, one_message(self->queue, peer, SOON));
}

TEST_F(queue, stops_when_nothing_is_asked_for)
{
	SOCKET s = self->pair.s;

	check(WSAAsyncSelect(s, self->queue, MESSAGE, FD_READ));
	check(WSAAsyncSelect(s, NULL, 0, 0));
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_EQ(0, one_message(self->queue, s, QUIET));
}

static int run_get(void *arg)
{
	struct winsock_message message;

	return or_error(winsock_get_message(arg, &message, WSA_INFINITE));
}

TEST_F(queue, wakes_who_waits)
{
	struct waiter waiter;

	waiter_start(&waiter, run_get, self->queue);
	check(WSAAsyncSelect(self->pair.s, self->queue, MESSAGE, FD_WRITE));
	EXPECT_EQ(1, waiter_join(&waiter));
}

TEST_F(queue, fails_those_who_wait_when_it_is_closed)
{
	struct winsock_message message;
	struct waiter waiters[3];
	int i;

	check(WSAAsyncSelect(self->pair.s, self->queue, MESSAGE, FD_READ));
	for (i = 0; i < 3; i++)
		waiter_start(&waiters[i], run_get, self->queue);
	EXPECT_WORKS(winsock_close_queue(self->queue));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-WSAEINVAL, waiter_join(&waiters[i]));
	check(send(self->pair.peer, "x", 1, 0));
	usleep(QUIET * 1000);
	EXPECT_FAILS(WSAEINVAL, winsock_close_queue(self->queue));
	EXPECT_FAILS(WSAEINVAL, winsock_get_message(self->queue, &message, 0));
	EXPECT_FAILS(WSAEINVAL, WSAAsyncSelect(self->pair.s, self->queue,
					       MESSAGE, FD_READ));
	EXPECT_REFUSED(WSAEINVAL, winsock_queue_event(self->queue));
}

/* L3 */
TEST_F(queue, ends_in_time_signals_or_not)
{
	struct winsock_message message;
	struct signaller signaller;
	long before;

	signaller_start(&signaller, 20);
	before = now_ms();
	EXPECT_WORKS(winsock_get_message(self->queue, &message, 500));
	EXPECT_LE(500, now_ms() - before);
	EXPECT_GT(SOON, now_ms() - before);
	signaller_stop(&signaller);
	EXPECT_LT(0, signals_handled);
	EXPECT_FAILS(WSAEFAULT, winsock_get_message(self->queue, NULL, 0));
}

/* With messages in it, and between two others */
TEST_F(queue, is_one_of_many)
{
	HWND second = winsock_create_queue(), third = winsock_create_queue();
	struct winsock_message message;

	check(WSAAsyncSelect(self->pair.s, second, MESSAGE, FD_WRITE));
	EXPECT_TRUE(is_set(winsock_queue_event(second), SOON));
	EXPECT_WORKS(winsock_close_queue(second));
	EXPECT_FAILS(WSAEINVAL, winsock_get_message(second, &message, 0));
	check(WSAAsyncSelect(self->pair.s, third, MESSAGE, FD_WRITE));
	check(WSAAsyncSelect(self->pair.peer, self->queue, MESSAGE, FD_WRITE));
	EXPECT_EQ(FD_WRITE, one_message(third, self->pair.s, SOON));
	EXPECT_EQ(FD_WRITE, one_message(self->queue, self->pair.peer, SOON));
	EXPECT_WORKS(winsock_close_queue(self->queue));
	EXPECT_WORKS(winsock_close_queue(third));
}

/* L8 */
TEST_F(queue, is_empty_in_a_child)
{
	struct winsock_message message;
	pid_t pid;

	check(WSAAsyncSelect(self->pair.s, self->queue, MESSAGE, FD_WRITE));
	EXPECT_TRUE(is_set(winsock_queue_event(self->queue), SOON));
	pid = fork();
	if (!pid)
		_exit(is_set(winsock_queue_event(self->queue), 0) ||
		      winsock_get_message(self->queue, &message, 0));
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(FD_WRITE, one_message(self->queue, self->pair.s, SOON));
}

/* A stream that is no TCP is taken for connected. */
TEST_F(queue, reports_a_local_socket)
{
	int ends[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	check(WSAAsyncSelect(ends[0], self->queue, MESSAGE, FD_READ | FD_CLOSE));
	check(write(ends[1], "x", 1));
	EXPECT_EQ(FD_READ, one_message(self->queue, ends[0], SOON));
}

/* The connection was over when it was selected. */
TEST_F(queue, reports_a_connection_that_is_over)
{
	SOCKET s = self->pair.s;

	set_linger(self->pair.peer, 1, 0);
	check(closesocket(self->pair.peer));
	wait_for(s, POLLHUP);
	check(WSAAsyncSelect(s, self->queue, MESSAGE, FD_READ | FD_CLOSE));
	EXPECT_EQ(WSAMAKESELECTREPLY(FD_CLOSE, WSAECONNABORTED),
		  one_message(self->queue, s, SOON));
}

TEST_HARNESS_MAIN
