// SPDX-License-Identifier: LGPL-2.1-or-later
/* WSAIoctl(), and Winsock 2's own forms of connect, accept and shutdown. */
#include <mstcpip.h>
#include <mswsock.h>

#include "suite.h"

static int int_option(SOCKET s, int level, int name)
{
	int value, len = sizeof(value);

	check(getsockopt(s, level, name, &value, &len));
	return value;
}

/* A code that takes @in and gives nothing. */
static int control(SOCKET s, DWORD code, void *in, DWORD insize)
{
	DWORD returned = 4711;
	int ret = WSAIoctl(s, code, in, insize, NULL, 0, &returned, NULL, NULL);

	if (!ret && returned)
		errx(EXIT_FAILURE, "WSAIoctl: %u bytes returned", returned);
	return ret;
}

FIXTURE(control) {
	struct pair pair;
	SOCKET s;
	SOCKET peer;
};

FIXTURE_VARIANT(control) {
	int family;
};

FIXTURE_VARIANT_ADD(control, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(control, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(control)
{
	start();
	open_pair(&self->pair, variant->family);
	self->s = self->pair.s;
	self->peer = self->pair.peer;
}

FIXTURE_TEARDOWN(control)
{
	WSACleanup();
}

TEST_F(control, the_mode)
{
	u_long on = 2, off = 0;

	EXPECT_CLEAR(control(self->s, FIONBIO, &on, sizeof(on)));
	EXPECT_TRUE(is_nonblocking(self->s));
	EXPECT_FAILS(WSAEFAULT, control(self->s, FIONBIO, &off, 3));
	EXPECT_FAILS(WSAEFAULT, control(self->s, FIONBIO, NULL, sizeof(off)));
	EXPECT_TRUE(is_nonblocking(self->s));
	EXPECT_CLEAR(control(self->s, FIONBIO, &off, sizeof(off)));
	EXPECT_FALSE(is_nonblocking(self->s));
}

/* L5 */
TEST_F(control, the_mode_while_events_are_selected)
{
	WSAEVENT event = WSACreateEvent();
	u_long off = 0;

	EXPECT_WORKS(WSAEventSelect(self->s, event, FD_READ));
	EXPECT_FAILS(WSAEINVAL, control(self->s, FIONBIO, &off, sizeof(off)));
	EXPECT_TRUE(is_nonblocking(self->s));
}

TEST_F(control, what_can_be_read)
{
	u_long value = 0xcccccccc;
	DWORD returned = 4711;

	check(send(self->peer, "hello", 5, 0));
	wait_for(self->s, POLLIN);
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, FIONREAD, NULL, 0, &value, 3,
					 &returned, NULL, NULL));
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, FIONREAD, NULL, 0, NULL, 4,
					 &returned, NULL, NULL));
	EXPECT_EQ(4711, returned);
	EXPECT_EQ(0xcccccccc, value);
	EXPECT_CLEAR(WSAIoctl(self->s, FIONREAD, NULL, 0, &value, sizeof(value),
			      &returned, NULL, NULL));
	EXPECT_EQ(sizeof(value), returned);
	EXPECT_EQ(5, value);
}

TEST_F(control, the_urgent_mark)
{
	DWORD returned;
	BOOL value = 4711;

	EXPECT_CLEAR(WSAIoctl(self->s, SIOCATMARK, NULL, 0, &value,
			      sizeof(value), &returned, NULL, NULL));
	EXPECT_EQ(sizeof(value), returned);
	EXPECT_EQ(TRUE, value);
	check(send(self->peer, "!", 1, MSG_OOB));
	wait_for(self->s, POLLPRI);
	EXPECT_CLEAR(WSAIoctl(self->s, SIOCATMARK, NULL, 0, &value,
			      sizeof(value), &returned, NULL, NULL));
	EXPECT_EQ(FALSE, value);
}

/* L11 */
TEST_F(control, udp_connreset_cannot_be_had_without_a_connection)
{
	SOCKET s = open_socket(AF_INET, SOCK_DGRAM);
	BOOL on = TRUE;

	EXPECT_FAILS(WSAEOPNOTSUPP, control(s, SIO_UDP_CONNRESET, &on,
					    sizeof(on)));
	on = FALSE;
	EXPECT_CLEAR(control(s, SIO_UDP_CONNRESET, &on, sizeof(on)));
	EXPECT_FAILS(WSAEFAULT, control(s, SIO_UDP_CONNRESET, &on,
					sizeof(on) - 1));
	EXPECT_FAILS(WSAEOPNOTSUPP, control(self->s, SIO_UDP_CONNRESET, &on,
					    sizeof(on)));
	on = TRUE;
	EXPECT_CLEAR(control(s, SIO_UDP_CONNRESET, &on, sizeof(on)));
}

TEST_F(control, keepalive)
{
	struct tcp_keepalive keepalive = { 1, 10000, 2001 };
	int idle, interval;

	EXPECT_CLEAR(control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
			     sizeof(keepalive)));
	EXPECT_EQ(1, int_option(self->s, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(10, int_option(self->s, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(3, int_option(self->s, IPPROTO_TCP, TCP_KEEPINTVL));

	/* off leaves the times alone */
	keepalive = (struct tcp_keepalive) { 0, 5000, 5000 };
	EXPECT_CLEAR(control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
			     sizeof(keepalive)));
	EXPECT_EQ(0, int_option(self->s, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(10, int_option(self->s, IPPROTO_TCP, TCP_KEEPIDLE));

	/* no less than Linux knows, and no more */
	keepalive = (struct tcp_keepalive) { 7, 0, 1 };
	EXPECT_CLEAR(control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
			     sizeof(keepalive)));
	EXPECT_EQ(1, int_option(self->s, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, int_option(self->s, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(1, int_option(self->s, IPPROTO_TCP, TCP_KEEPINTVL));
	keepalive = (struct tcp_keepalive) { 1, 32767000, 32766001 };
	EXPECT_CLEAR(control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
			     sizeof(keepalive)));
	idle = int_option(self->s, IPPROTO_TCP, TCP_KEEPIDLE);
	interval = int_option(self->s, IPPROTO_TCP, TCP_KEEPINTVL);
	EXPECT_EQ(32767, idle);
	EXPECT_EQ(32767, interval);
	keepalive = (struct tcp_keepalive) { 1, 1000, 32767001 };
	EXPECT_FAILS(WSAEINVAL, control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
					sizeof(keepalive)));
	keepalive = (struct tcp_keepalive) { 1, 0xffffffff, 1000 };
	EXPECT_FAILS(WSAEINVAL, control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
					sizeof(keepalive)));
	EXPECT_FAILS(WSAEFAULT, control(self->s, SIO_KEEPALIVE_VALS, &keepalive,
					sizeof(keepalive) - 1));
	EXPECT_FAILS(WSAEFAULT, control(self->s, SIO_KEEPALIVE_VALS, NULL,
					sizeof(keepalive)));
	EXPECT_EQ(idle, int_option(self->s, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(interval, int_option(self->s, IPPROTO_TCP, TCP_KEEPINTVL));
}

TEST_F(control, keepalive_is_for_streams)
{
	SOCKET dgram = open_socket(variant->family, SOCK_DGRAM);
	struct tcp_keepalive keepalive = { 1, 10000, 2001 };

	EXPECT_FAILS(WSAEOPNOTSUPP, control(dgram, SIO_KEEPALIVE_VALS, &keepalive,
					    sizeof(keepalive)));
	EXPECT_EQ(0, int_option(dgram, SOL_SOCKET, SO_KEEPALIVE));
}

TEST_F(control, the_way_to_transmitfile)
{
	GUID guid = WSAID_TRANSMITFILE;
	LPFN_TRANSMITFILE function = NULL;
	DWORD returned;

	EXPECT_CLEAR(WSAIoctl(self->s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
			      sizeof(guid), &function, sizeof(function),
			      &returned, NULL, NULL));
	EXPECT_EQ(sizeof(function), returned);
	EXPECT_TRUE(function == TransmitFile);

	function = NULL;
	EXPECT_FAILS(WSAEFAULT,
		     WSAIoctl(self->s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
			      sizeof(guid), &function, sizeof(function) - 1,
			      &returned, NULL, NULL));
	EXPECT_FAILS(WSAEFAULT,
		     WSAIoctl(self->s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
			      sizeof(guid) - 1, &function, sizeof(function),
			      &returned, NULL, NULL));
	guid.Data1 = 0;
	EXPECT_FAILS(WSAEINVAL,
		     WSAIoctl(self->s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid,
			      sizeof(guid), &function, sizeof(function),
			      &returned, NULL, NULL));
	EXPECT_TRUE(!function);
}

TEST_F(control, overlapped_it_is_complete_at_once)
{
	OVERLAPPED overlapped = { .Internal = WSA_STATUS_PENDING };
	u_long value = 4711;

	overlapped.hEvent = WSACreateEvent();
	check(send(self->peer, "hello", 5, 0));
	wait_for(self->s, POLLIN);
	EXPECT_CLEAR(WSAIoctl(self->s, FIONREAD, NULL, 0, &value, sizeof(value),
			      NULL, &overlapped, NULL));
	EXPECT_EQ(5, value);
	EXPECT_EQ(0, overlapped.Internal);
	EXPECT_EQ(sizeof(value), overlapped.InternalHigh);
	EXPECT_EQ(WSA_WAIT_EVENT_0,
		  WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 0, FALSE));

	/* a failure has no other outcome than the call's own */
	check(WSAResetEvent(overlapped.hEvent));
	overlapped.Internal = WSA_STATUS_PENDING;
	overlapped.InternalHigh = 4711;
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, FIONREAD, NULL, 0, &value, 3,
					 NULL, &overlapped, NULL));
	EXPECT_EQ(WSA_STATUS_PENDING, overlapped.Internal);
	EXPECT_EQ(4711, overlapped.InternalHigh);
	EXPECT_EQ(WSA_WAIT_TIMEOUT,
		  WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 0, FALSE));
}

static LPWSAOVERLAPPED run_with;
static DWORD run_error, run_transferred;

static void CALLBACK routine(DWORD error, DWORD transferred,
			     LPWSAOVERLAPPED overlapped, DWORD flags)
{
	(void)flags;
	run_error = error;
	run_transferred = transferred;
	run_with = overlapped;
}

/* L19 */
TEST_F(control, overlapped_with_a_routine)
{
	WSAEVENT event = WSACreateEvent();
	OVERLAPPED overlapped = { .hEvent = event };
	u_long value = 4711;
	DWORD returned = 0;

	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, FIONREAD, NULL, 0, &value, 3,
					 &returned, &overlapped, routine));
	EXPECT_EQ(WSA_WAIT_TIMEOUT, WSAWaitForMultipleEvents(1, &event, TRUE, 0, TRUE));
	EXPECT_CLEAR(WSAIoctl(self->s, FIONREAD, NULL, 0, &value, sizeof(value),
			      &returned, &overlapped, routine));
	EXPECT_EQ(0, value);
	EXPECT_EQ(0, overlapped.Internal);
	EXPECT_NULL(run_with);
	/* and the event is the program's own */
	EXPECT_EQ(WSA_WAIT_IO_COMPLETION,
		  WSAWaitForMultipleEvents(1, &event, TRUE, 0, TRUE));
	EXPECT_EQ(&overlapped, run_with);
	EXPECT_EQ(0, run_error);
	EXPECT_EQ(sizeof(value), run_transferred);
}

TEST_F(control, what_is_refused)
{
	DWORD returned = 4711;
	WSABUF data = { 0 };
	u_long value = 1;

	EXPECT_FAILS(WSAEOPNOTSUPP, control(self->s, 0x5415, &value,
					    sizeof(value)));
	/* FIONBIO's number on Windows, which is none here */
	EXPECT_FAILS(WSAEOPNOTSUPP, control(self->s, 0x8004667e, &value,
					    sizeof(value)));
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, FIONBIO, &value, sizeof(value),
					 NULL, 0, NULL, NULL, NULL));
	EXPECT_FAILS(WSAEINVAL, WSAIoctl(self->s, FIONBIO, &value, sizeof(value),
					 NULL, 0, &returned, NULL, routine));
	EXPECT_FALSE(is_nonblocking(self->s));
	EXPECT_EQ(4711, returned);
	EXPECT_FAILS(WSAENOTSOCK, control(INVALID_SOCKET, FIONBIO, &value,
					  sizeof(value)));
	EXPECT_FAILS(WSAENOTSOCK, control(INVALID_SOCKET, 0x5415, NULL, 0));
	EXPECT_FAILS(WSAENOTSOCK, control(1, FIONBIO, &value, sizeof(value)));
	EXPECT_FALSE(is_nonblocking(1));
	WSACleanup();
	EXPECT_FAILS(WSANOTINITIALISED, control(INVALID_SOCKET, 0x5415, NULL, 0));
	EXPECT_FAILS(WSANOTINITIALISED, WSASendDisconnect(self->s, &data));
	start();
}

static int CALLBACK condition(LPWSABUF caller_id, LPWSABUF caller_data,
			      LPQOS socket_qos, LPQOS group_qos,
			      LPWSABUF callee_id, LPWSABUF callee_data,
			      GROUP *group, DWORD_PTR data)
{
	(void)caller_id;
	(void)caller_data;
	(void)socket_qos;
	(void)group_qos;
	(void)callee_id;
	(void)callee_data;
	(void)group;
	(void)data;
	return 0;
}

TEST_F(control, a_connection_by_winsock_2s_own_calls)
{
	SOCKET listener = open_listener(variant->family), child, s;
	struct sockaddr_storage addr, from;
	int len = name_of(listener, &addr);
	WSABUF data = { 1, "x" };
	char byte;

	s = open_socket(variant->family, SOCK_STREAM);
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAConnect(s, (SOCKADDR *)&addr, len, &data,
					       NULL, NULL, NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAConnect(s, (SOCKADDR *)&addr, len, NULL,
					       &data, NULL, NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAConnect(s, (SOCKADDR *)&addr, len, NULL,
					       NULL, (LPQOS)&data, NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAConnect(s, (SOCKADDR *)&addr, len, NULL,
					       NULL, NULL, (LPQOS)&data));
	EXPECT_WORKS(WSAConnect(s, (SOCKADDR *)&addr, len, NULL, NULL, NULL,
				NULL));

	len = sizeof(from);
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAAccept(listener, (SOCKADDR *)&from, &len,
					      condition, 0));
	wait_for(listener, POLLIN);
	WSASetLastError(POISON_ERROR);
	child = WSAAccept(listener, (SOCKADDR *)&from, &len, NULL, 0);
	ASSERT_NE(INVALID_SOCKET, child);
	EXPECT_EQ(POISON_ERROR, WSAGetLastError());
	EXPECT_EQ(name_of(s, &addr), len);
	EXPECT_EQ(0, memcmp(&addr, &from, len));

	set_nonblocking(listener, true);
	EXPECT_EQ(INVALID_SOCKET, WSAAccept(listener, NULL, NULL, NULL, 0));
	EXPECT_EQ(WSAEWOULDBLOCK, WSAGetLastError());

	EXPECT_FAILS(WSAENOPROTOOPT, WSASendDisconnect(s, &data));
	EXPECT_FAILS(WSAENOPROTOOPT, WSARecvDisconnect(s, &data));
	EXPECT_EQ(1, send(s, "x", 1, 0));
	EXPECT_WORKS(WSASendDisconnect(s, NULL));
	EXPECT_FAILS(WSAESHUTDOWN, send(s, "x", 1, 0));
	EXPECT_EQ(1, recv(child, &byte, 1, 0));
	EXPECT_EQ(0, recv(child, &byte, 1, 0));
	EXPECT_EQ(1, send(child, "y", 1, 0));
	EXPECT_EQ(1, recv(s, &byte, 1, 0));
	EXPECT_WORKS(WSARecvDisconnect(s, NULL));
	EXPECT_FAILS(WSAESHUTDOWN, recv(s, &byte, 1, 0));
}

TEST_F(control, what_a_socket_cannot_report)
{
	SOCKET listener = open_listener(variant->family);
	SOCKET dgram = open_socket(variant->family, SOCK_DGRAM);
	struct tcp_keepalive keepalive = { 1, 1000, 1000 };
	u_long value = 4711;
	int ends[2];

	EXPECT_FAILS(WSAEINVAL, ioctlsocket(listener, FIONREAD, &value));
	EXPECT_FAILS(WSAEINVAL, ioctlsocket(dgram, SIOCATMARK, &value));
	EXPECT_EQ(4711, value);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	EXPECT_FAILS(WSAEOPNOTSUPP, control(ends[0], SIO_KEEPALIVE_VALS,
					    &keepalive, sizeof(keepalive)));
}

TEST_F(control, a_long_is_as_good_as_winsocks)
{
	unsigned long on = 1, count = ~0UL;

	EXPECT_FAILS(WSAEFAULT, winsock_ioctlsocket_long(self->s, FIONREAD, NULL));
	check(send(self->peer, "four", 4, 0));
	wait_for(self->s, POLLIN);
	EXPECT_CLEAR(winsock_ioctlsocket_long(self->s, FIONREAD, &count));
	EXPECT_EQ(4, count);
	EXPECT_CLEAR(winsock_ioctlsocket_long(self->s, FIONBIO, &on));
	EXPECT_TRUE(is_nonblocking(self->s));
	EXPECT_EQ(1, on);
}

/* L22: the machine has a loopback interface, whatever else. */
TEST_F(control, the_interfaces)
{
	INTERFACE_INFO list[64], *info = list;
	DWORD returned = 4711, size;
	unsigned int i, found = 0;

	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_GET_INTERFACE_LIST, NULL, 0, NULL,
					 0, &returned, NULL, NULL));
	size = returned;
	ASSERT_LE(sizeof(*info), size);
	ASSERT_GE(sizeof(list), size);
	EXPECT_EQ(0, size % sizeof(*info));
	memset(list, 0x5a, sizeof(list));
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_GET_INTERFACE_LIST, NULL, 0, list,
					 size - 1, &returned, NULL, NULL));
	EXPECT_EQ(size, returned);
	EXPECT_EQ(0x5a5a5a5a, info->iiFlags);
	EXPECT_CLEAR(WSAIoctl(self->s, SIO_GET_INTERFACE_LIST, NULL, 0, list, size,
			      &returned, NULL, NULL));
	EXPECT_EQ(size, returned);
	for (i = 0; i < size / sizeof(*info); i++) {
		EXPECT_EQ(variant->family, list[i].iiAddress.Address.sa_family);
		if (!(list[i].iiFlags & IFF_LOOPBACK))
			continue;
		EXPECT_TRUE(list[i].iiFlags & IFF_UP);
		EXPECT_EQ(variant->family, list[i].iiNetmask.Address.sa_family);
		if (INETADDR_ISLOOPBACK((SOCKADDR *)&list[i].iiAddress))
			found++;
	}
	EXPECT_EQ(1, found);
	/* and nothing behind the last one */
	EXPECT_EQ(0x5a5a5a5a, list[size / sizeof(*info)].iiFlags);
}

/* L22 */
TEST_F(control, the_addresses_to_bind)
{
	SOCKET_ADDRESS_LIST *list = calloc(1, 4096);
	DWORD returned = 4711, size;
	int i;

	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, NULL,
					 0, &returned, NULL, NULL));
	size = returned;
	ASSERT_LE(sizeof(*list), size);
	ASSERT_GE(4096, size);
	list->iAddressCount = 4711;
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, list,
					 size - 1, &returned, NULL, NULL));
	EXPECT_EQ(size, returned);
	EXPECT_EQ(4711, list->iAddressCount);
	EXPECT_CLEAR(WSAIoctl(self->s, SIO_ADDRESS_LIST_QUERY, NULL, 0, list, 4096,
			      &returned, NULL, NULL));
	EXPECT_EQ(size, returned);
	for (i = 0; i < list->iAddressCount; i++) {
		SOCKET_ADDRESS *addr = &list->Address[i];
		SOCKET s = open_socket(variant->family, SOCK_DGRAM);

		EXPECT_FALSE(INETADDR_ISLOOPBACK(addr->lpSockaddr));
		EXPECT_GE((char *)list + size,
			  (char *)addr->lpSockaddr + addr->iSockaddrLength);
		EXPECT_WORKS(bind(s, addr->lpSockaddr, addr->iSockaddrLength));
		EXPECT_WORKS(closesocket(s));
	}
	free(list);
}

/* L22 */
TEST_F(control, the_address_of_a_route)
{
	struct sockaddr_storage to, from, before, after;
	socklen_t len = loopback(variant->family, &to);
	struct sockaddr other = { .sa_family = AF_UNIX };
	DWORD returned = 4711;

	name_of(self->s, &before);
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_ROUTING_INTERFACE_QUERY, &to, len,
					 &from, len - 1, &returned, NULL, NULL));
	EXPECT_EQ(len, returned);
	returned = 4711;
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_ROUTING_INTERFACE_QUERY, NULL, len,
					 &from, len, &returned, NULL, NULL));
	EXPECT_FAILS(WSAEFAULT, WSAIoctl(self->s, SIO_ROUTING_INTERFACE_QUERY, &to, 2,
					 &from, len, &returned, NULL, NULL));
	EXPECT_FAILS(WSAEAFNOSUPPORT, WSAIoctl(self->s, SIO_ROUTING_INTERFACE_QUERY,
					       &other, sizeof(other), &from, len,
					       &returned, NULL, NULL));
	EXPECT_EQ(4711, returned);
	EXPECT_CLEAR(WSAIoctl(self->s, SIO_ROUTING_INTERFACE_QUERY, &to, len, &from,
			      sizeof(from), &returned, NULL, NULL));
	EXPECT_EQ(len, returned);
	EXPECT_TRUE(INETADDR_ISLOOPBACK((SOCKADDR *)&from));
	EXPECT_EQ(0, INETADDR_PORT((SOCKADDR *)&from));
	name_of(self->s, &after);
	EXPECT_EQ(0, memcmp(&before, &after, len));
}

TEST(addresses_are_those_of_the_internet)
{
	DWORD returned = 4711;
	char out[64];
	int ends[2];

	start();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAIoctl(ends[0], SIO_GET_INTERFACE_LIST, NULL, 0,
					     out, sizeof(out), &returned, NULL, NULL));
	EXPECT_FAILS(WSAEOPNOTSUPP, WSAIoctl(ends[0], SIO_ADDRESS_LIST_QUERY, NULL, 0,
					     out, sizeof(out), &returned, NULL, NULL));
	EXPECT_EQ(4711, returned);
	WSACleanup();
}

TEST_HARNESS_MAIN
