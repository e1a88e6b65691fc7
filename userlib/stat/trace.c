// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Each close, from the module's tracepoints: an instance of the trace buffer of
 * our own, so that nobody else's tracing is disturbed, and none is left.
 */
#include <dirent.h>
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
#define PREFIX		"winsock-stat."

static const char * const roots[] = {
	"/sys/kernel/tracing",
	"/sys/kernel/debug/tracing",
};

/* Ours, once it is there, and what is read from it. */
static char instance[128];
static int trace_pipe = -1;

/**
 * struct task - a task in a close that has not yet been printed
 * @pid: of the task
 * @calls: how many pending calls it has ended
 * @sport: local port of the connection that it has reset, or 0
 * @dport: the peer's port of that connection
 */
struct task {
	int pid;
	unsigned int calls;
	int sport;
	int dport;
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
	put("events/tcp/tcp_send_reset/enable", "0");
	if (trace_pipe >= 0)
		close(trace_pipe);
	if (rmdir(instance))
		warn("cannot remove %s", instance);
}

/*
 * Of winsock-stats that were killed.  One that runs holds its trace_pipe open, for
 * which the kernel refuses to remove it, whatever its number means to us.
 */
static void remove_stale(const char *root)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;
	int pid;

	snprintf(path, sizeof(path), "%s/instances", root);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		pid = atoi(entry->d_name + strlen(PREFIX));
		if (pid <= 0 || !kill(pid, 0) || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/instances/%s", root, entry->d_name);
		rmdir(path);
	}
	closedir(dir);
}

static void make_instance(void)
{
	unsigned int i;
	int error = ENOENT;

	for (i = 0; i < sizeof(roots) / sizeof(roots[0]) && error == ENOENT; i++) {
		remove_stale(roots[i]);
		snprintf(instance, sizeof(instance), "%s/instances/" PREFIX "%d",
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
	/* It tells a deadline's reset from a close in time. */
	put("events/tcp/tcp_send_reset/enable", "1");
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
 * "  COMMAND-PID  [CPU] FLAGS SECONDS: NAME: FIELDS".  A command may have anything
 * in it, so that this is read from behind.
 */
static const char *parse(char *line, struct event *event)
{
	char *name = strstr(line, ": winsock_"), *at, *cpu;

	if (!name)
		name = strstr(line, ": tcp_send_reset:");
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
	name += strlen(": ");
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

static struct task *new_task(int pid)
{
	struct task *task = task_of(pid);

	if (!task)
		task = task_of(0);
	if (!task)
		return NULL;
	if (!task->pid)
		*task = (struct task){ .pid = pid };
	return task;
}

static void note_cancelled(const struct event *event)
{
	struct task *task = new_task(event->pid);

	if (task)
		task->calls = value(event, "calls");
}

/* The field's name depends on the kernel: 6.10 renamed it. */
static int port(const struct event *event, const char *name, const char *newer)
{
	char text[ADDRESS];
	const char *colon;

	if (!*field(event, name, text, sizeof(text)))
		field(event, newer, text, sizeof(text));
	colon = strrchr(text, ':');
	return colon ? atoi(colon + 1) : 0;
}

/* An answer to a packet, in whatever task it arrived, is no reset of the task's. */
static void note_reset(const struct event *event)
{
	char packet[ADDRESS];
	struct task *task;

	field(event, "skbaddr", packet, sizeof(packet));
	if (strtoull(packet, NULL, 16))
		return;
	task = new_task(event->pid);
	if (!task)
		return;
	task->sport = port(event, "saddr", "src");
	task->dport = port(event, "daddr", "dest");
}

static struct task take_task(int pid)
{
	struct task *task = task_of(pid), taken = { 0 };

	if (task) {
		taken = *task;
		task->pid = 0;
	}
	return taken;
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

static bool deadline_passed(const struct event *event, const struct task *task)
{
	char how[16];

	return !strcmp(field(event, "how", how, sizeof(how)), "linger") &&
	       task->sport && task->sport == value(event, "sport") &&
	       task->dport == value(event, "dport");
}

static const char *result(const struct event *event, const struct task *task,
			  char *text, size_t size)
{
	int error = value(event, "err");

	switch (-error) {
	case 0:
		return deadline_passed(event, task) ? "reset" : "closed";
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
	struct task task = take_task(event->pid);

	format_time(event->seconds, clock, sizeof(clock));
	format_peer(event, peer, sizeof(peer));
	printf("%s %7d %-15s %4lld %-22s %-8s %10.6f %5u %s\n", clock, event->pid,
	       event->comm, value(event, "fd"), peer,
	       field(event, "how", how, sizeof(how)), value(event, "nsecs") / 1e9,
	       task.calls, result(event, &task, text, sizeof(text)));
	stat_flush();
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
	if (!strcmp(name, "tcp_send_reset"))
		note_reset(&event);
	if (!strcmp(name, "winsock_cancel"))
		note_cancelled(&event);
	if (strcmp(name, "winsock_close"))
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
	stat_flush();
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
