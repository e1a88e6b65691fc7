/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_DEVICE_H
#define WS_DEVICE_H

int ws_device_open(void);
void ws_device_close(void);
int ws_device_version(int fd);
int ws_device_ioctl(unsigned long request, void *arg);
void ws_device_before_fork(void);
void ws_device_after_fork(void);

#endif
