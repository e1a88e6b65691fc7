// SPDX-License-Identifier: GPL-2.0
/* See group.h. */
#include "group.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CGROUPS		"/sys/fs/cgroup"

void group_name(struct group *group, const char *name, pid_t pid)
{
	snprintf(group->path, sizeof(group->path), CGROUPS "/winsock-%s-%d",
		 name, pid);
}

void group_put(const struct group *group, const char *file, const char *line)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	put_line(path, line);
}

void group_enter(struct group *group, const char *name)
{
	put_line(CGROUPS "/cgroup.subtree_control", "+memory");
	group_name(group, name, getpid());
	check(mkdir(group->path, 0755));
	group_put(group, "cgroup.procs", "0");
}

void group_leave(const struct group *group)
{
	put_line(CGROUPS "/cgroup.procs", "0");
	wait_until(!rmdir(group->path) || errno == ENOENT);
}

long group_objects(const struct group *group)
{
	char path[128], line[128];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.stat", group->path);
	f = fopen(path, "r");
	while (f && value < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "slab %ld", &value);
	if (f)
		fclose(f);
	if (value < 0)
		fail("no slab in %s", path);
	return value;
}

void allow_descriptors(unsigned int number)
{
	struct rlimit limit = { number, number };

	check(setrlimit(RLIMIT_NOFILE, &limit));
}

/* What watches memory can also say what it saw. */
int crowd_size(int wanted)
{
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		return wanted;
	printf("# %d instead of %d on this slow kernel\n", wanted / 10, wanted);
	fflush(stdout);
	return wanted / 10;
}
