// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Prints each close from the module's tracepoints, through a trace instance of its own,
 * which does not affect other users of tracefs and is removed at the end.
 */
#include <ctype.h>
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
#define PREFIX		"winsock-stat."
#define EVENTS		"winsock"

static const char * const roots[] = {
	"/sys/kernel/tracing",
	"/sys/kernel/debug/tracing",
};

/* The path of the trace instance once it exists, and its trace_pipe. */
static char instance[128];
static int trace_pipe = -1;

/**
 * struct event - a line of the trace: a close, or the outcome of one
 * @comm: of the task
 * @pid: of the task
 * @seconds: CLOCK_MONOTONIC
 * @fields: name=value, separated by spaces
 * @is_outcome: it is the outcome of a close with a deadline
 */
struct event {
	char comm[32];
	int pid;
	double seconds;
	const char *fields;
	bool is_outcome;
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
	put("events/" EVENTS "/enable", "0");
	if (trace_pipe >= 0)
		close(trace_pipe);
	if (rmdir(instance))
		warn("cannot remove %s", instance);
}

/*
 * Removes the instances of winsock-stat processes that were killed.  A process that
 * still runs has its trace_pipe open, so that the kernel refuses to remove its instance,
 * even if its process ID is of another PID namespace.
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
		if (pid != getpid() && (pid <= 0 || !kill(pid, 0) || errno != ESRCH))
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
	if (put("trace_clock", "mono") || put("events/" EVENTS "/enable", "1"))
		err(EXIT_FAILURE, "cannot watch the events " EVENTS " in %s", instance);
}

static void end(int sig)
{
	(void)sig;
}

/* Signals that end the program are delivered only during the wait. */
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

/* The last occurrence of @text before @end. */
static char *find_last(char *line, char *end, const char *text)
{
	size_t len = strlen(text);

	for (end -= len; end >= line; end--)
		if (!strncmp(end, text, len))
			return end;
	return NULL;
}

/* The trace buffer caches the names of a few tasks only. */
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
 * "  COMMAND-PID  [CPU] FLAGS SECONDS: winsock_close: FIELDS".  A command may contain any
 * characters, even a line of this form, so the line is parsed from its end.
 */
static bool parse(char *line, struct event *event)
{
	static const char closed[] = ": winsock_close: ", over[] = ": winsock_outcome: ";
	const char *name = closed;
	char *at, *cpu, *end = find_last(line, line + strlen(line), closed);

	at = find_last(line, line + strlen(line), over);
	event->is_outcome = at && (!end || at > end);
	if (event->is_outcome) {
		name = over;
		end = at;
	}
	if (!end)
		return false;
	at = find_last(line, end, " ");
	cpu = at ? find_last(line, at, " [") : NULL;
	if (!cpu)
		return false;
	event->seconds = atof(at);
	event->fields = end + strlen(name) - 1;
	*cpu = '\0';
	at = strrchr(line, '-');
	if (!at)
		return false;
	*at = '\0';
	event->pid = atoi(at + 1);
	snprintf(event->comm, sizeof(event->comm), "%s", line + strspn(line, " "));
	if (!strcmp(event->comm, "<...>"))
		look_up_name(event);
	for (at = event->comm; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	return true;
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

static const char *result(const struct event *event, const char *how,
			  char *text, size_t size)
{
	int error = value(event, "err");

	switch (-error) {
	case 0:
		return strcmp(how, "deadline") ? "closed" : "reset";
	case EWOULDBLOCK:
		return "refused";
	case EINTR:
		return "interrupted";
	}
	snprintf(text, size, "error %d", -error);
	return text;
}

/* The socket has no process any more; the name of the kernel thread is not printed. */
static void print_outcome(const struct event *event)
{
	char clock[32], peer[ADDRESS + 10], result[16], text[64];
	long long unacked = value(event, "unacked");

	format_time(event->seconds, clock, sizeof(clock));
	format_peer(event, peer, sizeof(peer));
	field(event, "result", result, sizeof(result));
	if (!strcmp(result, "deadline"))
		strcpy(result, "reset");
	snprintf(text, sizeof(text), "%s", result);
	if (unacked)
		snprintf(text, sizeof(text), "%s, %lld bytes missing", result, unacked);
	printf("%s %7s %-15s %4s %-22s %-10s %10.6f %5s %s\n", clock, "-", "-", "-", peer,
	       "outcome", value(event, "nsecs") / 1e9, "-", text);
	stat_flush();
}

static void print_close(const struct event *event)
{
	char clock[32], peer[ADDRESS + 10], how[16], text[32];

	format_time(event->seconds, clock, sizeof(clock));
	format_peer(event, peer, sizeof(peer));
	field(event, "how", how, sizeof(how));
	printf("%s %7d %-15s %4lld %-22s %-10s %10.6f %5lld %s\n", clock, event->pid,
	       event->comm, value(event, "fd"), peer, how, value(event, "nsecs") / 1e9,
	       value(event, "calls"), result(event, how, text, sizeof(text)));
	stat_flush();
}

/* Returns whether it was a close.  Messages of the kernel begin without a space. */
static bool print_line(char *line)
{
	const char *lost = strstr(line, " [LOST ");
	struct event event;

	if (lost && *line != ' ') {
		printf("... too many at once:%s\n", lost);
		stat_flush();
		return false;
	}
	if (!parse(line, &event))
		return false;
	if (event.is_outcome)
		print_outcome(&event);
	else
		print_close(&event);
	return !event.is_outcome;
}

/* Prints the complete lines; returns their length in bytes. */
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
	printf("%-15s %7s %-15s %4s %-22s %-10s %10s %5s %s\n", "TIME", "PID", "COMMAND",
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
