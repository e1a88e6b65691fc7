/* SPDX-License-Identifier: GPL-2.0 */
/* The bytes of a test, and what a reader makes of them. */
#ifndef WINSOCK_TEST_RECEIVE_H
#define WINSOCK_TEST_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>

enum ending {
	END_NONE,	/* neither came in WAIT_MS */
	END_EOF,
	END_RESET,
};

/**
 * struct received - what a reader got
 * @bytes: how many
 * @intact: they are the pattern from its beginning
 * @ending: how the stream ended
 */
struct received {
	unsigned long bytes;
	bool intact;
	enum ending ending;
};

/* Read fd until EOF, reset or a timeout of WAIT_MS. */
struct received receive_all(int fd);
/* Read exactly len bytes, which follow the first skip bytes of the pattern. */
bool receive_pattern(int fd, unsigned long skip, size_t len);
/* Fill buf with the bytes of the pattern from offset on. */
void pattern(void *buf, unsigned long offset, size_t len);

#endif
