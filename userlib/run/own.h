/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors of the preload library in a program that does not know of them:
 * the device, and with a report the socket to the reporter.  To the program they are not open.
 *
 * Everything here may be called in a signal handler and in a child of vfork(2).
 */
#ifndef RUN_OWN_H
#define RUN_OWN_H

#include <stdbool.h>

#include "message.h"

int run_plain_close(int fd);
bool run_is_own(int fd);
/* The lowest of ours from @first to @last, or -1. */
long run_own_between(unsigned int first, unsigned int last);
/* The program is about to put something else under this number. */
void run_own_move(int fd);
/* A copy of @fd out of the program's way, or -1. */
int run_copy(int fd);

/* What ioctl(2) returned, or -errno; -ENETDOWN without the device, or without ioctl(2). */
int run_device_ioctl(unsigned long request, void *arg);

/* As the environment says. */
void run_channel_set(const char *value);
bool run_channel_reports(void);
/* At the end of the program: what has not been sent by then is counted all the same. */
void run_channel_end(void);
/* 0, or -errno, and the line is counted as missing if there is a report. */
int run_channel_send(struct run_message *message);

#endif
