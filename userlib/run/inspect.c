// SPDX-License-Identifier: LGPL-2.1-or-later
/* Detects programs into which no library can be preloaded. */
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "inspect.h"

#define SCRIPTS		4	/* the kernel's limit of nested interpreters */
#define LINE		256

/* Of a program into which the library can be preloaded: as this one has it. */
#if __ELF_NATIVE_CLASS == 64
#define NATIVE_CLASS	ELFCLASS64
#define OTHER_CLASS	"is not a 64-bit program"
#else
#define NATIVE_CLASS	ELFCLASS32
#define OTHER_CLASS	"is not a 32-bit program"
#endif

/* The beginning of a program. */
union head {
	ElfW(Ehdr) elf;
	char text[LINE + 1];
};

static const char *privileged(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return "is a set-user-ID program";
	if (st.st_mode & S_ISGID && st.st_mode & 0010 && st.st_gid != getgid())
		return "is a set-group-ID program";
	if (getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "has file capabilities";
	return NULL;
}

static const char *loader_obstacle(int fd, size_t size, off_t offset)
{
	char path[LINE] = "";
	const char *name;

	if (size >= sizeof(path) || pread(fd, path, size, offset) != (ssize_t)size)
		return NULL;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	/*
	 * s390x's glibc has ld64.so.1.  musl's loader supports LD_PRELOAD, and musl has
	 * all the functions needed.
	 */
	if (strncmp(name, "ld-linux", 8) && strncmp(name, "ld64.so.", 8) &&
	    strncmp(name, "ld-musl-", 8))
		return "is linked with a C library other than glibc and musl";
	return NULL;
}

static const char *elf_obstacle(int fd, const union head *head)
{
	ElfW(Phdr) ph;
	unsigned int i;

	if (head->elf.e_ident[EI_CLASS] != NATIVE_CLASS)
		return OTHER_CLASS;
	for (i = 0; i < head->elf.e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), head->elf.e_phoff + i * sizeof(ph)) != sizeof(ph))
			return NULL;
		if (ph.p_type == PT_INTERP)
			return loader_obstacle(fd, ph.p_filesz, ph.p_offset);
	}
	return "is statically linked";
}

/* The interpreter that the first line of a script names. */
static bool interpreter(const char *head, char *path, size_t size)
{
	const char *at = head + 2;
	size_t len;

	at += strspn(at, " \t");
	len = strcspn(at, " \t\r\n");
	if (!len || len >= size)
		return false;
	memcpy(path, at, len);
	path[len] = '\0';
	return true;
}

const char *run_obstacle(const char *path)
{
	union head head;
	const char *why = NULL;
	char next[LINE];
	int fd, depth;
	ssize_t got;

	for (depth = 0; path && depth < SCRIPTS; depth++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return NULL;
		memset(&head, 0, sizeof(head));
		got = pread(fd, &head, LINE, 0);
		path = NULL;
		if (got > 2 && !memcmp(head.text, "#!", 2)) {
			if (interpreter(head.text, next, sizeof(next)))
				path = next;
		} else if (got >= (ssize_t)sizeof(head.elf) &&
			   !memcmp(head.text, ELFMAG, SELFMAG)) {
			why = privileged(fd);
			if (!why)
				why = elf_obstacle(fd, &head);
		}
		close(fd);
	}
	return why;
}
