// SPDX-License-Identifier: GPL-2.0
/* Blocking TCP client: sends a message, shuts its side down and prints what comes back. */
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif

#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma comment(lib, "Ws2_32.lib")

#define DEFAULT_PORT   "27015"
#define DEFAULT_BUFLEN 512

int main(int argc, char **argv)
{
    WSADATA wsaData;
    SOCKET ConnectSocket = INVALID_SOCKET;
    struct addrinfo *result = NULL, *ptr = NULL, hints;
    const char *sendbuf;
    char recvbuf[DEFAULT_BUFLEN];
    int recvbuflen = DEFAULT_BUFLEN;
    int iResult;
    int total = 0;
    BOOL bNoDelay = TRUE;
    DWORD dwTimeout = 5000;

    if (argc < 2) {
        printf("usage: %s server-name [port [message]]\n", argv[0]);
        return 1;
    }
    sendbuf = argc > 3 ? argv[3] : "this is a test";

    iResult = WSAStartup(MAKEWORD(2, 2), &wsaData);
    if (iResult != 0) {
        printf("WSAStartup failed with error: %d\n", iResult);
        return 1;
    }
    if (LOBYTE(wsaData.wVersion) != 2 || HIBYTE(wsaData.wVersion) != 2) {
        printf("no usable Winsock DLL, found \"%s\"\n", wsaData.szDescription);
        WSACleanup();
        return 1;
    }

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;

    iResult = getaddrinfo(argv[1], argc > 2 ? argv[2] : DEFAULT_PORT, &hints, &result);
    if (iResult != 0) {
        printf("getaddrinfo failed with error: %d (%s)\n", iResult, gai_strerrorA(iResult));
        WSACleanup();
        return 1;
    }

    for (ptr = result; ptr != NULL; ptr = ptr->ai_next) {
        ConnectSocket = socket(ptr->ai_family, ptr->ai_socktype, ptr->ai_protocol);
        if (ConnectSocket == INVALID_SOCKET) {
            printf("socket failed with error: %d\n", WSAGetLastError());
            freeaddrinfo(result);
            WSACleanup();
            return 1;
        }

        iResult = connect(ConnectSocket, ptr->ai_addr, (int)ptr->ai_addrlen);
        if (iResult == SOCKET_ERROR) {
            int err = WSAGetLastError();
            closesocket(ConnectSocket);
            ConnectSocket = INVALID_SOCKET;
            if (err == WSAECONNREFUSED)
                printf("connection refused\n");
            continue;
        }
        break;
    }
    freeaddrinfo(result);

    if (ConnectSocket == INVALID_SOCKET) {
        printf("Unable to connect to server!\n");
        WSACleanup();
        return 2;
    }

    setsockopt(ConnectSocket, IPPROTO_TCP, TCP_NODELAY, (char *)&bNoDelay, sizeof(bNoDelay));
    if (setsockopt(ConnectSocket, SOL_SOCKET, SO_RCVTIMEO, (const char *)&dwTimeout, sizeof(DWORD)) == SOCKET_ERROR)
        printf("SO_RCVTIMEO failed with error: %d\n", WSAGetLastError());

    iResult = send(ConnectSocket, sendbuf, (int)strlen(sendbuf), 0);
    if (iResult == SOCKET_ERROR) {
        printf("send failed with error: %d\n", WSAGetLastError());
        closesocket(ConnectSocket);
        WSACleanup();
        return 1;
    }
    printf("Bytes Sent: %d\n", iResult);

    iResult = shutdown(ConnectSocket, SD_SEND);
    if (iResult == SOCKET_ERROR) {
        printf("shutdown failed with error: %d\n", WSAGetLastError());
        closesocket(ConnectSocket);
        WSACleanup();
        return 1;
    }

    do {
        iResult = recv(ConnectSocket, recvbuf, recvbuflen, 0);
        if (iResult > 0) {
            total += iResult;
            printf("%.*s", iResult, recvbuf);
        } else if (iResult == 0) {
            printf("\nConnection closed, bytes received: %d\n", total);
        } else if (WSAGetLastError() == WSAETIMEDOUT) {
            printf("\nrecv timed out\n");
        } else {
            printf("\nrecv failed with error: %d\n", WSAGetLastError());
        }
    } while (iResult > 0);

    if (closesocket(ConnectSocket) == SOCKET_ERROR)
        printf("closesocket failed with error: %d\n", WSAGetLastError());
    WSACleanup();
    return iResult == 0 ? 0 : 1;
}
