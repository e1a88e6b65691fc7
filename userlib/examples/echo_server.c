// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * echo_server [port [clients]]: sends back what it gets, one client after the
 * other.  A client that has sent its end of file gets the rest of its bytes
 * and an orderly end; one that breaks off is dropped.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int send_all(SOCKET s, const char *buf, int len)
{
	int n;

	for (; len > 0; buf += n, len -= n) {
		n = send(s, buf, len, 0);
		if (n == SOCKET_ERROR)
			return SOCKET_ERROR;
	}
	return 0;
}

static void serve(SOCKET client)
{
	char buf[16384];
	int n;

	for (;;) {
		n = recv(client, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		if (send_all(client, buf, n) == SOCKET_ERROR)
			break;
	}
	if (n == SOCKET_ERROR)
		fprintf(stderr, "client lost: error %d\n", WSAGetLastError());
	else
		shutdown(client, SD_SEND);
	closesocket(client);
}

static SOCKET listen_on(unsigned short port)
{
	struct sockaddr_in addr;
	BOOL on = TRUE;
	SOCKET s;

	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (s == INVALID_SOCKET)
		return s;

	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_ANY);
	addr.sin_port = htons(port);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (const char *)&on, sizeof(on));
	if (bind(s, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(s, SOMAXCONN) == SOCKET_ERROR) {
		closesocket(s);
		return INVALID_SOCKET;
	}
	return s;
}

int main(int argc, char **argv)
{
	int clients = argc > 2 ? atoi(argv[2]) : -1;
	char host[INET_ADDRSTRLEN];
	struct sockaddr_in peer;
	SOCKET listener, client;
	WSADATA data;
	int len, err;

	err = WSAStartup(MAKEWORD(2, 2), &data);
	if (err) {
		fprintf(stderr, "WSAStartup: error %d\n", err);
		return 1;
	}

	listener = listen_on((unsigned short)(argc > 1 ? atoi(argv[1]) : 7007));
	if (listener == INVALID_SOCKET) {
		fprintf(stderr, "cannot listen: error %d\n", WSAGetLastError());
		WSACleanup();
		return 1;
	}

	while (clients < 0 || clients-- > 0) {
		len = sizeof(peer);
		client = accept(listener, (SOCKADDR *)&peer, &len);
		if (client == INVALID_SOCKET)
			break;
		InetNtop(AF_INET, &peer.sin_addr, host, sizeof(host));
		printf("%s:%u\n", host, ntohs(peer.sin_port));
		fflush(stdout);
		serve(client);
	}

	closesocket(listener);
	WSACleanup();
	return 0;
}
