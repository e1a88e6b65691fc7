// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * retry_ladder wait|block|events host port
 *
 * Fills a nonblocking connection that has SO_LINGER on, and closes it.  Bytes
 * are still to be sent, so closesocket() fails with WSAEWOULDBLOCK and has
 * changed nothing: it can be called again, after
 *   wait	10 ms, until everything has gone
 *   block	a return to blocking mode: now the call itself waits, and for no
 *		longer than the linger interval
 *   events	the same, which WSAEventSelect() forbids; a linger interval of
 *		0 s is what always works, and resets the connection
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int set_linger(SOCKET s, unsigned short seconds)
{
	LINGER linger;

	linger.l_onoff = 1;
	linger.l_linger = seconds;
	return setsockopt(s, SOL_SOCKET, SO_LINGER, (const char *)&linger,
			  sizeof(linger));
}

/* How often closesocket() had to be called, or 0 if it failed. */
static int wait_loop(SOCKET s)
{
	struct timespec pause = { 0, 10 * 1000000 };
	int tries = 1;

	for (; closesocket(s) == SOCKET_ERROR; tries++) {
		if (WSAGetLastError() != WSAEWOULDBLOCK)
			return 0;
		nanosleep(&pause, NULL);
	}
	return tries;
}

static int ladder(SOCKET s)
{
	u_long nonblocking = 0;

	if (closesocket(s) != SOCKET_ERROR)
		return 1;
	if (WSAGetLastError() != WSAEWOULDBLOCK)
		return 0;
	if (ioctlsocket(s, FIONBIO, &nonblocking) != SOCKET_ERROR)
		return closesocket(s) == SOCKET_ERROR ? 0 : 2;
	if (WSAGetLastError() != WSAEINVAL)
		return 0;
	printf("events are selected: it stays nonblocking\n");
	if (set_linger(s, 0) == SOCKET_ERROR)
		return 0;
	return closesocket(s) == SOCKET_ERROR ? 0 : 2;
}

/* Sends the alphabet over and over, until no more is taken. */
static long fill(SOCKET s)
{
	char buf[26 * 100];
	long sent = 0;
	int n;

	for (n = 0; n < (int)sizeof(buf); n++)
		buf[n] = 'a' + n % 26;
	while ((n = send(s, buf + sent % 26, sizeof(buf) - 26, 0)) > 0)
		sent += n;
	return WSAGetLastError() == WSAEWOULDBLOCK ? sent : SOCKET_ERROR;
}

static SOCKET connect_to(const char *host, const char *port)
{
	ADDRINFOA hints, *ai;
	SOCKET s;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &ai))
		return INVALID_SOCKET;
	s = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
	if (connect(s, ai->ai_addr, (int)ai->ai_addrlen) == SOCKET_ERROR)
		s = INVALID_SOCKET;
	freeaddrinfo(ai);
	return s;
}

int main(int argc, char **argv)
{
	WSAEVENT event = WSA_INVALID_EVENT;
	u_long nonblocking = 1;
	WSADATA data;
	int tries;
	SOCKET s;

	if (argc < 4 || WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	s = connect_to(argv[2], argv[3]);
	set_linger(s, 60);
	ioctlsocket(s, FIONBIO, &nonblocking);
	if (!strcmp(argv[1], "events")) {
		event = WSACreateEvent();
		WSAEventSelect(s, event, FD_WRITE | FD_CLOSE);
	}
	printf("sent %ld bytes\n", fill(s));
	fflush(stdout);

	tries = strcmp(argv[1], "wait") ? ladder(s) : wait_loop(s);
	if (!tries)
		printf("not closed: error %d\n", WSAGetLastError());
	else
		printf("closed by call %d\n", tries);
	if (event != WSA_INVALID_EVENT)
		WSACloseEvent(event);
	WSACleanup();
	return !tries;
}
