// SPDX-License-Identifier: LGPL-2.1-or-later
/* last_word host port text: says it, and the peer has five seconds to take it. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct addrinfo hints, *ai;
	LINGER five_seconds = { 1, 5 };
	int error, ok = 0;
	WSADATA data;
	SOCKET s;

	if (argc != 4)
		return 2;
	error = WSAStartup(MAKEWORD(2, 2), &data);
	if (error) {
		fprintf(stderr, "WSAStartup: error %d\n", error);
		return 1;
	}

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if (!getaddrinfo(argv[1], argv[2], &hints, &ai)) {
		s = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
		setsockopt(s, SOL_SOCKET, SO_LINGER, (const char *)&five_seconds,
			   sizeof(five_seconds));
		ok = connect(s, ai->ai_addr, (int)ai->ai_addrlen) == 0 &&
		     send(s, argv[3], (int)strlen(argv[3]), 0) != SOCKET_ERROR;
		/* Waits until the peer has it; after 5 s, resets. */
		ok &= closesocket(s) == 0;
		freeaddrinfo(ai);
	}
	if (!ok)
		fprintf(stderr, "error %d\n", WSAGetLastError());
	WSACleanup();
	return !ok;
}
