// SPDX-License-Identifier: GPL-2.0
/*
 * Who else has the socket that is closed while calls are pending, or wants its
 * number: other processes and tasks, descriptors in flight, mappings, racing calls.
 * C15, G4, G5, I1, I2 and P11.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "support/suite.h"

FIXTURE(owners) {
	struct pair pair;
};

FIXTURE_VARIANT(owners) {
	struct kind kind;
};

KINDS_ATTACHED(owners);

FIXTURE_SETUP(owners)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(owners);

/* How another process came by the socket. */
enum arrival {
	BY_FORK,
	BY_SCM_RIGHTS,
	BY_PIDFD_GETFD,
};

/* In the child: its own descriptor of the socket. */
static int obtain(enum arrival arrival, int via, int fd)
{
	int pidfd;

	switch (arrival) {
	case BY_SCM_RIGHTS:
		close(fd);
		return rights_receive(via);
	case BY_PIDFD_GETFD:
		close(fd);
		pidfd = check(syscall(SYS_pidfd_open, getppid(), 0));
		return check(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
	default:
		return fd;
	}
}

FIXTURE(shared) {
	struct pair pair;
	struct call call;
	int via[2];
};

FIXTURE_VARIANT(shared) {
	struct kind kind;
	enum arrival arrival;
};

#define SHARED(family, arrival)	{ { family, true, false }, arrival }

FIXTURE_VARIANT_ADD(shared, by_fork)
	SHARED(AF_INET, BY_FORK);
FIXTURE_VARIANT_ADD(shared, by_fork_ipv6)
	SHARED(AF_INET6, BY_FORK);
FIXTURE_VARIANT_ADD(shared, by_scm_rights)
	SHARED(AF_INET, BY_SCM_RIGHTS);
FIXTURE_VARIANT_ADD(shared, by_pidfd_getfd)
	SHARED(AF_INET, BY_PIDFD_GETFD);

FIXTURE_SETUP(shared)
{
	pair_setup(&self->pair, &variant->kind);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->via));
	self->call = (struct call)CALL_RECV(self->pair.fd);
}

PAIR_TEARDOWN(shared);

/* A child that makes a call on the socket; 0 in the child. */
static pid_t share(struct pair *pair, enum arrival arrival, int via[2])
{
	pid_t pid = child_fork();

	if (!pid) {
		close(pair->peer);
		pair->fd = obtain(arrival, via[1], pair->fd);
		return 0;
	}
	if (arrival == BY_SCM_RIGHTS)
		rights_send(via[0], pair->fd);
	return pid;
}

/* P11, G5 */
TEST_F(shared, call_of_the_other_process_continues_and_gets_its_data)
{
	struct pair *pair = &self->pair;
	pid_t child = share(pair, variant->arrival, self->via);

	if (!child) {
		self->call.fd = pair->fd;
		_exit(run_recv(&self->call) == 1 ? 0 : 1);
	}
	task_wait_inside(child, SYS_recvfrom);
	call_enter(&self->call);

	close_expecting(_metadata, pair->fd, &self->call, 1);
	EXPECT_TRUE(task_stays(child, SYS_recvfrom));
	expect_untouched(_metadata, pair);

	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	child_join(child);
	expect_eof(_metadata, pair, 0);
}

/* P11: a new call of the other process is as good as one under way. */
TEST_F(shared, other_process_can_still_send_and_receive)
{
	struct pair *pair = &self->pair;
	pid_t child = share(pair, variant->arrival, self->via);

	if (!child) {
		char byte;

		/* "Go" comes when the parent has closed the socket. */
		check(recv(self->via[1], &byte, 1, 0));
		pair_send(pair, 1000);
		_exit(recv(pair->fd, &byte, 1, 0) == 1 ? 0 : 1);
	}
	if (variant->arrival != BY_FORK)
		wait_until(task_inside(child, SYS_recvfrom));
	call_enter(&self->call);
	close_expecting(_metadata, pair->fd, &self->call, 1);
	ASSERT_EQ(1, send(self->via[0], "", 1, 0));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	child_join(child);
	expect_eof(_metadata, pair, 1000);
}

/* P11: each process cancels its own, the last one also closes. */
TEST_F(shared, each_process_cancels_its_own_calls)
{
	struct pair *pair = &self->pair;
	pid_t child = share(pair, variant->arrival, self->via);

	if (!child) {
		self->call.fd = pair->fd;
		call_enter(&self->call);
		check(send(self->via[1], "", 1, 0));
		check(recv(self->via[1], &(char){ 0 }, 1, 0));
		if (!call_stays(&self->call))
			fail("the parent has cancelled its child's call");
		if (ioc_closesocket(pair->fd))
			fail("closesocket in the child");
		_exit(call_join(&self->call) == -ECANCELED ? 0 : 1);
	}
	check(recv(self->via[0], &(char){ 0 }, 1, 0));
	call_enter(&self->call);
	close_expecting(_metadata, pair->fd, &self->call, 1);
	expect_untouched(_metadata, pair);
	ASSERT_EQ(1, send(self->via[0], "", 1, 0));
	child_join(child);
	expect_eof(_metadata, pair, 0);
}

/*
 * P11: recvmmsg(2) leaves the error that ended it after its first message in
 * the socket, for the next call to find; the other process must not.
 */
TEST_F(shared, other_process_never_sees_an_error_that_cancelling_made)
{
	struct pair *pair = &self->pair;
	struct call call = { SYS_recvmmsg, run_recvmmsg, pair->fd };
	pid_t child = share(pair, variant->arrival, self->via);

	if (!child) {
		int error = 0;
		socklen_t len = sizeof(error);

		check(recv(self->via[1], &(char){ 0 }, 1, 0));
		check(getsockopt(pair->fd, SOL_SOCKET, SO_ERROR, &error, &len));
		if (error)
			fail("SO_ERROR: %s", strerror(error));
		_exit(0);
	}
	if (variant->arrival != BY_FORK)
		wait_until(task_inside(child, SYS_recvfrom));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	call_enter(&call);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(1, call_join(&call));
	ASSERT_EQ(1, send(self->via[0], "", 1, 0));
	child_join(child);
	pair->fd = -1;
}

/* P11 */
TEST_F(shared, stopped_process_that_shares_it_gets_its_data_later)
{
	struct pair *pair = &self->pair;
	pid_t child = share(pair, variant->arrival, self->via);
	siginfo_t info;

	if (!child) {
		self->call.fd = pair->fd;
		_exit(run_recv(&self->call) == 1 ? 0 : 1);
	}
	task_wait_inside(child, SYS_recvfrom);
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(0, waitid(P_PID, child, &info, WSTOPPED | WNOWAIT));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	expect_untouched(_metadata, pair);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	ASSERT_EQ(0, kill(child, SIGCONT));
	child_join(child);
	expect_eof(_metadata, pair, 0);
}

TEST_F(owners, task_that_shares_the_descriptors_is_of_this_process)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	pid_t child = clone_files();

	if (!child)
		_exit(run_recv(&call) == -ECANCELED ? 0 : 1);
	task_wait_inside(child, SYS_recvfrom);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(task_inside(child, SYS_recvfrom));
	child_join(child);
	expect_eof(_metadata, pair, 0);
}

static long run_unshared_recv(struct call *call)
{
	check(unshare(CLONE_FILES));
	return run_recv(call);
}

/* G5, P11: its descriptors are its own, and so is its call. */
TEST_F(owners, thread_that_unshared_its_descriptors_continues)
{
	struct pair *pair = &self->pair;
	struct call unshared = { SYS_recvfrom, run_unshared_recv, pair->fd };
	struct call call = CALL_RECV(pair->fd);

	call_enter(&unshared);
	call_enter(&call);
	close_expecting(_metadata, pair->fd, &call, 1);
	EXPECT_TRUE(call_stays(&unshared));
	expect_untouched(_metadata, pair);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	EXPECT_EQ(1, call_join(&unshared));
	expect_eof(_metadata, pair, 0);
}

/* G5: a message that nobody has received yet is another descriptor. */
TEST_F(owners, descriptor_in_flight_keeps_the_connection)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	int via[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, via));
	rights_send(via[0], pair->fd);
	call_enter(&call);
	/* In flight is nobody's, so P2 applies. */
	close_expecting(_metadata, pair->fd, &call, 1);
	expect_untouched(_metadata, pair);

	/* What arrives is the socket as it was. */
	fd = rights_receive(via[1]);
	pair->fd = fd;
	pair_send(pair, 1000);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	call = (struct call)CALL_RECV(fd);
	call_start(&call);
	EXPECT_EQ(1, call_join(&call));
	call_enter(&call);
	close_expecting(_metadata, fd, &call, 1);
	expect_eof(_metadata, pair, 1000);
}

/* G5: and when nobody ever does, the connection ends as its row says. */
TEST_F(owners, descriptor_in_flight_that_is_dropped_closes_the_connection)
{
	struct pair *pair = &self->pair;
	int via[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, via));
	rights_send(via[0], pair->fd);
	pair_send(pair, 1000);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	set_linger(pair->fd, 1, LINGER_LONG);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	expect_untouched(_metadata, pair);
	close(via[0]);
	close(via[1]);
	/* U1 as well: the unread byte turns nothing into a reset. */
	expect_eof(_metadata, pair, 1000);
}

/* G5: a mapping is another descriptor. */
TEST_F(owners, mapping_of_the_socket_keeps_the_connection)
{
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	size_t size = sysconf(_SC_PAGESIZE);
	void *map;

	map = mmap(NULL, size, PROT_READ, MAP_SHARED, pair->fd, 0);
	if (map == MAP_FAILED)
		SKIP(return, "kernel: no mmap(2) of TCP sockets");
	call_enter(&call);
	close_expecting(_metadata, pair->fd, &call, 1);
	expect_untouched(_metadata, pair);
	ASSERT_EQ(0, munmap(map, size));
	expect_eof(_metadata, pair, 0);
}

/* I2: the number is reserved while closesocket() waits. */
TEST_F(owners, descriptor_is_not_reused_during_the_wait)
{
	struct pair *pair = &self->pair;
	int fds[16], fd = pair->fd;
	struct closer closer;
	unsigned int i;
	pid_t child;

	set_linger(fd, 1, LINGER_LONG);
	pair_stall(pair);
	closer_start(&closer, ioc_closesocket, fd);
	closer_wait_asleep(&closer);

	EXPECT_EQ(-1, recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-EBADF, ioc_closesocket(fd));
	EXPECT_EQ(-EBADF, native_close(fd));
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = i % 2 ? check(open("/dev/null", O_RDONLY)) :
				 check(socket(AF_INET, SOCK_STREAM, 0));
		EXPECT_NE(fd, fds[i]);
	}
	EXPECT_EQ(-1, dup2(fds[0], fd));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_NE(fd, fcntl(fds[0], F_DUPFD, fd));

	/* In a child the number is simply free. */
	child = child_fork();
	if (!child)
		_exit(!fd_is_open(fd) && fcntl(fds[0], F_DUPFD, fd) == fd ?
		      0 : 1);
	child_join(child);

	EXPECT_FALSE(closer_done(&closer));
	expect_eof(_metadata, pair, pair->sent);
	EXPECT_EQ(0, closer_join(&closer));
	EXPECT_EQ(fd, fcntl(fds[0], F_DUPFD, fd));
}

/* Its poll(2) holds a reference, too: a library that knows of it says so. */
static long run_poll(struct call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLLIN };

	return result_of(syscall(SYS_ppoll, &pfd, 1, NULL, NULL, 0)) < 0 ?
	       -errno : pfd.revents;
}

#define CALL_POLL(fd)	{ SYS_ppoll, run_poll, fd }

/* C15, I1 */
TEST_F(owners, refuses_although_a_thread_polls_when_passed_as_pending)
{
	struct pair *pair = &self->pair;
	struct call poll = CALL_POLL(pair->fd), recv = CALL_RECV(pair->fd);
	unsigned int i;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	/* Reads block by then; O_NONBLOCK is looked at when they begin. */
	call_enter(&recv);
	set_nonblocking(pair->fd, true);
	call_enter(&poll);

	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket_pending(pair->fd, 1));
	EXPECT_TRUE(call_stays(&poll));
	EXPECT_TRUE(call_stays(&recv));
	expect_untouched(_metadata, pair);

	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	EXPECT_EQ(1, call_join(&recv));
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	EXPECT_EQ(POLLIN, call_join(&poll));
}

/* G5: a poll() nobody counted passes for another descriptor: no data lost. */
TEST_F(owners, too_low_a_count_closes_gracefully)
{
	struct pair *pair = &self->pair;
	struct call poll = CALL_POLL(pair->fd);

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	set_nonblocking(pair->fd, true);
	call_enter(&poll);
	EXPECT_EQ(0, ioc_closesocket_pending(pair->fd, 0));
	EXPECT_FALSE(fd_is_open(pair->fd));
	EXPECT_EQ(POLLNVAL, call_join(&poll));
	expect_eof(_metadata, pair, pair->sent);
	pair->fd = -1;
}

/* Too high a count can only refuse, and what it refuses is untouched. */
TEST_F(owners, too_high_a_count_only_refuses)
{
	static const unsigned int counts[] = { 1, 2, 1000, 0x7fffffff, ~0U };
	struct pair *pair = &self->pair;
	struct call call = CALL_RECV(pair->fd);
	unsigned int i;
	int other;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	call_enter(&call);
	set_nonblocking(pair->fd, true);
	other = check(dup(pair->fd));
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		EXPECT_EQ(-EWOULDBLOCK,
			  ioc_closesocket_pending(pair->fd, counts[i]));
		EXPECT_TRUE(fd_is_open(pair->fd));
	}
	EXPECT_TRUE(call_stays(&call));
	expect_untouched(_metadata, pair);

	/* Where there is nothing to refuse it means nothing. */
	set_linger(pair->fd, 0, 0);
	EXPECT_EQ(0, ioc_closesocket_pending(pair->fd, ~0U));
	expect_untouched(_metadata, pair);
	EXPECT_TRUE(call_stays(&call));
	EXPECT_EQ(0, ioc_closesocket_pending(other, ~0U));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	expect_eof(_metadata, pair, pair->sent);
}

/* The other of two who want the same number at the same time. */
struct racer {
	pthread_t thread;
	int (*call)(int fd);
	int fd;
	int result;
	unsigned int go;
	unsigned int done;
};

#define RACES	1000

static void *racer_run(void *arg)
{
	struct racer *racer = arg;
	unsigned int round;

	for (round = 1; round <= RACES; round++) {
		while (__atomic_load_n(&racer->go, __ATOMIC_ACQUIRE) != round)
			;
		racer->result = racer->call(racer->fd);
		__atomic_store_n(&racer->done, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int race(struct racer *racer, unsigned int round, int fd)
{
	int result;

	racer->fd = fd;
	__atomic_store_n(&racer->go, round, __ATOMIC_RELEASE);
	result = ioc_closesocket(fd);
	wait_until(__atomic_load_n(&racer->done, __ATOMIC_ACQUIRE) == round);
	return result;
}

static int stranger;

static int dup2_stranger(int fd)
{
	return dup2(stranger, fd) < 0 ? -errno : 0;
}

static bool is_stranger(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

FIXTURE(close_race) {
	struct racer racer;
};

FIXTURE_VARIANT(close_race) {
	int (*call)(int fd);
};

#define RACER(call)	{ call }

FIXTURE_VARIANT_ADD(close_race, closesocket)
	RACER(ioc_closesocket);
FIXTURE_VARIANT_ADD(close_race, close_2)
	RACER(native_close);

FIXTURE_SETUP(close_race)
{
	netns_enter();
	winsock_open();
	self->racer.call = variant->call;
	errno = pthread_create(&self->racer.thread, NULL, racer_run,
			       &self->racer);
	check(errno ? -1 : 0);
}

FIXTURE_TEARDOWN(close_race)
{
}

/* G4, I2 */
TEST_F(close_race, exactly_one_closes_and_the_other_gets_ebadf)
{
	unsigned int round;

	for (round = 1; round <= RACES; round++) {
		int fd = ioc_socket(AF_INET, SOCK_STREAM, 0);
		int mine;

		ASSERT_LE(0, fd);
		mine = race(&self->racer, round, fd);
		ASSERT_EQ(-EBADF, mine + self->racer.result);
		ASSERT_FALSE(fd_is_open(fd));
	}
	pthread_join(self->racer.thread, NULL);
}

/* I2: what dup2() has put there stays there. */
TEST(a_file_that_reuses_the_descriptor_is_never_closed)
{
	struct racer racer = { .call = dup2_stranger };
	unsigned int round;

	winsock_open();
	stranger = check(open("/dev/null", O_RDONLY));
	ASSERT_EQ(0, pthread_create(&racer.thread, NULL, racer_run, &racer));
	for (round = 1; round <= RACES; round++) {
		int fd = ioc_socket(AF_INET, SOCK_STREAM, 0);
		int mine;

		ASSERT_LE(0, fd);
		mine = race(&racer, round, fd);
		if (racer.result) {
			ASSERT_EQ(-EBUSY, racer.result);
			ASSERT_EQ(0, mine);
			ASSERT_FALSE(fd_is_open(fd));
			continue;
		}
		ASSERT_TRUE(!mine || mine == -EBADF || mine == -ENOTSOCK);
		ASSERT_TRUE(is_stranger(fd));
		ASSERT_EQ(0, close(fd));
	}
	pthread_join(racer.thread, NULL);
}

static void *run_busily(void *arg)
{
	struct pair *pair = arg;
	char byte;
	int fd;

	while ((fd = __atomic_load_n(&pair->fd, __ATOMIC_ACQUIRE)) != -2)
		if (fd >= 0)
			recv(fd, &byte, 1, MSG_DONTWAIT);
	return NULL;
}

/*
 * C4 while another thread is in a call that does not wait and has no record: it is
 * given a moment, or the reset would leave only when that call returns.  Where the
 * machine is busy a thread may be kept from running for longer than that.
 */
TEST_F(owners, calls_that_do_not_wait_do_not_make_a_descriptor_a_shared_one)
{
	struct pair *pair = &self->pair, target = { .fd = -1 };
	struct kind kind = pair->kind;
	unsigned int i, late = 0;
	pthread_t threads[2];

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run_busily,
					    &target));
	for (i = 0; i < 200; i++) {
		set_linger(pair->fd, 1, 0);
		__atomic_store_n(&target.fd, pair->fd, __ATOMIC_RELEASE);
		usleep(100);
		EXPECT_EQ(0, ioc_closesocket(pair->fd));
		late += !wire_look(&pair->wire)->sent.rst;
		__atomic_store_n(&target.fd, -1, __ATOMIC_RELEASE);
		pair->fd = -1;
		pair_close(pair);
		pair_open(pair, &kind);
	}
	__atomic_store_n(&target.fd, -2, __ATOMIC_RELEASE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	EXPECT_GT(10, late);
}

TEST_HARNESS_MAIN
