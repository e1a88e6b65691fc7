/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Newer architectures, arm64 for one, do not have the oldest system calls; these
 * are the ones that their C library makes for poll(), epoll_wait() and pause().
 */
#ifndef SYSCALL_NR_H
#define SYSCALL_NR_H

#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* Where in struct seccomp_data the lower half of an argument is. */
#define SECCOMP_ARG(n)	(offsetof(struct seccomp_data, args[n]) + \
			 (htole32(1) == 1 ? 0 : 4))

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
 * known_nr - the number by which the tests know a system call
 *
 * Where time_t had 32 bits, the C library makes a second form of the call; arm has a
 * recv(2) and a send(2).
 */
static inline long known_nr(long nr)
{
	switch (nr) {
#ifdef SYS_recv
	case SYS_recv:
		return SYS_recvfrom;
	case SYS_send:
		return SYS_sendto;
#endif
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

/*
 * syscall_in - the number, as above, in a line of /proc/PID/syscall
 *
 * s390x's C library makes most calls on sockets by way of socketcall(2).
 */
static inline long syscall_in(const char *line)
{
	char *args;
	long nr = strtol(line, &args, 10);

#ifdef SYS_socketcall
	if (nr != SYS_socketcall)
		return known_nr(nr);
	switch (strtol(args, NULL, 16)) {
	case 3:		/* SYS_CONNECT of linux/net.h, and so on */
		return SYS_connect;
	case 5:
	case 18:
		return SYS_accept4;
	case 9:
	case 11:
		return SYS_sendto;
	case 10:
	case 12:
		return SYS_recvfrom;
	case 16:
		return SYS_sendmsg;
	case 17:
		return SYS_recvmsg;
	case 19:
		return SYS_recvmmsg;
	case 20:
		return SYS_sendmmsg;
	}
#endif
	return known_nr(nr);
}

#endif
