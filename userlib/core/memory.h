/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access to the application's memory by the library itself: on Windows an invalid
 * pointer is WSAEFAULT (L15).
 */
#ifndef WS_MEMORY_H
#define WS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool ws_is_readable(const void *mem, size_t size);
bool ws_copy_in(void *to, const void *from, size_t size);

/* NULL, or a small integer passed as a pointer: nothing is mapped in that page. */
static inline bool ws_is_near_null(const void *mem)
{
	return (uintptr_t)mem < 4096;
}

#endif
