// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not to be had and copies that fail.  fail-nth makes the n-th
 * allocation or copy that this thread asks the kernel for fail, for n = 1, 2, 3
 * and so on, until a call gets by without.  Each call either does what it
 * should or fails with an errno it is known to have, and then nothing has
 * changed: the handle, the options, the data, the counts (I1).  That nothing
 * has leaked is what the test kernel looks for afterwards.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/stat.h>

#include "support/suite.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
/* More than any call asks for. */
#define MANY		100000

/**
 * struct faults - a call that is made again and again
 * @fd: FAIL_NTH
 * @begun: the first call is made without, which also fills the kernel's caches,
 *	   so that from then on the n-th is the same each time
 * @n: what is made to fail
 * @fired: and did
 */
struct faults {
	int fd;
	bool begun;
	unsigned int n;
	bool fired;
};

/* Everything may fail, also what could wait for memory, and without a word. */
static void faults_open(struct faults *f)
{
	static const char * const on[] = {
		"/sys/kernel/debug/failslab/ignore-gfp-wait",
		"/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait",
		"/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem",
		"/sys/kernel/debug/fail_page_alloc/min-order",
		"/sys/kernel/debug/failslab/verbose",
		"/sys/kernel/debug/fail_page_alloc/verbose",
		"/sys/kernel/debug/fail_usercopy/verbose",
	};
	unsigned int i;

	*f = (struct faults) {
		.fd = check(open(FAIL_NTH, O_RDWR | O_CLOEXEC)),
	};
	for (i = 0; i < ARRAY_SIZE(on); i++)
		put_line(on[i], "0");
}

/* Goes on until nothing was left to fail. */
static bool faults_next(struct faults *f)
{
	if (!f->begun) {
		f->begun = true;
		return true;
	}
	if (f->n && !f->fired)
		return false;
	if (f->n == MANY)
		fail("no end of faults");
	f->n++;
	return true;
}

static void faults_arm(const struct faults *f)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", f->n);
	check(pwrite(f->fd, text, strlen(text), 0));
}

/* Asking is a copy too: where that fails, there was nothing left in the call. */
static unsigned int faults_left(const struct faults *f)
{
	char text[16] = "";

	if (pread(f->fd, text, sizeof(text) - 1, 0) < 0)
		return 1;
	return atoi(text);
}

static void faults_disarm(struct faults *f)
{
	f->fired = f->n && !faults_left(f);
	/* If the last one hits this write, it has had its effect. */
	pwrite(f->fd, "0", 1, 0);
}

/* What must be as it was. */
struct counts {
	long attached;		/* in this network namespace */
	long references;	/* to the module */
	long sockets;		/* in this namespace, with a descriptor or without */
	int descriptors;
	int next;		/* number that is free */
};

static long attached(void)
{
	return winsock_counter("WinsockCurrAttached");
}

static struct counts counts_look(void)
{
	struct counts counts = {
		.attached = attached(),
		.references = module_references(),
		.sockets = sockets_used(),
		.descriptors = open_descriptors(),
		.next = check(dup(STDIN_FILENO)),
	};

	close(counts.next);
	return counts;
}

static bool counts_equal(const struct counts *a, const struct counts *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void expect_counts(struct __test_metadata *_metadata,
			  const struct counts *before)
{
	struct counts now = counts_look();

	EXPECT_EQ(before->attached, now.attached);
	EXPECT_EQ(before->references, now.references);
	EXPECT_EQ(before->sockets, now.sockets);
	EXPECT_EQ(before->descriptors, now.descriptors);
	EXPECT_EQ(before->next, now.next);
}

static void counts_fail(const struct counts *before, const struct counts *now)
{
	warnx("attached %ld, were %ld", now->attached, before->attached);
	warnx("references %ld, were %ld", now->references, before->references);
	warnx("sockets %ld, were %ld", now->sockets, before->sockets);
	warnx("descriptors %d, were %d", now->descriptors, before->descriptors);
	fail("next number %d, was %d", now->next, before->next);
}

/* What a socket takes with it when it goes may follow a moment later. */
static void wait_counts(const struct counts *before)
{
	struct counts now = counts_look();
	long deadline = now_ms() + WAIT_MS;

	while (!counts_equal(before, &now)) {
		if (now_ms() > deadline)
			counts_fail(before, &now);
		usleep(1000);
		now = counts_look();
	}
}

/* Of a socket and of the memory for it; EFAULT is a copy that failed. */
static bool is_shortage(long result)
{
	return result == -ENOMEM || result == -ENOBUFS || result == -ENFILE ||
	       result == -EFAULT;
}

static void expect_result(struct __test_metadata *_metadata,
			  const struct faults *f, long result)
{
	EXPECT_TRUE(result >= 0 || (f->fired && is_shortage(result)))
		TH_LOG("fault %u%s: %s", f->n, f->fired ? "" : " did not fire",
		       strerror(-result));
}

/* A test in which nothing can fail has tested nothing. */
static void expect_faults(struct __test_metadata *_metadata,
			  const struct faults *f, unsigned int least)
{
	EXPECT_LE(least, f->n - 1);
	TH_LOG("%u faults", f->n - 1);
}

/* WINSOCK_IOC_SOCKET */

FIXTURE(creation) {
	struct faults faults;
};

FIXTURE_VARIANT(creation) {
	int domain;
	int type;
};

#define CREATION(domain, type)	{ domain, type }

FIXTURE_VARIANT_ADD(creation, stream)
	CREATION(AF_INET, SOCK_STREAM);
FIXTURE_VARIANT_ADD(creation, stream_ipv6)
	CREATION(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK);
FIXTURE_VARIANT_ADD(creation, datagram)
	CREATION(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC);
FIXTURE_VARIANT_ADD(creation, datagram_ipv6)
	CREATION(AF_INET6, SOCK_DGRAM);

FIXTURE_SETUP(creation)
{
	netns_enter();
	winsock_open();
	faults_open(&self->faults);
}

FIXTURE_TEARDOWN(creation)
{
}

TEST_F(creation, succeeds_or_leaves_nothing)
{
	struct faults *f = &self->faults;
	struct counts before = counts_look();
	int fd;

	while (faults_next(f)) {
		faults_arm(f);
		fd = ioc_socket(variant->domain, variant->type, 0);
		faults_disarm(f);
		expect_result(_metadata, f, fd);
		if (fd >= 0) {
			EXPECT_EQ(before.attached + 1, attached());
			EXPECT_EQ(0, ioc_closesocket(fd));
		}
		wait_counts(&before);
	}
	/* The copy, the socket, its inode, the state, the file. */
	expect_faults(_metadata, f, 5);
}

/* Of a kind that cannot be attached nothing is created, so that nothing can fail. */
TEST_F(creation, of_another_kind_allocates_nothing)
{
	struct faults *f = &self->faults;
	struct counts before = counts_look();
	int result;

	while (faults_next(f)) {
		faults_arm(f);
		result = ioc_socket(AF_UNIX, variant->type, 0);
		faults_disarm(f);
		EXPECT_EQ(-EOPNOTSUPP, result);
		expect_counts(_metadata, &before);
	}
	EXPECT_EQ(1, f->n);
}

/* The ULP */

enum stage {
	FRESH,
	LISTENING,
	CONNECTED,
};

FIXTURE(attachment) {
	struct faults faults;
};

FIXTURE_VARIANT(attachment) {
	int family;
	enum stage stage;
};

#define ATTACHMENT(family, stage)	{ family, stage }

FIXTURE_VARIANT_ADD(attachment, fresh)
	ATTACHMENT(AF_INET, FRESH);
FIXTURE_VARIANT_ADD(attachment, fresh_ipv6)
	ATTACHMENT(AF_INET6, FRESH);
FIXTURE_VARIANT_ADD(attachment, listening)
	ATTACHMENT(AF_INET6, LISTENING);
FIXTURE_VARIANT_ADD(attachment, connected)
	ATTACHMENT(AF_INET, CONNECTED);
FIXTURE_VARIANT_ADD(attachment, connected_ipv6)
	ATTACHMENT(AF_INET6, CONNECTED);

FIXTURE_SETUP(attachment)
{
	netns_enter();
	winsock_open();
	faults_open(&self->faults);
}

FIXTURE_TEARDOWN(attachment)
{
}

static bool is_attached(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	check(getsockopt(fd, SOL_TCP, TCP_ULP, name, &len));
	return !strcmp(name, WINSOCK_ULP);
}

static void expect_works(struct __test_metadata *_metadata, int fd, int peer)
{
	char byte;

	EXPECT_EQ(1, send(fd, "a", 1, 0));
	wait_ready(peer, POLLIN);
	EXPECT_EQ(1, recv(peer, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, send(peer, "b", 1, 0));
	wait_ready(fd, POLLIN);
	EXPECT_EQ(1, recv(fd, &byte, 1, MSG_DONTWAIT));
}

TEST_F(attachment, succeeds_or_changes_nothing)
{
	struct kind kind = { variant->family, false, false };
	struct faults *f = &self->faults;
	struct sockaddr_storage addr;
	struct pair pair;
	socklen_t len;

	while (faults_next(f)) {
		struct counts outside = counts_look(), before;
		int fd, result;

		if (variant->stage == CONNECTED) {
			pair_open(&pair, &kind);
			fd = pair.fd;
		} else {
			fd = kind_socket(&kind, SOCK_STREAM);
		}
		if (variant->stage == LISTENING)
			listen_loopback(fd, kind.family, 1, &addr, &len);

		before = counts_look();
		faults_arm(f);
		result = winsock_attach(fd);
		faults_disarm(f);
		expect_result(_metadata, f, result);
		if (result) {
			expect_counts(_metadata, &before);
			EXPECT_FALSE(is_attached(fd));
			/* And the next attempt is not hindered. */
			EXPECT_EQ(0, winsock_attach(fd));
		}
		EXPECT_TRUE(is_attached(fd));
		EXPECT_EQ(before.attached + 1, attached());
		EXPECT_EQ(before.references + 2, module_references());

		if (variant->stage == CONNECTED) {
			expect_works(_metadata, fd, pair.peer);
			EXPECT_EQ(0, ioc_closesocket(fd));
			pair.fd = -1;
			EXPECT_EQ(END_EOF, receive_all(pair.peer).ending);
			pair_close(&pair);
		} else {
			EXPECT_EQ(0, ioc_closesocket(fd));
		}
		wait_counts(&outside);
	}
	/* The name and the state. */
	expect_faults(_metadata, f, 2);
}

/* SOL_WINSOCK */

FIXTURE(option) {
	struct faults faults;
	int fd;
};

FIXTURE_SETUP(option)
{
	struct kind kind = { AF_INET, true, false };

	netns_enter();
	winsock_open();
	faults_open(&self->faults);
	self->fd = kind_socket(&kind, SOCK_STREAM);
}

FIXTURE_TEARDOWN(option)
{
	close(self->fd);
}

static void expect_linger(struct __test_metadata *_metadata, int fd, int onoff,
			  int seconds)
{
	struct linger linger;
	socklen_t len = sizeof(linger);

	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	EXPECT_EQ(onoff, linger.l_onoff);
	EXPECT_EQ(seconds, linger.l_linger);
}

/* With an interval to come back to (O1). */
static void linger_off(int fd, int seconds)
{
	set_linger(fd, 1, seconds);
	set_linger(fd, 0, 0);
}

TEST_F(option, linger_is_set_or_stays)
{
	const struct winsock_linger want = { 1, 7 };
	struct faults *f = &self->faults;
	long result;

	while (faults_next(f)) {
		linger_off(self->fd, 3);
		faults_arm(f);
		result = result_of(setsockopt(self->fd, SOL_WINSOCK,
					      WINSOCK_SO_LINGER, &want,
					      sizeof(want)));
		faults_disarm(f);
		expect_result(_metadata, f, result);
		if (result)
			expect_linger(_metadata, self->fd, 0, 3);
		else
			expect_linger(_metadata, self->fd, 1, 7);
	}
	expect_faults(_metadata, f, 1);
}

TEST_F(option, dontlinger_is_set_or_stays)
{
	struct faults *f = &self->faults;
	int off = 0;
	long result;

	while (faults_next(f)) {
		linger_off(self->fd, 3);
		faults_arm(f);
		result = result_of(setsockopt(self->fd, SOL_WINSOCK,
					      WINSOCK_SO_DONTLINGER, &off,
					      sizeof(off)));
		faults_disarm(f);
		expect_result(_metadata, f, result);
		expect_linger(_metadata, self->fd, !result, 3);
	}
	expect_faults(_metadata, f, 1);
}

/* A fault on the way out is told, and the option is what it was. */
TEST_F(option, linger_is_read_or_not)
{
	struct faults *f = &self->faults;
	struct winsock_linger linger;
	socklen_t len;
	long result;

	set_linger(self->fd, 1, 9);
	while (faults_next(f)) {
		len = sizeof(linger);
		faults_arm(f);
		result = result_of(getsockopt(self->fd, SOL_WINSOCK,
					      WINSOCK_SO_LINGER, &linger,
					      &len));
		faults_disarm(f);
		expect_result(_metadata, f, result);
		EXPECT_EQ(sizeof(linger), len);
		if (!result) {
			EXPECT_EQ(1, linger.l_onoff);
			EXPECT_EQ(9, linger.l_linger);
		}
		expect_linger(_metadata, self->fd, 1, 9);
	}
	expect_faults(_metadata, f, 1);
}

/* accept() */

FIXTURE(acceptance) {
	struct faults faults;
};

FIXTURE_VARIANT(acceptance) {
	struct kind kind;
};

KINDS_ATTACHED(acceptance);
FIXTURE_VARIANT_ADD(acceptance, nonblocking)
	KIND(AF_INET, true, true);

FIXTURE_SETUP(acceptance)
{
	netns_enter();
	winsock_open();
	faults_open(&self->faults);
}

FIXTURE_TEARDOWN(acceptance)
{
}

/* O8, and a connection that could not be accepted now can be later. */
TEST_F(acceptance, succeeds_or_leaves_the_connection_in_the_queue)
{
	struct faults *f = &self->faults;
	struct sockaddr_storage addr;
	int listener, peer;
	socklen_t len;
	long fd;

	listener = kind_socket(&variant->kind, SOCK_STREAM);
	listen_loopback(listener, variant->kind.family, 4, &addr, &len);
	while (faults_next(f)) {
		struct counts outside = counts_look(), before;

		peer = check(socket(variant->kind.family, SOCK_STREAM, 0));
		connect_to(peer, &addr, len);
		wait_ready(listener, POLLIN);

		before = counts_look();
		faults_arm(f);
		fd = result_of(accept4(listener, NULL, NULL, 0));
		faults_disarm(f);
		expect_result(_metadata, f, fd);
		if (fd < 0) {
			/* The file goes in task work, the sock may be RCU's. */
			wait_counts(&before);
			set_nonblocking(listener, true);
			fd = result_of(accept4(listener, NULL, NULL, 0));
			set_nonblocking(listener, variant->kind.nonblocking);
			ASSERT_LE(0, fd)
				TH_LOG("lost by fault %u", f->n);
		}
		EXPECT_TRUE(is_attached(fd));
		EXPECT_EQ(before.attached + 1, attached());
		EXPECT_EQ(before.references + 2, module_references());
		expect_works(_metadata, fd, peer);
		set_linger(fd, 1, 0);
		EXPECT_EQ(0, ioc_closesocket(fd));
		close(peer);
		wait_counts(&outside);
	}
	/* The number, the socket, the file, the state. */
	expect_faults(_metadata, f, 4);
	EXPECT_EQ(0, ioc_closesocket(listener));
}

/* closesocket() needs no memory of its own: it never fails for want of any. */

enum situation {
	UNCONNECTED,
	WITH_QUEUE,		/* a listener, and a thread waits in accept() */
	IN_CONNECT,
	IDLE,
	UNREAD,
	QUEUED,
	HARD,
	HARD_QUEUED,
	LINGER_IDLE,
	LINGER_DRAINED,		/* a wait, and the peer reads */
	LINGER_TIMEOUT,
	REFUSED,
	SHARED,
	IN_RECV,		/* a thread is */
	IN_POLL,
	IN_EPOLL,
	DATAGRAM,
};

FIXTURE(closing) {
	struct faults faults;
};

FIXTURE_VARIANT(closing) {
	struct kind kind;
	enum situation situation;
};

#define CLOSING(family, attached, situation)				\
	{ { family, attached, false }, situation }

FIXTURE_VARIANT_ADD(closing, unconnected)
	CLOSING(AF_INET, true, UNCONNECTED);
FIXTURE_VARIANT_ADD(closing, listener_with_a_queue)
	CLOSING(AF_INET6, true, WITH_QUEUE);
FIXTURE_VARIANT_ADD(closing, connecting)
	CLOSING(AF_INET, true, IN_CONNECT);
FIXTURE_VARIANT_ADD(closing, idle)
	CLOSING(AF_INET, true, IDLE);
FIXTURE_VARIANT_ADD(closing, idle_plain)
	CLOSING(AF_INET6, false, IDLE);
FIXTURE_VARIANT_ADD(closing, unread)
	CLOSING(AF_INET, true, UNREAD);
FIXTURE_VARIANT_ADD(closing, unread_plain)
	CLOSING(AF_INET, false, UNREAD);
FIXTURE_VARIANT_ADD(closing, queued)
	CLOSING(AF_INET6, true, QUEUED);
FIXTURE_VARIANT_ADD(closing, hard)
	CLOSING(AF_INET, true, HARD);
FIXTURE_VARIANT_ADD(closing, hard_queued_plain)
	CLOSING(AF_INET6, false, HARD_QUEUED);
FIXTURE_VARIANT_ADD(closing, linger_idle)
	CLOSING(AF_INET, true, LINGER_IDLE);
FIXTURE_VARIANT_ADD(closing, linger_drained)
	CLOSING(AF_INET, true, LINGER_DRAINED);
FIXTURE_VARIANT_ADD(closing, linger_timeout)
	CLOSING(AF_INET6, true, LINGER_TIMEOUT);
FIXTURE_VARIANT_ADD(closing, refused)
	CLOSING(AF_INET, true, REFUSED);
FIXTURE_VARIANT_ADD(closing, refused_plain)
	CLOSING(AF_INET6, false, REFUSED);
FIXTURE_VARIANT_ADD(closing, shared)
	CLOSING(AF_INET, true, SHARED);
FIXTURE_VARIANT_ADD(closing, with_a_recv)
	CLOSING(AF_INET, true, IN_RECV);
FIXTURE_VARIANT_ADD(closing, with_a_poll)
	CLOSING(AF_INET6, true, IN_POLL);
FIXTURE_VARIANT_ADD(closing, with_an_epoll_set)
	CLOSING(AF_INET, true, IN_EPOLL);
FIXTURE_VARIANT_ADD(closing, datagram)
	CLOSING(AF_INET, true, DATAGRAM);

FIXTURE_SETUP(closing)
{
	netns_enter();
	winsock_open();
	faults_open(&self->faults);
}

FIXTURE_TEARDOWN(closing)
{
}

/**
 * struct scene - a socket in a situation
 * @pair: the connection, if it has one
 * @fd: the socket under test
 * @other: what goes with it
 * @call: a call that is in it, or the peer's reading
 * @got: what the peer's reader got
 */
struct scene {
	struct pair pair;
	int fd;
	int other;
	struct call call;
	struct received got;
};

static long run_poll(struct call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLLIN };

	return result_of(poll(&pfd, 1, -1)) == 1 ? pfd.revents : 0;
}

static long run_receive_all(struct call *call)
{
	struct scene *scene = call->arg;

	scene->got = receive_all(scene->pair.peer);
	return 0;
}

static bool has_pair(enum situation situation)
{
	return situation != UNCONNECTED && situation != WITH_QUEUE &&
	       situation != IN_CONNECT && situation != DATAGRAM;
}

static void scene_open(struct scene *scene, const struct kind *kind,
		       enum situation situation)
{
	int type = situation == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
	struct sockaddr_storage addr;
	socklen_t len;

	memset(scene, 0, sizeof(*scene));
	scene->other = -1;
	if (has_pair(situation)) {
		pair_open(&scene->pair, kind);
		scene->fd = scene->pair.fd;
	} else {
		scene->fd = kind_socket(kind, type);
	}

	switch (situation) {
	case WITH_QUEUE:
		listen_loopback(scene->fd, kind->family, 4, &addr, &len);
		scene->other = check(socket(kind->family, type, 0));
		connect_to(scene->other, &addr, len);
		break;
	case IN_CONNECT:
		scene->other = listen_deaf(kind->family, &addr, &len);
		set_nonblocking(scene->fd, true);
		if (!connect(scene->fd, (struct sockaddr *)&addr, len) ||
		    errno != EINPROGRESS)
			fail("the connection was not begun");
		break;
	case DATAGRAM:
		bind_loopback(scene->fd, kind->family, &addr, &len);
		scene->other = check(socket(kind->family, type, 0));
		check(connect(scene->other, (struct sockaddr *)&addr, len));
		check(send(scene->other, "datagram", 8, 0));
		break;
	case UNREAD:
		check(send(scene->pair.peer, "unread", 6, 0));
		wait_ready(scene->fd, POLLIN);
		break;
	case HARD_QUEUED:
		pair_strand(&scene->pair);
		set_linger(scene->fd, 1, 0);
		break;
	case HARD:
		set_linger(scene->fd, 1, 0);
		break;
	case LINGER_IDLE:
		set_linger(scene->fd, 1, LINGER_LONG);
		break;
	case LINGER_DRAINED:
		pair_stall(&scene->pair);
		set_linger(scene->fd, 1, LINGER_LONG);
		scene->call = (struct call) { SYS_poll, run_receive_all, -1,
					      scene };
		call_start(&scene->call);
		break;
	case LINGER_TIMEOUT:
		pair_stall(&scene->pair);
		set_linger(scene->fd, 1, 1);
		break;
	case REFUSED:
		set_nonblocking(scene->fd, true);
		pair_stall(&scene->pair);
		set_linger(scene->fd, 1, LINGER_LONG);
		break;
	case QUEUED:
		pair_stall(&scene->pair);
		break;
	case SHARED:
		scene->other = check(dup(scene->fd));
		break;
	case IN_RECV:
		scene->call = (struct call)CALL_RECV(scene->fd);
		call_enter(&scene->call);
		break;
	case IN_POLL:
		scene->call = (struct call) { SYS_poll, run_poll, scene->fd };
		call_enter(&scene->call);
		break;
	case IN_EPOLL:
		scene->other = check(epoll_create1(EPOLL_CLOEXEC));
		check(epoll_ctl(scene->other, EPOLL_CTL_ADD, scene->fd,
				&(struct epoll_event) { .events = EPOLLIN }));
		break;
	case UNCONNECTED:
	case IDLE:
		break;
	}
}

/* A FIN or RST for which there was no memory is TCP's own loss. */
static void expect_scene_end(struct __test_metadata *_metadata, struct scene *scene,
			     enum situation situation, bool sure)
{
	struct pair *pair = &scene->pair;

	if (has_pair(situation) && situation != SHARED) {
		int state = pair_state(pair);

		EXPECT_TRUE(state != TCP_ESTABLISHED &&
			    state != TCP_CLOSE_WAIT);
	}
	switch (situation) {
	case SHARED:
		EXPECT_EQ(TCP_ESTABLISHED, tcp_state(scene->other));
		expect_works(_metadata, scene->other, pair->peer);
		break;
	case IDLE:
	case UNREAD:
	case LINGER_IDLE:
	case IN_EPOLL:
		if (sure)
			EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
		break;
	case QUEUED:	/* the FIN needs no memory here */
		expect_all(_metadata, pair);
		break;
	case HARD:
	case HARD_QUEUED:
	case LINGER_TIMEOUT:
		EXPECT_EQ(0, pair_state(pair));
		if (sure)
			EXPECT_EQ(1, wire_look(&pair->wire)->sent.rst);
		break;
	case LINGER_DRAINED:
		call_join(&scene->call);
		expect_delivered(_metadata, pair, &scene->got);
		break;
	case IN_RECV:
		EXPECT_EQ(-ECANCELED, call_join(&scene->call));
		break;
	case IN_POLL:
		EXPECT_EQ(POLLNVAL, call_join(&scene->call));
		break;
	case WITH_QUEUE:
		if (sure)
			EXPECT_EQ(END_RESET, receive_all(scene->other).ending);
		break;
	case UNCONNECTED:
	case IN_CONNECT:
	case DATAGRAM:
	case REFUSED:
		break;
	}
}

/* C15, I1 */
static void expect_refused(struct __test_metadata *_metadata,
			   struct scene *scene)
{
	struct pair *pair = &scene->pair;

	ASSERT_TRUE(fd_is_open(scene->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(scene->fd));
	expect_linger(_metadata, scene->fd, 1, LINGER_LONG);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
	set_linger(scene->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(scene->fd));
}

/* By reset, so that nothing of ours stays. */
static void scene_close(struct scene *scene, enum situation situation)
{
	if (scene->other >= 0)
		close(scene->other);
	if (has_pair(situation)) {
		scene->pair.fd = -1;
		pair_close(&scene->pair);
	}
}

TEST_F(closing, never_fails)
{
	enum situation situation = variant->situation;
	struct faults *f = &self->faults;
	struct scene scene;
	long result;

	while (faults_next(f)) {
		struct counts before = counts_look();

		scene_open(&scene, &variant->kind, situation);
		faults_arm(f);
		result = ioc_closesocket(scene.fd);
		faults_disarm(f);
		if (situation == REFUSED) {
			EXPECT_EQ(-EWOULDBLOCK, result);
			expect_refused(_metadata, &scene);
		} else {
			EXPECT_EQ(0, result)
				TH_LOG("fault %u", f->n);
			EXPECT_FALSE(fd_is_open(scene.fd));
			expect_scene_end(_metadata, &scene, situation, !f->fired);
		}
		scene_close(&scene, situation);
		wait_counts(&before);
	}
	TH_LOG("%u faults", f->n - 1);
}

/* T8: nothing is missing halfway. */
TEST_F(closing, with_a_deadline_succeeds_or_changes_nothing)
{
	struct faults *f = &self->faults;
	struct winsock_outcome outcome;
	struct pair pair;
	long result;

	if (variant->situation != QUEUED)
		return;
	while (faults_next(f)) {
		struct counts before = counts_look();

		pair_open(&pair, &variant->kind);
		pair_stall(&pair);
		faults_arm(f);
		result = ioc_close_report(pair.fd, LINGER_LONG * 1000, f->n);
		faults_disarm(f);
		expect_result(_metadata, f, result);
		if (result) {
			EXPECT_TRUE(fd_is_open(pair.fd));
			expect_untouched(_metadata, &pair);
			EXPECT_EQ(0, ioc_close_report(pair.fd,
						      LINGER_LONG * 1000,
							  f->n));
		}
		receive_all(pair.peer);
		outcome = outcome_next(winsock_device);
		EXPECT_EQ(f->n, outcome.cookie);
		EXPECT_EQ(WINSOCK_DELIVERED, outcome.result);
		pair.fd = -1;
		pair_close(&pair);
		wait_counts(&before);
	}
	/* The copy, the record, the socket, its inode. */
	expect_faults(_metadata, f, 3);
}

FIXTURE(no_socket) {
	struct faults faults;
};

FIXTURE_SETUP(no_socket)
{
	winsock_open();
	faults_open(&self->faults);
}

FIXTURE_TEARDOWN(no_socket)
{
}

/* G4: nothing can fail before that is known, nor later. */
TEST_F(no_socket, is_not_closed)
{
	struct faults *f = &self->faults;
	int pipes[2];

	check(pipe(pipes));
	while (faults_next(f)) {
		faults_arm(f);
		EXPECT_EQ(-ENOTSOCK, ioc_closesocket(pipes[0]));
		faults_disarm(f);
		EXPECT_TRUE(fd_is_open(pipes[0]));
	}
	EXPECT_EQ(1, f->n);
}

/*
 * Calls of an attached socket: the record of one that fails is taken off like
 * any other, or closesocket() would wait for it.
 */
FIXTURE(call) {
	struct faults faults;
};

FIXTURE_VARIANT(call) {
	struct kind kind;
	long (*make)(int fd);
	bool fresh;	/* not connected yet */
};

static long make_send(int fd)
{
	return result_of(send(fd, "a", 1, 0));
}

static long make_recv(int fd)
{
	char byte;

	return result_of(recv(fd, &byte, 1, 0));
}

static struct sockaddr_storage listening;
static socklen_t listening_len;

static long make_connect(int fd)
{
	return result_of(connect(fd, (struct sockaddr *)&listening,
				 listening_len));
}

static long make_poll(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return result_of(poll(&pfd, 1, WAIT_MS));
}

#define CALLING(family, nonblocking, make, fresh)			\
	{ { family, true, nonblocking }, make, fresh }

FIXTURE_VARIANT_ADD(call, send)
	CALLING(AF_INET, false, make_send, false);
FIXTURE_VARIANT_ADD(call, send_nonblocking)
	CALLING(AF_INET6, true, make_send, false);
FIXTURE_VARIANT_ADD(call, recv)
	CALLING(AF_INET6, false, make_recv, false);
FIXTURE_VARIANT_ADD(call, connect)
	CALLING(AF_INET, false, make_connect, true);
FIXTURE_VARIANT_ADD(call, connect_ipv6)
	CALLING(AF_INET6, false, make_connect, true);
FIXTURE_VARIANT_ADD(call, poll)
	CALLING(AF_INET, false, make_poll, false);

FIXTURE_SETUP(call)
{
	netns_enter();
	winsock_open();
	faults_open(&self->faults);
}

FIXTURE_TEARDOWN(call)
{
}

/* TCP's own: no memory for a SYN, no room for a nonblocking send. */
static bool is_calls_own(long result)
{
	return result == -EAGAIN || result == -ENOBUFS;
}

TEST_F(call, that_fails_leaves_the_socket)
{
	struct faults *f = &self->faults;
	int listener;

	listener = check(socket(variant->kind.family, SOCK_STREAM, 0));
	listen_loopback(listener, variant->kind.family, 4, &listening,
			&listening_len);
	while (faults_next(f)) {
		struct counts before = counts_look();
		int fd = kind_socket(&variant->kind, SOCK_STREAM), peer = -1;
		long result;

		if (!variant->fresh) {
			connect_to(fd, &listening, listening_len);
			peer = check(accept(listener, NULL, NULL));
			check(send(peer, "b", 1, 0));
			wait_ready(fd, POLLIN);
		}
		faults_arm(f);
		result = variant->make(fd);
		faults_disarm(f);
		if (!f->fired || !is_calls_own(result))
			expect_result(_metadata, f, result);

		set_linger(fd, 1, 0);
		EXPECT_EQ(0, ioc_closesocket(fd));
		if (variant->fresh) {
			set_nonblocking(listener, true);
			peer = accept(listener, NULL, NULL);
			set_nonblocking(listener, false);
		}
		close(peer);
		wait_counts(&before);
	}
	TH_LOG("%u faults", f->n - 1);
}

/*
 * The module itself, in the two namespaces that there are.  Its init comes after
 * a hundred allocations of the loader and of others, not all of which can bear a
 * failure; so all are counted first, and the last ones made to fail, down to
 * where none is ours any more.  The log says whose it was.  It also says "Call Trace:",
 * and others complain in it too, which the test kernel would take for failures:
 * so warnings are kept off the console, and the log is looked through for worse.
 */
FIXTURE(module) {
	struct faults faults;
	int log;
};

#define CONSOLE_ERRORS	4
#define CONSOLE_ALL	7

static void console_level(int level)
{
	check(klogctl(8, NULL, level));
}

static void faults_verbose(bool on)
{
	const char *level = on ? "2" : "0";

	put_line("/sys/kernel/debug/failslab/verbose", level);
	put_line("/sys/kernel/debug/fail_page_alloc/verbose", level);
	put_line("/sys/kernel/debug/fail_usercopy/verbose", level);
}

FIXTURE_SETUP(module)
{
	netns_enter();
	faults_open(&self->faults);
	self->log = check(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	check(lseek(self->log, 0, SEEK_END));
	console_level(CONSOLE_ERRORS);
	faults_verbose(true);
}

FIXTURE_TEARDOWN(module)
{
	faults_verbose(false);
	console_level(CONSOLE_ALL);
	if (module_references() < 0)
		EXPECT_EQ(0, module_insert());
}

/* Read on to the end: is one of our functions named, is there a real complaint? */
static bool log_names_us(struct __test_metadata *_metadata, int log)
{
	static const char * const bad[] = {
		"BUG", "WARNING:", "KASAN", "UBSAN", "ODEBUG", "INFO:",
		"refcount_t", "suspicious", "sleeping function", "lock held",
	};
	bool named = false;
	char text[8192];
	unsigned int i;
	ssize_t len;

	for (;;) {
		len = read(log, text, sizeof(text) - 1);
		if (len < 0 && errno == EAGAIN)
			return named;
		text[check(len)] = 0;
		named = named || strstr(text, "[winsock]");
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			EXPECT_EQ(NULL, strstr(text, bad[i]))
				TH_LOG("%s", text);
	}
}

static bool device_exists(void)
{
	struct stat st;

	return !stat(WINSOCK_DEVICE, &st);
}

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
/* It believes in a leak that is older than this. */
#define KMEMLEAK_MS	5500

/*
 * kmem_cache_create() loses the name of a cache that it cannot show in sysfs.
 * Such leaks are taken out of the list, so that the test kernel finds the others.
 */
static void expect_no_leaks_but(struct __test_metadata *_metadata,
				const char *whose)
{
	bool known = true;
	char line[256];
	FILE *f;

	if (access(KMEMLEAK, F_OK))
		return;
	put_line(KMEMLEAK, "scan");
	usleep(KMEMLEAK_MS * 1000);
	put_line(KMEMLEAK, "scan");
	f = fopen(KMEMLEAK, "r");
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "unreferenced object")) {
			EXPECT_TRUE(known);
			known = false;
		}
		known = known || strstr(line, whose);
		if (!known)
			TH_LOG("%s", line);
	}
	EXPECT_TRUE(known);
	fclose(f);
	put_line(KMEMLEAK, "clear");
}

/* So many in a row that are not ours, and the rest is not either. */
#define FOREIGN	24

TEST_F_TIMEOUT(module, loads_or_is_not_there, 600)
{
	struct faults *f = &self->faults;
	unsigned int ours = 0, foreign = 0;
	int result, fd;

	if (module_is_built_in())
		SKIP(return, "kernel: the module is built in");
	fd = check(socket(AF_INET, SOCK_STREAM, 0));
	wait_until(module_references() == 0 && !module_remove());
	/* Once for the caches. */
	ASSERT_EQ(0, module_insert());
	wait_until(!module_remove());
	f->n = MANY;
	faults_arm(f);
	ASSERT_EQ(0, module_insert());
	f->n -= faults_left(f);
	faults_disarm(f);
	wait_until(!module_remove());

	for (; f->n && foreign < FOREIGN; f->n--) {
		faults_arm(f);
		result = module_insert();
		faults_disarm(f);
		expect_result(_metadata, f, result);
		if (result) {
			EXPECT_EQ(-1, module_references());
			EXPECT_FALSE(device_exists());
			EXPECT_NE(0, access("/proc/net/winsock_stat", F_OK));
		} else {
			wait_until(!module_remove());
		}
		if (log_names_us(_metadata, self->log)) {
			ours++;
			foreign = 0;
		} else if (ours) {
			foreign++;
		}
	}
	/* Sockets to learn from, counters, the ULP, the device. */
	EXPECT_LE(20, ours);
	TH_LOG("%u faults", ours);

	EXPECT_EQ(-ENOENT, winsock_attach(fd));
	EXPECT_EQ(0, module_insert());
	EXPECT_EQ(0, winsock_attach(fd));
	EXPECT_EQ(0, close(fd));
	expect_no_leaks_but(_metadata, "kmem_cache_create");
}

int main(int argc, char **argv)
{
	if (access(FAIL_NTH, W_OK))
		ksft_exit_skip("kernel: no CONFIG_FAULT_INJECTION\n");
	return test_harness_run(argc, argv);
}
