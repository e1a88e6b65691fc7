// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What programs do that were written with Windows' headers at hand, each of
 * which has kept a public one from compiling.  See check.sh; exit status 0.
 */
#include <sys/types.h>
#include <wspiapi.h>
#include <WinSock.h>
#include <ws2def.h>
#include <Ws2ipdef.h>
#include <WS2TCPIP.H>
#include <MSWSock.h>
#include <stdio.h>
#include <string.h>

/* Types of their own that Windows' headers agree to. */
#if !defined(__STRICT_ANSI__) || __STDC_VERSION__ >= 201112L || defined(__cplusplus)
typedef int socklen_t;
#endif

static u_int uint_value = 1;
static u_char uchar_value = 1;
static u_short ushort_value = 1;
static u_long ulong_value = 1;

/* Feature tests of programs for many systems. */
static int linux_names(void)
{
	int n = 0;
#ifdef SIOCGIFCONF
	struct ifconf conf;
	struct ifreq request;

	conf.ifc_len = sizeof(request);
	n = conf.ifc_len;
#endif
#ifdef SO_BINDTODEVICE
	char device[IFNAMSIZ];

	n += sizeof(device);
#endif
	return n;
}

/* Bytes, of which none is zero. */
static const unsigned char bytes[16] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
};

static int addresses(void)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
	SOCKADDR_STORAGE storage;
	SOCKADDR *addr = (SOCKADDR *)&storage;
	SOCKADDR_IN *in = (SOCKADDR_IN *)&storage;
	SOCKADDR_IN6 *in6 = (SOCKADDR_IN6 *)&storage;
	struct in_addr localhost;
	SOCKADDR_INET either;
	IN6_ADDR six;

	localhost.S_un.S_addr = htonl(INADDR_LOOPBACK);
	memcpy(&six, bytes, sizeof(six));
	if (sizeof(six) != 16 || six.u.Byte[15] != 16 || six.s6_bytes[0] != 1 ||
	    six.u.Word[7] != six.s6_words[7] || six.s6_addr[2] != 3)
		return 1;

	memset(&storage, 0xff, sizeof(storage));
	storage.ss_family = AF_INET;
	INETADDR_SETANY(addr);
	if (in->sin_family != AF_INET || in->sin_port || in->sin_addr.s_addr ||
	    !INETADDR_ISANY(addr) || INETADDR_ISLOOPBACK(addr))
		return 2;
	INETADDR_SETLOOPBACK(addr);
	INETADDR_SET_PORT(addr, htons(80));
	if (!IN4_ADDR_EQUAL(&in->sin_addr, &localhost) || in->sin_port != htons(80) ||
	    INETADDR_PORT(addr) != htons(80) || SS_PORT(addr) != htons(80) ||
	    !INETADDR_ISLOOPBACK(addr) || INETADDR_ISANY(addr) ||
	    memcmp(INETADDR_ADDRESS(addr), &localhost, 4))
		return 3;

	memset(&storage, 0xff, sizeof(storage));
	storage.ss_family = AF_INET6;
	INETADDR_SETANY(addr);
	if (in6->sin6_family != AF_INET6 || in6->sin6_port || in6->sin6_scope_id ||
	    !IN6_ADDR_EQUAL(&in6->sin6_addr, &any) || !INETADDR_ISANY(addr))
		return 4;
	INETADDR_SETLOOPBACK(addr);
	INETADDR_SET_PORT(addr, htons(81));
	if (!IN6_ADDR_EQUAL(&in6->sin6_addr, &loopback) ||
	    INETADDR_PORT(addr) != htons(81) || SS_PORT(addr) != htons(81) ||
	    !INETADDR_ISLOOPBACK(addr) || INETADDR_ISANY(addr) ||
	    INETADDR_ADDRESS(addr)[15] != 1)
		return 5;

	/* Of a family that it does not know, nothing is changed. */
	memset(&storage, 0xff, sizeof(storage));
	INETADDR_SETLOOPBACK(addr);
	if (in->sin_port != 0xffff || in->sin_family != 0xffff)
		return 6;

	either.si_family = AF_INET6;
	if (either.Ipv4.sin_family != AF_INET6 || either.Ipv6.sin6_family != AF_INET6)
		return 7;
	return !INET_ADDR_EQUAL(AF_INET6, &any, &any) ||
	       INET_IS_ADDR_LOOPBACK(AF_INET, &any) ||
	       !INET_IS_ADDR_LOOPBACK(AF_INET, &localhost) ||
	       !IN4_IS_ADDR_LOOPBACK(&localhost) ? 8 : 0;
}

/* The names alone are the point. */
static int names(void)
{
	SOCKET_ADDRESS_LIST list;
	char host[MAXGETHOSTSTRUCT];
	SOCKET_ADDRESS one;

	memset(&one, 0, sizeof(one));
	list.iAddressCount = 1;
	list.Address[0] = one;
	host[0] = 0;
	return !(list.iAddressCount + list.Address[0].iSockaddrLength) + host[0] +
	       (CF_ACCEPT == CF_REJECT || CF_DEFER == CF_REJECT ||
		SO_OPENTYPE == SO_SYNCHRONOUS_NONALERT);
}

#ifdef __cplusplus
/* Windows' types, as programs have them that load ws2_32.dll or wrap it. */
struct functions {
	SOCKET (*socket)(int, int, int);
	int (*bind)(SOCKET, const struct sockaddr *, int);
	int (*connect)(SOCKET, const struct sockaddr *, int);
	int (*listen)(SOCKET, int);
	SOCKET (*accept)(SOCKET, struct sockaddr *, int *);
	int (*shutdown)(SOCKET, int);
	int (*getsockname)(SOCKET, struct sockaddr *, int *);
	int (*getpeername)(SOCKET, struct sockaddr *, int *);
	int (*getsockopt)(SOCKET, int, int, char *, int *);
	int (*setsockopt)(SOCKET, int, int, const char *, int);
	int (*send)(SOCKET, const char *, int, int);
	int (*sendto)(SOCKET, const char *, int, int, const struct sockaddr *, int);
	int (*recv)(SOCKET, char *, int, int);
	int (*recvfrom)(SOCKET, char *, int, int, struct sockaddr *, int *);
	int (*select)(int, fd_set *, fd_set *, fd_set *, const struct timeval *);
	int (*gethostname)(char *, int);
	struct hostent * (*gethostbyname)(const char *);
	struct hostent * (*gethostbyaddr)(const char *, int, int);
	INT (*getnameinfo)(const SOCKADDR *, int, PCHAR, DWORD, PCHAR, DWORD, INT);
	PCSTR (*inet_ntop)(INT, const void *, PSTR, size_t);
	int (*closesocket)(SOCKET);
};

static int pointers()
{
	static const functions f = {
		socket, bind, &connect, listen, accept, &shutdown, getsockname,
		getpeername, getsockopt, setsockopt, &send, sendto, recv, recvfrom,
		select, gethostname, gethostbyname, gethostbyaddr, getnameinfo,
		inet_ntop, closesocket,
	};
	char buf[100], wide[5] = "";
	struct sockaddr_in addr;
	int len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	/* Each is the library's, which wants WSAStartup(). */
	WSASetLastError(0);
	if (f.socket(AF_INET, SOCK_STREAM, 0) != INVALID_SOCKET ||
	    WSAGetLastError() != WSANOTINITIALISED)
		return 1;
	if (f.accept(1, NULL, NULL) != INVALID_SOCKET ||
	    f.send(1, wide, 1, 0) != SOCKET_ERROR || f.recv(1, buf, 1, 0) != SOCKET_ERROR ||
	    f.sendto(1, wide, 1, 0, (SOCKADDR *)&addr, len) != SOCKET_ERROR ||
	    f.recvfrom(1, buf, 1, 0, (SOCKADDR *)&addr, &len) != SOCKET_ERROR ||
	    f.bind(1, (SOCKADDR *)&addr, len) != SOCKET_ERROR ||
	    f.connect(1, (SOCKADDR *)&addr, len) != SOCKET_ERROR ||
	    f.listen(1, 1) != SOCKET_ERROR || f.shutdown(1, SD_SEND) != SOCKET_ERROR ||
	    f.getsockname(1, (SOCKADDR *)&addr, &len) != SOCKET_ERROR ||
	    f.getpeername(1, (SOCKADDR *)&addr, &len) != SOCKET_ERROR ||
	    f.getsockopt(1, SOL_SOCKET, SO_TYPE, buf, &len) != SOCKET_ERROR ||
	    f.setsockopt(1, SOL_SOCKET, SO_KEEPALIVE, wide, 4) != SOCKET_ERROR ||
	    f.select(0, NULL, NULL, NULL, NULL) != SOCKET_ERROR ||
	    f.gethostname(buf, sizeof(buf)) != SOCKET_ERROR ||
	    f.closesocket(1) != SOCKET_ERROR || f.gethostbyname("localhost") ||
	    f.gethostbyaddr(wide, 4, AF_INET) ||
	    !f.getnameinfo((SOCKADDR *)&addr, len, buf, sizeof(buf), NULL, 0, 0))
		return 2;
	if (f.inet_ntop(AF_INET, wide, buf, sizeof(buf)) != buf || strcmp(buf, "0.0.0.0"))
		return 3;
	return 0;
}

/* A DWORD is an unsigned long there. */
static int wide_words()
{
	unsigned long n = ~0UL, flags = ~0UL, *none = NULL;
	OVERLAPPED overlapped;
	struct sockaddr_in addr;
	char byte, text[100];
	WSABUF buf = { 1, &byte };
	int len = sizeof(addr);
	DWORD narrow = 0;
	long signed_n = -1;

	memset(&addr, 0, sizeof(addr));
	memset(&overlapped, 0, sizeof(overlapped));
	addr.sin_family = AF_INET;
	/* A call that fails has written nothing. */
	if (WSARecv(1, &buf, 1, &n, &flags, NULL, NULL) != SOCKET_ERROR ||
	    WSARecv(1, &buf, 1, NULL, &flags, NULL, NULL) != SOCKET_ERROR ||
	    WSARecv(1, &buf, 1, 0, &flags, NULL, NULL) != SOCKET_ERROR ||
	    WSARecv(1, &buf, 1, &narrow, &flags, NULL, NULL) != SOCKET_ERROR ||
	    WSARecv(1, &buf, 1, &n, &narrow, NULL, NULL) != SOCKET_ERROR ||
	    WSARecv(1, &buf, 1, &narrow, &narrow, NULL, NULL) != SOCKET_ERROR ||
	    WSARecv(1, &buf, 1, none, none, NULL, NULL) != SOCKET_ERROR ||
	    WSARecvFrom(1, &buf, 1, &n, &flags, (SOCKADDR *)&addr, &len, NULL,
			NULL) != SOCKET_ERROR ||
	    WSASend(1, &buf, 1, &n, 0, NULL, NULL) != SOCKET_ERROR ||
	    WSASend(1, &buf, 1, NULL, 0, &overlapped, NULL) != SOCKET_ERROR ||
	    WSASendTo(1, &buf, 1, &signed_n, 0, (SOCKADDR *)&addr, len, NULL,
		      NULL) != SOCKET_ERROR ||
	    WSAIoctl(1, FIONREAD, NULL, 0, text, 4, &n, NULL, NULL) != SOCKET_ERROR ||
	    WSAGetOverlappedResult(1, &overlapped, &n, FALSE, &flags))
		return 1;
	if (n != ~0UL || flags != ~0UL || signed_n != -1)
		return 2;
#if __cplusplus >= 201103L
	if (WSARecv(1, &buf, 1, nullptr, &flags, nullptr, nullptr) != SOCKET_ERROR)
		return 3;
#endif
	/* The number of characters comes out, in all of its bytes. */
	n = sizeof(text);
	if (WSAAddressToStringA((SOCKADDR *)&addr, len, NULL, text, &n) != SOCKET_ERROR)
		return n != 8 || strcmp(text, "0.0.0.0") ? 4 : 0;
	return n != sizeof(text) ? 5 : 0;
}

/* Members by the names of the functions that they call. */
class connection {
	SOCKET s;
public:
	explicit connection(SOCKET from) : s(from) { }
	connection accept(struct sockaddr *addr, int *len)
	{
		return connection(::accept(s, addr, len));
	}
	int bind(const struct sockaddr *addr, int len) { return ::bind(s, addr, len); }
	int send(const char *buf, int len) { return ::send(s, buf, len, 0); }
	int recv(char *buf, int len) { return ::recv(s, buf, len, 0); }
	int select(int n, fd_set *set)
	{
		struct timeval now = { 0, 0 };

		return ::select(n, set, 0, 0, &now);
	}
	int closesocket() { return ::closesocket(s); }
};

static int members()
{
	connection c(1);
	char byte = 0;
	fd_set set;

	FD_ZERO(&set);
	return c.bind(NULL, 0) + c.send(&byte, 1) + c.recv(&byte, 1) +
	       c.select(1, &set) + c.accept(NULL, NULL).closesocket() != -5;
}
#endif

int main(void)
{
	int failed = addresses();

	if (failed)
		return failed;
	if (uint_value + uchar_value + ushort_value + ulong_value != 4 ||
	    sizeof(u_long) != 4 || linux_names() < IFNAMSIZ || names())
		return 10;
#ifdef __cplusplus
	failed = pointers();
	if (failed)
		return 20 + failed;
	failed = wide_words();
	if (failed)
		return 30 + failed;
	if (members())
		return 40;
#endif
	return 0;
}
