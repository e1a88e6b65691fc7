// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * echo_client host port text: sends the text, ends its side, prints what comes
 * back and waits for the server's end.  Exit status 0 says that it was the
 * same text.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <string.h>

static SOCKET connect_to(const char *host, const char *port)
{
	struct addrinfo hints, *list, *ai;
	SOCKET s = INVALID_SOCKET;
	int err;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	err = getaddrinfo(host, port, &hints, &list);
	if (err) {
		fprintf(stderr, "%s: %s\n", host, gai_strerror(err));
		return INVALID_SOCKET;
	}

	for (ai = list; ai; ai = ai->ai_next) {
		s = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
		if (s == INVALID_SOCKET)
			continue;
		if (connect(s, ai->ai_addr, (int)ai->ai_addrlen) != SOCKET_ERROR)
			break;
		fprintf(stderr, "connect: error %d\n", WSAGetLastError());
		closesocket(s);
		s = INVALID_SOCKET;
	}
	freeaddrinfo(list);
	return s;
}

/* As many bytes as were sent, or fewer if the server ends early. */
static int echo(SOCKET s, const char *text, char *back, int size)
{
	int len = (int)strlen(text), got = 0, n;

	if (send(s, text, len, 0) == SOCKET_ERROR ||
	    shutdown(s, SD_SEND) == SOCKET_ERROR)
		return SOCKET_ERROR;

	do {
		n = recv(s, back + got, size - got, 0);
		if (n == SOCKET_ERROR)
			return SOCKET_ERROR;
		got += n;
	} while (n > 0 && got < size);
	return got;
}

int main(int argc, char **argv)
{
	char back[4096];
	WSADATA data;
	SOCKET s;
	int n, ok;

	if (argc != 4 || strlen(argv[3]) >= sizeof(back)) {
		fprintf(stderr, "usage: echo_client host port text\n");
		return 2;
	}
	n = WSAStartup(MAKEWORD(2, 2), &data);
	if (n) {
		fprintf(stderr, "WSAStartup: error %d: %s\n", n, winsock_strerror(n));
		return 1;
	}

	s = connect_to(argv[1], argv[2]);
	if (s == INVALID_SOCKET) {
		WSACleanup();
		return 1;
	}
	n = echo(s, argv[3], back, sizeof(back));
	if (n == SOCKET_ERROR)
		fprintf(stderr, "echo: error %d\n", WSAGetLastError());
	else
		printf("%.*s\n", n, back);
	ok = n == (int)strlen(argv[3]) && !memcmp(back, argv[3], n);

	if (closesocket(s) == SOCKET_ERROR)
		ok = 0;
	WSACleanup();
	return ok ? 0 : 1;
}
