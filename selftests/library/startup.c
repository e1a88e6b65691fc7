// SPDX-License-Identifier: LGPL-2.1-or-later
/* WSAStartup, WSACleanup, and the device that the library depends on. */
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "suite.h"

#define DEVICE	"/dev/winsock"

/* The library's own descriptor; -1 if it has none. */
static int device_number(void)
{
	char path[64], target[64];
	struct dirent *entry;
	int found = -1;
	ssize_t len;
	DIR *dir;

	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%.16s", entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len == strlen(DEVICE) && !strncmp(target, DEVICE, len))
			found = atoi(entry->d_name);
	}
	closedir(dir);
	return found;
}

/* For this process alone the device is something else. */
static void hide_device(void)
{
	check(unshare(CLONE_NEWNS));
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	check(mount("/dev/null", DEVICE, NULL, MS_BIND, NULL));
}

/* For this process alone there is no device. */
static void remove_device(void)
{
	check(unshare(CLONE_NEWNS));
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	check(mount("none", "/dev", "tmpfs", 0, NULL));
}

static int startup(WORD version)
{
	WSADATA data;

	return WSAStartup(version, &data);
}

/* L2, L21 */
TEST(versions_are_negotiated)
{
	static const struct {
		WORD asked, got;
	} versions[] = {
		{ MAKEWORD(1, 0), MAKEWORD(1, 0) },
		{ MAKEWORD(1, 1), MAKEWORD(1, 1) },
		{ MAKEWORD(1, 9), MAKEWORD(1, 1) },
		{ MAKEWORD(2, 0), MAKEWORD(2, 0) },
		{ MAKEWORD(2, 1), MAKEWORD(2, 1) },
		{ MAKEWORD(2, 2), MAKEWORD(2, 2) },
		{ MAKEWORD(2, 3), MAKEWORD(2, 2) },
		{ MAKEWORD(3, 0), MAKEWORD(2, 2) },
		{ MAKEWORD(255, 255), MAKEWORD(2, 2) },
	};
	WSADATA data;
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		memset(&data, 0xcc, sizeof(data));
		EXPECT_EQ(0, WSAStartup(versions[i].asked, &data));
		EXPECT_EQ(versions[i].got, data.wVersion);
		EXPECT_EQ(MAKEWORD(2, 2), data.wHighVersion);
		EXPECT_NE(0, data.szDescription[0]);
		EXPECT_EQ(LOBYTE(versions[i].got) == 1, !!data.iMaxSockets);
		EXPECT_EQ(LOBYTE(versions[i].got) == 1, !!data.iMaxUdpDg);
		EXPECT_EQ(0, WSACleanup());
	}
}

/* L2 */
TEST(a_refused_startup_does_not_count)
{
	WSADATA data;

	memset(&data, 0xcc, sizeof(data));
	EXPECT_EQ(WSAVERNOTSUPPORTED, WSAStartup(MAKEWORD(0, 0), &data));
	EXPECT_EQ(WSAVERNOTSUPPORTED, WSAStartup(MAKEWORD(0, 2), &data));
	EXPECT_EQ(MAKEWORD(2, 2), data.wVersion);
	EXPECT_EQ(MAKEWORD(2, 2), data.wHighVersion);
	EXPECT_STREQ("Running", data.szSystemStatus);
	EXPECT_EQ(WSAEFAULT, WSAStartup(MAKEWORD(2, 2), NULL));
	EXPECT_FAILS(WSANOTINITIALISED, WSACleanup());
	EXPECT_EQ(-1, device_number());
}

/* L2 */
TEST(startups_are_counted)
{
	SOCKET s;

	start();
	start();
	s = open_socket(AF_INET, SOCK_STREAM);
	EXPECT_WORKS(WSACleanup());
	EXPECT_TRUE(is_open(s));
	open_listener(AF_INET);
	EXPECT_WORKS(WSACleanup());
	EXPECT_FALSE(is_open(s));
	EXPECT_FAILS(WSANOTINITIALISED, WSACleanup());

	/* and it all works again */
	start();
	s = open_socket(AF_INET, SOCK_STREAM);
	EXPECT_WORKS(closesocket(s));
	EXPECT_WORKS(WSACleanup());
}

/* G1 and L1: ahead of every other check, and nothing is touched. */
static void expect_uninitialised(struct __test_metadata *_metadata, SOCKET s)
{
	unsigned char addr[32];
	struct addrinfo *list;
	u_long word = 1;
	unsigned short half;
	char host[8];
	int len = 8;

	EXPECT_FAILS(WSANOTINITIALISED, closesocket(s));
	EXPECT_FAILS(WSANOTINITIALISED, closesocket(INVALID_SOCKET));
	EXPECT_FAILS(WSANOTINITIALISED, socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_FAILS(WSANOTINITIALISED, socket(-1, -1, -1));
	EXPECT_FAILS(WSANOTINITIALISED, bind(s, NULL, 0));
	EXPECT_FAILS(WSANOTINITIALISED, connect(s, NULL, 0));
	EXPECT_FAILS(WSANOTINITIALISED, listen(s, 1));
	EXPECT_FAILS(WSANOTINITIALISED, accept(s, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, shutdown(s, SD_BOTH));
	EXPECT_FAILS(WSANOTINITIALISED, getsockname(s, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, getpeername(s, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED,
		     getsockopt(s, SOL_SOCKET, SO_LINGER, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED,
		     setsockopt(s, SOL_SOCKET, SO_LINGER, NULL, 0));
	EXPECT_FAILS(WSANOTINITIALISED, send(s, "x", 1, 0));
	EXPECT_FAILS(WSANOTINITIALISED, sendto(s, "x", 1, 0, NULL, 0));
	EXPECT_FAILS(WSANOTINITIALISED, recv(s, host, 1, 0));
	EXPECT_FAILS(WSANOTINITIALISED, recvfrom(s, host, 1, 0, NULL, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, ioctlsocket(s, FIONBIO, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, ioctlsocket(s, FIONBIO, &word));
	EXPECT_FAILS(WSANOTINITIALISED, WSAHtonl(s, 1, &word));
	EXPECT_FAILS(WSANOTINITIALISED, WSANtohl(s, 1, NULL));
	EXPECT_FAILS(WSANOTINITIALISED, WSAHtons(s, 1, &half));
	EXPECT_FAILS(WSANOTINITIALISED, WSANtohs(s, 1, NULL));
	EXPECT_EQ(WSANOTINITIALISED, getaddrinfo("::1", "1", NULL, &list));
	EXPECT_EQ(WSANOTINITIALISED,
		  getnameinfo(NULL, 0, host, sizeof(host), NULL, 0, 0));
	EXPECT_EQ(WSANOTINITIALISED, WSAGetLastError());

	/* these work without, as they do on Windows */
	EXPECT_EQ(1, inet_pton(AF_INET6, "::1", addr));
	half = htons(1);
	EXPECT_EQ(0, memcmp(&half, "\0\1", 2));

	EXPECT_TRUE(is_open(s));
	EXPECT_FALSE(is_nonblocking(s));
	EXPECT_EQ(0, syscall(SYS_getsockopt, (int)s, SOL_SOCKET, SO_ACCEPTCONN,
			     addr, &len));
	EXPECT_EQ(0, addr[0]);
}

TEST(before_startup_every_call_fails_and_touches_nothing)
{
	SOCKET s = native_socket(AF_INET, SOCK_STREAM);

	expect_uninitialised(_metadata, s);
}

TEST(after_cleanup_every_call_fails_and_touches_nothing)
{
	SOCKET s;

	start();
	WSACleanup();
	s = native_socket(AF_INET, SOCK_STREAM);
	expect_uninitialised(_metadata, s);
	EXPECT_EQ(-1, device_number());
}

/* G3 */
TEST(without_the_module_startup_fails)
{
	remove_device();
	EXPECT_EQ(WSASYSNOTREADY, startup(MAKEWORD(2, 2)));
	EXPECT_FAILS(WSANOTINITIALISED, WSACleanup());
}

/* G3 */
TEST(a_device_that_speaks_another_language_is_not_used)
{
	int spare = dup(0);

	close(spare);
	hide_device();
	EXPECT_EQ(WSASYSNOTREADY, startup(MAKEWORD(2, 2)));
	/* no descriptor was left behind */
	EXPECT_EQ(spare, dup(0));
}

/* The device's descriptor does not go to other programs. */
TEST(the_device_is_closed_on_exec)
{
	start();
	EXPECT_EQ(FD_CLOEXEC, fcntl(device_number(), F_GETFD));
}

/* Sockets do, as inheritable handles. */
TEST(sockets_are_inherited)
{
	start();
	EXPECT_EQ(0, fcntl((int)open_socket(AF_INET, SOCK_STREAM), F_GETFD));
}

/* L2 */
TEST(the_last_cleanup_closes_every_socket)
{
	struct pair plain, refusing;
	SOCKET fresh, datagram, listener, local, adopted, stranger;
	long sent, before;
	int file;

	start();
	open_pair(&plain, AF_INET);
	open_pair(&refusing, AF_INET6);
	fresh = open_socket(AF_INET, SOCK_STREAM);
	datagram = open_socket(AF_INET6, SOCK_DGRAM);
	local = open_socket(AF_UNIX, SOCK_STREAM);
	listener = open_listener(AF_INET6);
	adopted = native_socket(AF_INET, SOCK_DGRAM);
	EXPECT_FAILS(WSAEWOULDBLOCK, recv(adopted, &file, 1, MSG_DONTWAIT));
	stranger = native_socket(AF_INET, SOCK_STREAM);
	file = open("/dev/null", O_RDONLY);

	sent = fill(plain.s);
	fill(refusing.s);
	set_nonblocking(refusing.s, true);
	set_linger(refusing.s, 1, LONG_TIME);
	set_linger(fresh, 1, LONG_TIME);

	/* The peers are the library's too, but their copies are not. */
	plain.peer = check(dup((int)plain.peer));
	refusing.peer = check(dup((int)refusing.peer));

	before = now_ms();
	EXPECT_WORKS(WSACleanup());
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
	EXPECT_FALSE(is_open(plain.s));
	EXPECT_FALSE(is_open(refusing.s));
	EXPECT_FALSE(is_open(fresh));
	EXPECT_FALSE(is_open(datagram));
	EXPECT_FALSE(is_open(listener));
	EXPECT_FALSE(is_open(local));
	EXPECT_FALSE(is_open(adopted));
	/* what the library never met is none of its business */
	EXPECT_TRUE(is_open(stranger));
	EXPECT_TRUE(is_open(file));

	start();
	EXPECT_EQ(sent, drain(plain.peer));
	EXPECT_EQ(-WSAECONNRESET, drain(refusing.peer));
}

/* L2, I2: a program that mixes close(2) in does not lose another file */
TEST(cleanup_does_not_close_a_reused_descriptor)
{
	SOCKET s[3];
	int i;

	start();
	s[0] = open_socket(AF_INET, SOCK_STREAM);
	s[1] = open_socket(AF_INET, SOCK_DGRAM);
	s[2] = open_socket(AF_INET6, SOCK_STREAM);
	for (i = 0; i < 3; i++)
		native_close(s[i]);
	ASSERT_EQ(s[0], open("/dev/null", O_RDONLY));
	ASSERT_EQ(s[1], native_socket(AF_INET, SOCK_DGRAM));
	ASSERT_EQ(s[2], native_socket(AF_INET, SOCK_STREAM));
	EXPECT_WORKS(WSACleanup());
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(is_open(s[i]));
}

/* Daemons close every descriptor they do not know. */
TEST(a_closed_device_is_opened_again)
{
	SOCKET s;

	start();
	s = open_socket(AF_INET, SOCK_STREAM);
	close(device_number());
	EXPECT_EQ(-1, device_number());
	EXPECT_WORKS(closesocket(s));
	EXPECT_FALSE(is_open(s));
	EXPECT_LE(0, device_number());

	close(device_number());
	EXPECT_WORKS(socket(AF_INET, SOCK_STREAM, 0));
	EXPECT_FAILS(WSAENOTSOCK, closesocket(12345));
}

/* I2 */
TEST(a_file_with_the_devices_descriptor_is_left_alone)
{
	SOCKET s;
	int number, other;

	start();
	s = open_socket(AF_INET, SOCK_STREAM);
	number = device_number();
	other = native_socket(AF_INET, SOCK_STREAM);
	ASSERT_EQ(number, dup2(other, number));
	EXPECT_WORKS(closesocket(s));
	EXPECT_FALSE(is_open(s));
	EXPECT_WORKS(WSACleanup());
	EXPECT_TRUE(is_open(number));
	EXPECT_TRUE(is_open(other));
}

/* The same, while the descriptor is still the library's at WSACleanup. */
TEST(cleanup_leaves_another_files_descriptor_alone)
{
	int number;

	start();
	number = device_number();
	close(number);
	ASSERT_EQ(number, dup(0));
	EXPECT_WORKS(WSACleanup());
	EXPECT_TRUE(is_open(number));
}

/* G3 */
TEST(when_the_device_is_gone_the_handle_is_untouched)
{
	struct pair pair;

	start();
	open_pair(&pair, AF_INET);
	set_linger(pair.s, 1, 0);
	close(device_number());
	remove_device();
	EXPECT_FAILS(WSAENETDOWN, closesocket(pair.s));
	EXPECT_TRUE(is_open(pair.s));
	EXPECT_EQ(1, get_linger(pair.s).l_onoff);
	EXPECT_EQ(4, send(pair.s, "ping", 4, 0));
	EXPECT_FAILS(WSAENETDOWN, socket(AF_INET, SOCK_STREAM, 0));
	/* a file is no socket all the same: but nothing can be asked */
	EXPECT_FAILS(WSAENETDOWN, closesocket(0));
	EXPECT_TRUE(is_open(0));
}

/* L8 */
TEST(a_child_continues_and_does_not_close_the_parents)
{
	struct pair pair;
	pid_t pid;

	start();
	open_pair(&pair, AF_INET);
	set_linger(pair.s, 1, 0);
	pid = fork();
	if (!pid) {
		SOCKET s = socket(AF_INET, SOCK_STREAM, 0);

		if (s == INVALID_SOCKET || closesocket(s))
			_exit(1);
		if (closesocket(pair.s) || is_open(pair.s))
			_exit(2);
		if (WSACleanup() || is_open(pair.peer))
			_exit(3);
		if (WSACleanup() != SOCKET_ERROR)
			_exit(4);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(4, send(pair.s, "ping", 4, 0));
	EXPECT_EQ(4, send(pair.peer, "pong", 4, 0));
	EXPECT_WORKS(closesocket(pair.s));
}

static void *start_and_stop(void *arg)
{
	_Atomic bool *stop = arg;
	WSADATA data;

	while (!*stop) {
		WSAStartup(MAKEWORD(2, 2), &data);
		WSACleanup();
	}
	return NULL;
}

/* L8: no lock is caught in the middle by fork */
TEST(fork_while_other_threads_start_and_stop)
{
	pthread_t thread[2];
	_Atomic bool stop = false;
	int i;
	pid_t pid;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, start_and_stop,
					    (void *)&stop));
	for (i = 0; i < 100; i++) {
		pid = fork();
		if (!pid) {
			SOCKET s;

			alarm(60);
			if (startup(MAKEWORD(2, 2)))
				_exit(1);
			s = socket(AF_INET, SOCK_STREAM, 0);
			if (s == INVALID_SOCKET || closesocket(s))
				_exit(2);
			_exit(0);
		}
		EXPECT_EQ(0, wait_child(pid));
	}
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

static void *fail_elsewhere(void *arg)
{
	int *errors = arg;

	errors[0] = WSAGetLastError();
	closesocket(INVALID_SOCKET);
	errors[1] = WSAGetLastError();
	return NULL;
}

/* L1 */
TEST(the_last_error_is_the_threads_own)
{
	pthread_t thread;
	int errors[2] = { -1, -1 };

	start();
	WSASetLastError(POISON_ERROR);
	ASSERT_EQ(0, pthread_create(&thread, NULL, fail_elsewhere, errors));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, errors[0]);
	EXPECT_EQ(WSAENOTSOCK, errors[1]);
	EXPECT_EQ(POISON_ERROR, WSAGetLastError());
}

TEST_HARNESS_MAIN
