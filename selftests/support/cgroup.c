// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "cgroup.h"
#include "check.h"

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

void memcg_name(struct memcg *memcg, const char *name, pid_t pid)
{
	snprintf(memcg->path, sizeof(memcg->path), CGROUPS "/winsock-%s-%d",
		 name, pid);
}

void memcg_put(const struct memcg *memcg, const char *file, const char *line)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", memcg->path, file);
	put_line(path, line);
}

void memcg_enter(struct memcg *memcg, const char *name)
{
	put_line(CGROUPS "/cgroup.subtree_control", "+memory");
	memcg_name(memcg, name, getpid());
	check(mkdir(memcg->path, 0755));
	memcg_put(memcg, "cgroup.procs", "0");
}

void memcg_leave(const struct memcg *memcg)
{
	put_line(CGROUPS "/cgroup.procs", "0");
	wait_until(!rmdir(memcg->path) || errno == ENOENT);
}

long memcg_objects(const struct memcg *memcg)
{
	char path[128], line[128];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.stat", memcg->path);
	f = fopen(path, "r");
	while (f && value < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "slab %ld", &value);
	if (f)
		fclose(f);
	if (value < 0)
		fail("no slab in %s", path);
	return value;
}
