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
/* What Windows says, and of Winsock 1 alone; neither is a limit here. */
#define MAX_SOCKETS		32767
#define MAX_DATAGRAM		65467

/* The count is read without. */
static pthread_mutex_t startup_lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic unsigned int ws_startups;
/* The highest version that was asked for since there was none in force. */
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

/* There have been 1.0, 1.1, 2.0, 2.1 and 2.2: the one not above @asked. */
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

/* L2: one that is refused says what there is. */
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
 * ws_startup_open - remember a new socket
 * @slot: its slot, NULL without memory
 * @fd: its number
 * @domain: as ws_slot_open() takes it
 * @type: the same
 * @flags: the same
 * @identify: the module could not tell later on whether @fd still means it
 *
 * Return: false if WSACleanup() came since the call began: nobody would close
 * the socket.  No cleanup comes in between, or it would not know what to close.
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
 * Under startup_lock: whoever starts again has sockets, offers and waits of his
 * own.  Offers end before any socket is closed, lest one seem shared that nobody
 * will fetch.
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

/* Unless somebody has started again meanwhile. */
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
 * Other threads are told WSANOTINITIALISED from the first step on.  Closing
 * may linger, and nobody should have to wait in fork(2) for it: no lock.
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
