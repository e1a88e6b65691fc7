/* SPDX-License-Identifier: GPL-2.0 */
/* Programs under test, and the plain peers that they talk to. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "cgroup.h"
#include "check.h"
#include "counters.h"
#include "device.h"
#include "module.h"
#include "netns.h"
#include "pair.h"
#include "process.h"
#include "receive.h"
#include "socket.h"
#include "thread.h"
#include "wire.h"

/**
 * struct program - a program that runs beside the test
 * @pid: its process
 * @in: its standard input
 * @out: its standard output and error, taken in as far as @text
 * @text: all it has said, once program_end() has returned
 * @len: of @text
 * @seen: how much of @text the test has taken line by line
 */
struct program {
	pid_t pid;
	int in;
	int out;
	char text[16384];
	size_t len;
	size_t seen;
};

/* program_start(&program, NAME, ARG...), one that was built beside the suite */
#define program_start(program, ...) \
	program_run(program, (const char *const[]){ __VA_ARGS__, NULL })
void program_run(struct program *program, const char *const argv[]);
/* As an argument; good for four of them. */
const char *number(long value);
/* The next line, without its end; valid until the next call. */
const char *program_line(struct program *program);
/* The last number of the next line. */
long program_number(struct program *program);
bool program_running(const struct program *program);
/* Wait for its end; returns the exit status. */
int program_end(struct program *program);
/* After the end: is this one of its lines? */
bool program_said(const struct program *program, const char *line);

/**
 * struct peer - a plain socket, connected to a program over IPv4's loopback
 * @fd: the socket
 * @wire: what the program has sent, and received, from the beginning
 * @listener: of peer_listen()
 */
struct peer {
	int fd;
	struct wire wire;
	int listener;
};

/* Shrinks the default socket buffers of this network namespace. */
void small_buffers(void);
/* Returns the port; @rcvbuf: SO_RCVBUF of the connections, 0 for the default. */
int peer_listen(struct peer *peer, int rcvbuf);
void peer_accept(struct peer *peer);
void peer_connect(struct peer *peer, int port);
/* @rcvbuf: SO_RCVBUF, 0 for the default. */
void peer_connect_room(struct peer *peer, int port, int rcvbuf);
/* Has the program sent a FIN, and no RST so far? */
bool peer_saw_fin(struct peer *peer);

/* The pattern, sent in a thread and then an end. */
struct sender {
	pthread_t thread;
	int fd;
	size_t len;
};

void sender_start(struct sender *sender, int fd, size_t len);
void sender_join(struct sender *sender);

/* All of it, waiting if need be. */
void send_all(int fd, const void *buf, size_t len);
/* Read until EOF, reset or timeout; returns how many bytes. */
size_t read_all(int fd, void *buf, size_t size, enum ending *ending);
/* Read a line, or what comes before the end; returns @line, without the '\n'. */
const char *read_line(int fd, char *line, size_t size);

#endif /* PROGRAM_H */
