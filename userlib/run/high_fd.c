// SPDX-License-Identifier: LGPL-2.1-or-later
/* Descriptors above those that the program expects to get. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "high_fd.h"

int run_copy_high(int fd, int cmd, int lowest)
{
	int copy = fcntl(fd, cmd, lowest);
	struct rlimit limit;

	/* EINVAL: @lowest is not below RLIMIT_NOFILE. */
	if (copy >= 0 || errno != EINVAL)
		return copy;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= RUN_HIGH_FD_ROOM)
		return fcntl(fd, cmd, 0);
	return fcntl(fd, cmd, (int)limit.rlim_cur - RUN_HIGH_FD_ROOM);
}
