// SPDX-License-Identifier: GPL-2.0
/*
 * An ordinary Linux program, which knows nothing of Winsock and closes what it
 * has with libc's calls.  It reports what it does, and continues when it gets a line.
 *
 *	ordinary [PRELUDE]... ROLE ARG...
 */
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long check(long result, const char *what)
{
	if (result < 0)
		err(EXIT_FAILURE, "%s", what);
	return result;
}

static void say(const char *what, long number)
{
	printf("%s %ld\n", what, number);
	fflush(stdout);
}

/* By the system call: the standard streams are closed, too, in some roles. */
static void wait_to_be_told(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0 && byte != '\n')
		;
}

static int connected_to(const char *port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), "connect");
	return fd;
}

static int listening(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");

	check(bind(fd, (struct sockaddr *)&addr, len), "bind");
	check(listen(fd, 8), "listen");
	check(getsockname(fd, (struct sockaddr *)&addr, &len), "getsockname");
	say("port", ntohs(addr.sin_port));
	return fd;
}

static int bytes_queued(int fd, unsigned long request)
{
	int bytes;

	check(ioctl(fd, request, &bytes), "SIOCOUTQ");
	return bytes;
}

/*
 * As many bytes of the tests' pattern, all alike, as both sides take: the peer's
 * window keeps some back, and none are in flight whose arrival would free room.
 */
static void fill(int fd)
{
	static const char bytes[4096];
	bool more;

	do {
		more = false;
		while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			more = true;
		while (bytes_queued(fd, SIOCOUTQ) != bytes_queued(fd, SIOCOUTQNSD))
			usleep(1000);
	} while (more);
}

static int in_handler;

static void close_in_handler(int sig)
{
	close(in_handler);
}

static FILE *stream;

static int close_how(const char *how, int fd)
{
	int null;

	if (!strcmp(how, "close"))
		return close(fd);
	if (!strcmp(how, "syscall"))
		return syscall(SYS_close, fd);
	if (!strcmp(how, "fclose"))
		return fclose(stream);
	if (!strcmp(how, "close_range"))
		return close_range(fd, fd, 0);
	if (!strcmp(how, "closefrom")) {
		closefrom(fd);
		return 0;
	}
	if (!strcmp(how, "handler")) {
		in_handler = fd;
		signal(SIGUSR1, close_in_handler);
		return raise(SIGUSR1);
	}
	null = check(open("/dev/null", O_RDWR), "/dev/null");
	if (!strcmp(how, "dup2"))
		return dup2(null, fd) == fd ? 0 : -1;
	if (!strcmp(how, "dup3"))
		return dup3(null, fd, O_CLOEXEC) == fd ? 0 : -1;
	errx(EXIT_FAILURE, "no way to close is called %s", how);
}

/* A thread in a call that does not return. */
struct call {
	const char *name;
	int fd;
	long result;
};

static void *call_thread(void *arg)
{
	struct call *call = arg;
	struct pollfd pfd = { .fd = call->fd, .events = POLLIN };
	char byte;

	say("thread", gettid());
	if (!strcmp(call->name, "accept"))
		call->result = accept(call->fd, NULL, NULL);
	else if (!strcmp(call->name, "recv"))
		call->result = recv(call->fd, &byte, 1, 0);
	else if (!strcmp(call->name, "read"))
		call->result = read(call->fd, &byte, 1);
	else if (!strcmp(call->name, "poll"))
		call->result = poll(&pfd, 1, -1) == 1 ? pfd.revents : -1;
	else
		errx(EXIT_FAILURE, "no call is called %s", call->name);
	if (call->result < 0)
		call->result = -errno;
	return NULL;
}

/* blocked HOW CALL PORT */
static int blocked(char *argv[])
{
	struct call call = { .name = argv[1] };
	bool listener = !strcmp(call.name, "accept");
	pthread_t thread;

	call.fd = listener ? listening() : connected_to(argv[2]);
	if (!strcmp(argv[0], "fclose"))
		stream = fdopen(call.fd, "r+");
	errno = pthread_create(&thread, NULL, call_thread, &call);
	if (errno)
		err(EXIT_FAILURE, "pthread_create");
	wait_to_be_told();
	say("closed", close_how(argv[0], call.fd));
	pthread_join(thread, NULL);
	say("left", -call.result);
	return 0;
}

static void set_linger(int fd, const char *seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = atoi(seconds) };

	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), "linger");
}

static void nothing(int sig)
{
}

/* linger MODE SECONDS HOW PORT: a close with more queued than the peer takes */
static int linger(char *argv[])
{
	struct itimerval timer = { .it_value.tv_sec = 5 };
	struct sigaction action = { .sa_handler = nothing };
	bool interrupted = !strcmp(argv[0], "interrupted");
	int fd = connected_to(argv[3]);

	set_linger(fd, argv[1]);
	if (!strcmp(argv[2], "fclose"))
		stream = fdopen(fd, "r+");
	fill(fd);
	if (!strcmp(argv[0], "nonblocking"))
		check(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	say("full", fd);
	wait_to_be_told();
	sigaction(SIGALRM, &action, NULL);
	if (interrupted)
		setitimer(ITIMER_REAL, &timer, NULL);
	say("closed", close_how(argv[2], fd));
	say("next", open("/dev/null", O_RDONLY));
	wait_to_be_told();
	return 0;
}

/* unread PORT: the peer has sent, this has not read, and has something to say */
static int unread(char *argv[])
{
	int fd = connected_to(argv[0]);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	check(poll(&pfd, 1, -1), "poll");
	check(send(fd, "bye", 3, 0), "send");
	say("closed", close(fd));
	wait_to_be_told();
	return 0;
}

/* forked PORT: a child closes, and then this does */
static int forked(char *argv[])
{
	int fd = connected_to(argv[0]), status;
	pid_t pid = fork();

	if (!pid)
		_exit(close(fd) ? EXIT_FAILURE : EXIT_SUCCESS);
	check(waitpid(pid, &status, 0), "waitpid");
	say("child", status);
	wait_to_be_told();
	check(send(fd, "here", 4, 0), "send");
	say("closed", close(fd));
	wait_to_be_told();
	return 0;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* watched HOW SECONDS PORT [kept]: in an epoll set, nonblocking, and full */
static int watched(char *argv[])
{
	long start;
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int set = check(epoll_create1(0), "epoll_create1");
	int fd = connected_to(argv[2]);

	set_linger(fd, argv[1]);
	if (!strcmp(argv[0], "fclose"))
		stream = fdopen(fd, "r+");
	fill(fd);
	check(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
	if (argv[3])
		check(dup(fd), "dup");
	start = now_ms();
	say("closed", close_how(argv[0], fd));
	say("took", now_ms() - start);
	say("events", epoll_wait(set, &event, 1, 3000));
	return 0;
}

static int open_null(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* libc's own syscall(3), which a preloaded library does not see */
static long (*libc_syscall(void))(long nr, ...)
{
#ifdef STATIC
	return syscall;
#else
	long (*function)(long nr, ...);

	*(void **)&function = dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "syscall");
	return function;
#endif
}

static unsigned int action(const char *how)
{
	if (!strcmp(how, "kill"))
		return SECCOMP_RET_KILL_PROCESS;
	if (!strcmp(how, "allow"))
		return SECCOMP_RET_ALLOW;
	return !strcmp(how, "ask") ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | EPERM;
}

/* A sandbox in which a system call is killed for, refused, or asked about. */
static int filter_call(int nr, const char *how, bool seen)
{
	int flags = strcmp(how, "ask") ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action(how)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	long (*call)(long nr, ...) = seen ? syscall : libc_syscall();

	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
	if (seen && !strcmp(how, "kill"))
		return check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
			     "PR_SET_SECCOMP");
	return check(call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program), "seccomp");
}

static int open_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* filtered HOW seen|unseen PORT */
static int filtered(char *argv[])
{
	int fd = open_null(), before, i;
	int s = connected_to(argv[2]);

	filter_call(SYS_ioctl, argv[0], !strcmp(argv[1], "seen"));
	say("file", close(fd));
	before = open_descriptors();
	if (strcmp(argv[0], "kill") || !strcmp(argv[1], "seen")) {
		errno = 4242;
		say("socket", close(s));
		say("errno", errno);
		before--;
	}
	for (i = 0; i < 100; i++) {
		fd = open_null();
		close(fd);
		/* That this is a socket has not been seen. */
		if (strcmp(argv[0], "kill"))
			close(libc_syscall()(SYS_socket, AF_INET, SOCK_STREAM, 0));
	}
	say("leaked", open_descriptors() - before);
	return 0;
}

static void *install_harmless(void *unused)
{
	filter_call(SYS_getsockopt, "allow", true);
	return NULL;
}

/* installing: one thread's filter kills, and meanwhile another's does no harm */
static int installing(char *argv[])
{
	struct seccomp_notif_resp go_on = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	int listener = filter_call(SYS_seccomp, "ask", false);
	struct seccomp_notif asked = { 0 };
	pthread_t thread;

	errno = pthread_create(&thread, NULL, install_harmless, NULL);
	if (errno)
		err(EXIT_FAILURE, "pthread_create");
	check(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked), "NOTIF_RECV");
	filter_call(SYS_getsockopt, "kill", true);
	go_on.id = asked.id;
	check(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &go_on), "NOTIF_SEND");
	pthread_join(thread, NULL);
	say("closed", close(open_null()));
	return 0;
}

/* unasked PORT: a socket that the program has made is closed without getsockopt(2) */
static int unasked(char *argv[])
{
	int fd = connected_to(argv[0]);

	filter_call(SYS_getsockopt, "kill", false);
	say("closed", close(fd));
	return 0;
}

/* unranged PORT: close_range(2) is refused, and closefrom(3) has to do without it */
static int unranged(char *argv[])
{
	connected_to(argv[0]);
	filter_call(SYS_close_range, "EPERM", true);
	errno = 4242;
	closefrom(3);
	say("errno", errno);
	say("open", open_descriptors() - 3);
	return 0;
}

static void refused_closes(void)
{
	int fd, refused = 0;

	do
		fd = check(open_null(), "/dev/null");
	while (fd < 80);
	for (fd = 3; fd <= 80; fd++)
		refused += close(fd) && errno == EBADF;
	say("refused", refused);
}

/* reused PORT: all descriptors are the program's now */
static int reused(char *argv[])
{
	connected_to(argv[0]);
	libc_syscall()(SYS_close_range, 3, ~0U, 0);
	refused_closes();
	return 0;
}

/* vforked PORT: the child is the first to close a socket */
static int vforked(char *argv[])
{
	int fd = libc_syscall()(SYS_socket, AF_INET, SOCK_STREAM, 0);
	pid_t pid = vfork();

	if (!pid) {
		close(fd);
		_exit(0);
	}
	check(waitpid(pid, NULL, 0), "waitpid");
	refused_closes();
	return 0;
}

/* many COUNT [told]: sockets that were never connected */
static int many(char *argv[])
{
	int i;

	if (argv[1]) {
		say("ready", 0);
		wait_to_be_told();
	}
	for (i = atoi(argv[0]); i; i--)
		close(check(socket(AF_INET, SOCK_STREAM, 0), "socket"));
	say("closed", 0);
	if (argv[1])
		wait_to_be_told();
	return 0;
}

static void close_full_sockets(int n, const char *seconds, const char *port)
{
	int *fds = calloc(n, sizeof(*fds)), small = 65536, i;

	for (i = 0; i < n; i++) {
		fds[i] = connected_to(port);
		check(setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
		      "SO_SNDBUF");
		set_linger(fds[i], seconds);
		fill(fds[i]);
		check(fcntl(fds[i], F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	}
	for (i = 0; i < n; i++)
		check(close(fds[i]), "close");
	free(fds);
}

/* crowd PROCESSES SOCKETS SECONDS: what is queued when they are closed is not read */
static int crowd(char *argv[])
{
	int listener = listening(), processes = atoi(argv[0]), i;
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	char port[16];

	check(listen(listener, 4096), "listen");
	check(getsockname(listener, (struct sockaddr *)&addr, &len), "getsockname");
	snprintf(port, sizeof(port), "%d", ntohs(addr.sin_port));
	for (i = 0; i < processes; i++) {
		if (check(fork(), "fork"))
			continue;
		close_full_sockets(atoi(argv[1]), argv[2], port);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	say("closed", 0);
	wait_to_be_told();
	return 0;
}

/* numbers PORT: those of a socket and of a file */
static int numbers(char *argv[])
{
	say("socket", connected_to(argv[0]));
	say("next", open_null());
	return 0;
}

/* errors PORT: what the calls return, and for descriptors that are not open */
static int errors(char *argv[])
{
	int fd = connected_to(argv[0]), i, open = 0;

	errno = 4242;
	say("closed", close(fd));
	say("errno", errno);
	say("again", close(fd) ? errno : 0);
	say("none", close(-1) ? errno : 0);
	/* Where nobody has left anything. */
	for (i = 32; i < 4096; i++)
		open += !close(i);
	say("open", open);
	say("socket", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) < 0 ? errno : 0);
	return 0;
}

static void lose_device(void)
{
	char link[64], target[64];
	ssize_t len;
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (!strcmp(target, "/dev/winsock"))
			libc_syscall()(SYS_close, fd);
	}
}

/*
 * close_all: as daemons begin; lose_all: past libc; lose_device: that one alone,
 * past it, too; filter: past it, too;
 * unnamed: without getsockname(2); exec: as another program
 */
static void prelude(char *argv[])
{
	char self[4096] = "";
	int i;

	if (!strcmp(argv[0], "close_all")) {
		for (i = 3; i < 4096; i++)
			close(i);
		closefrom(3);
	} else if (!strcmp(argv[0], "take_all")) {
		for (i = 3; i < 1024; i++) {
			dup2(STDIN_FILENO, i);
			close(i);
		}
	} else if (!strcmp(argv[0], "lose_all")) {
		close(4095);	/* what is opened with the first call is there now */
		libc_syscall()(SYS_close_range, 3, ~0U, 0);
	} else if (!strcmp(argv[0], "lose_device")) {
		lose_device();
	} else if (!strcmp(argv[0], "filter")) {
		filter_call(SYS_ioctl, "kill", false);
	} else if (!strcmp(argv[0], "unnamed")) {
		filter_call(SYS_getsockname, "kill", true);
	} else if (!strcmp(argv[0], "exec")) {
		check(readlink("/proc/self/exe", self, sizeof(self) - 1), "readlink");
		execv(self, argv);
		err(EXIT_FAILURE, "%s", self);
	}
}

int main(int argc, char *argv[])
{
	static const struct role {
		const char *name;
		int (*act)(char *argv[]);
	} roles[] = {
		{ "blocked", blocked },
		{ "linger", linger },
		{ "unread", unread },
		{ "forked", forked },
		{ "watched", watched },
		{ "errors", errors },
		{ "filtered", filtered },
		{ "installing", installing },
		{ "unasked", unasked },
		{ "unranged", unranged },
		{ "reused", reused },
		{ "vforked", vforked },
		{ "many", many },
		{ "crowd", crowd },
		{ "numbers", numbers },
	};
	unsigned int i;

	for (argv++; *argv; argv++) {
		for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
			if (!strcmp(*argv, roles[i].name))
				return roles[i].act(argv + 1);
		prelude(argv);
	}
	return 3;
}
