// SPDX-License-Identifier: LGPL-2.1-or-later
/* TransmitFile(): what arrives, what is reported, and what ends it. */
#define _FILE_OFFSET_BITS 64	/* of 4 GiB */
#include <linux/sockios.h>
#include <mswsock.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>

#include "suite.h"

/* More than the sockets' buffers hold, and no multiple of anything. */
#define LARGE		1000003
#define SMALL		1009

static HANDLE handle(int fd)
{
	return (HANDLE)(intptr_t)fd;
}

/* A file that holds @len bytes of the pattern after the first @from. */
static int make_file(long from, long len)
{
	char name[] = "/tmp/lib_file.XXXXXX";
	int fd = mkstemp(name);
	char *buf = malloc(len);

	if (fd < 0 || !buf)
		err(EXIT_FAILURE, "%s", name);
	unlink(name);
	make_pattern(buf, from, len);
	if (write(fd, buf, len) != len || lseek(fd, 0, SEEK_SET))
		err(EXIT_FAILURE, "%s", name);
	free(buf);
	return fd;
}

static off_t position(int fd)
{
	return lseek(fd, 0, SEEK_CUR);
}

static bool nothing_came(SOCKET s)
{
	char byte;

	return recv(s, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == SOCKET_ERROR &&
	       WSAGetLastError() == WSAEWOULDBLOCK;
}

FIXTURE(file) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	struct drainer drainer;
};

FIXTURE_VARIANT(file) {
	int family;
};

FIXTURE_VARIANT_ADD(file, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(file, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(file)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
}

FIXTURE_TEARDOWN(file)
{
	WSACleanup();
}

TEST_F(file, all_of_it_arrives)
{
	int fd = make_file(0, LARGE);

	drainer_start(&self->drainer, self->peer, 50);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, NULL, 0));
	EXPECT_EQ(LARGE, position(fd));
	/* the socket is as before */
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_EQ(LARGE, drainer_join(&self->drainer));
}

TEST_F(file, between_a_head_and_a_tail)
{
	TRANSMIT_FILE_BUFFERS buffers;
	char head[SMALL], tail[SMALL];
	int fd = make_file(SMALL, LARGE);

	make_pattern(head, 0, SMALL);
	make_pattern(tail, SMALL + LARGE, SMALL);
	buffers.Head = head;
	buffers.HeadLength = SMALL;
	buffers.Tail = tail;
	buffers.TailLength = SMALL;
	drainer_start(&self->drainer, self->peer, 50);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, &buffers,
				       TF_DISCONNECT));
	EXPECT_EQ(SMALL + LARGE + SMALL, drainer_join(&self->drainer));
	EXPECT_FAILS(WSAESHUTDOWN, send(self->s, "x", 1, 0));
}

/* libc's structure ends before tcpi_data_segs_out of linux/tcp.h. */
static uint32_t segments_out(SOCKET s)
{
	uint32_t info[64] = { 0 };
	socklen_t len = sizeof(info);

	if (syscall(SYS_getsockopt, (int)s, IPPROTO_TCP, TCP_INFO, info, &len))
		err(EXIT_FAILURE, "TCP_INFO");
	return info[39];
}

TEST_F(file, a_head_travels_with_the_file)
{
	TRANSMIT_FILE_BUFFERS buffers = { "head", 4, NULL, 0 };
	uint32_t before = segments_out(self->s);
	int fd = make_file(0, SMALL);

	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, &buffers, 0));
	EXPECT_EQ(before + 1, segments_out(self->s));
}

TEST_F(file, head_and_tail_larger_than_the_buffers)
{
	TRANSMIT_FILE_BUFFERS buffers = { NULL, LARGE, NULL, LARGE };
	char *bytes = malloc(2 * LARGE);
	int fd = make_file(LARGE, SMALL);

	make_pattern(bytes, 0, LARGE);
	make_pattern(bytes + LARGE, LARGE + SMALL, LARGE);
	buffers.Head = bytes;
	buffers.Tail = bytes + LARGE;
	drainer_start(&self->drainer, self->peer, 50);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, &buffers,
				       TF_DISCONNECT));
	EXPECT_EQ(LARGE + SMALL + LARGE, drainer_join(&self->drainer));
	free(bytes);
}

/* A head that waits for more that never comes would be late. */
TEST_F(file, a_head_alone_leaves_at_once)
{
	TRANSMIT_FILE_BUFFERS buffers = { "head", 4, NULL, 0 };
	int fd = make_file(0, SMALL), unsent;
	char buf[8];

	EXPECT_TRUE_CLEAR(TransmitFile(self->s, NULL, 0, 0, NULL, &buffers, 0));
	EXPECT_EQ(4, recv(self->peer, buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "head", 4));

	/* before the end of a file */
	lseek(fd, 0, SEEK_END);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, &buffers, 0));
	EXPECT_EQ(0, ioctl((int)self->s, SIOCOUTQNSD, &unsent));
	EXPECT_EQ(0, unsent);
	EXPECT_EQ(4, recv(self->peer, buf, 4, MSG_WAITALL));

	buffers = (TRANSMIT_FILE_BUFFERS) { NULL, 0, "tail", 4 };
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, NULL, 0, 0, NULL, &buffers, 0));
	EXPECT_EQ(4, recv(self->peer, buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "tail", 4));
}

TEST_F(file, from_its_position_as_many_bytes_as_asked_for)
{
	int fd = make_file(0, SMALL);

	lseek(fd, 251, SEEK_SET);	/* where the pattern begins again */
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 100, 0, NULL, NULL, 0));
	EXPECT_EQ(351, position(fd));
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 100, 7, NULL, NULL, 0));
	EXPECT_EQ(451, position(fd));
	/* more than there is */
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 2 * SMALL, 0, NULL, NULL, 0));
	EXPECT_EQ(SMALL, position(fd));
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, NULL,
				       TF_DISCONNECT));
	EXPECT_EQ(SMALL - 251, drain(self->peer));
}

TEST_F(file, overlapped_from_its_own_offset)
{
	OVERLAPPED overlapped = { .Internal = WSA_STATUS_PENDING };
	TRANSMIT_FILE_BUFFERS buffers = { NULL, 0, NULL, 0 };
	int fd = make_file(0, LARGE);
	DWORD bytes, flags;

	overlapped.hEvent = WSACreateEvent();
	overlapped.Offset = LARGE / 251 * 251 - 251;
	lseek(fd, 5, SEEK_SET);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, &overlapped, &buffers,
				       TF_DISCONNECT | TF_USE_KERNEL_APC));
	EXPECT_TRUE(HasOverlappedIoCompleted(&overlapped));
	EXPECT_EQ(LARGE % 251 + 251, overlapped.InternalHigh);
	EXPECT_EQ(LARGE / 251 * 251 - 251, overlapped.Offset);
	EXPECT_EQ(WSA_WAIT_EVENT_0,
		  WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 0, FALSE));
	EXPECT_TRUE(WSAGetOverlappedResult(self->s, &overlapped, &bytes, FALSE,
					   &flags));
	EXPECT_EQ(LARGE % 251 + 251, bytes);
	EXPECT_EQ(5, position(fd));
	EXPECT_EQ(LARGE % 251 + 251, drain(self->peer));
}

TEST_F(file, overlapped_beyond_4_gib)
{
	OVERLAPPED overlapped = { .Offset = 251, .OffsetHigh = 1 };
	int fd = make_file(0, SMALL);
	char buf[100];

	make_pattern(buf, 0, sizeof(buf));
	ASSERT_EQ(sizeof(buf), pwrite(fd, buf, sizeof(buf), 0x1000000fbLL));
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, &overlapped, NULL,
				       TF_DISCONNECT));
	EXPECT_EQ(sizeof(buf), overlapped.InternalHigh);
	EXPECT_EQ(sizeof(buf), drain(self->peer));
	overlapped.OffsetHigh = 0x80000000;
	EXPECT_REFUSED(WSAEINVAL, TransmitFile(self->s, handle(fd), 0, 0,
					       &overlapped, NULL, 0));
}

TEST_F(file, a_refused_one_has_sent_nothing)
{
	TRANSMIT_FILE_BUFFERS buffers = { "head", 4, NULL, 0 };
	int fd = make_file(0, SMALL), pipes[2], wo;
	char name[32];

	ASSERT_EQ(0, pipe(pipes));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	wo = open(name, O_WRONLY);
	ASSERT_LE(0, wo);

	EXPECT_REFUSED(WSA_INVALID_HANDLE,
		       TransmitFile(self->s, INVALID_HANDLE_VALUE, 0, 0, NULL,
				    &buffers, 0));
	EXPECT_REFUSED(WSA_INVALID_HANDLE,
		       TransmitFile(self->s, handle(9999), 0, 0, NULL, &buffers, 0));
	EXPECT_REFUSED(WSAEOPNOTSUPP,
		       TransmitFile(self->s, handle(pipes[0]), 0, 0, NULL,
				    &buffers, 0));
	EXPECT_REFUSED(WSAEACCES, TransmitFile(self->s, handle(wo), 0, 0, NULL,
					       &buffers, 0));
	/* TF_REUSE_SOCKET, and an unknown flag */
	EXPECT_REFUSED(WSAEOPNOTSUPP, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						   &buffers, TF_DISCONNECT | 2));
	EXPECT_REFUSED(WSAEOPNOTSUPP, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						   &buffers, 0x4000));
	buffers.Tail = NULL;
	buffers.TailLength = 1;
	EXPECT_REFUSED(WSAEFAULT, TransmitFile(self->s, handle(fd), 0, 0, NULL,
					       &buffers, 0));
	buffers.TailLength = 0;
	EXPECT_REFUSED(WSAENOTSOCK, TransmitFile(fd, handle(fd), 0, 0, NULL,
						 &buffers, 0));
	EXPECT_REFUSED(WSAENOTSOCK, TransmitFile(INVALID_SOCKET, handle(fd), 0, 0,
						 NULL, NULL, TF_DISCONNECT));
	EXPECT_EQ(0, position(fd));
	EXPECT_TRUE(nothing_came(self->peer));
}

TEST_F(file, only_a_connection_takes_it)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	SOCKET dgram = open_socket(variant->family, SOCK_DGRAM);
	int fd = make_file(0, SMALL);
	struct sockaddr_storage addr;
	int len;

	EXPECT_REFUSED(WSAENOTCONN, TransmitFile(s, handle(fd), 0, 0, NULL, NULL, 0));
	EXPECT_REFUSED(WSAENOTCONN, TransmitFile(s, NULL, 0, 0, NULL, NULL, 0));
	EXPECT_REFUSED(WSAENOTCONN, TransmitFile(dgram, handle(fd), 0, 0, NULL, NULL,
						 0));
	len = name_of(self->s, &addr);
	check(connect(dgram, (struct sockaddr *)&addr, len));
	EXPECT_REFUSED(WSAEOPNOTSUPP, TransmitFile(dgram, handle(fd), 0, 0, NULL,
						   NULL, 0));
	EXPECT_EQ(0, position(fd));

	EXPECT_TRUE_CLEAR(TransmitFile(self->s, NULL, 0, 0, NULL, NULL, 0));
	EXPECT_TRUE(nothing_came(self->peer));
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, NULL, 0, 0, NULL, NULL, TF_DISCONNECT));
	EXPECT_EQ(0, drain(self->peer));
	EXPECT_REFUSED(WSAESHUTDOWN, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						  NULL, 0));
	EXPECT_EQ(0, position(fd));
}

TEST(not_before_wsastartup)
{
	int fd = make_file(0, SMALL);

	EXPECT_REFUSED(WSANOTINITIALISED, TransmitFile(0, handle(fd), 0, 0, NULL,
						       NULL, 0x4000));
}

/* What goes at once; the file's position shows how far, to continue from there. */
TEST_F(file, nonblocking_it_goes_piece_by_piece)
{
	OVERLAPPED overlapped = { .hEvent = NULL };
	TRANSMIT_FILE_BUFFERS buffers;
	char head[SMALL];
	int fd = make_file(SMALL, LARGE), refusals = 0;
	BOOL done;

	make_pattern(head, 0, SMALL);
	buffers = (TRANSMIT_FILE_BUFFERS) { head, SMALL, NULL, 0 };
	set_nonblocking(self->s, true);
	EXPECT_REFUSED(WSAEWOULDBLOCK, TransmitFile(self->s, handle(fd), 0, 0,
						    &overlapped, &buffers, 0));
	EXPECT_LT(SMALL, overlapped.InternalHigh);
	EXPECT_GT(SMALL + LARGE, overlapped.InternalHigh);
	EXPECT_EQ(0, position(fd));

	lseek(fd, overlapped.InternalHigh - SMALL, SEEK_SET);
	drainer_start(&self->drainer, self->peer, 50);
	do {
		wait_for(self->s, POLLOUT);
		done = TransmitFile(self->s, handle(fd), 0, 0, NULL, NULL, 0);
		if (!done) {
			ASSERT_EQ(WSAEWOULDBLOCK, WSAGetLastError());
			refusals++;
		}
	} while (!done);
	EXPECT_LT(0, refusals);
	EXPECT_EQ(LARGE, position(fd));
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_EQ(SMALL + LARGE, drainer_join(&self->drainer));
}

TEST_F(file, nonblocking_without_room_it_does_nothing)
{
	OVERLAPPED overlapped = { .InternalHigh = 4711 };
	int fd = make_file(0, LARGE), quiet = 0;
	off_t sent;

	set_nonblocking(self->s, true);
	/* What is in flight frees room when it arrives. */
	while (quiet < 5) {
		sent = position(fd);
		EXPECT_REFUSED(WSAEWOULDBLOCK,
			       TransmitFile(self->s, handle(fd), 0, 0, NULL,
					    NULL, TF_DISCONNECT));
		quiet = position(fd) == sent ? quiet + 1 : 0;
		usleep(20000);
	}
	overlapped.Offset = sent;
	EXPECT_REFUSED(WSAEWOULDBLOCK, TransmitFile(self->s, handle(fd), 0, 0,
						    &overlapped, NULL, 0));
	EXPECT_EQ(0, overlapped.InternalHigh);
	EXPECT_EQ(sent, position(fd));
	drainer_start(&self->drainer, self->peer, 0);
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_EQ(sent, drainer_join(&self->drainer));
}

/* As after a send() that found no room. */
TEST_F(file, without_room_fd_write_is_reported)
{
	WSAEVENT event = WSACreateEvent();
	int fd = make_file(0, LARGE);
	WSANETWORKEVENTS events;

	EXPECT_WORKS(WSAEventSelect(self->s, event, FD_WRITE));
	EXPECT_WORKS(WSAEnumNetworkEvents(self->s, event, &events));
	EXPECT_EQ(FD_WRITE, events.lNetworkEvents);
	EXPECT_REFUSED(WSAEWOULDBLOCK, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						    NULL, 0));
	EXPECT_WORKS(WSAEnumNetworkEvents(self->s, event, &events));
	EXPECT_EQ(0, events.lNetworkEvents);
	drainer_start(&self->drainer, self->peer, 0);
	EXPECT_EQ(WSA_WAIT_EVENT_0, WSAWaitForMultipleEvents(1, &event, TRUE,
							     AT_ONCE_MS, FALSE));
	EXPECT_WORKS(WSAEnumNetworkEvents(self->s, event, &events));
	EXPECT_EQ(FD_WRITE, events.lNetworkEvents);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LT(0, drainer_join(&self->drainer));
}

/* L3 */
TEST_F(file, signals_do_not_show)
{
	int fd = make_file(0, LARGE);
	struct signaller signaller;

	signaller_start(&signaller, 5);
	drainer_start(&self->drainer, self->peer, 300);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, NULL,
				       TF_DISCONNECT));
	signaller_stop(&signaller);
	EXPECT_LT(10, signals_handled);
	EXPECT_EQ(LARGE, drainer_join(&self->drainer));
}

TEST_F(file, a_timeout_ends_it)
{
	struct timeval timeout = { .tv_usec = 300000 };
	int fd = make_file(0, LARGE);
	long before = now_ms();
	struct signaller signaller;

	check(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			 sizeof(timeout)));
	signaller_start(&signaller, 20);
	EXPECT_REFUSED(WSAETIMEDOUT, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						  NULL, TF_DISCONNECT));
	signaller_stop(&signaller);
	EXPECT_LE(300, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_LT(0, position(fd));
	EXPECT_GT(LARGE, position(fd));

	/* the connection is as good as before */
	drainer_start(&self->drainer, self->peer, 0);
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, NULL,
				       TF_DISCONNECT));
	EXPECT_EQ(LARGE, drainer_join(&self->drainer));
}

static void *read_slowly(void *arg)
{
	SOCKET s = *(SOCKET *)arg;
	static char buf[LARGE / 20];

	while (recv(s, buf, sizeof(buf), MSG_WAITALL) > 0)
		usleep(100000);
	return NULL;
}

/* The whole takes longer than the timeout, and signals show that it continues. */
TEST_F(file, a_slow_peer_is_not_timed_out)
{
	struct timeval timeout = { .tv_sec = 1 };
	int fd = make_file(0, LARGE);
	long before = now_ms();
	pthread_t thread;
	struct signaller signaller;

	check(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &timeout,
			 sizeof(timeout)));
	signaller_start(&signaller, 20);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_slowly, &self->peer));
	EXPECT_TRUE_CLEAR(TransmitFile(self->s, handle(fd), 0, 0, NULL, NULL,
				       TF_DISCONNECT));
	EXPECT_LT(1000, now_ms() - before);
	signaller_stop(&signaller);
	EXPECT_WORKS(closesocket(self->s));
	pthread_join(thread, NULL);
}

/* A transmission in a thread of its own, to a peer that does not read. */
struct sender {
	pthread_t thread;
	SOCKET s;
	int fd;
	int error;
	bool pipe_signal;
};

static void *sender_main(void *arg)
{
	struct sender *sender = arg;
	sigset_t pending;

	sender->error = 0;
	if (!TransmitFile(sender->s, handle(sender->fd), 0, 0, NULL, NULL,
			  TF_DISCONNECT))
		sender->error = WSAGetLastError();
	sigpending(&pending);
	sender->pipe_signal = sigismember(&pending, SIGPIPE);
	return NULL;
}

/* Returns when the socket is full. */
static void sender_start(struct sender *sender, SOCKET s, int fd)
{
	sender->s = s;
	sender->fd = fd;
	if (pthread_create(&sender->thread, NULL, sender_main, sender))
		errx(EXIT_FAILURE, "pthread_create");
	wait_stalled(s);
}

static int sender_join(struct sender *sender)
{
	pthread_join(sender->thread, NULL);
	return sender->error;
}

static void start_1_1(void)
{
	WSADATA data;

	check(WSAStartup(MAKEWORD(1, 1), &data));
}

static void cancel(int sig)
{
	WSACancelBlockingCall();
}

TEST(winsock_1_1_sends_files_too)
{
	int fd = make_file(0, LARGE);
	struct drainer drainer;
	struct pair pair;
	struct signaller signaller;

	start_1_1();
	open_pair(&pair, AF_INET);
	signaller_start(&signaller, 5);
	drainer_start(&drainer, pair.peer, 200);
	EXPECT_TRUE_CLEAR(TransmitFile(pair.s, handle(fd), 0, 0, NULL, NULL,
				       TF_DISCONNECT));
	EXPECT_EQ(LARGE, position(fd));
	signaller_stop(&signaller);
	EXPECT_EQ(LARGE, drainer_join(&drainer));
}

/* Piece by piece, since each wait is one that can be cancelled */
TEST(winsock_1_1_sends_heads_and_tails_too)
{
	OVERLAPPED overlapped = { .Offset = SMALL };
	int fd = make_file(SMALL, LARGE + SMALL);
	static char head[SMALL * 2], tail[SMALL];
	TRANSMIT_FILE_BUFFERS buffers = { head, sizeof(head), tail, SMALL };
	struct drainer drainer;
	struct pair pair;

	make_pattern(head, 0, sizeof(head));
	make_pattern(tail, LARGE + 2 * SMALL, SMALL);
	start_1_1();
	open_pair(&pair, AF_INET);
	drainer_start(&drainer, pair.peer, 200);
	EXPECT_TRUE_CLEAR(TransmitFile(pair.s, handle(fd), 0, 0, &overlapped, &buffers,
				       TF_DISCONNECT));
	EXPECT_EQ(LARGE + 3 * SMALL, overlapped.InternalHigh);
	EXPECT_EQ(LARGE + 3 * SMALL, drainer_join(&drainer));
}

TEST(winsock_1_1_ends_with_a_file_that_becomes_shorter)
{
	int fd = make_file(0, LARGE);
	struct sender sender;
	struct pair pair;
	long got;

	start_1_1();
	open_pair(&pair, AF_INET);
	sender_start(&sender, pair.s, fd);
	ASSERT_EQ(0, ftruncate(fd, 0));
	got = drain(pair.peer);
	EXPECT_LT(0, got);
	EXPECT_GT(LARGE, got);
	EXPECT_EQ(0, sender_join(&sender));
}

/* L3 */
TEST(winsock_1_1_can_cancel_it)
{
	struct sigaction action = { .sa_handler = cancel, .sa_flags = SA_RESTART };
	int fd = make_file(0, LARGE);
	struct sender sender;
	struct pair pair;

	start_1_1();
	open_pair(&pair, AF_INET);
	sigaction(SIGUSR2, &action, NULL);
	sender_start(&sender, pair.s, fd);
	pthread_kill(sender.thread, SIGUSR2);
	EXPECT_EQ(WSAEINTR, sender_join(&sender));
	EXPECT_LT(0, position(fd));
	EXPECT_GT(LARGE, position(fd));
	EXPECT_TRUE(is_open(pair.s));
}

/* P2, P10 */
TEST_F(file, closesocket_in_another_thread_ends_it)
{
	int fd = make_file(0, LARGE), other;
	struct sender sender;
	long before;

	set_linger(self->s, 1, 0);
	sender_start(&sender, self->s, fd);
	before = now_ms();
	EXPECT_WORKS(closesocket(self->s));
	/* the new owner of the descriptor must get nothing */
	other = make_file(0, SMALL);
	EXPECT_EQ(WSAECONNABORTED, sender_join(&sender));
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_FALSE(sender.pipe_signal);
	EXPECT_EQ((int)self->s, other);
	EXPECT_EQ(0, position(other));
	EXPECT_GT(LARGE, position(fd));
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

TEST_F(file, a_graceful_closesocket_delivers_what_went)
{
	int fd = make_file(0, LARGE);
	struct sender sender;
	long sent;

	sender_start(&sender, self->s, fd);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(WSAECONNABORTED, sender_join(&sender));
	sent = drain(self->peer);
	EXPECT_LT(0, sent);
	EXPECT_GE(LARGE, sent);
}

TEST_F(file, a_reset_ends_it_without_a_signal)
{
	int fd = make_file(0, LARGE);
	struct sender sender;

	sender_start(&sender, self->s, fd);
	set_linger(self->peer, 1, 0);
	EXPECT_WORKS(closesocket(self->peer));
	EXPECT_EQ(WSAECONNRESET, sender_join(&sender));
	EXPECT_FALSE(sender.pipe_signal);
	EXPECT_TRUE(is_open(self->s));
	EXPECT_REFUSED(WSAECONNRESET, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						   NULL, 0));
}

/* One that was the application's stays so. */
TEST_F(file, a_pending_sigpipe_is_left_alone)
{
	int fd = make_file(0, SMALL);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	EXPECT_WORKS(shutdown(self->s, SD_SEND));
	EXPECT_REFUSED(WSAESHUTDOWN, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						  NULL, 0));
	sigpending(&set);
	EXPECT_FALSE(sigismember(&set, SIGPIPE));
	raise(SIGPIPE);
	EXPECT_REFUSED(WSAESHUTDOWN, TransmitFile(self->s, handle(fd), 0, 0, NULL,
						  NULL, 0));
	sigpending(&set);
	EXPECT_TRUE(sigismember(&set, SIGPIPE));
}

TEST_HARNESS_MAIN
