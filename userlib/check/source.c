// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A program as it comes from Windows, and things that must go on to work
 * beside the headers.  Compiled in many ways by check.sh: as C and C++, with
 * Linux's headers before (-DAFTER) and after, with inlined checks of libc.
 * Run where there is no module: exit status 0.
 */
#define WIN32_LEAN_AND_MEAN
#ifndef AFTER
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <mstcpip.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/types.h>
#ifdef __cplusplus
#include <functional>
#include <iostream>
#include <thread>
#endif
#ifdef AFTER
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <mstcpip.h>
#endif
/* Of which compilers here know nothing, and warn if they are asked to. */
#ifdef PRAGMAS
#pragma comment(lib, "ws2_32.lib")
#pragma comment(lib, "mswsock.lib")
#endif

/* Members keep their names, whatever the number of their arguments. */
struct ops {
	int (*accept)(int a, int b);
	int (*connect)(void);
	int (*getsockopt)(int a);
	int (*recvfrom)(int a, int *b);
	int (*send)(int a);
	int (*socket)(int a, int b, int c);
};

static int one(int a)
{
	return a;
}

static int two(int a, int b)
{
	return a + b;
}

#ifdef __cplusplus
struct channel {
	int accept() { return 1; }
	int bind(int) const { return 2; }
	int connect(int, int) { return 3; }
	int getsockopt(int) { return 4; }
	int ioctlsocket(int) { return 5; }
	int recv(char *, int) { return 6; }
	int recvfrom() { return 7; }
	int send(int a) { return a; }
	int socket();
};

int channel::socket()
{
	return 8;
}

static bool methods_keep_their_names()
{
	auto bound = std::bind(two, 1, std::placeholders::_1);
	channel c, *p = &c;
	char byte;

	return c.accept() == 1 && c.bind(0) == 2 && p->connect(0, 0) == 3 &&
	       c.getsockopt(0) == 4 && c.ioctlsocket(0) == 5 &&
	       p->recv(&byte, 1) == 6 && c.recvfrom() == 7 && c.send(9) == 9 &&
	       c.socket() == 8 && bound(2) == 3;
}

static int with_int_descriptors()
{
	sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	s = ::accept(s, nullptr, nullptr);
	s = accept(s, (sockaddr *)&addr, &len);
	return getsockname(s, (sockaddr *)&addr, &len) + (int)::send(s, "", 1, 0);
}
#endif

/* Nothing here gets far; that it compiles without a warning is the point. */
static int calls(void)
{
	struct tcp_keepalive keepalive = { 1, 10000, 1000 };
	LPFN_TRANSMITFILE transmit = TransmitFile;
	GUID guid = WSAID_TRANSMITFILE;
	struct addrinfo hints, *list = NULL;
	struct linger libc = { 1, 0 };
	LINGER linger = { 1, 0 };
	BOOL on = TRUE;
	struct sockaddr_in addr;
	int len = sizeof(addr), size = sizeof(on), n = 0;
	socklen_t socklen = sizeof(addr);
	unsigned long wide = 1;
	u_long mode = 1;
	DWORD dword = 1;
	char buf[100] = "";
	SOCKET s, c;

	memset(&hints, 0, sizeof(hints));
	memset(&addr, 0, sizeof(addr));
	hints.ai_flags = AI_PASSIVE;
	if (getaddrinfo(NULL, "80", &hints, &list) == EAI_NONAME)
		puts(gai_strerror(EAI_NONAME));
	freeaddrinfo(list);

	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (s != INVALID_SOCKET)
		return 1;
	n += setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&linger, sizeof(linger));
	n += setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&libc, sizeof(libc));
	n += setsockopt(s, SOL_SOCKET, SO_DONTLINGER, (const char *)&on, sizeof(on));
	n += getsockopt(s, SOL_SOCKET, SO_DONTLINGER, (char *)&on, &size);
	n += getsockopt(s, SOL_SOCKET, SO_DONTLINGER, &on, &socklen);
	n += bind(s, (SOCKADDR *)&addr, sizeof(addr));
	n += connect(s, (struct sockaddr *)&addr, sizeof(addr));
	n += listen(s, SOMAXCONN);
	c = accept(s, (struct sockaddr *)&addr, &len);
	c = accept(s, (struct sockaddr *)&addr, &socklen);
	c = accept(s, NULL, NULL);
	n += getsockname(c, (struct sockaddr *)&addr, &len);
	n += getpeername(c, (struct sockaddr *)&addr, &socklen);
	n += ioctlsocket(c, FIONBIO, &mode);
	n += ioctlsocket(c, FIONBIO, &wide);
	n += ioctlsocket(c, FIONREAD, &dword);
	n += ioctlsocket(c, FIONREAD, (u_long *)&size);
	n += ioctlsocket(c, FIONBIO, NULL);
	n += recv(c, buf, sizeof(buf), 0);
	n += recv(c, buf, atoi("50"), 0);
	n += recvfrom(c, buf, len, 0, (struct sockaddr *)&addr, &len);
	n += recvfrom(c, buf, len, 0, (struct sockaddr *)&addr, &socklen);
	n += recvfrom(c, buf, sizeof(buf), 0, NULL, NULL);
	n += send(c, buf, (int)strlen(buf), 0);
	n += sendto(c, buf, len, 0, (struct sockaddr *)&addr, sizeof(addr));
	n += shutdown(c, SD_BOTH) + closesocket(s);
	n += gethostname(buf, sizeof(buf)) + gethostname(buf, len);
	n += WSAStringToAddress(buf, AF_INET, NULL, (SOCKADDR *)&addr, &len);
	n += WSAAddressToString((SOCKADDR *)&addr, len, NULL, buf, &dword);
	if (gethostbyname("localhost") || getservbyname("http", "tcp") ||
	    gethostbyaddr((char *)&addr.sin_addr, 4, AF_INET) ||
	    getservbyport(htons(80), NULL) || getprotobynumber(6) ||
	    getprotobyname("tcp"))
		return 1;
	InetPton(AF_INET, "127.0.0.1", &addr.sin_addr);
	inet_ntop(AF_INET, &addr.sin_addr, buf, sizeof(buf));
	n += WSAIoctl(c, SIO_KEEPALIVE_VALS, &keepalive, sizeof(keepalive), NULL,
		      0, &dword, NULL, NULL);
	n += WSAIoctl(c, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid),
		      &transmit, sizeof(transmit), &dword, NULL, NULL);
	n += WSAConnect(c, (SOCKADDR *)&addr, len, NULL, NULL, NULL, NULL);
	n += WSASendDisconnect(c, NULL) + WSARecvDisconnect(c, NULL);
	if (WSAAccept(c, NULL, NULL, NULL, 0) != INVALID_SOCKET ||
	    transmit(c, (HANDLE)(intptr_t)1, 0, 0, NULL, NULL, TF_DISCONNECT))
		return 1;
	/* 33 calls, and each has failed */
	return n != -33 || strcmp(buf, "127.0.0.1") ||
	       WSAGetLastError() != WSANOTINITIALISED;
}

int main(void)
{
	struct ops ops = { two, NULL, one, NULL, one, NULL };
	WSADATA data;

	if (ops.accept(1, 2) != 3 || ops.getsockopt(4) != 4 || ops.send(5) != 5)
		return 1;
#ifdef __cplusplus
	if (!methods_keep_their_names())
		return 2;
	with_int_descriptors();
#endif
	if (WSAStartup(MAKEWORD(2, 2), &data) != WSASYSNOTREADY)
		return 3;
	WSASetLastError(0);
	if (calls())
		return 4;
	return WSACleanup() != SOCKET_ERROR ? 5 : 0;
}
