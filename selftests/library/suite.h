/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library's suites add to the harness. */
#ifndef LIB_SUITE_H
#define LIB_SUITE_H

#include "kselftest_harness.h"
#include "support/syscall_nr.h"
#include "test.h"

/* Longer than any wait in a test, so that the wait itself tells what failed. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

#define POISON_ERRNO	4711
#define POISON_ERROR	(-815)

/* A call fails as it should, tells so (L1), and errno stays the program's. */
#define EXPECT_FAILS(error, call) do {					\
	WSASetLastError(POISON_ERROR);					\
	errno = POISON_ERRNO;						\
	EXPECT_EQ(SOCKET_ERROR, (int)(call));				\
	EXPECT_EQ(POISON_ERRNO, errno);					\
	EXPECT_EQ((error), WSAGetLastError());				\
} while (0)

/* A call works and leaves the last error and errno alone (L1). */
#define EXPECT_WORKS(call) do {						\
	WSASetLastError(POISON_ERROR);					\
	errno = POISON_ERRNO;						\
	EXPECT_NE(SOCKET_ERROR, (int)(call));				\
	EXPECT_EQ(POISON_ERRNO, errno);					\
	EXPECT_EQ(POISON_ERROR, WSAGetLastError());			\
} while (0)

/* So does a call that transfers, polls or handles options, which clears it (L1). */
#define EXPECT_CLEAR(call) do {						\
	WSASetLastError(POISON_ERROR);					\
	errno = POISON_ERRNO;						\
	EXPECT_NE(SOCKET_ERROR, (int)(call));				\
	EXPECT_EQ(POISON_ERRNO, errno);					\
	EXPECT_EQ(0, WSAGetLastError());				\
} while (0)

#endif
