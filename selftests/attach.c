// SPDX-License-Identifier: GPL-2.0
/*
 * What can be attached and what cannot, and that nobody else notices: kTLS,
 * sockmap, MPTCP, IPV6_ADDRFORM, children and listeners.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <linux/bpf.h>
#include <linux/tls.h>

#include "support/suite.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif
#ifndef SOL_TLS
#define SOL_TLS		282
#endif

#define NO_COUNT	"kernel: built in, the module has no references to count"

static long references(void)
{
	long count = module_is_built_in() ? 0 : module_references();

	if (count < 0)
		fail("no reference count of the module");
	return count;
}

/* The name of its ULP, or "" */
static const char *ulp(int fd)
{
	static char name[16];
	socklen_t len = sizeof(name);

	memset(name, 0, sizeof(name));
	check(getsockopt(fd, SOL_TCP, TCP_ULP, name, &len));
	return name;
}

FIXTURE(attach) {
	struct pair pair;
};

FIXTURE_VARIANT(attach) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(attach, ipv4)
	KIND(AF_INET, false, false);
FIXTURE_VARIANT_ADD(attach, ipv6)
	KIND(AF_INET6, false, false);

/* A plain pair; the tests attach. */
FIXTURE_SETUP(attach)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(attach);

static void expect_works(struct __test_metadata *_metadata, int fd, int peer)
{
	char byte;

	EXPECT_EQ(1, send(fd, "a", 1, 0));
	wait_ready(peer, POLLIN);
	EXPECT_EQ(1, recv(peer, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ('a', byte);
	EXPECT_EQ(1, send(peer, "b", 1, 0));
	wait_ready(fd, POLLIN);
	EXPECT_EQ(1, recv(fd, &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ('b', byte);
}

TEST_F(attach, changes_nothing_about_the_connection)
{
	struct pair *pair = &self->pair;
	unsigned int packets = wire_look(&pair->wire)->sent.packets;

	ASSERT_EQ(0, winsock_attach(pair->fd));
	EXPECT_STREQ(WINSOCK_ULP, ulp(pair->fd));
	EXPECT_EQ(packets, wire_look(&pair->wire)->sent.packets);
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	expect_works(_metadata, pair->fd, pair->peer);
}

TEST_F(attach, happens_only_once)
{
	struct pair *pair = &self->pair;
	long before;

	ASSERT_EQ(0, winsock_attach(pair->fd));
	before = references();
	EXPECT_EQ(-EEXIST, winsock_attach(pair->fd));
	EXPECT_EQ(-EEXIST, winsock_attach(pair->fd));
	EXPECT_EQ(before, references());
	expect_works(_metadata, pair->fd, pair->peer);
}

/* kTLS: keys that are the same in both directions will do. */

static int tls_attach(int fd)
{
	return setsockopt(fd, SOL_TCP, TCP_ULP, "tls", 3) < 0 ? -errno : 0;
}

static int tls_key(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_2_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
		.key = "0123456789abcde",
	};

	return setsockopt(fd, SOL_TLS, direction, &info, sizeof(info)) < 0 ?
	       -errno : 0;
}

/* A record through a new pair of sockets that have nothing to do with us. */
static void expect_tls_works(struct __test_metadata *_metadata,
			     const struct kind *kind)
{
	struct kind plain = { kind->family, false, false };
	struct pair pair;
	char text[6] = "";

	pair_open(&pair, &plain);
	EXPECT_EQ(0, tls_attach(pair.fd));
	EXPECT_EQ(0, tls_attach(pair.peer));
	EXPECT_STREQ("tls", ulp(pair.fd));
	EXPECT_EQ(0, tls_key(pair.fd, TLS_TX));
	EXPECT_EQ(0, tls_key(pair.peer, TLS_RX));
	EXPECT_EQ(5, send(pair.fd, "hello", 5, 0));
	wait_ready(pair.peer, POLLIN);
	EXPECT_EQ(5, recv(pair.peer, text, 5, MSG_DONTWAIT));
	EXPECT_STREQ("hello", text);
	close(pair.fd);
	close(pair.peer);
	close(pair.wire.fd);
}

static bool have_tls(int fd)
{
	int err = tls_attach(fd);

	if (err && err != -ENOENT)
		fail("TCP_ULP \"tls\": %s", strerror(-err));
	return !err;
}

#define NO_TLS	"kernel: no kTLS"

TEST_F(attach, is_refused_where_ktls_came_first)
{
	struct pair *pair = &self->pair;
	long before = references();

	if (!have_tls(pair->fd))
		SKIP(return, NO_TLS);
	EXPECT_EQ(-EEXIST, winsock_attach(pair->fd));
	EXPECT_STREQ("tls", ulp(pair->fd));
	EXPECT_EQ(before, references());
	ASSERT_EQ(0, tls_key(pair->fd, TLS_TX));
	EXPECT_EQ(5, send(pair->fd, "hello", 5, 0));
}

/* Neither recorded nor attached: closed as an ordinary socket is. */
TEST_F(attach, closesocket_closes_a_ktls_socket_too)
{
	struct pair *pair = &self->pair;
	char text[5];

	if (!have_tls(pair->fd))
		SKIP(return, NO_TLS);
	ASSERT_EQ(0, tls_attach(pair->peer));
	ASSERT_EQ(0, tls_key(pair->fd, TLS_TX));
	ASSERT_EQ(0, tls_key(pair->peer, TLS_RX));
	ASSERT_EQ(5, send(pair->fd, "hello", 5, 0));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	wait_ready(pair->peer, POLLIN);
	EXPECT_EQ(5, recv(pair->peer, text, 5, 0));
	EXPECT_EQ(0, recv(pair->peer, text, 5, 0));
}

/* What another ULP or a sockmap may hold of the queue is not ours to discard. */
static void expect_native_reset(struct __test_metadata *_metadata, struct pair *pair)
{
	check(send(pair->peer, "unread", 6, 0));
	wait_ready(pair->fd, POLLIN);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	wire_look(&pair->wire);
	EXPECT_LE(1, pair->wire.sent.rst);
	EXPECT_EQ(0, pair->wire.sent.fin);
}

TEST_F(attach, unread_data_of_a_ktls_socket_reset_as_ever)
{
	struct pair *pair = &self->pair;

	if (!have_tls(pair->fd))
		SKIP(return, NO_TLS);
	expect_native_reset(_metadata, pair);
}

TEST_F(attach, excludes_ktls)
{
	struct pair *pair = &self->pair;
	struct kind kind = variant->kind;
	struct pair other;

	pair_open(&other, &kind);
	if (!have_tls(other.fd))
		SKIP(return, NO_TLS);
	ASSERT_EQ(0, winsock_attach(pair->fd));
	EXPECT_EQ(-EEXIST, tls_attach(pair->fd));
	EXPECT_STREQ(WINSOCK_ULP, ulp(pair->fd));
	EXPECT_EQ(-ENOPROTOOPT, tls_key(pair->fd, TLS_TX));
	expect_works(_metadata, pair->fd, pair->peer);
}

/*
 * kTLS copies the operations of the first socket that it meets for all that
 * follow: it must never meet ours.
 */
TEST_F(attach, leaves_ktls_on_other_sockets_alone)
{
	struct pair *pair = &self->pair;
	struct kind kind = variant->kind;
	struct pair other;
	long before;

	ASSERT_EQ(0, winsock_attach(pair->fd));
	tls_attach(pair->fd);
	before = references();
	pair_open(&other, &kind);
	if (!have_tls(other.fd))
		SKIP(return, NO_TLS);
	expect_tls_works(_metadata, &kind);
	EXPECT_EQ(before, references());
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_tls_works(_metadata, &kind);
}

/* sockmap */

static int bpf(int cmd, union bpf_attr *attr)
{
	int result = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return result < 0 ? -errno : result;
}

static int sockmap(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_SOCKMAP,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 4,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

static int sockmap_put(int map, int fd)
{
	unsigned int key = 0;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&fd,
	};

	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

TEST_F(attach, is_refused_for_a_socket_in_a_sockmap)
{
	struct pair *pair = &self->pair;
	long before = references();
	int map = sockmap();

	if (map == -EINVAL)
		SKIP(return, "kernel: no sockmap");
	ASSERT_LE(0, map);
	ASSERT_EQ(0, sockmap_put(map, pair->fd));
	EXPECT_EQ(-EBUSY, winsock_attach(pair->fd));
	EXPECT_STREQ("", ulp(pair->fd));
	EXPECT_EQ(before, references());
	expect_works(_metadata, pair->fd, pair->peer);

	/* And closesocket() treats it as an ordinary socket. */
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	close(map);
}

TEST_F(attach, unread_data_of_a_socket_in_a_sockmap_reset_as_ever)
{
	struct pair *pair = &self->pair;
	int map = sockmap();

	if (map == -EINVAL)
		SKIP(return, "kernel: no sockmap");
	ASSERT_LE(0, map);
	ASSERT_EQ(0, sockmap_put(map, pair->fd));
	expect_native_reset(_metadata, pair);
	close(map);
}

TEST_F(attach, excludes_sockmap)
{
	struct pair *pair = &self->pair;
	int map = sockmap();

	if (map == -EINVAL)
		SKIP(return, "kernel: no sockmap");
	ASSERT_LE(0, map);
	ASSERT_EQ(0, winsock_attach(pair->fd));
	EXPECT_EQ(-EINVAL, sockmap_put(map, pair->fd));
	EXPECT_STREQ(WINSOCK_ULP, ulp(pair->fd));
	expect_works(_metadata, pair->fd, pair->peer);
	close(map);
}

/* Other kinds of socket */

FIXTURE(kinds) {
};

FIXTURE_VARIANT(kinds) {
	int domain;
	int type;
	int protocol;
	int error;
};

#define KINDS(domain, type, protocol, error)	{ domain, type, protocol, error }

FIXTURE_VARIANT_ADD(kinds, mptcp)
	KINDS(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, mptcp_ipv6)
	KINDS(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, raw)
	KINDS(AF_INET, SOCK_RAW, IPPROTO_ICMP, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, raw_ipv6)
	KINDS(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, unix_stream)
	KINDS(AF_UNIX, SOCK_STREAM, 0, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, unix_datagram)
	KINDS(AF_UNIX, SOCK_DGRAM, 0, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, netlink)
	KINDS(AF_NETLINK, SOCK_RAW, 0, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, packet)
	KINDS(AF_PACKET, SOCK_DGRAM, 0, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, unknown_family)
	KINDS(60, SOCK_STREAM, 0, EAFNOSUPPORT);
FIXTURE_VARIANT_ADD(kinds, unknown_protocol)
	KINDS(AF_INET, SOCK_STREAM, 250, EOPNOTSUPP);
FIXTURE_VARIANT_ADD(kinds, wrong_protocol)
	KINDS(AF_INET, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT);

FIXTURE_SETUP(kinds)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(kinds)
{
}

TEST_F(kinds, cannot_be_made_attached)
{
	long before = references();
	int fd, next;

	if (variant->protocol == IPPROTO_MPTCP) {
		fd = socket(variant->domain, variant->type, variant->protocol);
		if (fd < 0)
			SKIP(return, "kernel: no MPTCP");
		close(fd);
	}
	next = check(dup(0));
	close(next);
	EXPECT_EQ(-variant->error, ioc_socket(variant->domain,
					      variant->type,
						  variant->protocol));
	/* No number was used up and no reference stayed. */
	EXPECT_EQ(next, fcntl(0, F_DUPFD, 0));
	EXPECT_EQ(before, references());
}

TEST_F(kinds, cannot_be_attached_but_can_be_closed)
{
	long before = references();
	int fd = socket(variant->domain, variant->type, variant->protocol);

	if (fd < 0)
		return;
	EXPECT_GT(0, winsock_attach(fd));
	EXPECT_EQ(before, references());
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_FALSE(fd_is_open(fd));
}

/* IPV6_ADDRFORM replaces the operations of a socket by those of IPv4. */
static int addrform(int fd)
{
	int family = AF_INET;

	return setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family,
			  sizeof(family)) < 0 ? -errno : 0;
}

/* An IPv6 socket that is connected to an IPv4 address. */
static void connect_mapped(int fd, int type)
{
	struct sockaddr_in6 mapped = {
		.sin6_family = AF_INET6,
		.sin6_addr.s6_addr = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff,
				       127, 0, 0, 1 },
	};
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int peer = check(socket(AF_INET, type, 0));

	check(bind(peer, (struct sockaddr *)&addr, len));
	check(getsockname(peer, (struct sockaddr *)&addr, &len));
	if (type == SOCK_STREAM)
		check(listen(peer, 1));
	mapped.sin6_port = addr.sin_port;
	check(connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)));
}

FIXTURE(form) {
};

FIXTURE_VARIANT(form) {
	int type;
};

#define FORM(type)	{ type }

FIXTURE_VARIANT_ADD(form, stream)
	FORM(SOCK_STREAM);
FIXTURE_VARIANT_ADD(form, datagram)
	FORM(SOCK_DGRAM);

FIXTURE_SETUP(form)
{
	netns_enter();
	winsock_open();
}

FIXTURE_TEARDOWN(form)
{
}

TEST_F(form, of_an_attached_socket_cannot_be_changed)
{
	struct kind kind = { AF_INET6, true, false };
	long before = references(), with;
	int fd = kind_socket(&kind, variant->type);
	struct call call = CALL_RECV(fd);
	int family;
	socklen_t len = sizeof(family);

	connect_mapped(fd, variant->type);
	with = references();
	if (!module_is_built_in())
		EXPECT_LT(before, with);
	EXPECT_EQ(-EBUSY, addrform(fd));
	EXPECT_EQ(with, references());
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len));
	EXPECT_EQ(AF_INET6, family);

	/* Still ours. */
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	wait_until(references() == before);
}

TEST_F(form, of_other_sockets_can)
{
	struct kind kind = { AF_INET6, false, false };
	int fd = kind_socket(&kind, variant->type);
	int family;
	socklen_t len = sizeof(family);

	connect_mapped(fd, variant->type);
	EXPECT_EQ(0, addrform(fd));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len));
	EXPECT_EQ(AF_INET, family);
	/* What it is now can be attached if it is TCP. */
	EXPECT_EQ(variant->type == SOCK_STREAM ? 0 : -ENOPROTOOPT,
		  winsock_attach(fd));
	EXPECT_EQ(0, ioc_closesocket(fd));
}

/* Listeners and their children (O8) */
FIXTURE(children) {
	int listener;
	struct sockaddr_storage addr;
	socklen_t len;
};

FIXTURE_VARIANT(children) {
	struct kind kind;
};

KINDS_ATTACHED(children);

FIXTURE_SETUP(children)
{
	netns_enter();
	winsock_open();
	self->listener = kind_socket(&variant->kind, SOCK_STREAM);
	listen_loopback(self->listener, variant->kind.family, 16, &self->addr,
			&self->len);
}

FIXTURE_TEARDOWN(children)
{
}

static int connect_plain(const struct sockaddr_storage *addr, socklen_t len)
{
	int fd = check(socket(addr->ss_family, SOCK_STREAM, 0));

	connect_to(fd, addr, len);
	return fd;
}

TEST_F(children, are_attached_and_counted_one_by_one)
{
	long before = references(), each = 0;
	int fds[8], peers[8];
	unsigned int i;

	if (module_is_built_in())
		SKIP(return, NO_COUNT);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		peers[i] = connect_plain(&self->addr, self->len);
		fds[i] = check(accept(self->listener, NULL, NULL));
		EXPECT_STREQ(WINSOCK_ULP, ulp(fds[i]));
		if (!i)
			each = references() - before;
		/* The ULP's and the operations' own. */
		EXPECT_EQ(2, each);
		EXPECT_EQ(before + (i + 1) * each, references());
	}
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		expect_works(_metadata, fds[i], peers[i]);
		set_linger(fds[i], 1, 0);
		EXPECT_EQ(0, ioc_closesocket(fds[i]));
		close(peers[i]);
	}
	wait_until(references() == before);
}

#define INSN(c, dst, src, o, i)						\
	{ .code = (c), .dst_reg = (dst), .src_reg = (src), .off = (o), .imm = (i) }

/* In @cgroup each connection that comes in goes into @map; its program, or -errno. */
static int sockmap_children(int map, int cgroup)
{
	const struct bpf_insn insns[] = {
		/* if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) */
		INSN(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
		     offsetof(struct bpf_sock_ops, op), 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 7,
		     BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB),
		/* bpf_sock_map_update(ctx, map, &(int){ 0 }, BPF_ANY) */
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, -4),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, BPF_ANY),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sock_map_update),
		/* return 1 */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SOCK_OPS,
		.expected_attach_type = BPF_CGROUP_SOCK_OPS,
		.insns = (unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (unsigned long)"GPL",
	};
	union bpf_attr attach = {
		.target_fd = cgroup,
		.attach_type = BPF_CGROUP_SOCK_OPS,
	};
	int err;

	attach.attach_bpf_fd = bpf(BPF_PROG_LOAD, &load);
	if ((int)attach.attach_bpf_fd < 0)
		return attach.attach_bpf_fd;
	err = bpf(BPF_PROG_ATTACH, &attach);
	return err ?: attach.attach_bpf_fd;
}

static int sockmap_delete(int map)
{
	unsigned int key = 0;
	union bpf_attr attr = { .map_fd = map, .key = (unsigned long)&key };

	return bpf(BPF_MAP_DELETE_ELEM, &attr);
}

/* It cannot be attached, which is no reason to lose it. */
TEST_F(children, are_plain_if_a_sockmap_has_them_first)
{
	int map = sockmap(), listener, peer, fd, dir;
	long before = winsock_counter("WinsockCurrAttached"), held;
	char path[64];

	if (map == -EINVAL)
		SKIP(return, "kernel: no sockmap");
	ASSERT_LE(0, map);
	if (!cgroup_make(path, sizeof(path)))
		SKIP(return, NO_CGROUP);
	cgroup_enter(path, getpid());
	dir = check(open(path, O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, sockmap_children(map, dir));

	listener = kind_socket(&variant->kind, SOCK_STREAM);
	listen_loopback(listener, variant->kind.family, 1, &self->addr, &self->len);
	held = references();
	peer = connect_plain(&self->addr, self->len);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(held, references());
	EXPECT_EQ(0, sockmap_delete(map));
	EXPECT_STREQ("", ulp(fd));
	EXPECT_EQ(before + 1, winsock_counter("WinsockCurrAttached"));
	expect_works(_metadata, fd, peer);
	/* Nor is anything of ours left on it. */
	EXPECT_EQ(0, winsock_attach(fd));
	expect_works(_metadata, fd, peer);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(END_EOF, receive_all(peer).ending);
	EXPECT_EQ(0, ioc_closesocket(listener));
	cgroup_enter("/sys/fs/cgroup", getpid());
	close(dir);
	EXPECT_EQ(0, rmdir(path));
}

/* P2 for a child */
TEST_F(children, have_their_calls_cancelled)
{
	int peer = connect_plain(&self->addr, self->len);
	int fd = check(accept(self->listener, NULL, NULL));
	struct call call = CALL_RECV(fd);

	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	EXPECT_EQ(END_EOF, receive_all(peer).ending);
}

/* N3 */
TEST_F(children, that_nobody_accepted_are_torn_down_with_the_listener)
{
	long before = references();
	int peers[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(peers); i++)
		peers[i] = connect_plain(&self->addr, self->len);
	EXPECT_EQ(before, references());
	EXPECT_EQ(0, ioc_closesocket(self->listener));
	for (i = 0; i < ARRAY_SIZE(peers); i++)
		EXPECT_EQ(END_RESET, receive_all(peers[i]).ending);
	/* Without the listener's two. */
	if (!module_is_built_in())
		wait_until(references() == before - 2);
}

TEST_F(children, of_a_listener_that_was_attached_late_are_attached)
{
	struct kind plain = { variant->kind.family, false, false };
	int listener = kind_socket(&plain, SOCK_STREAM);
	struct sockaddr_storage addr;
	int early, late, fds[2];
	socklen_t len;

	listen_loopback(listener, plain.family, 4, &addr, &len);
	early = connect_plain(&addr, len);
	wait_ready(listener, POLLIN);
	ASSERT_EQ(0, winsock_attach(listener));
	late = connect_plain(&addr, len);

	fds[0] = check(accept(listener, NULL, NULL));
	fds[1] = check(accept(listener, NULL, NULL));
	EXPECT_STREQ(WINSOCK_ULP, ulp(fds[0]));
	EXPECT_STREQ(WINSOCK_ULP, ulp(fds[1]));
	expect_works(_metadata, fds[0], early);
	expect_works(_metadata, fds[1], late);
}

TEST_F(children, of_a_plain_listener_are_plain)
{
	struct kind plain = { variant->kind.family, false, false };
	int listener = kind_socket(&plain, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	listen_loopback(listener, plain.family, 4, &addr, &len);
	connect_plain(&addr, len);
	fd = check(accept(listener, NULL, NULL));
	EXPECT_STREQ("", ulp(fd));
	EXPECT_EQ(0, winsock_attach(fd));
}

/* accept(2) that fails after the child was attached gives it all back. */
TEST_F(children, that_accept_cannot_deliver_leave_nothing_behind)
{
	long before = references();
	int peer = connect_plain(&self->addr, self->len);

	EXPECT_EQ(-1, syscall(SYS_accept4, self->listener, (void *)1,
			      &self->len, 0));
	EXPECT_EQ(EFAULT, errno);
	close(peer);
	wait_until(references() == before);
}

/* Nor does the attempt keep the module. */
TEST(datagram_socket_accepts_nothing)
{
	struct kind kind = { AF_INET, true, false };
	long before;
	int fd;

	netns_enter();
	winsock_open();
	before = references();
	fd = kind_socket(&kind, SOCK_DGRAM);
	EXPECT_EQ(-1, accept(fd, NULL, NULL));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, ioc_closesocket(fd));
	wait_until(references() == before);
}

/* Nothing to accept: the new socket never had a connection. */
TEST_F(children, that_never_came_leave_nothing_behind)
{
	long before = references();
	unsigned int i;

	set_nonblocking(self->listener, true);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
		EXPECT_EQ(EAGAIN, errno);
	}
	EXPECT_EQ(before, references());
}

/* Another listener of the port, a plain one, may get the child of ours. */
TEST_F(children, go_plain_to_a_plain_listener_that_inherits_them)
{
	struct kind plain = { variant->kind.family, false, false };
	int listeners[2] = {
		kind_socket(&variant->kind, SOCK_STREAM),
		kind_socket(&plain, SOCK_STREAM),
	};
	struct sockaddr_storage addr = self->addr;
	int on = 1, fd, peer, sysctl;
	struct pollfd pfd;
	unsigned int i;

	sysctl = open("/proc/sys/net/ipv4/tcp_migrate_req", O_WRONLY);
	if (sysctl < 0 || write(sysctl, "1", 1) != 1)
		SKIP(return, "kernel: no tcp_migrate_req");
	close(sysctl);
	EXPECT_EQ(0, ioc_closesocket(self->listener));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, setsockopt(listeners[i], SOL_SOCKET, SO_REUSEPORT,
					&on, sizeof(on)));
		ASSERT_EQ(0, bind(listeners[i], (struct sockaddr *)&addr,
				  self->len));
	}
	/* Only ours listens when the connection is made. */
	ASSERT_EQ(0, listen(listeners[0], 4));
	peer = connect_plain(&addr, self->len);
	wait_ready(listeners[0], POLLIN);
	ASSERT_EQ(0, listen(listeners[1], 4));
	EXPECT_EQ(0, ioc_closesocket(listeners[0]));

	pfd = (struct pollfd) { .fd = listeners[1], .events = POLLIN };
	ASSERT_EQ(1, poll(&pfd, 1, WAIT_MS));
	fd = check(accept(listeners[1], NULL, NULL));
	EXPECT_STREQ("", ulp(fd));
	expect_works(_metadata, fd, peer);
	EXPECT_EQ(0, ioc_closesocket(fd));
}

/**
 * struct attacher - a thread that attaches a socket while it is turned into IPv4
 * @thread: for pthread_join()
 * @fd: the socket, or -1 until there is one, or -2 at the end
 * @spin: so long after it has seen the socket
 */
struct attacher {
	pthread_t thread;
	int fd;
	int spin;
};

static void spin(int n)
{
	while (n--)
		__asm__ volatile("" ::: "memory");
}

static void *run_attacher(void *arg)
{
	struct attacher *attacher = arg;
	int fd;

	while ((fd = __atomic_load_n(&attacher->fd, __ATOMIC_ACQUIRE)) != -2) {
		if (fd < 0)
			continue;
		spin(attacher->spin);
		setsockopt(fd, SOL_TCP, TCP_ULP, WINSOCK_ULP,
			   sizeof(WINSOCK_ULP) - 1);
		__atomic_store_n(&attacher->fd, -1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/*
 * IPV6_ADDRFORM that came in by the plain table waits for the socket's lock and
 * stores another table over ours: no reference to the module is lost with it.
 */
TEST(address_form_that_races_with_attaching_keeps_no_reference)
{
	struct attacher attacher = { .fd = -1 };
	struct sockaddr_storage addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
	int before, listener, fd, peer, i, won = 0, off = 0, form = AF_INET;
	char name[16];
	socklen_t len;

	netns_enter();
	winsock_open();
	before = module_references();
	listener = check(socket(AF_INET6, SOCK_STREAM, 0));
	check(setsockopt(listener, SOL_IPV6, IPV6_V6ONLY, &off, sizeof(off)));
	memset(&addr, 0, sizeof(addr));
	in6->sin6_family = AF_INET6;
	check(bind(listener, (struct sockaddr *)&addr, sizeof(*in6)));
	check(listen(listener, 4));
	in6->sin6_port = local_port(listener);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6->sin6_addr);
	ASSERT_EQ(0, pthread_create(&attacher.thread, NULL, run_attacher, &attacher));
	for (i = 0; i < 1500; i++) {
		fd = check(socket(AF_INET6, SOCK_STREAM, 0));
		set_linger(fd, 1, 0);
		check(connect(fd, (struct sockaddr *)&addr, sizeof(*in6)));
		peer = check(accept(listener, NULL, NULL));
		attacher.spin = i * 37 % 3000;
		__atomic_store_n(&attacher.fd, fd, __ATOMIC_RELEASE);
		spin(i * 91 % 3000);
		setsockopt(fd, SOL_IPV6, IPV6_ADDRFORM, &form, sizeof(form));
		while (__atomic_load_n(&attacher.fd, __ATOMIC_ACQUIRE) >= 0)
			;
		len = sizeof(name);
		won += !getsockopt(fd, SOL_TCP, TCP_ULP, name, &len) && len;
		close(fd);
		close(peer);
	}
	__atomic_store_n(&attacher.fd, -2, __ATOMIC_RELEASE);
	pthread_join(attacher.thread, NULL);
	close(listener);
	EXPECT_LT(0, won);
	wait_until(module_references() == before);
}

TEST_HARNESS_MAIN
