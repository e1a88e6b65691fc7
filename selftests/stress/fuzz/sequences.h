/* SPDX-License-Identifier: GPL-2.0 */
/* The files of corpus/ and findings/, made into a table by the Makefile. */
#ifndef WINSOCK_FUZZ_SEQUENCES_H
#define WINSOCK_FUZZ_SEQUENCES_H

/**
 * struct sequence - one file
 * @name: NULL after the last
 * @text: see program.h
 */
struct sequence {
	const char *name;
	const char *text;
};

extern const struct sequence sequences[];

#endif /* WINSOCK_FUZZ_SEQUENCES_H */
