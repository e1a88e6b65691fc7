// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What another thread does at the very moment between two system calls of the
 * library's (P9, P10, I2, L3).  The moment is found, not hoped for: the program
 * has its own ioctl(), send(), sendfile() and shutdown(), which the library calls
 * instead of libc's, and which do what libc's do.
 */
#include <mswsock.h>
#include <signal.h>
#include <linux/winsock.h>
#include <sys/mman.h>

#include "request.h"
#include "suite.h"
#include "waiter.h"

/* Asked by the functions below, in the thread that calls the library. */
static void (*before_close)(void);
static void (*after_close)(void);
static void (*before_send)(void);
static void (*after_shutdown)(void);

static void once(void (**moment)(void))
{
	void (*act)(void) = *moment;

	*moment = NULL;
	if (act)
		act();
}

int interposed_ioctl(int fd, unsigned long request, void *arg) __asm__("ioctl");
int interposed_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	if (request == WINSOCK_IOC_CLOSESOCKET)
		once(&before_close);
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (request == WINSOCK_IOC_CLOSESOCKET && !ret)
		once(&after_close);
	return ret;
}

ssize_t interposed_send(int fd, const void *buf, size_t len, int flags) __asm__("send");
ssize_t interposed_send(int fd, const void *buf, size_t len, int flags)
{
	once(&before_send);
	return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

ssize_t interposed_sendfile(int out, int in, off_t *offset, size_t len) __asm__("sendfile");
ssize_t interposed_sendfile(int out, int in, off_t *offset, size_t len)
{
	once(&before_send);
	return syscall(SYS_sendfile, out, in, offset, len);
}

#if __SIZEOF_LONG__ == 4
/* The library's time_t and off_t have 64 bits, and the functions other names. */
int interposed_ioctl64(int fd, unsigned long request, void *arg) __asm__("__ioctl_time64");
int interposed_ioctl64(int fd, unsigned long request, void *arg)
{
	return interposed_ioctl(fd, request, arg);
}

ssize_t interposed_sendfile64(int out, int in, off64_t *offset, size_t len) __asm__("sendfile64");
ssize_t interposed_sendfile64(int out, int in, off64_t *offset, size_t len)
{
	once(&before_send);
	return syscall(SYS_sendfile64, out, in, offset, len);
}
#endif

int interposed_shutdown(int fd, int how) __asm__("shutdown");
int interposed_shutdown(int fd, int how)
{
	int ret = syscall(SYS_shutdown, fd, how);

	once(&after_shutdown);
	return ret;
}

/* A thread in a Winsock call may make no other. */
static void *elsewhere_main(void *arg)
{
	void (**act)(void) = arg;

	(*act)();
	return NULL;
}

static void elsewhere(void (*act)(void))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, elsewhere_main, &act))
		errx(EXIT_FAILURE, "pthread_create");
	pthread_join(thread, NULL);
}

/* What the acts are about. */
static SOCKET s, peer;
static WSAEVENT event;

static void open_sockets(void)
{
	struct pair pair;

	start();
	open_pair(&pair, AF_INET);
	s = pair.s;
	peer = pair.peer;
	event = WSACreateEvent();
}

typedef SOCKET maker(int family, int type);

/* A bound datagram socket with the descriptor of @s, with so many messages. */
static void take_number(maker *make, int messages)
{
	struct sockaddr_storage addr;
	socklen_t len;
	SOCKET sender, taker;

	do {
		taker = make(AF_INET, SOCK_DGRAM);
		if (taker > s)
			errx(EXIT_FAILURE, "the number is not free");
	} while (taker != s);
	len = bind_loopback(taker, AF_INET, &addr);
	sender = open_socket(AF_INET, SOCK_DGRAM);
	while (messages--)
		check(sendto(sender, "!", 1, 0, (struct sockaddr *)&addr, len));
}

static void take_and_select(void)
{
	take_number(open_socket, 0);
	check(WSAEventSelect(s, event, FD_READ));
}

static void take_and_select_at_once(void)
{
	elsewhere(take_and_select);
}

/* I2: what the old socket's closesocket() has yet to do is not done to it. */
TEST(new_socket_with_the_descriptor_is_not_taken_for_closed)
{
	struct sockaddr_storage addr;
	WSANETWORKEVENTS events;
	socklen_t len;

	open_sockets();
	after_close = take_and_select_at_once;
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(NULL, after_close);
	len = name_of(s, &addr);
	check(sendto(open_socket(AF_INET, SOCK_DGRAM), "!", 1, 0,
		     (struct sockaddr *)&addr, len));
	EXPECT_TRUE(is_set(event, AT_ONCE_MS));
	EXPECT_WORKS(WSAEnumNetworkEvents(s, event, &events));
	EXPECT_EQ(FD_READ, events.lNetworkEvents);
	EXPECT_WORKS(closesocket(s));
	WSACleanup();
}

/* A closesocket() of another thread, which does not return before it may. */
static pthread_t second;
static atomic_bool second_closes, second_may_close;

static void close_in_the_middle(void)
{
	long deadline = now_ms() + AT_ONCE_MS;

	second_closes = true;
	while (!second_may_close && now_ms() < deadline)
		usleep(1000);
}

static void *close_second(void *arg)
{
	return (void *)(intptr_t)closesocket(s);
}

static void take_and_begin_to_close(void)
{
	take_number(open_socket, 0);
	before_close = close_in_the_middle;
	if (pthread_create(&second, NULL, close_second, NULL))
		errx(EXIT_FAILURE, "pthread_create");
	while (!second_closes)
		usleep(1000);
}

static void take_and_begin_to_close_at_once(void)
{
	elsewhere(take_and_begin_to_close);
}

/* P8, I2: nor does the new socket get the old one's requests, or keep them. */
TEST(requests_end_although_the_new_socket_is_being_closed)
{
	struct request r[3];
	unsigned int i;
	long before;
	void *ret;

	open_sockets();
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		request_init(&r[i], NULL, 8);
		check(WSARecv(s, &r[i].buf, 1, &r[i].bytes, &r[i].flags, &r[i].ov,
			      NULL) == SOCKET_ERROR &&
		      WSAGetLastError() == WSA_IO_PENDING ? 0 : SOCKET_ERROR);
	}
	after_close = take_and_begin_to_close_at_once;
	before = now_ms();
	EXPECT_WORKS(closesocket(s));
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		EXPECT_EQ(WSA_OPERATION_ABORTED, r[i].ov.Internal);
	second_may_close = true;
	pthread_join(second, &ret);
	EXPECT_EQ(NULL, ret);
	WSACleanup();
}

/* Reading by the descriptor checks again what there is to read. */
static void take_and_read(void)
{
	char byte;

	take_number(native_socket, 2);
	check(recv(s, &byte, 1, 0));
}

static void take_and_read_at_once(void)
{
	elsewhere(take_and_read);
}

/* P9, when the descriptor is of a socket without a selection */
TEST(selection_is_silent_when_the_descriptor_is_another_socket)
{
	open_sockets();
	check(WSAEventSelect(s, event, FD_READ));
	EXPECT_FALSE(is_set(event, QUIET));
	after_close = take_and_read_at_once;
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(NULL, after_close);
	EXPECT_FALSE(is_set(event, QUIET));
	WSACleanup();
}

/* The helper is woken, and looks, meanwhile. */
static void let_others_look(void)
{
	usleep(300000);
}

/* What was shut down can be written to, says poll(2). */
TEST(selection_does_not_hear_of_a_shutdown_under_way)
{
	WSANETWORKEVENTS events;

	open_sockets();
	check(WSAEventSelect(s, event, FD_WRITE));
	do {
		fill(s);
		is_set(event, QUIET);
		check(WSAEnumNetworkEvents(s, event, &events));
	} while (events.lNetworkEvents);
	after_shutdown = let_others_look;
	EXPECT_WORKS(shutdown(s, SD_SEND));
	EXPECT_EQ(NULL, after_shutdown);
	EXPECT_FALSE(is_set(event, QUIET));
	WSACleanup();
}

/* Nor is a socket shut down that could not be. */
TEST(failed_shutdown_leaves_nothing_behind)
{
	start();
	s = open_socket(AF_INET, SOCK_STREAM);
	EXPECT_FAILS(WSAENOTCONN, shutdown(s, SD_BOTH));
	EXPECT_FAILS(WSAENOTCONN, send(s, "x", 1, 0));
	WSACleanup();
}

static atomic_bool interrupted, go_on;

/* Here the call is in the library's hands, not in the kernel's. */
static void stay(int signal)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	(void)signal;
	interrupted = true;
	while (!go_on)
		nanosleep(&moment, NULL);
}

FIXTURE(interrupted) {
};

FIXTURE_VARIANT(interrupted) {
	DWORD timeout;
};

FIXTURE_VARIANT_ADD(interrupted, for_ever) {
};

FIXTURE_VARIANT_ADD(interrupted, with_a_timeout) {
	.timeout = 60000,
};

FIXTURE_SETUP(interrupted)
{
	open_sockets();
	check(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &variant->timeout,
			 sizeof(variant->timeout)));
}

FIXTURE_TEARDOWN(interrupted)
{
	WSACleanup();
}

/* P2, P10: closed while a signal had the call out of the kernel */
TEST_F(interrupted, call_does_not_continue_with_another_socket)
{
	struct sigaction action = { .sa_handler = stay };
	struct waiter reader;
	char bytes[2];

	sigaction(SIGUSR1, &action, NULL);
	waiter_start_asleep(&reader, recv_from, &s);
	pthread_kill(reader.thread, SIGUSR1);
	while (!interrupted)
		usleep(1000);
	EXPECT_WORKS(closesocket(s));
	take_number(open_socket, 2);
	go_on = true;
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&reader));
	EXPECT_EQ(1, recv(s, bytes, 2, MSG_DONTWAIT));
	EXPECT_EQ(1, recv(s, bytes, 2, MSG_DONTWAIT));
}

static void cancel(void)
{
	WSACancelBlockingCall();
}

static void *transmit(void *arg)
{
	int fd = *(int *)arg;

	if (TransmitFile(s, (HANDLE)(intptr_t)fd, 0, 0, NULL, NULL, 0))
		return NULL;
	return (void *)(intptr_t)WSAGetLastError();
}

/* L3: a cancellation just before the system call is not lost in it. */
TEST(winsock_1_1_transmission_is_cancelled_before_it_waits)
{
	int fd = memfd_create("large", 0);
	struct timespec deadline;
	pthread_t thread;
	struct pair pair;
	WSADATA data;
	void *error;

	check(WSAStartup(MAKEWORD(1, 1), &data));
	open_pair(&pair, AF_INET);
	s = pair.s;
	ASSERT_EQ(0, ftruncate(fd, 100000000));
	before_send = cancel;
	ASSERT_EQ(0, pthread_create(&thread, NULL, transmit, &fd));
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += AT_ONCE_MS / 1000;
	if (pthread_timedjoin_np(thread, &error, &deadline))
		errx(EXIT_FAILURE, "the call goes on");
	EXPECT_EQ(NULL, before_send);
	EXPECT_EQ(WSAEINTR, (intptr_t)error);
	EXPECT_GT(100000000, lseek(fd, 0, SEEK_CUR));
	WSACleanup();
}

TEST_HARNESS_MAIN
