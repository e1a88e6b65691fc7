// SPDX-License-Identifier: GPL-2.0
/* See kcov.h. */
#include "kcov.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kcov.h>

#define WORDS		16384
#define EDGES		65536

static struct {
	int fd;
	unsigned long *words;
} areas[KCOV_AREAS];
static unsigned char seen[EDGES];
static int edges;
static unsigned long module_start, module_end;

static void find_module(void)
{
	unsigned long size, start;
	char line[256], name[64];
	FILE *f = fopen("/proc/modules", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lu %*s %*s %*s %lx", name, &size,
			   &start) == 3 && !strcmp(name, "winsock")) {
			module_start = start;
			module_end = start + size;
		}
	}
	if (f)
		fclose(f);
}

bool kcov_open(void)
{
	int i;

	for (i = 0; i < KCOV_AREAS; i++) {
		areas[i].fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
		if (areas[i].fd < 0 ||
		    ioctl(areas[i].fd, KCOV_INIT_TRACE, WORDS))
			return false;
		areas[i].words = mmap(NULL, WORDS * sizeof(long),
				      PROT_READ | PROT_WRITE, MAP_SHARED,
				      areas[i].fd, 0);
		if (areas[i].words == MAP_FAILED)
			return false;
	}
	find_module();
	return module_start;
}

void kcov_start(int i)
{
	if (module_start)
		ioctl(areas[i].fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

static int add(const unsigned long *words)
{
	unsigned long before = 0, i, n = words[0] < WORDS ? words[0] : WORDS - 1;
	int fresh = 0;

	for (i = 1; i <= n; i++) {
		unsigned long pc = words[i] - module_start, edge;

		if (words[i] < module_start || words[i] >= module_end)
			continue;
		edge = (pc ^ before * 0x9e5) % EDGES;
		before = pc;
		if (!seen[edge]) {
			seen[edge] = 1;
			fresh++;
		}
	}
	return fresh;
}

int kcov_collect(void)
{
	int i, fresh = 0;

	if (!module_start)
		return 0;
	for (i = 0; i < KCOV_AREAS; i++) {
		fresh += add(areas[i].words);
		areas[i].words[0] = 0;
	}
	edges += fresh;
	return fresh;
}

int kcov_edges(void)
{
	return edges;
}
