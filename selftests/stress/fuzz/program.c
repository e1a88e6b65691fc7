// SPDX-License-Identifier: GPL-2.0
/* See program.h. */
#include "program.h"
#include "model.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/winsock.h>

/*
 * What an argument is.  Words are an index into a list; numbers are printed as
 * such and have a list of values worth trying.
 */
struct type {
	char letter;
	const char *words[12];
	int values[20];
	int count;
};

#define LIST(...) .values = { __VA_ARGS__ },				\
		  .count = sizeof((int []){ __VA_ARGS__ }) / sizeof(int)

static const struct type types[] = {
	{ 'd', { "d0", "d1", "d2", "d3", "d4", "d5", "minus1", "huge", "closed",
		 "device" }, LIST(0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4) },
	{ 'f', { "ipv4", "ipv6" }, LIST(0, 1) },
	{ 'y', { "stream", "dgram" }, LIST(0, 1) },
	{ 'a', { "plain", "born", "ulp", "child" }, LIST(0, 1, 1, 2, 3) },
	{ 'm', { "blocking", "nonblocking" }, LIST(0, 1) },
	{ 'p', { "ok", "null", "bad", "edge", "readonly", "unaligned", "cross" },
	  LIST(0, 0, 0, 0, 1, 2, 3, 4, 5, 6) },
	{ 'h', { "rd", "wr", "rdwr" }, LIST(0, 1, 1, 2) },
	{ 'k', { "pipe", "file", "epoll", "device", "eventfd", "unix", "path" },
	  LIST(0, 1, 2, 2, 3, 4, 5, 6) },
	{ 'o', { "linger", "dontlinger", "other" }, LIST(0, 0, 1, 1, 2) },
	{ 't', { "t1", "t2", "t3" }, LIST(0, 0, 1, 2) },
	{ 'r', { "interrupt", "restart" }, LIST(0, 1) },
	{ 'j', { "far", "none" }, LIST(0, 0, 0, 0, 0, 0, 0, 1) },
	{ '0', .words = { NULL }, LIST(0, 1) },
	{ 's', .words = { NULL }, LIST(0, 1, 1, 60, 60, 60) },
	{ 'b', .words = { NULL }, LIST(1, 1, 100, 500) },
	{ 'l', .words = { NULL }, LIST(0, 1, 2, 3, 4, 4, 4, 8, -1) },
	{ 'v', .words = { NULL },
	  LIST(0, 1, 0x10000, 0x10001, 60 << 16 | 1, -1, 0x100, 0xffff) },
	{ 'g', .words = { NULL },
	  LIST(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1) },
	{ 'q', .words = { NULL }, LIST(0, 0, 0, 0, 0, 1, 2, -1) },
	{ 'D', .words = { NULL }, LIST(2, 2, 10, 10, 1, 16, 0, -1) },
	{ 'T', .words = { NULL }, LIST(1, 2, 3, 5, 0x801, 0x80002, 0x1001, 0, -1) },
	{ 'P', .words = { NULL }, LIST(0, 0, 6, 17, 136, 262, 1, -1, 255) },
	{ 'c', .words = { NULL },
	  LIST(_IO('W', 0x80), _IOW('W', 0x80, __u32), _IOWR('W', 0x82, int[4]),
	       _IOW('W', 0x82, int[3]), _IOW('W', 0x82, int[5]),
	       _IOR('W', 0x81, int[4]), _IOW('W', 0x83, int[4]), 0, -1) },
};

/**
 * struct kind - a call's shape
 * @name: in text
 * @args: a letter of types[] each
 * @weight: how often it is generated
 * @threads: may be made by a thread
 * @race: may be made in a race
 */
static const struct kind {
	const char *name;
	const char *args;
	unsigned char weight;
	bool threads, race;
} kinds[__OP_MAX] = {
	[OP_SOCKET]	= { "socket", "dfyam", 4 },
	[OP_PAIR]	= { "pair", "ddfam", 5 },
	[OP_LISTENER]	= { "listener", "dfam", 3 },
	[OP_FILE]	= { "file", "dk", 3 },
	[OP_CLIENT]	= { "client", "dd", 3, false, true },
	[OP_ACCEPT]	= { "accept", "dd", 4, true, true },
	[OP_CONNECT]	= { "connect", "d", 2, true, true },
	[OP_ATTACH]	= { "attach", "d", 3 },
	[OP_LINGER]	= { "linger", "d0s", 16, false, true },
	[OP_SETOPT]	= { "setopt", "dovlp", 6, false, true },
	[OP_GETOPT]	= { "getopt", "dolp", 4, false, true },
	[OP_NONBLOCK]	= { "nonblock", "d0", 5, false, true },
	[OP_SHUTDOWN]	= { "shutdown", "dh", 5, false, true },
	[OP_SEND]	= { "send", "db", 6, true, true },
	[OP_STALL]	= { "stall", "d", 16 },
	[OP_STRAND]	= { "strand", "d", 2 },
	[OP_RECV]	= { "recv", "db", 10, true, true },
	[OP_DRAIN]	= { "drain", "d", 5 },
	[OP_RESET]	= { "reset", "d", 3, false, true },
	[OP_CLOSE]	= { "close", "d", 4, false, true },
	[OP_CLOSESOCKET] = { "closesocket", "dgqgp", 24, true, true },
	[OP_DEADLINE]	= { "deadline", "dj", 12, true, true },
	[OP_DUP]	= { "dup", "dd", 4, false, true },
	[OP_FORK]	= { "fork", "", 2 },
	[OP_EXIT]	= { "exit", "", 1 },
	[OP_PASS]	= { "pass", "d", 2 },
	[OP_TAKE]	= { "take", "d", 2 },
	[OP_EPOLL]	= { "epoll", "dd", 3 },
	[OP_WAIT]	= { "wait", "d", 3, true },
	[OP_POLL]	= { "poll", "d", 3, true, true },
	[OP_SIGNAL]	= { "signal", "tr", 3 },
	[OP_REPAIR]	= { "repair", "d", 1 },
	[OP_VERSION]	= { "version", "p", 1 },
	[OP_NEWSOCKET]	= { "newsocket", "dDTPgp", 2 },
	[OP_IOCTL]	= { "ioctl", "cp", 1 },
};

static const char *const whos[] = {
	[WHO_MAIN] = "", [WHO_T1] = "t1", [WHO_T2] = "t2", [WHO_T3] = "t3",
	[WHO_CHILD] = "child", [WHO_RACE] = "race",
};

static uint64_t random_state = 1;

void random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
}

uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1d >> 33) % limit;
}

static const struct type *type_of(char letter)
{
	const struct type *type = types;

	while (type->letter != letter)
		type++;
	return type;
}

static bool may_make(uint8_t who, uint8_t what)
{
	switch (who) {
	case WHO_MAIN:
		return true;
	case WHO_CHILD:
		return what == OP_CLOSE || what == OP_CLOSESOCKET ||
		       what == OP_DEADLINE ||
		       what == OP_EXIT;
	case WHO_RACE:
		return kinds[what].race;
	default:
		return kinds[what].threads;
	}
}

static int parse_word(const char *const words[], int count, const char *word)
{
	int i;

	for (i = 0; i < count; i++)
		if (words[i] && !strcmp(words[i], word))
			return i;
	return -1;
}

static const char *parse_arg(int *arg, char letter, const char *word)
{
	const struct type *type = type_of(letter);
	char *end;

	if (type->words[0]) {
		*arg = parse_word(type->words, 12, word);
		return *arg < 0 ? "no such word for this argument" : NULL;
	}
	*arg = strtoll(word, &end, 0);
	return *end ? "not a number" : NULL;
}

static const char *parse_op(struct op *op, char *line)
{
	const char *args, *error = NULL;
	char *save, *word = strtok_r(line, " \t", &save);
	int i;

	memset(op, 0, sizeof(*op));
	i = parse_word(whos + 1, WHO_RACE, word);
	if (i >= 0) {
		op->who = i + 1;
		word = strtok_r(NULL, " \t", &save);
	}
	for (i = 0; word && i < __OP_MAX; i++)
		if (!strcmp(kinds[i].name, word))
			break;
	if (!word || i == __OP_MAX)
		return "no such call";
	op->what = i;
	if (op->what == OP_EXIT)
		op->who = WHO_CHILD;
	if (!may_make(op->who, op->what))
		return "not for this caller";
	args = kinds[i].args;
	for (i = 0; !error && args[i]; i++) {
		word = strtok_r(NULL, " \t", &save);
		if (!word)
			break;
		error = parse_arg(&op->arg[i], args[i], word);
	}
	if (!error && strtok_r(NULL, " \t", &save))
		error = "too many arguments";
	if (!error && args[0] == 'd' && i == 0)
		error = "which descriptor?";
	return error;
}

int program_parse(struct program *p, const char *text, const char **error)
{
	char line[256];
	int number = 0;

	p->count = 0;
	*error = NULL;
	while (*text) {
		size_t len = strcspn(text, "\n;#");

		if (text[len] == '#')
			len = strcspn(text, "\n");
		number++;
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		line[strcspn(line, "#\r")] = 0;
		text += len + (text[len] != 0);
		if (!line[strspn(line, " \t")])
			continue;
		if (p->count == OPS_MAX)
			*error = "too many calls";
		else
			*error = parse_op(&p->ops[p->count++], line);
		if (!*error && p->count > 1 &&
		    p->ops[p->count - 2].who == WHO_RACE &&
		    p->ops[p->count - 1].who != WHO_RACE)
			*error = "nothing follows on a race";
		if (!*error && program_racers(p) > RACERS_MAX)
			*error = "too many racers";
		if (*error)
			return number;
	}
	if (p->count)
		return 0;
	*error = "no calls";
	return number + 1;
}

void op_print(const struct op *op, char *text, size_t size)
{
	const char *args = kinds[op->what].args;
	int i, used, last = strlen(args);

	/* The first two may be needed to see what is meant. */
	while (last > 2 && !op->arg[last - 1])
		last--;
	used = snprintf(text, size, "%s%s%s",
			op->what == OP_EXIT ? "" : whos[op->who],
			op->who && op->what != OP_EXIT ? " " : "",
			kinds[op->what].name);
	for (i = 0; i < last && used < size; i++) {
		const struct type *type = type_of(args[i]);

		if (i == 1 && last == 2 && !op->arg[1] && strlen(args) > 2 &&
		    !type->words[0])
			break;
		if (type->words[0])
			used += snprintf(text + used, size - used, " %s",
					 type->words[op->arg[i]]);
		else
			used += snprintf(text + used, size - used,
					 args[i] == 'c' ? " %#x" : " %d",
					 op->arg[i]);
	}
}

void program_print(const struct program *p, char *text, size_t size,
		   const char *separator)
{
	char line[256];
	size_t used = 0;
	int i;

	text[0] = 0;
	for (i = 0; i < p->count && used < size; i++) {
		op_print(&p->ops[i], line, sizeof(line));
		used += snprintf(text + used, size - used, "%s%s", line,
				 separator);
	}
}

int program_racers(const struct program *p)
{
	int i, n = 0;

	for (i = 0; i < p->count; i++)
		n += p->ops[i].who == WHO_RACE;
	return n;
}

void program_remove(struct program *p, int at)
{
	p->count--;
	memmove(&p->ops[at], &p->ops[at + 1],
		(p->count - at) * sizeof(p->ops[0]));
}

static void generate_arg(struct op *op, int at)
{
	const struct type *type = type_of(kinds[op->what].args[at]);

	op->arg[at] = type->values[random_below(type->count)];
	/* Special descriptors and pointers are for a few calls only. */
	if (type->letter == 'd' && !random_below(40))
		op->arg[at] = random_below(FD_DEVICE + 1);
	if (type->letter == 'p' && random_below(3))
		op->arg[at] = PTR_OK;
}

static void generate_op(struct op *op, uint8_t who)
{
	int i, total = 0;

	memset(op, 0, sizeof(*op));
	op->who = who;
	for (i = 0; i < __OP_MAX; i++)
		if (may_make(who, i))
			total += kinds[i].weight;
	total = random_below(total);
	for (i = 0; i < __OP_MAX; i++) {
		if (!may_make(who, i))
			continue;
		total -= kinds[i].weight;
		if (total < 0)
			break;
	}
	op->what = i;
	if (op->what == OP_EXIT)
		op->who = WHO_CHILD;
	for (i = 0; kinds[op->what].args[i]; i++)
		generate_arg(op, i);
}

static uint8_t random_who(void)
{
	uint32_t dice = random_below(20);

	if (dice < 15)
		return WHO_MAIN;
	return dice < 19 ? WHO_T1 + random_below(3) : WHO_CHILD;
}

/* Before the race, if there is one. */
static void insert(struct program *p, const struct op *op)
{
	int end = p->count - program_racers(p), at = end;

	if (p->count == OPS_MAX)
		return;
	if (op->who == WHO_RACE)
		at = p->count;
	else if (end && random_below(2))
		at = random_below(end + 1);
	memmove(&p->ops[at + 1], &p->ops[at],
		(p->count - at) * sizeof(p->ops[0]));
	p->ops[at] = *op;
	p->count++;
}

static void add_racers(struct program *p)
{
	int n = 2 + random_below(3);
	struct op op;

	while (program_racers(p) < n && p->count < OPS_MAX) {
		generate_op(&op, WHO_RACE);
		/* What races is about the same socket, most of the time. */
		if (random_below(3))
			op.arg[op.what == OP_ACCEPT || op.what == OP_CLIENT] = 0;
		insert(p, &op);
	}
}

/* What follows on what is there already: some call whose outcome is known. */
static bool continue_from(struct model *m, struct op *op)
{
	struct model next;
	struct expect e;
	int tries, i;

	for (tries = 0; tries < 20; tries++) {
		generate_op(op, random_who());
		next = *m;
		e = model_step(&next, op, op->who == WHO_CHILD ? WHO_MAIN :
			       op->who);
		if (e.how == SKIP)
			continue;
		/* Nothing to learn from most of these. */
		if ((e.low == -EBADF || e.low == -ENOTSOCK ||
		     (op->what == OP_POLL && e.low == POLLNVAL)) &&
		    random_below(10))
			continue;
		/* Any number will do, the kernel is not here to ask. */
		if (op->what == OP_STALL)
			model_note(&next, op, 20000);
		for (i = 0; i < CALLERS; i++)
			next.call[i].ended = false;
		*m = next;
		return true;
	}
	return false;
}

/* The model after the sequence so far. */
static void follow(struct model *m, const struct program *p)
{
	int i, j;

	model_init(m);
	for (i = 0; i < p->count - program_racers(p); i++) {
		const struct op *op = &p->ops[i];
		struct expect e;

		e = model_step(m, op, op->who == WHO_CHILD ? WHO_MAIN :
			       op->who);
		if (op->what == OP_STALL && e.how != SKIP)
			model_note(m, op, 20000);
		for (j = 0; j < CALLERS; j++)
			m->call[j].ended = false;
	}
}

static void extend(struct program *p, int n)
{
	struct model m;
	struct op op;

	follow(&m, p);
	while (n-- && p->count < OPS_MAX && continue_from(&m, &op)) {
		int at = p->count - program_racers(p);

		memmove(&p->ops[at + 1], &p->ops[at],
			(p->count - at) * sizeof(op));
		p->ops[at] = op;
		p->count++;
	}
}

void program_generate(struct program *p)
{
	struct op op;
	int i;

	p->count = 0;
	memset(&op, 0, sizeof(op));
	op.what = random_below(4) ? OP_PAIR : OP_LISTENER;
	for (i = 0; kinds[op.what].args[i]; i++)
		generate_arg(&op, i);
	op.arg[0] = 0;
	if (op.what == OP_PAIR)
		op.arg[1] = 1;
	else if (op.arg[2] == HOW_CHILD)
		op.arg[2] = HOW_BORN;
	p->ops[p->count++] = op;
	extend(p, 3 + random_below(12));
	if (!random_below(4))
		add_racers(p);
}

static void splice(struct program *p, const struct program *other)
{
	int from = random_below(other->count), i;

	for (i = from; i < other->count && p->count < OPS_MAX; i++)
		if (other->ops[i].who != WHO_RACE ||
		    program_racers(p) < RACERS_MAX)
			insert(p, &other->ops[i]);
}

void program_mutate(struct program *p, const struct program *other)
{
	int times = 1 + random_below(4);
	struct op op;
	int at, args;

	while (times--) {
		at = p->count ? random_below(p->count) : 0;
		switch (random_below(p->count ? 15 : 1)) {
		case 0 ... 4:
			generate_op(&op, random_who());
			insert(p, &op);
			break;
		case 5 ... 6:
			program_remove(p, at);
			break;
		case 7 ... 8:
			args = strlen(kinds[p->ops[at].what].args);
			if (args)
				generate_arg(&p->ops[at], random_below(args));
			break;
		case 9:
			op = p->ops[at];
			if (op.who != WHO_RACE)
				insert(p, &op);
			break;
		case 10:
			splice(p, other);
			break;
		case 11 ... 13:
			extend(p, 1 + random_below(4));
			break;
		default:
			add_racers(p);
		}
	}
	if (!p->count)
		program_generate(p);
}
