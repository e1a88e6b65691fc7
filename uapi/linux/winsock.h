/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Winsock close semantics on Linux sockets: the kernel ABI.
 *
 * Every request, option and errno is described in uapi/winsock.rst.  Nothing
 * published here is ever changed; new needs get new numbers.
 */
#ifndef _UAPI_LINUX_WINSOCK_H
#define _UAPI_LINUX_WINSOCK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define WINSOCK_DEVICE		"/dev/winsock"
/* 2: WINSOCK_SOCKET_RESET_DISCARDS and WINSOCK_SO_RESET_DISCARDS */
#define WINSOCK_ABI_VERSION	2

/* Name of the TCP ULP: setsockopt(fd, SOL_TCP, TCP_ULP, WINSOCK_ULP, ...). */
#define WINSOCK_ULP		"winsock"

/**
 * struct winsock_socket - argument of WINSOCK_IOC_SOCKET
 * @domain: as for socket(2)
 * @type: as for socket(2), SOCK_NONBLOCK and SOCK_CLOEXEC included
 * @protocol: as for socket(2)
 * @flags: 0, or WINSOCK_SOCKET_RESET_DISCARDS for a stream
 */
struct winsock_socket {
	__s32 domain;
	__s32 type;
	__s32 protocol;
	__u32 flags;
};

/* In flags: as WINSOCK_SO_RESET_DISCARDS set to 1. */
#define WINSOCK_SOCKET_RESET_DISCARDS	1u

/**
 * struct winsock_closesocket - argument of WINSOCK_IOC_CLOSESOCKET
 * @fd: the descriptor to close
 * @flags: must be 0
 * @pending: how many references to the open file this process's own poll()ers
 *	     and io_uring requests hold right now; 0 if not known
 * @pad: must be 0
 */
struct winsock_closesocket {
	__s32 fd;
	__u32 flags;
	__u32 pending;
	__u32 pad;
};

/**
 * struct winsock_linger - value of WINSOCK_SO_LINGER
 * @l_onoff: 0 or 1; any other value sets 1
 * @l_linger: seconds
 */
struct winsock_linger {
	__u16 l_onoff;
	__u16 l_linger;
};

#define WINSOCK_IOC_VERSION	_IOR('W', 0x80, __u32)
#define WINSOCK_IOC_SOCKET	_IOW('W', 0x81, struct winsock_socket)
#define WINSOCK_IOC_CLOSESOCKET	_IOW('W', 0x82, struct winsock_closesocket)

/* Level and names for setsockopt(2) and getsockopt(2) on attached sockets. */
#define SOL_WINSOCK		0x5753
#define WINSOCK_SO_LINGER	0x0080
#define WINSOCK_SO_DONTLINGER	(~WINSOCK_SO_LINGER)
/*
 * An int, 0 or 1: once the peer has reset the connection what it sent before is
 * discarded, and every call fails with ECONNRESET.  Children of a listener have it.
 */
#define WINSOCK_SO_RESET_DISCARDS	1

#endif /* _UAPI_LINUX_WINSOCK_H */
