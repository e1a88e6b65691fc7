/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included by winsock2.h after its functions.  A WSAEVENT is the number of a
 * descriptor, and WinPR's HANDLE a pointer.  Both kinds of events are
 * eventfd(2)'s, and either may be given to the functions of the other.  WinPR
 * has no events that reset themselves: those are made here, and are a number
 * too, with a bit set.
 */
#ifndef _WINSOCK_OBJECTS_H
#define _WINSOCK_OBJECTS_H

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Numbers below 0x10000 are no pointers: Linux lets nobody map memory there. */
#define WINSOCK_AUTO_RESET	0x8000

static inline int winsock_is_event(HANDLE handle)
{
	return (uintptr_t)handle != 0 && (uintptr_t)handle < 0x10000;
}

static inline int winsock_is_auto(HANDLE handle)
{
	return winsock_is_event(handle) && ((uintptr_t)handle & WINSOCK_AUTO_RESET);
}

static inline int winsock_auto_fd(HANDLE handle)
{
	return (int)((uintptr_t)handle & ~(uintptr_t)WINSOCK_AUTO_RESET);
}

static inline HANDLE winsock_create_event(BOOL manual, BOOL set)
{
	int fd;

	if (manual)
		return CreateEventA(NULL, manual, set, NULL);
	fd = eventfd(set ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd >= WINSOCK_AUTO_RESET) {
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		SetLastError(ERROR_TOO_MANY_OPEN_FILES);
		return NULL;
	}
	return (HANDLE)((uintptr_t)fd | WINSOCK_AUTO_RESET);
}

/* Names are for events of several processes, which WinPR does not have. */
static inline HANDLE winsock_CreateEventA(LPSECURITY_ATTRIBUTES security,
					  BOOL manual, BOOL set, LPCSTR name)
{
	(void)security;
	if (name) {
		SetLastError(ERROR_NOT_SUPPORTED);
		return NULL;
	}
	return winsock_create_event(manual, set);
}

static inline HANDLE winsock_CreateEventW(LPSECURITY_ATTRIBUTES security,
					  BOOL manual, BOOL set, LPCWSTR name)
{
	(void)security;
	if (name) {
		SetLastError(ERROR_NOT_SUPPORTED);
		return NULL;
	}
	return winsock_create_event(manual, set);
}

/* What the library takes for an event: of what is not one, it says so. */
static inline WSAEVENT winsock_to_event(HANDLE handle)
{
	int fd;

	if (winsock_is_auto(handle))
		return (WSAEVENT)(intptr_t)winsock_auto_fd(handle);
	if ((uintptr_t)handle < 0x10000 || handle == INVALID_HANDLE_VALUE)
		return handle;
	fd = GetEventFileDescriptor(handle);
	return fd < 0 ? WSA_INVALID_EVENT : (WSAEVENT)(intptr_t)fd;
}

static inline BOOL winsock_SetEvent(HANDLE handle)
{
	if (winsock_is_auto(handle))
		return !eventfd_write(winsock_auto_fd(handle), 1);
	return winsock_is_event(handle) ? WSASetEvent(handle) : SetEvent(handle);
}

/* Of an event that resets itself: whether it was set. */
static inline int winsock_take(HANDLE handle)
{
	eventfd_t value;

	return !eventfd_read(winsock_auto_fd(handle), &value);
}

static inline BOOL winsock_ResetEvent(HANDLE handle)
{
	if (winsock_is_auto(handle)) {
		winsock_take(handle);
		return TRUE;
	}
	return winsock_is_event(handle) ? WSAResetEvent(handle) : ResetEvent(handle);
}

static inline BOOL winsock_CloseHandle(HANDLE handle)
{
	if (winsock_is_auto(handle))
		return !close(winsock_auto_fd(handle));
	return winsock_is_event(handle) ? WSACloseEvent(handle) : CloseHandle(handle);
}

static inline BOOL winsock_close_event(WSAEVENT event)
{
	return winsock_CloseHandle(event);
}

/*
 * A wait has ended with @which, or with all of @count: resets those that reset
 * themselves.  Returns 0 if another thread has been faster.
 */
static inline int winsock_take_all(DWORD count, const HANDLE *handles, BOOL all,
				   DWORD which)
{
	DWORD i;

	if (!all)
		return which >= count || !winsock_is_auto(handles[which]) ||
		       winsock_take(handles[which]);
	if (which >= count)
		return 1;
	for (i = 0; i < count; i++)
		if (winsock_is_auto(handles[i]) && !winsock_take(handles[i]))
			break;
	if (i == count)
		return 1;
	while (i-- > 0)
		if (winsock_is_auto(handles[i]))
			eventfd_write(winsock_auto_fd(handles[i]), 1);
	return 0;
}

static inline DWORD winsock_time_left(DWORD timeout, ULONGLONG start)
{
	ULONGLONG gone = GetTickCount64() - start;

	if (timeout == INFINITE)
		return INFINITE;
	return gone < timeout ? timeout - (DWORD)gone : 0;
}

/* What WinPR can wait for. */
static inline HANDLE winsock_to_object(HANDLE handle)
{
	if (!winsock_is_event(handle))
		return handle;
	handle = winsock_to_event(handle);
	return CreateFileDescriptorEventA(NULL, TRUE, FALSE,
					  WINSOCK_EVENT_FD(handle), WINPR_FD_READ);
}

static inline DWORD winsock_WaitForMultipleObjects(DWORD count,
						   const HANDLE *handles,
						   BOOL all, DWORD timeout)
{
	HANDLE objects[MAXIMUM_WAIT_OBJECTS];
	ULONGLONG start = GetTickCount64();
	DWORD i, error, ret = WAIT_FAILED;

	if (count > MAXIMUM_WAIT_OBJECTS || !handles)
		return WaitForMultipleObjects(count, handles, all, timeout);
	for (i = 0; i < count; i++) {
		objects[i] = winsock_to_object(handles[i]);
		if (!objects[i])
			break;
	}
	if (i == count) {
		do {
			ret = WaitForMultipleObjects(count, objects, all,
						     winsock_time_left(timeout, start));
		} while (!winsock_take_all(count, handles, all, ret - WAIT_OBJECT_0));
	} else {
		SetLastError(ERROR_INVALID_HANDLE);
	}
	error = GetLastError();
	/* The descriptor stays open: it is not WinPR's. */
	while (i-- > 0)
		if (objects[i] != handles[i])
			CloseHandle(objects[i]);
	SetLastError(error);
	return ret;
}

static inline DWORD winsock_WaitForSingleObject(HANDLE handle, DWORD timeout)
{
	if (!winsock_is_event(handle))
		return WaitForSingleObject(handle, timeout);
	return winsock_WaitForMultipleObjects(1, &handle, FALSE, timeout);
}

static inline DWORD winsock_wait_for_events(DWORD count, const WSAEVENT *events,
					    BOOL all, DWORD timeout,
					    BOOL alertable)
{
	WSAEVENT own[WSA_MAXIMUM_WAIT_EVENTS];
	ULONGLONG start = GetTickCount64();
	DWORD i, ret;

	if (count > WSA_MAXIMUM_WAIT_EVENTS || !events)
		return WSAWaitForMultipleEvents(count, events, all, timeout,
						alertable);
	for (i = 0; i < count; i++)
		own[i] = winsock_to_event(events[i]);
	do {
		ret = WSAWaitForMultipleEvents(count, own, all,
					       winsock_time_left(timeout, start),
					       alertable);
	} while (!winsock_take_all(count, events, all, ret - WSA_WAIT_EVENT_0));
	return ret;
}

static inline int winsock_event_select(SOCKET s, WSAEVENT event, long mask)
{
	return WSAEventSelect(s, winsock_to_event(event), mask);
}

static inline int winsock_enum_events(SOCKET s, WSAEVENT event,
				      WSANETWORKEVENTS *events)
{
	return WSAEnumNetworkEvents(s, winsock_to_event(event), events);
}

#define CreateEventA			winsock_CreateEventA
#define CreateEventW			winsock_CreateEventW
#define SetEvent			winsock_SetEvent
#define ResetEvent			winsock_ResetEvent
#define CloseHandle			winsock_CloseHandle
#define WaitForSingleObject		winsock_WaitForSingleObject
#define WaitForMultipleObjects		winsock_WaitForMultipleObjects
#define WSASetEvent			winsock_SetEvent
#define WSAResetEvent			winsock_ResetEvent
#define WSACloseEvent			winsock_close_event
#define WSAWaitForMultipleEvents	winsock_wait_for_events
#define WSAEventSelect			winsock_event_select
#define WSAEnumNetworkEvents		winsock_enum_events

#endif /* _WINSOCK_OBJECTS_H */
