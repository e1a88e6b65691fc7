// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * syscall(3) and prctl(2): programs use them instead of the replaced functions, and to
 * install seccomp filters.
 *
 * Both are variadic.  They are defined here with the full number of arguments, which the
 * calling conventions of all supported machines allow, and the headers that
 * declare them are not included.
 */
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "calls.h"
#include "filter.h"
#include "next.h"

static const void *filter_of(unsigned long mode, unsigned long filter_mode,
			     unsigned long program)
{
	return mode == filter_mode ? (const void *)program : NULL;
}

EXPORT int prctl(int option, unsigned long a, unsigned long b, unsigned long c,
		 unsigned long d)
{
	int ret;

	if (option != PR_SET_SECCOMP)
		return run_next()->prctl(option, a, b, c, d);
	run_filter_begin();
	ret = run_next()->prctl(option, a, b, c, d);
	run_filter_end(ret >= 0, filter_of(a, SECCOMP_MODE_FILTER, b));
	return ret;
}

static long install_filter(long operation, long flags, long program)
{
	long ret;

	run_filter_begin();
	ret = run_next()->syscall(SYS_seccomp, operation, flags, program);
	/* A positive result is the ID of a thread that prevents it, or a descriptor. */
	run_filter_end(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? ret >= 0 : !ret,
		       filter_of(operation, SECCOMP_SET_MODE_FILTER, program));
	return ret;
}

EXPORT long syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	switch (nr) {
	case SYS_socket:
		return socket(a, b, c);
	case SYS_close:
		return close(a);
#ifdef SYS_dup2
	case SYS_dup2:
		return dup2(a, b);
#endif
	case SYS_dup3:
		return dup3(a, b, c);
	case SYS_close_range:
		return close_range(a, b, c);
	case SYS_prctl:
		return prctl(a, b, c, d, e);
	case SYS_seccomp:
		if (a == SECCOMP_SET_MODE_FILTER || a == SECCOMP_SET_MODE_STRICT)
			return install_filter(a, b, c);
	}
	return run_next()->syscall(nr, a, b, c, d, e, f);
}
