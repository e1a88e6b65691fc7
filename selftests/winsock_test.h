/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every suite needs: a connected pair in a network namespace of its own,
 * a peer that does not drain, a look at the wire, and a peer that reads.
 *
 * Only the raw kernel ABI is used.  Calls under test return 0 or -errno, so
 * that a failed expectation shows the error it got.  Calls that merely set
 * the scene go through check(), which ends the process when they fail.
 */
#ifndef WINSOCK_TEST_H
#define WINSOCK_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/winsock.h>
#include "syscall_nr.h"

/*
 * How long an event may take before its wait counts as failed.  The suites
 * run under an emulator that shares its machine: only "never early" is exact.
 */
#define WAIT_MS		90000

/* A linger interval that no test outlives unless something is wrong. */
#define LINGER_LONG	120
/* "At once" as opposed to LINGER_LONG. */
#define AT_ONCE_MS	20000

/* End the process, and the test with it. */
#define fail(...)	errx(EXIT_FAILURE, __VA_ARGS__)

long check_result(long result, const char *call, const char *file, int line);
#define check(call) check_result((call), #call, __FILE__, __LINE__)

long now_ms(void);

/* Wait for a state of the kernel that has no event to sleep on. */
#define wait_until(condition) do {					\
	long deadline_ = now_ms() + WAIT_MS;				\
	while (!(condition)) {						\
		if (now_ms() > deadline_)				\
			fail("%s:%d: not within %d ms: %s", __FILE__,	\
			     __LINE__, WAIT_MS, #condition);		\
		usleep(1000);						\
	}								\
} while (0)

/* wait_until() for a descriptor that poll(2) can watch. */
void wait_ready(int fd, short events);

/* The calls under test: 0, a descriptor, or -errno. */
extern int winsock_device;
void winsock_open(void);
int winsock_socket(int domain, int type, int protocol);
int winsock_closesocket(int fd);
int winsock_closesocket_pending(int fd, unsigned int pending);
/* A close with a deadline; the second wants its outcome, under this cookie. */
int winsock_close_deadline(int fd, unsigned int ms);
int winsock_close_report(int fd, unsigned int ms, __u64 cookie);
/* The next outcome of this device, when it is there. */
struct winsock_outcome outcome_next(int device);
int winsock_attach(int fd);
/* close(2), as the control */
int native_close(int fd);

/* A namespace with nothing in it but a loopback device of Ethernet's MTU. */
void netns_enter(void);
/* TCP sockets without a descriptor, of all namespaces, not yet closed. */
long orphans(void);
/* A line of /proc/net/winsock_stat, which is this namespace's. */
long winsock_counter(const char *name);
/* How many this process has, and one for looking. */
int open_descriptors(void);
/* Write a line to a file of /proc or /sys. */
void put_line(const char *path, const char *line);

/* In the kernel itself: in use for good. */
bool module_is_built_in(void);
/* Unload and load: 0 or -errno. */
int module_remove(void);
int module_insert(void);
/* References to the module; -1 when it is not there. */
int module_references(void);

/**
 * struct kind - what a test body runs over
 * @family: AF_INET or AF_INET6
 * @attached: made by WINSOCK_IOC_SOCKET; else by socket(2) and not attached
 * @nonblocking: O_NONBLOCK on the socket under test
 * @discards: WINSOCK_SO_RESET_DISCARDS is on (R1)
 */
struct kind {
	int family;
	bool attached;
	bool nonblocking;
	bool discards;
};

int kind_socket(const struct kind *kind, int type);
/* WINSOCK_SO_RESET_DISCARDS: 0 or -errno, and what it is */
int set_reset_discards(int fd, int on);
int get_reset_discards(int fd);

/**
 * struct wire_side - what one end has put on the wire
 * @packets: all of its packets
 * @data: packets with payload
 * @fin: packets with FIN
 * @rst: packets with RST
 * @start: sequence number of its first byte of payload, behind its SYN
 * @end: sequence number after the last byte of payload it has sent
 * @ack: the highest acknowledgment it has sent
 * @window: window field of its last packet, unscaled
 * @edge: right edge of that window, provided @scale is set
 * @scale: its window scale
 */
struct wire_side {
	unsigned int packets;
	unsigned int data;
	unsigned int fin;
	unsigned int rst;
	__u32 start;
	__u32 end;
	__u32 ack;
	__u32 window;
	__u32 edge;
	unsigned int scale;
};

/**
 * struct wire - a capture of one device, one copy of each packet
 * @fd: packet socket
 * @local: port of the socket under test, network order
 * @remote: port of its peer, network order
 * @sent: by the socket under test
 * @received: by the socket under test, that is, sent by its peer
 *
 * The tap is in the sender's own path: a packet that a system call sent is
 * here when the system call returns.
 */
struct wire {
	int fd;
	in_port_t local;
	in_port_t remote;
	struct wire_side sent;
	struct wire_side received;
};

/* Of the loopback device, or another. */
void wire_open(struct wire *wire);
void wire_open_on(struct wire *wire, const char *device);
/* Take in what has passed since the last look, without waiting. */
const struct wire *wire_look(struct wire *wire);
/* Bytes of the socket under test that acknowledgments seen so far cover. */
__u32 wire_acked(struct wire *wire);

/**
 * struct pair - a connection
 * @kind: of the socket under test
 * @fd: the socket under test; tests set it to -1 when it is closed
 * @peer: the other end, a plain Linux socket that blocks
 * @sent: bytes of the pattern that @fd has accepted
 * @wire: their wire
 */
struct pair {
	struct kind kind;
	int fd;
	int peer;
	unsigned long sent;
	struct wire wire;
};

/* Network order. */
in_port_t local_port(int fd);
/* Bind to a port of the loopback address; then listen. */
void bind_loopback(int fd, int family, struct sockaddr_storage *addr,
		   socklen_t *len);
void listen_loopback(int fd, int family, int backlog,
		     struct sockaddr_storage *addr, socklen_t *len);
/* Connect, also a nonblocking socket, and wait for the outcome. */
void connect_to(int fd, const struct sockaddr_storage *addr, socklen_t len);

/* Once both ends are there: wait until they are connected, know their ports. */
void pair_settle(struct pair *pair);
void pair_open(struct pair *pair, const struct kind *kind);
/* The same with a socket from elsewhere, and a peer with so much room. */
void pair_connect(struct pair *pair, const struct kind *kind, int fd,
		  int peer_rcvbuf);
/* The socket under test is the accepted end; an attached listener's child. */
void pair_open_accepted(struct pair *pair, const struct kind *kind);
void pair_close(struct pair *pair);

void set_nonblocking(int fd, bool on);
void set_linger(int fd, int onoff, int seconds);
bool fd_is_open(int fd);
/* Probe each second: it learns of a reset that was lost. */
void keep_alive(int fd);

/* Bytes accepted but not acknowledged, and of these the ones never sent. */
int queued(int fd);
int unsent(int fd);
/* enum of <netinet/tcp.h>, from TCP_INFO */
int tcp_state(int fd);
/*
 * The same for the socket under test, whether or not a descriptor is left:
 * as /proc/net/tcp has it, 0 if the connection is not there at all.
 */
int pair_state(const struct pair *pair);
/* Bytes that it has not read, wherever it is; -1 if it is not there at all. */
int pair_unread(const struct pair *pair);

/* Send the next bytes of the pattern; all of them, waiting if need be. */
void pair_send(struct pair *pair, size_t len);
/* As many bytes as it takes at once; returns how many. */
size_t pair_fill(struct pair *pair);
/* Fill the socket under test until the peer's window is shut. */
void pair_stall(struct pair *pair);
/* Its TCP sees no segment any more, or again. */
void make_deaf(int fd);
void make_hear(int fd);
/* The peer's TCP sees no segment any more; data in flight stay in flight. */
void pair_cut(struct pair *pair);
void pair_mend(struct pair *pair);
/* Cut, then queue data that are all transmitted and never acknowledged. */
void pair_strand(struct pair *pair);

/* What is queued when the close comes. */
enum load {
	LOAD_NONE,
	LOAD_STALLED,	/* pair_stall(): the peer's window is shut */
	LOAD_STRANDED,	/* pair_strand(): all transmitted, none acknowledged */
};

/* Queue a load, then shut down either side, or both, until in this state. */
void pair_arrange(struct pair *pair, enum load load, int state);

enum ending {
	END_NONE,	/* neither came in WAIT_MS */
	END_EOF,
	END_RESET,
};

/**
 * struct received - what a reader got
 * @bytes: how many
 * @intact: they are the pattern from its beginning
 * @ending: and then
 */
struct received {
	unsigned long bytes;
	bool intact;
	enum ending ending;
};

/* Read fd until EOF, reset or time-out. */
struct received receive_all(int fd);
/* Read exactly len bytes, which follow the first skip bytes of the pattern. */
bool receive_pattern(int fd, unsigned long skip, size_t len);
/* Fill buf with the bytes of the pattern from offset on. */
void pattern(void *buf, unsigned long offset, size_t len);

/**
 * struct closer - a close in a thread of its own
 * @thread: for closer_join()
 * @call: winsock_closesocket() or native_close()
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
 * @result: what
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

/* -errno if result is negative */
long result_of(long result);

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

/* A cgroup of one's own; false where cgroup2 is not mounted. */
bool cgroup_make(char *dir, size_t size);
#define NO_CGROUP	"kernel: no cgroup2"
void cgroup_enter(const char *dir, pid_t pid);
/* Returns when all of its tasks are frozen, or none is. */
void cgroup_freeze(const char *dir, bool freeze);

/* A descriptor in a message over a Unix socket: SCM_RIGHTS. */
void rights_send(int via, int fd);
int rights_receive(int via);

/* fork(2); the child does not outlive the test. */
pid_t child_fork(void);
/* The same, of the same descriptors: one more task of this process. */
pid_t clone_files(void);
/* Run the rest of a test in a child process; wait for it, bounded. */
void child_join(pid_t pid);

#endif /* WINSOCK_TEST_H */
