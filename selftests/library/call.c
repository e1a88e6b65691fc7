// SPDX-License-Identifier: LGPL-2.1-or-later
/* The calls around closesocket(): names, modes, transfers, addresses. */
#include "suite.h"

FIXTURE(inet) {
	SOCKET listener;
	struct sockaddr_storage addr;
	struct sockaddr *name;
	int len;
};

FIXTURE_VARIANT(inet) {
	int family;
	bool nonblocking;
};

FIXTURE_VARIANT_ADD(inet, ipv4_blocking) {
	.family = AF_INET,
	.nonblocking = false,
};

FIXTURE_VARIANT_ADD(inet, ipv4_nonblocking) {
	.family = AF_INET,
	.nonblocking = true,
};

FIXTURE_VARIANT_ADD(inet, ipv6_blocking) {
	.family = AF_INET6,
	.nonblocking = false,
};

FIXTURE_VARIANT_ADD(inet, ipv6_nonblocking) {
	.family = AF_INET6,
	.nonblocking = true,
};

FIXTURE_SETUP(inet)
{
	start();
	self->listener = open_listener(variant->family);
	set_nonblocking(self->listener, variant->nonblocking);
	self->name = (struct sockaddr *)&self->addr;
	self->len = name_of(self->listener, &self->addr);
}

FIXTURE_TEARDOWN(inet)
{
	WSACleanup();
}

static int room(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) :
				   sizeof(struct sockaddr_in6);
}

static in_port_t port_of(struct sockaddr_storage *addr)
{
	/* at the same place in both */
	return ((struct sockaddr_in *)addr)->sin_port;
}

static void connect_to(SOCKET s, SOCKET listener)
{
	struct sockaddr_storage addr;
	int len = name_of(listener, &addr);

	if (connect(s, (struct sockaddr *)&addr, len) == SOCKET_ERROR &&
	    WSAGetLastError() != WSAEWOULDBLOCK)
		errx(EXIT_FAILURE, "connect: error %d", WSAGetLastError());
	wait_for(s, POLLOUT);
	wait_for(listener, POLLIN);
}

TEST_F(inet, a_connection_with_names_at_both_ends)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM), child;
	struct sockaddr_storage from, local, peer;
	int len = sizeof(from);
	char buf[8];

	set_nonblocking(s, variant->nonblocking);
	connect_to(s, self->listener);
	child = check(accept(self->listener, (struct sockaddr *)&from, &len));
	EXPECT_EQ(room(variant->family), len);
	EXPECT_EQ(variant->nonblocking, is_nonblocking(child));

	len = sizeof(local);
	EXPECT_WORKS(getsockname(s, (struct sockaddr *)&local, &len));
	EXPECT_EQ(room(variant->family), len);
	EXPECT_EQ(0, memcmp(&local, &from, len));
	EXPECT_WORKS(getpeername(s, (struct sockaddr *)&peer, &len));
	EXPECT_EQ(port_of(&self->addr), port_of(&peer));

	EXPECT_EQ(5, send(s, "hello", 5, 0));
	wait_for(child, POLLIN);
	EXPECT_EQ(3, recv(child, buf, 3, 0));
	EXPECT_EQ(2, recv(child, buf + 3, 5, 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_WORKS(shutdown(s, SD_SEND));
	wait_for(child, POLLIN);
	EXPECT_EQ(0, recv(child, buf, sizeof(buf), 0));
	EXPECT_WORKS(closesocket(child));
	EXPECT_WORKS(closesocket(s));
}

/* Nothing may be lost to an argument that cannot be filled. */
TEST_F(inet, accept_needs_room_for_the_address)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage from;
	int len = room(variant->family) - 1;

	connect_to(s, self->listener);
	memset(&from, 0xcc, sizeof(from));
	EXPECT_FAILS(WSAEFAULT, accept(self->listener, (struct sockaddr *)&from,
				       &len));
	EXPECT_EQ(room(variant->family) - 1, len);
	EXPECT_EQ(0xcccc, from.ss_family);
	EXPECT_WORKS(accept(self->listener, NULL, NULL));

	/* L13: half of a question is none */
	s = open_socket(variant->family, SOCK_STREAM);
	connect_to(s, self->listener);
	EXPECT_WORKS(accept(self->listener, (struct sockaddr *)&from, NULL));
	EXPECT_EQ(0xcccc, from.ss_family);
}

TEST_F(inet, names_need_room)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	int len = room(variant->family) - 1;

	connect_to(s, self->listener);
	memset(&addr, 0xcc, sizeof(addr));
	EXPECT_FAILS(WSAEFAULT, getsockname(s, (struct sockaddr *)&addr, &len));
	EXPECT_FAILS(WSAEFAULT, getpeername(s, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(room(variant->family) - 1, len);
	EXPECT_EQ(0xcccc, addr.ss_family);
	len++;
	EXPECT_FAILS(WSAEFAULT, getsockname(s, NULL, &len));
	EXPECT_FAILS(WSAEFAULT, getsockname(s, (struct sockaddr *)&addr, NULL));
	EXPECT_WORKS(getsockname(s, (struct sockaddr *)&addr, &len));
}

TEST_F(inet, binding)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	int len = loopback(variant->family, &addr);
	struct sockaddr *name = (struct sockaddr *)&addr;
	int got = sizeof(addr);

	EXPECT_FAILS(WSAEFAULT, bind(s, NULL, len));
	EXPECT_FAILS(WSAEFAULT, bind(s, name, 3));
	EXPECT_FAILS(WSAEADDRINUSE, bind(s, self->name, self->len));
	addr.ss_family = 77;
	EXPECT_FAILS(WSAEAFNOSUPPORT, bind(s, name, len));
	/* still unbound: a name it has not, and it cannot listen */
	EXPECT_FAILS(WSAEINVAL, getsockname(s, name, &got));
	EXPECT_FAILS(WSAEINVAL, listen(s, 1));
	EXPECT_FAILS(WSAEINVAL, accept(s, NULL, NULL));

	len = loopback(variant->family, &addr);
	EXPECT_WORKS(bind(s, name, len));
	EXPECT_FAILS(WSAEINVAL, bind(s, name, len));
	EXPECT_FAILS(WSAEINVAL, accept(s, NULL, NULL));
	EXPECT_WORKS(getsockname(s, name, &got));
	EXPECT_NE(0, port_of(&addr));
	EXPECT_WORKS(listen(s, SOMAXCONN));
	EXPECT_WORKS(listen(s, 1));
}

static SOCKET bound_to(int family, const struct sockaddr_storage *addr, int len)
{
	SOCKET s = open_socket(family, SOCK_STREAM);

	return bind(s, (struct sockaddr *)addr, len) ? INVALID_SOCKET : s;
}

static BOOL reuse_of(SOCKET s)
{
	BOOL on = -1;
	int len = sizeof(on);

	check(getsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, &len));
	return on;
}

/* Leaves a connection in TIME_WAIT at the listener's address. */
static void end_first(SOCKET listener, int family)
{
	SOCKET s = open_socket(family, SOCK_STREAM), child;
	char byte;

	connect_to(s, listener);
	child = check(accept(listener, NULL, NULL));
	set_nonblocking(child, false);
	check(shutdown(child, SD_SEND));
	check(recv(s, &byte, 1, 0));
	check(closesocket(s));
	check(recv(child, &byte, 1, 0));
	check(closesocket(child));
}

/* L12 */
TEST_F(inet, a_server_starts_again_over_old_connections)
{
	SOCKET listener, other;
	int i;

	for (i = 0; i < 3; i++) {
		end_first(self->listener, variant->family);
		EXPECT_FALSE(reuse_of(self->listener));
		check(closesocket(self->listener));
		listener = bound_to(variant->family, &self->addr, self->len);
		ASSERT_NE(INVALID_SOCKET, listener);
		EXPECT_FALSE(reuse_of(listener));
		/* no second one can have the port, be it bound or listening */
		other = bound_to(variant->family, &self->addr, self->len);
		EXPECT_EQ(INVALID_SOCKET, other);
		EXPECT_EQ(WSAEADDRINUSE, WSAGetLastError());
		EXPECT_WORKS(listen(listener, 5));
		EXPECT_FALSE(reuse_of(listener));
		other = bound_to(variant->family, &self->addr, self->len);
		EXPECT_EQ(INVALID_SOCKET, other);
		EXPECT_EQ(WSAEADDRINUSE, WSAGetLastError());
		self->listener = listener;
	}
}

/* L12: neither of them is what the library has set. */
TEST_F(inet, addresses_are_shared_as_the_program_says)
{
	SOCKET s = bound_to(variant->family, &self->addr, self->len);
	struct sockaddr_storage addr;
	int len = loopback(variant->family, &addr);
	BOOL on = TRUE, value = -1;
	int size = sizeof(value);

	EXPECT_EQ(INVALID_SOCKET, s);
	/* one that listens already */
	EXPECT_CLEAR(setsockopt(self->listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
				&on, sizeof(on)));
	EXPECT_CLEAR(getsockopt(self->listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
				&value, &size));
	EXPECT_EQ(TRUE, value);
	EXPECT_FALSE(reuse_of(self->listener));

	s = open_socket(variant->family, SOCK_STREAM);
	check(setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on, sizeof(on)));
	check(bind(s, (struct sockaddr *)&addr, len));
	EXPECT_WORKS(listen(s, 1));
	EXPECT_FALSE(reuse_of(s));
	len = name_of(s, &addr);
	end_first(s, variant->family);
	check(closesocket(s));
	/* exclusive means from old connections, too */
	EXPECT_EQ(INVALID_SOCKET, bound_to(variant->family, &addr, len));

	s = open_socket(variant->family, SOCK_STREAM);
	check(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	len = loopback(variant->family, &addr);
	check(bind(s, (struct sockaddr *)&addr, len));
	EXPECT_TRUE(reuse_of(s));
	EXPECT_WORKS(listen(s, 1));
	EXPECT_TRUE(reuse_of(s));
	connect_to(open_socket(variant->family, SOCK_STREAM), s);
	EXPECT_TRUE(reuse_of(check(accept(s, NULL, NULL))));
}

/* Linux would have it listen no more, behind the back of its acceptors. */
TEST_F(inet, a_listener_cannot_be_shut_down)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM);

	EXPECT_FAILS(WSAENOTCONN, shutdown(self->listener, SD_BOTH));
	connect_to(s, self->listener);
	EXPECT_WORKS(accept(self->listener, NULL, NULL));
	EXPECT_FAILS(WSAEISCONN, listen(s, 1));
	EXPECT_FAILS(WSAEINVAL, shutdown(s, 3));
	EXPECT_FAILS(WSAEINVAL, shutdown(s, -1));
	EXPECT_EQ(1, send(s, "x", 1, 0));
}

TEST_F(inet, nobody_to_accept)
{
	DWORD ms = 300;
	long before = now_ms();

	if (variant->nonblocking) {
		EXPECT_FAILS(WSAEWOULDBLOCK, accept(self->listener, NULL, NULL));
		EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	} else {
		check(setsockopt(self->listener, SOL_SOCKET, SO_RCVTIMEO, &ms,
				 sizeof(ms)));
		EXPECT_FAILS(WSAETIMEDOUT, accept(self->listener, NULL, NULL));
		EXPECT_LE(250, now_ms() - before);
	}
}

/* Programs bind one port for each family. */
TEST_F(inet, both_families_share_a_port_number)
{
	int other = variant->family == AF_INET ? AF_INET6 : AF_INET;
	SOCKET s = open_socket(other, SOCK_STREAM);
	struct sockaddr_storage addr;
	int len;

	memset(&addr, 0, sizeof(addr));
	addr.ss_family = other;
	((struct sockaddr_in *)&addr)->sin_port = port_of(&self->addr);
	len = room(other);
	EXPECT_WORKS(bind(s, (struct sockaddr *)&addr, len));
	EXPECT_WORKS(listen(s, 1));
}

TEST_F(inet, datagrams)
{
	SOCKET a = open_socket(variant->family, SOCK_DGRAM);
	SOCKET b = open_socket(variant->family, SOCK_DGRAM);
	struct sockaddr_storage addr, from, own;
	int len = loopback(variant->family, &addr);
	struct sockaddr *name = (struct sockaddr *)&addr;
	char buf[8];

	EXPECT_WORKS(bind(a, name, len));
	EXPECT_WORKS(getsockname(a, name, &len));
	EXPECT_EQ(5, sendto(b, "hello", 5, 0, name, len));
	EXPECT_EQ(0, sendto(b, "", 0, 0, name, len));
	EXPECT_EQ(9, sendto(b, "too large", 9, 0, name, len));
	EXPECT_EQ(2, sendto(b, "me", 2, 0, name, len));
	set_nonblocking(a, variant->nonblocking);

	len = sizeof(from);
	wait_for(a, POLLIN);
	EXPECT_EQ(5, recvfrom(a, buf, sizeof(buf), 0, (struct sockaddr *)&from,
			      &len));
	EXPECT_EQ(room(variant->family), len);
	len = sizeof(own);
	EXPECT_WORKS(getsockname(b, (struct sockaddr *)&own, &len));
	EXPECT_EQ(port_of(&own), port_of(&from));
	wait_for(a, POLLIN);
	EXPECT_EQ(0, recv(a, buf, sizeof(buf), 0));

	/* what fits is there, and the call says that it is not all */
	memset(buf, 0, sizeof(buf));
	wait_for(a, POLLIN);
	EXPECT_FAILS(WSAEMSGSIZE, recv(a, buf, 3, 0));
	EXPECT_EQ(0, memcmp(buf, "too\0", 4));

	/* no room for the address, nothing taken */
	len = 3;
	wait_for(a, POLLIN);
	EXPECT_FAILS(WSAEFAULT, recvfrom(a, buf, 2, 0, (struct sockaddr *)&from,
					 &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(2, recv(a, buf, sizeof(buf), 0));
	EXPECT_FAILS(WSAEOPNOTSUPP, accept(a, NULL, NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, listen(a, 1));
}

TEST_F(inet, ioctls)
{
	SOCKET s = open_socket(variant->family, SOCK_STREAM), child;
	unsigned long wide = ~0ul;
	u_long word;
	DWORD dword;
	char byte;

	connect_to(s, self->listener);
	child = check(accept(self->listener, NULL, NULL));
	ASSERT_EQ(5, send(s, "hello", 5, 0));
	wait_for(child, POLLIN);

	EXPECT_FAILS(WSAEFAULT, ioctlsocket(s, FIONBIO, NULL));
	EXPECT_FALSE(is_nonblocking(s));
	word = 0x100;
	EXPECT_CLEAR(ioctlsocket(s, FIONBIO, &word));
	EXPECT_TRUE(is_nonblocking(s));
	word = 0;
	EXPECT_CLEAR(ioctlsocket(s, FIONBIO, &word));
	EXPECT_FALSE(is_nonblocking(s));

	EXPECT_FAILS(WSAEFAULT, ioctlsocket(child, FIONREAD, NULL));
	EXPECT_CLEAR(ioctlsocket(child, FIONREAD, &word));
	EXPECT_EQ(5, word);
	EXPECT_CLEAR(ioctlsocket(child, FIONREAD, &dword));
	EXPECT_EQ(5, dword);
	EXPECT_CLEAR(ioctlsocket(child, FIONREAD, &wide));
	EXPECT_EQ(5, wide);

	/* nonzero unless an urgent byte waits */
	EXPECT_CLEAR(ioctlsocket(child, SIOCATMARK, &word));
	EXPECT_EQ(1, word);
	ASSERT_EQ(1, send(s, "!", 1, MSG_OOB));
	wait_for(child, POLLPRI);
	EXPECT_CLEAR(ioctlsocket(child, SIOCATMARK, &word));
	EXPECT_EQ(0, word);
	ASSERT_EQ(1, recv(child, &byte, 1, MSG_OOB));
	EXPECT_EQ('!', byte);
	EXPECT_CLEAR(ioctlsocket(child, SIOCATMARK, &word));
	EXPECT_EQ(1, word);

	EXPECT_FAILS(WSAEOPNOTSUPP, ioctlsocket(s, 0x12345678, &word));
	EXPECT_FAILS(WSAEOPNOTSUPP, ioctlsocket(s, 0, NULL));
}

/* A socket(2) socket works with every call, and accept has it attached. */
TEST_F(inet, sockets_from_elsewhere)
{
	SOCKET listener = native_socket(variant->family, SOCK_STREAM), child;
	SOCKET s = native_socket(variant->family, SOCK_STREAM);
	struct sockaddr_storage addr;
	int len = loopback(variant->family, &addr);
	struct sockaddr *name = (struct sockaddr *)&addr;
	char ulp[16] = "";

	EXPECT_WORKS(bind(listener, name, len));
	EXPECT_WORKS(listen(listener, 5));
	EXPECT_WORKS(getsockname(listener, name, &len));
	EXPECT_WORKS(connect(s, name, len));
	child = check(accept(listener, NULL, NULL));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_EQ(1, recv(child, ulp, sizeof(ulp), 0));
	len = sizeof(ulp);
	EXPECT_CLEAR(getsockopt(child, IPPROTO_TCP, TCP_ULP, ulp, &len));
	EXPECT_STREQ("winsock", ulp);
	EXPECT_WORKS(closesocket(child));
	EXPECT_WORKS(closesocket(s));
	EXPECT_WORKS(closesocket(listener));
}

FIXTURE(stream) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
};

FIXTURE_VARIANT(stream) {
	int family;
};

FIXTURE_VARIANT_ADD(stream, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(stream, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(stream)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
}

FIXTURE_TEARDOWN(stream)
{
	WSACleanup();
}

#define LARGE	(1024 * 1024)

/* L3: Linux's send() would return early. */
TEST_F(stream, a_blocking_send_sends_everything_through_signals)
{
	char *data = malloc(LARGE);
	struct drainer drainer;
	struct signaller signaller;
	int i;

	for (i = 0; i < LARGE; i++)
		data[i] = i % 251;
	drainer_start(&drainer, self->peer, 500);
	signaller_start(&signaller, 20);
	EXPECT_EQ(LARGE, send(self->s, data, LARGE, 0));
	signaller_stop(&signaller);
	EXPECT_LT(2, signals_handled);
	EXPECT_WORKS(closesocket(self->s));
	EXPECT_EQ(LARGE, drainer_join(&drainer));
	free(data);
}

/* Returns what was sent before the timeout; the rest is the program's. */
TEST_F(stream, a_send_that_times_out_returns_what_it_sent)
{
	char *data = calloc(1, LARGE);
	DWORD ms = 300;
	long before = now_ms(), n;

	EXPECT_CLEAR(setsockopt(self->s, SOL_SOCKET, SO_SNDTIMEO, &ms, sizeof(ms)));
	n = send(self->s, data, LARGE, 0);
	EXPECT_LT(0, n);
	EXPECT_GT(LARGE, n);
	EXPECT_LE(250, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	free(data);
}

TEST_F(stream, a_nonblocking_send_returns_what_it_sent)
{
	char *data = calloc(1, LARGE);
	long n;

	set_nonblocking(self->s, true);
	n = send(self->s, data, LARGE, 0);
	EXPECT_LT(0, n);
	EXPECT_GT(LARGE, n);
	free(data);
}

static void *send_in_pieces(void *arg)
{
	SOCKET s = (SOCKET)arg;
	int i;

	for (i = 0; i < 10; i++) {
		usleep(50000);
		send(s, "0123456789", 10, 0);
	}
	return NULL;
}

TEST_F(stream, receiving_waits_through_signals)
{
	pthread_t thread;
	struct signaller signaller;
	char buf[100];

	signaller_start(&signaller, 20);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_in_pieces,
				    (void *)self->peer));
	EXPECT_EQ(1, recv(self->s, buf, 1, 0));
	EXPECT_EQ(99, recv(self->s, buf + 1, 99, MSG_WAITALL));
	signaller_stop(&signaller);
	pthread_join(thread, NULL);
	EXPECT_LT(2, signals_handled);
	EXPECT_EQ(0, memcmp(buf + 90, "0123456789", 10));
}

static void *connect_later(void *arg)
{
	struct sockaddr_storage addr;
	socklen_t len = name_of((SOCKET)arg, &addr);
	SOCKET s = open_socket(addr.ss_family, SOCK_STREAM);

	usleep(300000);
	check(connect(s, (struct sockaddr *)&addr, len));
	return NULL;
}

TEST_F(stream, accepting_waits_through_signals)
{
	SOCKET listener = open_listener(variant->family);
	pthread_t thread;
	struct signaller signaller;

	signaller_start(&signaller, 20);
	ASSERT_EQ(0, pthread_create(&thread, NULL, connect_later,
				    (void *)listener));
	EXPECT_WORKS(accept(listener, NULL, NULL));
	signaller_stop(&signaller);
	pthread_join(thread, NULL);
	EXPECT_LT(2, signals_handled);
}

TEST(names_and_numbers)
{
	struct addrinfo hints, *list;
	unsigned char raw[16];
	char host[64], service[16];
	unsigned short half;
	u_long word;
	SOCKET s;

	start();
	memset(&hints, 0, sizeof(hints));
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	EXPECT_EQ(0, getaddrinfo("::1", "80", &hints, &list));
	EXPECT_EQ(AF_INET6, list->ai_family);
	EXPECT_EQ(0, getnameinfo(list->ai_addr, list->ai_addrlen, host,
				 sizeof(host), service, sizeof(service),
				 NI_NUMERICHOST | NI_NUMERICSERV));
	EXPECT_STREQ("::1", host);
	EXPECT_STREQ("80", service);
	freeaddrinfo(list);

	errno = POISON_ERRNO;
	WSASetLastError(0);
	list = (void *)1;
	EXPECT_EQ(EAI_NONAME, getaddrinfo("no number", "80", &hints, &list));
	EXPECT_NULL(list);
	EXPECT_EQ(WSAHOST_NOT_FOUND, EAI_NONAME);
	EXPECT_EQ(WSAHOST_NOT_FOUND, WSAGetLastError());
	EXPECT_EQ(POISON_ERRNO, errno);
	EXPECT_LT(0, strlen(gai_strerror(EAI_NONAME)));
	hints.ai_family = 4711;
	EXPECT_EQ(WSAEAFNOSUPPORT, getaddrinfo("::1", "80", &hints, &list));
	hints.ai_family = AF_UNSPEC;
	hints.ai_flags = -1;
	EXPECT_EQ(WSAEINVAL, getaddrinfo("::1", "80", &hints, &list));

	/* L18 */
	EXPECT_EQ(WSAEFAULT, getaddrinfo("::1", "80", NULL, NULL));
	EXPECT_EQ(0, getaddrinfo("", "80", NULL, &list));
	EXPECT_NE(0, list->ai_addrlen);
	freeaddrinfo(list);
	EXPECT_EQ(0, getaddrinfo("", NULL, NULL, &list));
	freeaddrinfo(list);
	memset(&hints, 0, sizeof(hints));
	EXPECT_EQ(0, getaddrinfo("127.0.0.1", "80", NULL, &list));
	EXPECT_EQ(0, list->ai_socktype);
	EXPECT_EQ(0, list->ai_protocol);
	EXPECT_NULL(list->ai_next);
	freeaddrinfo(list);
	hints.ai_socktype = SOCK_STREAM;
	EXPECT_EQ(0, getaddrinfo("127.0.0.1", "80", &hints, &list));
	EXPECT_EQ(SOCK_STREAM, list->ai_socktype);
	EXPECT_EQ(0, list->ai_protocol);
	freeaddrinfo(list);
	hints.ai_protocol = IPPROTO_UDP;
	EXPECT_EQ(0, getaddrinfo("127.0.0.1", "80", &hints, &list));
	EXPECT_EQ(SOCK_STREAM, list->ai_socktype);
	EXPECT_EQ(IPPROTO_UDP, list->ai_protocol);
	freeaddrinfo(list);

	EXPECT_EQ(1, inet_pton(AF_INET, "127.0.0.1", raw));
	EXPECT_EQ(0, inet_pton(AF_INET, "127.0.0.1.1", raw));
	EXPECT_FAILS(WSAEAFNOSUPPORT, inet_pton(4711, "127.0.0.1", raw));
	EXPECT_FAILS(WSAEFAULT, InetPton(AF_INET, NULL, raw));
	EXPECT_STREQ("127.0.0.1", InetNtop(AF_INET, raw, host, sizeof(host)));
	WSASetLastError(0);
	EXPECT_NULL(inet_ntop(AF_INET, raw, host, 3));
	EXPECT_EQ(WSA_INVALID_PARAMETER, WSAGetLastError());
	EXPECT_NULL(inet_ntop(4711, raw, host, sizeof(host)));
	EXPECT_EQ(WSAEAFNOSUPPORT, WSAGetLastError());
	EXPECT_EQ(htonl(INADDR_LOOPBACK), inet_addr("127.0.0.1"));

	s = open_socket(AF_INET, SOCK_DGRAM);
	EXPECT_WORKS(WSAHtonl(s, 0x01020304, &word));
	EXPECT_EQ(htonl(0x01020304), word);
	EXPECT_WORKS(WSANtohl(s, word, &word));
	EXPECT_EQ(0x01020304, word);
	EXPECT_WORKS(WSAHtons(s, 0x0102, &half));
	EXPECT_EQ(htons(0x0102), half);
	EXPECT_WORKS(WSANtohs(s, half, &half));
	EXPECT_EQ(0x0102, half);
	EXPECT_FAILS(WSAEFAULT, WSAHtonl(s, 1, NULL));
}

/* What is no socket of the Internet is bound or not as it likes. */
TEST(a_local_socket_listens)
{
	SOCKET s;

	start();
	s = native_socket(AF_UNIX, SOCK_STREAM);
	check(bind(s, (struct sockaddr *)&(struct sockaddr) { AF_UNIX }, 2));
	EXPECT_WORKS(listen(s, 1));
	WSACleanup();
}

TEST(errors_have_texts)
{
	EXPECT_EQ(0, strcmp("Unknown error -12345", winsock_strerror(-12345)));
	EXPECT_NE(0, strncmp("Unknown", winsock_strerror(WSAEWOULDBLOCK), 7));
}

TEST_HARNESS_MAIN
