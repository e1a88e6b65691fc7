// SPDX-License-Identifier: GPL-2.0
/* Overlapped requests: WSASend(), WSARecv() and what becomes of them. */
#include <sys/wait.h>

#include "request.h"
#include "suite.h"
#include "waiter.h"

#define BIG	(8 << 20)

#define EXPECT_PENDING(call)	EXPECT_FAILS(WSA_IO_PENDING, call)

static int receive(SOCKET s, struct request *r,
		   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	return WSARecv(s, &r->buf, 1, &r->bytes, &r->flags, &r->ov, routine);
}

static int transmit(SOCKET s, struct request *r,
		    LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
	return WSASend(s, &r->buf, 1, &r->bytes, 0, &r->ov, routine);
}

FIXTURE(request) {
	struct pair pair;
	WSAEVENT events[3];
	struct request r[3];
};

FIXTURE_VARIANT(request) {
	int family;
	bool nonblocking;
};

FIXTURE_VARIANT_ADD(request, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(request, ipv6) { .family = AF_INET6 };
FIXTURE_VARIANT_ADD(request, nonblocking) {
	.family = AF_INET, .nonblocking = true
};

FIXTURE_SETUP(request)
{
	int i;

	start();
	open_pair(&self->pair, variant->family);
	set_nonblocking(self->pair.s, variant->nonblocking);
	for (i = 0; i < 3; i++) {
		self->events[i] = WSACreateEvent();
		request_init(&self->r[i], self->events[i], 8);
	}
}

FIXTURE_TEARDOWN(request)
{
	WSACleanup();
}

TEST_F(request, that_can_be_met_is_at_once)
{
	say(self->pair.peer, "four");
	wait_for(self->pair.s, POLLIN);
	EXPECT_CLEAR(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_EQ(4, self->r[0].bytes);
	EXPECT_TRUE(is_set(self->events[0], 0));
	EXPECT_TRUE(HasOverlappedIoCompleted(&self->r[0].ov));
	EXPECT_EQ(4, outcome(self->pair.s, &self->r[0]));
	EXPECT_EQ(0, memcmp(self->r[0].data, "four", 4));

	strcpy(self->r[1].data, "12345678");
	EXPECT_CLEAR(transmit(self->pair.s, &self->r[1], NULL));
	EXPECT_EQ(8, self->r[1].bytes);
	EXPECT_TRUE(is_set(self->events[1], 0));
	EXPECT_EQ(8, recv(self->pair.peer, self->r[2].data, 64, 0));
}

TEST_F(request, waits_for_bytes_and_sets_its_event)
{
	DWORD bytes = 4711, flags = 4711;

	WSASetEvent(self->events[0]);
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_FALSE(is_set(self->events[0], QUIET));
	EXPECT_FALSE(HasOverlappedIoCompleted(&self->r[0].ov));
	EXPECT_REFUSED(WSA_IO_INCOMPLETE,
		       WSAGetOverlappedResult(self->pair.s, &self->r[0].ov,
					      &bytes, FALSE, &flags));
	EXPECT_EQ(4711, bytes);
	say(self->pair.peer, "hello");
	EXPECT_TRUE(is_set(self->events[0], AT_ONCE_MS));
	EXPECT_TRUE(WSAGetOverlappedResult(self->pair.s, &self->r[0].ov, &bytes,
					   FALSE, &flags));
	EXPECT_EQ(5, bytes);
	EXPECT_EQ(0, flags);
	EXPECT_EQ(0, memcmp(self->r[0].data, "hello", 5));
}

/* L25: the end, and not what the peer sends a moment later */
TEST_F(request, that_waits_to_receive_ends_with_the_own_shutdown)
{
	struct pair pair;
	int i, round;

	for (round = 0; round < 20; round++) {
		open_pair(&pair, variant->family);
		for (i = 0; i < 2; i++)
			EXPECT_PENDING(receive(pair.s, &self->r[i], NULL));
		EXPECT_WORKS(shutdown(pair.s, SD_RECEIVE));
		say(pair.peer, "hello");
		for (i = 0; i < 2; i++) {
			EXPECT_TRUE(HasOverlappedIoCompleted(&self->r[i].ov));
			EXPECT_EQ(0, outcome(pair.s, &self->r[i]));
		}
		EXPECT_WORKS(closesocket(pair.s));
		EXPECT_WORKS(closesocket(pair.peer));
	}
}

static long cpu_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

TEST_F(request, waits_without_running_in_circles)
{
	long before;

	self->r[0].flags = MSG_DONTWAIT;
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_FALSE(is_set(self->events[0], QUIET));
	before = cpu_ms();
	EXPECT_FALSE(is_set(self->events[0], 1000));
	EXPECT_GT(500, cpu_ms() - before);
}

TEST_F(request, buffers_are_filled_in_the_order_of_the_calls)
{
	int i;

	for (i = 0; i < 3; i++) {
		self->r[i].buf.len = 4;
		EXPECT_PENDING(receive(self->pair.s, &self->r[i], NULL));
	}
	say(self->pair.peer, "aaaabbbbcccc");
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(4, outcome(self->pair.s, &self->r[i]));
		EXPECT_EQ('a' + i, self->r[i].data[0]);
		EXPECT_EQ('a' + i, self->r[i].data[3]);
	}
}

TEST_F(request, a_later_one_does_not_overtake)
{
	self->r[0].buf.len = 4;
	self->r[0].flags = MSG_WAITALL;
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	say(self->pair.peer, "aa");
	usleep(QUIET * 1000);
	/* what is there already belongs to the first */
	EXPECT_PENDING(receive(self->pair.s, &self->r[1], NULL));
	EXPECT_FALSE(HasOverlappedIoCompleted(&self->r[0].ov));
	say(self->pair.peer, "aabb");
	EXPECT_EQ(4, outcome(self->pair.s, &self->r[0]));
	EXPECT_EQ(0, memcmp(self->r[0].data, "aaaa", 4));
	EXPECT_EQ(2, outcome(self->pair.s, &self->r[1]));
	EXPECT_EQ(0, memcmp(self->r[1].data, "bb", 2));
}

TEST_F(request, ends_with_nothing_at_the_end_of_file)
{
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_PENDING(receive(self->pair.s, &self->r[1], NULL));
	check(shutdown(self->pair.peer, SD_SEND));
	EXPECT_EQ(0, outcome(self->pair.s, &self->r[0]));
	EXPECT_EQ(0, outcome(self->pair.s, &self->r[1]));
}

/* R1 */
TEST_F(request, ends_with_the_reset)
{
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	set_linger(self->pair.peer, 1, 0);
	EXPECT_WORKS(closesocket(self->pair.peer));
	EXPECT_TRUE(is_set(self->events[0], AT_ONCE_MS));
	EXPECT_EQ(-WSAECONNRESET, outcome(self->pair.s, &self->r[0]));
}

/* All of it or an error: a send does not end with a part. */
TEST_F(request, to_send_ends_when_everything_is_sent)
{
	char *data = malloc(2 * BIG);
	struct drainer drainer;
	WSABUF buf[3] = {
		{ .buf = data, .len = 1000 },
		{ .buf = data + 1000, .len = 0 },
		{ .buf = data + 1000, .len = BIG - 1000 },
	};

	make_pattern(data, 0, 2 * BIG);
	EXPECT_PENDING(WSASend(self->pair.s, buf, 3, NULL, 0, &self->r[0].ov,
			       NULL));
	memset(buf, 0, sizeof(buf));	/* the array is the program's again */
	self->r[1].buf = (WSABUF) { .buf = data + BIG, .len = BIG };
	EXPECT_PENDING(transmit(self->pair.s, &self->r[1], NULL));
	EXPECT_FALSE(is_set(self->events[0], QUIET));

	drainer_start(&drainer, self->pair.peer, 0);
	EXPECT_EQ(BIG, outcome(self->pair.s, &self->r[0]));
	EXPECT_EQ(BIG, outcome(self->pair.s, &self->r[1]));
	EXPECT_TRUE(is_set(self->events[1], AT_ONCE_MS));
	EXPECT_WORKS(closesocket(self->pair.s));
	EXPECT_EQ(2 * BIG, drainer_join(&drainer));
	free(data);
}

/* What the routines of a test were called with. */
static __thread struct {
	int calls;
	DWORD error;
	DWORD bytes;
	LPWSAOVERLAPPED ov[8];
} told;

static void routine(DWORD error, DWORD bytes, LPWSAOVERLAPPED ov, DWORD flags)
{
	told.error = error;
	told.bytes = bytes;
	told.ov[told.calls++ % 8] = ov;
}

static DWORD alertable_wait(WSAEVENT event, DWORD timeout)
{
	return WSAWaitForMultipleEvents(1, &event, FALSE, timeout, TRUE);
}

TEST_F(request, routines_run_in_an_alertable_wait)
{
	WSAEVENT never = self->events[2];

	EXPECT_PENDING(receive(self->pair.s, &self->r[0], routine));
	say(self->pair.peer, "hello");
	while (!HasOverlappedIoCompleted(&self->r[0].ov))
		usleep(1000);
	EXPECT_FALSE(is_set(never, QUIET));
	EXPECT_EQ(0, told.calls);
	EXPECT_EQ(WSA_WAIT_IO_COMPLETION, alertable_wait(never, AT_ONCE_MS));
	EXPECT_EQ(1, told.calls);
	EXPECT_EQ(0, told.error);
	EXPECT_EQ(5, told.bytes);
	EXPECT_EQ(&self->r[0].ov, told.ov[0]);
	EXPECT_EQ(WSA_WAIT_TIMEOUT, alertable_wait(never, QUIET));
	EXPECT_EQ(1, told.calls);
	/* hEvent is the program's own with a routine */
	EXPECT_FALSE(is_set(self->events[0], 0));

	/* one that is met at once has its routine run all the same */
	strcpy(self->r[1].data, "12345678");
	EXPECT_CLEAR(transmit(self->pair.s, &self->r[1], routine));
	EXPECT_EQ(1, told.calls);
	EXPECT_EQ(WSA_WAIT_IO_COMPLETION, alertable_wait(never, AT_ONCE_MS));
	EXPECT_EQ(2, told.calls);
	EXPECT_EQ(8, told.bytes);
}

TEST_F(request, a_routine_interrupts_the_wait)
{
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], routine));
	set_linger(self->pair.peer, 1, 0);
	EXPECT_WORKS(closesocket(self->pair.peer));
	EXPECT_EQ(WSA_WAIT_IO_COMPLETION,
		  alertable_wait(self->events[2], WSA_INFINITE));
	EXPECT_EQ(1, told.calls);
	EXPECT_EQ(WSAECONNRESET, told.error);
}

static int receive_and_end(void *arg)
{
	struct request *r = arg;

	return or_error(receive(r->bytes, r, NULL));
}

TEST_F(request, outlives_its_thread)
{
	struct waiter w;

	self->r[0].bytes = self->pair.s;
	waiter_run(&w, receive_and_end, &self->r[0]);
	EXPECT_EQ(-WSA_IO_PENDING, waiter_join(&w));
	say(self->pair.peer, "hello");
	EXPECT_TRUE(is_set(self->events[0], AT_ONCE_MS));
	EXPECT_EQ(5, outcome(self->pair.s, &self->r[0]));
}

static int receive_and_never_look(void *arg)
{
	struct request *r = arg;

	return or_error(receive(r[0].bytes, &r[0], routine)) ?:
	       or_error(receive(r[1].bytes, &r[1], routine));
}

/* Its routines do not: neither one that is to run nor one that is to come. */
TEST_F(request, loses_its_routine_with_its_thread)
{
	struct waiter w;
	int before;

	EXPECT_PENDING(receive(self->pair.peer, &self->r[2], NULL));
	before = count_descriptors();
	self->r[0].bytes = self->pair.s;
	self->r[1].bytes = self->pair.s;
	say(self->pair.peer, "12345678");
	wait_for(self->pair.s, POLLIN);
	waiter_run(&w, receive_and_never_look, self->r);
	EXPECT_EQ(-WSA_IO_PENDING, waiter_join(&w));
	EXPECT_TRUE(HasOverlappedIoCompleted(&self->r[0].ov));
	EXPECT_EQ(before, count_descriptors());
	say(self->pair.peer, "hello");
	EXPECT_EQ(5, outcome(self->pair.s, &self->r[1]));
	EXPECT_EQ(WSA_WAIT_TIMEOUT, alertable_wait(self->events[2], QUIET));
	EXPECT_EQ(0, told.calls);
}

/* L8: the child has none of its parent's routines to run. */
TEST_F(request, has_no_routine_in_a_child)
{
	WSAEVENT never = self->events[2];
	pid_t pid;

	say(self->pair.peer, "12345678");
	wait_for(self->pair.s, POLLIN);
	EXPECT_CLEAR(receive(self->pair.s, &self->r[0], routine));
	pid = fork();
	if (!pid)
		_exit(alertable_wait(never, QUIET) != WSA_WAIT_TIMEOUT ||
		      told.calls);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(WSA_WAIT_IO_COMPLETION, alertable_wait(never, AT_ONCE_MS));
	EXPECT_EQ(1, told.calls);
}

struct asked {
	SOCKET s;
	struct request *r;
};

static int wait_outcome(void *arg)
{
	struct asked *asked = arg;

	return outcome(asked->s, asked->r);
}

/* The socket has more to send than its peer takes. */
static void stall(SOCKET s, struct request *r, char *data)
{
	fill(s);
	r->buf = (WSABUF) { .buf = data, .len = BIG };
	if (transmit(s, r, NULL) != SOCKET_ERROR ||
	    WSAGetLastError() != WSA_IO_PENDING)
		errx(EXIT_FAILURE, "the send does not wait");
}

/* P8, P10 */
TEST_F(request, closesocket_aborts_all_of_them)
{
	struct asked asked = { self->pair.s, &self->r[0] };
	struct waiter waiter;
	char *data = calloc(1, BIG);
	struct request before[3];
	int i;

	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_PENDING(receive(self->pair.s, &self->r[1], routine));
	stall(self->pair.s, &self->r[2], data);
	waiter_run(&waiter, wait_outcome, &asked);
	usleep(QUIET * 1000);

	EXPECT_WORKS(closesocket(self->pair.s));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(HasOverlappedIoCompleted(&self->r[i].ov));
		EXPECT_EQ(-WSA_OPERATION_ABORTED,
			  outcome(self->pair.s, &self->r[i]));
		EXPECT_FALSE(is_set(self->events[i], 0));
	}
	EXPECT_EQ(-WSA_OPERATION_ABORTED, waiter_join(&waiter));
	EXPECT_EQ(WSA_WAIT_TIMEOUT, alertable_wait(self->events[0], QUIET));
	EXPECT_EQ(0, told.calls);

	/* the memory is the program's: nothing is written there */
	memset(self->r, 0x5a, sizeof(self->r));
	memcpy(before, self->r, sizeof(before));
	send(self->pair.peer, "late", 4, 0);
	free(data);
	usleep(QUIET * 1000);
	EXPECT_EQ(0, memcmp(before, self->r, sizeof(before)));
}

/* C4: the reset goes out although requests refer to the file */
TEST_F(request, closesocket_resets_as_its_row_says)
{
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	set_linger(self->pair.s, 1, 0);
	EXPECT_WORKS(closesocket(self->pair.s));
	EXPECT_EQ(-WSAECONNRESET, drain(self->pair.peer));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(self->pair.s, &self->r[0]));
}

/* C15, I1: a refusal cancels nothing; C18 then does */
TEST_F(request, a_refused_closesocket_cancels_nothing)
{
	char *data = calloc(1, BIG);
	int i;

	if (!variant->nonblocking)
		set_nonblocking(self->pair.s, true);
	stall(self->pair.s, &self->r[2], data);
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_PENDING(receive(self->pair.s, &self->r[1], NULL));
	set_linger(self->pair.s, 1, LONG_TIME);
	for (i = 0; i < 20; i++)
		EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->pair.s));
	say(self->pair.peer, "hello");
	EXPECT_TRUE(is_set(self->events[0], AT_ONCE_MS));
	EXPECT_EQ(5, outcome(self->pair.s, &self->r[0]));
	EXPECT_FALSE(HasOverlappedIoCompleted(&self->r[1].ov));
	EXPECT_FALSE(HasOverlappedIoCompleted(&self->r[2].ov));

	set_linger(self->pair.s, 1, 0);
	EXPECT_WORKS(closesocket(self->pair.s));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(self->pair.s, &self->r[1]));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(self->pair.s, &self->r[2]));
	EXPECT_FALSE(is_set(self->events[1], QUIET));
	free(data);
}

/* C8: it lingers for what was sent, not for its requests */
TEST_F(request, closesocket_lingers_as_its_row_says)
{
	struct drainer drainer;
	long sent;

	set_nonblocking(self->pair.s, false);
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	sent = fill(self->pair.s);
	set_linger(self->pair.s, 1, LONG_TIME);
	drainer_start(&drainer, self->pair.peer, 500);
	EXPECT_WORKS(closesocket(self->pair.s));
	EXPECT_EQ(sent, drainer_join(&drainer));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(self->pair.s, &self->r[0]));
}

/* G5: with another descriptor of this process they continue */
TEST_F(request, continues_while_another_descriptor_is_left)
{
	SOCKET other = check(dup(self->pair.s));

	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	self->r[1].buf.len = 4;
	EXPECT_PENDING(receive(self->pair.s, &self->r[1], NULL));
	usleep(QUIET * 1000);
	EXPECT_WORKS(closesocket(self->pair.s));
	EXPECT_FALSE(HasOverlappedIoCompleted(&self->r[0].ov));
	say(self->pair.peer, "hello");
	EXPECT_EQ(5, outcome(other, &self->r[0]));
	EXPECT_FALSE(HasOverlappedIoCompleted(&self->r[1].ov));
	EXPECT_WORKS(closesocket(other));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(other, &self->r[1]));
}

/* L8, G5: of another process's share they do not; its own requests are its own */
TEST_F(request, is_the_process_s_own)
{
	int asked[2];
	char c;
	pid_t pid;

	ASSERT_EQ(0, pipe(asked));
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	pid = fork();
	if (!pid) {
		struct request r;

		alarm(60);
		/* The parent's does not take what arrives. */
		request_init(&r, NULL, 8);
		if (receive(self->pair.s, &r, NULL) != SOCKET_ERROR ||
		    WSAGetLastError() != WSA_IO_PENDING)
			_exit(1);
		check(write(asked[1], "x", 1));
		if (outcome(self->pair.s, &r) != 5)
			_exit(2);
		if (closesocket(self->pair.s))
			_exit(3);
		_exit(0);
	}
	ASSERT_EQ(1, read(asked[0], &c, 1));
	usleep(QUIET * 1000);
	EXPECT_WORKS(closesocket(self->pair.s));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(self->pair.s, &self->r[0]));
	say(self->pair.peer, "hello");
	EXPECT_EQ(0, wait_child(pid));
}

/* L2 */
TEST_F(request, cleanup_aborts_all_of_them)
{
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	EXPECT_PENDING(receive(self->pair.s, &self->r[1], NULL));
	EXPECT_WORKS(WSACleanup());
	EXPECT_EQ(WSA_OPERATION_ABORTED, self->r[0].ov.Internal);
	EXPECT_EQ(WSA_OPERATION_ABORTED, self->r[1].ov.Internal);
	EXPECT_REFUSED(WSANOTINITIALISED,
		       WSAGetOverlappedResult(self->pair.s, &self->r[0].ov,
					      &self->r[0].bytes, FALSE,
					      &self->r[0].flags));

	start();
	open_pair(&self->pair, variant->family);
	EXPECT_PENDING(receive(self->pair.s, &self->r[0], NULL));
	say(self->pair.peer, "again");
	EXPECT_EQ(5, outcome(self->pair.s, &self->r[0]));
}

/* L1 */
TEST_F(request, bad_arguments_are_refused)
{
	struct request *r = &self->r[0];
	SOCKET s = self->pair.s;
	int file = check(open("/dev/null", O_RDWR));
	WSABUF many[1025] = { 0 };
	DWORD flags = 0;

	EXPECT_FAILS(WSAEFAULT, WSASend(s, NULL, 1, &r->bytes, 0, NULL, NULL));
	EXPECT_FAILS(WSAEFAULT, WSASend(s, &r->buf, 1, NULL, 0, NULL, NULL));
	EXPECT_FAILS(WSAEINVAL, WSASend(s, &r->buf, 0, &r->bytes, 0, NULL, NULL));
	EXPECT_FAILS(WSAEINVAL, WSASend(s, many, 1025, &r->bytes, 0, NULL, NULL));
	EXPECT_FAILS(WSAEINVAL, WSASend(s, &r->buf, 1, &r->bytes, 0, NULL,
					routine));
	EXPECT_FAILS(WSAEFAULT, WSARecv(s, &r->buf, 1, &r->bytes, NULL, NULL,
					NULL));
	EXPECT_FAILS(WSAEFAULT, WSARecv(s, &r->buf, 1, NULL, &flags, NULL,
					NULL));
	EXPECT_FAILS(WSAENOTSOCK, receive(file, r, NULL));
	EXPECT_TRUE(HasOverlappedIoCompleted(&r->ov));
	EXPECT_FAILS(WSAENOTSOCK, receive(99999, r, NULL));
	EXPECT_FAILS(WSAEFAULT, WSASendTo(s, &r->buf, 1, &r->bytes, 0,
					  (struct sockaddr *)many, sizeof(many),
					  NULL, NULL));
	EXPECT_FAILS(WSAENOTSOCK, WSARecv(file, &r->buf, 1, &r->bytes, &flags,
					  NULL, NULL));
	EXPECT_REFUSED(WSAEFAULT, WSAGetOverlappedResult(s, NULL, &r->bytes,
							 FALSE, &flags));
	EXPECT_REFUSED(WSAEFAULT, WSAGetOverlappedResult(s, &r->ov, NULL,
							 FALSE, &flags));
	/* L19 */
	EXPECT_FAILS(WSAEINVAL, WSARecv(s, NULL, 0, &r->bytes, &flags, NULL, NULL));
	EXPECT_FAILS(WSAENOTSOCK, WSASend(INVALID_SOCKET, NULL, 1, NULL, 0, NULL,
					  NULL));
	EXPECT_FAILS(WSAENOTSOCK, WSARecv(file, NULL, 0, NULL, NULL, NULL, NULL));
	r->ov.Internal = 0;
	r->ov.InternalHigh = 5;
	EXPECT_TRUE(WSAGetOverlappedResult(s, &r->ov, &r->bytes, FALSE, NULL));
	EXPECT_EQ(5, r->bytes);
	r->ov.Internal = WSA_STATUS_PENDING;
	EXPECT_REFUSED(WSAENOTSOCK, WSAGetOverlappedResult(file, &r->ov,
							   &r->bytes, FALSE,
							   &flags));
	r->ov.Internal = 0;
	check(shutdown(s, SD_RECEIVE));
	EXPECT_FAILS(WSAESHUTDOWN, receive(s, r, NULL));
	EXPECT_FALSE(is_set(self->events[0], 0));
}

FIXTURE(datagram) {
	SOCKET s;
	SOCKET peer;
	struct sockaddr_storage addr;
	socklen_t len;
	WSAEVENT event;
};

FIXTURE_VARIANT(datagram) {
	int family;
};

FIXTURE_VARIANT_ADD(datagram, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(datagram, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(datagram)
{
	start();
	self->len = loopback(variant->family, &self->addr);
	self->s = open_socket(variant->family, SOCK_DGRAM);
	check(bind(self->s, (struct sockaddr *)&self->addr, self->len));
	self->peer = open_socket(variant->family, SOCK_DGRAM);
	check(bind(self->peer, (struct sockaddr *)&self->addr, self->len));
	self->len = name_of(self->s, &self->addr);
	self->event = WSACreateEvent();
}

FIXTURE_TEARDOWN(datagram)
{
	WSACleanup();
}

TEST_F(datagram, reports_where_it_came_from)
{
	struct sockaddr_storage from = { 0 }, peer;
	int fromlen = sizeof(from);
	struct request in, out;

	request_init(&in, self->event, 64);
	request_init(&out, NULL, 5);
	strcpy(out.data, "hello");
	EXPECT_PENDING(WSARecvFrom(self->s, &in.buf, 1, NULL, &in.flags,
				   (struct sockaddr *)&from, &fromlen, &in.ov,
				   NULL));
	EXPECT_CLEAR(WSASendTo(self->peer, &out.buf, 1, &out.bytes, 0,
			       (struct sockaddr *)&self->addr, self->len,
			       &out.ov, NULL));
	EXPECT_EQ(5, out.bytes);
	EXPECT_EQ(5, outcome(self->s, &in));
	EXPECT_EQ(name_of(self->peer, &peer), fromlen);
	EXPECT_EQ(0, memcmp(&from, &peer, fromlen));
}

TEST_F(datagram, that_does_not_fit_fails_with_msgsize)
{
	DWORD bytes = 0, flags = 0;
	struct request in;

	request_init(&in, self->event, 4);
	EXPECT_PENDING(receive(self->s, &in, NULL));
	check(sendto(self->peer, "too long", 8, 0,
		     (struct sockaddr *)&self->addr, self->len));
	EXPECT_TRUE(is_set(self->event, AT_ONCE_MS));
	EXPECT_REFUSED(WSAEMSGSIZE,
		       WSAGetOverlappedResult(self->s, &in.ov, &bytes, FALSE,
					      &flags));
	EXPECT_EQ(4, bytes);
	EXPECT_EQ(MSG_PARTIAL, flags);
	EXPECT_EQ(0, memcmp(in.data, "too ", 4));
}

TEST_F(datagram, that_is_there_and_does_not_fit_fails_with_msgsize)
{
	struct request in;

	check(sendto(self->peer, "too long", 8, 0,
		     (struct sockaddr *)&self->addr, self->len));
	wait_for(self->s, POLLIN);
	request_init(&in, self->event, 4);
	EXPECT_FAILS(WSAEMSGSIZE, receive(self->s, &in, NULL));
	EXPECT_EQ(0, memcmp(in.data, "too ", 4));

	/* How long it is can be asked for. */
	check(sendto(self->peer, "too long", 8, 0,
		     (struct sockaddr *)&self->addr, self->len));
	wait_for(self->s, POLLIN);
	request_init(&in, self->event, 4);
	in.flags = MSG_TRUNC;
	EXPECT_CLEAR(receive(self->s, &in, NULL));
	EXPECT_EQ(8, in.bytes);
}

/* P8 */
TEST_F(datagram, closesocket_aborts_it)
{
	struct request in[2];
	int i;

	for (i = 0; i < 2; i++) {
		request_init(&in[i], self->event, 64);
		EXPECT_PENDING(receive(self->s, &in[i], NULL));
	}
	usleep(QUIET * 1000);
	EXPECT_WORKS(closesocket(self->s));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(self->s, &in[i]));
	EXPECT_FALSE(is_set(self->event, QUIET));
}

/* One that the module could not attach: the library cancels it by itself */
TEST_F(datagram, closesocket_aborts_it_on_a_socket_from_elsewhere)
{
	SOCKET s = native_socket(variant->family, SOCK_DGRAM);
	struct request in;

	request_init(&in, self->event, 64);
	bind_loopback(s, variant->family, NULL);
	EXPECT_PENDING(receive(s, &in, NULL));
	usleep(QUIET * 1000);
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(-WSA_OPERATION_ABORTED, outcome(s, &in));
	EXPECT_FALSE(is_set(self->event, QUIET));
}

TEST(pieces_are_gathered_and_scattered)
{
	char text[] = "abcdefghijklmnopqrstuvwxyz", got[27] = "";
	WSABUF out[26], in[3] = {
		{ .buf = got, .len = 1 },
		{ .buf = got + 1, .len = 24 },
		{ .buf = got + 25, .len = 2 },
	};
	DWORD bytes = 0, flags = 0;
	struct pair pair;
	int i;

	start();
	open_pair(&pair, AF_INET);
	for (i = 0; i < 26; i++)
		out[i] = (WSABUF) { .buf = text + i, .len = 1 };
	EXPECT_CLEAR(WSASend(pair.s, out, 26, &bytes, 0, NULL, NULL));
	EXPECT_EQ(26, bytes);
	wait_for(pair.peer, POLLIN);
	bytes = 0;
	EXPECT_CLEAR(WSARecv(pair.peer, in, 3, &bytes, &flags, NULL, NULL));
	EXPECT_EQ(26, bytes);
	EXPECT_STREQ(text, got);
	WSACleanup();
}

/* P2: without an OVERLAPPED the calls wait as recv() does */
static int receive_now(void *arg)
{
	struct request r;

	request_init(&r, NULL, 8);
	return or_error(WSARecv(*(SOCKET *)arg, &r.buf, 1, &r.bytes, &r.flags,
				NULL, NULL));
}

TEST(without_overlapped_closesocket_ends_the_call)
{
	struct waiter w;
	struct pair pair;

	start();
	open_pair(&pair, AF_INET);
	waiter_run(&w, receive_now, &pair.s);
	usleep(QUIET * 1000);
	EXPECT_WORKS(closesocket(pair.s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&w));
	WSACleanup();
}

TEST(where_io_uring_is_forbidden_the_rest_works)
{
	WSAEVENT event;
	struct request r;
	struct pair pair;

	start();
	forbid_call(SYS_io_uring_setup);
	open_pair(&pair, AF_INET);
	event = WSACreateEvent();
	request_init(&r, event, 8);
	say(pair.peer, "hello");
	wait_for(pair.s, POLLIN);
	EXPECT_FAILS(WSAEOPNOTSUPP, receive(pair.s, &r, NULL));
	EXPECT_FALSE(is_set(event, 0));
	EXPECT_TRUE(HasOverlappedIoCompleted(&r.ov));
	EXPECT_CLEAR(WSARecv(pair.s, &r.buf, 1, &r.bytes, &r.flags, NULL, NULL));
	EXPECT_EQ(5, r.bytes);
	EXPECT_WORKS(WSAEventSelect(pair.s, event, FD_READ));
	say(pair.peer, "hello");
	EXPECT_TRUE(is_set(event, AT_ONCE_MS));
	EXPECT_WORKS(closesocket(pair.s));
	EXPECT_WORKS(WSACleanup());
}

TEST(where_the_system_forbids_io_uring_a_request_fails)
{
	int fd = open("/proc/sys/kernel/io_uring_disabled", O_WRONLY);
	struct request r;
	struct pair pair;

	if (fd < 0)
		SKIP(return, "kernel: io_uring cannot be forbidden");
	start();
	open_pair(&pair, AF_INET);
	request_init(&r, NULL, 8);
	check(pwrite(fd, "2", 1, 0));
	EXPECT_FAILS(WSAEOPNOTSUPP, receive(pair.s, &r, NULL));
	check(pwrite(fd, "0", 1, 0));
	EXPECT_PENDING(receive(pair.s, &r, NULL));
	EXPECT_WORKS(WSACleanup());
}

TEST(nothing_is_left_open)
{
	struct request r[2];
	struct pair pair;
	WSAEVENT event;
	int before, i;

	before = count_descriptors();
	for (i = 0; i < 20; i++) {
		start();
		open_pair(&pair, AF_INET);
		event = WSACreateEvent();
		request_init(&r[0], event, 8);
		request_init(&r[1], event, 8);
		EXPECT_PENDING(receive(pair.s, &r[0], NULL));
		EXPECT_PENDING(receive(pair.s, &r[1], NULL));
		WSACloseEvent(event);
		EXPECT_WORKS(WSACleanup());
	}
	EXPECT_EQ(before, count_descriptors());
}

/*
 * The application has closed every descriptor that it did not know.  The helper may
 * have met the socket's before, or find it gone.
 */
static void lose_all_numbers(struct __test_metadata *_metadata, useconds_t after)
{
	struct request r;
	struct pair pair;

	start();
	open_pair(&pair, AF_INET);
	request_init(&r, NULL, 8);
	EXPECT_PENDING(receive(pair.s, &r, NULL));
	usleep(after);
	ASSERT_EQ(0, close_range(3, ~0U, 0));
	EXPECT_WORKS(WSACleanup());
	EXPECT_TRUE(r.ov.Internal == WSA_OPERATION_ABORTED ||
		    r.ov.Internal == WSAENOTSOCK);
	start();
	open_pair(&pair, AF_INET);
	say(pair.peer, "again");
	wait_for(pair.s, POLLIN);
	request_init(&r, NULL, 8);
	EXPECT_CLEAR(receive(pair.s, &r, NULL));
	WSACleanup();
}

TEST(closed_descriptors_are_left_alone)
{
	lose_all_numbers(_metadata, 0);
}

TEST(descriptors_closed_while_the_helper_slept_are_left_alone)
{
	lose_all_numbers(_metadata, QUIET * 1000);
}

/* P8, P10, I2: descriptors are reused at once, and no request reads from the new one */
#define STORM_ROUNDS	150

static bool hold_true(bool fact, const char *text)
{
	if (!fact)
		printf("# not so: %s\n", text);
	return fact;
}

#define holds(fact) hold_true(fact, #fact)

static bool is_aborted(struct request *r)
{
	return outcome(INVALID_SOCKET, r) == -WSA_OPERATION_ABORTED;
}

static int close_in_a_hurry(void *arg)
{
	char c = 'a' + (intptr_t)arg;
	struct request r[4];
	bool fine = true;
	struct pair pair;
	int round, i;

	for (round = 0; fine && round < STORM_ROUNDS; round++) {
		open_pair(&pair, AF_INET);
		for (i = 0; i < 4; i++) {
			request_init(&r[i], NULL, 8);
			receive(pair.s, &r[i], NULL);
			fine &= holds(WSAGetLastError() == WSA_IO_PENDING);
		}
		if (round & 1) {
			send(pair.peer, &c, 1, 0);
			fine &= holds(outcome(pair.s, &r[0]) == 1);
			fine &= holds(r[0].data[0] == c);
		}
		if (round & 2)
			set_linger(pair.s, 1, 0);
		fine &= holds(!closesocket(pair.s));
		for (i = round & 1; i < 4; i++)
			fine &= holds(is_aborted(&r[i]));
		memset(r, 0x5a, sizeof(r));
		send(pair.peer, &c, 1, 0);
		fine &= holds(!closesocket(pair.peer));
		for (i = 0; i < 4; i++)
			fine &= holds(r[i].data[0] == 0x5a &&
				      r[i].bytes == 0x5a5a5a5a);
	}
	return !fine;
}

TEST(closing_in_a_hurry)
{
	struct waiter w[4];
	intptr_t i;

	start();
	for (i = 0; i < 4; i++)
		waiter_run(&w[i], close_in_a_hurry, (void *)i);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, waiter_join(&w[i]));
	EXPECT_WORKS(WSACleanup());
}

/* L8: no lock is caught in the middle by fork */
static int keep_asking(void *arg)
{
	_Atomic bool *stop = arg;
	struct request r;
	struct pair pair;

	while (!*stop) {
		open_pair(&pair, AF_INET);
		request_init(&r, NULL, 8);
		receive(pair.s, &r, NULL);
		closesocket(pair.s);
		closesocket(pair.peer);
	}
	return 0;
}

TEST(fork_while_other_threads_ask)
{
	_Atomic bool stop = false;
	struct waiter w[2];
	int i;
	pid_t pid;

	start();
	for (i = 0; i < 2; i++)
		waiter_run(&w[i], keep_asking, (void *)&stop);
	for (i = 0; i < 50; i++) {
		pid = fork();
		if (!pid) {
			struct request r;
			struct pair pair;

			alarm(60);
			open_pair(&pair, AF_INET);
			request_init(&r, NULL, 8);
			if (receive(pair.s, &r, NULL) != SOCKET_ERROR)
				_exit(1);
			say(pair.peer, "hello");
			if (outcome(pair.s, &r) != 5)
				_exit(2);
			_exit(closesocket(pair.s) ? 3 : 0);
		}
		EXPECT_EQ(0, wait_child(pid));
	}
	stop = true;
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, waiter_join(&w[i]));
	EXPECT_WORKS(WSACleanup());
}

TEST_HARNESS_MAIN
