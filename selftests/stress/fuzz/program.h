/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sequences of calls, as structures and as text.
 *
 * One call a line: who makes it, unless the main thread does (t1, t2, t3: a
 * thread; child: the forked process; race: at the same time as the other lines
 * of this kind, which are the last ones), its name, its arguments.  Arguments
 * that are 0 or "ok" may be left out at the end.  # begins a comment.
 */
#ifndef WINSOCK_FUZZ_PROGRAM_H
#define WINSOCK_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS		6
#define OPS_MAX		24
#define RACERS_MAX	4
#define ARGS_MAX	6
#define TEXT_MAX	2048

enum who {
	WHO_MAIN,
	WHO_T1,
	WHO_T2,
	WHO_T3,
	WHO_CHILD,
	WHO_RACE,
};

/* Descriptors that no slot holds follow on the slots. */
enum {
	FD_MINUS_ONE = SLOTS,
	FD_HUGE,
	FD_CLOSED,
	FD_DEVICE,
};

enum { HOW_PLAIN, HOW_BORN, HOW_ULP, HOW_CHILD };

enum pointer {
	PTR_OK,
	PTR_NULL,
	PTR_BAD,	/* not mapped */
	PTR_EDGE,	/* the object ends with its page, the next is not mapped */
	PTR_READONLY,
	PTR_UNALIGNED,
	PTR_CROSS,	/* begins in a page, ends in one that is not mapped */
};

enum { KIND_PIPE, KIND_FILE, KIND_EPOLL, KIND_DEVICE, KIND_EVENTFD, KIND_UNIX,
	KIND_PATH };

enum { OPT_LINGER, OPT_DONTLINGER, OPT_OTHER };

enum what {
	OP_SOCKET,	/* slot, family, type, how, mode */
	OP_PAIR,	/* slot, slot of the peer, family, how, mode */
	OP_LISTENER,	/* slot, family, how, mode */
	OP_FILE,	/* slot, kind */
	OP_CLIENT,	/* slot, listener: connect to it */
	OP_ACCEPT,	/* slot, listener */
	OP_CONNECT,	/* socket: to where nobody answers */
	OP_ATTACH,
	OP_LINGER,	/* native SO_LINGER: l_onoff, l_linger */
	OP_SETOPT,	/* SOL_WINSOCK: option, value, length, pointer */
	OP_GETOPT,	/* SOL_WINSOCK: option, length, pointer */
	OP_NONBLOCK,
	OP_SHUTDOWN,
	OP_SEND,
	OP_STALL,	/* fill until the peer's window is shut */
	OP_STRAND,	/* the peer hears nothing any more, then send */
	OP_RECV,
	OP_DRAIN,	/* read all there is and will be */
	OP_RESET,	/* linger {1, 0}, then close(2) */
	OP_CLOSE,	/* close(2) */
	OP_CLOSESOCKET,	/* flags, pending, pad, pointer */
	OP_DEADLINE,	/* close with a deadline: far away, or none */
	OP_DUP,		/* from, to */
	OP_FORK,
	OP_EXIT,	/* of the child */
	OP_PASS,	/* into an SCM_RIGHTS message */
	OP_TAKE,	/* out of it */
	OP_EPOLL,	/* epoll set, what to watch */
	OP_WAIT,	/* epoll_wait() */
	OP_POLL,
	OP_SIGNAL,	/* thread, with or without SA_RESTART */
	OP_REPAIR,
	OP_VERSION,	/* pointer */
	OP_NEWSOCKET,	/* slot, domain, type, protocol, flags, pointer */
	OP_IOCTL,	/* number, pointer */
	__OP_MAX
};

/**
 * struct op - one call
 * @what: enum what
 * @who: enum who
 * @arg: what they mean depends on @what
 */
struct op {
	uint8_t what;
	uint8_t who;
	int arg[ARGS_MAX];
};

/**
 * struct program - a sequence
 * @ops: calls; those of WHO_RACE are the last ones
 * @count: how many
 */
struct program {
	struct op ops[OPS_MAX];
	int count;
};

uint32_t random_below(uint32_t limit);
void random_seed(uint64_t seed);

/* 0, or the number of the line that makes no sense; why is in @error. */
int program_parse(struct program *p, const char *text, const char **error);
void program_print(const struct program *p, char *text, size_t size,
		   const char *separator);
void op_print(const struct op *op, char *text, size_t size);

void program_generate(struct program *p);
void program_mutate(struct program *p, const struct program *other);
void program_remove(struct program *p, int at);
int program_racers(const struct program *p);

#endif /* WINSOCK_FUZZ_PROGRAM_H */
