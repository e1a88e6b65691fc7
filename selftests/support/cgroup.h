/* SPDX-License-Identifier: GPL-2.0 */
/* cgroups. */
#ifndef WINSOCK_TEST_CGROUP_H
#define WINSOCK_TEST_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A cgroup of one's own; false where cgroup2 is not mounted. */
bool cgroup_make(char *dir, size_t size);
#define NO_CGROUP	"kernel: no cgroup2"
void cgroup_enter(const char *dir, pid_t pid);
/* Returns when all of its tasks are frozen, or none is. */
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
/* Back to where all are; when nobody is in it, it is gone. */
void memcg_leave(const struct memcg *memcg);
/* Write a line to one of its files. */
void memcg_put(const struct memcg *memcg, const char *file, const char *line);
/* Bytes of kernel objects charged to it; the figure may be seconds old. */
long memcg_objects(const struct memcg *memcg);

#endif
