// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * outcome_server [port [milliseconds [text [clients]]]]: sends each client the
 * text and closes with a deadline, which is no part of Winsock.  One thread
 * accepts and reports what became of the closes; it never waits for a client.
 */
#include <winsock2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const results[] = {
	"delivered", "reset at the deadline", "reset by the peer", "still shared",
	"not connected"
};

static void fail(const char *call)
{
	fprintf(stderr, "%s: error %d\n", call, WSAGetLastError());
	exit(1);
}

/* The socket of an accept() is nonblocking, as the listener is. */
static void serve(SOCKET s, unsigned int deadline, const char *text,
		  WSAEVENT outcomes, int number)
{
	LINGER reset = { 1, 0 };

	/* As much as there is room for; it never waits. */
	send(s, text, strlen(text), 0);
	if (winsock_close_deadline(s, deadline, outcomes, number) != SOCKET_ERROR)
		return;
	/* Too many are under way: this client gets no more time. */
	fprintf(stderr, "client %d: error %d\n", number, WSAGetLastError());
	setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&reset, sizeof(reset));
	closesocket(s);
}

int main(int argc, char **argv)
{
	unsigned int deadline = argc > 2 ? (unsigned int)atoi(argv[2]) : 5000;
	const char *text = argc > 3 ? argv[3] : "Good night.\n";
	int clients = argc > 4 ? atoi(argv[4]) : -1, accepted = 0, ended = 0;
	int len = sizeof(SOCKADDR_IN);
	struct winsock_outcome outcome;
	WSANETWORKEVENTS found;
	WSAEVENT events[2];
	SOCKADDR_IN addr;
	SOCKET s, client;
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "7008"));
	if (s == INVALID_SOCKET ||
	    bind(s, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(s, SOMAXCONN) == SOCKET_ERROR ||
	    getsockname(s, (SOCKADDR *)&addr, &len) == SOCKET_ERROR)
		fail("listen");
	events[0] = WSACreateEvent();
	if (WSAEventSelect(s, events[0], FD_ACCEPT) == SOCKET_ERROR)
		fail("WSAEventSelect");
	events[1] = winsock_create_outcomes();
	if (events[1] == WSA_INVALID_EVENT)
		fail("winsock_create_outcomes");
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	while (ended != clients) {
		if (WSAWaitForMultipleEvents(2, events, FALSE, WSA_INFINITE,
					     FALSE) == WSA_WAIT_FAILED)
			fail("WSAWaitForMultipleEvents");
		if (WSAEnumNetworkEvents(s, events[0], &found) == SOCKET_ERROR)
			fail("WSAEnumNetworkEvents");
		if (found.lNetworkEvents & FD_ACCEPT) {
			client = accept(s, NULL, NULL);
			if (client != INVALID_SOCKET)
				serve(client, deadline, text, events[1], ++accepted);
		}
		while (winsock_get_outcome(events[1], &outcome) == 1) {
			printf("client %u: %s\n", (unsigned int)outcome.cookie,
			       results[outcome.result]);
			fflush(stdout);
			ended++;
		}
	}
	winsock_close_outcomes(events[1]);
	closesocket(s);
	WSACloseEvent(events[0]);
	WSACleanup();
	return 0;
}
