// SPDX-License-Identifier: GPL-2.0
/*
 * What else the stack can do with a socket, each beside closesocket(): TCP Fast
 * Open, TCP_REPAIR, MPTCP, zero copy both ways, low-water marks and timeouts,
 * urgent data, corks; and callers without privileges.
 */
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>

#include "support/suite.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

static void set_tcp(int fd, int option, int value)
{
	check(setsockopt(fd, SOL_TCP, option, &value, sizeof(value)));
}

static void set_socket(int fd, int option, int value)
{
	check(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)));
}

/* A pair whose test attaches, sends and closes. */
FIXTURE(neighbour) {
	struct pair pair;
};

FIXTURE_VARIANT(neighbour) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(neighbour, attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(neighbour, attached_ipv6)
	KIND(AF_INET6, true, false);
FIXTURE_VARIANT_ADD(neighbour, plain)
	KIND(AF_INET, false, false);

FIXTURE_SETUP(neighbour)
{
	pair_setup(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(neighbour);

/* TCP_REPAIR: a socket that is being taken elsewhere must not say goodbye. */
TEST_F(neighbour, in_repair_is_closed_in_silence)
{
	static const struct linger lingers[] = { { 0, 0 }, { 1, 0 }, { 1, 60 } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lingers); i++) {
		struct pair pair;
		long start;

		pair_open(&pair, &variant->kind);
		check(send(pair.peer, "unread", 6, 0));
		wait_ready(pair.fd, POLLIN);
		set_tcp(pair.fd, TCP_REPAIR, 1);
		set_tcp(pair.fd, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
		ASSERT_EQ(5, send(pair.fd, "unack", 5, 0));
		ASSERT_LT(0, queued(pair.fd));
		set_linger(pair.fd, lingers[i].l_onoff, lingers[i].l_linger);

		start = now_ms();
		EXPECT_EQ(0, ioc_closesocket(pair.fd));
		EXPECT_GT(AT_ONCE_MS, now_ms() - start);
		EXPECT_FALSE(fd_is_open(pair.fd));
		EXPECT_EQ(0, pair_state(&pair));
		EXPECT_EQ(0, wire_look(&pair.wire)->sent.fin);
		EXPECT_EQ(0, pair.wire.sent.rst);
		EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair.peer));
		pair.fd = -1;
		pair_close(&pair);
	}
}

/* And one that was never anything else: put together by hand. */
TEST_F(neighbour, restored_by_repair_is_closed_as_any_other)
{
	struct pair *pair = &self->pair;

	set_tcp(pair->fd, TCP_REPAIR, 1);
	set_tcp(pair->fd, TCP_REPAIR, 0);
	pair_send(pair, 3000);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* MSG_ZEROCOPY: pages of ours are on the way while the socket closes. */

#define ZC_BYTES	(256 * 1024)

/* As much of the pattern as is taken at once, by reference. */
static void send_zerocopy(struct pair *pair, unsigned char *buf)
{
	ssize_t done;

	set_socket(pair->fd, SO_ZEROCOPY, 1);
	pattern(buf, 0, ZC_BYTES);
	while (pair->sent < ZC_BYTES) {
		done = send(pair->fd, buf + pair->sent, 16384,
			    MSG_ZEROCOPY | MSG_DONTWAIT);
		if (done < 0 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		pair->sent += check(done);
	}
	if (!queued(pair->fd))
		fail("nothing is on the way");
}

static unsigned char *zerocopy_buffer(void)
{
	unsigned char *buf = mmap(NULL, ZC_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (buf == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return buf;
}

TEST_F(neighbour, zero_copy_send_tells_when_it_is_done)
{
	struct pair *pair = &self->pair;
	unsigned char *buf = zerocopy_buffer();
	struct sock_extended_err *notice;
	char control[128];
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	char byte[16];

	set_socket(pair->fd, SO_ZEROCOPY, 1);
	memcpy(buf, "zero", 4);
	ASSERT_EQ(4, send(pair->fd, buf, 4, MSG_ZEROCOPY));
	wait_ready(pair->peer, POLLIN);
	ASSERT_EQ(4, recv(pair->peer, byte, sizeof(byte), 0));
	wait_ready(pair->fd, POLLERR);
	ASSERT_EQ(0, recvmsg(pair->fd, &msg, MSG_ERRQUEUE));
	notice = (void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	EXPECT_EQ(SO_EE_ORIGIN_ZEROCOPY, notice->ee_origin);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C1 */
TEST_F(neighbour, zero_copy_data_are_delivered_after_the_close)
{
	struct pair *pair = &self->pair;
	unsigned char *buf = zerocopy_buffer();

	send_zerocopy(pair, buf);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	/* The pages are the stack's own now. */
	EXPECT_EQ(0, munmap(buf, ZC_BYTES));
	expect_all(_metadata, pair);
}

/* C4 */
TEST_F(neighbour, zero_copy_data_are_given_up_by_a_hard_close)
{
	struct pair *pair = &self->pair;
	unsigned char *buf = zerocopy_buffer();

	send_zerocopy(pair, buf);
	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	/* And one for every segment that comes later. */
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	pair->fd = -1;
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
	EXPECT_EQ(0, munmap(buf, ZC_BYTES));
}

/* C8 */
TEST_F(neighbour, zero_copy_data_are_waited_for)
{
	struct pair *pair = &self->pair;
	unsigned char *buf = zerocopy_buffer();
	struct closer closer;

	send_zerocopy(pair, buf);
	set_linger(pair->fd, 1, LINGER_LONG);
	close_and_wait(&closer, pair);
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&closer));
	EXPECT_GT(LINGER_LONG * 1000, closer.elapsed_ms);
}

/* G5: a mapping for TCP_ZEROCOPY_RECEIVE holds the file like a descriptor. */
TEST_F(neighbour, mapping_keeps_the_connection_until_it_goes)
{
	struct pair *pair = &self->pair;
	size_t size = 4 * sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, pair->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	pair_send(pair, 100);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->peer));
	EXPECT_EQ(0, munmap(map, size));
	expect_all(_metadata, pair);
}

/* SO_RCVLOWAT */

static long run_recv_much(struct call *call)
{
	char bytes[200];

	return result_of(recv(call->fd, bytes, sizeof(bytes), 0));
}

/* P2: what is there is reported, although it is less than was asked for. */
TEST_F(neighbour, recv_below_the_low_water_mark_reports_what_it_has)
{
	struct pair *pair = &self->pair;
	struct call call = { SYS_recvfrom, run_recv_much, pair->fd };

	if (!variant->kind.attached)
		return;
	set_socket(pair->fd, SO_RCVLOWAT, 100);
	ASSERT_EQ(10, send(pair->peer, "0123456789", 10, 0));
	wait_until(({
		int there;

		check(ioctl(pair->fd, SIOCINQ, &there));
		there == 10;
	}));
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(10, call_join(&call));
	expect_all(_metadata, pair);
}

static long run_poll_in(struct call *call)
{
	struct pollfd pfd = { .fd = call->fd, .events = POLLIN };
	long result = result_of(poll(&pfd, 1, -1));

	return result == 1 ? pfd.revents : result;
}

/* P7, U1 */
TEST_F(neighbour, poll_below_the_low_water_mark_ends)
{
	struct pair *pair = &self->pair;
	struct call call = { SYS_poll, run_poll_in, pair->fd };

	set_socket(pair->fd, SO_RCVLOWAT, 100);
	ASSERT_EQ(1, send(pair->peer, "0", 1, 0));
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(POLLNVAL, call_join(&call));
	expect_all(_metadata, pair);
}

/* A timeout that passes while nobody closes is what it always was. */
TEST_F(neighbour, timeouts_end_calls_as_ever)
{
	struct timeval soon = { .tv_usec = 100000 };
	struct pair *pair = &self->pair;
	struct sockaddr_storage addr;
	struct call call;
	socklen_t len;
	int listener;
	long start;

	ASSERT_EQ(0, setsockopt(pair->fd, SOL_SOCKET, SO_RCVTIMEO, &soon,
				sizeof(soon)));
	ASSERT_EQ(0, setsockopt(pair->fd, SOL_SOCKET, SO_SNDTIMEO, &soon,
				sizeof(soon)));
	call = (struct call)CALL_RECV(pair->fd);
	start = now_ms();
	EXPECT_EQ(-EAGAIN, run_recv(&call));
	EXPECT_LE(90, now_ms() - start);
	pair_stall(pair);
	start = now_ms();
	EXPECT_EQ(-EAGAIN, run_send(&call));
	EXPECT_LE(90, now_ms() - start);

	listener = kind_socket(&variant->kind, SOCK_STREAM);
	listen_loopback(listener, variant->kind.family, 1, &addr, &len);
	ASSERT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &soon,
				sizeof(soon)));
	call = (struct call)CALL_ACCEPT(listener);
	EXPECT_EQ(-EAGAIN, run_accept(&call));
	EXPECT_EQ(0, ioc_closesocket(listener));
}

static void expect_to_wait_for_the_peer(struct __test_metadata *_metadata,
					struct pair *pair)
{
	struct closer closer;

	closer_start(&closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&closer);
	usleep(500000);
	EXPECT_FALSE(closer_done(&closer));
	pair->fd = -1;
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&closer));
}

/* A linger wait has its own time, whatever SO_SNDTIMEO says. */
TEST_F(neighbour, send_timeout_does_not_cut_the_linger_wait_short)
{
	struct timeval soon = { .tv_usec = 100000 };
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, setsockopt(pair->fd, SOL_SOCKET, SO_SNDTIMEO, &soon,
				sizeof(soon)));
	pair_stall(pair);
	set_linger(pair->fd, 1, LINGER_LONG);
	expect_to_wait_for_the_peer(_metadata, pair);
}

/* As native close: for as long as it takes. */
TEST_F(neighbour, negative_interval_lingers_without_end)
{
	struct pair *pair = &self->pair;

	pair_stall(pair);
	set_linger(pair->fd, 1, -1);
	expect_to_wait_for_the_peer(_metadata, pair);
}

/* Urgent data */

TEST_F(neighbour, urgent_data_are_received_as_ever)
{
	struct pair *pair = &self->pair;
	int mark = 0;
	char byte;

	ASSERT_EQ(2, send(pair->peer, "a!", 2, MSG_OOB));
	wait_ready(pair->fd, POLLPRI);
	EXPECT_EQ(1, recv(pair->fd, &byte, 1, MSG_OOB));
	EXPECT_EQ('!', byte);
	EXPECT_EQ(-1, recv(pair->fd, &byte, 1, MSG_OOB));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, recv(pair->fd, &byte, 1, 0));
	EXPECT_EQ('a', byte);
	EXPECT_EQ(0, ioctl(pair->fd, SIOCATMARK, &mark));
	EXPECT_EQ(1, mark);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C1: an urgent byte is a byte. */
TEST_F(neighbour, urgent_data_are_delivered_after_the_close)
{
	struct pair *pair = &self->pair;
	char bytes[8] = "";

	set_socket(pair->peer, SO_OOBINLINE, 1);
	ASSERT_EQ(2, send(pair->fd, "ab", 2, 0));
	ASSERT_EQ(1, send(pair->fd, "!", 1, MSG_OOB));
	ASSERT_EQ(1, send(pair->fd, "c", 1, 0));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	wait_ready(pair->peer, POLLRDHUP);
	/* A read ends before the mark. */
	EXPECT_EQ(2, recv(pair->peer, bytes, 8, 0));
	EXPECT_EQ(2, recv(pair->peer, bytes + 2, 6, 0));
	EXPECT_STREQ("ab!c", bytes);
	EXPECT_EQ(0, recv(pair->peer, bytes, 8, 0));
}

/* Corks: D is what the peer has not acknowledged, sent or not. */

/* C8: the FIN pulls it. */
TEST_F(neighbour, corked_data_are_sent_and_waited_for)
{
	struct pair *pair = &self->pair;
	long start = now_ms();

	set_tcp(pair->fd, TCP_CORK, 1);
	pair_send(pair, 100);
	set_linger(pair->fd, 1, LINGER_LONG);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C15, C16 */
TEST_F(neighbour, corked_data_refuse_a_nonblocking_close)
{
	struct pair *pair = &self->pair;

	pair_cut(pair);
	set_tcp(pair->fd, TCP_CORK, 1);
	pair_send(pair, 100);
	set_linger(pair->fd, 1, LINGER_LONG);
	set_nonblocking(pair->fd, true);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_TRUE(fd_is_open(pair->fd));
	ASSERT_EQ(0, shutdown(pair->fd, SHUT_WR));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	pair_mend(pair);
	expect_all(_metadata, pair);
}

/*
 * TCP Fast Open.  The server's end is there, with data, before the handshake is
 * over: SYN_RECV is connected.
 */

#define FASTOPEN	"/proc/sys/net/ipv4/tcp_fastopen"
/* Both ends, and neither needs a cookie. */
#define FASTOPEN_ALL	"519"
#define SYN_BYTES	5

static bool fastopen_enable(void)
{
	int fd = open(FASTOPEN, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, FASTOPEN_ALL, strlen(FASTOPEN_ALL)) > 0;
	close(fd);
	return done;
}

static int listen_fastopen(const struct kind *kind,
			   struct sockaddr_storage *addr, socklen_t *len)
{
	int fd = kind_socket(kind, SOCK_STREAM);

	set_tcp(fd, TCP_FASTOPEN, 4);
	listen_loopback(fd, kind->family, 4, addr, len);
	return fd;
}

/* What the peer does not hear, it does not answer: pair_mend() lets it. */
static void pair_open_syn_recv(struct pair *pair, const struct kind *kind)
{
	struct kind blocking = { kind->family, kind->attached, false };
	struct sockaddr_storage addr;
	socklen_t len;
	int listener;

	memset(pair, 0, sizeof(*pair));
	pair->kind = *kind;
	wire_open(&pair->wire);
	listener = listen_fastopen(&blocking, &addr, &len);
	pair->peer = check(socket(kind->family, SOCK_STREAM | SOCK_NONBLOCK, 0));
	pair_cut(pair);
	if (check(sendto(pair->peer, "early", SYN_BYTES, MSG_FASTOPEN,
			 (struct sockaddr *)&addr, len)) != SYN_BYTES)
		fail("the SYN has not taken the data");
	wait_ready(listener, POLLIN);
	pair->fd = check(accept4(listener, NULL, NULL,
				 kind->nonblocking ? SOCK_NONBLOCK : 0));
	close(listener);
	pair->wire.local = local_port(pair->fd);
	pair->wire.remote = local_port(pair->peer);
	if (tcp_state(pair->fd) != TCP_SYN_RECV)
		fail("the server is in state %d", tcp_state(pair->fd));
}

FIXTURE(syn_recv) {
	struct pair pair;
};

FIXTURE_VARIANT(syn_recv) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(syn_recv, attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(syn_recv, attached_ipv6)
	KIND(AF_INET6, true, false);
FIXTURE_VARIANT_ADD(syn_recv, plain)
	KIND(AF_INET, false, false);

FIXTURE_SETUP(syn_recv)
{
	netns_enter();
	winsock_open();
	if (!fastopen_enable())
		SKIP(return, "kernel: no TCP Fast Open");
	pair_open_syn_recv(&self->pair, &variant->kind);
}

PAIR_TEARDOWN(syn_recv);

TEST_F(syn_recv, has_the_data_of_the_syn)
{
	struct pair *pair = &self->pair;
	char bytes[8] = "";

	EXPECT_EQ(SYN_BYTES, recv(pair->fd, bytes, sizeof(bytes), 0));
	EXPECT_STREQ("early", bytes);
	pair_send(pair, 100);
	pair_mend(pair);
	wait_until(tcp_state(pair->fd) == TCP_ESTABLISHED);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* C1, U1: what came in the SYN is unread. */
TEST_F(syn_recv, is_closed_gracefully)
{
	struct pair *pair = &self->pair;

	pair_send(pair, 100);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	pair_mend(pair);
	expect_all(_metadata, pair);
}

/* C4 */
TEST_F(syn_recv, is_closed_hard)
{
	struct pair *pair = &self->pair;

	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
}

/* C7: the SYN is no data. */
TEST_F(syn_recv, with_nothing_queued_is_not_waited_for)
{
	struct pair *pair = &self->pair;
	long start = now_ms();

	set_linger(pair->fd, 1, LINGER_LONG);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	pair->fd = -1;
	pair_mend(pair);
	expect_all(_metadata, pair);
}

/* C8 */
TEST_F(syn_recv, with_data_is_waited_for)
{
	struct pair *pair = &self->pair;
	struct closer closer;

	pair_send(pair, 100);
	set_linger(pair->fd, 1, LINGER_LONG);
	close_and_wait(&closer, pair);
	usleep(100000);
	EXPECT_FALSE(closer_done(&closer));
	pair_mend(pair);
	expect_all(_metadata, pair);
	EXPECT_EQ(0, closer_join(&closer));
}

/* C15: nor is a single byte a SYN. */
TEST_F(syn_recv, with_one_byte_refuses_a_nonblocking_close)
{
	struct pair *pair = &self->pair;

	set_nonblocking(pair->fd, true);
	pair_send(pair, 1);
	set_linger(pair->fd, 1, LINGER_LONG);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	pair_mend(pair);
}

/* C9 */
TEST_F(syn_recv, with_data_is_reset_at_the_timeout)
{
	struct pair *pair = &self->pair;
	long start = now_ms();

	pair_send(pair, 100);
	set_linger(pair->fd, 1, 1);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1000, now_ms() - start);
	pair->fd = -1;
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
}

/* C15, I1 */
TEST_F(syn_recv, with_data_refuses_a_nonblocking_close)
{
	struct pair *pair = &self->pair;

	set_nonblocking(pair->fd, true);
	pair_send(pair, 100);
	set_linger(pair->fd, 1, LINGER_LONG);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_EQ(TCP_SYN_RECV, tcp_state(pair->fd));
	pair_mend(pair);
	wait_until(tcp_state(pair->fd) == TCP_ESTABLISHED && !queued(pair->fd));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	expect_all(_metadata, pair);
}

/* The client's end of it */

FIXTURE(fastopen) {
	int fd;
	int listener;
	struct sockaddr_storage addr;
	socklen_t len;
};

FIXTURE_VARIANT(fastopen) {
	struct kind kind;
};

FIXTURE_VARIANT_ADD(fastopen, attached)
	KIND(AF_INET, true, false);
FIXTURE_VARIANT_ADD(fastopen, attached_ipv6)
	KIND(AF_INET6, true, false);

FIXTURE_SETUP(fastopen)
{
	struct kind plain = { variant->kind.family, false, false };

	netns_enter();
	winsock_open();
	if (!fastopen_enable())
		SKIP(return, "kernel: no TCP Fast Open");
	self->listener = listen_fastopen(&plain, &self->addr, &self->len);
	self->fd = kind_socket(&variant->kind, SOCK_STREAM);
}

FIXTURE_TEARDOWN(fastopen)
{
	close(self->listener);
}

TEST_F(fastopen, data_of_the_syn_arrive_whatever_follows)
{
	char bytes[8] = "";
	int peer;

	EXPECT_EQ(SYN_BYTES, sendto(self->fd, "early", SYN_BYTES, MSG_FASTOPEN,
				    (struct sockaddr *)&self->addr, self->len));
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	peer = check(accept(self->listener, NULL, NULL));
	EXPECT_EQ(SYN_BYTES, recv(peer, bytes, sizeof(bytes), MSG_WAITALL));
	EXPECT_STREQ("early", bytes);
	EXPECT_EQ(0, recv(peer, bytes, sizeof(bytes), 0));
	close(peer);
}

static long run_fastopen(struct call *call)
{
	return result_of(sendto(call->fd, "early", SYN_BYTES, MSG_FASTOPEN,
				call->arg, sizeof(struct sockaddr_storage)));
}

/* P4 */
TEST_F(fastopen, connecting_send_ends_with_ecanceled)
{
	struct call call = { SYS_sendto, run_fastopen, self->fd, &self->addr };
	struct pair deaf = { .peer = self->listener };

	pair_cut(&deaf);
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	EXPECT_FALSE(fd_is_open(self->fd));
	EXPECT_EQ(-ECANCELED, call_join(&call));
}

/* N4: connected, says connect(2), but the SYN waits for data. */
TEST_F(fastopen, connection_that_is_put_off_is_given_up)
{
	struct wire wire;

	set_tcp(self->fd, TCP_FASTOPEN_CONNECT, 1);
	wire_open(&wire);
	ASSERT_EQ(0, connect(self->fd, (struct sockaddr *)&self->addr,
			     self->len));
	wire.local = local_port(self->fd);
	wire.remote = local_port(self->listener);
	set_linger(self->fd, 1, LINGER_LONG);
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	EXPECT_EQ(0, wire_look(&wire)->sent.packets);
	close(wire.fd);
}

/* MPTCP: closed as an ordinary socket, and a neighbour on the wire. */

FIXTURE(mptcp) {
};

FIXTURE_SETUP(mptcp)
{
	int fd;

	netns_enter();
	winsock_open();
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (fd < 0)
		SKIP(return, "kernel: no MPTCP");
	close(fd);
}

FIXTURE_TEARDOWN(mptcp)
{
}

static int mptcp_socket(void)
{
	return check(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
}

/* Whatever linger says: the wait and the reset are its own. */
TEST_F(mptcp, connection_is_closed_as_by_close_2)
{
	static const struct linger lingers[] = { { 0, 0 }, { 1, 0 }, { 1, 5 } };
	struct sockaddr_storage addr;
	int listener, peer, fd;
	unsigned int i;
	socklen_t len;

	listener = mptcp_socket();
	listen_loopback(listener, AF_INET, 4, &addr, &len);
	for (i = 0; i < ARRAY_SIZE(lingers); i++) {
		char bytes[8] = "";

		fd = mptcp_socket();
		connect_to(fd, &addr, len);
		peer = check(accept(listener, NULL, NULL));
		ASSERT_EQ(5, send(fd, "hello", 5, 0));
		ASSERT_EQ(5, recv(peer, bytes, sizeof(bytes), 0));
		set_linger(fd, lingers[i].l_onoff, lingers[i].l_linger);
		EXPECT_EQ(0, ioc_closesocket(fd));
		EXPECT_FALSE(fd_is_open(fd));
		EXPECT_NE(END_NONE, receive_all(peer).ending);
		EXPECT_EQ(0, ioc_closesocket(peer));
	}
	EXPECT_EQ(0, ioc_closesocket(listener));
}

static void expect_tail(struct __test_metadata *_metadata, int fd, int peer)
{
	char bytes[8] = "";

	ASSERT_EQ(5, send(fd, "hello", 5, 0));
	EXPECT_EQ(0, ioc_closesocket(fd));
	wait_ready(peer, POLLIN);
	EXPECT_EQ(5, recv(peer, bytes, sizeof(bytes), 0));
	EXPECT_STREQ("hello", bytes);
	EXPECT_EQ(END_EOF, receive_all(peer).ending);
}

/* A peer that would rather speak MPTCP falls back. */
TEST_F(mptcp, client_of_an_attached_listener_falls_back)
{
	struct kind kind = { AF_INET, true, false };
	int listener = kind_socket(&kind, SOCK_STREAM);
	int peer = mptcp_socket(), fd;
	struct sockaddr_storage addr;
	struct call call;
	socklen_t len;

	listen_loopback(listener, AF_INET, 4, &addr, &len);
	connect_to(peer, &addr, len);
	fd = check(accept(listener, NULL, NULL));
	expect_tail(_metadata, fd, peer);
	close(peer);

	peer = mptcp_socket();
	connect_to(peer, &addr, len);
	fd = check(accept(listener, NULL, NULL));
	call = (struct call)CALL_RECV(fd);
	call_enter(&call);
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(-ECANCELED, call_join(&call));
	close(peer);
}

TEST_F(mptcp, listener_takes_an_attached_client)
{
	struct kind kind = { AF_INET, true, false };
	int fd = kind_socket(&kind, SOCK_STREAM);
	int listener = mptcp_socket(), peer;
	struct sockaddr_storage addr;
	socklen_t len;
	int err;

	listen_loopback(listener, AF_INET, 4, &addr, &len);
	connect_to(fd, &addr, len);
	peer = check(accept(listener, NULL, NULL));
	/* What fell back is plain TCP, and may be attached or not: it works. */
	err = winsock_attach(peer);
	EXPECT_TRUE(!err || err == -EOPNOTSUPP)
		TH_LOG("%s", strerror(-err));
	expect_tail(_metadata, fd, peer);
	EXPECT_EQ(0, ioc_closesocket(peer));
	EXPECT_EQ(0, ioc_closesocket(listener));
}

/* Nobody, in namespaces of nobody's own: suites that need no more than that. */

FIXTURE(nobody) {
};

FIXTURE_VARIANT(nobody) {
	const char *suite;
};

#define NOBODY	65534

FIXTURE_VARIANT_ADD(nobody, refusal) { .suite = "refusal" };
FIXTURE_VARIANT_ADD(nobody, unread) { .suite = "unread" };

FIXTURE_SETUP(nobody)
{
}

FIXTURE_TEARDOWN(nobody)
{
}

/* Root there, nobody here.  EPERM and the like: the kernel allows no such thing. */
static bool become_nobody(void)
{
	char map[32];

	check(setgroups(0, NULL));
	check(setgid(NOBODY));
	check(setuid(NOBODY));
	check(prctl(PR_SET_DUMPABLE, 1));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	put_line("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", NOBODY);
	put_line("/proc/self/uid_map", map);
	put_line("/proc/self/gid_map", map);
	return true;
}

#define NO_USER_NAMESPACE	77

TEST_F_TIMEOUT(nobody, runs_the_suite, 600)
{
	char self_path[PATH_MAX] = "", path[PATH_MAX + 32], line[512];
	int output = check(memfd_create("output", 0)), status;
	pid_t pid;
	FILE *f;

	check(readlink("/proc/self/exe", self_path, sizeof(self_path) - 1));
	snprintf(path, sizeof(path), "%s/%s", dirname(self_path),
		 variant->suite);
	pid = child_fork();
	if (!pid) {
		if (!become_nobody())
			_exit(NO_USER_NAMESPACE);
		check(dup2(output, STDOUT_FILENO));
		check(dup2(output, STDERR_FILENO));
		execl(path, variant->suite, NULL);
		err(EXIT_FAILURE, "%s", path);
	}
	check(waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_USER_NAMESPACE)
		SKIP(return, "kernel: no user namespaces for nobody");
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	check(lseek(output, 0, SEEK_SET));
	f = fdopen(output, "r");
	while (status && fgets(line, sizeof(line), f))
		TH_LOG("| %s", line);
	fclose(f);
}

TEST_HARNESS_MAIN
