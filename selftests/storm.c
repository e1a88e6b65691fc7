// SPDX-License-Identifier: GPL-2.0
/*
 * The storm: many threads and processes that use, duplicate and close the same
 * descriptor numbers at the same time.
 *
 * Nothing here is left to luck but the schedule.  Each storm is built so that a
 * fault cannot pass for something an application may see:
 *
 *  - Every byte on a connection says which connection, direction and place in
 *    the stream it belongs to.  A reader that got another socket under its old
 *    number (P10) reads bytes that are not its own.
 *  - Every thread counts its steps and a watchdog looks at them, so that a wake-
 *    up that is lost shows, with the stack it was lost in.
 *  - Every socket that is put under a shared number is counted, and so is every
 *    close that returned 0.  In the end the two are the same, and the same as
 *    what the kernel has counted; nothing is attached any more.
 *  - Pipes live under recycled numbers.  Closers may hit them (ENOTSOCK), but
 *    they stay what they are until their owner closes them (I2).
 *
 * SEED=, printed by every storm, and ROUNDS= (1 is what make check does) come
 * from the environment.  The same seed makes each thread do the same things;
 * how they interleave is the scheduler's.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/sockios.h>

#include "suite.h"

/* The watchdog is quicker, and knows what to say. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	7200

#define CLOSES_WANTED	50000

/*
 * closesocket() cannot name this process's poll()s and select()s; it wakes them
 * and waits a little until they let go.  One in so many closes may find one that
 * got no CPU for so long, and then looks at whatever has its number.
 */
#define OUTSTAYED_MAX	100

#define get(var)	__atomic_load_n(&(var), __ATOMIC_SEQ_CST)
#define set(var, val)	__atomic_store_n(&(var), val, __ATOMIC_SEQ_CST)
#define bump(var)	__atomic_add_fetch(&(var), 1, __ATOMIC_SEQ_CST)

/**
 * struct counts - closesocket() calls by result; shared with child processes
 * @closed: 0
 * @refused: EWOULDBLOCK
 * @interrupted: EINTR
 * @lost: EBADF
 * @no_socket: ENOTSOCK
 * @outstayed: pollers that had not left when closesocket() returned
 * @conn: the last connection's mark
 */
struct counts {
	unsigned long closed;
	unsigned long refused;
	unsigned long interrupted;
	unsigned long lost;
	unsigned long no_socket;
	unsigned long outstayed;
	uint32_t conn;
};

static struct counts *counts;
static unsigned long *all_closed;
static unsigned long seed;
static unsigned long rounds = 1;

/* Before the harness forks, so that all tests add to the same sums. */
static void __attribute__((constructor)) share_counts(void)
{
	const char *value;

	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	all_closed = (unsigned long *)(counts + 1);
	value = getenv("SEED");
	if (value && *value)
		seed = strtoul(value, NULL, 0);
	else
		check(getrandom(&seed, sizeof(uint32_t), 0));
	value = getenv("ROUNDS");
	if (value && atol(value) > 0)
		rounds = atol(value);
}

/* Threads, and who looks after them. */

/**
 * struct thread - one thread of the storm
 * @id: for pthread_join()
 * @tid: for /proc
 * @role: what it is there for
 * @run: its body
 * @arg: what the body works on
 * @random: state of its generator
 * @doing: the step it is at
 * @steps: how many it has done
 * @done: its body has returned
 * @seen: @steps when the watchdog last saw them change
 * @since: when that was
 */
struct thread {
	pthread_t id;
	pid_t tid;
	const char *role;
	void (*run)(void *arg);
	void *arg;
	uint64_t random;
	const char *doing;
	unsigned long steps;
	bool done;
	unsigned long seen;
	long since;
};

#define THREADS_MAX	64

static struct thread threads[THREADS_MAX];
static int nr_threads;
static bool storm_over;
static pthread_t watchdog;
static __thread struct thread *me;

static void step(const char *doing)
{
	set(me->doing, doing);
	bump(me->steps);
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static unsigned int dice(unsigned int sides)
{
	return (next_random(&me->random) >> 32) % sides;
}

static void show_file(pid_t tid, const char *name, int max_lines)
{
	char path[64], line[200];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	f = fopen(path, "r");
	while (f && max_lines-- && fgets(line, sizeof(line), f))
		dprintf(STDOUT_FILENO, "#     %s: %.*s\n", name,
			(int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static void show_thread(const struct thread *t, int stack_lines)
{
	dprintf(STDOUT_FILENO, "#   %s %d: %s, step %lu, %ld ms ago\n", t->role,
		t->tid, get(t->doing), t->seen, now_ms() - t->since);
	if (t->done || !stack_lines)
		return;
	show_file(t->tid, "syscall", 1);
	show_file(t->tid, "wchan", 1);
	show_file(t->tid, "stack", stack_lines);
}

/* The first failure is told and ends the test; the others have to wait. */
static pthread_mutex_t first_failure = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	pthread_mutex_lock(&first_failure);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dprintf(STDOUT_FILENO, "# SEED=%lu: %s, step %lu (%s): %s\n", seed,
		me ? me->role : "?", me ? me->steps : 0, me ? me->doing : "?",
		text);
	_exit(EXIT_FAILURE);
}

/* Waits for another thread of ours, who is the one to look at. */
static bool waits_for_thread(const struct thread *t)
{
	char path[64], nr[8] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", t->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, nr, sizeof(nr) - 1) < 0)
		nr[0] = 0;
	close(fd);
	return atoi(nr) == SYS_futex;
}

/* Who stands still comes first: only so many lines of a test are shown. */
static void show_stall(const struct thread *stalled)
{
	bool shown[THREADS_MAX] = { false };
	int i;

	pthread_mutex_lock(&first_failure);
	dprintf(STDOUT_FILENO, "# SEED=%lu: %s: no progress in %d ms\n", seed,
		stalled->role, WAIT_MS);
	for (i = 0; i < nr_threads; i++) {
		if (threads[i].done || waits_for_thread(&threads[i]) ||
		    now_ms() - threads[i].since < WAIT_MS / 2)
			continue;
		show_thread(&threads[i], 10);
		shown[i] = true;
	}
	for (i = 0; i < nr_threads; i++)
		if (!shown[i])
			show_thread(&threads[i], 0);
	_exit(EXIT_FAILURE);
}

static void *watch(void *unused)
{
	struct thread *stalled;
	int i;

	while (!get(storm_over)) {
		stalled = NULL;
		for (i = 0; i < get(nr_threads); i++) {
			struct thread *t = &threads[i];
			unsigned long steps = get(t->steps);

			if (get(t->done))
				continue;
			if (!t->since || steps != t->seen) {
				t->seen = steps;
				t->since = now_ms();
			}
			if (now_ms() - t->since > WAIT_MS &&
			    (!stalled || t->since < stalled->since))
				stalled = t;
		}
		if (stalled)
			show_stall(stalled);
		usleep(50000);
	}
	return NULL;
}

static void *thread_main(void *arg)
{
	me = arg;
	set(me->tid, syscall(SYS_gettid));
	me->run(me->arg);
	set(me->done, true);
	return NULL;
}

static struct thread *thread_new(const char *role)
{
	struct thread *t = &threads[nr_threads];

	if (nr_threads == THREADS_MAX)
		die("too many threads");
	memset(t, 0, sizeof(*t));
	t->role = role;
	t->doing = "starting";
	t->random = (seed + 1) * 0x9e3779b97f4a7c15ULL ^
		    (nr_threads + 1) * 0xbf58476d1ce4e5b9ULL;
	next_random(&t->random);
	return t;
}

static struct thread *start(const char *role, void (*run)(void *), void *arg)
{
	struct thread *t = thread_new(role);

	t->run = run;
	t->arg = arg;
	errno = pthread_create(&t->id, NULL, thread_main, t);
	if (errno)
		die("pthread_create: %s", strerror(errno));
	set(nr_threads, nr_threads + 1);
	wait_until(get(t->tid));
	return t;
}

static void join(struct thread *t)
{
	set(me->done, true);	/* not ours to make progress */
	pthread_join(t->id, NULL);
	set(me->done, false);
	step("joined");
}

/* A process begins with its main thread and the watchdog. */
static void threads_begin(unsigned int process)
{
	nr_threads = 0;
	storm_over = false;
	me = thread_new("main");
	me->random += process * 0x94d049bb133111ebULL;
	me->tid = syscall(SYS_gettid);
	nr_threads = 1;
	errno = pthread_create(&watchdog, NULL, watch, NULL);
	if (errno)
		die("pthread_create: %s", strerror(errno));
}

static void threads_end(void)
{
	set(storm_over, true);
	pthread_join(watchdog, NULL);
}

/* The call under test, counted. */
static int closesocket(int fd)
{
	int err = winsock_closesocket(fd);

	switch (err) {
	case 0:
		bump(counts->closed);
		bump(*all_closed);
		break;
	case -EWOULDBLOCK:
		bump(counts->refused);
		break;
	case -EINTR:
		bump(counts->interrupted);
		break;
	case -EBADF:
		bump(counts->lost);
		break;
	case -ENOTSOCK:
		bump(counts->no_socket);
		break;
	default:
		die("%d: %s", fd, strerror(-err));
	}
	return err;
}

static void closesocket_ok(int fd)
{
	int err = closesocket(fd);

	if (err)
		die("closesocket(%d): %s", fd, strerror(-err));
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* Marked data */

/**
 * struct record - what the streams are made of
 * @conn: the connection
 * @direction: 0 from the socket under test, 1 to it
 * @seq: number of the record in its direction
 * @sum: of all the others
 * @fill: words that depend on all the others
 */
struct record {
	uint32_t conn;
	uint32_t direction;
	uint32_t seq;
	uint32_t sum;
	uint64_t fill[6];
};

#define RECORD	sizeof(struct record)

static uint32_t record_sum(const struct record *r)
{
	uint64_t sum = r->conn * 31ULL + r->direction * 7 + r->seq;
	int i;

	for (i = 0; i < ARRAY_SIZE(r->fill); i++)
		sum = sum * 1099511628211ULL + r->fill[i];
	return sum ^ sum >> 32;
}

static void record_make(struct record *r, uint32_t conn, int direction,
			uint32_t seq)
{
	uint64_t x = ((uint64_t)conn << 33 | (uint64_t)seq << 1 | direction) + 1;
	int i;

	r->conn = conn;
	r->direction = direction;
	r->seq = seq;
	for (i = 0; i < ARRAY_SIZE(r->fill); i++)
		r->fill[i] = next_random(&x);
	r->sum = record_sum(r);
}

/**
 * struct stream - one direction of a connection
 * @conn: its mark
 * @direction: its direction
 * @offset: bytes done so far
 */
struct stream {
	uint32_t conn;
	int direction;
	unsigned long offset;
};

static void stream_bytes(const struct stream *s, void *buf, size_t len)
{
	unsigned long offset = s->offset;
	struct record r;

	while (len) {
		size_t skip = offset % RECORD, part = RECORD - skip;

		record_make(&r, s->conn, s->direction, offset / RECORD);
		if (part > len)
			part = len;
		memcpy(buf, (char *)&r + skip, part);
		buf = (char *)buf + part;
		offset += part;
		len -= part;
	}
}

/* The bytes are the stream's next ones and nobody else's. */
static void stream_expect(struct stream *s, const void *buf, size_t len)
{
	char want[4096];
	struct record r;

	stream_bytes(s, want, len);
	if (memcmp(buf, want, len)) {
		memset(&r, 0, sizeof(r));
		memcpy(&r, buf, len < RECORD ? len : RECORD);
		die("at %u/%d/%lu foreign data that look like %u/%u/%lu, sum %s",
		    s->conn, s->direction, s->offset, r.conn, r.direction,
		    r.seq * RECORD, r.sum == record_sum(&r) ? "good" : "bad");
	}
	s->offset += len;
}

/* Bytes sent, or -errno. */
static long stream_send(struct stream *s, int fd, size_t len, int flags)
{
	char buf[4096];
	long ret;

	if (len > sizeof(buf))
		len = sizeof(buf);
	stream_bytes(s, buf, len);
	ret = result(send(fd, buf, len, flags | MSG_NOSIGNAL));
	if (ret > 0)
		s->offset += ret;
	return ret;
}

/* Bytes received and found in order, 0 at the end, or -errno. */
static long stream_recv(struct stream *s, int fd, size_t len, int flags)
{
	char buf[4096];
	long ret;

	if (len > sizeof(buf))
		len = sizeof(buf);
	ret = result(recv(fd, buf, len, flags));
	if (ret > 0)
		stream_expect(s, buf, ret);
	return ret;
}

static void stream_send_all(struct stream *s, int fd, size_t len)
{
	while (len) {
		long ret = stream_send(s, fd, len, 0);

		if (ret < 0)
			die("send(%d): %s", fd, strerror(-ret));
		len -= ret;
	}
}

static void stream_recv_all(struct stream *s, int fd, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	while (len) {
		long ret = stream_recv(s, fd, len, MSG_DONTWAIT);

		if (ret == -EAGAIN) {
			poll(&pfd, 1, WAIT_MS);
			continue;
		}
		if (ret <= 0)
			die("recv(%d): %s", fd, strerror(-ret));
		len -= ret;
	}
}

/* Until the buffers are full or len is through. */
static void stream_stuff(struct stream *s, int fd, size_t len)
{
	while (len) {
		long ret = stream_send(s, fd, len, MSG_DONTWAIT);

		if (ret == -EAGAIN)
			return;
		if (ret < 0)
			die("send(%d): %s", fd, strerror(-ret));
		len -= ret;
	}
}

/* Connections: pair_open() with its capture is too much for a storm. */

/**
 * struct port - a listener to make connections with
 * @fd: the listener
 * @addr: where it listens
 * @len: length of @addr
 */
struct port {
	int fd;
	struct sockaddr_storage addr;
	socklen_t len;
};

#define SMALL_BUFFER	8192
#define FILL_UP		1048576

static int new_socket(bool attached, int type)
{
	int fd;

	if (!attached)
		return check(socket(AF_INET, type | SOCK_CLOEXEC, 0));
	fd = winsock_socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("WINSOCK_IOC_SOCKET: %s", strerror(-fd));
	return fd;
}

static void small_buffers(int fd)
{
	int size = SMALL_BUFFER;

	check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	check(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
}

static void port_open(struct port *port, bool attached, int backlog)
{
	port->fd = new_socket(attached, SOCK_STREAM);
	small_buffers(port->fd);
	listen_loopback(port->fd, AF_INET, backlog, &port->addr, &port->len);
}

static int port_connect(const struct port *port, bool attached)
{
	int fd = new_socket(attached, SOCK_STREAM);

	small_buffers(fd);
	check(connect(fd, (const struct sockaddr *)&port->addr, port->len));
	return fd;
}

static int port_accept(const struct port *port)
{
	return check(accept4(port->fd, NULL, NULL, SOCK_CLOEXEC));
}

static int readable(int fd)
{
	int bytes = 0;

	check(ioctl(fd, FIONREAD, &bytes));
	return bytes;
}

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* Who else sees the number? Lowest free one from base on, or -1 if none is. */
static int place(int fd, int base, int limit)
{
	int n = check(fcntl(fd, F_DUPFD_CLOEXEC, base));

	if (n < limit)
		return n;
	close(n);
	return -1;
}

/* What every storm begins and ends with. */

static const char * const kinds[] = {
	"WinsockCloseGraceful", "WinsockCloseHard", "WinsockCloseLinger",
	"WinsockCloseNative", "WinsockCloseShared",
};

static void on_signal(int sig)
{
}

FIXTURE(storm)
{
	int descriptors;
	long started;
};

FIXTURE_SETUP(storm)
{
	struct rlimit files = { 4096, 4096 };
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_RESTART };

	setvbuf(stdout, NULL, _IOLBF, 0);
	netns_enter();
	/*
	 * Where there is no room for TIME_WAIT, a connection that waits for the
	 * peer's FIN is forgotten and resets the peer.
	 */
	put_line("/proc/sys/net/ipv4/tcp_max_tw_buckets", "200000");
	put_line("/proc/sys/net/ipv4/ip_local_port_range", "2048 65000");
	check(setrlimit(RLIMIT_NOFILE, &files));
	check(sigaction(SIGUSR1, &sa, NULL));
	signal(SIGPIPE, SIG_IGN);
	winsock_open();
	memset(counts, 0, sizeof(*counts));
	printf("# SEED=%lu ROUNDS=%lu\n", seed, rounds);
	self->started = now_ms();
	self->descriptors = open_descriptors();
	threads_begin(0);
}

FIXTURE_TEARDOWN(storm)
{
	unsigned long sum = 0;
	int i;

	step("balancing");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		sum += winsock_counter(kinds[i]);
	printf("# %lu closes: %ld graceful, %ld hard, %ld linger (%ld timed out), ",
	       counts->closed, winsock_counter(kinds[0]),
	       winsock_counter(kinds[1]), winsock_counter(kinds[2]),
	       winsock_counter("WinsockLingerTimeouts"));
	printf("%ld native, %ld shared\n", winsock_counter(kinds[3]),
	       winsock_counter(kinds[4]));
	if (counts->outstayed)
		printf("# %lu pollers outstayed the close\n",
		       counts->outstayed);
	EXPECT_LE(counts->outstayed, counts->closed / OUTSTAYED_MAX);
	printf("# %lu refused, %lu interrupted, %lu too late, %lu met a file; ",
	       counts->refused, counts->interrupted, counts->lost,
	       counts->no_socket);
	printf("%ld calls cancelled; %ld ms\n",
	       winsock_counter("WinsockCallsCancelled"), now_ms() - self->started);
	EXPECT_EQ(sum, counts->closed);
	EXPECT_EQ(winsock_counter("WinsockCloseRefused"), counts->refused);
	EXPECT_EQ(winsock_counter("WinsockLingerInterrupted"), counts->interrupted);
	EXPECT_EQ(open_descriptors(), self->descriptors);
	wait_until(!winsock_counter("WinsockCurrAttached"));
	wait_until(!orphans());
	threads_end();
}

/*
 * Pipes under recycled numbers (I2)
 */

/**
 * struct keeper - a thread's pipes
 * @thread: the thread
 * @base: lowest number to live at; 0 for any
 * @limit: number behind the highest
 * @stop: enough
 */
struct keeper {
	struct thread *thread;
	int base;
	int limit;
	bool stop;
};

struct kept {
	int fd[2];
	ino_t ino;
};

static void kept_verify(const struct kept *k)
{
	uint64_t token = next_random(&me->random), back = 0;

	if (inode(k->fd[0]) != k->ino || inode(k->fd[1]) != k->ino)
		die("a pipe's number %d or %d is closed or another file's",
		    k->fd[0], k->fd[1]);
	if (write(k->fd[1], &token, sizeof(token)) != sizeof(token) ||
	    read(k->fd[0], &back, sizeof(back)) != sizeof(back) ||
	    token != back)
		die("the pipe at %d and %d does not pass its token on",
		    k->fd[0], k->fd[1]);
}

static void kept_open(struct kept *k, const struct keeper *keeper)
{
	int fd[2], i;

	check(pipe2(fd, O_CLOEXEC | O_NONBLOCK));
	k->ino = inode(fd[0]);
	if (!keeper->base) {
		memcpy(k->fd, fd, sizeof(fd));
		return;
	}
	for (i = 0; i < 2; i++) {
		k->fd[i] = place(fd[i], keeper->base, keeper->limit);
		/* No room: the other half, at its first number, will do. */
		if (k->fd[i] < 0)
			k->fd[i] = fd[i];
		else
			check(close(fd[i]));
	}
}

static void keep_pipes(void *arg)
{
	struct keeper *keeper = arg;
	struct kept kept[2];
	unsigned int used = 0, i;

	while (!get(keeper->stop) || used) {
		step("keeping pipes");
		for (i = 0; i < used; i++)
			kept_verify(&kept[i]);
		if (used < ARRAY_SIZE(kept) && !get(keeper->stop) && dice(2)) {
			kept_open(&kept[used++], keeper);
		} else if (used) {
			i = dice(used);
			if (close(kept[i].fd[0]) || close(kept[i].fd[1]))
				die("close of a pipe at %d and %d: %s",
				    kept[i].fd[0], kept[i].fd[1],
				    strerror(errno));
			kept[i] = kept[--used];
		}
		usleep(dice(200));
	}
}

static void keeper_start(struct keeper *keeper, int base, int limit)
{
	keeper->base = base;
	keeper->limit = limit;
	keeper->stop = false;
	keeper->thread = start("keeper", keep_pipes, keeper);
}

static void keeper_stop(struct keeper *keeper)
{
	set(keeper->stop, true);
	join(keeper->thread);
}

/*
 * Closers that know nothing of each other, on numbers that sockets and pipes
 * take in turn.  The books: whatever was put there was closed once.
 */

struct arena {
	int base;
	int limit;
	int anchor;		/* is never the last reference */
	unsigned long goal;
	unsigned long placed;
	unsigned long closed;
	bool full;		/* nothing will be added */
};

static int arena_socket(struct arena *a)
{
	int fd;

	/*
	 * closesocket() wonders for a while whether to refuse this one, and
	 * goes on with a number that may be somebody else's by then.
	 */
	if (!dice(64))
		return check(fcntl(a->anchor, F_DUPFD_CLOEXEC, 0));

	switch (dice(8)) {
	case 0:
		return new_socket(false, SOCK_STREAM);
	case 1:
		return new_socket(true, SOCK_DGRAM);
	case 2:
		return check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	case 3:
		fd = new_socket(true, SOCK_STREAM);
		check(listen(fd, 1));
		return fd;
	default:
		return new_socket(true, SOCK_STREAM);
	}
}

static void arena_make(void *arg)
{
	struct arena *a = arg;
	int fd, n;

	while (get(a->placed) < a->goal) {
		step("making sockets");
		fd = arena_socket(a);
		n = place(fd, a->base, a->limit);
		if (n >= 0)
			bump(a->placed);
		else
			sched_yield();
		check(close(fd));
	}
}

static void arena_close(void *arg)
{
	struct arena *a = arg;
	int err;

	while (!get(a->full) || get(a->closed) < get(a->placed)) {
		step("closing whatever there is");
		err = closesocket(a->base + dice(a->limit - a->base));
		if (!err)
			bump(a->closed);
		else if (err == -EINTR)
			die("closesocket: %s", strerror(-err));
		else
			usleep(dice(100));
	}
}

TEST_F(storm, racing_closers_close_each_socket_once_and_no_file)
{
	struct arena a = { .base = 200, .limit = 216, .goal = 22000 * rounds };
	struct kind kind = { AF_INET, true, true };
	struct thread *makers[2], *closers[4];
	struct keeper keepers[2];
	struct pair pair;
	int i;

	pair_open(&pair, &kind);
	pair_stall(&pair);
	close(pair.wire.fd);
	set_linger(pair.fd, 1, LINGER_LONG);
	a.anchor = pair.fd;

	for (i = 0; i < ARRAY_SIZE(closers); i++)
		closers[i] = start("closer", arena_close, &a);
	for (i = 0; i < ARRAY_SIZE(keepers); i++)
		keeper_start(&keepers[i], a.base, a.limit);
	for (i = 0; i < ARRAY_SIZE(makers); i++)
		makers[i] = start("maker", arena_make, &a);

	for (i = 0; i < ARRAY_SIZE(makers); i++)
		join(makers[i]);
	set(a.full, true);
	for (i = 0; i < ARRAY_SIZE(closers); i++)
		join(closers[i]);
	for (i = 0; i < ARRAY_SIZE(keepers); i++)
		keeper_stop(&keepers[i]);

	EXPECT_EQ(a.closed, a.placed);
	for (i = a.base; i < a.limit; i++)
		EXPECT_FALSE(fd_is_open(i));
	pair.wire.fd = -1;
	pair_close(&pair);
}

/*
 * Closers that start on the same number at the same moment, close(2) and dup2(2)
 * among them.
 */

enum way { WAY_CLOSESOCKET, WAY_CLOSE, WAY_DUP2 };

#define RIVALS	3

struct race {
	pthread_barrier_t ready, finished;
	int fd;
	int replacement;
	bool over;
	struct rival {
		struct race *race;
		enum way way;
		int result;
	} rivals[RIVALS];
};

static void rival_run(void *arg)
{
	struct rival *r = arg;
	struct race *race = r->race;

	for (;;) {
		pthread_barrier_wait(&race->ready);
		if (race->over)
			return;
		step("racing");
		if (r->way == WAY_CLOSESOCKET)
			r->result = closesocket(race->fd);
		else if (r->way == WAY_CLOSE)
			r->result = result(close(race->fd));
		else
			r->result = result(dup2(race->replacement, race->fd));
		pthread_barrier_wait(&race->finished);
	}
}

/*
 * dup2() wins without any other closer failing: it may come first and be closed
 * (a pipe: ENOTSOCK, or 0 from close), come last, or meet a number that is
 * being given up (EBUSY).
 */
static void race_judge(const struct race *race, ino_t pipe_ino)
{
	const int *res[RIVALS];
	int zeros = 0, dup2s = 0, closes = 0, i;

	for (i = 0; i < RIVALS; i++) {
		const struct rival *r = &race->rivals[i];

		res[i] = &r->result;
		if (r->way == WAY_DUP2) {
			dup2s++;
			if (r->result != race->fd && r->result != -EBUSY)
				die("dup2: %d", r->result);
			continue;
		}
		closes += r->way == WAY_CLOSE;
		if (r->result == 0)
			zeros++;
		else if (r->result != -EBADF &&
			 !(dup2s && r->result == -ENOTSOCK))
			die("racing close %d: %s", i, strerror(-r->result));
	}
	if (!dup2s) {
		if (zeros != 1)
			die("%d closers of one number succeeded (%d, %d, %d)",
			    zeros, *res[0], *res[1], *res[2]);
		if (fd_is_open(race->fd))
			die("number %d is still open", race->fd);
		return;
	}
	/* closesocket() cannot have closed the pipe, close() may have. */
	if (zeros > 1 + closes)
		die("%d closers of a socket and a pipe succeeded", zeros);
	if (!closes && race->rivals[0].result == race->fd &&
	    inode(race->fd) != pipe_ino)
		die("the pipe that dup2() put at %d is gone", race->fd);
	if (fd_is_open(race->fd) && inode(race->fd) != pipe_ino)
		die("number %d is not the pipe", race->fd);
	close(race->fd);
}

TEST_F(storm, of_rivals_for_one_number_one_succeeds)
{
	struct thread *rivals[RIVALS];
	struct race race = { 0 };
	unsigned long i;
	int pipe[2], fd;

	check(pipe2(pipe, O_CLOEXEC));
	race.replacement = pipe[0];
	pthread_barrier_init(&race.ready, NULL, RIVALS + 1);
	pthread_barrier_init(&race.finished, NULL, RIVALS + 1);
	for (i = 0; i < RIVALS; i++) {
		race.rivals[i].race = &race;
		rivals[i] = start("rival", rival_run, &race.rivals[i]);
	}
	for (i = 0; i < 2500 * rounds; i++) {
		step("letting rivals race");
		race.fd = 200 + dice(8);
		fd = new_socket(dice(8), dice(8) ? SOCK_STREAM : SOCK_DGRAM);
		check(dup3(fd, race.fd, O_CLOEXEC));
		close(fd);
		/* dup2() is the first if it is there at all. */
		race.rivals[0].way = dice(3) ? WAY_CLOSESOCKET : WAY_DUP2;
		race.rivals[1].way = WAY_CLOSESOCKET;
		race.rivals[2].way = dice(3) ? WAY_CLOSESOCKET : WAY_CLOSE;
		pthread_barrier_wait(&race.ready);
		pthread_barrier_wait(&race.finished);
		race_judge(&race, inode(pipe[0]));
	}
	race.over = true;
	pthread_barrier_wait(&race.ready);
	for (i = 0; i < RIVALS; i++)
		join(rivals[i]);
	close(pipe[0]);
	close(pipe[1]);
}

/*
 * Calls in a socket while it is closed, its number taken at once by another one
 * that would answer every one of them.  Two kinds of rounds:
 *
 * asleep: the close comes when all workers sleep in their calls.  Each must get
 * what BEHAVIOUR's P rows say and nothing else.
 *
 * racing: the close comes at some moment around that at which they enter.  They
 * may find the number gone too, but must not stay, and the number is not given
 * out before they are back, so that what they get is about their own socket.
 */

enum op {
	OP_NONE,
	OP_RECV, OP_READ, OP_RECVMSG, OP_SPLICE, OP_WAITALL,
	OP_SEND, OP_WRITE,
	OP_ACCEPT, OP_CONNECT,
	OP_POLLIN, OP_POLLOUT, OP_SELECT, OP_EPOLL,
	OP_DRAIN, OP_FEED, OP_POLL_AGAIN, OP_POLL_TAKE,
	OP_RIVAL,
};

#define CANCELLED	{ -ECANCELED }
#define TOO_LATE	{ -ECANCELED, -EBADF }

/**
 * struct outcome - what a call may come to when its socket is closed
 * @name: of the call
 * @asleep: errors if it slept in the socket
 * @racing: errors if it may have come too late
 * @bytes: success with part of its bytes is fine
 */
static const struct outcome {
	const char *name;
	int asleep[2];
	int racing[2];
	bool bytes;
} outcomes[] = {
	[OP_NONE]	= { "nothing" },
	[OP_RECV]	= { "recv", CANCELLED, TOO_LATE },
	[OP_READ]	= { "read", CANCELLED, TOO_LATE },
	[OP_RECVMSG]	= { "recvmsg", CANCELLED, TOO_LATE },
	[OP_SPLICE]	= { "splice", CANCELLED, TOO_LATE },
	[OP_WAITALL]	= { "recv MSG_WAITALL", CANCELLED, TOO_LATE, true },
	[OP_SEND]	= { "send", CANCELLED, TOO_LATE, true },
	[OP_WRITE]	= { "write", CANCELLED, TOO_LATE, true },
	[OP_ACCEPT]	= { "accept", CANCELLED, TOO_LATE },
	[OP_CONNECT]	= { "connect", CANCELLED, TOO_LATE },
	[OP_POLLIN]	= { "poll POLLIN" },
	[OP_POLLOUT]	= { "poll POLLOUT" },
	[OP_SELECT]	= { "select", { 0 }, { -EBADF } },
	[OP_EPOLL]	= { "epoll_wait", { 0 }, { -EBADF } },
	[OP_DRAIN]	= { "recv in a loop", CANCELLED, TOO_LATE },
	[OP_FEED]	= { "send by the peer" },
	[OP_POLL_AGAIN]	= { "poll in a loop" },
	[OP_POLL_TAKE]	= { "poll and recv in a loop" },
	[OP_RIVAL]	= { "closesocket", { 0 }, { -EBADF } },
};

enum scene {
	SCENE_RECV,	/* connected, nothing to read */
	SCENE_PARTIAL,	/* a part of what they want is there */
	SCENE_FLOW,	/* data keep coming */
	SCENE_SEND,	/* full */
	SCENE_CONNECT,	/* never answered */
	SCENE_ACCEPT,
	SCENE_DGRAM,
	SCENE_TICKLE,	/* datagrams come, so that they enter again and again */
	NR_SCENES,
};

#define WORKERS	3

struct lane;

/**
 * struct worker - one thread with calls in the socket
 * @lane: its lane
 * @thread: the thread
 * @op: its call this round
 * @result: of the call: -errno, bytes, or the poll mask
 * @back: the call has returned
 * @pipe: to splice into
 * @epoll: with @stop in it
 * @stop: ends epoll_wait() when all is over
 * @syscall: /proc file that tells where the thread sleeps
 */
struct worker {
	struct lane *lane;
	struct thread *thread;
	enum op op;
	long result;
	bool back;
	int pipe[2];
	int epoll;
	int stop;
	int syscall;
};

/**
 * struct lane - a number, its workers and who closes it
 * @number: where the sockets of this lane live, one after the other
 * @goal: rounds to do
 * @quick: only the scenes that are set up quickly, mostly racing
 * @over: no more rounds
 * @closed: this round's socket is
 * @peer: the other end of this round's connection, or -1
 * @in: what the workers may receive
 * @trap: takes the number next; connected, readable, writable
 * @trap_peer: its other end
 * @port: to connect to
 * @deaf: a port that does not answer any more
 * @callers: connections that fill it
 * @tickler: sends datagrams to this round's socket
 * @entry_us: how long workers take to fall asleep
 */
struct lane {
	struct thread *driver;
	int number;
	unsigned long goal;
	bool quick;
	pthread_barrier_t ready, finished;
	struct worker workers[WORKERS];
	bool over;
	bool closed;
	int peer;
	struct stream in;
	int trap, trap_peer;
	struct port port, deaf;
	int callers[2];
	int tickler;
	long entry_us;
};

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void spin(long us)
{
	long end = now_us() + us;

	while (now_us() < end)
		;
}

static long worker_recvmsg(int fd, void *buf, size_t len)
{
	struct iovec iov[16] = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 16 };

	iov[15].iov_base = buf;
	iov[15].iov_len = len;
	return result(recvmsg(fd, &msg, 0));
}

static long worker_poll(int fd, short events, enum op op)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret;

	for (;;) {
		ret = poll(&pfd, 1, -1);
		if (ret != 1)
			die("poll: %d", ret);
		if ((op != OP_POLL_AGAIN && op != OP_POLL_TAKE) ||
		    pfd.revents & ~POLLIN)
			return pfd.revents;
		step("poll");
		if (op == OP_POLL_TAKE)
			result(recv(fd, &op, 0, MSG_DONTWAIT));
		else
			sched_yield();
	}
}

static long worker_select(int fd)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	if (select(fd + 1, &in, NULL, NULL, NULL) < 0)
		return -errno;
	return FD_ISSET(fd, &in) ? 1 : -ENOMSG;
}

/* Returns when told to, with nothing heard of the socket. */
static long worker_epoll(struct worker *w, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	uint64_t value;

	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	if (epoll_wait(w->epoll, &event, 1, -1) != 1)
		die("epoll_wait: %s", strerror(errno));
	if (event.data.fd != w->stop)
		die("an epoll set heard %#x of a socket after its close",
		    event.events);
	check(read(w->stop, &value, sizeof(value)));
	return 0;
}

static long worker_drain(struct lane *lane, int fd)
{
	long ret;

	do {
		step("recv");
		ret = stream_recv(&lane->in, fd, 4096, 0);
	} while (ret > 0);
	return ret;
}

static long worker_feed(struct lane *lane)
{
	struct stream out = lane->in;

	while (!get(lane->closed)) {
		step("feed");
		if (stream_send(&out, lane->peer, 1 + dice(2 * RECORD),
				MSG_DONTWAIT) < 0 || !dice(4))
			usleep(dice(200));
	}
	return 0;
}

static long worker_call(struct worker *w)
{
	struct lane *lane = w->lane;
	int fd = lane->number;
	char buf[4096];

	switch (w->op) {
	case OP_NONE:
		return 0;
	case OP_RECV:
		return stream_recv(&(struct stream){ lane->in.conn, 1, 0 }, fd,
				   RECORD, 0);
	case OP_READ:
		return result(read(fd, buf, RECORD));
	case OP_RECVMSG:
		return worker_recvmsg(fd, buf, RECORD);
	case OP_SPLICE:
		return result(splice(fd, NULL, w->pipe[1], NULL, RECORD, 0));
	case OP_WAITALL:
		return stream_recv(&(struct stream){ lane->in.conn, 1, 0 }, fd,
				   4 * RECORD, MSG_WAITALL);
	case OP_SEND:
		memset(buf, 0, sizeof(buf));
		return result(send(fd, buf, sizeof(buf), MSG_NOSIGNAL));
	case OP_WRITE:
		memset(buf, 0, sizeof(buf));
		return result(write(fd, buf, sizeof(buf)));
	case OP_ACCEPT:
		return result(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	case OP_CONNECT:
		return result(connect(fd, (struct sockaddr *)&lane->deaf.addr,
				      lane->deaf.len));
	case OP_POLLIN:
		return worker_poll(fd, POLLIN, w->op);
	case OP_POLLOUT:
		return worker_poll(fd, POLLOUT, w->op);
	case OP_SELECT:
		return worker_select(fd);
	case OP_EPOLL:
		return worker_epoll(w, fd);
	case OP_DRAIN:
		return worker_drain(lane, fd);
	case OP_FEED:
		return worker_feed(lane);
	case OP_POLL_AGAIN:
	case OP_POLL_TAKE:
		return worker_poll(fd, POLLIN, w->op);
	case OP_RIVAL:
		usleep(dice(1 + lane->entry_us));
		return closesocket(fd);
	}
	return 0;
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct lane *lane = w->lane;

	for (;;) {
		step("waiting for a round");
		pthread_barrier_wait(&lane->ready);
		if (lane->over)
			return;
		step(outcomes[w->op].name);
		w->result = worker_call(w);
		set(w->back, true);
		step("back");
		pthread_barrier_wait(&lane->finished);
	}
}

/* In its call, or already back. */
static bool worker_asleep(const struct worker *w)
{
	char where[64];
	ssize_t len;

	if (get(w->back))
		return true;
	len = pread(w->syscall, where, sizeof(where) - 1, 0);
	if (len <= 0)
		return false;
	where[len] = 0;
	return where[0] >= '0' && where[0] <= '9' && atol(where) != SYS_futex;
}

static bool polls(enum op op)
{
	return op == OP_POLLIN || op == OP_POLLOUT || op == OP_POLL_AGAIN ||
	       op == OP_POLL_TAKE;
}

static void judge(const struct worker *w, bool asleep)
{
	const struct outcome *o = &outcomes[w->op];
	long result = w->result;
	int i;

	if (polls(w->op)) {
		if (result == POLLNVAL ||
		    (w->op == OP_POLLOUT && result == POLLOUT) ||
		    (!asleep &&
		     (result & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP)))
			return;
		if (!asleep || !(result & (POLLIN | POLLOUT)))
			die("%s: %#lx", o->name, result);
		bump(counts->outstayed);
		return;
	}
	if (w->op == OP_SELECT ? result == 1 : !result)
		return;
	if (result > 0 && o->bytes)
		return;
	for (i = 0; i < 2; i++) {
		int allowed = asleep ? o->asleep[i] : o->racing[i];

		if (allowed && result == allowed)
			return;
	}
	die("%s %s: %ld (%s)", o->name,
	    asleep ? "asleep in a socket that was closed" : "racing a close",
	    result, result < 0 ? strerror(-result) : "success");
}

static void take_number(struct lane *lane, int fd, const char *what)
{
	if (place(fd, lane->number, lane->number + 1) != lane->number)
		die("number %d is not free for %s", lane->number, what);
}

/* What one datagram socket sends goes to another. */
static void aim(int from, int to)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);

	check(bind(to, (struct sockaddr *)&addr, len));
	check(getsockname(to, (struct sockaddr *)&addr, &len));
	check(connect(from, (struct sockaddr *)&addr, len));
}

/*
 * The workers are on their way into poll() when the close comes: woken just now
 * is a much better guess than started just now.
 */
static void tickle(const struct lane *lane)
{
	unsigned int times = 1 + dice(6);

	while (times--) {
		/* What the last round's socket refused is told to this one. */
		result(send(lane->tickler, "", 0, 0));
		spin(dice(100));
	}
}

/* Chooses the calls and returns the socket they are for. */
static int set_scene(struct lane *lane, enum scene scene, int linger)
{
	static const enum op receivers[] = {
		OP_RECV, OP_READ, OP_RECVMSG, OP_SPLICE, OP_POLLIN, OP_SELECT,
		OP_EPOLL
	};
	static const enum op senders[] = { OP_SEND, OP_WRITE, OP_POLLOUT };
	static const enum op acceptors[] = { OP_ACCEPT, OP_ACCEPT, OP_POLLIN };
	static const enum op listeners[] = { OP_RECV, OP_POLLIN, OP_SELECT };
	static const enum op flow[] = { OP_DRAIN, OP_FEED, OP_POLL_AGAIN };
	struct stream stream = { .conn = bump(counts->conn) };
	int fd = -1, i;

	lane->peer = -1;
	lane->in = stream;
	lane->in.direction = 1;
	if (scene <= SCENE_SEND) {
		fd = port_connect(&lane->port, true);
		lane->peer = port_accept(&lane->port);
		if (linger >= 0)
			set_linger(fd, 1, linger);
	}
	for (i = 0; i < WORKERS; i++) {
		enum op *op = &lane->workers[i].op;

		switch (scene) {
		case SCENE_RECV:
			*op = receivers[dice(ARRAY_SIZE(receivers))];
			break;
		case SCENE_PARTIAL:
			*op = OP_WAITALL;
			break;
		case SCENE_FLOW:
			*op = flow[i];
			break;
		case SCENE_SEND:
			*op = senders[dice(ARRAY_SIZE(senders))];
			break;
		case SCENE_CONNECT:
			*op = i ? OP_NONE : OP_CONNECT;
			break;
		case SCENE_TICKLE:
			*op = OP_POLL_TAKE;
			break;
		case SCENE_ACCEPT:
			*op = acceptors[dice(ARRAY_SIZE(acceptors))];
			break;
		default:
			*op = listeners[dice(ARRAY_SIZE(listeners))];
		}
	}
	switch (scene) {
	case SCENE_PARTIAL:
		stream.direction = 1;
		stream_send_all(&stream, lane->peer, RECORD);
		wait_until(readable(fd) == RECORD);
		break;
	case SCENE_SEND:
		stream_stuff(&stream, fd, FILL_UP);
		break;
	case SCENE_CONNECT:
		fd = new_socket(true, SOCK_STREAM);
		break;
	case SCENE_ACCEPT:
		fd = new_socket(true, SOCK_STREAM);
		check(listen(fd, 4));
		break;
	case SCENE_DGRAM:
		fd = new_socket(true, SOCK_DGRAM);
		break;
	case SCENE_TICKLE:
		fd = new_socket(true, SOCK_DGRAM);
		aim(lane->tickler, fd);
		break;
	default:
		break;
	}
	return fd;
}

/* The close has reached the peer: nothing of ours holds the socket. */
static void expect_end(int peer, bool reset)
{
	struct pollfd pfd = { .fd = peer, .events = POLLIN };
	char buf[4096];
	long ret;

	do {
		step("waiting for the peer's end");
		check(poll(&pfd, 1, -1));
		ret = result(recv(peer, buf, sizeof(buf), MSG_DONTWAIT));
	} while (ret > 0 || ret == -EAGAIN);
	if (ret != (reset ? -ECONNRESET : 0))
		die("the peer ends with %ld, not %s", ret,
		    reset ? "a reset" : "EOF");
}

static void trap_open(struct lane *lane)
{
	struct stream bait = { .conn = bump(counts->conn), .direction = 1 };

	lane->trap = port_connect(&lane->port, false);
	lane->trap_peer = port_accept(&lane->port);
	stream_send_all(&bait, lane->trap_peer, 16 * RECORD);
	wait_until(readable(lane->trap) == 16 * RECORD);
}

static void trap_verify(const struct lane *lane)
{
	if (readable(lane->trap) != 16 * RECORD)
		die("a call of a closed socket has read from the next one");
	if (readable(lane->trap_peer))
		die("a call of a closed socket has written to the next one");
}

static void wait_asleep(struct lane *lane)
{
	long began = now_us();
	int i;

	for (i = 0; i < WORKERS; i++) {
		const struct worker *w = &lane->workers[i];

		while (w->op != OP_NONE && !worker_asleep(w))
			usleep(20);
	}
	lane->entry_us += (now_us() - began - lane->entry_us) / 8;
}

static void check_parts(const struct lane *lane, bool asleep)
{
	long sum = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		if (lane->workers[i].op == OP_WAITALL &&
		    lane->workers[i].result > 0)
			sum += lane->workers[i].result;
	if (sum > RECORD || (asleep && sum != RECORD))
		die("%ld bytes reported of %zu", sum, RECORD);
}

static void lane_round(struct lane *lane, enum scene scene, bool asleep)
{
	static const int lingers[] = { -1, -1, 0, LINGER_LONG };
	int linger = lingers[dice(scene == SCENE_SEND ? 3 : 4)];
	struct worker *rival = NULL;
	uint64_t one = 1;
	int fd, i, err, zeros;

	step("setting the scene");
	fd = set_scene(lane, scene, linger);
	take_number(lane, fd, "the next socket");
	close(fd);
	if (!asleep && scene != SCENE_FLOW && scene != SCENE_TICKLE &&
	    !dice(4)) {
		rival = &lane->workers[WORKERS - 1];
		rival->op = OP_RIVAL;
	}
	lane->closed = false;
	for (i = 0; i < WORKERS; i++)
		lane->workers[i].back = false;

	pthread_barrier_wait(&lane->ready);
	step("closing the lane's number");
	if (asleep)
		wait_asleep(lane);
	else
		spin(dice(1 + lane->entry_us * (scene == SCENE_FLOW ? 8 : 2)));
	if (scene == SCENE_TICKLE)
		tickle(lane);
	err = closesocket(lane->number);
	if (err && !(rival && err == -EBADF))
		die("closesocket: %s", strerror(-err));
	if (asleep)
		take_number(lane, lane->trap, "the trap");
	set(lane->closed, true);

	if (lane->peer >= 0 && scene != SCENE_FLOW) {
		expect_end(lane->peer, linger == 0);
		send(lane->peer, "x", 1, MSG_NOSIGNAL);
	}
	for (i = 0; i < WORKERS; i++)
		if (lane->workers[i].op == OP_EPOLL)
			check(write(lane->workers[i].stop, &one, sizeof(one)));

	step("waiting for the workers");
	pthread_barrier_wait(&lane->finished);
	for (i = 0; i < WORKERS; i++) {
		judge(&lane->workers[i], asleep);
		/* What epoll_wait() did not need. */
		if (lane->workers[i].op == OP_EPOLL)
			result(read(lane->workers[i].stop, &one, sizeof(one)));
	}
	if (scene == SCENE_PARTIAL)
		check_parts(lane, asleep);
	zeros = !err + (rival && !rival->result);
	if (zeros != 1)
		die("%d closers of one number succeeded", zeros);
	if (asleep) {
		trap_verify(lane);
		check(close(lane->number));
	}
	if (lane->peer >= 0) {
		set_linger(lane->peer, 1, 0);
		close(lane->peer);
	}
}

static enum scene choose_scene(bool quick)
{
	if (quick)
		return SCENE_ACCEPT + dice(NR_SCENES - SCENE_ACCEPT);
	return dice(NR_SCENES);
}

static void lane_drive(void *arg)
{
	struct lane *lane = arg;
	unsigned long i;

	for (i = 0; i < lane->goal; i++) {
		enum scene scene = choose_scene(lane->quick);
		bool asleep = dice(8) < (lane->quick ? 1 : 4);

		/* The two in which nobody sleeps for long. */
		if (scene == SCENE_FLOW || scene == SCENE_TICKLE)
			asleep = false;
		lane_round(lane, scene, asleep);
	}
	lane->over = true;
	pthread_barrier_wait(&lane->ready);
}

static void lane_start(struct lane *lane, int number, unsigned long goal,
		       bool quick)
{
	struct epoll_event event = { .events = EPOLLIN };
	char path[64];
	int i;

	memset(lane, 0, sizeof(*lane));
	lane->number = number;
	lane->goal = goal;
	lane->quick = quick;
	lane->entry_us = 200;
	port_open(&lane->port, false, 16);
	port_open(&lane->deaf, false, 0);
	lane->callers[0] = port_connect(&lane->deaf, false);
	lane->callers[1] = new_socket(false, SOCK_STREAM | SOCK_NONBLOCK);
	result(connect(lane->callers[1], (struct sockaddr *)&lane->deaf.addr,
		       lane->deaf.len));
	lane->tickler = new_socket(false, SOCK_DGRAM);
	trap_open(lane);
	pthread_barrier_init(&lane->ready, NULL, WORKERS + 1);
	pthread_barrier_init(&lane->finished, NULL, WORKERS + 1);
	for (i = 0; i < WORKERS; i++) {
		struct worker *w = &lane->workers[i];

		w->lane = lane;
		check(pipe2(w->pipe, O_CLOEXEC));
		w->stop = check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		w->epoll = check(epoll_create1(EPOLL_CLOEXEC));
		event.data.fd = w->stop;
		check(epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &event));
		w->thread = start("worker", work, w);
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
			 w->thread->tid);
		w->syscall = check(open(path, O_RDONLY | O_CLOEXEC));
	}
	lane->driver = start("driver", lane_drive, lane);
}

static void lane_join(struct lane *lane)
{
	int i;

	join(lane->driver);
	for (i = 0; i < WORKERS; i++) {
		struct worker *w = &lane->workers[i];

		join(w->thread);
		close(w->pipe[0]);
		close(w->pipe[1]);
		close(w->stop);
		close(w->epoll);
		close(w->syscall);
	}
	close(lane->trap);
	close(lane->trap_peer);
	close(lane->callers[0]);
	close(lane->callers[1]);
	close(lane->tickler);
	close(lane->deaf.fd);
	close(lane->port.fd);
}

static void lanes(unsigned long goal, bool quick)
{
	struct lane lane[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(lane); i++)
		lane_start(&lane[i], 400 + 32 * i, goal * rounds, quick);
	for (i = 0; i < ARRAY_SIZE(lane); i++)
		lane_join(&lane[i]);
}

TEST_F(storm, cancelled_calls_never_reach_the_next_socket)
{
	lanes(1200, false);
}

TEST_F(storm, calls_that_enter_during_the_close_do_not_stay)
{
	lanes(3000, true);
}

/*
 * Streams that live through whatever a closesocket() may do to them before it
 * succeeds, and all of whose bytes arrive if it was a graceful one.
 */

enum plan {
	PLAN_GRACEFUL,	/* SO_DONTLINGER */
	PLAN_HARD,	/* LINGER {1, 0} */
	PLAN_REFUSED,	/* nonblocking, LINGER {1, N}, peer stalled */
	PLAN_LINGER,	/* LINGER {1, N}, interrupted by signals */
	PLAN_TIMEOUT,	/* LINGER {1, 1}, peer stalled for longer */
	PLAN_DUP,	/* the other descriptor goes first */
	PLAN_NATIVE,	/* close(2) */
};

/**
 * struct session - a thread that opens, fills and closes, and its reader
 * @thread: the thread
 * @reader: drains the peer
 * @go: the reader may begin
 * @done: it has seen the end
 * @over: there is nothing left to read
 * @goal: connections to make
 * @lingering: the thread is in a linger wait and wants signals
 * @plain: listener that is not attached
 * @attached: listener that is
 * @fd: the socket under test
 * @peer: the other end
 * @peer_attached: and is attached
 * @out: what was sent on @fd
 * @back: what was sent to @fd
 * @heard: what the reader got of @out
 * @end: 0 for EOF, -ECONNRESET
 */
struct session {
	struct thread *thread, *reader;
	sem_t go, done;
	bool over;
	unsigned long goal;
	bool lingering;
	struct port plain, attached;
	int fd, peer;
	bool peer_attached;
	struct stream out, back, heard;
	long end;
};

static void sem_down(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static void read_session(void *arg)
{
	struct session *s = arg;
	long ret;

	for (;;) {
		sem_down(&s->go);
		if (s->over)
			return;
		if (dice(2))
			usleep(dice(8000));
		do {
			step("reading");
			ret = stream_recv(&s->heard, s->peer,
					  1 + dice(4096), 0);
			if (!dice(16))
				usleep(dice(1000));
		} while (ret > 0);
		s->end = ret;
		if (s->peer_attached)
			closesocket_ok(s->peer);
		else
			close(s->peer);
		step("read all");
		sem_post(&s->done);
	}
}

/* Both ways round, both kinds of peers. */
static void session_connect(struct session *s)
{
	uint32_t conn = bump(counts->conn);

	if (dice(2)) {
		s->peer_attached = dice(4) == 0;
		s->peer = port_connect(&s->attached, s->peer_attached);
		s->fd = port_accept(&s->attached);
	} else {
		s->peer_attached = false;
		s->fd = port_connect(&s->plain, true);
		s->peer = port_accept(&s->plain);
	}
	s->out = (struct stream){ conn, 0, 0 };
	s->back = (struct stream){ conn, 1, 0 };
	s->heard = (struct stream){ conn, 0, 0 };
}

/* A record to the socket under test, which must still be able to read it. */
static void session_answer(struct session *s)
{
	struct stream in = s->back;

	stream_send_all(&s->back, s->peer, RECORD);
	stream_recv_all(&in, s->fd, RECORD);
}

static void session_linger(struct session *s, int onoff, int seconds)
{
	if (s->fd < 0)
		return;
	set_linger(s->fd, onoff, seconds);
}

static void session_untouched(const struct session *s, ino_t ino, int seconds)
{
	struct linger linger;
	socklen_t len = sizeof(linger);

	if (inode(s->fd) != ino)
		die("after a failed closesocket() %d is not what it was",
		    s->fd);
	check(getsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	if (!linger.l_onoff || linger.l_linger != seconds)
		die("a failed closesocket() left linger {%d, %d}",
		    linger.l_onoff, linger.l_linger);
}

/*
 * Refused as long as the peer stalls, each time with everything in working
 * order; then one of the ways out.  Returns how the stream ends.
 */
static long close_refused(struct session *s)
{
	int seconds = 1 + dice(LINGER_LONG), refusals = dice(4), err;
	ino_t ino = inode(s->fd);
	bool going = false;
	long end = 0;

	set_nonblocking(s->fd, true);
	session_linger(s, 1, seconds);
	stream_stuff(&s->out, s->fd, FILL_UP);
	while ((err = closesocket(s->fd)) == -EWOULDBLOCK) {
		step("refused");
		session_untouched(s, ino, seconds);
		if (!going) {
			session_answer(s);
			if (dice(2))
				stream_stuff(&s->out, s->fd, dice(2 * RECORD));
		}
		if (refusals-- > 0)
			continue;
		if (!going) {
			going = true;
			sem_post(&s->go);
		}
		switch (dice(32)) {
		case 0:
			session_linger(s, 0, seconds);		/* C17 */
			closesocket_ok(s->fd);
			return 0;
		case 1:
			session_linger(s, 1, 0);		/* C18 */
			closesocket_ok(s->fd);
			return -ECONNRESET;
		case 2:
			session_linger(s, 1, LINGER_LONG);
			set_nonblocking(s->fd, false);		/* C19 */
			closesocket_ok(s->fd);
			return 0;
		default:
			usleep(500);
		}
	}
	if (err)
		die("closesocket: %s", strerror(-err));
	if (!going)
		sem_post(&s->go);
	return end;
}

/* C11: as often as the signals come, the file is back under its number. */
static void close_interrupted(struct session *s)
{
	ino_t ino = inode(s->fd);
	int err, tries = dice(4);
	sigset_t usr1;

	session_linger(s, 1, LINGER_LONG);
	stream_stuff(&s->out, s->fd, FILL_UP);
	if (!tries)
		sem_post(&s->go);

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	set(s->lingering, true);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	while ((err = closesocket(s->fd)) == -EINTR) {
		step("interrupted");
		session_untouched(s, ino, LINGER_LONG);
		if (--tries == 0)
			sem_post(&s->go);
	}
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	set(s->lingering, false);
	if (err)
		die("closesocket: %s", strerror(-err));
	/* The buffers had taken it all. */
	if (tries > 0)
		sem_post(&s->go);
}

/* Returns how the stream must end. */
static long session_close(struct session *s, enum plan plan)
{
	bool early = dice(2);
	long began;
	int other;

	if (plan != PLAN_REFUSED && plan != PLAN_LINGER)
		stream_stuff(&s->out, s->fd, dice(4) ? dice(16384) : FILL_UP);

	switch (plan) {
	case PLAN_REFUSED:
		return close_refused(s);
	case PLAN_LINGER:
		close_interrupted(s);
		return 0;
	case PLAN_TIMEOUT:
		session_linger(s, 1, 1);
		began = now_ms();
		closesocket_ok(s->fd);
		sem_post(&s->go);
		return now_ms() - began >= 1000 ? -ECONNRESET : 0;
	default:
		break;
	}

	if (early)
		sem_post(&s->go);
	switch (plan) {
	case PLAN_HARD:
		session_linger(s, 1, 0);
		closesocket_ok(s->fd);
		break;
	case PLAN_DUP:
		other = check(fcntl(s->fd, F_DUPFD_CLOEXEC, 0));
		session_linger(s, 1, dice(2));
		set_nonblocking(s->fd, dice(2));
		closesocket_ok(s->fd);
		s->fd = other;
		session_linger(s, 0, 0);
		stream_stuff(&s->out, s->fd, dice(4096));
		closesocket_ok(s->fd);
		break;
	case PLAN_NATIVE:
		check(close(s->fd));
		break;
	default:
		if (dice(2))
			check(shutdown(s->fd, SHUT_WR));
		closesocket_ok(s->fd);
	}
	if (!early)
		sem_post(&s->go);
	return plan == PLAN_HARD ? -ECONNRESET : 0;
}

static enum plan session_plan(void)
{
	static const enum plan plans[] = {
		PLAN_GRACEFUL, PLAN_GRACEFUL, PLAN_HARD, PLAN_HARD,
		PLAN_REFUSED, PLAN_REFUSED, PLAN_REFUSED, PLAN_LINGER,
		PLAN_LINGER, PLAN_LINGER, PLAN_DUP, PLAN_NATIVE,
	};

	return dice(128) ? plans[dice(ARRAY_SIZE(plans))] : PLAN_TIMEOUT;
}

static void session_round(struct session *s)
{
	enum plan plan = session_plan();
	unsigned int unread = 0;
	long end;

	step("connecting");
	session_connect(s);
	if (dice(2))
		session_answer(s);
	/* U1; close(2) knows no such thing. */
	if (plan != PLAN_NATIVE)
		unread = dice(3) * 100;
	stream_send_all(&s->back, s->peer, unread);
	wait_until(readable(s->fd) == unread);
	if (plan == PLAN_REFUSED) {
		s->back.offset -= unread;
		stream_recv_all(&s->back, s->fd, unread);
	}

	step("closing");
	end = session_close(s, plan);
	step("waiting for the reader");
	sem_down(&s->done);
	if (s->end != end)
		die("plan %d: the stream ends with %ld instead of %ld after %lu bytes of %lu",
		    plan, s->end, end, s->heard.offset, s->out.offset);
	if (!end && s->heard.offset != s->out.offset)
		die("plan %d: %lu bytes of %lu arrived", plan,
		    s->heard.offset, s->out.offset);
}

static void run_session(void *arg)
{
	struct session *s = arg;
	unsigned long i;

	for (i = 0; i < s->goal; i++)
		session_round(s);
	s->over = true;
	sem_post(&s->go);
}

struct poker {
	struct thread *thread;
	struct session *sessions;
	int nr;
	bool stop;
};

/* Signals for those who wait, and for nobody else. */
static void poke(void *arg)
{
	struct poker *p = arg;
	int i;

	while (!get(p->stop)) {
		step("poking");
		for (i = 0; i < p->nr; i++)
			if (get(p->sessions[i].lingering))
				pthread_kill(p->sessions[i].thread->id,
					     SIGUSR1);
		usleep(500 + dice(2000));
	}
}

TEST_F(storm, streams_survive_refusals_signals_and_lingering)
{
	struct session sessions[5] = { 0 };
	struct poker poker = { .sessions = sessions };
	struct keeper keeper;
	sigset_t usr1;
	int i;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);

	/* Takes and gives back the numbers just below and between theirs. */
	keeper_start(&keeper, 0, 0);
	for (i = 0; i < ARRAY_SIZE(sessions); i++) {
		struct session *s = &sessions[i];

		s->goal = 600 * rounds;
		sem_init(&s->go, 0, 0);
		sem_init(&s->done, 0, 0);
		port_open(&s->plain, false, 4);
		port_open(&s->attached, true, 4);
		s->reader = start("reader", read_session, s);
		s->thread = start("session", run_session, s);
	}
	poker.nr = ARRAY_SIZE(sessions);
	poker.thread = start("poker", poke, &poker);

	for (i = 0; i < ARRAY_SIZE(sessions); i++) {
		join(sessions[i].thread);
		join(sessions[i].reader);
		check(close(sessions[i].plain.fd));
		closesocket_ok(sessions[i].attached.fd);
	}
	set(poker.stop, true);
	join(poker.thread);
	keeper_stop(&keeper);
	EXPECT_GT(counts->refused, 0);
	EXPECT_GT(counts->interrupted, 0);
}

/*
 * Children that hold what their parent closes (P11).  A process for each family:
 * a fork() duplicates everything.
 */

/**
 * struct family - a process whose children take over its connections
 * @port: to connect to
 * @fd: the socket it shares with a child
 * @in: what they may receive
 * @ready, @finished: around the call of the parent's other thread
 * @over: no more rounds
 * @result: of that call
 */
struct family {
	struct port port;
	int fd;
	struct stream in;
	pthread_barrier_t ready, finished;
	bool over;
	long result;
};

static void family_receive(void *arg)
{
	struct family *f = arg;

	for (;;) {
		pthread_barrier_wait(&f->ready);
		if (f->over)
			return;
		step("receiving in the parent");
		f->result = stream_recv(&f->in, f->fd, RECORD, 0);
		pthread_barrier_wait(&f->finished);
	}
}

static bool process_asleep(pid_t pid, long nr)
{
	char path[64], where[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		result(read(fd, where, sizeof(where) - 1));
		close(fd);
	}
	return where[0] >= '0' && where[0] <= '9' && atol(where) == nr;
}

/* In the child: the parent has closed, or is about to. */
static void __attribute__((noreturn)) family_child(struct family *f, struct stream out)
{
	long ret = stream_recv(&f->in, f->fd, RECORD, MSG_WAITALL);

	if (ret != RECORD)
		die("a child's recv returned %ld when its parent closed", ret);
	stream_send_all(&out, f->fd, 64 * RECORD);
	if (dice(2))
		closesocket_ok(f->fd);
	_exit(0);
}

static void family_round(struct family *f, struct thread *receiver)
{
	struct stream out = { .conn = bump(counts->conn) }, back = out;
	struct stream heard = out;
	bool asleep = dice(2);
	int peer, err, status;
	pid_t pid;
	long ret;

	step("forking");
	f->fd = port_connect(&f->port, true);
	peer = port_accept(&f->port);
	back.direction = 1;
	f->in = back;
	if (dice(4) == 0)
		set_linger(f->fd, 1, LINGER_LONG);
	pthread_barrier_wait(&f->ready);
	pid = check(fork());
	if (!pid)
		family_child(f, out);
	if (asleep) {
		while (!process_asleep(pid, SYS_recvfrom) ||
		       !process_asleep(receiver->tid, SYS_recvfrom))
			usleep(100);
	}
	step("closing in the parent");
	err = closesocket(f->fd);
	if (err)
		die("closesocket: %s", strerror(-err));
	pthread_barrier_wait(&f->finished);
	if (f->result != -ECANCELED && (asleep || f->result != -EBADF))
		die("the parent's recv returned %ld", f->result);

	step("hearing from the child");
	stream_send_all(&back, peer, RECORD);
	do {
		ret = stream_recv(&heard, peer, 4096, 0);
	} while (ret > 0);
	if (ret || heard.offset != 64 * RECORD)
		die("%lu bytes of a child arrived, then %ld", heard.offset,
		    ret);
	check(waitpid(pid, &status, 0));
	if (status)
		die("a child ended with status %#x", status);
	close(peer);
}

static void family_life(int number, unsigned long goal)
{
	struct thread *receiver;
	struct family f = { 0 };
	unsigned long i;

	threads_begin(number);
	port_open(&f.port, false, 4);
	pthread_barrier_init(&f.ready, NULL, 2);
	pthread_barrier_init(&f.finished, NULL, 2);
	receiver = start("receiver", family_receive, &f);
	for (i = 0; i < goal; i++)
		family_round(&f, receiver);
	f.over = true;
	pthread_barrier_wait(&f.ready);
	join(receiver);
	threads_end();
	_exit(0);
}

TEST_F(storm, children_keep_the_calls_and_connections_they_share)
{
	pid_t pids[3];
	int i, status;

	/* fork() while another thread prints would be another storm. */
	threads_end();
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = check(fork());
		if (!pids[i])
			family_life(i + 1, 150 * rounds);
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		check(waitpid(pids[i], &status, 0));
		EXPECT_EQ(status, 0);
	}
	threads_begin(0);
}

/*
 * Everything at once, no order at all.  Each act has a list of what it may come
 * to on a number that is anybody's; waits are bounded by time-outs.  In the upper
 * arena pipes live as well, so only calls that leave files alone go there; in the
 * lower one close(2) and dup2(2) take part.
 */

#define UPPER_BASE	300
#define UPPER_LIMIT	312
#define LOWER_BASE	200
#define LOWER_LIMIT	208
#define CHAOS_BYTE	0x5a

/**
 * struct chaos - what the threads of it share
 * @port: last port somebody listened on, network order
 * @goal: closes that succeed before it ends
 * @closed: so many did
 */
struct chaos {
	in_port_t port;
	unsigned long goal;
	unsigned long closed;
};

static struct chaos chaos;

static int any_number(void)
{
	return dice(2) ? UPPER_BASE + dice(UPPER_LIMIT - UPPER_BASE) :
			 LOWER_BASE + dice(LOWER_LIMIT - LOWER_BASE);
}

static int lower_number(void)
{
	return LOWER_BASE + dice(LOWER_LIMIT - LOWER_BASE);
}

/* Give a new socket away, under one of the shared numbers. */
static void publish(int fd)
{
	struct timeval soon = { .tv_usec = 50000 };
	int base = dice(2) ? UPPER_BASE : LOWER_BASE;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	place(fd, base, base == UPPER_BASE ? UPPER_LIMIT : LOWER_LIMIT);
	close(fd);
}

static struct sockaddr_in chaos_addr(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = get(chaos.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static long act_socket(void)
{
	static const int types[] = {
		SOCK_STREAM, SOCK_STREAM, SOCK_STREAM | SOCK_NONBLOCK,
		SOCK_DGRAM,
	};

	publish(new_socket(dice(8), types[dice(ARRAY_SIZE(types))]));
	return 0;
}

static long act_listen(void)
{
	struct port port;
	struct sockaddr_in *in = (struct sockaddr_in *)&port.addr;

	port_open(&port, dice(4), 4);
	set(chaos.port, in->sin_port);
	publish(port.fd);
	return 0;
}

static long act_pair(void)
{
	int fd[2];

	if (dice(4))
		return act_socket();
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	publish(fd[0]);
	publish(fd[1]);
	return 0;
}

static long act_connection(void)
{
	struct sockaddr_in addr = chaos_addr();
	struct timeval soon = { .tv_usec = 50000 };
	int fd = new_socket(dice(8), SOCK_STREAM);
	long ret;

	small_buffers(fd);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	ret = result(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	publish(fd);
	return ret;
}

static long act_accept(void)
{
	long fd = result(accept4(any_number(), NULL, NULL,
				 SOCK_CLOEXEC | (dice(2) ? SOCK_NONBLOCK : 0)));

	publish(fd);
	return fd < 0 ? fd : 0;
}

static long act_connect(void)
{
	struct sockaddr_in addr = chaos_addr();

	return result(connect(any_number(), (struct sockaddr *)&addr,
			      sizeof(addr)));
}

static long act_send(void)
{
	char buf[2048];

	memset(buf, CHAOS_BYTE, sizeof(buf));
	return result(send(any_number(), buf, 1 + dice(sizeof(buf)),
			   MSG_NOSIGNAL | (dice(2) ? MSG_DONTWAIT : 0)));
}

static long act_recv(void)
{
	static const int flags[] = {
		0, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC
	};
	int flag = flags[dice(ARRAY_SIZE(flags))];
	char buf[2048];
	long ret, i;

	ret = result(recv(any_number(), buf, sizeof(buf), flag));
	for (i = 0; i < ret && flag != MSG_TRUNC; i++)
		if (buf[i] != CHAOS_BYTE)
			die("byte %ld of %ld is %#x", i, ret, buf[i]);
	return ret;
}

static long act_poll(void)
{
	struct pollfd pfds[3];
	int i;

	for (i = 0; i < 3; i++)
		pfds[i] = (struct pollfd){ any_number(), POLLIN, 0 };
	return result(poll(pfds, 3, dice(20)));
}

static __thread int chaos_epoll;

static long act_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int n = any_number();
	long ret;

	event.data.fd = n;
	ret = result(epoll_ctl(chaos_epoll,
			       dice(4) ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, n,
			       &event));
	if (ret)
		return ret;
	return result(epoll_wait(chaos_epoll, &event, 1, dice(5)));
}

static long act_option(void)
{
	struct linger linger = { .l_onoff = dice(2), .l_linger = dice(2) };
	int fd = any_number(), on = dice(2);

	if (dice(2))
		return result(ioctl(fd, FIONBIO, &on));
	return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
				 sizeof(linger)));
}

static long act_shutdown(void)
{
	return result(shutdown(any_number(), dice(3)));
}

static long act_dup(void)
{
	long fd = result(fcntl(lower_number(), F_DUPFD_CLOEXEC, 0));

	publish(fd);
	return fd < 0 ? fd : 0;
}

static long act_dup2(void)
{
	long ret = result(dup3(lower_number(), lower_number(), O_CLOEXEC));

	return ret < 0 ? ret : 0;
}

static long act_close(void)
{
	return result(close(lower_number()));
}

static long act_closesocket(void)
{
	int err = closesocket(any_number());

	if (!err)
		bump(chaos.closed);
	return err;
}

/* A child with all of it, for a while. */
static long act_fork(void)
{
	int status, i;
	pid_t pid;

	if (dice(16))
		return 0;
	pid = check(fork());
	if (!pid) {
		for (i = 0; i < 16; i++) {
			if (dice(2))
				act_recv();
			else
				closesocket(any_number());
		}
		_exit(0);
	}
	check(waitpid(pid, &status, 0));
	if (status)
		die("a child ended with status %#x", status);
	return 0;
}

/**
 * struct act - something a thread may do
 * @name: of it
 * @act: does it; -errno
 * @weight: how often, compared to others
 * @allowed: errors that may come of it: EBADF and ENOTSOCK on a number that is
 *	     closed, closing or a pipe's; EAGAIN, EINTR and ECANCELED where it
 *	     may have to wait; and its own
 */
static const struct act {
	const char *name;
	long (*act)(void);
	unsigned int weight;
	int allowed[16];
} acts[] = {
	{ "socket", act_socket, 6 },
	{ "listen", act_listen, 2 },
	{ "socketpair", act_pair, 2 },
	{ "connection", act_connection, 16,
	  { ECONNREFUSED, ECONNRESET, EINPROGRESS, EADDRNOTAVAIL, EAGAIN } },
	{ "accept", act_accept, 10,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    EINVAL, EOPNOTSUPP, ECONNABORTED } },
	{ "connect", act_connect, 4,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    EINPROGRESS, EALREADY, EISCONN, EAFNOSUPPORT, ECONNREFUSED,
	    ECONNRESET, EADDRNOTAVAIL, EINVAL, ECONNABORTED, EPIPE } },
	{ "send", act_send, 12,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    EPIPE, ECONNRESET, ENOTCONN, EDESTADDRREQ, ECONNREFUSED,
	    EISCONN } },
	{ "recv", act_recv, 12,
	  { EBADF, ENOTSOCK, EAGAIN, ECANCELED, EINTR,
	    ENOTCONN, ECONNRESET, ECONNREFUSED, EINVAL, EPIPE } },
	{ "poll", act_poll, 6 },
	{ "epoll", act_epoll, 4, { EBADF, EEXIST, ENOENT } },
	{ "option", act_option, 6, { EBADF, ENOTSOCK } },
	{ "shutdown", act_shutdown, 3, { EBADF, ENOTSOCK, ENOTCONN } },
	{ "dup", act_dup, 3, { EBADF } },
	{ "dup2", act_dup2, 3, { EBADF, EINVAL, EBUSY } },
	{ "close", act_close, 3, { EBADF } },
	{ "closesocket", act_closesocket, 60,
	  { EBADF, ENOTSOCK, EWOULDBLOCK } },
	{ "fork", act_fork, 1 },
};

static void act(void)
{
	const struct act *a = acts;
	unsigned int total = 0, i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(acts); i++)
		total += acts[i].weight;
	for (i = dice(total); i >= a->weight; a++)
		i -= a->weight;
	step(a->name);
	ret = a->act();
	if (ret >= 0)
		return;
	for (i = 0; i < ARRAY_SIZE(a->allowed); i++)
		if (a->allowed[i] == -ret)
			return;
	die("%s: %s", a->name, strerror(-ret));
}

static void run_chaos(void *unused)
{
	chaos_epoll = check(epoll_create1(EPOLL_CLOEXEC));
	while (get(chaos.closed) < chaos.goal)
		act();
	check(close(chaos_epoll));
}

TEST_F(storm, everything_at_once_on_shared_numbers)
{
	struct thread *actors[6];
	struct keeper keeper;
	int i;

	memset(&chaos, 0, sizeof(chaos));
	chaos.goal = 12000 * rounds;
	keeper_start(&keeper, UPPER_BASE, UPPER_LIMIT);
	for (i = 0; i < ARRAY_SIZE(actors); i++)
		actors[i] = start("actor", run_chaos, NULL);
	for (i = 0; i < ARRAY_SIZE(actors); i++)
		join(actors[i]);
	keeper_stop(&keeper);
	for (i = LOWER_BASE; i < UPPER_LIMIT; i++)
		close(i);
}

FIXTURE(sum)
{
};

FIXTURE_SETUP(sum)
{
}

FIXTURE_TEARDOWN(sum)
{
}

TEST_F(sum, at_least_50000_closes)
{
	printf("# SEED=%lu ROUNDS=%lu: %lu closes\n", seed, rounds,
	       *all_closed);
	fflush(stdout);
	EXPECT_GE(*all_closed, CLOSES_WANTED * rounds);
}

TEST_HARNESS_MAIN
