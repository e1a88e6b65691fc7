/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's state of a socket, indexed by descriptor.
 *
 * No call depends on a slot that exists already: a socket that the library did not
 * create gets its slot at the first call on it.  Slots are never freed, so that a
 * pointer to one stays valid even if another thread closes the socket.
 */
#ifndef WS_SLOT_H
#define WS_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	WS_SLOT_OPEN		= 1 << 0,	/* WSACleanup closes it (L2) */
	WS_SLOT_SHUT_SEND	= 1 << 1,	/* EPIPE is WSAESHUTDOWN (L7) */
	WS_SLOT_SHUT_RECV	= 1 << 2,
	WS_SLOT_TIMEOUT		= 1 << 3,	/* may have SO_RCVTIMEO or SO_SNDTIMEO */
	WS_SLOT_EXCLUSIVE	= 1 << 4,	/* SO_EXCLUSIVEADDRUSE was set */
	WS_SLOT_ACCEPTED	= 1 << 5,	/* accept() returned it */
	WS_SLOT_CLOSING		= 1 << 6,	/* WSACleanup() is about to close it */
	WS_SLOT_CONNECTING	= 1 << 7,	/* connect() returned before the attempt ended */
	WS_SLOT_UNREACHABLE	= 1 << 8,	/* send() consumed an error for recv() (L11) */
	WS_SLOT_NO_CONNRESET	= 1 << 9,	/* SIO_UDP_CONNRESET is off (L11) */
	WS_SLOT_REUSE_LENT	= 1 << 10,	/* the library set SO_REUSEADDR (L12) */
	WS_SLOT_NO_INHERIT	= 1 << 11,	/* WSA_FLAG_NO_HANDLE_INHERIT */
	WS_SLOT_LINGER		= 1 << 12,	/* SO_LINGER may have been set */
};

/* What an accepted socket inherits from its listener, besides options (O8). */
#define WS_SLOT_INHERITED \
	(WS_SLOT_TIMEOUT | WS_SLOT_REUSE_LENT | WS_SLOT_NO_INHERIT | \
	 WS_SLOT_LINGER)

struct ws_part;
struct ws_requests;
struct ws_watch;

extern const struct ws_part ws_slot_part;

/**
 * struct ws_slot - one socket
 * @state: WS_SLOT_* in its lower half; the upper half, the generation, counts the
 *	   sockets that had this descriptor.  Both are updated in one atomic step.
 * @closing: threads that are in closesocket() with it
 * @pollers: threads of this process that hold a reference to the file in poll(2)
 * @accepts: odd while a thread accepts a connection that poll(2) has reported;
 *	     advances by two with each
 * @inode: compared to see whether the descriptor still refers to this socket; 0 if
 *	   not known
 * @domain: address family
 * @type: SOCK_STREAM etc.
 * @connected: when a connection began, see ws_slot_connected(); 0 if not known
 * @watch: its event selection
 * @requests: its overlapped requests
 */
struct ws_slot {
	_Atomic uint64_t state;
	_Atomic unsigned int closing;
	_Atomic unsigned int pollers;
	_Atomic unsigned int accepts;
	_Atomic uint64_t inode;
	_Atomic int domain;
	_Atomic int type;
	_Atomic unsigned int connected;
	struct ws_watch *_Atomic watch;
	struct ws_requests *_Atomic requests;
};

struct ws_slot *ws_slot_open(int fd, int domain, int type, unsigned int flags);
struct ws_slot *ws_slot_adopt(int fd);
void ws_slot_closed_watched(struct ws_slot *slot, unsigned int generation);
bool ws_slot_closed_since(struct ws_slot *slot, unsigned int generation);
void ws_slot_identify(struct ws_slot *slot, int fd);
int ws_slot_find_descriptor(uint64_t inode);
bool ws_slot_is_current(const struct ws_slot *slot, int fd);
void ws_slot_connected(struct ws_slot *slot);
unsigned int ws_slot_connect_time(struct ws_slot *slot);
socklen_t ws_slot_address_size(struct ws_slot *slot);
void ws_slot_for_each(void (*visit)(struct ws_slot *slot, int fd));

#define WS_SLOT_GENERATION	((uint64_t)1 << 32)

static inline unsigned int ws_slot_flags(struct ws_slot *slot)
{
	return slot ? (unsigned int)atomic_load(&slot->state) : 0;
}

static inline unsigned int ws_slot_generation(const struct ws_slot *slot)
{
	return atomic_load(&slot->state) / WS_SLOT_GENERATION;
}

/* A table of two levels, which grows without a lock. */
#define WS_CHUNK_SLOTS	512
#define WS_CHUNKS	16384

extern struct ws_slot *_Atomic ws_chunks[WS_CHUNKS]
	__attribute__((visibility("hidden")));

static inline struct ws_slot *ws_slot_at(unsigned int fd)
{
	struct ws_slot *chunk;

	if (fd >= WS_CHUNKS * WS_CHUNK_SLOTS)
		return NULL;
	chunk = atomic_load(&ws_chunks[fd / WS_CHUNK_SLOTS]);
	return chunk ? &chunk[fd % WS_CHUNK_SLOTS] : NULL;
}

/* NULL if there is no slot for a socket with this descriptor. */
static inline struct ws_slot *ws_slot_lookup(int fd)
{
	struct ws_slot *slot = ws_slot_at(fd);

	return ws_slot_flags(slot) & WS_SLOT_OPEN ? slot : NULL;
}

/* Begins the next generation, without flags; false if @generation is not current. */
static inline bool ws_slot_end(struct ws_slot *slot, unsigned int generation)
{
	uint64_t state = atomic_load(&slot->state);

	while (state / WS_SLOT_GENERATION == generation)
		if (atomic_compare_exchange_weak(&slot->state, &state,
						 (generation + 1ULL) * WS_SLOT_GENERATION))
			return true;
	return false;
}

/*
 * closesocket() succeeded on the socket of this generation: a thread that returns
 * from a system call finds another generation.
 */
static inline void ws_slot_closed(struct ws_slot *slot, unsigned int generation)
{
	if (atomic_load(&slot->watch))
		ws_slot_closed_watched(slot, generation);
	else
		ws_slot_end(slot, generation);
}

/* These return the flags before the change. */
static inline unsigned int ws_slot_set(struct ws_slot *slot, unsigned int flags)
{
	return atomic_fetch_or(&slot->state, flags);
}

static inline unsigned int ws_slot_clear(struct ws_slot *slot, unsigned int flags)
{
	return atomic_fetch_and(&slot->state, ~(uint64_t)flags);
}

static inline bool ws_slot_is_datagram(struct ws_slot *slot)
{
	return slot && atomic_load(&slot->type) == SOCK_DGRAM;
}

/*
 * The module has no record of this socket's pending calls.  It does find threads
 * that wait in poll(2).
 */
static inline bool ws_slot_is_unattachable(struct ws_slot *slot)
{
	int domain = slot ? atomic_load(&slot->domain) : AF_INET;

	return domain != AF_INET && domain != AF_INET6;
}

/* Can transfer without a connection. */
static inline bool ws_slot_is_connectionless(struct ws_slot *slot)
{
	int type = slot ? atomic_load(&slot->type) : 0;

	return type == SOCK_DGRAM || type == SOCK_RAW;
}

/* A socket without a slot is taken for a stream. */
static inline bool ws_slot_is_stream(struct ws_slot *slot)
{
	return !slot || atomic_load(&slot->type) == SOCK_STREAM;
}

#endif
