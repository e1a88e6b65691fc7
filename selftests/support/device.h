/* SPDX-License-Identifier: GPL-2.0 */
/* The calls under test, on the raw kernel ABI: 0, a descriptor, or -errno. */
#ifndef WINSOCK_TEST_DEVICE_H
#define WINSOCK_TEST_DEVICE_H

#include <linux/winsock.h>

extern int winsock_device;
void winsock_open(void);
int ioc_socket(int domain, int type, int protocol);
int ioc_closesocket(int fd);
int ioc_closesocket_pending(int fd, unsigned int pending);
/* A close with a deadline; the second wants its outcome, under this cookie. */
int ioc_close_deadline(int fd, unsigned int ms);
int ioc_close_report(int fd, unsigned int ms, __u64 cookie);
/* The next outcome of this device, when it is there. */
struct winsock_outcome outcome_next(int device);
int winsock_attach(int fd);
/* close(2), as the control */
int native_close(int fd);

/* WINSOCK_SO_RESET_DISCARDS: 0 or -errno, and what it is */
int set_reset_discards(int fd, int on);
int get_reset_discards(int fd);

#endif
