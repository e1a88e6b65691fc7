/* SPDX-License-Identifier: GPL-2.0 */
/* cgroups. */
#ifndef WINSOCK_TEST_CGROUP_H
#define WINSOCK_TEST_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Makes a cgroup for the test; false where cgroup2 is not mounted. */
bool cgroup_make(char *dir, size_t size);
#define NO_CGROUP	"kernel: no cgroup2"
void cgroup_enter(const char *dir, pid_t pid);
/* Returns once all of its tasks are frozen, or all are thawed. */
void cgroup_freeze(const char *dir, bool freeze);

/**
 * struct memcg - a memory cgroup
 * @path: its directory
 */
struct memcg {
	char path[64];
};

/* Names one; it belongs to a process. */
void memcg_name(struct memcg *memcg, const char *name, pid_t pid);
/* Makes it; the calling process and its children to come are in it. */
void memcg_enter(struct memcg *memcg, const char *name);
/* Moves the caller to the root cgroup, and removes this one once it is empty. */
void memcg_leave(const struct memcg *memcg);
/* Write a line to one of its files. */
void memcg_put(const struct memcg *memcg, const char *file, const char *line);
/* Bytes of kernel objects charged to it; the figure may be seconds old. */
long memcg_objects(const struct memcg *memcg);

#endif
