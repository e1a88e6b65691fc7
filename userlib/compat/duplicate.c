// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * WSADuplicateSocket (L4), and WSASocket's part of it.
 *
 * The socket travels by SCM_RIGHTS, which unlike pidfd_getfd(2) needs no right
 * to trace anybody.  Until it is fetched it is in flight, in a parcel: queued in
 * one end of a socket pair whose other end is closed.  So the socket has one
 * more reference, and is not Last, but no other number in this process: its
 * closesocket() ends our pending calls as ever (G5).  The parcel goes to whoever
 * asks for it with the right token and is the right process.
 *
 * They ask with one datagram: key, token, and a socket to answer to.  The kernel
 * says which process sent it.  A listener would be worse.  Whoever connects to
 * one may queue files in the connection, which whoever closes it has to release,
 * and to release a socket can take as long as its owner likes.  A datagram that
 * does not begin with the key is thrown away by a filter while it is still its
 * sender's, so that strangers, who find our address in /proc/net/unix, reach
 * neither the queue nor the helper thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <winsock2.h>

#include "core/call.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/export.h"
#include "core/part.h"
#include "core/socket.h"
#include "core/startup.h"
#include "events/helper.h"
#include "duplicate.h"

/* In dwProviderReserved: this is no entry of a catalogue, but one socket. */
#define DUPLICATE	0x57534b44

#define RANDOM_BYTES	16
#define RANDOM_TEXT	(2 * RANDOM_BYTES)

/* In szProtocol: the address that everybody can see, a stroke, and the key. */
#define PREFIX		"winsock-"
#define STROKE		'/'
#define ADDRESS_TEXT	(sizeof(PREFIX) - 1 + RANDOM_TEXT)
#define DESK_TEXT	(ADDRESS_TEXT + 1 + RANDOM_TEXT)

/* A process that is stopped does not answer. */
#define PATIENCE_SECONDS	10
#define EVENTS_AT_ONCE		16

/* What the library knows of a socket goes along. */
#define TRAVELS		(WS_SLOT_SHUT_SEND | WS_SLOT_SHUT_RECV | \
			 WS_SLOT_EXCLUSIVE | WS_SLOT_ACCEPTED)

struct token {
	unsigned char bytes[RANDOM_BYTES];
};

_Static_assert(sizeof(struct token) == sizeof(GUID), "it goes in ProviderId");

/* How to ask for a parcel; the socket to answer to comes with it. */
struct request {
	char key[RANDOM_TEXT];
	struct token token;
};

/**
 * struct handover - a socket that waits to be fetched
 * @next: all of them
 * @token: what has to be known to get it
 * @pid: the process that may
 * @pidfd: tells of its end
 * @parcel: the socket is in its queue
 * @inode: of @parcel, whose number the application may close and get again
 */
struct handover {
	struct handover *next;
	struct token token;
	pid_t pid;
	int pidfd;
	int parcel;
	ino_t inode;
};

/* The helper thread takes it, too: nobody may wait for that thread with it. */
static pthread_mutex_t handover_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handover *handovers;

/**
 * struct desk - where parcels are given out
 * @open: there is one
 * @set: epoll set of @door and the ends of processes
 * @door: where requests arrive
 * @text: see ADDRESS_TEXT
 */
static struct desk {
	bool open;
	int set;
	int door;
	char text[DESK_TEXT + 1];
} desk;

/* Says what went wrong at either end. */
static int error_from(int err)
{
	switch (err) {
	case ETOOMANYREFS:	/* of files in flight: RLIMIT_NOFILE, too */
		return WSAEMFILE;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC:		/* of watches for epoll */
	case ETIMEDOUT:
		return ws_error_from_errno(err);
	default:
		return WSAEINVAL;
	}
}

static int random_text(char *text)
{
	unsigned char bytes[RANDOM_BYTES];
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -1;
	for (i = 0; i < sizeof(bytes); i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return 0;
}

/* In the abstract namespace; @text begins with it. */
static socklen_t desk_address(const char *text, struct sockaddr_un *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path + 1, text, ADDRESS_TEXT);
	return offsetof(struct sockaddr_un, sun_path) + 1 + ADDRESS_TEXT;
}

static const char *desk_key(const char *text)
{
	return text + ADDRESS_TEXT + 1;
}

static void close_quietly(int fd)
{
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
}

/* As sendmsg(2), and never waits. */
static int send_file(int via, int file, const void *data, size_t len)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(file));
	return sendmsg(via, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/*
 * Never waits.  Returns a file that is closed on exec, or -1 with errno; that it
 * is EMFILE is a guess when files were sent that did not arrive.  One file at
 * most: the room is not rounded up.
 */
static int receive_file(int via, void *data, size_t len, pid_t *sender)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred)) +
			  CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	struct cmsghdr *cmsg;
	struct ucred creds = { 0 };
	int file = -1;
	ssize_t n;

	if (sender)
		msg.msg_controllen += CMSG_SPACE(sizeof(creds));
	n = recvmsg(via, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -1;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;
		if (cmsg->cmsg_type == SCM_RIGHTS)
			memcpy(&file, CMSG_DATA(cmsg), sizeof(file));
		if (cmsg->cmsg_type == SCM_CREDENTIALS)
			memcpy(&creds, CMSG_DATA(cmsg), sizeof(creds));
	}
	if (sender)
		*sender = creds.pid;
	if (file >= 0 && (size_t)n == len)
		return file;
	errno = file < 0 && msg.msg_flags & MSG_CTRUNC ? EMFILE : EINVAL;
	close_quietly(file);
	return -1;
}

static bool is_parcel(const struct handover *h)
{
	struct stat st;

	return !fstat(h->parcel, &st) && S_ISSOCK(st.st_mode) &&
	       st.st_ino == h->inode;
}

static void free_handover(struct handover *h)
{
	close_quietly(h->pidfd);
	if (h->parcel >= 0 && is_parcel(h))
		close_quietly(h->parcel);
	free(h);
}

/* Explicitly out of the set: a child that has just been forked has @pidfd too. */
static void drop(struct handover **at)
{
	struct handover *h = *at;

	*at = h->next;
	epoll_ctl(desk.set, EPOLL_CTL_DEL, h->pidfd, NULL);
	free_handover(h);
}

static struct handover **find_token(const struct token *token, pid_t pid)
{
	struct handover **at;

	for (at = &handovers; *at; at = &(*at)->next)
		if (!memcmp(&(*at)->token, token, sizeof(*token)))
			return (*at)->pid == pid ? at : NULL;
	return NULL;
}

/* Once it is given away there is no second time. */
static void serve(void)
{
	struct request request;
	struct handover **at;
	pid_t sender;
	int answer;

	answer = receive_file(desk.door, &request, sizeof(request), &sender);
	if (answer < 0)
		return;
	at = find_token(&request.token, sender);
	if (at && is_parcel(*at) && !send_file(answer, (*at)->parcel, "", 1))
		drop(at);
	close(answer);
}

/*
 * The process will not come any more, and the reference goes with it.  If our
 * closesocket() was before that, the module sees to it that nothing is waited
 * for here.
 */
static void expire(int pidfd)
{
	struct handover **at = &handovers;

	while (*at)
		if ((*at)->pidfd == pidfd)
			drop(at);
		else
			at = &(*at)->next;
}

/* Called by the helper thread. */
static void ready(void)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int i, n = 0;

	pthread_mutex_lock(&handover_lock);
	if (desk.open)
		n = epoll_wait(desk.set, events, EVENTS_AT_ONCE, 0);
	for (i = 0; i < n; i++)
		if (events[i].data.fd == desk.door)
			serve();
		else
			expire(events[i].data.fd);
	pthread_mutex_unlock(&handover_lock);
}

static int watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(desk.set, EPOLL_CTL_ADD, fd, &event);
}

/* Lets through what is as long as a request and begins with the key. */
static int filter_requests(int door, const char *key)
{
	enum { WORDS = RANDOM_TEXT / sizeof(uint32_t) };
	struct sock_filter code[2 + 2 * WORDS + 2];
	struct sock_fprog program = { .filter = code };
	struct sock_filter *at = code, *end = code + sizeof(code) / sizeof(*code);
	uint32_t word;
	int i;

	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0);
	*at = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
					   sizeof(struct request), 0,
					   end - at - 2);
	at++;
	for (i = 0; i < WORDS; i++) {
		memcpy(&word, key + i * sizeof(word), sizeof(word));
		*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     i * sizeof(word));
		*at = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						   ntohl(word), 0, end - at - 2);
		at++;
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	program.len = at - code;
	return setsockopt(door, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

static int open_door(void)
{
	static const int on = 1;
	struct sockaddr_un addr;
	socklen_t len;

	memcpy(desk.text, PREFIX, sizeof(PREFIX) - 1);
	if (random_text(desk.text + sizeof(PREFIX) - 1) ||
	    random_text(desk.text + ADDRESS_TEXT + 1))
		return -1;
	desk.text[ADDRESS_TEXT] = STROKE;
	len = desk_address(desk.text, &addr);
	return setsockopt(desk.door, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	       filter_requests(desk.door, desk_key(desk.text)) ||
	       bind(desk.door, (struct sockaddr *)&addr, len) ? -1 : 0;
}

static void close_desk(void)
{
	close_quietly(desk.door);
	close_quietly(desk.set);
	desk.open = false;
}

/* 0, or -1 with errno. */
static int open_desk(void)
{
	if (desk.open)
		return 0;
	desk.set = epoll_create1(EPOLL_CLOEXEC);
	desk.door = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (desk.set < 0 || desk.door < 0 || open_door() || watch(desk.door) ||
	    ws_helper_add(desk.set, WS_PART_HANDOVER)) {
		close_desk();
		return -1;
	}
	desk.open = true;
	return 0;
}

/* The flags of its slot travel with the socket. */
static int pack(struct handover *h, int fd, uint32_t flags)
{
	struct stat st;
	int ends[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	ret = send_file(ends[0], fd, &flags, sizeof(flags));
	close_quietly(ends[0]);
	if (ret || fstat(ends[1], &st)) {
		close_quietly(ends[1]);
		return -1;
	}
	h->parcel = ends[1];
	h->inode = st.st_ino;
	return 0;
}

/* NULL with errno. */
static struct handover *new_handover(int fd, DWORD pid, uint32_t flags)
{
	struct handover *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->pid = pid;
	h->parcel = -1;
	/* No process, or a thread's number: not all kernels say the same. */
	h->pidfd = syscall(SYS_pidfd_open, h->pid, 0);
	if (h->pidfd >= 0 && !pack(h, fd, flags) &&
	    getrandom(&h->token, sizeof(h->token), 0) == sizeof(h->token))
		return h;
	free_handover(h);
	return NULL;
}

/*
 * Not while WSACleanup() drops those that there are.  @info is told where to
 * ask.  0 or a WSA error.
 */
static int offer(struct handover *h, WSAPROTOCOL_INFOA *info)
{
	int error = 0;

	pthread_mutex_lock(&handover_lock);
	if (!ws_started()) {
		error = WSANOTINITIALISED;
	} else if (open_desk() || watch(h->pidfd)) {
		error = error_from(errno);
	} else {
		h->next = handovers;
		handovers = h;
		info->dwProviderReserved = DUPLICATE;
		memcpy(&info->ProviderId, &h->token, sizeof(h->token));
		memcpy(info->szProtocol, desk.text, sizeof(desk.text));
	}
	pthread_mutex_unlock(&handover_lock);
	return error;
}

#define XP1_STREAM	(XP1_GUARANTEED_DELIVERY | XP1_GUARANTEED_ORDER | \
			 XP1_GRACEFUL_CLOSE | XP1_EXPEDITED_DATA | \
			 XP1_IFS_HANDLES)
#define XP1_DATAGRAM	(XP1_CONNECTIONLESS | XP1_MESSAGE_ORIENTED | \
			 XP1_SUPPORT_BROADCAST | XP1_SUPPORT_MULTIPOINT | \
			 XP1_IFS_HANDLES)
#define MAX_DATAGRAM	65507

static void describe(struct ws_slot *slot, int fd, WSAPROTOCOL_INFOA *info)
{
	socklen_t len = sizeof(int);

	memset(info, 0, sizeof(*info));
	info->iVersion = 2;
	info->ProtocolChain.ChainLen = 1;
	info->iAddressFamily = atomic_load(&slot->domain);
	info->iSocketType = atomic_load(&slot->type);
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &info->iProtocol, &len);
	info->iMinSockAddr = ws_slot_address_size(slot);
	info->iMaxSockAddr = info->iMinSockAddr ? info->iMinSockAddr :
			     (int)sizeof(struct sockaddr_storage);
	info->dwServiceFlags1 = ws_slot_is_stream(slot) ? XP1_STREAM :
							  XP1_DATAGRAM;
	info->dwMessageSize = ws_slot_is_stream(slot) ? 0 : MAX_DATAGRAM;
}

static int duplicate(int fd, DWORD pid, WSAPROTOCOL_INFOA *info)
{
	struct ws_slot *slot = ws_slot_adopt(fd);
	WSAPROTOCOL_INFOA description;
	struct handover *h;
	int error;

	if (!slot)
		return WSAENOTSOCK;
	if (!pid)
		return WSAEINVAL;
	if (!info)
		return WSAEFAULT;

	h = new_handover(fd, pid, ws_slot_flags(slot));
	if (!h)
		return error_from(errno);
	describe(slot, fd, &description);
	error = offer(h, &description);
	if (error)
		free_handover(h);
	else
		*info = description;
	return error;
}

WS_EXPORT int WSADuplicateSocketA(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOA info)
{
	struct ws_call call;

	if (!ws_call_begin(&call, ws_socket_fd(s)))
		return SOCKET_ERROR;
	return ws_call_end(&call, duplicate(call.fd, pid, info));
}

/* Was @info filled by WSADuplicateSocket()?  It may be wrong all the same. */
bool ws_is_duplicate(const WSAPROTOCOL_INFOA *info)
{
	return info->dwProviderReserved == DUPLICATE;
}

/* Signals do not show, nor prolong the wait.  0, or -1 with errno. */
static int await(int fd, short events, const struct ws_deadline *deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	struct timespec left;
	int ret;

	do {
		left = ws_deadline_left(deadline);
		ret = ppoll(&pollfd, 1, &left, NULL);
	} while (ret < 0 && errno == EINTR);
	if (!ret)
		errno = ETIMEDOUT;
	return ret > 0 ? 0 : -1;
}

static int send_request(int door, int answer, const WSAPROTOCOL_INFOA *info,
			const struct ws_deadline *deadline)
{
	struct sockaddr_un addr;
	socklen_t len = desk_address(info->szProtocol, &addr);
	struct request request;

	memcpy(request.key, desk_key(info->szProtocol), sizeof(request.key));
	memcpy(&request.token, &info->ProviderId, sizeof(request.token));
	if (connect(door, (struct sockaddr *)&addr, len))
		return -1;
	while (send_file(door, answer, &request, sizeof(request)))
		if (errno != EAGAIN || await(door, POLLOUT, deadline))
			return -1;
	return 0;
}

/*
 * Returns what the answer comes by, or -1 with errno.  Takes more numbers than
 * the answer will, so that there are enough of them when it is too late to fail.
 */
static int ask(const WSAPROTOCOL_INFOA *info, const struct ws_deadline *deadline)
{
	int door, ends[2], ret;

	door = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (door < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		close_quietly(door);
		return -1;
	}
	ret = send_request(door, ends[1], info, deadline);
	close_quietly(door);
	close_quietly(ends[1]);
	if (!ret)
		return ends[0];
	close_quietly(ends[0]);
	return -1;
}

/* The socket and the flags of its slot; -1 with errno. */
static int fetch(const WSAPROTOCOL_INFOA *info, uint32_t *flags)
{
	struct ws_deadline deadline = ws_deadline_in(PATIENCE_SECONDS, 0);
	int answer, parcel = -1, fd = -1;
	char byte;

	if (strnlen(info->szProtocol, sizeof(info->szProtocol)) != DESK_TEXT ||
	    info->szProtocol[ADDRESS_TEXT] != STROKE) {
		errno = EINVAL;
		return -1;
	}
	answer = ask(info, &deadline);
	if (answer < 0)
		return -1;
	if (!await(answer, POLLIN, &deadline))
		parcel = receive_file(answer, &byte, sizeof(byte), NULL);
	close_quietly(answer);
	if (parcel >= 0)
		fd = receive_file(parcel, flags, sizeof(*flags), NULL);
	close_quietly(parcel);
	return fd;
}

/* It is no socket if the address was somebody else's: 0 or a WSA error. */
static int move_in(int fd, uint32_t flags)
{
	socklen_t len = sizeof(int);
	struct ws_slot *slot;
	int domain, type;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return WSAEINVAL;
	if (!ws_startup_open(&slot, fd, domain, type,
			     (flags & TRAVELS) | WS_SLOT_TIMEOUT, true))
		return WSANOTINITIALISED;
	if (slot)
		ws_watch_adopted(slot, fd);
	return 0;
}

/**
 * ws_fetch_duplicate - get the socket that WSADuplicateSocket() has sent
 * @info: as it was filled in by that
 * @inherited: the number stays open on exec
 * @error: a WSA error
 *
 * Return: the number, or -1 and @error.
 */
int ws_fetch_duplicate(const WSAPROTOCOL_INFOA *info, bool inherited, int *error)
{
	uint32_t flags;
	int fd;

	fd = fetch(info, &flags);
	if (fd < 0) {
		*error = error_from(errno);
		return -1;
	}
	if (inherited)
		fcntl(fd, F_SETFD, 0);
	*error = move_in(fd, flags);
	if (!*error)
		return fd;
	close(fd);
	return -1;
}

/* WSACleanup: nobody gets any more. */
static void end_offers(void)
{
	pthread_mutex_lock(&handover_lock);
	while (handovers)
		drop(&handovers);
	if (desk.open)
		close_desk();
	pthread_mutex_unlock(&handover_lock);
}

/* L8: they are the parent's to give. */
static void forget(void)
{
	struct handover *h;

	while (handovers) {
		h = handovers;
		handovers = h->next;
		free_handover(h);
	}
	if (desk.open)
		close_desk();
}

static const struct ws_part handover_part = {
	.lock = &handover_lock,
	.forked = forget,
	.end = end_offers,
	.ready = ready,
};

WS_REGISTER_PART(WS_PART_HANDOVER, handover_part)
