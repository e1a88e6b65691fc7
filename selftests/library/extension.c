// SPDX-License-Identifier: GPL-2.0
/* AcceptEx(), ConnectEx(), DisconnectEx(), WSARecvMsg(), WSASendMsg(). */
#include <mswsock.h>
#include <netinet/in.h>
#include <sys/wait.h>

#include "request.h"
#include "suite.h"
#include "waiter.h"

#define MANY	8

#define EXPECT_PENDING(call)	EXPECT_REFUSED(WSA_IO_PENDING, call)

/* With an event; @s becomes the connection. */
static void connection_init(struct request *r, SOCKET s)
{
	request_init(r, WSACreateEvent(), 0);
	r->s = s;
	memset(r->data, 0xcc, sizeof(r->data));
}

static BOOL accept_into(SOCKET listener, struct request *r, DWORD size)
{
	DWORD bytes = 0;

	return AcceptEx(listener, r->s, r->data, size, BLOCK, BLOCK, &bytes,
			&r->ov);
}

/* Of one that was cancelled: without its socket. */
static long status(const struct request *r)
{
	return HasOverlappedIoCompleted(&r->ov) ? (long)r->ov.Internal : -1;
}

static SOCKET dial(SOCKET listener, int family)
{
	SOCKET s = open_socket(family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	check(connect(s, (struct sockaddr *)&addr, len));
	return s;
}

/* Returns the error of a connection that the library resets, now or before that. */
static int dial_and_be_reset(SOCKET listener, int family)
{
	SOCKET s = open_socket(family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);
	char c;

	if (!connect(s, (struct sockaddr *)&addr, len) && recv(s, &c, 1, 0) >= 0)
		return 0;
	return WSAGetLastError();
}

FIXTURE(accepting) {
	SOCKET listener;
	struct request r;
};

FIXTURE_VARIANT(accepting) {
	int family;
	bool nonblocking;
};

FIXTURE_VARIANT_ADD(accepting, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(accepting, ipv6) { .family = AF_INET6 };
FIXTURE_VARIANT_ADD(accepting, nonblocking) {
	.family = AF_INET, .nonblocking = true
};

FIXTURE_SETUP(accepting)
{
	start();
	self->listener = open_listener(variant->family);
	set_nonblocking(self->listener, variant->nonblocking);
	connection_init(&self->r, open_socket(variant->family, SOCK_STREAM));
}

FIXTURE_TEARDOWN(accepting)
{
	WSACleanup();
}

/* Both ends can be closed, and see it. */
static void expect_connection(struct __test_metadata *_metadata, SOCKET a,
			      SOCKET b)
{
	char text[8];

	say(a, "ping");
	EXPECT_EQ(4, recv(b, text, 4, MSG_WAITALL));
	say(b, "pong");
	EXPECT_EQ(4, recv(a, text, 4, MSG_WAITALL));
	EXPECT_WORKS(closesocket(a));
	EXPECT_EQ(0, recv(b, text, 4, 0));
	EXPECT_WORKS(closesocket(b));
	EXPECT_FALSE(is_open(a));
	EXPECT_FALSE(is_open(b));
}

/* L26 */
TEST_F(accepting, accept_socket_becomes_the_connection)
{
	struct sockaddr *local, *remote;
	struct sockaddr_storage addr;
	int local_len, remote_len, before;
	socklen_t len;
	SOCKET peer;

	EXPECT_PENDING(accept_into(self->listener, &self->r, 0));
	EXPECT_FALSE(is_set(self->r.ov.hEvent, QUIET));
	before = count_descriptors();
	peer = dial(self->listener, variant->family);
	EXPECT_EQ(0, outcome(self->listener, &self->r));
	EXPECT_TRUE(is_set(self->r.ov.hEvent, 0));
	EXPECT_EQ(before + 1, count_descriptors());
	EXPECT_CLEAR(setsockopt(self->r.s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
				(char *)&self->listener,
				sizeof(self->listener)));

	GetAcceptExSockaddrs(self->r.data, 0, BLOCK, BLOCK, &local, &local_len,
			     &remote, &remote_len);
	len = name_of(self->listener, &addr);
	EXPECT_EQ(len, local_len);
	EXPECT_EQ(0, memcmp(&addr, local, len));
	len = name_of(peer, &addr);
	EXPECT_EQ(len, remote_len);
	EXPECT_EQ(0, memcmp(&addr, remote, len));
	EXPECT_FALSE(is_nonblocking(self->r.s));
	expect_connection(_metadata, peer, self->r.s);
}

TEST_F(accepting, first_data_are_waited_for)
{
	SOCKET peer;

	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	peer = dial(self->listener, variant->family);
	EXPECT_FALSE(is_set(self->r.ov.hEvent, QUIET));
	say(peer, "hello");
	EXPECT_EQ(5, outcome(self->listener, &self->r));
	EXPECT_EQ(0, memcmp(self->r.data, "hello", 5));
	expect_connection(_metadata, peer, self->r.s);
}

TEST_F(accepting, peer_that_says_nothing_and_leaves_is_no_error)
{
	SOCKET peer;

	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	peer = dial(self->listener, variant->family);
	check(shutdown(peer, SD_SEND));
	EXPECT_EQ(0, outcome(self->listener, &self->r));
	EXPECT_WORKS(closesocket(self->r.s));
}

TEST_F(accepting, one_silent_peer_does_not_keep_the_next_waiting)
{
	struct request second;
	SOCKET silent, peer;

	connection_init(&second, open_socket(variant->family, SOCK_STREAM));
	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	EXPECT_PENDING(accept_into(self->listener, &second, 64));
	silent = dial(self->listener, variant->family);
	EXPECT_FALSE(is_set(self->r.ov.hEvent, QUIET));
	peer = dial(self->listener, variant->family);
	say(peer, "me");
	EXPECT_EQ(2, outcome(self->listener, &second));
	EXPECT_EQ(-1, status(&self->r));
	expect_connection(_metadata, peer, second.s);
	say(silent, "1");
	EXPECT_EQ(1, outcome(self->listener, &self->r));
}

TEST_F(accepting, connections_come_in_the_order_of_the_calls)
{
	struct request r[MANY];
	SOCKET peers[MANY];
	char c;
	int i;

	for (i = 0; i < MANY; i++) {
		connection_init(&r[i], open_socket(variant->family, SOCK_STREAM));
		EXPECT_PENDING(accept_into(self->listener, &r[i], 0));
	}
	for (i = 0; i < MANY; i++) {
		peers[i] = dial(self->listener, variant->family);
		c = 'a' + i;
		check(send(peers[i], &c, 1, 0));
	}
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(0, outcome(self->listener, &r[i]));
		EXPECT_EQ(1, recv(r[i].s, &c, 1, 0));
		EXPECT_EQ('a' + i, c);
		expect_connection(_metadata, peers[i], r[i].s);
	}
}

/* P8 */
TEST_F(accepting, closing_the_listener_aborts_all_of_them)
{
	struct request waiting, silent;
	SOCKET peer;

	connection_init(&waiting, open_socket(variant->family, SOCK_STREAM));
	connection_init(&silent, open_socket(variant->family, SOCK_STREAM));
	EXPECT_PENDING(accept_into(self->listener, &silent, 64));
	peer = dial(self->listener, variant->family);
	EXPECT_FALSE(is_set(silent.ov.hEvent, QUIET));
	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	EXPECT_PENDING(accept_into(self->listener, &waiting, 0));
	EXPECT_WORKS(closesocket(self->listener));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&silent));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&self->r));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&waiting));
	EXPECT_FALSE(is_set(self->r.ov.hEvent, 0));
	EXPECT_TRUE(is_open(self->r.s));
	/* the one that is connected is the application's */
	say(peer, "x");
	EXPECT_EQ(1, recv(silent.s, silent.data, 1, 0));
	EXPECT_WORKS(closesocket(self->r.s));
	EXPECT_WORKS(closesocket(waiting.s));
}

TEST_F(accepting, closing_the_accept_socket_aborts_its_own)
{
	struct request second;
	SOCKET peer;

	connection_init(&second, open_socket(variant->family, SOCK_STREAM));
	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	EXPECT_PENDING(accept_into(self->listener, &second, 0));
	EXPECT_FALSE(is_set(self->r.ov.hEvent, QUIET));
	EXPECT_WORKS(closesocket(self->r.s));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&self->r));
	EXPECT_FALSE(is_open(self->r.s));
	peer = dial(self->listener, variant->family);
	EXPECT_EQ(0, outcome(self->listener, &second));
	expect_connection(_metadata, peer, second.s);
}

TEST_F(accepting, closing_the_one_that_waits_for_its_turn_aborts_it)
{
	struct request second;
	SOCKET peer;

	connection_init(&second, open_socket(variant->family, SOCK_STREAM));
	EXPECT_PENDING(accept_into(self->listener, &self->r, 0));
	EXPECT_PENDING(accept_into(self->listener, &second, 0));
	EXPECT_WORKS(closesocket(second.s));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&second));
	peer = dial(self->listener, variant->family);
	EXPECT_EQ(0, outcome(self->listener, &self->r));
	expect_connection(_metadata, peer, self->r.s);
}

TEST_F(accepting, closing_the_silent_connection_aborts_it)
{
	char c;
	SOCKET peer;

	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	peer = dial(self->listener, variant->family);
	EXPECT_FALSE(is_set(self->r.ov.hEvent, QUIET));
	EXPECT_WORKS(closesocket(self->r.s));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&self->r));
	EXPECT_FALSE(is_open(self->r.s));
	EXPECT_EQ(0, recv(peer, &c, 1, 0));
}

TEST_F(accepting, cleanup_aborts_it)
{
	EXPECT_PENDING(accept_into(self->listener, &self->r, 64));
	EXPECT_EQ(0, WSACleanup());
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&self->r));
	start();
}

/* L6: the accept socket's own, not its listener's; nor is its mode. */
TEST_F(accepting, selection_and_mode_are_the_accept_sockets)
{
	WSAEVENT event = WSACreateEvent();
	WSANETWORKEVENTS events;
	SOCKET peer;

	check(WSAEventSelect(self->r.s, event, FD_READ | FD_CLOSE));
	EXPECT_PENDING(accept_into(self->listener, &self->r, 0));
	peer = dial(self->listener, variant->family);
	EXPECT_EQ(0, outcome(self->listener, &self->r));
	EXPECT_TRUE(is_nonblocking(self->r.s));
	EXPECT_EQ(WSA_WAIT_TIMEOUT,
		  WSAWaitForMultipleEvents(1, &event, FALSE, QUIET, FALSE));
	say(peer, "x");
	EXPECT_EQ(WSA_WAIT_EVENT_0,
		  WSAWaitForMultipleEvents(1, &event, FALSE, AT_ONCE_MS, FALSE));
	check(WSAEnumNetworkEvents(self->r.s, event, &events));
	EXPECT_EQ(FD_READ, events.lNetworkEvents);
	EXPECT_EQ(1, recv(self->r.s, self->r.data, 8, 0));
	EXPECT_WORKS(closesocket(peer));
	EXPECT_EQ(WSA_WAIT_EVENT_0,
		  WSAWaitForMultipleEvents(1, &event, FALSE, AT_ONCE_MS, FALSE));
	check(WSAEnumNetworkEvents(self->r.s, event, &events));
	EXPECT_EQ(FD_CLOSE, events.lNetworkEvents);
	EXPECT_WORKS(closesocket(self->r.s));
}

/* G5 */
TEST_F(accepting, continues_where_the_accept_socket_has_another_descriptor)
{
	SOCKET other = check(fcntl(self->r.s, F_DUPFD, 0));
	SOCKET peer;

	EXPECT_PENDING(accept_into(self->listener, &self->r, 0));
	EXPECT_WORKS(closesocket(self->r.s));
	EXPECT_EQ(-1, status(&self->r));
	peer = dial(self->listener, variant->family);
	EXPECT_EQ(0, outcome(self->listener, &self->r));
	expect_connection(_metadata, peer, other);
}

/* Where close(2) was used the descriptor may be another file's. */
TEST_F(accepting, reused_descriptor_is_left_alone)
{
	SOCKET other, again;
	char c;

	EXPECT_PENDING(accept_into(self->listener, &self->r, 0));
	/* In one step: a thread of the library may open a descriptor, too. */
	other = native_socket(AF_INET, SOCK_DGRAM);
	again = dup2(other, self->r.s);
	EXPECT_EQ(self->r.s, again);
	native_close(other);
	EXPECT_EQ(WSAECONNRESET, dial_and_be_reset(self->listener, variant->family));
	EXPECT_EQ(-WSAENOTSOCK, outcome(self->listener, &self->r));
	EXPECT_EQ(SOCKET_ERROR, recv(again, &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
	native_close(again);
}

TEST_F(accepting, bad_arguments_are_refused)
{
	SOCKET bound = open_listener(variant->family);
	SOCKET plain = open_socket(variant->family, SOCK_STREAM);
	struct request *r = &self->r;
	size_t least = variant->family == AF_INET ? 32 : 44;
	SOCKET s = self->listener;
	DWORD bytes;
	int fd;

	EXPECT_REFUSED(WSAENOTSOCK, AcceptEx(INVALID_SOCKET, r->s, r->data, 0,
					     BLOCK, BLOCK, &bytes, &r->ov));
	EXPECT_REFUSED(WSAEINVAL, AcceptEx(plain, r->s, r->data, 0, BLOCK,
					   BLOCK, &bytes, &r->ov));
	EXPECT_REFUSED(WSA_INVALID_PARAMETER,
		       AcceptEx(s, r->s, r->data, 0, BLOCK, BLOCK, &bytes,
				NULL));
	EXPECT_REFUSED(WSAEINVAL, AcceptEx(s, INVALID_SOCKET, r->data, 0, BLOCK,
					   BLOCK, &bytes, &r->ov));
	EXPECT_REFUSED(WSAEINVAL, AcceptEx(s, bound, r->data, 0, BLOCK, BLOCK,
					   &bytes, &r->ov));
	EXPECT_REFUSED(WSAEINVAL, AcceptEx(s, s, r->data, 0, BLOCK, BLOCK,
					   &bytes, &r->ov));
	EXPECT_REFUSED(WSAEINVAL,
		       AcceptEx(s, dial(bound, variant->family), r->data, 0,
				BLOCK, BLOCK, &bytes, &r->ov));
	EXPECT_REFUSED(WSAEINVAL,
		       AcceptEx(s, open_socket(variant->family, SOCK_DGRAM),
				r->data, 0, BLOCK, BLOCK, &bytes, &r->ov));
	EXPECT_REFUSED(WSAEFAULT, AcceptEx(s, r->s, NULL, 0, BLOCK, BLOCK,
					   &bytes, &r->ov));
	EXPECT_REFUSED(WSAEFAULT, AcceptEx(s, r->s, r->data, 0, least - 1,
					   BLOCK, &bytes, &r->ov));
	EXPECT_REFUSED(WSAEFAULT, AcceptEx(s, r->s, r->data, 0, BLOCK,
					   least - 1, &bytes, &r->ov));
	EXPECT_PENDING(AcceptEx(s, r->s, r->data, 0, least, least, &bytes,
				&r->ov));
	/* it is taken */
	EXPECT_REFUSED(WSAEINVAL, AcceptEx(s, r->s, r->data, 0, BLOCK, BLOCK,
					   &bytes, &r->ov));
	fd = open("/dev/null", O_RDONLY);
	EXPECT_REFUSED(WSAENOTSOCK, AcceptEx(fd, r->s, r->data, 0, BLOCK, BLOCK,
					     &bytes, &r->ov));
	close(fd);
}

FIXTURE(connecting) {
	SOCKET listener;
	struct sockaddr_storage addr;
	socklen_t len;
	struct request r;
};

FIXTURE_VARIANT(connecting) {
	int family;
	bool nonblocking;
};

FIXTURE_VARIANT_ADD(connecting, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(connecting, ipv6) { .family = AF_INET6 };
FIXTURE_VARIANT_ADD(connecting, nonblocking) {
	.family = AF_INET, .nonblocking = true
};

FIXTURE_SETUP(connecting)
{
	start();
	self->listener = open_listener(variant->family);
	self->len = name_of(self->listener, &self->addr);
	connection_init(&self->r, open_socket(variant->family, SOCK_STREAM));
	set_nonblocking(self->r.s, variant->nonblocking);
}

FIXTURE_TEARDOWN(connecting)
{
	WSACleanup();
}

static BOOL connect_ex(struct request *r, const struct sockaddr_storage *addr,
		       socklen_t len, DWORD size)
{
	DWORD bytes = 0;

	return ConnectEx(r->s, (const struct sockaddr *)addr, len, r->data,
			 size, &bytes, &r->ov);
}

/* L26 */
TEST_F(connecting, connects_and_sends)
{
	char text[8];
	SOCKET peer;
	DWORD seconds = 0;
	socklen_t len = sizeof(seconds);

	bind_loopback(self->r.s, variant->family, NULL);
	strcpy(self->r.data, "hello");
	EXPECT_CLEAR(getsockopt(self->r.s, SOL_SOCKET, SO_CONNECT_TIME,
				(char *)&seconds, &len));
	EXPECT_EQ(0xffffffff, seconds);
	EXPECT_FAILS(WSAENOTCONN, setsockopt(self->r.s, SOL_SOCKET,
					     SO_UPDATE_CONNECT_CONTEXT, NULL, 0));
	EXPECT_PENDING(connect_ex(&self->r, &self->addr, self->len, 5));
	EXPECT_EQ(5, outcome(self->r.s, &self->r));
	EXPECT_TRUE(is_set(self->r.ov.hEvent, 0));
	EXPECT_EQ(variant->nonblocking, is_nonblocking(self->r.s));
	EXPECT_CLEAR(setsockopt(self->r.s, SOL_SOCKET,
				SO_UPDATE_CONNECT_CONTEXT, NULL, 0));
	EXPECT_CLEAR(getsockopt(self->r.s, SOL_SOCKET, SO_CONNECT_TIME,
				(char *)&seconds, &len));
	EXPECT_GT(60, seconds);
	peer = check(accept(self->listener, NULL, NULL));
	EXPECT_EQ(5, recv(peer, text, 5, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(text, "hello", 5));
	EXPECT_REFUSED(WSAEISCONN,
		       connect_ex(&self->r, &self->addr, self->len, 0));
	set_nonblocking(self->r.s, false);
	expect_connection(_metadata, peer, self->r.s);
}

TEST_F(connecting, refused_one_fails_and_may_try_again)
{
	struct sockaddr_storage nobody;
	SOCKET other = open_listener(variant->family);
	socklen_t len = name_of(other, &nobody);
	long result;

	closesocket(other);
	bind_loopback(self->r.s, variant->family, NULL);
	result = connect_ex(&self->r, &nobody, len, 5);
	EXPECT_FALSE(result);
	if (WSAGetLastError() == WSA_IO_PENDING)
		result = outcome(self->r.s, &self->r);
	else
		result = -WSAGetLastError();
	EXPECT_EQ(-WSAECONNREFUSED, result);
	EXPECT_PENDING(connect_ex(&self->r, &self->addr, self->len, 0));
	EXPECT_EQ(0, outcome(self->r.s, &self->r));
}

/* P8 */
TEST_F(connecting, closesocket_aborts_it)
{
	fill_backlog(self->listener, variant->family);
	bind_loopback(self->r.s, variant->family, NULL);
	EXPECT_PENDING(connect_ex(&self->r, &self->addr, self->len, 5));
	EXPECT_FALSE(is_set(self->r.ov.hEvent, QUIET));
	EXPECT_REFUSED(WSAEALREADY,
		       connect_ex(&self->r, &self->addr, self->len, 5));
	self->r.ov.Internal = WSA_STATUS_PENDING;
	EXPECT_WORKS(closesocket(self->r.s));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&self->r));
	EXPECT_FALSE(is_set(self->r.ov.hEvent, 0));
	EXPECT_FALSE(is_open(self->r.s));
}

TEST_F(connecting, bad_arguments_are_refused)
{
	struct request *r = &self->r;
	const struct sockaddr *addr = (struct sockaddr *)&self->addr;
	SOCKET datagram = open_socket(variant->family, SOCK_DGRAM);
	DWORD bytes;

	EXPECT_REFUSED(WSAENOTSOCK, ConnectEx(INVALID_SOCKET, addr, self->len,
					      NULL, 0, &bytes, &r->ov));
	/* not bound */
	EXPECT_REFUSED(WSAEINVAL, ConnectEx(r->s, addr, self->len, NULL, 0,
					    &bytes, &r->ov));
	EXPECT_REFUSED(WSAEINVAL, ConnectEx(self->listener, addr, self->len,
					    NULL, 0, &bytes, &r->ov));
	EXPECT_REFUSED(WSAEOPNOTSUPP, ConnectEx(datagram, addr, self->len, NULL,
						0, &bytes, &r->ov));
	bind_loopback(r->s, variant->family, NULL);
	EXPECT_REFUSED(WSA_INVALID_PARAMETER,
		       ConnectEx(r->s, addr, self->len, NULL, 0, &bytes, NULL));
	EXPECT_REFUSED(WSAEFAULT, ConnectEx(r->s, NULL, self->len, NULL, 0,
					    &bytes, &r->ov));
	EXPECT_REFUSED(WSAEFAULT, ConnectEx(r->s, addr, 4, NULL, 0, &bytes,
					    &r->ov));
	EXPECT_REFUSED(WSAEFAULT, ConnectEx(r->s, addr, self->len, NULL, 5,
					    &bytes, &r->ov));
	EXPECT_PENDING(ConnectEx(r->s, addr, self->len, NULL, 0, &bytes,
				 &r->ov));
	EXPECT_EQ(0, outcome(r->s, r));
}

/* L26 */
TEST_F(connecting, disconnect_ends_what_is_sent)
{
	struct request *r = &self->r;
	SOCKET datagram = open_socket(variant->family, SOCK_DGRAM);
	SOCKET peer;
	char c;

	EXPECT_REFUSED(WSAENOTSOCK, DisconnectEx(INVALID_SOCKET, NULL, 0, 0));
	EXPECT_REFUSED(WSAENOTCONN, DisconnectEx(r->s, NULL, 0, 0));
	EXPECT_REFUSED(WSAEOPNOTSUPP, DisconnectEx(datagram, NULL, 0, 0));
	bind_loopback(r->s, variant->family, NULL);
	EXPECT_PENDING(connect_ex(r, &self->addr, self->len, 0));
	EXPECT_EQ(0, outcome(r->s, r));
	peer = check(accept(self->listener, NULL, NULL));
	EXPECT_REFUSED(WSAEINVAL, DisconnectEx(r->s, NULL, 0, 1));
	EXPECT_REFUSED(WSAEINVAL, DisconnectEx(r->s, NULL, 4, 0));
	EXPECT_REFUSED(WSAEOPNOTSUPP,
		       DisconnectEx(r->s, NULL, TF_REUSE_SOCKET, 0));
	EXPECT_TRUE_CLEAR(DisconnectEx(r->s, &r->ov, 0, 0));
	EXPECT_EQ(0, outcome(r->s, r));
	EXPECT_EQ(0, recv(peer, &c, 1, 0));
	EXPECT_FAILS(WSAESHUTDOWN, send(r->s, "x", 1, 0));
	EXPECT_REFUSED(WSAENOTCONN, DisconnectEx(r->s, NULL, 0, 0));
	say(peer, "x");
	wait_for(r->s, POLLIN);
	EXPECT_EQ(1, recv(r->s, &c, 1, 0));
}

/* L26 */
TEST_F(connecting, options_of_an_accepted_connection)
{
	SOCKET peer = dial(self->listener, variant->family);
	SOCKET s = check(accept(self->listener, NULL, NULL));
	DWORD seconds = 4711;
	socklen_t len = sizeof(seconds);

	sleep(2);
	EXPECT_CLEAR(getsockopt(s, SOL_SOCKET, SO_CONNECT_TIME,
				(char *)&seconds, &len));
	EXPECT_LE(1, seconds);
	EXPECT_GT(60, seconds);
	EXPECT_EQ(4, len);
	len = 2;
	EXPECT_FAILS(WSAEFAULT, getsockopt(s, SOL_SOCKET, SO_CONNECT_TIME,
					   (char *)&seconds, &len));
	EXPECT_CLEAR(setsockopt(s, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
				(char *)&self->listener,
				sizeof(self->listener)));
	EXPECT_FAILS(WSAEINVAL, setsockopt(peer, SOL_SOCKET,
					   SO_UPDATE_ACCEPT_CONTEXT,
					   (char *)&self->listener,
					   sizeof(self->listener)));
	EXPECT_FAILS(WSAEINVAL, setsockopt(s, SOL_SOCKET,
					   SO_UPDATE_ACCEPT_CONTEXT,
					   (char *)&peer, sizeof(peer)));
	EXPECT_FAILS(WSAEFAULT, setsockopt(s, SOL_SOCKET,
					   SO_UPDATE_ACCEPT_CONTEXT, NULL, 0));
	EXPECT_FAILS(WSAENOTSOCK, setsockopt(-1, SOL_SOCKET,
					     SO_UPDATE_CONNECT_CONTEXT, NULL,
					     0));
}

/* Each of them by its identifier. */
TEST(functions_are_found_by_their_identifiers)
{
	static const struct {
		GUID guid;
		void (*function)(void);
	} known[] = {
		{ WSAID_ACCEPTEX, (void (*)(void))AcceptEx },
		{ WSAID_CONNECTEX, (void (*)(void))ConnectEx },
		{ WSAID_DISCONNECTEX, (void (*)(void))DisconnectEx },
		{ WSAID_GETACCEPTEXSOCKADDRS,
		  (void (*)(void))GetAcceptExSockaddrs },
		{ WSAID_TRANSMITFILE, (void (*)(void))TransmitFile },
		{ WSAID_WSARECVMSG, (void (*)(void))WSARecvMsg },
		{ WSAID_WSASENDMSG, (void (*)(void))WSASendMsg },
	};
	void (*function)(void);
	GUID guid = WSAID_ACCEPTEX;
	DWORD bytes;
	SOCKET s;
	size_t i;

	start();
	s = open_socket(AF_INET, SOCK_STREAM);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		guid = known[i].guid;
		EXPECT_CLEAR(WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER,
				      &guid, sizeof(guid), &function,
				      sizeof(function), &bytes, NULL, NULL));
		EXPECT_EQ(sizeof(function), bytes);
		EXPECT_TRUE(function == known[i].function);
	}
	guid.Data1++;
	EXPECT_FAILS(WSAEINVAL,
		     WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
			      sizeof(guid), &function, sizeof(function), &bytes,
			      NULL, NULL));
	WSACleanup();
}

/**
 * struct message - a WSAMSG and its memory
 */
struct message {
	WSAMSG msg;
	WSABUF bufs[2];
	struct sockaddr_in from;
	char data[2][4];
	WSACMSGHDR control[8];
};

static void message_init(struct message *m)
{
	int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < 2; i++) {
		m->bufs[i].buf = m->data[i];
		m->bufs[i].len = sizeof(m->data[i]);
	}
	m->msg.name = (struct sockaddr *)&m->from;
	m->msg.namelen = sizeof(m->from);
	m->msg.lpBuffers = m->bufs;
	m->msg.dwBufferCount = 2;
	m->msg.Control.buf = (char *)m->control;
	m->msg.Control.len = sizeof(m->control);
}

FIXTURE(message) {
	SOCKET s;
	SOCKET peer;
	struct sockaddr_storage addr;
	struct sockaddr_storage peer_addr;
	struct message m;
};

FIXTURE_SETUP(message)
{
	int on = 1;

	start();
	self->s = open_socket(AF_INET, SOCK_DGRAM);
	self->peer = open_socket(AF_INET, SOCK_DGRAM);
	bind_loopback(self->s, AF_INET, NULL);
	bind_loopback(self->peer, AF_INET, NULL);
	name_of(self->s, &self->addr);
	name_of(self->peer, &self->peer_addr);
	check(setsockopt(self->s, IPPROTO_IP, IP_PKTINFO, (char *)&on,
			 sizeof(on)));
	message_init(&self->m);
}

FIXTURE_TEARDOWN(message)
{
	WSACleanup();
}

static void post(SOCKET s, const struct sockaddr_storage *addr, const char *text)
{
	check(sendto(s, text, strlen(text), 0, (struct sockaddr *)addr,
		     sizeof(struct sockaddr_in)));
}

static void expect_pktinfo(struct __test_metadata *_metadata,
			   struct message *m,
			   const struct sockaddr_storage *from)
{
	LPWSACMSGHDR cmsg = WSA_CMSG_FIRSTHDR(&m->msg);
	struct in_pktinfo info;

	ASSERT_NE(NULL, cmsg);
	EXPECT_EQ(IPPROTO_IP, cmsg->cmsg_level);
	EXPECT_EQ(IP_PKTINFO, cmsg->cmsg_type);
	EXPECT_EQ(WSA_CMSG_LEN(sizeof(info)), cmsg->cmsg_len);
	memcpy(&info, WSA_CMSG_DATA(cmsg), sizeof(info));
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
	EXPECT_EQ(NULL, WSA_CMSG_NXTHDR(&m->msg, cmsg));
	EXPECT_EQ(0, memcmp(from, &m->from, sizeof(m->from)));
	EXPECT_EQ(sizeof(m->from), m->msg.namelen);
}

/* L27 */
TEST_F(message, comes_with_its_control_data)
{
	DWORD bytes = 0;

	post(self->peer, &self->addr, "abcdef");
	EXPECT_CLEAR(WSARecvMsg(self->s, &self->m.msg, &bytes, NULL, NULL));
	EXPECT_EQ(6, bytes);
	EXPECT_EQ(0, memcmp(self->m.data, "abcdef", 6));
	EXPECT_EQ(0, self->m.msg.dwFlags);
	expect_pktinfo(_metadata, &self->m, &self->peer_addr);
}

TEST_F(message, overlapped_comes_with_them_too)
{
	struct request r;
	DWORD bytes = 0;

	connection_init(&r, INVALID_SOCKET);
	EXPECT_FAILS(WSA_IO_PENDING,
		     WSARecvMsg(self->s, &self->m.msg, &bytes, &r.ov, NULL));
	EXPECT_FALSE(is_set(r.ov.hEvent, QUIET));
	post(self->peer, &self->addr, "abcdef");
	EXPECT_EQ(6, outcome(self->s, &r));
	expect_pktinfo(_metadata, &self->m, &self->peer_addr);

	/* what is there already */
	message_init(&self->m);
	post(self->peer, &self->addr, "xyz");
	wait_for(self->s, POLLIN);
	EXPECT_CLEAR(WSARecvMsg(self->s, &self->m.msg, &bytes, &r.ov, NULL));
	EXPECT_EQ(3, bytes);
	expect_pktinfo(_metadata, &self->m, &self->peer_addr);
}

TEST_F(message, closesocket_aborts_it)
{
	struct request r;
	DWORD bytes = 0;

	connection_init(&r, INVALID_SOCKET);
	EXPECT_FAILS(WSA_IO_PENDING,
		     WSARecvMsg(self->s, &self->m.msg, &bytes, &r.ov, NULL));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(WSA_OPERATION_ABORTED, status(&r));
	EXPECT_FALSE(is_set(r.ov.hEvent, 0));
}

TEST_F(message, too_long_is_reported_and_too_much_control_data_too)
{
	DWORD bytes = 0;

	post(self->peer, &self->addr, "0123456789");
	EXPECT_FAILS(WSAEMSGSIZE,
		     WSARecvMsg(self->s, &self->m.msg, &bytes, NULL, NULL));
	EXPECT_EQ(8, bytes);
	EXPECT_EQ(MSG_TRUNC, self->m.msg.dwFlags);
	EXPECT_EQ(0, memcmp(self->m.data, "01234567", 8));
	expect_pktinfo(_metadata, &self->m, &self->peer_addr);

	message_init(&self->m);
	self->m.msg.Control.len = sizeof(WSACMSGHDR);
	post(self->peer, &self->addr, "x");
	EXPECT_CLEAR(WSARecvMsg(self->s, &self->m.msg, &bytes, NULL, NULL));
	EXPECT_EQ(MSG_CTRUNC, self->m.msg.dwFlags);
}

/* L27 */
TEST_F(message, goes_where_and_how_it_should)
{
	struct in_pktinfo info = { .ipi_ifindex = 1 };
	struct message *m = &self->m;
	LPWSACMSGHDR cmsg;
	DWORD bytes = 0;
	char text[16];
	int ttl = 7;

	memcpy(m->data, "abcdefgh", 8);
	m->from = *(struct sockaddr_in *)&self->addr;
	m->msg.Control.len = WSA_CMSG_SPACE(sizeof(info)) +
			     WSA_CMSG_SPACE(sizeof(ttl));
	cmsg = WSA_CMSG_FIRSTHDR(&m->msg);
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = WSA_CMSG_LEN(sizeof(info));
	memcpy(WSA_CMSG_DATA(cmsg), &info, sizeof(info));
	cmsg = WSA_CMSG_NXTHDR(&m->msg, cmsg);
	ASSERT_NE(NULL, cmsg);
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_TTL;
	cmsg->cmsg_len = WSA_CMSG_LEN(sizeof(ttl));
	memcpy(WSA_CMSG_DATA(cmsg), &ttl, sizeof(ttl));
	EXPECT_CLEAR(WSASendMsg(self->peer, &m->msg, 0, &bytes, NULL, NULL));
	EXPECT_EQ(8, bytes);
	EXPECT_EQ(8, recv(self->s, text, sizeof(text), 0));
	EXPECT_EQ(0, memcmp(text, "abcdefgh", 8));

	/* the kernel looks at them */
	ttl = 4711;
	memcpy(WSA_CMSG_DATA(cmsg), &ttl, sizeof(ttl));
	EXPECT_FAILS(WSAEINVAL,
		     WSASendMsg(self->peer, &m->msg, 0, &bytes, NULL, NULL));
	m->bufs[0].len = 0;
	m->msg.dwBufferCount = 1;
	EXPECT_FAILS(WSAEINVAL,
		     WSASendMsg(self->peer, &m->msg, 0, &bytes, NULL, NULL));
}

TEST_F(message, bad_arguments_are_refused)
{
	SOCKET stream = open_socket(AF_INET, SOCK_STREAM);
	DWORD bytes;

	EXPECT_FAILS(WSAENOTSOCK, WSARecvMsg(INVALID_SOCKET, NULL, &bytes, NULL,
					     NULL));
	EXPECT_FAILS(WSAENOTSOCK, WSASendMsg(INVALID_SOCKET, NULL, 0, &bytes,
					     NULL, NULL));
	EXPECT_FAILS(WSAEFAULT, WSARecvMsg(self->s, NULL, &bytes, NULL, NULL));
	EXPECT_FAILS(WSAEFAULT, WSASendMsg(self->s, NULL, 0, &bytes, NULL,
					   NULL));
	EXPECT_FAILS(WSAEFAULT, WSARecvMsg(self->s, &self->m.msg, NULL, NULL,
					   NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSARecvMsg(stream, &self->m.msg, &bytes,
					       NULL, NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSASendMsg(stream, &self->m.msg, 0, &bytes,
					       NULL, NULL));
	self->m.msg.dwBufferCount = 0;
	EXPECT_FAILS(WSAEINVAL, WSARecvMsg(self->s, &self->m.msg, &bytes, NULL,
					   NULL));
	self->m.msg.dwBufferCount = 2;
	self->m.msg.Control.buf = NULL;
	EXPECT_FAILS(WSAEFAULT, WSARecvMsg(self->s, &self->m.msg, &bytes, NULL,
					   NULL));
}

struct crowd {
	SOCKET listener;
	atomic_bool stop;
};

static void *dial_and_leave(void *arg)
{
	struct crowd *crowd = arg;
	struct sockaddr_storage addr;
	socklen_t len = name_of(crowd->listener, &addr);
	SOCKET s;

	while (!crowd->stop) {
		s = open_socket(AF_INET, SOCK_STREAM);
		if (!connect(s, (struct sockaddr *)&addr, len))
			send(s, "x", 1, 0);
		closesocket(s);
	}
	return NULL;
}

/* I2, P8: in any order, every descriptor is closed once, and nothing is left. */
TEST(accept_sockets_are_closed_while_connections_come)
{
	struct crowd crowd = { 0 };
	struct request r;
	pthread_t thread;
	long aborted = 0, connected = 0;
	int i, before;

	start();
	crowd.listener = open_listener(AF_INET);
	connection_init(&r, open_socket(AF_INET, SOCK_STREAM));
	accept_into(crowd.listener, &r, 0);
	closesocket(r.s);
	before = count_descriptors();
	pthread_create(&thread, NULL, dial_and_leave, &crowd);
	for (i = 0; i < 400; i++) {
		r.s = open_socket(AF_INET, SOCK_STREAM);
		EXPECT_PENDING(accept_into(crowd.listener, &r, i % 2 ? 8 : 0));
		if (i % 3)
			usleep(i % 7 * 50);
		EXPECT_EQ(0, closesocket(r.s));
		EXPECT_NE(-1, status(&r));
		if (status(&r))
			aborted++;
		else
			connected++;
	}
	crowd.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(before, count_descriptors());
	EXPECT_LT(0, aborted + connected);
	WSACleanup();
}

/* L8 */
TEST(child_of_a_fork_may_close_what_the_parent_waits_with)
{
	struct request r;
	SOCKET listener, peer;
	pid_t pid;

	start();
	listener = open_listener(AF_INET);
	connection_init(&r, open_socket(AF_INET, SOCK_STREAM));
	EXPECT_PENDING(accept_into(listener, &r, 0));
	pid = check(fork());
	if (!pid)
		_exit(closesocket(listener) || closesocket(r.s) ? 3 : 0);
	EXPECT_EQ(0, wait_child(pid));
	peer = dial(listener, AF_INET);
	EXPECT_EQ(0, outcome(listener, &r));
	expect_connection(_metadata, peer, r.s);
	WSACleanup();
}

TEST_HARNESS_MAIN
