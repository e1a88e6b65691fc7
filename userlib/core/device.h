/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_DEVICE_H
#define WS_DEVICE_H

#include <errno.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

struct ws_part;

extern const struct ws_part ws_device_part;

/* The descriptor as it was opened, which may be closed since; -1 for none. */
extern _Atomic int ws_device;

int ws_device_open(void);
void ws_device_close(void);
int ws_device_version(int fd);
int ws_device_ioctl_again(int fd, unsigned long request, void *arg);

/*
 * As ioctl(2); ENETDOWN if the device cannot be opened again (G3), EBADF after
 * WSACleanup(), which has closed all sockets.
 */
static inline int ws_device_ioctl(unsigned long request, void *arg)
{
	int fd = atomic_load_explicit(&ws_device, memory_order_relaxed);
	int ret = ioctl(fd, request, arg);

	if (ret >= 0 || (errno != EBADF && errno != ENOTTY))
		return ret;
	return ws_device_ioctl_again(fd, request, arg);
}

#endif
