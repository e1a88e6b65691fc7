// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device is opened when it is first needed, and anew if a system call that
 * the library did not see has closed it.  The way to the keeper is inherited.
 * Both are the last of a table of descriptors that has not grown: programs expect
 * the lowest numbers for what they open themselves, and a larger table makes
 * fork(2), and the module's search for a file, dearer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own.h"

#define NOT_OPEN	(-1)
#define ABSENT		(-2)	/* there is no such device */

static _Atomic int device = NOT_OPEN;
static _Atomic int channel = NOT_OPEN;
static unsigned long channel_inode;
static bool reports;

int run_plain_close(int fd)
{
	return syscall(SYS_close, fd);
}

bool run_is_own(int fd)
{
	return fd >= 0 && (fd == atomic_load_explicit(&device, memory_order_relaxed) ||
			   fd == atomic_load_explicit(&channel, memory_order_relaxed));
}

long run_own_between(unsigned int first, unsigned int last)
{
	const int own[] = { atomic_load(&device), atomic_load(&channel) };
	long lowest = -1;
	unsigned int i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (own[i] < 0 || own[i] < (long)first || own[i] > (long)last)
			continue;
		if (lowest < 0 || own[i] < lowest)
			lowest = own[i];
	}
	return lowest;
}

static int high_number(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < RUN_NUMBERS_END)
		return 0;
	return RUN_NUMBERS;
}

int run_copy(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, high_number());
}

void run_own_move(int fd)
{
	if (fd == atomic_load(&device))
		atomic_store(&device, run_copy(fd));
	else if (fd == atomic_load(&channel))
		atomic_store(&channel, fcntl(fd, F_DUPFD, high_number()));
}

static int open_device(void)
{
	int low = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	int fd, other = NOT_OPEN;

	if (low < 0) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM)
			atomic_store(&device, ABSENT);
		return -1;
	}
	fd = run_copy(low);
	if (fd < 0)
		fd = low;
	else
		run_plain_close(low);
	/* Another thread, or a signal handler, may have been faster. */
	if (atomic_compare_exchange_strong(&device, &other, fd))
		return fd;
	run_plain_close(fd);
	return other;
}

static bool is_device(int fd)
{
	uint32_t version;

	return !ioctl(fd, WINSOCK_IOC_VERSION, &version) &&
	       version == WINSOCK_ABI_VERSION;
}

int run_device_ioctl(unsigned long request, void *arg)
{
	int tries, fd, ret;

	for (tries = 0; tries < 2; tries++) {
		fd = atomic_load(&device);
		if (fd == NOT_OPEN)
			fd = open_device();
		if (fd < 0)
			break;
		ret = ioctl(fd, request, arg);
		if (ret >= 0)
			return ret;
		ret = -errno;
		/* Words of its own; any other may be somebody else's. */
		if (ret == -EAGAIN || ret == -EINTR || ret == -ENOTSOCK ||
		    is_device(fd))
			return ret;
		atomic_compare_exchange_strong(&device, &fd, NOT_OPEN);
	}
	return -ENETDOWN;
}

static bool is_channel(int fd)
{
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISSOCK(st.st_mode) &&
	       st.st_ino == channel_inode;
}

void run_channel_set(const char *value)
{
	int fd, report;

	if (sscanf(value, "%d:%lu:%d", &fd, &channel_inode, &report) != 3 ||
	    !is_channel(fd))
		return;
	atomic_store(&channel, fd);
	reports = report;
}

bool run_channel_reports(void)
{
	return reports;
}

int run_channel_send(const struct run_message *message, int fd)
{
	int to = atomic_load(&channel);

	return is_channel(to) ? run_pass(to, message, sizeof(*message), fd) : -ENOTCONN;
}
