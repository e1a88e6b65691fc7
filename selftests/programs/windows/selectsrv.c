// SPDX-License-Identifier: GPL-2.0
/* select() echo server with nonblocking sockets; ends after the given number of clients have left. */
#define FD_SETSIZE 128
#include <winsock2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma comment(lib, "ws2_32.lib")

#define DATA_BUFSIZE 8192

typedef struct _SOCKET_INFORMATION {
    CHAR Buffer[DATA_BUFSIZE];
    WSABUF DataBuf;
    SOCKET Socket;
    DWORD BytesSEND;
    DWORD BytesRECV;
} SOCKET_INFORMATION, *LPSOCKET_INFORMATION;

DWORD TotalSockets = 0;
LPSOCKET_INFORMATION SocketArray[FD_SETSIZE];

BOOL CreateSocketInformation(SOCKET s)
{
    LPSOCKET_INFORMATION SI;

    SI = (LPSOCKET_INFORMATION)calloc(1, sizeof(SOCKET_INFORMATION));
    if (SI == NULL)
        return FALSE;
    SI->Socket = s;
    SocketArray[TotalSockets] = SI;
    TotalSockets++;
    return TRUE;
}

void FreeSocketInformation(DWORD Index)
{
    LPSOCKET_INFORMATION SI = SocketArray[Index];
    DWORD i;

    closesocket(SI->Socket);
    printf("Closing socket, %lu left\n", (unsigned long)(TotalSockets - 1));
    free(SI);
    for (i = Index; i + 1 < TotalSockets; i++)
        SocketArray[i] = SocketArray[i + 1];
    TotalSockets--;
}

int main(int argc, char **argv)
{
    SOCKET ListenSocket;
    SOCKET AcceptSocket;
    SOCKADDR_IN InternetAddr;
    WSADATA wsaData;
    INT Ret;
    FD_SET WriteSet;
    FD_SET ReadSet;
    DWORD i;
    INT Total;
    ULONG NonBlock;
    DWORD Flags;
    DWORD SendBytes;
    DWORD RecvBytes;
    int Left = argc > 2 ? atoi(argv[2]) : 1;
    int AddrLen = sizeof(InternetAddr);
    struct timeval tv;

    if ((Ret = WSAStartup(0x0202, &wsaData)) != 0) {
        printf("WSAStartup() failed with error %d\n", Ret);
        return 1;
    }

    if ((ListenSocket = WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED)) == INVALID_SOCKET) {
        printf("WSASocket() failed with error %d\n", WSAGetLastError());
        return 1;
    }

    InternetAddr.sin_family = AF_INET;
    InternetAddr.sin_addr.s_addr = htonl(INADDR_ANY);
    InternetAddr.sin_port = htons((u_short)(argc > 1 ? atoi(argv[1]) : 5150));

    if (bind(ListenSocket, (PSOCKADDR)&InternetAddr, sizeof(InternetAddr)) == SOCKET_ERROR) {
        printf("bind() failed with error %d\n", WSAGetLastError());
        return 1;
    }
    if (listen(ListenSocket, 5)) {
        printf("listen() failed with error %d\n", WSAGetLastError());
        return 1;
    }
    getsockname(ListenSocket, (LPSOCKADDR)&InternetAddr, &AddrLen);
    printf("Listening on %d\n", ntohs(InternetAddr.sin_port));
    fflush(stdout);

    NonBlock = 1;
    if (ioctlsocket(ListenSocket, FIONBIO, &NonBlock) == SOCKET_ERROR) {
        printf("ioctlsocket() failed with error %d\n", WSAGetLastError());
        return 1;
    }

    while (Left > 0 || TotalSockets > 0) {
        FD_ZERO(&ReadSet);
        FD_ZERO(&WriteSet);

        if (Left > 0)
            FD_SET(ListenSocket, &ReadSet);

        /* A socket with echo data waiting is asked for writability, the others for data. */
        for (i = 0; i < TotalSockets; i++)
            if (SocketArray[i]->BytesRECV > SocketArray[i]->BytesSEND)
                FD_SET(SocketArray[i]->Socket, &WriteSet);
            else
                FD_SET(SocketArray[i]->Socket, &ReadSet);

        tv.tv_sec = 30;
        tv.tv_usec = 0;
        if ((Total = select(0, &ReadSet, &WriteSet, NULL, &tv)) == SOCKET_ERROR) {
            printf("select() failed with error %d\n", WSAGetLastError());
            return 1;
        }
        if (Total == 0) {
            printf("select() timed out\n");
            return 1;
        }

        if (FD_ISSET(ListenSocket, &ReadSet)) {
            Total--;
            if ((AcceptSocket = accept(ListenSocket, NULL, NULL)) != INVALID_SOCKET) {
                NonBlock = 1;
                if (ioctlsocket(AcceptSocket, FIONBIO, &NonBlock) == SOCKET_ERROR) {
                    printf("ioctlsocket() failed with error %d\n", WSAGetLastError());
                    return 1;
                }
                if (CreateSocketInformation(AcceptSocket) == FALSE)
                    return 1;
                Left--;
                printf("Accepted, %lu open\n", (unsigned long)TotalSockets);
            } else if (WSAGetLastError() != WSAEWOULDBLOCK) {
                printf("accept() failed with error %d\n", WSAGetLastError());
                return 1;
            }
        }

        for (i = 0; Total > 0 && i < TotalSockets; i++) {
            LPSOCKET_INFORMATION SocketInfo = SocketArray[i];

            if (FD_ISSET(SocketInfo->Socket, &ReadSet)) {
                Total--;
                SocketInfo->DataBuf.buf = SocketInfo->Buffer;
                SocketInfo->DataBuf.len = DATA_BUFSIZE;

                Flags = 0;
                if (WSARecv(SocketInfo->Socket, &(SocketInfo->DataBuf), 1, &RecvBytes, &Flags, NULL, NULL) == SOCKET_ERROR) {
                    if (WSAGetLastError() != WSAEWOULDBLOCK) {
                        printf("WSARecv() failed with error %d\n", WSAGetLastError());
                        FreeSocketInformation(i--);
                    }
                    continue;
                }
                SocketInfo->BytesRECV = RecvBytes;
                SocketInfo->BytesSEND = 0;
                if (RecvBytes == 0) {
                    FreeSocketInformation(i--);
                    continue;
                }
            }

            if (FD_ISSET(SocketInfo->Socket, &WriteSet)) {
                Total--;
                SocketInfo->DataBuf.buf = SocketInfo->Buffer + SocketInfo->BytesSEND;
                SocketInfo->DataBuf.len = SocketInfo->BytesRECV - SocketInfo->BytesSEND;

                if (WSASend(SocketInfo->Socket, &(SocketInfo->DataBuf), 1, &SendBytes, 0, NULL, NULL) == SOCKET_ERROR) {
                    if (WSAGetLastError() != WSAEWOULDBLOCK) {
                        printf("WSASend() failed with error %d\n", WSAGetLastError());
                        FreeSocketInformation(i--);
                    }
                    continue;
                }
                SocketInfo->BytesSEND += SendBytes;
                if (SocketInfo->BytesSEND == SocketInfo->BytesRECV) {
                    SocketInfo->BytesSEND = 0;
                    SocketInfo->BytesRECV = 0;
                }
            }
        }
    }

    closesocket(ListenSocket);
    WSACleanup();
    printf("done\n");
    return 0;
}
