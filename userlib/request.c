// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Overlapped requests.
 *
 * The calling thread tries first, without waiting.  What is left is handed to
 * the helper thread, which gives it to io_uring: the kernel ends a request with
 * the thread that made it, and closesocket() could not wait for one of its own.
 *
 * request_lock guards everything here, and slot->requests.  The helper looks at
 * the socket and submits under it; closesocket() announces itself in
 * slot->closing first and takes the lock then.  So nothing is submitted on a
 * number that may be closed: it waits for the outcome, and goes on if nothing
 * came of it (I1).
 *
 * P8: the kernel refuses or cancels what it has when closesocket() succeeds; the
 * rest is dropped here.  When closesocket() returns, no request is left and the
 * application may free its buffers.
 */
#include <dirent.h>
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert.h"
#include "deadline.h"
#include "error.h"
#include "event.h"
#include "helper.h"
#include "request.h"

#define RING_ENTRIES	64
#define MOMENT_NSEC	(50 * WS_NSEC_PER_MSEC)

enum state {
	WAITING,	/* for those before it, or for the helper */
	IN_HAND,	/* of the thread that made it */
	IN_RING,	/* of the kernel */
	TO_CANCEL,	/* the same, and to be taken back */
	CANCELLED,	/* the same, and the kernel knows */
};

struct request {
	struct request *next;
	struct lane *lane;
	enum state state;
	size_t done;
	LPWSAOVERLAPPED overlapped;
	struct ws_alerts *alerts;
	struct ws_alert *alert;
	struct ws_transfer transfer;
	struct sockaddr_storage to;
	struct msghdr msg;
	struct iovec iov[];
};

struct lane {
	struct ws_requests *home;
	struct request *first;
	struct request **last;
};

/**
 * struct ws_requests - those of one socket
 * @users: requests, the slot, and calls of closesocket() at work on it
 * @slot: where it is
 * @fd: its number
 * @generation: of @slot, which says whether that is still this socket
 * @cookie: the socket; known when closesocket() needs it
 * @count: requests
 * @in_ring: those of them that keep a reference to the file
 * @lanes: to receive, to send
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
	struct lane lanes[2];
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
/* There are such: closesocket() reads it without the lock. */
atomic_bool ws_requests_deferred;

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
	if (ws_helper_add(ring.ring_fd, WS_SOURCE_RING)) {
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

static void put_in_list(struct ws_requests *r)
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

static void put_on(struct ws_requests **list, struct ws_requests *r)
{
	if (r->is_listed)
		return;
	r->is_listed = true;
	r->users++;
	r->next_listed = *list;
	*list = r;
}

/* The caller has the list's reference then; NULL at its end. */
static struct ws_requests *take_off(struct ws_requests **list)
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
	return atomic_load(&r->slot->generation) == r->generation;
}

/* The requests of the socket that @call is about; NULL without memory. */
static struct ws_requests *get_requests(const struct ws_call *call)
{
	struct ws_requests *r = atomic_load(&call->slot->requests);
	int i;

	if (r && is_current(r))
		return r;
	if (r)
		put_requests(r);
	r = calloc(1, sizeof(*r));
	if (r) {
		r->users = 1;
		r->slot = call->slot;
		r->fd = call->fd;
		r->generation = call->generation;
		for (i = 0; i < 2; i++) {
			r->lanes[i].home = r;
			r->lanes[i].last = &r->lanes[i].first;
		}
		put_in_list(r);
	}
	atomic_store(&call->slot->requests, r);
	return r;
}

static struct ws_call call_of(const struct request *request)
{
	const struct ws_requests *r = request->lane->home;

	return (struct ws_call) {
		.fd = r->fd,
		.kind = request->transfer.send ? WS_SEND : WS_RECV,
		.slot = r->slot,
		.generation = r->generation,
	};
}

/* It is the first of its lane; the next is for the helper to see. */
static void take_out(struct request *request)
{
	struct lane *lane = request->lane;
	struct ws_requests *r = lane->home;

	lane->first = request->next;
	if (!lane->first)
		lane->last = &lane->first;
	else
		put_on(&work, r);
	r->count--;
	put_requests(r);
	pthread_cond_broadcast(&request_ended);
}

/*
 * The application may free @overlapped as soon as it has seen the outcome there:
 * that comes last, and nothing is touched after it.
 */
static void tell(struct request *request, int error)
{
	LPWSAOVERLAPPED overlapped = request->overlapped;
	DWORD flags = request->transfer.truncated ? MSG_PARTIAL : 0;
	struct ws_alert *alert = request->alert;
	/* With a routine, hEvent is the application's to use as it likes. */
	int event = alert ? -1 : ws_event_fd(overlapped->hEvent);

	overlapped->InternalHigh = request->done;
	overlapped->Offset = flags;
	__atomic_store_n(&overlapped->Internal, (ULONG_PTR)error,
			 __ATOMIC_RELEASE);
	if (error == WSA_OPERATION_ABORTED)	/* P8 */
		return;
	if (event >= 0)
		ws_event_set(event);
	if (alert) {
		alert->error = error;
		alert->transferred = request->done;
		alert->flags = flags;
		ws_alerts_post(request->alerts, alert);
		request->alert = NULL;
	}
}

static void free_request(struct request *request)
{
	ws_alerts_put(request->alerts);
	free(request->alert);
	free(request);
}

/* @error is 0 or a WSA error. */
static void end_request(struct request *request, int error)
{
	struct ws_requests *r = request->lane->home;

	if (is_current(r))
		ws_transfer_ended(r->slot, &request->transfer, error);
	tell(request, error);
	take_out(request);
	free_request(request);
}

static int error_of(const struct request *request, int err)
{
	struct ws_call call = call_of(request);

	return err == ECANCELED ? WSA_OPERATION_ABORTED : ws_call_error(&call, err);
}

/* @n bytes, or -1 with errno, came of a try: is it to be tried again? */
static bool goes_on(struct request *request, ssize_t n, int *error)
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
	ws_moved(t, n);
	return n && ws_wants_the_rest(&call, t);
}

/* What is there now: as much as goes without waiting. */
static bool try_at_once(struct request *request, int *error)
{
	struct ws_transfer *t = &request->transfer;
	struct ws_call call = call_of(request);
	ssize_t n;

	do {
		n = ws_move_once(&call, t, t->flags | MSG_DONTWAIT);
		if (n < 0 && errno == EMSGSIZE && t->truncated)
			request->done = t->left;
		if (!goes_on(request, n, error))
			return true;
	} while (n >= 0 || errno == EINTR);
	return false;
}

static struct request *new_request(const struct ws_ask *ask,
				   struct ws_requests *r)
{
	const struct ws_transfer *t = ask->transfer;
	struct request *request;

	request = calloc(1, sizeof(*request) + t->iovlen * sizeof(*t->iov));
	if (!request)
		return NULL;
	request->lane = &r->lanes[t->send];
	request->overlapped = ask->overlapped;
	request->transfer = *t;
	memcpy(request->iov, t->iov, t->iovlen * sizeof(*t->iov));
	request->transfer.iov = request->iov;
	if (t->to) {
		memcpy(&request->to, t->to, t->tolen);
		request->transfer.to = (struct sockaddr *)&request->to;
	}
	if (!ask->routine)
		return request;

	request->alerts = ws_alerts_get();
	request->alert = calloc(1, sizeof(*request->alert));
	if (!request->alerts || !request->alert) {
		free_request(request);
		return NULL;
	}
	request->alert->routine = ask->routine;
	request->alert->overlapped = ask->overlapped;
	return request;
}

static void put_in(struct request *request)
{
	struct lane *lane = request->lane;

	*lane->last = request;
	lane->last = &request->next;
	lane->home->count++;
	lane->home->users++;
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
	take_out(request);
	free_request(request);
}

static void look_again_at_deferred(void)
{
	struct ws_requests *r;

	while ((r = take_off(&deferred))) {
		put_on(&work, r);
		put_requests(r);
	}
	atomic_store(&ws_requests_deferred, false);
}

/* One that is in a thread's hands is that thread's to end. */
static void end_lane(struct lane *lane)
{
	while (lane->first && lane->first->state != IN_HAND)
		end_request(lane->first, WSA_OPERATION_ABORTED);
}

/*
 * Of sockets that were closed behind our back, together with the ring or the
 * helper's numbers: nobody else would tell, and the application's memory may
 * be something else soon.
 */
static void end_all(void)
{
	struct ws_requests *r, *next;

	for (r = all; r; r = next) {
		r->users++;
		end_lane(&r->lanes[0]);
		end_lane(&r->lanes[1]);
		next = r->next;
		put_requests(r);
	}
	look_again_at_deferred();
	while ((r = take_off(&work)))
		put_requests(r);
}

/* Under request_lock, which is let go of for the try. */
static int start_request(struct request *request)
{
	bool first = request->lane->first == request;
	bool ended = false;
	int error = 0;

	if (first) {
		request->state = IN_HAND;
		pthread_mutex_unlock(&request_lock);
		ended = try_at_once(request, &error);
		pthread_mutex_lock(&request_lock);
		request->state = WAITING;
	}
	if (!ended) {
		put_on(&work, request->lane->home);
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

/**
 * ws_request - begin an overlapped request
 * @ask: what is asked for
 *
 * Return: 0 if it is done, WSA_IO_PENDING, or another WSA error, and then there
 * is no request.
 */
int ws_request(const struct ws_ask *ask)
{
	struct request *request = NULL;
	struct ws_requests *r;
	int err, error;

	pthread_mutex_lock(&request_lock);
	err = open_ring();
	if (err) {
		error = ring_error(err);
	} else {
		r = get_requests(ask->call);
		request = r ? new_request(ask, r) : NULL;
		error = WSAENOBUFS;
	}
	if (request) {
		begin_overlapped(ask->overlapped, ask->routine);
		put_in(request);
		error = start_request(request);
	}
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

/* False if the kernel takes no more at present. */
static bool submit(struct request *request)
{
	struct ws_requests *r = request->lane->home;
	struct ws_transfer *t = &request->transfer;
	struct io_uring_sqe *sqe = get_sqe();

	if (!sqe)
		return false;
	request->msg = (struct msghdr) {
		.msg_name = t->send ? (void *)t->to : t->from,
		.msg_iov = t->iov,
		.msg_iovlen = t->iovlen,
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

/* Is closesocket() at it?  Then it will say when it has done. */
static bool is_closing(struct ws_requests *r)
{
	bool closing;

	/* It counts down, then looks whether somebody waits for it. */
	atomic_store(&ws_requests_deferred, true);
	closing = atomic_load(&r->slot->closing);
	if (closing)
		put_on(&deferred, r);
	atomic_store(&ws_requests_deferred, deferred);
	return closing;
}

/* The helper's look at a lane.  False if it has to look again. */
static bool look_after(struct lane *lane)
{
	struct ws_requests *r = lane->home;

	if (!lane->first)
		return true;
	if (lane->first->state == TO_CANCEL)
		return submit_cancel(lane->first);
	if (lane->first->state != WAITING || is_closing(r))
		return true;
	/* In this order: a socket that was closed is so before it is not closing. */
	if (is_current(r))
		return submit(lane->first);
	while (lane->first && lane->first->state == WAITING)
		end_request(lane->first, WSA_OPERATION_ABORTED);
	return true;
}

static void do_work(void)
{
	struct ws_requests *r;
	bool done = true;

	while (done && (r = take_off(&work))) {
		done = look_after(&r->lanes[0]);
		done &= look_after(&r->lanes[1]);
		if (!done)
			put_on(&work, r);
		put_requests(r);
	}
	io_uring_submit(&ring);
}

/* The kernel's answer to a request that it was to carry out. */
static void take_answer(struct request *request, int res)
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
		if (t->from)
			*t->fromlen = request->msg.msg_namelen;
		if (request->msg.msg_flags & MSG_TRUNC &&
		    !ws_slot_is_stream(request->lane->home->slot) &&
		    !(t->flags & MSG_TRUNC)) {
			t->truncated = true;
			request->done = res;
			errno = EMSGSIZE;
			res = -1;
		}
	}
	/* It may say EAGAIN of a nonblocking socket, having waited for nothing. */
	if (!goes_on(request, res < 0 ? -1 : res, &error))
		end_request(request, error);
	else
		put_on(&work, request->lane->home);
}

static void reap(struct io_uring_cqe *cqe)
{
	struct request *request = io_uring_cqe_get_data(cqe);
	int res = cqe->res;

	io_uring_cqe_seen(&ring, cqe);
	if (!request)		/* what became of a cancellation */
		return;
	atomic_fetch_sub(&request->lane->home->in_ring, 1);
	request->state = WAITING;
	take_answer(request, res);
}

/* Called by the helper thread: something was asked for, or has been answered. */
void ws_requests_work(void)
{
	struct io_uring_cqe *cqe;

	pthread_mutex_lock(&request_lock);
	if (have_ring) {
		do {
			do_work();
			while (!io_uring_peek_cqe(&ring, &cqe))
				reap(cqe);
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

struct ws_requests *ws_requests_hold_slow(struct ws_slot *slot, int fd)
{
	struct ws_requests *r;

	pthread_mutex_lock(&request_lock);
	r = atomic_load(&slot->requests);
	if (r) {
		r->users++;
		if (r->count)
			r->cookie = cookie_of(fd);
	}
	pthread_mutex_unlock(&request_lock);
	return r;
}

/* References to the file that the kernel cannot tell from another process's. */
unsigned int ws_requests_pending(const struct ws_requests *r)
{
	return r ? atomic_load(&r->in_ring) : 0;
}

/* A number of this process that means the socket; -1 if there is none. */
static int find_number(uint64_t cookie)
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
static bool move(struct ws_requests *r)
{
	int fd = r->cookie ? find_number(r->cookie) : -1;
	struct ws_slot *slot = fd < 0 ? NULL : ws_slot_adopt(fd);
	struct ws_requests *none = NULL;

	if (!slot)
		return false;
	r->slot = slot;
	r->fd = fd;
	r->generation = atomic_load(&slot->generation);
	if (atomic_compare_exchange_strong(&slot->requests, &none, r))
		r->users++;
	put_on(&work, r);
	return true;
}

/* P8, P10: returns when nothing is left. */
static void drop_all(struct ws_requests *r)
{
	int i;

	for (i = 0; i < 2; i++)
		if (r->lanes[i].first && r->lanes[i].first->state == IN_RING)
			r->lanes[i].first->state = TO_CANCEL;
	put_on(&work, r);
	ws_helper_wake();
	while (r->count)
		pthread_cond_wait(&request_ended, &request_lock);
}

/* What the kernel has cancelled is about to come back. */
static void wait_a_moment(const struct ws_requests *r)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += MOMENT_NSEC;
	if (end.tv_nsec >= WS_NSEC_PER_SEC) {
		end.tv_nsec -= WS_NSEC_PER_SEC;
		end.tv_sec++;
	}
	while (r->count &&
	       !pthread_cond_clockwait(&request_ended, &request_lock,
				       CLOCK_MONOTONIC, &end))
		;
}

static void end_socket(struct ws_requests *r)
{
	struct ws_requests *same = r;

	if (atomic_compare_exchange_strong(&r->slot->requests, &same, NULL))
		put_requests(r);
	if (!r->count)
		return;
	put_on(&work, r);
	ws_helper_wake();
	wait_a_moment(r);
	/* Looking through all numbers is for the rare case. */
	if (r->count && !move(r))
		drop_all(r);
}

void ws_requests_release_slow(struct ws_requests *r, bool closed)
{
	pthread_mutex_lock(&request_lock);
	look_again_at_deferred();
	if (r && closed)
		end_socket(r);
	if (r)
		put_requests(r);
	if (work)
		ws_helper_wake();
	pthread_mutex_unlock(&request_lock);
}

/* WSACleanup: every socket is closed. */
void ws_requests_stop(void)
{
	pthread_mutex_lock(&request_lock);
	if (have_ring) {
		if (!ws_event_is_valid(ring.ring_fd))
			ring.ring_fd = -1;	/* somebody else's by now */
		io_uring_queue_exit(&ring);
		have_ring = false;
	}
	end_all();
	pthread_mutex_unlock(&request_lock);
}

void ws_requests_before_fork(void)
{
	pthread_mutex_lock(&request_lock);
	ws_alerts_before_fork();
}

/* L8: the parent's requests are the parent's, and so is the ring. */
void ws_requests_after_fork(bool child)
{
	if (child) {
		work = NULL;
		deferred = NULL;
		all = NULL;
		pthread_cond_init(&request_ended, NULL);
	}
	ws_alerts_after_fork(child);
	pthread_mutex_unlock(&request_lock);
	if (child)
		ws_requests_stop();
}
