// SPDX-License-Identifier: LGPL-2.1-or-later
/* Addresses with their ports, as text. */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/export.h"
#include "core/name.h"

/* The longest: [address%scope]:port */
#define TEXT_SIZE	(INET6_ADDRSTRLEN + sizeof("[%4294967295]:65535"))

/* In the syntax of a C constant.  0 is invalid: for port 0 it must be left out. */
static bool parse_port(const char *text, in_port_t *port)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	number = strtoul(text, &end, 0);
	if (*end || !number || number > UINT16_MAX)
		return false;
	*port = htons(number);
	return true;
}

/* Copies the text before @mark to @front; NULL if that is longer than @size allows. */
static const char *split(const char *text, char mark, char *front, size_t size)
{
	const char *end = strchrnul(text, mark);

	if ((size_t)(end - text) >= size)
		return NULL;
	memcpy(front, text, end - text);
	front[end - text] = '\0';
	return end;
}

static bool parse_in(const char *text, struct sockaddr_in *in)
{
	char front[TEXT_SIZE];
	const char *rest = split(text, ':', front, sizeof(front));

	if (!rest || strpbrk(front, " \t\n\v\f\r") ||
	    !inet_aton(front, &in->sin_addr))
		return false;
	in->sin_family = AF_INET;
	return !*rest || parse_port(rest + 1, &in->sin_port);
}

/* A number as on Windows, or an interface name as on Linux. */
static bool parse_scope(const char *text, uint32_t *scope)
{
	unsigned long long number;
	char *end;

	if (isdigit((unsigned char)*text)) {
		number = strtoull(text, &end, 10);
		*scope = number;
		return !*end && number <= UINT32_MAX;
	}
	*scope = if_nametoindex(text);
	return *scope;
}

static bool parse_in6(const char *text, struct sockaddr_in6 *in6)
{
	char front[TEXT_SIZE], addr[TEXT_SIZE];
	bool bracketed = *text == '[';
	const char *rest;

	rest = split(text + bracketed, ']', front, sizeof(front));
	if (!rest || (*rest == ']') != bracketed)
		return false;
	if (bracketed) {
		rest++;
		if (*rest && (*rest != ':' || !parse_port(rest + 1, &in6->sin6_port)))
			return false;
	}

	rest = split(front, '%', addr, sizeof(addr));
	if (inet_pton(AF_INET6, addr, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	return !*rest || parse_scope(rest + 1, &in6->sin6_scope_id);
}

static int parse(const char *text, int family, struct sockaddr *addr, int *len)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} parsed;
	int need;

	switch (family) {
	case AF_INET:
		need = sizeof(parsed.in);
		break;
	case AF_INET6:
		need = sizeof(parsed.in6);
		break;
	default:
		return WSAEINVAL;
	}
	if (!addr || !len)
		return WSAEFAULT;
	if (*len < need) {
		*len = need;
		return WSAEFAULT;
	}

	memset(&parsed, 0, sizeof(parsed));
	if (!text || !(family == AF_INET ? parse_in(text, &parsed.in) :
					   parse_in6(text, &parsed.in6))) {
		/* A caller that ignores the error must not find an old address here. */
		memset(addr, 0, need);
		return WSAEINVAL;
	}
	memcpy(addr, &parsed, need);
	*len = need;
	return 0;
}

WS_EXPORT INT WSAStringToAddressA(LPSTR text, INT family,
				  LPWSAPROTOCOL_INFOA info, LPSOCKADDR addr,
				  LPINT len)
{
	struct ws_call call;

	(void)info;
	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	return ws_call_end(&call, parse(text, family, addr, len));
}

static void print_in(const struct sockaddr_in *in, char *text)
{
	inet_ntop(AF_INET, &in->sin_addr, text, TEXT_SIZE);
	if (in->sin_port)
		sprintf(text + strlen(text), ":%u", ntohs(in->sin_port));
}

/* Converts the address alone; the scope is appended here. */
static void print_in6(const struct sockaddr_in6 *in6, uint32_t scope, char *text)
{
	*text = '[';
	inet_ntop(AF_INET6, &in6->sin6_addr, text + 1, INET6_ADDRSTRLEN);
	if (scope)
		sprintf(text + strlen(text), "%%%u", scope);
	if (in6->sin6_port)
		sprintf(text + strlen(text), "]:%u", ntohs(in6->sin6_port));
	else
		memmove(text, text + 1, strlen(text));
}

static int print(const struct sockaddr *addr, DWORD addrlen, char *text,
		 DWORD *len)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	char buf[TEXT_SIZE];
	DWORD need;

	if (!text || !len || ws_name_is_short(addr, addrlen))
		return WSAEFAULT;
	switch (addr->sa_family) {
	case AF_INET:
		print_in((const struct sockaddr_in *)addr, buf);
		break;
	case AF_INET6:
		print_in6(in6, addrlen < sizeof(*in6) ? 0 : in6->sin6_scope_id,
			  buf);
		break;
	default:
		return WSAEINVAL;
	}

	need = strlen(buf) + 1;
	if (*len < need) {
		*len = need;
		return WSAEFAULT;
	}
	memcpy(text, buf, need);
	*len = need;
	return 0;
}

WS_EXPORT INT WSAAddressToStringA(LPSOCKADDR addr, DWORD addrlen,
				  LPWSAPROTOCOL_INFOA info, LPSTR text,
				  LPDWORD len)
{
	struct ws_call call;

	(void)info;
	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	return ws_call_end(&call, print(addr, addrlen, text, len));
}
