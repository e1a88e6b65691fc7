// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * event_server [port [clients]]: sends back what it gets, with an event object
 * for each socket.  Port 0 is any; which it is gets printed.
 */
#include <winsock2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client {
	char buf[16384];
	int held, sent;
};

/* [0] is the listener. */
static SOCKET sockets[WSA_MAXIMUM_WAIT_EVENTS];
static WSAEVENT events[WSA_MAXIMUM_WAIT_EVENTS];
static struct client clients[WSA_MAXIMUM_WAIT_EVENTS];
static DWORD count;

static void fail(const char *call)
{
	fprintf(stderr, "%s: error %d\n", call, WSAGetLastError());
	exit(1);
}

/* From here on the socket is nonblocking. */
static void watch(SOCKET s, long mask)
{
	sockets[count] = s;
	events[count] = WSACreateEvent();
	if (WSAEventSelect(s, events[count], mask) == SOCKET_ERROR)
		fail("WSAEventSelect");
	memset(&clients[count++], 0, sizeof(clients[0]));
}

static void drop(DWORD i)
{
	closesocket(sockets[i]);	/* nothing is recorded any more */
	WSACloseEvent(events[i]);	/* the event is ours to close */
	count--;
	sockets[i] = sockets[count];
	events[i] = events[count];
	clients[i] = clients[count];
}

/*
 * FD_READ comes again after a recv() that left bytes, FD_WRITE after a send()
 * that failed with WSAEWOULDBLOCK and FD_CLOSE once: it is up to us to go on
 * until a call would block.  Returns 0 when the client is done with.
 */
static int serve(SOCKET s, struct client *c)
{
	int n;

	do {
		if (!c->held) {
			n = recv(s, c->buf, sizeof(c->buf), 0);
			if (n > 0)
				c->held = n;
		} else {
			n = send(s, c->buf + c->sent, c->held - c->sent, 0);
			if (n > 0)
				c->sent += n;
			if (c->sent == c->held) {
				c->held = 0;
				c->sent = 0;
			}
		}
	} while (n > 0);
	return n == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK;
}

int main(int argc, char **argv)
{
	int left = argc > 2 ? atoi(argv[2]) : -1, len = sizeof(SOCKADDR_IN);
	WSANETWORKEVENTS found;
	SOCKADDR_IN addr;
	WSADATA data;
	SOCKET s;
	DWORD i;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "7007"));
	if (s == INVALID_SOCKET ||
	    bind(s, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(s, SOMAXCONN) == SOCKET_ERROR ||
	    getsockname(s, (SOCKADDR *)&addr, &len) == SOCKET_ERROR)
		fail("listen");
	watch(s, FD_ACCEPT);
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	while (left || count > 1) {
		i = WSAWaitForMultipleEvents(count, events, FALSE, WSA_INFINITE,
					     FALSE);
		if (i == WSA_WAIT_FAILED)
			fail("WSAWaitForMultipleEvents");
		i -= WSA_WAIT_EVENT_0;
		/* Takes what was recorded and resets the event. */
		if (WSAEnumNetworkEvents(sockets[i], events[i], &found) == SOCKET_ERROR)
			fail("WSAEnumNetworkEvents");

		if (i > 0 && !serve(sockets[i], &clients[i]))
			drop(i);
		if (!(found.lNetworkEvents & FD_ACCEPT) || !left)
			continue;
		s = accept(sockets[0], NULL, NULL);
		if (count == WSA_MAXIMUM_WAIT_EVENTS)
			closesocket(s);		/* no room for its event */
		else if (s != INVALID_SOCKET)
			watch(s, FD_READ | FD_WRITE | FD_CLOSE);
		if (s != INVALID_SOCKET && left > 0)
			left--;
	}
	drop(0);
	WSACleanup();
	return 0;
}
