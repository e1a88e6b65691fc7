/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Newer architectures, arm64 for one, do not have the oldest system calls; these
 * are the ones that their C library makes for poll(), epoll_wait() and pause().
 */
#ifndef SYSCALL_NR_H
#define SYSCALL_NR_H

#include <sys/syscall.h>

#ifndef SYS_poll
#define SYS_poll	SYS_ppoll
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait	SYS_epoll_pwait
#endif
#ifndef SYS_pause
#define SYS_pause	SYS_ppoll
#endif

#endif
