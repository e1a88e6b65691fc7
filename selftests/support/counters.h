/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel counts. */
#ifndef WINSOCK_TEST_COUNTERS_H
#define WINSOCK_TEST_COUNTERS_H

/* TCP sockets without a descriptor, of all namespaces, not yet closed. */
long orphans(void);
/* Sockets of this namespace, with a descriptor or without. */
long sockets_used(void);
/* A line of /proc/net/winsock_stat, which is this namespace's. */
long winsock_counter(const char *name);
/* How many this process has, including the one that is opened to count them. */
int open_descriptors(void);

/* @wanted, divided by ten on a debug kernel. */
int scaled(int wanted);

#endif
