/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The preload library's own descriptors: the device, and with a report the socket to
 * the reporter.  The program does not expect them; its calls on them fail with EBADF.
 *
 * Everything here may be called in a signal handler and in a child of vfork(2).
 */
#ifndef RUN_OWN_H
#define RUN_OWN_H

#include <stdbool.h>

#include "message.h"

int run_plain_close(int fd);
bool run_is_own(int fd);
/* The lowest own descriptor from @first to @last, or -1. */
long run_own_between(unsigned int first, unsigned int last);
/* The program is about to replace this descriptor: moves an own one. */
void run_own_move(int fd);
/* Duplicates @fd into the range of own descriptors, or -1. */
int run_copy(int fd);

/* The result of ioctl(2), or -errno; -ENETDOWN without the device or without ioctl(2). */
int run_device_ioctl(unsigned long request, void *arg);

/* Sets the descriptors to those named in the environment variable. */
void run_channel_set(const char *value);
bool run_channel_reports(void);
/* At the end of the program: sends the count of lines that could not be sent. */
void run_channel_end(void);
/* Returns 0 or -errno; on failure the line is counted as missing if there is a report. */
int run_channel_send(struct run_message *message);

#endif
