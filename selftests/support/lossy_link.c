// SPDX-License-Identifier: GPL-2.0
/* See link.h. */
#include "lossy_link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PEER_RCVBUF	16384
#define SNDBUF		65536

static const char * const device_toward[PLACES] = {
	[HERE] = "left",
	[THERE] = "right",
};

static void move_to(const struct lossy_link *link, enum place place)
{
	check(setns(link->ns[place], CLONE_NEWNET));
}

/* ip(8) and tc(8) take many commands at once, one a line. */
__attribute__((format(printf, 4, 5)))
static void tool(const struct lossy_link *link, enum place place, const char *name,
		 const char *fmt, ...)
{
	char command[16];
	va_list ap;
	FILE *f;

	move_to(link, place);
	snprintf(command, sizeof(command), "%s -batch -", name);
	f = popen(command, "w");
	if (!f)
		fail("%s: %s", name, strerror(errno));
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	if (pclose(f))
		fail("%s failed", name);
	move_to(link, HERE);
}

void link_ip(const struct lossy_link *link, enum place place, const char *args)
{
	tool(link, place, "ip", "%s\n", args);
}

void link_sysctl(const struct lossy_link *link, enum place place, const char *name,
		 const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	move_to(link, place);
	put_line(path, value);
	move_to(link, HERE);
}

static void host_open(const struct lossy_link *link, enum place place, int net)
{
	tool(link, place, "ip",
	     "link set lo up\n"
	     "link set eth0 up\n"
	     "addr add 10.0.%d.1/24 dev eth0\n"
	     "addr add fd00:%d::1/64 dev eth0 nodad\n"
	     "neigh add 10.0.%d.254 lladdr 02:00:00:00:0%d:fe dev eth0\n"
	     "neigh add fd00:%d::254 lladdr 02:00:00:00:0%d:fe dev eth0\n"
	     "route add default via 10.0.%d.254\n"
	     "route add default via fd00:%d::254\n",
	     net, net, net, net, net, net, net, net);
}

/* Neighbours are made known: nobody's request for an address gets lost. */
static void router_open(const struct lossy_link *link, const char *device,
			enum place place, int net)
{
	tool(link, ROUTER, "ip",
	     "link add %s address 02:00:00:00:0%d:fe gso_max_segs 1 type veth peer name eth0 address 02:00:00:00:0%d:01 gso_max_segs 1 netns /proc/%d/fd/%d\n"
	     "link set %s up\n"
	     "addr add 10.0.%d.254/24 dev %s\n"
	     "addr add fd00:%d::254/64 dev %s nodad\n"
	     "neigh add 10.0.%d.1 lladdr 02:00:00:00:0%d:01 dev %s\n"
	     "neigh add fd00:%d::1 lladdr 02:00:00:00:0%d:01 dev %s\n",
	     device, net, net, getpid(), link->ns[place],
	     device, net, device, net, device, net, net, device, net, net,
	     device);
}

void link_open(struct lossy_link *link)
{
	int i;

	for (i = 0; i < PLACES; i++) {
		check(unshare(CLONE_NEWNET));
		link->ns[i] = check(open("/proc/thread-self/ns/net",
					 O_RDONLY | O_CLOEXEC));
	}
	link_sysctl(link, ROUTER, "ipv4/ip_forward", "1");
	link_sysctl(link, ROUTER, "ipv6/conf/all/forwarding", "1");
	router_open(link, "left", HERE, 1);
	router_open(link, "right", THERE, 2);
	host_open(link, HERE, 1);
	host_open(link, THERE, 2);
}

/*
 * What is left here has nobody to answer it: without this it would be sent again,
 * and the module be in use, for minutes.
 */
void link_close(struct lossy_link *link)
{
	int i;

	link_sysctl(link, HERE, "ipv4/tcp_orphan_retries", "1");
	for (i = 0; i < PLACES; i++)
		close(link->ns[i]);
}

/*
 * A netem that is changed keeps some of what it was told before; pfifo makes
 * room for a new one.  The limit is no part of the link's troubles.
 */
#define NEW_NETEM	"qdisc replace dev %s root pfifo\n"		\
			"qdisc replace dev %s root netem limit 100000 %s\n"

void link_toward(const struct lossy_link *link, enum place place, const char *netem)
{
	const char *device = device_toward[place];

	tool(link, ROUTER, "tc", NEW_NETEM, device, device, netem);
}

void link_both(const struct lossy_link *link, const char *netem)
{
	const char *left = device_toward[HERE], *right = device_toward[THERE];

	tool(link, ROUTER, "tc", NEW_NETEM NEW_NETEM, left, left, netem,
	     right, right, netem);
}

void link_unplug(const struct lossy_link *link)
{
	link_ip(link, THERE, "link set eth0 down");
}

socklen_t link_address(const char *address, struct sockaddr_storage *addr)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1)
		fail("%s is no address", address);
	in6->sin6_family = AF_INET6;
	return sizeof(*in6);
}

int link_listen(const struct lossy_link *link, int family,
		struct sockaddr_storage *addr, socklen_t *len)
{
	int listener;

	*len = link_address(family == AF_INET6 ? LINK_PEER6 : LINK_PEER4, addr);
	move_to(link, THERE);
	listener = check(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	move_to(link, HERE);
	set_int(listener, SO_RCVBUF, PEER_RCVBUF);
	check(bind(listener, (struct sockaddr *)addr, *len));
	check(listen(listener, SOMAXCONN));
	check(getsockname(listener, (struct sockaddr *)addr, len));
	return listener;
}

void link_pair(const struct lossy_link *link, struct pair *pair,
	       const struct kind *kind)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener;

	memset(pair, 0, sizeof(*pair));
	pair->kind = *kind;
	wire_open_on(&pair->wire, "eth0");
	listener = link_listen(link, kind->family, &addr, &len);
	pair->fd = kind_socket(kind, SOCK_STREAM);
	set_int(pair->fd, SO_SNDBUF, SNDBUF);
	connect_to(pair->fd, &addr, len);
	pair->peer = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	close(listener);
	pair_settle(pair);
}
