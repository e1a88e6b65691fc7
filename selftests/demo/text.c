// SPDX-License-Identifier: GPL-2.0
/* The cells of the tables. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

__attribute__((format(printf, 2, 3)))
static const char *put(struct cell *cell, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cell->text, sizeof(cell->text), fmt, ap);
	va_end(ap);
	return cell->text;
}

const char *time_cell(struct cell *cell, long us)
{
	if (us < 0)
		return put(cell, "-");
	if (us < 10000)
		return put(cell, "%.1f ms", us / 1e3);
	if (us < 1000000)
		return put(cell, "%.0f ms", us / 1e3);
	return put(cell, "%.2f s", us / 1e6);
}

const char *size_cell(struct cell *cell, long bytes)
{
	if (bytes < 0)
		return put(cell, "-");
	if (bytes < 10000)
		return put(cell, "%ld", bytes);
	if (bytes < 1000000)
		return put(cell, "%ld k", bytes / 1000);
	return put(cell, "%.1f M", bytes / 1e6);
}

/* A star: after the return. */
const char *wire_cell(struct cell *cell, const struct outcome *outcome)
{
	const char *fin = "", *rst = "";

	if (outcome->queued < 0)
		return put(cell, "-");
	if (outcome->fin)
		fin = outcome->fin_before ? "FIN" : "FIN*";
	if (outcome->rst)
		rst = outcome->rst_before ? "RST" : "RST*";
	if (!*fin && !*rst)
		return put(cell, "none");
	return put(cell, "%s%s%s", fin, *fin && *rst ? " " : "", rst);
}

static int digits(size_t number)
{
	return snprintf(NULL, 0, "%zu", number);
}

int peer_width(void)
{
	return digits(payload.size) + strlen(" ok reset");
}

const char *peer_cell(struct cell *cell, const struct outcome *outcome)
{
	static const char *const endings[] = {
		[END_NONE]	= "open",
		[END_EOF]	= "EOF",
		[END_RESET]	= "reset",
	};

	if (outcome->queued < 0)
		return put(cell, outcome->fd_open ? "(fd open)" : "(fd closed)");
	return put(cell, "%*zu %s %s", digits(payload.size), outcome->bytes,
		   outcome->intact ? "ok" : "BAD", endings[outcome->ending]);
}

const char *result_cell(struct cell *cell, enum side side,
			const struct outcome *outcome)
{
	if (!outcome->done)
		return put(cell, "?");
	if (outcome->result >= 0)
		return put(cell, "%ld", outcome->result);
	return put(cell, "%s", side_error(side, outcome->result));
}

const char *families_cell(int family, bool both)
{
	if (both)
		return "4+6";
	return family == AF_INET6 ? "6" : "4";
}
