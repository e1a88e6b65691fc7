// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <linux/winsock.h>

#include "check.h"
#include "module.h"

#define MODULE		"winsock"

/* Without a descriptor: threads of some suites count theirs meanwhile. */
bool module_is_built_in(void)
{
	return !access(WINSOCK_DEVICE, F_OK) &&
	       access("/sys/module/" MODULE "/refcnt", F_OK);
}

int module_remove(void)
{
	if (!syscall(SYS_delete_module, MODULE, O_NONBLOCK))
		return 0;
	return errno == ENOENT && module_is_built_in() ? -EWOULDBLOCK : -errno;
}

/* The one given, or else that of a kernel that has it in its tree. */
int module_insert(void)
{
	const char *path = getenv("WINSOCK_KO");
	char installed[PATH_MAX];
	struct utsname name;
	long result;
	int fd;

	if (!path) {
		check(uname(&name));
		snprintf(installed, sizeof(installed),
			 "/lib/modules/%s/kernel/net/winsock/winsock.ko",
			 name.release);
		path = installed;
	}
	fd = check(open(path, O_RDONLY | O_CLOEXEC));
	result = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return result < 0 ? -errno : 0;
}

int module_references(void)
{
	int count = -1;
	FILE *f;

	f = fopen("/sys/module/" MODULE "/refcnt", "r");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &count) != 1)
		count = -1;
	fclose(f);
	return count;
}
