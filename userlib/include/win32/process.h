/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads as the C library of Windows starts them, by WinPR's CreateThread(). */
#ifndef _WINSOCK_PROCESS_H
#define _WINSOCK_PROCESS_H

#include <windows.h>

static inline uintptr_t _beginthreadex(void *security, unsigned int stack,
				       unsigned int (*start)(void *), void *arg,
				       unsigned int flags, unsigned int *id)
{
	DWORD number = 0;
	HANDLE thread = CreateThread((LPSECURITY_ATTRIBUTES)security, stack,
				     (LPTHREAD_START_ROUTINE)start, arg, flags,
				     &number);

	if (id)
		*id = number;
	return (uintptr_t)thread;
}

static inline void _endthreadex(unsigned int code)
{
	ExitThread(code);
}

#endif /* _WINSOCK_PROCESS_H */
