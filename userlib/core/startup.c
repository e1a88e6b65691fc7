// SPDX-License-Identifier: LGPL-2.1-or-later
/* WSAStartup and WSACleanup (L2). */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <winsock2.h>

#include "blocking.h"
#include "close.h"
#include "device.h"
#include "error.h"
#include "export.h"
#include "part.h"
#include "slot.h"
#include "startup.h"

#define HIGHEST_VERSION		MAKEWORD(2, 2)
/* The values that Windows reports, for Winsock 1 only; neither is a limit here. */
#define MAX_SOCKETS		32767
#define MAX_DATAGRAM		65467

/* ws_startups is written under startup_lock and read without it. */
static pthread_mutex_t startup_lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic unsigned int ws_startups;
/* The highest version requested since the count was 0. */
static _Atomic WORD version_in_force;

static const struct ws_part startup_part = {
	.lock = &startup_lock,
};

const struct ws_part *ws_parts[WS_PARTS] = {
	[WS_PART_STARTUP] = &startup_part,
	[WS_PART_DEVICE] = &ws_device_part,
	[WS_PART_SLOTS] = &ws_slot_part,
};

static void before_fork(void)
{
	int i;

	for (i = 0; i < WS_PARTS; i++)
		if (ws_parts[i])
			pthread_mutex_lock(ws_parts[i]->lock);
}

static void after_fork(bool child)
{
	int i;

	for (i = WS_PARTS - 1; i >= 0; i--) {
		if (!ws_parts[i])
			continue;
		if (child && ws_parts[i]->forked)
			ws_parts[i]->forked();
		pthread_mutex_unlock(ws_parts[i]->lock);
	}
}

static void after_fork_in_parent(void)
{
	after_fork(false);
}

static void after_fork_in_child(void)
{
	after_fork(true);
}

static void __attribute__((constructor)) startup_init(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

bool ws_version_is_1(void)
{
	return LOBYTE(atomic_load(&version_in_force)) == 1;
}

/* The highest of 1.0, 1.1, 2.0, 2.1 and 2.2 that is not above @asked. */
static WORD negotiate(WORD asked)
{
	if (LOBYTE(asked) == 1)
		return MAKEWORD(1, HIBYTE(asked) ? 1 : 0);
	if (LOBYTE(asked) == 2 && HIBYTE(asked) < 2)
		return asked;
	return HIGHEST_VERSION;
}

static int start(WORD version)
{
	int ret = 0;

	pthread_mutex_lock(&startup_lock);
	if (!ws_startups && ws_device_open())
		ret = WSASYSNOTREADY;
	else if (!ws_startups++ || LOBYTE(version) > LOBYTE(version_in_force))
		version_in_force = version;
	pthread_mutex_unlock(&startup_lock);
	return ret;
}

static void fill_data(WSADATA *data, WORD version)
{
	memset(data, 0, sizeof(*data));
	data->wVersion = version;
	data->wHighVersion = HIGHEST_VERSION;
	if (LOBYTE(version) == 1) {
		data->iMaxSockets = MAX_SOCKETS;
		data->iMaxUdpDg = MAX_DATAGRAM;
	}
	strcpy(data->szDescription, "WinSock 2.0");
	strcpy(data->szSystemStatus, "Running");
}

/* L21: WSADATA is filled on failure, too. */
WS_EXPORT int WSAStartup(WORD version, LPWSADATA data)
{
	int saved_errno = errno;
	int ret;

	if (data)
		fill_data(data, negotiate(version));
	if (!LOBYTE(version))
		return WSAVERNOTSUPPORTED;
	if (!data)
		return WSAEFAULT;

	ret = start(negotiate(version));
	errno = saved_errno;
	return ret;
}

/**
 * ws_startup_open - register a new socket
 * @slot: its slot, NULL without memory
 * @fd: its descriptor
 * @domain: as for ws_slot_open()
 * @type: as for ws_slot_open()
 * @flags: as for ws_slot_open()
 * @identify: record the inode: the socket is not attached, or is accepted from one
 *	      that is not, so that ws_slot_is_current() needs it
 *
 * Holds startup_lock: WSACleanup() either sees the slot or has made this fail.
 *
 * Return: false if WSACleanup() was called since the call began; it would not close
 * this socket, and the caller has to.
 */
bool ws_startup_open(struct ws_slot **slot, int fd, int domain, int type,
		     unsigned int flags, bool identify)
{
	bool started;

	pthread_mutex_lock(&startup_lock);
	started = ws_startups;
	*slot = started ? ws_slot_open(fd, domain, type, flags) : NULL;
	if (*slot && identify)
		ws_slot_identify(*slot, fd);
	pthread_mutex_unlock(&startup_lock);
	return started;
}

static void mark_closing(struct ws_slot *slot, int fd)
{
	(void)fd;
	ws_slot_set(slot, WS_SLOT_CLOSING);
}

/*
 * Under startup_lock, so that sockets, offers and waits of a later WSAStartup() are
 * not affected.  Offers end before any socket is closed: a reference held by an offer
 * would make the socket look shared, and it would not be reset.
 */
static void begin_cleanup(void)
{
	int i;

	ws_slot_for_each(mark_closing);
	for (i = 0; i < WS_PARTS; i++)
		if (ws_parts[i] && ws_parts[i]->end)
			ws_parts[i]->end();
}

static void close_slot(struct ws_slot *slot, int fd)
{
	if (!(ws_slot_flags(slot) & WS_SLOT_CLOSING))
		return;
	if (ws_slot_is_current(slot, fd))
		ws_close_at_once(fd);
	else
		ws_slot_closed(slot, ws_slot_generation(slot));
}

/* Unless another thread has called WSAStartup() meanwhile. */
static void stop(void)
{
	int i;

	pthread_mutex_lock(&startup_lock);
	if (!ws_startups) {
		for (i = 0; i < WS_PARTS; i++)
			if (ws_parts[i] && ws_parts[i]->stop)
				ws_parts[i]->stop();
		ws_device_close();
	}
	pthread_mutex_unlock(&startup_lock);
}

/*
 * Calls of other threads fail with WSANOTINITIALISED as soon as the count is 0.  The
 * sockets are closed without a lock: a close may linger, and fork(2), which takes all
 * locks, must not wait for it.
 */
WS_EXPORT int WSACleanup(void)
{
	int saved_errno = errno;
	bool started, last;

	if (ws_started() && ws_is_blocking())		/* G2 */
		return ws_fail(WSAEINPROGRESS);

	pthread_mutex_lock(&startup_lock);
	started = ws_startups > 0;
	last = ws_startups == 1;
	if (started)
		ws_startups--;
	if (last)
		begin_cleanup();
	pthread_mutex_unlock(&startup_lock);

	if (!started)
		return ws_fail(WSANOTINITIALISED);

	if (last) {
		ws_slot_for_each(close_slot);
		stop();
	}
	errno = saved_errno;
	return 0;
}
