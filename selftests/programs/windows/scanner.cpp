// SPDX-License-Identifier: GPL-2.0
// Port scanner: connects to a whole range at a time with nonblocking sockets.
#define FD_SETSIZE 512
#include <winsock2.h>
#include <ws2tcpip.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#pragma comment(lib, "ws2_32.lib")

enum State { STATE_OPEN, STATE_CLOSED, STATE_FILTERED };

int main(int argc, char **argv)
{
    if (argc < 4) {
        printf("usage: scanner address first last\n");
        return 1;
    }

    WSADATA wsa;
    if (WSAStartup(MAKEWORD(2, 2), &wsa) != 0) {
        printf("WSAStartup failed\n");
        return 1;
    }

    IN_ADDR target;
    if (inet_pton(AF_INET, argv[1], &target) != 1) {
        printf("bad address\n");
        WSACleanup();
        return 1;
    }
    int first = atoi(argv[2]), last = atoi(argv[3]);
    std::map<int, State> result;
    int port = first;

    while (port <= last) {
        std::map<SOCKET, int> pending;

        for (; port <= last && pending.size() < FD_SETSIZE; ++port) {
            SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
            if (s == INVALID_SOCKET) {
                if (WSAGetLastError() == WSAEMFILE || WSAGetLastError() == WSAENOBUFS)
                    break;
                printf("socket: %d\n", WSAGetLastError());
                WSACleanup();
                return 1;
            }
            u_long on = 1;
            ioctlsocket(s, FIONBIO, &on);

            SOCKADDR_IN sa = {};
            sa.sin_family = AF_INET;
            sa.sin_addr = target;
            sa.sin_port = htons((u_short)port);
            if (connect(s, (PSOCKADDR)&sa, sizeof(sa)) == 0) {
                result[port] = STATE_OPEN;
                closesocket(s);
            } else if (WSAGetLastError() == WSAEWOULDBLOCK) {
                pending[s] = port;
            } else {
                result[port] = WSAGetLastError() == WSAECONNREFUSED ? STATE_CLOSED : STATE_FILTERED;
                closesocket(s);
            }
        }

        while (!pending.empty()) {
            fd_set w, e;
            FD_ZERO(&w);
            FD_ZERO(&e);
            for (std::map<SOCKET, int>::iterator it = pending.begin(); it != pending.end(); ++it) {
                FD_SET(it->first, &w);
                FD_SET(it->first, &e);
            }
            timeval tv = { 5, 0 };
            int n = select(0, nullptr, &w, &e, &tv);
            if (n == SOCKET_ERROR) {
                printf("select: %d\n", WSAGetLastError());
                WSACleanup();
                return 1;
            }
            if (n == 0)
                break;

            // A Winsock fd_set is a list: walk it rather than every descriptor.
            for (u_int i = 0; i < w.fd_count; i++) {
                SOCKET s = w.fd_array[i];
                if (pending.count(s)) {
                    result[pending[s]] = STATE_OPEN;
                    pending.erase(s);
                    closesocket(s);
                }
            }
            for (u_int i = 0; i < e.fd_count; i++) {
                SOCKET s = e.fd_array[i];
                if (pending.count(s)) {
                    int err = 0, len = sizeof(err);
                    getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&err, &len);
                    result[pending[s]] = err == WSAECONNREFUSED ? STATE_CLOSED : STATE_FILTERED;
                    pending.erase(s);
                    closesocket(s);
                }
            }
        }
        for (std::map<SOCKET, int>::iterator it = pending.begin(); it != pending.end(); ++it) {
            result[it->second] = STATE_FILTERED;
            closesocket(it->first);
        }
    }

    int open = 0, closed = 0, filtered = 0;
    for (std::map<int, State>::iterator it = result.begin(); it != result.end(); ++it) {
        if (it->second == STATE_OPEN) {
            printf("%d open\n", it->first);
            ++open;
        } else if (it->second == STATE_CLOSED) {
            ++closed;
        } else {
            ++filtered;
        }
    }
    printf("%d open, %d closed, %d filtered\n", open, closed, filtered);
    WSACleanup();
    return 0;
}
