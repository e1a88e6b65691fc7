// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * select_server [port [clients]]: sends back what it gets, to many clients at
 * once from one thread, with nonblocking sockets and select().  Port 0 is any;
 * which it is gets printed.
 */
#define FD_SETSIZE 256	/* our choice: a set is an array, not a bit mask */
#include <winsock2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Either waits to read, or holds bytes and waits to send them. */
struct client {
	SOCKET s;
	char buf[16384];
	int held, sent;
};

static struct client clients[FD_SETSIZE - 1];
static int count;

static SOCKET listen_on(unsigned short port)
{
	int len = sizeof(SOCKADDR_IN);
	u_long nonblocking = 1;
	SOCKADDR_IN addr;
	SOCKET s;

	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_ANY);
	addr.sin_port = htons(port);
	/* Accepted sockets inherit the mode. */
	if (s == INVALID_SOCKET ||
	    bind(s, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(s, SOMAXCONN) == SOCKET_ERROR ||
	    ioctlsocket(s, FIONBIO, &nonblocking) == SOCKET_ERROR ||
	    getsockname(s, (SOCKADDR *)&addr, &len) == SOCKET_ERROR) {
		fprintf(stderr, "listen: error %d\n", WSAGetLastError());
		exit(1);
	}
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return s;
}

/* Returns 0 when the client is done with, one way or the other. */
static int serve(struct client *c)
{
	int n;

	if (!c->held) {
		n = recv(c->s, c->buf, sizeof(c->buf), 0);
		if (n > 0)
			c->held = n;
	} else {
		n = send(c->s, c->buf + c->sent, c->held - c->sent, 0);
		if (n > 0)
			c->sent += n;
		if (c->sent == c->held) {
			c->held = 0;
			c->sent = 0;
		}
	}
	if (n == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK)
		return 1;
	if (n == SOCKET_ERROR)
		fprintf(stderr, "client lost: error %d\n", WSAGetLastError());
	return n > 0;
}

int main(int argc, char **argv)
{
	int i, left = argc > 2 ? atoi(argv[2]) : -1;
	fd_set reading, writing;
	SOCKET listener, s;
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	listener = listen_on((unsigned short)atoi(argc > 1 ? argv[1] : "7007"));

	while (left || count) {
		FD_ZERO(&reading);
		FD_ZERO(&writing);
		if (left && count < FD_SETSIZE - 1)
			FD_SET(listener, &reading);
		for (i = 0; i < count; i++)
			FD_SET(clients[i].s, clients[i].held ? &writing : &reading);
		/* The first argument means nothing to Winsock. */
		if (select(0, &reading, &writing, NULL, NULL) == SOCKET_ERROR) {
			fprintf(stderr, "select: error %d\n", WSAGetLastError());
			return 1;
		}

		for (i = count - 1; i >= 0; i--) {
			s = clients[i].s;
			if ((!FD_ISSET(s, &reading) && !FD_ISSET(s, &writing)) ||
			    serve(&clients[i]))
				continue;
			closesocket(s);		/* SO_LINGER is off: at once */
			clients[i] = clients[--count];
		}
		if (!FD_ISSET(listener, &reading))
			continue;
		s = accept(listener, NULL, NULL);
		if (s == INVALID_SOCKET)
			continue;	/* it has gone again */
		memset(&clients[count], 0, sizeof(clients[count]));
		clients[count++].s = s;
		if (left > 0)
			left--;
	}
	closesocket(listener);
	WSACleanup();
	return 0;
}
