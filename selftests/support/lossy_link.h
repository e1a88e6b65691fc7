/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two hosts and a link between them: three network namespaces joined by veth,
 * the middle one a router that delays, loses, repeats and reorders (netem).
 * The capture is at our own host's device, in front of all that, so that what a
 * system call sent is in it when the call returns.
 */
#ifndef WINSOCK_LINK_H
#define WINSOCK_LINK_H

#include "cgroup.h"
#include "check.h"
#include "counters.h"
#include "device.h"
#include "module.h"
#include "netns.h"
#include "pair.h"
#include "process.h"
#include "receive.h"
#include "socket.h"
#include "thread.h"
#include "wire.h"

enum place {
	HERE,		/* the socket under test */
	ROUTER,
	THERE,		/* its peer */
	PLACES
};

/* The peer's address in each family, and an unassigned one. */
#define LINK_PEER4	"10.0.2.1"
#define LINK_PEER6	"fd00:2::1"
#define LINK_NOBODY4	"10.0.2.99"
#define LINK_NOBODY6	"fd00:2::99"

/**
 * struct lossy_link - the three namespaces
 * @ns: a descriptor for each
 */
struct lossy_link {
	int ns[PLACES];
};

/* The calling thread, and whoever it starts, are HERE afterwards. */
void link_open(struct lossy_link *link);
void link_close(struct lossy_link *link);

/* Arguments of ip(8), run in a place; the test fails if it does. */
void link_ip(const struct lossy_link *link, enum place place, const char *args);
/* A file below /proc/sys/net of a place. */
void link_sysctl(const struct lossy_link *link, enum place place, const char *name,
		 const char *value);
/*
 * Arguments of netem for what goes to one end, or to both; "" for a link without impairment.
 * What is under way is lost.
 */
void link_toward(const struct lossy_link *link, enum place place, const char *netem);
void link_both(const struct lossy_link *link, const char *netem);
/* Sets the peer's link down; the socket under test gets no notification. */
void link_unplug(const struct lossy_link *link);

socklen_t link_address(const char *address, struct sockaddr_storage *addr);
/* pair_open() over the link. */
void link_pair(const struct lossy_link *link, struct pair *pair,
	       const struct kind *kind);
/* The parts of it: a peer that listens, and a connection to it. */
int link_listen(const struct lossy_link *link, int family,
		struct sockaddr_storage *addr, socklen_t *len);

#endif /* WINSOCK_LINK_H */
