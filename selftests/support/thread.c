// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"
#include "receive.h"
#include "thread.h"

static long own_sleeps(void)
{
	struct rusage usage;

	check(getrusage(RUSAGE_THREAD, &usage));
	return usage.ru_nvcsw;
}

static void *closer_run(void *arg)
{
	struct closer *closer = arg;
	long start = now_ms(), sleeps = own_sleeps();

	__atomic_store_n(&closer->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	closer->result = closer->call(closer->fd);
	closer->elapsed_ms = now_ms() - start;
	closer->sleeps = own_sleeps() - sleeps;
	__atomic_store_n(&closer->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Of a size of which thousands are possible where long has 32 bits. */
#define STACK	(256 * 1024)

static void start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	errno = pthread_create(thread, &attr, run, arg);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
	pthread_attr_destroy(&attr);
}

void closer_start(struct closer *closer, int (*call)(int fd), int fd)
{
	memset(closer, 0, sizeof(*closer));
	closer->call = call;
	closer->fd = fd;
	start_thread(&closer->thread, closer_run, closer);
	wait_until(__atomic_load_n(&closer->tid, __ATOMIC_ACQUIRE));
}

/* A field of the thread's /proc status; the thread must be there. */
static void closer_status(const struct closer *closer, const char *field,
			  char *value, size_t size)
{
	size_t len = strlen(field);
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", closer->tid);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, field, len) && line[len] == ':';
		if (found)
			snprintf(value, size, "%s", line + len + 2);
	}
	if (f)
		fclose(f);
	if (!found)
		fail("the close has returned %d already", closer->result);
}

long closer_switches(const struct closer *closer)
{
	char count[32];

	closer_status(closer, "voluntary_ctxt_switches", count, sizeof(count));
	return atol(count);
}

/* Asleep, and not just between two looks of a polling loop. */
static bool closer_asleep(const struct closer *closer)
{
	long switches = closer_switches(closer);
	char state[32];

	closer_status(closer, "State", state, sizeof(state));
	usleep(20000);
	return state[0] == 'S' && closer_switches(closer) == switches;
}

void closer_wait_asleep(const struct closer *closer)
{
	wait_until(closer_asleep(closer));
}

bool closer_done(const struct closer *closer)
{
	return __atomic_load_n(&closer->done, __ATOMIC_ACQUIRE);
}

int closer_join(struct closer *closer)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += (LINGER_LONG + WAIT_MS / 1000);
	errno = pthread_timedjoin_np(closer->thread, NULL, &deadline);
	if (errno)
		fail("the close never returned: %s", strerror(errno));
	return closer->result;
}

long task_syscall(pid_t tid)
{
	char path[64], line[256];
	ssize_t len;
	int fd;

	/* "running", or the number and more once the task is off the CPU. */
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (len <= 0)
		return -1;
	line[len] = 0;
	return line[0] >= '0' && line[0] <= '9' ? syscall_in(line) : -1;
}

bool task_inside(pid_t tid, long nr)
{
	return nr >= 0 && task_syscall(tid) == nr;
}

bool task_stays(pid_t tid, long nr)
{
	long deadline = now_ms() + WAIT_MS;

	while (!task_inside(tid, nr)) {
		if (now_ms() > deadline)
			return false;
		usleep(1000);
	}
	return true;
}

void task_wait_inside(pid_t tid, long nr)
{
	wait_until(task_inside(tid, nr));
}

long run_recv(struct call *call)
{
	char byte;

	return result_of(recv(call->fd, &byte, 1, 0));
}

long run_recvmmsg(struct call *call)
{
	char bytes[2];
	struct iovec iov[2] = { { &bytes[0], 1 }, { &bytes[1], 1 } };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};

	return result_of(recvmmsg(call->fd, msgs, 2, 0, NULL));
}

long run_send(struct call *call)
{
	return result_of(send(call->fd, "", 1, 0));
}

long run_accept(struct call *call)
{
	return result_of(accept4(call->fd, NULL, NULL, 0));
}

static void *call_thread(void *arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	call->result = call->run(call);
	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void call_start(struct call *call)
{
	call->tid = 0;
	call->done = false;
	start_thread(&call->thread, call_thread, call);
	wait_until(__atomic_load_n(&call->tid, __ATOMIC_ACQUIRE));
}

bool call_done(const struct call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_ACQUIRE);
}

bool call_inside(const struct call *call)
{
	return task_inside(call->tid, call->nr) && !call_done(call);
}

bool call_stays(const struct call *call)
{
	while (!call_done(call)) {
		if (call_inside(call))
			return true;
		usleep(1000);
	}
	return false;
}

void call_wait_inside(const struct call *call)
{
	long deadline = now_ms() + WAIT_MS;

	while (!call_inside(call)) {
		if (call_done(call))
			fail("system call %ld did not wait: %ld", call->nr,
			     call->result);
		if (now_ms() > deadline)
			fail("system call %ld not entered", call->nr);
		usleep(1000);
	}
}

void call_enter(struct call *call)
{
	call_start(call);
	call_wait_inside(call);
}

long call_join(struct call *call)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += WAIT_MS / 1000;
	errno = pthread_timedjoin_np(call->thread, NULL, &deadline);
	if (errno)
		fail("system call %ld never returned: %s", call->nr,
		     strerror(errno));
	return call->result;
}

static long run_reader(struct call *call)
{
	struct reader *reader = call->arg;

	if (reader->closer)
		task_wait_inside(reader->closer, SYS_ioctl);
	reader->got = receive_all(call->fd);
	return 0;
}

void reader_start(struct reader *reader, int fd, pid_t closer)
{
	memset(reader, 0, sizeof(*reader));
	reader->closer = closer;
	reader->call.run = run_reader;
	reader->call.fd = fd;
	reader->call.arg = reader;
	call_start(&reader->call);
}

struct received reader_join(struct reader *reader)
{
	call_join(&reader->call);
	return reader->got;
}
