// SPDX-License-Identifier: GPL-2.0
/*
 * The first table: a file is sent, and the connection closed in each way.
 *
 * The peer is a thread that reads at the pace of its row and knows nothing of
 * closes.  Packets are captured, not inferred.
 */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "demo.h"

/* What of the file can still be on its way when the close comes. */
#define TAIL_MAX	(256 << 10)
/* The peer's window is a fraction of that, so that most of it is queued. */
#define WINDOW_MIN	4096
#define WINDOW_MAX	(64 << 10)

#define UNREAD		1000
/* A slow peer takes what is queued in so many steps, this long apart. */
#define SLOW_STEPS	16
#define SLOW_PAUSE_MS	25
/* Long enough a silence to say that nothing comes any more. */
#define SILENCE_MS	1000

enum pace {
	READS_SLOWLY,	/* from the close on */
	READS_LATE,	/* half a second after the close began, slowly */
	READS_AFTER,	/* not before the close has returned */
	HAS_READ,	/* all; and its TCP does not answer until the return */
};

/* What comes before the close that is measured. */
enum prelude {
	NOTHING,
	UNREAD_INPUT,
	ANOTHER_DESCRIPTOR,
	NO_SOCKET,
	/* From here on closesocket() has been refused before. */
	REFUSED,
	THEN_DONTLINGER,
	THEN_HARD,
	THEN_SHUTDOWN,
	THEN_BLOCKING,
	THEN_DRAINED,
};

enum end {
	GRACEFUL,	/* everything arrives, then EOF */
	RESET,		/* on the wire before the return */
	GOES_ON,	/* neither FIN nor RST, and the connection works */
	LEFT_ALONE,	/* not a socket, and open as before */
};

#define NO_LINGER	(-1)
/*
 * Timers count ticks, and ticks lag behind the clock while the machine under an
 * emulated one is busy elsewhere: close(2) returns as early.
 */
#define LAG_MS		100

/**
 * struct transfer - one row
 * @id: its number in BEHAVIOUR
 * @linger: seconds, or NO_LINGER
 * @nonblocking: the mode
 * @pace: of the peer
 * @prelude: what comes before
 * @situation: what the reader should know of both
 * @error: promised by closesocket(), NULL for 0
 * @min_ms: not earlier
 * @max_ms: not later
 * @end: of the connection
 */
struct transfer {
	const char *id;
	int linger;
	bool nonblocking;
	enum pace pace;
	enum prelude prelude;
	const char *situation;
	const char *error;
	int min_ms;
	int max_ms;
	enum end end;
};

static const struct transfer rows[] = {
	{ "C1", NO_LINGER, false, READS_SLOWLY, NOTHING, "peer reads slowly",
	  NULL, 0, SOON_MS, GRACEFUL },
	{ "C4", 0, false, READS_AFTER, NOTHING, "peer does not read",
	  NULL, 0, SOON_MS, RESET },
	{ "C8", 9, false, READS_LATE, NOTHING, "peer reads 0.5 s later",
	  NULL, 500, 8900, GRACEFUL },
	{ "C9", 2, false, READS_AFTER, NOTHING, "peer does not read",
	  NULL, 2000 - LAG_MS, 5000, RESET },
	{ "C7", 2, false, HAS_READ, NOTHING, "peer does not answer",
	  NULL, 0, SOON_MS, GRACEFUL },
	{ "C15", 2, true, READS_AFTER, REFUSED, "peer does not read",
	  "WSAEWOULDBLOCK", 0, SOON_MS, GOES_ON },
	{ "C17", 2, true, READS_AFTER, THEN_DONTLINGER, "then: SO_DONTLINGER on",
	  NULL, 0, SOON_MS, GRACEFUL },
	{ "C18", 2, true, READS_AFTER, THEN_HARD, "then: SO_LINGER {1,0}",
	  NULL, 0, SOON_MS, RESET },
	{ "C16", 2, true, READS_AFTER, THEN_SHUTDOWN, "then: shutdown()",
	  NULL, 0, SOON_MS, GRACEFUL },
	{ "C19", 2, true, READS_AFTER, THEN_BLOCKING, "then: FIONBIO 0",
	  NULL, 2000 - LAG_MS, 5000, RESET },
	{ "C20", 2, true, READS_SLOWLY, THEN_DRAINED, "then: peer has read it",
	  NULL, 0, SOON_MS, GRACEFUL },
	{ "U1", NO_LINGER, false, READS_SLOWLY, UNREAD_INPUT,
	  "1000 bytes unread here", NULL, 0, SOON_MS, GRACEFUL },
	{ "G5", 0, false, READS_AFTER, ANOTHER_DESCRIPTOR,
	  "dup() sends the rest", NULL, 0, SOON_MS, GOES_ON },
	{ "G4", NO_LINGER, false, READS_AFTER, NO_SOCKET, "a pipe, not a socket",
	  "WSAENOTSOCK", 0, SOON_MS, LEFT_ALONE },
};

/**
 * struct consumer - the peer
 * @fd: its socket
 * @pace: how it reads
 * @head: how much it reads at once, whatever its pace
 * @silence_ms: after so long without a byte it gives up
 * @paused: posted when it has read @head
 * @go: posted when it may read on
 * @thread: for the join
 * @bytes: that it got
 * @crc: their checksum
 * @ending: what came then
 */
struct consumer {
	int fd;
	enum pace pace;
	size_t head;
	long silence_ms;
	sem_t paused;
	sem_t go;
	pthread_t thread;
	size_t bytes;
	unsigned int crc;
	enum ending ending;
};

static size_t tail_size(void)
{
	return payload.size < TAIL_MAX ? payload.size : TAIL_MAX;
}

static int window_size(void)
{
	size_t size = tail_size() / 4;

	if (size < WINDOW_MIN)
		return WINDOW_MIN;
	return size < WINDOW_MAX ? size : WINDOW_MAX;
}

/* Up to so many bytes; false when nothing more will come. */
static bool read_some(struct consumer *consumer, size_t len)
{
	static __thread unsigned char buf[64 << 10];

	while (len) {
		struct pollfd pfd = { .fd = consumer->fd, .events = POLLIN };
		ssize_t got;

		if (!check(poll(&pfd, 1, consumer->silence_ms)))
			return false;
		got = recv(consumer->fd, buf, len < sizeof(buf) ? len : sizeof(buf),
			   MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got < 0 && errno == ECONNRESET) {
			consumer->ending = END_RESET;
			return false;
		}
		if (!check(got)) {
			consumer->ending = END_EOF;
			return false;
		}
		consumer->crc = crc32_add(consumer->crc, buf, got);
		consumer->bytes += got;
		len -= got;
	}
	return true;
}

static void *read_all(void *arg)
{
	size_t step = tail_size() / SLOW_STEPS + 1;
	struct consumer *consumer = arg;
	bool slow = consumer->pace == READS_SLOWLY || consumer->pace == READS_LATE;

	if (!read_some(consumer, consumer->head))
		return NULL;
	sem_post(&consumer->paused);
	sem_wait(&consumer->go);
	if (consumer->pace == READS_LATE)
		usleep(500000);
	while (read_some(consumer, step))
		if (slow)
			usleep(SLOW_PAUSE_MS * 1000);
	return NULL;
}

static void consumer_start(struct consumer *consumer, int fd,
			   const struct transfer *row)
{
	memset(consumer, 0, sizeof(*consumer));
	consumer->fd = fd;
	consumer->pace = row->pace;
	consumer->head = payload.size - tail_size();
	if (row->pace == HAS_READ)
		consumer->head = payload.size;
	consumer->silence_ms = row->end == GOES_ON ? SILENCE_MS : WAIT_MS;
	sem_init(&consumer->paused, 0, 0);
	sem_init(&consumer->go, 0, 0);
	errno = pthread_create(&consumer->thread, NULL, read_all, consumer);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
}

/* The capture is emptied on the way: a large file would fill it. */
static void send_part(struct pair *pair, enum side side, size_t from, size_t to)
{
	while (from < to) {
		size_t part = to - from < 65536 ? to - from : 65536;
		long sent = side_send(side, pair->fd, payload.data + from, part);

		if (sent < 0)
			fail("send: %s", side_error(side, sent));
		from += sent;
		wire_look(&pair->wire);
	}
}

/* Whatever the peer does not take is in our queue, and stays there. */
static void settle(struct pair *pair, struct consumer *consumer)
{
	sem_wait(&consumer->paused);
	if (consumer->pace == HAS_READ) {
		wait_until(!queued(pair->fd));
		pair_cut(pair);
		return;
	}
	wait_until(queued(pair->fd) == unsent(pair->fd) &&
		   !wire_look(&pair->wire)->received.window);
}

static void send_unread(const struct pair *pair)
{
	char input[UNREAD] = "";
	int there = 0;

	check(send(pair->peer, input, sizeof(input), 0));
	do {
		wait_ready(pair->fd, POLLIN);
		check(ioctl(pair->fd, FIONREAD, &there));
	} while (there < UNREAD);
}

/* The refusal that precedes the ways out of it; false if it was none. */
static bool refuse(struct pair *pair, enum side side, struct outcome *outcome)
{
	long long start = now_us();
	long result = side_close(side, pair->fd);

	outcome->close_us = now_us() - start;
	outcome->result = result;
	wire_look(&pair->wire);
	return side_is_refusal(side, result) && fd_is_open(pair->fd) &&
	       tcp_state(pair->fd) == TCP_ESTABLISHED &&
	       !pair->wire.sent.fin && !pair->wire.sent.rst;
}

static void play_prelude(const struct transfer *row, struct pair *pair,
			 enum side side, struct consumer *consumer)
{
	switch (row->prelude) {
	case THEN_DONTLINGER:
		side_dontlinger(side, pair->fd);
		break;
	case THEN_HARD:
		side_linger(side, pair->fd, 0);
		break;
	case THEN_SHUTDOWN:
		side_shutdown(side, pair->fd);
		break;
	case THEN_BLOCKING:
		side_nonblocking(side, pair->fd, false);
		break;
	case THEN_DRAINED:
		sem_post(&consumer->go);
		wait_until(!queued(pair->fd));
		break;
	default:
		break;
	}
}

static void timed_close(struct pair *pair, enum side side,
			struct outcome *outcome)
{
	long long start = now_us();

	outcome->result = side_close(side, pair->fd);
	outcome->close_us = now_us() - start;
	wire_look(&pair->wire);
	outcome->fin_before = pair->wire.sent.fin;
	outcome->rst_before = pair->wire.sent.rst;
	outcome->fd_open = fd_is_open(pair->fd);
}

/* Everything until the peer has seen the end of it. */
static void close_connection(const struct transfer *row, struct pair *pair,
			     enum side side, struct consumer *consumer,
			     struct outcome *outcome)
{
	outcome->refused = true;
	outcome->queued = queued(pair->fd);
	if (row->prelude > REFUSED && side == BY_CLOSESOCKET)
		outcome->refused = refuse(pair, side, outcome);

	if (outcome->refused) {
		play_prelude(row, pair, side, consumer);
		if (row->prelude == THEN_DRAINED)
			outcome->queued = queued(pair->fd);
		if (row->pace == READS_SLOWLY || row->pace == READS_LATE)
			sem_post(&consumer->go);
		timed_close(pair, side, outcome);
	}
	/* What a connection that nobody reads from does by itself. */
	usleep(100000);
	wire_look(&pair->wire);
	if (row->pace == HAS_READ)
		pair_mend(pair);
}

static void transfer(const struct transfer *row, enum side side, int family,
		     struct outcome *outcome)
{
	struct kind kind = { .family = family };
	struct consumer consumer;
	struct pair pair;
	size_t half = payload.size;
	int room = 4 * TAIL_MAX;
	int other = -1;

	pair_connect(&pair, &kind, side_socket(side, family, SOCK_STREAM),
		     window_size());
	check(setsockopt(pair.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
			 sizeof(room)));
	consumer_start(&consumer, pair.peer, row);
	if (row->linger != NO_LINGER)
		side_linger(side, pair.fd, row->linger);
	if (row->prelude == ANOTHER_DESCRIPTOR) {
		other = check(dup(pair.fd));
		half -= 1000;
	}
	send_part(&pair, side, 0, half);
	if (row->prelude == UNREAD_INPUT)
		send_unread(&pair);
	settle(&pair, &consumer);
	if (row->nonblocking)
		side_nonblocking(side, pair.fd, true);

	close_connection(row, &pair, side, &consumer, outcome);

	if (other >= 0) {
		pair.fd = other;
		send_part(&pair, side, half, payload.size);
	}
	sem_post(&consumer.go);
	errno = pthread_join(consumer.thread, NULL);
	wire_look(&pair.wire);
	outcome->fin = pair.wire.sent.fin;
	outcome->rst = pair.wire.sent.rst;
	outcome->bytes = consumer.bytes;
	outcome->intact = consumer.bytes <= payload.size &&
			  consumer.crc == crc32_add(0, payload.data, consumer.bytes);
	outcome->ending = consumer.ending;
}

static void not_a_socket(enum side side, struct outcome *outcome)
{
	long start;
	int ends[2];

	check(pipe(ends));
	outcome->queued = -1;
	outcome->refused = true;
	start = now_us();
	outcome->result = side_close(side, ends[0]);
	outcome->close_us = now_us() - start;
	/* Open, and still the same pipe. */
	outcome->fd_open = fd_is_open(ends[0]) && write(ends[1], "x", 1) == 1;
}

static void transfer_measure(unsigned int row, enum side side, int family,
			     struct outcome *outcome)
{
	if (rows[row].prelude == NO_SOCKET)
		not_a_socket(side, outcome);
	else
		transfer(&rows[row], side, family, outcome);
}

static void judge_graceful(const struct outcome *outcome,
			   struct complaint *complaint)
{
	if (outcome->rst)
		complain(complaint, "a reset was sent");
	else if (!outcome->fin)
		complain(complaint, "no FIN was sent");
	if (outcome->bytes != payload.size)
		complain(complaint, "the peer got %zu of %zu bytes",
			 outcome->bytes, payload.size);
	if (outcome->ending != END_EOF)
		complain(complaint, "the peer saw no clean end");
}

static void judge_reset(const struct outcome *outcome,
			struct complaint *complaint)
{
	if (!outcome->rst)
		complain(complaint, "no reset was sent");
	else if (!outcome->rst_before)
		complain(complaint, "the reset came after the return");
	if (outcome->ending != END_RESET)
		complain(complaint, "the peer saw no reset");
}

static void judge_goes_on(const struct outcome *outcome,
			  struct complaint *complaint)
{
	if (outcome->fin || outcome->rst)
		complain(complaint, "a %s was sent", outcome->rst ? "reset" : "FIN");
	if (outcome->bytes != payload.size)
		complain(complaint, "the peer got %zu of %zu bytes",
			 outcome->bytes, payload.size);
	if (outcome->ending != END_NONE)
		complain(complaint, "the connection did not stay open");
}

static void transfer_judge(unsigned int index, const struct outcome *outcome,
			   struct complaint *complaint)
{
	const struct transfer *row = &rows[index];

	if (!outcome->refused) {
		complain(complaint, "it was not refused first, or not without effect");
		return;
	}
	complain_about_close(complaint, outcome, row->error, row->min_ms,
			     row->max_ms);
	if (outcome->fd_open != !!row->error)
		complain(complaint, "the descriptor is %s",
			 outcome->fd_open ? "still open" : "closed");
	if (row->end == LEFT_ALONE)
		return;
	if (!outcome->intact)
		complain(complaint, "the peer got wrong bytes");
	switch (row->end) {
	case GRACEFUL:
		judge_graceful(outcome, complaint);
		break;
	case RESET:
		judge_reset(outcome, complaint);
		break;
	default:
		judge_goes_on(outcome, complaint);
		break;
	}
}

static const char *transfer_id(unsigned int row)
{
	return rows[row].id;
}

static void option_cell(struct cell *cell, const struct transfer *row)
{
	if (row->prelude == NO_SOCKET)
		strcpy(cell->text, "-");
	else if (row->linger == NO_LINGER)
		strcpy(cell->text, "DONTLINGER");
	else
		snprintf(cell->text, sizeof(cell->text), "LINGER %d s",
			 row->linger);
}

#define LEFT_FORMAT	"%-4s %-10s %-5s %-3s %6s %-22s"
#define OURS_FORMAT	"%-14s %6s %-4s %-*s"
#define NATIVE_FORMAT	"%6s %-4s %s\n"

static void transfer_heading(void)
{
	printf("\n" LEFT_FORMAT " | " OURS_FORMAT " | " NATIVE_FORMAT,
	       "", "", "", "", "", "", "closesocket()", "", "", peer_width(), "",
	       "close()", "", "");
	printf(LEFT_FORMAT " | " OURS_FORMAT " | " NATIVE_FORMAT,
	       "row", "option", "mode", "IP", "queued", "situation",
	       "returned", "took", "wire", peer_width(), "peer got",
	       "took", "wire", "peer got");
}

static const char *mode(const struct transfer *row)
{
	if (row->prelude == NO_SOCKET)
		return "-";
	return row->nonblocking ? "nonbl" : "block";
}

static void transfer_line(unsigned int index, const char *family,
			  const struct outcome outcomes[SIDES])
{
	const struct outcome *ours = &outcomes[BY_CLOSESOCKET];
	const struct outcome *native = &outcomes[BY_CLOSE];
	const struct transfer *row = &rows[index];
	struct cell option, size, result, time[SIDES], wire[SIDES], peer[SIDES];

	option_cell(&option, row);
	printf(LEFT_FORMAT " | ", row->id, option.text, mode(row), family,
	       size_cell(&size, ours->queued), row->situation);
	printf(OURS_FORMAT " | ", result_cell(&result, BY_CLOSESOCKET, ours),
	       time_cell(&time[0], ours->close_us), wire_cell(&wire[0], ours),
	       peer_width(), peer_cell(&peer[0], ours));
	printf(NATIVE_FORMAT, time_cell(&time[1], native->close_us),
	       wire_cell(&wire[1], native), peer_cell(&peer[1], native));
}

static bool complete(const struct outcome *outcome)
{
	return outcome->bytes == payload.size;
}

/* How much of it fits into a window is a matter of how it was cut to packets. */
static bool transfer_alike(const struct outcome *one,
			   const struct outcome *other)
{
	struct cell wire[2];

	return one->result == other->result && one->fd_open == other->fd_open &&
	       one->refused == other->refused && !one->queued == !other->queued &&
	       complete(one) == complete(other) && one->intact == other->intact &&
	       one->ending == other->ending &&
	       !strcmp(wire_cell(&wire[0], one), wire_cell(&wire[1], other));
}

const struct section transfers = {
	.rows = ARRAY_SIZE(rows),
	.id = transfer_id,
	.heading = transfer_heading,
	.measure = transfer_measure,
	.judge = transfer_judge,
	.line = transfer_line,
	.alike = transfer_alike,
};
