// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Overlapped requests.
 *
 * The calling thread makes a first attempt without waiting.  The helper thread submits
 * what is left to io_uring, not the caller, because the kernel cancels a request when
 * the thread that submitted it exits, and because closesocket() could not wait for a
 * request of its own thread.
 *
 * The helper thread checks the socket and submits under request_lock.  closesocket()
 * first increments slot->closing, then takes the lock.  So nothing is submitted on a
 * descriptor that may be closed: such a request is deferred until closesocket() has
 * ended, and continues if that failed (I1).
 *
 * P8: when closesocket() succeeds, the kernel refuses or cancels the requests that it
 * has, and the others are ended here.  When closesocket() returns, no request is left
 * and the application may free its buffers.
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
/* The wait for the kernel to return cancelled requests, before descriptors are searched. */
#define CANCEL_WAIT_MSEC	50
/* The wait for requests that shutdown() has ended; only a busy machine delays those. */
#define SHUTDOWN_WAIT_MSEC	2000

enum state {
	WAITING,	/* for earlier requests in its FIFO, or for the helper thread */
	BEING_TRIED,	/* the calling thread is making the first attempt */
	IN_RING,	/* submitted to io_uring */
	TO_CANCEL,	/* submitted; a cancellation is to be submitted */
	CANCELLED,	/* submitted; a cancellation has been submitted */
};

/**
 * struct request - one request
 * @next: in @fifo
 * @fifo: the FIFO that it is in
 * @link: what it waits for before the transfer, or WS_LINK_NONE
 * @partner: AcceptEx: the other socket; closing that ends the request, too
 * @accepted: AcceptEx: descriptor of the connection until it is installed; or -1
 * @connect_done: ConnectEx: the attempt has ended
 * @state: see enum state
 * @done: bytes transferred
 * @overlapped: where the result is stored
 * @completions: queue of the thread that runs @completion
 * @completion: the completion routine, or NULL
 * @transfer: what to transfer
 * @to: destination, or the peer of @accepted
 * @tolen: AcceptEx: length of @to
 * @blocks: AcceptEx: buffers for the addresses
 * @msg: passed to io_uring
 * @iov: the pieces of @transfer
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

/* struct fifo - requests of one socket that are carried out one after the other */
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
 * struct ws_requests - the requests of one socket
 * @users: references: of requests, the slot, and closesocket() calls in progress
 * @slot: of @fd
 * @fd: a descriptor of the socket
 * @generation: of @slot; differs once @slot belongs to another socket
 * @cookie: SO_COOKIE of the socket, read when closesocket() begins
 * @count: requests, including those that it is the partner of
 * @in_ring: requests in io_uring, which hold references to the file
 * @accepts: this is the accept socket of an AcceptEx() that has no connection yet
 * @fifos: indexed by RECEIVE, SEND and LINK
 * @next_listed: in the list @work or @deferred
 * @is_listed: it is in one of these lists
 * @next: in the list of all
 * @link: the pointer to it in that list
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
/* Signalled whenever a request has ended, or has returned from the ring. */
static pthread_cond_t request_ended = PTHREAD_COND_INITIALIZER;
/* Sockets that the helper thread has to process; those that wait for a closesocket(). */
static struct ws_requests *work, *deferred;
static struct ws_requests *all;

static struct io_uring ring;
static bool have_ring;

/* 0 or an errno: io_uring may be disabled. */
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
	default:	/* EPERM, ENOSYS: io_uring is disabled or missing */
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

/* Passes the list's reference to the caller; NULL if the list is empty. */
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

/* Passes the FIFO's reference to its owner to the caller. */
static void remove_from_fifo(struct request *request)
{
	struct fifo *fifo = request->fifo;
	struct request **link = &fifo->first;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	if (!*link)
		fifo->last = link;
	/* The helper thread submits the next one. */
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
 * The application may free @overlapped as soon as Internal holds the result, so that
 * is stored last and @overlapped is not accessed after it.
 */
static void report(struct request *request, int error)
{
	LPWSAOVERLAPPED overlapped = request->overlapped;
	DWORD flags = request->transfer.truncated ? MSG_PARTIAL : 0;
	struct ws_completion *completion = request->completion;
	/* With a completion routine, hEvent is not an event but the application's data. */
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

/* An attempt has returned @n bytes, or -1 with errno: must there be another one? */
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

/* ConnectEx: the helper thread does the rest, even if this connects at once. */
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

/* Transfers as much as possible without waiting.  True if the request has ended. */
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

/* The first attempt failed: the call fails, and no completion is reported. */
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

/* A request whose first attempt is in progress is ended by the calling thread. */
static void end_fifo(struct fifo *fifo)
{
	while (fifo->first && fifo->first->state != BEING_TRIED)
		end_request(fifo->first, WSA_OPERATION_ABORTED);
}

/*
 * Requests are left here if the application closed sockets by close(2), together with
 * the descriptors of the ring or the helper thread.  Nothing else would end them, and
 * the application may reuse their memory.
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

/* Under request_lock, which is dropped during the attempt. */
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
	if (!have_ring)		/* WSACleanup() was called meanwhile */
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
 * @args: the arguments of the call
 *
 * Return: 0 if it is complete, WSA_IO_PENDING, or another WSA error, and then there
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

/* Returns when @overlapped holds its result. */
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

/* False if the submission queue is full. */
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

/* Is a closesocket() in progress?  Then @waiting is processed again when it has ended. */
static bool is_closing(struct ws_requests *r, struct ws_requests *waiting)
{
	bool closing;

	/*
	 * closesocket() decrements slot->closing, then reads ws_requests_deferred.  The
	 * flag is set before slot->closing is read, so one of the two sees the other.
	 */
	atomic_store(&ws_requests_deferred, true);
	closing = atomic_load(&r->slot->closing);
	if (closing)
		add_to_list(&deferred, waiting);
	atomic_store(&ws_requests_deferred, deferred);
	return closing;
}

/* A connection that was accepted for it goes to the next request, or is reset. */
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

/* The connection is there; moves the request to @fifo for the transfer. */
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
 * AcceptEx: replaces the accept socket by the connection.  A closesocket() of the
 * accept socket waits for request_lock, since that socket has requests.
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
		/* A closesocket() is about to end it, or to find another descriptor. */
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

	/*
	 * The request belongs to the accept socket from now on; closing either socket
	 * ends it.
	 */
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

/* Processes the first request of a FIFO.  False if it has to be processed again. */
static bool advance_fifo(struct fifo *fifo)
{
	struct ws_requests *r = fifo->owner;

	if (!fifo->first)
		return true;
	if (fifo->first->state == TO_CANCEL)
		return submit_cancel(fifo->first);
	if (fifo->first->state != WAITING || is_closing(r, r))
		return true;
	/*
	 * In this order: closesocket() changes the generation before it decrements
	 * slot->closing.
	 */
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

/* io_uring has completed a transfer. */
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
	/* On a nonblocking socket it may return EAGAIN without having waited. */
	if (!must_retry(request, res < 0 ? -1 : res, &error))
		end_request(request, error);
	else
		add_to_list(&work, request->fifo->owner);
}

/*
 * io_uring has completed a wait for a connection.  If the connection was aborted before
 * it was accepted, the wait is repeated.  An error that a closesocket() caused is not
 * final before that has ended.
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
	if (!request)		/* the result of a cancellation */
		return;
	atomic_fetch_sub(&request->fifo->owner->in_ring, 1);
	request->state = WAITING;
	if (request->link == WS_LINK_NONE)
		handle_transfer_result(request, res);
	else
		handle_link_result(request, res);
	pthread_cond_broadcast(&request_ended);
}

/* Called by the helper thread: requests are in the work list, or have completed. */
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

/* Identifies the socket, and is never reused; 0 if @fd is not a socket. */
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
	 * If a closesocket() of the previous socket with this descriptor has not
	 * returned in another thread, the requests and the cookie are those of that
	 * socket.
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

/* References to the file that the kernel would take for those of another process. */
static unsigned int pending(const struct ws_requests *r)
{
	return r ? atomic_load(&r->in_ring) : 0;
}

/* A descriptor of this process that refers to the socket; -1 if there is none. */
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

/*
 * G5: the requests continue on another descriptor of the socket.  False if the process
 * has none.
 */
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

/*
 * A waiting request of another socket that @r is the partner of.  Those in io_uring are
 * cancelled on the way.
 */
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

/*
 * Not left to the helper thread: it would wait for the closesocket() of another socket
 * that has the descriptor now, and that one may linger.
 */
static void end_waiting(struct ws_requests *r)
{
	struct request *request;
	int i;

	for (i = 0; i < FIFOS; i++)
		while ((request = r->fifos[i].first) && request->state == WAITING)
			end_accept(request, WSA_OPERATION_ABORTED);
	while ((request = find_waiting_partner(r)))
		end_accept(request, WSA_OPERATION_ABORTED);
}

/* P8, P10: returns when nothing is left. */
static void abort_requests(struct ws_requests *r)
{
	int i;

	for (i = 0; i < FIFOS; i++)
		if (r->fifos[i].first)
			cancel_request(r->fifos[i].first);
	add_to_list(&work, r);
	ws_helper_wake();
	for (;;) {
		end_waiting(r);
		if (!r->count)
			break;
		pthread_cond_wait(&request_ended, &request_lock);
	}
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
	/* Only in this rare case all descriptors are searched. */
	if (r->count && !switch_descriptor(r))
		abort_requests(r);
}

/*
 * L25: the application has shut down receiving.  Its pending receives end before
 * shutdown() returns, so that they do not get bytes that the peer sends later.
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
			ring.ring_fd = -1;	/* closed by the application, and reused */
		io_uring_queue_exit(&ring);
		have_ring = false;
	}
	end_all();
}

/* WSACleanup(): all sockets are closed. */
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

/* L8: the requests and the ring belong to the parent. */
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
