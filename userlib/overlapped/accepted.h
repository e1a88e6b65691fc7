/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AcceptEx: an accepted connection that replaces the accept socket. */
#ifndef WS_ACCEPTED_H
#define WS_ACCEPTED_H

#include <stddef.h>
#include <sys/socket.h>

#include "core/slot.h"

/* Bytes that an address block has in addition to the address. */
#define WS_ADDRESS_BLOCK_EXTRA	16

/**
 * struct ws_address_blocks - the buffers for the two addresses of AcceptEx()
 * @local: for the local address
 * @local_room: size of @local
 * @remote: for the peer's address
 * @remote_room: size of @remote
 */
struct ws_address_blocks {
	char *local;
	size_t local_room;
	char *remote;
	size_t remote_room;
};

int ws_accepted_install(struct ws_slot *listener, struct ws_slot *slot, int fd,
			int accepted);
void ws_accepted_put_addresses(const struct ws_address_blocks *blocks, int fd,
			       const struct sockaddr *peer, socklen_t len);
struct sockaddr *ws_accepted_address(char *block, size_t room, int *len);
void ws_accepted_drop(int accepted);

#endif
