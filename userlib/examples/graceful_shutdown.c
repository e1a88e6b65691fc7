// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * graceful_shutdown serve [port]
 * graceful_shutdown ask host port text
 *
 * Both ends of an exchange in which nobody loses a byte: whoever has nothing
 * more to send says so with shutdown(SD_SEND), reads up to the other's end, and
 * closes only then.  Here the client ends first, and is answered after that.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *call)
{
	fprintf(stderr, "%s: error %d\n", call, WSAGetLastError());
	return 1;
}

/* Up to the other's end; returns how many bytes, or SOCKET_ERROR. */
static int read_to_end(SOCKET s, char *buf, int size)
{
	int got = 0, n;

	do {
		n = recv(s, buf + got, size - got, 0);
		if (n == SOCKET_ERROR)
			return SOCKET_ERROR;
		got += n;
	} while (n > 0 && got < size);
	return got;
}

static int serve(const char *port)
{
	char request[4096], answer[64];
	int len = sizeof(SOCKADDR_IN);
	SOCKET listener, s;
	SOCKADDR_IN addr;

	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)atoi(port));
	if (listener == INVALID_SOCKET ||
	    bind(listener, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(listener, 1) == SOCKET_ERROR ||
	    getsockname(listener, (SOCKADDR *)&addr, &len) == SOCKET_ERROR)
		return fail("listen");
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	s = accept(listener, NULL, NULL);
	closesocket(listener);
	len = read_to_end(s, request, sizeof(request));
	if (len == SOCKET_ERROR)
		return fail("recv");
	printf("asked: %.*s\n", len, request);
	/* The client has shut down its side only: ours still sends. */
	sprintf(answer, "%d bytes", len);
	if (send(s, answer, (int)strlen(answer), 0) == SOCKET_ERROR)
		return fail("send");
	if (shutdown(s, SD_SEND) == SOCKET_ERROR)
		return fail("shutdown");
	/* Both ends are there already: this close waits for nothing. */
	return closesocket(s) == SOCKET_ERROR ? fail("closesocket") : 0;
}

static int ask(const char *host, const char *port, const char *text)
{
	ADDRINFOA hints, *ai;
	char answer[64];
	SOCKET s;
	int len;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &ai))
		return fail("getaddrinfo");
	s = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
	if (connect(s, ai->ai_addr, (int)ai->ai_addrlen) == SOCKET_ERROR)
		return fail("connect");
	freeaddrinfo(ai);

	if (send(s, text, (int)strlen(text), 0) == SOCKET_ERROR)
		return fail("send");
	if (shutdown(s, SD_SEND) == SOCKET_ERROR)
		return fail("shutdown");
	len = read_to_end(s, answer, sizeof(answer));
	if (len == SOCKET_ERROR)
		return fail("recv");
	printf("answered: %.*s\n", len, answer);
	return closesocket(s) == SOCKET_ERROR ? fail("closesocket") : 0;
}

int main(int argc, char **argv)
{
	WSADATA data;
	int ret = 2;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	if (argc > 1 && !strcmp(argv[1], "serve"))
		ret = serve(argc > 2 ? argv[2] : "7007");
	else if (argc > 4 && !strcmp(argv[1], "ask"))
		ret = ask(argv[2], argv[3], argv[4]);
	WSACleanup();
	return ret;
}
