// SPDX-License-Identifier: LGPL-2.1-or-later
/* Prints what is said of our numbers, "value text" a line, for NAMES of check.sh. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <stdio.h>
#include <string.h>

static void print(int error)
{
	printf("%d %s\n", error, winsock_strerror(error));
}

int main(void)
{
#define NAME(name) print(name)
	NAMES;
	/* both ends of what does not exist, and the same through libc's name */
	if (strcmp(winsock_strerror(-2147483647 - 1), "Unknown error -2147483648") ||
	    strcmp(winsock_strerror(70000), "Unknown error 70000") ||
	    strcmp(gai_strerror(WSAHOST_NOT_FOUND), winsock_strerror(WSAHOST_NOT_FOUND)))
		puts("texts that do not fit");
	return 0;
}
