/* SPDX-License-Identifier: GPL-2.0 */
/* A memory cgroup of the test's own, and other means to count what is used. */
#ifndef WINSOCK_GROUP_H
#define WINSOCK_GROUP_H

#include "winsock_test.h"

/**
 * struct group - a memory cgroup
 * @path: its directory
 */
struct group {
	char path[64];
};

/* Names one; it belongs to a process. */
void group_name(struct group *group, const char *name, pid_t pid);
/* Makes it; the calling process and its children to come are in it. */
void group_enter(struct group *group, const char *name);
/* Back to where all are; when nobody is in it, it is gone. */
void group_leave(const struct group *group);
/* Write a line to one of its files. */
void group_put(const struct group *group, const char *file, const char *line);
/* Bytes of kernel objects charged to it; the figure may be seconds old. */
long group_objects(const struct group *group);

void allow_descriptors(unsigned int number);
/* A tenth of what is wanted on a kernel that is slow because it watches. */
int crowd_size(int wanted);

#endif /* WINSOCK_GROUP_H */
