/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * This machine's addresses, for WSAIoctl().  @family is the socket's.  Each of
 * these returns the size of the whole answer, and writes it if there is @room for
 * it; or -1 with errno.
 */
#ifndef WS_INTERFACE_H
#define WS_INTERFACE_H

#include <stddef.h>
#include <sys/types.h>

ssize_t ws_interface_list(int family, void *out, size_t room);
ssize_t ws_address_list(int family, void *out, size_t room);
/* The address from which datagrams to @to would be sent. */
ssize_t ws_routing_interface(int family, const void *to, size_t tolen, void *out,
			     size_t room);

#endif
