// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The data of a close for the report.  The module returns only an errno.  The rest is
 * read from the socket before the close, with the conditions in the module's order, and
 * afterwards it is checked whether the socket still has an owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "next.h"
#include "observe.h"
#include "own.h"

#define NSEC_PER_SEC	1000000000ULL

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	getsockopt(fd, level, name, &value, &len);
	return value;
}

static int tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state;
}

static uint32_t bytes(int fd, unsigned long request)
{
	int n = 0;

	return ioctl(fd, request, &n) ? 0 : n;
}

static bool fin_was_queued(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

static bool is_connected(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT ||
	       state == TCP_FIN_WAIT2 || fin_was_queued(state);
}

static enum run_decision decide(int fd, int state, const struct linger *linger,
				const struct run_close *close)
{
	if (!is_connected(state))
		return RUN_NATIVE;
	if (!linger->l_onoff)
		return RUN_GRACEFUL;
	if (!linger->l_linger)
		return RUN_HARD;
	if (!close->unacked || fcntl(fd, F_GETFL) & O_NONBLOCK)
		return RUN_GRACEFUL;
	return RUN_LINGER;
}

bool run_observe(int fd, struct observed *before)
{
	struct linger linger = { 0 };
	struct timespec now;
	socklen_t len;
	struct stat st;
	int state;

	if (option(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP || fstat(fd, &st))
		return false;
	memset(before, 0, sizeof(*before));
	before->inode = st.st_ino;
	len = sizeof(before->cookie);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &before->cookie, &len);
	len = sizeof(linger);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	len = sizeof(before->local);
	getsockname(fd, (struct sockaddr *)&before->local, &len);
	len = sizeof(before->close.peer);
	getpeername(fd, (struct sockaddr *)&before->close.peer, &len);

	state = tcp_state(fd);
	before->close.linger = linger.l_linger;
	before->close.unread = bytes(fd, SIOCINQ);
	before->close.unacked = bytes(fd, SIOCOUTQ);
	if (before->close.unacked && fin_was_queued(state))
		before->close.unacked--;
	before->close.decision = decide(fd, state, &linger, &before->close);

	clock_gettime(CLOCK_REALTIME, &now);
	before->close.when = now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
	clock_gettime(CLOCK_MONOTONIC, &before->start);
	return true;
}

static void fill_address(const struct sockaddr_in6 *addr, uint32_t *to, uint16_t *port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	/* The port has the same offset in both families. */
	*port = addr->sin6_port;
	if (addr->sin6_family == AF_INET)
		to[0] = in->sin_addr.s_addr;
	else
		memcpy(to, &addr->sin6_addr, sizeof(addr->sin6_addr));
}

/* Asks sock_diag, as ss(8) does: a socket without an owner has no inode there. */
static bool has_owner(const struct observed *before)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
	} ask = {
		.head = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.req = {
			.sdiag_family = before->local.sin6_family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = ~0U,
		},
	};
	struct {
		struct nlmsghdr head;
		struct inet_diag_msg msg;
		char rest[1024];
	} answer;
	ssize_t got = -1;
	int fd;

	fill_address(&before->local, ask.req.id.idiag_src, &ask.req.id.idiag_sport);
	fill_address(&before->close.peer, ask.req.id.idiag_dst, &ask.req.id.idiag_dport);
	ask.req.id.idiag_cookie[0] = before->cookie;
	ask.req.id.idiag_cookie[1] = before->cookie >> 32;

	fd = run_next()->libc_syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				      NETLINK_SOCK_DIAG);
	if (fd < 0)
		return false;
	if (send(fd, &ask, sizeof(ask), 0) == sizeof(ask))
		got = recv(fd, &answer, sizeof(answer), 0);
	run_plain_close(fd);
	return got >= (ssize_t)offsetof(typeof(answer), rest) &&
	       answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	       answer.msg.idiag_inode == before->inode;
}

void run_observed(const struct observed *before, int shown, int err,
		  struct run_close *close)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	*close = before->close;
	close->took = (now.tv_sec - before->start.tv_sec) * NSEC_PER_SEC +
		      now.tv_nsec - before->start.tv_nsec;
	close->pid = getpid();
	close->fd = shown;
	if (err)
		close->decision = RUN_BACKGROUND;
	else if (close->decision != RUN_NATIVE && has_owner(before))
		close->decision = RUN_SHARED;
	else if (close->decision == RUN_LINGER &&
		 close->took >= close->linger * NSEC_PER_SEC)
		close->decision = RUN_TIMEOUT;
}
