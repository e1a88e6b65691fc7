/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each call must return, and what everybody must see afterwards: made from
 * BEHAVIOUR's rows and uapi/winsock.rst, not from the module's code.
 */
#ifndef WINSOCK_FUZZ_MODEL_H
#define WINSOCK_FUZZ_MODEL_H

#include "program.h"

#define FILES_MAX	48
#define FLIGHT_MAX	3
#define WATCHES_MAX	3
#define QUEUE_MAX	3
#define CALLERS		(WHO_CHILD + RACERS_MAX)

/* Callers: WHO_MAIN to WHO_T3, then the racers. */
#define CALLER_RACER	WHO_CHILD

enum model_kind { M_OTHER, M_PATH, M_EPOLL, M_UNIX, M_UDP, M_TCP };

enum model_state {
	S_FRESH,
	S_CONNECTING,
	S_LISTENING,
	S_CONNECTED,	/* with or without FINs under way */
	S_FINISHED,	/* both FINs exchanged */
	S_RESET,	/* by the peer */
};

struct watch {
	int8_t file, slot;
};

/**
 * struct file - an open file
 * @family: of a socket, 0 or 1
 * @seconds: l_linger
 * @peer: the other end, -1 if none
 * @rx: bytes that the peer sent and this end has not read
 * @rx_exact: all of them have arrived; else some may have been lost
 * @err: of a plain socket: what the next call gets after a reset
 * @fin_first: before the reset there was a FIN: Linux shows its readers no error
 * @fin: the peer's FIN comes after @rx
 * @stall: what it sent does not fit in the peer's window
 * @cut: one end does not hear the other any more; data are lost on the way
 * @deaf: the end that does not hear
 * @gone: closed for good
 * @murky: the outcome depends on timing, or is nobody's promise
 * @quiet: the other end was in repair mode: nothing may be heard of it
 * @lingering: closesocket() waits
 * @background: a close with a deadline has something to deliver
 * @silent: processes that have closed it by closesocket() while attached
 * @watches: of an epoll set
 * @queue: of a listener
 */
struct file {
	uint8_t kind, state, family;
	bool attached, nonblock, repair, onoff;
	int seconds;
	int8_t peer;
	long rx;
	bool rx_exact;
	int err;
	bool fin_first, fin, wr_shut, rd_shut, stall, cut, deaf, gone, murky, quiet;
	bool lingering, background;
	bool silent[2];
	struct watch watches[WATCHES_MAX];
	int8_t queue[QUEUE_MAX];
};

/**
 * struct pending - a call that blocks, or did
 * @op: the call
 * @file: where
 * @busy: the caller is in it
 * @ended: it must have returned, with @low to @high
 */
struct pending {
	struct op op;
	int8_t file;
	bool busy, ended;
	long low, high;
};

/**
 * struct model - everything
 * @slot: file by process and slot, -1 if none
 * @child: the second process is there
 * @flight: files in SCM_RIGHTS messages, in order
 * @call: calls by caller
 */
struct model {
	int8_t slot[2][SLOTS];
	bool child;
	int8_t flight[FLIGHT_MAX];
	struct file files[FILES_MAX];
	int count;
	struct pending call[CALLERS];
};

enum how {
	SKIP,		/* do not make this call, the outcome is anybody's */
	RETURNS,	/* @low to @high */
	BLOCKS,
	AS_NATIVE,	/* as socket(2) with the same arguments */
};

struct expect {
	enum how how;
	long low, high;
};

/**
 * struct last - what can still be read from an open connection
 * @judged: something is to be expected at all
 * @low: least number of bytes
 * @high: most
 * @end: 0 nothing more, 1 EOF, 2 reset
 */
struct last {
	bool judged;
	long low, high;
	int end;
};

/* Readable, ended, or reset, as poll(2) has it for a socket that is open. */
struct sight {
	bool judged;
	bool in, rdhup, hup;
};

void model_init(struct model *m);
struct expect model_step(struct model *m, const struct op *op, int caller);
/* A stall or a new descriptor has its outcome from the kernel. */
void model_note(struct model *m, const struct op *op, long result);
struct sight model_sight(const struct model *m, int file);
struct last model_last(const struct model *m, int slot);
/* A number for this call in this situation. */
unsigned int model_feature(const struct model *m, const struct op *op,
			   struct expect e);
bool model_closed_here(const struct model *m, int file);

#endif /* WINSOCK_FUZZ_MODEL_H */
