/* SPDX-License-Identifier: GPL-2.0 */
/* What the storms share; storm.c says what they are. */
#ifndef STORM_H
#define STORM_H

#include <stdint.h>

#include "kselftest.h"
#include "support/cgroup.h"
#include "support/check.h"
#include "support/counters.h"
#include "support/device.h"
#include "support/module.h"
#include "support/netns.h"
#include "support/pair.h"
#include "support/process.h"
#include "support/receive.h"
#include "support/socket.h"
#include "support/thread.h"
#include "support/wire.h"

#define get(var)	__atomic_load_n(&(var), __ATOMIC_SEQ_CST)
#define set(var, val)	__atomic_store_n(&(var), val, __ATOMIC_SEQ_CST)
#define bump(var)	__atomic_add_fetch(&(var), 1, __ATOMIC_SEQ_CST)

/* SEED= and ROUNDS=; what was closed by all tests together. */
extern unsigned long seed;
extern unsigned long rounds;
extern unsigned long *all_closed;

/**
 * struct counts - closesocket() calls by result; shared with child processes
 * @closed: 0
 * @refused: EWOULDBLOCK
 * @interrupted: EINTR
 * @lost: EBADF
 * @no_socket: ENOTSOCK
 * @outstayed: pollers that had not left when closesocket() returned
 * @conn: the last connection's mark
 */
struct counts {
	unsigned long closed;
	unsigned long refused;
	unsigned long interrupted;
	unsigned long lost;
	unsigned long no_socket;
	unsigned long outstayed;
	uint32_t conn;
};

extern struct counts *counts;

/* Threads, and who looks after them. */

/**
 * struct thread - one thread of the storm
 * @id: for pthread_join()
 * @tid: for /proc
 * @role: what it is there for
 * @run: its body
 * @arg: what the body works on
 * @random: state of its generator
 * @doing: the step it is at
 * @steps: how many it has done
 * @done: its body has returned
 * @seen: @steps when the watchdog last saw them change
 * @since: when that was
 */
struct thread {
	pthread_t id;
	pid_t tid;
	const char *role;
	void (*run)(void *arg);
	void *arg;
	uint64_t random;
	const char *doing;
	unsigned long steps;
	bool done;
	unsigned long seen;
	long since;
};

/* The one that runs. */
extern __thread struct thread *me;

struct thread *start(const char *role, void (*run)(void *), void *arg);
void join(struct thread *t);
/* A process begins with its main thread and the watchdog. */
void threads_begin(unsigned int process);
void threads_end(void);
/* A sign of life. */
void step(const char *doing);
uint64_t next_random(uint64_t *state);
unsigned int dice(unsigned int sides);
/* Reports the failure and exits. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The call under test, counted. */
int closesocket(int fd);
void closesocket_ok(int fd);
/* A close with a deadline; counted as a close. */
int close_deadline(int fd, unsigned int ms);
void close_deadline_ok(int fd, unsigned int ms);
/* As system calls return it, or -errno. */
long result(long ret);

/* Connections: pair_open() with its capture is too much for a storm. */

#define SMALL_BUFFER	8192
#define FILL_UP		1048576

/**
 * struct port - a listener to make connections with
 * @fd: the listener
 * @addr: where it listens
 * @len: length of @addr
 */
struct port {
	int fd;
	struct sockaddr_storage addr;
	socklen_t len;
};

int new_socket(bool attached, int type);
void small_buffers(int fd);
void port_open(struct port *port, bool attached, int backlog);
int port_connect(const struct port *port, bool attached);
int port_accept(const struct port *port);
int readable(int fd);
ino_t inode(int fd);
/* Duplicates @fd at the lowest free descriptor in [base, limit); -1 if none is free. */
int dup_in_range(int fd, int base, int limit);

/* Marked data, in records of RECORD bytes. */

#define RECORD	((size_t)64)

/**
 * struct stream - one direction of a connection
 * @conn: its mark
 * @direction: its direction
 * @offset: bytes done so far
 */
struct stream {
	uint32_t conn;
	int direction;
	unsigned long offset;
};

/* Bytes sent, or -errno. */
long stream_send(struct stream *s, int fd, size_t len, int flags);
/* Bytes received and found in order, 0 at the end, or -errno. */
long stream_recv(struct stream *s, int fd, size_t len, int flags);
void stream_send_all(struct stream *s, int fd, size_t len);
void stream_recv_all(struct stream *s, int fd, size_t len);
/* Until the buffers are full or len is through. */
void stream_stuff(struct stream *s, int fd, size_t len);

/* Pipes under reused descriptors (I2) */

/**
 * struct fd_reuse - a thread's pipes
 * @thread: the thread
 * @base: lowest descriptor to use; 0 for any
 * @limit: one past the highest
 * @stop: set to end the thread
 */
struct fd_reuse {
	struct thread *thread;
	int base;
	int limit;
	bool stop;
};

void fd_reuse_start(struct fd_reuse *reuse, int base, int limit);
void fd_reuse_stop(struct fd_reuse *reuse);

/* The storms; each exits on the first failure. */
void storm_closers(void);
void storm_close_race(void);
void storm_cancel_race(unsigned long goal, bool quick);
void storm_sessions(void);
void storm_families(void);
void storm_chaos(void);

#endif /* STORM_H */
