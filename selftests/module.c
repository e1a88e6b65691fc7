// SPDX-License-Identifier: GPL-2.0
/* Unloading the module: refused while anything needs it, clean afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "support/suite.h"

static void __attribute__((constructor)) want_a_module(void)
{
	if (!module_is_built_in())
		return;
	puts("1..0 # SKIP kernel: the module is built in");
	exit(EXIT_SUCCESS);
}

static bool device_exists(void)
{
	struct stat st;

	return !stat(WINSOCK_DEVICE, &st);
}

static void device_close(void)
{
	close(winsock_device);
	winsock_device = -1;
}

FIXTURE(module) {
	struct pair pair;
};

FIXTURE_VARIANT(module) {
	struct kind kind;
};

KINDS_ATTACHED(module);

FIXTURE_SETUP(module)
{
	netns_enter();
	/* Sockets of an earlier test may take a moment to die. */
	wait_until(module_references() == 0);
	winsock_open();
}

FIXTURE_TEARDOWN(module)
{
	if (module_references() < 0)
		EXPECT_EQ(0, module_insert());
}

/* Something holds it now; what, the test says. */
static void expect_in_use(struct __test_metadata *_metadata)
{
	EXPECT_LT(0, module_references());
	EXPECT_EQ(-EWOULDBLOCK, module_remove());
	EXPECT_TRUE(device_exists());
}

/* Nothing holds it: it goes, and comes back as good as new. */
static void expect_free(struct __test_metadata *_metadata,
			const struct kind *kind)
{
	bool installed = !getenv("WINSOCK_KO");
	int fd;

	wait_until(module_references() == 0);
	ASSERT_EQ(0, module_remove());
	EXPECT_FALSE(device_exists());
	/* One that modprobe finds is loaded for whoever asks for it. */
	fd = check(socket(kind->family, SOCK_STREAM, 0));
	EXPECT_EQ(installed ? 0 : -ENOENT, winsock_attach(fd));
	close(fd);

	if (!installed)
		ASSERT_EQ(0, module_insert());
	wait_until(device_exists());
	winsock_open();
	fd = ioc_socket(kind->family, SOCK_STREAM, 0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, ioc_closesocket(fd));
	device_close();
}

TEST_F(module, is_held_by_an_open_device)
{
	__u32 version = 0;

	expect_in_use(_metadata);
	EXPECT_EQ(0, ioctl(winsock_device, WINSOCK_IOC_VERSION, &version));
	EXPECT_EQ(WINSOCK_ABI_VERSION, version);
	device_close();
	expect_free(_metadata, &variant->kind);
}

TEST_F(module, is_held_by_a_socket_made_attached)
{
	int fd = kind_socket(&variant->kind, SOCK_STREAM);

	device_close();
	expect_in_use(_metadata);
	close(fd);
	expect_free(_metadata, &variant->kind);
}

TEST_F(module, is_held_by_a_datagram_socket_made_attached)
{
	int fd = kind_socket(&variant->kind, SOCK_DGRAM);

	device_close();
	expect_in_use(_metadata);
	close(fd);
	expect_free(_metadata, &variant->kind);
}

TEST_F(module, is_held_by_a_socket_attached_later)
{
	int fd = check(socket(variant->kind.family, SOCK_STREAM, 0));

	device_close();
	EXPECT_EQ(0, winsock_attach(fd));
	expect_in_use(_metadata);
	close(fd);
	expect_free(_metadata, &variant->kind);
}

TEST_F(module, is_held_by_an_accepted_child)
{
	struct pair *pair = &self->pair;

	pair_open_accepted(pair, &variant->kind);
	device_close();
	expect_in_use(_metadata);
	pair_send(pair, 5000);
	EXPECT_TRUE(receive_pattern(pair->peer, 0, 5000));
	pair_close(pair);
	expect_free(_metadata, &variant->kind);
}

TEST_F(module, is_not_held_by_children_that_nobody_accepted)
{
	int listener = kind_socket(&variant->kind, SOCK_STREAM);
	struct sockaddr_storage addr;
	socklen_t len;
	int client;

	device_close();
	listen_loopback(listener, variant->kind.family, 1, &addr, &len);
	client = check(socket(variant->kind.family, SOCK_STREAM, 0));
	connect_to(client, &addr, len);
	wait_ready(listener, POLLIN);
	expect_in_use(_metadata);
	close(listener);
	EXPECT_EQ(END_RESET, receive_all(client).ending);
	close(client);
	expect_free(_metadata, &variant->kind);
}

/* C1's tail runs on module text for as long as there are data. */
TEST_F(module, is_held_by_a_closed_socket_until_its_data_are_delivered)
{
	struct pair *pair = &self->pair;

	pair_open(pair, &variant->kind);
	pair_stall(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	device_close();
	expect_in_use(_metadata);
	EXPECT_EQ(TCP_FIN_WAIT1, pair_state(pair));

	expect_eof(_metadata, pair, pair->sent);
	pair_close(pair);
	expect_free(_metadata, &variant->kind);
}

/* C9: no orphan, hence nobody to wait for. */
TEST_F(module, is_free_as_soon_as_a_linger_wait_has_timed_out)
{
	struct pair *pair = &self->pair;

	pair_open(pair, &variant->kind);
	set_linger(pair->fd, 1, 1);
	pair_stall(pair);
	ASSERT_EQ(0, ioc_closesocket(pair->fd));
	pair->fd = -1;
	device_close();
	expect_free(_metadata, &variant->kind);
	pair_close(pair);
}

TEST_F(module, is_not_held_by_plain_sockets)
{
	struct kind plain = { .family = variant->kind.family };
	struct pair *pair = &self->pair;

	pair_open(pair, &plain);
	device_close();
	expect_free(_metadata, &variant->kind);
	pair_send(pair, 5000);
	EXPECT_TRUE(receive_pattern(pair->peer, 0, 5000));
	pair_close(pair);
}

TEST_F(module, is_not_held_by_a_failed_request)
{
	EXPECT_GT(0, ioc_socket(AF_UNIX, SOCK_STREAM, 0));
	EXPECT_GT(0, ioc_socket(-1, SOCK_STREAM, 0));
	EXPECT_GT(0, ioc_closesocket(-1));
	EXPECT_GT(0, ioc_closesocket(winsock_device));
	device_close();
	expect_free(_metadata, &variant->kind);
}

TEST_F(module, can_be_loaded_only_once)
{
	device_close();
	EXPECT_EQ(-EEXIST, module_insert());
	EXPECT_TRUE(device_exists());
	expect_free(_metadata, &variant->kind);
}

TEST_HARNESS_MAIN
