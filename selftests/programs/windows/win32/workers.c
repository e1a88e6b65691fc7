// SPDX-License-Identifier: GPL-2.0
/*
 * workers.c - a thread per client, started and stopped with Win32 objects.
 *
 *   workers <clients>
 *
 * The main thread connects to itself, each worker echoes one line.  Everything
 * is waited for with WaitForMultipleObjects(): threads, a stop event, and the
 * network event of the listening socket.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <process.h>
#include <tchar.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CLIENTS 16

static CRITICAL_SECTION lock;
static volatile LONG served;
static HANDLE stopEvent;
static char name[MAX_PATH];

static void Fail(const char *what)
{
    EnterCriticalSection(&lock);
    fprintf(stderr, "%s: error %d (%lu)\n", what, WSAGetLastError(), (unsigned long)GetLastError());
    LeaveCriticalSection(&lock);
    ExitProcess(1);
}

static DWORD WINAPI Worker(LPVOID param)
{
    SOCKET s = (SOCKET)(ULONG_PTR)param;
    char buf[64];
    int n;

    while ((n = recv(s, buf, sizeof(buf), 0)) > 0)
        send(s, buf, n, 0);
    closesocket(s);
    InterlockedIncrement(&served);
    return 0;
}

static unsigned __stdcall Client(void *param)
{
    struct sockaddr_in *addr = (struct sockaddr_in *)param;
    SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    char buf[8];
    int n = 0, got;

    if (s == INVALID_SOCKET || connect(s, (SOCKADDR *)addr, sizeof(*addr)) == SOCKET_ERROR)
        Fail("connect");
    if (send(s, "hello\r\n", 7, 0) == SOCKET_ERROR)
        Fail("send");
    while (n < 7 && (got = recv(s, buf + n, 7 - n, 0)) > 0)
        n += got;
    shutdown(s, SD_SEND);
    closesocket(s);
    return n != 7;
}

int _tmain(int argc, TCHAR **argv)
{
    HANDLE workers[MAX_CLIENTS], clients[MAX_CLIENTS], waits[2], mixed[2];
    int i, started = 0, count = argc > 1 ? atoi(argv[1]) : 4, len;
    struct sockaddr_in addr;
    WSANETWORKEVENTS events;
    DWORD tick, code, id;
    unsigned tid;
    WSADATA data;
    u_long blocking = 0;
    SOCKET listener;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        fprintf(stderr, "WSAStartup failed\n");
        return 77;
    }
    InitializeCriticalSection(&lock);
    stopEvent = CreateEvent(NULL, TRUE, FALSE, NULL);
    waits[0] = WSACreateEvent();
    waits[1] = stopEvent;
    if (!stopEvent || !waits[0] || count < 1 || count > MAX_CLIENTS)
        return 2;

    /* Both kinds of events, before there is a socket. */
    mixed[0] = WSACreateEvent();
    mixed[1] = CreateEvent(NULL, FALSE, FALSE, NULL);
    tick = GetTickCount();
    if (WaitForMultipleObjects(2, mixed, FALSE, 50) != WAIT_TIMEOUT ||
        WSAWaitForMultipleEvents(2, mixed, FALSE, 50, FALSE) != WSA_WAIT_TIMEOUT ||
        GetTickCount() - tick < 90)
        return 3;
    WSASetEvent(mixed[0]);
    if (WaitForMultipleObjects(2, mixed, FALSE, INFINITE) != WAIT_OBJECT_0 ||
        WaitForMultipleObjects(2, mixed, TRUE, 10) != WAIT_TIMEOUT ||
        WaitForSingleObject(mixed[0], 0) != WAIT_OBJECT_0)
        return 4;
    ResetEvent(mixed[0]);
    SetEvent(mixed[1]);
    if (WSAWaitForMultipleEvents(2, mixed, FALSE, WSA_INFINITE, FALSE) != WSA_WAIT_EVENT_0 + 1 ||
        WSAWaitForMultipleEvents(2, mixed, FALSE, 0, FALSE) != WSA_WAIT_TIMEOUT ||
        !SetEvent(mixed[1]) || WaitForMultipleObjects(2, mixed, FALSE, 1000) != WAIT_OBJECT_0 + 1 ||
        WaitForSingleObject(mixed[1], 0) != WAIT_TIMEOUT)
        return 5;
    if (!CloseHandle(mixed[0]) || !WSACloseEvent(mixed[1]))
        return 6;

    listener = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    ZeroMemory(&addr, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(addr);
    if (bind(listener, (SOCKADDR *)&addr, len) || listen(listener, SOMAXCONN) ||
        getsockname(listener, (SOCKADDR *)&addr, &len))
        Fail("listen");
    if (WSAEventSelect(listener, waits[0], FD_ACCEPT))
        Fail("WSAEventSelect");

    for (i = 0; i < count; i++)
        clients[i] = (HANDLE)_beginthreadex(NULL, 0, Client, &addr, 0, &tid);
    while (started < count) {
        SOCKET s;

        if (WaitForMultipleObjects(2, waits, FALSE, 10000) != WAIT_OBJECT_0)
            Fail("WaitForMultipleObjects");
        if (WSAEnumNetworkEvents(listener, waits[0], &events))
            Fail("WSAEnumNetworkEvents");
        while (started < count && (s = accept(listener, NULL, NULL)) != INVALID_SOCKET) {
            WSAEventSelect(s, NULL, 0);
            ioctlsocket(s, FIONBIO, &blocking);
            workers[started++] = CreateThread(NULL, 0, Worker, (LPVOID)(ULONG_PTR)s, 0, &id);
        }
    }
    if (WaitForMultipleObjects(count, clients, TRUE, INFINITE) != WAIT_OBJECT_0 ||
        WaitForMultipleObjects(count, workers, TRUE, INFINITE) != WAIT_OBJECT_0)
        Fail("threads");
    for (i = 0; i < count; i++) {
        if (!GetExitCodeThread(clients[i], &code) || code != 0)
            Fail("a client");
        CloseHandle(clients[i]);
        CloseHandle(workers[i]);
    }
    SetEvent(stopEvent);
    if (WaitForSingleObject(stopEvent, INFINITE) != WAIT_OBJECT_0)
        Fail("stop");
    closesocket(listener);
    WSACloseEvent(waits[0]);
    CloseHandle(stopEvent);
    DeleteCriticalSection(&lock);
    Sleep(1);
    printf("%d clients served%s\n", (int)served, name);
    WSACleanup();
    return 0;
}
