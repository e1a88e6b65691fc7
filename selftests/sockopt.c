// SPDX-License-Identifier: GPL-2.0
/* SOL_WINSOCK: SO_LINGER and SO_DONTLINGER in Winsock's binary form. */
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "support/suite.h"

#define GUARD	0xcc
#define GUARDS	8

static int set(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_WINSOCK, option, value, len) < 0 ? -errno : 0;
}

static int get(int fd, int option, void *value, socklen_t *len)
{
	return getsockopt(fd, SOL_WINSOCK, option, value, len) < 0 ? -errno : 0;
}

static void set_shim(int fd, unsigned int onoff, unsigned int seconds)
{
	struct winsock_linger linger = { .l_onoff = onoff, .l_linger = seconds };

	if (set(fd, WINSOCK_SO_LINGER, &linger, sizeof(linger)))
		fail("cannot set WINSOCK_SO_LINGER");
}

static void set_dontlinger(int fd, int on)
{
	if (set(fd, WINSOCK_SO_DONTLINGER, &on, sizeof(on)))
		fail("cannot set WINSOCK_SO_DONTLINGER");
}

static struct linger native(int fd)
{
	socklen_t len = sizeof(struct linger);
	struct linger linger;

	check(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	return linger;
}

static bool attached(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	check(getsockopt(fd, SOL_TCP, TCP_ULP, name, &len));
	return !strcmp(name, WINSOCK_ULP);
}

/* O1, O9: all three views of the two values, and that looking changes nothing. */
static void expect_state(struct __test_metadata *_metadata, int fd, int onoff,
			 long seconds)
{
	struct winsock_linger linger = { 0xdead, 0xdead };
	socklen_t len = sizeof(linger);
	int dont = 0xdeadbeef;
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, get(fd, WINSOCK_SO_LINGER, &linger, &len));
		EXPECT_EQ(onoff, linger.l_onoff);
		EXPECT_EQ(seconds > 65535 ? 65535 : seconds, linger.l_linger);
		EXPECT_EQ(sizeof(linger), len);
		EXPECT_EQ(0, get(fd, WINSOCK_SO_DONTLINGER, &dont, &len));
		EXPECT_EQ(!onoff, dont);
		EXPECT_EQ(sizeof(dont), len);
		EXPECT_EQ(onoff, native(fd).l_onoff);
		/* Kept in jiffies: of 32 bits, they are cut off at some point. */
		EXPECT_GE(seconds, native(fd).l_linger);
		EXPECT_LE(seconds > LONG_MAX / 1000 ? LONG_MAX / 1000 : seconds,
			  native(fd).l_linger);
	}
}

/* A buffer with guards on both sides. */
struct guarded {
	unsigned char before[GUARDS];
	unsigned char value[16];
	unsigned char after[GUARDS];
};

static void poison(struct guarded *buf)
{
	memset(buf, GUARD, sizeof(*buf));
}

/* Bytes of the value from the first one on that are not poison any more. */
static int written(struct __test_metadata *_metadata, const struct guarded *buf)
{
	int i, end = 0;

	for (i = 0; i < GUARDS; i++) {
		EXPECT_EQ(GUARD, buf->before[i]);
		EXPECT_EQ(GUARD, buf->after[i]);
	}
	for (i = 0; i < (int)sizeof(buf->value); i++)
		if (buf->value[i] != GUARD)
			end = i + 1;
	return end;
}

/* The last len bytes before a page that cannot be touched. */
static void *page_end(size_t len)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		fail("mmap");
	check(mprotect(map + page, page, PROT_NONE));
	return map + page - len;
}

FIXTURE(option) {
	int fd;
};

FIXTURE_VARIANT(option) {
	int family;
	bool child;	/* accepted from an attached listener */
};

FIXTURE_VARIANT_ADD(option, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(option, ipv6) { .family = AF_INET6 };
FIXTURE_VARIANT_ADD(option, ipv4_accepted) { .family = AF_INET, .child = true };
FIXTURE_VARIANT_ADD(option, ipv6_accepted) { .family = AF_INET6, .child = true };

FIXTURE_SETUP(option)
{
	struct kind kind = { .family = variant->family, .attached = true };
	struct pair pair;

	netns_enter();
	winsock_open();
	if (variant->child) {
		pair_open_accepted(&pair, &kind);
		self->fd = pair.fd;
	} else {
		self->fd = kind_socket(&kind, SOCK_STREAM);
	}
}

FIXTURE_TEARDOWN(option)
{
	set_linger(self->fd, 1, 0);
	close(self->fd);
}

/* O2 */
TEST_F(option, default_is_dontlinger)
{
	expect_state(_metadata, self->fd, 0, 0);
}

/* O1 */
TEST_F(option, dontlinger_keeps_the_interval_and_brings_it_back)
{
	set_shim(self->fd, 1, 7);
	expect_state(_metadata, self->fd, 1, 7);
	set_dontlinger(self->fd, 1);
	expect_state(_metadata, self->fd, 0, 7);
	set_dontlinger(self->fd, 1);
	expect_state(_metadata, self->fd, 0, 7);
	set_dontlinger(self->fd, 0);
	expect_state(_metadata, self->fd, 1, 7);
	set_dontlinger(self->fd, -1);
	expect_state(_metadata, self->fd, 0, 7);
	set_shim(self->fd, 1, 0);
	expect_state(_metadata, self->fd, 1, 0);
}

/* O1: turned off on a new socket, it is linger with no interval. */
TEST_F(option, dontlinger_off_is_linger_with_the_interval_there_was)
{
	set_dontlinger(self->fd, 0);
	expect_state(_metadata, self->fd, 1, 0);
}

/* O1, O3: {0, n} sets the interval too. */
TEST_F(option, linger_off_stores_its_interval)
{
	set_shim(self->fd, 0, 9);
	expect_state(_metadata, self->fd, 0, 9);
	set_dontlinger(self->fd, 0);
	expect_state(_metadata, self->fd, 1, 9);
}

/* O3: all 16 bits of either field count. */
TEST_F(option, linger_fields_are_unsigned_and_16_bits_wide)
{
	set_shim(self->fd, 0x0100, 65535);
	expect_state(_metadata, self->fd, 1, 65535);
	set_shim(self->fd, 0x8000, 32768);
	expect_state(_metadata, self->fd, 1, 32768);
	set_shim(self->fd, 0xffff, 256);
	expect_state(_metadata, self->fd, 1, 256);
}

/* O3 */
TEST_F(option, setting_linger_needs_four_bytes)
{
	struct winsock_linger linger = { 0, 1 };
	socklen_t len;

	set_shim(self->fd, 1, 5);
	for (len = 0; len < sizeof(linger); len++)
		EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_LINGER, &linger,
				       len));
	expect_state(_metadata, self->fd, 1, 5);
}

/* O3 */
TEST_F(option, setting_linger_looks_at_no_more_than_four_bytes)
{
	static const socklen_t lengths[] = { 4, 5, 8, 100, INT_MAX };
	struct winsock_linger *linger = page_end(sizeof(*linger));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		linger->l_onoff = 1;
		linger->l_linger = 10 + i;
		EXPECT_EQ(0, set(self->fd, WINSOCK_SO_LINGER, linger,
				 lengths[i]));
		expect_state(_metadata, self->fd, 1, 10 + i);
	}
}

/* O3 */
TEST_F(option, setting_linger_from_nowhere_is_a_fault)
{
	socklen_t len;

	set_shim(self->fd, 1, 5);
	for (len = 0; len <= 8; len += 4)
		EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_LINGER, NULL, len));
	EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_LINGER, (void *)1, 4));
	EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_LINGER, page_end(3), 4));
	expect_state(_metadata, self->fd, 1, 5);
}

/* O4 */
TEST_F(option, getting_linger_gives_four_bytes)
{
	static const socklen_t lengths[] = { 4, 5, 8, 16, 100, INT_MAX };
	struct winsock_linger linger;
	struct guarded buf;
	unsigned int i;
	socklen_t len;

	set_shim(self->fd, 1, 0x1234);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		poison(&buf);
		len = lengths[i];
		EXPECT_EQ(0, get(self->fd, WINSOCK_SO_LINGER, buf.value, &len));
		EXPECT_EQ(4, len);
		EXPECT_EQ(4, written(_metadata, &buf));
		memcpy(&linger, buf.value, sizeof(linger));
		EXPECT_EQ(1, linger.l_onoff);
		EXPECT_EQ(0x1234, linger.l_linger);
	}
}

/* O4 */
TEST_F(option, getting_linger_into_too_little_zeroes_it_and_faults)
{
	static const unsigned char zero[3];
	struct guarded buf;
	int room;

	set_shim(self->fd, 1, 5);
	for (room = 1; room < 4; room++) {
		socklen_t len = room;

		poison(&buf);
		EXPECT_EQ(-EFAULT, get(self->fd, WINSOCK_SO_LINGER, buf.value,
				       &len));
		EXPECT_EQ(room, len);
		EXPECT_EQ(room, written(_metadata, &buf));
		EXPECT_EQ(0, memcmp(buf.value, zero, room));
	}
	expect_state(_metadata, self->fd, 1, 5);
}

/* O4, O6 */
TEST_F(option, getting_into_no_room_touches_nothing)
{
	static const int rooms[] = { 0, -1, -4, INT_MIN };
	struct guarded buf;
	unsigned int i;
	socklen_t len;

	poison(&buf);
	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		len = rooms[i];
		EXPECT_EQ(-EFAULT, get(self->fd, WINSOCK_SO_LINGER, buf.value,
				       &len));
		EXPECT_EQ(rooms[i], (int)len);
		EXPECT_EQ(-EFAULT, get(self->fd, WINSOCK_SO_DONTLINGER,
				       buf.value, &len));
		EXPECT_EQ(rooms[i], (int)len);
	}
	EXPECT_EQ(0, written(_metadata, &buf));
}

/* O4, O6 */
TEST_F(option, getting_into_nowhere_is_a_fault)
{
	static const int options[] = {
		WINSOCK_SO_LINGER, WINSOCK_SO_DONTLINGER,
	};
	struct guarded buf;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		socklen_t len = 4;

		EXPECT_EQ(-EFAULT, get(self->fd, options[i], NULL, &len));
		EXPECT_EQ(-EFAULT, get(self->fd, options[i], (void *)1, &len));
		EXPECT_EQ(-EFAULT, get(self->fd, options[i], page_end(3),
				       &len));
		EXPECT_EQ(4, len);
		poison(&buf);
		EXPECT_EQ(-EFAULT, get(self->fd, options[i], buf.value, NULL));
		EXPECT_EQ(-EFAULT, get(self->fd, options[i], buf.value,
				       page_end(3)));
		EXPECT_EQ(0, written(_metadata, &buf));
		len = 100;
		EXPECT_EQ(0, get(self->fd, options[i], page_end(4), &len));
	}
}

/* O5: that many bytes, four at most, as a boolean */
TEST_F(option, setting_dontlinger_takes_a_boolean_of_any_width)
{
	static const struct {
		unsigned char bytes[8];
		socklen_t len;
		int on;
	} rows[] = {
		{ { 1, 1, 1, 1, 1 }, 0, 0 },
		{ { 0, 1, 1, 1, 1 }, 1, 0 },
		{ { 1, 0, 0, 0, 0 }, 1, 1 },
		{ { 2, 0, 0, 0, 0 }, 1, 1 },
		{ { 0, 0, 1, 1, 1 }, 2, 0 },
		{ { 0, 1, 0, 0, 0 }, 2, 1 },
		{ { 0, 0, 0, 1, 1 }, 3, 0 },
		{ { 0, 0, 1, 0, 0 }, 3, 1 },
		{ { 0, 0, 0, 0, 1 }, 4, 0 },
		{ { 0, 0, 0, 1, 0 }, 4, 1 },
		{ { 0, 0, 0, 0x80, 0 }, 4, 1 },
		{ { 0, 0, 0, 0, 1 }, 5, 0 },
		{ { 1, 0, 0, 0, 0 }, 5, 1 },
		{ { 0, 0, 0, 0, 1, 1, 1, 1 }, 8, 0 },
		{ { 0, 0, 1, 0, 0, 0, 0, 0 }, 8, 1 },
	};
	unsigned int i;

	set_shim(self->fd, 0, 6);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		set_dontlinger(self->fd, !rows[i].on);
		EXPECT_EQ(0, set(self->fd, WINSOCK_SO_DONTLINGER,
				 rows[i].bytes, rows[i].len))
			TH_LOG("row %u", i);
		expect_state(_metadata, self->fd, !rows[i].on, 6);
	}
}

/* O5 */
TEST_F(option, setting_dontlinger_looks_at_no_more_than_four_bytes)
{
	int *on = page_end(sizeof(*on));

	*on = 0;
	EXPECT_EQ(0, set(self->fd, WINSOCK_SO_DONTLINGER, on, INT_MAX));
	expect_state(_metadata, self->fd, 1, 0);
}

/* O5 */
TEST_F(option, setting_dontlinger_from_nowhere_is_a_fault)
{
	socklen_t len;

	set_shim(self->fd, 1, 5);
	for (len = 0; len <= 5; len++)
		EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_DONTLINGER, NULL,
				       len));
	EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_DONTLINGER, (void *)1, 1));
	EXPECT_EQ(-EFAULT, set(self->fd, WINSOCK_SO_DONTLINGER, page_end(3),
			       4));
	expect_state(_metadata, self->fd, 1, 5);
}

/* O6 */
TEST_F(option, getting_dontlinger_fills_the_room_there_is)
{
	static const struct {
		socklen_t room;
		int bytes;
		socklen_t told;
	} rows[] = {
		{ 1, 1, 1 }, { 2, 2, 1 }, { 3, 2, 1 }, { 4, 4, 4 },
		{ 5, 4, 4 }, { 8, 4, 4 }, { 100, 4, 4 }, { INT_MAX, 4, 4 },
	};
	struct guarded buf;
	unsigned int i;
	int on;

	for (on = 0; on < 2; on++) {
		set_dontlinger(self->fd, on);
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			unsigned char want[4] = { 0 };
			socklen_t len = rows[i].room;

			want[htole32(1) == 1 ? 0 : rows[i].bytes - 1] = on;
			poison(&buf);
			EXPECT_EQ(0, get(self->fd, WINSOCK_SO_DONTLINGER,
					 buf.value, &len));
			EXPECT_EQ(rows[i].told, len);
			EXPECT_EQ(rows[i].bytes, written(_metadata, &buf))
				TH_LOG("row %u", i);
			EXPECT_EQ(0, memcmp(buf.value, want, rows[i].bytes));
		}
	}
}

/* O11: setsockopt(2) sees to it. */
TEST_F(option, setting_with_a_negative_length_is_invalid)
{
	struct winsock_linger linger = { 0, 1 };
	int on = 1;

	set_shim(self->fd, 1, 5);
	EXPECT_EQ(-EINVAL, set(self->fd, WINSOCK_SO_LINGER, &linger, -1));
	EXPECT_EQ(-EINVAL, set(self->fd, WINSOCK_SO_LINGER, &linger, INT_MIN));
	EXPECT_EQ(-EINVAL, set(self->fd, WINSOCK_SO_DONTLINGER, &on, -1));
	EXPECT_EQ(-EINVAL, set(self->fd, WINSOCK_SO_LINGER, NULL, -1));
	expect_state(_metadata, self->fd, 1, 5);
}

/* O9 */
TEST_F(option, native_linger_is_the_same_state)
{
	set_linger(self->fd, 1, 3);
	expect_state(_metadata, self->fd, 1, 3);
	set_dontlinger(self->fd, 1);
	expect_state(_metadata, self->fd, 0, 3);
	set_linger(self->fd, 1, 0);
	expect_state(_metadata, self->fd, 1, 0);
	set_shim(self->fd, 1, 65535);
	expect_state(_metadata, self->fd, 1, 65535);
	/* The native option keeps its interval when it is turned off. */
	set_linger(self->fd, 0, 1);
	expect_state(_metadata, self->fd, 0, 65535);
}

/* O9: an interval too long for 16 bits reads as the longest there is. */
TEST_F(option, native_interval_that_is_too_long_reads_as_65535)
{
	set_linger(self->fd, 1, 65536);
	expect_state(_metadata, self->fd, 1, 65536);
	set_linger(self->fd, 1, 1000000);
	expect_state(_metadata, self->fd, 1, 1000000);
	/* O1: and is not cut short by that. */
	set_dontlinger(self->fd, 1);
	set_dontlinger(self->fd, 0);
	expect_state(_metadata, self->fd, 1, 1000000);
	set_linger(self->fd, 1, INT_MAX);
	expect_state(_metadata, self->fd, 1, INT_MAX);
}

TEST_F(option, other_names_are_not_options)
{
	static const int names[] = {
		0, 2, SO_LINGER, 0x0081, -1, INT_MIN, ~0x0081,
	};
	struct guarded buf;
	unsigned int i;

	set_shim(self->fd, 1, 5);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		socklen_t len = 4;

		poison(&buf);
		EXPECT_EQ(-ENOPROTOOPT, set(self->fd, names[i], buf.value,
					    len));
		EXPECT_EQ(-ENOPROTOOPT, get(self->fd, names[i], buf.value,
					    &len));
		EXPECT_EQ(4, len);
		EXPECT_EQ(0, written(_metadata, &buf));
	}
	expect_state(_metadata, self->fd, 1, 5);
}

/* Other levels are the base's own business. */
TEST_F(option, other_levels_work_as_before)
{
	socklen_t len = sizeof(int);
	int value = 1;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_TCP, TCP_NODELAY, &value, len));
	value = 0;
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_NODELAY, &value, &len));
	EXPECT_EQ(1, value);
	value = 1;
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, &value,
				len));
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_TCP, 12345, &value, len));
	EXPECT_EQ(ENOPROTOOPT, errno);
}

/* O8 */
FIXTURE(inherited) {
	struct sockaddr_storage addr;
	socklen_t addrlen;
	int listener;
	int peer;
	int child;
};

FIXTURE_VARIANT(inherited) {
	int family;
	int flags;
};

FIXTURE_VARIANT_ADD(inherited, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(inherited, ipv6) { .family = AF_INET6 };
FIXTURE_VARIANT_ADD(inherited, ipv4_nonblocking) {
	.family = AF_INET,
	.flags = SOCK_NONBLOCK | SOCK_CLOEXEC,
};

FIXTURE_SETUP(inherited)
{
	netns_enter();
	winsock_open();
	self->listener = ioc_socket(variant->family, SOCK_STREAM, 0);
	ASSERT_LE(0, self->listener);
	self->peer = check(socket(variant->family, SOCK_STREAM, 0));
}

FIXTURE_TEARDOWN(inherited)
{
	close(self->child);
	close(self->peer);
	close(self->listener);
}

/* O8 */
TEST_F(inherited, options_and_attachment_come_with_the_child)
{
	set_shim(self->listener, 1, 11);
	listen_loopback(self->listener, variant->family, 1, &self->addr,
			&self->addrlen);
	connect_to(self->peer, &self->addr, self->addrlen);
	self->child = check(accept4(self->listener, NULL, NULL,
				    variant->flags));
	EXPECT_TRUE(attached(self->child));
	expect_state(_metadata, self->child, 1, 11);
	EXPECT_EQ(!!(variant->flags & SOCK_NONBLOCK),
		  !!(fcntl(self->child, F_GETFL) & O_NONBLOCK));

	/* Theirs alone from now on. */
	set_shim(self->child, 0, 2);
	expect_state(_metadata, self->listener, 1, 11);
	EXPECT_EQ(0, ioc_closesocket(self->child));
	EXPECT_TRUE(attached(self->listener));
	self->child = -1;
}

/* O8 */
TEST_F(inherited, dontlinger_comes_with_its_interval)
{
	set_shim(self->listener, 1, 12);
	set_dontlinger(self->listener, 1);
	listen_loopback(self->listener, variant->family, 1, &self->addr,
			&self->addrlen);
	connect_to(self->peer, &self->addr, self->addrlen);
	self->child = check(accept4(self->listener, NULL, NULL,
				    variant->flags));
	expect_state(_metadata, self->child, 0, 12);
	set_dontlinger(self->child, 0);
	expect_state(_metadata, self->child, 1, 12);
}

/* O8: a child that was queued before its listener was attached, too */
TEST_F(inherited, child_is_attached_when_it_is_accepted)
{
	close(self->listener);
	self->listener = check(socket(variant->family, SOCK_STREAM, 0));
	listen_loopback(self->listener, variant->family, 1, &self->addr,
			&self->addrlen);
	connect_to(self->peer, &self->addr, self->addrlen);
	wait_ready(self->listener, POLLIN);
	EXPECT_EQ(0, winsock_attach(self->listener));
	self->child = check(accept4(self->listener, NULL, NULL,
				    variant->flags));
	EXPECT_TRUE(attached(self->child));
	expect_state(_metadata, self->child, 0, 0);
}

/* The options are what closesocket() goes by. */
FIXTURE(obeyed) {
	struct pair pair;
};

FIXTURE_VARIANT(obeyed) {
	struct kind kind;
};

KINDS_ATTACHED(obeyed);

FIXTURE_SETUP(obeyed)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(obeyed);

/* C4 */
TEST_F(obeyed, linger_zero_resets)
{
	struct pair *pair = &self->pair;

	set_shim(pair->fd, 1, 0);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	pair->fd = -1;
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

/* C9 */
TEST_F(obeyed, linger_interval_is_waited_for)
{
	struct pair *pair = &self->pair;
	long start;

	set_shim(pair->fd, 1, 1);
	pair_stall(pair);
	start = now_ms();
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	pair->fd = -1;
}

/* C1 */
TEST_F(obeyed, dontlinger_is_graceful_whatever_the_interval)
{
	struct pair *pair = &self->pair;

	set_shim(pair->fd, 1, 0);
	set_dontlinger(pair->fd, 1);
	pair_stall(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	expect_eof(_metadata, pair, pair->sent);
}

/* Where the level does not exist. */
FIXTURE(no_option) {
	int fd;
};

/* For levels they do not know, IPv4's two calls natively differ. */
FIXTURE_VARIANT(no_option) {
	struct kind kind;
	int type;
	int get_error;
};

/* O7 */
FIXTURE_VARIANT_ADD(no_option, ipv4_attached_datagram) {
	{ AF_INET, true, false }, SOCK_DGRAM, ENOPROTOOPT,
};

FIXTURE_VARIANT_ADD(no_option, ipv6_attached_datagram) {
	{ AF_INET6, true, false }, SOCK_DGRAM, ENOPROTOOPT,
};

FIXTURE_VARIANT_ADD(no_option, ipv4_plain_datagram) {
	{ AF_INET, false, false }, SOCK_DGRAM, EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(no_option, ipv6_plain_stream) {
	{ AF_INET6, false, false }, SOCK_STREAM, ENOPROTOOPT,
};

FIXTURE_VARIANT_ADD(no_option, ipv4_plain_stream) {
	{ AF_INET, false, false }, SOCK_STREAM, EOPNOTSUPP,
};

FIXTURE_SETUP(no_option)
{
	netns_enter();
	winsock_open();
	self->fd = kind_socket(&variant->kind, variant->type);
	set_linger(self->fd, 1, 5);
}

FIXTURE_TEARDOWN(no_option)
{
	close(self->fd);
}

TEST_F(no_option, neither_option_can_be_set_or_got)
{
	static const int options[] = {
		WINSOCK_SO_LINGER, WINSOCK_SO_DONTLINGER,
	};
	struct guarded buf;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		socklen_t len = 4;

		poison(&buf);
		EXPECT_EQ(-ENOPROTOOPT, set(self->fd, options[i], buf.value,
					    len));
		EXPECT_EQ(-variant->get_error, get(self->fd, options[i],
						   buf.value, &len));
		EXPECT_EQ(4, len);
		EXPECT_EQ(0, written(_metadata, &buf));
	}
	EXPECT_EQ(1, native(self->fd).l_onoff);
	EXPECT_EQ(5, native(self->fd).l_linger);
}

TEST_HARNESS_MAIN
