// SPDX-License-Identifier: GPL-2.0
// Echo server on WSAEventSelect: one event object per socket, up to WSA_MAXIMUM_WAIT_EVENTS.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string>

#pragma comment(lib, "ws2_32.lib")

static DWORD g_count = 0;
static WSAEVENT g_events[WSA_MAXIMUM_WAIT_EVENTS];
static SOCKET g_sockets[WSA_MAXIMUM_WAIT_EVENTS];
static std::string g_pending[WSA_MAXIMUM_WAIT_EVENTS];

static bool AddSocket(SOCKET s, long lNetworkEvents)
{
    if (g_count == WSA_MAXIMUM_WAIT_EVENTS)
        return false;

    WSAEVENT hEvent = WSACreateEvent();
    if (hEvent == WSA_INVALID_EVENT) {
        printf("WSACreateEvent failed: %d\n", WSAGetLastError());
        return false;
    }
    if (WSAEventSelect(s, hEvent, lNetworkEvents) == SOCKET_ERROR) {
        printf("WSAEventSelect failed: %d\n", WSAGetLastError());
        WSACloseEvent(hEvent);
        return false;
    }
    g_events[g_count] = hEvent;
    g_sockets[g_count] = s;
    g_pending[g_count].clear();
    ++g_count;
    return true;
}

static void RemoveSocket(DWORD i)
{
    closesocket(g_sockets[i]);
    WSACloseEvent(g_events[i]);
    for (DWORD j = i + 1; j < g_count; ++j) {
        g_events[j - 1] = g_events[j];
        g_sockets[j - 1] = g_sockets[j];
        g_pending[j - 1].swap(g_pending[j]);
    }
    --g_count;
}

static void Flush(DWORD i)
{
    std::string &out = g_pending[i];
    while (!out.empty()) {
        int n = send(g_sockets[i], out.data(), (int)out.size(), 0);
        if (n == SOCKET_ERROR) {
            if (WSAGetLastError() != WSAEWOULDBLOCK)
                printf("send failed: %d\n", WSAGetLastError());
            return; // FD_WRITE comes when there is room again
        }
        out.erase(0, (size_t)n);
    }
}

int main(int argc, char *argv[])
{
    WSADATA wsaData;
    int iResult = WSAStartup(MAKEWORD(2, 2), &wsaData);
    if (iResult != NO_ERROR) {
        printf("WSAStartup failed: %d\n", iResult);
        return 1;
    }

    SOCKET ListenSocket = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (ListenSocket == INVALID_SOCKET) {
        printf("socket failed: %d\n", WSAGetLastError());
        WSACleanup();
        return 1;
    }

    sockaddr_in InetAddr = {};
    InetAddr.sin_family = AF_INET;
    InetAddr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    InetAddr.sin_port = htons(argc > 1 ? (u_short)atoi(argv[1]) : 27015);
    int left = argc > 2 ? atoi(argv[2]) : 1;

    if (bind(ListenSocket, (SOCKADDR *)&InetAddr, sizeof(InetAddr)) == SOCKET_ERROR ||
        !AddSocket(ListenSocket, FD_ACCEPT | FD_CLOSE) || listen(ListenSocket, 10) == SOCKET_ERROR) {
        printf("cannot listen: %d\n", WSAGetLastError());
        WSACleanup();
        return 1;
    }

    int len = sizeof(InetAddr);
    getsockname(ListenSocket, (SOCKADDR *)&InetAddr, &len);
    printf("Listening on %u\n", ntohs(InetAddr.sin_port));
    fflush(stdout);

    while (left > 0 || g_count > 1) {
        DWORD dwIndex = WSAWaitForMultipleEvents(g_count, g_events, FALSE, WSA_INFINITE, FALSE);
        if (dwIndex == WSA_WAIT_FAILED) {
            printf("WSAWaitForMultipleEvents failed: %d\n", WSAGetLastError());
            return 1;
        }
        dwIndex -= WSA_WAIT_EVENT_0;

        for (DWORD i = dwIndex; i < g_count; ++i) {
            DWORD dw = WSAWaitForMultipleEvents(1, &g_events[i], TRUE, 0, FALSE);
            if (dw == WSA_WAIT_TIMEOUT || dw == WSA_WAIT_FAILED)
                continue;

            WSANETWORKEVENTS ne;
            if (WSAEnumNetworkEvents(g_sockets[i], g_events[i], &ne) == SOCKET_ERROR) {
                printf("WSAEnumNetworkEvents failed: %d\n", WSAGetLastError());
                return 1;
            }

            if (ne.lNetworkEvents & FD_ACCEPT) {
                if (ne.iErrorCode[FD_ACCEPT_BIT] != 0) {
                    printf("FD_ACCEPT failed with error %d\n", ne.iErrorCode[FD_ACCEPT_BIT]);
                    break;
                }
                SOCKET s = accept(g_sockets[i], NULL, NULL);
                if (s == INVALID_SOCKET)
                    continue;
                if (!AddSocket(s, FD_READ | FD_WRITE | FD_CLOSE))
                    closesocket(s);
                else
                    printf("Socket connected, %d to come\n", --left);
            }
            if (ne.lNetworkEvents & FD_READ) {
                char buffer[4096];
                int n = recv(g_sockets[i], buffer, sizeof(buffer), 0);
                if (n > 0) {
                    g_pending[i].append(buffer, (size_t)n);
                    Flush(i);
                }
            }
            if (ne.lNetworkEvents & FD_WRITE)
                Flush(i);
            if (ne.lNetworkEvents & FD_CLOSE) {
                // What still lies in the buffer must be read before the socket goes.
                char buffer[4096];
                int n;
                while ((n = recv(g_sockets[i], buffer, sizeof(buffer), 0)) > 0)
                    g_pending[i].append(buffer, (size_t)n);
                u_long blocking = 0;
                WSAEventSelect(g_sockets[i], g_events[i], 0);
                ioctlsocket(g_sockets[i], FIONBIO, &blocking);
                Flush(i);
                printf("Socket closed, error %d\n", ne.iErrorCode[FD_CLOSE_BIT]);
                shutdown(g_sockets[i], SD_SEND);
                RemoveSocket(i--);
            }
        }
    }

    while (g_count > 0)
        RemoveSocket(0);
    WSACleanup();
    printf("done\n");
    return 0;
}
