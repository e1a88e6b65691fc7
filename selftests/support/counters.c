// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "counters.h"

/* The number behind a format of scanf() in a line of it. */
static long sockstat_number(const char *format)
{
	char line[256];
	long count = -1;
	FILE *f;

	f = fopen("/proc/net/sockstat", "r");
	if (!f)
		fail("/proc/net/sockstat: %s", strerror(errno));
	while (count < 0 && fgets(line, sizeof(line), f))
		sscanf(line, format, &count);
	fclose(f);
	if (count < 0)
		fail("no count in /proc/net/sockstat");
	return count;
}

long orphans(void)
{
	return sockstat_number("TCP: inuse %*d orphan %ld");
}

long sockets_used(void)
{
	return sockstat_number("sockets: used %ld");
}

long winsock_counter(const char *name)
{
	long value = -1, found;
	char line[128], key[64];
	FILE *f;

	f = fopen("/proc/net/winsock_stat", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", key, &found) == 2 &&
		    !strcmp(key, name))
			value = found;
	if (f)
		fclose(f);
	if (value < 0)
		fail("no %s in /proc/net/winsock_stat", name);
	return value;
}

int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		fail("/proc/self/fd: %s", strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* What watches memory can also say what it saw. */
int scaled(int wanted)
{
	if (access("/sys/kernel/debug/kmemleak", F_OK) &&
	    access("/sys/kernel/debug/kcsan", F_OK))
		return wanted;
	printf("# %d instead of %d on this slow kernel\n", wanted / 10, wanted);
	fflush(stdout);
	return wanted / 10;
}
