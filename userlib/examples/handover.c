// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * handover [port]: accepts a connection and hands it over to another process,
 * which sends back what it gets.  Port 0 is any; which it is gets printed.
 */
#include <winsock2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *call)
{
	fprintf(stderr, "%s: error %d\n", call, WSAGetLastError());
	return 1;
}

/* The other process: it has a library of its own, and no socket so far. */
static int work(int from, int to)
{
	WSAPROTOCOL_INFO info;
	char buf[16384];
	WSADATA data;
	int got, n;
	SOCKET s;

	if (WSAStartup(MAKEWORD(2, 2), &data) ||
	    read(from, &info, sizeof(info)) != (int)sizeof(info))
		return 1;
	/* Good for one socket, once. */
	s = WSASocket(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
		      &info, 0, 0);
	if (s == INVALID_SOCKET)
		return fail("WSASocket");
	if (write(to, "", 1) != 1)
		return 1;

	while ((got = recv(s, buf, sizeof(buf), 0)) > 0)
		for (n = 0; n < got; ) {
			int sent = send(s, buf + n, got - n, 0);

			if (sent == SOCKET_ERROR)
				return fail("send");
			n += sent;
		}
	if (got == SOCKET_ERROR)
		return fail("recv");
	/* The last descriptor of the socket: this ends the connection. */
	if (closesocket(s) == SOCKET_ERROR)
		return fail("closesocket");
	return WSACleanup();
}

static int hand_over(int port, pid_t child, int from, int to)
{
	int len = sizeof(SOCKADDR_IN);
	WSAPROTOCOL_INFO info;
	SOCKET listener, s;
	SOCKADDR_IN addr;
	char taken;

	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)port);
	if (listener == INVALID_SOCKET ||
	    bind(listener, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(listener, 1) == SOCKET_ERROR ||
	    getsockname(listener, (SOCKADDR *)&addr, &len) == SOCKET_ERROR)
		return fail("listen");
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	s = accept(listener, NULL, NULL);
	if (s == INVALID_SOCKET)
		return fail("accept");
	/* Ours has to stay open until the other process has its own. */
	if (WSADuplicateSocket(s, (DWORD)child, &info) == SOCKET_ERROR)
		return fail("WSADuplicateSocket");
	if (write(to, &info, sizeof(info)) != (int)sizeof(info) ||
	    read(from, &taken, 1) != 1)
		return 1;
	/* Others have it: nothing is sent, and nothing of theirs ends. */
	if (closesocket(s) == SOCKET_ERROR)
		return fail("closesocket");
	printf("handed over to process %d\n", (int)child);
	fflush(stdout);
	return closesocket(listener);
}

int main(int argc, char **argv)
{
	int down[2], up[2], ret, status = 1;
	WSADATA data;
	pid_t child;

	if (pipe(down) || pipe(up))
		return 1;
	child = fork();
	if (!child) {
		close(down[1]);
		return work(down[0], up[1]);
	}
	close(up[1]);
	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	ret = hand_over(atoi(argc > 1 ? argv[1] : "7007"), child, up[0], down[1]);
	WSACleanup();
	close(down[1]);		/* without a socket it gives up */
	return waitpid(child, &status, 0) < 0 || ret || status;
}
