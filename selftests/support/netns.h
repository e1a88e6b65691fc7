/* SPDX-License-Identifier: GPL-2.0 */
/* A network namespace of the test's own. */
#ifndef WINSOCK_TEST_NETNS_H
#define WINSOCK_TEST_NETNS_H

/* A namespace with nothing in it but a loopback device of Ethernet's MTU. */
void netns_enter(void);

#endif
