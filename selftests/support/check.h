/* SPDX-License-Identifier: GPL-2.0 */
/* Setting the scene: a call that fails ends the test; waiting, with a bound. */
#ifndef WINSOCK_TEST_CHECK_H
#define WINSOCK_TEST_CHECK_H

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * How long an event may take before its wait counts as failed.  The suites
 * run under an emulator that shares its machine: only "never early" is exact.
 */
#define WAIT_MS		90000

/* A linger interval longer than any test that passes. */
#define LINGER_LONG	120
/* "At once" as opposed to LINGER_LONG. */
#define AT_ONCE_MS	20000

/* End the process, and the test with it. */
#define fail(...)	errx(EXIT_FAILURE, __VA_ARGS__)

long check_result(long result, const char *call, const char *file, int line);
#define check(call) check_result((call), #call, __FILE__, __LINE__)

long now_ms(void);
/* For short intervals. */
long long now_us(void);
long long now_ns(void);

/* Wait for a state of the kernel that has no event to sleep on. */
#define wait_until(condition) do {					\
	long deadline_ = now_ms() + WAIT_MS;				\
	while (!(condition)) {						\
		if (now_ms() > deadline_)				\
			fail("%s:%d: not within %d ms: %s", __FILE__,	\
			     __LINE__, WAIT_MS, #condition);		\
		usleep(1000);						\
	}								\
} while (0)

/* wait_until() for a descriptor that poll(2) can watch. */
void wait_ready(int fd, short events);

/* Write a line to a file of /proc or /sys. */
void put_line(const char *path, const char *line);

/* -errno if result is negative */
long result_of(long result);

#endif
