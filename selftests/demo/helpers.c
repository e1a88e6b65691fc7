// SPDX-License-Identifier: GPL-2.0
/* The suites' helpers, without those that have names of the library's. */
#define winsock_socket ioc_socket
#define winsock_close_deadline(fd, ms) ioc_close_deadline(fd, ms)
#include "../winsock_test.c"
