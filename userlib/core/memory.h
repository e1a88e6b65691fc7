/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The application's memory, where the library and not the kernel uses it: on
 * Windows a wild pointer is WSAEFAULT (L15).
 */
#ifndef WS_MEMORY_H
#define WS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool ws_is_readable(const void *mem, size_t size);
bool ws_copy_in(void *to, const void *from, size_t size);

/* A number that was taken for a pointer: nothing is ever mapped there. */
static inline bool ws_is_near_null(const void *mem)
{
	return (uintptr_t)mem < 4096;
}

#endif
