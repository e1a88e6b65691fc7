// SPDX-License-Identifier: GPL-2.0
/* UDP echo: "udpecho -s port count" answers count datagrams, "udpecho -c host port count" asks. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma comment(lib, "ws2_32.lib")

#ifndef SIO_UDP_CONNRESET
#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#endif

static int Server(const char *port, int count)
{
    SOCKET s;
    SOCKADDR_IN local, from;
    int fromlen, n, i;
    char buf[2048];
    BOOL bNewBehavior = FALSE;
    DWORD dwBytesReturned = 0;

    s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (s == INVALID_SOCKET) {
        printf("socket failed: %d\n", WSAGetLastError());
        return 1;
    }

    /* A lost client must not make recvfrom fail with WSAECONNRESET. */
    if (WSAIoctl(s, SIO_UDP_CONNRESET, &bNewBehavior, sizeof(bNewBehavior), NULL, 0, &dwBytesReturned, NULL, NULL) ==
        SOCKET_ERROR)
        printf("SIO_UDP_CONNRESET failed: %d\n", WSAGetLastError());

    memset(&local, 0, sizeof(local));
    local.sin_family = AF_INET;
    local.sin_addr.S_un.S_addr = INADDR_ANY;
    local.sin_port = htons((u_short)atoi(port));
    if (bind(s, (SOCKADDR *)&local, sizeof(local)) == SOCKET_ERROR) {
        printf("bind failed: %d\n", WSAGetLastError());
        closesocket(s);
        return 1;
    }
    fromlen = sizeof(local);
    getsockname(s, (SOCKADDR *)&local, &fromlen);
    printf("Bound to %u\n", ntohs(local.sin_port));
    fflush(stdout);

    for (i = 0; i < count; i++) {
        fromlen = sizeof(from);
        n = recvfrom(s, buf, sizeof(buf), 0, (SOCKADDR *)&from, &fromlen);
        if (n == SOCKET_ERROR) {
            if (WSAGetLastError() == WSAEMSGSIZE) {
                printf("datagram larger than %d bytes cut\n", (int)sizeof(buf));
                n = sizeof(buf);
            } else {
                printf("recvfrom failed: %d\n", WSAGetLastError());
                closesocket(s);
                return 1;
            }
        }
        printf("%d bytes from %s\n", n, inet_ntoa(from.sin_addr));
        if (sendto(s, buf, n, 0, (SOCKADDR *)&from, fromlen) != n)
            printf("sendto failed: %d\n", WSAGetLastError());
    }
    closesocket(s);
    return 0;
}

static int Client(const char *host, const char *port, int count)
{
    ADDRINFOA hints, *res;
    SOCKET s;
    char buf[4096], back[4096];
    int i, n, rc, good = 0;
    int timeout = 2000;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_protocol = IPPROTO_UDP;
    rc = getaddrinfo(host, port, &hints, &res);
    if (rc != 0) {
        printf("getaddrinfo failed: %d\n", rc);
        return 1;
    }
    s = socket(res->ai_family, res->ai_socktype, res->ai_protocol);
    if (s == INVALID_SOCKET) {
        printf("socket failed: %d\n", WSAGetLastError());
        freeaddrinfo(res);
        return 1;
    }
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout));

    for (i = 0; i < count; i++) {
        /* The last one is larger than the server's buffer. */
        int len = i == count - 1 ? 3000 : 100 * (i + 1);

        memset(buf, 'a' + i % 26, sizeof(buf));
        if (sendto(s, buf, len, 0, res->ai_addr, (int)res->ai_addrlen) == SOCKET_ERROR) {
            printf("sendto failed: %d\n", WSAGetLastError());
            continue;
        }
        n = recvfrom(s, back, sizeof(back), 0, NULL, NULL);
        if (n == SOCKET_ERROR) {
            if (WSAGetLastError() == WSAETIMEDOUT)
                printf("no answer\n");
            else
                printf("recvfrom failed: %d\n", WSAGetLastError());
            continue;
        }
        printf("sent %d, got %d\n", len, n);
        if (memcmp(buf, back, n) == 0)
            good++;
    }
    printf("%d of %d good\n", good, count);
    freeaddrinfo(res);
    closesocket(s);
    return good == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    WSADATA wsaData;
    int rc = 1;

    if (WSAStartup(MAKEWORD(2, 2), &wsaData) != 0) {
        printf("WSAStartup failed\n");
        return 1;
    }
    if (argc == 4 && strcmp(argv[1], "-s") == 0)
        rc = Server(argv[2], atoi(argv[3]));
    else if (argc == 5 && strcmp(argv[1], "-c") == 0)
        rc = Client(argv[2], argv[3], atoi(argv[4]));
    else
        printf("usage: udpecho -s port count | udpecho -c host port count\n");
    WSACleanup();
    return rc;
}
