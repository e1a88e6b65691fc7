// SPDX-License-Identifier: GPL-2.0
/* WSASocket(), WSADuplicateSocket(), and sockets that processes share (L4). */
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "suite.h"
#include "waiter.h"

#define NOBODY	65534

/**
 * struct errand - what another process is to do, and what came of it
 * @run: does it there; returns what it returned, or a negative WSA error
 * @s: a socket of that process
 * @info: of a duplicate
 * @pid: for WSADuplicateSocket()
 * @flags: for WSASocket()
 * @linger: SO_LINGER
 * @nonblocking: the mode
 * @bytes: to be sent, or received
 * @len: how many
 * @result: of @run
 */
struct errand {
	int (*run)(struct errand *errand);
	SOCKET s;
	WSAPROTOCOL_INFO info;
	DWORD pid;
	DWORD flags;
	LINGER linger;
	bool nonblocking;
	char bytes[64];
	int len;
	int result;
};

/**
 * struct process - another process with a library of its own
 * @pid: it
 * @line: errands go there, and come back
 * @errand: the last one
 */
struct process {
	pid_t pid;
	int line;
	struct errand errand;
};

static void become_nobody(void)
{
	check(setgroups(0, NULL));
	check(setresgid(NOBODY, NOBODY, NOBODY));
	check(setresuid(NOBODY, NOBODY, NOBODY));
}

/* By a call, so that a library that counts what runs can write it down. */
static void end(int sig)
{
	_exit(sig);
}

static void serve(int line)
{
	struct errand errand = { 0 };

	check(write(line, &errand, sizeof(errand)));	/* ready */
	while (read(line, &errand, sizeof(errand)) == sizeof(errand)) {
		errand.result = errand.run(&errand);
		check(write(line, &errand, sizeof(errand)));
	}
	_exit(0);
}

/* The answer to the last errand. */
static int finish(struct process *p)
{
	wait_for(p->line, POLLIN);
	if (read(p->line, &p->errand, sizeof(p->errand)) != sizeof(p->errand))
		errx(EXIT_FAILURE, "process %d is gone", p->pid);
	return p->errand.result;
}

/* Before WSAStartup(): it shares nothing with the test. */
static void process_start(struct process *p, bool nobody)
{
	int lines[2];

	memset(p, 0, sizeof(*p));
	check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, lines));
	p->pid = check(fork());
	if (!p->pid) {
		signal(SIGTERM, end);
		native_close(lines[0]);
		if (nobody)
			become_nobody();
		start();
		serve(lines[1]);
	}
	native_close(lines[1]);
	p->line = lines[0];
	finish(p);
}

static void process_end(struct process *p)
{
	if (!p->pid)
		return;
	kill(p->pid, SIGTERM);
	kill(p->pid, SIGCONT);
	waitpid(p->pid, NULL, 0);
	native_close(p->line);
	p->pid = 0;
}

/* None of its threads runs any more. */
static void process_stop(struct process *p)
{
	kill(p->pid, SIGSTOP);
	check(waitpid(p->pid, NULL, WUNTRACED));
}

/* Does not wait for it: see finish(). */
static void begin(struct process *p, int (*run)(struct errand *errand))
{
	p->errand.run = run;
	check(write(p->line, &p->errand, sizeof(p->errand)));
}

static int ask(struct process *p, int (*run)(struct errand *errand))
{
	begin(p, run);
	return finish(p);
}

static void begin_waiting(struct process *p, int (*run)(struct errand *errand))
{
	begin(p, run);
	wait_asleep(p->pid, NULL);
}

static SOCKET open_duplicate(const WSAPROTOCOL_INFO *info, DWORD flags)
{
	WSAPROTOCOL_INFO copy = *info;

	return WSASocket(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
			 FROM_PROTOCOL_INFO, &copy, 0, flags);
}

static int do_fetch(struct errand *e)
{
	e->s = open_duplicate(&e->info, e->flags);
	return e->s == INVALID_SOCKET ? -WSAGetLastError() : 0;
}

static int do_duplicate(struct errand *e)
{
	return or_error(WSADuplicateSocket(e->s, e->pid, &e->info));
}

static int do_send(struct errand *e)
{
	return or_error(send(e->s, e->bytes, e->len, 0));
}

static int do_recv(struct errand *e)
{
	return or_error(recv(e->s, e->bytes, sizeof(e->bytes), 0));
}

static int do_accept(struct errand *e)
{
	e->s = accept(e->s, NULL, NULL);
	return e->s == INVALID_SOCKET ? -WSAGetLastError() : 0;
}

static int do_close(struct errand *e)
{
	return or_error(closesocket(e->s));
}

static int do_cleanup(struct errand *e)
{
	return or_error(WSACleanup());
}

static int do_look(struct errand *e)
{
	e->linger = get_linger(e->s);
	e->nonblocking = is_nonblocking(e->s);
	e->flags = fcntl((int)e->s, F_GETFD);
	return 0;
}

static int do_change(struct errand *e)
{
	set_linger(e->s, e->linger.l_onoff, e->linger.l_linger);
	set_nonblocking(e->s, e->nonblocking);
	return 0;
}

static int do_count(struct errand *e)
{
	return count_descriptors();
}

/* No descriptor beyond those in use and @spare. */
static void limit_numbers(int spare)
{
	struct rlimit limit = { .rlim_max = NUMBERS };
	int top = NUMBERS;

	while (top && fcntl(top - 1, F_GETFD) < 0)
		top--;
	limit.rlim_cur = spare < 0 ? NUMBERS : top + spare;
	check(setrlimit(RLIMIT_NOFILE, &limit));
	while (spare >= 0 && dup(0) >= 0)
		;
	for (; spare > 0; spare--)
		native_close(limit.rlim_cur - spare);
}

static int do_limit(struct errand *e)
{
	limit_numbers(e->len);
	return 0;
}

static int do_unlimit(struct errand *e)
{
	limit_numbers(-1);
	return 0;
}

static int do_leave_network(struct errand *e)
{
	return unshare(CLONE_NEWNET);
}

/* WSASocket */

FIXTURE(making) {
	WSAPROTOCOL_INFO info;
};

FIXTURE_SETUP(making)
{
	start();
	memset(&self->info, 0, sizeof(self->info));
	self->info.iAddressFamily = AF_INET6;
	self->info.iSocketType = SOCK_DGRAM;
	self->info.iProtocol = IPPROTO_UDP;
}

FIXTURE_TEARDOWN(making)
{
	WSACleanup();
}

static int option(SOCKET s, int name)
{
	int value, len = sizeof(value);

	check(getsockopt(s, SOL_SOCKET, name, &value, &len));
	return value;
}

TEST_F(making, makes_what_socket_makes)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	SOCKET s;
	int i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; j < 2; j++) {
			s = WSASocket(families[i], types[j], 0, NULL, 0,
				      WSA_FLAG_OVERLAPPED);
			ASSERT_NE(INVALID_SOCKET, s);
			EXPECT_EQ(families[i], option(s, SO_DOMAIN));
			EXPECT_EQ(types[j], option(s, SO_TYPE));
			EXPECT_EQ(0, fcntl((int)s, F_GETFD));
			EXPECT_FALSE(is_nonblocking(s));
			EXPECT_WORKS(closesocket(s));
			EXPECT_FALSE(is_open(s));
		}
}

TEST_F(making, may_keep_the_socket_from_other_programs)
{
	SOCKET s = WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0,
			     WSA_FLAG_NO_HANDLE_INHERIT);

	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(FD_CLOEXEC, fcntl((int)s, F_GETFD));
	EXPECT_EQ(SOCK_STREAM, option(s, SO_TYPE));
}

TEST_F(making, takes_from_the_information_what_is_asked_for)
{
	const int from = FROM_PROTOCOL_INFO;
	SOCKET s;

	s = WSASocket(from, from, from, &self->info, 0, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(AF_INET6, option(s, SO_DOMAIN));
	EXPECT_EQ(SOCK_DGRAM, option(s, SO_TYPE));
	s = WSASocket(AF_INET, from, from, &self->info, 0, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(AF_INET, option(s, SO_DOMAIN));
	EXPECT_EQ(SOCK_DGRAM, option(s, SO_TYPE));
	s = WSASocket(from, SOCK_STREAM, 0, &self->info, 0, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(AF_INET6, option(s, SO_DOMAIN));
	EXPECT_EQ(SOCK_STREAM, option(s, SO_TYPE));
	EXPECT_FAILS(WSAEPROTONOSUPPORT,
		     WSASocket(from, SOCK_STREAM, from, &self->info, 0, 0));
}

TEST_F(making, refuses_what_it_does_not_know)
{
	int before = count_descriptors();

	EXPECT_FAILS(WSAEINVAL, WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0,
					  0x02));
	EXPECT_FAILS(WSAEINVAL, WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0,
					  0x100 | WSA_FLAG_OVERLAPPED));
	EXPECT_FAILS(WSAEINVAL, WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 1, 0));
	EXPECT_FAILS(WSAEINVAL, WSASocket(0, 0, 0, NULL, 0, 0));
	EXPECT_FAILS(WSAESOCKTNOSUPPORT,
		     WSASocket(AF_INET, 12, 0, NULL, 0, 0));
	EXPECT_FAILS(WSAEPROTONOSUPPORT,
		     WSASocket(AF_INET, SOCK_STREAM, IPPROTO_UDP, NULL, 0, 0));
	EXPECT_FAILS(WSAEAFNOSUPPORT,
		     WSASocket(FROM_PROTOCOL_INFO, SOCK_STREAM, 0, NULL, 0, 0));
	EXPECT_EQ(before, count_descriptors());
}

/* G1, L1 */
TEST_F(making, needs_startup_before_anything_else)
{
	WSACleanup();
	EXPECT_FAILS(WSANOTINITIALISED, WSASocket(0, 0, 0, NULL, 1, -1));
	EXPECT_FAILS(WSANOTINITIALISED, WSADuplicateSocket(99, 0, NULL));
}

/* WSADuplicateSocket */

FIXTURE(duplicate) {
	struct process other;
	struct process third;
	struct pair pair;
	SOCKET s;
	SOCKET peer;
	WSAPROTOCOL_INFO info;
};

FIXTURE_VARIANT(duplicate) {
	bool nobody;
	int family;
};

FIXTURE_VARIANT_ADD(duplicate, root_ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(duplicate, nobody_ipv6) {
	.nobody = true,
	.family = AF_INET6,
};

FIXTURE_SETUP(duplicate)
{
	struct timeval limit = { .tv_sec = AT_ONCE_MS / 1000 };

	process_start(&self->other, variant->nobody);
	process_start(&self->third, variant->nobody);
	if (variant->nobody)
		become_nobody();
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
	/* An end that does not come is a failure like any other. */
	check(setsockopt(self->peer, SOL_SOCKET, SO_RCVTIMEO, &limit,
			 sizeof(limit)));
}

FIXTURE_TEARDOWN(duplicate)
{
	process_end(&self->third);
	process_end(&self->other);
	set_linger(self->peer, 0, 0);
	WSACleanup();
}

/* @s goes to the process. */
static int give(struct process *p, SOCKET s)
{
	check(WSADuplicateSocket(s, p->pid, &p->errand.info));
	return ask(p, do_fetch);
}

static void expect_bytes(struct __test_metadata *_metadata, SOCKET s,
			 const char *bytes)
{
	char buf[64] = "";

	EXPECT_EQ((int)strlen(bytes), recv(s, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(bytes, buf, strlen(bytes)));
}

static int send_text(SOCKET s, const char *text)
{
	return or_error(send(s, text, strlen(text), 0));
}

static int ask_to_send(struct process *p, const char *text)
{
	p->errand.len = strlen(text);
	memcpy(p->errand.bytes, text, p->errand.len);
	return ask(p, do_send);
}

/* Nothing has come, neither bytes nor an end. */
static bool is_quiet(SOCKET s)
{
	struct pollfd pollfd = { .fd = (int)s, .events = POLLIN | POLLRDHUP };

	return !poll(&pollfd, 1, 200);
}

/* Neither process could take the socket from the other by itself. */
TEST_F(duplicate, needs_no_right_to_trace)
{
	int pidfd = check(syscall(SYS_pidfd_open, self->other.pid, 0));

	if (variant->nobody) {
		EXPECT_EQ(-1, syscall(SYS_pidfd_getfd, pidfd, 0, 0));
		EXPECT_EQ(EPERM, errno);
	}
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(4, ask_to_send(&self->other, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
}

TEST_F(duplicate, shares_the_queues)
{
	EXPECT_EQ(6, send_text(self->peer, "queued"));
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(6, ask(&self->other, do_recv));
	EXPECT_EQ(0, memcmp("queued", self->other.errand.bytes, 6));
	EXPECT_EQ(4, send_text(self->peer, "more"));
	expect_bytes(_metadata, self->s, "more");
	EXPECT_EQ(3, send_text(self->s, "one"));
	EXPECT_EQ(3, ask_to_send(&self->other, "two"));
	wait_for(self->peer, POLLIN);
	expect_bytes(_metadata, self->peer, "onetwo");
}

TEST_F(duplicate, shares_options_and_mode)
{
	struct errand *e = &self->other.errand;
	LINGER linger;

	set_linger(self->s, 1, 7);
	set_nonblocking(self->s, true);
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(0, ask(&self->other, do_look));
	EXPECT_EQ(1, e->linger.l_onoff);
	EXPECT_EQ(7, e->linger.l_linger);
	EXPECT_TRUE(e->nonblocking);

	e->linger.l_linger = 9;
	e->nonblocking = false;
	EXPECT_EQ(0, ask(&self->other, do_change));
	linger = get_linger(self->s);
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(9, linger.l_linger);
	EXPECT_FALSE(is_nonblocking(self->s));
}

TEST_F(duplicate, remembers_what_was_shut_down)
{
	EXPECT_WORKS(shutdown(self->s, SD_BOTH));
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(-WSAESHUTDOWN, ask(&self->other, do_recv));
	EXPECT_EQ(-WSAESHUTDOWN, ask_to_send(&self->other, "x"));
}

TEST_F(duplicate, is_inherited_unless_the_flag_forbids_it)
{
	struct errand *e = &self->other.errand;

	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(0, ask(&self->other, do_look));
	EXPECT_EQ(0, e->flags);
	e->flags = WSA_FLAG_NO_HANDLE_INHERIT | WSA_FLAG_OVERLAPPED;
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(0, ask(&self->other, do_look));
	EXPECT_EQ(FD_CLOEXEC, e->flags);
}

TEST_F(duplicate, describes_itself)
{
	bool in6 = variant->family == AF_INET6;
	SOCKET datagram = open_socket(variant->family, SOCK_DGRAM);
	int size = in6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	memset(&self->info, 0xcc, sizeof(self->info));
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &self->info));
	EXPECT_EQ(2, self->info.iVersion);
	EXPECT_EQ(variant->family, self->info.iAddressFamily);
	EXPECT_EQ(SOCK_STREAM, self->info.iSocketType);
	EXPECT_EQ(IPPROTO_TCP, self->info.iProtocol);
	EXPECT_EQ(size, self->info.iMinSockAddr);
	EXPECT_EQ(size, self->info.iMaxSockAddr);
	EXPECT_EQ(1, self->info.ProtocolChain.ChainLen);
	EXPECT_EQ(0, self->info.dwMessageSize);
	EXPECT_EQ(0x20066, self->info.dwServiceFlags1);
	EXPECT_GT(sizeof(self->info.szProtocol),
		  strnlen(self->info.szProtocol, sizeof(self->info.szProtocol)));

	EXPECT_WORKS(WSADuplicateSocket(datagram, self->other.pid, &self->info));
	EXPECT_EQ(SOCK_DGRAM, self->info.iSocketType);
	EXPECT_EQ(IPPROTO_UDP, self->info.iProtocol);
	EXPECT_EQ(0x20609, self->info.dwServiceFlags1);
	EXPECT_EQ(65507, self->info.dwMessageSize);
}

/* L4, and a failed call has changed nothing. */
TEST_F(duplicate, fails_for_what_cannot_be)
{
	WSAPROTOCOL_INFO untouched;
	SOCKET closed = open_socket(AF_INET, SOCK_STREAM);
	DWORD pid = self->other.pid;
	pid_t gone;
	int before;

	check(closesocket(closed));
	gone = check(fork());
	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);

	memset(&self->info, 0xcc, sizeof(self->info));
	untouched = self->info;
	before = count_descriptors();
	EXPECT_FAILS(WSAENOTSOCK, WSADuplicateSocket(closed, pid, &self->info));
	EXPECT_FAILS(WSAENOTSOCK, WSADuplicateSocket(0, pid, &self->info));
	EXPECT_FAILS(WSAENOTSOCK,
		     WSADuplicateSocket(INVALID_SOCKET, 0, NULL));
	EXPECT_FAILS(WSAEINVAL, WSADuplicateSocket(self->s, 0, &self->info));
	EXPECT_FAILS(WSAEINVAL, WSADuplicateSocket(self->s, 0, NULL));
	EXPECT_FAILS(WSAEINVAL, WSADuplicateSocket(self->s, gone, &self->info));
	EXPECT_FAILS(WSAEINVAL, WSADuplicateSocket(self->s, -1, &self->info));
	EXPECT_FAILS(WSAEFAULT, WSADuplicateSocket(self->s, pid, NULL));
	EXPECT_EQ(0, memcmp(&untouched, &self->info, sizeof(untouched)));
	EXPECT_EQ(before, count_descriptors());
	EXPECT_TRUE(is_open(self->s));
	EXPECT_EQ(4, send_text(self->s, "ping"));
}

static int run_nothing(void *arg)
{
	poll(NULL, 0, -1);
	return 0;
}

/* The ID is that of a process, which is the ID of its first thread. */
TEST_F(duplicate, is_not_for_a_thread)
{
	static struct waiter waiter;

	waiter_run(&waiter, run_nothing, NULL);
	EXPECT_FAILS(WSAEINVAL, WSADuplicateSocket(self->s, waiter_tid(&waiter),
						   &self->info));
}

TEST_F(duplicate, is_fetched_once)
{
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
	EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
	EXPECT_EQ(0, give(&self->other, self->s));
}

/* Each info is a socket of its own, whatever the order. */
TEST_F(duplicate, may_be_offered_many_times)
{
	WSAPROTOCOL_INFO infos[3];
	int i, before = ask(&self->other, do_count);

	for (i = 0; i < 3; i++)
		EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid,
						&infos[i]));
	for (i = 2; i >= 0; i--) {
		self->other.errand.info = infos[i];
		EXPECT_EQ(0, ask(&self->other, do_fetch));
	}
	EXPECT_EQ(before + 3, ask(&self->other, do_count));
}

TEST_F(duplicate, is_for_the_process_it_was_made_for)
{
	struct errand *e = &self->other.errand;

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &e->info));
	self->third.errand.info = e->info;
	EXPECT_EQ(-WSAEINVAL, ask(&self->third, do_fetch));
	/* also not for the one that made it */
	EXPECT_FAILS(WSAEINVAL, open_duplicate(&e->info, 0));
	EXPECT_EQ(0, ask(&self->other, do_fetch));
	EXPECT_EQ(4, ask_to_send(&self->other, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
}

TEST_F(duplicate, is_not_had_by_guessing)
{
	struct errand *e = &self->other.errand;
	int i, len;

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &self->info));
	for (i = 0; i < (int)sizeof(GUID); i++) {
		e->info = self->info;
		((char *)&e->info.ProviderId)[i] ^= 1;
		EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
	}
	len = strlen(self->info.szProtocol);
	for (i = 0; i < len; i++) {
		e->info = self->info;
		e->info.szProtocol[i] ^= 1;
		EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
	}
	e->info = self->info;
	e->info.szProtocol[len - 1] = '\0';
	EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
	memset(e->info.szProtocol, 'x', sizeof(e->info.szProtocol));
	EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));

	/* and none of it has used the right one up */
	e->info = self->info;
	EXPECT_EQ(0, ask(&self->other, do_fetch));
}

/* One's own process is a process, too. */
TEST_F(duplicate, may_stay_in_the_process)
{
	SOCKET s;

	EXPECT_WORKS(WSADuplicateSocket(self->s, getpid(), &self->info));
	s = open_duplicate(&self->info, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_NE(self->s, s);
	EXPECT_FAILS(WSAEINVAL, open_duplicate(&self->info, 0));
	set_linger(self->s, 1, 3);
	EXPECT_EQ(3, get_linger(s).l_linger);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_TRUE(is_quiet(self->peer));
	EXPECT_EQ(4, send_text(s, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
	EXPECT_EQ(4, send_text(self->peer, "pong"));
	expect_bytes(_metadata, s, "pong");
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(0, drain(self->peer));
}

/* L6: the selection is the socket's */
TEST_F(duplicate, shares_its_events_in_the_process)
{
	WSAEVENT event = WSACreateEvent();
	WSANETWORKEVENTS got;
	SOCKET s;

	EXPECT_WORKS(WSAEventSelect(self->s, event, FD_READ));
	EXPECT_WORKS(WSADuplicateSocket(self->s, getpid(), &self->info));
	s = open_duplicate(&self->info, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(1, send_text(self->peer, "x"));
	EXPECT_EQ(WSA_WAIT_EVENT_0,
		  WSAWaitForMultipleEvents(1, &event, FALSE, AT_ONCE_MS, FALSE));
	EXPECT_WORKS(WSAEnumNetworkEvents(s, event, &got));
	EXPECT_EQ(FD_READ, got.lNetworkEvents);
}

static int run_fetch(void *arg)
{
	return open_duplicate(arg, 0) == INVALID_SOCKET ? -WSAGetLastError() : 1;
}

/* Eight threads ask for one socket: one of them gets it. */
static int do_race(struct errand *e)
{
	struct waiter waiters[8];
	int i, ret, winners = 0;

	for (i = 0; i < 8; i++)
		waiter_run(&waiters[i], run_fetch, &e->info);
	for (i = 0; i < 8; i++) {
		ret = waiter_join(&waiters[i]);
		if (ret != 1 && ret != -WSAEINVAL)
			return ret;
		winners += ret == 1;
	}
	return winners;
}

TEST_F(duplicate, goes_to_one_of_many)
{
	int i;

	for (i = 0; i < 20; i++) {
		EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid,
						&self->other.errand.info));
		EXPECT_EQ(1, ask(&self->other, do_race));
	}
}

TEST_F(duplicate, may_be_passed_on)
{
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_WORKS(closesocket(self->s));
	self->other.errand.pid = self->third.pid;
	EXPECT_EQ(0, ask(&self->other, do_duplicate));
	self->third.errand.info = self->other.errand.info;
	EXPECT_EQ(0, ask(&self->third, do_fetch));
	EXPECT_EQ(0, ask(&self->other, do_close));
	EXPECT_TRUE(is_quiet(self->peer));
	EXPECT_EQ(4, ask_to_send(&self->third, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
	EXPECT_EQ(0, ask(&self->third, do_close));
	EXPECT_EQ(0, drain(self->peer));
}

/* N3 is for the last */
TEST_F(duplicate, of_a_listener_accepts)
{
	SOCKET listener = open_listener(variant->family);
	SOCKET a = open_socket(variant->family, SOCK_STREAM);
	SOCKET b = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	EXPECT_EQ(0, give(&self->other, listener));
	EXPECT_WORKS(closesocket(listener));
	begin_waiting(&self->other, do_accept);
	EXPECT_WORKS(connect(a, (struct sockaddr *)&addr, len));
	EXPECT_EQ(0, finish(&self->other));
	EXPECT_EQ(4, ask_to_send(&self->other, "ping"));
	expect_bytes(_metadata, a, "ping");

	process_end(&self->other);
	EXPECT_FAILS(WSAECONNREFUSED, connect(b, (struct sockaddr *)&addr, len));
}

TEST_F(duplicate, of_a_datagram_socket_receives)
{
	SOCKET s = open_socket(variant->family, SOCK_DGRAM);
	SOCKET from = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr;
	socklen_t len;

	len = bind_loopback(s, variant->family, &addr);
	EXPECT_EQ(4, sendto(from, "ping", 4, 0, (struct sockaddr *)&addr, len));
	EXPECT_EQ(0, give(&self->other, s));
	EXPECT_WORKS(closesocket(s));
	EXPECT_EQ(4, ask(&self->other, do_recv));
	EXPECT_EQ(4, sendto(from, "pong", 4, 0, (struct sockaddr *)&addr, len));
	EXPECT_EQ(4, ask(&self->other, do_recv));
	EXPECT_EQ(0, memcmp("pong", self->other.errand.bytes, 4));
}

/* The library has not met it yet. */
TEST_F(duplicate, may_be_of_a_native_socket)
{
	SOCKET s = native_socket(variant->family, SOCK_STREAM);

	EXPECT_EQ(0, give(&self->other, s));
	EXPECT_EQ(0, ask(&self->other, do_look));
	EXPECT_EQ(0, ask(&self->other, do_close));
	EXPECT_WORKS(closesocket(s));
}

/* G5, and then C15 - C18 for the last one */
TEST_F(duplicate, is_refused_for_the_last_one_only)
{
	struct errand *e = &self->other.errand;
	long sent, before;

	sent = fill(self->s);
	set_linger(self->s, 1, LONG_TIME);
	set_nonblocking(self->s, true);
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_FALSE(is_open(self->s));
	EXPECT_EQ(-WSAEWOULDBLOCK, ask(&self->other, do_close));
	EXPECT_EQ(-WSAEWOULDBLOCK, ask(&self->other, do_close));
	e->linger.l_onoff = 0;
	e->nonblocking = true;
	EXPECT_EQ(0, ask(&self->other, do_change));
	before = now_ms();
	EXPECT_EQ(0, ask(&self->other, do_close));
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_EQ(sent, drain(self->peer));
}

/* G5: no wait, and C9 for the last one */
TEST_F(duplicate, lingers_for_the_last_one_only)
{
	long before;

	fill(self->s);
	set_linger(self->s, 1, 2);
	EXPECT_EQ(0, give(&self->other, self->s));
	before = now_ms();
	EXPECT_EQ(0, ask(&self->other, do_close));
	EXPECT_GT(2000, now_ms() - before);
	EXPECT_EQ(4, send_text(self->peer, "ping"));
	expect_bytes(_metadata, self->s, "ping");
	before = now_ms();
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_LE(2000, now_ms() - before);
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

/* G5, C4 */
TEST_F(duplicate, is_reset_by_the_last_one_only)
{
	set_linger(self->s, 1, 0);
	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_TRUE(is_quiet(self->peer));
	EXPECT_EQ(4, ask_to_send(&self->other, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
	EXPECT_EQ(0, ask(&self->other, do_close));
	EXPECT_EQ(-WSAECONNRESET, drain(self->peer));
}

/* P2, P11: here and there a thread sits in recv(). */
TEST_F(duplicate, calls_there_continue_when_those_here_end)
{
	struct waiter waiter;

	EXPECT_EQ(0, give(&self->other, self->s));
	waiter_start_asleep(&waiter, recv_from, &self->s);
	begin_waiting(&self->other, do_recv);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&waiter));
	EXPECT_TRUE(is_quiet(self->peer));
	EXPECT_EQ(4, send_text(self->peer, "ping"));
	EXPECT_EQ(4, finish(&self->other));
	EXPECT_EQ(4, ask_to_send(&self->other, "pong"));
	expect_bytes(_metadata, self->peer, "pong");
}

/* P11 the other way round */
TEST_F(duplicate, calls_here_continue_when_the_duplicate_is_closed)
{
	struct waiter waiter;

	EXPECT_EQ(0, give(&self->other, self->s));
	waiter_start_asleep(&waiter, recv_from, &self->s);
	EXPECT_EQ(0, ask(&self->other, do_close));
	usleep(50000);
	EXPECT_FALSE(waiter.done);
	EXPECT_EQ(4, send_text(self->peer, "ping"));
	EXPECT_EQ(4, waiter_join(&waiter));
}

/* G5, P2: in flight it is shared, but not with a descriptor of this process. */
TEST_F(duplicate, on_its_way_keeps_the_connection_and_no_call)
{
	struct waiter waiter;

	set_linger(self->s, 1, 0);
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid,
					&self->other.errand.info));
	waiter_start_asleep(&waiter, recv_from, &self->s);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(-WSAECONNABORTED, waiter_join(&waiter));
	EXPECT_TRUE(is_quiet(self->peer));
	EXPECT_EQ(4, send_text(self->peer, "ping"));
	EXPECT_EQ(0, ask(&self->other, do_fetch));
	EXPECT_EQ(4, ask(&self->other, do_recv));
	EXPECT_EQ(4, ask_to_send(&self->other, "pong"));
	expect_bytes(_metadata, self->peer, "pong");
}

/* As an end of a process that had it would */
TEST_F(duplicate, that_is_never_fetched_ends_with_its_process)
{
	long sent = fill(self->s);

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &self->info));
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_TRUE(is_open(self->peer));
	process_end(&self->other);
	EXPECT_EQ(sent, drain(self->peer));
}

/* The other one, of a process that continues, stays on offer. */
TEST_F(duplicate, that_is_never_fetched_takes_no_other_along)
{
	WSAPROTOCOL_INFO unused;

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &unused));
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->third.pid, &self->info));
	process_end(&self->other);
	usleep(100000);
	self->third.errand.info = self->info;
	EXPECT_EQ(0, ask(&self->third, do_fetch));
	EXPECT_EQ(4, ask_to_send(&self->third, "ping"));
}

/* And the socket is Last here again: C15. */
TEST_F(duplicate, that_is_never_fetched_does_not_stay_shared)
{
	long deadline = now_ms() + AT_ONCE_MS;
	int numbers;

	fill(self->s);
	set_linger(self->s, 1, LONG_TIME);
	set_nonblocking(self->s, true);
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &self->info));
	numbers = count_descriptors();
	process_end(&self->other);
	/* two descriptors go, and that of the test's own line to the process */
	while (count_descriptors() > numbers - 3 && now_ms() < deadline)
		usleep(10000);
	EXPECT_FAILS(WSAEWOULDBLOCK, closesocket(self->s));
	set_linger(self->s, 0, 0);
}

/* Nobody waits for what lingers when such an end comes. */
TEST_F(duplicate, that_is_never_fetched_delays_no_other)
{
	struct pair pair;
	long before;

	fill(self->s);
	set_linger(self->s, 1, LONG_TIME);
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &self->info));
	EXPECT_WORKS(closesocket(self->s));
	open_pair(&pair, variant->family);
	process_end(&self->other);
	usleep(200000);
	before = now_ms();
	EXPECT_EQ(0, give(&self->third, pair.s));
	EXPECT_GT(AT_ONCE_MS / 2, now_ms() - before);
}

/* L2 */
TEST_F(duplicate, that_is_not_fetched_before_cleanup_never_is)
{
	struct pair pair;
	long before;

	/* one whose descriptor is closed, and one whose is not */
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid,
					&self->other.errand.info));
	EXPECT_WORKS(closesocket(self->s));
	open_pair(&pair, variant->family);
	EXPECT_WORKS(WSADuplicateSocket(pair.s, self->third.pid,
					&self->third.errand.info));
	fill(pair.s);
	set_linger(pair.s, 1, LONG_TIME);
	set_nonblocking(pair.s, true);
	self->peer = check(dup((int)self->peer));
	pair.peer = check(dup((int)pair.peer));

	before = now_ms();
	EXPECT_WORKS(WSACleanup());
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSADuplicateSocket(self->peer, self->other.pid, &self->info));
	EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
	EXPECT_EQ(-WSAEINVAL, ask(&self->third, do_fetch));

	start();
	EXPECT_EQ(0, drain(self->peer));
	EXPECT_EQ(-WSAECONNRESET, drain(pair.peer));
	/* and all works again */
	EXPECT_EQ(0, give(&self->other, self->peer));
	EXPECT_EQ(-WSANOTINITIALISED, (ask(&self->other, do_cleanup),
				       ask(&self->other, do_fetch)));
}

/* A known difference: what has not been fetched ends with the source. */
TEST_F(duplicate, needs_the_source_until_it_is_fetched)
{
	struct errand *e = &self->other.errand;

	EXPECT_EQ(0, give(&self->other, self->s));
	e->pid = getpid();
	EXPECT_EQ(0, ask(&self->other, do_duplicate));
	self->info = e->info;
	process_end(&self->other);
	EXPECT_FAILS(WSAEINVAL, open_duplicate(&self->info, 0));
}

TEST_F(duplicate, outlives_the_source_once_it_is_fetched)
{
	struct errand *e = &self->other.errand;
	SOCKET s;

	EXPECT_EQ(0, give(&self->other, self->s));
	EXPECT_WORKS(closesocket(self->s));
	e->pid = getpid();
	EXPECT_EQ(0, ask(&self->other, do_duplicate));
	s = open_duplicate(&e->info, 0);
	ASSERT_NE(INVALID_SOCKET, s);
	process_end(&self->other);
	EXPECT_EQ(4, send_text(s, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
}

static int do_fetch_under_fire(struct errand *e)
{
	struct signaller signaller;
	int ret;

	signaller_start(&signaller, 100);
	ret = do_fetch(e);
	signaller_stop(&signaller);
	return ret;
}

/* A source that is stopped does not answer; its info stays good (L3 on the way). */
TEST_F(duplicate, is_not_waited_for_for_ever)
{
	struct errand *e = &self->other.errand;
	long before;

	EXPECT_EQ(0, give(&self->third, self->s));
	self->third.errand.pid = self->other.pid;
	EXPECT_EQ(0, ask(&self->third, do_duplicate));
	e->info = self->third.errand.info;
	process_stop(&self->third);
	before = now_ms();
	EXPECT_EQ(-WSAETIMEDOUT, ask(&self->other, do_fetch_under_fire));
	EXPECT_LE(10000, now_ms() - before);
	kill(self->third.pid, SIGCONT);
	EXPECT_EQ(0, ask(&self->other, do_fetch));
}

/* L8 */
TEST_F(duplicate, and_fork)
{
	WSAPROTOCOL_INFO own;
	pid_t pid;

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid,
					&self->other.errand.info));
	EXPECT_WORKS(WSADuplicateSocket(self->s, getpid(), &own));
	pid = check(fork());
	if (!pid) {
		WSAPROTOCOL_INFO info;
		SOCKET s;

		alarm(60);
		/* what the parent offers to itself is not the child's */
		if (open_duplicate(&own, 0) != INVALID_SOCKET)
			_exit(1);
		/* its own is */
		if (WSADuplicateSocket(self->s, getpid(), &info))
			_exit(2);
		s = open_duplicate(&info, 0);
		if (s == INVALID_SOCKET || send_text(s, "child") != 5)
			_exit(3);
		if (give(&self->third, s))
			_exit(4);
		_exit(WSACleanup() ? 5 : 0);
	}
	EXPECT_EQ(0, wait_child(pid));
	expect_bytes(_metadata, self->peer, "child");
	EXPECT_EQ(0, ask(&self->other, do_fetch));
	EXPECT_NE(INVALID_SOCKET, open_duplicate(&own, 0));
}

/* A child has no part in what it did not offer: it keeps nothing open. */
TEST_F(duplicate, offered_before_a_fork_is_not_kept_by_the_child)
{
	int ready[2], status;
	pid_t pid;

	check(pipe(ready));
	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &self->info));
	pid = check(fork());
	if (!pid) {
		native_close(self->s);
		native_close(self->peer);
		check(write(ready[1], "x", 1));
		pause();
		_exit(0);
	}
	wait_for(ready[0], POLLIN);
	process_end(&self->other);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(0, drain(self->peer));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

TEST_F(duplicate, leaves_nothing_behind)
{
	int here = 0, there = 0, i;

	for (i = 0; i < 210; i++) {
		EXPECT_EQ(0, give(&self->other, self->s));
		EXPECT_EQ(0, ask(&self->other, do_close));
		EXPECT_EQ(-WSAEINVAL, ask(&self->other, do_fetch));
		if (i != 9)
			continue;
		here = count_descriptors();
		there = ask(&self->other, do_count);
	}
	EXPECT_EQ(here, count_descriptors());
	EXPECT_EQ(there, ask(&self->other, do_count));
}

TEST_F(duplicate, leaves_nothing_behind_cleanup)
{
	int before, i;

	before = count_descriptors();
	for (i = 0; i < 50; i++)
		EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid,
						&self->info));
	EXPECT_LT(before, count_descriptors());
	check(fcntl((int)self->s, F_DUPFD, 500));
	check(fcntl((int)self->peer, F_DUPFD, 500));
	EXPECT_WORKS(WSACleanup());
	/* the device, both sockets */
	EXPECT_EQ(before - 3 + 2, count_descriptors());
	start();
	self->peer = open_socket(AF_INET, SOCK_STREAM);
}

/* A table with no room, or too little, in the source */
TEST_F(duplicate, without_free_descriptors_is_not_offered)
{
	int spare, error = WSAEMFILE, before;

	for (spare = 0; error == WSAEMFILE && spare < 12; spare++) {
		limit_numbers(spare);
		before = count_descriptors();
		WSASetLastError(0);
		if (WSADuplicateSocket(self->s, self->other.pid,
				       &self->other.errand.info))
			EXPECT_EQ(before, count_descriptors());
		error = WSAGetLastError();
		limit_numbers(-1);
	}
	EXPECT_EQ(0, error);
	EXPECT_LT(3, spare);
	EXPECT_EQ(0, ask(&self->other, do_fetch));
}

/* In the other process: the info stays good. */
TEST_F(duplicate, without_free_descriptors_is_not_fetched)
{
	struct errand *e = &self->other.errand;
	int ret = -WSAEMFILE;

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &e->info));
	for (e->len = 0; ret == -WSAEMFILE && e->len < 8; e->len++) {
		EXPECT_EQ(0, ask(&self->other, do_limit));
		ret = ask(&self->other, do_fetch);
		EXPECT_EQ(0, ask(&self->other, do_unlimit));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(1, e->len);
}

/* The address belongs to a network namespace. */
TEST(a_duplicate_does_not_reach_another_network)
{
	struct process other;

	process_start(&other, false);
	start();
	EXPECT_WORKS(WSADuplicateSocket(open_socket(AF_INET, SOCK_STREAM),
					other.pid, &other.errand.info));
	EXPECT_EQ(0, ask(&other, do_leave_network));
	EXPECT_EQ(-WSAEINVAL, ask(&other, do_fetch));
	process_end(&other);
	WSACleanup();
}

/* Everybody may read it. */
static bool is_public(const char *text)
{
	bool found = false;
	char line[256];
	FILE *file;

	file = fopen("/proc/net/unix", "r");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, text);
	if (file)
		fclose(file);
	return found;
}

/* The text of @info up to the stroke. */
static socklen_t address_in(const WSAPROTOCOL_INFO *info,
			    struct sockaddr_un *addr)
{
	size_t len = strcspn(info->szProtocol, "/");

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path + 1, info->szProtocol, len);
	return offsetof(struct sockaddr_un, sun_path) + 1 + len;
}

static void send_file(int via, const struct sockaddr_un *to, socklen_t tolen,
		      int file, const void *data, size_t len)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = tolen,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(file));
	sendmsg(via, &msg, MSG_DONTWAIT);
}

static void flood(const WSAPROTOCOL_INFO *info, int file)
{
	int via = native_socket(AF_UNIX, SOCK_DGRAM);
	struct sockaddr_un addr;
	socklen_t len = address_in(info, &addr);
	char data[256];
	size_t i;

	memset(data, 'f', sizeof(data));
	for (i = 0; i < sizeof(data); i++)
		send_file(via, &addr, len, file, data, i);
}

/*
 * Sends a socket whose last reference takes a minute to drop, in messages of
 * many lengths.  Who sent it exits, and is not kept waiting.
 */
static int do_flood(struct errand *e)
{
	struct linger linger = { 1, LONG_TIME };
	struct pair pair;
	int go[2];
	pid_t pid;
	char byte;

	open_pair(&pair, AF_INET);
	fill(pair.s);
	check(setsockopt(pair.s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	check(pipe(go));
	pid = check(fork());
	if (!pid) {
		native_close(go[1]);
		check(read(go[0], &byte, 1));
		flood(&e->info, (int)pair.s);
		_exit(0);
	}
	native_close(pair.s);
	native_close(go[0]);
	native_close(go[1]);
	waitpid(pid, NULL, 0);
	return 0;
}

/* Strangers know the address, and no more; nothing they send arrives. */
TEST_F(duplicate, is_safe_from_processes_without_the_key)
{
	struct errand *e = &self->other.errand;
	char *stroke;
	SOCKET s;

	EXPECT_EQ(0, give(&self->other, self->s));
	e->pid = getpid();
	EXPECT_EQ(0, ask(&self->other, do_duplicate));
	self->info = e->info;
	stroke = strchr(e->info.szProtocol, '/');
	ASSERT_NE(NULL, stroke);
	EXPECT_EQ(32, strlen(stroke + 1));
	EXPECT_FALSE(is_public(stroke + 1));
	memset(stroke + 1, '0', 32);
	*stroke = '\0';
	EXPECT_TRUE(is_public(e->info.szProtocol));

	process_stop(&self->other);
	self->third.errand.info = e->info;
	EXPECT_EQ(0, ask(&self->third, do_flood));
	kill(self->other.pid, SIGCONT);
	s = open_duplicate(&self->info, 0);
	EXPECT_NE(INVALID_SOCKET, s);
	EXPECT_EQ(4, send_text(s, "ping"));
	expect_bytes(_metadata, self->peer, "ping");
}

static int do_ask_in_vain(struct errand *e)
{
	int null = open("/dev/null", O_RDWR);
	int via = native_socket(AF_UNIX, SOCK_DGRAM);
	struct sockaddr_un addr;
	socklen_t len = address_in(&e->info, &addr);
	char request[48];
	int i;

	memcpy(request, strchr(e->info.szProtocol, '/') + 1, 32);
	memcpy(request + 32, &e->info.ProviderId, 16);
	for (i = 0; i < 100; i++) {
		/* no file, one that is no socket, one that leads nowhere */
		sendto(via, request, sizeof(request), 0,
		       (struct sockaddr *)&addr, len);
		send_file(via, &addr, len, null, request, sizeof(request));
		send_file(via, &addr, len, via, request, sizeof(request));
	}
	native_close(null);
	native_close(via);
	return 0;
}

/* Requests that cannot be answered use nothing up and leave nothing behind. */
TEST_F(duplicate, is_safe_from_those_who_know_the_key)
{
	struct errand *e = &self->other.errand;
	long deadline = now_ms() + AT_ONCE_MS;
	int numbers;

	EXPECT_WORKS(WSADuplicateSocket(self->s, self->other.pid, &e->info));
	numbers = count_descriptors();
	self->third.errand.info = e->info;
	EXPECT_EQ(0, ask(&self->third, do_ask_in_vain));
	EXPECT_EQ(0, ask(&self->other, do_ask_in_vain));
	EXPECT_EQ(0, ask(&self->other, do_fetch));
	while (count_descriptors() > numbers - 2 && now_ms() < deadline)
		usleep(10000);
	EXPECT_EQ(numbers - 2, count_descriptors());
}

TEST_HARNESS_MAIN
