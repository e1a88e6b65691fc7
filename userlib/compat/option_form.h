/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lengths that setsockopt() and getsockopt() take and return (L16), for the
 * code and for its test.  What is not here has Linux's form, or one of its own
 * in option.c.
 */
#ifndef WS_OPTION_FORM_H
#define WS_OPTION_FORM_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Lengths for which the rules differ: 3 bytes are treated as 2, more than 4 as 4. */
enum {
	WS_ROOM_1,
	WS_ROOM_2,
	WS_ROOM_4,
	WS_ROOMS,
};

/**
 * struct ws_option_form - the form of one option
 * @level: its level
 * @name: its name
 * @boolean: any value but 0 is 1
 * @takes_short: it may be set with less than four bytes, where no bytes stand for 0;
 *		 else that is WSAEFAULT
 * @counted: number of low-order bytes that are used of the value
 * @returned: the length that is returned, by size of the buffer; 0: WSAEFAULT, the
 *	      length is not changed and the buffer is set to 0
 */
struct ws_option_form {
	int level;
	int name;
	bool boolean;
	bool takes_short;
	int counted;
	int returned[WS_ROOMS];
};

static const struct ws_option_form ws_option_forms[] = {
	{ SOL_SOCKET, SO_BROADCAST,	true,  true,  4, { 1, 1, 4 } },
	{ SOL_SOCKET, SO_DEBUG,		true,  true,  4, { 1, 1, 4 } },
	{ SOL_SOCKET, SO_DONTROUTE,	true,  true,  4, { 1, 1, 4 } },
	{ SOL_SOCKET, SO_KEEPALIVE,	true,  true,  4, { 1, 1, 4 } },
	{ SOL_SOCKET, SO_OOBINLINE,	true,  true,  4, { 1, 1, 4 } },
	{ SOL_SOCKET, SO_REUSEADDR,	true,  true,  4, { 1, 1, 4 } },
	{ SOL_SOCKET, SO_RCVBUF,	false, false, 4, { 0, 0, 4 } },
	{ SOL_SOCKET, SO_SNDBUF,	false, false, 4, { 0, 0, 4 } },
	{ SOL_TCP,    TCP_NODELAY,	true,  true,  1, { 1, 1, 1 } },
};

#define WS_OPTION_FORMS	(sizeof(ws_option_forms) / sizeof(ws_option_forms[0]))

static inline const struct ws_option_form *ws_option_form(int level, int name)
{
	unsigned int i;

	for (i = 0; i < WS_OPTION_FORMS; i++)
		if (ws_option_forms[i].level == level &&
		    ws_option_forms[i].name == name)
			return &ws_option_forms[i];
	return NULL;
}

#endif
