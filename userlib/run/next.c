// SPDX-License-Identifier: LGPL-2.1-or-later
/* The functions of the next library in the search order. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "next.h"

static struct run_next next;
static atomic_bool known;

/* C has no conversion from an object pointer to a function pointer. */
static void look_up(void *function, void *library, const char *name)
{
	*(void **)function = dlsym(library, name);
}

static bool is_replaced(void *function, void *libc, const char *name)
{
	return libc && *(void **)function != dlsym(libc, name);
}

/* For a C library without close_range(3). */
static int close_range_by_number(unsigned int first, unsigned int last, int flags)
{
	return next.libc_syscall(SYS_close_range, first, last, flags);
}

static void look_up_all(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

	look_up(&next.socket, RTLD_NEXT, "socket");
	look_up(&next.accept, RTLD_NEXT, "accept");
	look_up(&next.accept4, RTLD_NEXT, "accept4");
	look_up(&next.close, RTLD_NEXT, "close");
	look_up(&next.dup2, RTLD_NEXT, "dup2");
	look_up(&next.dup3, RTLD_NEXT, "dup3");
	look_up(&next.close_range, RTLD_NEXT, "close_range");
	look_up(&next.closefrom, RTLD_NEXT, "closefrom");
	look_up(&next.fclose, RTLD_NEXT, "fclose");
	look_up(&next.prctl, RTLD_NEXT, "prctl");
	look_up(&next.syscall, RTLD_NEXT, "syscall");
	look_up(&next.libc_syscall, libc ? libc : RTLD_NEXT, "syscall");
	if (!next.close_range)
		next.close_range = close_range_by_number;
	next.socket_replaced = is_replaced(&next.socket, libc, "socket");
	next.close_replaced = is_replaced(&next.close, libc, "close");
}

const struct run_next *run_next(void)
{
	/* Two threads that race here write the same values. */
	if (!atomic_load_explicit(&known, memory_order_acquire)) {
		look_up_all();
		atomic_store_explicit(&known, true, memory_order_release);
	}
	return &next;
}
