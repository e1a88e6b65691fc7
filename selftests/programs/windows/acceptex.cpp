// SPDX-License-Identifier: GPL-2.0
//
// AcceptEx echo server.  "acceptex port clients" keeps two accepts posted, finds
// the functions through WSAIoctl and ends after so many clients.
//
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma comment(lib, "Ws2_32.lib")
#pragma comment(lib, "Mswsock.lib")

#define ACCEPTS   2
#define DATA_SIZE 1024
#define ADDR_SIZE (sizeof(SOCKADDR_IN) + 16)

struct ACCEPT_CONTEXT {
    OVERLAPPED Overlapped;
    SOCKET Socket;
    char Buffer[DATA_SIZE + 2 * ADDR_SIZE];
};

static LPFN_ACCEPTEX lpfnAcceptEx = NULL;
static LPFN_GETACCEPTEXSOCKADDRS lpfnGetAcceptExSockaddrs = NULL;
static ACCEPT_CONTEXT Accepts[ACCEPTS];

static BOOL LoadFunctions(SOCKET s)
{
    GUID GuidAcceptEx = WSAID_ACCEPTEX;
    GUID GuidGetAcceptExSockaddrs = WSAID_GETACCEPTEXSOCKADDRS;
    DWORD dwBytes;

    if (WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &GuidAcceptEx, sizeof(GuidAcceptEx),
                 &lpfnAcceptEx, sizeof(lpfnAcceptEx), &dwBytes, NULL, NULL) == SOCKET_ERROR)
        return FALSE;
    return WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &GuidGetAcceptExSockaddrs,
                    sizeof(GuidGetAcceptExSockaddrs), &lpfnGetAcceptExSockaddrs,
                    sizeof(lpfnGetAcceptExSockaddrs), &dwBytes, NULL, NULL) != SOCKET_ERROR;
}

static BOOL PostAccept(SOCKET ListenSocket, ACCEPT_CONTEXT *ctx)
{
    WSAEVENT hEvent = ctx->Overlapped.hEvent;
    DWORD dwBytes;

    memset(&ctx->Overlapped, 0, sizeof(ctx->Overlapped));
    ctx->Overlapped.hEvent = hEvent;
    ctx->Socket = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (ctx->Socket == INVALID_SOCKET)
        return FALSE;
    if (!lpfnAcceptEx(ListenSocket, ctx->Socket, ctx->Buffer, DATA_SIZE, ADDR_SIZE, ADDR_SIZE, &dwBytes,
                      &ctx->Overlapped) && WSAGetLastError() != ERROR_IO_PENDING) {
        printf("AcceptEx failed with error %d\n", WSAGetLastError());
        return FALSE;
    }
    return TRUE;
}

static void Serve(SOCKET ListenSocket, ACCEPT_CONTEXT *ctx)
{
    SOCKADDR *local, *remote;
    int localLen, remoteLen, n;
    DWORD dwBytes, dwFlags;
    long total;

    if (!WSAGetOverlappedResult(ListenSocket, &ctx->Overlapped, &dwBytes, FALSE, &dwFlags)) {
        printf("accept failed with error %d\n", WSAGetLastError());
        return;
    }
    if (setsockopt(ctx->Socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&ListenSocket,
                   sizeof(ListenSocket)) == SOCKET_ERROR)
        printf("SO_UPDATE_ACCEPT_CONTEXT failed with error %d\n", WSAGetLastError());
    lpfnGetAcceptExSockaddrs(ctx->Buffer, DATA_SIZE, ADDR_SIZE, ADDR_SIZE, &local, &localLen, &remote,
                             &remoteLen);
    printf("Client %s: connected\n", inet_ntoa(((SOCKADDR_IN *)remote)->sin_addr));

    total = (long)dwBytes;
    n = (int)dwBytes;
    while (n > 0) {
        send(ctx->Socket, ctx->Buffer, n, 0);
        n = recv(ctx->Socket, ctx->Buffer, DATA_SIZE, 0);
        if (n > 0)
            total += n;
    }
    printf("Echoed %ld bytes\n", total);
    closesocket(ctx->Socket);
}

int main(int argc, char **argv)
{
    WSAEVENT events[ACCEPTS];
    WSADATA wsaData;
    SOCKADDR_IN service;
    int i, len = sizeof(service);
    int clients = argc > 2 ? atoi(argv[2]) : 1;

    setvbuf(stdout, NULL, _IONBF, 0);
    if (WSAStartup(MAKEWORD(2, 2), &wsaData) != NO_ERROR)
        return 1;
    SOCKET ListenSocket = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    memset(&service, 0, sizeof(service));
    service.sin_family = AF_INET;
    service.sin_addr.s_addr = inet_addr("127.0.0.1");
    service.sin_port = htons((u_short)(argc > 1 ? atoi(argv[1]) : 0));
    if (bind(ListenSocket, (SOCKADDR *)&service, sizeof(service)) == SOCKET_ERROR ||
        listen(ListenSocket, 100) == SOCKET_ERROR || !LoadFunctions(ListenSocket)) {
        printf("setup failed with error %d\n", WSAGetLastError());
        return 1;
    }
    for (i = 0; i < ACCEPTS; i++) {
        events[i] = Accepts[i].Overlapped.hEvent = WSACreateEvent();
        if (!PostAccept(ListenSocket, &Accepts[i]))
            return 1;
    }
    getsockname(ListenSocket, (SOCKADDR *)&service, &len);
    printf("Listening on port %d\n", ntohs(service.sin_port));

    while (clients-- > 0) {
        DWORD rc = WSAWaitForMultipleEvents(ACCEPTS, events, FALSE, WSA_INFINITE, FALSE);

        if (rc == WSA_WAIT_FAILED)
            return 1;
        i = (int)(rc - WSA_WAIT_EVENT_0);
        WSAResetEvent(events[i]);
        Serve(ListenSocket, &Accepts[i]);
        if (!PostAccept(ListenSocket, &Accepts[i]))
            return 1;
    }

    closesocket(ListenSocket);
    for (i = 0; i < ACCEPTS; i++) {
        printf("%s\n", Accepts[i].Overlapped.Internal == WSA_OPERATION_ABORTED ? "aborted" : "left");
        closesocket(Accepts[i].Socket);
        WSACloseEvent(events[i]);
    }
    WSACleanup();
    return 0;
}
