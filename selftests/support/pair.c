// SPDX-License-Identifier: GPL-2.0
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/tcp.h>

#include "check.h"
#include "device.h"
#include "pair.h"
#include "receive.h"
#include "socket.h"

#define PEER_RCVBUF	16384
#define SNDBUF		65536

int kind_socket(const struct kind *kind, int type)
{
	if (kind->nonblocking)
		type |= SOCK_NONBLOCK;
	if (kind->attached) {
		int fd = ioc_socket(kind->family, type, 0);

		if (fd < 0)
			fail("WINSOCK_IOC_SOCKET: %s", strerror(-fd));
		if (kind->discards)
			check(set_reset_discards(fd, 1));
		return fd;
	}
	return check(socket(kind->family, type, 0));
}

static void pair_prepare(struct pair *pair, const struct kind *kind)
{
	memset(pair, 0, sizeof(*pair));
	pair->kind = *kind;
	wire_open(&pair->wire);
}

void pair_settle(struct pair *pair)
{
	pair->wire.local = local_port(pair->fd);
	pair->wire.remote = local_port(pair->peer);
	wait_until(tcp_state(pair->peer) == TCP_ESTABLISHED);
	wait_until(tcp_state(pair->fd) == TCP_ESTABLISHED);
	wire_look(&pair->wire);
}

void pair_connect(struct pair *pair, const struct kind *kind, int fd,
		  int peer_rcvbuf)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int listener;

	pair_prepare(pair, kind);
	listener = check(socket(kind->family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	set_int(listener, SO_RCVBUF, peer_rcvbuf);
	listen_loopback(listener, kind->family, 1, &addr, &len);
	pair->fd = fd;
	set_int(pair->fd, SO_SNDBUF, SNDBUF);
	connect_to(pair->fd, &addr, len);
	pair->peer = check(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	close(listener);
	pair_settle(pair);
}

void pair_open(struct pair *pair, const struct kind *kind)
{
	pair_connect(pair, kind, kind_socket(kind, SOCK_STREAM), PEER_RCVBUF);
}

void pair_open_accepted(struct pair *pair, const struct kind *kind)
{
	struct kind blocking = *kind;
	struct sockaddr_storage addr;
	socklen_t len;
	int listener;

	pair_prepare(pair, kind);
	blocking.nonblocking = false;
	listener = kind_socket(&blocking, SOCK_STREAM);
	set_int(listener, SO_SNDBUF, SNDBUF);
	listen_loopback(listener, kind->family, 1, &addr, &len);
	pair->peer = check(socket(kind->family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	set_int(pair->peer, SO_RCVBUF, PEER_RCVBUF);
	connect_to(pair->peer, &addr, len);
	pair->fd = check(accept4(listener, NULL, NULL,
				 kind->nonblocking ? SOCK_NONBLOCK : 0));
	close(listener);
	pair_settle(pair);
}

/* By reset, heard by the other end: nothing of the pair lives on. */
static void end_close(int fd)
{
	int unused = 0;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
	set_linger(fd, 1, 0);
	close(fd);
}

void pair_close(struct pair *pair)
{
	end_close(pair->fd);
	end_close(pair->peer);
	close(pair->wire.fd);
}

/* Its line in /proc/net, which also those have whose file is gone. */
static bool pair_line(const struct pair *pair, int *state, int *unread)
{
	const char *path = pair->kind.family == AF_INET6 ?
			   "/proc/net/tcp6" : "/proc/net/tcp";
	unsigned int local, remote;
	bool found = false;
	char line[512];
	FILE *f;

	f = fopen(path, "r");
	if (!f)
		fail("%s: %s", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%x %x %*x:%x",
			       &local, &remote, state, unread) == 4 &&
			local == ntohs(pair->wire.local) &&
			remote == ntohs(pair->wire.remote);
	fclose(f);
	return found;
}

int pair_state(const struct pair *pair)
{
	int state, unread;

	return pair_line(pair, &state, &unread) ? state : 0;
}

int pair_unread(const struct pair *pair)
{
	int state, unread;

	return pair_line(pair, &state, &unread) ? unread : -1;
}

void pair_send(struct pair *pair, size_t len)
{
	unsigned char buf[4096];

	while (len) {
		size_t part = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t done;

		pattern(buf, pair->sent, part);
		done = send(pair->fd, buf, part, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN) {
			wait_ready(pair->fd, POLLOUT);
			continue;
		}
		check(done);
		pair->sent += done;
		len -= done;
	}
}

size_t pair_fill(struct pair *pair)
{
	unsigned char buf[4096];
	size_t filled = 0;
	ssize_t done;

	for (;;) {
		pattern(buf, pair->sent, sizeof(buf));
		done = send(pair->fd, buf, sizeof(buf),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN)
			return filled;
		pair->sent += check(done);
		filled += done;
	}
}

void pair_stall(struct pair *pair)
{
	/* What the peer still takes makes room for more. */
	while (pair_fill(pair))
		wait_until(queued(pair->fd) == unsent(pair->fd) &&
			   !wire_look(&pair->wire)->received.window);
	if (!queued(pair->fd))
		fail("the peer's window is not shut");
}

void pair_cut(struct pair *pair)
{
	make_deaf(pair->peer);
}

void pair_mend(struct pair *pair)
{
	make_hear(pair->peer);
}

void pair_strand(struct pair *pair)
{
	pair_cut(pair);
	pair_send(pair, 3000);
	wait_until(!unsent(pair->fd));
	if (queued(pair->fd) != 3000)
		fail("%d bytes in flight instead of 3000", queued(pair->fd));
}

void pair_arrange(struct pair *pair, enum load load, int state)
{
	if (load == LOAD_STALLED)
		pair_stall(pair);
	else if (load == LOAD_STRANDED)
		pair_strand(pair);

	switch (state) {
	case TCP_ESTABLISHED:
		break;
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		check(shutdown(pair->fd, SHUT_WR));
		break;
	case TCP_CLOSE_WAIT:
		check(shutdown(pair->peer, SHUT_WR));
		break;
	case TCP_LAST_ACK:
		check(shutdown(pair->peer, SHUT_WR));
		wait_until(tcp_state(pair->fd) == TCP_CLOSE_WAIT);
		check(shutdown(pair->fd, SHUT_WR));
		break;
	case TCP_CLOSING:
		check(shutdown(pair->fd, SHUT_WR));
		check(shutdown(pair->peer, SHUT_WR));
		break;
	default:
		fail("no way to reach state %d", state);
	}
	wait_until(tcp_state(pair->fd) == state);
	wire_look(&pair->wire);
}
