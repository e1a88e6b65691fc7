// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring requests on a socket that is closed.  A request holds a reference
 * to the open file which the kernel cannot tell from any other.  closesocket()
 * wakes the requests of this process, and they end with ECANCELED; one that
 * the closing thread submitted itself can do so only when that thread has left
 * the kernel, and then the last reference closes as the row says.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "support/ring.h"
#include "support/suite.h"

#define BUFFER	4096

/* Multishot receive takes its buffers from a group. */
static void provide_buffers(struct ring *ring)
{
	static char buffers[BUFFER];
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_PROVIDE_BUFFERS,
		.fd = 4,
		.addr = (unsigned long)buffers,
		.len = BUFFER / 4,
	};

	ring_submit(ring, &sqe);
	if (ring_next(ring).res < 0)
		fail("no buffers could be provided");
}

/* A request and the thread that waits for its last completion. */
struct request {
	struct ring ring;
	unsigned int ring_flags;
	struct io_uring_sqe sqe;
	unsigned int completions;
};

/* The result of the request, not of a notification that follows on it. */
static long run_request(struct call *call)
{
	struct request *request = call->arg;
	struct ring *ring = &request->ring;
	struct completion done;
	long result = 0;

	if (!ring_open(ring, request->ring_flags))
		return -ENOSYS;
	if (request->sqe.flags & IOSQE_BUFFER_SELECT)
		provide_buffers(ring);
	ring_queue(ring, &request->sqe);
	if (check(ring_enter(ring, 1, 1)) != 1)
		fail("a request was not taken");
	for (;;) {
		while (!ring_look(ring, &done))
			check(ring_enter(ring, 0, 1));
		request->completions++;
		if (!(done.flags & IORING_CQE_F_NOTIF))
			result = done.res;
		if (!(done.flags & IORING_CQE_F_MORE))
			return result;
	}
}

#define CALL_REQUEST(request)						\
	{ SYS_io_uring_enter, run_request, -1, request }

enum target {
	CONNECTED,
	STALLED,
	LISTENING,
	CONNECTING,
};

FIXTURE(request) {
	struct pair pair;
	struct request request;
	struct call call;
	struct sockaddr_storage addr;
	struct msghdr msg;
	struct iovec iov;
	char buffer[BUFFER];
	int fd;
};

FIXTURE_VARIANT(request) {
	int family;
	enum target target;
	unsigned int opcode;
	unsigned int sqe_flags;
	unsigned int ioprio;
	unsigned int ring_flags;
};

#define REQUEST(family, target, opcode, sqe_flags, ioprio, ring_flags)	\
	{ family, target, opcode, sqe_flags, ioprio, ring_flags }

FIXTURE_VARIANT_ADD(request, recv)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECV, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, recv_ipv6)
	REQUEST(AF_INET6, CONNECTED, IORING_OP_RECV, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, recv_async)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECV, IOSQE_ASYNC, 0, 0);
FIXTURE_VARIANT_ADD(request, recv_poll_first)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECV, 0,
		IORING_RECVSEND_POLL_FIRST, 0);
FIXTURE_VARIANT_ADD(request, recv_sqpoll)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECV, 0, 0,
		IORING_SETUP_SQPOLL);
FIXTURE_VARIANT_ADD(request, recv_deferred)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECV, 0, 0,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
FIXTURE_VARIANT_ADD(request, recvmsg)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECVMSG, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, recv_multishot)
	REQUEST(AF_INET, CONNECTED, IORING_OP_RECV, IOSQE_BUFFER_SELECT,
		IORING_RECV_MULTISHOT, 0);
FIXTURE_VARIANT_ADD(request, read)
	REQUEST(AF_INET, CONNECTED, IORING_OP_READ, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, read_async)
	REQUEST(AF_INET6, CONNECTED, IORING_OP_READ, IOSQE_ASYNC, 0, 0);
FIXTURE_VARIANT_ADD(request, send)
	REQUEST(AF_INET, STALLED, IORING_OP_SEND, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, send_async)
	REQUEST(AF_INET, STALLED, IORING_OP_SEND, IOSQE_ASYNC, 0, 0);
FIXTURE_VARIANT_ADD(request, sendmsg)
	REQUEST(AF_INET6, STALLED, IORING_OP_SENDMSG, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, send_zc)
	REQUEST(AF_INET, STALLED, IORING_OP_SEND_ZC, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, send_zc_async)
	REQUEST(AF_INET, STALLED, IORING_OP_SEND_ZC, IOSQE_ASYNC, 0, 0);
FIXTURE_VARIANT_ADD(request, accept)
	REQUEST(AF_INET, LISTENING, IORING_OP_ACCEPT, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, accept_async)
	REQUEST(AF_INET, LISTENING, IORING_OP_ACCEPT, IOSQE_ASYNC, 0, 0);
FIXTURE_VARIANT_ADD(request, accept_multishot)
	REQUEST(AF_INET6, LISTENING, IORING_OP_ACCEPT, 0,
		IORING_ACCEPT_MULTISHOT, 0);
FIXTURE_VARIANT_ADD(request, connect)
	REQUEST(AF_INET, CONNECTING, IORING_OP_CONNECT, 0, 0, 0);
FIXTURE_VARIANT_ADD(request, connect_async)
	REQUEST(AF_INET, CONNECTING, IORING_OP_CONNECT, IOSQE_ASYNC, 0, 0);

FIXTURE_SETUP(request)
{
	struct kind kind = { variant->family, true, false };
	struct io_uring_sqe *sqe = &self->request.sqe;
	socklen_t len;

	pair_setup(&self->pair, &kind);
	self->fd = self->pair.fd;
	if (variant->target == STALLED)
		pair_stall(&self->pair);
	if (variant->target == LISTENING) {
		self->fd = kind_socket(&kind, SOCK_STREAM);
		listen_loopback(self->fd, kind.family, 4, &self->addr, &len);
	}
	if (variant->target == CONNECTING) {
		self->fd = kind_socket(&kind, SOCK_STREAM);
		listen_deaf(kind.family, &self->addr, &len);
	}

	self->iov = (struct iovec) { self->buffer, sizeof(self->buffer) };
	self->msg = (struct msghdr) { .msg_iov = &self->iov, .msg_iovlen = 1 };
	sqe->opcode = variant->opcode;
	sqe->flags = variant->sqe_flags;
	sqe->ioprio = variant->ioprio;
	sqe->fd = self->fd;
	switch (variant->opcode) {
	case IORING_OP_ACCEPT:
		break;
	case IORING_OP_CONNECT:
		sqe->addr = (unsigned long)&self->addr;
		sqe->off = sizeof(self->addr);
		break;
	case IORING_OP_RECVMSG:
	case IORING_OP_SENDMSG:
		sqe->addr = (unsigned long)&self->msg;
		sqe->len = 1;
		break;
	default:
		sqe->addr = (unsigned long)self->buffer;
		sqe->len = sizeof(self->buffer);
		break;
	}
	if (variant->sqe_flags & IOSQE_BUFFER_SELECT) {
		sqe->addr = 0;
		sqe->len = 0;
	}
	self->request.ring_flags = variant->ring_flags;
	self->call = (struct call)CALL_REQUEST(&self->request);
}

PAIR_TEARDOWN(request);

/* Whether the kernel knows the request; if not, the call has ended already. */
static bool request_enter(struct request *request, struct call *call)
{
	long deadline = now_ms() + WAIT_MS;

	call_start(call);
	while (!call_done(call)) {
		if (call_inside(call) && ring_taken(&request->ring))
			return true;
		if (now_ms() > deadline)
			fail("the request was not made");
		usleep(1000);
	}
	return false;
}

#define NO_REQUEST	"kernel: no such io_uring request"

/*
 * To io_uring, ECANCELED from a multishot accept is a code of its own, whereupon
 * it reports a poll mask, which looks like a descriptor (Linux 6.1 and 6.12).
 * So an accept, which io_uring tries without waiting, finds its number gone.
 */
static void expect_canceled(struct __test_metadata *_metadata,
			    const struct request *request, long result)
{
	if (request->sqe.opcode == IORING_OP_ACCEPT) {
		EXPECT_EQ(-EBADF, result);
		return;
	}
	EXPECT_EQ(-ECANCELED, result);
}

/* P8 at this level */
TEST_F(request, of_another_thread_ends_with_ecanceled)
{
	struct pair *pair = &self->pair;

	if (!request_enter(&self->request, &self->call)) {
		EXPECT_GT(0, call_join(&self->call));
		SKIP(return, NO_REQUEST);
	}
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	EXPECT_FALSE(fd_is_open(self->fd));
	expect_canceled(_metadata, &self->request, call_join(&self->call));
	if (self->fd == pair->fd) {
		struct received got = receive_all(pair->peer);

		EXPECT_EQ(pair->sent, got.bytes);
		EXPECT_EQ(END_EOF, got.ending);
		EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
		pair->fd = -1;
	}
}

/* C4, also where the request still has the last reference for a moment. */
TEST_F(request, of_another_thread_does_not_soften_a_hard_close)
{
	struct pair *pair = &self->pair;

	if (!request_enter(&self->request, &self->call))
		SKIP(return, NO_REQUEST);
	set_linger(self->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	expect_canceled(_metadata, &self->request, call_join(&self->call));
	if (self->fd == pair->fd) {
		EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
		EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
		pair->fd = -1;
	}
}

/* G5 */
TEST_F(request, continues_when_another_descriptor_is_left)
{
	struct pair *pair = &self->pair;
	int other = check(dup(self->fd));

	if (!request_enter(&self->request, &self->call))
		SKIP(return, NO_REQUEST);
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	usleep(50000);
	EXPECT_TRUE(call_stays(&self->call));
	EXPECT_EQ(0, self->request.completions);
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.fin);
	EXPECT_EQ(0, ioc_closesocket(other));
	expect_canceled(_metadata, &self->request, call_join(&self->call));
	if (self->fd == pair->fd)
		pair->fd = -1;
}

/* A request of the very thread that closes. */
FIXTURE(own) {
	struct pair pair;
	struct ring ring;
	char buffer[BUFFER];
};

FIXTURE_VARIANT(own) {
	struct kind kind;
	int onoff;
	int seconds;
	bool stalled;
	unsigned int ring_flags;
};

#define OWN(family, onoff, seconds, stalled, ring_flags)		\
	{ { family, true, false }, onoff, seconds, stalled, ring_flags }

FIXTURE_VARIANT_ADD(own, dontlinger)
	OWN(AF_INET, 0, 0, false, 0);
FIXTURE_VARIANT_ADD(own, dontlinger_stalled)
	OWN(AF_INET6, 0, 0, true, 0);
FIXTURE_VARIANT_ADD(own, hard)
	OWN(AF_INET, 1, 0, false, 0);
FIXTURE_VARIANT_ADD(own, hard_stalled)
	OWN(AF_INET6, 1, 0, true, 0);
FIXTURE_VARIANT_ADD(own, linger)
	OWN(AF_INET, 1, LINGER_LONG, false, 0);
FIXTURE_VARIANT_ADD(own, linger_stalled)
	OWN(AF_INET, 1, LINGER_LONG, true, 0);
FIXTURE_VARIANT_ADD(own, linger_stalled_deferred)
	OWN(AF_INET, 1, LINGER_LONG, true,
	    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
FIXTURE_VARIANT_ADD(own, hard_deferred)
	OWN(AF_INET, 1, 0, false,
	    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

FIXTURE_SETUP(own)
{
	pair_setup(&self->pair, &variant->kind);
	set_linger(self->pair.fd, variant->onoff, variant->seconds);
	if (variant->stalled)
		pair_stall(&self->pair);
	ring_open(&self->ring, variant->ring_flags);
}

PAIR_TEARDOWN(own);

static struct io_uring_sqe recv_sqe(int fd, void *buffer)
{
	return (struct io_uring_sqe) {
		.opcode = IORING_OP_RECV,
		.fd = fd,
		.addr = (unsigned long)buffer,
		.len = BUFFER,
	};
}

/* Whatever L is: no hang, no data lost, a reset where it was asked for. */
TEST_F(own, request_of_the_closing_thread_ends_with_ecanceled)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = recv_sqe(pair->fd, self->buffer);
	struct completion done;
	long start;

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	ring_submit(&self->ring, &sqe);
	EXPECT_FALSE(ring_look(&self->ring, &done));
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_GT(AT_ONCE_MS, now_ms() - start);
	EXPECT_FALSE(fd_is_open(pair->fd));
	EXPECT_EQ(-ECANCELED, ring_next(&self->ring).res);
	expect_end(_metadata, pair, variant->onoff && !variant->seconds, pair->sent);
}

/* U1 as well: the reference that goes last must discard them. */
TEST_F(own, unread_bytes_do_not_turn_the_end_into_a_reset)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = pair->fd,
		.poll32_events = POLL32(POLLPRI),
	};

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	ring_submit(&self->ring, &sqe);
	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	wait_ready(pair->fd, POLLIN);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	/* A poll request is no call into the socket, but it ends as well. */
	ring_next(&self->ring);
	expect_end(_metadata, pair, variant->onoff && !variant->seconds, pair->sent);
}

/* A ring that goes with requests pending lets go of the socket, too. */
TEST_F(own, ring_that_is_closed_afterwards_holds_nothing)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = recv_sqe(pair->fd, self->buffer);

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	ring_submit(&self->ring, &sqe);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	ring_close(&self->ring);
	expect_end(_metadata, pair, variant->onoff && !variant->seconds, pair->sent);
}

static int register_file(struct ring *ring, int fd)
{
	return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES,
		       &fd, 1) < 0 ? -errno : 0;
}

/* G5: a registered file is another descriptor... */
TEST_F(own, registered_file_keeps_the_connection)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = recv_sqe(0, self->buffer);

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	ASSERT_EQ(0, register_file(&self->ring, pair->fd));
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_FALSE(fd_is_open(pair->fd));
	wire_look(&pair->wire);
	EXPECT_EQ(0, pair->wire.sent.fin);
	EXPECT_EQ(0, pair->wire.sent.rst);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));

	/* ...but not a number of this process: nothing begins on it. */
	sqe.flags = IOSQE_FIXED_FILE;
	ring_submit(&self->ring, &sqe);
	EXPECT_EQ(-ECANCELED, ring_next(&self->ring).res);

	ASSERT_EQ(0, syscall(SYS_io_uring_register, self->ring.fd,
			     IORING_UNREGISTER_FILES, NULL, 0));
	expect_end(_metadata, pair, variant->onoff && !variant->seconds, pair->sent);
}

/* ...and what had begun on it ends. */
TEST_F(own, request_on_a_registered_file_ends_with_ecanceled)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = recv_sqe(0, self->buffer);

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	ASSERT_EQ(0, register_file(&self->ring, pair->fd));
	sqe.flags = IOSQE_FIXED_FILE;
	ring_submit(&self->ring, &sqe);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_EQ(-ECANCELED, ring_next(&self->ring).res);
	EXPECT_EQ(TCP_ESTABLISHED, pair_state(pair));
	ring_close(&self->ring);
	expect_end(_metadata, pair, variant->onoff && !variant->seconds, pair->sent);
}

/* C15, I1: the library counts its requests for the kernel. */
TEST_F(own, refuses_although_a_request_is_pending_when_passed_as_such)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = recv_sqe(pair->fd, self->buffer);
	struct completion done;

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	if (!variant->stalled || !variant->seconds)
		return;
	set_nonblocking(pair->fd, true);
	/* O_NONBLOCK would end it at once; a poll request waits. */
	sqe.opcode = IORING_OP_POLL_ADD;
	sqe.addr = 0;
	sqe.len = 0;
	sqe.poll32_events = POLL32(POLLIN);
	ring_submit(&self->ring, &sqe);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket_pending(pair->fd, 1));
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket_pending(pair->fd, 1));
	EXPECT_TRUE(fd_is_open(pair->fd));
	EXPECT_FALSE(ring_look(&self->ring, &done));

	ASSERT_EQ(1, send(pair->peer, "", 1, 0));
	EXPECT_EQ(POLLIN, ring_next(&self->ring).res);
}

/* Zero copy: attaching must not take it away, as __tcp_set_ulp() does. */
TEST_F(own, zero_copy_send_works_on_a_socket_attached_later)
{
	struct kind plain = { variant->kind.family, false, false };
	struct pair pair;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SEND_ZC,
		.addr = (unsigned long)self->buffer,
		.len = BUFFER,
	};
	struct completion done;

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	pair_open(&pair, &plain);
	sqe.fd = pair.fd;
	ASSERT_EQ(0, winsock_attach(pair.fd));
	ring_submit(&self->ring, &sqe);
	done = ring_next(&self->ring);
	if (done.res == -EINVAL)
		SKIP(return, "kernel: no zero-copy send");
	EXPECT_EQ(BUFFER, done.res);
	EXPECT_EQ(0, ioc_closesocket(pair.fd));
	pair.fd = -1;
	pair_close(&pair);
}

TEST_F(own, zero_copy_send_works_and_survives_the_close)
{
	struct pair *pair = &self->pair;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SEND_ZC,
		.fd = pair->fd,
		.addr = (unsigned long)self->buffer,
		.len = BUFFER,
	};
	struct completion done;

	if (self->ring.fd < 0)
		SKIP(return, NO_REQUEST);
	if (variant->stalled)
		return;
	pattern(self->buffer, 0, BUFFER);
	pair_cut(pair);
	ring_submit(&self->ring, &sqe);
	done = ring_next(&self->ring);
	if (done.res == -EINVAL)
		SKIP(return, "kernel: no zero-copy send");
	ASSERT_EQ(BUFFER, done.res);
	EXPECT_TRUE(done.flags & IORING_CQE_F_MORE);
	pair->sent = BUFFER;
	if (variant->seconds)
		set_linger(pair->fd, 0, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair_mend(pair);
	/* The peer knows nothing of a reset that it did not hear. */
	if (!variant->onoff || variant->seconds)
		expect_end(_metadata, pair, false, BUFFER);
	pair->fd = -1;
	done = ring_next(&self->ring);
	EXPECT_TRUE(done.flags & IORING_CQE_F_NOTIF);
}

TEST_HARNESS_MAIN
