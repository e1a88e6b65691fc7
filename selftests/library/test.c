// SPDX-License-Identifier: LGPL-2.1-or-later
/* See test.h. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "support/syscall_nr.h"
#include "test.h"

#define PEER_RCVBUF	16384
#define SNDBUF		65536
#define WAIT_MS		60000

#ifdef __SANITIZE_THREAD__
/* Tests fork, and children have threads of their own. */
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

/*
 * It takes a descriptor for one file until close(2): it does not know what
 * closesocket() closes, or io_uring opens, and another thread reuses.
 */
const char *__tsan_default_suppressions(void)
{
	return "race_top:^__interceptor_fstat$\n"
	       "race_top:^__interceptor_dup3$\n"
	       "race_top:^__interceptor_close$\n"
	       "race_top:^__interceptor_closedir$\n";
}
#endif

long check_call(long result, const char *call, const char *file, int line)
{
	if ((int)result == SOCKET_ERROR)
		errx(EXIT_FAILURE, "%s:%d: %s: error %d, errno %d", file, line,
		     call, WSAGetLastError(), errno);
	return result;
}

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool sleeps(pid_t tid)
{
	char path[64], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	stat = fopen(path, "r");
	if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (stat)
		fclose(stat);
	return state == 'S';
}

void wait_asleep(pid_t tid, const atomic_bool *done)
{
	int asleep;

	for (asleep = 0; asleep < 10 && !(done && *done); usleep(5000))
		asleep = sleeps(tid) ? asleep + 1 : 0;
}

int wait_child(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0));
	return status;
}

int count_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < NUMBERS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

bool is_set(WSAEVENT event, DWORD timeout)
{
	DWORD ret = WSAWaitForMultipleEvents(1, &event, FALSE, timeout, FALSE);

	if (ret == WSA_WAIT_FAILED)
		errx(EXIT_FAILURE, "wait: error %d", WSAGetLastError());
	return ret == WSA_WAIT_EVENT_0;
}

void say(SOCKET s, const char *text)
{
	check(send(s, text, strlen(text), 0));
}

static void filter_calls(struct sock_filter *code, int len)
{
	struct sock_fprog prog = { .len = len, .filter = code };

	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

void fake_answer(int nr, int arg, unsigned int value, unsigned int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SECCOMP_ARG(arg)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	filter_calls(code, sizeof(code) / sizeof(code[0]));
}

void forbid_call(int nr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	filter_calls(code, sizeof(code) / sizeof(code[0]));
}

void start(void)
{
	WSADATA data;
	int err = WSAStartup(MAKEWORD(2, 2), &data);

	if (err)
		errx(EXIT_FAILURE, "WSAStartup: error %d", err);
}

SOCKET open_socket(int family, int type)
{
	return check(socket(family, type, 0));
}

SOCKET native_socket(int family, int type)
{
	return check(syscall(SYS_socket, family, type, 0));
}

int native_close(SOCKET s)
{
	return syscall(SYS_close, (int)s);
}

bool is_open(SOCKET s)
{
	return s != INVALID_SOCKET && fcntl((int)s, F_GETFD) >= 0;
}

socklen_t loopback(int family, struct sockaddr_storage *addr)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = family;
	if (family == AF_INET6) {
		in6->sin6_addr = in6addr_loopback;
		return sizeof(*in6);
	}
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*in);
}

socklen_t name_of(SOCKET s, struct sockaddr_storage *addr)
{
	socklen_t len = sizeof(*addr);

	check(getsockname(s, (struct sockaddr *)addr, &len));
	return len;
}

socklen_t bind_loopback(SOCKET s, int family, struct sockaddr_storage *addr)
{
	struct sockaddr_storage any;
	socklen_t len = loopback(family, &any);

	check(bind(s, (struct sockaddr *)&any, len));
	return name_of(s, addr ?: &any);
}

SOCKET open_listener(int family)
{
	SOCKET s = open_socket(family, SOCK_STREAM);
	int small = PEER_RCVBUF;

	check(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	bind_loopback(s, family, NULL);
	check(listen(s, 128));
	return s;
}

SOCKET fill_backlog(SOCKET listener, int family)
{
	WSAPOLLFD poll = { .events = POLLOUT };
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);

	check(listen(listener, 0));
	do {
		poll.fd = open_socket(family, SOCK_STREAM);
		set_nonblocking(poll.fd, true);
		connect(poll.fd, (struct sockaddr *)&addr, len);
	} while (check(WSAPoll(&poll, 1, 200)));
	return poll.fd;
}

void open_pair(struct pair *pair, int family)
{
	SOCKET listener = open_listener(family);
	struct sockaddr_storage addr;
	socklen_t len = name_of(listener, &addr);
	int small = SNDBUF;

	pair->s = open_socket(family, SOCK_STREAM);
	check(setsockopt(pair->s, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	check(connect(pair->s, (struct sockaddr *)&addr, len));
	pair->peer = check(accept(listener, NULL, NULL));
	check(closesocket(listener));
}

void wait_for(SOCKET s, short events)
{
	struct pollfd pollfd = { .fd = (int)s, .events = events };

	if (poll(&pollfd, 1, WAIT_MS) != 1)
		errx(EXIT_FAILURE, "socket %d: not ready for %#x", (int)s, events);
}

void set_nonblocking(SOCKET s, bool nonblocking)
{
	u_long mode = nonblocking;

	check(ioctlsocket(s, FIONBIO, &mode));
}

bool is_nonblocking(SOCKET s)
{
	return fcntl((int)s, F_GETFL) & O_NONBLOCK;
}

void set_linger(SOCKET s, int onoff, int seconds)
{
	LINGER linger = { .l_onoff = onoff, .l_linger = seconds };

	check(setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

LINGER get_linger(SOCKET s)
{
	LINGER linger;
	int len = sizeof(linger);

	check(getsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &len));
	return linger;
}

void make_pattern(char *buf, long from, long len)
{
	long i;

	for (i = 0; i < len; i++)
		buf[i] = (from + i) % 251;
}

/*
 * Waits until nothing is in flight; returns how many bytes the peer's window
 * keeps back.  SIOCOUTQ is read first: it only decreases, to the other at most.
 */
static int settle(SOCKET s)
{
	long deadline = now_ms() + WAIT_MS;
	int queued, unsent, settled;

	for (settled = 0; settled < 2; usleep(20000)) {
		check(ioctl((int)s, SIOCOUTQ, &queued));
		if (ioctl((int)s, SIOCOUTQNSD, &unsent)) {
			usleep(100000);	/* not TCP */
			return 0;
		}
		settled = queued == unsent ? settled + 1 : 0;
		if (now_ms() > deadline)
			errx(EXIT_FAILURE, "socket %d: %d bytes in flight",
			     (int)s, queued - unsent);
	}
	return unsent;
}

void wait_stalled(SOCKET s)
{
	while (!settle(s))
		;
}

/* Returns how many bytes it takes at once. */
static long fill_once(SOCKET s, long from)
{
	char buf[4096];
	long sent = 0;
	int n;

	for (;;) {
		make_pattern(buf, from + sent, sizeof(buf));
		n = send(s, buf, sizeof(buf), 0);
		if (n == SOCKET_ERROR)
			break;
		sent += n;
	}
	if (WSAGetLastError() != WSAEWOULDBLOCK)
		errx(EXIT_FAILURE, "send: error %d", WSAGetLastError());
	return sent;
}

long fill(SOCKET s)
{
	bool nonblocking = is_nonblocking(s);
	long sent = 0, more;

	set_nonblocking(s, true);
	/* What is in flight frees room when it arrives. */
	do {
		more = fill_once(s, sent);
		sent += more;
		settle(s);
	} while (more);
	set_nonblocking(s, nonblocking);
	return sent;
}

long drain(SOCKET s)
{
	char buf[4096], expected[4096];
	long got = 0;
	int n;

	for (;;) {
		n = recv(s, buf, sizeof(buf), 0);
		if (n == SOCKET_ERROR)
			return -WSAGetLastError();
		if (!n)
			return got;
		make_pattern(expected, got, n);
		if (memcmp(buf, expected, n))
			return -1;
		got += n;
	}
}

static void *drainer_main(void *arg)
{
	struct drainer *drainer = arg;

	usleep(drainer->delay_ms * 1000);
	drainer->result = drain(drainer->s);
	return NULL;
}

void drainer_start(struct drainer *drainer, SOCKET s, int delay_ms)
{
	drainer->s = s;
	drainer->delay_ms = delay_ms;
	if (pthread_create(&drainer->thread, NULL, drainer_main, drainer))
		errx(EXIT_FAILURE, "pthread_create");
}

long drainer_join(struct drainer *drainer)
{
	pthread_join(drainer->thread, NULL);
	return drainer->result;
}

atomic_int signals_handled;

static void signaller_handler(int sig)
{
	(void)sig;
	signals_handled++;
}

static void *signaller_main(void *arg)
{
	struct signaller *signaller = arg;

	while (!signaller->stop) {
		usleep(signaller->ms * 1000);
		pthread_kill(signaller->target, SIGUSR1);
	}
	return NULL;
}

void signaller_start(struct signaller *signaller, int ms)
{
	struct sigaction action = { .sa_handler = signaller_handler };

	signals_handled = 0;
	signaller->ms = ms;
	signaller->stop = false;
	signaller->target = pthread_self();
	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&signaller->thread, NULL, signaller_main, signaller))
		errx(EXIT_FAILURE, "pthread_create");
}

void signaller_stop(struct signaller *signaller)
{
	signaller->stop = true;
	pthread_join(signaller->thread, NULL);
}
