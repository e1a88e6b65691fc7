// SPDX-License-Identifier: GPL-2.0
/* Sends a file, with its length in front, and waits until the receiver has closed its side. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma comment(lib, "Ws2_32.lib")

#define CHUNK 65536

static int SendAll(SOCKET s, const char *buf, int len)
{
    int sent = 0;

    while (sent < len) {
        int n = send(s, buf + sent, len - sent, 0);

        if (n == SOCKET_ERROR)
            return SOCKET_ERROR;
        sent += n;
    }
    return sent;
}

int main(int argc, char *argv[])
{
    WSADATA wsaData;
    SOCKET s;
    SOCKADDR_IN server;
    struct linger lng;
    static char buf[CHUNK];
    char ack[64];
    FILE *fp;
    long size, total = 0;
    UINT32 header;
    size_t n;
    int sndbuf = 32768, optlen = sizeof(int), r, got = 0;

    if (argc != 4) {
        printf("usage: %s address port file\n", argv[0]);
        return 1;
    }
    fp = fopen(argv[3], "rb");
    if (fp == NULL) {
        perror(argv[3]);
        return 1;
    }
    fseek(fp, 0, SEEK_END);
    size = ftell(fp);
    rewind(fp);

    if (WSAStartup(MAKEWORD(2, 2), &wsaData) != 0) {
        printf("WSAStartup failed\n");
        return 1;
    }

    s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (s == INVALID_SOCKET) {
        printf("socket failed: %d\n", WSAGetLastError());
        WSACleanup();
        return 1;
    }
    setsockopt(s, SOL_SOCKET, SO_SNDBUF, (char *)&sndbuf, sizeof(sndbuf));
    if (getsockopt(s, SOL_SOCKET, SO_SNDBUF, (char *)&sndbuf, &optlen) == 0)
        printf("send buffer %d\n", sndbuf);

    lng.l_onoff = 1;
    lng.l_linger = 10;
    if (setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&lng, sizeof(lng)) == SOCKET_ERROR)
        printf("SO_LINGER failed: %d\n", WSAGetLastError());

    memset(&server, 0, sizeof(server));
    server.sin_family = AF_INET;
    server.sin_port = htons((u_short)atoi(argv[2]));
    server.sin_addr.s_addr = inet_addr(argv[1]);

    if (WSAConnect(s, (SOCKADDR *)&server, sizeof(server), NULL, NULL, NULL, NULL) == SOCKET_ERROR) {
        printf("WSAConnect failed: %d\n", WSAGetLastError());
        closesocket(s);
        WSACleanup();
        return 1;
    }

    header = htonl((u_long)size);
    if (SendAll(s, (char *)&header, sizeof(header)) == SOCKET_ERROR) {
        printf("send failed: %d\n", WSAGetLastError());
        closesocket(s);
        WSACleanup();
        return 1;
    }
    while ((n = fread(buf, 1, sizeof(buf), fp)) > 0) {
        if (SendAll(s, buf, (int)n) == SOCKET_ERROR) {
            printf("send failed: %d\n", WSAGetLastError());
            closesocket(s);
            WSACleanup();
            return 1;
        }
        total += (long)n;
    }
    fclose(fp);

    shutdown(s, SD_SEND);
    while ((r = recv(s, ack + got, (int)sizeof(ack) - 1 - got, 0)) > 0)
        got += r;
    if (r == SOCKET_ERROR)
        printf("recv failed: %d\n", WSAGetLastError());
    ack[got] = '\0';

    printf("sent %ld bytes, receiver says \"%s\"\n", total, ack);
    if (closesocket(s) == SOCKET_ERROR)
        printf("closesocket failed: %d\n", WSAGetLastError());
    WSACleanup();
    return r == 0 ? 0 : 1;
}
