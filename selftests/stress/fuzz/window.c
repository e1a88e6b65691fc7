// SPDX-License-Identifier: GPL-2.0
/* The kernel's own struct tcp_info, which glibc's header does not go with. */
#include "window.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define STATE_CLOSED	7

unsigned int send_window(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ||
	    info.tcpi_state == STATE_CLOSED)
		return 0;
	return info.tcpi_snd_wnd;
}
