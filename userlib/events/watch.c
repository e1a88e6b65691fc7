// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Event selections: WSAEventSelect, WSAEnumNetworkEvents and what WSAAsyncSelect
 * shares with them.
 *
 * For each network event a watch stores whether it is selected (mask), has been
 * recorded (pending), and was reported and is not re-enabled yet (reported).
 * record_events() compares these with what the socket is ready for.  It runs in the
 * call that selects or re-enables an event, and in the helper thread when epoll
 * reports a change.  A watch stays with its socket until that is closed, even if no
 * event is selected any more: Windows keeps what was reported, too.
 *
 * The epoll set is edge-triggered and holds no reference to a file.  The watch's
 * serial number tells whether an event is from an earlier socket with the same
 * descriptor.
 *
 * closesocket() takes watch_lock to suspend the watch before it closes, and to drop it
 * when it has closed.  So nothing is recorded once the descriptor may refer to another
 * socket, nor after closesocket() has returned (P9).
 */
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/error.h"
#include "core/export.h"
#include "core/part.h"
#include "core/socket.h"
#include "async.h"
#include "event.h"
#include "helper.h"
#include "ready.h"
#include "watch.h"

/* Determines which events can occur. */
enum phase {
	UNCONNECTED,	/* or not yet known to be anything else */
	CONNECTED,
	LISTENING,
	DATAGRAM,
};

/**
 * struct ws_watch - the selection of one socket
 * @next: in the list of all watches
 * @link: the pointer to this watch in that list
 * @users: slots that refer to it: one for each descriptor of the socket
 * @slot: the slot of @fd
 * @fd: the descriptor by which the socket is in the epoll set
 * @inode: of the socket
 * @serial: changes with @fd; never 0
 * @suspended: number of closesocket() calls in progress on @fd
 * @armed: EPOLL* events of the socket in the epoll set; 0 if it is not there
 * @phase: see enum phase
 * @target: where events are reported
 * @mask: FD_ events that are selected
 * @pending: FD_ events that WSAEnumNetworkEvents() has not returned yet
 * @reported: FD_ events that are not reported again until they are re-enabled
 * @errors: error codes of @pending events
 * @connect_error: errno of the attempt that FD_CONNECT reported
 */
struct ws_watch {
	struct ws_watch *next;
	struct ws_watch **link;
	unsigned int users;
	struct ws_slot *slot;
	int fd;
	uint64_t inode;
	uint32_t serial;
	unsigned int suspended;
	uint32_t armed;
	enum phase phase;
	struct ws_target target;
	long mask;
	long pending;
	long reported;
	int errors[FD_MAX_EVENTS];
	int connect_error;
};

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ws_watch *watches;
static uint32_t last_serial;

static uint64_t key_of(const struct ws_watch *w)
{
	return (uint64_t)w->serial << 32 | (uint32_t)w->fd;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* The order in which messages are posted. */
static const struct {
	long event;
	int bit;
	uint32_t epoll;
} network_events[] = {
	{ FD_CONNECT,	FD_CONNECT_BIT,	EPOLLOUT },
	{ FD_ACCEPT,	FD_ACCEPT_BIT,	EPOLLIN },
	{ FD_OOB,	FD_OOB_BIT,	EPOLLPRI },
	{ FD_READ,	FD_READ_BIT,	EPOLLIN },
	{ FD_WRITE,	FD_WRITE_BIT,	EPOLLOUT },
	{ FD_CLOSE,	FD_CLOSE_BIT,	EPOLLRDHUP },
};

#define NETWORK_EVENTS	(sizeof(network_events) / sizeof(network_events[0]))

static long wanted_events(const struct ws_watch *w)
{
	return w->mask & ~(w->pending | w->reported);
}

static uint32_t epoll_events(const struct ws_watch *w)
{
	long events = wanted_events(w);
	uint32_t epoll = 0;
	size_t i;

	for (i = 0; i < NETWORK_EVENTS; i++)
		if (events & network_events[i].event)
			epoll |= network_events[i].epoll;
	return epoll ? epoll | EPOLLET : 0;
}

/*
 * Once in the set the socket stays there, so that a change needs no memory.  If the
 * descriptor has been reused meanwhile, EPOLL_CTL_MOD fails with ENOENT.
 */
static int arm(struct ws_watch *w, uint32_t events)
{
	struct epoll_event event = {
		.events = events ? events : EPOLLONESHOT,
		.data.u64 = key_of(w),
	};

	if (events == w->armed || !ws_helper_runs())
		return 0;
	if (ws_helper_ctl(EPOLL_CTL_MOD, w->fd, &event)) {
		if (!events || errno != ENOENT)
			return -1;
		if (ws_helper_ctl(EPOLL_CTL_ADD, w->fd, &event))
			return -1;
	}
	w->armed = events;
	return 0;
}

/*
 * Finds out from the socket whether it listens or is connected: the calls that the
 * application made before it selected events were not recorded.
 */
static void update_phase(struct ws_watch *w, unsigned int ready)
{
	socklen_t len = sizeof(struct tcp_info);
	struct tcp_info info = { 0 };

	if (w->phase != UNCONNECTED)
		return;
	if (getsockopt(w->fd, SOL_TCP, TCP_INFO, &info, &len)) {
		w->phase = CONNECTED;
		return;
	}
	switch (info.tcpi_state) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		break;
	case TCP_LISTEN:
		w->phase = LISTENING;
		break;
	case TCP_CLOSE:
		if (ready & (WS_HANGUP | WS_ABORTED))
			w->phase = CONNECTED;
		break;
	default:
		w->phase = CONNECTED;
	}
}

static unsigned int readiness(const struct ws_watch *w)
{
	struct pollfd pollfd = {
		.fd = w->fd,
		.events = POLLIN | POLLPRI | POLLRDHUP,
	};

	if (wanted_events(w) & (FD_CONNECT | FD_WRITE) || w->phase == UNCONNECTED)
		pollfd.events |= POLLOUT;
	if (poll(&pollfd, 1, 0) <= 0 || pollfd.revents & POLLNVAL)
		return 0;
	return ws_ready(w->slot, w->fd, pollfd.revents);
}

/*
 * FD_READ and FD_WRITE do not occur in a direction that was shut down (L25), and
 * FD_WRITE not on a connection that was aborted.  FD_CLOSE occurs once there is
 * nothing left to read.
 */
static long occurred(const struct ws_watch *w, unsigned int ready)
{
	unsigned int flags = ws_slot_flags(w->slot);
	long events = FD_CONNECT;

	switch (w->phase) {
	case UNCONNECTED:
		return ready & WS_CONNECT_FAILED ? FD_CONNECT : 0;
	case LISTENING:
		return ready & WS_READABLE ? FD_ACCEPT : 0;
	default:
		break;
	}
	if (ready & WS_ABORTED)
		return events | FD_CLOSE;
	if (ready & WS_READABLE && !(flags & WS_SLOT_SHUT_RECV))
		events |= FD_READ;
	else if (ready & WS_HANGUP)
		events |= FD_CLOSE;
	if (ready & WS_URGENT)
		events |= FD_OOB;
	if (ready & WS_WRITABLE && !(flags & WS_SLOT_SHUT_SEND))
		events |= FD_WRITE;
	return events;
}

/*
 * The kernel returns SO_ERROR once, and this is where it is read.  It is stored for
 * the application, which can read it repeatedly, as on Windows.
 */
static int connect_error(struct ws_watch *w)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &err, &len) && err)
		w->connect_error = err;
	return ws_error_from_errno(w->connect_error ? w->connect_error :
						      ECONNREFUSED);
}

/* Windows reports WSAECONNABORTED for a reset, too. */
static int error_of(struct ws_watch *w, long event, unsigned int ready)
{
	if (event == FD_CONNECT && ready & WS_CONNECT_FAILED)
		return connect_error(w);
	if (event == FD_CLOSE && ready & WS_ABORTED)
		return WSAECONNABORTED;
	return 0;
}

static void record(struct ws_watch *w, long event, int bit, int error)
{
	const struct ws_target *target = &w->target;

	if (target->queue) {
		if (ws_queue_post(target->queue, target, key_of(w), event,
				  error))
			w->reported |= event;
		return;
	}
	w->pending |= event;
	w->errors[bit] = error;
	if (target->event >= 0)
		ws_event_set(target->event);
}

/* True if there was something to record. */
static bool record_events(struct ws_watch *w)
{
	unsigned int ready;
	long events;
	size_t i;

	if (!wanted_events(w))
		return false;

	ready = readiness(w);
	update_phase(w, ready);
	events = occurred(w, ready) & wanted_events(w);
	for (i = 0; i < NETWORK_EVENTS; i++)
		if (events & network_events[i].event)
			record(w, network_events[i].event,
			       network_events[i].bit,
			       error_of(w, network_events[i].event, ready));
	return events;
}

/*
 * Events are only added here.  An event that is armed without need costs at most one
 * wakeup, see handle_wakeup().  The common sequence, in which FD_READ is recorded and
 * re-enabled, needs no epoll_ctl(2).
 */
static int update_watch(struct ws_watch *w)
{
	uint32_t events;

	if (w->suspended)
		return 0;
	record_events(w);
	events = epoll_events(w);
	return events & ~w->armed ? arm(w, events | w->armed) : 0;
}

/* If nothing was recorded, disarm events that are not wanted at present. */
static void handle_wakeup(struct ws_watch *w)
{
	if (!w->suspended && !record_events(w))
		arm(w, epoll_events(w));
}

static struct ws_watch *find_by_key(uint64_t key)
{
	struct ws_slot *slot = ws_slot_lookup((uint32_t)key);
	struct ws_watch *w = slot ? atomic_load(&slot->watch) : NULL;

	return w && key_of(w) == key ? w : NULL;
}

/* Called by the helper thread. */
void ws_watch_ready(uint64_t name)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	w = find_by_key(name);
	if (w)
		handle_wakeup(w);
	pthread_mutex_unlock(&watch_lock);
}

/* WSACleanup(), before the epoll set is closed: all sockets are closed by now. */
static void stop_watches(void)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	for (w = watches; w; w = w->next)
		w->armed = 0;
	pthread_mutex_unlock(&watch_lock);
}

static void assign_slot(struct ws_watch *w, struct ws_slot *slot, int fd)
{
	w->slot = slot;
	w->fd = fd;
	w->armed = 0;
	w->suspended = 0;
	/* Keys with the serial number 0 are enum ws_part_id. */
	if (!++last_serial)
		last_serial++;
	w->serial = last_serial;
}

static struct ws_watch *new_watch(struct ws_slot *slot, int fd)
{
	struct ws_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	assign_slot(w, slot, fd);
	w->inode = inode_of(fd);
	w->target.event = -1;
	if (ws_slot_is_datagram(slot))
		w->phase = DATAGRAM;
	if (w->phase == DATAGRAM || ws_slot_flags(slot) & WS_SLOT_ACCEPTED)
		w->reported = FD_CONNECT;

	w->next = watches;
	w->link = &watches;
	if (w->next)
		w->next->link = &w->next;
	watches = w;
	return w;
}

static void link_watch(struct ws_slot *slot, struct ws_watch *w)
{
	w->users++;
	atomic_store(&slot->watch, w);
}

/* A socket has one selection, whichever of its descriptors is used. */
static struct ws_watch *find_by_inode(int fd)
{
	uint64_t inode = watches ? inode_of(fd) : 0;
	struct ws_watch *w;

	for (w = inode ? watches : NULL; w; w = w->next)
		if (w->inode == inode)
			return w;
	return NULL;
}

static struct ws_watch *get_watch(struct ws_slot *slot, int fd)
{
	struct ws_watch *w = atomic_load(&slot->watch);

	if (w)
		return w;
	w = find_by_inode(fd);
	if (!w)
		w = new_watch(slot, fd);
	if (w)
		link_watch(slot, w);
	return w;
}

static void free_watch(struct ws_watch *w)
{
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	free(w);
}

static struct ws_watch *unassigned;

static void assign_unassigned(struct ws_slot *slot, int fd)
{
	if (unassigned && atomic_load(&slot->watch) == unassigned) {
		assign_slot(unassigned, slot, fd);
		unassigned = NULL;
	}
}

/* @slot no longer refers to @w. */
static void put_watch(struct ws_slot *slot, struct ws_watch *w)
{
	if (!--w->users) {
		if (w->target.queue)
			ws_queue_purge(w->target.queue, key_of(w));
		free_watch(w);
	} else if (w->slot == slot) {
		unassigned = w;
		ws_slot_for_each(assign_unassigned);
		update_watch(w);
	}
}

static void drop(struct ws_slot *slot)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	w = atomic_exchange(&slot->watch, NULL);
	if (w)
		put_watch(slot, w);
	pthread_mutex_unlock(&watch_lock);
}

/* Without memory the connection has no selection. */
void ws_watch_replace_slow(struct ws_slot *slot, int fd)
{
	struct ws_watch *w, *new;

	pthread_mutex_lock(&watch_lock);
	w = atomic_exchange(&slot->watch, NULL);
	new = w && w->mask ? new_watch(slot, fd) : NULL;
	if (new) {
		new->target = w->target;
		new->mask = w->mask;
		link_watch(slot, new);
		update_watch(new);
	}
	if (w)
		put_watch(slot, w);
	pthread_mutex_unlock(&watch_lock);
}

/*
 * Also disarms the socket: if another process has it, it stays in the epoll set after
 * the close, and would wake the helper thread.
 */
static uint32_t suspend(struct ws_slot *slot)
{
	struct ws_watch *w;
	uint32_t serial = 0;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	if (w && w->slot == slot) {
		w->suspended++;
		arm(w, 0);
		serial = w->serial;
	}
	pthread_mutex_unlock(&watch_lock);
	return serial;
}

static void resume(struct ws_slot *slot, uint32_t serial)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	if (w && w->serial == serial && !--w->suspended)
		update_watch(w);
	pthread_mutex_unlock(&watch_lock);
}

static void reenable(struct ws_slot *slot, long events)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	if (w) {
		w->pending &= ~events;
		w->reported &= ~events;
		update_watch(w);
	}
	pthread_mutex_unlock(&watch_lock);
}

static void note_connecting(struct ws_slot *slot)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	/* A program may call connect() on a connected socket to see if it is. */
	if (w && w->phase != CONNECTED) {
		w->pending = 0;
		w->reported = 0;
		w->connect_error = 0;
	}
	if (w)
		update_watch(w);
	pthread_mutex_unlock(&watch_lock);
}

/* Without memory the new socket has no selection. */
static void inherit(struct ws_slot *slot, struct ws_slot *child, int fd)
{
	struct ws_watch *w, *new;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	new = w && w->mask ? new_watch(child, fd) : NULL;
	if (new) {
		new->target = w->target;
		new->target.socket = fd;
		new->mask = w->mask;
		link_watch(child, new);
		update_watch(new);
	}
	pthread_mutex_unlock(&watch_lock);
}

bool ws_watch_is_active_slow(struct ws_slot *slot)
{
	struct ws_watch *w;
	bool active;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	active = w && w->mask;
	pthread_mutex_unlock(&watch_lock);
	return active;
}

static int saved_connect_error(struct ws_slot *slot)
{
	struct ws_watch *w;
	int err;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch);
	err = w ? w->connect_error : 0;
	pthread_mutex_unlock(&watch_lock);
	return err;
}

/* A descriptor that is new to the library may refer to a socket with a selection. */
static void adopted(struct ws_slot *slot, int fd)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	w = atomic_load(&slot->watch) ? NULL : find_by_inode(fd);
	if (w)
		link_watch(slot, w);
	pthread_mutex_unlock(&watch_lock);
}

void ws_watch_forget_event(int event)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	for (w = watches; w; w = w->next)
		if (w->target.event == event)
			w->target.event = -1;
	pthread_mutex_unlock(&watch_lock);
}

void ws_watch_forget_queue(const struct winsock_queue *queue)
{
	struct ws_watch *w;

	pthread_mutex_lock(&watch_lock);
	for (w = watches; w; w = w->next)
		if (w->target.queue == queue) {
			w->target.queue = NULL;
			w->mask = 0;
		}
	pthread_mutex_unlock(&watch_lock);
}

/* L8: the selections belong to the parent. */
static void forget_watches(void)
{
	while (watches)
		free_watch(watches);
}

static const struct ws_part watch_part = {
	.lock = &watch_lock,
	.forked = forget_watches,
	.stop = stop_watches,
	.adopted = adopted,
	.connecting = note_connecting,
	.connect_error = saved_connect_error,
	.inherit = inherit,
	.reenable = reenable,
	.suspend = suspend,
	.resume = resume,
	.drop = drop,
};

WS_REGISTER_PART(WS_PART_WATCH, watch_part)

/*
 * As on Windows, events that were reported through an event object stay reported,
 * and messages are posted again, except FD_CONNECT for a socket that is connected.
 */
static int set_selection(struct ws_watch *w, const struct ws_target *target,
			 long mask)
{
	if (target->queue && !ws_queue_is_open(target->queue))
		return WSAEINVAL;
	if (mask && ws_helper_start())
		return WSAENOBUFS;

	w->target = *target;
	w->mask = mask;
	w->pending = 0;
	if (target->queue) {
		update_phase(w, readiness(w));
		w->reported = w->phase == CONNECTED || w->phase == DATAGRAM ?
			      FD_CONNECT : 0;
	}
	if (!update_watch(w))
		return 0;
	w->mask = 0;
	return WSAENOBUFS;
}

/**
 * ws_watch_select - select network events of a socket
 * @fd: its descriptor
 * @target: where they are reported
 * @mask: FD_ events; 0 ends the selection
 *
 * Replaces the previous selection.  The socket is nonblocking afterwards.
 *
 * Return: 0 or a WSA error.  On WSAENOBUFS no event is selected any more, on another
 * error nothing has changed.
 */
int ws_watch_select(int fd, const struct ws_target *target, long mask)
{
	struct ws_slot *slot = ws_slot_adopt(fd);
	struct ws_watch *w;
	int error, on = 1;

	if (!slot)
		return WSAENOTSOCK;
	if (mask & ~FD_ALL_EVENTS)
		return WSAEINVAL;

	pthread_mutex_lock(&watch_lock);
	w = mask ? get_watch(slot, fd) : atomic_load(&slot->watch);
	if (w)
		error = set_selection(w, target, mask);
	else
		error = mask ? WSAENOBUFS : 0;
	pthread_mutex_unlock(&watch_lock);

	if (!error && ioctl(fd, FIONBIO, &on))
		error = ws_error_from_errno(errno);
	return error;
}

WS_EXPORT int WSAEventSelect(SOCKET s, WSAEVENT event, long mask)
{
	struct ws_target target = { .event = ws_event_fd(event) };
	struct ws_call call;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	if (mask && !ws_event_is_valid(target.event))
		error = ws_slot_adopt(call.fd) ? WSAEINVAL : WSAENOTSOCK;
	else
		error = ws_watch_select(call.fd, &target, mask);
	return ws_call_end(&call, error);
}

/* @event is reset under the lock, so that a later event sets it again. */
static int enumerate(struct ws_slot *slot, int event, WSANETWORKEVENTS *events)
{
	struct ws_watch *w;
	int bit;

	if (event >= 0 && !ws_event_reset(event))
		return WSAEINVAL;
	events->lNetworkEvents = 0;
	w = atomic_load(&slot->watch);
	if (!w)
		return 0;
	events->lNetworkEvents = w->pending;
	/* L20: the iErrorCode of other events is not written. */
	for (bit = 0; bit < FD_MAX_EVENTS; bit++)
		if (w->pending & 1 << bit)
			events->iErrorCode[bit] = w->errors[bit];
	w->reported |= w->pending;
	w->pending = 0;
	return 0;
}

WS_EXPORT int WSAEnumNetworkEvents(SOCKET s, WSAEVENT event,
				   WSANETWORKEVENTS *events)
{
	struct ws_call call;
	struct ws_slot *slot;
	int error;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	slot = ws_slot_adopt(call.fd);
	if (!slot) {
		error = WSAENOTSOCK;
	} else if (!events) {
		error = WSAEFAULT;
	} else {
		pthread_mutex_lock(&watch_lock);
		error = enumerate(slot, ws_event_fd(event), events);
		pthread_mutex_unlock(&watch_lock);
	}
	return ws_call_end(&call, error);
}
