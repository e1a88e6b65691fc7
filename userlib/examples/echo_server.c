// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * echo_server [port [clients]]: sends back what it gets, with blocking calls
 * and a thread for each client.  A client that has sent its end of file gets
 * the rest of its bytes and an orderly end; one that breaks off is dropped.
 * Port 0 is any; which it is gets printed.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static int active;

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

static void *serve(void *arg)
{
	SOCKET client = (SOCKET)arg;
	char buf[16384];
	int n;

	for (;;) {
		n = recv(client, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		if (send_all(client, buf, n) == SOCKET_ERROR) {
			n = SOCKET_ERROR;
			break;
		}
	}
	/* The last error is this thread's own. */
	if (n == SOCKET_ERROR)
		fprintf(stderr, "client lost: error %d\n", WSAGetLastError());
	/* What is still to be sent goes out in the background, then the end. */
	closesocket(client);

	pthread_mutex_lock(&lock);
	active--;
	pthread_cond_signal(&left);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static SOCKET listen_on(unsigned short port)
{
	SOCKADDR_IN addr;
	BOOL on = TRUE;
	int len = sizeof(addr);
	SOCKET s;

	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_ANY);
	addr.sin_port = htons(port);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (const char *)&on, sizeof(on));
	if (s == INVALID_SOCKET ||
	    bind(s, (SOCKADDR *)&addr, sizeof(addr)) == SOCKET_ERROR ||
	    listen(s, SOMAXCONN) == SOCKET_ERROR ||
	    getsockname(s, (SOCKADDR *)&addr, &len) == SOCKET_ERROR) {
		fprintf(stderr, "listen: error %d\n", WSAGetLastError());
		exit(1);
	}
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	return s;
}

int main(int argc, char **argv)
{
	int clients = argc > 2 ? atoi(argv[2]) : -1;
	SOCKET listener, client;
	pthread_t thread;
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	listener = listen_on((unsigned short)atoi(argc > 1 ? argv[1] : "7007"));

	while (clients < 0 || clients-- > 0) {
		client = accept(listener, NULL, NULL);
		if (client == INVALID_SOCKET ||
		    pthread_create(&thread, NULL, serve, (void *)client))
			break;
		pthread_detach(thread);
		pthread_mutex_lock(&lock);
		active++;
		pthread_mutex_unlock(&lock);
	}
	closesocket(listener);

	/* WSACleanup() would close the sockets that are still in use. */
	pthread_mutex_lock(&lock);
	while (active)
		pthread_cond_wait(&left, &lock);
	pthread_mutex_unlock(&lock);
	WSACleanup();
	return 0;
}
