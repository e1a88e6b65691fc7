// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes the report without ever waiting for a reader. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

static bool is_kind(int fd, mode_t kind)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == kind;
}

static int open_again(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/*
 * For a pipe or a terminal, opens it again: O_NONBLOCK belongs to the open file, and the
 * program must not see it.  Any other file is duplicated, to share the file offset.
 */
static int open_stderr(void)
{
	int fd = -1;

	if (is_kind(STDERR_FILENO, S_IFIFO) || is_kind(STDERR_FILENO, S_IFCHR))
		fd = open_again(STDERR_FILENO, O_WRONLY);
	return fd < 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : fd;
}

int run_report_open(const char *name)
{
	const int flags = O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd;

	if (!name)
		return open_stderr();
	fd = open(name, O_WRONLY | flags, 0666);
	/* A FIFO without a reader yet: a later one finds the lines in it. */
	if (fd < 0 && errno == ENXIO)
		fd = open(name, O_RDWR | flags, 0666);
	return fd;
}

int run_report_keep_stderr(void)
{
	int kept = -1, writable;

	/* O_PATH only if it can be opened for writing later. */
	writable = open_again(STDERR_FILENO, O_WRONLY | O_APPEND);
	if (writable >= 0) {
		close(writable);
		kept = open_again(STDERR_FILENO, O_PATH);
	}
	return kept < 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : kept;
}

int run_report_reopen(int kept)
{
	if (kept < 0 || !(fcntl(kept, F_GETFL) & O_PATH))
		return kept;
	return open_again(kept, O_WRONLY | O_APPEND);
}

bool run_report_write(int fd, const char *line, size_t len)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	ssize_t written;

	written = send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (written < 0 && errno == ENOTSOCK) {
		if (poll(&room, 1, 0) != 1)
			return false;
		written = write(fd, line, len);
	}
	return written == (ssize_t)len;
}

unsigned long run_report_unread(int fd)
{
	struct pollfd pfd = { 0 };
	unsigned long lines = 0;
	char byte;

	if (!is_kind(fd, S_IFIFO) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return 0;
	/* With only this write end open, POLLERR shows whether there is another reader. */
	pfd.fd = open_again(fd, O_WRONLY);
	close(fd);
	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLERR))
		return 0;
	fd = open_again(pfd.fd, O_RDONLY);
	while (read(fd, &byte, 1) == 1)
		lines += byte == '\n';
	return lines;
}
