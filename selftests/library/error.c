// SPDX-License-Identifier: LGPL-2.1-or-later
/* L7: what Linux's errors become, by number and by call. */
#include <sys/resource.h>
#include <mswsock.h>

#include "suite.h"
#include "waiter.h"
#include "../../userlib/core/errno.c"

/* The specification, grouped by what is reported to a Winsock program. */
static const struct {
	int wsa;
	int err[40];
} groups[] = {
	{ WSAEINTR, { EINTR, ERESTART, ECANCELED } },
	{ WSAEACCES, { EPERM, EACCES, EROFS, ENOKEY, EKEYEXPIRED, EKEYREVOKED,
		       EKEYREJECTED } },
	{ WSAEFAULT, { EFAULT, EHWPOISON } },
	{ WSAEINVAL, { EINVAL, ESRCH, EBUSY, EDOM, ERANGE, EBADMSG, EOVERFLOW,
		       EILSEQ } },
	{ WSAEMFILE, { EMFILE, ENFILE } },
	{ WSAEWOULDBLOCK, { EAGAIN, EINPROGRESS, ENOMSG } },
	{ WSAEALREADY, { EALREADY } },
	{ WSAENOTSOCK, { ENOTSOCK, EBADF, EBADFD } },
	{ WSAEDESTADDRREQ, { EDESTADDRREQ } },
	{ WSAEMSGSIZE, { EMSGSIZE, E2BIG } },
	{ WSAEPROTOTYPE, { EPROTOTYPE } },
	{ WSAENOPROTOOPT, { ENOPROTOOPT } },
	{ WSAEPROTONOSUPPORT, { EPROTONOSUPPORT } },
	{ WSAESOCKTNOSUPPORT, { ESOCKTNOSUPPORT } },
	{ WSAEOPNOTSUPP, { EOPNOTSUPP, ENOSYS, ENOTTY, ESPIPE } },
	{ WSAEPFNOSUPPORT, { EPFNOSUPPORT } },
	{ WSAEAFNOSUPPORT, { EAFNOSUPPORT } },
	{ WSAEADDRINUSE, { EADDRINUSE, EEXIST, ENOTUNIQ } },
	{ WSAEADDRNOTAVAIL, { EADDRNOTAVAIL, ENOENT, ENOTDIR, EISDIR } },
	{ WSAENETDOWN, { ENETDOWN, EIO, ENXIO, ENODEV, ENONET, ENOLINK, ECOMM,
			 ERFKILL } },
	{ WSAENETUNREACH, { ENETUNREACH, EMULTIHOP } },
	{ WSAENETRESET, { ENETRESET } },
	{ WSAECONNABORTED, { ECONNABORTED } },
	{ WSAECONNRESET, { ECONNRESET, EPIPE, EPROTO, EREMCHG } },
	{ WSAENOBUFS, { ENOBUFS, ENOMEM, ENOSPC, ENOSR } },
	{ WSAEISCONN, { EISCONN } },
	{ WSAENOTCONN, { ENOTCONN } },
	{ WSAESHUTDOWN, { ESHUTDOWN } },
	{ WSAETOOMANYREFS, { ETOOMANYREFS } },
	{ WSAETIMEDOUT, { ETIMEDOUT, ETIME } },
	{ WSAECONNREFUSED, { ECONNREFUSED } },
	{ WSAELOOP, { ELOOP } },
	{ WSAENAMETOOLONG, { ENAMETOOLONG } },
	{ WSAEHOSTDOWN, { EHOSTDOWN } },
	{ WSAEHOSTUNREACH, { EHOSTUNREACH } },
	{ WSAENOTEMPTY, { ENOTEMPTY } },
	{ WSAEUSERS, { EUSERS } },
	{ WSAEDQUOT, { EDQUOT } },
	{ WSAESTALE, { ESTALE } },
	{ WSAEREMOTE, { EREMOTE } },
	{ WSANO_DATA, { ENODATA } },
	/* no call of a socket's returns these */
	{ WSASYSCALLFAILURE, { ENOEXEC, ECHILD, ENOTBLK, EXDEV, ETXTBSY, EFBIG,
			       EMLINK, EDEADLK, ENOLCK, EIDRM, ECHRNG, EL2NSYNC,
			       EL3HLT, EL3RST, ELNRNG, EUNATCH, ENOCSI, EL2HLT,
			       EBADE, EBADR, EXFULL, ENOANO, EBADRQC, EBADSLT,
			       EBFONT, ENOSTR, ENOPKG, EADV, ESRMNT, EDOTDOT,
			       ELIBACC, ELIBBAD, ELIBSCN, ELIBMAX, ELIBEXEC,
			       ESTRPIPE, EUCLEAN, ENOTNAM, ENAVAIL, EISNAM } },
	{ WSASYSCALLFAILURE, { EREMOTEIO, ENOMEDIUM, EMEDIUMTYPE, EOWNERDEAD,
			       ENOTRECOVERABLE } },
};

static int specified(int err)
{
	size_t i, j;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (j = 0; j < 40; j++)
			if (groups[i].err[j] == err)
				return groups[i].wsa;
	return 0;
}

TEST(every_errno_has_the_meaning_of_the_list)
{
	int err;

	EXPECT_EQ(0, ws_error_from_errno(0));
	for (err = 1; err < 200; err++) {
		if (!strerrorname_np(err))
			continue;
		EXPECT_NE(0, specified(err)) {
			TH_LOG("%s is not in the list", strerrorname_np(err));
		}
		EXPECT_EQ(specified(err), ws_error_from_errno(err)) {
			TH_LOG("%s", strerrorname_np(err));
		}
	}
}

TEST(what_is_no_errno_is_a_failure_all_the_same)
{
	EXPECT_EQ(WSASYSCALLFAILURE, ws_error_from_errno(41));
	EXPECT_EQ(WSASYSCALLFAILURE, ws_error_from_errno(58));
	EXPECT_EQ(WSASYSCALLFAILURE, ws_error_from_errno(134));
	EXPECT_EQ(WSASYSCALLFAILURE, ws_error_from_errno(512));
	EXPECT_EQ(WSASYSCALLFAILURE, ws_error_from_errno(-1));
}

FIXTURE(call) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
};

FIXTURE_VARIANT(call) {
	int family;
};

FIXTURE_VARIANT_ADD(call, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(call, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(call)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
}

FIXTURE_TEARDOWN(call)
{
	WSACleanup();
}

TEST_F(call, sending_after_the_own_shutdown)
{
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_FAILS(WSAESHUTDOWN, send(self->s, "x", 1, 0));
	EXPECT_FAILS(WSAESHUTDOWN, send(self->s, "x", 1, 0));
	/* the other direction is open */
	EXPECT_EQ(1, send(self->peer, "x", 1, 0));
}

/* The library was not asked, but the socket's state shows it. */
TEST_F(call, sending_after_a_shutdown_by_other_means)
{
	EXPECT_EQ(0, syscall(SYS_shutdown, (int)self->s, SHUT_WR));
	EXPECT_FAILS(WSAESHUTDOWN, send(self->s, "x", 1, 0));
}

/* The connection is gone, with all that it could report. */
TEST_F(call, sending_after_the_own_shutdown_and_the_peers)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_WORKS(shutdown(self->peer, SD_SEND));
	do {
		usleep(1000);
		check(getsockopt((int)self->s, SOL_TCP, TCP_INFO, &info, &len));
	} while (info.tcpi_state != TCP_CLOSE);
	EXPECT_FAILS(WSAESHUTDOWN, send(self->s, "x", 1, 0));
}

TEST_F(call, receiving_after_the_own_shutdown)
{
	char byte;

	ASSERT_EQ(1, send(self->peer, "x", 1, 0));
	EXPECT_WORKS(shutdown(self->s, SD_RECEIVE));
	EXPECT_FAILS(WSAESHUTDOWN, recv(self->s, &byte, 1, 0));
	EXPECT_EQ(1, send(self->s, "x", 1, 0));
}

/* A descriptor that close(2) closed is another socket's. */
TEST_F(call, a_shutdown_is_forgotten_with_its_socket)
{
	SOCKET s;
	char byte;

	EXPECT_WORKS(shutdown(self->s, SD_BOTH));
	s = native_socket(variant->family, SOCK_STREAM);
	ASSERT_EQ(self->s, dup2((int)s, (int)self->s));
	EXPECT_FAILS(WSAENOTCONN, recv(self->s, &byte, 1, 0));
}

TEST_F(call, sending_to_a_peer_that_has_reset)
{
	char byte;
	int i;

	set_linger(self->peer, 1, 0);
	EXPECT_WORKS(closesocket(self->peer));
	wait_for(self->s, POLLIN);
	for (i = 0; i < 5; i++) {
		EXPECT_FAILS(WSAECONNRESET, send(self->s, "x", 1, 0));
		EXPECT_NE(0, recv(self->s, &byte, 1, 0));
	}
}

/* The same without R1's help: the second error of a plain socket is EPIPE. */
TEST_F(call, sending_on_a_plain_socket_to_a_peer_that_has_reset)
{
	SOCKET s = native_socket(variant->family, SOCK_STREAM);
	SOCKET listener = open_listener(variant->family), child;
	struct sockaddr_storage addr;
	int len = name_of(listener, &addr);

	ASSERT_EQ(0, syscall(SYS_connect, (int)s, &addr, len));
	child = check(accept(listener, NULL, NULL));
	set_linger(child, 1, 0);
	EXPECT_WORKS(closesocket(child));
	wait_for(s, POLLIN);
	EXPECT_FAILS(WSAECONNRESET, send(s, "x", 1, 0));
	EXPECT_FAILS(WSAECONNRESET, send(s, "x", 1, 0));
}

/* No SIGPIPE, whatever the reason. */
TEST_F(call, a_socket_that_was_never_connected)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	char byte;
	int len = sizeof(addr);

	EXPECT_FAILS(WSAENOTCONN, send(s, "x", 1, 0));
	EXPECT_FAILS(WSAENOTCONN, recv(s, &byte, 1, 0));
	EXPECT_FAILS(WSAENOTCONN, shutdown(s, SD_SEND));
	EXPECT_FAILS(WSAENOTCONN, getpeername(s, (struct sockaddr *)&addr, &len));
}

TEST_F(call, nothing_there_and_nonblocking)
{
	u_long nonblocking = 1;
	char byte;

	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, MSG_DONTWAIT));
	EXPECT_CLEAR(ioctlsocket(self->s, FIONBIO, &nonblocking));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, 0));
	fill(self->s);
	EXPECT_FAILS(WSAEWOULDBLOCK, send(self->s, "x", 1, 0));
}

/* The kernel counts ticks, of which a virtual machine may catch up on some at once. */
#define TIMEOUT_MS	300
#define TICKS_MS	50

TEST_F(call, nothing_there_within_the_timeout)
{
	DWORD ms = TIMEOUT_MS, zero = 0;
	long before = now_ms();
	char byte;

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	EXPECT_FAILS(WSAETIMEDOUT, recv(self->s, &byte, 1, 0));
	EXPECT_LE(TIMEOUT_MS - TICKS_MS, now_ms() - before);
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, MSG_DONTWAIT));

	fill(self->s);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, send(self->s, "x", 1, 0));
	EXPECT_LE(TIMEOUT_MS - TICKS_MS, now_ms() - before);

	/* as nonblocking, the same option means nothing */
	set_nonblocking(self->s, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, send(self->s, "x", 1, 0));
	set_nonblocking(self->s, false);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &zero,
				sizeof(zero)));
}

/* L3: signals make a timeout neither end nor start again. */
TEST_F(call, signals_do_not_move_the_timeout)
{
	DWORD ms = 1000;
	long before, took;
	struct signaller signaller;
	char byte;

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	signaller_start(&signaller, 100);
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, recv(self->s, &byte, 1, 0));
	took = now_ms() - before;
	signaller_stop(&signaller);
	EXPECT_LT(2, signals_handled);
	EXPECT_LE(1000 - TICKS_MS, took);
	EXPECT_GT(AT_ONCE_MS, took);
}

TEST_F(call, no_sockets)
{
	SOCKET none[] = { INVALID_SOCKET, 12345, 0 };
	struct sockaddr_storage addr;
	int ends[2], i, len = sizeof(addr);
	u_long word = 1;
	char byte;

	ASSERT_EQ(0, pipe(ends));
	none[2] = ends[0];
	loopback(variant->family, &addr);
	for (i = 0; i < 3; i++) {
		SOCKET s = none[i];
		struct sockaddr *name = (struct sockaddr *)&addr;

		EXPECT_FAILS(WSAENOTSOCK, bind(s, name, len));
		EXPECT_FAILS(WSAENOTSOCK, connect(s, name, len));
		EXPECT_FAILS(WSAENOTSOCK, listen(s, 1));
		EXPECT_FAILS(WSAENOTSOCK, accept(s, NULL, NULL));
		EXPECT_FAILS(WSAENOTSOCK, shutdown(s, SD_BOTH));
		EXPECT_FAILS(WSAENOTSOCK, getsockname(s, name, &len));
		EXPECT_FAILS(WSAENOTSOCK, getpeername(s, name, &len));
		EXPECT_FAILS(WSAENOTSOCK, send(s, "x", 1, 0));
		EXPECT_FAILS(WSAENOTSOCK, sendto(s, "x", 1, 0, name, len));
		EXPECT_FAILS(WSAENOTSOCK, recv(s, &byte, 1, 0));
		EXPECT_FAILS(WSAENOTSOCK, recvfrom(s, &byte, 1, 0, name, &len));
		EXPECT_FAILS(WSAENOTSOCK, ioctlsocket(s, FIONBIO, &word));
		EXPECT_FAILS(WSAENOTSOCK, ioctlsocket(s, FIONREAD, &word));
		EXPECT_FAILS(WSAENOTSOCK, ioctlsocket(s, SIOCATMARK, &word));
		EXPECT_FAILS(WSAENOTSOCK, WSAHtonl(s, 1, &word));
	}
	/* and the pipe is as it was */
	EXPECT_FALSE(is_nonblocking(ends[0]));
}

TEST_F(call, connecting)
{
	SOCKET listener = open_listener(variant->family);
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);
	struct sockaddr *name = (struct sockaddr *)&addr;

	EXPECT_FAILS(WSAEFAULT, connect(s, name, 4));
	EXPECT_FAILS(WSAEFAULT, connect(s, NULL, len));
	EXPECT_WORKS(connect(s, name, len));
	EXPECT_FAILS(WSAEISCONN, connect(s, name, len));
	EXPECT_FAILS(WSAEINVAL, connect(listener, name, len));

	EXPECT_WORKS(closesocket(listener));
	s = open_socket(variant->family, SOCK_STREAM);
	EXPECT_FAILS(WSAECONNREFUSED, connect(s, name, len));
}

/* L1: programs loop on recv() and the last error together. */
TEST_F(call, transfers_polls_and_options_clear_the_last_error)
{
	WSAPOLLFD pollfd = { .fd = self->s, .events = POLLIN };
	struct sockaddr_storage addr;
	struct timeval now = { 0 };
	int value = 1, len = sizeof(value), got = 0;
	WSABUF buf = { 1, (char *)"x" };
	DWORD bytes, flags = 0;
	u_long word = 1;
	fd_set set;
	char byte;

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, &value, len));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, &value, &len));
	EXPECT_CLEAR(ioctlsocket(self->s, FIONBIO, &word));
	EXPECT_CLEAR(WSAIoctl(self->s, FIONREAD, NULL, 0, &word, sizeof(word),
			      &bytes, NULL, NULL));
	EXPECT_CLEAR(WSAPoll(&pollfd, 1, 0));
	FD_ZERO(&set);
	FD_SET(self->s, &set);
	EXPECT_CLEAR(select(0, &set, NULL, NULL, &now));
	EXPECT_CLEAR(send(self->peer, "x", 1, 0));
	EXPECT_CLEAR(WSASend(self->peer, &buf, 1, &bytes, 0, NULL, NULL));
	wait_for(self->s, POLLIN);
	EXPECT_CLEAR(recv(self->s, &byte, 1, 0));
	buf.buf = &byte;
	EXPECT_CLEAR(WSARecv(self->s, &buf, 1, &bytes, &flags, NULL, NULL));

	/* the others leave it alone */
	len = sizeof(addr);
	EXPECT_WORKS(getsockname(self->s, (struct sockaddr *)&addr, &len));
	EXPECT_WORKS(shutdown(self->peer, SD_SEND));
	wait_for(self->s, POLLIN);
	WSASetLastError(WSAEWOULDBLOCK);
	while ((len = recv(self->s, &byte, 1, 0)) > 0 ||
	       WSAGetLastError() == WSAEWOULDBLOCK)
		ASSERT_GT(100000, ++got);
	EXPECT_EQ(0, len);
}

/* L10 */
TEST_F(call, a_shutdown_without_a_connection_changes_nothing)
{
	SOCKET listener = open_listener(variant->family), s, child;
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);
	char byte;
	int how;

	for (how = SD_RECEIVE; how <= SD_BOTH; how++) {
		s = open_socket(variant->family, SOCK_STREAM);
		EXPECT_FAILS(WSAENOTCONN, shutdown(s, how));
		EXPECT_WORKS(connect(s, (struct sockaddr *)&addr, len));
		child = check(accept(listener, NULL, NULL));
		EXPECT_EQ(1, send(s, "x", 1, 0));
		EXPECT_EQ(1, recv(child, &byte, 1, 0));
		EXPECT_EQ(1, send(child, "y", 1, 0));
		EXPECT_EQ(1, recv(s, &byte, 1, 0));
		EXPECT_WORKS(closesocket(child));
		EXPECT_WORKS(closesocket(s));
	}
}

/* L10: the attempt continues, and connects when there is room. */
TEST_F(call, a_shutdown_while_connecting_changes_nothing)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	SOCKET listener;
	socklen_t len;
	char byte;
	int how, i;

	pending_connect(variant->family, &listener);
	len = name_of(listener, &addr);
	set_nonblocking(s, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, connect(s, (struct sockaddr *)&addr, len));
	for (how = SD_RECEIVE; how <= SD_BOTH; how++)
		EXPECT_FAILS(WSAENOTCONN, shutdown(s, how));
	EXPECT_FAILS(WSAEALREADY, connect(s, (struct sockaddr *)&addr, len));
	set_nonblocking(listener, true);
	for (i = 0; i < 100 && getpeername(s, (struct sockaddr *)&addr, &len); i++) {
		accept(listener, NULL, NULL);
		usleep(100000);
	}
	wait_for(s, POLLOUT);
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(s, &byte, 1, 0));
}

/* L10 */
TEST_F(call, datagram_sockets_are_shut_down_without_a_connection)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	SOCKET other = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr;
	struct sockaddr *name = (struct sockaddr *)&addr;
	socklen_t len;
	WSABUF buf = { 0 };
	DWORD n, flags = 0;
	SOCKET again;
	char byte;

	len = bind_loopback(s, variant->family, &addr);
	again = dup((int)s);
	EXPECT_WORKS(shutdown(s, SD_RECEIVE));
	EXPECT_WORKS(shutdown(s, SD_RECEIVE));
	EXPECT_FAILS(WSAESHUTDOWN, recv(s, &byte, 1, 0));
	EXPECT_FAILS(WSAESHUTDOWN, recvfrom(s, &byte, 1, 0, NULL, NULL));
	/* by a descriptor that the library has not shut down */
	EXPECT_FAILS(WSAESHUTDOWN, recv(again, &byte, 1, 0));
	buf.len = 1;
	buf.buf = &byte;
	EXPECT_FAILS(WSAESHUTDOWN, WSARecv(again, &buf, 1, &n, &flags, NULL, NULL));
	/* the other direction is open */
	EXPECT_EQ(1, sendto(s, "x", 1, 0, name, len));

	again = dup((int)other);
	EXPECT_WORKS(shutdown(other, SD_SEND));
	EXPECT_FAILS(WSAESHUTDOWN, sendto(other, "x", 1, 0, name, len));
	EXPECT_FAILS(WSAESHUTDOWN, sendto(again, "x", 1, 0, name, len));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(other, &byte, 1, MSG_DONTWAIT));
}

static void *receive_one(void *arg)
{
	char byte;

	return (void *)(intptr_t)(recv((SOCKET)arg, &byte, 1, 0) < 0 ?
				  WSAGetLastError() : 0);
}

/* L10 */
TEST_F(call, a_shutdown_ends_a_waiting_receiver_of_datagrams)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	pthread_t thread;
	void *error;

	bind_loopback(s, variant->family, NULL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_one, (void *)s));
	usleep(200000);
	EXPECT_WORKS(shutdown(s, SD_RECEIVE));
	pthread_join(thread, &error);
	EXPECT_EQ(WSAESHUTDOWN, (intptr_t)error);
}

static void wait_for_failure(SOCKET s)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(s, &set);
	check(select(0, NULL, NULL, &set, NULL));
}

static void fail_to_connect(struct __test_metadata *_metadata, SOCKET s,
			    struct sockaddr *name, int len, bool ask)
{
	int error, size = sizeof(error);

	EXPECT_FAILS(WSAEWOULDBLOCK, connect(s, name, len));
	wait_for_failure(s);
	if (!ask)
		return;
	check(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size));
	EXPECT_EQ(WSAECONNREFUSED, error);
}

static void connect_again(struct __test_metadata *_metadata, int family,
			  bool ask, bool nonblocking)
{
	SOCKET listener = open_socket(family, SOCK_STREAM);
	SOCKET s = open_socket(family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len;
	struct sockaddr *name = (struct sockaddr *)&addr;
	char byte;

	/* bound, and not yet listening: it refuses */
	len = bind_loopback(listener, family, &addr);
	set_nonblocking(s, true);
	fail_to_connect(_metadata, s, name, len, ask);
	fail_to_connect(_metadata, s, name, len, ask);

	check(listen(listener, 8));
	set_nonblocking(s, nonblocking);
	if (nonblocking) {
		EXPECT_FAILS(WSAEWOULDBLOCK, connect(s, name, len));
		wait_for(s, POLLOUT);
		EXPECT_FAILS(WSAEISCONN, connect(s, name, len));
	} else {
		EXPECT_WORKS(connect(s, name, len));
	}
	EXPECT_FAILS(WSAEISCONN, connect(s, name, len));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_EQ(1, recv(check(accept(listener, NULL, NULL)), &byte, 1, 0));
}

/* L9 */
TEST_F(call, connecting_again_after_a_failure)
{
	int i;

	for (i = 0; i < 4; i++)
		connect_again(_metadata, variant->family, i & 1, i & 2);
}

/* Connected while nonblocking, asked when blocking. */
TEST_F(call, connecting_once_connected)
{
	SOCKET listener = open_listener(variant->family);
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	set_nonblocking(s, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, connect(s, (struct sockaddr *)&addr, len));
	wait_for(s, POLLOUT);
	set_nonblocking(s, false);
	EXPECT_FAILS(WSAEISCONN, connect(s, (struct sockaddr *)&addr, len));
}

/* Nobody answers once the listener's queue is full. */
TEST_F(call, connecting_without_an_answer)
{
	SOCKET listener, s = pending_connect(variant->family, &listener);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);
	struct sockaddr *name = (struct sockaddr *)&addr;
	struct signaller signaller;
	DWORD ms = 300;
	long before;

	EXPECT_FAILS(WSAEALREADY, connect(s, name, len));

	/* L3 here as well */
	s = open_socket(variant->family, SOCK_STREAM);
	EXPECT_CLEAR(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, connect(s, name, len));
	EXPECT_LE(TIMEOUT_MS - TICKS_MS, now_ms() - before);

	s = open_socket(variant->family, SOCK_STREAM);
	ms = 700;
	EXPECT_CLEAR(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	signaller_start(&signaller, 100);
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, connect(s, name, len));
	EXPECT_LE(700 - TICKS_MS, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	signaller_stop(&signaller);
}

TEST_F(call, a_port_that_nobody_reads)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	SOCKET other = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr;
	socklen_t len = loopback(variant->family, &addr);
	char byte;

	check(bind(other, (struct sockaddr *)&addr, len));
	len = name_of(other, &addr);
	check(closesocket(other));
	check(connect(s, (struct sockaddr *)&addr, len));
	ASSERT_EQ(1, send(s, "x", 1, 0));
	wait_for(s, POLLERR);
	EXPECT_FAILS(WSAECONNRESET, recv(s, &byte, 1, MSG_DONTWAIT));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(s, &byte, 1, MSG_DONTWAIT));

	/* L11: send() sends, and recv() reports the error */
	ASSERT_EQ(1, send(s, "x", 1, 0));
	wait_for(s, POLLERR);
	other = open_socket(variant->family, SOCK_DGRAM);
	check(bind(other, (struct sockaddr *)&addr, len));
	EXPECT_EQ(1, send(s, "y", 1, 0));
	EXPECT_EQ(1, recv(other, &byte, 1, 0));
	EXPECT_EQ('y', byte);
	EXPECT_FAILS(WSAECONNRESET, recv(s, &byte, 1, MSG_DONTWAIT));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(s, &byte, 1, MSG_DONTWAIT));
}

/* L11 */
TEST_F(call, a_port_that_nobody_reads_without_udp_connreset)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	SOCKET other = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr;
	socklen_t len;
	BOOL on = FALSE;
	DWORD n;
	char byte;
	int i;

	check(WSAIoctl(s, SIO_UDP_CONNRESET, &on, sizeof(on), NULL, 0, &n, NULL,
		       NULL));
	len = bind_loopback(other, variant->family, &addr);
	check(closesocket(other));
	check(connect(s, (struct sockaddr *)&addr, len));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(s, "x", 1, 0));
		wait_for(s, POLLERR);
	}
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(s, &byte, 1, MSG_DONTWAIT));

	on = TRUE;
	check(WSAIoctl(s, SIO_UDP_CONNRESET, &on, sizeof(on), NULL, 0, &n, NULL,
		       NULL));
	ASSERT_EQ(1, send(s, "x", 1, 0));
	wait_for(s, POLLERR);
	EXPECT_FAILS(WSAECONNRESET, recv(s, &byte, 1, MSG_DONTWAIT));
}

/* L13 */
TEST_F(call, a_datagram_without_a_destination)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);

	EXPECT_FAILS(WSAENOTCONN, send(s, "x", 1, 0));
	EXPECT_FAILS(WSAENOTCONN, sendto(s, "x", 1, 0, NULL, 0));
	EXPECT_FAILS(WSAEOPNOTSUPP, listen(s, 1));
}

/* L13 */
TEST_F(call, a_stream_reports_no_source)
{
	struct sockaddr_storage addr;
	int len = 0x40ffee11;
	char byte;

	ASSERT_EQ(1, send(self->peer, "x", 1, 0));
	memset(&addr, 0xcc, sizeof(addr));
	EXPECT_EQ(1, recvfrom(self->s, &byte, 1, 0, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(0x40ffee11, len);
	EXPECT_EQ(0xcccc, addr.ss_family);
}

TEST(sockets_that_cannot_be)
{
	start();
	EXPECT_FAILS(WSAEAFNOSUPPORT, socket(4711, SOCK_STREAM, 0));
	EXPECT_FAILS(WSAEAFNOSUPPORT, socket(-1, SOCK_STREAM, 0));
	EXPECT_FAILS(WSAESOCKTNOSUPPORT, socket(AF_INET, 9999, 0));
	EXPECT_FAILS(WSAESOCKTNOSUPPORT, socket(AF_INET, -1, 0));
	EXPECT_FAILS(WSAEPROTONOSUPPORT, socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	EXPECT_FAILS(WSAEPROTONOSUPPORT, socket(AF_INET6, SOCK_DGRAM, IPPROTO_TCP));
	EXPECT_FAILS(WSAEPROTONOSUPPORT, socket(AF_INET, SOCK_STREAM, 0xdead));
	EXPECT_FAILS(WSAEPROTONOSUPPORT, socket(AF_INET6, SOCK_DGRAM, -1));
	EXPECT_FAILS(WSAEINVAL, socket(0, 0, 0));
}

static int int_option(SOCKET s, int name)
{
	int value = -1, len = sizeof(value);

	check(getsockopt(s, SOL_SOCKET, name, &value, &len));
	return value;
}

/* L17 */
TEST(a_protocol_implies_the_rest)
{
	SOCKET s;

	start();
	s = check(WSASocket(AF_INET6, 0, IPPROTO_UDP, NULL, 0, 0));
	EXPECT_EQ(SOCK_DGRAM, int_option(s, SO_TYPE));
	EXPECT_EQ(AF_INET6, int_option(s, SO_DOMAIN));
	s = check(WSASocket(AF_UNSPEC, 0, IPPROTO_TCP, NULL, 0,
			    WSA_FLAG_NO_HANDLE_INHERIT));
	EXPECT_EQ(SOCK_STREAM, int_option(s, SO_TYPE));
	EXPECT_EQ(AF_INET, int_option(s, SO_DOMAIN));
	EXPECT_EQ(FD_CLOEXEC, fcntl((int)s, F_GETFD));
	s = check(socket(AF_UNSPEC, SOCK_DGRAM, IPPROTO_UDP));
	EXPECT_EQ(AF_INET, int_option(s, SO_DOMAIN));
}

/* L14 */
TEST(what_a_listener_keeps_to_itself_its_children_do)
{
	int i;

	start();
	for (i = 0; i < 2; i++) {
		SOCKET listener = check(WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0,
						  i ? WSA_FLAG_NO_HANDLE_INHERIT : 0));
		SOCKET s = open_socket(AF_INET, SOCK_STREAM), child;
		struct sockaddr_storage addr;
		int len;

		len = bind_loopback(listener, AF_INET, &addr);
		check(listen(listener, 1));
		check(connect(s, (struct sockaddr *)&addr, len));
		child = check(accept(listener, NULL, NULL));
		EXPECT_EQ(i ? FD_CLOEXEC : 0, fcntl((int)child, F_GETFD));
		EXPECT_WORKS(closesocket(child));
	}
}

TEST(no_more_descriptors)
{
	struct rlimit limit = { .rlim_cur = 16, .rlim_max = 16 };
	int fd;

	start();
	setrlimit(RLIMIT_NOFILE, &limit);
	while ((fd = dup(0)) >= 0)
		;
	EXPECT_FAILS(WSAEMFILE, socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_FAILS(WSAEMFILE, socket(AF_INET, SOCK_DGRAM, 0));
}

TEST_F(call, sending_on_a_listener)
{
	EXPECT_FAILS(WSAENOTCONN, send(open_listener(variant->family), "x", 1, 0));
}

/* A stream that is no TCP: there is no state to ask for. */
TEST(sending_to_a_local_peer_that_is_gone)
{
	int ends[2];

	start();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	native_close(ends[1]);
	EXPECT_FAILS(WSAECONNRESET, send(ends[0], "x", 1, 0));
}

TEST_HARNESS_MAIN
