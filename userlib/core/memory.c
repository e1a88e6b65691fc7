// SPDX-License-Identifier: LGPL-2.1-or-later
/* See memory.h. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"

#define WORD	8	/* the kernel's set of signals */
/* Less than any stack has, and than the kernel leaves free below the first one. */
#define STACK_DEPTH	(64 * 1024)

static bool is_between(uintptr_t here, uintptr_t at, size_t size, uintptr_t top)
{
	return here < top && top - here < STACK_DEPTH && at >= here && at < top &&
	       top - at >= size;
}

/*
 * Most values are variables of the callers.  From here up to the end of the stack
 * everything is mapped: up to the thread's descriptor, or to what the kernel has
 * put on the first thread's stack.
 */
static bool is_on_stack(uintptr_t at, size_t size)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return is_between(here, at, size, (uintptr_t)pthread_self()) ||
	       is_between(here, at, size, getauxval(AT_RANDOM));
}

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
	if (!size || is_on_stack(at, size))
		return true;
	return is_readable_at(at) && (at % WORD + size <= WORD ||
				      is_readable_at(at + size - 1));
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
