// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device is opened when it is first needed, and again if a system call that the
 * library did not see has closed it.  With a report it is inherited, like the socket
 * to the reporter: the reporter reads outcomes from that open file.
 * Both have the highest descriptors of the smallest table (64): programs expect the
 * lowest ones for the files that they open, and a larger table would make fork(2) and
 * the module's search for a file more expensive.
 *
 * A stored descriptor has to be verified before it is used: after such a system call it
 * may be the program's, and a child of vfork(2) stores its own in its parent's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "next.h"
#include "high_fd.h"
#include "own.h"

#define NOT_OPEN	(-1)
#define ABSENT		(-2)	/* there is no device, or ioctl(2) is not allowed */

#define REPORT_WAIT_MS	100	/* for room in the socket, if the reporter is slow */

static _Atomic int device = NOT_OPEN;
static _Atomic unsigned long device_rdev;
static _Atomic bool device_inherited;
static _Atomic int channel = NOT_OPEN;
static unsigned long channel_inode;
static _Atomic unsigned int missing;

enum owner {
	OURS,
	NOT_OURS,
	UNKNOWN,	/* fstat(2) is not allowed */
};

int run_plain_close(int fd)
{
	return run_next()->libc_syscall(SYS_close, fd);
}

static enum owner owner_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return errno == EBADF ? NOT_OURS : UNKNOWN;
	if (S_ISCHR(st.st_mode) && st.st_rdev == atomic_load(&device_rdev))
		return OURS;
	if (S_ISSOCK(st.st_mode) && st.st_ino == channel_inode)
		return OURS;
	return NOT_OURS;
}

static bool is_ours(_Atomic int *own, int fd)
{
	int saved = errno;
	enum owner owner;

	if (fd != atomic_load_explicit(own, memory_order_relaxed))
		return false;
	owner = owner_of(fd);
	errno = saved;
	if (owner == NOT_OURS)
		atomic_compare_exchange_strong(own, &fd, NOT_OPEN);
	return owner == OURS;
}

bool run_is_own(int fd)
{
	return fd >= 0 && !run_filter_forbids() &&
	       (is_ours(&device, fd) || is_ours(&channel, fd));
}

long run_own_between(unsigned int first, unsigned int last)
{
	const int own[] = { atomic_load(&device), atomic_load(&channel) };
	long lowest = -1;
	unsigned int i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (own[i] < 0 || (unsigned int)own[i] < first ||
		    (unsigned int)own[i] > last || !run_is_own(own[i]))
			continue;
		if (lowest < 0 || own[i] < lowest)
			lowest = own[i];
	}
	return lowest;
}

int run_copy(int fd)
{
	return run_copy_high(fd, F_DUPFD_CLOEXEC, RUN_HIGH_FD);
}

static int copy_for_children(int fd)
{
	return run_copy_high(fd, F_DUPFD, RUN_HIGH_FD);
}

void run_own_move(int fd)
{
	int saved = errno;

	if (fd == atomic_load(&device))
		atomic_store(&device, atomic_load(&device_inherited) ? copy_for_children(fd) :
								       run_copy(fd));
	else if (fd == atomic_load(&channel))
		atomic_store(&channel, copy_for_children(fd));
	errno = saved;
}

static int open_device(void)
{
	int low = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	int fd, other = NOT_OPEN;
	struct stat st;

	if (low < 0) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM)
			atomic_store(&device, ABSENT);
		return -1;
	}
	if (!atomic_load(&device_rdev) && !fstat(low, &st))
		atomic_store(&device_rdev, st.st_rdev);
	fd = run_copy(low);
	if (fd < 0)
		fd = low;
	else
		run_plain_close(low);
	/* Another thread or a signal handler may have opened it meanwhile. */
	if (atomic_compare_exchange_strong(&device, &other, fd)) {
		atomic_store(&device_inherited, false);
		return fd;
	}
	run_plain_close(fd);
	return other;
}

/* Does ioctl(2) reach the module, or does a filter reject it? */
static bool device_answers(int fd)
{
	uint32_t version;

	return !ioctl(fd, WINSOCK_IOC_VERSION, &version) &&
	       version >= RUN_ABI_NEEDED;
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
		/* Errors that only the module returns; others may be from another file. */
		if (ret == -EAGAIN || ret == -EINTR || ret == -ENOTSOCK)
			return ret;
		if (owner_of(fd) == NOT_OURS) {
			atomic_compare_exchange_strong(&device, &fd, NOT_OPEN);
			continue;
		}
		if (device_answers(fd))
			return ret;
		/* A filter rejects ioctl(2), and will again: treat the device as absent. */
		atomic_compare_exchange_strong(&device, &fd, ABSENT);
		break;
	}
	return -ENETDOWN;
}

void run_channel_set(const char *value)
{
	int fd, inherited, filters;
	unsigned long rdev;

	if (sscanf(value, "%d:%lu:%d:%lu:%d", &fd, &channel_inode, &inherited, &rdev,
		   &filters) != 5)
		return;
	run_filter_start(filters);
	if (fd < 0 || run_filter_forbids() || owner_of(fd) != OURS)
		return;
	atomic_store(&channel, fd);
	atomic_store(&device_rdev, rdev);
	if (owner_of(inherited) != OURS)
		return;
	atomic_store(&device, inherited);
	atomic_store(&device_inherited, true);
}

bool run_channel_reports(void)
{
	return atomic_load_explicit(&channel, memory_order_relaxed) >= 0;
}

static bool outcome_can_be_read(void)
{
	int fd = atomic_load(&device);

	return atomic_load(&device_inherited) && fd >= 0 && owner_of(fd) == OURS;
}

static int send_packet(int to, const struct run_message *message)
{
	ssize_t sent;

	do
		sent = send(to, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The report must not delay the program; lines that are left out are counted. */
static int send_or_count(int to, struct run_message *message)
{
	bool last = message->kind == RUN_NO_CLOSE;
	/* Not RUN_INSTEAD: the reporter counts a line that has begun and does not end. */
	bool line = message->kind == RUN_CLOSED || message->kind == RUN_BEGINS;
	struct pollfd room = { .fd = to, .events = POLLOUT };
	int err;

	message->missing = atomic_exchange(&missing, 0);
	err = send_packet(to, message);
	if (err == -EAGAIN && (!message->missing || last) && poll(&room, 1, REPORT_WAIT_MS) > 0)
		err = send_packet(to, message);
	if (err)
		atomic_fetch_add(&missing, message->missing + line);
	return err;
}

void run_channel_end(void)
{
	struct run_message message = { .kind = RUN_NO_CLOSE };

	if (atomic_load(&missing) && !run_filter_forbids())
		run_channel_send(&message);
}

int run_channel_send(struct run_message *message)
{
	int to = atomic_load(&channel);

	if (to < 0 || owner_of(to) != OURS)
		return -ENOTCONN;
	if (message->kind == RUN_BEGINS && !outcome_can_be_read()) {
		atomic_fetch_add(&missing, 1);
		return -ENOTCONN;
	}
	return send_or_count(to, message);
}
