/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WINSOCK_FUZZ_WINDOW_H
#define WINSOCK_FUZZ_WINDOW_H

/* Bytes that the peer would take now; 0 also where there is no connection. */
unsigned int send_window(int fd);

#endif /* WINSOCK_FUZZ_WINDOW_H */
