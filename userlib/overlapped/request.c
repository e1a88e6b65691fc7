// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Overlapped requests.
 *
 * The calling thread tries first, without waiting.  What is left is handed to
 * the helper thread, which gives it to io_uring: the kernel ends a request with
 * the thread that made it, and closesocket() could not wait for one of its own.
 *
 * The helper looks at the socket and submits under request_lock; closesocket()
 * announces itself in slot->closing first and takes the lock then.  So nothing is
 * submitted on a number that may be closed: it waits for the outcome, and goes on if
 * nothing came of it (I1).
 *
 * P8: the kernel refuses or cancels what it has when closesocket() succeeds; the
 * rest is dropped here.  When closesocket() returns, no request is left and the
 * application may free its buffers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/connect.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/part.h"
#include "events/completion.h"
#include "events/event.h"
#include "events/helper.h"
#include "accepted.h"
#include "request.h"

#define RING_ENTRIES	64
/* For requests that the kernel has cancelled, unless they have another descriptor. */
#define CANCEL_WAIT_MSEC	50
/* For requests that shutdown() has ended: nothing but a busy machine delays them. */
#define SHUTDOWN_WAIT_MSEC	2000

enum state {
	WAITING,	/* for those before it, or for the helper */
	BEING_TRIED,	/* of the thread that made it */
	IN_RING,	/* of the kernel */
	TO_CANCEL,	/* the same, and to be taken back */
	CANCELLED,	/* the same, and the kernel knows */
};

/**
 * struct request - one request
 * @next: in its lane
 * @fifo: where it waits for its turn
 * @link: what is made before anything is moved, or WS_LINK_NONE
 * @partner: AcceptEx: the other socket, whose end is the request's, too
 * @accepted: AcceptEx: the connection, until it is the accept socket's; or -1
 * @connect_done: ConnectEx: the attempt is over
 * @state: who has it
 * @done: bytes moved
 * @overlapped: where the outcome goes
 * @completions: of the thread that is told by @completion
 * @completion: what tells it, or NULL
 * @transfer: what is moved
 * @to: destination, or the accepted connection's peer
 * @tolen: AcceptEx: the length of @to
 * @blocks: AcceptEx: where addresses go
 * @msg: the kernel's
 * @iov: pieces
 */
struct request {
	struct request *next;
	struct fifo *fifo;
	enum ws_link link;
	struct ws_requests *partner;
	int accepted;
	bool connect_done;
	enum state state;
	size_t done;
	LPWSAOVERLAPPED overlapped;
	struct ws_completions *completions;
	struct ws_completion *completion;
	struct ws_transfer transfer;
	struct sockaddr_storage to;
	socklen_t tolen;
	struct ws_address_blocks blocks;
	struct msghdr msg;
	struct iovec iov[];
};

struct fifo {
	struct ws_requests *owner;
	struct request *first;
	struct request **last;
};

enum {
	RECEIVE,
	SEND,
	LINK,	/* to accept or to connect */
	FIFOS,
};

/**
 * struct ws_requests - those of one socket
 * @users: requests, the slot, and calls of closesocket() at work on it
 * @slot: where it is
 * @fd: its number
 * @generation: of @slot, which says whether that is still this socket
 * @cookie: the socket; known when closesocket() needs it
 * @count: requests, those that it is the partner of among them
 * @in_ring: those of them that keep a reference to the file
 * @accepts: it is the accept socket of a request that has no connection yet
 * @fifos: see RECEIVE
 * @next_listed: on the list of work or of deferred work
 * @is_listed: on one of them
 * @next: in the list of all
 * @link: what points to it there
 */
struct ws_requests {
	unsigned int users;
	struct ws_slot *slot;
	int fd;
	unsigned int generation;
	uint64_t cookie;
	unsigned int count;
	atomic_uint in_ring;
	bool accepts;
	struct fifo fifos[FIFOS];
	struct ws_requests *next_listed;
	bool is_listed;
	struct ws_requests *next;
	struct ws_requests **link;
};

static pthread_mutex_t request_lock = PTHREAD_MUTEX_INITIALIZER;
/* Some request has ended. */
static pthread_cond_t request_ended = PTHREAD_COND_INITIALIZER;
/* Those the helper has to look at, and those that wait for a closesocket(). */
static struct ws_requests *work, *deferred;
static struct ws_requests *all;

static struct io_uring ring;
static bool have_ring;

/* 0 or an errno: a kernel may forbid it. */
static int open_ring(void)
{
	int err;

	if (have_ring)
		return 0;
	err = -io_uring_queue_init(RING_ENTRIES, &ring, 0);
	if (err)
		return err;
	if (ws_helper_add(ring.ring_fd, WS_PART_REQUESTS)) {
		err = errno;
		io_uring_queue_exit(&ring);
		return err;
	}
	have_ring = true;
	return 0;
}

static int ring_error(int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
		return WSAEMFILE;
	case ENOMEM:
	case ENOSPC:	/* of watches for epoll */
		return WSAENOBUFS;
	default:	/* EPERM, ENOSYS: not here */
		return WSAEOPNOTSUPP;
	}
}

static void add_to_all(struct ws_requests *r)
{
	r->next = all;
	r->link = &all;
	if (all)
		all->link = &r->next;
	all = r;
}

static void put_requests(struct ws_requests *r)
{
	if (--r->users)
		return;
	if (r->next)
		r->next->link = r->link;
	*r->link = r->next;
	free(r);
}

static void add_to_list(struct ws_requests **list, struct ws_requests *r)
{
	if (r->is_listed)
		return;
	r->is_listed = true;
	r->users++;
	r->next_listed = *list;
	*list = r;
}

/* The caller has the list's reference then; NULL at its end. */
static struct ws_requests *remove_first(struct ws_requests **list)
{
	struct ws_requests *r = *list;

	if (r) {
		*list = r->next_listed;
		r->is_listed = false;
	}
	return r;
}

static bool is_current(const struct ws_requests *r)
{
	return ws_slot_generation(r->slot) == r->generation;
}

/* The requests of the socket of this generation; NULL without memory. */
static struct ws_requests *get_requests(struct ws_slot *slot, int fd,
					unsigned int generation)
{
	struct ws_requests *r = atomic_load(&slot->requests);
	int i;

	if (r && is_current(r))
		return r;
	if (r)
		put_requests(r);
	r = calloc(1, sizeof(*r));
	if (r) {
		r->users = 1;
		r->slot = slot;
		r->fd = fd;
		r->generation = generation;
		for (i = 0; i < FIFOS; i++) {
			r->fifos[i].owner = r;
			r->fifos[i].last = &r->fifos[i].first;
		}
		add_to_all(r);
	}
	atomic_store(&slot->requests, r);
	return r;
}

static enum ws_kind kind_of(const struct request *request)
{
	switch (request->link) {
	case WS_LINK_ACCEPT:
		return WS_ACCEPT;
	case WS_LINK_CONNECT:
		return WS_CONNECT;
	default:
		return request->transfer.send ? WS_SEND : WS_RECV;
	}
}

static struct ws_call call_of(const struct request *request)
{
	const struct ws_requests *r = request->fifo->owner;

	return (struct ws_call) {
		.fd = r->fd,
		.kind = kind_of(request),
		.slot = r->slot,
		.generation = r->generation,
	};
}

static void add_to_fifo(struct request *request, struct fifo *fifo)
{
	request->fifo = fifo;
	request->next = NULL;
	*fifo->last = request;
	fifo->last = &request->next;
	fifo->owner->count++;
	fifo->owner->users++;
}

/* The caller has the lane's reference to its home then. */
static void remove_from_fifo(struct request *request)
{
	struct fifo *fifo = request->fifo;
	struct request **link = &fifo->first;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	if (!*link)
		fifo->last = link;
	/* The next is for the helper to see. */
	if (fifo->first)
		add_to_list(&work, fifo->owner);
	fifo->owner->count--;
}

static void set_partner(struct request *request, struct ws_requests *partner)
{
	request->partner = partner;
	partner->count++;
	partner->users++;
}

static void clear_partner(struct request *request)
{
	struct ws_requests *partner = request->partner;

	request->partner = NULL;
	if (!partner)
		return;
	partner->count--;
	put_requests(partner);
}

static void remove_request(struct request *request)
{
	struct ws_requests *r = request->fifo->owner;

	if (request->link == WS_LINK_ACCEPT)
		request->partner->accepts = false;
	remove_from_fifo(request);
	clear_partner(request);
	put_requests(r);
	pthread_cond_broadcast(&request_ended);
}

/*
 * The application may free @overlapped as soon as it has seen the outcome there:
 * that comes last, and nothing is touched after it.
 */
static void report(struct request *request, int error)
{
	LPWSAOVERLAPPED overlapped = request->overlapped;
	DWORD flags = request->transfer.truncated ? MSG_PARTIAL : 0;
	struct ws_completion *completion = request->completion;
	/* With a routine, hEvent is the application's to use as it likes. */
	int event = completion ? -1 : ws_event_fd(overlapped->hEvent);

	overlapped->InternalHigh = request->done;
	overlapped->Offset = flags;
	__atomic_store_n(&overlapped->Internal, (ULONG_PTR)error,
			 __ATOMIC_RELEASE);
	if (error == WSA_OPERATION_ABORTED)	/* P8 */
		return;
	if (event >= 0)
		ws_event_set(event);
	if (completion) {
		completion->error = error;
		completion->transferred = request->done;
		completion->flags = flags;
		ws_completions_post(request->completions, completion);
		request->completion = NULL;
	}
}

static void free_request(struct request *request)
{
	if (request->accepted >= 0)
		ws_accepted_drop(request->accepted);
	ws_completions_put(request->completions);
	free(request->completion);
	free(request);
}

/* @error is 0 or a WSA error. */
static void end_request(struct request *request, int error)
{
	struct ws_requests *r = request->fifo->owner;

	if (is_current(r) && request->link == WS_LINK_NONE)
		ws_transfer_ended(r->slot, &request->transfer, error);
	report(request, error);
	remove_request(request);
	free_request(request);
}

static int error_of(const struct request *request, int err)
{
	struct ws_call call = call_of(request);

	return err == ECANCELED ? WSA_OPERATION_ABORTED : ws_call_error(&call, err);
}

/* @n bytes, or -1 with errno, came of a try: is it to be tried again? */
static bool must_retry(struct request *request, ssize_t n, int *error)
{
	struct ws_transfer *t = &request->transfer;
	struct ws_call call = call_of(request);

	*error = 0;
	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR ||
		    ws_is_earlier_error(&call, t->send, errno))
			return true;
		*error = error_of(request, errno);
		return false;
	}
	request->done += n;
	ws_transfer_advance(t, n);
	return n && ws_transfer_is_partial(&call, t);
}

/* ConnectEx: the helper sees to the rest, even where this is all. */
static bool try_to_connect(struct request *request, int *error)
{
	struct ws_transfer *t = &request->transfer;
	struct ws_call call = call_of(request);
	int err;

	call.stream = true;
	err = ws_connect_begin(&call, t->to, t->tolen);
	request->connect_done = !err;
	if (!err || err == EINPROGRESS)
		return false;
	*error = ws_call_error(&call, err);
	return true;
}

/* What is there now: as much as goes without waiting. */
static bool try_at_once(struct request *request, int *error)
{
	struct ws_transfer *t = &request->transfer;
	struct ws_call call = call_of(request);
	ssize_t n;

	if (request->link == WS_LINK_ACCEPT)
		return false;
	if (request->link == WS_LINK_CONNECT)
		return try_to_connect(request, error);
	do {
		n = ws_move_once(&call, t, t->flags | MSG_DONTWAIT);
		if (n < 0 && errno == EMSGSIZE && t->truncated)
			request->done = t->left;
		if (!must_retry(request, n, error))
			return true;
	} while (n >= 0 || errno == EINTR);
	return false;
}

static struct request *new_request(const struct ws_request_args *args)
{
	const struct ws_transfer *t = args->transfer;
	struct request *request;

	request = calloc(1, sizeof(*request) + t->iovlen * sizeof(*t->iov));
	if (!request)
		return NULL;
	request->link = args->link;
	request->accepted = -1;
	request->blocks = args->blocks;
	request->overlapped = args->overlapped;
	request->transfer = *t;
	memcpy(request->iov, t->iov, t->iovlen * sizeof(*t->iov));
	request->transfer.iov = request->iov;
	if (t->to) {
		memcpy(&request->to, t->to, t->tolen);
		request->transfer.to = (struct sockaddr *)&request->to;
	}
	if (!args->routine)
		return request;

	request->completions = ws_completions_get();
	request->completion = calloc(1, sizeof(*request->completion));
	if (!request->completions || !request->completion) {
		free_request(request);
		return NULL;
	}
	request->completion->routine = args->routine;
	request->completion->overlapped = args->overlapped;
	return request;
}

static void begin_overlapped(LPWSAOVERLAPPED overlapped, bool with_routine)
{
	int event = with_routine ? -1 : ws_event_fd(overlapped->hEvent);

	overlapped->InternalHigh = 0;
	overlapped->Offset = 0;
	__atomic_store_n(&overlapped->Internal, WSA_STATUS_PENDING,
			 __ATOMIC_RELAXED);
	if (event >= 0)
		ws_event_reset(event);
}

/* A first try that failed has no other outcome than the call's own. */
static void drop_request(struct request *request, int error)
{
	__atomic_store_n(&request->overlapped->Internal, (ULONG_PTR)error,
			 __ATOMIC_RELEASE);
	remove_request(request);
	free_request(request);
}

static void requeue_deferred(void)
{
	struct ws_requests *r;

	while ((r = remove_first(&deferred))) {
		add_to_list(&work, r);
		put_requests(r);
	}
	atomic_store(&ws_requests_deferred, false);
}

/* One that is in a thread's hands is that thread's to end. */
static void end_fifo(struct fifo *fifo)
{
	while (fifo->first && fifo->first->state != BEING_TRIED)
		end_request(fifo->first, WSA_OPERATION_ABORTED);
}

/*
 * Of sockets that were closed behind our back, together with the ring or the
 * helper's numbers: nobody else would tell, and the application's memory may
 * be something else soon.
 */
static void end_all(void)
{
	struct ws_requests *r, *next;
	int i;

	for (r = all; r; r = next) {
		r->users++;
		for (i = 0; i < FIFOS; i++)
			end_fifo(&r->fifos[i]);
		next = r->next;
		put_requests(r);
	}
	requeue_deferred();
	while ((r = remove_first(&work)))
		put_requests(r);
}

/* Under request_lock, which is let go of for the try. */
static int start_request(struct request *request)
{
	bool first = request->fifo->first == request;
	bool ended = false;
	int error = 0;

	if (first) {
		request->state = BEING_TRIED;
		pthread_mutex_unlock(&request_lock);
		ended = try_at_once(request, &error);
		pthread_mutex_lock(&request_lock);
		request->state = WAITING;
	}
	if (!ended) {
		add_to_list(&work, request->fifo->owner);
		error = WSA_IO_PENDING;
	} else if (error) {
		drop_request(request, error);
	} else {
		end_request(request, 0);
	}
	if (!have_ring)		/* WSACleanup came in between */
		end_all();
	else if (work)
		ws_helper_wake();
	return error;
}

static struct fifo *fifo_of(const struct ws_request_args *args, struct ws_requests *r)
{
	if (args->link != WS_LINK_NONE)
		return &r->fifos[LINK];
	return &r->fifos[args->transfer->send ? SEND : RECEIVE];
}

/* Under request_lock: 0 or a WSA error. */
static int add_request(const struct ws_request_args *args, struct request **request)
{
	const struct ws_call *call = args->call, *accept = args->accept;
	struct ws_requests *r, *partner = NULL;

	r = get_requests(call->slot, call->fd, call->generation);
	if (accept)
		partner = get_requests(accept->slot, accept->fd,
				       accept->generation);
	if (!r || (accept && !partner))
		return WSAENOBUFS;
	if (partner && partner->accepts)
		return WSAEINVAL;
	if (args->link == WS_LINK_CONNECT && r->fifos[LINK].first)
		return WSAEALREADY;
	*request = new_request(args);
	if (!*request)
		return WSAENOBUFS;

	begin_overlapped(args->overlapped, args->routine);
	add_to_fifo(*request, fifo_of(args, r));
	if (partner) {
		set_partner(*request, partner);
		partner->accepts = true;
	}
	return 0;
}

/**
 * ws_request - begin an overlapped request
 * @args: what is asked for
 *
 * Return: 0 if it is done, WSA_IO_PENDING, or another WSA error, and then there
 * is no request.
 */
int ws_request(const struct ws_request_args *args)
{
	struct request *request;
	int err, error;

	pthread_mutex_lock(&request_lock);
	err = open_ring();
	error = err ? ring_error(err) : add_request(args, &request);
	if (!error)
		error = start_request(request);
	pthread_mutex_unlock(&request_lock);
	return error;
}

/* Returns when @overlapped has its outcome. */
void ws_request_wait(const WSAOVERLAPPED *overlapped)
{
	pthread_mutex_lock(&request_lock);
	while (!HasOverlappedIoCompleted(overlapped))
		pthread_cond_wait(&request_ended, &request_lock);
	pthread_mutex_unlock(&request_lock);
}

static struct io_uring_sqe *get_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (sqe)
		return sqe;
	io_uring_submit(&ring);
	return io_uring_get_sqe(&ring);
}

static void prepare_transfer(struct io_uring_sqe *sqe, struct request *request)
{
	struct ws_requests *r = request->fifo->owner;
	struct ws_transfer *t = &request->transfer;

	request->msg = (struct msghdr) {
		.msg_name = t->send ? (void *)t->to : t->from,
		.msg_iov = t->iov,
		.msg_iovlen = t->iovlen,
		.msg_control = t->control,
		.msg_controllen = t->controllen,
	};
	if (t->send)
		request->msg.msg_namelen = t->tolen;
	else if (t->from)
		request->msg.msg_namelen = *t->fromlen;

	if (t->send)
		io_uring_prep_sendmsg(sqe, r->fd, &request->msg,
				      t->flags | MSG_NOSIGNAL);
	else
		io_uring_prep_recvmsg(sqe, r->fd, &request->msg, t->flags);
}

/* False if the kernel takes no more at present. */
static bool submit(struct request *request)
{
	struct ws_requests *r = request->fifo->owner;
	struct io_uring_sqe *sqe = get_sqe();

	if (!sqe)
		return false;
	switch (request->link) {
	case WS_LINK_ACCEPT:
		request->tolen = sizeof(request->to);
		io_uring_prep_accept(sqe, r->fd, (struct sockaddr *)&request->to,
				     &request->tolen, SOCK_CLOEXEC);
		break;
	case WS_LINK_CONNECT:
		io_uring_prep_poll_add(sqe, r->fd, POLLOUT);
		break;
	default:
		prepare_transfer(sqe, request);
	}
	io_uring_sqe_set_data(sqe, request);
	request->state = IN_RING;
	atomic_fetch_add(&r->in_ring, 1);
	return true;
}

static bool submit_cancel(struct request *request)
{
	struct io_uring_sqe *sqe = get_sqe();

	if (!sqe)
		return false;
	io_uring_prep_cancel(sqe, request, 0);
	io_uring_sqe_set_data(sqe, NULL);
	request->state = CANCELLED;
	return true;
}

/* Is closesocket() at it?  Then @waiting is looked at again when it has ended. */
static bool is_closing(struct ws_requests *r, struct ws_requests *waiting)
{
	bool closing;

	/* It counts down, then looks whether somebody waits for it. */
	atomic_store(&ws_requests_deferred, true);
	closing = atomic_load(&r->slot->closing);
	if (closing)
		add_to_list(&deferred, waiting);
	atomic_store(&ws_requests_deferred, deferred);
	return closing;
}

/* A connection that came for it is the next one's, or nobody's. */
static void end_accept(struct request *request, int error)
{
	struct fifo *fifo = request->fifo;
	int fd = request->accepted;
	struct sockaddr_storage to = request->to;
	socklen_t tolen = request->tolen;
	struct request *next;

	request->accepted = -1;
	end_request(request, error);
	if (fd < 0)
		return;
	next = fifo->first;
	if (next && next->state == WAITING && next->accepted < 0) {
		next->accepted = fd;
		next->to = to;
		next->tolen = tolen;
	} else {
		ws_accepted_drop(fd);
	}
}

/* It is linked; what is to be moved goes on in @fifo. */
static void begin_transfer(struct request *request, struct fifo *fifo)
{
	struct ws_requests *from = request->fifo->owner;

	request->link = WS_LINK_NONE;
	if (!request->transfer.left) {
		end_request(request, 0);
		return;
	}
	remove_from_fifo(request);
	add_to_fifo(request, fifo);
	add_to_list(&work, fifo->owner);
	put_requests(from);
}

/*
 * AcceptEx: the connection becomes the accept socket's.  closesocket() of that
 * one waits for request_lock, as it has requests.
 */
static bool advance_accept(struct request *request)
{
	struct ws_requests *listener = request->fifo->owner;
	struct ws_requests *partner = request->partner;
	int error;

	if (is_closing(partner, listener))
		return true;
	if (!is_current(partner) &&
	    atomic_load(&partner->slot->requests) == partner) {
		/* Whoever closes it is about to, and may know another number. */
		add_to_list(&deferred, listener);
		atomic_store(&ws_requests_deferred, true);
		return true;
	}
	if (!is_current(partner)) {
		end_accept(request, WSA_OPERATION_ABORTED);
		return true;
	}
	if (request->accepted < 0)
		return submit(request);
	error = ws_accepted_install(listener->slot, partner->slot, partner->fd,
				    request->accepted);
	if (error) {
		end_accept(request, error);
		return true;
	}
	request->accepted = -1;
	ws_accepted_put_addresses(&request->blocks, partner->fd,
				  (struct sockaddr *)&request->to, request->tolen);

	/* From now on it is the accept socket's request, and ends with either. */
	partner->users++;
	partner->accepts = false;
	clear_partner(request);
	set_partner(request, listener);
	begin_transfer(request, &partner->fifos[RECEIVE]);
	put_requests(partner);
	return true;
}

/* ConnectEx */
static bool advance_connect(struct request *request)
{
	struct ws_requests *r = request->fifo->owner;
	struct ws_call call = call_of(request);
	int err;

	if (!request->connect_done)
		return submit(request);
	err = ws_connect_result(&call);
	if (err)
		end_request(request, error_of(request, err));
	else
		begin_transfer(request, &r->fifos[SEND]);
	return true;
}

static bool advance_request(struct request *request)
{
	switch (request->link) {
	case WS_LINK_ACCEPT:
		return advance_accept(request);
	case WS_LINK_CONNECT:
		return advance_connect(request);
	default:
		return submit(request);
	}
}

/* The helper's look at a lane.  False if it has to look again. */
static bool advance_fifo(struct fifo *fifo)
{
	struct ws_requests *r = fifo->owner;

	if (!fifo->first)
		return true;
	if (fifo->first->state == TO_CANCEL)
		return submit_cancel(fifo->first);
	if (fifo->first->state != WAITING || is_closing(r, r))
		return true;
	/* In this order: a socket that was closed is so before it is not closing. */
	if (is_current(r))
		return advance_request(fifo->first);
	while (fifo->first && fifo->first->state == WAITING)
		end_request(fifo->first, WSA_OPERATION_ABORTED);
	return true;
}

static void submit_work(void)
{
	struct ws_requests *r;
	bool done = true;
	int i;

	while (done && (r = remove_first(&work))) {
		for (i = 0; i < FIFOS; i++)
			done &= advance_fifo(&r->fifos[i]);
		if (!done)
			add_to_list(&work, r);
		put_requests(r);
	}
	io_uring_submit(&ring);
}

/* The kernel's answer to a request that it was to carry out. */
static void handle_transfer_result(struct request *request, int res)
{
	struct ws_transfer *t = &request->transfer;
	struct ws_call call = call_of(request);
	int error = 0;

	if (res < 0) {
		errno = -res;
	} else if (!t->send && ws_is_shut_datagram(&call, res)) {
		errno = ESHUTDOWN;
		res = -1;
	} else if (!t->send) {
		ws_transfer_received(t, &request->msg);
		if (request->msg.msg_flags & MSG_TRUNC &&
		    !ws_slot_is_stream(request->fifo->owner->slot) &&
		    !(t->flags & MSG_TRUNC)) {
			t->truncated = true;
			request->done = res;
			errno = EMSGSIZE;
			res = -1;
		}
	}
	/* It may say EAGAIN of a nonblocking socket, having waited for nothing. */
	if (!must_retry(request, res < 0 ? -1 : res, &error))
		end_request(request, error);
	else
		add_to_list(&work, request->fifo->owner);
}

/*
 * The same of a wait for a connection.  One that was broken off before it was
 * accepted is none, and what closesocket() has caused is seen when it is over.
 */
static void handle_link_result(struct request *request, int res)
{
	struct ws_requests *r = request->fifo->owner;

	if (res >= 0 && request->link == WS_LINK_ACCEPT)
		request->accepted = res;
	request->connect_done = res >= 0;
	switch (-res) {
	case EBADF:
	case EINVAL:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case ENOTSOCK:
	case EOPNOTSUPP:
	case EPERM:
		if (!atomic_load(&r->slot->closing) && is_current(r)) {
			end_request(request, error_of(request, -res));
			return;
		}
	}
	add_to_list(&work, r);
}

static void handle_cqe(struct io_uring_cqe *cqe)
{
	struct request *request = io_uring_cqe_get_data(cqe);
	int res = cqe->res;

	io_uring_cqe_seen(&ring, cqe);
	if (!request)		/* what became of a cancellation */
		return;
	atomic_fetch_sub(&request->fifo->owner->in_ring, 1);
	request->state = WAITING;
	if (request->link == WS_LINK_NONE)
		handle_transfer_result(request, res);
	else
		handle_link_result(request, res);
}

/* Called by the helper thread: something was asked for, or has been answered. */
static void process_work(void)
{
	struct io_uring_cqe *cqe;

	pthread_mutex_lock(&request_lock);
	if (have_ring) {
		do {
			submit_work();
			while (!io_uring_peek_cqe(&ring, &cqe))
				handle_cqe(cqe);
		} while (work);
	}
	pthread_mutex_unlock(&request_lock);
}

/* Of all sockets there ever were, this one; 0 for what is none. */
static uint64_t cookie_of(int fd)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

static struct ws_requests *hold(struct ws_slot *slot, int fd)
{
	struct ws_requests *r;

	pthread_mutex_lock(&request_lock);
	r = atomic_load(&slot->requests);
	/*
	 * Where another thread's closesocket() of the socket before this one has not
	 * yet returned, they are that socket's, and so is the cookie.
	 */
	if (r && !is_current(r))
		r = NULL;
	if (r) {
		r->users++;
		if (r->count)
			r->cookie = cookie_of(fd);
	}
	pthread_mutex_unlock(&request_lock);
	return r;
}

/* References to the file that the kernel cannot tell from another process's. */
static unsigned int pending(const struct ws_requests *r)
{
	return r ? atomic_load(&r->in_ring) : 0;
}

/* A number of this process that means the socket; -1 if there is none. */
static int find_descriptor(uint64_t cookie)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir)))
		if (cookie_of(atoi(entry->d_name)) == cookie)
			fd = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return fd;
}

/* G5: they go on by another number of the socket's.  False if it has none. */
static bool switch_descriptor(struct ws_requests *r)
{
	int fd = r->cookie ? find_descriptor(r->cookie) : -1;
	struct ws_slot *slot = fd < 0 ? NULL : ws_slot_adopt(fd);
	struct ws_requests *none = NULL;

	if (!slot)
		return false;
	r->slot = slot;
	r->fd = fd;
	r->generation = ws_slot_generation(slot);
	if (atomic_compare_exchange_strong(&slot->requests, &none, r))
		r->users++;
	add_to_list(&work, r);
	return true;
}

static void cancel_request(struct request *request)
{
	if (request->state != IN_RING)
		return;
	request->state = TO_CANCEL;
	add_to_list(&work, request->fifo->owner);
}

/* Of another socket's requests one that @r is the partner of and that waits. */
static struct request *find_waiting_partner(const struct ws_requests *r)
{
	struct ws_requests *other;
	struct request *request;
	int i;

	for (other = all; other; other = other->next)
		for (i = 0; i < FIFOS; i++)
			for (request = other->fifos[i].first; request;
			     request = request->next) {
				if (request->partner != r)
					continue;
				cancel_request(request);
				if (request->state == WAITING)
					return request;
			}
	return NULL;
}

/* P8, P10: returns when nothing is left. */
static void abort_requests(struct ws_requests *r)
{
	struct request *request;
	int i;

	for (i = 0; i < FIFOS; i++)
		if (r->fifos[i].first)
			cancel_request(r->fifos[i].first);
	while ((request = find_waiting_partner(r)))
		end_accept(request, WSA_OPERATION_ABORTED);
	add_to_list(&work, r);
	ws_helper_wake();
	while (r->count)
		pthread_cond_wait(&request_ended, &request_lock);
}

static bool has_requests(const struct ws_requests *r)
{
	return r->count;
}

static bool receives(const struct ws_requests *r)
{
	return r->fifos[RECEIVE].first;
}

/* Waits for requests that the kernel is about to return. */
static void wait_for_returning(const struct ws_requests *r,
			       bool (*is_there)(const struct ws_requests *r), int msec)
{
	struct ws_deadline deadline = ws_deadline_in(0, msec * WS_NSEC_PER_MSEC);

	while (is_there(r) &&
	       !pthread_cond_clockwait(&request_ended, &request_lock,
				       CLOCK_MONOTONIC, &deadline.at))
		;
}

static void end_socket(struct ws_requests *r)
{
	struct ws_requests *same = r;

	if (atomic_compare_exchange_strong(&r->slot->requests, &same, NULL))
		put_requests(r);
	if (!r->count)
		return;
	add_to_list(&work, r);
	ws_helper_wake();
	if (atomic_load(&r->in_ring))
		wait_for_returning(r, has_requests, CANCEL_WAIT_MSEC);
	/* Looking through all numbers is for the rare case. */
	if (r->count && !switch_descriptor(r))
		abort_requests(r);
}

/*
 * L25: the application has shut the direction in which these wait.  They get the end
 * before it goes on, and not what the peer may send a moment later.
 */
static void shut_receiving(struct ws_slot *slot)
{
	struct ws_requests *r;

	pthread_mutex_lock(&request_lock);
	r = atomic_load(&slot->requests);
	if (r && is_current(r) && receives(r)) {
		r->users++;
		add_to_list(&work, r);
		ws_helper_wake();
		wait_for_returning(r, receives, SHUTDOWN_WAIT_MSEC);
		put_requests(r);
	}
	pthread_mutex_unlock(&request_lock);
}

static void release(struct ws_requests *r, bool closed)
{
	pthread_mutex_lock(&request_lock);
	requeue_deferred();
	if (r && closed)
		end_socket(r);
	if (r)
		put_requests(r);
	if (work)
		ws_helper_wake();
	pthread_mutex_unlock(&request_lock);
}

/* Under request_lock. */
static void end_ring(void)
{
	if (have_ring) {
		if (!ws_event_is_valid(ring.ring_fd))
			ring.ring_fd = -1;	/* somebody else's by now */
		io_uring_queue_exit(&ring);
		have_ring = false;
	}
	end_all();
}

/* WSACleanup: every socket is closed. */
static void stop(void)
{
	pthread_mutex_lock(&request_lock);
	end_ring();
	pthread_mutex_unlock(&request_lock);
}

static void close_accepted(void)
{
	struct ws_requests *r;
	struct request *request;

	for (r = all; r; r = r->next)
		for (request = r->fifos[LINK].first; request;
		     request = request->next)
			if (request->accepted >= 0)
				close(request->accepted);
}

/* L8: the parent's requests are the parent's, and so is the ring. */
static void forget(void)
{
	close_accepted();
	work = NULL;
	deferred = NULL;
	all = NULL;
	pthread_cond_init(&request_ended, NULL);
	end_ring();
}

static const struct ws_part request_part = {
	.lock = &request_lock,
	.forked = forget,
	.stop = stop,
	.ready = process_work,
	.hold = hold,
	.pending = pending,
	.release = release,
	.shut_receiving = shut_receiving,
};

WS_REGISTER_PART(WS_PART_REQUESTS, request_part)
