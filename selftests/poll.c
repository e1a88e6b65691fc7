// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits for events when the socket is closed: P7, the kernel's part of P5,
 * P6 and P9, and what comes between a poll() and a close.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

#include "support/suite.h"

#define POLL_EVENTS	(POLLIN | POLLPRI | POLLRDHUP)

static long run_ppoll(struct call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLL_EVENTS };

	return result_of(syscall(SYS_ppoll, &pfd, 1, NULL, NULL, 0)) < 0 ?
	       -errno : pfd.revents;
}

static long run_ppoll_timed(struct call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLL_EVENTS };
	struct timespec ts = { .tv_sec = 600 };

	return result_of(syscall(SYS_ppoll, &pfd, 1, &ts, NULL, 0)) < 0 ?
	       -errno : pfd.revents;
}

/* Beside another one that has nothing to say either. */
static long run_ppoll_two(struct call *call)
{
	struct pollfd pfds[2] = {
		{ .fd = check(eventfd(0, EFD_CLOEXEC)), .events = POLLIN },
		{ .fd = call->fd, .events = POLL_EVENTS },
	};
	long got = result_of(syscall(SYS_ppoll, pfds, 2, NULL, NULL, 0));

	close(pfds[0].fd);
	return got == 1 ? pfds[1].revents : got;
}

/* The bits it returns with, as poll() would name them. */
static long run_pselect(struct call *call)
{
	fd_set sets[3];
	bool want_out = call->arg;
	long got;
	int i;

	for (i = 0; i < 3; i++) {
		bool out = i == 1;

		FD_ZERO(&sets[i]);
		if (out == want_out)
			FD_SET(call->fd, &sets[i]);
	}
	got = result_of(syscall(SYS_pselect6, call->fd + 1, &sets[0], &sets[1],
				&sets[2], NULL, NULL));
	if (got < 0)
		return got;
	return (FD_ISSET(call->fd, &sets[0]) ? POLLIN : 0) |
	       (FD_ISSET(call->fd, &sets[1]) ? POLLOUT : 0) |
	       (FD_ISSET(call->fd, &sets[2]) ? POLLPRI : 0);
}

FIXTURE(waiting) {
	struct pair pair;
	struct call call;
};

FIXTURE_VARIANT(waiting) {
	struct kind kind;
	long nr;
	long (*run)(struct call *call);
	bool out;
	long expect;
};

#define WAITING(family, attached, nr, run, out, expect)			\
	{ { family, attached, false }, nr, run, out, expect }

FIXTURE_VARIANT_ADD(waiting, ppoll)
	WAITING(AF_INET, true, SYS_ppoll, run_ppoll, false, POLLNVAL);
FIXTURE_VARIANT_ADD(waiting, ppoll_ipv6)
	WAITING(AF_INET6, true, SYS_ppoll, run_ppoll, false, POLLNVAL);
FIXTURE_VARIANT_ADD(waiting, ppoll_plain)
	WAITING(AF_INET, false, SYS_ppoll, run_ppoll, false, POLLNVAL);
FIXTURE_VARIANT_ADD(waiting, ppoll_with_a_timeout)
	WAITING(AF_INET, true, SYS_ppoll, run_ppoll_timed, false, POLLNVAL);
FIXTURE_VARIANT_ADD(waiting, ppoll_of_two)
	WAITING(AF_INET, true, SYS_ppoll, run_ppoll_two, false, POLLNVAL);
FIXTURE_VARIANT_ADD(waiting, pselect_to_read)
	WAITING(AF_INET, true, SYS_pselect6, run_pselect, false,
		POLLIN | POLLPRI);
FIXTURE_VARIANT_ADD(waiting, pselect_to_write)
	WAITING(AF_INET, true, SYS_pselect6, run_pselect, true, POLLOUT);
FIXTURE_VARIANT_ADD(waiting, pselect_plain)
	WAITING(AF_INET6, false, SYS_pselect6, run_pselect, false,
		POLLIN | POLLPRI);

FIXTURE_SETUP(waiting)
{
	pair_setup(&self->pair, &variant->kind);
	if (variant->out)
		pair_stall(&self->pair);
	self->call = (struct call) {
		variant->nr, variant->run, self->pair.fd,
		variant->out ? &self->call : NULL,
	};
}

PAIR_TEARDOWN(waiting);

/* P5 - P7 */
TEST_F(waiting, ends_and_reports_a_bad_descriptor)
{
	struct pair *pair = &self->pair;

	call_enter(&self->call);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(call_inside(&self->call));
	EXPECT_EQ(variant->expect, call_join(&self->call));
	expect_eof(_metadata, pair, pair->sent);
	pair->fd = -1;
}

/* P5 - P7: however many. */
TEST_F(waiting, eight_threads_end)
{
	struct pair *pair = &self->pair;
	struct call calls[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = self->call;
		call_enter(&calls[i]);
	}
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_EQ(variant->expect, call_join(&calls[i]));
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	pair->fd = -1;
}

/*
 * P5 - P7 with C8: at once, not when the wait is over.  A thread in poll() whose
 * reference to a plain socket goes last closes it natively, and lingers there.
 */
TEST_F(waiting, ends_although_closesocket_still_waits)
{
	struct pair *pair = &self->pair;
	struct closer closer;

	if (!variant->kind.attached)
		return;
	if (!variant->out)
		pair_stall(pair);
	set_linger(pair->fd, 1, LINGER_LONG);
	call_enter(&self->call);
	closer_start(&closer, ioc_closesocket, pair->fd);
	EXPECT_EQ(variant->expect, call_join(&self->call));
	closer_wait_asleep(&closer);
	EXPECT_FALSE(closer_done(&closer));
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	EXPECT_EQ(0, closer_join(&closer));
	pair->fd = -1;
}

/* C4 beside a waiting thread */
TEST_F(waiting, does_not_soften_a_hard_close)
{
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, 0);
	call_enter(&self->call);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(variant->expect, call_join(&self->call));
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
	pair->fd = -1;
}

/* G5 */
TEST_F(waiting, continues_when_another_descriptor_is_left)
{
	struct pair *pair = &self->pair;
	struct call other;
	int fd = check(dup(pair->fd));

	/* A poll() looks its number up again, so ask through the other one. */
	other = self->call;
	other.fd = fd;
	if (variant->out)
		other.arg = &other;
	call_enter(&other);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_TRUE(call_stays(&other));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
	ASSERT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(variant->expect, call_join(&other));
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	pair->fd = -1;
}

/* P11 */
TEST_F(waiting, continues_in_another_process)
{
	struct pair *pair = &self->pair;
	struct closer closer;
	pid_t child = child_fork();

	if (!child) {
		long got = self->call.run(&self->call);

		_exit(got == (variant->out ? POLLOUT : POLLIN) ? 0 : 1);
	}
	task_wait_inside(child, variant->nr);
	call_enter(&self->call);
	closer_start(&closer, ioc_closesocket, pair->fd);
	ASSERT_EQ(0, closer_join(&closer));
	/* Naps, each a tenth of a millisecond: for our thread, not the other's. */
	EXPECT_GT(5000, closer.sleeps);
	EXPECT_EQ(variant->expect, call_join(&self->call));
	EXPECT_TRUE(task_stays(child, variant->nr));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);

	EXPECT_TRUE(variant->out ?
		    receive_pattern(pair->peer, 0, pair->sent) :
		    send(pair->peer, "", 1, 0) == 1);
	child_join(child);
	pair->fd = -1;
}

/*
 * Makes TCP's part of a poll take its time, so that what can come in between
 * does.  Without kprobes it comes less often.
 */
#define TRACEFS		"/sys/kernel/tracing"
#define SLOW_PROBES	4

static bool tell_kernel(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	bool ok = fd >= 0 && write(fd, line, strlen(line)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool each_slow_probe(const char *path, const char *format)
{
	char name[96], line[64];
	bool ok = true;
	int i;

	for (i = 0; i < SLOW_PROBES; i++) {
		snprintf(name, sizeof(name), path, i);
		snprintf(line, sizeof(line), format, i);
		ok &= tell_kernel(name, line);
	}
	return ok;
}

/* Also what a test that died has left, or a kernel that takes only a part. */
static void speed_up(void)
{
	each_slow_probe(TRACEFS "/events/winsock_test/slow%d/enable", "0");
	each_slow_probe(TRACEFS "/events/winsock_test/slow%d/trigger", "!stacktrace");
	each_slow_probe(TRACEFS "/kprobe_events", "-:winsock_test/slow%d");
}

static void slow_down(void)
{
	speed_up();
	if (!each_slow_probe(TRACEFS "/kprobe_events", "p:winsock_test/slow%d tcp_poll") ||
	    !each_slow_probe(TRACEFS "/events/winsock_test/slow%d/trigger", "stacktrace") ||
	    !each_slow_probe(TRACEFS "/events/winsock_test/slow%d/enable", "1"))
		speed_up();
}

/* One epoll set with the socket in it, and something to wake it with. */
FIXTURE(epoll) {
	struct pair pair;
	int epoll;
	int wake;
};

FIXTURE_VARIANT(epoll) {
	struct kind kind;
	unsigned int flags;
};

#define EPOLL(family, flags)	{ { family, true, false }, flags }

FIXTURE_VARIANT_ADD(epoll, level)
	EPOLL(AF_INET, 0);
FIXTURE_VARIANT_ADD(epoll, level_ipv6)
	EPOLL(AF_INET6, 0);
FIXTURE_VARIANT_ADD(epoll, edge)
	EPOLL(AF_INET, EPOLLET);
FIXTURE_VARIANT_ADD(epoll, oneshot)
	EPOLL(AF_INET6, EPOLLONESHOT);

#define TAG_SOCKET	1
#define TAG_WAKE	2

static void epoll_add(int epoll, int fd, unsigned int events, int tag)
{
	struct epoll_event event = { .events = events, .data.u32 = tag };

	check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* Not EPOLLOUT, which would be there from the start. */
static unsigned int epoll_events(unsigned int flags)
{
	return flags | EPOLLIN | EPOLLRDHUP;
}

FIXTURE_SETUP(epoll)
{
	pair_setup(&self->pair, &variant->kind);
	self->epoll = check(epoll_create1(EPOLL_CLOEXEC));
	self->wake = check(eventfd(0, EFD_CLOEXEC));
	epoll_add(self->epoll, self->wake, EPOLLIN, TAG_WAKE);
	epoll_add(self->epoll, self->pair.fd, epoll_events(variant->flags),
		  TAG_SOCKET);
}

PAIR_TEARDOWN(epoll);

/* The tag of the first event that comes. */
static long run_epoll(struct call *call)
{
	struct epoll_event event;
	long got = result_of(syscall(SYS_epoll_pwait, call->fd, &event, 1, -1,
				     NULL, 0));

	return got == 1 ? event.data.u32 : got;
}

#define CALL_EPOLL(fd)	{ SYS_epoll_pwait, run_epoll, fd }

/* Whether it is asked now or was asked before, the set does not know of it. */
static void expect_silence(struct __test_metadata *_metadata, int epoll,
			   struct call *call)
{
	struct epoll_event events[4];

	EXPECT_EQ(0, epoll_wait(epoll, events, ARRAY_SIZE(events), 200));
	EXPECT_FALSE(call_done(call));
}

static void wake_up(struct __test_metadata *_metadata, int wake,
		    struct call *call)
{
	uint64_t one = 1;

	check(write(wake, &one, sizeof(one)));
	EXPECT_EQ(TAG_WAKE, call_join(call));
}

/* The control, without which silence would prove nothing. */
TEST_F(epoll, reports_data_while_the_socket_is_open)
{
	struct call call = CALL_EPOLL(self->epoll);

	call_enter(&call);
	ASSERT_EQ(1, send(self->pair.peer, "", 1, 0));
	EXPECT_EQ(TAG_SOCKET, call_join(&call));
}

/* P9 */
TEST_F(epoll, reports_nothing_of_a_closed_socket)
{
	struct call call = CALL_EPOLL(self->epoll);
	struct pair *pair = &self->pair;

	call_enter(&call);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	expect_silence(_metadata, self->epoll, &call);
	wake_up(_metadata, self->wake, &call);
}

/* P9: not even what was ready before. */
TEST_F(epoll, reports_nothing_that_was_ready_when_it_was_closed)
{
	struct epoll_event events[4];
	struct pair *pair = &self->pair;
	struct closer closer;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	wait_ready(pair->fd, POLLIN);
	closer_start(&closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&closer);
	EXPECT_EQ(0, epoll_wait(self->epoll, events, ARRAY_SIZE(events), 200));
	pair->fd = -1;
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	EXPECT_EQ(0, closer_join(&closer));
}

/* P9: the wait shuts down, data come, the peer takes its data and ends. */
TEST_F(epoll, reports_nothing_during_the_linger_wait)
{
	struct call call = CALL_EPOLL(self->epoll);
	struct pair *pair = &self->pair;
	struct closer closer;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	call_enter(&call);
	close_and_wait(&closer, pair);
	expect_silence(_metadata, self->epoll, &call);

	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	expect_silence(_metadata, self->epoll, &call);
	ASSERT_EQ(0, shutdown(pair->peer, SHUT_WR));
	wait_until(pair_state(pair) == TCP_CLOSING);
	expect_silence(_metadata, self->epoll, &call);

	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	EXPECT_EQ(0, closer_join(&closer));
	expect_silence(_metadata, self->epoll, &call);
	wake_up(_metadata, self->wake, &call);
}

/* P9 with C10 */
TEST_F(epoll, reports_nothing_of_a_reset_during_the_linger_wait)
{
	struct call call = CALL_EPOLL(self->epoll);
	struct pair *pair = &self->pair;
	struct closer closer;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	call_enter(&call);
	close_and_wait(&closer, pair);
	set_linger(pair->peer, 1, 0);
	close(pair->peer);
	EXPECT_EQ(0, closer_join(&closer));
	expect_silence(_metadata, self->epoll, &call);
	wake_up(_metadata, self->wake, &call);
	pair->peer = -1;
}

/* In a child: the socket has something to say. */
static void wait_for_event(int epoll)
{
	struct epoll_event event;

	if (epoll_wait(epoll, &event, 1, WAIT_MS) != 1 ||
	    event.data.u32 != TAG_SOCKET)
		fail("the child's set reports nothing");
}

/*
 * How many events this process's set has for a socket that it has closed, in one
 * way or the other, and that a child still has; the peer sends, the child is told.
 */
static int events_after(struct pair *pair, int epoll, int events,
			int (*close_call)(int fd))
{
	struct epoll_event got[4];
	pid_t child = child_fork();
	int n;

	if (!child) {
		int set = check(epoll_create1(EPOLL_CLOEXEC));

		epoll_add(set, pair->fd, events, TAG_SOCKET);
		wait_for_event(set);
		pause();
	}
	task_wait_inside(child, SYS_epoll_wait);
	check(close_call(pair->fd));
	pair->fd = -1;
	check(send(pair->peer, "", 1, 0));
	task_wait_inside(child, SYS_pause);
	n = epoll_wait(epoll, got, ARRAY_SIZE(got), 200);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return n;
}

/* P9, I3: while another process has the socket, all sets have what is true. */
TEST_F(epoll, has_what_it_would_after_close_2_while_another_process_has_the_socket)
{
	int events = epoll_events(variant->flags), n;
	struct pair *pair = &self->pair;
	struct kind kind = pair->kind;

	n = events_after(pair, self->epoll, events, ioc_closesocket);
	pair_close(pair);
	pair_open(pair, &kind);
	epoll_add(self->epoll, pair->fd, events, TAG_SOCKET);
	EXPECT_EQ(events_after(pair, self->epoll, events, native_close), n);
	EXPECT_EQ(1, n);
}

/* P11: also where the other process uses the very set it has inherited. */
TEST_F(epoll, inherited_set_continues_in_another_process)
{
	struct epoll_event event;
	struct pair *pair = &self->pair;
	pid_t child = child_fork();

	if (!child) {
		wait_for_event(self->epoll);
		_exit(0);
	}
	task_wait_inside(child, SYS_epoll_wait);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 100));
	EXPECT_TRUE(task_stays(child, SYS_epoll_wait));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	child_join(child);
	pair->fd = -1;
}

static bool is_released(void)
{
	long deadline = now_ms() + AT_ONCE_MS;

	while (winsock_counter("WinsockCurrAttached")) {
		if (now_ms() > deadline)
			return false;
		usleep(1000);
	}
	return true;
}

/*
 * An epoll set is woken by the very packet that ends the linger wait, and may
 * hold the socket for longer than closesocket() does; then it goes back to sleep.
 */
TEST(epoll_does_not_keep_a_closed_socket)
{
	struct kind kind = { AF_INET, true, false };
	struct closer closer;
	struct call call;
	struct pair pair;
	int epoll, wake;
	int i;

	netns_enter();
	winsock_open();
	slow_down();
	for (i = 0; i < 12; i++) {
		pair_open(&pair, &kind);
		epoll = check(epoll_create1(EPOLL_CLOEXEC));
		wake = check(eventfd(0, EFD_CLOEXEC));
		epoll_add(epoll, wake, EPOLLIN, TAG_WAKE);
		epoll_add(epoll, pair.fd, epoll_events(0), TAG_SOCKET);
		set_linger(pair.fd, 1, LINGER_LONG);
		pair_stall(&pair);
		call = (struct call)CALL_EPOLL(epoll);
		call_enter(&call);
		closer_start(&closer, ioc_closesocket, pair.fd);
		closer_wait_asleep(&closer);
		ASSERT_TRUE(receive_pattern(pair.peer, 0, pair.sent));
		ASSERT_EQ(1, send(pair.peer, "", 1, 0));
		ASSERT_EQ(0, closer_join(&closer));
		close(pair.peer);
		EXPECT_TRUE(is_released());
		EXPECT_FALSE(call_done(&call));
		wake_up(_metadata, wake, &call);
		close(epoll);
		close(wake);
		close(pair.wire.fd);
	}
	speed_up();
}

/*
 * Four threads poll() without a timeout while the number is closed under them,
 * at every moment between the look-up of the number and the sleep.
 */
#define POLLERS	4
#define ROUNDS	400

struct hammer {
	pthread_barrier_t start;
	int fd;
	unsigned int out;
	unsigned int bad;
};

static void *hammer_run(void *arg)
{
	struct hammer *hammer = arg;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		struct pollfd pfd = { .events = POLLIN };

		pthread_barrier_wait(&hammer->start);
		pfd.fd = hammer->fd;
		if (poll(&pfd, 1, -1) != 1 || pfd.revents != POLLNVAL)
			__atomic_add_fetch(&hammer->bad, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&hammer->out, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* P7, P10 */
TEST(poll_never_sleeps_on_a_socket_that_is_closed_already)
{
	struct kind kind = { AF_INET, true, false };
	struct hammer hammer = { .fd = -1 };
	pthread_t threads[POLLERS];
	unsigned int round, i;

	netns_enter();
	winsock_open();
	slow_down();
	ASSERT_EQ(0, pthread_barrier_init(&hammer.start, NULL, POLLERS + 1));
	for (i = 0; i < POLLERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, hammer_run,
					    &hammer));
	for (round = 0; round < ROUNDS; round++) {
		unsigned int spin = round * 37 % 2000 + 1;

		/* Nobody will connect: poll() has nothing to say but NVAL. */
		hammer.fd = kind_socket(&kind, SOCK_STREAM);
		check(listen(hammer.fd, 1));
		pthread_barrier_wait(&hammer.start);
		while (__atomic_sub_fetch(&spin, 1, __ATOMIC_RELAXED))
			;
		ASSERT_EQ(0, ioc_closesocket(hammer.fd));
		wait_until(__atomic_load_n(&hammer.out, __ATOMIC_ACQUIRE) ==
			   (round + 1) * POLLERS);
	}
	for (i = 0; i < POLLERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	speed_up();
	EXPECT_EQ(0, hammer.bad);
}

TEST_HARNESS_MAIN
