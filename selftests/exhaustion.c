// SPDX-License-Identifier: GPL-2.0
/* closesocket() where descriptors, files or memory have run out. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "support/suite.h"

#define SOCKETS		4000

/* As it is when what was before has been counted. */
static long memcg_settled(const struct memcg *memcg)
{
	sleep(3);
	return memcg_objects(memcg);
}

/*
 * No descriptor is left.
 */
FIXTURE(descriptors) {
	struct pair pair;
	struct closer closer;
};

FIXTURE_SETUP(descriptors)
{
	struct kind kind = { .family = AF_INET, .attached = true };

	pair_setup(&self->pair, &kind);
	set_linger(self->pair.fd, 1, LINGER_LONG);
}

PAIR_TEARDOWN(descriptors);

/* From here on no file can be opened, /proc's neither. */
static void use_up_descriptors(void)
{
	allow_descriptors(64);
	while (dup(winsock_device) >= 0)
		;
	if (errno != EMFILE)
		fail("dup: %s", strerror(errno));
}

static void give_back_descriptors(void)
{
	allow_descriptors(128);
}

/* C1: a close needs none; what it frees is the next one's. */
TEST_F(descriptors, close_needs_none_and_frees_one)
{
	struct pair *pair = &self->pair;
	struct received got;
	int fd = pair->fd, i;

	set_linger(fd, 0, 0);
	use_up_descriptors();
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(-EMFILE, ioc_socket(AF_INET, SOCK_STREAM, 0));
		EXPECT_EQ(-EMFILE, ioc_socket(AF_INET6, SOCK_DGRAM, 0));
	}
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_EQ(fd, ioc_socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_EQ(-EMFILE, ioc_socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_EQ(0, ioc_closesocket(fd));
	pair->fd = -1;
	got = receive_all(pair->peer);
	EXPECT_EQ(END_EOF, got.ending);
	/* Without its FIN ours might wait for that in FIN_WAIT2. */
	EXPECT_EQ(0, close(pair->peer));
	pair->peer = -1;

	/* Nothing was left of all those that failed. */
	give_back_descriptors();
	wait_until(!winsock_counter("WinsockCurrAttached"));
}

/* I1 for accept: the connection stays where it is. */
TEST_F(descriptors, accept_fails_and_loses_nothing)
{
	struct kind kind = { .family = AF_INET, .attached = true };
	int listener = kind_socket(&kind, SOCK_STREAM);
	struct sockaddr_storage addr;
	int client, child, i;
	socklen_t len;

	listen_loopback(listener, AF_INET, 1, &addr, &len);
	client = check(socket(AF_INET, SOCK_STREAM, 0));
	connect_to(client, &addr, len);
	use_up_descriptors();
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-1, accept4(listener, NULL, NULL, 0));
		EXPECT_EQ(EMFILE, errno);
	}
	EXPECT_EQ(0, ioc_closesocket(self->pair.fd));
	self->pair.fd = -1;
	child = accept4(listener, NULL, NULL, 0);
	ASSERT_LE(0, child);
	give_back_descriptors();
	wait_until(winsock_counter("WinsockCurrAttached") == 2);
	EXPECT_EQ(0, ioc_closesocket(child));
	EXPECT_EQ(END_EOF, receive_all(client).ending);
	close(client);
	close(listener);
}

/* I2, C8: the number of a close that waits is nobody else's. */
TEST_F(descriptors, lingering_close_keeps_its_descriptor_reserved_to_the_end)
{
	struct pair *pair = &self->pair;
	int fd = pair->fd;

	pair_stall(pair);
	closer_start(&self->closer, ioc_closesocket, fd);
	closer_wait_asleep(&self->closer);
	use_up_descriptors();
	EXPECT_EQ(-EMFILE, ioc_socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_EQ(END_EOF, receive_all(pair->peer).ending);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_EQ(fd, ioc_socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_EQ(-EMFILE, ioc_socket(AF_INET, SOCK_STREAM, 0));
}

static void on_signal(int sig)
{
}

/* C11: nor can it be missing when the file is to go back. */
TEST_F(descriptors, interrupted_close_has_its_descriptor_again)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct pair *pair = &self->pair;

	sigaction(SIGUSR1, &sa, NULL);
	pair_stall(pair);
	closer_start(&self->closer, ioc_closesocket, pair->fd);
	closer_wait_asleep(&self->closer);
	use_up_descriptors();
	check(syscall(SYS_tgkill, getpid(), self->closer.tid, SIGUSR1));
	EXPECT_EQ(-EINTR, closer_join(&self->closer));
	EXPECT_TRUE(fd_is_open(pair->fd));
	set_linger(pair->fd, 0, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	expect_eof(_metadata, pair, pair->sent);
}

/*
 * A limit of the whole system, and what it was before.
 */
struct limit {
	const char *path;
	char before[64];
};

static void limit_keep(struct limit *limit, const char *path)
{
	FILE *f = fopen(path, "r");

	limit->path = path;
	if (!f || !fgets(limit->before, sizeof(limit->before), f))
		fail("%s cannot be read", path);
	fclose(f);
}

static void limit_restore(const struct limit *limit)
{
	put_line(limit->path, limit->before);
}

/* Only an ordinary user is held to the limit of open files. */
TEST(no_socket_is_left_where_the_system_has_no_file_for_it)
{
	struct limit files;
	int i, status;
	pid_t pid;

	netns_enter();
	winsock_open();
	limit_keep(&files, "/proc/sys/fs/file-max");
	put_line(files.path, "0");
	pid = child_fork();
	if (!pid) {
		check(setresuid(65534, 65534, 65534));
		for (i = 0; i < 100; i++)
			if (ioc_socket(AF_INET, SOCK_STREAM, 0) != -ENFILE ||
			    ioc_socket(AF_INET6, SOCK_DGRAM, 0) != -ENFILE)
				_exit(1);
		_exit(0);
	}
	check(waitpid(pid, &status, 0));
	limit_restore(&files);
	EXPECT_EQ(0, status);
	wait_until(!winsock_counter("WinsockCurrAttached"));
	expect_unloadable(_metadata);
}

/*
 * TCP as a whole is short of memory, or of room for connections without a
 * descriptor.
 */
FIXTURE(shortage) {
	struct limit limit;
	struct pair pair;
	struct pair ballast;
	struct closer closer;
	int home;
};

FIXTURE_VARIANT(shortage) {
	const char *path;
	const char *value;
};

/* With 0 the first would pass until the kernel has counted it, some time. */
FIXTURE_VARIANT_ADD(shortage, of_orphans) {
	"/proc/sys/net/ipv4/tcp_max_orphans", "-1",
};

FIXTURE_VARIANT_ADD(shortage, of_memory) {
	"/proc/sys/net/ipv4/tcp_mem", "1 1 1",
};

/* Each CPU may keep a megabyte that TCP's account does not show. */
FIXTURE_SETUP(shortage)
{
	struct kind kind = { .family = AF_INET, .attached = true };
	int room = 4 << 20, less = 16384;

	/* The limits are the first namespace's. */
	self->home = check(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	limit_keep(&self->limit, variant->path);
	pair_setup(&self->pair, &kind);
	pair_open(&self->ballast, &kind);
	check(setsockopt(self->ballast.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
			 sizeof(room)));
	/* Little, since each lost segment costs a retransmission timeout. */
	check(setsockopt(self->pair.fd, SOL_SOCKET, SO_SNDBUF, &less,
			 sizeof(less)));
	pair_stall(&self->pair);
	pair_stall(&self->ballast);
}

FIXTURE_TEARDOWN(shortage)
{
	pair_close(&self->pair);
	pair_close(&self->ballast);
	check(setns(self->home, CLONE_NEWNET));
	limit_restore(&self->limit);
}

static void put_in(int ns, const char *path, const char *value)
{
	int here = check(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));

	check(setns(ns, CLONE_NEWNET));
	put_line(path, value);
	check(setns(here, CLONE_NEWNET));
	close(here);
}

/* C1: "if possible".  A clear end, not a silent one. */
TEST_F(shortage, graceful_close_resets_where_the_tail_may_not_stay)
{
	struct pair *pair = &self->pair;
	struct received got;

	put_in(self->home, variant->path, variant->value);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
	got = receive_all(pair->peer);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_RESET, got.ending);
	EXPECT_GE(1, winsock_counter("WinsockCurrAttached"));
}

/* C8: a socket that is waited for is no orphan. */
TEST_F(shortage, lingering_close_delivers_every_byte)
{
	struct pair *pair = &self->pair;
	struct received got;

	put_in(self->home, variant->path, variant->value);
	set_linger(pair->fd, 1, LINGER_LONG);
	close_and_wait(&self->closer, pair);
	got = receive_all(pair->peer);
	EXPECT_EQ(0, closer_join(&self->closer));
	EXPECT_EQ(pair->sent, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_NE(END_NONE, got.ending);
	EXPECT_EQ(0, winsock_counter("WinsockLingerTimeouts"));
}

/* C9 */
TEST_F(shortage, linger_timeout_resets_and_is_not_early)
{
	struct pair *pair = &self->pair;
	long start;

	put_in(self->home, variant->path, variant->value);
	set_linger(pair->fd, 1, 1);
	start = now_ms();
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	pair->fd = -1;
	EXPECT_EQ(0, pair_state(pair));
	EXPECT_EQ(END_RESET, receive_all(pair->peer).ending);
}

/* C15, I1, C18 */
TEST_F(shortage, refusal_changes_nothing)
{
	struct pair *pair = &self->pair;
	int bytes;

	put_in(self->home, variant->path, variant->value);
	set_nonblocking(pair->fd, true);
	set_linger(pair->fd, 1, LINGER_LONG);
	bytes = queued(pair->fd);
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_EQ(-EWOULDBLOCK, ioc_closesocket(pair->fd));
	EXPECT_EQ(bytes, queued(pair->fd));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(pair->fd));
	EXPECT_EQ(0, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair->wire.sent.fin);

	set_linger(pair->fd, 1, 0);
	EXPECT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	EXPECT_LE(1, wire_look(&pair->wire)->sent.rst);
	EXPECT_EQ(0, pair_state(pair));
}

/*
 * The memory cgroup.
 */
FIXTURE(memcg) {
	struct memcg memcg;
};

FIXTURE_SETUP(memcg)
{
	netns_enter();
	winsock_open();
	memcg_enter(&self->memcg, "limit");
	allow_descriptors(100000);
}

FIXTURE_TEARDOWN(memcg)
{
	memcg_leave(&self->memcg);
	expect_unloadable(_metadata);
}

static void open_many(int *fds, int n, bool attached)
{
	struct kind kind = { .family = AF_INET, .attached = attached };
	int i;

	for (i = 0; i < n; i++)
		fds[i] = kind_socket(&kind, SOCK_DGRAM);
}

/* A datagram socket's state, several hundred bytes, is charged like itself. */
TEST_F(memcg, is_charged_for_what_attaching_takes)
{
	int n = scaled(SOCKETS), i;
	int *fds = calloc(n, sizeof(*fds));
	long before, plain;

	before = memcg_settled(&self->memcg);
	open_many(fds, n, false);
	plain = memcg_settled(&self->memcg) - before;
	EXPECT_LT(n * 512L, plain);
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, ioc_closesocket(fds[i]));
	wait_until(memcg_objects(&self->memcg) < before + plain / 2);

	open_many(fds, n, true);
	EXPECT_LT(before + plain + n * 128L, memcg_settled(&self->memcg));
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, ioc_closesocket(fds[i]));
	wait_until(memcg_objects(&self->memcg) < before + plain / 2);
	free(fds);
}

/* The killer's report has a call trace, which is no fault of the kernel's. */
static void console_quiet(bool quiet)
{
	static struct limit printk;

	if (quiet) {
		limit_keep(&printk, "/proc/sys/kernel/printk");
		put_line(printk.path, "4");
	} else {
		limit_restore(&printk);
	}
}

static void open_sockets_for_ever(void)
{
	for (;;)
		if (ioc_socket(AF_INET, SOCK_STREAM, 0) < 0 ||
		    ioc_socket(AF_INET6, SOCK_DGRAM, 0) < 0)
			_exit(0);
}

/* Killed in the middle of it, or told so: all is given back. */
TEST_F(memcg, that_runs_out_leaves_nothing_behind)
{
	struct memcg small;
	int status;
	pid_t pid;

	console_quiet(true);
	pid = child_fork();
	if (!pid) {
		memcg_enter(&small, "small");
		memcg_put(&small, "memory.max", "8M");
		open_sockets_for_ever();
	}
	wait_until(check(waitpid(pid, &status, WNOHANG)) == pid);
	console_quiet(false);
	EXPECT_TRUE(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
		    !WEXITSTATUS(status));
	wait_until(!winsock_counter("WinsockCurrAttached"));
	memcg_name(&small, "small", pid);
	memcg_leave(&small);
}

/*
 * The module goes whenever nothing happens to hold it, and every request
 * finds it there or not, nothing in between.
 */
struct visitor {
	pthread_t thread;
	bool stop;
	unsigned long found;
	unsigned long missed;
	int result;
};

static int visit(void)
{
	int device = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	struct winsock_socket new = { AF_INET, SOCK_STREAM, 0, 0 };
	struct winsock_closesocket how = { 0 };
	int err = 0;

	if (device < 0)
		return -errno;
	how.fd = ioctl(device, WINSOCK_IOC_SOCKET, &new);
	if (how.fd < 0 || ioctl(device, WINSOCK_IOC_CLOSESOCKET, &how))
		err = -ENOTRECOVERABLE;
	close(device);
	return err;
}

static int attach_one(void)
{
	int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int err = winsock_attach(fd);

	close(fd);
	return err;
}

static void *keep_visiting(void *arg)
{
	struct visitor *v = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&v->stop, __ATOMIC_ACQUIRE); i++) {
		int err = i % 2 ? visit() : attach_one();

		if (!err)
			v->found++;
		else if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
			v->missed++;
		else
			v->result = err;
		usleep(2000);
	}
	return NULL;
}

/* It unloads while nobody has the device open, and at no other time. */
TEST(module_goes_and_comes_between_any_two_requests)
{
	struct visitor visitors[3] = { 0 };
	unsigned long found = 0, missed = 0;
	int gone = 0, err;
	unsigned int i;
	long deadline;

	if (module_is_built_in())
		SKIP(return, "kernel: the module is built in");
	netns_enter();
	wait_until(!module_references());
	for (i = 0; i < ARRAY_SIZE(visitors); i++) {
		errno = pthread_create(&visitors[i].thread, NULL,
				       keep_visiting, &visitors[i]);
		if (errno)
			fail("pthread_create: %s", strerror(errno));
	}
	deadline = now_ms() + WAIT_MS;
	while (gone < 10 && now_ms() < deadline) {
		err = module_remove();
		if (!err) {
			gone++;
			err = module_insert();
			/* An installed one comes by itself, maybe sooner. */
			if (err != -EEXIST || getenv("WINSOCK_KO"))
				EXPECT_EQ(0, err);
		} else {
			EXPECT_EQ(-EWOULDBLOCK, err);
		}
		usleep(1000);
	}
	for (i = 0; i < ARRAY_SIZE(visitors); i++) {
		__atomic_store_n(&visitors[i].stop, true, __ATOMIC_RELEASE);
		pthread_join(visitors[i].thread, NULL);
		found += visitors[i].found;
		missed += visitors[i].missed;
		EXPECT_EQ(0, visitors[i].result);
	}
	EXPECT_LT(0, gone);
	EXPECT_LT(0, found);
	wait_until(!module_references());
}

TEST_HARNESS_MAIN
