// SPDX-License-Identifier: GPL-2.0
/*
 * Overlapped receiver.  "overlapped event port" waits on the event of one WSAOVERLAPPED,
 * "overlapped routine port" has a completion routine called in an alertable wait.
 * It accepts one connection and prints how much came.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma comment(lib, "ws2_32.lib")

#define DATA_BUFSIZE 4096

typedef struct _PER_IO_DATA {
    WSAOVERLAPPED Overlapped; /* must come first, the routine casts it back */
    SOCKET Socket;
    WSABUF DataBuf;
    CHAR Buffer[DATA_BUFSIZE];
    unsigned long long Total;
    unsigned int Sum;
    int Calls;
    BOOL Done;
    int Error;
} PER_IO_DATA, *LPPER_IO_DATA;

static void Consume(LPPER_IO_DATA io, DWORD bytes)
{
    DWORD i;

    for (i = 0; i < bytes; i++)
        io->Sum = io->Sum * 31 + (unsigned char)io->Buffer[i];
    io->Total += bytes;
    io->Calls++;
}

static void CALLBACK WorkerRoutine(DWORD dwError, DWORD cbTransferred, LPWSAOVERLAPPED lpOverlapped, DWORD dwFlags)
{
    LPPER_IO_DATA io = (LPPER_IO_DATA)lpOverlapped;
    DWORD flags = 0;

    (void)dwFlags;
    if (dwError != 0 || cbTransferred == 0) {
        io->Error = (int)dwError;
        io->Done = TRUE;
        return;
    }
    Consume(io, cbTransferred);

    memset(&io->Overlapped, 0, sizeof(WSAOVERLAPPED));
    if (WSARecv(io->Socket, &io->DataBuf, 1, NULL, &flags, &io->Overlapped, WorkerRoutine) == SOCKET_ERROR &&
        WSAGetLastError() != WSA_IO_PENDING) {
        io->Error = WSAGetLastError();
        io->Done = TRUE;
    }
}

static int ReceiveByRoutine(LPPER_IO_DATA io)
{
    DWORD flags = 0;
    WSAEVENT dummy = WSACreateEvent();

    if (WSARecv(io->Socket, &io->DataBuf, 1, NULL, &flags, &io->Overlapped, WorkerRoutine) == SOCKET_ERROR &&
        WSAGetLastError() != WSA_IO_PENDING) {
        printf("WSARecv failed with error %d\n", WSAGetLastError());
        return 1;
    }
    while (!io->Done) {
        DWORD rc = WSAWaitForMultipleEvents(1, &dummy, FALSE, WSA_INFINITE, TRUE);

        if (rc != WSA_WAIT_IO_COMPLETION) {
            printf("WSAWaitForMultipleEvents returned %lu, error %d\n", (unsigned long)rc, WSAGetLastError());
            return 1;
        }
    }
    WSACloseEvent(dummy);
    return io->Error;
}

static int ReceiveByEvent(LPPER_IO_DATA io)
{
    DWORD bytes, flags;

    for (;;) {
        memset(&io->Overlapped, 0, sizeof(io->Overlapped));
        io->Overlapped.hEvent = WSACreateEvent();
        if (io->Overlapped.hEvent == WSA_INVALID_EVENT)
            return WSAGetLastError();

        flags = 0;
        if (WSARecv(io->Socket, &io->DataBuf, 1, &bytes, &flags, &io->Overlapped, NULL) == SOCKET_ERROR) {
            if (WSAGetLastError() != WSA_IO_PENDING) {
                printf("WSARecv failed with error %d\n", WSAGetLastError());
                return WSAGetLastError();
            }
            if (WSAWaitForMultipleEvents(1, &io->Overlapped.hEvent, TRUE, INFINITE, TRUE) == WSA_WAIT_FAILED) {
                printf("WSAWaitForMultipleEvents failed with error %d\n", WSAGetLastError());
                return WSAGetLastError();
            }
        }
        if (WSAGetOverlappedResult(io->Socket, &io->Overlapped, &bytes, FALSE, &flags) == FALSE) {
            printf("WSAGetOverlappedResult failed with error %d\n", WSAGetLastError());
            return WSAGetLastError();
        }
        WSAResetEvent(io->Overlapped.hEvent);
        WSACloseEvent(io->Overlapped.hEvent);
        if (bytes == 0)
            return 0;
        Consume(io, bytes);
    }
}

int main(int argc, char **argv)
{
    WSADATA wsd;
    SOCKET ListenSocket, AcceptSocket;
    SOCKADDR_IN addr;
    int addrlen = sizeof(addr);
    LPPER_IO_DATA io;
    int rc;

    if (argc < 3) {
        fprintf(stderr, "usage: %s event|routine port\n", argv[0]);
        return 1;
    }
    if ((rc = WSAStartup(MAKEWORD(2, 2), &wsd)) != 0) {
        fprintf(stderr, "Unable to load Winsock: %d\n", rc);
        return 1;
    }

    ListenSocket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (ListenSocket == INVALID_SOCKET) {
        fprintf(stderr, "WSASocket failed with error %d\n", WSAGetLastError());
        WSACleanup();
        return 1;
    }
    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = inet_addr("127.0.0.1");
    addr.sin_port = htons((unsigned short)atoi(argv[2]));
    if (bind(ListenSocket, (struct sockaddr *)&addr, sizeof(addr)) == SOCKET_ERROR ||
        listen(ListenSocket, 1) == SOCKET_ERROR) {
        fprintf(stderr, "bind/listen failed with error %d\n", WSAGetLastError());
        closesocket(ListenSocket);
        WSACleanup();
        return 1;
    }
    getsockname(ListenSocket, (struct sockaddr *)&addr, &addrlen);
    printf("Listening on %d\n", ntohs(addr.sin_port));
    fflush(stdout);

    AcceptSocket = WSAAccept(ListenSocket, NULL, NULL, NULL, 0);
    if (AcceptSocket == INVALID_SOCKET) {
        fprintf(stderr, "WSAAccept failed with error %d\n", WSAGetLastError());
        closesocket(ListenSocket);
        WSACleanup();
        return 1;
    }
    closesocket(ListenSocket);

    io = (LPPER_IO_DATA)calloc(1, sizeof(*io));
    io->Socket = AcceptSocket;
    io->DataBuf.len = DATA_BUFSIZE;
    io->DataBuf.buf = io->Buffer;

    rc = strcmp(argv[1], "routine") == 0 ? ReceiveByRoutine(io) : ReceiveByEvent(io);
    printf("Received %llu bytes, sum %08x, error %d\n", io->Total, io->Sum, rc);

    free(io);
    closesocket(AcceptSocket);
    WSACleanup();
    return rc == 0 ? 0 : 1;
}
