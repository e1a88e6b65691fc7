/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Newer architectures, arm64 for one, do not have the oldest system calls; these
 * are the ones that their C library makes for poll(), epoll_wait() and pause().
 */
#ifndef SYSCALL_NR_H
#define SYSCALL_NR_H

#include <endian.h>
#include <stddef.h>
#include <sys/syscall.h>

/* Where in struct seccomp_data the lower half of an argument is. */
#define SECCOMP_ARG(n)	(offsetof(struct seccomp_data, args[n]) + \
			 (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0))

#ifndef SYS_accept
#define SYS_accept	SYS_accept4
#endif
#ifndef SYS_poll
#define SYS_poll	SYS_ppoll
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait	SYS_epoll_pwait
#endif
#ifndef SYS_pause
#define SYS_pause	SYS_ppoll
#endif

/*
 * without_time64 - the number by which the tests know a system call
 *
 * Where time_t had 32 bits, the C library makes a second form of the call.
 */
static inline long without_time64(long nr)
{
	switch (nr) {
#ifdef SYS_ppoll_time64
	case SYS_ppoll_time64:
		return SYS_ppoll;
	case SYS_pselect6_time64:
		return SYS_pselect6;
	case SYS_recvmmsg_time64:
		return SYS_recvmmsg;
	case SYS_futex_time64:
		return SYS_futex;
	case SYS_clock_nanosleep_time64:
		return SYS_clock_nanosleep;
#endif
	default:
		return nr;
	}
}

#endif
