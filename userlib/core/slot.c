// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of slots. */
#include <dirent.h>
#include <linux/winsock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "part.h"
#include "slot.h"

struct ws_slot *_Atomic ws_chunks[WS_CHUNKS];

/*
 * Held where more than @state changes: a closesocket() that records that the
 * descriptor is closed races with a socket() that has been given it again.
 */
static pthread_mutex_t change_lock = PTHREAD_MUTEX_INITIALIZER;

/* L8: the child has no other thread, and no selections or requests of the parent. */
static void reset_after_fork(void)
{
	struct ws_slot *chunk;
	int i, j;

	for (i = 0; i < WS_CHUNKS; i++) {
		chunk = atomic_load(&ws_chunks[i]);
		for (j = 0; chunk && j < WS_CHUNK_SLOTS; j++) {
			atomic_store(&chunk[j].closing, 0);
			atomic_store(&chunk[j].pollers, 0);
			atomic_store(&chunk[j].accepts, 0);
			atomic_store(&chunk[j].watch, NULL);
			atomic_store(&chunk[j].requests, NULL);
		}
	}
}

const struct ws_part ws_slot_part = {
	.lock = &change_lock,
	.forked = reset_after_fork,
};

/* As ws_slot_at(), but allocates; NULL without memory. */
static struct ws_slot *new_slot_at(unsigned int fd)
{
	struct ws_slot *chunk, *other = NULL;

	if (ws_slot_at(fd) || fd >= WS_CHUNKS * WS_CHUNK_SLOTS)
		return ws_slot_at(fd);
	chunk = calloc(WS_CHUNK_SLOTS, sizeof(*chunk));
	if (chunk && !atomic_compare_exchange_strong(&ws_chunks[fd / WS_CHUNK_SLOTS],
						     &other, chunk))
		free(chunk);
	return ws_slot_at(fd);
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

static uint64_t next_generation(uint64_t state)
{
	return (state / WS_SLOT_GENERATION + 1) * WS_SLOT_GENERATION;
}

/*
 * The descriptor refers to a new socket.  Without memory for its slot the socket
 * works too, but WSACleanup() will not close it.
 */
struct ws_slot *ws_slot_open(int fd, int domain, int type, unsigned int flags)
{
	struct ws_slot *slot = new_slot_at(fd);
	uint64_t before;

	if (!slot)
		return NULL;
	pthread_mutex_lock(&change_lock);
	ws_watch_drop(slot);
	atomic_store(&slot->domain, domain);
	atomic_store(&slot->type, type);
	atomic_store(&slot->inode, 0);
	atomic_store(&slot->accepts, 0);
	atomic_store(&slot->connected, 0);
	before = atomic_load(&slot->state);
	while (!atomic_compare_exchange_weak(&slot->state, &before,
					     next_generation(before) | flags | WS_SLOT_OPEN))
		;
	pthread_mutex_unlock(&change_lock);
	return slot;
}

/*
 * For a socket that was created by socket(2), by another process or before exec.
 * It is attached, so that closesocket() finds its pending calls; where that is not
 * possible it stays as it is.
 */
struct ws_slot *ws_slot_adopt(int fd)
{
	struct ws_slot *slot = ws_slot_lookup(fd);
	socklen_t len = sizeof(int);
	static const int on = 1;	/* R1 */
	int domain, type;

	if (slot)
		return slot;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return NULL;

	if (type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6) &&
	    !setsockopt(fd, SOL_TCP, TCP_ULP, WINSOCK_ULP,
			sizeof(WINSOCK_ULP) - 1))
		setsockopt(fd, SOL_WINSOCK, WINSOCK_SO_RESET_DISCARDS, &on,
			   sizeof(on));
	slot = ws_slot_open(fd, domain, type, WS_SLOT_TIMEOUT | WS_SLOT_LINGER);
	if (slot) {
		ws_slot_identify(slot, fd);
		ws_slot_connected(slot);
		ws_watch_adopted(slot, fd);
	}
	return slot;
}

/* Drops the selection of this socket, but not that of the next socket with this fd. */
void ws_slot_closed_watched(struct ws_slot *slot, unsigned int generation)
{
	pthread_mutex_lock(&change_lock);
	if (ws_slot_generation(slot) == generation) {
		ws_watch_drop(slot);
		ws_slot_end(slot, generation);
	}
	pthread_mutex_unlock(&change_lock);
}

/*
 * Was the socket closed since its slot had this generation?  A closesocket() that
 * has not returned may still fail, and then nothing has changed (I1), so its end is
 * waited for.  If the descriptor is reused between this check and the caller's next
 * system call, that is not detected.
 */
bool ws_slot_closed_since(struct ws_slot *slot, unsigned int generation)
{
	static const struct timespec moment = { .tv_nsec = 1000000 };

	if (!slot)
		return false;
	while (ws_slot_generation(slot) == generation) {
		if (!atomic_load(&slot->closing))
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

void ws_slot_identify(struct ws_slot *slot, int fd)
{
	atomic_store(&slot->inode, inode_of(fd));
}

/*
 * Does the descriptor still refer to the socket of this slot, or was it closed by
 * close(2) and reused?  Sockets that the library creates are not given an fstat(2)
 * then; that the descriptor is attached is taken as enough.
 */
bool ws_slot_is_current(const struct ws_slot *slot, int fd)
{
	uint64_t inode = atomic_load(&slot->inode);
	socklen_t len = sizeof(int);
	int off;

	if (inode)
		return inode_of(fd) == inode;
	return !getsockopt(fd, SOL_WINSOCK, WINSOCK_SO_DONTLINGER, &off, &len);
}

/* A descriptor of this process that refers to the socket; -1 if there is none. */
int ws_slot_find_descriptor(uint64_t inode)
{
	DIR *dir = inode ? opendir("/proc/self/fd") : NULL;
	struct dirent *entry;
	int fd, found = -1;

	if (!dir)
		return -1;
	while (found < 0 && (entry = readdir(dir))) {
		fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);
		if (inode_of(fd) == inode)
			found = fd;
	}
	closedir(dir);
	return found;
}

/* Seconds of CLOCK_MONOTONIC plus one, so that it is never 0. */
static unsigned int seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec + 1;
}

/* A connection was accepted or begun, or the socket was adopted. */
void ws_slot_connected(struct ws_slot *slot)
{
	if (slot)
		atomic_store(&slot->connected, seconds_now());
}

/* Whole seconds since ws_slot_connected(). */
unsigned int ws_slot_connect_time(struct ws_slot *slot)
{
	unsigned int now = seconds_now();
	unsigned int since = slot ? atomic_load(&slot->connected) : 0;

	if (!slot || since)
		return since ? now - since : 0;
	atomic_store(&slot->connected, now);
	return 0;
}

/* The size of an address: Winsock fails where Linux would truncate it. */
socklen_t ws_slot_address_size(struct ws_slot *slot)
{
	switch (slot ? atomic_load(&slot->domain) : AF_UNSPEC) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return 0;
	}
}

void ws_slot_for_each(void (*visit)(struct ws_slot *slot, int fd))
{
	struct ws_slot *chunk;
	int i, j;

	for (i = 0; i < WS_CHUNKS; i++) {
		chunk = atomic_load(&ws_chunks[i]);
		for (j = 0; chunk && j < WS_CHUNK_SLOTS; j++)
			if (ws_slot_flags(&chunk[j]) & WS_SLOT_OPEN)
				visit(&chunk[j], i * WS_CHUNK_SLOTS + j);
	}
}
