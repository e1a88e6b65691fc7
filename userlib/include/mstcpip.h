/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Winsock programs expect in this header; see WSAIoctl(3). */
#ifndef _MSTCPIP_H
#define _MSTCPIP_H

#include <winsock2.h>

#define SIO_KEEPALIVE_VALS	_WSAIOW(IOC_VENDOR, 4)

/* Times in milliseconds. */
struct tcp_keepalive {
	u_long onoff;
	u_long keepalivetime;
	u_long keepaliveinterval;
};

#endif /* _MSTCPIP_H */
