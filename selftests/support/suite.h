/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites add to the harness: time, and the usual variants. */
#ifndef WINSOCK_SUITE_H
#define WINSOCK_SUITE_H

#include "kselftest_harness.h"
#include "cgroup.h"
#include "check.h"
#include "counters.h"
#include "device.h"
#include "module.h"
#include "netns.h"
#include "pair.h"
#include "process.h"
#include "receive.h"
#include "socket.h"
#include "thread.h"
#include "wire.h"

/* Longer than any wait in a test, so that the wait itself tells what failed. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300

/* A variant that is a struct kind and nothing else. */
#define KIND(family, attached, nonblocking)				\
	{ .kind = { family, attached, nonblocking } }

/* Each byte, and then the end. */
static inline void expect_delivered(struct __test_metadata *_metadata,
				    struct pair *pair,
				    const struct received *got)
{
	EXPECT_EQ(pair->sent, got->bytes);
	EXPECT_TRUE(got->intact);
	EXPECT_EQ(END_EOF, got->ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
}

/* What came is right, some is missing, and no end was pretended. */
static inline void expect_cut_off(struct __test_metadata *_metadata,
				  struct pair *pair,
				  const struct received *got)
{
	EXPECT_GT(pair->sent, got->bytes);
	EXPECT_TRUE(got->intact);
	EXPECT_EQ(END_RESET, got->ending);
}

/* P10: whoever is not yet back from its call is at least not in the socket. */
static inline void close_expecting(struct __test_metadata *_metadata, int fd,
				   struct call *calls, unsigned int n)
{
	unsigned int i;

	EXPECT_EQ(0, ioc_closesocket(fd));
	for (i = 0; i < n; i++)
		EXPECT_FALSE(call_inside(&calls[i]));
	EXPECT_FALSE(fd_is_open(fd));
	for (i = 0; i < n; i++)
		EXPECT_EQ(-ECANCELED, call_join(&calls[i]));
}

/* The peer reads this much of the pattern and then the FIN. */
static inline void expect_eof(struct __test_metadata *_metadata, struct pair *pair,
			      unsigned long bytes)
{
	struct received got = receive_all(pair->peer);

	EXPECT_EQ(bytes, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	pair->fd = -1;
}

/* Nothing has been said to the peer. */
static inline void expect_untouched(struct __test_metadata *_metadata,
				    struct pair *pair)
{
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
}

/* Nothing holds it any more: it goes and comes back. */
static inline void expect_unloadable(struct __test_metadata *_metadata)
{
	close(winsock_device);
	winsock_device = -1;
	if (module_is_built_in())
		return;
	wait_until(!module_references());
	EXPECT_EQ(0, module_remove());
	EXPECT_EQ(0, module_insert());
}

#endif /* WINSOCK_SUITE_H */
