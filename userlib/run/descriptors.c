// SPDX-License-Identifier: LGPL-2.1-or-later
/* The open descriptors of the program. */
#include <dirent.h>
#include <fcntl.h>

#include "descriptors.h"
#include "own.h"

/* -1 for "." and "..". */
static long number_of(const char *name)
{
	long n = 0;

	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		n = 10 * n + *name - '0';
	}
	return n;
}

/* @last may be ~0U, which a long of 32 bits does not hold. */
static bool is_between(long fd, unsigned int first, unsigned int last)
{
	return fd >= 0 && (unsigned long)fd >= first && (unsigned long)fd <= last;
}

void run_each_descriptor(unsigned int first, unsigned int last, void (*act)(int fd))
{
	/* Not /proc/self: a thread may have a descriptor table of its own. */
	int dir = open("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[2048] __attribute__((aligned(8)));
	const struct dirent64 *entry;
	ssize_t got, at;
	long fd;

	if (dir < 0)
		return;
	/* The offset in this directory is a descriptor, so closing some skips none. */
	while ((got = getdents64(dir, buf, sizeof(buf))) > 0) {
		for (at = 0; at < got; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(buf + at);
			fd = number_of(entry->d_name);
			if (is_between(fd, first, last) && fd != dir &&
			    !run_is_own(fd))
				act(fd);
		}
	}
	run_plain_close(dir);
}
