// SPDX-License-Identifier: GPL-2.0
// Connect with a time-out: nonblocking connect, then select on the write and the except set.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#pragma comment(lib, "ws2_32")

static int ConnectWithTimeout(SOCKET s, const sockaddr *name, int namelen, DWORD dwMilliseconds)
{
    u_long mode = 1;
    if (ioctlsocket(s, FIONBIO, &mode) == SOCKET_ERROR)
        return WSAGetLastError();

    int error = 0;
    if (connect(s, name, namelen) == SOCKET_ERROR) {
        error = WSAGetLastError();
        if (error == WSAEWOULDBLOCK) {
            fd_set writefds, exceptfds;
            FD_ZERO(&writefds);
            FD_ZERO(&exceptfds);
            FD_SET(s, &writefds);
            FD_SET(s, &exceptfds);

            TIMEVAL tv;
            tv.tv_sec = dwMilliseconds / 1000;
            tv.tv_usec = (dwMilliseconds % 1000) * 1000;

            int n = select(0, NULL, &writefds, &exceptfds, &tv);
            if (n == SOCKET_ERROR) {
                error = WSAGetLastError();
            } else if (n == 0) {
                error = WSAETIMEDOUT;
            } else if (FD_ISSET(s, &exceptfds)) {
                int optlen = sizeof(error);
                if (getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &optlen) == SOCKET_ERROR)
                    error = WSAGetLastError();
            } else {
                error = 0; // writable, therefore connected
            }
        }
    }

    mode = 0;
    ioctlsocket(s, FIONBIO, &mode);
    return error;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s address port milliseconds\n", argv[0]);
        return 1;
    }

    WSADATA wsaData;
    if (WSAStartup(MAKEWORD(2, 2), &wsaData) != 0)
        return 1;

    SOCKADDR_STORAGE ss;
    memset(&ss, 0, sizeof(ss));
    int sslen;
    SOCKADDR_IN *v4 = (SOCKADDR_IN *)&ss;
    SOCKADDR_IN6 *v6 = (SOCKADDR_IN6 *)&ss;
    if (InetPtonA(AF_INET, argv[1], &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((u_short)atoi(argv[2]));
        sslen = sizeof(SOCKADDR_IN);
    } else if (inet_pton(AF_INET6, argv[1], &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((u_short)atoi(argv[2]));
        sslen = sizeof(SOCKADDR_IN6);
    } else {
        fprintf(stderr, "%s is not an address\n", argv[1]);
        WSACleanup();
        return 1;
    }

    SOCKET s = socket(ss.ss_family, SOCK_STREAM, IPPROTO_TCP);
    if (s == INVALID_SOCKET) {
        fprintf(stderr, "socket: %d\n", WSAGetLastError());
        WSACleanup();
        return 1;
    }

    int error = ConnectWithTimeout(s, (sockaddr *)&ss, sslen, (DWORD)atoi(argv[3]));
    switch (error) {
    case 0:
        {
            const char hello[] = "hello from a blocking socket\n";
            printf("connected\n");
            if (send(s, hello, (int)sizeof(hello) - 1, 0) == SOCKET_ERROR)
                printf("send failed: %d\n", WSAGetLastError());
            shutdown(s, SD_SEND);
            char buffer[256];
            int n;
            while ((n = recv(s, buffer, sizeof(buffer), 0)) > 0)
                fwrite(buffer, 1, (size_t)n, stdout);
            if (n == SOCKET_ERROR)
                printf("recv failed: %d\n", WSAGetLastError());
        }
        break;
    case WSAETIMEDOUT:
        printf("timed out\n");
        break;
    case WSAECONNREFUSED:
        printf("refused\n");
        break;
    default:
        printf("error %d\n", error);
        break;
    }

    closesocket(s);
    WSACleanup();
    return error == 0 ? 0 : 2;
}
