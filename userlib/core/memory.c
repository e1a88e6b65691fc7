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

#define WORD	8	/* the size of the kernel's sigset_t */
/* Smaller than any stack, and than the gap the kernel leaves below the main one. */
#define STACK_DEPTH	(64 * 1024)

static bool is_between(uintptr_t here, uintptr_t at, size_t size, uintptr_t top)
{
	return here < top && top - here < STACK_DEPTH && at >= here && at < top &&
	       top - at >= size;
}

/*
 * The shortcut for the usual case, a local variable of a caller.  Everything is mapped
 * from this frame up to the end of the stack: to the thread's control block, or, on
 * the main thread's stack, to the data that the kernel put there at exec.
 */
static bool is_on_stack(uintptr_t at, size_t size)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return is_between(here, at, size, (uintptr_t)pthread_self()) ||
	       is_between(here, at, size, getauxval(AT_RANDOM));
}

/*
 * rt_sigprocmask(2) copies the set from user memory before it rejects an invalid
 * first argument, and seccomp filters allow it.  An aligned set is in one page.
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

	if (ws_is_near_null(mem))	/* the system call would accept NULL */
		return false;
	if (!size || is_on_stack(at, size))
		return true;
	return is_readable_at(at) && (at % WORD + size <= WORD ||
				      is_readable_at(at + size - 1));
}

/* Returns false with errno EFAULT if @from is not readable. */
bool ws_copy_in(void *to, const void *from, size_t size)
{
	if (!ws_is_readable(from, size)) {
		errno = EFAULT;
		return false;
	}
	memcpy(to, from, size);
	return true;
}
