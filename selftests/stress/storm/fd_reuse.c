// SPDX-License-Identifier: GPL-2.0
/* Pipes under recycled numbers (I2) */
#include <fcntl.h>
#include <string.h>

#include "storm.h"

struct kept {
	int fd[2];
	ino_t ino;
};

static void kept_verify(const struct kept *k)
{
	uint64_t token = next_random(&me->random), back = 0;

	if (inode(k->fd[0]) != k->ino || inode(k->fd[1]) != k->ino)
		die("a pipe's number %d or %d is closed or another file's",
		    k->fd[0], k->fd[1]);
	if (write(k->fd[1], &token, sizeof(token)) != sizeof(token) ||
	    read(k->fd[0], &back, sizeof(back)) != sizeof(back) ||
	    token != back)
		die("the pipe at %d and %d does not pass its token on",
		    k->fd[0], k->fd[1]);
}

static void kept_open(struct kept *k, const struct fd_reuse *reuse)
{
	int fd[2], i;

	check(pipe2(fd, O_CLOEXEC | O_NONBLOCK));
	k->ino = inode(fd[0]);
	if (!reuse->base) {
		memcpy(k->fd, fd, sizeof(fd));
		return;
	}
	for (i = 0; i < 2; i++) {
		k->fd[i] = dup_in_range(fd[i], reuse->base, reuse->limit);
		/* No room: the other half, at its first number, will do. */
		if (k->fd[i] < 0)
			k->fd[i] = fd[i];
		else
			check(close(fd[i]));
	}
}

static void keep_pipes(void *arg)
{
	struct fd_reuse *reuse = arg;
	struct kept kept[2];
	unsigned int used = 0, i;

	while (!get(reuse->stop) || used) {
		step("keeping pipes");
		for (i = 0; i < used; i++)
			kept_verify(&kept[i]);
		if (used < ARRAY_SIZE(kept) && !get(reuse->stop) && dice(2)) {
			kept_open(&kept[used++], reuse);
		} else if (used) {
			i = dice(used);
			if (close(kept[i].fd[0]) || close(kept[i].fd[1]))
				die("close of a pipe at %d and %d: %s",
				    kept[i].fd[0], kept[i].fd[1],
				    strerror(errno));
			kept[i] = kept[--used];
		}
		usleep(dice(200));
	}
}

void fd_reuse_start(struct fd_reuse *reuse, int base, int limit)
{
	reuse->base = base;
	reuse->limit = limit;
	reuse->stop = false;
	reuse->thread = start("fd_reuse", keep_pipes, reuse);
}

void fd_reuse_stop(struct fd_reuse *reuse)
{
	set(reuse->stop, true);
	join(reuse->thread);
}
