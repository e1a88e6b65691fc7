// SPDX-License-Identifier: GPL-2.0
/* The call under test, and what came of it. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "storm.h"

struct counts *counts;
unsigned long *all_closed;
unsigned long seed;
unsigned long rounds = 1;

/* Before the harness forks, so that all tests add to the same sums. */
static void __attribute__((constructor)) share_counts(void)
{
	const char *value;

	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	all_closed = (unsigned long *)(counts + 1);
	value = getenv("SEED");
	if (value && *value)
		seed = strtoul(value, NULL, 0);
	else
		check(getrandom(&seed, sizeof(uint32_t), 0));
	value = getenv("ROUNDS");
	if (value && atol(value) > 0)
		rounds = atol(value);
}

static int counted(int fd, int err)
{
	switch (err) {
	case 0:
		bump(counts->closed);
		bump(*all_closed);
		break;
	case -EWOULDBLOCK:
		bump(counts->refused);
		break;
	case -EINTR:
		bump(counts->interrupted);
		break;
	case -EBADF:
		bump(counts->lost);
		break;
	case -ENOTSOCK:
		bump(counts->no_socket);
		break;
	default:
		die("%d: %s", fd, strerror(-err));
	}
	return err;
}

int closesocket(int fd)
{
	return counted(fd, ioc_closesocket(fd));
}

int close_deadline(int fd, unsigned int ms)
{
	return counted(fd, ioc_close_deadline(fd, ms));
}

void close_deadline_ok(int fd, unsigned int ms)
{
	int err = close_deadline(fd, ms);

	if (err)
		die("close_deadline(%d): %s", fd, strerror(-err));
}

void closesocket_ok(int fd)
{
	int err = closesocket(fd);

	if (err)
		die("closesocket(%d): %s", fd, strerror(-err));
}

long result(long ret)
{
	return ret < 0 ? -errno : ret;
}
