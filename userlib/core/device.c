// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The descriptor of /dev/winsock.
 *
 * It is one number among the application's, who may close it (closefrom(3)) and
 * get it again for something else.  Then it is opened once more, and the old
 * number is left alone: it is not ours.
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

/* The number is read without. */
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic int ws_device = -1;
/* From ws_device_open() to ws_device_close(): it may be opened again. */
static bool in_use;

const struct ws_part ws_device_part = {
	.lock = &device_lock,
};

/* The module's version of the ABI; -1 if @fd is no descriptor of its device. */
int ws_device_version(int fd)
{
	uint32_t version = 0;

	return fd >= 0 && !ioctl(fd, WINSOCK_IOC_VERSION, &version) ?
	       (int)version : -1;
}

/* Each version keeps what the ones before it promise. */
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

/* 0, or -1 if the module is not there or speaks another ABI (G3). */
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

/* @lost was not the device, it seems.  EBADF may well speak of the socket in @arg. */
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
