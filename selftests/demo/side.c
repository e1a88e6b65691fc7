// SPDX-License-Identifier: GPL-2.0
/* The calls of either side: Winsock's names and libc's in one file. */
#define WINSOCK_NO_REDIRECT
#include <winsock2.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

/* Each failing call has its error in a place of its own. */
static long side_result(enum side side, long result)
{
	if (result >= 0)
		return result;
	return side == BY_CLOSESOCKET ? -WSAGetLastError() : -errno;
}

static void must(enum side side, long result, const char *call)
{
	if (result < 0)
		fail("%s: %s", call, side_error(side, side_result(side, result)));
}

bool side_ready(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return false;
	WSACleanup();
	return true;
}

void side_start(enum side side)
{
	WSADATA data;
	int error;

	if (side == BY_CLOSE)
		return;
	error = WSAStartup(MAKEWORD(2, 2), &data);
	if (error)
		fail("WSAStartup: %s", side_error(side, -error));
}

int side_socket(enum side side, int family, int type)
{
	int fd;

	if (side == BY_CLOSESOCKET)
		fd = winsock_socket(family, type, 0);
	else
		fd = socket(family, type, 0);
	must(side, fd, "socket");
	return fd;
}

long side_close(enum side side, int fd)
{
	if (side == BY_CLOSESOCKET)
		return side_result(side, closesocket(fd));
	return side_result(side, close(fd));
}

long side_send(enum side side, int fd, const void *buf, size_t len)
{
	if (side == BY_CLOSESOCKET)
		return side_result(side, winsock_send(fd, buf, len, 0));
	return side_result(side, send(fd, buf, len, MSG_NOSIGNAL));
}

long side_recv(enum side side, int fd, void *buf, size_t len)
{
	if (side == BY_CLOSESOCKET)
		return side_result(side, winsock_recv(fd, buf, len, 0));
	return side_result(side, recv(fd, buf, len, 0));
}

/* The library's ends in recvmsg(2) too: both sides sit in the same call. */
long side_recvfrom(enum side side, int fd, void *buf, size_t len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (side == BY_CLOSESOCKET)
		return side_result(side, winsock_recvfrom(fd, buf, len, 0, NULL,
							  NULL));
	return side_result(side, recvmsg(fd, &msg, 0));
}

long side_accept(enum side side, int fd)
{
	if (side == BY_CLOSESOCKET)
		return side_result(side, winsock_accept(fd, NULL, NULL));
	return side_result(side, accept4(fd, NULL, NULL, 0));
}

long side_connect(enum side side, int fd, const struct sockaddr_storage *addr,
		  socklen_t len)
{
	const struct sockaddr *name = (const struct sockaddr *)addr;

	if (side == BY_CLOSESOCKET)
		return side_result(side, winsock_connect(fd, name, len));
	return side_result(side, connect(fd, name, len));
}

void side_linger(enum side side, int fd, int seconds)
{
	LINGER linger = { .l_onoff = 1, .l_linger = seconds };

	if (side == BY_CLOSE)
		set_linger(fd, 1, seconds);
	else
		must(side, winsock_setsockopt(fd, SOL_SOCKET, SO_LINGER,
					      &linger, sizeof(linger)),
		     "SO_LINGER");
}

void side_dontlinger(enum side side, int fd)
{
	BOOL on = TRUE;

	if (side == BY_CLOSE)
		set_linger(fd, 0, 0);
	else
		must(side, winsock_setsockopt(fd, SOL_SOCKET, SO_DONTLINGER,
					      &on, sizeof(on)),
		     "SO_DONTLINGER");
}

void side_nonblocking(enum side side, int fd, bool on)
{
	u_long value = on;

	if (side == BY_CLOSE)
		set_nonblocking(fd, on);
	else
		must(side, ioctlsocket(fd, FIONBIO, &value), "FIONBIO");
}

void side_shutdown(enum side side, int fd)
{
	if (side == BY_CLOSE)
		must(side, shutdown(fd, SHUT_WR), "shutdown");
	else
		must(side, winsock_shutdown(fd, SD_SEND), "shutdown");
}

bool side_is_refusal(enum side side, long result)
{
	return side == BY_CLOSESOCKET && result == -WSAEWOULDBLOCK;
}

static const char *winsock_error(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
#define NAME(error) { error, #error }
		NAME(WSAEINTR),
		NAME(WSAEBADF),
		NAME(WSAEFAULT),
		NAME(WSAEINVAL),
		NAME(WSAEMFILE),
		NAME(WSAEWOULDBLOCK),
		NAME(WSAEINPROGRESS),
		NAME(WSAENOTSOCK),
		NAME(WSAENOPROTOOPT),
		NAME(WSAEOPNOTSUPP),
		NAME(WSAENETDOWN),
		NAME(WSAECONNABORTED),
		NAME(WSAECONNRESET),
		NAME(WSAENOBUFS),
		NAME(WSAENOTCONN),
		NAME(WSAESHUTDOWN),
		NAME(WSAETIMEDOUT),
		NAME(WSAECONNREFUSED),
		NAME(WSASYSNOTREADY),
		NAME(WSANOTINITIALISED),
#undef NAME
	};
	static __thread char number[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(number, sizeof(number), "%d", error);
	return number;
}

const char *side_error(enum side side, long error)
{
	const char *name;

	if (side == BY_CLOSESOCKET)
		return winsock_error(-error);
	name = strerrorname_np(-error);
	return name ? name : "?";
}
