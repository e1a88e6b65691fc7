// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * select() and WSAPoll(), both on ppoll(2).
 *
 * poll(2) reports conditions that Winsock does not: POLLHUP for a stream socket that
 * is not connected yet, which ends the wait at once.  Such a socket is left out of the
 * wait and polled again every RECHECK_NSEC, together with its slot, since closesocket()
 * must end the wait.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <winsock2.h>

#include "core/blocking.h"
#include "core/call.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/export.h"
#include "core/socket.h"
#include "ready.h"

#define USEC_PER_SEC	1000000
#define RECHECK_NSEC	(20 * WS_NSEC_PER_MSEC)
/* A wait for this many sockets does not allocate. */
#define FEW		64

/**
 * struct wanted - a socket that is waited for
 * @slot: its slot
 * @generation: of @slot when the wait began
 * @interest: WS_READABLE etc. to wait for
 * @ready: those of @interest that it is ready for
 * @sets: the sets of a select() that it is in, 1 << enum set
 * @events: the events passed to WSAPoll()
 * @closed: closesocket() has closed it meanwhile
 * @invalid: the descriptor was never valid, or was closed by close(2)
 */
struct wanted {
	struct ws_slot *slot;
	unsigned int generation;
	unsigned int interest;
	unsigned int ready;
	unsigned int sets;
	short events;
	bool closed;
	bool invalid;
};

/**
 * struct wait - one select() or WSAPoll()
 * @call: the application's call
 * @count: the number of sockets
 * @wanted: the sockets
 * @pollfds: for poll(2), in the same order; poll(2) ignores a negative fd
 * @memory: the allocation of both arrays; NULL if @few is used
 * @deadline: when the wait times out
 * @few: both arrays, for at most FEW sockets
 */
struct wait {
	struct ws_call call;
	unsigned int count;
	struct wanted *wanted;
	struct pollfd *pollfds;
	void *memory;
	struct ws_deadline deadline;
	struct {
		struct wanted wanted[FEW];
		struct pollfd pollfds[FEW];
	} few;
};

/* Room for @most sockets. */
static bool wait_init(struct wait *wait, size_t most)
{
	size_t size = sizeof(*wait->wanted) + sizeof(*wait->pollfds);

	wait->count = 0;
	wait->deadline = ws_never();
	wait->memory = NULL;
	wait->wanted = wait->few.wanted;
	wait->pollfds = wait->few.pollfds;
	if (most <= FEW)
		return true;

	if (most > SIZE_MAX / size)
		return false;
	wait->memory = malloc(most * size);
	wait->wanted = wait->memory;
	wait->pollfds = (void *)(wait->wanted + most);
	return wait->memory;
}

static struct wanted *wait_add(struct wait *wait, int fd, struct ws_slot *slot)
{
	struct wanted *wanted = &wait->wanted[wait->count];

	wait->pollfds[wait->count++] = (struct pollfd) { .fd = fd };
	*wanted = (struct wanted) {
		.slot = slot,
		.generation = ws_slot_generation(slot),
	};
	return wanted;
}

/* poll(2) holds references: closesocket() must not count them as owners. */
static void count_pollers(const struct wait *wait, int n)
{
	unsigned int i;

	for (i = 0; i < wait->count; i++)
		if (wait->pollfds[i].fd >= 0)
			atomic_fetch_add(&wait->wanted[i].slot->pollers, n);
}

static int poll_once(struct wait *wait, const struct timespec *timeout)
{
	int ret;

	count_pollers(wait, 1);
	ret = ws_ppoll(wait->pollfds, wait->count, timeout);
	count_pollers(wait, -1);
	return ret;
}

/*
 * Was the descriptor closed, and perhaps reused?  A closesocket() that has not
 * returned may show as a hangup, so its end is waited for.
 */
static bool was_closed(const struct wanted *wanted, short revents)
{
	if (revents & (POLLNVAL | POLLERR | POLLHUP | POLLRDHUP))
		return ws_slot_closed_since(wanted->slot, wanted->generation);
	return ws_slot_generation(wanted->slot) != wanted->generation;
}

static bool check_socket(struct wanted *wanted, int fd, short revents)
{
	if (revents && !(revents & POLLNVAL))
		wanted->ready = wanted->interest &
				ws_ready(wanted->slot, fd, revents);
	/* Checked last: poll(2) may have reported on another socket with this fd. */
	wanted->closed = was_closed(wanted, revents);
	wanted->invalid = !wanted->closed && revents & POLLNVAL;
	return wanted->ready || wanted->closed || wanted->invalid;
}

static bool check_sockets(struct wait *wait)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < wait->count; i++)
		any |= check_socket(&wait->wanted[i], wait->pollfds[i].fd,
				    wait->pollfds[i].revents);
	return any;
}

/*
 * Waits for RECHECK_NSEC without the sockets that poll(2) reports although they are not
 * ready.  The caller polls all sockets again.
 */
static void poll_others(struct wait *wait, const struct timespec *left)
{
	struct timespec moment = { .tv_nsec = RECHECK_NSEC };
	struct pollfd *pollfd;

	if (left && !left->tv_sec && left->tv_nsec < moment.tv_nsec)
		moment = *left;
	for (pollfd = wait->pollfds; pollfd < wait->pollfds + wait->count; pollfd++)
		if (pollfd->revents)
			pollfd->fd = ~pollfd->fd;
	poll_once(wait, &moment);
	for (pollfd = wait->pollfds; pollfd < wait->pollfds + wait->count; pollfd++)
		if (pollfd->fd < 0)
			pollfd->fd = ~pollfd->fd;
}

/* 1 if a socket is ready or was closed, 0 on timeout, -1 with errno. */
static int wait_for_sockets(struct wait *wait)
{
	bool bounded = wait->deadline.bounded;
	struct timespec left = { 0 };
	unsigned int i;
	int ret;

	for (i = 0; i < wait->count; i++)
		wait->pollfds[i].events = ws_ready_events(wait->wanted[i].interest);
	for (;;) {
		if (bounded)
			left = ws_deadline_left(&wait->deadline);
		ret = poll_once(wait, bounded ? &left : NULL);
		/* L3: a signal that cancels nothing has no visible effect. */
		if (ret < 0 && (errno != EINTR || ws_is_cancelled()))
			return -1;
		if (check_sockets(wait))
			return 1;
		if (!ret || (bounded && !left.tv_sec && !left.tv_nsec))
			return 0;
		if (ret > 0)
			poll_others(wait, bounded ? &left : NULL);
	}
}

static void wait_end(struct wait *wait)
{
	free(wait->memory);
}

enum set {
	SET_READ,
	SET_WRITE,
	SET_EXCEPT,
	SETS,
};

static const unsigned int set_interest[SETS] = {
	[SET_READ]	= WS_READABLE | WS_HANGUP | WS_ABORTED,
	[SET_WRITE]	= WS_WRITABLE,
	[SET_EXCEPT]	= WS_URGENT | WS_CONNECT_FAILED,
};

/**
 * struct selection - one select()
 * @sets: its three sets, any of which may be NULL, or the same as another
 * @total: entries in them; a socket in two sets counts twice
 * @wait: for the sockets, each of them once
 * @index: hash table: descriptor to index in @wait plus one
 * @buckets: size of @index, a power of two
 * @few_index: @index for at most FEW entries
 */
struct selection {
	struct winsock_fd_set *sets[SETS];
	size_t total;
	struct wait wait;
	unsigned int *index;
	size_t buckets;
	unsigned int few_index[FEW * 2];
};

static unsigned int *bucket_of(const struct selection *sel, int fd)
{
	size_t i = fd;
	unsigned int *bucket;

	do {
		bucket = &sel->index[i++ & (sel->buckets - 1)];
	} while (*bucket && sel->wait.pollfds[*bucket - 1].fd != fd);
	return bucket;
}

static struct wanted *find(const struct selection *sel, SOCKET s)
{
	return &sel->wait.wanted[*bucket_of(sel, ws_socket_fd(s)) - 1];
}

static bool selection_init(struct selection *sel)
{
	if (!wait_init(&sel->wait, sel->total))
		return false;
	sel->index = sel->few_index;
	sel->buckets = FEW * 2;
	if (sel->total <= FEW) {
		memset(sel->few_index, 0, sizeof(sel->few_index));
		return true;
	}
	while (sel->buckets < sel->total * 2)
		sel->buckets *= 2;
	sel->index = calloc(sel->buckets, sizeof(*sel->index));
	return sel->index;
}

static void selection_end(struct selection *sel)
{
	if (sel->index != sel->few_index)
		free(sel->index);
	wait_end(&sel->wait);
}

/* False if @s is not a socket. */
static bool selection_add(struct selection *sel, SOCKET s, enum set set)
{
	int fd = ws_socket_fd(s);
	struct ws_slot *slot = ws_slot_adopt(fd);
	struct wanted *wanted;
	unsigned int *bucket;

	if (!slot)
		return false;
	bucket = bucket_of(sel, fd);
	if (!*bucket) {
		wait_add(&sel->wait, fd, slot);
		*bucket = sel->wait.count;
	}
	wanted = &sel->wait.wanted[*bucket - 1];
	wanted->sets |= 1 << set;
	wanted->interest |= set_interest[set];
	return true;
}

static bool selection_add_all(struct selection *sel)
{
	enum set set;
	u_int i;

	for (set = 0; set < SETS; set++)
		for (i = 0; sel->sets[set] && i < sel->sets[set]->fd_count; i++)
			if (!selection_add(sel, sel->sets[set]->fd_array[i], set))
				return false;
	return true;
}

static bool is_ready_in(const struct wanted *wanted, enum set set)
{
	if (!(wanted->sets & 1 << set))
		return false;
	if (wanted->closed)		/* P5 */
		return set == SET_READ;
	return wanted->ready & set_interest[set];
}

/* A program may pass the same set as two arguments; it gets the union. */
static bool is_ready_in_same(const struct selection *sel,
			     const struct wanted *wanted, enum set set)
{
	enum set other;

	for (other = set; other < SETS; other++)
		if (sel->sets[other] == sel->sets[set] &&
		    is_ready_in(wanted, other))
			return true;
	return false;
}

/* Removes the sockets that are not ready, and duplicates.  Returns how many are left. */
static int keep_ready(struct selection *sel, enum set set)
{
	winsock_fd_set *fds = sel->sets[set];
	u_int count = fds->fd_count;
	struct wanted *wanted;
	enum set before;
	u_int i;

	for (before = 0; before < set; before++)
		if (sel->sets[before] == fds)
			return 0;

	fds->fd_count = 0;
	for (i = 0; i < count; i++) {
		wanted = find(sel, fds->fd_array[i]);
		if (!is_ready_in_same(sel, wanted, set))
			continue;
		fds->fd_array[fds->fd_count++] = fds->fd_array[i];
		for (before = set; before < SETS; before++)
			if (sel->sets[before] == fds)
				wanted->sets &= ~(1 << before);
	}
	return fds->fd_count;
}

static int keep_all_ready(struct selection *sel)
{
	enum set set;
	int count = 0;

	for (set = 0; set < SETS; set++)
		if (sel->sets[set])
			count += keep_ready(sel, set);
	return count;
}

static void empty_all(struct selection *sel)
{
	enum set set;

	for (set = 0; set < SETS; set++)
		if (sel->sets[set])
			sel->sets[set]->fd_count = 0;
}

/* WSAENOTSOCK for an invalid descriptor or P6, else 0. */
static int selection_error(struct selection *sel)
{
	const struct wanted *wanted = sel->wait.wanted;
	unsigned int i;

	for (i = 0; i < sel->wait.count; i++)
		if (wanted[i].invalid)
			return WSAENOTSOCK;
	for (i = 0; i < sel->wait.count; i++)
		if (wanted[i].closed && !(wanted[i].sets & 1 << SET_READ)) {
			empty_all(sel);
			return WSAENOTSOCK;	/* P6 */
		}
	return 0;
}

static int run(struct selection *sel, int *count)
{
	int error;

	if (!selection_add_all(sel))
		return WSAENOTSOCK;
	if (wait_for_sockets(&sel->wait) < 0)
		return ws_error_from_errno(errno);
	error = selection_error(sel);
	if (!error)
		*count = keep_all_ready(sel);
	return error;
}

static int select_error(struct selection *sel, const struct timeval *timeout,
			int *count)
{
	time_t seconds = 0;
	enum set set;
	int error;

	sel->total = 0;
	for (set = 0; set < SETS; set++)
		if (sel->sets[set])
			sel->total += sel->sets[set]->fd_count;
	if (!sel->total)
		return WSAEINVAL;
	if (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0))
		return WSAEINVAL;
	if (timeout && __builtin_add_overflow(timeout->tv_sec,
					      timeout->tv_usec / USEC_PER_SEC,
					      &seconds))
		timeout = NULL;
	if (!selection_init(sel)) {
		selection_end(sel);
		return WSAENOBUFS;
	}
	if (timeout)
		sel->wait.deadline = ws_deadline_in(seconds,
						    timeout->tv_usec % USEC_PER_SEC * 1000);
	error = run(sel, count);
	selection_end(sel);
	return error;
}

/* As on Windows, @nfds is ignored. */
WS_EXPORT int winsock_select(int nfds, winsock_fd_set *readfds,
			     winsock_fd_set *writefds,
			     winsock_fd_set *exceptfds,
			     const struct timeval *timeout)
{
	struct selection sel = {
		.sets = { readfds, writefds, exceptfds },
	};
	int error, count = 0;

	(void)nfds;
	if (!ws_call_begin(&sel.wait.call, -1))
		return SOCKET_ERROR;
	ws_call_block(&sel.wait.call, WS_OTHER);
	error = select_error(&sel, timeout, &count);
	ws_call_unblock();
	return ws_call_done(&sel.wait.call, error) ? SOCKET_ERROR : count;
}

#ifdef WINSOCK_TIME64

struct timeval32 {
	int32_t tv_sec;
	int32_t tv_usec;
};

/* The above is winsock_select_time64(), this one for programs whose time_t has 32 bits. */
WS_EXPORT int select_time32(int nfds, winsock_fd_set *readfds,
			    winsock_fd_set *writefds,
			    winsock_fd_set *exceptfds,
			    const struct timeval32 *timeout)
	__asm__("winsock_select");

WS_EXPORT int select_time32(int nfds, winsock_fd_set *readfds,
			    winsock_fd_set *writefds,
			    winsock_fd_set *exceptfds,
			    const struct timeval32 *timeout)
{
	struct timeval time64;

	if (timeout) {
		time64.tv_sec = timeout->tv_sec;
		time64.tv_usec = timeout->tv_usec;
	}
	return winsock_select(nfds, readfds, writefds, exceptfds,
			      timeout ? &time64 : NULL);
}

#endif

WS_EXPORT int __WSAFDIsSet(SOCKET s, winsock_fd_set *set)
{
	u_int i;

	for (i = 0; i < set->fd_count; i++)
		if (set->fd_array[i] == s)
			return 1;
	return 0;
}

#define POLL_DATA	(POLLIN | POLLRDNORM)
#define POLL_URGENT	(POLLIN | POLLRDBAND)
#define POLL_ROOM	(POLLOUT | POLLWRNORM)

/*
 * In Winsock POLLIN is POLLRDNORM and POLLRDBAND, and POLLOUT is POLLWRNORM.  Hangups
 * and errors are reported in any case.
 */
static unsigned int poll_interest(short events)
{
	unsigned int interest = WS_HANGUP | WS_ABORTED | WS_CONNECT_FAILED;

	if (events & POLL_DATA)
		interest |= WS_READABLE;
	if (events & POLL_URGENT)
		interest |= WS_URGENT;
	if (events & POLL_ROOM)
		interest |= WS_WRITABLE;
	return interest;
}

static short poll_revents(const struct wanted *wanted)
{
	short revents = 0;

	if (wanted->closed || wanted->invalid)	/* P7 */
		return POLLNVAL;
	if (wanted->ready & WS_READABLE)
		revents |= POLL_DATA;
	if (wanted->ready & WS_URGENT)
		revents |= POLL_URGENT;
	if (wanted->ready & WS_WRITABLE)
		revents |= POLL_ROOM;
	if (wanted->ready & WS_HANGUP)
		revents |= POLLHUP;
	if (wanted->ready & WS_ABORTED)
		revents |= POLLERR | POLLHUP;
	if (wanted->ready & WS_CONNECT_FAILED) {
		revents |= POLLERR | POLLHUP;
		if (wanted->interest & WS_WRITABLE)
			revents |= POLL_ROOM;
	}
	/* L20: POLLIN is returned only if it was requested. */
	return wanted->events & POLLIN ? revents : revents & ~POLLIN;
}

/*
 * An entry that is not a socket gets POLLNVAL and is neither waited for nor counted.
 * The other entries get revents 0, and are in @wait in the same order.
 */
static int poll_add_all(struct wait *wait, WSAPOLLFD *fds, ULONG nfds)
{
	struct wanted *wanted;
	struct ws_slot *slot;
	ULONG i;
	int fd;

	for (i = 0; i < nfds; i++) {
		fd = ws_socket_fd(fds[i].fd);
		slot = ws_slot_adopt(fd);
		fds[i].revents = slot ? 0 : POLLNVAL;
		if (!slot)
			continue;
		if (fds[i].events & ~(POLL_DATA | POLL_URGENT | POLL_ROOM))
			return WSAEINVAL;
		wanted = wait_add(wait, fd, slot);
		wanted->interest = poll_interest(fds[i].events);
		wanted->events = fds[i].events;
	}
	return wait->count ? 0 : WSAENOTSOCK;
}

static int poll_report(const struct wait *wait, WSAPOLLFD *fds, ULONG nfds)
{
	const struct wanted *wanted = wait->wanted;
	int count = 0;
	ULONG i;

	for (i = 0; i < nfds; i++) {
		if (fds[i].revents)
			continue;
		fds[i].revents = poll_revents(wanted++);
		count += !!fds[i].revents;
	}
	return count;
}

static int poll_error(struct wait *wait, WSAPOLLFD *fds, ULONG nfds,
		      int timeout, int *count)
{
	int error;

	if (!nfds)
		return WSAEINVAL;
	if (!fds)
		return WSAEFAULT;
	if (!wait_init(wait, nfds))
		return WSAENOBUFS;

	error = poll_add_all(wait, fds, nfds);
	if (!error) {
		if (timeout >= 0)
			wait->deadline = ws_deadline_in(timeout / 1000,
							timeout % 1000 * WS_NSEC_PER_MSEC);
		if (wait_for_sockets(wait) < 0)
			error = ws_error_from_errno(errno);
		else
			*count = poll_report(wait, fds, nfds);
	}
	wait_end(wait);
	return error;
}

WS_EXPORT int WSAPoll(WSAPOLLFD *fds, ULONG nfds, INT timeout)
{
	int error, count = 0;
	struct wait wait;

	if (!ws_call_begin(&wait.call, -1))
		return SOCKET_ERROR;
	ws_call_block(&wait.call, WS_OTHER);
	error = poll_error(&wait, fds, nfds, timeout, &count);
	ws_call_unblock();
	return ws_call_done(&wait.call, error) ? SOCKET_ERROR : count;
}

/* For programs that use libc's struct pollfd, which differs from WSAPOLLFD. */
WS_EXPORT int winsock_poll(struct pollfd *pollfds, ULONG nfds, INT timeout)
{
	WSAPOLLFD few[FEW], *fds = few;
	int ret;
	ULONG i;

	if (!pollfds)
		return WSAPoll(NULL, nfds, timeout);
	if (nfds > FEW)
		fds = calloc(nfds, sizeof(*fds));
	if (!fds)
		return ws_fail(WSAENOBUFS);

	for (i = 0; i < nfds; i++) {
		fds[i].fd = (SOCKET)pollfds[i].fd;
		fds[i].events = pollfds[i].events;
		fds[i].revents = pollfds[i].revents;
	}
	ret = WSAPoll(fds, nfds, timeout);
	for (i = 0; i < nfds; i++)
		pollfds[i].revents = fds[i].revents;
	if (fds != few)
		free(fds);
	return ret;
}
