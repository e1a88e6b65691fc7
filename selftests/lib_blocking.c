// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a signal handler finds that interrupted a blocking call (G2), and how it
 * ends that call (L3, C11).
 */
#include <signal.h>
#include "lib_suite.h"

/* What the handler is to do each time, and what came of it. */
#define TURNS	2

static struct {
	int (*act[TURNS])(void);
	SOCKET s;
	volatile sig_atomic_t turns;
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
struct signaller {
	pthread_t thread;
	pthread_t target;
	pid_t tid;
	int turns;
};

static bool sleeps(pid_t tid)
{
	char path[64], text[256];
	const char *state;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

static void *signaller_main(void *arg)
{
	struct signaller *s = arg;
	int turn, quiet;

	for (turn = 0; turn < s->turns; turn++) {
		while (handler.turns < turn)
			usleep(1000);
		for (quiet = 0; quiet < 20; usleep(2000))
			quiet = sleeps(s->tid) ? quiet + 1 : 0;
		pthread_kill(s->target, SIGUSR1);
	}
	return NULL;
}

/* @first and then, if it is not NULL, @second */
static void signaller_start(struct signaller *s, int flags, int (*first)(void),
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
	if (pthread_create(&s->thread, NULL, signaller_main, s))
		errx(EXIT_FAILURE, "pthread_create");
}

static void signaller_join(struct signaller *s)
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
FIXTURE(blocked) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	char *big;
};

enum call { RECV, SEND, ACCEPT, CONNECT, SELECT, RECVFROM, CLOSE };

FIXTURE_VARIANT(blocked) {
	enum call call;
	int flags;
};

#define VARIANTS(name, which)						\
FIXTURE_VARIANT_ADD(blocked, name) {					\
	.call = which,							\
};									\
FIXTURE_VARIANT_ADD(blocked, name##_restarting) {			\
	.call = which,							\
	.flags = SA_RESTART,						\
}

VARIANTS(recv, RECV);
VARIANTS(send, SEND);
VARIANTS(accept, ACCEPT);
VARIANTS(connect, CONNECT);
VARIANTS(select, SELECT);
VARIANTS(recvfrom, RECVFROM);
VARIANTS(closesocket, CLOSE);

#define BIG	(16 << 20)

FIXTURE_SETUP(blocked)
{
	self->s = INVALID_SOCKET;
	self->big = calloc(1, BIG);
}

FIXTURE_TEARDOWN(blocked)
{
	free(self->big);
}

/* A listener whose queue is full answers no more. */
static SOCKET connect_to_silence(struct sockaddr_storage *addr, socklen_t *len)
{
	SOCKET listener = open_socket(AF_INET, SOCK_STREAM);
	int i;

	*len = loopback(AF_INET, addr);
	check(bind(listener, (struct sockaddr *)addr, *len));
	check(listen(listener, 0));
	*len = name_of(listener, addr);
	for (i = 0; i < 4; i++) {
		SOCKET s = open_socket(AF_INET, SOCK_STREAM);

		set_nonblocking(s, true);
		connect(s, (struct sockaddr *)addr, *len);
	}
	usleep(100000);
	return open_socket(AF_INET, SOCK_STREAM);
}

static void prepare(FIXTURE_DATA(blocked) *self, enum call call,
		    struct sockaddr_storage *addr, socklen_t *len)
{
	switch (call) {
	case ACCEPT:
		self->s = open_listener(AF_INET);
		return;
	case CONNECT:
		self->s = connect_to_silence(addr, len);
		return;
	case RECVFROM:
		self->s = open_socket(AF_INET, SOCK_DGRAM);
		*len = loopback(AF_INET, addr);
		check(bind(self->s, (struct sockaddr *)addr, *len));
		return;
	default:
		open_pair(&self->pair, AF_INET);
		self->s = self->pair.s;
		self->peer = self->pair.peer;
	}
	if (call == SEND || call == CLOSE)
		fill(self->s);
	if (call == CLOSE)
		set_linger(self->s, 1, LONG_TIME);
}

static int make(FIXTURE_DATA(blocked) *self, enum call call,
		struct sockaddr_storage *addr, socklen_t len)
{
	fd_set set;

	switch (call) {
	case RECV:
		return recv(self->s, self->big, 16, 0);
	case SEND:
		return send(self->s, self->big, BIG, 0);
	case ACCEPT:
		return accept(self->s, NULL, NULL) < 0 ? SOCKET_ERROR : 0;
	case CONNECT:
		return connect(self->s, (struct sockaddr *)addr, len);
	case SELECT:
		FD_ZERO(&set);
		FD_SET(self->s, &set);
		return select(0, &set, NULL, NULL, NULL);
	case RECVFROM:
		return recvfrom(self->s, self->big, 16, 0, NULL, NULL);
	case CLOSE:
		return closesocket(self->s);
	}
	return 0;
}

/* What was sent before is told rather than the error. */
static void expect_interrupted(struct __test_metadata *_metadata,
			       FIXTURE_DATA(blocked) *self, enum call call,
			       struct sockaddr_storage *addr, socklen_t len)
{
	EXPECT_FAILS(WSAEINTR, make(self, call, addr, len));
}

/* L3, C11: WSAEINTR, and nothing else has happened to the handle */
TEST_F(blocked, cancelling_ends_the_call)
{
	struct sockaddr_storage addr = { 0 };
	struct signaller signaller;
	socklen_t len = 0;
	LINGER linger;

	start_version(MAKEWORD(1, 1));
	prepare(self, variant->call, &addr, &len);
	signaller_start(&signaller, variant->flags, act_cancel, NULL);
	expect_interrupted(_metadata, self, variant->call, &addr, len);
	signaller_join(&signaller);
	EXPECT_EQ(1, handler.turns);
	EXPECT_EQ(0, handler.result[0]);
	EXPECT_TRUE(handler.blocking[0]);
	EXPECT_FALSE(WSAIsBlocking());
	EXPECT_TRUE(is_open(self->s));
	if (variant->call == CLOSE) {
		/* its clock starts anew, and other ways out are open */
		linger = get_linger(self->s);
		EXPECT_EQ(1, linger.l_onoff);
		EXPECT_EQ(LONG_TIME, linger.l_linger);
		set_linger(self->s, 1, 1);
		EXPECT_WORKS(closesocket(self->s));
		EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
	}
	WSACleanup();
}

/* G2: the handler's own call is refused, and the one it interrupted goes on */
TEST_F(blocked, a_handler_may_not_call_in_between)
{
	struct sockaddr_storage addr = { 0 };
	struct signaller signaller;
	socklen_t len = 0;

	start_version(MAKEWORD(1, 1));
	prepare(self, variant->call, &addr, &len);
	handler.s = self->s;
	signaller_start(&signaller, variant->flags, act_close, act_cancel);
	expect_interrupted(_metadata, self, variant->call, &addr, len);
	signaller_join(&signaller);
	EXPECT_EQ(2, handler.turns);
	EXPECT_EQ(SOCKET_ERROR, handler.result[0]);
	EXPECT_EQ(WSAEINPROGRESS, handler.error[0]);
	EXPECT_TRUE(handler.blocking[0]);
	EXPECT_EQ(0, handler.result[1]);
	EXPECT_TRUE(is_open(self->s));
	WSACleanup();
}

/* G2 does not depend on the version */
TEST(a_handler_may_not_call_in_between_in_winsock_2_either)
{
	struct signaller signaller;
	struct drainer drainer;
	struct pair pair;

	start_version(MAKEWORD(2, 2));
	open_pair(&pair, AF_INET6);
	fill(pair.s);
	set_linger(pair.s, 1, LONG_TIME);
	handler.s = pair.peer;
	signaller_start(&signaller, 0, act_close, act_cancel);
	drainer_start(&drainer, pair.peer, 2000);
	EXPECT_WORKS(closesocket(pair.s));
	signaller_join(&signaller);
	EXPECT_EQ(WSAEINPROGRESS, handler.error[0]);
	EXPECT_EQ(WSAEOPNOTSUPP, handler.error[1]);
	EXPECT_LT(0, drainer_join(&drainer));
	WSACleanup();
}

TEST_HARNESS_MAIN
