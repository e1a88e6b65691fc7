/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The demonstration: every way to close a socket, by closesocket() and, in the
 * same situation, by close(2), measured and shown side by side.
 *
 * main.c runs rows and judges them, transfer.c has the rows about data, blocked.c
 * those about threads, deadlines.c those about closes with a deadline, side.c what
 * either side calls, text.c the cells.
 */
#ifndef WINSOCK_DEMO_H
#define WINSOCK_DEMO_H

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

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A program that uses the library, and one that knows only Linux. */
enum side {
	BY_CLOSESOCKET,
	BY_CLOSE,
	SIDES
};

#define FAMILIES	2

/* side.c: what each side calls; >= 0, or the negative error of that side. */
void side_start(enum side side);
int side_socket(enum side side, int family, int type);
long side_close(enum side side, int fd);
long side_send(enum side side, int fd, const void *buf, size_t len);
long side_recv(enum side side, int fd, void *buf, size_t len);
long side_recvfrom(enum side side, int fd, void *buf, size_t len);
long side_accept(enum side side, int fd);
long side_connect(enum side side, int fd, const struct sockaddr_storage *addr,
		  socklen_t len);
void side_linger(enum side side, int fd, int seconds);
void side_dontlinger(enum side side, int fd);
void side_nonblocking(enum side side, int fd, bool on);
void side_shutdown(enum side side, int fd);
/* The name of an error as the library has it, or as libc has it. */
const char *side_error(enum side side, long error);
bool side_is_refusal(enum side side, long result);
/* Is there a module for the library to speak to? */
bool side_ready(void);

/**
 * struct payload - what is sent
 * @name: of the file
 * @file_size: its size
 * @data: the file, as many times over as it takes to fill a connection
 * @size: of @data
 */
struct payload {
	const char *name;
	size_t file_size;
	unsigned char *data;
	size_t size;
};

extern struct payload payload;

unsigned int crc32_add(unsigned int crc, const void *buf, size_t len);

/**
 * struct outcome - what was measured in one situation, on one side
 * @done: the measurement came to its end
 * @result: of the close: 0 or a negative error
 * @close_us: how long it took
 * @refused: an earlier closesocket() was refused and changed nothing
 * @fd_open: the descriptor is there after the close
 * @queued: bytes not acknowledged when it began; -1 if there is no connection
 * @fin_before: packets with FIN that were on the wire when it returned
 * @rst_before: the same with RST
 * @fin: packets with FIN in all
 * @rst: packets with RST in all
 * @bytes: that the peer got
 * @intact: their checksum is that of the same part of the payload
 * @ending: and then the peer got
 * @threads: that sat in a call
 * @out: how many of them came out in time
 * @out_us: when the last of these did
 * @error: what these got
 * @other: what the other end sees now
 * @kept: descriptors of closed connections
 * @wakeups: how often the process slept until all of these were over; -1: not known
 */
struct outcome {
	bool done;
	long result;
	long close_us;
	bool refused;
	bool fd_open;
	long queued;
	unsigned int fin_before;
	unsigned int rst_before;
	unsigned int fin;
	unsigned int rst;
	size_t bytes;
	bool intact;
	enum ending ending;
	int threads;
	int out;
	long out_us;
	char error[24];
	char other[24];
	int kept;
	int wakeups;
};

/* "At once", on a busy machine, as opposed to the shortest interval, 2 s. */
#define SOON_MS		1500

/* What goes against a promise: one line, empty if nothing does. */
struct complaint {
	char text[256];
};

__attribute__((format(printf, 2, 3)))
void complain(struct complaint *complaint, const char *fmt, ...);
void complain_about_close(struct complaint *complaint,
			  const struct outcome *outcome, const char *error,
			  int min_ms, int max_ms);

/* text.c: cells; each returns its buffer. */
struct cell {
	char text[64];
};

const char *time_cell(struct cell *cell, long us);
const char *size_cell(struct cell *cell, long bytes);
const char *wire_cell(struct cell *cell, const struct outcome *outcome);
const char *peer_cell(struct cell *cell, const struct outcome *outcome);
const char *result_cell(struct cell *cell, enum side side,
			const struct outcome *outcome);
int peer_width(void);
/* "4+6" if both families are shown in one line */
const char *families_cell(int family, bool both);

/**
 * struct section - a table of the demonstration
 * @rows: how many rows
 * @id: BEHAVIOUR's number of a row
 * @heading: print title and column heads
 * @measure: in a namespace of its own: set the scene, close, look
 * @judge: the outcome of closesocket() against the promise
 * @line: print one line
 * @alike: may two families share a line?  Times are not compared.
 */
struct section {
	unsigned int rows;
	const char *(*id)(unsigned int row);
	void (*heading)(void);
	void (*measure)(unsigned int row, enum side side, int family,
			struct outcome *outcome);
	void (*judge)(unsigned int row, const struct outcome *outcome,
		      struct complaint *complaint);
	void (*line)(unsigned int row, const char *family,
		     const struct outcome outcomes[SIDES]);
	bool (*alike)(const struct outcome *one, const struct outcome *other);
};

extern const struct section transfers;
extern const struct section blocked_calls;
extern const struct section deadlines;

#endif /* WINSOCK_DEMO_H */
