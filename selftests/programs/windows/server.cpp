// SPDX-License-Identifier: GPL-2.0
// Blocking echo server, one client after the other.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <iostream>
#include <string>
#include <vector>
#include <cstdlib>
#include <cstring>

#pragma comment(lib, "Ws2_32.lib")

namespace {

class WinsockSession
{
public:
    WinsockSession()
    {
        WSADATA wsa;
        m_error = ::WSAStartup(MAKEWORD(2, 2), &wsa);
    }
    ~WinsockSession()
    {
        if (m_error == 0)
            ::WSACleanup();
    }
    int error() const { return m_error; }

private:
    int m_error;
};

std::string ToString(const SOCKADDR_IN &addr)
{
    char text[INET_ADDRSTRLEN];
    if (InetNtopA(AF_INET, (PVOID)&addr.sin_addr, text, sizeof(text)) == NULL)
        return "?";
    return std::string(text) + ":" + std::to_string(ntohs(addr.sin_port));
}

bool SendAll(SOCKET s, const char *data, int len)
{
    while (len > 0) {
        int n = ::send(s, data, len, 0);
        if (n == SOCKET_ERROR)
            return false;
        data += n;
        len -= n;
    }
    return true;
}

} // namespace

int main(int argc, char *argv[])
{
    USHORT port = argc > 1 ? (USHORT)atoi(argv[1]) : 27015;
    int clients = argc > 2 ? atoi(argv[2]) : 1;

    WinsockSession session;
    if (session.error() != 0) {
        std::cerr << "WSAStartup failed: " << session.error() << std::endl;
        return EXIT_FAILURE;
    }

    SOCKET listener = ::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (listener == INVALID_SOCKET) {
        std::cerr << "socket failed: " << WSAGetLastError() << std::endl;
        return EXIT_FAILURE;
    }

    BOOL exclusive = TRUE;
    if (setsockopt(listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, reinterpret_cast<char *>(&exclusive),
                   sizeof(exclusive)) == SOCKET_ERROR)
        std::cerr << "SO_EXCLUSIVEADDRUSE failed: " << WSAGetLastError() << std::endl;

    SOCKADDR_IN service;
    memset(&service, 0, sizeof(service));
    service.sin_family = AF_INET;
    service.sin_addr.S_un.S_addr = htonl(INADDR_ANY);
    service.sin_port = htons(port);

    if (::bind(listener, (SOCKADDR *)&service, sizeof(service)) == SOCKET_ERROR) {
        std::cerr << "bind failed: " << WSAGetLastError() << std::endl;
        closesocket(listener);
        return EXIT_FAILURE;
    }
    if (::listen(listener, SOMAXCONN) == SOCKET_ERROR) {
        std::cerr << "listen failed: " << WSAGetLastError() << std::endl;
        closesocket(listener);
        return EXIT_FAILURE;
    }

    int namelen = sizeof(service);
    ::getsockname(listener, (SOCKADDR *)&service, &namelen);
    std::cout << "Listening on " << ntohs(service.sin_port) << std::endl;

    for (int i = 0; i < clients; i++) {
        SOCKADDR_IN from;
        int fromlen = sizeof(from);
        SOCKET client = ::accept(listener, (SOCKADDR *)&from, &fromlen);
        if (client == INVALID_SOCKET) {
            std::cerr << "accept failed: " << WSAGetLastError() << std::endl;
            break;
        }
        std::cout << "Client " << ToString(from).substr(0, 10) << " connected" << std::endl;

        std::vector<char> buffer(4096);
        long total = 0;
        for (;;) {
            int n = ::recv(client, buffer.data(), (int)buffer.size(), 0);
            if (n == 0)
                break;
            if (n == SOCKET_ERROR) {
                int error = WSAGetLastError();
                if (error == WSAECONNRESET)
                    std::cout << "Client reset the connection" << std::endl;
                else
                    std::cerr << "recv failed: " << error << std::endl;
                break;
            }
            total += n;
            if (!SendAll(client, buffer.data(), n)) {
                std::cerr << "send failed: " << WSAGetLastError() << std::endl;
                break;
            }
        }
        std::cout << "Echoed " << total << " bytes" << std::endl;
        ::shutdown(client, SD_BOTH);
        ::closesocket(client);
    }

    ::closesocket(listener);
    return EXIT_SUCCESS;
}
