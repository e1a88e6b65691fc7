/* SPDX-License-Identifier: GPL-2.0 */
/* Which code of the module a sequence has run: Documentation/dev-tools/kcov.rst */
#ifndef WINSOCK_FUZZ_KCOV_H
#define WINSOCK_FUZZ_KCOV_H

#include <stdbool.h>

#define KCOV_AREAS	12

/* Before fork(); false if the kernel has no KCOV. */
bool kcov_open(void);
/* This task runs into area number i from now on. */
void kcov_start(int i);
/* Edges of the module that were new, over all areas; empties them. */
int kcov_collect(void);
int kcov_edges(void);

#endif /* WINSOCK_FUZZ_KCOV_H */
