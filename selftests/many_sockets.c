// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets by the thousand: all of them go, and take everything with them.
 * Meanwhile another thread tries to unload the module.  ROUNDS=4 makes it
 * 20,000 of each kind.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "support/suite.h"

#define SOCKETS		5000
#define SOCKETS_AT_ONCE	20000
#define BATCH		250
#define LINGERERS	500

/**
 * struct unloader - a thread that never stops trying
 * @thread: the thread
 * @stop: tell it
 * @tries: how often it did
 * @result: what it got that was not "in use"; 0 if nothing
 */
struct unloader {
	pthread_t thread;
	bool stop;
	unsigned long tries;
	int result;
};

static void *unload(void *arg)
{
	struct unloader *u = arg;

	while (!__atomic_load_n(&u->stop, __ATOMIC_ACQUIRE)) {
		int err = module_remove();

		if (err != -EWOULDBLOCK)
			u->result = err ?: -EUCLEAN;
		u->tries++;
		usleep(5000);
	}
	return NULL;
}

static void unloader_start(struct unloader *u)
{
	memset(u, 0, sizeof(*u));
	errno = pthread_create(&u->thread, NULL, unload, u);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
}

static void unloader_stop(struct unloader *u)
{
	__atomic_store_n(&u->stop, true, __ATOMIC_RELEASE);
	pthread_join(u->thread, NULL);
}

enum way {
	WAY_GRACEFUL,		/* C1 */
	WAY_HARD,		/* C4 */
	WAY_IDLE_LINGER,	/* C7 */
	WAY_REFUSED,		/* C15, then C18 */
	WAY_NOT_LAST,		/* G5, then C1 */
	WAY_UNCONNECTED,	/* N2 */
};

static int rounds(void)
{
	const char *value = getenv("ROUNDS");

	return value ? atoi(value) : 1;
}

FIXTURE(many_sockets) {
	struct memcg memcg;
	struct unloader unloader;
	int descriptors;
	long objects;
};

FIXTURE_VARIANT(many_sockets) {
	enum way way;
};

FIXTURE_VARIANT_ADD(many_sockets, graceful)	{ WAY_GRACEFUL };
FIXTURE_VARIANT_ADD(many_sockets, hard)	{ WAY_HARD };
FIXTURE_VARIANT_ADD(many_sockets, idle_linger)	{ WAY_IDLE_LINGER };
FIXTURE_VARIANT_ADD(many_sockets, refused)	{ WAY_REFUSED };
FIXTURE_VARIANT_ADD(many_sockets, not_last)	{ WAY_NOT_LAST };
FIXTURE_VARIANT_ADD(many_sockets, unconnected)	{ WAY_UNCONNECTED };

FIXTURE_SETUP(many_sockets)
{
	winsock_open();
	allow_descriptors(SOCKETS_AT_ONCE + 1000);
	/* The table of descriptors grows once and never shrinks. */
	check(dup2(winsock_device, SOCKETS_AT_ONCE + 500));
	close(SOCKETS_AT_ONCE + 500);
	self->descriptors = open_descriptors();
	/* A thread stays in the namespace it began in. */
	unloader_start(&self->unloader);
	memcg_enter(&self->memcg, "many_sockets");
	netns_enter();
	put_line("/proc/sys/net/ipv4/tcp_max_tw_buckets", "200000");
	self->objects = memcg_objects(&self->memcg);
}

FIXTURE_TEARDOWN(many_sockets)
{
	unloader_stop(&self->unloader);
	EXPECT_EQ(0, self->unloader.result);
	EXPECT_LT(0, self->unloader.tries);
	expect_unloadable(_metadata);
	memcg_leave(&self->memcg);
}

/* What a peer gets after the few bytes that may have come. */
static int ending(int fd)
{
	char bytes[256];
	ssize_t got;

	do {
		wait_ready(fd, POLLIN);
		got = recv(fd, bytes, sizeof(bytes), 0);
	} while (got > 0);
	return got < 0 ? -errno : 0;
}

/* Each batch goes to an address of its own: no port is short. */
static void batch_open(struct pair *pairs, int n, int listener, int batch)
{
	struct kind kind = { .family = AF_INET, .attached = true };
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = local_port(listener),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + batch),
	};
	int i;

	for (i = 0; i < n; i++) {
		pairs[i].fd = kind_socket(&kind, SOCK_STREAM);
		check(connect(pairs[i].fd, (struct sockaddr *)&addr,
			      sizeof(addr)));
		pairs[i].peer = check(accept4(listener, NULL, NULL,
					      SOCK_CLOEXEC));
	}
}

/* One close; returns whether all of it was as it should be. */
static bool close_one(struct pair *pair, enum way way)
{
	int fd = pair->fd, other;
	bool ok = true;

	switch (way) {
	case WAY_GRACEFUL:
		check(send(fd, "data", 4, 0));
		break;
	case WAY_HARD:
		check(send(fd, "data", 4, 0));
		set_linger(fd, 1, 0);
		break;
	case WAY_IDLE_LINGER:
		set_linger(fd, 1, LINGER_LONG);
		break;
	case WAY_REFUSED:
		set_linger(fd, 1, LINGER_LONG);
		set_nonblocking(fd, true);
		pair_cut(pair);
		check(send(fd, "data", 4, 0));
		ok = ioc_closesocket(fd) == -EWOULDBLOCK && fd_is_open(fd);
		pair_mend(pair);
		set_linger(fd, 1, 0);
		break;
	case WAY_NOT_LAST:
		other = check(dup(fd));
		ok = !ioc_closesocket(other) && !fd_is_open(other) &&
		     tcp_state(fd) == TCP_ESTABLISHED;
		break;
	default:
		break;
	}
	return ok && !ioc_closesocket(fd) && !fd_is_open(fd);
}

static int close_batch(struct pair *pairs, int n, enum way way)
{
	bool reset = way == WAY_HARD || way == WAY_REFUSED;
	int i, good = 0;

	for (i = 0; i < n; i++) {
		good += close_one(&pairs[i], way) &&
			ending(pairs[i].peer) == (reset ? -ECONNRESET : 0);
		close(pairs[i].peer);
	}
	return good;
}

static int close_connected(enum way way, int sockets)
{
	struct pair pairs[BATCH] = { 0 };
	struct sockaddr_in any = { .sin_family = AF_INET };
	int listener, done, good = 0;

	listener = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	check(bind(listener, (struct sockaddr *)&any, sizeof(any)));
	check(listen(listener, BATCH));
	for (done = 0; done < sockets; done += BATCH) {
		batch_open(pairs, BATCH, listener, done / BATCH);
		good += close_batch(pairs, BATCH, way);
	}
	close(listener);
	return good;
}

/* All of them are open at once. */
static int close_unconnected(int sockets)
{
	struct kind kind = { .family = AF_INET, .attached = true };
	int *fds = calloc(sockets, sizeof(*fds));
	int i, good = 0;

	for (i = 0; i < sockets; i++)
		fds[i] = kind_socket(&kind, i % 2 ? SOCK_STREAM : SOCK_DGRAM);
	for (i = 0; i < sockets; i++)
		good += !ioc_closesocket(fds[i]) && !fd_is_open(fds[i]);
	free(fds);
	return good;
}

/* C1, C4, C7, C15, C18, G5, N1, N2 */
TEST_F(many_sockets, leave_no_descriptor_no_attachment_and_no_memory_behind)
{
	int sockets = scaled(variant->way == WAY_UNCONNECTED ?
			       SOCKETS_AT_ONCE : SOCKETS * rounds());

	EXPECT_EQ(sockets, variant->way == WAY_UNCONNECTED ?
			 close_unconnected(sockets) :
			 close_connected(variant->way, sockets));
	EXPECT_EQ(self->descriptors, open_descriptors());
	wait_until(!winsock_counter("WinsockCurrAttached"));
	/* TIME_WAIT, and the ports it holds, go with the namespace. */
	netns_enter();
	/* An object of 96 bytes for each that was lost would show. */
	wait_until(memcg_objects(&self->memcg) <
		   self->objects + sockets * 48L);
}

/*
 * 500 threads linger at once.
 */
FIXTURE(lingerers) {
	struct unloader unloader;
};

FIXTURE_SETUP(lingerers)
{
	winsock_open();
	netns_enter();
	allow_descriptors(4 * LINGERERS);
	unloader_start(&self->unloader);
}

FIXTURE_TEARDOWN(lingerers)
{
	unloader_stop(&self->unloader);
	EXPECT_EQ(0, self->unloader.result);
	expect_unloadable(_metadata);
}

/* By the number of the socket under test. */
static int *lingerer_peers;

static int close_and_look(int fd)
{
	int err = ioc_closesocket(fd);

	/* The reset is sent; it may take a moment to be taken notice of. */
	if (!err)
		wait_until(tcp_state(lingerer_peers[fd]) == TCP_CLOSE);
	return err;
}

/* C9 */
TEST_F(lingerers, all_timeout_with_a_reset_and_none_early)
{
	int n = scaled(LINGERERS), i, listener, room = 4096;
	struct closer *closers = calloc(n, sizeof(*closers));
	struct kind kind = { .family = AF_INET, .attached = true };
	int wrong = 0, early = 0, kept = 0;
	struct sockaddr_storage addr;
	long before = orphans();
	struct pair pair;
	socklen_t len;

	lingerer_peers = calloc(4 * LINGERERS, sizeof(int));
	listener = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	check(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	listen_loopback(listener, AF_INET, 1, &addr, &len);
	room = 65536;
	for (i = 0; i < n; i++) {
		memset(&pair, 0, sizeof(pair));
		pair.fd = kind_socket(&kind, SOCK_STREAM);
		check(setsockopt(pair.fd, SOL_SOCKET, SO_SNDBUF, &room,
				 sizeof(room)));
		connect_to(pair.fd, &addr, len);
		pair.peer = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
		/* More than the peer has room for. */
		pair_fill(&pair);
		set_linger(pair.fd, 1, 5);
		lingerer_peers[pair.fd] = pair.peer;
		closers[i].fd = pair.fd;
	}
	for (i = 0; i < n; i++)
		closer_start(&closers[i], close_and_look, closers[i].fd);
	for (i = 0; i < n; i++) {
		wrong += closer_join(&closers[i]) != 0;
		early += closers[i].elapsed_ms < 5000;
		kept += fd_is_open(closers[i].fd);
	}
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, early);
	EXPECT_EQ(0, kept);
	EXPECT_EQ(n, winsock_counter("WinsockLingerTimeouts"));
	EXPECT_EQ(0, winsock_counter("WinsockCurrAttached"));
	EXPECT_GE(before, orphans());
	close(listener);
	free(closers);
	free(lingerer_peers);
}

TEST_HARNESS_MAIN
