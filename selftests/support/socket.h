/* SPDX-License-Identifier: GPL-2.0 */
/* Options and states of one socket. */
#ifndef WINSOCK_TEST_SOCKET_H
#define WINSOCK_TEST_SOCKET_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Network order. */
in_port_t local_port(int fd);
/* Bind to a port of the loopback address; then listen. */
void bind_loopback(int fd, int family, struct sockaddr_storage *addr,
		   socklen_t *len);
void listen_loopback(int fd, int family, int backlog,
		     struct sockaddr_storage *addr, socklen_t *len);
/* A listener that never hears the call for a connection. */
int listen_deaf(int family, struct sockaddr_storage *addr, socklen_t *len);
/* Connect, also a nonblocking socket, and wait for the outcome. */
void connect_to(int fd, const struct sockaddr_storage *addr, socklen_t len);

/* An int option at SOL_SOCKET. */
void set_int(int fd, int option, int value);
void set_nonblocking(int fd, bool on);
void set_linger(int fd, int onoff, int seconds);
bool fd_is_open(int fd);
/* Probe each second: it learns of a reset that was lost. */
void keep_alive(int fd);

/* Bytes accepted but not acknowledged, and of these the ones never sent. */
int queued(int fd);
int unsent(int fd);
/* enum of <netinet/tcp.h>, from TCP_INFO */
int tcp_state(int fd);

/* Its TCP sees no segment any more, or again. */
void make_deaf(int fd);
void make_hear(int fd);

#endif
