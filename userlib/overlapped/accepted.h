/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AcceptEx: a connection on its way to the accept socket. */
#ifndef WS_ACCEPTED_H
#define WS_ACCEPTED_H

#include <stddef.h>
#include <sys/socket.h>

#include "core/slot.h"

/* An address block has so much more than the address. */
#define WS_ADDRESS_BLOCK_EXTRA	16

/**
 * struct ws_address_blocks - where AcceptEx() puts the two addresses
 * @local: own
 * @local_room: bytes there
 * @remote: of the peer
 * @remote_room: bytes there
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
