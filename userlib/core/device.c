// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The descriptor of /dev/winsock.
 *
 * It shares the descriptor table with the application, which may close it, for
 * example by closefrom(3), and open something else with the same number.  The device
 * is then opened again, and the old descriptor, which is the application's now, is
 * not closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"
#include "part.h"

/* ws_device is written under device_lock and read without it. */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic int ws_device = -1;
/* Set between ws_device_open() and ws_device_close(): reopening is allowed. */
static bool in_use;

const struct ws_part ws_device_part = {
	.lock = &device_lock,
};

/* The module's ABI version; -1 if @fd does not refer to the device. */
int ws_device_version(int fd)
{
	uint32_t version = 0;

	return fd >= 0 && !ioctl(fd, WINSOCK_IOC_VERSION, &version) ?
	       (int)version : -1;
}

/* Each version is compatible with the earlier ones. */
static bool is_device(int fd)
{
	return ws_device_version(fd) > 0;
}

/* Under device_lock. */
static int open_device(void)
{
	int fd = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && !is_device(fd)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		return -1;
	atomic_store(&ws_device, fd);
	return 0;
}

/* 0, or -1 if the module is not loaded or has another ABI (G3). */
int ws_device_open(void)
{
	int ret;

	pthread_mutex_lock(&device_lock);
	ret = is_device(atomic_load(&ws_device)) ? 0 : open_device();
	in_use = !ret;
	pthread_mutex_unlock(&device_lock);
	return ret;
}

void ws_device_close(void)
{
	int fd;

	pthread_mutex_lock(&device_lock);
	in_use = false;
	fd = atomic_exchange(&ws_device, -1);
	if (is_device(fd))
		close(fd);
	pthread_mutex_unlock(&device_lock);
}

/* 0 or an errno. */
static int reopen(int lost)
{
	int err = 0;

	pthread_mutex_lock(&device_lock);
	if (!in_use)
		err = EBADF;
	else if (atomic_load(&ws_device) == lost && open_device())
		err = ENETDOWN;
	pthread_mutex_unlock(&device_lock);
	return err;
}

/*
 * @lost may no longer be the device.  Or it still is, and EBADF refers to the socket
 * in @arg.
 */
int ws_device_ioctl_again(int lost, unsigned long request, void *arg)
{
	int err = errno;
	bool found = is_device(lost);

	if (!found)
		err = reopen(lost);
	if (found || err) {
		errno = err;
		return -1;
	}
	return ioctl(atomic_load(&ws_device), request, arg);
}
