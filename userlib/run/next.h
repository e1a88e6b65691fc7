/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that the preload library replaces, as defined by the next library in
 * the search order: libc or another preload.
 */
#ifndef RUN_NEXT_H
#define RUN_NEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

/**
 * struct run_next - the functions that the program would call without this library
 * @closefrom: NULL where the C library has none
 * @libc_syscall: libc's, whatever else is preloaded
 * @socket_replaced: another preload replaces socket()
 * @close_replaced: another preload replaces close()
 */
struct run_next {
	int (*socket)(int domain, int type, int protocol);
	int (*accept)(int fd, struct sockaddr *addr, socklen_t *len);
	int (*accept4)(int fd, struct sockaddr *addr, socklen_t *len, int flags);
	int (*close)(int fd);
	int (*dup2)(int from, int to);
	int (*dup3)(int from, int to, int flags);
	int (*close_range)(unsigned int first, unsigned int last, int flags);
	void (*closefrom)(int first);
	int (*fclose)(FILE *file);
	int (*prctl)(int option, ...);
	long (*syscall)(long nr, ...);
	long (*libc_syscall)(long nr, ...);
	bool socket_replaced;
	bool close_replaced;
};

/*
 * The first call, made by the constructor, looks them up.  After that it may be called
 * in a signal handler and in a child of vfork(2).
 */
const struct run_next *run_next(void);

#endif
