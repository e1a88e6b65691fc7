// SPDX-License-Identifier: LGPL-2.1-or-later
/* winsock_close_deadline() and its outcomes. */
#include <sys/wait.h>

#include "suite.h"
#include "waiter.h"
/* After <winsock2.h>, which has the same structure. */
#include <linux/winsock.h>

#define COOKIE		0x123456789abcdef0ULL
#define FAR_MS		(LONG_TIME * 1000)
#define NEAR_MS		400

FIXTURE(deadline) {
	struct pair pair;
	WSAEVENT outcomes;
};

FIXTURE_VARIANT(deadline) {
	int family;
	bool nonblocking;
	int linger;
};

FIXTURE_VARIANT_ADD(deadline, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(deadline, ipv6_nonblocking_linger) {
	.family = AF_INET6, .nonblocking = true, .linger = LONG_TIME
};

FIXTURE_SETUP(deadline)
{
	start();
	open_pair(&self->pair, variant->family);
	set_nonblocking(self->pair.s, variant->nonblocking);
	set_linger(self->pair.s, variant->linger != 0, variant->linger);
	self->outcomes = winsock_create_outcomes();
	ASSERT_NE(WSA_INVALID_EVENT, self->outcomes);
}

FIXTURE_TEARDOWN(deadline)
{
	WSACleanup();
}

static struct winsock_outcome
expect_outcome(struct __test_metadata *_metadata, WSAEVENT outcomes,
	       enum winsock_result result)
{
	struct winsock_outcome got = { 0 };

	EXPECT_TRUE(is_set(outcomes, AT_ONCE_MS));
	EXPECT_EQ(1, check(winsock_get_outcome(outcomes, &got)));
	EXPECT_EQ(result, got.result);
	EXPECT_EQ(COOKIE, got.cookie);
	EXPECT_FALSE(is_set(outcomes, 0));
	return got;
}

/* L28, T1 */
TEST_F(deadline, nothing_to_deliver_is_delivered_at_once)
{
	EXPECT_WORKS(winsock_close_deadline(self->pair.s, FAR_MS, self->outcomes,
					    COOKIE));
	EXPECT_FALSE(is_open(self->pair.s));
	EXPECT_TRUE(is_set(self->outcomes, 0));
	expect_outcome(_metadata, self->outcomes, WINSOCK_DELIVERED);
	EXPECT_EQ(0, drain(self->pair.peer));
}

/* L28, T2, T5 */
TEST_F(deadline, delivers_in_the_background)
{
	struct winsock_outcome got;
	long sent = fill(self->pair.s);

	EXPECT_WORKS(winsock_close_deadline(self->pair.s, FAR_MS, self->outcomes,
					    COOKIE));
	EXPECT_FALSE(is_open(self->pair.s));
	EXPECT_FALSE(is_set(self->outcomes, QUIET));
	EXPECT_WORKS(winsock_get_outcome(self->outcomes, &got));
	EXPECT_EQ(0, winsock_get_outcome(self->outcomes, &got));
	EXPECT_EQ(sent, drain(self->pair.peer));
	got = expect_outcome(_metadata, self->outcomes, WINSOCK_DELIVERED);
	EXPECT_EQ(0, got.unacked);
	EXPECT_LE(QUIET * 1000000ULL, got.nsec);
}

/* L28, T3 */
TEST_F(deadline, resets_when_the_time_is_over)
{
	long sent = fill(self->pair.s), before = now_ms();
	struct winsock_outcome got;

	EXPECT_WORKS(winsock_close_deadline(self->pair.s, NEAR_MS, self->outcomes,
					    COOKIE));
	got = expect_outcome(_metadata, self->outcomes, WINSOCK_DEADLINE_RESET);
	EXPECT_LE(NEAR_MS, now_ms() - before);
	EXPECT_LE(NEAR_MS * 1000000ULL, got.nsec);
	EXPECT_LT(0, got.unacked);
	EXPECT_GT(sent, got.unacked);
	EXPECT_EQ(-WSAECONNRESET, drain(self->pair.peer));
}

/* L28, T4 */
TEST_F(deadline, reports_that_the_peer_reset)
{
	fill(self->pair.s);
	EXPECT_WORKS(winsock_close_deadline(self->pair.s, FAR_MS, self->outcomes,
					    COOKIE));
	set_linger(self->pair.peer, 1, 0);
	EXPECT_WORKS(closesocket(self->pair.peer));
	expect_outcome(_metadata, self->outcomes, WINSOCK_PEER_RESET);
}

/* L28: no outcome is wanted */
TEST_F(deadline, needs_no_outcomes)
{
	fill(self->pair.s);
	EXPECT_WORKS(winsock_close_deadline(self->pair.s, NEAR_MS,
					    WSA_INVALID_EVENT, COOKIE));
	EXPECT_FALSE(is_open(self->pair.s));
	/* Nothing but the reset. */
	wait_for(self->pair.peer, 0);
	EXPECT_EQ(-WSAECONNRESET, drain(self->pair.peer));
	EXPECT_FALSE(is_set(self->outcomes, 0));
}

/* L28, T6 */
TEST_F(deadline, takes_what_is_not_connected)
{
	SOCKET s[] = {
		open_socket(variant->family, SOCK_STREAM),
		open_socket(variant->family, SOCK_DGRAM),
		open_listener(variant->family),
		open_socket(AF_UNIX, SOCK_STREAM),
		native_socket(variant->family, SOCK_STREAM),
	};
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_WORKS(winsock_close_deadline(s[i], 1, self->outcomes, COOKIE));
		EXPECT_FALSE(is_open(s[i]));
		expect_outcome(_metadata, self->outcomes, WINSOCK_NOT_CONNECTED);
	}
}

/* L28, T7 */
TEST_F(deadline, a_duplicate_keeps_the_connection)
{
	SOCKET copy = check(dup((int)self->pair.s));

	EXPECT_WORKS(winsock_close_deadline(self->pair.s, 1, self->outcomes, COOKIE));
	expect_outcome(_metadata, self->outcomes, WINSOCK_STILL_SHARED);
	usleep(20000);
	EXPECT_EQ(1, send(copy, "", 1, 0));
	EXPECT_WORKS(closesocket(copy));
	EXPECT_EQ(1, drain(self->pair.peer));
}

/* L28, G4 */
TEST_F(deadline, what_is_no_socket_stays_open)
{
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	check(winsock_close_deadline(s, 1, WSA_INVALID_EVENT, 0));
	EXPECT_FAILS(WSAENOTSOCK, winsock_close_deadline(s, 1, WSA_INVALID_EVENT, 0));
	EXPECT_FAILS(WSAENOTSOCK, winsock_close_deadline(INVALID_SOCKET, 1,
							 self->outcomes, 0));
	EXPECT_FAILS(WSAENOTSOCK, winsock_close_deadline(ends[0], 1,
							 self->outcomes, 0));
	EXPECT_TRUE(is_open(ends[0]));
	/* The socket comes first (L19). */
	EXPECT_FAILS(WSAENOTSOCK, winsock_close_deadline(ends[0], 0,
							 WSA_INVALID_EVENT, 0));
	EXPECT_FAILS(WSAENOTSOCK, winsock_close_deadline(s, 1, (WSAEVENT)4711, 0));
	EXPECT_FALSE(is_set(self->outcomes, 0));
}

/* L28, T8 */
TEST_F(deadline, the_time_has_bounds)
{
	long sent = fill(self->pair.s);

	EXPECT_FAILS(WSAEINVAL, winsock_close_deadline(self->pair.s, 0,
						       self->outcomes, 0));
	EXPECT_FAILS(WSAEINVAL, winsock_close_deadline(self->pair.s, 65535001,
						       self->outcomes, 0));
	EXPECT_FAILS(WSAEINVAL, winsock_close_deadline(self->pair.s, 0xffffffff,
						       WSA_INVALID_EVENT, 0));
	EXPECT_TRUE(is_open(self->pair.s));
	EXPECT_WORKS(winsock_close_deadline(self->pair.s, 65535000,
					    self->outcomes, COOKIE));
	EXPECT_EQ(sent, drain(self->pair.peer));
	expect_outcome(_metadata, self->outcomes, WINSOCK_DELIVERED);
}

/* L29: what the library would read from, or close, is what it has made. */
TEST_F(deadline, no_other_file_is_taken_for_outcomes)
{
	struct winsock_outcome got;
	WSAEVENT others[6];
	int ends[2], i;

	ASSERT_EQ(0, pipe(ends));
	check(fcntl(ends[0], F_SETFL, O_NONBLOCK));
	ASSERT_EQ(1, write(ends[1], "x", 1));
	others[0] = WSACreateEvent();
	others[1] = (WSAEVENT)(intptr_t)ends[0];
	others[2] = (WSAEVENT)self->pair.s;
	others[3] = (WSAEVENT)4711;
	others[4] = (WSAEVENT)(intptr_t)-1;
	/* Not nonblocking, as the library's own is. */
	others[5] = (WSAEVENT)(intptr_t)check(open(WINSOCK_DEVICE, O_RDWR));

	for (i = 0; i < 6; i++) {
		EXPECT_FAILS(WSA_INVALID_HANDLE,
			     winsock_close_deadline(self->pair.s, 1, others[i], 0));
		EXPECT_FAILS(WSA_INVALID_HANDLE, winsock_get_outcome(others[i], &got));
		EXPECT_FAILS(WSA_INVALID_HANDLE, winsock_close_outcomes(others[i]));
	}
	EXPECT_FAILS(WSA_INVALID_HANDLE, winsock_get_outcome(NULL, &got));
	EXPECT_FAILS(WSA_INVALID_HANDLE, winsock_close_outcomes(NULL));
	EXPECT_TRUE(is_open(self->pair.s));
	EXPECT_EQ(1, read(ends[0], &got, sizeof(got)));
	EXPECT_TRUE(is_open(WINSOCK_EVENT_FD(others[5])));
}

/* L29: it is set by what is in it, and closed by its own function. */
TEST_F(deadline, outcomes_are_no_event_of_the_program)
{
	EXPECT_FALSE(WSASetEvent(self->outcomes));
	EXPECT_EQ(WSA_INVALID_HANDLE, WSAGetLastError());
	EXPECT_FALSE(WSAResetEvent(self->outcomes));
	EXPECT_FALSE(WSACloseEvent(self->outcomes));
	EXPECT_EQ(SOCKET_ERROR, WSAEventSelect(self->pair.s, self->outcomes, FD_READ));
	EXPECT_TRUE(is_open(WINSOCK_EVENT_FD(self->outcomes)));
	EXPECT_WORKS(winsock_close_outcomes(self->outcomes));
	EXPECT_FALSE(is_open(WINSOCK_EVENT_FD(self->outcomes)));
	EXPECT_FAILS(WSA_INVALID_HANDLE, winsock_close_outcomes(self->outcomes));
}

/* L29, T10 */
TEST_F(deadline, outcomes_come_one_at_a_time)
{
	struct winsock_outcome got;
	WSAEVENT events[] = { WSACreateEvent(), self->outcomes };
	WSAEVENT second = winsock_create_outcomes();
	uint64_t i;

	for (i = 1; i <= 3; i++)
		check(winsock_close_deadline(open_socket(AF_INET, SOCK_STREAM), 1,
					     self->outcomes, i));
	EXPECT_EQ(WSA_WAIT_EVENT_0 + 1,
		  WSAWaitForMultipleEvents(2, events, FALSE, WSA_INFINITE, FALSE));
	EXPECT_FAILS(WSAEFAULT, winsock_get_outcome(self->outcomes, NULL));
	EXPECT_FAILS(WSAEFAULT, winsock_get_outcome(self->outcomes, (void *)1));
	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(1, check(winsock_get_outcome(self->outcomes, &got)));
		EXPECT_EQ(i, got.cookie);
	}
	EXPECT_WORKS(winsock_get_outcome(self->outcomes, &got));
	EXPECT_EQ(0, winsock_get_outcome(self->outcomes, &got));
	EXPECT_EQ(0, winsock_get_outcome(second, &got));
}

/* L29: as WSAEVENTs are, and never WSA_INVALID_EVENT. */
TEST_F(deadline, outcomes_are_not_inherited_by_exec)
{
	WSAEVENT outcomes;

	EXPECT_EQ(FD_CLOEXEC, fcntl(WINSOCK_EVENT_FD(self->outcomes), F_GETFD));
	ASSERT_EQ(0, close(0));
	outcomes = winsock_create_outcomes();
	EXPECT_NE(WSA_INVALID_EVENT, outcomes);
	EXPECT_EQ(FD_CLOEXEC, fcntl(WINSOCK_EVENT_FD(outcomes), F_GETFD));
	EXPECT_FALSE(is_open(0));
}

/* L28, P9 */
TEST_F(deadline, no_event_is_recorded_afterwards)
{
	WSAEVENT event = WSACreateEvent();
	SOCKET s = self->pair.s, next;
	WSANETWORKEVENTS got;

	check(WSAEventSelect(s, event, FD_READ | FD_CLOSE));
	fill(s);
	check(winsock_close_deadline(s, FAR_MS, self->outcomes, COOKIE));
	set_linger(self->pair.peer, 1, 0);
	check(closesocket(self->pair.peer));
	expect_outcome(_metadata, self->outcomes, WINSOCK_PEER_RESET);
	EXPECT_FALSE(is_set(event, QUIET));

	/* Nor for the next socket with this descriptor. */
	next = open_socket(AF_INET, SOCK_STREAM);
	ASSERT_EQ((int)s, dup2((int)next, (int)s));
	check(WSAEnumNetworkEvents(s, NULL, &got));
	EXPECT_EQ(0, got.lNetworkEvents);
}

/* L28, P9, I3: a failure leaves the selection as it was. */
TEST_F(deadline, a_failure_keeps_the_selection)
{
	WSAEVENT event = WSACreateEvent();

	check(WSAEventSelect(self->pair.s, event, FD_READ));
	EXPECT_FAILS(WSAEINVAL, winsock_close_deadline(self->pair.s, 0,
						       self->outcomes, 0));
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_TRUE(is_set(event, AT_ONCE_MS));
}

/* L28, P8: and the requests are no share of the socket. */
TEST_F(deadline, overlapped_requests_are_cancelled)
{
	WSAEVENT event = WSACreateEvent();
	WSAOVERLAPPED in = { .hEvent = event }, out = { .hEvent = NULL };
	static char data[1 << 22];
	char byte;
	WSABUF room = { .buf = &byte, .len = 1 };
	WSABUF much = { .buf = data, .len = sizeof(data) };
	DWORD flags = 0, n;

	EXPECT_FAILS(WSA_IO_PENDING,
		     WSARecv(self->pair.s, &room, 1, NULL, &flags, &in, NULL));
	EXPECT_FAILS(WSA_IO_PENDING,
		     WSASend(self->pair.s, &much, 1, NULL, 0, &out, NULL));
	EXPECT_WORKS(winsock_close_deadline(self->pair.s, NEAR_MS, self->outcomes,
					    COOKIE));
	EXPECT_FALSE(WSAGetOverlappedResult(self->pair.s, &in, &n, FALSE, &flags));
	EXPECT_EQ(WSA_OPERATION_ABORTED, WSAGetLastError());
	EXPECT_FALSE(WSAGetOverlappedResult(self->pair.s, &out, &n, FALSE, &flags));
	EXPECT_EQ(WSA_OPERATION_ABORTED, WSAGetLastError());
	EXPECT_FALSE(is_set(event, 0));
	expect_outcome(_metadata, self->outcomes, WINSOCK_DEADLINE_RESET);
}

/* L28, P2 */
TEST_F(deadline, a_pending_recv_is_aborted)
{
	struct waiter waiter;

	set_nonblocking(self->pair.s, false);
	waiter_start_asleep(&waiter, recv_from, &self->pair.s);
	EXPECT_WORKS(winsock_close_deadline(self->pair.s, FAR_MS, self->outcomes,
					    COOKIE));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&waiter));
	expect_outcome(_metadata, self->outcomes, WINSOCK_DELIVERED);
}

/* L30: the closes continue, and the outcomes are there after a new start. */
TEST_F(deadline, cleanup_does_not_stop_it)
{
	struct winsock_outcome got;
	long sent = fill(self->pair.s);
	SOCKET peer = check(dup((int)self->pair.peer));

	check(winsock_close_deadline(self->pair.s, FAR_MS, self->outcomes, COOKIE));
	check(WSACleanup());
	EXPECT_FAILS(WSANOTINITIALISED, winsock_get_outcome(self->outcomes, &got));
	EXPECT_FAILS(WSANOTINITIALISED, winsock_close_outcomes(self->outcomes));
	EXPECT_FAILS(WSANOTINITIALISED,
		     winsock_close_deadline(peer, 0, (WSAEVENT)4711, 0));
	EXPECT_EQ(WSA_INVALID_EVENT, winsock_create_outcomes());
	EXPECT_EQ(WSANOTINITIALISED, WSAGetLastError());
	start();
	EXPECT_EQ(sent, drain(peer));
	expect_outcome(_metadata, self->outcomes, WINSOCK_DELIVERED);
}

/* L30, L8: parent and child take from the same. */
TEST_F(deadline, a_child_can_get_the_outcome)
{
	long sent = fill(self->pair.s);
	struct winsock_outcome got;
	pid_t pid;

	check(winsock_close_deadline(self->pair.s, FAR_MS, self->outcomes, COOKIE));
	pid = fork();
	if (!pid)
		_exit(!is_set(self->outcomes, FAR_MS) ||
		      winsock_get_outcome(self->outcomes, &got) != 1 ||
		      got.cookie != COOKIE);
	EXPECT_EQ(sent, drain(self->pair.peer));
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(0, winsock_get_outcome(self->outcomes, &got));
}

/* L28: an ABI before version 3 does not know the request. */
TEST_F(deadline, an_old_module_refuses_it)
{
	fake_answer(SYS_ioctl, 1, WINSOCK_IOC_CLOSE_DEADLINE, ENOTTY);
	EXPECT_FAILS(WSAEOPNOTSUPP, winsock_close_deadline(self->pair.s, 1,
							   WSA_INVALID_EVENT, 0));
	EXPECT_TRUE(is_open(self->pair.s));
	EXPECT_WORKS(closesocket(self->pair.s));
}

/* L29: the version that is not written is 0. */
TEST_F(deadline, an_old_module_has_no_outcomes)
{
	int before = count_descriptors();

	fake_answer(SYS_ioctl, 1, WINSOCK_IOC_VERSION, 0);
	EXPECT_EQ(WSA_INVALID_EVENT, winsock_create_outcomes());
	EXPECT_EQ(WSAEOPNOTSUPP, WSAGetLastError());
	EXPECT_EQ(before, count_descriptors());
}

/* L28, T8: the module's own limits */
TEST_F(deadline, at_the_limit_nothing_has_changed)
{
	fake_answer(SYS_ioctl, 1, WINSOCK_IOC_CLOSE_DEADLINE, ENOBUFS);
	EXPECT_FAILS(WSAENOBUFS, winsock_close_deadline(self->pair.s, 1,
							self->outcomes, 0));
	EXPECT_TRUE(is_open(self->pair.s));
	EXPECT_EQ(1, send(self->pair.s, "", 1, 0));
}

TEST_HARNESS_MAIN
