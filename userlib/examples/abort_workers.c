// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * abort_workers [port [workers]]: accepts so many connections, each with a
 * thread that reads from it, and ends them all when it is told to by a line on
 * the standard input.  Port 0 is any; which it is gets printed.
 *
 * With a linger interval of 0 s closesocket() resets the connection at once,
 * and threads that wait on the socket are sent home before it returns.
 */
#include <winsock2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX 64

struct worker {
	pthread_t thread;
	SOCKET s;
	long bytes;
	int error;
};

static struct worker workers[WORKERS_MAX];

/* Reads; the socket is the control thread's to close. */
static void *work(void *arg)
{
	struct worker *w = (struct worker *)arg;
	char buf[4096];
	int n;

	while ((n = recv(w->s, buf, sizeof(buf), 0)) > 0)
		w->bytes += n;
	if (n == SOCKET_ERROR)
		w->error = WSAGetLastError();
	return NULL;
}

static int abort_connection(SOCKET s)
{
	LINGER now;

	now.l_onoff = 1;
	now.l_linger = 0;
	if (setsockopt(s, SOL_SOCKET, SO_LINGER, (const char *)&now, sizeof(now)) ==
	    SOCKET_ERROR)
		return SOCKET_ERROR;
	return closesocket(s);
}

static int fail(const char *call)
{
	fprintf(stderr, "%s: error %d\n", call, WSAGetLastError());
	return 1;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 4, len = sizeof(SOCKADDR_IN), i;
	SOCKADDR_IN addr;
	SOCKET listener;
	WSADATA data;
	int bad = 0;

	if (count > WORKERS_MAX || WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "7007"));
	if (listener == INVALID_SOCKET ||
	    bind(listener, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(listener, count) == SOCKET_ERROR ||
	    getsockname(listener, (SOCKADDR *)&addr, &len) == SOCKET_ERROR)
		return fail("listen");
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	for (i = 0; i < count; i++) {
		workers[i].s = accept(listener, NULL, NULL);
		if (workers[i].s == INVALID_SOCKET)
			return fail("accept");
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 1;
	}
	closesocket(listener);
	printf("%d workers\n", count);
	fflush(stdout);
	getchar();

	for (i = 0; i < count; i++)
		if (abort_connection(workers[i].s) == SOCKET_ERROR)
			return fail("closesocket");
	for (i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		printf("worker %d: %ld bytes, error %d\n", i, workers[i].bytes,
		       workers[i].error);
		bad += workers[i].error != WSAECONNABORTED;
	}
	WSACleanup();
	return bad ? 1 : 0;
}
