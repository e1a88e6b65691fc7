// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Each close, from the module's tracepoints: an instance of the trace buffer of
 * our own, so that nobody else's tracing is disturbed, and none is left.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stat.h"

#define ADDRESS		64
#define TASKS		256	/* that may be between two lines of theirs */

static const char * const roots[] = {
	"/sys/kernel/tracing",
	"/sys/kernel/debug/tracing",
};

/* Ours, once it is there, and what is read from it. */
static char instance[128];
static int trace_pipe = -1;

/**
 * struct task - who has ended calls and not yet closed
 * @pid: of the task
 * @calls: how many it has ended
 */
struct task {
	int pid;
	unsigned int calls;
};

static struct task tasks[TASKS];

/**
 * struct event - a line of the trace
 * @comm: of the task
 * @pid: of the task
 * @seconds: CLOCK_MONOTONIC
 * @fields: name=value, separated by spaces
 */
struct event {
	char comm[32];
	int pid;
	double seconds;
	const char *fields;
};

__attribute__((format(printf, 2, 3)))
static int put(const char *file, const char *fmt, ...)
{
	char path[256], text[64];
	int fd, len, ret = 0;
	va_list ap;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", instance, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, text, len) != len)
		ret = -1;
	close(fd);
	return ret;
}

static void remove_instance(void)
{
	put("events/winsock/enable", "0");
	if (trace_pipe >= 0)
		close(trace_pipe);
	if (rmdir(instance))
		warn("cannot remove %s", instance);
}

static void make_instance(void)
{
	unsigned int i;
	int error = ENOENT;

	for (i = 0; i < sizeof(roots) / sizeof(roots[0]) && error == ENOENT; i++) {
		snprintf(instance, sizeof(instance), "%s/instances/winsock-stat.%d",
			 roots[i], getpid());
		error = mkdir(instance, 0700) ? errno : 0;
	}
	if (error == ENOENT)
		errx(EXIT_FAILURE,
		     "tracefs is not there; as root run: mount -t tracefs none %s", roots[0]);
	if (error == EACCES || error == EPERM)
		errx(EXIT_FAILURE, "only root may watch closes; run it as root");
	errno = error;
	if (error)
		err(EXIT_FAILURE, "cannot make %s", instance);
	if (atexit(remove_instance))
		errx(EXIT_FAILURE, "no memory");
}

static void begin_trace(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/trace_pipe", instance);
	trace_pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trace_pipe < 0)
		err(EXIT_FAILURE, "cannot read %s", path);
	if (put("trace_clock", "mono") || put("events/winsock/enable", "1"))
		err(EXIT_FAILURE, "cannot watch the events of winsock in %s", instance);
}

static void end(int sig)
{
	(void)sig;
}

/* The signals that ask for the end come while we wait, and at no other time. */
static void hold_signals(sigset_t *usual)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	static const struct sigaction action = { .sa_handler = end };
	sigset_t held;
	unsigned int i;

	sigemptyset(&held);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&held, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &held, usual);
	signal(SIGPIPE, SIG_IGN);
}

/* The last one that is before @end and begins with @text. */
static char *find_last(char *line, char *end, const char *text)
{
	size_t len = strlen(text);

	for (end -= len; end >= line; end--)
		if (!strncmp(end, text, len))
			return end;
	return NULL;
}

/* The trace remembers names of few tasks only. */
static void look_up_name(struct event *event)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", event->pid);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fgets(event->comm, sizeof(event->comm), f))
		event->comm[strcspn(event->comm, "\n")] = '\0';
	fclose(f);
}

/*
 * "  COMMAND-PID  [CPU] FLAGS SECONDS: winsock_NAME: FIELDS".  A command may have
 * anything in it, so that this is read from behind.
 */
static const char *parse(char *line, struct event *event)
{
	char *name = strstr(line, ": winsock_"), *at, *cpu;

	if (!name)
		return NULL;
	at = find_last(line, name, " ");
	cpu = at ? find_last(line, at, " [") : NULL;
	if (!cpu)
		return NULL;
	event->seconds = atof(at);
	*cpu = '\0';
	at = strrchr(line, '-');
	if (!at)
		return NULL;
	*at = '\0';
	event->pid = atoi(at + 1);
	snprintf(event->comm, sizeof(event->comm), "%s", line + strspn(line, " "));
	if (!strcmp(event->comm, "<...>"))
		look_up_name(event);
	name += strlen(": winsock_");
	at = strchr(name, ':');
	if (!at)
		return NULL;
	*at = '\0';
	event->fields = at + 1;
	return name;
}

static const char *field(const struct event *event, const char *name, char *text,
			 size_t size)
{
	const char *at = event->fields;
	size_t len = strlen(name);

	text[0] = '\0';
	for (at = strchr(at, ' '); at; at = strchr(at, ' ')) {
		at++;
		if (strncmp(at, name, len) || at[len] != '=')
			continue;
		at += len + 1;
		snprintf(text, size, "%.*s", (int)strcspn(at, " "), at);
		break;
	}
	return text;
}

static long long value(const struct event *event, const char *name)
{
	char text[ADDRESS];

	return atoll(field(event, name, text, sizeof(text)));
}

static struct task *task_of(int pid)
{
	unsigned int i;

	for (i = 0; i < TASKS; i++)
		if (tasks[i].pid == pid)
			return &tasks[i];
	return NULL;
}

static void note_cancelled(const struct event *event)
{
	struct task *task = task_of(event->pid);

	if (!task)
		task = task_of(0);
	if (!task)
		return;
	task->pid = event->pid;
	task->calls = value(event, "calls");
}

static unsigned int take_cancelled(int pid)
{
	struct task *task = task_of(pid);

	if (!task)
		return 0;
	task->pid = 0;
	return task->calls;
}

static void format_time(double seconds, char *text, size_t size)
{
	struct timespec wall, mono;
	struct tm tm;
	int64_t nsec;
	time_t when;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	nsec = (wall.tv_sec - mono.tv_sec) * 1000000000LL + wall.tv_nsec - mono.tv_nsec +
	       (int64_t)(seconds * 1e9);
	when = nsec / 1000000000;
	strftime(text, size, "%T", localtime_r(&when, &tm));
	snprintf(text + strlen(text), size - strlen(text), ".%06d",
		 (int)(nsec % 1000000000 / 1000));
}

static void format_peer(const struct event *event, char *text, size_t size)
{
	static const char mapped[] = "::ffff:";
	const size_t skip = sizeof(mapped) - 1;
	int family = value(event, "family");
	int port = value(event, "dport");
	char addr[ADDRESS];

	field(event, "daddr", addr, sizeof(addr));
	if (family == AF_INET && port && !strncmp(addr, mapped, skip))
		snprintf(text, size, "%s:%d", addr + skip, port);
	else if (family == AF_INET6 && port)
		snprintf(text, size, "[%s]:%d", addr, port);
	else
		snprintf(text, size, "-");
}

static const char *result(int error, char *text, size_t size)
{
	switch (-error) {
	case 0:
		return "closed";
	case EWOULDBLOCK:
		return "refused";
	case EINTR:
		return "interrupted";
	}
	snprintf(text, size, "error %d", -error);
	return text;
}

static void print_close(const struct event *event)
{
	char clock[32], peer[ADDRESS + 10], how[16], text[32];

	format_time(event->seconds, clock, sizeof(clock));
	format_peer(event, peer, sizeof(peer));
	printf("%s %7d %-15s %4lld %-22s %-8s %10.6f %5u %s\n", clock, event->pid,
	       event->comm, value(event, "fd"), peer,
	       field(event, "how", how, sizeof(how)), value(event, "nsecs") / 1e9,
	       take_cancelled(event->pid),
	       result(value(event, "err"), text, sizeof(text)));
	if (ferror(stdout))
		exit(EXIT_FAILURE);
}

/* Returns whether it was a close. */
static bool print_line(char *line)
{
	struct event event;
	const char *name;

	if (strstr(line, "[LOST ")) {
		printf("... too many at once:%s\n", strstr(line, " [LOST "));
		return false;
	}
	name = parse(line, &event);
	if (!name)
		return false;
	if (!strcmp(name, "cancel"))
		note_cancelled(&event);
	if (strcmp(name, "close"))
		return false;
	print_close(&event);
	return true;
}

/* Prints the lines that are complete; returns how many bytes they had. */
static size_t print_lines(char *buf, unsigned long count, unsigned long *closes)
{
	char *line = buf, *end;

	while ((!count || *closes < count) && (end = strchr(line, '\n'))) {
		*end = '\0';
		*closes += print_line(line);
		line = end + 1;
	}
	return line - buf;
}

void stat_trace(unsigned long count)
{
	static char buf[65536];
	struct pollfd pfd = { .events = POLLIN };
	unsigned long closes = 0;
	size_t len = 0, done;
	sigset_t usual;
	ssize_t got;

	stat_need_module();
	hold_signals(&usual);
	make_instance();
	begin_trace();
	printf("%-15s %7s %-15s %4s %-22s %-8s %10s %5s %s\n", "TIME", "PID", "COMMAND",
	       "FD", "PEER", "DECISION", "SECONDS", "CALLS", "RESULT");
	pfd.fd = trace_pipe;
	while (!count || closes < count) {
		if (ppoll(&pfd, 1, NULL, &usual) < 0)
			break;
		got = read(trace_pipe, buf + len, sizeof(buf) - 1 - len);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			err(EXIT_FAILURE, "cannot read the trace");
		if (got <= 0)
			continue;
		len += got;
		buf[len] = '\0';
		done = print_lines(buf, count, &closes);
		len -= done;
		memmove(buf, buf + done, len);
	}
}
