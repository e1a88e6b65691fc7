// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a signal handler finds that interrupted a blocking call (G2), and how it
 * ends that call (L3, C11).
 */
#include <signal.h>
#include <stdatomic.h>
#include "suite.h"
#include "waiter.h"

/* What the handler is to do each time, and what came of it. */
#define TURNS	2

static struct {
	int (*act[TURNS])(void);
	SOCKET s;
	atomic_int turns;
	int result[TURNS], error[TURNS], blocking[TURNS];
} handler;

static void on_signal(int sig)
{
	int saved_errno = errno, saved_error = WSAGetLastError();
	int turn = handler.turns;

	handler.blocking[turn] = WSAIsBlocking();
	handler.result[turn] = handler.act[turn]();
	handler.error[turn] = WSAGetLastError();
	handler.turns++;
	WSASetLastError(saved_error);
	errno = saved_errno;
}

static int act_close(void)
{
	return closesocket(handler.s);
}

static int act_cancel(void)
{
	return WSACancelBlockingCall();
}

/* Signals the thread that runs the test once it sleeps in a system call. */
struct sleep_signaller {
	pthread_t thread;
	pthread_t target;
	pid_t tid;
	int turns;
};

static void *sleep_signaller_main(void *arg)
{
	struct sleep_signaller *s = arg;
	int turn;

	for (turn = 0; turn < s->turns; turn++) {
		while (handler.turns < turn)
			usleep(1000);
		wait_asleep(s->tid, NULL);
		pthread_kill(s->target, SIGUSR1);
	}
	return NULL;
}

/* @first and then, if it is not NULL, @second */
static void sleep_signaller_start(struct sleep_signaller *s, int flags, int (*first)(void),
				  int (*second)(void))
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	handler.act[0] = first;
	handler.act[1] = second;
	handler.turns = 0;
	sigaction(SIGUSR1, &action, NULL);
	s->turns = second ? 2 : 1;
	s->target = pthread_self();
	s->tid = syscall(SYS_gettid);
	if (pthread_create(&s->thread, NULL, sleep_signaller_main, s))
		errx(EXIT_FAILURE, "pthread_create");
}

static void sleep_signaller_join(struct sleep_signaller *s)
{
	pthread_join(s->thread, NULL);
}

static void start_version(WORD version)
{
	WSADATA data;
	int err = WSAStartup(version, &data);

	if (err)
		errx(EXIT_FAILURE, "WSAStartup: error %d", err);
}

/* L3, G1 */
TEST(only_winsock_1_can_cancel_and_only_what_blocks)
{
	EXPECT_FAILS(WSANOTINITIALISED, WSACancelBlockingCall());
	start_version(MAKEWORD(1, 1));
	EXPECT_FAILS(WSAEINVAL, WSACancelBlockingCall());
	EXPECT_FALSE(WSAIsBlocking());
	start_version(MAKEWORD(2, 2));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSACancelBlockingCall());
	WSACleanup();
	WSACleanup();
	start_version(MAKEWORD(1, 0));
	EXPECT_FAILS(WSAEINVAL, WSACancelBlockingCall());
	WSACleanup();
	EXPECT_FAILS(WSANOTINITIALISED, WSACancelBlockingCall());
}

/* A signal comes while a thread sits in a call. */
struct scene {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	char *big;
};

FIXTURE(blocked) {
	struct scene scene;
};

enum call { RECV, SEND, ACCEPT, CONNECT, SELECT, RECVFROM, CLOSE };

FIXTURE_VARIANT(blocked) {
	enum call call;
	int flags;
};

FIXTURE_VARIANT_ADD(blocked, recv) {
	.call = RECV,
};

FIXTURE_VARIANT_ADD(blocked, recv_restarting) {
	.call = RECV,
	.flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(blocked, send) {
	.call = SEND,
};

FIXTURE_VARIANT_ADD(blocked, send_restarting) {
	.call = SEND,
	.flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(blocked, accept) {
	.call = ACCEPT,
};

FIXTURE_VARIANT_ADD(blocked, accept_restarting) {
	.call = ACCEPT,
	.flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(blocked, connect) {
	.call = CONNECT,
};

FIXTURE_VARIANT_ADD(blocked, connect_restarting) {
	.call = CONNECT,
	.flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(blocked, select) {
	.call = SELECT,
};

FIXTURE_VARIANT_ADD(blocked, select_restarting) {
	.call = SELECT,
	.flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(blocked, recvfrom) {
	.call = RECVFROM,
};

FIXTURE_VARIANT_ADD(blocked, recvfrom_restarting) {
	.call = RECVFROM,
	.flags = SA_RESTART,
};

FIXTURE_VARIANT_ADD(blocked, closesocket) {
	.call = CLOSE,
};

FIXTURE_VARIANT_ADD(blocked, closesocket_restarting) {
	.call = CLOSE,
	.flags = SA_RESTART,
};

#define BIG	(16 << 20)

FIXTURE_SETUP(blocked)
{
	self->scene.s = INVALID_SOCKET;
	self->scene.big = calloc(1, BIG);
}

FIXTURE_TEARDOWN(blocked)
{
	free(self->scene.big);
}

/* A listener whose queue is full answers no more. */
static SOCKET connect_to_silence(struct sockaddr_storage *addr, socklen_t *len)
{
	SOCKET listener;

	pending_connect(AF_INET, &listener);
	*len = name_of(listener, addr);
	return open_socket(AF_INET, SOCK_STREAM);
}

static void prepare(struct scene *scene, enum call call,
		    struct sockaddr_storage *addr, socklen_t *len)
{
	switch (call) {
	case ACCEPT:
		scene->s = open_listener(AF_INET);
		return;
	case CONNECT:
		scene->s = connect_to_silence(addr, len);
		return;
	case RECVFROM:
		scene->s = open_socket(AF_INET, SOCK_DGRAM);
		*len = loopback(AF_INET, addr);
		check(bind(scene->s, (struct sockaddr *)addr, *len));
		return;
	default:
		open_pair(&scene->pair, AF_INET);
		scene->s = scene->pair.s;
		scene->peer = scene->pair.peer;
	}
	if (call == SEND || call == CLOSE)
		fill(scene->s);
	if (call == CLOSE)
		set_linger(scene->s, 1, LONG_TIME);
}

static int make(struct scene *scene, enum call call,
		struct sockaddr_storage *addr, socklen_t len)
{
	fd_set set;

	switch (call) {
	case RECV:
		return recv(scene->s, scene->big, 16, 0);
	case SEND:
		return send(scene->s, scene->big, BIG, 0);
	case ACCEPT:
		return accept(scene->s, NULL, NULL) < 0 ? SOCKET_ERROR : 0;
	case CONNECT:
		return connect(scene->s, (struct sockaddr *)addr, len);
	case SELECT:
		FD_ZERO(&set);
		FD_SET(scene->s, &set);
		return select(0, &set, NULL, NULL, NULL);
	case RECVFROM:
		return recvfrom(scene->s, scene->big, 16, 0, NULL, NULL);
	case CLOSE:
		return closesocket(scene->s);
	}
	return 0;
}

static void expect_interrupted(struct __test_metadata *_metadata,
			       struct scene *scene, enum call call,
			       struct sockaddr_storage *addr, socklen_t len)
{
	EXPECT_FAILS(WSAEINTR, make(scene, call, addr, len));
}

/* L3, C11: WSAEINTR, and nothing else has happened to the handle */
TEST_F(blocked, cancelling_ends_the_call)
{
	struct scene *scene = &self->scene;
	struct sockaddr_storage addr = { 0 };
	struct sleep_signaller signaller;
	socklen_t len = 0;
	LINGER linger;

	start_version(MAKEWORD(1, 1));
	prepare(scene, variant->call, &addr, &len);
	sleep_signaller_start(&signaller, variant->flags, act_cancel, NULL);
	expect_interrupted(_metadata, scene, variant->call, &addr, len);
	sleep_signaller_join(&signaller);
	EXPECT_EQ(1, handler.turns);
	EXPECT_EQ(0, handler.result[0]);
	EXPECT_TRUE(handler.blocking[0]);
	EXPECT_FALSE(WSAIsBlocking());
	EXPECT_TRUE(is_open(scene->s));
	if (variant->call == CLOSE) {
		/* the interval starts again, and other ways out are open */
		linger = get_linger(scene->s);
		EXPECT_EQ(1, linger.l_onoff);
		EXPECT_EQ(LONG_TIME, linger.l_linger);
		set_linger(scene->s, 1, 1);
		EXPECT_WORKS(closesocket(scene->s));
		EXPECT_EQ(-WSAECONNRESET, drain(scene->peer));
	}
	WSACleanup();
}

/* G2: the handler's own call is refused, and the one it interrupted continues */
TEST_F(blocked, a_handler_may_not_call_in_between)
{
	struct scene *scene = &self->scene;
	struct sockaddr_storage addr = { 0 };
	struct sleep_signaller signaller;
	socklen_t len = 0;

	start_version(MAKEWORD(1, 1));
	prepare(scene, variant->call, &addr, &len);
	handler.s = scene->s;
	sleep_signaller_start(&signaller, variant->flags, act_close, act_cancel);
	expect_interrupted(_metadata, scene, variant->call, &addr, len);
	sleep_signaller_join(&signaller);
	EXPECT_EQ(2, handler.turns);
	EXPECT_EQ(SOCKET_ERROR, handler.result[0]);
	EXPECT_EQ(WSAEINPROGRESS, handler.error[0]);
	EXPECT_TRUE(handler.blocking[0]);
	EXPECT_EQ(0, handler.result[1]);
	EXPECT_TRUE(is_open(scene->s));
	if (variant->call == CLOSE)	/* or WSACleanup() waits in turn */
		set_linger(scene->s, 1, 0);
	WSACleanup();
}

/* G2 does not depend on the version */
TEST(a_handler_may_not_call_in_between_in_winsock_2_either)
{
	struct sleep_signaller signaller;
	struct drainer drainer;
	struct pair pair;

	start_version(MAKEWORD(2, 2));
	open_pair(&pair, AF_INET6);
	fill(pair.s);
	set_linger(pair.s, 1, LONG_TIME);
	handler.s = pair.peer;
	sleep_signaller_start(&signaller, 0, act_close, act_cancel);
	drainer_start(&drainer, pair.peer, 2000);
	EXPECT_WORKS(closesocket(pair.s));
	sleep_signaller_join(&signaller);
	EXPECT_EQ(WSAEINPROGRESS, handler.error[0]);
	EXPECT_EQ(WSAEOPNOTSUPP, handler.error[1]);
	EXPECT_LT(0, drainer_join(&drainer));
	WSACleanup();
}

static int act_cleanup(void)
{
	return WSACleanup();
}

/* G2 */
TEST(a_handler_may_not_end_it_all)
{
	struct sleep_signaller signaller;
	struct drainer drainer;
	struct pair pair;

	start_version(MAKEWORD(2, 2));
	open_pair(&pair, AF_INET);
	fill(pair.s);
	set_linger(pair.s, 1, LONG_TIME);
	sleep_signaller_start(&signaller, 0, act_cleanup, NULL);
	drainer_start(&drainer, pair.peer, 2000);
	EXPECT_WORKS(closesocket(pair.s));
	sleep_signaller_join(&signaller);
	EXPECT_EQ(SOCKET_ERROR, handler.result[0]);
	EXPECT_EQ(WSAEINPROGRESS, handler.error[0]);
	EXPECT_LT(0, drainer_join(&drainer));
	WSACleanup();
}

/* L3 */
TEST(cancelling_ends_wsapoll)
{
	WSAPOLLFD poll = { .events = POLLIN };
	struct sleep_signaller signaller;
	struct pair pair;

	start_version(MAKEWORD(1, 1));
	open_pair(&pair, AF_INET);
	poll.fd = pair.s;
	sleep_signaller_start(&signaller, SA_RESTART, act_cancel, NULL);
	EXPECT_FAILS(WSAEINTR, WSAPoll(&poll, 1, -1));
	sleep_signaller_join(&signaller);
	WSACleanup();
}

static int act_pause(void)
{
	return usleep(2500000);
}

/* I1, L3: the interval is counted down for signals, and put back. */
TEST(cancelled_close_leaves_the_interval)
{
	LINGER linger = { 1, 60 };
	int len = sizeof(linger);
	struct sleep_signaller signaller;
	struct pair pair;

	start_version(MAKEWORD(1, 1));
	open_pair(&pair, AF_INET);
	EXPECT_CLEAR(setsockopt(pair.s, SOL_SOCKET, SO_LINGER, (char *)&linger, len));
	fill(pair.s);
	sleep_signaller_start(&signaller, 0, act_pause, act_cancel);
	EXPECT_FAILS(WSAEINTR, closesocket(pair.s));
	sleep_signaller_join(&signaller);
	linger.l_linger = 0;
	EXPECT_CLEAR(getsockopt(pair.s, SOL_SOCKET, SO_LINGER, (char *)&linger, &len));
	EXPECT_EQ(60, linger.l_linger);
	linger.l_linger = 0;
	EXPECT_CLEAR(setsockopt(pair.s, SOL_SOCKET, SO_LINGER, (char *)&linger, len));
	EXPECT_WORKS(closesocket(pair.s));
	WSACleanup();
	WSACleanup();
}

/* L3: after a signal the rest of the timeout continues, not all of it. */
TEST(signals_do_not_prolong_a_timeout)
{
	struct signaller signaller;
	struct pair pair;
	DWORD ms = 1000;
	char byte;

	start_version(MAKEWORD(2, 2));
	open_pair(&pair, AF_INET);
	EXPECT_CLEAR(setsockopt(pair.s, SOL_SOCKET, SO_RCVTIMEO, (char *)&ms, sizeof(ms)));
	signaller_start(&signaller, 100);
	EXPECT_FAILS(WSAETIMEDOUT, recv(pair.s, &byte, 1, 0));
	signaller_stop(&signaller);
	EXPECT_LT(2, signals_handled);
	EXPECT_GT(100, signals_handled);
	WSACleanup();
}

/* An attempt that fails at once, where it could have been cancelled */
TEST(connecting_to_what_cannot_be)
{
	struct sockaddr_storage addr;
	socklen_t len = loopback(AF_INET, &addr);
	SOCKET s;

	start_version(MAKEWORD(1, 1));
	s = open_socket(AF_INET, SOCK_STREAM);
	addr.ss_family = AF_APPLETALK;
	EXPECT_FAILS(WSAEAFNOSUPPORT, connect(s, (struct sockaddr *)&addr, len));
	EXPECT_FALSE(is_nonblocking(s));
	WSACleanup();
}

TEST_HARNESS_MAIN
