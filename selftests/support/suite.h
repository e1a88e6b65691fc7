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

/*
 * The usual variants of a fixture.  These macros end in a declaration, for the
 * semicolon behind them.  Attached and blocking:
 */
#define KINDS_ATTACHED(fixture...)					\
	FIXTURE_VARIANT_ADD(fixture, ipv4)				\
		{ .kind = { AF_INET, true, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6)				\
		{ .kind = { AF_INET6, true, false } };			\
	struct kind

/* Blocking: */
#define KINDS_BLOCKING(fixture...)					\
	FIXTURE_VARIANT_ADD(fixture, ipv4_attached)			\
		{ .kind = { AF_INET, true, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv4_plain)			\
		{ .kind = { AF_INET, false, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6_attached)			\
		{ .kind = { AF_INET6, true, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6_plain)			\
		{ .kind = { AF_INET6, false, false } };			\
	struct kind

/* All: */
#define KINDS_ALL(fixture...)						\
	FIXTURE_VARIANT_ADD(fixture, ipv4_attached_blocking)		\
		{ .kind = { AF_INET, true, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv4_attached_nonblocking)		\
		{ .kind = { AF_INET, true, true } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv4_plain_blocking)		\
		{ .kind = { AF_INET, false, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv4_plain_nonblocking)		\
		{ .kind = { AF_INET, false, true } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6_attached_blocking)		\
		{ .kind = { AF_INET6, true, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6_attached_nonblocking)		\
		{ .kind = { AF_INET6, true, true } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6_plain_blocking)		\
		{ .kind = { AF_INET6, false, false } };			\
	FIXTURE_VARIANT_ADD(fixture, ipv6_plain_nonblocking)		\
		{ .kind = { AF_INET6, false, true } };			\
	struct kind

/* The usual way to set up a test that has one connection, */
static inline void pair_setup(struct pair *pair, const struct kind *kind)
{
	netns_enter();
	winsock_open();
	pair_open(pair, kind);
}

/* and to end it. */
#define PAIR_TEARDOWN(fixture)						\
	FIXTURE_TEARDOWN(fixture)					\
	{								\
		pair_close(&self->pair);				\
	}								\
	struct pair

/* Close in a thread, which then waits for what is queued. */
static inline void close_and_wait(struct closer *closer, struct pair *pair)
{
	closer_start(closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(closer);
	pair->fd = -1;
}

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

/* The same of all that the peer is yet to read. */
static inline void expect_all(struct __test_metadata *_metadata,
			      struct pair *pair)
{
	struct received got = receive_all(pair->peer);

	expect_delivered(_metadata, pair, &got);
}

/* The peer got a part of the pattern from its beginning, then a reset and no FIN. */
static inline void expect_cut_off(struct __test_metadata *_metadata,
				  struct pair *pair,
				  const struct received *got)
{
	EXPECT_GT(pair->sent, got->bytes);
	EXPECT_TRUE(got->intact);
	EXPECT_EQ(END_RESET, got->ending);
}

/* P10: a call that has not returned yet has at least left the socket. */
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

/* The same, or after a hard close the reset and no FIN. */
static inline void expect_end(struct __test_metadata *_metadata, struct pair *pair,
			      bool hard, unsigned long bytes)
{
	if (!hard) {
		expect_eof(_metadata, pair, bytes);
		return;
	}
	pair->fd = -1;
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
}

/* Neither FIN nor RST has been sent. */
static inline void expect_untouched(struct __test_metadata *_metadata,
				    struct pair *pair)
{
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
}

/* The module has no references left: it can be unloaded and loaded again. */
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
