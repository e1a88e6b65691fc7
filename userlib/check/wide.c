// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A program of wide strings, with a wchar_t of 32 bits and of 16.  Run where there
 * is no module: exit status 0.  See check.sh.
 */
#define UNICODE
#include <winsock2.h>
#include <ws2tcpip.h>
#include <string.h>

static int is_same(const WCHAR *a, const WCHAR *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

int main(void)
{
	WCHAR buf[INET6_ADDRSTRLEN] = L"", text[] = L"1.2.3.4:5";
	ADDRINFOT hints = { 0, AF_INET, SOCK_STREAM, 0, 0, NULL, NULL, NULL };
	PADDRINFOT list;
	struct sockaddr_in in;
	INT len = sizeof(in);
	DWORD size = 10;
	IN6_ADDR addr;

	memset(&in, 0, sizeof(in));

	if (InetPton(AF_INET6, L"2001:db8::7", &addr) != 1 || addr.s6_bytes[15] != 7 ||
	    InetPton(AF_INET6, L"2001:db8::g", &addr) || InetPton(AF_INET6, L"\u00b9::", &addr))
		return 1;
	addr.s6_bytes[15] = 8;
	if (InetNtop(AF_INET6, &addr, buf, 12) != buf || !is_same(buf, L"2001:db8::8") ||
	    InetNtop(AF_INET6, &addr, buf, 11) || WSAGetLastError() != WSA_INVALID_PARAMETER)
		return 2;
	if (!is_same(gai_strerrorW(EAI_NONAME), L"No such host is known"))
		return 3;
	if (GetAddrInfo(L"localhost", NULL, &hints, &list) != WSANOTINITIALISED || list ||
	    GetNameInfo((SOCKADDR *)&in, len, buf, 46, NULL, 0, 0) != WSANOTINITIALISED ||
	    WSAStringToAddress(text, AF_INET, NULL, (SOCKADDR *)&in, &len) != SOCKET_ERROR ||
	    WSAAddressToString((SOCKADDR *)&in, len, NULL, text, &size) != SOCKET_ERROR ||
	    GetHostNameW(buf, 46) != SOCKET_ERROR || WSAGetLastError() != WSANOTINITIALISED)
		return 4;
	FreeAddrInfo(list);
	return 0;
}
