// SPDX-License-Identifier: GPL-2.0
/* The suites' helpers, without the one that has a name of the library's. */
#define winsock_socket ioc_socket
#include "../winsock_test.c"
