// SPDX-License-Identifier: GPL-2.0
/* What became of closes with a deadline, read from the device. */
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "support/ring.h"
#include "support/suite.h"

#define PARAMETERS	"/sys/module/winsock/parameters/"
#define FAR_MS		(LINGER_LONG * 1000)
#define SIZE		sizeof(struct winsock_outcome)

FIXTURE(outcome) {
	struct pair pair;
};

FIXTURE_SETUP(outcome)
{
	static const struct kind kind = { AF_INET, true };

	pair_setup(&self->pair, &kind);
}

PAIR_TEARDOWN(outcome);

/* One that is over at once. */
static void add_outcome(__u64 cookie)
{
	int fd = check(socket(AF_INET, SOCK_STREAM, 0));

	if (ioc_close_report(fd, 1000, cookie))
		fail("no outcome");
}

static long read_device(void *buf, size_t size)
{
	return result_of(read(winsock_device, buf, size));
}

static long run_read(struct call *call)
{
	return result_of(read(call->fd, call->arg, SIZE));
}

/* T10 */
TEST_F(outcome, several_are_read_at_once)
{
	struct winsock_outcome got[4];
	__u64 cookie;

	for (cookie = 1; cookie <= 5; cookie++)
		add_outcome(cookie);
	/* Whole ones, the oldest first. */
	ASSERT_EQ(2 * SIZE, read_device(got, 3 * SIZE - 1));
	EXPECT_EQ(1, got[0].cookie);
	EXPECT_EQ(2, got[1].cookie);
	ASSERT_EQ(3 * SIZE, read_device(got, sizeof(got)));
	EXPECT_EQ(3, got[0].cookie);
	EXPECT_EQ(5, got[2].cookie);
}

/* T10 */
TEST_F(outcome, too_small_a_buffer_is_refused)
{
	char buf[SIZE];

	add_outcome(7);
	EXPECT_EQ(-EINVAL, read_device(buf, SIZE - 1));
	EXPECT_EQ(-EINVAL, read_device(buf, 0));
	EXPECT_EQ(7, outcome_next(winsock_device).cookie);
}

/* T10 */
TEST_F(outcome, is_scattered)
{
	struct winsock_outcome got[2];
	struct iovec iov[] = {
		{ (char *)got, 5 },
		{ (char *)got + 5, SIZE },
		{ (char *)got + 5 + SIZE, SIZE - 5 },
	};

	add_outcome(1);
	add_outcome(2);
	ASSERT_EQ(2 * SIZE, readv(winsock_device, iov, 3));
	EXPECT_EQ(1, got[0].cookie);
	EXPECT_EQ(2, got[1].cookie);
}

/* T10: what could not be copied is there as before. */
TEST_F(outcome, is_not_lost_in_a_bad_buffer)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + page, page));
	add_outcome(1);
	add_outcome(2);
	EXPECT_EQ(-EFAULT, read_device(map + page - SIZE / 2, SIZE));
	EXPECT_EQ(-EFAULT, read_device((void *)page, SIZE));
	/* The first fits. */
	EXPECT_EQ(SIZE, read_device(map + page - SIZE, 2 * SIZE));
	EXPECT_EQ(2, outcome_next(winsock_device).cookie);
}

/* T10 */
TEST_F(outcome, is_waited_for)
{
	struct winsock_outcome got;
	struct call call = { SYS_read, run_read, winsock_device, &got };

	call_enter(&call);
	add_outcome(9);
	EXPECT_EQ(SIZE, call_join(&call));
	EXPECT_EQ(9, got.cookie);
}

static void on_signal(int number)
{
}

/* T10 */
TEST_F(outcome, waiting_ends_by_a_signal)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct winsock_outcome got;
	struct call call = { SYS_read, run_read, winsock_device, &got };

	check(sigaction(SIGUSR1, &action, NULL));
	call_enter(&call);
	pthread_kill(call.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, call_join(&call));
}

/* T10 */
TEST_F(outcome, nonblocking_does_not_wait)
{
	char buf[SIZE];

	set_nonblocking(winsock_device, true);
	EXPECT_EQ(-EAGAIN, read_device(buf, SIZE));
	add_outcome(1);
	EXPECT_EQ(SIZE, read_device(buf, SIZE));
	EXPECT_EQ(-EAGAIN, read_device(buf, SIZE));
}

/* T10 */
TEST_F(outcome, is_an_event_of_epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = check(epoll_create1(0));

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, winsock_device, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	pair_stall(&self->pair);
	ASSERT_EQ(0, ioc_close_report(self->pair.fd, FAR_MS, 3));
	self->pair.fd = -1;
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	receive_all(self->pair.peer);
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, WAIT_MS));
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_EQ(3, outcome_next(winsock_device).cookie);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

/* T10: read and poll of io_uring */
TEST_F(outcome, is_read_by_io_uring)
{
	struct winsock_outcome got;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ,
		.fd = winsock_device,
		.addr = (unsigned long)&got,
		.len = SIZE,
	};
	struct completion done;
	struct ring ring;

	if (!ring_open(&ring, 0))
		SKIP(return, "kernel: no io_uring");
	ring_submit(&ring, &sqe);
	EXPECT_FALSE(ring_look(&ring, &done));
	add_outcome(4);
	done = ring_next(&ring);
	EXPECT_EQ(SIZE, done.res);
	EXPECT_EQ(4, got.cookie);

	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_POLL_ADD,
		.fd = winsock_device,
		.poll32_events = POLL32(POLLIN),
	};
	ring_submit(&ring, &sqe);
	EXPECT_FALSE(ring_look(&ring, &done));
	add_outcome(5);
	done = ring_next(&ring);
	EXPECT_EQ(POLLIN, done.res);
	ring_close(&ring);
}

/* T10: each descriptor of the device has its own. */
TEST_F(outcome, comes_by_the_device_that_was_used)
{
	int first = winsock_device, second = check(open(WINSOCK_DEVICE, O_RDWR));
	char buf[SIZE];

	add_outcome(1);
	winsock_device = second;
	add_outcome(2);
	EXPECT_EQ(2, outcome_next(second).cookie);
	EXPECT_EQ(1, outcome_next(first).cookie);
	set_nonblocking(second, true);
	EXPECT_EQ(-EAGAIN, read_device(buf, SIZE));
	close(second);
	winsock_device = first;
}

/* T10: and a duplicate of it, in whatever process, is the same. */
TEST_F(outcome, can_be_read_by_another_process)
{
	pid_t child;

	pair_stall(&self->pair);
	ASSERT_EQ(0, ioc_close_report(self->pair.fd, FAR_MS, 6));
	self->pair.fd = -1;
	child = child_fork();
	if (!child)
		_exit(outcome_next(winsock_device).cookie != 6);
	receive_all(self->pair.peer);
	child_join(child);
}

/* T10 */
TEST_F(outcome, is_not_promised_where_it_could_not_be_read)
{
	int device = winsock_device;

	winsock_device = check(open(WINSOCK_DEVICE, O_WRONLY));
	EXPECT_EQ(-EINVAL, ioc_close_report(self->pair.fd, FAR_MS, 1));
	EXPECT_TRUE(fd_is_open(self->pair.fd));
	EXPECT_EQ(0, ioc_close_deadline(self->pair.fd, FAR_MS));
	self->pair.fd = -1;
	close(winsock_device);
	winsock_device = device;
}

/* T11: whoever closes the device forgets the outcome and not the close. */
TEST_F(outcome, is_forgotten_with_the_device)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	ASSERT_EQ(0, ioc_close_report(pair->fd, FAR_MS, 1));
	pair->fd = -1;
	add_outcome(2);
	close(winsock_device);
	winsock_device = -1;
	EXPECT_EQ(1, winsock_counter("WinsockCurrDeadline"));
	expect_all(_metadata, pair);
	wait_until(!winsock_counter("WinsockCurrDeadline"));
	expect_unloadable(_metadata);
}

static void set_parameter(const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	snprintf(text, sizeof(text), "%u", value);
	put_line(path, text);
}

static unsigned int parameter(const char *name)
{
	unsigned int value;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &value) != 1)
		fail("%s cannot be read", path);
	fclose(f);
	return value;
}

/* T8: beyond the limit nothing happens; an unread outcome counts. */
TEST_F(outcome, there_is_a_limit)
{
	unsigned int limit = parameter("max_deadline_closes");
	struct pair *pair = &self->pair;

	EXPECT_LE(4096, limit);
	pair_stall(pair);
	set_parameter("max_deadline_closes", 2);
	add_outcome(1);
	add_outcome(2);
	EXPECT_EQ(-ENOBUFS, ioc_close_report(pair->fd, FAR_MS, 3));
	EXPECT_EQ(-ENOBUFS, ioc_close_deadline(pair->fd, FAR_MS));
	EXPECT_TRUE(fd_is_open(pair->fd));
	expect_untouched(_metadata, pair);
	EXPECT_EQ(1, outcome_next(winsock_device).cookie);
	EXPECT_EQ(0, ioc_close_report(pair->fd, FAR_MS, 3));
	pair->fd = -1;
	set_parameter("max_deadline_closes", limit);
	EXPECT_EQ(2, outcome_next(winsock_device).cookie);
	receive_all(pair->peer);
	EXPECT_EQ(3, outcome_next(winsock_device).cookie);
}

/* T8 */
TEST_F(outcome, a_deadline_can_be_too_far_away)
{
	struct pair *pair = &self->pair;

	EXPECT_EQ(65535, parameter("max_deadline"));
	set_parameter("max_deadline", 2);
	EXPECT_EQ(-EINVAL, ioc_close_report(pair->fd, 2001, 1));
	EXPECT_TRUE(fd_is_open(pair->fd));
	EXPECT_EQ(0, ioc_close_report(pair->fd, 2000, 1));
	pair->fd = -1;
	set_parameter("max_deadline", 65535);
	EXPECT_EQ(1, outcome_next(winsock_device).cookie);
}

/* It acknowledges nothing, but a reset ends it: its port is to be free. */
static void hear_resets_only(int fd)
{
	struct sock_filter rst[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_RST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = ARRAY_SIZE(rst), .filter = rst };

	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

static void abort_peer(int *peer)
{
	if (*peer < 0)
		return;
	set_linger(*peer, 1, 0);
	close(*peer);
	*peer = -1;
}

/* An emulated machine that is no x86 needs over 10 ms for each. */
#ifdef __x86_64__
#define MANY	8000
#else
#define MANY	4000
#endif

/* T10: each exactly once, whatever comes first */
TEST_F(outcome, comes_once_for_each_of_many_sockets)
{
	const unsigned int n = scaled(MANY);
	unsigned int limit = parameter("max_deadline_closes");
	static const enum winsock_result results[] = {
		WINSOCK_DEADLINE_RESET, WINSOCK_DELIVERED, WINSOCK_PEER_RESET,
	};
	int small = 4096;
	unsigned int i;
	struct winsock_outcome got[64];
	struct sockaddr_storage addr;
	unsigned char *seen;
	int listener, *peers;
	socklen_t len;
	long bytes;

	peers = calloc(n, sizeof(*peers));
	seen = calloc(n, 1);
	ASSERT_TRUE(peers && seen);
	allow_descriptors(n + 100);
	set_parameter("max_deadline_closes", n);
	listener = check(socket(AF_INET, SOCK_STREAM, 0));
	check(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	listen_loopback(listener, AF_INET, 100, &addr, &len);

	for (i = 0; i < n; i++) {
		int fd = check(socket(AF_INET, SOCK_STREAM, 0));

		check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
		connect_to(fd, &addr, len);
		peers[i] = check(accept(listener, NULL, NULL));
		/* A third of them ends by each of the three ways; only one acknowledges. */
		if (i % 3 != 1)
			hear_resets_only(peers[i]);
		set_nonblocking(fd, true);
		while (send(fd, got, sizeof(got), 0) > 0)
			;
		ASSERT_EQ(0, ioc_close_report(fd, i % 3 ? 600000 : 1000, i));
		if (i % 3 == 1)
			receive_all(peers[i]);
		else if (i % 3 == 2)
			abort_peer(&peers[i]);
	}
	for (i = 0; i < n; ) {
		wait_ready(winsock_device, POLLIN);
		bytes = read_device(got, sizeof(got));
		ASSERT_LT(0, bytes);
		for (bytes /= SIZE; bytes--; i++) {
			ASSERT_GT(n, got[bytes].cookie);
			EXPECT_EQ(0, seen[got[bytes].cookie]++);
			EXPECT_EQ(results[got[bytes].cookie % 3], got[bytes].result);
		}
	}
	EXPECT_EQ(0, winsock_counter("WinsockCurrDeadline"));
	/* Where a FIN is acknowledged while its socket is locked, TCP keeps it. */
	for (i = 0; i < n; i++)
		abort_peer(&peers[i]);
	EXPECT_EQ(0, orphans());
	set_parameter("max_deadline_closes", limit);
}

TEST_HARNESS_MAIN
