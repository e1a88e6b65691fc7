// SPDX-License-Identifier: LGPL-2.1-or-later
/* L7: what Linux's errors become, by number and by call. */
#include <sys/resource.h>

#include "lib_suite.h"
#include "../userlib/errno.c"

/* The specification, grouped by what a Winsock program should be told. */
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

/* The library was not asked, but the socket's state tells. */
TEST_F(call, sending_after_a_shutdown_by_other_means)
{
	EXPECT_EQ(0, syscall(SYS_shutdown, (int)self->s, SHUT_WR));
	EXPECT_FAILS(WSAESHUTDOWN, send(self->s, "x", 1, 0));
}

/* The connection is gone, with all that it could tell. */
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

/* A number that close(2) let go means another socket. */
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

/* fill() leaves a little room when the last acknowledgment comes late. */
static void squeeze(SOCKET s)
{
	while (send(s, "x", 1, 0) == 1)
		;
}

TEST_F(call, nothing_there_and_nonblocking)
{
	u_long nonblocking = 1;
	char byte;

	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, MSG_DONTWAIT));
	EXPECT_WORKS(ioctlsocket(self->s, FIONBIO, &nonblocking));
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, 0));
	fill(self->s);
	squeeze(self->s);
	EXPECT_FAILS(WSAEWOULDBLOCK, send(self->s, "x", 1, 0));
}

TEST_F(call, nothing_there_within_the_time_out)
{
	DWORD ms = 300, zero = 0;
	long before = now_ms();
	char byte;

	EXPECT_WORKS(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	EXPECT_FAILS(WSAETIMEDOUT, recv(self->s, &byte, 1, 0));
	EXPECT_LE(295, now_ms() - before);
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(self->s, &byte, 1, MSG_DONTWAIT));

	fill(self->s);
	EXPECT_WORKS(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	squeeze(self->s);
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, send(self->s, "x", 1, 0));
	EXPECT_LE(295, now_ms() - before);

	/* as nonblocking, the same option means nothing */
	set_nonblocking(self->s, true);
	EXPECT_FAILS(WSAEWOULDBLOCK, send(self->s, "x", 1, 0));
	set_nonblocking(self->s, false);
	EXPECT_WORKS(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &zero,
				sizeof(zero)));
}

/* L3: signals make a time-out neither end nor start again. */
TEST_F(call, signals_do_not_move_the_time_out)
{
	DWORD ms = 1000;
	long before, took;
	struct pest pest;
	char byte;

	EXPECT_WORKS(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	pest_start(&pest, 100);
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, recv(self->s, &byte, 1, 0));
	took = now_ms() - before;
	pest_stop(&pest);
	EXPECT_LT(2, pest_bites);
	EXPECT_LE(990, took);
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

/* Nobody answers once the listener's queue is full. */
TEST_F(call, connecting_without_an_answer)
{
	SOCKET listener = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = loopback(variant->family, &addr);
	struct sockaddr *name = (struct sockaddr *)&addr;
	DWORD ms = 300;
	struct pest pest;
	long before;
	SOCKET s;
	int i;

	check(bind(listener, name, len));
	check(listen(listener, 0));
	len = name_of(listener, &addr);
	for (i = 0; i < 4; i++) {
		s = open_socket(variant->family, SOCK_STREAM);
		set_nonblocking(s, true);
		EXPECT_FAILS(WSAEWOULDBLOCK, connect(s, name, len));
		usleep(50000);
	}
	EXPECT_FAILS(WSAEALREADY, connect(s, name, len));

	/* L3 here as well */
	s = open_socket(variant->family, SOCK_STREAM);
	EXPECT_WORKS(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, connect(s, name, len));
	EXPECT_LE(295, now_ms() - before);

	s = open_socket(variant->family, SOCK_STREAM);
	ms = 700;
	EXPECT_WORKS(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	pest_start(&pest, 100);
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, connect(s, name, len));
	EXPECT_LE(690, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	pest_stop(&pest);
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
