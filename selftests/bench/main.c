// SPDX-License-Identifier: GPL-2.0
/*
 * What closesocket() and the calls around it cost, in instructions.
 *
 * Under qemu's -icount the guest's time stamp counter advances by one with each
 * instruction, so that a difference of two readings is a count: the same in
 * every boot, whatever the machine is doing.  Each row takes the least of
 * ROUNDS calls for each way to do the thing, all in the same boot, and prints
 * "row way count", tab-separated; table.awk makes a table of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/winsock.h>
#define WINSOCK_NO_REDIRECT
#include <winsock2.h>

#include "bench.h"

#define NARROW		4096

static int device;
static uint64_t overhead;

static struct listener {
	int fd;
	struct sockaddr_storage address;
	socklen_t len;
} listeners[2], narrow;

void die(const char *what)
{
	perror(what);
	exit(1);
}

int by_close(int fd)
{
	return close(fd);
}

int by_ioctl(int fd)
{
	struct winsock_closesocket arg = { .fd = fd };

	return ioctl(device, WINSOCK_IOC_CLOSESOCKET, &arg);
}

/* Not waited for; the outcome is not asked for. */
int by_deadline(int fd)
{
	struct winsock_close_deadline arg = {
		.fd = fd,
		.timeout = 60000000000ull,
	};

	return ioctl(device, WINSOCK_IOC_CLOSE_DEADLINE, &arg);
}

static int by_library(int fd)
{
	return closesocket(fd);
}

/* The best that user space can do for C15 without the module. */
static int by_emulation(int fd)
{
	struct linger linger;
	socklen_t len = sizeof(linger);
	int queued;

	if (fcntl(fd, F_GETFL) & O_NONBLOCK &&
	    !getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) &&
	    linger.l_onoff && linger.l_linger &&
	    !ioctl(fd, SIOCOUTQ, &queued) && queued) {
		errno = EWOULDBLOCK;
		return -1;
	}
	return close(fd);
}

const struct way ways[] = {
	{ "close", false, by_close },
	{ "emulation", false, by_emulation },
	{ "ioctl-plain", false, by_ioctl },
	{ "ioctl", true, by_ioctl },
	{ "library", true, by_library },
};

const int nr_ways = sizeof(ways) / sizeof(ways[0]);

int new_socket(bool attached)
{
	struct winsock_socket arg = { .domain = AF_INET, .type = SOCK_STREAM };
	int fd;

	fd = attached ? ioctl(device, WINSOCK_IOC_SOCKET, &arg) :
			socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

/* With @room for what its children have not read, or the usual for 0. */
static void new_listener(struct listener *l, bool attached, int room)
{
	l->fd = new_socket(attached);
	if (room)
		set_int(l->fd, SO_RCVBUF, room);
	listen_loopback(l->fd, AF_INET, 64, &l->address, &l->len);
}

int listener_of(bool attached)
{
	return listeners[attached].fd;
}

/* A plain socket, connected to one of the listeners. */
int new_client(bool attached)
{
	int fd = new_socket(false);

	connect_to(fd, &listeners[attached].address, listeners[attached].len);
	return fd;
}

static void pair_by(const struct listener *l, int fd, int *peer)
{
	connect_to(fd, &l->address, l->len);
	*peer = accept(l->fd, NULL, NULL);
	if (*peer < 0)
		die("accept");
}

/* @fd is what is measured, @peer the other end, always plain. */
void new_pair(bool attached, int *fd, int *peer)
{
	*fd = new_socket(attached);
	pair_by(&listeners[false], *fd, peer);
}

/* Neither end takes more than a few kilobytes. */
void new_narrow_pair(bool attached, int *fd, int *peer)
{
	*fd = new_socket(attached);
	set_int(*fd, SO_SNDBUF, NARROW);
	pair_by(&narrow, *fd, peer);
}

/* More than the peer takes before it reads. */
void fill(int fd)
{
	static char chunk[65536];

	while (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
}

void report(const char *row, const char *way, uint64_t count)
{
	printf("%s\t%s\t%llu\n", row, way, (unsigned long long)count);
	fflush(stdout);
}

void report_least(const char *row, const char *way, uint64_t least)
{
	report(row, way, least - overhead);
}

static void base_rows(void)
{
	uint64_t least = UINT64_MAX;
	int i, null = open("/dev/null", O_RDWR);

	for (i = 0; i < ROUNDS; i++)
		COUNT(least, (void)0);
	overhead = least;

	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, ioctl(null, WINSOCK_IOC_CLOSESOCKET, NULL));
	report_least("system call that does nothing", "ioctl", least);
	least = UINT64_MAX;
	for (i = 0; i < ROUNDS; i++)
		COUNT(least, close(-1));
	report_least("system call that does nothing", "close", least);
	close(null);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "all";
	const bool brief = !strcmp(what, "short");
	struct rlimit limit = { 32768, 32768 };
	WSADATA data;

	if (strcmp(what, "all") && strcmp(what, "parallel") && !brief) {
		fprintf(stderr, "ARGS=%s is not known; there are: short parallel\n",
			what);
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	device = open(WINSOCK_DEVICE, O_RDWR);
	if (device < 0)
		die("/dev/winsock: load winsock.ko first");
	if (WSAStartup(0x0202, &data)) {
		fprintf(stderr, "WSAStartup failed\n");
		return 1;
	}
	new_listener(&listeners[false], false, 0);
	new_listener(&listeners[true], true, 0);
	new_listener(&narrow, false, NARROW);
	if (!strcmp(what, "parallel"))
		return parallel_rows();

	base_rows();
	close_rows();
	call_rows(false, brief);
	call_rows(true, brief);
	deadline_rows(brief);
	if (!brief) {
		cancellable_rows();
		wait_rows();
		open_rows(10);
		open_rows(1000);
		open_rows(20000);
	}
	return 0;
}
