// SPDX-License-Identifier: LGPL-2.1-or-later
/* Calls that know a struct timeval, and their addresses.  See check.sh. */
#ifdef AFTER
#include <sys/socket.h>
#include <sys/time.h>
#endif
#include <winsock2.h>

static int called(SOCKET s)
{
	struct timeval timeout = { 1, 0 };
	int len = sizeof(timeout);
	fd_set set;

	FD_ZERO(&set);
	FD_SET(s, &set);
	return select(0, &set, NULL, NULL, &timeout) +
	       setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout)) +
	       getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, &len) +
	       recvfrom(s, (char *)&timeout, sizeof(timeout), 0, NULL, NULL);
}

#ifdef __cplusplus
int (*select_pointer)(int, fd_set *, fd_set *, fd_set *, const struct timeval *) = select;
int (*get_pointer)(SOCKET, int, int, char *, int *) = getsockopt;
int (*set_pointer)(SOCKET, int, int, const char *, int) = setsockopt;
#else
const void *select_pointer = (const void *)select;
const void *get_pointer = (const void *)getsockopt;
const void *set_pointer = (const void *)setsockopt;
#endif

int main(void)
{
	return !select_pointer || !get_pointer || !set_pointer || called(INVALID_SOCKET);
}
