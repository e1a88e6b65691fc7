// SPDX-License-Identifier: LGPL-2.1-or-later
/* See memory.h. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"

#define WORD	8	/* the kernel's set of signals */

/*
 * rt_sigprocmask(2) fetches the set before it refuses an unknown way to apply
 * it, and no filter forbids it.  Aligned, the set is in one page.
 */
static bool is_readable_at(uintptr_t at)
{
	at &= ~(uintptr_t)(WORD - 1);
	return !syscall(SYS_rt_sigprocmask, ~0, at, NULL, WORD) || errno != EFAULT;
}

/* Changes errno.  @size is less than a page. */
bool ws_is_readable(const void *mem, size_t size)
{
	uintptr_t at = (uintptr_t)mem;

	if (ws_is_near_null(mem))	/* no set at all is readable, too */
		return false;
	return !size || (is_readable_at(at) && is_readable_at(at + size - 1));
}

/* False with EFAULT. */
bool ws_copy_in(void *to, const void *from, size_t size)
{
	if (!ws_is_readable(from, size)) {
		errno = EFAULT;
		return false;
	}
	memcpy(to, from, size);
	return true;
}
