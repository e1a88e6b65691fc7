/* SPDX-License-Identifier: GPL-2.0 */
/* A connection: the socket under test and its peer. */
#ifndef WINSOCK_TEST_PAIR_H
#define WINSOCK_TEST_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "wire.h"

/**
 * struct kind - what a test body runs over
 * @family: AF_INET or AF_INET6
 * @attached: made by WINSOCK_IOC_SOCKET; else by socket(2) and not attached
 * @nonblocking: O_NONBLOCK on the socket under test
 * @discards: WINSOCK_SO_RESET_DISCARDS is on (R1)
 */
struct kind {
	int family;
	bool attached;
	bool nonblocking;
	bool discards;
};

int kind_socket(const struct kind *kind, int type);

/**
 * struct pair - a connection
 * @kind: of the socket under test
 * @fd: the socket under test; tests set it to -1 when it is closed
 * @peer: the other end, a plain Linux socket that blocks
 * @sent: bytes of the pattern that @fd has accepted
 * @wire: their wire
 */
struct pair {
	struct kind kind;
	int fd;
	int peer;
	unsigned long sent;
	struct wire wire;
};

/* Waits until both ends are connected, and records their ports. */
void pair_settle(struct pair *pair);
void pair_open(struct pair *pair, const struct kind *kind);
/* The same with socket @fd, and @peer_rcvbuf as the peer's SO_RCVBUF. */
void pair_connect(struct pair *pair, const struct kind *kind, int fd,
		  int peer_rcvbuf);
/* The socket under test is the accepted end; an attached listener's child. */
void pair_open_accepted(struct pair *pair, const struct kind *kind);
void pair_close(struct pair *pair);

/*
 * TCP state of the socket under test from /proc/net/tcp, even after its descriptor
 * was closed; 0 if there is no such connection.
 */
int pair_state(const struct pair *pair);
/* Its bytes not yet read, from the same file; -1 if there is no such connection. */
int pair_unread(const struct pair *pair);

/* Send the next bytes of the pattern; all of them, waiting if need be. */
void pair_send(struct pair *pair, size_t len);
/* As many bytes as it takes at once; returns how many. */
size_t pair_fill(struct pair *pair);
/* Fill the socket under test until the peer's window is shut. */
void pair_stall(struct pair *pair);

/* The peer's TCP drops every segment; data in flight stays in flight. */
void pair_cut(struct pair *pair);
void pair_mend(struct pair *pair);
/* Cut, then send data that is all transmitted and never acknowledged. */
void pair_strand(struct pair *pair);

/* What is queued when the close comes. */
enum load {
	LOAD_NONE,
	LOAD_STALLED,	/* pair_stall(): the peer's window is shut */
	LOAD_STRANDED,	/* pair_strand(): all transmitted, none acknowledged */
};

/* Queue a load, then shut down either side, or both, until in this state. */
void pair_arrange(struct pair *pair, enum load load, int state);

#endif
