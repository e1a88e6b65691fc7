// SPDX-License-Identifier: GPL-2.0
// Threaded chat server: one thread per member; "/quit" by anybody closes the listening socket
// under the accepting thread and every member's socket under its reading thread.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <atomic>
#include <iostream>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#pragma comment(lib, "Ws2_32.lib")

struct Member {
    SOCKET sock;
    std::string name;
};

static SOCKET g_listen = INVALID_SOCKET;
static std::mutex g_lock;
static std::list<Member> g_members;
static std::atomic<bool> g_stop(false);

static void Log(const std::string &text)
{
    std::cout << text << std::endl;
}

static void Broadcast(const std::string &line)
{
    std::lock_guard<std::mutex> guard(g_lock);
    for (auto &m : g_members) {
        if (::send(m.sock, line.c_str(), static_cast<int>(line.size()), 0) == SOCKET_ERROR) {
            // its own thread will notice
        }
    }
}

static void StopEverything()
{
    if (g_stop.exchange(true))
        return;
    closesocket(g_listen);
    std::lock_guard<std::mutex> guard(g_lock);
    for (auto &m : g_members) {
        ::shutdown(m.sock, SD_SEND);
        ::closesocket(m.sock);
    }
    g_members.clear();
}

static bool ReadLine(SOCKET s, std::string &carry, std::string &line)
{
    for (;;) {
        size_t nl = carry.find('\n');
        if (nl != std::string::npos) {
            line = carry.substr(0, nl);
            carry.erase(0, nl + 1);
            return true;
        }
        char buf[512];
        int n = ::recv(s, buf, sizeof(buf), 0);
        if (n == SOCKET_ERROR) {
            int err = WSAGetLastError();
            if (err == WSAEINTR || err == WSAENOTSOCK || err == WSAECONNABORTED)
                Log("reader stopped");
            else
                Log("recv failed: " + std::to_string(err));
            return false;
        }
        if (n == 0)
            return false;
        carry.append(buf, n);
    }
}

static void Serve(SOCKET s)
{
    std::string carry, name, line;
    if (!ReadLine(s, carry, name)) {
        closesocket(s);
        return;
    }
    {
        std::lock_guard<std::mutex> guard(g_lock);
        g_members.push_back(Member{ s, name });
    }
    Broadcast("* " + name + " joined\n");

    while (ReadLine(s, carry, line)) {
        if (line == "/quit") {
            Log(name + " ends the chat");
            StopEverything();
            return;
        }
        Broadcast("<" + name + "> " + line + "\n");
    }
    if (g_stop)
        return;

    {
        std::lock_guard<std::mutex> guard(g_lock);
        g_members.remove_if([s](const Member &m) { return m.sock == s; });
    }
    closesocket(s);
    Broadcast("* " + name + " left\n");
}

int main(int argc, char **argv)
{
    WSADATA wsaData;
    if (WSAStartup(MAKEWORD(2, 2), &wsaData) != 0)
        return 1;

    addrinfo hints = {}, *ai = nullptr;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_flags = AI_PASSIVE;
    if (getaddrinfo(NULL, argc > 1 ? argv[1] : "6667", &hints, &ai) != 0) {
        std::cerr << "getaddrinfo: " << WSAGetLastError() << std::endl;
        return 1;
    }

    g_listen = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
    if (g_listen == INVALID_SOCKET || bind(g_listen, ai->ai_addr, (int)ai->ai_addrlen) == SOCKET_ERROR ||
        listen(g_listen, SOMAXCONN) == SOCKET_ERROR) {
        std::cerr << "cannot listen: " << WSAGetLastError() << std::endl;
        return 1;
    }
    freeaddrinfo(ai);

    sockaddr_in me;
    int melen = sizeof(me);
    getsockname(g_listen, (sockaddr *)&me, &melen);
    Log("Listening on " + std::to_string(ntohs(me.sin_port)));

    std::vector<std::thread> threads;
    for (;;) {
        SOCKET s = accept(g_listen, nullptr, nullptr);
        if (s == INVALID_SOCKET) {
            int err = WSAGetLastError();
            if (err == WSAEINTR || err == WSAENOTSOCK)
                Log("listening socket closed");
            else
                Log("accept failed: " + std::to_string(err));
            break;
        }
        threads.emplace_back(Serve, s);
    }
    for (auto &t : threads)
        t.join();
    WSACleanup();
    Log("bye");
    return 0;
}
