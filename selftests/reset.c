// SPDX-License-Identifier: GPL-2.0
/*
 * The remote side of a hard close: R1 for sockets that asked for it, R2 and R3 for
 * others.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "support/suite.h"

#define UNREAD	100

FIXTURE(reset) {
	struct pair pair;
};

FIXTURE_VARIANT(reset) {
	struct kind kind;
	bool accepted;
};

#define RESET(family, accepted)	{ { family, true, false, true }, accepted }

FIXTURE_VARIANT_ADD(reset, ipv4)
	RESET(AF_INET, false);
FIXTURE_VARIANT_ADD(reset, ipv6)
	RESET(AF_INET6, false);
FIXTURE_VARIANT_ADD(reset, child_of_an_attached_listener)
	RESET(AF_INET, true);

FIXTURE_SETUP(reset)
{
	netns_enter();
	winsock_open();
	if (variant->accepted)
		pair_open_accepted(&self->pair, &variant->kind);
	else
		pair_open(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(reset);

static int unread(int fd)
{
	int bytes;

	check(ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

/* What the socket under test has not read when the reset comes. */
static void leave_unread(struct pair *pair)
{
	char bytes[UNREAD] = "";

	check(send(pair->peer, bytes, sizeof(bytes), 0));
	wait_until(unread(pair->fd) == UNREAD);
}

static void reset_by_peer(struct pair *pair)
{
	set_linger(pair->peer, 1, 0);
	close(pair->peer);
	pair->peer = -1;
	wait_until(tcp_state(pair->fd) == TCP_CLOSE);
}

static long recv_flags(int fd, int flags)
{
	char bytes[1000];

	return result_of(recv(fd, bytes, sizeof(bytes), flags));
}

/* Without MSG_NOSIGNAL: SIGPIPE would end the test. */
static long send_one(int fd)
{
	return result_of(send(fd, "", 1, 0));
}

/* R1, however often and in whichever way one reads */
static void expect_every_read_fails(struct __test_metadata *_metadata, int fd)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ECONNRESET, recv_flags(fd, 0));
		EXPECT_EQ(-ECONNRESET, recv_flags(fd, MSG_PEEK));
		EXPECT_EQ(-ECONNRESET, recv_flags(fd, MSG_WAITALL));
		EXPECT_EQ(-ECONNRESET, recv_flags(fd, MSG_DONTWAIT));
		EXPECT_EQ(-ECONNRESET, result_of(read(fd, &byte, 1)));
		EXPECT_EQ(-ECONNRESET, result_of(readv(fd, &iov, 1)));
		EXPECT_EQ(-ECONNRESET,
			  result_of(recvmsg(fd, &msgs[0].msg_hdr, 0)));
		EXPECT_EQ(-ECONNRESET,
			  result_of(recvmmsg(fd, msgs, 2, 0, NULL)));
	}
}

/* R1, the same for writing */
static void expect_every_write_fails(struct __test_metadata *_metadata, int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ECONNRESET, send_one(fd));
		EXPECT_EQ(-ECONNRESET, result_of(send(fd, "", 1, MSG_DONTWAIT)));
		EXPECT_EQ(-ECONNRESET, result_of(write(fd, &byte, 1)));
		EXPECT_EQ(-ECONNRESET, result_of(writev(fd, &iov, 1)));
		EXPECT_EQ(-ECONNRESET,
			  result_of(sendmsg(fd, &msgs[0].msg_hdr, 0)));
		EXPECT_EQ(-ECONNRESET, result_of(sendmmsg(fd, msgs, 2, 0)));
	}
}

/* R1 */
TEST_F(reset, every_recv_fails_the_first_too_although_bytes_were_unread)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	reset_by_peer(pair);
	expect_every_read_fails(_metadata, pair->fd);
	expect_every_write_fails(_metadata, pair->fd);
	expect_every_read_fails(_metadata, pair->fd);
}

/* R1 */
TEST_F(reset, every_send_fails_the_first_too_and_raises_no_signal)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	reset_by_peer(pair);
	expect_every_write_fails(_metadata, pair->fd);
	expect_every_read_fails(_metadata, pair->fd);
}

/* R1: not a matter of waiting either. */
TEST_F(reset, nonblocking_reads_and_writes_fail_the_same_way)
{
	struct pair *pair = &self->pair;

	set_nonblocking(pair->fd, true);
	reset_by_peer(pair);
	expect_every_read_fails(_metadata, pair->fd);
	expect_every_write_fails(_metadata, pair->fd);
}

/* R1: asking for the error takes it away from nobody. */
TEST_F(reset, fails_also_after_so_error_has_been_asked)
{
	struct pair *pair = &self->pair;
	socklen_t len = sizeof(int);
	int error;

	leave_unread(pair);
	reset_by_peer(pair);
	ASSERT_EQ(0, getsockopt(pair->fd, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(ECONNRESET, error);
	expect_every_read_fails(_metadata, pair->fd);
	expect_every_write_fails(_metadata, pair->fd);
}

/* R1 */
TEST_F(reset, poll_tells)
{
	struct pollfd pfd = { .fd = self->pair.fd, .events = POLLIN | POLLOUT };

	reset_by_peer(&self->pair);
	ASSERT_EQ(1, poll(&pfd, 1, WAIT_MS));
	EXPECT_EQ(POLLERR | POLLHUP, pfd.revents & (POLLERR | POLLHUP));
}

/* R1 for those who were already there */
TEST_F(reset, every_blocked_recv_fails)
{
	struct pair *pair = &self->pair;
	struct call calls[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct call)CALL_RECV(pair->fd);
		call_enter(&calls[i]);
	}
	reset_by_peer(pair);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_EQ(-ECONNRESET, call_join(&calls[i]));
	expect_every_read_fails(_metadata, pair->fd);
}

/* R1, no SIGPIPE for the second one that wakes up either */
TEST_F(reset, every_blocked_send_fails)
{
	struct pair *pair = &self->pair;
	struct call calls[4];
	unsigned int i;

	pair_stall(pair);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct call)CALL_SEND(pair->fd);
		call_enter(&calls[i]);
	}
	reset_by_peer(pair);
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_EQ(-ECONNRESET, call_join(&calls[i]));
	expect_every_write_fails(_metadata, pair->fd);
}

static long run_recv_waitall(struct call *call)
{
	return recv_flags(call->fd, MSG_WAITALL);
}

/* What a call has copied already is not taken back. */
TEST_F(reset, recv_under_way_reports_what_it_has_copied)
{
	struct pair *pair = &self->pair;
	struct call call = { SYS_recvfrom, run_recv_waitall, pair->fd };
	char bytes[UNREAD] = "";

	ASSERT_EQ(UNREAD, send(pair->peer, bytes, UNREAD, 0));
	call_enter(&call);
	wait_until(!unread(pair->fd));
	reset_by_peer(pair);
	EXPECT_EQ(UNREAD, call_join(&call));
	expect_every_read_fails(_metadata, pair->fd);
}

/* R1: the end of the peer's data was told, and then the reset came. */
TEST_F(reset, fails_after_the_peer_had_finished)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	pair_arrange(pair, LOAD_NONE, TCP_CLOSE_WAIT);
	reset_by_peer(pair);
	expect_every_read_fails(_metadata, pair->fd);
	expect_every_write_fails(_metadata, pair->fd);
}

/* R1: EOF seen, reset after it */
TEST_F(reset, fails_although_the_end_was_read_before)
{
	struct pair *pair = &self->pair;

	pair_arrange(pair, LOAD_NONE, TCP_CLOSE_WAIT);
	ASSERT_EQ(0, recv_flags(pair->fd, 0));
	reset_by_peer(pair);
	expect_every_read_fails(_metadata, pair->fd);
	expect_every_write_fails(_metadata, pair->fd);
}

/* R1: natively EPIPE, with the signal. */
TEST_F(reset, blocked_send_fails_after_the_peer_had_finished)
{
	struct pair *pair = &self->pair;
	struct call calls[2] = { CALL_SEND(pair->fd), CALL_SEND(pair->fd) };

	pair_arrange(pair, LOAD_STALLED, TCP_CLOSE_WAIT);
	call_enter(&calls[0]);
	call_enter(&calls[1]);
	reset_by_peer(pair);
	EXPECT_EQ(-ECONNRESET, call_join(&calls[0]));
	EXPECT_EQ(-ECONNRESET, call_join(&calls[1]));
	expect_every_write_fails(_metadata, pair->fd);
}

/* R1: our own shutdown does not hide it. */
TEST_F(reset, fails_after_own_shutdown)
{
	static const int hows[] = { SHUT_WR, SHUT_RD };
	struct pair *pair = &self->pair;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hows); i++) {
		ASSERT_EQ(0, shutdown(pair->fd, hows[i]));
		reset_by_peer(pair);
		expect_every_read_fails(_metadata, pair->fd);
		expect_every_write_fails(_metadata, pair->fd);
		pair_close(pair);
		pair_open(pair, &variant->kind);
	}
}

/* R1 for the calls that move data without the application touching it */
TEST_F(reset, splice_and_sendfile_fail)
{
	struct pair *pair = &self->pair;
	int fds[2], file;

	ASSERT_EQ(0, pipe(fds));
	file = check(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	leave_unread(pair);
	reset_by_peer(pair);
	EXPECT_EQ(-ECONNRESET,
		  result_of(splice(pair->fd, NULL, fds[1], NULL, 1, 0)));
	EXPECT_EQ(-ECONNRESET,
		  result_of(splice(pair->fd, NULL, fds[1], NULL, 1,
				   SPLICE_F_NONBLOCK)));
	EXPECT_EQ(-ECONNRESET, result_of(sendfile(pair->fd, file, NULL, 1)));
	ASSERT_EQ(1, write(fds[1], "", 1));
	EXPECT_EQ(-ECONNRESET,
		  result_of(splice(fds[0], NULL, pair->fd, NULL, 1, 0)));
}

static long run_splice(struct call *call)
{
	int *pipe = call->arg;

	return result_of(splice(call->fd, NULL, pipe[1], NULL, 1, 0));
}

/* R1 */
TEST_F(reset, blocked_splice_fails)
{
	struct pair *pair = &self->pair;
	int fds[2];
	struct call calls[2] = {
		{ SYS_splice, run_splice, pair->fd, fds },
		CALL_RECV(pair->fd),
	};

	ASSERT_EQ(0, pipe(fds));
	call_enter(&calls[0]);
	call_enter(&calls[1]);
	reset_by_peer(pair);
	EXPECT_EQ(-ECONNRESET, call_join(&calls[0]));
	EXPECT_EQ(-ECONNRESET, call_join(&calls[1]));
}

/* N5: it says nothing more. */
TEST_F(reset, closing_it_afterwards_sends_nothing)
{
	struct pair *pair = &self->pair;
	unsigned int packets;

	leave_unread(pair);
	reset_by_peer(pair);
	packets = wire_look(&pair->wire)->sent.packets;
	set_linger(pair->fd, 1, LINGER_LONG);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(packets, wire_look(&pair->wire)->sent.packets);
	pair->fd = -1;
}

/* The reset is of the connection, not of the socket. */
TEST_F(reset, new_connection_of_the_socket_is_a_new_life)
{
	struct sockaddr_storage addr, none = { .ss_family = AF_UNSPEC };
	struct pair *pair = &self->pair;
	int listener, peer;
	socklen_t len;

	leave_unread(pair);
	reset_by_peer(pair);
	expect_every_read_fails(_metadata, pair->fd);

	ASSERT_EQ(0, connect(pair->fd, (struct sockaddr *)&none, sizeof(none)));
	listener = check(socket(variant->kind.family, SOCK_STREAM, 0));
	listen_loopback(listener, variant->kind.family, 1, &addr, &len);
	ASSERT_EQ(0, connect(pair->fd, (struct sockaddr *)&addr, len));
	peer = check(accept(listener, NULL, NULL));
	EXPECT_EQ(1, send_one(pair->fd));
	EXPECT_EQ(1, recv_flags(peer, 0));
	ASSERT_EQ(1, send(peer, "", 1, 0));
	EXPECT_EQ(1, recv_flags(pair->fd, 0));
	close(peer);
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
	close(listener);
}

/* The same where connect() itself ends a connection that was reset at once. */
TEST_F(reset, new_connection_after_one_that_was_reset_at_once_is_a_new_life)
{
	struct kind kind = variant->kind;
	struct sockaddr_storage addr;
	int listener, peer, fd;
	socklen_t len;

	listener = check(socket(kind.family, SOCK_STREAM, 0));
	listen_loopback(listener, kind.family, 1, &addr, &len);
	kind.nonblocking = true;
	fd = kind_socket(&kind, SOCK_STREAM);
	ASSERT_EQ(-EINPROGRESS, result_of(connect(fd, (void *)&addr, len)));
	peer = check(accept(listener, NULL, NULL));
	set_linger(peer, 1, 0);
	close(peer);
	wait_until(tcp_state(fd) == TCP_CLOSE);
	ASSERT_EQ(-ECONNRESET, result_of(connect(fd, (void *)&addr, len)));

	set_nonblocking(fd, false);
	ASSERT_EQ(0, connect(fd, (void *)&addr, len));
	peer = check(accept(listener, NULL, NULL));
	EXPECT_EQ(1, send_one(fd));
	EXPECT_EQ(1, recv_flags(peer, 0));
	ASSERT_EQ(1, send(peer, "", 1, 0));
	EXPECT_EQ(1, recv_flags(fd, 0));
	close(peer);
	EXPECT_EQ(0, recv_flags(fd, 0));
	close(listener);
	close(fd);
}

/* The option: values, lengths, and the sockets that have none. */
TEST_F(reset, option_takes_an_int_of_0_or_1)
{
	int fd = self->pair.fd, on = 2, udp, plain;
	socklen_t len = sizeof(on);
	char byte = 7;

	EXPECT_EQ(1, get_reset_discards(fd));
	EXPECT_EQ(-EINVAL, set_reset_discards(fd, 2));
	EXPECT_EQ(-EINVAL, set_reset_discards(fd, -1));
	EXPECT_EQ(-EINVAL, result_of(setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS,
						&on, sizeof(on) - 1)));
	EXPECT_EQ(-EFAULT, result_of(setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS,
						NULL, sizeof(on))));
	EXPECT_EQ(1, get_reset_discards(fd));
	EXPECT_EQ(0, set_reset_discards(fd, 0));
	EXPECT_EQ(0, get_reset_discards(fd));
	EXPECT_EQ(0, set_reset_discards(fd, 1));
	len = 1;
	EXPECT_EQ(0, getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS,
				&byte, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(1, byte);

	udp = check(ioc_socket(variant->kind.family, SOCK_DGRAM, 0));
	EXPECT_EQ(-ENOPROTOOPT, set_reset_discards(udp, 1));
	plain = check(socket(variant->kind.family, SOCK_STREAM, 0));
	EXPECT_NE(0, set_reset_discards(plain, 1));
	close(plain);
	close(udp);
}

/* The flag of WINSOCK_IOC_SOCKET is the option; of a datagram socket it is none. */
TEST_F(reset, flag_is_the_option)
{
	struct winsock_socket arg = {
		variant->kind.family, SOCK_STREAM, 0,
		WINSOCK_SOCKET_RESET_DISCARDS
	};
	int fd = check(ioctl(winsock_device, WINSOCK_IOC_SOCKET, &arg));

	EXPECT_EQ(1, get_reset_discards(fd));
	close(fd);
	arg.type = SOCK_DGRAM;
	EXPECT_EQ(-EINVAL, result_of(ioctl(winsock_device, WINSOCK_IOC_SOCKET,
					   &arg)));
	arg.type = SOCK_STREAM;
	arg.flags = 0;
	fd = check(ioctl(winsock_device, WINSOCK_IOC_SOCKET, &arg));
	EXPECT_EQ(0, get_reset_discards(fd));
	close(fd);
}

/* R1 ends where it is switched off. */
TEST_F(reset, switched_off_reads_as_natively)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, set_reset_discards(pair->fd, 0));
	leave_unread(pair);
	reset_by_peer(pair);
	EXPECT_EQ(UNREAD, recv_flags(pair->fd, 0));
	EXPECT_EQ(-ECONNRESET, recv_flags(pair->fd, 0));
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
}

/* R1 when the hard close is ours as well */
TEST_F(reset, closesocket_of_one_attached_socket_resets_another)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, winsock_attach(pair->peer));
	ASSERT_EQ(0, set_reset_discards(pair->peer, 1));
	pair_send(pair, UNREAD);
	wait_until(unread(pair->peer) == UNREAD);
	set_linger(pair->fd, 1, 0);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	wait_until(tcp_state(pair->peer) == TCP_CLOSE);
	expect_every_read_fails(_metadata, pair->peer);
	expect_every_write_fails(_metadata, pair->peer);
}

/* R1: the reset may have come before the socket was attached... */
TEST_F(reset, counts_also_when_it_came_before_the_attachment)
{
	struct kind plain = { variant->kind.family, false, false };
	struct pair pair;

	pair_open(&pair, &plain);
	leave_unread(&pair);
	reset_by_peer(&pair);
	ASSERT_EQ(0, winsock_attach(pair.fd));
	ASSERT_EQ(0, set_reset_discards(pair.fd, 1));
	expect_every_read_fails(_metadata, pair.fd);
	expect_every_write_fails(_metadata, pair.fd);
	pair_close(&pair);
}

/* ...and accept() only hands out a connection that was reset in the queue. */
TEST_F(reset, counts_also_when_it_came_before_accept)
{
	struct sockaddr_storage addr;
	struct pair pair = { .peer = -1 };
	int listener;
	socklen_t len;

	listener = kind_socket(&variant->kind, SOCK_STREAM);
	listen_loopback(listener, variant->kind.family, 1, &addr, &len);
	pair.peer = check(socket(variant->kind.family, SOCK_STREAM, 0));
	connect_to(pair.peer, &addr, len);
	check(send(pair.peer, "", 1, 0));
	wait_ready(listener, POLLIN);
	set_linger(pair.peer, 1, 0);
	close(pair.peer);
	pair.fd = check(accept(listener, NULL, NULL));
	wait_until(tcp_state(pair.fd) == TCP_CLOSE);
	expect_every_read_fails(_metadata, pair.fd);
	expect_every_write_fails(_metadata, pair.fd);
	EXPECT_EQ(0, ioc_closesocket(pair.fd));
	EXPECT_EQ(0, ioc_closesocket(listener));
}

/* Errors of other kinds stay what they are natively. */
TEST_F(reset, refused_connection_is_not_a_reset_one)
{
	struct kind plain = { variant->kind.family, false, false };
	int fds[2] = {
		kind_socket(&variant->kind, SOCK_STREAM),
		kind_socket(&plain, SOCK_STREAM),
	};
	struct sockaddr_storage addr;
	long got[2][3];
	int listener;
	socklen_t len;
	unsigned int i;

	listener = kind_socket(&plain, SOCK_STREAM);
	listen_loopback(listener, variant->kind.family, 1, &addr, &len);
	close(listener);
	for (i = 0; i < 2; i++) {
		got[i][0] = result_of(connect(fds[i], (struct sockaddr *)&addr,
					      len));
		got[i][1] = recv_flags(fds[i], 0);
		got[i][2] = result_of(send(fds[i], "", 1, MSG_NOSIGNAL));
	}
	EXPECT_EQ(-ECONNREFUSED, got[0][0]);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(got[1][i], got[0][i]);
}

/* An orderly end is not a reset, and SIGPIPE comes as ever. */
TEST_F(reset, orderly_end_is_read_as_one)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	pair_arrange(pair, LOAD_NONE, TCP_CLOSE_WAIT);
	EXPECT_EQ(1, recv_flags(pair->fd, 0));
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
	EXPECT_EQ(1, send_one(pair->fd));
	ASSERT_EQ(0, shutdown(pair->fd, SHUT_WR));
	EXPECT_EQ(-EPIPE, result_of(send(pair->fd, "", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
}

static unsigned int pipes;

static void on_sigpipe(int signal)
{
	pipes++;
}

TEST_F(reset, send_after_own_shutdown_raises_sigpipe_as_ever)
{
	struct sigaction action = { .sa_handler = on_sigpipe };
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, sigaction(SIGPIPE, &action, NULL));
	ASSERT_EQ(0, shutdown(pair->fd, SHUT_WR));
	EXPECT_EQ(-EPIPE, send_one(pair->fd));
	EXPECT_EQ(1, pipes);
	EXPECT_EQ(-EPIPE, result_of(send(pair->fd, "", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(1, pipes);
}

FIXTURE(plain) {
	struct pair pair;
};

FIXTURE_VARIANT(plain) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(plain, ipv4)
	KIND(AF_INET, false, false);
FIXTURE_VARIANT_ADD(plain, ipv6)
	KIND(AF_INET6, false, false);
FIXTURE_VARIANT_ADD(plain, attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(plain, attached_ipv6)
	KIND(AF_INET6, true, false);

FIXTURE_SETUP(plain)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(plain);

/* R3: a server answers, closes with the request unread, and is read to the end. */
TEST_F(plain, reads_an_answer_whose_end_is_a_reset)
{
	struct pair *pair = &self->pair;

	pair_send(pair, UNREAD);
	wait_until(unread(pair->peer) == UNREAD);
	leave_unread(pair);
	close(pair->peer);
	pair->peer = -1;
	wait_until(tcp_state(pair->fd) == TCP_CLOSE);
	EXPECT_EQ(UNREAD, recv_flags(pair->fd, 0));
	EXPECT_EQ(-ECONNRESET, recv_flags(pair->fd, 0));
	EXPECT_EQ(-EPIPE, result_of(send(pair->fd, "", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
}

/* R2 of a socket that is not attached, the control; R3 of one that is */
TEST_F(plain, reads_its_bytes_then_one_error_then_the_end)
{
	struct pair *pair = &self->pair;

	leave_unread(pair);
	reset_by_peer(pair);
	EXPECT_EQ(UNREAD, recv_flags(pair->fd, 0));
	EXPECT_EQ(-ECONNRESET, recv_flags(pair->fd, 0));
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
	EXPECT_EQ(0, recv_flags(pair->fd, 0));
}

TEST_HARNESS_MAIN
