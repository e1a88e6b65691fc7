// SPDX-License-Identifier: GPL-2.0
/* The device: requests, their arguments and errors. */
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "support/suite.h"

#define POISON	0xdeadbeef

/* The next number open(2) and the like would hand out. */
static int next_fd(void)
{
	int fd = check(eventfd(0, 0));

	close(fd);
	return fd;
}

static int closesocket_struct(struct winsock_closesocket *arg)
{
	return ioctl(winsock_device, WINSOCK_IOC_CLOSESOCKET, arg) < 0 ?
	       -errno : 0;
}

static int socket_struct(struct winsock_socket *arg)
{
	int fd = ioctl(winsock_device, WINSOCK_IOC_SOCKET, arg);

	return fd < 0 ? -errno : fd;
}

FIXTURE(device) {
	int spare;	/* a socket that must survive every failed call */
};

FIXTURE_SETUP(device)
{
	netns_enter();
	winsock_open();
	self->spare = check(socket(AF_INET, SOCK_STREAM, 0));
}

FIXTURE_TEARDOWN(device)
{
	EXPECT_TRUE(fd_is_open(self->spare));
	close(self->spare);
	close(winsock_device);
}

TEST_F(device, layout_is_the_same_for_32_bit_callers)
{
	EXPECT_EQ(16, sizeof(struct winsock_socket));
	EXPECT_EQ(0, offsetof(struct winsock_socket, domain));
	EXPECT_EQ(4, offsetof(struct winsock_socket, type));
	EXPECT_EQ(8, offsetof(struct winsock_socket, protocol));
	EXPECT_EQ(12, offsetof(struct winsock_socket, flags));
	EXPECT_EQ(16, sizeof(struct winsock_closesocket));
	EXPECT_EQ(0, offsetof(struct winsock_closesocket, fd));
	EXPECT_EQ(4, offsetof(struct winsock_closesocket, flags));
	EXPECT_EQ(8, offsetof(struct winsock_closesocket, pending));
	EXPECT_EQ(12, offsetof(struct winsock_closesocket, pad));
	EXPECT_EQ(4, sizeof(struct winsock_linger));
	EXPECT_EQ(0, offsetof(struct winsock_linger, l_onoff));
	EXPECT_EQ(2, offsetof(struct winsock_linger, l_linger));
	EXPECT_EQ(0x80045780, WINSOCK_IOC_VERSION);
	EXPECT_EQ(0x40105781, WINSOCK_IOC_SOCKET);
	EXPECT_EQ(0x40105782, WINSOCK_IOC_CLOSESOCKET);
	EXPECT_EQ(32, sizeof(struct winsock_close_deadline));
	EXPECT_EQ(0, offsetof(struct winsock_close_deadline, fd));
	EXPECT_EQ(4, offsetof(struct winsock_close_deadline, flags));
	EXPECT_EQ(8, offsetof(struct winsock_close_deadline, pending));
	EXPECT_EQ(12, offsetof(struct winsock_close_deadline, pad));
	EXPECT_EQ(16, offsetof(struct winsock_close_deadline, timeout));
	EXPECT_EQ(24, offsetof(struct winsock_close_deadline, cookie));
	EXPECT_EQ(32, sizeof(struct winsock_outcome));
	EXPECT_EQ(0, offsetof(struct winsock_outcome, cookie));
	EXPECT_EQ(8, offsetof(struct winsock_outcome, nsec));
	EXPECT_EQ(16, offsetof(struct winsock_outcome, unacked));
	EXPECT_EQ(24, offsetof(struct winsock_outcome, result));
	EXPECT_EQ(28, offsetof(struct winsock_outcome, pad));
	EXPECT_EQ(0x40205783, WINSOCK_IOC_CLOSE_DEADLINE);
}

#ifdef __x86_64__
/* The system call of 32-bit programs is there for others, too; 0 or -errno. */
static long ioctl_32(int fd, unsigned int request, void *arg)
{
	long ret = 54;

	asm volatile("int $0x80"
		     : "+a" (ret)
		     : "b" (fd), "c" (request), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

TEST_F(device, works_for_32_bit_callers)
{
	union {
		__u32 version;
		struct winsock_socket socket;
		struct winsock_closesocket closesocket;
	} *arg;
	int fd;

	arg = mmap(NULL, sizeof(*arg), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	EXPECT_EQ(0, ioctl_32(winsock_device, WINSOCK_IOC_VERSION, arg));
	EXPECT_EQ(WINSOCK_ABI_VERSION, arg->version);
	arg->socket = (struct winsock_socket) { AF_INET, SOCK_STREAM };
	fd = ioctl_32(winsock_device, WINSOCK_IOC_SOCKET, arg);
	ASSERT_LE(0, fd);
	arg->closesocket = (struct winsock_closesocket) { .fd = fd };
	EXPECT_EQ(0, ioctl_32(winsock_device, WINSOCK_IOC_CLOSESOCKET, arg));
	EXPECT_FALSE(fd_is_open(fd));
	EXPECT_EQ(-EBADF,
		  ioctl_32(winsock_device, WINSOCK_IOC_CLOSESOCKET, arg));
}
#endif

TEST_F(device, version_is_one_word)
{
	__u32 words[3] = { POISON, POISON, POISON };

	ASSERT_EQ(0, ioctl(winsock_device, WINSOCK_IOC_VERSION, &words[1]));
	EXPECT_EQ(POISON, words[0]);
	EXPECT_EQ(WINSOCK_ABI_VERSION, words[1]);
	EXPECT_EQ(POISON, words[2]);
}

TEST_F(device, bad_pointers_are_faults)
{
	void *bad = (void *)1;
	int next = next_fd();

	EXPECT_EQ(-1, ioctl(winsock_device, WINSOCK_IOC_VERSION, bad));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EFAULT, socket_struct(bad));
	EXPECT_EQ(-EFAULT, closesocket_struct(bad));
	EXPECT_EQ(-EFAULT, closesocket_struct(NULL));
	EXPECT_EQ(next, next_fd());
}

/* A structure that ends beyond the last mapped byte is not half read. */
TEST_F(device, structures_must_be_mapped_to_their_end)
{
	long page = sysconf(_SC_PAGESIZE);
	struct winsock_closesocket *arg;
	char *map;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_NONE));
	arg = (void *)(map + page - offsetof(struct winsock_closesocket, pad));
	arg->fd = self->spare;
	EXPECT_EQ(-EFAULT, closesocket_struct(arg));
	EXPECT_TRUE(fd_is_open(self->spare));

	arg = (void *)(map + page - sizeof(*arg));
	*arg = (struct winsock_closesocket) { .fd = next_fd() };
	EXPECT_EQ(-EBADF, closesocket_struct(arg));
}

TEST_F(device, unknown_requests_are_not_for_this_device)
{
	struct winsock_closesocket arg = { .fd = self->spare };
	static const unsigned int unknown[] = {
		_IO('W', 0x7f),
		_IO('W', 0x80),
		_IO('W', 0x82),
		_IOW('W', 0x83, struct winsock_closesocket),
		_IOW('W', 0x84, struct winsock_close_deadline),
		_IOW('W', 0x8f, struct winsock_closesocket),
		_IOWR('W', 0x82, struct winsock_closesocket),
		_IOW('W', 0x82, __u32),
		_IOW('w', 0x82, struct winsock_closesocket),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-1, ioctl(winsock_device, unknown[i], &arg))
			TH_LOG("request %#x", unknown[i]);
		EXPECT_EQ(ENOTTY, errno);
	}
	EXPECT_EQ(self->spare, arg.fd);
}

TEST_F(device, bits_without_a_meaning_are_refused)
{
	struct winsock_closesocket flags = { .fd = self->spare };
	struct winsock_closesocket pad = { .fd = self->spare };
	struct winsock_socket sock = {
		.domain = AF_INET,
		.type = SOCK_STREAM,
	};
	int next = next_fd();
	__u32 bit;

	for (bit = 1; bit; bit <<= 1) {
		flags.flags = bit;
		EXPECT_EQ(-EINVAL, closesocket_struct(&flags));
		pad.pad = bit;
		EXPECT_EQ(-EINVAL, closesocket_struct(&pad));
		if (bit == WINSOCK_SOCKET_RESET_DISCARDS)
			continue;
		sock.flags = bit;
		EXPECT_EQ(-EINVAL, socket_struct(&sock));
	}
	EXPECT_EQ(next, next_fd());
}

/* T8; and a caller of 32 bits reads what one of 64 does. */
TEST_F(device, deadlines_are_the_same_for_32_bit_callers)
{
	struct winsock_close_deadline arg = {
		.fd = check(socket(AF_INET, SOCK_STREAM, 0)),
		.flags = WINSOCK_CLOSE_REPORT,
		.pending = 0xffffffff,
		.timeout = 65535000000000ULL,
		.cookie = 0xfedcba9876543210ULL,
	}, same = arg;
	struct winsock_outcome outcome;

	EXPECT_EQ(0, ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, &arg));
	EXPECT_EQ(0, memcmp(&arg, &same, sizeof(arg)));
	EXPECT_FALSE(fd_is_open(arg.fd));
	outcome = outcome_next(winsock_device);
	EXPECT_EQ(arg.cookie, outcome.cookie);
	EXPECT_EQ(WINSOCK_NOT_CONNECTED, outcome.result);
	EXPECT_EQ(0, outcome.unacked);
	EXPECT_EQ(0, outcome.pad);
	EXPECT_EQ(-1, ioctl(winsock_device, WINSOCK_IOC_CLOSE_DEADLINE, &arg));
	EXPECT_EQ(EBADF, errno);
}

TEST_F(device, arguments_are_only_read)
{
	struct winsock_closesocket arg = { .pending = 77 }, same;
	struct winsock_socket sock = {
		.domain = AF_INET,
		.type = SOCK_STREAM,
		.protocol = IPPROTO_TCP,
	}, same_sock = sock;

	arg.fd = socket_struct(&sock);
	ASSERT_LE(0, arg.fd);
	EXPECT_EQ(0, memcmp(&sock, &same_sock, sizeof(sock)));
	same = arg;
	EXPECT_EQ(0, closesocket_struct(&arg));
	EXPECT_EQ(0, memcmp(&arg, &same, sizeof(arg)));
	EXPECT_EQ(-EBADF, closesocket_struct(&arg));
	EXPECT_EQ(0, memcmp(&arg, &same, sizeof(arg)));
}

/* G4 */
TEST_F(device, descriptors_that_are_not_open_get_ebadf)
{
	int closed = next_fd();
	int next = next_fd();

	EXPECT_EQ(-EBADF, ioc_closesocket(-1));
	EXPECT_EQ(-EBADF, ioc_closesocket(closed));
	EXPECT_EQ(-EBADF, ioc_closesocket(INT_MAX));
	EXPECT_EQ(-EBADF, ioc_closesocket(INT_MIN));
	EXPECT_EQ(-EBADF, ioc_closesocket(AT_FDCWD));
	EXPECT_EQ(next, next_fd());
}

/* G4 */
TEST_F(device, a_closed_descriptor_gets_ebadf_until_it_is_reused)
{
	int fd = ioc_socket(AF_INET, SOCK_STREAM, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioc_closesocket(fd));
	EXPECT_FALSE(fd_is_open(fd));
	EXPECT_EQ(-EBADF, ioc_closesocket(fd));
	EXPECT_EQ(fd, next_fd());
}

TEST_F(device, sockets_of_other_kinds_are_closed_like_close)
{
	int sv[2], fd;
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	EXPECT_EQ(0, ioc_closesocket(sv[0]));
	EXPECT_FALSE(fd_is_open(sv[0]));
	EXPECT_EQ(0, recv(sv[1], &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, ioc_closesocket(sv[1]));
	EXPECT_FALSE(fd_is_open(sv[1]));

	fd = check(socket(AF_NETLINK, SOCK_RAW, 0));
	EXPECT_EQ(0, ioc_closesocket(fd));
	EXPECT_FALSE(fd_is_open(fd));
}

TEST_F(device, sockets_that_cannot_be_attached_are_not_made)
{
	int next = next_fd();

	EXPECT_EQ(-EOPNOTSUPP, ioc_socket(AF_UNIX, SOCK_STREAM, 0));
	EXPECT_EQ(-EOPNOTSUPP, ioc_socket(AF_NETLINK, SOCK_RAW, 0));
	EXPECT_EQ(-EOPNOTSUPP, ioc_socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
	EXPECT_EQ(-EOPNOTSUPP, ioc_socket(AF_INET, SOCK_STREAM,
					  IPPROTO_SCTP));
	EXPECT_EQ(-EOPNOTSUPP, ioc_socket(AF_INET, SOCK_DGRAM,
					  IPPROTO_UDPLITE));
	EXPECT_EQ(next, next_fd());
}

static bool module_is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* socket(2) loads the modules of these, if it is permitted. */
TEST_F(device, no_module_is_loaded_for_what_cannot_be_attached)
{
	static const struct {
		const char *module;
		int domain;
		int type;
		int protocol;
	} others[] = {
		{ "vsock", AF_VSOCK, SOCK_STREAM, 0 },
		{ "kcm", AF_KCM, SOCK_DGRAM, 0 },
		{ "af_alg", AF_ALG, SOCK_SEQPACKET, 0 },
		{ "sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP },
		{ "tipc", AF_TIPC, SOCK_STREAM, 0 },
	};
	unsigned int i, absent = 0;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		if (module_is_loaded(others[i].module))
			continue;
		absent++;
		EXPECT_EQ(-EOPNOTSUPP, ioc_socket(others[i].domain,
						  others[i].type,
						      others[i].protocol));
		EXPECT_FALSE(module_is_loaded(others[i].module))
			TH_LOG("%s", others[i].module);
	}
	EXPECT_LT(0, absent);
}

/* What socket(2) refuses, the request refuses with the same errno. */
TEST_F(device, socket_refuses_what_socket_2_refuses)
{
	static const struct {
		int domain;
		int type;
		int protocol;
	} wrong[] = {
		{ -1, SOCK_STREAM, 0 },
		{ 12345, SOCK_STREAM, 0 },
		{ AF_INET, 0, 0 },
		{ AF_INET, 15, 0 },
		{ AF_INET, -1, 0 },
		{ AF_INET, SOCK_STREAM, -1 },
		{ AF_INET, SOCK_STREAM, 100000 },
		{ AF_INET, SOCK_STREAM, IPPROTO_UDP },
		{ AF_INET, SOCK_DGRAM, IPPROTO_TCP },
		{ AF_INET6, SOCK_SEQPACKET, IPPROTO_TCP },
		{ AF_INET, SOCK_STREAM | 0x40000000, 0 },
	};
	int next = next_fd();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		ASSERT_EQ(-1, socket(wrong[i].domain, wrong[i].type,
				     wrong[i].protocol));
		EXPECT_EQ(-errno, ioc_socket(wrong[i].domain, wrong[i].type,
					     wrong[i].protocol))
			TH_LOG("row %u", i);
	}
	EXPECT_EQ(next, next_fd());
}

TEST_F(device, socket_fails_when_no_descriptor_is_free)
{
	struct rlimit limit = {}, saved;
	long made;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &saved));
	limit.rlim_max = saved.rlim_max;
	limit.rlim_cur = next_fd();
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	made = ioc_socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &saved));
	EXPECT_EQ(-EMFILE, made);
	EXPECT_EQ(limit.rlim_cur, next_fd());
}

TEST_F(device, everyone_may_use_it)
{
	struct stat st;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, stat(WINSOCK_DEVICE, &st));
	EXPECT_EQ(S_IFCHR | 0666, st.st_mode);

	pid = check(fork());
	if (!pid) {
		check(setgid(65534));
		check(setuid(65534));
		close(winsock_device);
		winsock_device = -1;
		winsock_open();
		fd = ioc_socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			_exit(1);
		_exit(ioc_closesocket(fd) ? 2 : 0);
	}
	child_join(pid);
}

FIXTURE(new_socket) {
	int fd;
};

FIXTURE_VARIANT(new_socket) {
	int family;
	int protocol;
};

FIXTURE_VARIANT_ADD(new_socket, ipv4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(new_socket, ipv4_tcp) {
	.family = AF_INET,
	.protocol = IPPROTO_TCP,
};

FIXTURE_VARIANT_ADD(new_socket, ipv6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(new_socket)
{
	netns_enter();
	winsock_open();
	self->fd = -1;
}

FIXTURE_TEARDOWN(new_socket)
{
	close(self->fd);
	close(winsock_device);
}

TEST_F(new_socket, is_attached)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	self->fd = ioc_socket(variant->family, SOCK_STREAM,
			      variant->protocol);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ(WINSOCK_ULP, name);
}

TEST_F(new_socket, is_of_the_kind_asked_for)
{
	socklen_t len = sizeof(int);
	int value;

	self->fd = ioc_socket(variant->family, SOCK_STREAM,
			      variant->protocol);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_DOMAIN, &value, &len));
	EXPECT_EQ(variant->family, value);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_TYPE, &value, &len));
	EXPECT_EQ(SOCK_STREAM, value);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_PROTOCOL, &value,
				&len));
	EXPECT_EQ(IPPROTO_TCP, value);
}

TEST_F(new_socket, blocks_and_survives_exec_by_default)
{
	self->fd = ioc_socket(variant->family, SOCK_STREAM,
			      variant->protocol);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(O_RDWR, fcntl(self->fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(0, fcntl(self->fd, F_GETFD));
}

TEST_F(new_socket, honours_sock_nonblock_and_sock_cloexec)
{
	self->fd = ioc_socket(variant->family, SOCK_STREAM | SOCK_NONBLOCK,
			      variant->protocol);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(O_NONBLOCK, fcntl(self->fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(self->fd, F_GETFD));
	close(self->fd);

	self->fd = ioc_socket(variant->family, SOCK_STREAM | SOCK_CLOEXEC,
			      variant->protocol);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, fcntl(self->fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
}

TEST_F(new_socket, can_be_attached_later_and_only_once)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	self->fd = check(socket(variant->family, SOCK_STREAM,
				variant->protocol));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("", name);

	ASSERT_EQ(0, winsock_attach(self->fd));
	EXPECT_EQ(-EEXIST, winsock_attach(self->fd));

	len = sizeof(name);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ(WINSOCK_ULP, name);
	EXPECT_EQ(0, ioc_closesocket(self->fd));
	EXPECT_FALSE(fd_is_open(self->fd));
}

/*
 * IPV6_ADDRFORM would take the replaced operations off the socket and lose a
 * reference to the module.
 */
TEST_F(new_socket, stays_attached_for_life)
{
	int form = AF_INET;

	if (variant->family != AF_INET6)
		return;
	self->fd = ioc_socket(AF_INET6, SOCK_STREAM, 0);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_IPV6, IPV6_ADDRFORM, &form,
				 sizeof(form)));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_TCP, TCP_ULP, "tls", 3));
	EXPECT_EQ(EEXIST, errno);
}

enum file_kind {
	PIPE_READ,
	PIPE_WRITE,
	REGULAR,
	DIRECTORY,
	EVENTFD,
	EPOLL,
	DEVICE,
	PATH_ONLY,
};

FIXTURE(not_a_socket) {
	int fd;
	int other;	/* end of a pipe */
};

/* G4 */
FIXTURE_VARIANT(not_a_socket) {
	enum file_kind file;
};

FIXTURE_VARIANT_ADD(not_a_socket, pipe_read_end) { .file = PIPE_READ };
FIXTURE_VARIANT_ADD(not_a_socket, pipe_write_end) { .file = PIPE_WRITE };
FIXTURE_VARIANT_ADD(not_a_socket, regular_file) { .file = REGULAR };
FIXTURE_VARIANT_ADD(not_a_socket, directory) { .file = DIRECTORY };
FIXTURE_VARIANT_ADD(not_a_socket, eventfd) { .file = EVENTFD };
FIXTURE_VARIANT_ADD(not_a_socket, epoll) { .file = EPOLL };
FIXTURE_VARIANT_ADD(not_a_socket, the_device_itself) { .file = DEVICE };
FIXTURE_VARIANT_ADD(not_a_socket, path_only) { .file = PATH_ONLY };

FIXTURE_SETUP(not_a_socket)
{
	int ends[2];

	winsock_open();
	self->other = -1;
	switch (variant->file) {
	case PIPE_READ:
	case PIPE_WRITE:
		check(pipe(ends));
		self->fd = ends[variant->file == PIPE_WRITE];
		self->other = ends[variant->file == PIPE_READ];
		break;
	case REGULAR:
		self->fd = check(memfd_create("regular", 0));
		break;
	case DIRECTORY:
		self->fd = check(open("/", O_RDONLY | O_DIRECTORY));
		break;
	case EVENTFD:
		self->fd = check(eventfd(0, 0));
		break;
	case EPOLL:
		self->fd = check(epoll_create1(0));
		break;
	case DEVICE:
		self->fd = winsock_device;
		break;
	case PATH_ONLY:
		self->fd = check(open("/", O_PATH));
		break;
	}
}

FIXTURE_TEARDOWN(not_a_socket)
{
	close(self->fd);
	close(self->other);
}

TEST_F(not_a_socket, is_recognized_and_stays_open)
{
	/* To closesocket(), as to most calls, O_PATH is not open at all. */
	int error = variant->file == PATH_ONLY ? EBADF : ENOTSOCK;
	struct stat before, after;
	__u32 version = 0;

	ASSERT_EQ(0, fstat(self->fd, &before));
	EXPECT_EQ(-error, ioc_closesocket(self->fd));
	EXPECT_EQ(-error, ioc_closesocket_pending(self->fd, 1));
	ASSERT_EQ(0, fstat(self->fd, &after));
	EXPECT_EQ(before.st_dev, after.st_dev);
	EXPECT_EQ(before.st_ino, after.st_ino);

	EXPECT_EQ(0, ioctl(winsock_device, WINSOCK_IOC_VERSION, &version));
	EXPECT_EQ(WINSOCK_ABI_VERSION, version);
	if (variant->file == PIPE_READ)
		EXPECT_EQ(1, write(self->other, "x", 1));
	if (variant->file == PIPE_WRITE)
		EXPECT_EQ(1, write(self->fd, "x", 1));
}

TEST_HARNESS_MAIN
