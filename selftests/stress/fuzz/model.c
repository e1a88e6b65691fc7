// SPDX-License-Identifier: GPL-2.0
/* See model.h.  Row numbers are BEHAVIOUR's. */
#include "model.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <linux/winsock.h>

/* So much fits in any window of the executor's sockets. */
#define WINDOW		4000

static const struct expect skip = { .how = SKIP };
static const struct expect blocks = { .how = BLOCKS };

static struct expect returns(long value)
{
	return (struct expect){ RETURNS, value, value };
}

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	memset(m->slot, -1, sizeof(m->slot));
	memset(m->flight, -1, sizeof(m->flight));
}

static bool is_socket(const struct file *f)
{
	return f->kind >= M_UNIX;
}

static int process_of(const struct op *op)
{
	return op->who == WHO_CHILD;
}

/* The file behind a descriptor, or NULL. */
static struct file *look_up(struct model *m, int process, int fd)
{
	if (fd >= SLOTS || m->slot[process][fd] < 0)
		return NULL;
	return &m->files[m->slot[process][fd]];
}

static int index_of(const struct model *m, const struct file *f)
{
	return f - m->files;
}

static struct file *peer_of(struct model *m, const struct file *f)
{
	return f->peer < 0 ? NULL : &m->files[f->peer];
}

static struct file *new_file(struct model *m, int kind)
{
	struct file *f = &m->files[m->count++];

	memset(f, 0, sizeof(*f));
	memset(f->queue, -1, sizeof(f->queue));
	memset(f->watches, -1, sizeof(f->watches));
	f->kind = kind;
	f->peer = -1;
	f->rx_exact = true;
	return f;
}

static bool room_for(const struct model *m, int files)
{
	return m->count + files <= FILES_MAX;
}

static bool is_free(const struct model *m, int fd)
{
	int i;

	if (fd >= SLOTS || m->slot[0][fd] >= 0)
		return false;
	/* A lingering close has the number reserved. */
	for (i = 0; i < CALLERS; i++)
		if (m->call[i].busy && m->call[i].op.what == OP_CLOSESOCKET &&
		    m->call[i].op.arg[0] == fd)
			return false;
	return true;
}

static int descriptors(const struct model *m, int process, int file)
{
	int i, n = 0;

	for (i = 0; i < SLOTS; i++)
		n += m->slot[process][i] == file;
	return n;
}

static int all_descriptors(const struct model *m, int file)
{
	int i, n = descriptors(m, 0, file) + descriptors(m, 1, file);

	for (i = 0; i < FLIGHT_MAX; i++)
		n += m->flight[i] == file;
	return n;
}

static int calls_in(const struct model *m, int file, bool polls)
{
	int i, n = 0;

	for (i = 0; i < CALLERS; i++)
		n += m->call[i].busy && m->call[i].file == file &&
		     (m->call[i].op.what == OP_POLL) == polls;
	return n;
}

static bool is_called(const struct model *m, int file, int what)
{
	int i;

	for (i = 0; i < CALLERS; i++)
		if (m->call[i].busy && m->call[i].file == file &&
		    m->call[i].op.what == what)
			return true;
	return false;
}

static bool is_watched(const struct model *m, int file)
{
	int i, j;

	for (i = 0; i < m->count; i++)
		for (j = 0; j < WATCHES_MAX; j++)
			if (m->files[i].kind == M_EPOLL &&
			    m->files[i].watches[j].file == file)
				return true;
	return false;
}

/* What comes for the one call may be gone before the other has looked. */
static bool contended(const struct model *m, int file)
{
	int i, watchers = calls_in(m, file, true);

	for (i = 0; i < CALLERS; i++)
		watchers += m->call[i].busy && m->call[i].op.what == OP_WAIT;
	return calls_in(m, file, false) && watchers;
}

/* P9, P10: this process has given it up. */
bool model_closed_here(const struct model *m, int file)
{
	return m->files[file].silent[0] && !descriptors(m, 0, file);
}

/* D of BEHAVIOUR: sent, not acknowledged. */
static bool has_data(const struct file *f)
{
	return f->stall || (f->cut && !f->deaf);
}

static bool fin_is_there(struct model *m, const struct file *f)
{
	const struct file *peer = peer_of(m, f);

	return f->fin && peer && !peer->stall && !(f->cut && f->deaf);
}

static bool readable(struct model *m, const struct file *f)
{
	switch (f->state) {
	case S_LISTENING:
		return f->queue[0] >= 0;
	case S_CONNECTED:
		return f->rx || fin_is_there(m, f) || f->rd_shut;
	case S_FINISHED:
	case S_RESET:
		return true;
	default:
		return false;
	}
}

/* Calls that can go on now do. */

static void end_call(struct pending *call, long low, long high)
{
	call->busy = false;
	call->ended = true;
	call->low = low;
	call->high = high;
}

static void both_finished(struct model *m, struct file *f)
{
	struct file *peer = peer_of(m, f);

	if (!peer || f->state != S_CONNECTED || peer->state != S_CONNECTED ||
	    !f->wr_shut || !peer->wr_shut || f->stall || peer->stall || f->cut)
		return;
	f->state = S_FINISHED;
	peer->state = S_FINISHED;
}

static void send_fin(struct model *m, struct file *f)
{
	struct file *peer = peer_of(m, f);

	f->wr_shut = true;
	if (peer)
		peer->fin = true;
	both_finished(m, f);
}

static void get_reset(struct model *m, struct file *f)
{
	struct file *peer = peer_of(m, f);

	if (f->gone || f->state != S_CONNECTED)
		return;
	if (f->cut && f->deaf)
		return;
	f->fin_first = fin_is_there(m, f);
	f->err = f->fin_first && !f->wr_shut ? EPIPE : ECONNRESET;
	if (peer && peer->stall)
		f->rx_exact = false;
	f->stall = false;
	f->state = S_RESET;
}

static long reset_error(const struct file *f)
{
	return f->attached ? -ECONNRESET : -f->err;
}

/* The other end is told by RST; what this end had queued is lost. */
static void abort_connection(struct model *m, struct file *f)
{
	struct file *peer = peer_of(m, f);

	if (peer && f->state == S_CONNECTED)
		get_reset(m, peer);
	f->gone = true;
}

/* U1: what was not read does not turn it into a reset. */
static void close_gracefully(struct model *m, struct file *f)
{
	struct file *peer = peer_of(m, f);

	f->gone = true;
	if (f->state != S_CONNECTED)
		return;
	/* What the peer has still to send will be answered by RST (U2). */
	if (peer && peer->stall)
		peer->murky = true;
	f->rx = 0;
	if (!f->wr_shut)
		send_fin(m, f);
}

/* Nobody waits for it any more. */
static void end_lingering(struct model *m, struct file *f)
{
	f->lingering = false;
	f->background = false;
	f->gone = true;
	f->rx = 0;
	both_finished(m, f);
}

static long accept_one(struct model *m, struct file *listener, int slot)
{
	struct file *f = &m->files[listener->queue[0]];

	memmove(listener->queue, listener->queue + 1, QUEUE_MAX - 1);
	listener->queue[QUEUE_MAX - 1] = -1;
	f->attached = listener->attached;		/* O8 */
	m->slot[0][slot] = index_of(m, f);
	return 0;
}

static long take_bytes(struct file *f, int wanted)
{
	long n = f->rx < wanted ? f->rx : wanted;

	f->rx -= n;
	return n;
}

static void send_bytes(struct model *m, struct file *f, int n)
{
	struct file *peer = peer_of(m, f);

	/* U2 */
	if (peer->gone)
		get_reset(m, f);
	else
		peer->rx += n;
}

static bool set_is_ready(struct model *m, const struct file *set)
{
	int i;

	for (i = 0; i < WATCHES_MAX; i++) {
		const struct file *f = &m->files[set->watches[i].file];

		/* P9 of the last one; while others have it, what is true. */
		if (set->watches[i].file < 0 || f->gone ||
		    (model_closed_here(m, set->watches[i].file) &&
		     !descriptors(m, 1, set->watches[i].file)))
			continue;
		/* TCP reports a hang-up before there is a connection. */
		if (readable(m, f) || (f->kind == M_TCP && f->state == S_FRESH))
			return true;
	}
	return false;
}

/* R1, and Linux's own rule: the error is told once. */
static void end_by_reset(struct model *m, struct pending *call, long at_end)
{
	struct file *f = &m->files[call->file];
	long error = f->attached || f->err ? reset_error(f) : at_end;

	end_call(call, error, error);
	f->err = 0;
}

/* What the number means by now that a call in the kernel was made with. */
static int file_by_now(const struct model *m, const struct pending *call)
{
	return m->slot[0][call->op.arg[call->op.what == OP_ACCEPT]];
}

/* Woken, poll(2) looks its number up anew. */
static void poll_again(struct model *m, struct pending *call)
{
	int file = file_by_now(m, call);

	if (file < 0)
		end_call(call, POLLNVAL, POLLNVAL);
	else if (readable(m, &m->files[file]))
		end_call(call, POLLIN, POLLIN);
}

static void go_on(struct model *m, struct pending *call)
{
	struct file *f = &m->files[call->file];
	long n;

	switch (call->op.what) {
	case OP_RECV:
		if (f->state == S_RESET && (f->attached || !f->rx)) {
			end_by_reset(m, call, 0);
		} else if (readable(m, f) && f->kind == M_TCP) {
			n = take_bytes(f, call->op.arg[1]);
			end_call(call, n, n);
		}
		break;
	case OP_ACCEPT:
		if (f->queue[0] >= 0) {
			accept_one(m, f, call->op.arg[0]);
			end_call(call, 0, 0);
		}
		break;
	case OP_SEND:
		if (f->state == S_RESET) {
			end_by_reset(m, call, -EPIPE);
		} else if (f->wr_shut) {
			end_call(call, -EPIPE, -EPIPE);
		} else if (!f->stall) {
			send_bytes(m, f, call->op.arg[1]);
			end_call(call, call->op.arg[1], call->op.arg[1]);
		}
		break;
	case OP_POLL:
		if (readable(m, f))
			poll_again(m, call);
		break;
	case OP_WAIT:
		if (set_is_ready(m, f))
			end_call(call, 1, 1);
		break;
	case OP_CLOSESOCKET:
		/* C8, C10 */
		if (f->state == S_RESET || !has_data(f)) {
			end_lingering(m, f);
			end_call(call, 0, 0);
		}
		break;
	}
}

static void stir(struct model *m)
{
	int i;

	/* T2, T4 */
	for (i = 0; i < m->count; i++) {
		struct file *f = &m->files[i];

		if (f->background && (f->state == S_RESET || !has_data(f)))
			end_lingering(m, f);
	}
	for (i = 0; i < CALLERS; i++)
		if (m->call[i].busy)
			go_on(m, &m->call[i]);
	/* What one sent, another may receive. */
	for (i = 0; i < CALLERS; i++)
		if (m->call[i].busy)
			go_on(m, &m->call[i]);
}

static struct expect block(struct model *m, const struct op *op, int caller,
			   const struct file *f)
{
	if (caller == WHO_MAIN)
		return skip;
	/* Of two in a plain connection, one is told of a reset: which? */
	if (!f->attached && f->state == S_CONNECTED &&
	    calls_in(m, index_of(m, f), false))
		return skip;
	m->call[caller] = (struct pending){
		.op = *op,
		.file = index_of(m, f),
		.busy = true,
	};
	return blocks;
}

/* Closing */

/* close(2) and exit of the last descriptor: Linux's own rules. */
static bool close_natively(struct model *m, struct file *f, bool exiting)
{
	int i;

	if (f->kind == M_TCP && f->repair) {
		f->gone = true;
		return true;
	}
	switch (f->state) {
	case S_LISTENING:
		for (i = 0; i < QUEUE_MAX; i++)
			if (f->queue[i] >= 0)
				abort_connection(m, &m->files[f->queue[i]]);
		f->gone = true;
		return true;
	case S_CONNECTED:
		break;
	default:
		f->gone = true;
		return true;
	}
	if (f->onoff && f->seconds && has_data(f) && !f->rx && !exiting)
		return false;	/* would wait */
	/* How much of what a stalled peer sent is here, and unread? */
	if (f->murky)
		return false;
	if (f->rx || (f->onoff && !f->seconds))
		abort_connection(m, f);
	else
		close_gracefully(m, f);
	return true;
}

/* Drop a descriptor as close(2) does; false if it would wait. */
static bool drop(struct model *m, int process, int fd, bool exiting)
{
	int file = m->slot[process][fd];
	struct file *f = &m->files[file];

	if (all_descriptors(m, file) == 1) {
		if (calls_in(m, file, true) || calls_in(m, file, false))
			return false;
		if (!close_natively(m, f, exiting))
			return false;
	}
	m->slot[process][fd] = -1;
	return true;
}

/* The rows of "Connected, Last", as they stand there. */
static struct expect carry_out(struct model *m, const struct op *op, int caller,
			       struct file *f)
{
	if (f->state != S_CONNECTED || f->repair) {	/* N1 - N5 */
		close_natively(m, f, false);
		return returns(0);
	}
	if (!f->onoff) {				/* C1, C3 */
		close_gracefully(m, f);
	} else if (!f->seconds) {			/* C4 */
		abort_connection(m, f);
	} else if (!has_data(f)) {			/* C7, C14 */
		close_gracefully(m, f);
	} else if (f->nonblock) {			/* C16 */
		close_gracefully(m, f);
	} else if (f->seconds == 1) {			/* C9 */
		if (peer_of(m, f)->stall)
			peer_of(m, f)->murky = true;
		send_fin(m, f);
		abort_connection(m, f);
	} else {					/* C8 */
		struct expect e = block(m, op, caller, f);

		if (e.how == SKIP)
			return skip;
		if (peer_of(m, f)->stall)
			peer_of(m, f)->murky = true;
		f->lingering = true;
		send_fin(m, f);
		return e;
	}
	return returns(0);
}

static void cancel(struct model *m, int file)
{
	int i;

	for (i = 0; i < CALLERS; i++) {
		struct pending *call = &m->call[i];

		if (!call->busy || call->file != file)
			continue;
		if (call->op.what == OP_POLL)
			end_call(call, POLLNVAL, POLLNVAL);
		else
			end_call(call, -ECANCELED, -ECANCELED);
	}
}

static bool is_bad(int pointer)
{
	return pointer == PTR_NULL || pointer == PTR_BAD || pointer == PTR_CROSS;
}

/* Somebody waits for what will be answered by a reset, at TCP's leisure (U2). */
static bool strands_the_peer(const struct model *m, const struct file *f)
{
	const struct file *peer = &m->files[f->peer];
	int i;

	if (f->kind != M_TCP || f->peer < 0 || !peer->stall)
		return false;
	for (i = 0; i < CALLERS; i++)
		if (m->call[i].busy && (m->call[i].file == f->peer ||
					m->call[i].op.what == OP_WAIT))
			return true;
	return false;
}

/* T1 to T6 */
static struct expect deliver(struct model *m, struct file *f)
{
	if (f->state != S_CONNECTED || f->repair) {
		close_natively(m, f, false);
	} else if (!has_data(f)) {
		close_gracefully(m, f);
	} else {
		if (peer_of(m, f)->stall)
			peer_of(m, f)->murky = true;
		f->lingering = true;
		f->background = true;
		send_fin(m, f);
	}
	return returns(0);
}

static bool is_refused(const struct file *f, const struct op *op, int owners)
{
	return op->what == OP_CLOSESOCKET && f->kind == M_TCP &&
	       f->state == S_CONNECTED && !f->repair && f->nonblock &&
	       f->onoff && f->seconds && has_data(f) && !f->wr_shut &&
	       (unsigned int)owners <= (unsigned int)op->arg[2];
}

/* And a close with a deadline. */
static struct expect closesocket(struct model *m, const struct op *op,
				 int caller)
{
	int process = process_of(op), fd = op->arg[0];
	struct file *f = look_up(m, process, fd);
	int file, others, calls, polls;
	struct model before;
	struct expect e;

	if (op->what == OP_DEADLINE && op->arg[1])	/* T8 */
		return returns(-EINVAL);
	if (op->what == OP_CLOSESOCKET && is_bad(op->arg[4]))
		return returns(-EFAULT);
	if (op->what == OP_CLOSESOCKET && (op->arg[1] || op->arg[3]))
		return returns(-EINVAL);
	if (fd == FD_DEVICE)
		return returns(-ENOTSOCK);
	if (!f || f->kind == M_PATH)			/* G4 */
		return returns(-EBADF);
	if (!is_socket(f))
		return returns(-ENOTSOCK);
	if (f->murky)
		return skip;

	file = index_of(m, f);
	others = all_descriptors(m, file) - 1;
	polls = calls_in(m, file, true);
	calls = calls_in(m, file, false);
	/* What a plain socket's calls and polls do is not promised. */
	if (!f->attached && (calls || polls))
		return skip;
	if (strands_the_peer(m, f))
		return skip;

	if (is_refused(f, op, others + polls))		/* C15 */
		return returns(-EWOULDBLOCK);

	before = *m;
	m->slot[process][fd] = -1;
	if (descriptors(m, process, file))		/* G5 */
		return returns(0);
	if (f->attached) {
		f->silent[process] = true;
		if (!process)
			cancel(m, file);		/* P1 - P7 */
	}
	if (others)					/* G5 */
		return returns(0);
	if (op->what == OP_DEADLINE)
		return deliver(m, f);
	e = carry_out(m, op, process ? WHO_MAIN : caller, f);
	if (e.how == SKIP)
		*m = before;
	return e;
}

static struct expect close_2(struct model *m, const struct op *op)
{
	int process = process_of(op), fd = op->arg[0];
	struct file *f = look_up(m, process, fd);

	if (fd == FD_DEVICE)
		return skip;
	if (!f)
		return is_free(m, fd) || fd >= SLOTS ? returns(-EBADF) : skip;
	if (op->what == OP_RESET) {
		if (f->kind != M_TCP)
			return skip;
		/* On the open file, so that others have it too. */
		if (all_descriptors(m, index_of(m, f)) > 1 ||
		    calls_in(m, index_of(m, f), false) ||
		    calls_in(m, index_of(m, f), true))
			return skip;
		f->onoff = true;
		f->seconds = 0;
	}
	return drop(m, process, fd, false) ? returns(0) : skip;
}

/* Making */

static struct expect make_socket(struct model *m, const struct op *op)
{
	int kind = op->arg[2] ? M_UDP : M_TCP, how = op->arg[3];
	struct file *f;

	if (!is_free(m, op->arg[0]) || !room_for(m, 1) || how == HOW_CHILD ||
	    (kind == M_UDP && how == HOW_ULP))
		return skip;
	f = new_file(m, kind);
	f->family = op->arg[1];
	f->attached = how != HOW_PLAIN;
	f->nonblock = op->arg[4];
	m->slot[0][op->arg[0]] = index_of(m, f);
	return returns(0);
}

static void join(struct model *m, struct file *a, struct file *b)
{
	a->state = S_CONNECTED;
	b->state = S_CONNECTED;
	a->peer = index_of(m, b);
	b->peer = index_of(m, a);
}

static struct expect make_pair(struct model *m, const struct op *op)
{
	struct file *f, *peer;

	if (!is_free(m, op->arg[0]) || !is_free(m, op->arg[1]) ||
	    op->arg[0] == op->arg[1] || !room_for(m, 2))
		return skip;
	f = new_file(m, M_TCP);
	peer = new_file(m, M_TCP);
	f->family = op->arg[2];
	peer->family = op->arg[2];
	f->attached = op->arg[3] != HOW_PLAIN;
	f->nonblock = op->arg[4];
	join(m, f, peer);
	m->slot[0][op->arg[0]] = index_of(m, f);
	m->slot[0][op->arg[1]] = index_of(m, peer);
	return returns(0);
}

static struct expect make_listener(struct model *m, const struct op *op)
{
	struct file *f;

	if (!is_free(m, op->arg[0]) || !room_for(m, 1) ||
	    op->arg[2] == HOW_CHILD)
		return skip;
	f = new_file(m, M_TCP);
	f->family = op->arg[1];
	f->attached = op->arg[2] != HOW_PLAIN;
	f->nonblock = op->arg[3];
	f->state = S_LISTENING;
	m->slot[0][op->arg[0]] = index_of(m, f);
	return returns(0);
}

static struct expect make_file(struct model *m, const struct op *op)
{
	static const uint8_t kinds[] = {
		[KIND_PIPE] = M_OTHER, [KIND_FILE] = M_OTHER,
		[KIND_EPOLL] = M_EPOLL, [KIND_DEVICE] = M_OTHER,
		[KIND_EVENTFD] = M_OTHER, [KIND_UNIX] = M_UNIX,
		[KIND_PATH] = M_PATH,
	};

	if (!is_free(m, op->arg[0]) || !room_for(m, 1))
		return skip;
	m->slot[0][op->arg[0]] = index_of(m, new_file(m, kinds[op->arg[1]]));
	return returns(0);
}

static struct file *listener_at(struct model *m, int fd)
{
	struct file *f = look_up(m, 0, fd);

	return f && f->kind == M_TCP && f->state == S_LISTENING ? f : NULL;
}

static struct expect client(struct model *m, const struct op *op)
{
	struct file *listener = listener_at(m, op->arg[1]);
	struct file *f, *child;
	int i;

	if (!listener || !is_free(m, op->arg[0]) || !room_for(m, 2) ||
	    listener->queue[QUEUE_MAX - 1] >= 0)
		return skip;
	/* Which of two acceptors would get it? */
	if (calls_in(m, index_of(m, listener), false) > 1 ||
	    contended(m, index_of(m, listener)))
		return skip;
	f = new_file(m, M_TCP);
	child = new_file(m, M_TCP);
	f->family = listener->family;
	child->family = listener->family;
	child->onoff = listener->onoff;			/* O8 */
	child->seconds = listener->seconds;
	join(m, f, child);
	m->slot[0][op->arg[0]] = index_of(m, f);
	for (i = 0; listener->queue[i] >= 0;)
		i++;
	listener->queue[i] = index_of(m, child);
	return returns(0);
}

static bool promised(const struct model *m, int fd)
{
	int i;

	for (i = 0; i < CALLERS; i++)
		if (m->call[i].busy && m->call[i].op.what == OP_ACCEPT &&
		    m->call[i].op.arg[0] == fd)
			return true;
	return false;
}

static struct expect do_accept(struct model *m, const struct op *op, int caller)
{
	struct file *listener = listener_at(m, op->arg[1]);

	if (!listener || !is_free(m, op->arg[0]) || promised(m, op->arg[0]))
		return skip;
	if (listener->queue[0] >= 0)
		return returns(accept_one(m, listener, op->arg[0]));
	if (listener->nonblock)
		return returns(-EAGAIN);
	return block(m, op, caller, listener);
}

static struct expect do_connect(struct model *m, const struct op *op,
				int caller)
{
	struct file *f = look_up(m, 0, op->arg[0]);
	struct expect e;

	if (!f || f->kind != M_TCP || f->state != S_FRESH ||
	    calls_in(m, index_of(m, f), true) ||
	    calls_in(m, index_of(m, f), false) || is_watched(m, index_of(m, f)))
		return skip;
	if (f->nonblock) {
		f->state = S_CONNECTING;
		return returns(-EINPROGRESS);
	}
	e = block(m, op, caller, f);
	if (e.how == BLOCKS)
		f->state = S_CONNECTING;
	return e;
}

/* Options */

static struct expect attach(struct model *m, const struct op *op)
{
	struct file *f = look_up(m, 0, op->arg[0]);

	if (op->arg[0] == FD_DEVICE)
		return returns(-ENOTSOCK);
	if (!f || f->kind == M_PATH)
		return returns(-EBADF);
	if (!is_socket(f))
		return returns(-ENOTSOCK);
	if (f->kind == M_UDP)
		return returns(-ENOPROTOOPT);
	if (f->kind == M_UNIX)
		return returns(-EOPNOTSUPP);
	if (f->attached)
		return returns(-EEXIST);
	/* A call that is inside already is nobody's. */
	if (f->state == S_RESET || f->repair ||
	    calls_in(m, index_of(m, f), true) ||
	    calls_in(m, index_of(m, f), false))
		return skip;
	f->attached = true;
	return returns(0);
}

static struct expect linger(struct model *m, const struct op *op)
{
	struct file *f = look_up(m, 0, op->arg[0]);

	if (op->arg[0] == FD_DEVICE)
		return returns(-ENOTSOCK);
	if (!f || f->kind == M_PATH)
		return returns(-EBADF);
	if (!is_socket(f))
		return returns(-ENOTSOCK);
	f->onoff = op->arg[1];
	if (f->onoff)					/* O9 */
		f->seconds = op->arg[2];
	return returns(0);
}

/* Where SOL_WINSOCK goes; 0 if to the module. */
static struct expect option_target(struct model *m, int fd, struct file **f)
{
	*f = look_up(m, 0, fd);
	if (fd == FD_DEVICE)
		return returns(-ENOTSOCK);
	if (!*f || (*f)->kind == M_PATH)
		return returns(-EBADF);
	if (!is_socket(*f))
		return returns(-ENOTSOCK);
	if ((*f)->kind == M_UDP && (*f)->attached)	/* O7 */
		return returns(-ENOPROTOOPT);
	if ((*f)->attached)
		return returns(0);
	/* A level that it does not know: which, depends on the call. */
	return (struct expect){ RETURNS, -EOPNOTSUPP, -ENOPROTOOPT };
}

static struct expect setopt(struct model *m, const struct op *op)
{
	unsigned int value = op->arg[2];
	int len = op->arg[3], ptr = op->arg[4];
	struct expect e;
	struct file *f;

	e = option_target(m, op->arg[0], &f);
	if (e.low == -EBADF || e.low == -ENOTSOCK)
		return len < 0 ? skip : e;
	if (len < 0)					/* O11 */
		return returns(-EINVAL);
	if (e.low)
		return e;
	/* Two bytes of the value are there, and more are read. */
	if (ptr == PTR_CROSS && len > 2)
		ptr = PTR_BAD;
	if (op->arg[1] == OPT_OTHER)
		return returns(-ENOPROTOOPT);
	if (op->arg[1] == OPT_LINGER) {			/* O3 */
		if (len < 4 || ptr == PTR_NULL || ptr == PTR_BAD)
			return returns(-EFAULT);
		f->onoff = value & 0xffff;
		f->seconds = value >> 16;
		return returns(0);
	}
	if (ptr == PTR_NULL)				/* O5 */
		return returns(-EFAULT);
	if (len == 0)	/* Nothing is read, whatever the pointer. */
		value = 0;
	else if (ptr == PTR_BAD)
		return returns(-EFAULT);
	else if (len < 4)
		value &= (1U << 8 * len) - 1;
	f->onoff = !value;				/* O1 */
	return returns(0);
}

/* The bytes themselves are the executor's to check, by model.files[]. */
static struct expect getopt_winsock(struct model *m, const struct op *op)
{
	int len = op->arg[2], ptr = op->arg[3];
	struct expect e;
	struct file *f;

	e = option_target(m, op->arg[0], &f);
	if (e.low)
		return e;
	if (op->arg[1] == OPT_OTHER)
		return returns(-ENOPROTOOPT);
	if (len <= 0 || (op->arg[1] == OPT_LINGER && len < 4))
		return returns(-EFAULT);		/* O4, O6 */
	if (ptr == PTR_CROSS && len < 4)
		ptr = PTR_OK;
	if (is_bad(ptr) || ptr == PTR_READONLY)
		return returns(-EFAULT);
	return returns(0);
}

static struct expect nonblock(struct model *m, const struct op *op)
{
	struct file *f = look_up(m, 0, op->arg[0]);

	if (op->arg[0] == FD_DEVICE)
		return skip;
	if (!f || f->kind == M_PATH)
		return returns(-EBADF);
	f->nonblock = op->arg[1];
	return returns(0);
}

/* Traffic */

static struct file *connection_at(struct model *m, int fd)
{
	struct file *f = look_up(m, 0, fd);

	return f && f->kind == M_TCP && !f->murky && !f->quiet && !f->repair ?
	       f : NULL;
}

static struct expect do_shutdown(struct model *m, const struct op *op)
{
	struct file *f = connection_at(m, op->arg[0]);
	int how = op->arg[1];

	if (!f)
		return skip;
	if (f->state == S_FINISHED || f->state == S_RESET)
		return returns(-ENOTCONN);
	/* Linux takes note of it on a fresh socket, and fails all the same. */
	if (f->state != S_CONNECTED || (f->cut && f->deaf))
		return skip;
	if (how != 1)
		f->rd_shut = true;
	if (how != 0 && !f->wr_shut)
		send_fin(m, f);
	return returns(0);
}

static struct expect do_send(struct model *m, const struct op *op, int caller)
{
	struct file *f = connection_at(m, op->arg[0]), *peer;
	int n = op->arg[1];

	if (!f || f->cut || n <= 0 || n > 1000)
		return skip;
	switch (f->state) {
	case S_FRESH:
	case S_LISTENING:
		return returns(-EPIPE);
	case S_CONNECTING:
		return skip;
	case S_FINISHED:
		return returns(-EPIPE);
	case S_RESET:
		if (f->attached)			/* R1 */
			return returns(-ECONNRESET);
		if (f->err) {
			int err = f->err;

			f->err = 0;
			return returns(-err);
		}
		return returns(-EPIPE);
	}
	if (f->wr_shut)
		return returns(-EPIPE);
	peer = peer_of(m, f);
	if (f->stall) {
		if (f->nonblock || caller == WHO_MAIN)
			return returns(-EAGAIN);
		return is_called(m, index_of(m, f), OP_SEND) ? skip :
		       block(m, op, caller, f);
	}
	if (peer->rd_shut || peer->lingering || peer->murky ||
	    contended(m, f->peer) || peer->rx + n > WINDOW)
		return skip;
	send_bytes(m, f, n);
	return returns(n);
}

static bool has_slot(const struct model *m, int file)
{
	return descriptors(m, 0, file);
}

/* The executor needs a descriptor of the other end. */
static struct file *flow_from(struct model *m, int fd)
{
	struct file *f = connection_at(m, fd), *peer;

	if (!f || f->state != S_CONNECTED || f->wr_shut || f->stall || f->cut)
		return NULL;
	peer = peer_of(m, f);
	if (peer->gone || peer->rd_shut || peer->murky || peer->lingering ||
	    peer->repair || !has_slot(m, f->peer) ||
	    calls_in(m, f->peer, false) || calls_in(m, f->peer, true) ||
	    calls_in(m, index_of(m, f), false))
		return NULL;
	return f;
}

static struct expect do_stall(struct model *m, const struct op *op)
{
	struct file *f = flow_from(m, op->arg[0]);

	if (!f)
		return skip;
	f->stall = true;
	return (struct expect){ RETURNS, 1, 1 << 30 };
}

static struct expect do_strand(struct model *m, const struct op *op)
{
	struct file *f = flow_from(m, op->arg[0]), *peer;

	if (!f || peer_of(m, f)->stall)
		return skip;
	peer = peer_of(m, f);
	f->cut = true;
	peer->cut = true;
	peer->deaf = true;
	return returns(1000);
}

static struct expect do_recv(struct model *m, const struct op *op, int caller)
{
	struct file *f = look_up(m, 0, op->arg[0]);

	if (op->arg[1] <= 0 || op->arg[1] > 1000)
		return skip;
	if (f && f->kind == M_UDP) {
		if (f->nonblock || caller == WHO_MAIN)
			return returns(-EAGAIN);
		return block(m, op, caller, f);
	}
	f = connection_at(m, op->arg[0]);
	if (!f)
		return skip;
	switch (f->state) {
	case S_FRESH:
	case S_LISTENING:
		return returns(-ENOTCONN);
	case S_CONNECTING:
		return skip;
	case S_RESET:
		if (f->attached)			/* R1 */
			return returns(-ECONNRESET);
		if (!f->rx_exact)
			return skip;
		if (f->rx)				/* R2 */
			return returns(take_bytes(f, op->arg[1]));
		if (f->err && !f->fin_first) {
			int err = f->err;

			f->err = 0;
			return returns(-err);
		}
		return returns(0);
	}
	if (f->rx) {
		/* How much has arrived? */
		if (peer_of(m, f)->stall)
			return skip;
		return returns(take_bytes(f, op->arg[1]));
	}
	if (readable(m, f) || f->state == S_FINISHED)
		return returns(0);
	if (f->nonblock || caller == WHO_MAIN)
		return returns(-EAGAIN);
	return is_called(m, index_of(m, f), OP_RECV) ? skip :
	       block(m, op, caller, f);
}

static struct expect do_drain(struct model *m, const struct op *op)
{
	struct file *f = connection_at(m, op->arg[0]), *peer;
	long n;

	if (!f || f->state == S_RESET || !f->rx || f->cut || f->rd_shut ||
	    calls_in(m, index_of(m, f), false) ||
	    calls_in(m, index_of(m, f), true))
		return skip;
	peer = peer_of(m, f);
	n = f->rx;
	f->rx = 0;
	peer->stall = false;
	both_finished(m, f);
	return returns(n);
}

static struct expect do_poll(struct model *m, const struct op *op, int caller)
{
	struct file *f = look_up(m, 0, op->arg[0]);

	if (op->arg[0] == FD_MINUS_ONE)
		return skip;
	if (!f && op->arg[0] != FD_DEVICE)
		return returns(POLLNVAL);
	if (!f || f->murky || f->repair || f->quiet || f->kind < M_UDP)
		return skip;
	if (caller == WHO_MAIN)
		return returns(readable(m, f) ? POLLIN : 0);
	if (readable(m, f))
		return returns(POLLIN);
	/* It hangs up at once where there is no connection yet. */
	if (f->kind == M_TCP && f->state == S_FRESH)
		return skip;
	return block(m, op, caller, f);
}

static struct expect do_repair(struct model *m, const struct op *op)
{
	struct file *f = connection_at(m, op->arg[0]), *peer;

	if (!f || f->state != S_CONNECTED || f->wr_shut || f->fin || f->rx ||
	    f->stall || f->cut || f->rd_shut)
		return skip;
	peer = peer_of(m, f);
	if (peer->stall || peer->rx || calls_in(m, index_of(m, f), false) ||
	    calls_in(m, f->peer, false) || calls_in(m, f->peer, true))
		return skip;
	f->repair = true;
	peer->quiet = true;
	return returns(0);
}

/* Descriptors and processes */

static struct expect dup_2(struct model *m, const struct op *op)
{
	struct file *f = look_up(m, 0, op->arg[0]);
	int to = op->arg[1];

	if (to >= SLOTS || op->arg[0] == FD_DEVICE)
		return skip;
	if (promised(m, to))
		return skip;
	if (!f)
		return is_free(m, to) || m->slot[0][to] >= 0 ?
		       returns(-EBADF) : skip;
	if (m->slot[0][to] < 0 && !is_free(m, to))
		return returns(-EBUSY);
	if (op->arg[0] == to)
		return returns(0);
	if (m->slot[0][to] >= 0) {
		int file = m->slot[0][to];

		m->slot[0][to] = -1;
		if (file == index_of(m, f)) {
			m->slot[0][to] = file;
			return returns(0);
		}
		m->slot[0][to] = file;
		if (!drop(m, 0, to, false))
			return skip;
	}
	m->slot[0][to] = index_of(m, f);
	return returns(0);
}

static struct expect do_fork(struct model *m)
{
	if (m->child)
		return skip;
	m->child = true;
	memcpy(m->slot[1], m->slot[0], sizeof(m->slot[1]));
	return returns(0);
}

static struct expect do_exit(struct model *m)
{
	struct model before = *m;
	int fd;

	if (!m->child)
		return skip;
	for (fd = 0; fd < SLOTS; fd++)
		if (m->slot[1][fd] >= 0 && !drop(m, 1, fd, true)) {
			*m = before;
			return skip;
		}
	m->child = false;
	return returns(0);
}

static struct expect pass(struct model *m, const struct op *op)
{
	struct file *f = look_up(m, 0, op->arg[0]);
	int i;

	for (i = 0; i < FLIGHT_MAX && m->flight[i] >= 0;)
		i++;
	/* Unix sockets in flight are the garbage collector's. */
	if (!f || i == FLIGHT_MAX || f->kind == M_UNIX || f->kind == M_PATH ||
	    f->kind == M_EPOLL)
		return skip;
	m->flight[i] = index_of(m, f);
	return returns(0);
}

static struct expect take(struct model *m, const struct op *op)
{
	if (m->flight[0] < 0 || !is_free(m, op->arg[0]) ||
	    promised(m, op->arg[0]))
		return skip;
	m->slot[0][op->arg[0]] = m->flight[0];
	memmove(m->flight, m->flight + 1, FLIGHT_MAX - 1);
	m->flight[FLIGHT_MAX - 1] = -1;
	return returns(0);
}

static struct expect watch(struct model *m, const struct op *op)
{
	struct file *set = look_up(m, 0, op->arg[0]);
	struct file *f = look_up(m, 0, op->arg[1]);
	int i;

	if (!set || set->kind != M_EPOLL || !f || f->kind < M_UDP)
		return skip;
	for (i = 0; i < WATCHES_MAX && set->watches[i].file >= 0; i++)
		if (set->watches[i].file == index_of(m, f))
			return skip;
	if (i == WATCHES_MAX)
		return skip;
	set->watches[i].file = index_of(m, f);
	set->watches[i].slot = op->arg[1];
	return returns(0);
}

static struct expect do_wait(struct model *m, const struct op *op, int caller)
{
	struct file *set = look_up(m, 0, op->arg[0]);
	int i;

	if (!set || set->kind != M_EPOLL)
		return skip;
	for (i = 0; i < WATCHES_MAX; i++) {
		const struct file *f = &m->files[set->watches[i].file];

		if (set->watches[i].file >= 0 && !f->gone &&
		    (f->murky || f->quiet || f->repair ||
		     (f->silent[0] && f->silent[1])))
			return skip;
	}
	if (set_is_ready(m, set))
		return returns(1);
	if (caller == WHO_MAIN)
		return returns(0);
	return block(m, op, caller, set);
}

/* C11 for a lingering close. */
static struct expect do_signal(struct model *m, const struct op *op)
{
	struct pending *call = &m->call[WHO_T1 + op->arg[0]];
	bool restart = op->arg[1];
	int file;

	if (!call->busy)
		return skip;
	file = file_by_now(m, call);
	switch (call->op.what) {
	case OP_CLOSESOCKET:
		m->files[call->file].lingering = false;
		m->slot[0][call->op.arg[0]] = call->file;
		break;
	case OP_RECV:
	case OP_ACCEPT:
	case OP_SEND:
		if (!restart)
			break;
		/* Made anew: the number may be gone, O_NONBLOCK be set. */
		if (file < 0)
			end_call(call, -EBADF, -EBADF);
		else if (file != call->file)
			return skip;
		else if (m->files[file].nonblock)
			end_call(call, -EAGAIN, -EAGAIN);
		return returns(0);
	case OP_POLL:
		if (file >= 0 && file != call->file)
			return skip;
		poll_again(m, call);
		if (!call->busy)
			return returns(0);
		break;
	case OP_CONNECT:
		return skip;
	}
	end_call(call, -EINTR, -EINTR);
	return returns(0);
}

static struct expect newsocket(struct model *m, const struct op *op)
{
	if (!is_free(m, op->arg[0]) || !room_for(m, 1))
		return skip;
	if (is_bad(op->arg[5]))
		return returns(-EFAULT);
	if (op->arg[4] & ~WINSOCK_SOCKET_RESET_DISCARDS)
		return returns(-EINVAL);
	return (struct expect){ .how = AS_NATIVE };
}

static struct expect step(struct model *m, const struct op *op, int caller)
{
	switch (op->what) {
	case OP_SOCKET:
		return make_socket(m, op);
	case OP_PAIR:
		return make_pair(m, op);
	case OP_LISTENER:
		return make_listener(m, op);
	case OP_FILE:
		return make_file(m, op);
	case OP_CLIENT:
		return client(m, op);
	case OP_ACCEPT:
		return do_accept(m, op, caller);
	case OP_CONNECT:
		return do_connect(m, op, caller);
	case OP_ATTACH:
		return attach(m, op);
	case OP_LINGER:
		return linger(m, op);
	case OP_SETOPT:
		return setopt(m, op);
	case OP_GETOPT:
		return getopt_winsock(m, op);
	case OP_NONBLOCK:
		return nonblock(m, op);
	case OP_SHUTDOWN:
		return do_shutdown(m, op);
	case OP_SEND:
		return do_send(m, op, caller);
	case OP_STALL:
		return do_stall(m, op);
	case OP_STRAND:
		return do_strand(m, op);
	case OP_RECV:
		return do_recv(m, op, caller);
	case OP_DRAIN:
		return do_drain(m, op);
	case OP_RESET:
	case OP_CLOSE:
		return close_2(m, op);
	case OP_CLOSESOCKET:
	case OP_DEADLINE:
		return closesocket(m, op, caller);
	case OP_DUP:
		return dup_2(m, op);
	case OP_FORK:
		return do_fork(m);
	case OP_EXIT:
		return do_exit(m);
	case OP_PASS:
		return pass(m, op);
	case OP_TAKE:
		return take(m, op);
	case OP_EPOLL:
		return watch(m, op);
	case OP_WAIT:
		return do_wait(m, op, caller);
	case OP_POLL:
		return do_poll(m, op, caller);
	case OP_SIGNAL:
		return do_signal(m, op);
	case OP_REPAIR:
		return do_repair(m, op);
	case OP_VERSION:
		return returns(is_bad(op->arg[0]) ||
			       op->arg[0] == PTR_READONLY ? -EFAULT : 0);
	case OP_NEWSOCKET:
		return newsocket(m, op);
	default:
		return returns(-ENOTTY);
	}
}

struct expect model_step(struct model *m, const struct op *op, int caller)
{
	struct expect e;

	if (op->who == WHO_CHILD && !m->child)
		return skip;
	if (m->call[caller].busy || m->call[caller].ended)
		return skip;
	e = step(m, op, caller);
	if (e.how != SKIP)
		stir(m);
	return e;
}

void model_note(struct model *m, const struct op *op, long result)
{
	struct file *f;

	if (op->what == OP_STALL) {
		f = look_up(m, 0, op->arg[0]);
		peer_of(m, f)->rx += result;
	} else if (op->what == OP_NEWSOCKET && result >= 0) {
		f = new_file(m, (op->arg[2] & 0xf) == 1 ? M_TCP : M_UDP);
		f->attached = true;
		f->nonblock = op->arg[2] & 0x800;
		f->family = op->arg[1] != 2;
		m->slot[0][op->arg[0]] = index_of(m, f);
	}
}

unsigned int model_feature(const struct model *m, const struct op *op,
			   struct expect e)
{
	int fd = op->arg[0], process = process_of(op);
	unsigned int hash = op->what * 8 + op->who;

	hash = hash * 31 + e.how;
	hash = hash * 31 + (e.low > 0 ? 1 : e.low);
	if (fd >= 0 && fd < SLOTS && m->slot[process][fd] >= 0) {
		const struct file *f = &m->files[m->slot[process][fd]];

		hash = hash * 31 + f->kind * 8 + f->state;
		hash = hash * 31 + f->attached * 16 + f->nonblock * 8 +
		       f->onoff * 4 + !!f->seconds * 2 + has_data(f);
		hash = hash * 31 + f->wr_shut * 8 + f->fin * 4 + !!f->rx * 2 +
		       (all_descriptors(m, index_of(m, f)) > 1);
	}
	return hash * 2654435761U >> 16;
}

struct sight model_sight(const struct model *model, int file)
{
	struct model *m = (struct model *)model;
	const struct file *f = &m->files[file];
	struct sight sight = { 0 };

	if (f->kind != M_TCP || f->murky || f->repair ||
	    (f->state != S_CONNECTED && f->state != S_FINISHED &&
	     f->state != S_RESET))
		return sight;
	sight.judged = true;
	sight.in = readable(m, f);
	sight.hup = f->state != S_CONNECTED ||
		    (f->wr_shut && (f->rd_shut || fin_is_there(m, f)));
	sight.rdhup = sight.hup || f->rd_shut || fin_is_there(m, f);
	return sight;
}

struct last model_last(const struct model *model, int slot)
{
	struct model *m = (struct model *)model;
	struct file *f = look_up(m, 0, slot);
	struct last last = { 0 };

	if (!f || f->kind != M_TCP || f->murky || f->repair || f->rd_shut ||
	    calls_in(m, index_of(m, f), false))
		return last;
	/* Reading lets it go on. */
	if (f->peer >= 0 && is_called(m, f->peer, OP_SEND))
		return last;
	/* One of several descriptors is enough. */
	if (slot && descriptors(m, 0, index_of(m, f)) > 1) {
		int i;

		for (i = 0; i < slot; i++)
			if (m->slot[0][i] == index_of(m, f))
				return last;
	}
	switch (f->state) {
	case S_CONNECTED:
	case S_FINISHED:
		last.low = f->cut && f->deaf ? 0 : f->rx;
		last.high = f->rx;
		last.end = f->state == S_FINISHED ||
			     (f->fin && !(f->cut && f->deaf));
		break;
	case S_RESET:
		last.low = f->rx_exact && !f->attached ? f->rx : 0;
		last.high = f->attached ? 0 : f->rx;
		last.end = f->attached || (f->err && !f->fin_first) ? 2 : 1;
		break;
	default:
		return last;
	}
	last.judged = true;
	return last;
}
