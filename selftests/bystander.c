// SPDX-License-Identifier: GPL-2.0
/*
 * What a closesocket() changes for another process that has the socket: nothing
 * that close(2) would not change (I3); and what another process can do to a
 * closesocket(): keep it for a bounded time (I4).
 *
 * The first half runs each body twice, with closesocket() and with close(2), and
 * wants both to have told the same.  The second half asserts order: the close is
 * over while the other process goes on with what should not have kept it.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <linux/aio_abi.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>

#include "support/ring.h"
#include "support/suite.h"

/* How the other process came by the socket. */
enum arrival {
	BY_FORK,
	BY_SCM_RIGHTS,
	BY_PIDFD_GETFD,
};

/**
 * struct scene - a socket, and the process that has it too
 * @pair: the connection; or, for accept, @pair.fd listens at @addr
 * @addr: of a listener
 * @len: of @addr
 * @epoll: a set that both processes have, made before the fork
 * @via: a socket pair: the first is the test's, the second the child's
 */
struct scene {
	struct pair pair;
	struct sockaddr_storage addr;
	socklen_t len;
	int epoll;
	int via[2];
};

/**
 * struct use - what the other process does with the socket
 * @nr: the system call that it rests in when the socket is closed
 * @run: in the child; says when it is about to rest, then what it got
 * @act: by the test after the close, so that there is something to get; NULL: the
 *	 peer sends a byte
 * @stalled: the peer's window is shut
 * @unread: there is a byte to be read
 * @listens: the socket is a listener
 */
struct use {
	long nr;
	void (*run)(struct scene *scene);
	void (*act)(struct scene *scene);
	bool stalled;
	bool unread;
	bool listens;
};

/**
 * struct manner - how the socket is shared and closed
 * @kind: of the socket
 * @arrival: how the other process came by it
 * @onoff: SO_LINGER
 * @seconds: its interval
 */
struct manner {
	struct kind kind;
	enum arrival arrival;
	int onoff;
	int seconds;
};

#define SAID_MAX	24

/**
 * struct story - what came of it
 * @said: by the child
 * @n: how many
 * @closed: by the close
 * @rested: the child was where it had been, a moment after the close
 */
struct story {
	long said[SAID_MAX];
	unsigned int n;
	long closed;
	bool rested;
};

/* In the child. */
static void say(struct scene *scene, long value)
{
	check(write(scene->via[1], &value, sizeof(value)));
}

#define READY	0x7ea0

static void ready(struct scene *scene)
{
	say(scene, READY);
}

/* The child rests here, where it does not rest in the socket. */
static void await_close(struct scene *scene)
{
	char go;

	ready(scene);
	check(read(scene->via[1], &go, 1));
}

static void say_completions(struct scene *scene, struct ring *ring)
{
	struct completion done;

	check(syscall(SYS_io_uring_enter, ring->fd, 0, 0,
		      IORING_ENTER_GETEVENTS, NULL, 0));
	while (ring_look(ring, &done))
		say(scene, done.res);
}

/* What has come of a request at the close, and what comes of it later. */
static void watch_request(struct scene *scene, struct ring *ring)
{
	char go;

	await_close(scene);
	usleep(20000);
	say_completions(scene, ring);
	say(scene, READY);
	check(read(scene->via[1], &go, 1));
	say(scene, ring_next(ring).res);
}

static void use_recv(struct scene *scene)
{
	char byte;

	ready(scene);
	say(scene, result_of(recv(scene->pair.fd, &byte, 1, 0)));
	say(scene, result_of(recv(scene->pair.fd, &byte, 1, MSG_DONTWAIT)));
}

static void use_send(struct scene *scene)
{
	ready(scene);
	say(scene, result_of(send(scene->pair.fd, "", 1, 0)));
}

static void peer_reads(struct scene *scene)
{
	char buf[4096];

	wait_ready(scene->pair.peer, POLLIN);
	while (recv(scene->pair.peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static void use_accept(struct scene *scene)
{
	int fd;

	ready(scene);
	fd = accept(scene->pair.fd, NULL, NULL);
	say(scene, fd >= 0);
	set_linger(fd, 0, 0);	/* or the connection would be reset at the exit */
}

static void peer_connects(struct scene *scene)
{
	scene->pair.peer = check(socket(scene->addr.ss_family, SOCK_STREAM, 0));
	connect_to(scene->pair.peer, &scene->addr, scene->len);
}

static void use_poll(struct scene *scene)
{
	struct pollfd pfd = { scene->pair.fd, POLLIN };

	ready(scene);
	say(scene, result_of(poll(&pfd, 1, -1)));
	say(scene, pfd.revents);
}

static void use_select(struct scene *scene)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(scene->pair.fd, &set);
	ready(scene);
	say(scene, result_of(select(scene->pair.fd + 1, &set, NULL, NULL, NULL)));
	say(scene, FD_ISSET(scene->pair.fd, &set));
}

static void wait_in_set(struct scene *scene, int epoll)
{
	struct epoll_event event = { 0 };

	ready(scene);
	say(scene, result_of(epoll_wait(epoll, &event, 1, -1)));
	say(scene, event.events);
}

static void use_epoll(struct scene *scene)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = check(epoll_create1(0));

	check(epoll_ctl(epoll, EPOLL_CTL_ADD, scene->pair.fd, &event));
	wait_in_set(scene, epoll);
}

static void use_shared_epoll(struct scene *scene)
{
	wait_in_set(scene, scene->epoll);
}

static void use_splice(struct scene *scene)
{
	int ends[2];

	check(pipe(ends));
	ready(scene);
	say(scene, result_of(splice(scene->pair.fd, NULL, ends[1], NULL, 100, 0)));
}

static void open_ring(struct ring *ring)
{
	if (!ring_open(ring, 0))
		fail("no io_uring");
}

static void use_poll_add(struct scene *scene)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = scene->pair.fd,
		.poll32_events = POLL32(POLLIN),
	};
	struct ring ring;

	open_ring(&ring);
	ring_submit(&ring, &sqe);
	watch_request(scene, &ring);
}

/* Has told of a byte already, and tells of the next. */
static void use_poll_multishot(struct scene *scene)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = scene->pair.fd,
		.len = IORING_POLL_ADD_MULTI,
		.poll32_events = POLL32(POLLIN),
	};
	struct ring ring;

	open_ring(&ring);
	ring_submit(&ring, &sqe);
	say(scene, ring_next(&ring).res);
	watch_request(scene, &ring);
}

static void use_ring_recv(struct scene *scene)
{
	static char byte;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_RECV,
		.fd = scene->pair.fd,
		.addr = (unsigned long)&byte,
		.len = 1,
	};
	struct ring ring;

	open_ring(&ring);
	ring_submit(&ring, &sqe);
	watch_request(scene, &ring);
}

/* The process has no descriptor of the socket at all. */
static void use_registered_file(struct scene *scene)
{
	static char bytes[2];
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_RECV,
		.flags = IOSQE_FIXED_FILE,
		.addr = (unsigned long)bytes,
		.len = 1,
	};
	struct ring ring;

	open_ring(&ring);
	check(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES,
		      &scene->pair.fd, 1));
	close(scene->pair.fd);
	ring_submit(&ring, &sqe);
	watch_request(scene, &ring);
	sqe.len = 2;
	sqe.msg_flags = MSG_DONTWAIT;
	ring_submit(&ring, &sqe);
	say(scene, ring_next(&ring).res);
	sqe.opcode = IORING_OP_SEND;
	ring_submit(&ring, &sqe);
	say(scene, ring_next(&ring).res);
}

static void use_aio_poll(struct scene *scene)
{
	struct iocb iocb = {
		.aio_fildes = scene->pair.fd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_buf = POLLIN,
	}, *list = &iocb;
	struct timespec none = { 0 }, later = { WAIT_MS / 1000 };
	aio_context_t context = 0;
	struct io_event event = { 0 };
	char go;

	check(syscall(SYS_io_setup, 1, &context));
	check(syscall(SYS_io_submit, context, 1, &list));
	await_close(scene);
	usleep(20000);
	say(scene, check(syscall(SYS_io_getevents, context, 0, 1, &event, &none)));
	say(scene, READY);
	check(read(scene->via[1], &go, 1));
	say(scene, check(syscall(SYS_io_getevents, context, 1, 1, &event, &later)));
	say(scene, event.res);
}

/* Everything that a descriptor can be asked, and what calls return afterwards. */
static void use_later(struct scene *scene)
{
	int fd = scene->pair.fd, value;
	struct linger linger;
	socklen_t len = sizeof(value);
	char byte, go;

	await_close(scene);
	check(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len));
	say(scene, value);
	len = sizeof(linger);
	check(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	say(scene, linger.l_onoff);
	say(scene, linger.l_linger);
	say(scene, check(fcntl(fd, F_GETFL)));
	say(scene, tcp_state(fd));
	say(scene, result_of(recv(fd, &byte, 1, MSG_DONTWAIT)));
	say(scene, result_of(send(fd, "", 1, MSG_DONTWAIT)));
	say(scene, poll(&(struct pollfd){ fd, POLLIN | POLLOUT }, 1, 0));
	say(scene, READY);
	check(read(scene->via[1], &go, 1));
	wait_ready(fd, POLLIN);
	say(scene, result_of(recv(fd, &byte, 1, 0)));
	say(scene, check(shutdown(fd, SHUT_WR)));
}

FIXTURE(bystander) {
	struct scene scene;
};

FIXTURE_VARIANT(bystander) {
	struct manner manner;
};

#define BYSTANDER(attached, nonblocking, arrival, onoff, seconds) {	\
	.manner = { { AF_INET, attached, nonblocking }, arrival, onoff,	\
		    seconds } }

FIXTURE_VARIANT_ADD(bystander, graceful)
	BYSTANDER(true, false, BY_FORK, 0, 0);
FIXTURE_VARIANT_ADD(bystander, hard)
	BYSTANDER(true, false, BY_SCM_RIGHTS, 1, 0);
FIXTURE_VARIANT_ADD(bystander, linger)
	BYSTANDER(true, false, BY_PIDFD_GETFD, 1, LINGER_LONG);
FIXTURE_VARIANT_ADD(bystander, nonblocking_linger)
	BYSTANDER(true, true, BY_FORK, 1, LINGER_LONG);
FIXTURE_VARIANT_ADD(bystander, not_attached)
	BYSTANDER(false, false, BY_FORK, 0, 0);
FIXTURE_VARIANT_ADD(bystander, not_attached_linger)
	BYSTANDER(false, false, BY_FORK, 1, LINGER_LONG);

FIXTURE_SETUP(bystander)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(bystander)
{
}

/* In the child: its own descriptor of the socket. */
static void obtain(struct scene *scene, enum arrival arrival)
{
	int fd = scene->pair.fd, pidfd;

	switch (arrival) {
	case BY_SCM_RIGHTS:
		close(fd);
		scene->pair.fd = rights_receive(scene->via[1]);
		break;
	case BY_PIDFD_GETFD:
		close(fd);
		pidfd = check(syscall(SYS_pidfd_open, getppid(), 0));
		scene->pair.fd = check(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
		close(pidfd);
		break;
	default:
		break;
	}
}

static void set_scene(struct scene *scene, const struct use *use,
		      const struct manner *manner)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct kind blocking = manner->kind;

	/* The child's calls are to wait; the mode is set for the close. */
	blocking.nonblocking = false;
	memset(scene, 0, sizeof(*scene));
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, scene->via));
	if (use->listens) {
		scene->pair.peer = -1;
		scene->pair.fd = kind_socket(&blocking, SOCK_STREAM);
		listen_loopback(scene->pair.fd, blocking.family, 4,
				&scene->addr, &scene->len);
	} else {
		pair_open(&scene->pair, &blocking);
	}
	if (use->stalled || (manner->seconds && !use->listens))
		pair_stall(&scene->pair);
	if (use->unread) {
		check(send(scene->pair.peer, "", 1, 0));
		wait_ready(scene->pair.fd, POLLIN);
	}
	set_linger(scene->pair.fd, manner->onoff, manner->seconds);
	scene->epoll = check(epoll_create1(0));
	check(epoll_ctl(scene->epoll, EPOLL_CTL_ADD, scene->pair.fd, &event));
}

/* False when the child has ended. */
static bool hear(struct scene *scene, long *value)
{
	wait_ready(scene->via[0], POLLIN);
	return check(read(scene->via[0], value, sizeof(*value))) ==
	       sizeof(*value);
}

static void hear_all(struct scene *scene, struct story *story)
{
	long value;

	while (hear(scene, &value) && value != READY)
		if (story->n < SAID_MAX)
			story->said[story->n++] = value;
}

/* One body, one way to close. */
static struct story observe(const struct use *use, const struct manner *manner,
			    int (*close_call)(int fd))
{
	struct story story = { .n = 0 };
	struct scene scene;
	pid_t child;

	set_scene(&scene, use, manner);
	child = child_fork();
	if (!child) {
		close(scene.via[0]);
		if (scene.pair.peer >= 0)
			close(scene.pair.peer);
		obtain(&scene, manner->arrival);
		use->run(&scene);
		_exit(0);
	}
	if (manner->arrival == BY_SCM_RIGHTS)
		rights_send(scene.via[0], scene.pair.fd);
	close(scene.via[1]);
	hear_all(&scene, &story);
	task_wait_inside(child, use->nr);

	/* O_NONBLOCK is of the open file: a call that rests has read it. */
	if (manner->kind.nonblocking && use->nr != SYS_read)
		set_nonblocking(scene.pair.fd, true);
	story.closed = close_call(scene.pair.fd);
	usleep(50000);
	story.rested = task_inside(child, use->nr);
	if (use->nr == SYS_read) {
		check(write(scene.via[0], "", 1));
		hear_all(&scene, &story);
		check(write(scene.via[0], "", 1));
	}
	if (use->act)
		use->act(&scene);
	else
		check(send(scene.pair.peer, "", 1, 0));
	hear_all(&scene, &story);
	child_join(child);
	close(scene.epoll);
	close(scene.via[0]);
	if (scene.pair.peer >= 0)
		close(scene.pair.peer);
	if (!use->listens)
		close(scene.pair.wire.fd);
	return story;
}

static void compare(struct __test_metadata *_metadata,
		    const struct manner *manner, const struct use *use)
{
	struct story story, control;
	unsigned int i;

	story = observe(use, manner, ioc_closesocket);
	control = observe(use, manner, native_close);
	EXPECT_EQ(0, story.closed);
	EXPECT_TRUE(control.rested);
	EXPECT_TRUE(story.rested);
	ASSERT_LT(0, control.n);
	EXPECT_EQ(control.n, story.n);
	for (i = 0; i < control.n && i < story.n; i++)
		EXPECT_EQ(control.said[i], story.said[i])
			TH_LOG("what it said, number %u", i);
}

#define COMPARE(...)							\
	compare(_metadata, &variant->manner,				\
		&(const struct use){ __VA_ARGS__ })

TEST_F(bystander, recv_gets_its_data)
{
	COMPARE(SYS_recvfrom, use_recv);
}

TEST_F(bystander, send_is_taken)
{
	COMPARE(SYS_sendto, use_send, peer_reads, .stalled = true);
}

TEST_F(bystander, accept_gets_its_connection)
{
	COMPARE(SYS_accept, use_accept, peer_connects, .listens = true);
}

TEST_F(bystander, poll_reports_it)
{
	COMPARE(SYS_poll, use_poll);
}

TEST_F(bystander, select_reports_it)
{
	COMPARE(SYS_pselect6, use_select);
}

TEST_F(bystander, epoll_set_reports_it)
{
	COMPARE(SYS_epoll_wait, use_epoll);
}

TEST_F(bystander, shared_epoll_set_reports_it)
{
	COMPARE(SYS_epoll_wait, use_shared_epoll);
}

TEST_F(bystander, splice_gets_its_data)
{
	COMPARE(SYS_splice, use_splice);
}

TEST_F(bystander, armed_poll_request_stays_armed)
{
	COMPARE(SYS_read, use_poll_add);
}

TEST_F(bystander, multishot_poll_request_tells_each_event_once)
{
	COMPARE(SYS_read, use_poll_multishot, .unread = true);
}

TEST_F(bystander, armed_recv_request_gets_its_data)
{
	COMPARE(SYS_read, use_ring_recv);
}

TEST_F(bystander, registered_file_is_not_closed)
{
	COMPARE(SYS_read, use_registered_file);
}

TEST_F(bystander, aio_poll_stays_armed)
{
	COMPARE(SYS_read, use_aio_poll);
}

TEST_F(bystander, options_state_and_later_calls_are_the_same)
{
	COMPARE(SYS_read, use_later);
}

/* Counts what the child does in the kernel. */
#define TRACEFS		"/sys/kernel/tracing"
#define PROBE_GROUP	"winsock_test"

static bool try_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_APPEND);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, line, strlen(line));
	close(fd);
	return n == (ssize_t)strlen(line);
}

/* Hits of the probe in a process, as the trace has them. */
static unsigned int count_hits(pid_t pid)
{
	unsigned int hits = 0;
	char line[512], who[32];
	FILE *f;

	snprintf(who, sizeof(who), "-%d ", pid);
	f = fopen(TRACEFS "/trace", "r");
	if (!f)
		fail("no trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		hits += line[0] != '#' && strstr(line, who) &&
			strstr(line, "walk:");
	fclose(f);
	return hits;
}

#define CALLS	20

/* Calls in every way on a socket that others have closed. */
static void use_often(struct scene *scene)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int fd = scene->pair.fd, epoll = check(epoll_create1(0)), i;
	char byte;

	check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	await_close(scene);
	for (i = 0; i < CALLS; i++) {
		recv(fd, &byte, 1, MSG_DONTWAIT);
		recv(fd, &byte, 1, 0);
		send(fd, "", 1, 0);
		poll(&(struct pollfd){ fd, POLLIN }, 1, 0);
		epoll_wait(epoll, &event, 1, 0);
	}
	say(scene, CALLS);
	say(scene, READY);
	check(read(scene->via[1], &byte, 1));
}

/*
 * I3: the calls of a process that has not closed the socket cost what they did.
 * What they did cost was a walk through its whole descriptor table.
 */
TEST_F(bystander, calls_walk_no_descriptor_table)
{
	static const struct use use = { SYS_read, use_often };
	struct timeval short_wait = { .tv_usec = 1000 };
	struct scene scene;
	unsigned int hits;
	long value;
	pid_t child;

	if (!try_line(TRACEFS "/kprobe_events", "p:" PROBE_GROUP "/walk iterate_fd"))
		SKIP(return, "kernel: no kprobes");
	set_scene(&scene, &use, &variant->manner);
	check(setsockopt(scene.pair.fd, SOL_SOCKET, SO_RCVTIMEO, &short_wait,
			 sizeof(short_wait)));
	check(setsockopt(scene.pair.fd, SOL_SOCKET, SO_SNDTIMEO, &short_wait,
			 sizeof(short_wait)));
	child = child_fork();
	if (!child) {
		close(scene.via[0]);
		use.run(&scene);
		_exit(0);
	}
	ASSERT_TRUE(hear(&scene, &value));
	ASSERT_TRUE(try_line(TRACEFS "/events/" PROBE_GROUP "/walk/enable", "1"));
	/* Something to look for, so that the closer itself walks its table. */
	EXPECT_EQ(0, ioc_closesocket(scene.pair.fd));
	check(write(scene.via[0], "", 1));
	ASSERT_TRUE(hear(&scene, &value));
	ASSERT_TRUE(hear(&scene, &value));
	hits = count_hits(child);
	try_line(TRACEFS "/events/" PROBE_GROUP "/walk/enable", "0");
	try_line(TRACEFS "/trace", "\n");
	try_line(TRACEFS "/kprobe_events", "-:" PROBE_GROUP "/walk");
	EXPECT_EQ(0, hits);
	check(write(scene.via[0], "", 1));
	child_join(child);
	close(scene.pair.peer);
}

/* I4: what another process does to a close. */

FIXTURE(bound) {
	struct pair pair;
	int via[2];
	pid_t child;
};

FIXTURE_SETUP(bound)
{
	struct kind kind = { AF_INET, true, false };

	pair_setup(&self->pair, &kind);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				self->via));
	self->child = 0;
}

FIXTURE_TEARDOWN(bound)
{
	if (self->child) {
		kill(self->child, SIGKILL);
		waitpid(self->child, NULL, 0);
	}
	pair_close(&self->pair);
}

/* It has not ended, and still does what it was to be at. */
static bool goes_on(pid_t child)
{
	return waitpid(child, NULL, WNOHANG) == 0;
}

#define DUPLICATES	900

/* Each of them takes or drops one, every few milliseconds, for some seconds. */
static void drop_duplicates(int fd, int via)
{
	int copies[DUPLICATES], i;

	for (i = 0; i < DUPLICATES; i++)
		copies[i] = check(dup(fd));
	check(write(via, "", 1));
	for (i = 0; i < DUPLICATES; i++) {
		usleep(6000);
		close(copies[i]);
	}
}

TEST_F(bound, duplicates_that_go_one_by_one_do_not_hold_a_close_up)
{
	struct pair *pair = &self->pair;
	char go;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	set_nonblocking(pair->fd, true);
	self->child = child_fork();
	if (!self->child) {
		drop_duplicates(pair->fd, self->via[1]);
		_exit(0);
	}
	check(read(self->via[0], &go, 1));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_TRUE(goes_on(self->child));
	pair->fd = -1;
}

TEST_F(bound, duplicates_that_come_while_calls_end_do_not_hold_a_close_up)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	char go;

	call_enter(&call);
	self->child = child_fork();
	if (!self->child) {
		unsigned int i;

		check(write(self->via[1], "", 1));
		for (i = 0; i < DUPLICATES; i++) {
			dup(pair->fd);
			usleep(6000);
		}
		_exit(0);
	}
	check(read(self->via[0], &go, 1));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_TRUE(goes_on(self->child));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	pair->fd = -1;
}

/* A page that is never there: whoever touches it sleeps until it is killed. */
static void *page_that_faults(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = sysconf(_SC_PAGESIZE);
	void *page;
	int fd;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	check(ioctl(fd, UFFDIO_API, &api));
	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (unsigned long)page;
	range.range.len = size;
	check(ioctl(fd, UFFDIO_REGISTER, &range));
	return page;
}

#define NO_FAULTS	"kernel: no userfaultfd"

static long run_faulting_recv(struct call *call)
{
	return result_of(recv(call->fd, call->arg, 1, 0));
}

/*
 * Each closer waits for the calls that it has interrupted, not for another's.  Of
 * datagrams, since a stream's recv() would hold the socket's lock meanwhile.
 */
TEST_F(bound, interrupted_call_of_another_process_does_not_hold_a_close_up)
{
	void *page = page_that_faults();
	struct sockaddr_storage addr;
	struct call call;
	socklen_t len;
	int fd, peer;
	char go;

	if (!page)
		SKIP(return, NO_FAULTS);
	fd = check(ioc_socket(AF_INET, SOCK_DGRAM, 0));
	bind_loopback(fd, AF_INET, &addr, &len);
	peer = check(socket(AF_INET, SOCK_DGRAM, 0));
	self->child = child_fork();
	if (!self->child) {
		struct call stuck = { SYS_recvfrom, run_faulting_recv, fd,
				      page_that_faults() };
		struct closer closer;

		call_enter(&stuck);
		check(write(self->via[1], "", 1));
		check(read(self->via[1], &go, 1));
		/* The byte has come: the call is in its page fault. */
		usleep(50000);
		closer_start(&closer, ioc_closesocket, fd);
		wait_until(!fd_is_open(fd));
		check(write(self->via[1], "", 1));
		pause();
	}
	check(read(self->via[0], &go, 1));
	check(sendto(peer, "", 1, 0, (struct sockaddr *)&addr, len));
	check(write(self->via[0], "", 1));
	check(read(self->via[0], &go, 1));
	call = (struct call)CALL_RECV(fd);
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_TRUE(goes_on(self->child));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	close(peer);
}

static long run_faulting_send(struct call *call)
{
	return result_of(send(call->fd, call->arg, 1, 0));
}

/*
 * In the child: a send() that holds the socket's lock in a page fault.  The lock
 * is seen by a call that needs it, and does not return.
 */
static void hold_lock(int fd, int via)
{
	struct call sender = { SYS_sendto, run_faulting_send, fd,
			       page_that_faults() };

	call_start(&sender);
	usleep(200000);
	check(write(via, "", 1));
	pause();
}

TEST_F(bound, page_fault_under_the_socket_lock_does_not_hold_a_close_up)
{
	struct pair *pair = &self->pair;
	struct closer closer;
	void *page = page_that_faults();
	char go;

	if (!page)
		SKIP(return, NO_FAULTS);
	set_linger(pair->fd, 1, LINGER_LONG);
	pair_send(pair, 1);
	self->child = child_fork();
	if (!self->child)
		hold_lock(pair->fd, self->via[1]);
	check(read(self->via[0], &go, 1));
	closer_start(&closer, ioc_closesocket, pair->fd);
	EXPECT_EQ(0, closer_join(&closer));
	EXPECT_TRUE(goes_on(self->child));
	pair->fd = -1;
}

/* Stopped in the middle of a call, it goes on with it later. */
TEST_F(bound, stopped_process_does_not_hold_a_close_up)
{
	struct pair *pair = &self->pair;
	char byte;
	int status;

	self->child = child_fork();
	if (!self->child)
		_exit(recv(pair->fd, &byte, 1, 0) != 1);
	task_wait_inside(self->child, SYS_recvfrom);
	check(kill(self->child, SIGSTOP));
	check(waitpid(self->child, &status, WUNTRACED));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	check(kill(self->child, SIGCONT));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	check(waitpid(self->child, &status, 0));
	EXPECT_EQ(0, status);
	self->child = 0;
}

/*
 * The address of a descriptor table is another process's after exit and fork: a
 * process that has closed nothing is not taken for the one that has, and waits in
 * its close(2) as it always would.
 */
TEST_F(bound, process_with_the_address_of_a_closer_is_not_the_closer)
{
	struct kind kind = self->pair.kind;
	struct pair *pair = &self->pair;
	unsigned int i;
	pid_t child;
	long start;
	char go;

	for (i = 0; i < 6; i++) {
		set_linger(pair->fd, 1, 1);
		pair_stall(pair);
		child = child_fork();
		if (!child) {
			check(ioc_closesocket(pair->fd));
			_exit(0);
		}
		child_join(child);
		child = child_fork();
		if (!child) {
			check(read(self->via[1], &go, 1));
			start = now_ms();
			check(close(pair->fd));
			/* The kernel counts ticks. */
			_exit(now_ms() - start < 1000 - 10);
		}
		check(close(pair->fd));
		pair->fd = -1;
		check(write(self->via[0], "", 1));
		child_join(child);
		pair_close(pair);
		pair_open(pair, &kind);
	}
}

/* Whoever dies at any moment leaves a socket that the last one closes. */
TEST_F(bound, process_that_dies_meanwhile_changes_nothing)
{
	struct kind kind = self->pair.kind;
	struct pair *pair = &self->pair;
	unsigned int i;
	pid_t child;

	for (i = 0; i < 30; i++) {
		child = child_fork();
		if (!child) {
			char byte;

			recv(pair->fd, &byte, 1, 0);
			_exit(0);
		}
		if (i % 3)
			task_wait_inside(child, SYS_recvfrom);
		usleep(i * 50);
		kill(child, SIGKILL);
		EXPECT_EQ(0, ioc_closesocket(pair->fd));
		check(waitpid(child, NULL, 0));
		EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
		pair->fd = -1;
		pair_close(pair);
		pair_open(pair, &kind);
	}
}

/*
 * C9 and I4: only a signal ends the wait of a lingering close.  A request that
 * completes wakes the thread that submitted it, and the timeout comes no earlier.
 */
TEST_F(bound, completion_of_the_closing_thread_is_no_signal)
{
	struct __kernel_timespec soon = { .tv_nsec = 100000000 };
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_TIMEOUT,
		.addr = (unsigned long)&soon,
		.len = 1,
	};
	struct pair *pair = &self->pair;
	struct ring ring;
	long start;

	open_ring(&ring);
	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	ring_submit(&ring, &sqe);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1000, now_ms() - start);
	EXPECT_EQ(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(-ETIME, ring_next(&ring).res);
	ring_close(&ring);
	pair->fd = -1;
}

TEST_HARNESS_MAIN
