// SPDX-License-Identifier: GPL-2.0
/* WINSOCK_IOC_CLOSE_DEADLINE: a close that does not wait for what it delivers. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "support/suite.h"

/* A deadline that no test outlives unless something is wrong, and a near one. */
#define FAR_MS		(LINGER_LONG * 1000)
#define NEAR_MS		1500
#define COOKIE		0x0123456789abcdefULL

FIXTURE(deadline) {
	struct pair pair;
};

FIXTURE_VARIANT(deadline) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(deadline, ipv4_attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(deadline, ipv4_plain)
	KIND(AF_INET, false, false);
FIXTURE_VARIANT_ADD(deadline, ipv6_attached_nonblocking)
	KIND(AF_INET6, true, true);
FIXTURE_VARIANT_ADD(deadline, ipv6_plain_nonblocking)
	KIND(AF_INET6, false, true);

FIXTURE_SETUP(deadline)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(deadline);

static long under_way(void)
{
	return winsock_counter("WinsockCurrDeadline");
}

/* Closes the socket under test, which is not there any more afterwards. */
static void close_pair(struct __test_metadata *_metadata, struct pair *pair,
		       unsigned int ms)
{
	long start = now_ms();

	ASSERT_EQ(0, ioc_close_report(pair->fd, ms, COOKIE));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
}

static struct winsock_outcome
expect_outcome(struct __test_metadata *_metadata, enum winsock_result result)
{
	struct winsock_outcome outcome = outcome_next(winsock_device);

	EXPECT_EQ(result, outcome.result);
	EXPECT_EQ(COOKIE, outcome.cookie);
	EXPECT_EQ(0, outcome.pad);
	EXPECT_EQ(0, under_way());
	return outcome;
}

static bool has_outcome(void)
{
	struct pollfd poll_in = { .fd = winsock_device, .events = POLLIN };

	return check(poll(&poll_in, 1, 0));
}

/* The peer takes all of it, and its end. */
/* RST and nothing else, and nothing is left of the connection. */
static void expect_reset(struct __test_metadata *_metadata, struct pair *pair)
{
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(0, orphans());
}

/* T1 */
TEST_F(deadline, nothing_to_deliver_is_delivered_at_once)
{
	struct pair *pair = &self->pair;

	close_pair(_metadata, pair, FAR_MS);
	EXPECT_TRUE(has_outcome());
	EXPECT_EQ(0, expect_outcome(_metadata, WINSOCK_DELIVERED).unacked);
	EXPECT_LE(1, wire_look(&pair->wire)->sent.fin);
	expect_all(_metadata, pair);
	EXPECT_EQ(0, winsock_counter("WinsockCloseDeadline"));
}

/* T1: what the peer has is delivered, whatever it reads. */
TEST_F(deadline, what_is_acknowledged_is_delivered)
{
	struct pair *pair = &self->pair;

	pair_send(pair, 5000);
	wait_until(!queued(pair->fd));
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_TRUE(has_outcome());
	expect_outcome(_metadata, WINSOCK_DELIVERED);
	expect_all(_metadata, pair);
}

/* T2 */
TEST_F(deadline, delivers_in_the_background)
{
	struct pair *pair = &self->pair;
	struct winsock_outcome outcome;

	pair_stall(pair);
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_FALSE(has_outcome());
	EXPECT_EQ(1, under_way());
	/* It is no orphan, which TCP may drop. */
	EXPECT_EQ(0, orphans());
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);

	expect_all(_metadata, pair);
	outcome = expect_outcome(_metadata, WINSOCK_DELIVERED);
	EXPECT_EQ(0, outcome.unacked);
	EXPECT_GT(FAR_MS * 1000000ULL, outcome.nsec);
	EXPECT_LT(0, outcome.nsec);
	EXPECT_EQ(1, winsock_counter("WinsockCloseDeadline"));
	EXPECT_EQ(1, winsock_counter("WinsockDeadlineDelivered"));
}

/* T2: also what has to be sent again */
TEST_F(deadline, delivers_what_was_lost)
{
	struct pair *pair = &self->pair;

	pair_strand(pair);
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_FALSE(has_outcome());
	pair_mend(pair);
	expect_all(_metadata, pair);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
}

/* T2: the last byte counts, and not the FIN behind it. */
TEST_F(deadline, does_not_wait_for_the_acknowledgment_of_the_fin)
{
	struct pair *pair = &self->pair;

	pair_cut(pair);
	close_pair(_metadata, pair, FAR_MS);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
	EXPECT_LE(1, wire_look(&pair->wire)->sent.fin);
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
}

/* T2: whatever the application was told about free space */
TEST_F(deadline, delivers_with_a_low_mark_for_unsent_data)
{
	struct pair *pair = &self->pair;
	int one = 1;

	pair_stall(pair);
	ASSERT_EQ(0, setsockopt(pair->fd, SOL_TCP, TCP_NOTSENT_LOWAT, &one,
				sizeof(one)));
	close_pair(_metadata, pair, FAR_MS);
	expect_all(_metadata, pair);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
}

static const int states[] = {
	TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_CLOSING
};

/*
 * T2, after either side's shutdown, or both.  Where the peer's FIN came first nothing
 * is left of the connection after the ACK of ours, and what the peer then says twice
 * is answered by a RST, as ever: it is not asked about here.
 */
TEST_F(deadline, delivers_in_every_state)
{
	struct pair *pair = &self->pair;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		pair_arrange(pair, LOAD_STALLED, states[i]);
		close_pair(_metadata, pair, FAR_MS);
		EXPECT_FALSE(has_outcome());
		expect_eof(_metadata, pair, pair->sent);
		expect_outcome(_metadata, WINSOCK_DELIVERED);
		pair_close(pair);
		pair_open(pair, &variant->kind);
	}
}

/* T3: seen from outside */
TEST_F(deadline, does_not_reset_before_the_time)
{
	struct pair *pair = &self->pair;
	struct winsock_outcome outcome;
	unsigned long bytes;
	long start;

	pair_stall(pair);
	bytes = queued(pair->fd);
	start = now_ms();
	close_pair(_metadata, pair, NEAR_MS);
	wait_until(wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(NEAR_MS, now_ms() - start);
	outcome = expect_outcome(_metadata, WINSOCK_DEADLINE_RESET);
	EXPECT_LE(NEAR_MS * 1000000ULL, outcome.nsec);
	EXPECT_EQ(bytes, outcome.unacked);
	expect_reset(_metadata, pair);
	EXPECT_EQ(1, winsock_counter("WinsockDeadlineResets"));
}

/* T3's control: close(2) leaves an orphan, and nobody resets it. */
TEST_F(deadline, close_2_leaves_an_orphan)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(0, native_close(pair->fd));
	pair->fd = -1;
	wait_until(orphans());
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* T3, of a peer that does not hear, and in every state */
TEST_F(deadline, resets_in_every_state)
{
	static const enum load loads[] = { LOAD_STALLED, LOAD_STRANDED };
	struct pair *pair = &self->pair;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		for (j = 0; j < ARRAY_SIZE(loads); j++) {
			/* A peer that is cut off does not hear of the end. */
			if (loads[j] == LOAD_STRANDED &&
			    states[i] == TCP_CLOSING)
				continue;
			pair_arrange(pair, loads[j], states[i]);
			close_pair(_metadata, pair, 300);
			expect_outcome(_metadata, WINSOCK_DEADLINE_RESET);
			expect_reset(_metadata, pair);
			pair_close(pair);
			pair_open(pair, &variant->kind);
		}
	}
}

/* T3: a peer that has read a part of it */
TEST_F(deadline, tells_how_much_is_missing)
{
	struct pair *pair = &self->pair;
	struct winsock_outcome outcome;
	struct received got;

	pair_stall(pair);
	close_pair(_metadata, pair, NEAR_MS);
	ASSERT_TRUE(receive_pattern(pair->peer, 0, 20000));
	outcome = expect_outcome(_metadata, WINSOCK_DEADLINE_RESET);
	EXPECT_EQ(pair->sent - wire_acked(&pair->wire), outcome.unacked);
	expect_reset(_metadata, pair);
	got = receive_all(pair->peer);
	EXPECT_EQ(END_RESET, got.ending);
}

/* T4 */
TEST_F(deadline, ends_when_the_peer_resets)
{
	struct pair *pair = &self->pair;
	struct winsock_outcome outcome;
	unsigned long bytes;

	pair_stall(pair);
	bytes = queued(pair->fd);
	close_pair(_metadata, pair, FAR_MS);
	set_linger(pair->peer, 1, 0);
	close(pair->peer);
	pair->peer = -1;
	outcome = expect_outcome(_metadata, WINSOCK_PEER_RESET);
	EXPECT_EQ(bytes, outcome.unacked);
	EXPECT_GT(FAR_MS * 1000000ULL, outcome.nsec);
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(1, winsock_counter("WinsockDeadlineLost"));
}

/* T4: TCP gives it up */
TEST_F(deadline, ends_when_the_connection_times_out)
{
	struct pair *pair = &self->pair;
	unsigned int ms = 1000;

	ASSERT_EQ(0, setsockopt(pair->fd, SOL_TCP, TCP_USER_TIMEOUT, &ms,
				sizeof(ms)));
	pair_strand(pair);
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_EQ(pair->sent,
		  expect_outcome(_metadata, WINSOCK_PEER_RESET).unacked);
	EXPECT_EQ(0, pair_state(pair));
}

/* T5 */
TEST_F(deadline, linger_does_not_matter)
{
	static const int seconds[] = { 0, 1, LINGER_LONG };
	struct pair *pair = &self->pair;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seconds); i++) {
		set_linger(pair->fd, 1, seconds[i]);
		pair_stall(pair);
		close_pair(_metadata, pair, FAR_MS);
		/* Past the interval of one second, too. */
		usleep(seconds[i] == 1 ? 1500000 : 0);
		expect_all(_metadata, pair);
		expect_outcome(_metadata, WINSOCK_DELIVERED);
		pair_close(pair);
		pair_open(pair, &variant->kind);

		set_linger(pair->fd, 1, seconds[i]);
		close_pair(_metadata, pair, FAR_MS);
		expect_outcome(_metadata, WINSOCK_DELIVERED);
		expect_all(_metadata, pair);
		pair_close(pair);
		pair_open(pair, &variant->kind);
	}
}

/* T6: N1 to N5 */
TEST_F(deadline, without_a_connection_there_is_nothing_to_deliver)
{
	const struct kind *kind = &variant->kind;
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	fd = kind_socket(kind, SOCK_STREAM);
	ASSERT_EQ(0, ioc_close_report(fd, FAR_MS, COOKIE));
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);

	fd = kind_socket(kind, SOCK_STREAM);
	listen_loopback(fd, kind->family, 1, &addr, &len);
	ASSERT_EQ(0, ioc_close_report(fd, FAR_MS, COOKIE));
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);

	/* Nobody listens there any more. */
	fd = kind_socket(kind, SOCK_STREAM);
	connect(fd, (struct sockaddr *)&addr, len);
	set_linger(fd, 1, LINGER_LONG);
	ASSERT_EQ(0, ioc_close_report(fd, FAR_MS, COOKIE));
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);

	fd = kind_socket(kind, SOCK_DGRAM);
	ASSERT_EQ(0, ioc_close_report(fd, FAR_MS, COOKIE));
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);

	fd = check(socket(AF_UNIX, SOCK_STREAM, 0));
	ASSERT_EQ(0, ioc_close_report(fd, FAR_MS, COOKIE));
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);

	pair_stall(&self->pair);
	set_linger(self->pair.peer, 1, 0);
	close(self->pair.peer);
	self->pair.peer = -1;
	wait_until(tcp_state(self->pair.fd) == TCP_CLOSE);
	close_pair(_metadata, &self->pair, FAR_MS);
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);
}

/* T6: N4 */
TEST_F(deadline, an_attempt_to_connect_is_abandoned)
{
	const struct kind *kind = &variant->kind;
	struct sockaddr_storage addr;
	int listener, fd;
	socklen_t len;

	listener = check(socket(kind->family, SOCK_STREAM, 0));
	listen_loopback(listener, kind->family, 1, &addr, &len);
	make_deaf(listener);
	fd = kind_socket(kind, SOCK_STREAM);
	set_nonblocking(fd, true);
	ASSERT_EQ(-1, connect(fd, (struct sockaddr *)&addr, len));
	ASSERT_EQ(EINPROGRESS, errno);
	ASSERT_EQ(0, ioc_close_report(fd, FAR_MS, COOKIE));
	expect_outcome(_metadata, WINSOCK_NOT_CONNECTED);
	close(listener);
}

/* T7: G5 */
TEST_F(deadline, a_socket_of_others_stays_open)
{
	struct pair *pair = &self->pair;
	int other = check(dup(pair->fd));

	pair_stall(pair);
	close_pair(_metadata, pair, 200);
	EXPECT_TRUE(has_outcome());
	expect_outcome(_metadata, WINSOCK_STILL_SHARED);
	usleep(600000);
	expect_untouched(_metadata, pair);

	/* The last one gets it done. */
	pair->fd = other;
	close_pair(_metadata, pair, FAR_MS);
	expect_all(_metadata, pair);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
}

/* T7: a descriptor in flight is one. */
TEST_F(deadline, a_socket_in_flight_stays_open)
{
	struct pair *pair = &self->pair;
	int mail[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, mail));
	rights_send(mail[0], pair->fd);
	pair_stall(pair);
	close_pair(_metadata, pair, 200);
	expect_outcome(_metadata, WINSOCK_STILL_SHARED);
	usleep(600000);
	expect_untouched(_metadata, pair);
	pair->fd = rights_receive(mail[1]);
	close_pair(_metadata, pair, FAR_MS);
	expect_all(_metadata, pair);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
	close(mail[0]);
	close(mail[1]);
}

/* T7, of another process, and I3: what it waits for comes. */
TEST_F(deadline, a_socket_of_another_process_stays_open)
{
	struct pair *pair = &self->pair;
	pid_t child = child_fork();

	if (!child) {
		char byte;

		set_nonblocking(pair->fd, false);
		_exit(recv(pair->fd, &byte, 1, 0) != 1);
	}
	task_wait_inside(child, SYS_recvfrom);
	close_pair(_metadata, pair, 200);
	expect_outcome(_metadata, WINSOCK_STILL_SHARED);
	usleep(600000);
	EXPECT_TRUE(task_inside(child, SYS_recvfrom));
	EXPECT_EQ(1, send(pair->peer, "", 1, 0));
	child_join(child);
}

/* T8 */
TEST_F(deadline, bad_arguments_change_nothing)
{
	struct winsock_close_deadline good = {
		.fd = self->pair.fd,
		.timeout = 1000000000ULL,
		.flags = WINSOCK_CLOSE_REPORT,
	}, bad[] = { good, good, good, good, good, good, good, good };
	static const int errors[ARRAY_SIZE(bad)] = {
		EINVAL, EINVAL, EINVAL, EINVAL, EINVAL, EBADF, EBADF, ENOTSOCK,
	};
	unsigned int i;

	bad[0].flags = WINSOCK_CLOSE_REPORT << 1;
	bad[1].flags = 0x80000000;
	bad[2].pad = 1;
	bad[3].timeout = 0;
	bad[4].timeout = 65535000000001ULL;
	bad[5].fd = -1;
	bad[6].fd = 1023;
	bad[7].fd = winsock_device;

	pair_stall(&self->pair);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-1, ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE,
				    &bad[i]));
		EXPECT_EQ(errors[i], errno)
			TH_LOG("%u", i);
	}
	EXPECT_EQ(-1, ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(fd_is_open(self->pair.fd));
	EXPECT_FALSE(has_outcome());
	EXPECT_EQ(0, under_way());
	expect_untouched(_metadata, &self->pair);

	/* The longest that there is */
	good.timeout = 65535000000000ULL;
	EXPECT_EQ(0, ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, &good));
	expect_all(_metadata, &self->pair);
	self->pair.fd = -1;
}

static long run_poll(struct call *call)
{
	struct pollfd poll_in = { .fd = call->fd, .events = POLLIN };

	return poll(&poll_in, 1, -1) < 0 ? -errno : poll_in.revents;
}

/* T9: P2, and of plain sockets, too, P7 */
TEST_F(deadline, pending_calls_end)
{
	struct pair *pair = &self->pair;
	struct call recv_call = CALL_RECV(pair->fd);
	struct call poll_call = { SYS_poll, run_poll, pair->fd };

	set_nonblocking(pair->fd, false);
	pair_stall(pair);
	call_enter(&poll_call);
	if (variant->kind.attached)
		call_enter(&recv_call);
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_EQ(POLLNVAL, call_join(&poll_call));
	if (variant->kind.attached) {
		EXPECT_FALSE(call_inside(&recv_call));
		EXPECT_EQ(-ECANCELED, call_join(&recv_call));
	}
	EXPECT_EQ(1, under_way());
	expect_all(_metadata, pair);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
}

/* T9: P9, of plain sockets too: the file is gone, whatever is still to deliver. */
TEST_F(deadline, an_epoll_set_hears_nothing_more)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	struct pair *pair = &self->pair;
	int epoll = check(epoll_create1(0));

	pair_stall(pair);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, pair->fd, &event));
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(2, send(pair->peer, "ab", 2, 0));
	expect_all(_metadata, pair);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 200));
	expect_outcome(_metadata, WINSOCK_DELIVERED);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

/* T2 and U1: unread input, from before and after the close, resets nothing. */
TEST_F(deadline, unread_input_does_not_matter)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(3, send(pair->peer, "abc", 3, 0));
	wait_until(pair_unread(pair) == 3);
	pair_stall(pair);
	close_pair(_metadata, pair, FAR_MS);
	EXPECT_EQ(3, send(pair->peer, "def", 3, 0));
	expect_all(_metadata, pair);
	expect_outcome(_metadata, WINSOCK_DELIVERED);
}

/* T11: nobody has to wait for it, and nobody can stop it. */
TEST_F(deadline, continues_when_the_process_has_ended)
{
	struct pair *pair = &self->pair;
	pid_t child;
	long start;

	pair_stall(pair);
	start = now_ms();
	child = child_fork();
	if (!child)
		_exit(ioc_close_deadline(pair->fd, NEAR_MS) != 0);
	close(pair->fd);
	pair->fd = -1;
	child_join(child);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	wait_until(wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(NEAR_MS, now_ms() - start);
	wait_until(!under_way());
	expect_reset(_metadata, pair);
	EXPECT_FALSE(has_outcome());
}

/* T11, T12: nobody is left in its network namespace either. */
TEST_F(deadline, continues_when_its_namespace_is_left)
{
	struct winsock_outcome outcome;
	struct pair pair;
	pid_t child = child_fork();

	if (!child) {
		netns_enter();
		pair_open(&pair, &variant->kind);
		pair_stall(&pair);
		_exit(ioc_close_report(pair.fd, NEAR_MS, COOKIE) != 0);
	}
	child_join(child);
	/* Its peer has gone with it, and may have reset the connection. */
	outcome = outcome_next(winsock_device);
	EXPECT_EQ(COOKIE, outcome.cookie);
	EXPECT_TRUE(outcome.result == WINSOCK_DEADLINE_RESET ||
		    outcome.result == WINSOCK_PEER_RESET);
	EXPECT_LT(0, outcome.unacked);
}

/* T11: and when it becomes another program, which has neither descriptor */
TEST_F(deadline, continues_when_the_process_runs_another_program)
{
	struct pair *pair = &self->pair;
	pid_t child;

	pair_stall(pair);
	child = child_fork();
	if (!child) {
		if (!ioc_close_deadline(pair->fd, FAR_MS))
			execl("/bin/sh", "sh", "-c", "exit 0", NULL);
		_exit(1);
	}
	close(pair->fd);
	pair->fd = -1;
	child_join(child);
	EXPECT_EQ(1, under_way());
	expect_all(_metadata, pair);
	wait_until(!under_way());
}

/* T11: killed, at that */
TEST_F(deadline, continues_when_the_process_is_killed)
{
	struct pair *pair = &self->pair;
	pid_t child;

	pair_stall(pair);
	child = child_fork();
	if (!child) {
		ioc_close_deadline(pair->fd, FAR_MS);
		pause();
	}
	close(pair->fd);
	pair->fd = -1;
	wait_until(under_way());
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(1, under_way());
	expect_all(_metadata, pair);
	wait_until(!under_way());
}

/* T12 */
TEST_F(deadline, the_module_stays_as_long)
{
	struct pair *pair = &self->pair;

	if (module_is_built_in())
		SKIP(return, "kernel: the module is built in");
	pair_stall(pair);
	ASSERT_EQ(0, ioc_close_deadline(pair->fd, FAR_MS));
	pair->fd = -1;
	close(winsock_device);
	winsock_device = -1;
	EXPECT_LT(0, module_references());
	EXPECT_EQ(-EWOULDBLOCK, module_remove());
	expect_all(_metadata, pair);
	expect_unloadable(_metadata);
}

TEST_HARNESS_MAIN
