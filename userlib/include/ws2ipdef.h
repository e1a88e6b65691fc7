/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv4 and IPv6 addresses, as <ws2tcpip.h> brings them; see winsock2.h. */
#ifndef _WS2IPDEF_H
#define _WS2IPDEF_H

#include <winsock2.h>
#include <string.h>

typedef struct sockaddr_in6 SOCKADDR_IN6, *PSOCKADDR_IN6, *LPSOCKADDR_IN6;
typedef struct in6_addr IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;
typedef struct ip_mreq IP_MREQ, *PIP_MREQ;
typedef struct ipv6_mreq IPV6_MREQ, *PIPV6_MREQ;
#ifdef MCAST_JOIN_GROUP	/* libc may have been asked for less */
typedef struct ip_mreq_source IP_MREQ_SOURCE, *PIP_MREQ_SOURCE;
typedef struct ip_msfilter *PIP_MSFILTER;
typedef struct group_req GROUP_REQ, *PGROUP_REQ;
typedef struct group_source_req GROUP_SOURCE_REQ, *PGROUP_SOURCE_REQ;
typedef struct group_filter GROUP_FILTER, *PGROUP_FILTER;
#endif

/* What SIO_GET_INTERFACE_LIST tells of each address; the flags are Linux's. */
struct sockaddr_in6_old {
	SHORT sin6_family;
	USHORT sin6_port;
	ULONG sin6_flowinfo;
	IN6_ADDR sin6_addr;
};

typedef union sockaddr_gen {
	struct sockaddr Address;
	struct sockaddr_in AddressIn;
	struct sockaddr_in6_old AddressIn6;
} sockaddr_gen;

typedef struct _INTERFACE_INFO {
	ULONG iiFlags;
	sockaddr_gen iiAddress;
	sockaddr_gen iiBroadcastAddress;
	sockaddr_gen iiNetmask;
} INTERFACE_INFO, *LPINTERFACE_INFO;

#define IFF_POINTTOPOINT	IFF_POINTOPOINT

#define SIO_GET_INTERFACE_LIST	0x4004747fU

/* Whose structure it is can be read in its family. */
typedef union _SOCKADDR_INET {
	SOCKADDR_IN Ipv4;
	SOCKADDR_IN6 Ipv6;
	ADDRESS_FAMILY si_family;
} SOCKADDR_INET, *PSOCKADDR_INET;

#define s6_bytes	__in6_u.__u6_addr8
#define s6_words	__in6_u.__u6_addr16

static inline int IN6ADDR_ISANY(const struct sockaddr_in6 *addr)
{
	return addr->sin6_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&addr->sin6_addr);
}

static inline int IN6ADDR_ISLOOPBACK(const struct sockaddr_in6 *addr)
{
	return addr->sin6_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&addr->sin6_addr);
}

static inline void IN6_SET_ADDR_UNSPECIFIED(struct in6_addr *addr)
{
	*addr = in6addr_any;
}

static inline void IN6_SET_ADDR_LOOPBACK(struct in6_addr *addr)
{
	*addr = in6addr_loopback;
}

static inline void IN6ADDR_SETANY(struct sockaddr_in6 *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sin6_family = AF_INET6;
}

static inline void IN6ADDR_SETLOOPBACK(struct sockaddr_in6 *addr)
{
	IN6ADDR_SETANY(addr);
	addr->sin6_addr = in6addr_loopback;
}

static inline int IN4_ADDR_EQUAL(const struct in_addr *a, const struct in_addr *b)
{
	return a->s_addr == b->s_addr;
}

static inline int IN4_IS_ADDR_UNSPECIFIED(const struct in_addr *addr)
{
	return addr->s_addr == INADDR_ANY;
}

/* All of 127.0.0.0/8. */
static inline int IN4_IS_ADDR_LOOPBACK(const struct in_addr *addr)
{
	return *(const uint8_t *)addr == 127;
}

static inline int IN4_IS_ADDR_BROADCAST(const struct in_addr *addr)
{
	return addr->s_addr == INADDR_BROADCAST;
}

static inline int IN4_IS_ADDR_MULTICAST(const struct in_addr *addr)
{
	return IN_MULTICAST(ntohl(addr->s_addr));
}

static inline int IN6_ADDR_EQUAL(const struct in6_addr *a,
				 const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline int INETADDR_ISANY(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET6)
		return IN6ADDR_ISANY((const struct sockaddr_in6 *)addr);
	return ((const struct sockaddr_in *)addr)->sin_addr.s_addr == INADDR_ANY;
}

static inline int INETADDR_ISLOOPBACK(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET6)
		return IN6ADDR_ISLOOPBACK((const struct sockaddr_in6 *)addr);
	return IN4_IS_ADDR_LOOPBACK(&((const struct sockaddr_in *)addr)->sin_addr);
}

/* Sets the address and clears the rest, but for the family, which chooses. */
static inline void INETADDR_SETANY(struct sockaddr *addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	if (addr->sa_family == AF_INET6) {
		IN6ADDR_SETANY((struct sockaddr_in6 *)addr);
	} else if (addr->sa_family == AF_INET) {
		memset(in, 0, sizeof(*in));
		in->sin_family = AF_INET;
	}
}

static inline void INETADDR_SETLOOPBACK(struct sockaddr *addr)
{
	INETADDR_SETANY(addr);
	if (addr->sa_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_addr = in6addr_loopback;
	else if (addr->sa_family == AF_INET)
		((struct sockaddr_in *)addr)->sin_addr.s_addr =
			htonl(INADDR_LOOPBACK);
}

/* In network byte order. */
static inline unsigned short INETADDR_PORT(const struct sockaddr *addr)
{
	return addr->sa_family == AF_INET6 ?
	       ((const struct sockaddr_in6 *)addr)->sin6_port :
	       ((const struct sockaddr_in *)addr)->sin_port;
}

static inline void INETADDR_SET_PORT(struct sockaddr *addr, unsigned short port)
{
	if (addr->sa_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = port;
	else
		((struct sockaddr_in *)addr)->sin_port = port;
}

/* Where the bytes of the address are. */
static inline unsigned char *INETADDR_ADDRESS(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET6)
		return (unsigned char *)&((struct sockaddr_in6 *)addr)->sin6_addr;
	return (unsigned char *)&((struct sockaddr_in *)addr)->sin_addr;
}

static inline int INET_ADDR_EQUAL(ADDRESS_FAMILY family, const void *a,
				  const void *b)
{
	return !memcmp(a, b, family == AF_INET6 ? sizeof(struct in6_addr) :
						  sizeof(struct in_addr));
}

static inline int INET_IS_ADDR_UNSPECIFIED(ADDRESS_FAMILY family, const void *addr)
{
	return INET_ADDR_EQUAL(family, addr, &in6addr_any);
}

static inline int INET_IS_ADDR_LOOPBACK(ADDRESS_FAMILY family, const void *addr)
{
	return family == AF_INET6 ?
	       IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)addr) :
	       IN4_IS_ADDR_LOOPBACK((const struct in_addr *)addr);
}

#endif /* _WS2IPDEF_H */
