// SPDX-License-Identifier: GPL-2.0
/* Linked into the library that counts: exit.c finds its counters here. */

typedef void at_exit_t(void);

extern at_exit_t *coverage_at_exit __attribute__((weak));
at_exit_t __gcov_dump;

static void __attribute__((constructor)) tell(void)
{
	if (&coverage_at_exit)
		coverage_at_exit = __gcov_dump;
}
