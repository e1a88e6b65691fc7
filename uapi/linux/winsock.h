/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Winsock close semantics on Linux sockets: the kernel ABI.
 *
 * Every request, option and errno is described in uapi/winsock.rst.  What is
 * published here does not change; additions get new numbers.
 */
#ifndef _UAPI_LINUX_WINSOCK_H
#define _UAPI_LINUX_WINSOCK_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define WINSOCK_DEVICE		"/dev/winsock"
/*
 * 2: WINSOCK_SOCKET_RESET_DISCARDS and WINSOCK_SO_RESET_DISCARDS
 * 3: WINSOCK_IOC_CLOSE_DEADLINE
 */
#define WINSOCK_ABI_VERSION	3

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
 * @pending: number of references to the open file that poll() calls and io_uring
 *	     requests of this process hold at the moment; 0 if not known
 * @pad: must be 0
 */
struct winsock_closesocket {
	__s32 fd;
	__u32 flags;
	__u32 pending;
	__u32 pad;
};

/**
 * struct winsock_close_deadline - argument of WINSOCK_IOC_CLOSE_DEADLINE
 * @fd: the descriptor to close
 * @flags: 0 or WINSOCK_CLOSE_REPORT
 * @pending: as in struct winsock_closesocket
 * @pad: must be 0
 * @timeout: how long the peer has to acknowledge the data, in nanoseconds; from 1
 *	     to 65,535 seconds
 * @cookie: returned in the outcome
 */
struct winsock_close_deadline {
	__s32 fd;
	__u32 flags;
	__u32 pending;
	__u32 pad;
	__u64 timeout;
	__u64 cookie;
};

/* In flags: the outcome can be read from the device descriptor that was used. */
#define WINSOCK_CLOSE_REPORT	1u

/**
 * enum winsock_result - how a close with a deadline has ended
 * @WINSOCK_DELIVERED: the peer has acknowledged every byte; FIN has been queued
 * @WINSOCK_DEADLINE_RESET: the deadline passed first, and the connection was reset
 * @WINSOCK_PEER_RESET: the connection ended first: the peer reset it, or did not
 *			answer until TCP timed out
 * @WINSOCK_STILL_SHARED: another descriptor refers to the socket, which stays open
 * @WINSOCK_NOT_CONNECTED: there was no connection
 */
enum winsock_result {
	WINSOCK_DELIVERED,
	WINSOCK_DEADLINE_RESET,
	WINSOCK_PEER_RESET,
	WINSOCK_STILL_SHARED,
	WINSOCK_NOT_CONNECTED,
};

/**
 * struct winsock_outcome - read(2) of the device returns one or more of these
 * @cookie: that of the request
 * @nsec: time from the request to the end of the close, in nanoseconds
 * @unacked: bytes not yet acknowledged by the peer, which may have received them
 * @result: enum winsock_result
 * @pad: 0
 */
struct winsock_outcome {
	__u64 cookie;
	__u64 nsec;
	__u64 unacked;
	__u32 result;
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
#define WINSOCK_IOC_CLOSE_DEADLINE	\
	_IOW('W', 0x83, struct winsock_close_deadline)

/* Level and names for setsockopt(2) and getsockopt(2) on attached sockets. */
#define SOL_WINSOCK		0x5753
#define WINSOCK_SO_LINGER	0x0080
#define WINSOCK_SO_DONTLINGER	(~WINSOCK_SO_LINGER)
/*
 * An int, 0 or 1.  With 1, unread data is discarded when the peer resets the
 * connection, and every later call fails with ECONNRESET.  Accepted sockets inherit it.
 */
#define WINSOCK_SO_RESET_DISCARDS	1

#endif /* _UAPI_LINUX_WINSOCK_H */
