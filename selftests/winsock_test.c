// SPDX-License-Identifier: GPL-2.0
/* See winsock_test.h. */
#include "winsock_test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <linux/sockios.h>

#define MODULE		"winsock"
#define MTU		1500
#define PEER_RCVBUF	16384
#define SNDBUF		65536

int winsock_device = -1;

long check_result(long result, const char *call, const char *file, int line)
{
	if (result < 0)
		fail("%s:%d: %s: %s", file, line, call, strerror(errno));
	return result;
}

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wait_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (!check(poll(&pfd, 1, WAIT_MS)))
		fail("descriptor %d not ready for %#x within %d ms", fd, events,
		     WAIT_MS);
}

void winsock_open(void)
{
	if (winsock_device < 0)
		winsock_device = check(open(WINSOCK_DEVICE,
					    O_RDWR | O_CLOEXEC));
}

int winsock_socket(int domain, int type, int protocol)
{
	struct winsock_socket arg = {
		.domain = domain,
		.type = type,
		.protocol = protocol,
	};
	int fd = ioctl(winsock_device, WINSOCK_IOC_SOCKET, &arg);

	return fd < 0 ? -errno : fd;
}

int winsock_closesocket_pending(int fd, unsigned int pending)
{
	struct winsock_closesocket arg = { .fd = fd, .pending = pending };

	return ioctl(winsock_device, WINSOCK_IOC_CLOSESOCKET, &arg) < 0 ?
	       -errno : 0;
}

int winsock_closesocket(int fd)
{
	return winsock_closesocket_pending(fd, 0);
}

static int close_deadline(int fd, unsigned int ms, unsigned int flags,
			  __u64 cookie)
{
	struct winsock_close_deadline arg = {
		.fd = fd,
		.flags = flags,
		.timeout = ms * 1000000ULL,
		.cookie = cookie,
	};

	return ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, &arg) < 0 ?
	       -errno : 0;
}

int winsock_close_deadline(int fd, unsigned int ms)
{
	return close_deadline(fd, ms, 0, 0);
}

int winsock_close_report(int fd, unsigned int ms, __u64 cookie)
{
	return close_deadline(fd, ms, WINSOCK_CLOSE_REPORT, cookie);
}

struct winsock_outcome outcome_next(int device)
{
	struct winsock_outcome outcome;

	wait_ready(device, POLLIN);
	if (check(read(device, &outcome, sizeof(outcome))) != sizeof(outcome))
		fail("a part of an outcome");
	return outcome;
}

int winsock_attach(int fd)
{
	return setsockopt(fd, SOL_TCP, TCP_ULP, WINSOCK_ULP,
			  strlen(WINSOCK_ULP)) < 0 ? -errno : 0;
}

int native_close(int fd)
{
	return close(fd) < 0 ? -errno : 0;
}

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

long orphans(void)
{
	char line[256];
	long count = -1;
	FILE *f;

	f = fopen("/proc/net/sockstat", "r");
	if (!f)
		fail("/proc/net/sockstat: %s", strerror(errno));
	while (count < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "TCP: inuse %*d orphan %ld", &count);
	fclose(f);
	if (count < 0)
		fail("no count in /proc/net/sockstat");
	return count;
}

long winsock_counter(const char *name)
{
	long value = -1, found;
	char line[128], key[64];
	FILE *f;

	f = fopen("/proc/net/winsock_stat", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &found) == 2 &&
		    !strcmp(key, name))
			value = found;
	if (f)
		fclose(f);
	if (value < 0)
		fail("no %s in /proc/net/winsock_stat", name);
	return value;
}

int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		fail("/proc/self/fd: %s", strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void put_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		fail("%s <- %s: %s", path, line, strerror(errno));
	close(fd);
}

/* Without a descriptor: threads of some suites count theirs meanwhile. */
bool module_is_built_in(void)
{
	return !access(WINSOCK_DEVICE, F_OK) &&
	       access("/sys/module/" MODULE "/refcnt", F_OK);
}

int module_remove(void)
{
	if (!syscall(SYS_delete_module, MODULE, O_NONBLOCK))
		return 0;
	return errno == ENOENT && module_is_built_in() ? -EWOULDBLOCK : -errno;
}

/* The one given, or else that of a kernel that has it in its tree. */
int module_insert(void)
{
	const char *path = getenv("WINSOCK_KO");
	char installed[PATH_MAX];
	struct utsname name;
	long result;
	int fd;

	if (!path) {
		check(uname(&name));
		snprintf(installed, sizeof(installed),
			 "/lib/modules/%s/kernel/net/winsock/winsock.ko",
			 name.release);
		path = installed;
	}
	fd = check(open(path, O_RDONLY | O_CLOEXEC));
	result = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return result < 0 ? -errno : 0;
}

int module_references(void)
{
	int count = -1;
	FILE *f;

	f = fopen("/sys/module/" MODULE "/refcnt", "r");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &count) != 1)
		count = -1;
	fclose(f);
	return count;
}

int set_reset_discards(int fd, int on)
{
	return result_of(setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS,
				    &on, sizeof(on)));
}

int get_reset_discards(int fd)
{
	socklen_t len = sizeof(int);
	int on;

	check(getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS, &on, &len));
	return on;
}

int kind_socket(const struct kind *kind, int type)
{
	if (kind->nonblocking)
		type |= SOCK_NONBLOCK;
	if (kind->attached) {
		int fd = winsock_socket(kind->family, type, 0);

		if (fd < 0)
			fail("WINSOCK_IOC_SOCKET: %s", strerror(-fd));
		if (kind->discards)
			check(set_reset_discards(fd, 1));
		return fd;
	}
	return check(socket(kind->family, type, 0));
}

/* Loopback address of a family; sockaddr_storage holds either. */
static socklen_t loopback(struct sockaddr_storage *addr, int family)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = family;
	if (family == AF_INET6) {
		in6->sin6_addr = in6addr_loopback;
		return sizeof(*in6);
	}
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(*in);
}

/* Both families have the port at the same place. */
in_port_t local_port(int fd)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	check(getsockname(fd, (struct sockaddr *)&addr, &len));
	return addr.sin6_port;
}

void bind_loopback(int fd, int family, struct sockaddr_storage *addr,
		   socklen_t *len)
{
	*len = loopback(addr, family);
	check(bind(fd, (struct sockaddr *)addr, *len));
	check(getsockname(fd, (struct sockaddr *)addr, len));
}

void listen_loopback(int fd, int family, int backlog,
		     struct sockaddr_storage *addr, socklen_t *len)
{
	bind_loopback(fd, family, addr, len);
	check(listen(fd, backlog));
}

void wire_open_on(struct wire *wire, const char *device)
{
	struct sock_filter outgoing[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (unsigned int)SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 128),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = 4, .filter = outgoing };
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int room = 32 << 20;

	memset(wire, 0, sizeof(*wire));
	wire->fd = check(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	/* There each packet comes by twice. */
	if (!strcmp(device, "lo"))
		check(setsockopt(wire->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				 sizeof(prog)));
	/* Without the privilege there is less, and a loss is noticed. */
	if (setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
		       sizeof(room)))
		check(setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF, &room,
				 sizeof(room)));
	addr.sll_ifindex = if_nametoindex(device);
	check(bind(wire->fd, (struct sockaddr *)&addr, sizeof(addr)));
}

void wire_open(struct wire *wire)
{
	wire_open_on(wire, "lo");
}

static bool after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static void wire_note(struct wire_side *side, const struct tcphdr *th,
		      size_t len)
{
	size_t head = th->doff * 4;
	__u32 end = ntohl(th->seq) + len - head;
	__u32 ack = ntohl(th->ack_seq);

	side->packets++;
	side->fin += th->fin;
	side->rst += th->rst;
	if (th->syn)
		side->start = end + 1;
	if (len > head && (!side->data++ || after(end, side->end)))
		side->end = end;
	if (th->ack && (!side->ack || after(ack, side->ack)))
		side->ack = ack;
	if (!th->rst) {
		side->window = ntohs(th->window);
		side->edge = ack + (side->window << side->scale);
	}
}

const struct wire *wire_look(struct wire *wire)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);
	struct sockaddr_ll from;
	unsigned char buf[128];
	struct tcphdr th;
	size_t head, size;

	for (;;) {
		socklen_t fromlen = sizeof(from);
		ssize_t got = recvfrom(wire->fd, buf, sizeof(buf), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &fromlen);

		if (got < 0 && errno == EAGAIN)
			break;
		check(got);
		if (from.sll_protocol == htons(ETH_P_IP)) {
			struct iphdr ip;

			memcpy(&ip, buf, sizeof(ip));
			head = ip.ihl * 4;
			size = ntohs(ip.tot_len) - head;
			if (ip.protocol != IPPROTO_TCP)
				continue;
		} else if (from.sll_protocol == htons(ETH_P_IPV6)) {
			struct ip6_hdr ip6;

			memcpy(&ip6, buf, sizeof(ip6));
			head = sizeof(ip6);
			size = ntohs(ip6.ip6_plen);
			if (ip6.ip6_nxt != IPPROTO_TCP)
				continue;
		} else {
			continue;
		}
		memcpy(&th, buf + head, sizeof(th));
		if (th.source == wire->local && th.dest == wire->remote)
			wire_note(&wire->sent, &th, size);
		else if (th.source == wire->remote && th.dest == wire->local)
			wire_note(&wire->received, &th, size);
	}
	check(getsockopt(wire->fd, SOL_PACKET, PACKET_STATISTICS, &stats,
			 &len));
	if (stats.tp_drops)
		fail("the capture lost %u packets", stats.tp_drops);
	return wire;
}

__u32 wire_acked(struct wire *wire)
{
	wire_look(wire);
	return wire->received.ack - wire->sent.start;
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

static void set_int(int fd, int option, int value)
{
	check(setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)));
}

void connect_to(int fd, const struct sockaddr_storage *addr, socklen_t len)
{
	if (connect(fd, (const struct sockaddr *)addr, len) < 0 &&
	    errno != EINPROGRESS)
		fail("connect: %s", strerror(errno));
	wait_ready(fd, POLLOUT);
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

void set_nonblocking(int fd, bool on)
{
	int flags = check(fcntl(fd, F_GETFL));

	check(fcntl(fd, F_SETFL,
		    on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

void set_linger(int fd, int onoff, int seconds)
{
	struct linger linger = { .l_onoff = onoff, .l_linger = seconds };

	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

void keep_alive(int fd)
{
	int on = 1, seconds = 1;

	check(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	check(setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)));
	check(setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, &seconds,
			 sizeof(seconds)));
}

int queued(int fd)
{
	int bytes;

	check(ioctl(fd, SIOCOUTQ, &bytes));
	return bytes;
}

int unsent(int fd)
{
	int bytes;

	check(ioctl(fd, SIOCOUTQNSD, &bytes));
	return bytes;
}

int tcp_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	check(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	return info.tcpi_state;
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

void pattern(void *buf, unsigned long offset, size_t len)
{
	unsigned char *byte = buf;

	while (len--) {
		*byte++ = offset * 131 + (offset >> 8);
		offset++;
	}
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

void make_deaf(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &drop };

	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

void make_hear(int fd)
{
	int unused = 0;

	check(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)));
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

struct received receive_all(int fd)
{
	struct received received = { .intact = true };
	unsigned char buf[4096], want[4096];
	long deadline = now_ms() + WAIT_MS;

	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		long left = deadline - now_ms();
		ssize_t got;

		if (left <= 0 || !check(poll(&pfd, 1, left)))
			return received;
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got < 0 && errno == ECONNRESET) {
			received.ending = END_RESET;
			return received;
		}
		if (!check(got)) {
			received.ending = END_EOF;
			return received;
		}
		pattern(want, received.bytes, got);
		if (memcmp(buf, want, got))
			received.intact = false;
		received.bytes += got;
	}
}

bool receive_pattern(int fd, unsigned long skip, size_t len)
{
	unsigned char buf[4096], want[4096];

	while (len) {
		size_t part = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t got;

		wait_ready(fd, POLLIN);
		got = check(recv(fd, buf, part, MSG_DONTWAIT));
		if (!got)
			return false;
		pattern(want, skip, got);
		if (memcmp(buf, want, got))
			return false;
		skip += got;
		len -= got;
	}
	return true;
}

static long own_sleeps(void)
{
	struct rusage usage;

	check(getrusage(RUSAGE_THREAD, &usage));
	return usage.ru_nvcsw;
}

static void *closer_run(void *arg)
{
	struct closer *closer = arg;
	long start = now_ms(), sleeps = own_sleeps();

	__atomic_store_n(&closer->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	closer->result = closer->call(closer->fd);
	closer->elapsed_ms = now_ms() - start;
	closer->sleeps = own_sleeps() - sleeps;
	__atomic_store_n(&closer->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void closer_start(struct closer *closer, int (*call)(int fd), int fd)
{
	memset(closer, 0, sizeof(*closer));
	closer->call = call;
	closer->fd = fd;
	errno = pthread_create(&closer->thread, NULL, closer_run, closer);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
	wait_until(__atomic_load_n(&closer->tid, __ATOMIC_ACQUIRE));
}

/* A field of the thread's /proc status; the thread must be there. */
static void closer_status(const struct closer *closer, const char *field,
			  char *value, size_t size)
{
	size_t len = strlen(field);
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", closer->tid);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, field, len) && line[len] == ':';
		if (found)
			snprintf(value, size, "%s", line + len + 2);
	}
	if (f)
		fclose(f);
	if (!found)
		fail("the close has returned %d already", closer->result);
}

long closer_switches(const struct closer *closer)
{
	char count[32];

	closer_status(closer, "voluntary_ctxt_switches", count, sizeof(count));
	return atol(count);
}

/* Asleep, and not just between two looks of a polling loop. */
static bool closer_asleep(const struct closer *closer)
{
	long switches = closer_switches(closer);
	char state[32];

	closer_status(closer, "State", state, sizeof(state));
	usleep(20000);
	return state[0] == 'S' && closer_switches(closer) == switches;
}

void closer_wait_asleep(const struct closer *closer)
{
	wait_until(closer_asleep(closer));
}

bool closer_done(const struct closer *closer)
{
	return __atomic_load_n(&closer->done, __ATOMIC_ACQUIRE);
}

int closer_join(struct closer *closer)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += (LINGER_LONG + WAIT_MS / 1000);
	errno = pthread_timedjoin_np(closer->thread, NULL, &deadline);
	if (errno)
		fail("the close never returned: %s", strerror(errno));
	return closer->result;
}

bool task_inside(pid_t tid, long nr)
{
	char path[64], line[256] = "";
	FILE *f;

	/* "running", or the number and more once the task is off the CPU. */
	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return line[0] >= '0' && line[0] <= '9' && syscall_in(line) == nr;
}

bool task_stays(pid_t tid, long nr)
{
	long deadline = now_ms() + WAIT_MS;

	while (!task_inside(tid, nr)) {
		if (now_ms() > deadline)
			return false;
		usleep(1000);
	}
	return true;
}

void task_wait_inside(pid_t tid, long nr)
{
	wait_until(task_inside(tid, nr));
}

long result_of(long result)
{
	return result < 0 ? -errno : result;
}

long run_recv(struct call *call)
{
	char byte;

	return result_of(recv(call->fd, &byte, 1, 0));
}

long run_recvmmsg(struct call *call)
{
	char bytes[2];
	struct iovec iov[2] = { { &bytes[0], 1 }, { &bytes[1], 1 } };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};

	return result_of(recvmmsg(call->fd, msgs, 2, 0, NULL));
}

long run_send(struct call *call)
{
	return result_of(send(call->fd, "", 1, 0));
}

long run_accept(struct call *call)
{
	return result_of(accept4(call->fd, NULL, NULL, 0));
}

static void *call_thread(void *arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	call->result = call->run(call);
	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void call_start(struct call *call)
{
	call->tid = 0;
	call->done = false;
	errno = pthread_create(&call->thread, NULL, call_thread, call);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
	wait_until(__atomic_load_n(&call->tid, __ATOMIC_ACQUIRE));
}

bool call_done(const struct call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_ACQUIRE);
}

bool call_inside(const struct call *call)
{
	return task_inside(call->tid, call->nr) && !call_done(call);
}

bool call_stays(const struct call *call)
{
	while (!call_done(call)) {
		if (call_inside(call))
			return true;
		usleep(1000);
	}
	return false;
}

void call_wait_inside(const struct call *call)
{
	long deadline = now_ms() + WAIT_MS;

	while (!call_inside(call)) {
		if (call_done(call))
			fail("system call %ld did not wait: %ld", call->nr,
			     call->result);
		if (now_ms() > deadline)
			fail("system call %ld not entered", call->nr);
		usleep(1000);
	}
}

void call_enter(struct call *call)
{
	call_start(call);
	call_wait_inside(call);
}

long call_join(struct call *call)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += WAIT_MS / 1000;
	errno = pthread_timedjoin_np(call->thread, NULL, &deadline);
	if (errno)
		fail("system call %ld never returned: %s", call->nr,
		     strerror(errno));
	return call->result;
}

static long run_reader(struct call *call)
{
	struct reader *reader = call->arg;

	if (reader->closer)
		task_wait_inside(reader->closer, SYS_ioctl);
	reader->got = receive_all(call->fd);
	return 0;
}

void reader_start(struct reader *reader, int fd, pid_t closer)
{
	memset(reader, 0, sizeof(*reader));
	reader->closer = closer;
	reader->call.run = run_reader;
	reader->call.fd = fd;
	reader->call.arg = reader;
	call_start(&reader->call);
}

struct received reader_join(struct reader *reader)
{
	call_join(&reader->call);
	return reader->got;
}

#define CGROUPS	"/sys/fs/cgroup"

bool cgroup_make(char *dir, size_t size)
{
	struct statfs fs;

	if (statfs(CGROUPS, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
		return false;
	snprintf(dir, size, CGROUPS "/winsock.%d", getpid());
	check(mkdir(dir, 0755));
	return true;
}

void cgroup_enter(const char *dir, pid_t pid)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	snprintf(text, sizeof(text), "%d", pid);
	put_line(path, text);
}

static bool cgroup_is_frozen(const char *dir)
{
	char path[128], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	fd = check(open(path, O_RDONLY | O_CLOEXEC));
	check(read(fd, text, sizeof(text) - 1));
	close(fd);
	return strstr(text, "frozen 1");
}

void cgroup_freeze(const char *dir, bool freeze)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", dir);
	put_line(path, freeze ? "1" : "0");
	wait_until(cgroup_is_frozen(dir) == freeze);
}

void rights_send(int via, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	check(sendmsg(via, &msg, 0));
}

int rights_receive(int via)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	check(recvmsg(via, &msg, MSG_CMSG_CLOEXEC));
	if (!CMSG_FIRSTHDR(&msg))
		fail("no descriptor came");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

pid_t child_fork(void)
{
	pid_t parent = getpid();
	pid_t pid = check(fork());

	if (!pid) {
		check(prctl(PR_SET_PDEATHSIG, SIGKILL));
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
	}
	return pid;
}

pid_t clone_files(void)
{
#ifdef __s390x__	/* the stack first */
	pid_t pid = check(syscall(SYS_clone, NULL, CLONE_FILES | SIGCHLD, NULL,
				  NULL, 0));
#else
	pid_t pid = check(syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL,
				  NULL, 0));
#endif

	if (!pid)
		check(prctl(PR_SET_PDEATHSIG, SIGKILL));
	return pid;
}

void child_join(pid_t pid)
{
	int status;

	wait_until(check(waitpid(pid, &status, WNOHANG)) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("child %d ended with status %#x", pid, status);
}
