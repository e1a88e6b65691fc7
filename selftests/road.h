/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two hosts and a road between them: three network namespaces joined by veth,
 * the middle one a router that delays, loses, repeats and reorders (netem).
 * The capture is at our own host's device, in front of all that, so that what a
 * system call sent is in it when the call returns.
 */
#ifndef WINSOCK_ROAD_H
#define WINSOCK_ROAD_H

#include "winsock_test.h"

enum place {
	HERE,		/* the socket under test */
	ROUTER,
	THERE,		/* its peer */
	PLACES
};

/* What the peer's host has in each family, and an address that nobody has. */
#define ROAD_PEER4	"10.0.2.1"
#define ROAD_PEER6	"fd00:2::1"
#define ROAD_NOBODY4	"10.0.2.99"
#define ROAD_NOBODY6	"fd00:2::99"

/**
 * struct road - the three namespaces
 * @ns: a descriptor for each
 */
struct road {
	int ns[PLACES];
};

/* The calling thread, and whoever it starts, are HERE afterwards. */
void road_open(struct road *road);
void road_close(struct road *road);

/* Arguments of ip(8), run in a place; the test fails if it does. */
void road_ip(const struct road *road, enum place place, const char *args);
/* A file below /proc/sys/net of a place. */
void road_sysctl(const struct road *road, enum place place, const char *name,
		 const char *value);
/*
 * Arguments of netem for what goes to one end, or to both; "" for an even road.
 * What is under way is lost.
 */
void road_toward(const struct road *road, enum place place, const char *netem);
void road_both(const struct road *road, const char *netem);
/* The peer's cable is pulled.  Nobody tells us. */
void road_unplug(const struct road *road);

socklen_t road_address(const char *address, struct sockaddr_storage *addr);
/* pair_open() over the road. */
void road_pair(const struct road *road, struct pair *pair,
	       const struct kind *kind);
/* The parts of it: a peer that listens, and a connection to it. */
int road_listen(const struct road *road, int family,
		struct sockaddr_storage *addr, socklen_t *len);

#endif /* WINSOCK_ROAD_H */
