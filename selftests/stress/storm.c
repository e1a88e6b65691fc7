// SPDX-License-Identifier: GPL-2.0
/*
 * The storm: many threads and processes that use, duplicate and close the same
 * descriptor numbers at the same time.
 *
 * Nothing here is left to luck but the schedule.  Each storm is built so that a
 * fault cannot pass for something an application may see:
 *
 *  - Every byte on a connection says which connection, direction and place in
 *    the stream it belongs to.  A reader that got another socket under its old
 *    number (P10) reads bytes that are not its own.
 *  - Every thread counts its steps and a watchdog looks at them, so that a wake-
 *    up that is lost shows, with the stack it was lost in.
 *  - Every socket that is put under a shared number is counted, and so is every
 *    close that returned 0.  In the end the two are the same, and the same as
 *    what the kernel has counted; nothing is attached any more.
 *  - Pipes live under recycled numbers.  Closers may hit them (ENOTSOCK), but
 *    they stay what they are until their owner closes them (I2).
 *
 * SEED=, printed by every storm, and ROUNDS= (1 is what make check does) come
 * from the environment.  The same seed makes each thread do the same things;
 * how they interleave is the scheduler's.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "support/suite.h"
#include "storm/storm.h"

/* The watchdog is quicker, and knows what to say. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	7200

#define CLOSES_WANTED	50000

/*
 * closesocket() cannot name this process's poll()s and select()s; it wakes them
 * and waits a little until they let go.  One in so many closes may find one that
 * got no CPU for so long, and then looks at whatever has its number.
 */
#define OUTSTAYED_MAX	100

static const char * const kinds[] = {
	"WinsockCloseGraceful", "WinsockCloseHard", "WinsockCloseLinger",
	"WinsockCloseNative", "WinsockCloseShared", "WinsockCloseDeadline",
};

static void on_signal(int sig)
{
}

FIXTURE(storm)
{
	int descriptors;
	long started;
};

FIXTURE_SETUP(storm)
{
	struct rlimit files = { 4096, 4096 };
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };

	setvbuf(stdout, NULL, _IOLBF, 0);
	netns_enter();
	/*
	 * Where there is no room for TIME_WAIT, a connection that waits for the
	 * peer's FIN is forgotten and resets the peer.
	 */
	put_line("/proc/sys/net/ipv4/tcp_max_tw_buckets", "200000");
	put_line("/proc/sys/net/ipv4/ip_local_port_range", "2048 65000");
	check(setrlimit(RLIMIT_NOFILE, &files));
	check(sigaction(SIGUSR1, &sa, NULL));
	signal(SIGPIPE, SIG_IGN);
	winsock_open();
	memset(counts, 0, sizeof(*counts));
	printf("# SEED=%lu ROUNDS=%lu\n", seed, rounds);
	self->started = now_ms();
	self->descriptors = open_descriptors();
	threads_begin(0);
}

FIXTURE_TEARDOWN(storm)
{
	unsigned long sum = 0;
	int i;

	step("balancing");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		sum += winsock_counter(kinds[i]);
	printf("# %lu closes: %ld graceful, %ld hard, %ld linger (%ld timed out), ",
	       counts->closed, winsock_counter(kinds[0]),
	       winsock_counter(kinds[1]), winsock_counter(kinds[2]),
	       winsock_counter("WinsockLingerTimeouts"));
	printf("%ld native, %ld shared, %ld with a deadline (%ld missed)\n",
	       winsock_counter(kinds[3]), winsock_counter(kinds[4]),
	       winsock_counter(kinds[5]), winsock_counter("WinsockDeadlineResets"));
	if (counts->outstayed)
		printf("# %lu pollers outstayed the close\n",
		       counts->outstayed);
	EXPECT_LE(counts->outstayed, counts->closed / OUTSTAYED_MAX);
	printf("# %lu refused, %lu interrupted, %lu too late, %lu met a file; ",
	       counts->refused, counts->interrupted, counts->lost,
	       counts->no_socket);
	printf("%ld calls cancelled; %ld ms\n",
	       winsock_counter("WinsockCallsCancelled"), now_ms() - self->started);
	EXPECT_EQ(sum, counts->closed);
	EXPECT_EQ(winsock_counter("WinsockCloseRefused"), counts->refused);
	EXPECT_EQ(winsock_counter("WinsockLingerInterrupted"), counts->interrupted);
	EXPECT_EQ(open_descriptors(), self->descriptors);
	wait_until(!winsock_counter("WinsockCurrDeadline"));
	wait_until(!winsock_counter("WinsockCurrAttached"));
	wait_until(!orphans());
	threads_end();
}

TEST_F(storm, racing_closers_close_each_socket_once_and_no_file)
{
	storm_closers();
}

TEST_F(storm, of_racing_closes_of_one_descriptor_one_succeeds)
{
	storm_close_race();
}

TEST_F(storm, cancelled_calls_never_reach_the_next_socket)
{
	storm_cancel_race(1200, false);
}

TEST_F(storm, calls_that_enter_during_the_close_do_not_stay)
{
	storm_cancel_race(3000, true);
}

TEST_F(storm, streams_survive_refusals_signals_and_lingering)
{
	storm_sessions();
}

TEST_F(storm, children_keep_the_calls_and_connections_they_share)
{
	storm_families();
}

TEST_F(storm, everything_at_once_on_shared_descriptors)
{
	storm_chaos();
}

FIXTURE(sum)
{
};

FIXTURE_SETUP(sum)
{
}

FIXTURE_TEARDOWN(sum)
{
}

TEST_F(sum, at_least_50000_closes)
{
	printf("# SEED=%lu ROUNDS=%lu: %lu closes\n", seed, rounds,
	       *all_closed);
	fflush(stdout);
	EXPECT_GE(*all_closed, CLOSES_WANTED * rounds);
}

TEST_HARNESS_MAIN
