// SPDX-License-Identifier: GPL-2.0
/* See execute.h. */
#include "execute.h"

#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/cgroup.h"
#include "support/check.h"
#include "support/counters.h"
#include "support/device.h"
#include "support/module.h"
#include "support/netns.h"
#include "support/pair.h"
#include "support/process.h"
#include "support/receive.h"
#include "support/socket.h"
#include "support/thread.h"
#include "support/wire.h"
#include "kcov.h"
#include "model.h"
#include "window.h"

/* Slot i is this descriptor plus i. */
#define FIRST_FD	100
#define BUFFER		8192
#define PAGE		4096UL

/* What must come at all comes within this, on the slowest of machines. */
#define BOUND_MS	(verdict->hurried ? 5000 : 30000)
#define PROGRAM_SECONDS	240

/**
 * struct worker - a thread that makes calls
 * @go: there is one
 * @state: of that call
 * @tid: of the thread
 * @file: whose stream it reads or writes, -1 if it cannot be said
 */
struct worker {
	pthread_t thread;
	sem_t go;
	enum { IDLE, RUNNING, DONE } state;
	struct op op;
	long result;
	pid_t tid;
	int caller;
	int file;
};

static struct verdict *verdict;
static struct model model;
static struct worker workers[CALLERS];
static pthread_barrier_t barrier;
static bool racing;

/* Numbers 0 and 1 are ours, 0 to the child, 1 from it. */
static int to_child[2], from_child[2];
static pid_t child_pid;
static int mail[2];
static int nowhere[2];			/* a listener that is full, by family */
static ino_t inodes[FILES_MAX];
static unsigned long sent[FILES_MAX], got[FILES_MAX];
static bool corrupt;
static unsigned char *regions[CALLERS + 1];
static int signals;

static __attribute__((format(printf, 1, 2), noreturn))
void finding(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(verdict->text, sizeof(verdict->text), fmt, ap);
	va_end(ap);
	verdict->finding = true;
	_exit(0);
}

static int number(int fd)
{
	switch (fd) {
	case FD_MINUS_ONE:
		return -1;
	case FD_HUGE:
		return INT_MAX;
	case FD_CLOSED:
		return 999;
	case FD_DEVICE:
		return winsock_device;
	default:
		return FIRST_FD + fd;
	}
}

/* Where a caller's object of @size bytes lies. */
static void *place(int caller, enum pointer pointer, const void *object,
		   size_t size)
{
	unsigned char *page = regions[caller], *at = page + 64;

	switch (pointer) {
	case PTR_NULL:
		return NULL;
	case PTR_BAD:
		return page + PAGE;
	case PTR_EDGE:
		at = page + PAGE - size;
		break;
	case PTR_CROSS:
		at = page + PAGE - size / 2;
		size /= 2;
		break;
	case PTR_UNALIGNED:
		at++;
		break;
	case PTR_READONLY:
		at = page + 2 * PAGE;
		mprotect(at, PAGE, PROT_READ | PROT_WRITE);
		memcpy(at, object, size);
		mprotect(at, PAGE, PROT_READ);
		return at;
	default:
		break;
	}
	memcpy(at, object, size);
	return at;
}

static void regions_make(void)
{
	int i;

	for (i = 0; i <= CALLERS; i++) {
		regions[i] = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (regions[i] == MAP_FAILED ||
		    mprotect(regions[i] + PAGE, PAGE, PROT_NONE))
			fail("mmap: %s", strerror(errno));
	}
}

/* The calls */

static long install(int fd, int slot)
{
	int err = 0;

	if (fd < 0)
		return -errno;
	if (dup2(fd, FIRST_FD + slot) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int family_of(int family)
{
	return family ? AF_INET6 : AF_INET;
}

static void set_buffers(int fd)
{
	int size = BUFFER;

	check(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
}

static int make(int family, int type, int how, bool nonblock)
{
	int fd;

	type |= nonblock ? SOCK_NONBLOCK : 0;
	if (how == HOW_BORN) {
		fd = ioc_socket(family_of(family), type, 0);
		if (fd < 0) {
			errno = -fd;
			return -1;
		}
	} else {
		fd = check(socket(family_of(family), type, 0));
		if (how == HOW_ULP && winsock_attach(fd))
			return -1;
	}
	if ((type & 0xf) == SOCK_STREAM) {
		set_buffers(fd);
		if (how == HOW_BORN || how == HOW_ULP)
			check(set_reset_discards(fd, 1));
	}
	return fd;
}

static long call_pair(const struct op *op)
{
	bool child = op->arg[3] == HOW_CHILD;
	struct sockaddr_storage addr;
	int listener, fd, peer;
	socklen_t len;
	long err;

	listener = make(op->arg[2], SOCK_STREAM, child ? HOW_BORN : HOW_PLAIN,
			false);
	if (listener < 0)
		return -errno;
	listen_loopback(listener, family_of(op->arg[2]), 1, &addr, &len);
	fd = make(op->arg[2], SOCK_STREAM, child ? HOW_PLAIN : op->arg[3],
		  !child && op->arg[4]);
	if (fd < 0)
		return -errno;
	connect_to(fd, &addr, len);
	peer = accept4(listener, NULL, NULL,
		       child && op->arg[4] ? SOCK_NONBLOCK : 0);
	if (peer < 0)
		return -errno;
	close(listener);
	err = install(child ? peer : fd, op->arg[0]);
	return err ?: install(child ? fd : peer, op->arg[1]);
}

static long call_listener(const struct op *op)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd = make(op->arg[1], SOCK_STREAM, op->arg[2], op->arg[3]);

	if (fd < 0)
		return -errno;
	listen_loopback(fd, family_of(op->arg[1]), 8, &addr, &len);
	return install(fd, op->arg[0]);
}

static long call_file(const struct op *op)
{
	int fds[2] = { -1, -1 };

	switch (op->arg[1]) {
	case KIND_PIPE:
		check(pipe(fds));
		break;
	case KIND_FILE:
		fds[0] = check(open("/proc/self/maps", O_RDONLY));
		break;
	case KIND_EPOLL:
		fds[0] = check(epoll_create1(0));
		break;
	case KIND_DEVICE:
		fds[0] = check(open(WINSOCK_DEVICE, O_RDWR));
		break;
	case KIND_EVENTFD:
		fds[0] = check(eventfd(0, 0));
		break;
	case KIND_UNIX:
		check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		break;
	case KIND_PATH:
		fds[0] = check(open("/", O_PATH));
		break;
	}
	/* The other end stays, so that this one does not end. */
	return install(fds[0], op->arg[0]);
}

static long call_client(const struct op *op)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd;

	if (getsockname(number(op->arg[1]), (struct sockaddr *)&addr, &len))
		return -errno;
	fd = check(socket(addr.ss_family, SOCK_STREAM, 0));
	set_buffers(fd);
	if (connect(fd, (struct sockaddr *)&addr, len))
		return -errno;
	return install(fd, op->arg[0]);
}

static long call_connect(const struct op *op)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(int);
	int fd = number(op->arg[0]), family = 0;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	len = sizeof(addr);
	check(getsockname(nowhere[family == AF_INET6],
			  (struct sockaddr *)&addr, &len));
	return result_of(connect(fd, (struct sockaddr *)&addr, len));
}

static int option(int name)
{
	static const int options[] = {
		[OPT_LINGER] = WINSOCK_SO_LINGER,
		[OPT_DONTLINGER] = WINSOCK_SO_DONTLINGER,
		[OPT_OTHER] = 0x0100,
	};

	return options[name];
}

/* In a sequence, a struct winsock_linger is the number that it is on x86. */
static unsigned int linger_bytes(unsigned int number)
{
	struct winsock_linger linger = {
		.l_onoff = number & 0xffff,
		.l_linger = number >> 16,
	};
	unsigned int bytes;

	memcpy(&bytes, &linger, sizeof(bytes));
	return bytes;
}

static long call_setopt(const struct op *op, int caller)
{
	/* Of other numbers the low bytes come first, for lengths below four. */
	unsigned int value = op->arg[1] == OPT_LINGER ? linger_bytes(op->arg[2]) :
							htole32(op->arg[2]);
	int len = op->arg[3], there = len > 0 && len < 4 ? len : 4;
	void *at;

	at = place(caller, op->arg[4], &value,
		   op->arg[4] == PTR_CROSS ? 4 : there);
	return result_of(setsockopt(number(op->arg[0]), SOL_WINSOCK,
				    option(op->arg[1]), at, len));
}

/* O4, O6: the bytes and the length, and that nothing else was touched. */
static bool option_is_right(const struct file *f, int name, int len,
			    const unsigned char *at, int told, long result)
{
	unsigned char want[16];
	unsigned int value = 0;
	int size = 0, tell = len;

	memset(want, 0xcc, sizeof(want));
	if (result && result != -EFAULT)
		return true;
	if (name == OPT_LINGER) {
		int seconds = f->seconds < 65535 ? f->seconds : 65535;

		value = linger_bytes(f->onoff | seconds << 16);
		size = len >= 4 ? 4 : len > 0 ? len : 0;
		tell = result ? len : 4;
		if (result)
			value = 0;
	} else if (!result) {
		size = len >= 4 ? 4 : len == 1 ? 1 : 2;
		tell = len >= 4 ? 4 : 1;
		/* An integer of that size. */
		value = !f->onoff;
		if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
			value <<= 32 - 8 * size;
	}
	memcpy(want, &value, size);
	return told == tell && !memcmp(want, at, 8);
}

static long call_getopt(const struct op *op, int caller, int file)
{
	int len = op->arg[2], there = len > 0 && len < 4 ? len : 4;
	unsigned char fill[16];
	socklen_t told = len;
	unsigned char *at;
	long result;

	memset(fill, 0xcc, sizeof(fill));
	switch (op->arg[3]) {
	case PTR_OK:
	case PTR_UNALIGNED:
		there = sizeof(fill);
		break;
	case PTR_CROSS:
		there = 4;
		break;
	}
	at = place(caller, op->arg[3], fill, there);
	result = result_of(getsockopt(number(op->arg[0]), SOL_WINSOCK,
				      option(op->arg[1]), at, &told));
	if (!racing && there == sizeof(fill) && file >= 0 &&
	    model.files[file].kind == M_TCP && model.files[file].attached &&
	    op->arg[1] != OPT_OTHER &&
	    !option_is_right(&model.files[file], op->arg[1], len, at, told,
			     result))
		finding("getopt of length %d wrote %02x %02x %02x %02x %02x, length %d",
			len, at[0], at[1], at[2], at[3], at[4], (int)told);
	return result;
}

static long call_send(const struct op *op, int caller, int file)
{
	unsigned char buf[1024];
	long n;

	if (op->arg[1] > sizeof(buf))
		return -EMSGSIZE;
	pattern(buf, file < 0 ? 0 : sent[file], op->arg[1]);
	n = result_of(send(number(op->arg[0]), buf, op->arg[1], MSG_NOSIGNAL |
			   (caller == WHO_MAIN ? MSG_DONTWAIT : 0)));
	if (n > 0 && file >= 0)
		sent[file] += n;
	return n;
}

/* Bytes that are not the next ones are a finding, made by the main thread. */
static void receive(int file, const unsigned char *buf, long n)
{
	unsigned char want[4096];

	if (file < 0 || n <= 0 || racing)
		return;
	pattern(want, got[file], n);
	if (memcmp(want, buf, n))
		corrupt = true;
	got[file] += n;
}

static long call_recv(const struct op *op, int caller, int file)
{
	unsigned char buf[1024];
	long n;

	n = result_of(recv(number(op->arg[0]), buf, op->arg[1],
			   caller == WHO_MAIN ? MSG_DONTWAIT : 0));
	receive(file, buf, n);
	return n;
}

static long call_stall(const struct op *op, int file)
{
	int fd = number(op->arg[0]);
	unsigned char buf[2048];
	long total = 0, n;

	for (;;) {
		pattern(buf, sent[file], sizeof(buf));
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			total += n;
			sent[file] += n;
			continue;
		}
		if (errno != EAGAIN)
			return -errno;
		wait_until(queued(fd) == unsent(fd) && !send_window(fd));
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return total;
		if (n < 0)
			return -errno;
		total += n;
		sent[file] += n;
	}
}

/* A slot of this file, or -1. */
static int slot_of(const struct model *m, int file)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		if (file >= 0 && m->slot[0][i] == file)
			return i;
	return -1;
}

static long call_strand(const struct op *op, int file)
{
	int fd = number(op->arg[0]), peer;
	unsigned char buf[1000];
	long n;

	peer = slot_of(&model, model.files[file].peer);
	make_deaf(number(peer));
	pattern(buf, sent[file], sizeof(buf));
	n = result_of(send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL));
	wait_until(!unsent(fd));
	return n;
}

static long call_drain(const struct op *op, int file, long wanted)
{
	int fd = number(op->arg[0]);
	unsigned char buf[4096];
	long total = 0, n;

	while (total < wanted) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (poll(&pfd, 1, BOUND_MS) <= 0)
			break;
		n = wanted - total;
		n = recv(fd, buf, n < sizeof(buf) ? n : sizeof(buf),
			 MSG_DONTWAIT);
		if (n <= 0)
			break;
		receive(file, buf, n);
		total += n;
	}
	return total;
}

static long call_closesocket(const struct op *op, int caller)
{
	struct winsock_closesocket arg = {
		.fd = number(op->arg[0]),
		.flags = op->arg[1],
		.pending = op->arg[2],
		.pad = op->arg[3],
	};

	return result_of(ioctl(winsock_device, WINSOCK_IOC_CLOSESOCKET,
			       place(caller, op->arg[4], &arg, sizeof(arg))));
}

/* Beyond the end of any sequence, and not much further. */
#define FAR_NSEC	60000000000ULL

static long call_deadline(const struct op *op)
{
	struct winsock_close_deadline arg = {
		.fd = number(op->arg[0]),
		.timeout = op->arg[1] ? 0 : FAR_NSEC,
	};

	return result_of(ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, &arg));
}

static long call_pass(const struct op *op)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = number(op->arg[0]);
	long n;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	n = result_of(sendmsg(mail[0], &msg, 0));
	return n < 0 ? n : 0;
}

static long call_take(const struct op *op)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	check(recvmsg(mail[1], &msg, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return install(fd, op->arg[0]);
}

static long call_wait(const struct op *op, int caller)
{
	struct epoll_event event;
	int n = epoll_wait(number(op->arg[0]), &event, 1,
			   caller == WHO_MAIN ? 0 : -1);

	return n < 0 ? -errno : n;
}

static long call_poll(const struct op *op, int caller)
{
	struct pollfd pfd = { .fd = number(op->arg[0]), .events = POLLIN };

	if (poll(&pfd, 1, caller == WHO_MAIN ? 0 : -1) < 0)
		return -errno;
	return pfd.revents & (POLLIN | POLLNVAL);
}

static void on_signal(int nr)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_SEQ_CST);
}

static long call_signal(const struct op *op)
{
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = op->arg[1] ? SA_RESTART : 0,
	};
	int before = __atomic_load_n(&signals, __ATOMIC_SEQ_CST);

	check(sigaction(SIGUSR1, &action, NULL));
	check(syscall(SYS_tgkill, getpid(), workers[WHO_T1 + op->arg[0]].tid,
		      SIGUSR1));
	wait_until(__atomic_load_n(&signals, __ATOMIC_SEQ_CST) != before);
	return 0;
}

static long call_newsocket(const struct op *op, int caller)
{
	struct winsock_socket arg = {
		.domain = op->arg[1],
		.type = op->arg[2],
		.protocol = op->arg[3],
		.flags = op->arg[4],
	};
	int fd = ioctl(winsock_device, WINSOCK_IOC_SOCKET,
		       place(caller, op->arg[5], &arg, sizeof(arg)));

	if (fd >= 0)
		set_reset_discards(fd, 1);	/* R1, as the model has it */
	return install(fd, op->arg[0]);
}

/* What WINSOCK_IOC_SOCKET must return: as socket(2), and TCP and UDP only. */
static long native_socket(const struct op *op)
{
	int domain = op->arg[1], type = op->arg[2] & 0xf, protocol = op->arg[3];
	int fd;

	if (op->arg[2] & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (domain < 0 || domain >= AF_MAX)
		return -EAFNOSUPPORT;
	if ((domain != AF_INET && domain != AF_INET6) || type == SOCK_RAW ||
	    type == SOCK_DCCP)
		return -EOPNOTSUPP;
	if (protocol > 0 && protocol < IPPROTO_MAX &&
	    protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return -EOPNOTSUPP;
	if (op->arg[4] && type != SOCK_STREAM)
		return -EINVAL;
	fd = socket(domain, op->arg[2], protocol);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long call_version(const struct op *op, int caller)
{
	unsigned int value = 0xcccccccc;
	void *at = place(caller, op->arg[0], &value, sizeof(value));
	long result = result_of(ioctl(winsock_device, WINSOCK_IOC_VERSION, at));

	if (!result) {
		memcpy(&value, at, sizeof(value));
		if (value != WINSOCK_ABI_VERSION)
			return -EPROTO;
	}
	return result;
}

static long call_repair(const struct op *op)
{
	int on = 1;

	return result_of(setsockopt(number(op->arg[0]), SOL_TCP, TCP_REPAIR,
				    &on, sizeof(on)));
}

static long call_linger(const struct op *op)
{
	struct linger linger = { op->arg[1], op->arg[2] };

	return result_of(setsockopt(number(op->arg[0]), SOL_SOCKET, SO_LINGER,
				    &linger, sizeof(linger)));
}

static long call_nonblock(const struct op *op)
{
	int flags = fcntl(number(op->arg[0]), F_GETFL);

	if (flags < 0)
		return -errno;
	if (op->arg[1])
		flags |= O_NONBLOCK;
	else
		flags &= ~O_NONBLOCK;
	return result_of(fcntl(number(op->arg[0]), F_SETFL, flags));
}

static long call_dup(const struct op *op)
{
	int fd = dup2(number(op->arg[0]), number(op->arg[1]));

	return fd < 0 ? -errno : fd == number(op->arg[1]) ? 0 : -ERANGE;
}

/* @file: whose turn in its stream it is, -1 if unknown; @wanted: of a drain */
static long call(const struct op *op, int caller, int file, long wanted)
{
	int fd = number(op->arg[0]);

	switch (op->what) {
	case OP_SOCKET:
		return install(make(op->arg[1], op->arg[2] ? SOCK_DGRAM :
				    SOCK_STREAM, op->arg[3], op->arg[4]),
			       op->arg[0]);
	case OP_PAIR:
		return call_pair(op);
	case OP_LISTENER:
		return call_listener(op);
	case OP_FILE:
		return call_file(op);
	case OP_CLIENT:
		return call_client(op);
	case OP_ACCEPT:
		return install(accept4(number(op->arg[1]), NULL, NULL, 0),
			       op->arg[0]);
	case OP_CONNECT:
		return call_connect(op);
	case OP_ATTACH:
		return winsock_attach(fd) ?: set_reset_discards(fd, 1);
	case OP_LINGER:
		return call_linger(op);
	case OP_SETOPT:
		return call_setopt(op, caller);
	case OP_GETOPT:
		return call_getopt(op, caller, file);
	case OP_NONBLOCK:
		return call_nonblock(op);
	case OP_SHUTDOWN:
		return result_of(shutdown(fd, op->arg[1]));
	case OP_SEND:
		return call_send(op, caller, file);
	case OP_STALL:
		return call_stall(op, file);
	case OP_STRAND:
		return call_strand(op, file);
	case OP_RECV:
		return call_recv(op, caller, file);
	case OP_DRAIN:
		return call_drain(op, file, wanted);
	case OP_RESET: {
		struct linger hard = { 1, 0 };

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		return native_close(fd);
	}
	case OP_CLOSE:
		return native_close(fd);
	case OP_CLOSESOCKET:
		return call_closesocket(op, caller);
	case OP_DEADLINE:
		return call_deadline(op);
	case OP_DUP:
		return call_dup(op);
	case OP_PASS:
		return call_pass(op);
	case OP_TAKE:
		return call_take(op);
	case OP_EPOLL: {
		struct epoll_event event = { .events = EPOLLIN };

		return result_of(epoll_ctl(fd, EPOLL_CTL_ADD,
					   number(op->arg[1]), &event));
	}
	case OP_WAIT:
		return call_wait(op, caller);
	case OP_POLL:
		return call_poll(op, caller);
	case OP_SIGNAL:
		return call_signal(op);
	case OP_REPAIR:
		return call_repair(op);
	case OP_VERSION:
		return call_version(op, caller);
	case OP_NEWSOCKET:
		return call_newsocket(op, caller);
	case OP_IOCTL: {
		int words[8] = { number(0) };

		return result_of(ioctl(winsock_device, (unsigned int)op->arg[0],
				       place(caller, op->arg[1], words,
					     sizeof(words))));
	}
	default:
		return -ENOSYS;
	}
}

/* Threads and the second process */

static void *work(void *arg)
{
	struct worker *w = arg;

	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	kcov_start(w->caller);
	for (;;) {
		while (sem_wait(&w->go))
			;
		if (w->op.who == WHO_RACE)
			pthread_barrier_wait(&barrier);
		w->result = call(&w->op, w->caller, w->file, 0);
		__atomic_store_n(&w->state, DONE, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int state_of(const struct worker *w)
{
	return __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);
}

static void worker_start(int caller)
{
	struct worker *w = &workers[caller];

	if (w->tid)
		return;
	w->caller = caller;
	sem_init(&w->go, 0, 0);
	errno = pthread_create(&w->thread, NULL, work, w);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
	wait_until(__atomic_load_n(&w->tid, __ATOMIC_ACQUIRE));
}

static void worker_call(int caller, const struct op *op, int file)
{
	struct worker *w = &workers[caller];

	worker_start(caller);
	w->op = *op;
	w->file = file;
	__atomic_store_n(&w->state, RUNNING, __ATOMIC_RELEASE);
	sem_post(&w->go);
}

/* Asleep in the call itself. */
static bool is_inside(const struct worker *w)
{
	static const long calls[__OP_MAX] = {
		[OP_ACCEPT] = SYS_accept4, [OP_CONNECT] = SYS_connect,
		[OP_SEND] = SYS_sendto, [OP_RECV] = SYS_recvfrom,
		[OP_WAIT] = SYS_epoll_wait, [OP_POLL] = SYS_poll,
		[OP_CLOSESOCKET] = SYS_ioctl,
	};

	return state_of(w) == RUNNING && calls[w->op.what] &&
	       task_inside(w->tid, calls[w->op.what]);
}

static void child_run(void)
{
	struct op op;
	long result;

	close(to_child[1]);
	close(from_child[0]);
	kcov_start(CALLERS);
	while (read(to_child[0], &op, sizeof(op)) == sizeof(op)) {
		result = call(&op, CALLERS, -1, 0);
		if (write(from_child[1], &result, sizeof(result)) < 0)
			break;
	}
	_exit(0);
}

static void child_start(void)
{
	check(pipe(to_child));
	check(pipe(from_child));
	child_pid = child_fork();
	if (!child_pid)
		child_run();
	close(to_child[0]);
	close(from_child[1]);
}

static long child_call(const struct op *op)
{
	struct pollfd pfd = { .fd = from_child[0], .events = POLLIN };
	long result;

	check(write(to_child[1], op, sizeof(*op)));
	if (poll(&pfd, 1, BOUND_MS) <= 0)
		return -ETIME;
	check(read(from_child[0], &result, sizeof(result)));
	return result;
}

static void child_end(void)
{
	if (!child_pid)
		return;
	close(to_child[1]);
	close(from_child[0]);
	wait_until(waitpid(child_pid, NULL, WNOHANG));
	child_pid = 0;
}

/* Comparing */

static const char *name_of(long result, char *text, size_t size)
{
	if (result < 0 && result > -200)
		snprintf(text, size, "%s", strerrorname_np(-result));
	else
		snprintf(text, size, "%ld", result);
	return text;
}

static void expect_result(const struct op *op, long low, long high, long result)
{
	char text[256], want[64], max[64], is[64];

	if (corrupt) {
		op_print(op, text, sizeof(text));
		finding("%s: bytes that were not sent so", text);
	}
	if (result >= low && result <= high)
		return;
	op_print(op, text, sizeof(text));
	name_of(low, want, sizeof(want));
	name_of(high, max, sizeof(max));
	name_of(result, is, sizeof(is));
	if (low == high)
		finding("%s: model says %s, it returned %s", text, want, is);
	finding("%s: model says %s to %s, it returned %s", text, want, max, is);
}

static long worker_join(struct worker *w)
{
	long end = now_ms() + BOUND_MS;
	char text[256];

	while (state_of(w) != DONE) {
		if (now_ms() > end) {
			op_print(&w->op, text, sizeof(text));
			finding("%s: did not return", text);
		}
		usleep(200);
	}
	__atomic_store_n(&w->state, IDLE, __ATOMIC_RELEASE);
	return w->result;
}

static void expect_inside(struct worker *w)
{
	long end = now_ms() + BOUND_MS;
	char text[256], is[64];

	while (!is_inside(w)) {
		op_print(&w->op, text, sizeof(text));
		if (state_of(w) == DONE)
			finding("%s: model says it waits, it returned %s", text,
				name_of(w->result, is, sizeof(is)));
		if (now_ms() > end)
			finding("%s: neither waits nor returns", text);
		usleep(200);
	}
}

/* Calls that the last one has ended, and those that it must not have ended. */
static void look_at_calls(void)
{
	int i;

	for (i = WHO_T1; i < CALLERS; i++) {
		struct pending *p = &model.call[i];

		if (p->ended) {
			long result = worker_join(&workers[i]);

			expect_result(&p->op, p->low, p->high, result);
			p->ended = false;
		} else if (p->busy) {
			expect_inside(&workers[i]);
		}
	}
}

/* NULL, or what is not as the model has it. */
static const char *wrong_number(const struct model *m, int slot)
{
	int file = m->slot[0][slot];
	struct stat st;
	int flags;

	if (fstat(FIRST_FD + slot, &st))
		return file < 0 ? NULL : "is closed";
	if (file < 0)
		return "is open";
	if (!inodes[file])
		inodes[file] = st.st_ino;
	if (inodes[file] != st.st_ino)
		return "is another file";
	flags = fcntl(FIRST_FD + slot, F_GETFL);
	if (m->files[file].kind >= M_UNIX &&
	    !!(flags & O_NONBLOCK) != m->files[file].nonblock)
		return "has O_NONBLOCK wrong";
	return NULL;
}

static const char *wrong_options(const struct model *m, int slot)
{
	const struct file *f = &m->files[m->slot[0][slot]];
	socklen_t len = sizeof(struct linger);
	int fd = FIRST_FD + slot, dont;
	struct linger linger;
	char ulp[16] = "";

	check(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
	if (linger.l_onoff != f->onoff || linger.l_linger != f->seconds)
		return "has SO_LINGER wrong";
	len = sizeof(dont);
	if (f->kind == M_TCP && f->attached &&
	    (getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_DONTLINGER, &dont, &len) ||
	     dont != !f->onoff))
		return "has WINSOCK_SO_DONTLINGER wrong";
	len = sizeof(ulp) - 1;
	if (f->kind == M_TCP &&
	    (getsockopt(fd, SOL_TCP, TCP_ULP, ulp, &len) ||
	     strcmp(ulp, f->attached ? WINSOCK_ULP : "")))
		return f->attached ? "is not attached" : "is attached";
	return NULL;
}

/* Its peer's acknowledgements are not to be waited for. */
static void hurry(const struct model *m, const struct file *f)
{
	int slot = slot_of(m, f->peer), on = 1;

	if (slot >= 0 && !f->cut)
		setsockopt(FIRST_FD + slot, SOL_TCP, TCP_QUICKACK, &on,
			   sizeof(on));
}

static const char *wrong_listener(const struct model *m, const struct file *f,
				  int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int n = 0;

	while (n < QUEUE_MAX && f->queue[n] >= 0)
		n++;
	if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len))
		return "has no TCP_INFO";
	return info.tcpi_unacked == n ? NULL : "has not its connections queued";
}

/* What poll() and the send queue show of a connection. */
static const char *wrong_connection(const struct model *m, int slot)
{
	int file = m->slot[0][slot], fd = FIRST_FD + slot;
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLRDHUP };
	const struct file *f = &m->files[file];
	struct sight sight = model_sight(m, file);

	if (f->kind == M_TCP && f->state == S_LISTENING)
		return wrong_listener(m, f, fd);
	if (!sight.judged)
		return NULL;
	check(poll(&pfd, 1, 0));
	if (!sight.rdhup && pfd.revents & POLLRDHUP)
		return "sees an end that should not be";
	if (sight.rdhup && !(pfd.revents & POLLRDHUP))
		return "sees no end";
	if (!sight.hup && pfd.revents & POLLHUP)
		return "sees a reset that should not be";
	if (sight.hup && !(pfd.revents & POLLHUP))
		return "sees no reset";
	if (sight.in && !(pfd.revents & POLLIN))
		return "is not readable";
	if (!sight.in && pfd.revents & POLLIN)
		return "is readable";
	if (f->state == S_CONNECTED && !f->quiet) {
		bool stuck = f->stall || (f->cut && !f->deaf);

		hurry(m, f);
		if (stuck != !!queued(fd) && !(f->cut && f->deaf))
			return stuck ? "has nothing queued" :
				       "has data that is not acknowledged";
	}
	return NULL;
}

static void look_at_slots(void)
{
	const char *wrong;
	long end;
	int i;

	for (i = 0; i < SLOTS; i++) {
		wrong = wrong_number(&model, i);
		if (wrong)
			finding("d%d %s", i, wrong);
		if (model.slot[0][i] < 0 ||
		    model.files[model.slot[0][i]].kind < M_UNIX)
			continue;
		wrong = wrong_options(&model, i);
		if (wrong)
			finding("d%d %s", i, wrong);
		/* The network may take its time. */
		end = now_ms() + BOUND_MS;
		while ((wrong = wrong_connection(&model, i))) {
			if (now_ms() > end)
				finding("d%d %s", i, wrong);
			usleep(500);
		}
	}
}

/* One call after the other */

static int file_at(const struct op *op)
{
	int fd = op->arg[0];

	return fd < SLOTS && fd >= 0 ? model.slot[op->who == WHO_CHILD][fd] : -1;
}

static void run_op(const struct op *op, int at)
{
	int caller = op->who == WHO_CHILD ? WHO_MAIN : op->who;
	int file = file_at(op);
	struct model before = model;
	unsigned int feature;
	struct expect e;
	long result;

	verdict->at = at;
	e = model_step(&model, op, caller);
	if (e.how == SKIP) {
		/* It may have come some way before it did not know. */
		model = before;
		verdict->skipped |= 1U << at;
		return;
	}
	verdict->calls++;
	feature = model_feature(&before, op, e);
	verdict->features[feature / 8] |= 1 << feature % 8;
	if (op->who >= WHO_T1 && op->who <= WHO_T3) {
		worker_call(caller, op, file);
		if (e.how == BLOCKS) {
			if (model.call[caller].busy)
				expect_inside(&workers[caller]);
		} else {
			result = worker_join(&workers[caller]);
			expect_result(op, e.low, e.high, result);
		}
	} else {
		if (op->what == OP_FORK) {
			child_start();
			result = 0;
		} else if (op->what == OP_EXIT) {
			child_end();
			result = 0;
		} else if (op->who == WHO_CHILD) {
			result = child_call(op);
		} else {
			result = call(op, WHO_MAIN, file, e.low);
		}
		if (e.how == AS_NATIVE) {
			e.low = native_socket(op);
			e.high = e.low;
		}
		expect_result(op, e.low, e.high, result);
		model_note(&model, op, result);
	}
	look_at_calls();
	look_at_slots();
}

/* All at once */

#define OUTCOMES_MAX	64

static struct model outcomes[OUTCOMES_MAX];
static int outcome_count;
static bool judged;

static bool other_end(struct model *m, const struct op *op, struct expect *e)
{
	int fd = op->arg[op->what == OP_ACCEPT];
	int file = fd < SLOTS ? m->slot[0][fd] : -1;

	switch (op->what) {
	case OP_DUP:
		/* The number is taken while a closesocket() is at work. */
		*e = (struct expect){ RETURNS, -EBUSY, -EBUSY };
		return true;
	case OP_RECV:
	case OP_SEND:
	case OP_ACCEPT:
	case OP_CONNECT:
		*e = (struct expect){ RETURNS, -ECANCELED, -ECANCELED };
		break;
	case OP_POLL:
		*e = (struct expect){ RETURNS, POLLNVAL, POLLNVAL };
		break;
	default:
		return false;
	}
	return file >= 0 && m->files[file].attached;
}

/*
 * One order of the racers, and for some of them the end that closesocket()
 * gives to what had begun before it.
 */
static bool outcome_of(const struct op *ops, const int *order, int n,
		       unsigned int variant, struct expect *expect,
		       struct model *m)
{
	int files[RACERS_MAX], i;

	*m = model;
	for (i = 0; i < n; i++) {
		const struct op *op = &ops[order[i]];
		struct expect *e = &expect[order[i]];

		files[i] = -1;
		if (variant & 1U << order[i]) {
			int fd = op->arg[op->what == OP_ACCEPT];

			if (!other_end(m, op, e))
				return false;
			if (op->what != OP_DUP)
				files[i] = m->slot[0][fd];
			continue;
		}
		*e = model_step(m, op, CALLER_RACER + order[i]);
		if (e->how == SKIP) {
			judged = false;
			return false;
		}
	}
	for (i = 0; i < n; i++)
		if (files[i] >= 0 && !model_closed_here(m, files[i]))
			return false;
	return true;
}

/* It was woken by one thing and met by the other on its way out. */
static bool was_cancelled(const struct model *m, const struct pending *p,
			  long result)
{
	return model_closed_here(m, p->file) && m->files[p->file].attached &&
	       result == (p->op.what == OP_POLL ? POLLNVAL : -ECANCELED);
}

static bool outcome_fits(const struct model *m, const struct expect *expect,
			 int n)
{
	int i;

	for (i = WHO_T1; i < CALLERS; i++) {
		const struct worker *w = &workers[i];
		const struct pending *p = &m->call[i];
		const struct expect *e = NULL;
		long low, high;

		if (i >= CALLER_RACER && i - CALLER_RACER < n)
			e = &expect[i - CALLER_RACER];
		if (e && e->how == RETURNS) {
			low = e->low;
			high = e->high;
		} else if (p->ended) {
			low = p->low;
			high = p->high;
		} else if (p->busy) {
			if (!is_inside(w))
				return false;
			continue;
		} else {
			continue;
		}
		if (state_of(w) != DONE)
			return false;
		if ((w->result < low || w->result > high) &&
		    !(i < CALLER_RACER && was_cancelled(m, p, w->result)))
			return false;
	}
	return true;
}

static bool next_order(int *order, int n)
{
	int i = n - 2, j = n - 1, t;

	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i < 0)
		return false;
	while (order[j] < order[i])
		j--;
	t = order[i];
	order[i] = order[j];
	order[j] = t;
	for (i++, j = n - 1; i < j; i++, j--) {
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	return true;
}

/*
 * A refusal counts who polls; what ends the poll and the refusal's reason at the
 * same time may do so between the two looks.
 */
static bool refusal_may_waver(const struct op *ops, int n)
{
	int i, j;

	for (i = 0; i < n; i++) {
		int file = ops[i].arg[0] < SLOTS ?
			   model.slot[0][ops[i].arg[0]] : -1;

		for (j = WHO_T1; j < CALLER_RACER; j++)
			if (ops[i].what == OP_CLOSESOCKET && file >= 0 &&
			    model.files[file].stall && model.call[j].busy &&
			    model.call[j].op.what == OP_POLL &&
			    model.call[j].file == file)
				return true;
	}
	return false;
}

static void find_outcomes(const struct op *ops, int n)
{
	struct expect expect[RACERS_MAX];
	unsigned int variant;

	outcome_count = 0;
	judged = !refusal_may_waver(ops, n);
	if (!judged)
		return;
	for (variant = 0; variant < 1U << n; variant++) {
		int order[RACERS_MAX] = { 0, 1, 2, 3 };

		do {
			struct model *m = &outcomes[outcome_count];

			if (outcome_count < OUTCOMES_MAX - 1 &&
			    outcome_of(ops, order, n, variant, expect, m) &&
			    outcome_fits(m, expect, n))
				outcome_count++;
		} while (judged && next_order(order, n));
	}
}

static bool all_at_rest(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		const struct worker *w = &workers[CALLER_RACER + i];

		if (state_of(w) != DONE && !is_inside(w))
			return false;
	}
	return true;
}

static __attribute__((noreturn)) void no_outcome(int n)
{
	char text[800], line[128], is[32];
	int i, used = 0;

	text[0] = 0;
	for (i = WHO_T1; i < CALLERS; i++) {
		struct worker *w = &workers[i];

		if (!w->tid || (state_of(w) == IDLE))
			continue;
		op_print(&w->op, line, sizeof(line));
		used += snprintf(text + used, sizeof(text) - used, "; %s: %s",
				 line, state_of(w) != DONE ? "waits" :
				 name_of(w->result, is, sizeof(is)));
	}
	finding("no order of the racers explains%s", text + 1);
}

/*
 * Where SO_LINGER is set while close(2) is at the same socket, either call may have
 * to wait for the peer, and in the kernel's hands.
 */
static bool close_may_wait(const struct op *ops, int n)
{
	int i, j, number;

	for (i = 0; i < n; i++) {
		if (ops[i].what != OP_LINGER || !ops[i].arg[2])
			continue;
		for (j = 0; j < n; j++) {
			number = ops[j].arg[ops[j].what == OP_DUP];
			if ((ops[j].what == OP_CLOSE || ops[j].what == OP_DUP) &&
			    number < SLOTS && ops[i].arg[0] < SLOTS &&
			    model.slot[0][number] == model.slot[0][ops[i].arg[0]])
				return true;
		}
	}
	return false;
}

static void run_race(const struct op *ops, int n, int at)
{
	long end;
	int i;

	verdict->at = at;
	verdict->calls += n;
	racing = true;
	pthread_barrier_init(&barrier, NULL, n);
	for (i = 0; i < n; i++)
		worker_start(CALLER_RACER + i);
	for (i = 0; i < n; i++)
		worker_call(CALLER_RACER + i, &ops[i], -1);

	judged = !close_may_wait(ops, n);
	end = now_ms() + BOUND_MS;
	while (judged) {
		if (all_at_rest(n)) {
			find_outcomes(ops, n);
			if (!judged || outcome_count)
				return;
		}
		if (now_ms() > end)
			no_outcome(n);
		usleep(500);
	}
}

/* What others than the racers have is theirs still (I2). */
static void look_at_bystanders(const struct op *ops, int n)
{
	unsigned int touched = 0;
	int i;

	for (i = 0; i < n; i++) {
		touched |= 1U << ops[i].arg[0];
		if (ops[i].what == OP_DUP)
			touched |= 1U << ops[i].arg[1];
	}
	for (i = 0; i < SLOTS; i++) {
		const char *wrong = wrong_number(&model, i);

		if (!(touched & 1U << i) && wrong)
			finding("d%d %s, and nobody touched it", i, wrong);
	}
}

/* In the end */

/**
 * struct reading - what was read from a slot at last
 * @bytes: how many
 * @end: as in struct last
 */
struct reading {
	long bytes;
	int end;
	int file;
};

static void read_on(struct reading *r, int slot)
{
	unsigned char buf[4096];
	long n;

	while (!r->end) {
		n = recv(FIRST_FD + slot, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			r->end = n < 0 && (errno == ECONNRESET ||
					   errno == EPIPE) ? 2 : 1;
			return;
		}
		receive(r->file, buf, n);
		r->bytes += n;
	}
}

static const char *wrong_ending(const struct model *m, int slot,
				const struct reading *r)
{
	static const char *const ends[] = { "no end", "an end", "a reset" };
	struct last e = model_last(m, slot);
	static char text[200];

	if (!e.judged || (r->bytes >= e.low && r->bytes <= e.high &&
			  r->end == e.end))
		return NULL;
	snprintf(text, sizeof(text),
		 "reads %ld bytes and %s; model says %ld to %ld and %s",
		 r->bytes, ends[r->end], e.low, e.high, ends[e.end]);
	return text;
}

static const char *wrong_end(const struct model *m, struct reading *readings)
{
	static char text[256];
	const char *wrong;
	int i;

	for (i = 0; i < SLOTS; i++) {
		wrong = wrong_number(m, i);
		if (!wrong && m->slot[0][i] >= 0 &&
		    m->files[m->slot[0][i]].kind >= M_UNIX)
			wrong = wrong_options(m, i);
		if (!wrong && model_last(m, i).judged) {
			readings[i].file = m->slot[0][i];
			read_on(&readings[i], i);
			wrong = wrong_ending(m, i, &readings[i]);
		}
		if (wrong) {
			snprintf(text, sizeof(text), "d%d %s", i, wrong);
			return text;
		}
	}
	return NULL;
}

static void look_at_ends(void)
{
	struct reading readings[SLOTS] = { 0 };
	long end = now_ms() + BOUND_MS;
	const char *wrong = NULL;
	int i;

	do {
		for (i = 0; i < outcome_count; i++) {
			wrong = wrong_end(&outcomes[i], readings);
			if (!wrong && corrupt)
				finding("bytes that were not sent so");
			if (!wrong)
				return;
		}
		usleep(1000);
	} while (now_ms() < end);
	finding("at the end: %s", wrong);
}

/* A number that is closed can be had again. */
static void look_at_numbers(const struct model *m)
{
	int i, j;

	for (i = 0; i < SLOTS; i++) {
		bool reserved = false;

		for (j = 0; j < CALLERS; j++)
			reserved |= m->call[j].busy &&
				    m->call[j].op.what == OP_CLOSESOCKET &&
				    m->call[j].op.arg[0] == i;
		if (m->slot[0][i] >= 0 || reserved)
			continue;
		if (dup2(winsock_device, FIRST_FD + i) < 0)
			finding("d%d is closed, and its number not free: %s",
				i, strerrorname_np(errno));
		close(FIRST_FD + i);
	}
}

/* By reset, so that nothing of this outlives it for long. */
static void clean_up(void)
{
	struct linger hard = { 1, 0 };
	int i, unused = 0;

	child_end();
	for (i = 0; i < SLOTS; i++) {
		setsockopt(FIRST_FD + i, SOL_SOCKET, SO_DETACH_FILTER, &unused,
			   sizeof(unused));
		setsockopt(FIRST_FD + i, SOL_SOCKET, SO_LINGER, &hard,
			   sizeof(hard));
	}
}

static void run(const struct program *p)
{
	int n = program_racers(p), i;

	signal(SIGPIPE, SIG_IGN);
	regions_make();
	kcov_start(WHO_MAIN);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, mail));
	model_init(&model);

	for (i = 0; i < p->count - n; i++)
		run_op(&p->ops[i], i);
	outcomes[0] = model;
	outcome_count = 1;
	judged = true;
	if (n)
		run_race(&p->ops[i], n, i);
	if (judged) {
		look_at_ends();
		look_at_numbers(&outcomes[0]);
	} else {
		look_at_bystanders(&p->ops[i], n);
	}
	clean_up();
	verdict->done = true;
	_exit(0);
}

static const char *call_in_hand(const struct program *p, char *text,
				size_t size)
{
	op_print(&p->ops[verdict->at], text, size);
	return text;
}

void execute(const struct program *p, bool hurried, struct verdict *out)
{
	int status = 0, waited = 0;
	char text[256];
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	verdict->hurried = hurried;
	pid = child_fork();
	if (!pid)
		run(p);
	while (!waitpid(pid, &status, WNOHANG)) {
		usleep(waited < 1000 ? 200 : 2000);
		waited++;
		if (waited > PROGRAM_SECONDS * 500) {
			verdict->finding = true;
			snprintf(verdict->text, sizeof(verdict->text),
				 "%s: stuck", call_in_hand(p, text, sizeof(text)));
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	}
	if (!verdict->done && !verdict->finding) {
		verdict->finding = true;
		snprintf(verdict->text, sizeof(verdict->text),
			 "%s: the process ended with status %#x",
			 call_in_hand(p, text, sizeof(text)), status);
	}
	*out = *verdict;
}

/* A listener that takes no more, so that SYNs to it go unanswered. */
static int make_nowhere(int family)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int fd, filler, i;

	fd = check(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	listen_loopback(fd, family, 0, &addr, &len);
	for (i = 0; i < 3; i++) {
		filler = check(socket(family, SOCK_STREAM | SOCK_NONBLOCK |
				      SOCK_CLOEXEC, 0));
		connect(filler, (struct sockaddr *)&addr, len);
		/* The first of them is established. */
		if (!i)
			wait_ready(filler, POLLOUT);
	}
	return fd;
}

void execute_init(void)
{
	netns_enter();
	winsock_open();
	nowhere[0] = make_nowhere(AF_INET);
	nowhere[1] = make_nowhere(AF_INET6);
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
}
