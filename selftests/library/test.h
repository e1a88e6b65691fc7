/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's suites share.  They are Winsock programs: everything goes
 * through the library, but what is said to be native.
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <winsock2.h>
#include <ws2tcpip.h>
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

/* A linger interval that no test outlives unless something is wrong. */
#define LONG_TIME	60
/* "At once" as opposed to LONG_TIME, on a slow machine. */
#define AT_ONCE_MS	20000

/* For what only sets the scene: the process ends when it fails. */
long check_call(long result, const char *call, const char *file, int line);
#define check(call) check_call((long)(call), #call, __FILE__, __LINE__)

long now_ms(void);
void start(void);

SOCKET open_socket(int family, int type);
SOCKET open_listener(int family);
/* socket(2) itself: the library has not heard of it. */
SOCKET native_socket(int family, int type);
int native_close(SOCKET s);
bool is_open(SOCKET s);

/* Loopback, with port 0 or that of @s. */
socklen_t loopback(int family, struct sockaddr_storage *addr);
socklen_t name_of(SOCKET s, struct sockaddr_storage *addr);

/**
 * struct pair - a connection
 * @s: the end under test
 * @peer: the other one
 */
struct pair {
	SOCKET s;
	SOCKET peer;
};

void open_pair(struct pair *pair, int family);

/* Does the thread, or the process, sleep in the kernel? */
bool sleeps(pid_t tid);
/* Of a directory; "." and ".." are two. */
int entries(const char *path);

/* poll(2), for as long as a test may take. */
void wait_for(SOCKET s, short events);

void set_nonblocking(SOCKET s, bool nonblocking);
bool is_nonblocking(SOCKET s);
void set_linger(SOCKET s, int onoff, int seconds);
LINGER get_linger(SOCKET s);

/*
 * A pattern that shows lost, doubled and swapped bytes: @len bytes from offset
 * @from on.  fill() sends it until neither side takes any more: TCP then has
 * bytes that it has not sent, and none in flight.  drain() reads it up to the
 * end of file.  Both return how many bytes; drain() the negative error of a
 * reset, and -1 for a wrong byte.
 */
void make_pattern(char *buf, long from, long len);
long fill(SOCKET s);
long drain(SOCKET s);
/* Returns when TCP has bytes that it cannot send, and none in flight. */
void wait_stalled(SOCKET s);

/* drain() in a thread, after a while. */
struct drainer {
	pthread_t thread;
	SOCKET s;
	int delay_ms;
	long result;
};

void drainer_start(struct drainer *drainer, SOCKET s, int delay_ms);
long drainer_join(struct drainer *drainer);

/* Signals the calling thread every @ms, with a handler that does nothing. */
struct pest {
	pthread_t thread;
	pthread_t victim;
	int ms;
	atomic_bool stop;
};

extern atomic_int pest_bites;

void pest_start(struct pest *pest, int ms);
void pest_stop(struct pest *pest);

#endif
