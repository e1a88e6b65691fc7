// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * WinPR's functions and the numbers of descriptors that stand for events.  There
 * is no module here to make them of: eventfd(2) does.  See check.sh.
 */
#include <windows.h>
#include <process.h>
#include <tchar.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

static CRITICAL_SECTION lock;
static int entered;

static DWORD WINAPI set_event(LPVOID event)
{
	EnterCriticalSection(&lock);
	entered++;
	LeaveCriticalSection(&lock);
	Sleep(20);
	eventfd_write((int)(intptr_t)event, 1);
	return 7;
}

static unsigned int __stdcall end_at_once(void *arg)
{
	return arg ? 8 : 0;
}

int _tmain(int argc, TCHAR **argv)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	HANDLE waits[2], thread, manual;
	eventfd_t value;
	DWORD code = 0;
	(void)argv;

	waits[0] = (HANDLE)(intptr_t)fd;
	waits[1] = CreateEvent(NULL, FALSE, FALSE, NULL);
	manual = CreateEvent(NULL, TRUE, TRUE, NULL);
	InitializeCriticalSection(&lock);
	if (!manual || WaitForSingleObject(manual, 0) != WAIT_OBJECT_0 ||
	    WaitForSingleObject(manual, 0) != WAIT_OBJECT_0 || !ResetEvent(manual) ||
	    WaitForSingleObject(manual, 0) != WAIT_TIMEOUT)
		return 11;
	if (fd < 0 || !waits[1] || argc < 1)
		return 1;
	if (WaitForMultipleObjects(2, waits, FALSE, 10) != WAIT_TIMEOUT ||
	    WaitForSingleObject(waits[0], 10) != WAIT_TIMEOUT)
		return 2;

	thread = CreateThread(NULL, 0, set_event, waits[0], 0, NULL);
	if (!thread || WaitForMultipleObjects(2, waits, FALSE, INFINITE) != WAIT_OBJECT_0)
		return 3;
	/* It stays set, and the descriptor open. */
	if (WaitForSingleObject(waits[0], 0) != WAIT_OBJECT_0 || fcntl(fd, F_GETFD) < 0)
		return 4;
	if (WaitForSingleObject(thread, INFINITE) != WAIT_OBJECT_0 ||
	    !GetExitCodeThread(thread, &code) || code != 7 || entered != 1 ||
	    !CloseHandle(thread))
		return 5;
	eventfd_read(fd, &value);
	SetEvent(waits[1]);
	/* Not both: the one that is set stays so. */
	if (WaitForMultipleObjects(2, waits, TRUE, 10) != WAIT_TIMEOUT ||
	    WaitForSingleObject(waits[1], 0) != WAIT_OBJECT_0 ||
	    WaitForSingleObject(waits[1], 0) != WAIT_TIMEOUT)
		return 6;
	eventfd_write(fd, 1);
	SetEvent(waits[1]);
	if (WaitForMultipleObjects(2, waits, TRUE, 1000) != WAIT_OBJECT_0 ||
	    WaitForSingleObject(waits[1], 0) != WAIT_TIMEOUT)
		return 7;

	/* What the library is given of each: the same descriptor, or nothing. */
	if (winsock_to_event(waits[0]) != waits[0] ||
	    WINSOCK_EVENT_FD(winsock_to_event(waits[1])) <= fd ||
	    WINSOCK_EVENT_FD(winsock_to_event(manual)) != GetEventFileDescriptor(manual) ||
	    winsock_to_event(NULL) != WSA_INVALID_EVENT)
		return 8;
	/* The library's own answer, of which WinPR has a function of that name too. */
	WSASetLastError(0);
	if (WSAWaitForMultipleEvents(2, waits, FALSE, 0, FALSE) != WSA_WAIT_FAILED ||
	    WSAGetLastError() != WSANOTINITIALISED || CloseHandle(waits[0]) ||
	    !WSACloseEvent(waits[1]) || !CloseHandle(manual) ||
	    CreateEvent(NULL, TRUE, FALSE, "name"))
		return 9;
	close(fd);

	thread = (HANDLE)_beginthreadex(NULL, 0, end_at_once, waits, 0, NULL);
	if (WaitForSingleObject(thread, INFINITE) != WAIT_OBJECT_0 ||
	    !GetExitCodeThread(thread, &code) || code != 8)
		return 10;
	CloseHandle(thread);
	DeleteCriticalSection(&lock);
	SetLastError(5);
	return GetLastError() != 5;
}
