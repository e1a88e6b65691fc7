// SPDX-License-Identifier: GPL-2.0
/*
 * Programs whose time_t has 64 bits although long has 32, and, on other machines, those
 * whose time_t has 64 bits anyway.  The other suites have the machine's own time_t.
 */
#define _FILE_OFFSET_BITS	64
#define _TIME_BITS		64
#include <winsock2.h>

#include "suite.h"

_Static_assert(sizeof(time_t) == 8, "_TIME_BITS counts");

/* Seconds that a time_t of 32 bits does not hold: it would be -2. */
#define AGES	0xfffffffeLL
#define WAIT_MS	300

FIXTURE(time64) {
	struct pair pair;
};

FIXTURE_SETUP(time64)
{
	start();
	open_pair(&self->pair, AF_INET);
}

FIXTURE_TEARDOWN(time64)
{
	WSACleanup();
}

static int select_to_read(SOCKET s, time_t seconds, long usec)
{
	struct timeval timeout = { .tv_sec = seconds, .tv_usec = usec };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(s, &set);
	return select(0, &set, NULL, NULL, &timeout);
}

TEST_F(time64, select_waits_as_long_as_it_is_told)
{
	long before = now_ms();

	EXPECT_CLEAR(select_to_read(self->pair.s, 0, WAIT_MS * 1000));
	EXPECT_LE(WAIT_MS, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	before = now_ms();
	EXPECT_CLEAR(select_to_read(self->pair.s, 1, 0));
	EXPECT_LE(1000, now_ms() - before);
}

TEST_F(time64, select_waits_for_ages)
{
	check(send(self->pair.peer, "x", 1, 0));
	EXPECT_EQ(1, select_to_read(self->pair.s, AGES, 0));
	EXPECT_FAILS(WSAEINVAL, select_to_read(self->pair.s, -1, 0));
	EXPECT_FAILS(WSAEINVAL, select_to_read(self->pair.s, 0, -1));
}

/* As a function's address it is the same one. */
TEST_F(time64, select_has_one_address)
{
	int (*call)(int, fd_set *, fd_set *, fd_set *, const struct timeval *) =
		(__typeof__(call))&select;
	struct timeval timeout = { .tv_usec = WAIT_MS * 1000 };
	long before = now_ms();
	fd_set set;

	FD_ZERO(&set);
	FD_SET(self->pair.s, &set);
	EXPECT_CLEAR(call(0, &set, NULL, NULL, &timeout));
	EXPECT_LE(WAIT_MS, now_ms() - before);
	EXPECT_EQ(0, set.fd_count);
}

TEST_F(time64, timeouts_come_in_both_forms)
{
	struct timeval timeval = { .tv_sec = 2, .tv_usec = 500000 };
	int len = sizeof(timeval);
	DWORD ms;

	EXPECT_CLEAR(setsockopt(self->pair.s, SOL_SOCKET, SO_RCVTIMEO, &timeval,
				sizeof(timeval)));
	memset(&timeval, -1, sizeof(timeval));
	EXPECT_CLEAR(getsockopt(self->pair.s, SOL_SOCKET, SO_RCVTIMEO, &timeval, &len));
	EXPECT_EQ(sizeof(timeval), len);
	EXPECT_EQ(2, timeval.tv_sec);
	EXPECT_EQ(500000, timeval.tv_usec);
	len = sizeof(ms);
	EXPECT_CLEAR(getsockopt(self->pair.s, SOL_SOCKET, SO_RCVTIMEO, &ms, &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(2500, ms);

	ms = 7500;
	EXPECT_CLEAR(setsockopt(self->pair.s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	len = sizeof(timeval);
	EXPECT_CLEAR(getsockopt(self->pair.s, SOL_SOCKET, SO_SNDTIMEO, &timeval, &len));
	EXPECT_EQ(7, timeval.tv_sec);
	EXPECT_EQ(500000, timeval.tv_usec);
}

/* Whichever name and form the program was compiled with, it is the same option. */
TEST_F(time64, timeouts_have_two_names)
{
	struct { int64_t sec, usec; } time64 = { 3, 500000 };
	struct { long sec, usec; } time_long = { 0 };
	int len = sizeof(time_long);

	EXPECT_CLEAR(setsockopt(self->pair.s, SOL_SOCKET, SO_RCVTIMEO_NEW, &time64,
				sizeof(time64)));
	EXPECT_CLEAR(getsockopt(self->pair.s, SOL_SOCKET, SO_RCVTIMEO_OLD, &time_long, &len));
	EXPECT_EQ(sizeof(time_long), len);
	EXPECT_EQ(3, time_long.sec);
	EXPECT_EQ(500000, time_long.usec);
	time_long.sec = 5;
	EXPECT_CLEAR(setsockopt(self->pair.s, SOL_SOCKET, SO_SNDTIMEO_OLD, &time_long,
				sizeof(time_long)));
	len = sizeof(time64);
	EXPECT_CLEAR(getsockopt(self->pair.s, SOL_SOCKET, SO_SNDTIMEO_NEW, &time64, &len));
	EXPECT_EQ(sizeof(time64), len);
	EXPECT_EQ(5, time64.sec);
	EXPECT_EQ(500000, time64.usec);
}

TEST_F(time64, receiving_times_out)
{
	struct timeval timeout = { .tv_usec = WAIT_MS * 1000 };
	long before;
	char byte;

	EXPECT_CLEAR(setsockopt(self->pair.s, SOL_SOCKET, SO_RCVTIMEO, &timeout,
				sizeof(timeout)));
	before = now_ms();
	EXPECT_FAILS(WSAETIMEDOUT, recv(self->pair.s, &byte, 1, 0));
	/* The kernel counts ticks. */
	EXPECT_LE(WAIT_MS - 10, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
}

TEST_HARNESS_MAIN
