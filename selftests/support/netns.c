// SPDX-License-Identifier: GPL-2.0
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "check.h"
#include "netns.h"

#define MTU		1500

void netns_enter(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd;

	check(unshare(CLONE_NEWNET));
	fd = check(socket(AF_INET, SOCK_DGRAM, 0));
	ifr.ifr_mtu = MTU;
	check(ioctl(fd, SIOCSIFMTU, &ifr));
	check(ioctl(fd, SIOCGIFFLAGS, &ifr));
	ifr.ifr_flags |= IFF_UP;
	check(ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}
