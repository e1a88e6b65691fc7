// SPDX-License-Identifier: LGPL-2.1-or-later
/* winsock-stat: see winsock-stat(1). */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "stat.h"

static const char usage[] =
"Usage: winsock-stat [INTERVAL [COUNT]]\n"
"       winsock-stat -t [COUNT]\n"
"Show the counters of the module winsock in this network namespace: the totals,\n"
"or every INTERVAL seconds the counts per second, COUNT times.\n"
"\n"
"  -t, --trace    print each close in the system as it happens, COUNT of them (root)\n"
"  -h, --help     print this\n"
"      --version  print the version\n";

static unsigned long parse_number(const char *text, const char *name)
{
	unsigned long n;
	char *rest;

	errno = 0;
	n = strtoul(text, &rest, 10);
	if (errno || *rest || *text < '0' || *text > '9' || !n || n > INT_MAX)
		errx(EXIT_FAILURE, "%s is '%s', and must be a number from 1 on", name, text);
	return n;
}

void stat_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return;
	/* A reader that has closed the pipe, such as head(1), is not an error. */
	if (errno == EPIPE)
		exit(EXIT_FAILURE);
	err(EXIT_FAILURE, "cannot write the output");
}

int main(int argc, char *argv[])
{
	static const struct option longer[] = {
		{ "trace", no_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	bool trace = false;
	int c, words;

	while ((c = getopt_long(argc, argv, "th", longer, NULL)) != -1) {
		switch (c) {
		case 't':
			trace = true;
			break;
		case 'h':
			fputs(usage, stdout);
			stat_flush();
			return EXIT_SUCCESS;
		case 'V':
			puts("winsock-stat " VERSION);
			stat_flush();
			return EXIT_SUCCESS;
		default:
			fputs("Try 'winsock-stat --help'.\n", stderr);
			return EXIT_FAILURE;
		}
	}
	words = argc - optind;
	if (words > (trace ? 1 : 2))
		errx(EXIT_FAILURE, "'%s' is one word too many; try 'winsock-stat --help'",
		     argv[argc - 1]);
	argv += optind;

	/* Each line is written as soon as it is complete. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (trace)
		stat_trace(words ? parse_number(argv[0], "COUNT") : 0);
	else
		stat_counters(words ? parse_number(argv[0], "INTERVAL") : 0,
			      words > 1 ? parse_number(argv[1], "COUNT") : 0);
	return EXIT_SUCCESS;
}
