// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The reporter writes a line for each close: from the messages of the programs, and for
 * a close that they did not wait for, from the outcome that the module reports.
 *
 * There is one reporter for a program and all programs that it starts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/winsock.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "report.h"
#include "reporter.h"

#define MESSAGE_WAIT_MS	1000	/* for room for the only message */
#define OVERDUE_S	10	/* so long after the deadline no outcome is expected */
#define NSEC_PER_SEC	1000000000ULL
#define BUCKETS		1024
#define AT_ONCE		32	/* outcomes */

/* The reporter's descriptors. */
enum {
	CHANNEL = 3,
	DEVICE,
	REPORT,
	MESSAGES,
	OTHERS,
};

#define KEPT	(OTHERS - CHANNEL)

/* struct pending - a close whose outcome has not been read */
struct pending {
	struct pending *next;
	struct run_message message;
};

/**
 * struct awaited - closes whose outcomes have not been read
 * @bucket: hash table by cookie, oldest first
 * @count: the number of closes
 * @end: CLOCK_MONOTONIC in seconds; no outcome is expected after it
 */
static struct {
	struct pending *bucket[BUCKETS];
	unsigned long count;
	time_t end;
} awaited;

/**
 * struct lost - lines that are not in the report
 * @lines: the number of lines
 * @messages: where to report that, once there are any
 */
static struct {
	unsigned long lines;
	int messages;
} lost = { .messages = -1 };

static void count_lost(unsigned long lines)
{
	if (lines && !lost.lines)
		lost.messages = run_report_reopen(MESSAGES);
	lost.lines += lines;
}

static void write_line(const char *line, int len)
{
	count_lost(!run_report_write(REPORT, line, len));
}

static void write_heading(void)
{
	char line[256];
	int len;

	len = snprintf(line, sizeof(line), "%-15s %7s %4s %-22s %-10s %8s %s\n", "TIME",
		       "PID", "FD", "PEER", "DECISION", "SECONDS", "LOST");
	write_line(line, len);
}

/* At the end: reports how many lines are missing. */
static void write_lost(void)
{
	struct pollfd room = { .events = POLLOUT };
	char text[128];
	int len;

	count_lost(run_report_unread(REPORT));
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

	if (close->decision == RUN_HARD || close->decision == RUN_TIMEOUT ||
	    close->decision == RUN_BACKGROUND)
		unacked = close->unacked;
	if (close->decision == RUN_SHARED)
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

	strftime(clock, sizeof(clock), "%T", localtime_r(&when, &tm));
	format_peer(&close->peer, peer, sizeof(peer));
	format_lost(close, data, sizeof(data));
	len = snprintf(line, sizeof(line), "%s.%06llu %7d %4d %-22s %-10s %8.3f %s\n", clock,
		       (unsigned long long)close->when % NSEC_PER_SEC / 1000, close->pid,
		       close->fd, peer, decisions[close->decision], close->took / 1e9, data);
	write_line(line, len);
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void add_pending(const struct run_message *message)
{
	struct pending **at = &awaited.bucket[message->cookie % BUCKETS];
	struct pending *new = malloc(sizeof(*new));
	time_t end = seconds_now() + message->close.linger + OVERDUE_S;

	if (!new) {
		count_lost(1);
		return;
	}
	new->next = NULL;
	new->message = *message;
	while (*at)
		at = &(*at)->next;
	*at = new;
	awaited.count++;
	if (awaited.end < end)
		awaited.end = end;
}

/* False if there is no such close. */
static bool remove_pending(uint64_t cookie, struct run_close *close)
{
	struct pending **at = &awaited.bucket[cookie % BUCKETS];
	struct pending *found;

	while (*at && (*at)->message.cookie != cookie)
		at = &(*at)->next;
	found = *at;
	if (!found)
		return false;
	*close = found->message.close;
	*at = found->next;
	free(found);
	awaited.count--;
	return true;
}

static void handle(const struct run_message *message)
{
	struct run_close before;

	count_lost(message->missing);
	switch (message->kind) {
	case RUN_CLOSED:
		report(&message->close);
		break;
	case RUN_BEGINS:
		add_pending(message);
		break;
	case RUN_INSTEAD:
		if (remove_pending(message->cookie, &before))
			report(&message->close);
		break;
	}
}

/* Handles the messages that were sent; false once the socket has no other user. */
static bool receive_all(void)
{
	struct run_message message;
	ssize_t got;

	while ((got = recv(CHANNEL, &message, sizeof(message), MSG_DONTWAIT)) > 0)
		if (got == sizeof(message))
			handle(&message);
	return got < 0;
}

static void complete(struct run_close *close, const struct winsock_outcome *outcome)
{
	close->took += outcome->nsec;
	close->unacked = outcome->unacked;
	if (outcome->result == WINSOCK_STILL_SHARED)
		close->decision = RUN_SHARED;
	else if (outcome->result == WINSOCK_NOT_CONNECTED)
		close->decision = RUN_NATIVE;
	else if (outcome->result == WINSOCK_DEADLINE_RESET)
		close->decision = RUN_TIMEOUT;
	report(close);
}

static void read_outcomes(void)
{
	struct winsock_outcome got[AT_ONCE];
	struct run_close close;
	ssize_t size = read(DEVICE, got, sizeof(got));
	ssize_t i;

	for (i = 0; i < size / (ssize_t)sizeof(got[0]); i++) {
		if (!remove_pending(got[i].cookie, &close)) {
			/* RUN_BEGINS was sent before, and is in the socket. */
			receive_all();
			if (!remove_pending(got[i].cookie, &close))
				continue;
		}
		complete(&close, &got[i]);
	}
}

/* The timeout for poll(2): none as long as programs may begin further closes. */
static int time_to_wait(bool open)
{
	time_t now = seconds_now();

	if (open)
		return -1;
	return awaited.end > now ? (awaited.end - now) * 1000 : 0;
}

static void write_report(void)
{
	struct pollfd ready[] = {
		{ .fd = CHANNEL, .events = POLLIN },
		{ .fd = DEVICE, .events = POLLIN },
	};
	bool open = true;
	int n;

	write_heading();
	while (open || awaited.count) {
		n = poll(ready, 2, time_to_wait(open));
		if (!n)
			break;
		if (n < 0)
			continue;
		if (ready[1].revents)
			read_outcomes();
		if (ready[0].revents)
			open = receive_all();
		if (!open)
			ready[0].fd = -1;
	}
	count_lost(awaited.count);
	write_lost();
}

/* Leaves the terminal, and closes all inherited descriptors but those needed. */
static void detach_from_caller(int channel, int device, int to, int messages)
{
	int kept[KEPT] = { channel, device, to, messages };
	int null, i;

	setsid();
	/* A report whose reader has gone must not kill the reporter. */
	signal(SIGPIPE, SIG_IGN);
	if (chdir("/"))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "winsock-report");
	/* First move them out of the range that dup2() writes to. */
	null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, OTHERS);
	for (i = 0; i < KEPT; i++)
		kept[i] = fcntl(kept[i] < 0 ? null : kept[i], F_DUPFD, OTHERS);
	for (i = 0; i < KEPT; i++)
		dup2(kept[i], CHANNEL + i);
	for (i = 0; i < 3; i++)
		dup2(null, i);
	close_range(OTHERS, ~0U, 0);
}

int run_reporter(int device, int report, int messages)
{
	int ends[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return -1;
	pid = fork();
	if (!pid) {
		/* Fork twice, so that the reporter is not a child of the program. */
		pid = fork();
		if (pid)
			_exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
		detach_from_caller(ends[1], device, report, messages);
		write_report();
		_exit(EXIT_SUCCESS);
	}
	close(ends[1]);
	/* If SIGCHLD is ignored, waitpid() fails, and there is no status. */
	if (pid < 0 || (waitpid(pid, &status, 0) == pid && status)) {
		close(ends[0]);
		errno = EAGAIN;
		return -1;
	}
	return ends[0];
}
