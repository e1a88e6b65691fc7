// SPDX-License-Identifier: LGPL-2.1-or-later
/* What WSAIoctl() reports of this machine's addresses: see interface.h. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include "core/name.h"
#include "interface.h"

static socklen_t size_of(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) :
				   sizeof(struct sockaddr_in6);
}

static bool is_of(const struct sockaddr *addr, int family)
{
	return addr && addr->sa_family == family;
}

/* The first 24 bytes of an address, the size of the field in INTERFACE_INFO. */
static void copy_address(sockaddr_gen *to, const struct sockaddr *from, int family)
{
	if (!is_of(from, family))
		return;
	memcpy(to, from, size_of(family) < sizeof(*to) ? size_of(family) : sizeof(*to));
}

static void fill_info(INTERFACE_INFO *info, const struct ifaddrs *ifa, int family)
{
	memset(info, 0, sizeof(*info));
	info->iiFlags = ifa->ifa_flags;
	copy_address(&info->iiAddress, ifa->ifa_addr, family);
	copy_address(&info->iiNetmask, ifa->ifa_netmask, family);
	if (ifa->ifa_flags & IFF_BROADCAST)
		copy_address(&info->iiBroadcastAddress, ifa->ifa_broadaddr, family);
}

ssize_t ws_interface_list(int family, void *out, size_t room)
{
	struct ifaddrs *list, *ifa;
	INTERFACE_INFO info;
	size_t size = 0;
	int pass;

	if (family != AF_INET && family != AF_INET6) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (getifaddrs(&list))
		return -1;
	for (pass = 0; pass < 2 && size <= room; pass++) {
		size = 0;
		for (ifa = list; ifa; ifa = ifa->ifa_next) {
			if (!is_of(ifa->ifa_addr, family))
				continue;
			if (pass) {
				fill_info(&info, ifa, family);
				memcpy((char *)out + size, &info, sizeof(info));
			}
			size += sizeof(info);
		}
	}
	freeifaddrs(list);
	return size;
}

/* Can a program bind it, and may other machines use it to reach this one? */
static bool is_bindable(const struct ifaddrs *ifa, int family)
{
	return is_of(ifa->ifa_addr, family) &&
	       (ifa->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP;
}

ssize_t ws_address_list(int family, void *out, size_t room)
{
	size_t names, size, next, len = size_of(family);
	struct ifaddrs *list, *ifa;
	INT count = 0, i = 0;
	SOCKET_ADDRESS addr;

	if (family != AF_INET && family != AF_INET6) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (getifaddrs(&list))
		return -1;
	for (ifa = list; ifa; ifa = ifa->ifa_next)
		count += is_bindable(ifa, family);
	names = offsetof(SOCKET_ADDRESS_LIST, Address) + count * sizeof(addr);
	if (names < sizeof(SOCKET_ADDRESS_LIST))
		names = sizeof(SOCKET_ADDRESS_LIST);
	size = names + count * len;
	for (ifa = size <= room ? list : NULL; ifa; ifa = ifa->ifa_next) {
		if (!is_bindable(ifa, family))
			continue;
		next = names + i * len;
		addr.lpSockaddr = (struct sockaddr *)((char *)out + next);
		addr.iSockaddrLength = len;
		memcpy((char *)out + next, ifa->ifa_addr, len);
		memcpy((char *)out + offsetof(SOCKET_ADDRESS_LIST, Address) +
		       i++ * sizeof(addr), &addr, sizeof(addr));
	}
	if (size <= room)
		memcpy(out, &count, sizeof(count));
	freeifaddrs(list);
	return size;
}

/* Connecting a datagram socket sends nothing, and sets its address from the route. */
static int ask_route(int fd, const void *to, socklen_t len, struct sockaddr *local)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    connect(fd, to, len))
		return -1;
	return getsockname(fd, local, &len);
}

ssize_t ws_routing_interface(int family, const void *to, size_t tolen, void *out,
			     size_t room)
{
	struct sockaddr_in6 remote, local;
	socklen_t len = size_of(family);
	int fd, ret, err;

	if (family != AF_INET && family != AF_INET6) {
		errno = EOPNOTSUPP;
		return -1;
	}
	memset(&remote, 0, sizeof(remote));
	if (to)
		memcpy(&remote, to, tolen < len ? tolen : len);
	if (!to || ws_name_is_short((struct sockaddr *)&remote, tolen)) {
		errno = EFAULT;
		return -1;
	}
	if (remote.sin6_family != family) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (room < len)
		return len;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	ret = ask_route(fd, &remote, len, (struct sockaddr *)&local);
	err = errno;
	close(fd);
	errno = err;
	if (ret)
		return -1;
	local.sin6_port = 0;	/* in the same place for both families */
	memcpy(out, &local, len);
	return len;
}
