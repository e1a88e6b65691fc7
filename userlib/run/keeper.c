// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The keeper waits for what the programs could not wait for, and reports.
 *
 * It is one process for a program and all that it starts.  Each wait is a thread:
 * what they do is sleep in the kernel.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/winsock.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"
#include "message.h"
#include "report.h"

#define MESSAGE_WAIT_MS	1000	/* for room for the only one */
#define NSEC_PER_SEC	1000000000ULL

/* What the keeper keeps, from here on. */
enum {
	CHANNEL = 3,
	DEVICE,
	REPORT,
	MESSAGES,
	OTHERS,
};

#define KEPT	(OTHERS - CHANNEL)

/* struct wait - a socket to be closed, once the parcel can be opened */
struct wait {
	int parcel;
	struct run_message message;
};

static bool reports;

/* Waits that are not over, and the thread that receives; the last one says what is lost. */
static atomic_uint users = 1;

/**
 * struct lost - lines that are not in the report
 * @lock: also keeps one line after another
 * @lines: how many
 * @messages: where to say so, once there are any
 */
static struct {
	pthread_mutex_t lock;
	unsigned long lines;
	int messages;
} lost = { .lock = PTHREAD_MUTEX_INITIALIZER, .messages = -1 };

static void lose(unsigned long lines)
{
	if (lines && !lost.lines)
		lost.messages = run_report_reopen(MESSAGES);
	lost.lines += lines;
}

static void write_line(const char *line, int len)
{
	pthread_mutex_lock(&lost.lock);
	lose(!run_report_write(REPORT, line, len));
	pthread_mutex_unlock(&lost.lock);
}

static void leave(void)
{
	struct pollfd room = { .events = POLLOUT };
	char text[128];
	int len;

	if (atomic_fetch_sub(&users, 1) > 1 || !reports)
		return;
	lose(run_report_unread(REPORT));
	if (!lost.lines)
		return;
	room.fd = lost.messages;
	poll(&room, 1, MESSAGE_WAIT_MS);
	len = snprintf(text, sizeof(text),
		       "winsock-run: the report lacks %lu line%s, which could not be written\n",
		       lost.lines, lost.lines == 1 ? "" : "s");
	run_report_write(lost.messages, text, len);
}

static void format_peer(const struct sockaddr_in6 *peer, char *text, size_t size)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
	char addr[INET6_ADDRSTRLEN];

	if (peer->sin6_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, addr, sizeof(addr));
		snprintf(text, size, "%s:%u", addr, ntohs(in->sin_port));
	} else if (peer->sin6_family == AF_INET6) {
		inet_ntop(AF_INET6, &peer->sin6_addr, addr, sizeof(addr));
		snprintf(text, size, "[%s]:%u", addr, ntohs(peer->sin6_port));
	} else {
		snprintf(text, size, "-");
	}
}

static void format_lost(const struct run_close *close, char *text, size_t size)
{
	unsigned int unacked = 0, unread = close->unread;

	if (close->decision == RUN_HARD || close->decision == RUN_TIMEOUT)
		unacked = close->unacked;
	if (close->decision == RUN_SHARED || close->decision == RUN_BACKGROUND)
		unread = 0;
	if (unacked && unread)
		snprintf(text, size, "up to %u sent, %u unread", unacked, unread);
	else if (unacked)
		snprintf(text, size, "up to %u sent", unacked);
	else if (unread)
		snprintf(text, size, "%u unread", unread);
	else
		snprintf(text, size, "-");
}

static void report(const struct run_close *close)
{
	static const char * const decisions[] = {
		[RUN_NATIVE]		= "native",
		[RUN_GRACEFUL]		= "graceful",
		[RUN_HARD]		= "hard",
		[RUN_LINGER]		= "linger",
		[RUN_TIMEOUT]		= "timeout",
		[RUN_BACKGROUND]	= "background",
		[RUN_SHARED]		= "shared",
	};
	char clock[16], peer[INET6_ADDRSTRLEN + 10], data[64], line[256];
	time_t when = close->when / NSEC_PER_SEC;
	struct tm tm;
	int len;

	if (!reports || !close->when)
		return;
	strftime(clock, sizeof(clock), "%T", localtime_r(&when, &tm));
	format_peer(&close->peer, peer, sizeof(peer));
	format_lost(close, data, sizeof(data));
	len = snprintf(line, sizeof(line), "%s.%06llu %7d %4d %-22s %-10s %8.3f %s\n", clock,
		       (unsigned long long)close->when % NSEC_PER_SEC / 1000, close->pid,
		       close->fd, peer, decisions[close->decision], close->took / 1e9, data);
	write_line(line, len);
}

static unsigned long long nsec_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * NSEC_PER_SEC + now.tv_nsec - start->tv_nsec;
}

/* Up to a second too long, never too short. */
static int shorten(int fd, const struct linger *asked, unsigned int spent)
{
	struct linger left = *asked;

	if ((unsigned int)left.l_linger > spent)
		left.l_linger -= spent;
	else
		left.l_linger = 1;
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &left, sizeof(left));
}

/* C19: blocking, so that it lingers; C9 at the deadline. */
static void linger(int fd, struct run_message *message)
{
	struct winsock_closesocket arg = { .fd = fd };
	socklen_t len = sizeof(struct linger);
	struct linger asked = { 0 };
	struct timespec start;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &start);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &asked, &len);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	if (message->spent)
		shorten(fd, &asked, message->spent);
	while ((err = ioctl(DEVICE, WINSOCK_IOC_CLOSESOCKET, &arg)) && errno == EINTR)
		shorten(fd, &asked, message->spent + nsec_since(&start) / NSEC_PER_SEC);
	if (err)
		close(fd);

	message->close.took += nsec_since(&start);
	message->close.decision = message->close.took >= asked.l_linger * NSEC_PER_SEC ?
				  RUN_TIMEOUT : RUN_LINGER;
	report(&message->close);
}

static void *wait_for_drain(void *arg)
{
	struct wait *wait = arg;
	char byte;
	int fd;

	run_take(wait->parcel, &byte, 1, &fd);
	close(wait->parcel);
	if (fd >= 0)
		linger(fd, &wait->message);
	free(wait);
	leave();
	return NULL;
}

static void begin_wait(int parcel, const struct run_message *message)
{
	struct wait *wait = malloc(sizeof(*wait));
	pthread_attr_t attr;
	pthread_t thread;

	if (!wait) {
		close(parcel);
		return;
	}
	wait->parcel = parcel;
	wait->message = *message;
	atomic_fetch_add(&users, 1);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + 65536);
	/* One after another is late, but not lost. */
	if (pthread_create(&thread, &attr, wait_for_drain, wait))
		wait_for_drain(wait);
	pthread_attr_destroy(&attr);
}

static void keep(void)
{
	struct run_message message;
	int parcel, len;
	char line[256];

	if (reports) {
		len = snprintf(line, sizeof(line), "%-15s %7s %4s %-22s %-10s %8s %s\n", "TIME",
			       "PID", "FD", "PEER", "DECISION", "SECONDS", "LOST");
		write_line(line, len);
	}
	while (run_take(CHANNEL, &message, sizeof(message), &parcel) ==
	       sizeof(message)) {
		if (message.missing) {
			pthread_mutex_lock(&lost.lock);
			lose(message.missing);
			pthread_mutex_unlock(&lost.lock);
		}
		report(&message.close);
		if (parcel >= 0)
			begin_wait(parcel, &message);
	}
	leave();
	/* The waits that are left continue. */
	pthread_exit(NULL);
}

/* Nothing of the terminal, and of what it inherited only what it needs. */
static void settle(int channel, int device, int to, int messages)
{
	int kept[KEPT] = { channel, device, to, messages };
	struct rlimit limit;
	int null, i;

	setsid();
	/* A report that nobody reads any more must not end the waits. */
	signal(SIGPIPE, SIG_IGN);
	if (chdir("/"))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "winsock-keeper");
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* First away from where another of them goes. */
	null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, OTHERS);
	for (i = 0; i < KEPT; i++)
		kept[i] = fcntl(kept[i] < 0 ? null : kept[i], F_DUPFD, OTHERS);
	for (i = 0; i < KEPT; i++)
		dup2(kept[i], CHANNEL + i);
	for (i = 0; i < 3; i++)
		dup2(null, i);
	close_range(OTHERS, ~0U, 0);
}

int run_keeper(int device, int to, int messages)
{
	int ends[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return -1;
	pid = fork();
	if (!pid) {
		/* An orphan, which the program does not find among its children. */
		pid = fork();
		if (pid)
			_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
		reports = to >= 0;
		settle(ends[1], device, to, messages);
		keep();
	}
	close(ends[1]);
	/* Where SIGCHLD is ignored there is nothing to wait for. */
	if (pid < 0 || (waitpid(pid, &status, 0) == pid && status)) {
		close(ends[0]);
		errno = EAGAIN;
		return -1;
	}
	return ends[0];
}
