// SPDX-License-Identifier: GPL-2.0
// Announces this host by UDP broadcast; "broadcast -l port n" listens for n announcements.
#include <WinSock2.h>
#include <WS2tcpip.h>
#include <iostream>
#include <sstream>
#include <string>
#include <cstdlib>
#include <cstring>

#pragma comment(lib, "Ws2_32.lib")

using namespace std;

static int Listen(u_short port, int count)
{
    SOCKET s = socket(AF_INET, SOCK_DGRAM, 0);
    if (s == INVALID_SOCKET)
        return WSAGetLastError();

    BOOL reuse = TRUE;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (const char *)&reuse, sizeof(reuse));

    SOCKADDR_IN a = {};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.S_un.S_addr = htonl(INADDR_ANY);
    if (bind(s, (LPSOCKADDR)&a, sizeof(a)) != 0) {
        int err = WSAGetLastError();
        closesocket(s);
        return err;
    }
    cout << "Waiting" << endl;
    for (int i = 0; i < count; i++) {
        char buf[512];
        SOCKADDR_IN from;
        int len = sizeof(from);
        int n = recvfrom(s, buf, sizeof(buf) - 1, 0, (LPSOCKADDR)&from, &len);
        if (n == SOCKET_ERROR) {
            int err = WSAGetLastError();
            closesocket(s);
            return err;
        }
        buf[n] = '\0';
        cout << (int)from.sin_addr.S_un.S_un_b.s_b1 << ".x.x." << (int)from.sin_addr.S_un.S_un_b.s_b4 << " says: " << buf
             << endl;
    }
    closesocket(s);
    return 0;
}

static int Announce(const char *address, u_short port, int count)
{
    SOCKET s = WSASocketA(AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0, 0);
    if (s == INVALID_SOCKET)
        return WSAGetLastError();

    SOCKADDR_IN to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.S_un.S_addr = inet_addr(address);
    if (to.sin_addr.S_un.S_addr == INADDR_NONE)
        to.sin_addr.S_un.S_addr = htonl(INADDR_BROADCAST);

    // Without SO_BROADCAST this has to be refused.
    if (sendto(s, "x", 1, 0, (LPSOCKADDR)&to, sizeof(to)) == SOCKET_ERROR) {
        if (WSAGetLastError() == WSAEACCES)
            cout << "refused without SO_BROADCAST" << endl;
        else
            cout << "sendto: " << WSAGetLastError() << endl;
    }

    BOOL on = TRUE;
    if (setsockopt(s, SOL_SOCKET, SO_BROADCAST, (char *)&on, sizeof(BOOL)) == SOCKET_ERROR) {
        int err = WSAGetLastError();
        closesocket(s);
        return err;
    }

    char host[256] = "";
    if (gethostname(host, sizeof(host)) == SOCKET_ERROR)
        strcpy(host, "nobody");

    for (int i = 0; i < count; i++) {
        ostringstream text;
        text << "announcement " << i;
        string msg = text.str();
        int n = sendto(s, msg.c_str(), (int)msg.length(), 0, (LPSOCKADDR)&to, sizeof(to));
        if (n == SOCKET_ERROR) {
            int err = WSAGetLastError();
            closesocket(s);
            return err;
        }
        cout << "sent " << n << " bytes" << endl;
    }
    closesocket(s);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc < 4) {
        cerr << "usage: broadcast address|-l port count" << endl;
        return 1;
    }

    WSAData data;
    int err = WSAStartup(MAKEWORD(2, 2), &data);
    if (err != 0) {
        cerr << "WSAStartup: " << err << endl;
        return 1;
    }
    u_short port = (u_short)atoi(argv[2]);
    if (strcmp(argv[1], "-l") == 0)
        err = Listen(port, atoi(argv[3]));
    else
        err = Announce(argv[1], port, atoi(argv[3]));
    if (err != 0)
        cerr << "Winsock error " << err << endl;
    WSACleanup();
    return err != 0;
}
