// SPDX-License-Identifier: LGPL-2.1-or-later
/* setsockopt and getsockopt, in Winsock's forms. */
#include <sys/mman.h>

#include "suite.h"
#include "../../userlib/compat/option_form.h"

/* What a test poisons the value with. */
#define POISON	0xcc

/* Where an integer of that many bytes has its lowest. */
static int lowest_byte(int size)
{
	return htole32(1) == 1 ? 0 : size - 1;
}

FIXTURE(stream) {
	SOCKET s;
};

FIXTURE_VARIANT(stream) {
	int family;
	bool native;
};

FIXTURE_VARIANT_ADD(stream, ipv4) {
	.family = AF_INET,
	.native = false,
};

FIXTURE_VARIANT_ADD(stream, ipv6) {
	.family = AF_INET6,
	.native = false,
};

/* Not attached, and the library has never met it. */
FIXTURE_VARIANT_ADD(stream, native_ipv4) {
	.family = AF_INET,
	.native = true,
};

FIXTURE_VARIANT_ADD(stream, native_local) {
	.family = AF_UNIX,
	.native = true,
};

FIXTURE_SETUP(stream)
{
	start();
	self->s = variant->native ? native_socket(variant->family, SOCK_STREAM) :
				    open_socket(variant->family, SOCK_STREAM);
}

FIXTURE_TEARDOWN(stream)
{
	WSACleanup();
}

static void expect_linger(struct __test_metadata *_metadata, SOCKET s,
			  int onoff, int seconds)
{
	LINGER linger = get_linger(s);
	int len = sizeof(int), dont = -1;

	EXPECT_EQ(onoff, linger.l_onoff);
	EXPECT_EQ(seconds, linger.l_linger);
	/* O1 */
	EXPECT_CLEAR(getsockopt(s, SOL_SOCKET, SO_DONTLINGER, &dont, &len));
	EXPECT_EQ(!onoff, dont);
}

static int set_dontlinger(SOCKET s, BOOL on)
{
	return setsockopt(s, SOL_SOCKET, SO_DONTLINGER, &on, sizeof(on));
}

/* O2 */
TEST_F(stream, by_default_nothing_lingers)
{
	expect_linger(_metadata, self->s, 0, 0);
}

/* O1 */
TEST_F(stream, dontlinger_is_the_opposite_and_keeps_the_interval)
{
	set_linger(self->s, 1, 77);
	expect_linger(_metadata, self->s, 1, 77);
	EXPECT_CLEAR(set_dontlinger(self->s, TRUE));
	expect_linger(_metadata, self->s, 0, 77);
	EXPECT_CLEAR(set_dontlinger(self->s, 4711));
	expect_linger(_metadata, self->s, 0, 77);
	EXPECT_CLEAR(set_dontlinger(self->s, FALSE));
	expect_linger(_metadata, self->s, 1, 77);
}

TEST_F(stream, the_interval_is_kept_while_off)
{
	set_linger(self->s, 0, 12);
	expect_linger(_metadata, self->s, 0, 12);
	set_linger(self->s, 0x8000, 65535);
	expect_linger(_metadata, self->s, 1, 65535);
	set_linger(self->s, 1, 0);
	expect_linger(_metadata, self->s, 1, 0);
}

/* O3 */
TEST_F(stream, linger_set_needs_four_bytes)
{
	LINGER value[4] = { { 1, 9 }, { 0xffff, 0 } };
	int len;

	set_linger(self->s, 1, 5);
	for (len = 0; len < 4; len++)
		EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_LINGER,
						   value, len));
	EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_LINGER, NULL, 4));
	EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_LINGER, NULL, -1));
	expect_linger(_metadata, self->s, 1, 5);

	for (len = 4; len <= (int)sizeof(value); len++) {
		if (len == sizeof(struct linger))
			continue;
		set_linger(self->s, 1, 5);
		EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_LINGER, value, len));
		expect_linger(_metadata, self->s, 1, 9);
	}
}

/* O3, O11 */
TEST_F(stream, linger_set_takes_a_negative_length)
{
	LINGER linger = { 1, 33 };

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_LINGER, &linger, -1));
	expect_linger(_metadata, self->s, 1, 33);
	linger.l_linger = 34;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_LINGER, &linger,
				(socklen_t)INT32_MIN));
	expect_linger(_metadata, self->s, 1, 34);
}

/* O4 */
TEST_F(stream, linger_get_fills_four_bytes)
{
	unsigned char value[16];
	int len, room, i;
	LINGER linger;

	set_linger(self->s, 1, 0x0102);
	for (room = 4; room <= (int)sizeof(value); room++) {
		if (room == sizeof(struct linger))
			continue;
		memset(value, POISON, sizeof(value));
		len = room;
		EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_LINGER, value, &len));
		EXPECT_EQ(4, len);
		memcpy(&linger, value, sizeof(linger));
		EXPECT_EQ(1, linger.l_onoff);
		EXPECT_EQ(0x0102, linger.l_linger);
		for (i = 4; i < (int)sizeof(value); i++)
			EXPECT_EQ(POISON, value[i]);
	}
}

/* O4 */
TEST_F(stream, linger_get_of_too_little_room_zeroes_it)
{
	unsigned char value[4];
	int len, room;

	set_linger(self->s, 1, 5);
	for (room = 1; room <= 2; room++) {
		memset(value, POISON, sizeof(value));
		len = room;
		EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, SO_LINGER,
						   value, &len));
		EXPECT_EQ(room, len);
		EXPECT_EQ(0, value[0]);
		EXPECT_EQ(room == 2 ? 0 : POISON, value[1]);
		EXPECT_EQ(POISON, value[2]);
	}
	for (room = 0; room >= -1; room--) {
		memset(value, POISON, sizeof(value));
		len = room;
		EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, SO_LINGER,
						   value, &len));
		EXPECT_EQ(room, len);
		EXPECT_EQ(POISON, value[0]);
	}
	len = 4;
	EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, SO_LINGER, NULL, &len));
	EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, SO_LINGER, value, NULL));
	EXPECT_EQ(4, len);
}

/* O5 */
TEST_F(stream, dontlinger_set_takes_any_length)
{
	static const unsigned char zero[8];
	unsigned char value[8];
	int len, byte;

	set_linger(self->s, 0, 5);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_DONTLINGER, "\1", 0));
	expect_linger(_metadata, self->s, 1, 5);
	EXPECT_FAILS(WSAEFAULT,
		     setsockopt(self->s, SOL_SOCKET, SO_DONTLINGER, NULL, 4));
	EXPECT_FAILS(WSAEFAULT,
		     setsockopt(self->s, SOL_SOCKET, SO_DONTLINGER, NULL, 0));
	expect_linger(_metadata, self->s, 1, 5);

	/* of 1, 2 and 4 bytes each counts, of more the first four */
	for (len = 1; len <= 8; len += len < 4 ? len : 1) {
		for (byte = 0; byte < 8; byte++) {
			memset(value, 0, sizeof(value));
			value[byte] = 0x40;
			set_linger(self->s, 1, 5);
			EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_DONTLINGER,
						value, len));
			expect_linger(_metadata, self->s,
				      !(byte < len && byte < 4), 5);
		}
		set_linger(self->s, 0, 5);
		EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_DONTLINGER,
					zero, len));
		expect_linger(_metadata, self->s, 1, 5);
	}
}

/* O6 */
TEST_F(stream, dontlinger_get_fits_the_room)
{
	static const struct {
		int room, written, told;
	} lengths[] = {
		{ 1, 1, 1 }, { 2, 2, 1 }, { 4, 4, 4 }, { 5, 4, 4 }, { 8, 4, 4 },
	};
	unsigned char value[8];
	int i, on, j, len;

	for (on = 0; on < 2; on++) {
		set_linger(self->s, !on, 5);
		for (i = 0; i < 5; i++) {
			memset(value, POISON, sizeof(value));
			len = lengths[i].room;
			EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET,
						SO_DONTLINGER, value, &len));
			EXPECT_EQ(lengths[i].told, len);
			for (j = 0; j < lengths[i].written; j++)
				EXPECT_EQ(on && j == lowest_byte(lengths[i].written),
					  value[j]);
			for (; j < 8; j++)
				EXPECT_EQ(POISON, value[j]);
		}
	}
	for (i = 0; i >= -1; i--) {
		memset(value, POISON, sizeof(value));
		len = i;
		EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET,
						   SO_DONTLINGER, value, &len));
		EXPECT_EQ(i, len);
		EXPECT_EQ(POISON, value[0]);
	}
}

/* O10 */
TEST_F(stream, libcs_struct_linger_is_taken_as_well)
{
	struct linger libc = { .l_onoff = 1, .l_linger = 44 };
	int len = sizeof(libc);

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_LINGER, &libc, sizeof(libc)));
	expect_linger(_metadata, self->s, 1, 44);
	memset(&libc, POISON, sizeof(libc));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_LINGER, &libc, &len));
	EXPECT_EQ(sizeof(libc), len);
	EXPECT_EQ(1, libc.l_onoff);
	EXPECT_EQ(44, libc.l_linger);

	libc.l_linger = 1000000;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_LINGER, &libc, sizeof(libc)));
	expect_linger(_metadata, self->s, 1, 65535);
	libc.l_onoff = 0;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_LINGER, &libc, sizeof(libc)));
	EXPECT_EQ(0, get_linger(self->s).l_onoff);
}

/* O9 */
TEST_F(stream, the_native_option_is_the_same_one)
{
	struct linger libc = { .l_onoff = 1, .l_linger = 21 };
	socklen_t len = sizeof(libc);

	EXPECT_EQ(0, syscall(SYS_setsockopt, (int)self->s, SOL_SOCKET, SO_LINGER,
			     &libc, sizeof(libc)));
	expect_linger(_metadata, self->s, 1, 21);
	set_linger(self->s, 1, 22);
	EXPECT_EQ(0, syscall(SYS_getsockopt, (int)self->s, SOL_SOCKET, SO_LINGER,
			     &libc, &len));
	EXPECT_EQ(1, libc.l_onoff);
	EXPECT_EQ(22, libc.l_linger);
}

/* Winsock's form is milliseconds in a DWORD, libc's a struct timeval. */
TEST_F(stream, timeouts_come_in_both_forms)
{
	struct timeval timeval = { 0 };
	DWORD ms = 2500;
	int len = sizeof(ms);

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)));
	ms = 0;
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &ms, &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(2500, ms);
	len = sizeof(timeval);
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_RCVTIMEO, &timeval, &len));
	EXPECT_EQ(2, timeval.tv_sec);
	EXPECT_EQ(500000, timeval.tv_usec);

	timeval.tv_sec = 7;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &timeval,
				sizeof(timeval)));
	len = sizeof(ms);
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, &len));
	EXPECT_EQ(7500, ms);

	EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, 2));
	EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, NULL, 4));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, &len));
	EXPECT_EQ(7500, ms);
	ms = 0xffffffff;	/* INFINITE */
	len = sizeof(timeval);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &timeval, &len));
	EXPECT_EQ(0, timeval.tv_sec);
	EXPECT_EQ(0, timeval.tv_usec);
}

TEST_F(stream, a_boolean_may_be_one_byte)
{
	int on = -1, len = sizeof(on);

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, "\1", 1));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, &on, &len));
	EXPECT_EQ(1, on);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, "\0", 1));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, &on, &len));
	EXPECT_EQ(0, on);
	if (variant->family == AF_UNIX)
		return;
	EXPECT_CLEAR(setsockopt(self->s, IPPROTO_TCP, TCP_NODELAY, "\1", 1));
	EXPECT_CLEAR(getsockopt(self->s, IPPROTO_TCP, TCP_NODELAY, &on, &len));
	EXPECT_EQ(1, on);
}

/* A number in two bytes is read as one; a boolean is written into the room there is. */
TEST_F(stream, short_values_have_the_byte_order_of_the_machine)
{
	unsigned short value = 5;
	int wide = -1, len = sizeof(wide);

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_PRIORITY, &value, sizeof(value)));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_PRIORITY, &wide, &len));
	EXPECT_EQ(5, wide);

	wide = 1;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, &wide, sizeof(wide)));
	len = sizeof(value);
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_KEEPALIVE, &value, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(1, value);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &wide,
				sizeof(wide)));
	len = sizeof(value);
	value = 0;
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &value, &len));
	EXPECT_EQ(1, value);
}

TEST_F(stream, exclusive_and_shared_addresses_exclude_each_other)
{
	BOOL on = TRUE, value = -1;
	int len = sizeof(value);

	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &value,
				&len));
	EXPECT_EQ(FALSE, value);
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on,
				sizeof(on)));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &value,
				&len));
	EXPECT_EQ(TRUE, value);
	EXPECT_FAILS(WSAEINVAL, setsockopt(self->s, SOL_SOCKET, SO_REUSEADDR, &on,
					   sizeof(on)));
	EXPECT_CLEAR(getsockopt(self->s, SOL_SOCKET, SO_REUSEADDR, &value, &len));
	EXPECT_EQ(FALSE, value);
	on = FALSE;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on,
				sizeof(on)));
	on = TRUE;
	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	EXPECT_FAILS(WSAEINVAL, setsockopt(self->s, SOL_SOCKET,
					   SO_EXCLUSIVEADDRUSE, &on, sizeof(on)));
}

/* L16 */
static void check_form(struct __test_metadata *_metadata, SOCKET s,
		       const struct ws_option_form *form)
{
	static const int room_at[] = { [WS_ROOM_1] = 1, 2, 4 };
	unsigned char value[8] = { 0 };
	int i, j, len;

	for (i = 0; i < WS_ROOMS; i++) {
		memset(value, POISON, sizeof(value));
		len = room_at[i];
		if (form->returned[i]) {
			EXPECT_CLEAR(getsockopt(s, form->level, form->name, value, &len));
			EXPECT_EQ(form->returned[i], len);
		} else {
			EXPECT_FAILS(WSAEFAULT, getsockopt(s, form->level,
							   form->name, value, &len));
			EXPECT_EQ(room_at[i], len);
		}
		for (j = form->returned[i]; j < room_at[i]; j++)
			EXPECT_EQ(0, value[j]);
		EXPECT_EQ(POISON, value[room_at[i]]);
	}
	for (len = 0; len >= -1; len--) {
		i = len;
		EXPECT_FAILS(WSAEFAULT, getsockopt(s, form->level, form->name, value,
						   &i));
		EXPECT_EQ(len, i);
	}

	memset(value, 0, sizeof(value));
	EXPECT_FAILS(WSAEFAULT, setsockopt(s, form->level, form->name, NULL, 4));
	for (len = -1; len <= 8; len++) {
		if (len >= 0 && len < 4 && !form->takes_short)
			EXPECT_FAILS(WSAEFAULT, setsockopt(s, form->level,
							   form->name, value, len));
		else
			EXPECT_CLEAR(setsockopt(s, form->level, form->name, value,
						len));
	}
	if (!form->boolean || form->name == SO_DEBUG)
		return;

	/* which bytes of the value count */
	for (len = 0; len <= 4; len++) {
		for (i = 0; i < 4; i++) {
			memset(value, 0, sizeof(value));
			value[i] = 0x40;
			check(setsockopt(s, form->level, form->name, value, len));
			j = sizeof(value);
			check(getsockopt(s, form->level, form->name, value, &j));
			EXPECT_EQ(i < len && abs(i - lowest_byte(len)) < form->counted,
				  value[lowest_byte(4)]) {
				TH_LOG("option %d, byte %d of %d", form->name, i, len);
			}
		}
	}
}

TEST_F(stream, lengths_are_as_the_table_has_them)
{
	unsigned int i;

	for (i = 0; i < WS_OPTION_FORMS; i++)
		if (ws_option_forms[i].level == SOL_SOCKET ||
		    variant->family != AF_UNIX)
			check_form(_metadata, self->s, &ws_option_forms[i]);
}

/* L15 */
TEST_F(stream, wild_pointers_are_refused)
{
	static const int names[] = {
		SO_LINGER, SO_DONTLINGER, SO_RCVTIMEO, SO_SNDTIMEO, SO_RCVBUF,
		SO_EXCLUSIVEADDRUSE, SO_REUSEADDR, SO_KEEPALIVE, SO_PRIORITY,
	};
	/* where nothing can be, where nothing is any more, and the kernel's */
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *wild[] = { (void *)1, page, (void *)-8 };
	unsigned int i, j;
	int len, value;

	ASSERT_NE(MAP_FAILED, page);
	munmap(page, 4096);
	for (i = 0; i < 9; i++) {
		for (j = 0; j < 3; j++) {
			EXPECT_FAILS(WSAEFAULT, setsockopt(self->s, SOL_SOCKET,
							   names[i], wild[j], 4));
			if (names[i] != SO_PRIORITY)
				EXPECT_FAILS(WSAEFAULT,
					     setsockopt(self->s, SOL_SOCKET,
							names[i], wild[j], -1));
			len = 4;
			EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET,
							   names[i], wild[j], &len));
			EXPECT_EQ(4, len);
		}
		EXPECT_FAILS(WSAEFAULT, getsockopt(self->s, SOL_SOCKET, names[i],
						   &value, wild[0]));
	}
	for (j = 0; j < 3; j++)
		EXPECT_FAILS(WSAEFAULT, ioctlsocket(self->s, FIONBIO,
						    (u_long *)wild[j]));
	EXPECT_FAILS(WSAEFAULT, ioctlsocket(self->s, FIONREAD, (u_long *)1));
	EXPECT_FAILS(WSAEFAULT, ioctlsocket(self->s, SIOCATMARK, (u_long *)1));
}

/* From here on the library takes every pointer that it has to probe for a wild one. */
static void forbid_probes(void)
{
	fake_answer(SYS_rt_sigprocmask, 0, ~0u, EFAULT);
}

static void expect_option_works(struct __test_metadata *_metadata, SOCKET s,
				int level, int name, int *value)
{
	int len = sizeof(*value);

	EXPECT_CLEAR(setsockopt(s, level, name, value, len));
	EXPECT_CLEAR(getsockopt(s, level, name, value, &len));
}

/* Wherever they are, the kernel itself reads and writes them. */
TEST_F(stream, values_of_four_bytes_cost_no_system_call_of_their_own)
{
	unsigned int i;
	int *value = calloc(1, sizeof(*value));

	ASSERT_NE(NULL, value);
	forbid_probes();
	for (i = 0; i < WS_OPTION_FORMS; i++)
		if (ws_option_forms[i].level == SOL_SOCKET ||
		    variant->family != AF_UNIX)
			expect_option_works(_metadata, self->s,
					    ws_option_forms[i].level,
					    ws_option_forms[i].name, value);
	if (!variant->native) {
		expect_option_works(_metadata, self->s, SOL_SOCKET, SO_LINGER, value);
		expect_option_works(_metadata, self->s, SOL_SOCKET, SO_DONTLINGER,
				    value);
	}
	*value = 1;
	EXPECT_CLEAR(ioctlsocket(self->s, FIONBIO, (u_long *)value));
	free(value);
}

static void *use_timeouts(void *arg)
{
	SOCKET s = *(SOCKET *)arg;
	int value = 250, len = sizeof(value);
	char on = 1;

	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &value, len) ||
	    getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &value, &len) ||
	    setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &value, len) ||
	    setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, 1))
		return NULL;
	return arg;
}

/* Nor do those on the stack, which the library reads. */
TEST_F(stream, variables_of_the_caller_cost_no_system_call_of_their_own)
{
	pthread_t thread;
	void *ret;

	forbid_probes();
	EXPECT_NE(NULL, use_timeouts(&self->s));
	ASSERT_EQ(0, pthread_create(&thread, NULL, use_timeouts, &self->s));
	pthread_join(thread, &ret);
	EXPECT_NE(NULL, ret);
}

/* TCP_NODELAY has one byte, wherever an int has its lowest. */
TEST_F(stream, of_tcp_nodelay_the_lowest_byte_counts)
{
	int value = 0x100, len = sizeof(value);

	if (variant->family == AF_UNIX)
		return;
	EXPECT_CLEAR(setsockopt(self->s, SOL_TCP, TCP_NODELAY, &value, len));
	EXPECT_CLEAR(getsockopt(self->s, SOL_TCP, TCP_NODELAY, &value, &len));
	EXPECT_EQ(0, value);
}

FIXTURE(winsock) {
};

FIXTURE_SETUP(winsock)
{
	start();
}

FIXTURE_TEARDOWN(winsock)
{
	WSACleanup();
}

/* O7 */
TEST_F(winsock, datagram_sockets_do_not_linger)
{
	SOCKET s[] = {
		open_socket(AF_INET, SOCK_DGRAM),
		open_socket(AF_INET6, SOCK_DGRAM),
		native_socket(AF_INET, SOCK_DGRAM),
		native_socket(AF_UNIX, SOCK_DGRAM),
	};
	LINGER linger = { 1, 5 };
	int len = sizeof(linger), i;
	BOOL on = TRUE;

	for (i = 0; i < 4; i++) {
		EXPECT_FAILS(WSAENOPROTOOPT,
			     setsockopt(s[i], SOL_SOCKET, SO_LINGER, &linger, len));
		EXPECT_FAILS(WSAENOPROTOOPT,
			     getsockopt(s[i], SOL_SOCKET, SO_LINGER, &linger, &len));
		EXPECT_FAILS(WSAENOPROTOOPT,
			     setsockopt(s[i], SOL_SOCKET, SO_DONTLINGER, &on, 4));
		EXPECT_FAILS(WSAENOPROTOOPT,
			     getsockopt(s[i], SOL_SOCKET, SO_DONTLINGER, &on, &len));
		EXPECT_EQ(4, len);
		EXPECT_EQ(5, linger.l_linger);
	}
}

/* O8 */
TEST_F(winsock, accepted_sockets_inherit_from_the_listener)
{
	SOCKET listener = open_listener(AF_INET6);
	SOCKET s = open_socket(AF_INET6, SOCK_STREAM), child;
	struct sockaddr_storage addr;
	char ulp[16] = "";
	int len = sizeof(ulp);

	set_linger(listener, 1, 3);
	set_nonblocking(listener, true);
	len = name_of(listener, &addr);
	check(connect(s, (struct sockaddr *)&addr, len));
	wait_for(listener, POLLIN);
	child = check(accept(listener, NULL, NULL));
	expect_linger(_metadata, child, 1, 3);
	EXPECT_TRUE(is_nonblocking(child));
	len = sizeof(ulp);
	EXPECT_CLEAR(getsockopt(child, IPPROTO_TCP, TCP_ULP, ulp, &len));
	EXPECT_STREQ("winsock", ulp);
}

/* L7 */
TEST_F(winsock, so_error_is_winsocks_number)
{
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);
	SOCKET listener = open_listener(AF_INET);
	struct sockaddr_storage addr;
	int error = -1, len;

	len = name_of(listener, &addr);
	check(closesocket(listener));
	set_nonblocking(s, true);
	connect(s, (struct sockaddr *)&addr, len);
	wait_for(s, POLLOUT);
	len = sizeof(error);
	EXPECT_CLEAR(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(WSAECONNREFUSED, error);
	EXPECT_CLEAR(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(0, error);
}

/* L25: the call that met it has reported it. */
TEST_F(winsock, a_reset_is_no_error_of_the_socket_once_it_was_reported)
{
	int error = -1, len = sizeof(error), i;
	struct pair pair;
	char byte;

	open_pair(&pair, AF_INET);
	set_linger(pair.peer, 1, 0);
	check(closesocket(pair.peer));
	wait_for(pair.s, POLLIN);
	for (i = 0; i < 2; i++) {
		EXPECT_FAILS(WSAECONNRESET, recv(pair.s, &byte, 1, 0));
		EXPECT_CLEAR(getsockopt(pair.s, SOL_SOCKET, SO_ERROR, &error, &len));
		EXPECT_EQ(0, error);
	}
}

TEST_F(winsock, values_need_room)
{
	static const int names[] = { SO_RCVTIMEO, SO_EXCLUSIVEADDRUSE, SO_TYPE };
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);
	int i, len = sizeof(int);
	BOOL on = TRUE;

	for (i = 0; i < 3; i++)
		EXPECT_FAILS(WSAEFAULT, getsockopt(s, SOL_SOCKET, names[i], NULL,
						   &len));
	EXPECT_FAILS(WSAEFAULT, getsockopt(s, SOL_SOCKET, SO_TYPE, &on, NULL));
	EXPECT_FAILS(WSAEFAULT, setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
					   &on, 0));
	EXPECT_FAILS(WSAEFAULT, setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
					   NULL, 4));
	len = 0;
	EXPECT_FAILS(WSAEFAULT, getsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
					   &on, &len));
	len = 2;
	EXPECT_FAILS(WSAEFAULT, getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &on, &len));
	EXPECT_EQ(TRUE, on);
}

TEST_F(winsock, what_is_no_socket_has_no_options)
{
	LINGER linger = { 1, 5 };
	int ends[2], i, len = sizeof(linger);
	SOCKET none[] = { 12345, INVALID_SOCKET, 0 };

	ASSERT_EQ(0, pipe(ends));
	none[2] = ends[0];
	for (i = 0; i < 3; i++) {
		EXPECT_FAILS(WSAENOTSOCK, setsockopt(none[i], SOL_SOCKET, SO_LINGER,
						     &linger, len));
		EXPECT_FAILS(WSAENOTSOCK, getsockopt(none[i], SOL_SOCKET, SO_LINGER,
						     &linger, &len));
		EXPECT_FAILS(WSAENOTSOCK, setsockopt(none[i], SOL_SOCKET, SO_LINGER,
						     NULL, 0));
		EXPECT_FAILS(WSAENOTSOCK, getsockopt(none[i], SOL_SOCKET,
						     SO_DONTLINGER, &linger, &len));
		EXPECT_FAILS(WSAENOTSOCK, setsockopt(none[i], SOL_SOCKET,
						     SO_RCVTIMEO, &linger, len));
		EXPECT_FAILS(WSAENOTSOCK, getsockopt(none[i], SOL_SOCKET, SO_TYPE,
						     &linger, &len));
		EXPECT_FAILS(WSAENOTSOCK, setsockopt(none[i], SOL_SOCKET,
						     SO_EXCLUSIVEADDRUSE, &linger, len));
		EXPECT_FAILS(WSAENOTSOCK, getsockopt(none[i], SOL_SOCKET,
						     SO_EXCLUSIVEADDRUSE, &linger, &len));
		EXPECT_FAILS(WSAENOTSOCK, getsockopt(none[i], SOL_SOCKET,
						     SO_RCVTIMEO, &linger, &len));
	}
}

TEST_F(winsock, unknown_options_are_refused)
{
	SOCKET s = open_socket(AF_INET, SOCK_STREAM);
	int value = 1, len = sizeof(value);

	EXPECT_FAILS(WSAENOPROTOOPT, setsockopt(s, SOL_SOCKET, 31337, &value, len));
	EXPECT_FAILS(WSAENOPROTOOPT, getsockopt(s, SOL_SOCKET, 31337, &value, &len));
	EXPECT_FAILS(WSAENOPROTOOPT, setsockopt(s, IPPROTO_TCP, 31337, &value, len));
	/* L13: nor is there such a level */
	EXPECT_FAILS(WSAEINVAL, setsockopt(s, 0xbeef, 1, &value, len));
	EXPECT_FAILS(WSAEINVAL, getsockopt(s, 0xbeef, 1, &value, &len));
}

TEST_HARNESS_MAIN
