/* SPDX-License-Identifier: GPL-2.0 */
/* Calls in threads of their own, and whether a task sleeps in one. */
#ifndef WINSOCK_TEST_THREAD_H
#define WINSOCK_TEST_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>
#include "receive.h"
#include "syscall_nr.h"

/**
 * struct closer - a close in a thread of its own
 * @thread: for closer_join()
 * @call: ioc_closesocket() or native_close()
 * @fd: its argument
 * @tid: of the thread, once it runs
 * @done: the call has returned
 * @result: of the call
 * @elapsed_ms: in the call
 * @sleeps: how often it slept in the call
 */
struct closer {
	pthread_t thread;
	int (*call)(int fd);
	int fd;
	pid_t tid;
	bool done;
	int result;
	long elapsed_ms;
	long sleeps;
};

void closer_start(struct closer *closer, int (*call)(int fd), int fd);
/* Returns when the thread sleeps in its call. */
void closer_wait_asleep(const struct closer *closer);
long closer_switches(const struct closer *closer);
bool closer_done(const struct closer *closer);
int closer_join(struct closer *closer);

/* The system call that this task, of whatever process, sleeps in, or -1. */
long task_syscall(pid_t tid);
/* Is this task, of whatever process, asleep in system call nr right now? */
bool task_inside(pid_t tid, long nr);
/* The same of one that may have been woken, to fall asleep again. */
bool task_stays(pid_t tid, long nr);
void task_wait_inside(pid_t tid, long nr);

/**
 * struct call - a system call in a thread of its own
 * @nr: its number, SYS_...
 * @run: makes it; returns what it returned, or -errno
 * @fd: for @run
 * @arg: for @run
 * @tid: of the thread, once it runs
 * @thread: for call_join()
 * @done: @run has returned
 * @result: the return value of @run
 */
struct call {
	long nr;
	long (*run)(struct call *call);
	int fd;
	void *arg;
	pid_t tid;
	pthread_t thread;
	bool done;
	long result;
};

/* One byte in, one byte out, one connection. */
long run_recv(struct call *call);
long run_send(struct call *call);
long run_accept(struct call *call);
/* Two messages of a byte each. */
long run_recvmmsg(struct call *call);

#define CALL_RECV(fd)	{ SYS_recvfrom, run_recv, fd }
#define CALL_SEND(fd)	{ SYS_sendto, run_send, fd }
#define CALL_ACCEPT(fd)	{ SYS_accept4, run_accept, fd }

void call_start(struct call *call);
/* Returns when the thread sleeps in its system call. */
void call_wait_inside(const struct call *call);
/* Start, and be inside when this returns. */
void call_enter(struct call *call);
bool call_inside(const struct call *call);
bool call_stays(const struct call *call);
bool call_done(const struct call *call);
long call_join(struct call *call);

/**
 * struct reader - a peer that reads, in a thread
 * @call: for call_start() and call_join()
 * @closer: task that must be asleep in its close first; 0 for none
 * @got: what it got
 */
struct reader {
	struct call call;
	pid_t closer;
	struct received got;
};

void reader_start(struct reader *reader, int fd, pid_t closer);
struct received reader_join(struct reader *reader);

#endif
