// SPDX-License-Identifier: GPL-2.0
/* /proc/net/winsock_stat and the tracepoints: each decision shows once. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "support/suite.h"

enum counter {
	GRACEFUL,
	HARD,
	LINGER,
	NATIVE,
	SHARED,
	REFUSED,
	TIMEOUTS,
	INTERRUPTED,
	CANCELLED,
	BACKGROUND,
	DELIVERED,
	RESETS,
	LOST,
	ATTACHED,
	UNDER_WAY,
	COUNTERS
};

static const char * const names[COUNTERS] = {
	[GRACEFUL]	= "WinsockCloseGraceful",
	[HARD]		= "WinsockCloseHard",
	[LINGER]	= "WinsockCloseLinger",
	[NATIVE]	= "WinsockCloseNative",
	[SHARED]	= "WinsockCloseShared",
	[REFUSED]	= "WinsockCloseRefused",
	[TIMEOUTS]	= "WinsockLingerTimeouts",
	[INTERRUPTED]	= "WinsockLingerInterrupted",
	[CANCELLED]	= "WinsockCallsCancelled",
	[BACKGROUND]	= "WinsockCloseDeadline",
	[DELIVERED]	= "WinsockDeadlineDelivered",
	[RESETS]	= "WinsockDeadlineResets",
	[LOST]		= "WinsockDeadlineLost",
	[ATTACHED]	= "WinsockCurrAttached",
	[UNDER_WAY]	= "WinsockCurrDeadline",
};

struct counters {
	long n[COUNTERS];
};

static struct counters read_counters(void)
{
	struct counters counters;
	unsigned int i;

	for (i = 0; i < COUNTERS; i++)
		counters.n[i] = winsock_counter(names[i]);
	return counters;
}

FIXTURE(stat) {
	struct pair pair;
	struct counters before;
};

FIXTURE_VARIANT(stat) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(stat, attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(stat, attached_ipv6)
	KIND(AF_INET6, true, false);
FIXTURE_VARIANT_ADD(stat, plain)
	KIND(AF_INET, false, false);

FIXTURE_SETUP(stat)
{
	pair_setup(&self->pair, &variant->kind);
	self->before = read_counters();
}

PAIR_TEARDOWN(stat);

/* Since then, these and no others have been counted. */
static void expect_counted(struct __test_metadata *_metadata,
			   const struct counters *before,
			   const struct counters *since)
{
	struct counters now = read_counters();
	unsigned int i;

	for (i = 0; i < COUNTERS; i++) {
		if (i == ATTACHED)
			continue;
		EXPECT_EQ(before->n[i] + since->n[i], now.n[i]) {
			TH_LOG("%s", names[i]);
		}
	}
}

#define EXPECT_COUNTED(...)						\
	expect_counted(_metadata, &self->before,			\
		       &(struct counters) { .n = { __VA_ARGS__ } })

TEST_F(stat, namespace_begins_with_nothing_but_its_sockets)
{
	unsigned int i;

	for (i = 0; i < COUNTERS; i++)
		EXPECT_EQ(i == ATTACHED ? variant->kind.attached : 0,
			  self->before.n[i]);
}

/* C1 */
TEST_F(stat, counts_a_graceful_close)
{
	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = -1;
	EXPECT_COUNTED([GRACEFUL] = 1);
}

/* C4 */
TEST_F(stat, counts_a_hard_close)
{
	set_linger(self->pair.fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = -1;
	EXPECT_COUNTED([HARD] = 1);
}

/* C8 */
TEST_F(stat, counts_a_lingering_close)
{
	struct pair *pair = &self->pair;
	struct closer closer;

	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	closer_start(&closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&closer);
	EXPECT_COUNTED();
	receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(&closer));
	pair->fd = -1;
	EXPECT_COUNTED([LINGER] = 1);
}

/* C9 */
TEST_F(stat, counts_a_timeout)
{
	set_linger(self->pair.fd, 1, 1);
	pair_stall(&self->pair);
	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = -1;
	EXPECT_COUNTED([LINGER] = 1, [TIMEOUTS] = 1);
}

/* N2 */
TEST_F(stat, counts_a_close_that_was_native)
{
	int fd = kind_socket(&variant->kind, SOCK_STREAM);

	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_COUNTED([NATIVE] = 1);
}

/* G5 */
TEST_F(stat, counts_a_shared_close)
{
	int other = check(dup(self->pair.fd));

	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = other;
	EXPECT_COUNTED([SHARED] = 1);
}

/* C15 */
TEST_F(stat, counts_a_refusal)
{
	set_linger(self->pair.fd, 1, LINGER_LONG);
	pair_stall(&self->pair);
	set_nonblocking(self->pair.fd, true);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(self->pair.fd));
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(self->pair.fd));
	EXPECT_COUNTED([REFUSED] = 2);
}

static void on_signal(int signal)
{
}

/* C11 */
TEST_F(stat, counts_an_interruption)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct closer closer;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	set_linger(self->pair.fd, 1, LINGER_LONG);
	pair_stall(&self->pair);
	closer_start(&closer, ioc_closesocket, self->pair.fd);
	closer_wait_asleep(&closer);
	ASSERT_EQ(0, pthread_kill(closer.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, closer_join(&closer));
	EXPECT_COUNTED([INTERRUPTED] = 1);
}

/* G4 */
TEST_F(stat, does_not_count_what_found_no_socket)
{
	int fd = check(open("/dev/null", O_RDONLY));

	EXPECT_EQ(-ENOTSOCK, ioc_closesocket(fd));
	close(fd);
	EXPECT_EQ(-EBADF, ioc_closesocket(fd));
	EXPECT_COUNTED();
}

/* P1 - P4 */
TEST_F(stat, counts_cancelled_calls)
{
	struct call calls[3];
	unsigned int i;

	if (!variant->kind.attached)
		return;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = (struct call)CALL_RECV(self->pair.fd);
		call_enter(&calls[i]);
	}
	set_linger(self->pair.fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = -1;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		EXPECT_EQ(-ECANCELED, call_join(&calls[i]));
	EXPECT_EQ(3, read_counters().n[CANCELLED]);
}

/* close(2) is nobody's business here. */
TEST_F(stat, does_not_count_close_2)
{
	EXPECT_EQ(0, native_close(self->pair.fd));
	self->pair.fd = -1;
	EXPECT_COUNTED();
}

TEST_F(stat, attached_sockets_are_counted_as_long_as_they_live)
{
	struct kind kind = { variant->kind.family, true, false };
	long before = self->before.n[ATTACHED];
	struct sockaddr_storage addr;
	int fds[4], child, peer;
	socklen_t len;
	unsigned int i;

	for (i = 0; i < 2; i++)
		fds[i] = kind_socket(&kind, SOCK_STREAM);
	for (; i < 4; i++)
		fds[i] = kind_socket(&kind, SOCK_DGRAM);
	EXPECT_EQ(before + 4, read_counters().n[ATTACHED]);

	listen_loopback(fds[0], kind.family, 1, &addr, &len);
	peer = check(socket(kind.family, SOCK_STREAM, 0));
	connect_to(peer, &addr, len);
	wait_ready(fds[0], POLLIN);
	EXPECT_EQ(before + 4, read_counters().n[ATTACHED]);
	child = check(accept(fds[0], NULL, NULL));
	EXPECT_EQ(before + 5, read_counters().n[ATTACHED]);

	EXPECT_EQ(0, ioc_closesocket(child));
	close(peer);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, ioc_closesocket(fds[i]));
	for (; i < 4; i++)
		EXPECT_EQ(0, native_close(fds[i]));
	wait_until(read_counters().n[ATTACHED] == before);
}

TEST_F(stat, counts_a_close_with_a_deadline_and_its_end)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	EXPECT_EQ(0, ioc_close_report(pair->fd, LINGER_LONG * 1000, 1));
	pair->fd = -1;
	EXPECT_COUNTED([BACKGROUND] = 1, [UNDER_WAY] = 1);
	receive_all(pair->peer);
	outcome_next(winsock_device);
	EXPECT_COUNTED([BACKGROUND] = 1, [DELIVERED] = 1);

	pair_close(pair);
	pair_open(pair, &variant->kind);
	pair_stall(pair);
	EXPECT_EQ(0, ioc_close_report(pair->fd, 100, 2));
	pair->fd = -1;
	outcome_next(winsock_device);
	EXPECT_COUNTED([BACKGROUND] = 2, [DELIVERED] = 1, [RESETS] = 1);
}

TEST_F(stat, every_namespace_counts_for_itself)
{
	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = -1;
	EXPECT_COUNTED([GRACEFUL] = 1);
	netns_enter();
	EXPECT_EQ(0, read_counters().n[GRACEFUL]);
	EXPECT_EQ(0, read_counters().n[ATTACHED]);
}

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/winsock_test"

FIXTURE(trace) {
	struct pair pair;
	bool ready;
};

static void put(const char *path, const char *text)
{
	int fd = check(open(path, O_WRONLY | O_CLOEXEC | O_TRUNC));

	if (write(fd, text, strlen(text)) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

FIXTURE_SETUP(trace)
{
	struct kind kind = { AF_INET, true, false };

	pair_setup(&self->pair, &kind);
	if (access(TRACEFS "/instances", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/instances", F_OK))
		return;
	rmdir(INSTANCE);
	check(mkdir(INSTANCE, 0700));
	put(INSTANCE "/events/winsock/enable", "1");
	self->ready = true;
}

FIXTURE_TEARDOWN(trace)
{
	if (self->ready) {
		put(INSTANCE "/events/winsock/enable", "0");
		check(rmdir(INSTANCE));
	}
	pair_close(&self->pair);
}

/* How many lines of the trace say all of this. */
static unsigned int traced(const char *event, const char *what)
{
	unsigned int count = 0;
	char line[512];
	FILE *f;

	f = fopen(INSTANCE "/trace", "r");
	if (!f)
		fail("no trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != '#' && strstr(line, event) &&
		    strstr(line, what))
			count++;
	}
	fclose(f);
	return count;
}

#define NO_TRACE	"kernel: no tracefs"

TEST_F(trace, shows_each_decision_once)
{
	struct pair *pair = &self->pair;
	struct kind kind = pair->kind;
	char text[128];
	int other;

	if (!self->ready)
		SKIP(return, NO_TRACE);
	set_linger(pair->fd, 1, LINGER_LONG);
	pair_stall(pair);
	set_nonblocking(pair->fd, true);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	snprintf(text, sizeof(text), "fd=%d how=refuse err=%d", pair->fd,
		 -EWOULDBLOCK);
	EXPECT_EQ(1, traced("winsock_close:", text));

	other = check(dup(pair->fd));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	snprintf(text, sizeof(text), "fd=%d how=shared err=0", pair->fd);
	EXPECT_EQ(1, traced("winsock_close:", text));
	pair->fd = other;

	set_linger(other, 1, 1);
	set_nonblocking(other, false);
	EXPECT_EQ(0, ioc_closesocket(other));
	snprintf(text, sizeof(text), "fd=%d how=deadline err=0", other);
	EXPECT_EQ(1, traced("winsock_close:", text));
	pair->fd = -1;

	pair_close(pair);
	pair_open(pair, &kind);
	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	snprintf(text, sizeof(text), "fd=%d how=hard err=0", pair->fd);
	EXPECT_EQ(1, traced("winsock_close:", text));
	pair->fd = -1;

	pair_close(pair);
	pair_open(pair, &kind);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	snprintf(text, sizeof(text), "fd=%d how=graceful err=0", pair->fd);
	EXPECT_EQ(1, traced("winsock_close:", text));
	snprintf(text, sizeof(text), "sport=%d", ntohs(pair->wire.local));
	EXPECT_EQ(1, traced("how=graceful", text));
	snprintf(text, sizeof(text), "dport=%d", ntohs(pair->wire.remote));
	EXPECT_EQ(1, traced("how=graceful", text));
	EXPECT_EQ(1, traced("how=graceful", "daddr=::ffff:127.0.0.1"));
	pair->fd = -1;

	other = kind_socket(&kind, SOCK_STREAM);
	EXPECT_EQ(0, ioc_closesocket(other));
	snprintf(text, sizeof(text), "fd=%d how=native err=0", other);
	EXPECT_EQ(1, traced("winsock_close:", text));
	EXPECT_EQ(6, traced("winsock_close:", "how="));
}

TEST_F(trace, shows_how_a_close_with_a_deadline_ends)
{
	struct pair *pair = &self->pair;
	char text[128];
	int bytes;

	if (!self->ready)
		SKIP(return, NO_TRACE);
	pair_stall(pair);
	bytes = queued(pair->fd);
	EXPECT_EQ(0, ioc_close_report(pair->fd, 100, 77));
	snprintf(text, sizeof(text), "fd=%d how=background err=0", pair->fd);
	pair->fd = -1;
	EXPECT_EQ(1, traced("winsock_close:", text));
	outcome_next(winsock_device);
	snprintf(text, sizeof(text), "result=deadline cookie=77 unacked=%d nsecs=",
		 bytes);
	EXPECT_EQ(1, traced("winsock_outcome:", text));
	snprintf(text, sizeof(text), "sport=%d", ntohs(pair->wire.local));
	EXPECT_EQ(1, traced("winsock_outcome:", text));
}

TEST_F(trace, shows_addresses_of_ipv6)
{
	struct kind kind = { AF_INET6, true, false };
	struct pair pair;

	if (!self->ready)
		SKIP(return, NO_TRACE);
	pair_open(&pair, &kind);
	EXPECT_EQ(0, ioc_closesocket(pair.fd));
	pair.fd = -1;
	EXPECT_EQ(1, traced("winsock_close:", "saddr=::1 "));
	EXPECT_EQ(1, traced("winsock_close:", "daddr=::1 "));
	pair_close(&pair);
}

/* A socket that is neither, closed like any other */
TEST_F(trace, shows_sockets_of_other_families)
{
	int fds[2];

	if (!self->ready)
		SKIP(return, NO_TRACE);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	EXPECT_EQ(0, ioc_closesocket(fds[0]));
	EXPECT_EQ(1, traced("winsock_close:", "how=native err=0"));
	EXPECT_EQ(1, traced("winsock_close:", "family=1 "));
}

TEST_F(trace, shows_how_long_a_wait_took)
{
	struct pair *pair = &self->pair;
	unsigned long long nsecs = 0;
	char line[512], *at;
	FILE *f;

	if (!self->ready)
		SKIP(return, NO_TRACE);
	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	f = fopen(INSTANCE "/trace", "r");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "nsecs=");
		if (line[0] != '#' && at)
			sscanf(at, "nsecs=%llu", &nsecs);
	}
	fclose(f);
	EXPECT_LE(1000000000, nsecs);
	EXPECT_GT(LINGER_LONG * 1000000000LL, nsecs);
}

TEST_F(trace, shows_cancelled_calls)
{
	struct pair *pair = &self->pair;
	struct call calls[2] = { CALL_RECV(pair->fd), CALL_RECV(pair->fd) };
	char text[64];

	if (!self->ready)
		SKIP(return, NO_TRACE);
	call_enter(&calls[0]);
	call_enter(&calls[1]);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(-ECANCELED, call_join(&calls[0]));
	EXPECT_EQ(-ECANCELED, call_join(&calls[1]));
	snprintf(text, sizeof(text), "fd=%d how=graceful err=0 calls=2", pair->fd);
	EXPECT_EQ(1, traced("winsock_close:", text));
	pair->fd = -1;
}

TEST_HARNESS_MAIN
