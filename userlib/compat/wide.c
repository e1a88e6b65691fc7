// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The functions that take or return wide strings.  Each exists twice, since a WCHAR
 * of the program has 16 or 32 bits: <ws2tcpip.h> selects one by its size.  All of them
 * convert to or from UTF-8 and call the function without the W.
 */
#include <limits.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include "core/error.h"
#include "core/export.h"

/* Large enough for [address%scope]:port and for every error message. */
#define TEXT_SIZE	128
#define REPLACEMENT	0xfffd

/* Bytes per code unit. */
enum width {
	width_utf16 = 2,
	width_utf32 = 4,
};

static uint32_t unit(const void *text, size_t i, enum width width)
{
	return width == width_utf16 ? ((const uint16_t *)text)[i] : ((const uint32_t *)text)[i];
}

static bool is_surrogate(uint32_t c, uint32_t first)
{
	return (c & 0xfffffc00) == first;
}

/* Returns the character at @i and advances @i; REPLACEMENT for an invalid one. */
static uint32_t next_wide(const void *text, size_t *i, enum width width)
{
	uint32_t c = unit(text, (*i)++, width), low;

	if (width == width_utf16 && is_surrogate(c, 0xd800)) {
		low = unit(text, *i, width);
		if (!is_surrogate(low, 0xdc00))
			return REPLACEMENT;
		(*i)++;
		return 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
	}
	return c > 0x10ffff || (c & 0xfffff800) == 0xd800 ? REPLACEMENT : c;
}

/* False if the result is longer than @size bytes. */
static bool narrow(char *to, size_t size, const void *from, enum width width)
{
	size_t i = 0, n = 0;
	uint32_t c;

	while (n + 4 < size) {
		c = next_wide(from, &i, width);
		if (c < 0x80) {
			to[n++] = c;
			if (!c)
				return true;
		} else if (c < 0x800) {
			to[n++] = 0xc0 | c >> 6;
			to[n++] = 0x80 | (c & 0x3f);
		} else {
			if (c < 0x10000) {
				to[n++] = 0xe0 | c >> 12;
			} else {
				to[n++] = 0xf0 | c >> 18;
				to[n++] = 0x80 | (c >> 12 & 0x3f);
			}
			to[n++] = 0x80 | (c >> 6 & 0x3f);
			to[n++] = 0x80 | (c & 0x3f);
		}
	}
	return false;
}

static uint32_t next_narrow(const unsigned char **text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c = *(*text)++;
	int more, i;

	if (c < 0x80)
		return c;
	more = c >= 0xf0 && c < 0xf8 ? 3 : c >= 0xe0 && c < 0xf0 ? 2 :
	       c >= 0xc0 && c < 0xe0 ? 1 : 0;
	if (!more)
		return REPLACEMENT;
	c &= 0x3f >> more;
	for (i = 0; i < more; i++) {
		if ((**text & 0xc0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (*(*text)++ & 0x3f);
	}
	return c < least[more] || c > 0x10ffff || (c & 0xfffff800) == 0xd800 ?
	       REPLACEMENT : c;
}

static void put(void *to, size_t i, uint32_t c, enum width width)
{
	if (width == width_utf16)
		((uint16_t *)to)[i] = c;
	else
		((uint32_t *)to)[i] = c;
}

/* Writes at most @room units; returns how many are needed, with the final NUL. */
static size_t widen(void *to, size_t room, const char *from, enum width width)
{
	const unsigned char *text = (const unsigned char *)from;
	size_t n = 0;
	uint32_t c;

	do {
		c = next_narrow(&text);
		if (width == width_utf16 && c >= 0x10000) {
			if (n < room)
				put(to, n, 0xd800 | (c - 0x10000) >> 10, width);
			n++;
			c = 0xdc00 | (c & 0x3ff);
		}
		if (n < room)
			put(to, n, c, width);
		n++;
	} while (c);
	return n;
}

/* False, without writing anything, if it does not fit. */
static bool give_text(void *to, size_t room, const char *text, enum width width)
{
	return widen(NULL, 0, text, width) <= room && widen(to, room, text, width);
}

static INT pton(INT family, const void *text, PVOID addr, enum width width)
{
	char narrowed[TEXT_SIZE];

	if (text && !narrow(narrowed, sizeof(narrowed), text, width))
		strcpy(narrowed, "?");	/* too long: not an address */
	return winsock_inet_pton(family, text ? narrowed : NULL, addr);
}

static void *ntop(INT family, const void *addr, void *buf, size_t size, enum width width)
{
	char text[TEXT_SIZE];

	if (!winsock_inet_ntop(family, addr, buf ? text : NULL, sizeof(text)))
		return NULL;
	if (give_text(buf, size, text, width))
		return buf;
	ws_fail(WSA_INVALID_PARAMETER);
	return NULL;
}

static INT string_to_address(const void *text, INT family, LPSOCKADDR addr, LPINT len,
			     enum width width)
{
	char narrowed[TEXT_SIZE];

	if (text && !narrow(narrowed, sizeof(narrowed), text, width))
		text = NULL;
	return WSAStringToAddressA(text ? narrowed : NULL, family, NULL, addr, len);
}

static INT address_to_string(LPSOCKADDR addr, DWORD addrlen, void *text, LPDWORD len,
			     enum width width)
{
	DWORD need = TEXT_SIZE;
	char narrowed[TEXT_SIZE];

	if (WSAAddressToStringA(addr, addrlen, NULL, text ? narrowed : NULL,
				len ? &need : NULL))
		return SOCKET_ERROR;
	if (!give_text(text, *len, narrowed, width)) {
		*len = need;
		return ws_fail(WSAEFAULT);
	}
	*len = need;
	return 0;
}

static int host_name(void *name, int len, enum width width)
{
	char own[HOST_NAME_MAX + 1];

	if (winsock_gethostname(own, sizeof(own)))
		return SOCKET_ERROR;
	if (!name || len < 0 || !give_text(name, len, own, width))
		return ws_fail(WSAEFAULT);
	return 0;
}

static INT name_info(const struct sockaddr *addr, socklen_t addrlen, void *host,
		     DWORD hostlen, void *service, DWORD servicelen, INT flags,
		     enum width width)
{
	char node[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
	int error;

	hostlen = host ? hostlen : 0;
	servicelen = service ? servicelen : 0;
	error = winsock_getnameinfo(addr, addrlen, node, hostlen ? sizeof(node) : 0,
				    port, servicelen ? sizeof(port) : 0, flags);
	if (error)
		return error;
	if ((hostlen && !give_text(host, hostlen, node, width)) ||
	    (servicelen && !give_text(service, servicelen, port, width))) {
		ws_fail(WSAEFAULT);
		return WSAEFAULT;
	}
	return 0;
}

static const void *error_text(int error, enum width width)
{
	static __thread uint32_t text[TEXT_SIZE];

	widen(text, TEXT_SIZE - 1, winsock_gai_strerror(error), width);
	return text;
}

/* Copies the entry, its address and its name into one allocation. */
static struct addrinfo *copy_entry(const struct addrinfo *from, enum width width)
{
	size_t len = from->ai_canonname ? widen(NULL, 0, from->ai_canonname, width) : 0;
	size_t addrlen = (from->ai_addrlen + sizeof(uint64_t) - 1) & -sizeof(uint64_t);
	struct addrinfo *to = malloc(sizeof(*to) + addrlen + len * width);

	if (!to)
		return NULL;
	*to = *from;
	to->ai_next = NULL;
	to->ai_addr = (struct sockaddr *)(to + 1);
	memcpy(to->ai_addr, from->ai_addr, from->ai_addrlen);
	if (len) {
		to->ai_canonname = (char *)(to + 1) + addrlen;
		widen(to->ai_canonname, len, from->ai_canonname, width);
	}
	return to;
}

static void free_entries(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list; list = next) {
		next = list->ai_next;
		free(list);
	}
}

static int addr_info(const void *node, const void *service, const struct addrinfo *hints,
		     struct addrinfo **res, enum width width)
{
	char host[NI_MAXHOST], port[NI_MAXHOST];
	struct addrinfo *list, *from, **end = res;
	int error;

	if (res)
		*res = NULL;
	/* No host has a name this long. */
	if (node && !narrow(host, sizeof(host), node, width))
		strcpy(host, "..");
	if (service && !narrow(port, sizeof(port), service, width))
		strcpy(port, "..");
	error = winsock_getaddrinfo(node ? host : NULL, service ? port : NULL, hints,
				    res ? &list : NULL);
	if (error)
		return error;
	for (from = list; from; from = from->ai_next) {
		*end = copy_entry(from, width);
		if (!*end)
			break;
		end = &(*end)->ai_next;
	}
	winsock_freeaddrinfo(list);
	if (!from)
		return 0;
	free_entries(*res);
	*res = NULL;
	ws_fail(WSA_NOT_ENOUGH_MEMORY);
	return WSA_NOT_ENOUGH_MEMORY;
}

#define WIDE_FUNCTIONS(suffix)							\
WS_EXPORT INT winsock_inet_pton_##suffix(INT family, const void *text, PVOID addr); \
WS_EXPORT INT winsock_inet_pton_##suffix(INT family, const void *text, PVOID addr) \
{										\
	return pton(family, text, addr, width_##suffix);					\
}										\
WS_EXPORT void *winsock_inet_ntop_##suffix(INT family, const void *addr,	\
					   void *buf, size_t size);		\
WS_EXPORT void *winsock_inet_ntop_##suffix(INT family, const void *addr,	\
					   void *buf, size_t size)		\
{										\
	return ntop(family, addr, buf, size, width_##suffix);				\
}										\
WS_EXPORT INT winsock_string_to_address_##suffix(const void *text, INT family,	\
						 void *info, LPSOCKADDR addr,	\
						 LPINT len);			\
WS_EXPORT INT winsock_string_to_address_##suffix(const void *text, INT family,	\
						 void *info, LPSOCKADDR addr,	\
						 LPINT len)			\
{										\
	(void)info;								\
	return string_to_address(text, family, addr, len, width_##suffix);		\
}										\
WS_EXPORT INT winsock_address_to_string_##suffix(LPSOCKADDR addr, DWORD addrlen, \
						 void *info, void *text,	\
						 LPDWORD len);			\
WS_EXPORT INT winsock_address_to_string_##suffix(LPSOCKADDR addr, DWORD addrlen, \
						 void *info, void *text,	\
						 LPDWORD len)			\
{										\
	(void)info;								\
	return address_to_string(addr, addrlen, text, len, width_##suffix);		\
}										\
WS_EXPORT int winsock_gethostname_##suffix(void *name, int len);		\
WS_EXPORT int winsock_gethostname_##suffix(void *name, int len)			\
{										\
	return host_name(name, len, width_##suffix);					\
}										\
WS_EXPORT INT winsock_getnameinfo_##suffix(const struct sockaddr *addr,		\
					   socklen_t addrlen, void *host,	\
					   DWORD hostlen, void *service,	\
					   DWORD servicelen, INT flags);	\
WS_EXPORT INT winsock_getnameinfo_##suffix(const struct sockaddr *addr,		\
					   socklen_t addrlen, void *host,	\
					   DWORD hostlen, void *service,	\
					   DWORD servicelen, INT flags)		\
{										\
	return name_info(addr, addrlen, host, hostlen, service, servicelen,	\
			 flags, width_##suffix);						\
}										\
WS_EXPORT const void *winsock_gai_strerror_##suffix(int error);			\
WS_EXPORT const void *winsock_gai_strerror_##suffix(int error)			\
{										\
	return error_text(error, width_##suffix);					\
}										\
WS_EXPORT int winsock_getaddrinfo_##suffix(const void *node, const void *service, \
					   const struct addrinfo *hints,	\
					   struct addrinfo **res);		\
WS_EXPORT int winsock_getaddrinfo_##suffix(const void *node, const void *service, \
					   const struct addrinfo *hints,	\
					   struct addrinfo **res)		\
{										\
	return addr_info(node, service, hints, res, width_##suffix);			\
}

WIDE_FUNCTIONS(utf16)
WIDE_FUNCTIONS(utf32)

/* For lists of either width. */
WS_EXPORT void FreeAddrInfoW(PADDRINFOW list)
{
	free_entries((struct addrinfo *)list);
}
