/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites add to the harness: time, and the usual variants. */
#ifndef WINSOCK_SUITE_H
#define WINSOCK_SUITE_H

#include "kselftest_harness.h"
#include "winsock_test.h"

/* Longer than any wait in a test, so that the wait itself tells what failed. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

/* A variant that is a struct kind and nothing else. */
#define KIND(family, attached, nonblocking)				\
	{ .kind = { family, attached, nonblocking } }

#endif /* WINSOCK_SUITE_H */
