/* SPDX-License-Identifier: GPL-2.0 */
/* A sequence in a process of its own, compared with the model call by call. */
#ifndef WINSOCK_FUZZ_EXECUTE_H
#define WINSOCK_FUZZ_EXECUTE_H

#include "program.h"

#define FEATURES	65536

/**
 * struct verdict - how a sequence went
 * @finding: model and kernel differ; @text says where
 * @calls: how many were made
 * @skipped: calls, by bit, whose outcome the model does not know
 * @at: the call in hand
 * @hurried: see execute()
 * @features: situations it came through, a bit each
 * @done: the process has come to its end
 */
struct verdict {
	bool finding;
	int calls;
	uint32_t skipped;
	int at;
	bool hurried;
	bool done;
	uint8_t features[FEATURES / 8];
	char text[1024];
};

/* Once: a network of its own, and what all sequences share. */
void execute_init(void);
/* @hurried: what takes more than a few seconds counts as hung. */
void execute(const struct program *p, bool hurried, struct verdict *verdict);

#endif /* WINSOCK_FUZZ_EXECUTE_H */
