// SPDX-License-Identifier: GPL-2.0
/* More than one reference to a socket, and more than one thread at a close. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "support/suite.h"

#define UNREAD	"unread"

/* Who else refers to the socket. */
enum hold {
	HOLD_DUP,	/* a second number in this process */
	HOLD_CHILD,	/* the child of a fork */
	HOLD_FLIGHT,	/* SCM_RIGHTS that nobody has received yet */
	HOLD_STRANGER,	/* a process that has received it by SCM_RIGHTS */
};

struct holder {
	enum hold hold;
	int fd;		/* its number, in the process that has it */
	int rights[2];	/* socket pair for SCM_RIGHTS */
	int order[2];	/* pipe to the other process, */
	int answer[2];	/* and from it */
	pid_t pid;
};

/* What was unread at the first close must still be there for the last. */
static int last_close(int fd)
{
	char buf[sizeof(UNREAD)];

	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) != sizeof(UNREAD) ||
	    memcmp(buf, UNREAD, sizeof(UNREAD)))
		return -EBADMSG;
	return ioc_closesocket(fd);
}

/* The other process: ready, then an answer for each order. */
static void holder_serve(struct holder *holder, struct pair *pair)
{
	int result = 0;
	char byte;

	if (holder->hold == HOLD_STRANGER) {
		close(pair->fd);
		holder->fd = rights_receive(holder->rights[1]);
	}
	close(holder->order[1]);
	close(pair->peer);
	close(pair->wire.fd);
	do {
		check(write(holder->answer[1], &result, sizeof(result)));
		if (check(read(holder->order[0], &byte, 1)) != 1)
			break;
		result = last_close(holder->fd);
	} while (1);
	_exit(0);
}

static int holder_answer(struct holder *holder)
{
	int result;

	wait_ready(holder->answer[0], POLLIN);
	check(read(holder->answer[0], &result, sizeof(result)));
	return result;
}

static void holder_start(struct holder *holder, enum hold hold,
			 struct pair *pair)
{
	memset(holder, 0, sizeof(*holder));
	holder->hold = hold;
	holder->fd = pair->fd;
	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, holder->rights));
	check(pipe(holder->order));
	check(pipe(holder->answer));

	if (hold == HOLD_DUP)
		holder->fd = check(dup(pair->fd));
	if (hold == HOLD_FLIGHT || hold == HOLD_STRANGER)
		rights_send(holder->rights[0], pair->fd);
	if (hold == HOLD_CHILD || hold == HOLD_STRANGER) {
		holder->pid = check(fork());
		if (!holder->pid)
			holder_serve(holder, pair);
		close(holder->order[0]);
		holder_answer(holder);
	}
}

/* The last reference calls closesocket(). */
static int holder_close(struct holder *holder)
{
	if (!holder->pid) {
		if (holder->hold == HOLD_FLIGHT)
			holder->fd = rights_receive(holder->rights[1]);
		return last_close(holder->fd);
	}
	check(write(holder->order[1], "x", 1));
	return holder_answer(holder);
}

static void holder_end(struct holder *holder)
{
	if (!holder->pid) {
		close(holder->fd);
		return;
	}
	close(holder->order[1]);
	child_join(holder->pid);
}

FIXTURE(shared) {
	struct pair pair;
	struct holder holder;
};

/* The interval is short: it is the last close that waits for it. */
FIXTURE_VARIANT(shared) {
	enum hold hold;
	struct linger linger;
	bool nonblocking;
};

#define SHARED(hold, onoff, seconds, nonblocking)			\
	{ hold, { onoff, seconds }, nonblocking }

FIXTURE_VARIANT_ADD(shared, dup_no_linger)
	SHARED(HOLD_DUP, 0, 0, false);
FIXTURE_VARIANT_ADD(shared, dup_linger_zero)
	SHARED(HOLD_DUP, 1, 0, false);
FIXTURE_VARIANT_ADD(shared, dup_linger_blocking)
	SHARED(HOLD_DUP, 1, 1, false);
FIXTURE_VARIANT_ADD(shared, dup_linger_nonblocking)
	SHARED(HOLD_DUP, 1, 1, true);
FIXTURE_VARIANT_ADD(shared, child_no_linger)
	SHARED(HOLD_CHILD, 0, 0, true);
FIXTURE_VARIANT_ADD(shared, child_linger_zero)
	SHARED(HOLD_CHILD, 1, 0, true);
FIXTURE_VARIANT_ADD(shared, child_linger_blocking)
	SHARED(HOLD_CHILD, 1, 1, false);
FIXTURE_VARIANT_ADD(shared, child_linger_nonblocking)
	SHARED(HOLD_CHILD, 1, 1, true);
FIXTURE_VARIANT_ADD(shared, flight_no_linger)
	SHARED(HOLD_FLIGHT, 0, 0, false);
FIXTURE_VARIANT_ADD(shared, flight_linger_zero)
	SHARED(HOLD_FLIGHT, 1, 0, true);
FIXTURE_VARIANT_ADD(shared, flight_linger_blocking)
	SHARED(HOLD_FLIGHT, 1, 1, false);
FIXTURE_VARIANT_ADD(shared, flight_linger_nonblocking)
	SHARED(HOLD_FLIGHT, 1, 1, true);
FIXTURE_VARIANT_ADD(shared, stranger_no_linger)
	SHARED(HOLD_STRANGER, 0, 0, true);
FIXTURE_VARIANT_ADD(shared, stranger_linger_zero)
	SHARED(HOLD_STRANGER, 1, 0, false);
FIXTURE_VARIANT_ADD(shared, stranger_linger_blocking)
	SHARED(HOLD_STRANGER, 1, 1, false);
FIXTURE_VARIANT_ADD(shared, stranger_linger_nonblocking)
	SHARED(HOLD_STRANGER, 1, 1, true);

FIXTURE_SETUP(shared)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(shared)
{
}

static void share(struct pair *pair, struct holder *holder,
		  const struct kind *kind, const struct linger *linger,
		  enum hold hold, enum load load)
{
	pair_open(pair, kind);
	set_linger(pair->fd, linger->l_onoff, linger->l_linger);
	check(send(pair->peer, UNREAD, sizeof(UNREAD), 0));
	wait_ready(pair->fd, POLLIN);
	pair_arrange(pair, load, TCP_ESTABLISHED);
	holder_start(holder, hold, pair);
}

/* G5: not a packet but data and acknowledgments, no wait, no refusal. */
static void first_close(struct __test_metadata *_metadata, struct pair *pair)
{
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	/* A linger wait would have begun the shutdown. */
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
}

static void idle(struct __test_metadata *_metadata, const struct kind *kind,
		 enum hold hold, const struct linger *linger)
{
	bool hard = linger->l_onoff && !linger->l_linger;
	struct holder holder;
	struct received got;
	struct pair pair;

	share(&pair, &holder, kind, linger, hold, LOAD_NONE);
	first_close(_metadata, &pair);

	ASSERT_EQ(0, holder_close(&holder));
	wire_look(&pair.wire);
	EXPECT_EQ(!hard, !!pair.wire.sent.fin);
	EXPECT_EQ(hard, !!pair.wire.sent.rst);
	got = receive_all(pair.peer);
	EXPECT_EQ(0, got.bytes);
	EXPECT_EQ(hard ? END_RESET : END_EOF, got.ending);
	holder_end(&holder);
	pair_close(&pair);
}

static void loaded(struct __test_metadata *_metadata, const struct kind *kind,
		   enum hold hold, const struct linger *linger)
{
	bool wait = linger->l_onoff && linger->l_linger && !kind->nonblocking;
	bool refuse = linger->l_onoff && linger->l_linger && kind->nonblocking;
	struct holder holder;
	struct pair pair;
	long start;

	share(&pair, &holder, kind, linger, hold, LOAD_STALLED);
	first_close(_metadata, &pair);

	start = now_ms();
	ASSERT_EQ(refuse ? -EWOULDBLOCK : 0, holder_close(&holder));
	wire_look(&pair.wire);
	if (refuse) {
		EXPECT_EQ(0, pair.wire.sent.fin);
		EXPECT_EQ(0, pair.wire.sent.rst);
		EXPECT_EQ(TCP_ESTABLISHED, pair_state(&pair));
	} else if (linger->l_onoff) {
		EXPECT_LE(1, pair.wire.sent.rst);
		if (wait)
			EXPECT_LE(1000, now_ms() - start);
		EXPECT_EQ(0, pair_state(&pair));
		EXPECT_EQ(END_RESET, receive_all(pair.peer).ending);
	} else {
		expect_eof(_metadata, &pair, pair.sent);
	}
	holder_end(&holder);
	pair_close(&pair);
}

/* G5, then C1, C4, C7 or C14 */
TEST_F(shared, idle_attached_socket_is_closed_by_its_last_reference)
{
	struct kind kind = { AF_INET, true, variant->nonblocking };

	idle(_metadata, &kind, variant->hold, &variant->linger);
}

/* G5, then C1, C4, C7 or C14 */
TEST_F(shared, idle_plain_socket_is_closed_by_its_last_reference)
{
	struct kind kind = { AF_INET6, false, variant->nonblocking };

	idle(_metadata, &kind, variant->hold, &variant->linger);
}

/* G5, then C1, C4, C9 or C15 */
TEST_F(shared, loaded_attached_socket_is_closed_by_its_last_reference)
{
	struct kind kind = { AF_INET6, true, variant->nonblocking };

	loaded(_metadata, &kind, variant->hold, &variant->linger);
}

/* G5, then C1, C4, C9 or C15 */
TEST_F(shared, loaded_plain_socket_is_closed_by_its_last_reference)
{
	struct kind kind = { AF_INET, false, variant->nonblocking };

	loaded(_metadata, &kind, variant->hold, &variant->linger);
}

/* Gives its copy up as soon as the parent's number is empty. */
static void pass_by(const struct pair *pair, int ready)
{
	char path[64], target[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), pair->fd);
	close(pair->peer);
	close(pair->wire.fd);
	check(write(ready, "", 1));
	while (readlink(path, target, sizeof(target)) > 0)
		;
	close(pair->fd);
	_exit(0);
}

/* Did a closesocket() wait and reset, though another had the socket at first? */
static bool outlasts_passing_reference(const struct kind *kind)
{
	struct pair pair;
	bool reset;
	int ready[2];
	pid_t child;

	pair_open(&pair, kind);
	set_linger(pair.fd, 1, 1);
	pair_stall(&pair);
	check(pipe(ready));
	child = child_fork();
	if (!child)
		pass_by(&pair, ready[1]);
	check(read(ready[0], &(char){ 0 }, 1));
	check(ioc_closesocket(pair.fd));
	reset = wire_look(&pair.wire)->sent.rst;
	pair.fd = -1;
	child_join(child);
	close(ready[0]);
	close(ready[1]);
	pair_close(&pair);
	return reset;
}

/*
 * C9: a reference that is about to go does not make the socket a shared one.  On
 * a busy machine the other process may be too late, but not each time.
 */
TEST(reference_that_goes_at_once_does_not_share)
{
	const struct kind kind = { AF_INET, true, false };
	bool seen = false;
	int i;

	netns_enter();
	winsock_open();
	for (i = 0; i < 30 && !seen; i++)
		seen = outlasts_passing_reference(&kind);
	EXPECT_TRUE(seen);
}

FIXTURE(counted) {
	struct pair pair;
	struct holder holder;
};

FIXTURE_VARIANT(counted) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(counted, ipv4_attached)
	KIND(AF_INET, true, true);
FIXTURE_VARIANT_ADD(counted, ipv6_plain)
	KIND(AF_INET6, false, true);

FIXTURE_SETUP(counted)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(counted)
{
	holder_end(&self->holder);
	pair_close(&self->pair);
}

/* G5: what a caller says about its own requests cannot harm another process. */
TEST_F(counted, wrong_pending_does_not_reset_what_another_process_shares)
{
	static const struct linger hard = { 1, 0 };
	struct pair *pair = &self->pair;

	share(pair, &self->holder, &variant->kind, &hard, HOLD_CHILD,
	      LOAD_STALLED);
	ASSERT_EQ(0, ioc_closesocket_pending(pair->fd, UINT_MAX));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
}

/* G5: neither the wait nor its shutdown */
TEST_F(counted, wrong_pending_does_not_begin_a_wait)
{
	static const struct linger interval = { 1, 1 };
	struct kind blocking = variant->kind;
	struct pair *pair = &self->pair;

	blocking.nonblocking = false;
	share(pair, &self->holder, &blocking, &interval, HOLD_CHILD,
	      LOAD_STALLED);
	ASSERT_EQ(0, ioc_closesocket_pending(pair->fd, 1));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
}

/* G5: nor is U1 for those who do not hold the last reference. */
TEST_F(counted, wrong_pending_does_not_discard_what_another_process_may_read)
{
	static const struct linger off = { 0, 0 };
	struct pair *pair = &self->pair;

	share(pair, &self->holder, &variant->kind, &off, HOLD_CHILD,
	      LOAD_NONE);
	ASSERT_EQ(0, ioc_closesocket_pending(pair->fd, 1));
	pair->fd = -1;
	EXPECT_EQ(0, holder_close(&self->holder));
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
}

/* C15: at worst it refuses a close that G5 would have granted. */
TEST_F(counted, wrong_pending_refuses_and_changes_nothing)
{
	static const struct linger interval = { 1, LINGER_LONG };
	struct pair *pair = &self->pair;

	share(pair, &self->holder, &variant->kind, &interval, HOLD_CHILD,
	      LOAD_STALLED);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket_pending(pair->fd, 1));
	EXPECT_TRUE(fd_is_open(pair->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	ASSERT_EQ(0, ioc_closesocket_pending(pair->fd, 0));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
}

/* G5: a holder that just exits is a close(2) like any other. */
TEST_F(counted, holder_that_exits_leaves_the_graceful_tail)
{
	static const struct linger off = { 0, 0 };
	struct pair *pair = &self->pair;
	struct received got;

	share(pair, &self->holder, &variant->kind, &off, HOLD_CHILD,
	      LOAD_NONE);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
	pair->fd = -1;
	EXPECT_EQ(-EBADF, ioc_closesocket(self->holder.fd));
	ASSERT_EQ(0, holder_close(&self->holder));
	got = receive_all(pair->peer);
	EXPECT_EQ(END_EOF, got.ending);
}

/* Several threads at one number. */
#define ROUNDS	500

struct race {
	pthread_barrier_t start;
	pthread_barrier_t end;
	int fd;
	int result;	/* of the other thread */
};

FIXTURE(race) {
	struct race race;
};

FIXTURE_VARIANT(race) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(race, ipv4_attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(race, ipv6_plain)
	KIND(AF_INET6, false, false);

FIXTURE_SETUP(race)
{
	netns_enter();
	winsock_open();
	pthread_barrier_init(&self->race.start, NULL, 2);
	pthread_barrier_init(&self->race.end, NULL, 2);
}

FIXTURE_TEARDOWN(race)
{
}

static void *race_closer(void *arg)
{
	struct race *race = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&race->start);
		race->result = ioc_closesocket(race->fd);
		pthread_barrier_wait(&race->end);
	}
	return NULL;
}

/* G4, I2 */
TEST_F(race, of_two_closes_exactly_one_succeeds)
{
	struct race *race = &self->race;
	int i, result, wrong = 0;
	pthread_t thread;

	check(-pthread_create(&thread, NULL, race_closer, race));
	for (i = 0; i < ROUNDS; i++) {
		race->fd = kind_socket(&variant->kind, SOCK_STREAM);
		pthread_barrier_wait(&race->start);
		result = ioc_closesocket(race->fd);
		pthread_barrier_wait(&race->end);
		if (!(result == 0 && race->result == -EBADF) &&
		    !(result == -EBADF && race->result == 0))
			wrong++;
		if (fd_is_open(race->fd))
			wrong++;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, wrong);
}

static bool same_file(int fd, const struct stat *want)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_dev == want->st_dev &&
	       st.st_ino == want->st_ino;
}

/* I2: a file that takes the number is never the one that is closed. */
TEST_F(race, file_that_reuses_the_descriptor_survives)
{
	struct race *race = &self->race;
	int i, other, lost = 0, odd = 0;
	struct stat want;
	pthread_t thread;

	other = check(memfd_create("other", 0));
	check(fstat(other, &want));
	check(-pthread_create(&thread, NULL, race_closer, race));
	for (i = 0; i < ROUNDS; i++) {
		race->fd = kind_socket(&variant->kind, SOCK_STREAM);
		pthread_barrier_wait(&race->start);
		/* EBUSY while the number is reserved */
		wait_until(dup2(other, race->fd) == race->fd ||
			   errno != EBUSY);
		pthread_barrier_wait(&race->end);
		if (!same_file(race->fd, &want))
			lost++;
		if (race->result && race->result != -EBADF &&
		    race->result != -ENOTSOCK)
			odd++;
		close(race->fd);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, odd);
	EXPECT_TRUE(same_file(other, &want));
}

/*
 * I2, where there is time to aim: a close that would be refused, but for
 * another reference, looks for a while whether that one goes away.
 */
TEST_F(race, file_that_reuses_the_descriptor_during_the_decision_survives)
{
	struct kind kind = variant->kind;
	int other, fd, taken = 0;
	struct closer closer;
	struct stat want;
	struct pair pair;
	int i;

	kind.nonblocking = true;
	other = check(memfd_create("other", 0));
	check(fstat(other, &want));
	pair_open(&pair, &kind);
	set_linger(pair.fd, 1, LINGER_LONG);
	pair_stall(&pair);
	for (i = 0; i < 20; i++) {
		fd = check(dup(pair.fd));
		closer_start(&closer, ioc_closesocket, fd);
		usleep(i * 500);
		wait_until(dup2(other, fd) == fd || errno != EBUSY);
		closer_join(&closer);
		EXPECT_TRUE(same_file(fd, &want));
		/* Closed before, or not at all. */
		EXPECT_TRUE(!closer.result || closer.result == -EBADF ||
			    closer.result == -ENOTSOCK)
			TH_LOG("result %d", closer.result);
		taken += closer.result == -EBADF;
		close(fd);
	}
	/* Fails only if the aim was missed every time. */
	EXPECT_LT(0, taken);
	EXPECT_EQ(0, wire_look(&pair.wire)->sent.fin);
	EXPECT_EQ(0, pair.wire.sent.rst);
	pair_close(&pair);
}

/* Another process is told of a lock of this type. */
static pid_t child_look_at_lock(int fd, int type)
{
	struct flock lock = { .l_type = F_WRLCK };
	pid_t pid = child_fork();

	if (pid)
		return pid;
	check(fcntl(fd, F_GETLK, &lock));
	_exit(lock.l_type != type);
}

/* close(2) drops the locks of the process, whoever has the file yet. */
TEST(locks_go_with_the_descriptor)
{
	struct flock lock = { .l_type = F_WRLCK };
	int fd, ends[2];

	winsock_open();
	fd = check(ioc_socket(AF_INET, SOCK_STREAM, 0));
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	check(fcntl(fd, F_SETLK, &lock));
	child_join(child_look_at_lock(fd, F_WRLCK));
	rights_send(ends[0], fd);
	EXPECT_EQ(0, ioc_closesocket(fd));
	fd = rights_receive(ends[1]);
	child_join(child_look_at_lock(fd, F_UNLCK));
	EXPECT_EQ(0, ioc_closesocket(fd));
}

TEST_HARNESS_MAIN
