// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * overlapped_client host port [kilobytes]: sends text to an echo server and
 * receives it at the same time, in one thread.  The request to send sets an
 * event when it is done; each request to receive has a completion routine that
 * makes the next.  Exit status 0 says that everything came back as it was sent.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_KB 4096

/* The structure belongs to the library until its request is done. */
static struct receiver {
	WSAOVERLAPPED overlapped;	/* first: the routine gets its address */
	SOCKET s;
	char buf[SIZE_MAX_KB * 1024 + 1];
	DWORD got, error;
	int done;
} r;

static char text[SIZE_MAX_KB * 1024];

static void CALLBACK received(DWORD error, DWORD bytes,
			      LPWSAOVERLAPPED overlapped, DWORD flags);

static void receive(struct receiver *r)
{
	DWORD flags = 0;
	WSABUF buf;

	buf.buf = r->buf + r->got;
	buf.len = sizeof(r->buf) - r->got;
	if (WSARecv(r->s, &buf, 1, NULL, &flags, &r->overlapped, received) ==
	    SOCKET_ERROR && WSAGetLastError() != WSA_IO_PENDING) {
		r->error = WSAGetLastError();
		r->done = 1;
	}
}

/* Runs in an alertable wait of the thread that made the request. */
static void CALLBACK received(DWORD error, DWORD bytes,
			      LPWSAOVERLAPPED overlapped, DWORD flags)
{
	struct receiver *r = (struct receiver *)overlapped;

	(void)flags;
	r->got += bytes;
	r->error = error;
	r->done = error || !bytes || r->got == sizeof(r->buf);
	if (!r->done)
		receive(r);
}

static SOCKET connect_to(const char *host, const char *port)
{
	ADDRINFOA hints, *ai;
	SOCKET s;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(host, port, &hints, &ai))
		return INVALID_SOCKET;
	s = WSASocket(ai->ai_family, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
	if (connect(s, ai->ai_addr, (int)ai->ai_addrlen) == SOCKET_ERROR)
		s = INVALID_SOCKET;
	freeaddrinfo(ai);
	return s;
}

/* WSACleanup() cancels what is still under way, and closes the socket. */
static int fail(const char *call)
{
	fprintf(stderr, "%s: error %d\n", call, WSAGetLastError());
	WSACleanup();
	return 1;
}

int main(int argc, char **argv)
{
	DWORD i, size = 1024 * (argc > 3 ? atoi(argv[3]) : 1024), sent = 0, flags;
	WSAOVERLAPPED sending;
	WSABUF halves[2];
	WSADATA data;
	int ok;

	if (argc < 3 || size > sizeof(text) || WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	for (i = 0; i < size; i++)
		text[i] = 'a' + i % 26 + i / 26 % 7;
	r.s = connect_to(argv[1], argv[2]);
	if (r.s == INVALID_SOCKET)
		return fail("connect");
	memset(&sending, 0, sizeof(sending));
	sending.hEvent = WSACreateEvent();

	/* One request may gather from several buffers. */
	halves[0].buf = text;
	halves[0].len = size / 2;
	halves[1].buf = text + size / 2;
	halves[1].len = size - size / 2;
	receive(&r);
	if (WSASend(r.s, halves, 2, NULL, 0, &sending, NULL) == SOCKET_ERROR &&
	    WSAGetLastError() != WSA_IO_PENDING)
		return fail("WSASend");

	while (!r.done) {
		/* Routines run in here, and end the wait. */
		i = WSAWaitForMultipleEvents(1, &sending.hEvent, TRUE,
					     WSA_INFINITE, TRUE);
		if (i == WSA_WAIT_IO_COMPLETION)
			continue;
		if (!WSAGetOverlappedResult(r.s, &sending, &sent, FALSE, &flags))
			return fail("WSASend");
		WSAResetEvent(sending.hEvent);
		shutdown(r.s, SD_SEND);
	}

	ok = sent == size && r.got == size && !r.error && !memcmp(r.buf, text, size);
	printf("sent %u, got back %u, error %u\n", sent, r.got, r.error);
	closesocket(r.s);
	WSACloseEvent(sending.hEvent);
	WSACleanup();
	return ok ? 0 : 1;
}
