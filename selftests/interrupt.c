// SPDX-License-Identifier: GPL-2.0
/*
 * What may come between closesocket() and the end of its linger wait: C11 for
 * signals that are handled, and that nothing hangs or leaks with the others.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "support/suite.h"

/* More than a test sends. */
#define LOWAT	(64 << 20)

static void on_signal(int signal)
{
}

static void handle(int signal, void (*handler)(int signal), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	check(sigaction(signal, &action, NULL));
}

FIXTURE(interrupt) {
	struct pair pair;
	struct closer closer;
	int queued;
};

FIXTURE_VARIANT(interrupt) {
	struct kind kind;
	int flags;
};

#define INTERRUPT(family, attached, flags)				\
	{ { family, attached, false }, flags }

FIXTURE_VARIANT_ADD(interrupt, ipv4)
	INTERRUPT(AF_INET, true, 0);
FIXTURE_VARIANT_ADD(interrupt, ipv4_restarting)
	INTERRUPT(AF_INET, true, SA_RESTART);
FIXTURE_VARIANT_ADD(interrupt, ipv6_restarting)
	INTERRUPT(AF_INET6, true, SA_RESTART);
FIXTURE_VARIANT_ADD(interrupt, plain_restarting)
	INTERRUPT(AF_INET, false, SA_RESTART);

/* In the wait for a peer that does not read. */
FIXTURE_SETUP(interrupt)
{
	netns_enter();
	winsock_open();
	handle(SIGUSR1, on_signal, variant->flags);
	pair_open(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, LINGER_LONG);
	check(setsockopt(self->pair.fd, SOL_TCP, TCP_NOTSENT_LOWAT, &(int){ LOWAT },
			 sizeof(int)));
	pair_stall(&self->pair);
	self->queued = queued(self->pair.fd);
	closer_start(&self->closer, ioc_closesocket, self->pair.fd);
	closer_wait_asleep(&self->closer);
}

PAIR_TEARDOWN(interrupt);

static int interrupt(struct closer *closer)
{
	check(-pthread_kill(closer->thread, SIGUSR1));
	return closer_join(closer);
}

/* C11, I1 */
TEST_F(interrupt, leaves_the_handle_and_its_options_as_they_were)
{
	struct pair *pair = &self->pair;
	struct linger linger;
	socklen_t len = sizeof(linger);
	int lowat = 0;

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	EXPECT_GT(AT_ONCE_MS, self->closer.elapsed_ms);
	ASSERT_TRUE(fd_is_open(pair->fd));
	EXPECT_EQ(0, fcntl(pair->fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(pair->fd, F_GETFL));
	ASSERT_EQ(0, getsockopt(pair->fd, SOL_SOCKET, SO_LINGER, &linger,
				&len));
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(LINGER_LONG, linger.l_linger);
	len = sizeof(lowat);
	ASSERT_EQ(0, getsockopt(pair->fd, SOL_TCP, TCP_NOTSENT_LOWAT, &lowat,
				&len));
	EXPECT_EQ(LOWAT, lowat);
}

/* C11 */
TEST_F(interrupt, nothing_is_aborted_but_the_send_side_is_shut)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	EXPECT_EQ(TCP_FIN_WAIT1, tcp_state(pair->fd));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(self->queued, queued(pair->fd));
	EXPECT_EQ(-1, send(pair->fd, "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	expect_all(_metadata, pair);
}

/* C11: what the peer says still arrives. */
TEST_F(interrupt, receiving_continues)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	call_enter(&call);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	EXPECT_EQ(1, call_join(&call));
}

/* C11: a call made after the interruption is cancelled like any other. */
TEST_F(interrupt, calls_are_cancelled_by_the_next_closesocket)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	call_enter(&call);
	set_linger(pair->fd, 0, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	if (variant->kind.attached)
		EXPECT_FALSE(call_inside(&call));
	if (variant->kind.attached)
		EXPECT_EQ(-ECANCELED, call_join(&call));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C11, then C8 */
TEST_F(interrupt, second_closesocket_finishes_when_the_peer_drains)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	closer_start(&self->closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&self->closer);
	EXPECT_FALSE(fd_is_open(pair->fd));
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
}

/* C11, then C9 */
TEST_F(interrupt, clock_of_the_second_closesocket_restarts)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	set_linger(pair->fd, 1, 2);
	closer_start(&self->closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&self->closer);
	usleep(1000000);
	EXPECT_EQ(-EINTR, interrupt(&self->closer));

	/* One second of the two was used; it counts for nothing. */
	closer_start(&self->closer, ioc_closesocket, pair->fd);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_LE(2000, self->closer.elapsed_ms);
	EXPECT_GT(LINGER_LONG * 1000, self->closer.elapsed_ms);
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
	EXPECT_EQ(0, pair_state(pair));
	pair->fd = -1;
}

/* C11, then C4 */
TEST_F(interrupt, hard_close_resets_afterwards)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
	EXPECT_EQ(0, pair_state(pair));
	pair->fd = -1;
}

/* C11, then C3 */
TEST_F(interrupt, close_without_linger_returns_at_once_afterwards)
{
	struct pair *pair = &self->pair;
	long start = now_ms();

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	set_linger(pair->fd, 0, LINGER_LONG);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C11, then C16: the wait has begun the shutdown, so nothing is refused. */
TEST_F(interrupt, nonblocking_close_goes_to_the_background_afterwards)
{
	struct pair *pair = &self->pair;
	long start = now_ms();

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	set_nonblocking(pair->fd, true);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C11: the socket is as good as never closed, also for close(2). */
TEST_F(interrupt, close_2_is_itself_afterwards)
{
	struct pair *pair = &self->pair;
	long start;

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	set_linger(pair->fd, 1, 1);
	start = now_ms();
	EXPECT_EQ(0, native_close(pair->fd));
	EXPECT_LE(900, now_ms() - start);
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C11: an epoll set hears of the socket again, and not of the wait. */
TEST_F(interrupt, epoll_reports_again)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pair *pair = &self->pair;
	int epoll = check(epoll_create1(EPOLL_CLOEXEC));

	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, pair->fd, &event));
	closer_start(&self->closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&self->closer);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	if (variant->kind.attached)
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 200));
	EXPECT_EQ(-EINTR, interrupt(&self->closer));
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, WAIT_MS));
	EXPECT_EQ(EPOLLIN, event.events);
}

/* A signal that is not delivered interrupts nothing. */
TEST_F(interrupt, ignored_signals_do_not_end_the_wait)
{
	struct pair *pair = &self->pair;

	handle(SIGUSR1, SIG_IGN, 0);
	ASSERT_EQ(0, pthread_kill(self->closer.thread, SIGUSR1));
	ASSERT_EQ(0, pthread_kill(self->closer.thread, SIGCHLD));
	ASSERT_EQ(0, pthread_kill(self->closer.thread, SIGURG));
	closer_wait_asleep(&self->closer);
	EXPECT_FALSE(closer_done(&self->closer));
	pair->fd = -1;
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&self->closer));
}

static unsigned int interruptions;

static int closesocket_at_last(int fd)
{
	int err;

	while ((err = ioc_closesocket(fd)) == -EINTR) {
		if (!fd_is_open(fd))
			return -EBADF;
		__atomic_add_fetch(&interruptions, 1, __ATOMIC_RELAXED);
	}
	return err;
}

/* C11, again and again, while the peer takes it byte by byte. */
TEST_F(interrupt, no_byte_is_lost_in_a_hail_of_signals)
{
	struct closer *closer = &self->closer;
	struct pair *pair = &self->pair;
	unsigned long done = 0;

	EXPECT_EQ(-EINTR, interrupt(closer));
	interruptions = 0;
	closer_start(closer, closesocket_at_last, pair->fd);
	while (__atomic_load_n(&interruptions, __ATOMIC_RELAXED) < 100) {
		pthread_kill(closer->thread, SIGUSR1);
		if (done + 2048 < pair->sent - 65536) {
			ASSERT_TRUE(receive_pattern(pair->peer, done, 1024));
			done += 1024;
		}
		usleep(1000);
	}
	ASSERT_TRUE(receive_pattern(pair->peer, done, pair->sent - done));
	EXPECT_EQ(0, closer_join(closer));
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
}

/* A process that closes, as the only one that has the socket. */
FIXTURE(process) {
	struct pair pair;
};

FIXTURE_VARIANT(process) {
	struct kind kind;
	int seconds;
};

#define PROCESS(family, attached, seconds)				\
	{ { family, attached, false }, seconds }

FIXTURE_VARIANT_ADD(process, ipv4)
	PROCESS(AF_INET, true, LINGER_LONG);
FIXTURE_VARIANT_ADD(process, ipv6)
	PROCESS(AF_INET6, true, LINGER_LONG);
FIXTURE_VARIANT_ADD(process, for_ever)
	PROCESS(AF_INET, true, -1);
FIXTURE_VARIANT_ADD(process, plain)
	PROCESS(AF_INET, false, LINGER_LONG);

FIXTURE_SETUP(process)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, 1, variant->seconds);
	pair_stall(&self->pair);
}

PAIR_TEARDOWN(process);

/* A child with the socket to itself; 0 in the child. */
static pid_t hand_over(struct pair *pair)
{
	int closed[2];
	pid_t pid;

	check(pipe(closed));
	pid = child_fork();
	if (!pid) {
		close(pair->peer);
		check(read(closed[0], &(char){ 0 }, 1));
		close(closed[0]);
		close(closed[1]);
		return 0;
	}
	check(close(pair->fd));
	pair->fd = -1;
	check(write(closed[1], "", 1));
	close(closed[0]);
	close(closed[1]);
	return pid;
}

static void wait_in_linger(pid_t pid)
{
	task_wait_inside(pid, SYS_ioctl);
	usleep(50000);
	task_wait_inside(pid, SYS_ioctl);
}

/* The process has ended, in time, by this signal. */
static void expect_killed(struct __test_metadata *_metadata, pid_t pid,
			  int signal)
{
	int status;

	wait_until(check(waitpid(pid, &status, WNOHANG)) == pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(signal, WTERMSIG(status));
}

/* C1: the graceful tail does not need the process. */
TEST_F(process, killed_in_the_wait_is_gone_and_all_data_arrive)
{
	struct pair *pair = &self->pair;
	pid_t child = hand_over(pair);

	if (!child)
		_exit(-ioc_closesocket(pair->fd));
	wait_in_linger(child);
	ASSERT_EQ(0, kill(child, SIGKILL));
	expect_killed(_metadata, child, SIGKILL);
	expect_all(_metadata, pair);
}

/* U1: nobody will read what came, which is no reason to reset. */
TEST_F(process, killed_in_the_wait_does_not_reset_for_unread_data)
{
	struct pair *pair = &self->pair;
	pid_t child;

	check(write(pair->peer, "unread", 6));
	child = hand_over(pair);
	if (!child)
		_exit(-ioc_closesocket(pair->fd));
	wait_in_linger(child);
	ASSERT_EQ(0, kill(child, SIGKILL));
	expect_killed(_metadata, child, SIGKILL);
	expect_all(_metadata, pair);
}

/* A signal without a handler that ends the process. */
TEST_F(process, terminated_in_the_wait_is_gone_and_all_data_arrive)
{
	struct pair *pair = &self->pair;
	pid_t child = hand_over(pair);

	if (!child)
		_exit(-ioc_closesocket(pair->fd));
	wait_in_linger(child);
	ASSERT_EQ(0, kill(child, SIGTERM));
	expect_killed(_metadata, child, SIGTERM);
	expect_all(_metadata, pair);
}

TEST_F(process, exit_of_another_thread_ends_the_wait)
{
	struct pair *pair = &self->pair;
	pid_t child = hand_over(pair);

	if (!child) {
		struct closer closer;

		closer_start(&closer, ioc_closesocket, pair->fd);
		closer_wait_asleep(&closer);
		_exit(0);
	}
	child_join(child);
	expect_all(_metadata, pair);
}

TEST_F(process, exec_of_another_thread_ends_the_wait)
{
	struct pair *pair = &self->pair;
	pid_t child = hand_over(pair);

	if (!child) {
		struct closer closer;

		closer_start(&closer, ioc_closesocket, pair->fd);
		closer_wait_asleep(&closer);
		execl("/bin/sh", "sh", "-c", "exit 0", NULL);
		_exit(EXIT_FAILURE);
	}
	child_join(child);
	expect_all(_metadata, pair);
}

/* A stop may end the wait with EINTR (C11), and no worse. */
TEST_F(process, stop_and_continue_do_not_break_the_close)
{
	struct pair *pair = &self->pair;
	pid_t child = hand_over(pair);
	siginfo_t info;
	unsigned int i;

	if (!child)
		_exit(-closesocket_at_last(pair->fd));
	for (i = 0; i < 3; i++) {
		wait_in_linger(child);
		ASSERT_EQ(0, kill(child, SIGSTOP));
		ASSERT_EQ(0, waitid(P_PID, child, &info, WSTOPPED));
		ASSERT_EQ(0, kill(child, SIGCONT));
	}
	wait_in_linger(child);
	expect_all(_metadata, pair);
	child_join(child);
}

/* The same for the freezer of a container. */
TEST_F(process, freeze_and_thaw_do_not_break_the_close)
{
	struct pair *pair = &self->pair;
	char dir[64];
	unsigned int i;
	pid_t child;

	if (!cgroup_make(dir, sizeof(dir)))
		SKIP(return, NO_CGROUP);
	child = hand_over(pair);
	if (!child)
		_exit(-closesocket_at_last(pair->fd));
	cgroup_enter(dir, child);
	for (i = 0; i < 3; i++) {
		wait_in_linger(child);
		cgroup_freeze(dir, true);
		cgroup_freeze(dir, false);
	}
	wait_in_linger(child);
	expect_all(_metadata, pair);
	child_join(child);
	EXPECT_EQ(0, rmdir(dir));
}

/* The wait goes on while the process is frozen, and data flow meanwhile. */
TEST_F(process, data_flow_while_the_process_is_stopped)
{
	struct pair *pair = &self->pair;
	pid_t child = hand_over(pair);
	siginfo_t info;

	if (!child)
		_exit(-closesocket_at_last(pair->fd));
	wait_in_linger(child);
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(0, waitid(P_PID, child, &info, WSTOPPED));
	expect_all(_metadata, pair);
	ASSERT_EQ(0, kill(child, SIGCONT));
	child_join(child);
}

TEST_HARNESS_MAIN
