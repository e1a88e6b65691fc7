// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See accepted.h.
 *
 * An address block begins with the address and ends with its length, an int.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <winsock2.h>

#include "core/error.h"
#include "core/linger.h"
#include "core/part.h"
#include "events/watch.h"
#include "accepted.h"

/* State of the accept socket, which the connection does not inherit. */
#define OLD_SOCKET_FLAGS \
	(WS_SLOT_SHUT_SEND | WS_SLOT_SHUT_RECV | WS_SLOT_TIMEOUT | \
	 WS_SLOT_EXCLUSIVE | WS_SLOT_CONNECTING | WS_SLOT_UNREACHABLE | \
	 WS_SLOT_REUSE_LENT)

/**
 * ws_accepted_install - replace the accept socket by the connection
 * @listener: the listener's slot
 * @slot: the accept socket's slot
 * @fd: the accept socket's descriptor
 * @accepted: descriptor of the connection; closed on success
 *
 * The caller ensures that no closesocket() is in progress on @fd.  The connection gets
 * mode, inheritance and selection of the accept socket, and the options of the
 * listener.
 *
 * Return: 0, or a WSA error, and then nothing has changed.
 */
int ws_accepted_install(struct ws_slot *listener, struct ws_slot *slot, int fd,
			int accepted)
{
	int mode = fcntl(fd, F_GETFL);
	int inheritance = fcntl(fd, F_GETFD);

	/* Was the accept socket closed by close(2) and its descriptor reused? */
	if (mode < 0 || inheritance < 0 || !ws_slot_is_current(slot, fd))
		return WSAENOTSOCK;
	if (mode & O_NONBLOCK)
		fcntl(accepted, F_SETFL, O_NONBLOCK);
	if (dup3(accepted, fd, inheritance & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
		return ws_error_from_errno(errno);
	close(accepted);

	ws_slot_clear(slot, OLD_SOCKET_FLAGS);
	ws_slot_set(slot, WS_SLOT_ACCEPTED |
		    (ws_slot_flags(listener) & WS_SLOT_INHERITED &
		     ~WS_SLOT_NO_INHERIT));
	ws_slot_identify(slot, fd);
	ws_slot_connected(slot);
	ws_watch_replace(slot, fd);
	ws_watch_reenable(listener, FD_ACCEPT);
	return 0;
}

static void put_address(char *block, size_t room, const void *addr, int len)
{
	memset(block, 0, room);
	memcpy(block, addr, len);
	memcpy(block + room - sizeof(len), &len, sizeof(len));
}

void ws_accepted_put_addresses(const struct ws_address_blocks *blocks, int fd,
			       const struct sockaddr *peer, socklen_t len)
{
	struct sockaddr_storage own = { 0 };
	socklen_t ownlen = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &ownlen))
		ownlen = 0;
	put_address(blocks->local, blocks->local_room, &own, ownlen);
	put_address(blocks->remote, blocks->remote_room, peer, len);
}

/* Returns the address in a block, and its length in @len. */
struct sockaddr *ws_accepted_address(char *block, size_t room, int *len)
{
	*len = 0;
	if (room < WS_ADDRESS_BLOCK_EXTRA)
		return NULL;
	memcpy(len, block + room - sizeof(*len), sizeof(*len));
	return (struct sockaddr *)block;
}

/* No request is left for it: the peer gets a reset. */
void ws_accepted_drop(int accepted)
{
	static const struct winsock_linger reset = { .l_onoff = 1 };

	ws_set_linger(accepted, &reset);
	close(accepted);
}
