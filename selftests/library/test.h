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
/* Milliseconds in which something would have happened that must not. */
#define QUIET		150

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
/* bind() to it; returns what name_of() does.  @addr may be NULL. */
socklen_t bind_loopback(SOCKET s, int family, struct sockaddr_storage *addr);
/* Returns an attempt to connect that the listener has no room for. */
SOCKET fill_backlog(SOCKET listener, int family);

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
/* Returns when it has done so for a while, or when *@done is set. */
void wait_asleep(pid_t tid, const atomic_bool *done);
/* waitpid(2); returns the status. */
int wait_child(pid_t pid);

/* How many descriptors are open, of the first NUMBERS. */
#define NUMBERS		1024
int count_descriptors(void);

/* Is the event set, or before @timeout ms are over? */
bool is_set(WSAEVENT event, DWORD timeout);

void say(SOCKET s, const char *text);

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

/* From here on such a system call, with @value as argument @arg, answers @error. */
void fake_answer(int nr, int arg, unsigned int value, unsigned int error);
/* From here on any such system call fails with EPERM. */
void forbid_call(int nr);

/* Signals the calling thread every @ms, with a handler that does nothing. */
struct signaller {
	pthread_t thread;
	pthread_t target;
	int ms;
	atomic_bool stop;
};

extern atomic_int signals_handled;

void signaller_start(struct signaller *signaller, int ms);
void signaller_stop(struct signaller *signaller);

#endif
