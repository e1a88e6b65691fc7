/* SPDX-License-Identifier: GPL-2.0 */
/* What the rows of the benchmark share. */
#ifndef BENCH_H
#define BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

#include "support/check.h"
#include "support/socket.h"

#define ROUNDS 200

/* Ways to have a socket and to close it. */
struct way {
	const char *name;
	bool attached;
	int (*close)(int fd);
};

extern const struct way ways[];
extern const int nr_ways;

/* main.c */
void die(const char *what);
int new_socket(bool attached);
void new_pair(bool attached, int *fd, int *peer);
int new_client(bool attached);
int listener_of(bool attached);
void fill(int fd);
void report(const char *row, const char *way, uint64_t count);
void report_least(const char *row, const char *way, uint64_t least);
int by_close(int fd);
int by_ioctl(int fd);
int by_deadline(int fd);
void new_narrow_pair(bool attached, int *fd, int *peer);

/* close.c, call.c, wait.c, deadline.c: the rows */
void close_rows(void);
void open_rows(int count);
void call_rows(bool attached, bool brief);
void cancellable_rows(void);
void wait_rows(void);
void deadline_rows(bool brief);

/* parallel.c */
int parallel_rows(void);

/* The least of many counts of @statement's instructions. */
#define COUNT(least, statement) do {					\
	uint64_t *min = &(least);					\
	uint64_t before, after;						\
									\
	before = __rdtsc();						\
	statement;							\
	after = __rdtsc();						\
	if (after - before < *min)					\
		*min = after - before;					\
} while (0)

#endif /* BENCH_H */
