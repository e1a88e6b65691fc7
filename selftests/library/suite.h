/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library's suites add to the harness. */
#ifndef LIB_SUITE_H
#define LIB_SUITE_H

#include "kselftest_harness.h"
#include "support/syscall_nr.h"
#include "test.h"

/* Longer than any wait in a test, so that the wait itself reports what failed. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

#define POISON_ERRNO	4711
#define POISON_ERROR	(-815)

/* errno stays the program's (L1), and the last error is @error afterwards. */
#define EXPECT_CALL(expectation, error) do {				\
	WSASetLastError(POISON_ERROR);					\
	errno = POISON_ERRNO;						\
	expectation;							\
	EXPECT_EQ(POISON_ERRNO, errno);					\
	EXPECT_EQ((error), WSAGetLastError());				\
} while (0)

/* A call fails as it should. */
#define EXPECT_FAILS(error, call)					\
	EXPECT_CALL(EXPECT_EQ(SOCKET_ERROR, (int)(call)), error)

/* The same of a call that returns a BOOL or a pointer. */
#define EXPECT_REFUSED(error, call)					\
	EXPECT_CALL(EXPECT_FALSE(!!(call)), error)

/* A call works and leaves the last error alone (L1). */
#define EXPECT_WORKS(call)						\
	EXPECT_CALL(EXPECT_NE(SOCKET_ERROR, (int)(call)), POISON_ERROR)

/* So does a call that transfers, polls or handles options, which clears it (L1). */
#define EXPECT_CLEAR(call)						\
	EXPECT_CALL(EXPECT_NE(SOCKET_ERROR, (int)(call)), 0)

/* The same of a call that returns a BOOL. */
#define EXPECT_TRUE_CLEAR(call)						\
	EXPECT_CALL(EXPECT_TRUE(!!(call)), 0)

#endif
