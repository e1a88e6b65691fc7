// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * WSADuplicateSocket (L4), and the part of WSASocket that fetches the duplicate.
 *
 * The socket is passed by SCM_RIGHTS, which unlike pidfd_getfd(2) needs no ptrace
 * permission.  Until it is fetched it is in flight: queued in one end of a socket pair
 * (the parcel) whose other end is closed.  So the socket has one more reference and is
 * not Last, but this process has no other descriptor of it: its closesocket() ends the
 * pending calls of this process as usual (G5).  The parcel is given to a request that
 * has the right token and comes from the right process.
 *
 * A request is one datagram: key, token, and a socket for the answer.  The kernel adds
 * the process ID of the sender.  A listener would not do: a client could queue files in
 * the connection, this process would release them when it closes the connection, and
 * releasing a socket can take as long as its owner chose.  A socket filter drops a
 * datagram that does not begin with the key, in the context of its sender.  So other
 * processes, which find the address in /proc/net/unix, reach neither the queue nor the
 * helper thread.
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

/* In dwProviderReserved: this is not a catalogue entry but a duplicated socket. */
#define DUPLICATE	0x57534b44

#define RANDOM_BYTES	16
#define RANDOM_TEXT	(2 * RANDOM_BYTES)

/* In szProtocol: the address, which is public, a slash, and the key. */
#define PREFIX		"winsock-"
#define SLASH		'/'
#define ADDRESS_TEXT	(sizeof(PREFIX) - 1 + RANDOM_TEXT)
#define SERVER_TEXT	(ADDRESS_TEXT + 1 + RANDOM_TEXT)

/* The timeout for an answer: the other process may be stopped. */
#define ANSWER_TIMEOUT_SECONDS	10
#define EVENTS_AT_ONCE		16

/* The slot flags that are passed with the socket. */
#define PASSED_FLAGS	(WS_SLOT_SHUT_SEND | WS_SLOT_SHUT_RECV | \
			 WS_SLOT_EXCLUSIVE | WS_SLOT_ACCEPTED)

struct token {
	unsigned char bytes[RANDOM_BYTES];
};

_Static_assert(sizeof(struct token) == sizeof(GUID), "it is stored in ProviderId");

/* A request for a parcel; the socket for the answer is sent with it. */
struct parcel_request {
	char key[RANDOM_TEXT];
	struct token token;
};

/**
 * struct handover - a socket on offer, until it is fetched
 * @next: in the list of all offers
 * @token: must be in the request
 * @pid: the process that may fetch it
 * @pidfd: readable once that process has ended
 * @parcel: the socket pair end that has the socket in its queue
 * @inode: of @parcel, to detect that the application has reused its descriptor
 */
struct handover {
	struct handover *next;
	struct token token;
	pid_t pid;
	int pidfd;
	int parcel;
	ino_t inode;
};

/* The helper thread takes it, too: do not wait for that thread while holding it. */
static pthread_mutex_t handover_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handover *handovers;

/**
 * struct server - where other processes request parcels
 * @open: the members below are valid
 * @set: epoll set of @fd and the pidfds
 * @fd: socket that receives the requests
 * @text: address, slash and key
 */
static struct server {
	bool open;
	int set;
	int fd;
	char text[SERVER_TEXT + 1];
} server;

/* The WSA error for a failure on either side. */
static int error_from(int err)
{
	switch (err) {
	case ETOOMANYREFS:	/* files in flight: limited by RLIMIT_NOFILE, too */
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

/* An address in the abstract namespace; @text begins with it. */
static socklen_t server_address(const char *text, struct sockaddr_un *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path + 1, text, ADDRESS_TEXT);
	return offsetof(struct sockaddr_un, sun_path) + 1 + ADDRESS_TEXT;
}

static const char *server_key(const char *text)
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

/* As sendmsg(2), but never waits. */
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
 * Never waits.  Returns a descriptor that is closed on exec, or -1 with errno.  EMFILE
 * is assumed if a file was sent but did not arrive.  The control buffer is not rounded
 * up, so that it takes one file at most.
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

/* EPOLL_CTL_DEL is needed: a child that was just forked still has @pidfd open. */
static void drop(struct handover **at)
{
	struct handover *h = *at;

	*at = h->next;
	epoll_ctl(server.set, EPOLL_CTL_DEL, h->pidfd, NULL);
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

/* A parcel is given out once. */
static void serve(void)
{
	struct parcel_request request;
	struct handover **at;
	pid_t sender;
	int answer;

	answer = receive_file(server.fd, &request, sizeof(request), &sender);
	if (answer < 0)
		return;
	at = find_token(&request.token, sender);
	if (at && is_parcel(*at) && !send_file(answer, (*at)->parcel, "", 1))
		drop(at);
	close(answer);
}

/*
 * The process has ended without fetching the socket; the reference is dropped.  If this
 * is the last one, because closesocket() was called before, the module ensures that the
 * release does not wait.
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
static void handle_ready(void)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int i, n = 0;

	pthread_mutex_lock(&handover_lock);
	if (server.open)
		n = epoll_wait(server.set, events, EVENTS_AT_ONCE, 0);
	for (i = 0; i < n; i++)
		if (events[i].data.fd == server.fd)
			serve();
		else
			expire(events[i].data.fd);
	pthread_mutex_unlock(&handover_lock);
}

static int watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(server.set, EPOLL_CTL_ADD, fd, &event);
}

/* Accepts datagrams that have the length of a request and begin with the key. */
static int filter_requests(int fd, const char *key)
{
	enum { WORDS = RANDOM_TEXT / sizeof(uint32_t) };
	struct sock_filter code[2 + 2 * WORDS + 2];
	struct sock_fprog program = { .filter = code };
	struct sock_filter *at = code, *end = code + sizeof(code) / sizeof(*code);
	uint32_t word;
	int i;

	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0);
	*at = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
					   sizeof(struct parcel_request), 0,
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
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

static int bind_server(void)
{
	static const int on = 1;
	struct sockaddr_un addr;
	socklen_t len;

	memcpy(server.text, PREFIX, sizeof(PREFIX) - 1);
	if (random_text(server.text + sizeof(PREFIX) - 1) ||
	    random_text(server.text + ADDRESS_TEXT + 1))
		return -1;
	server.text[ADDRESS_TEXT] = SLASH;
	len = server_address(server.text, &addr);
	return setsockopt(server.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	       filter_requests(server.fd, server_key(server.text)) ||
	       bind(server.fd, (struct sockaddr *)&addr, len) ? -1 : 0;
}

static void close_server(void)
{
	close_quietly(server.fd);
	close_quietly(server.set);
	server.open = false;
}

/* 0, or -1 with errno. */
static int open_server(void)
{
	if (server.open)
		return 0;
	server.set = epoll_create1(EPOLL_CLOEXEC);
	server.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server.set < 0 || server.fd < 0 || bind_server() || watch(server.fd) ||
	    ws_helper_add(server.set, WS_PART_HANDOVER)) {
		close_server();
		return -1;
	}
	server.open = true;
	return 0;
}

/* Queues the socket and its slot flags in a parcel. */
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
	/* Fails for a thread ID too; the errno depends on the kernel. */
	h->pidfd = syscall(SYS_pidfd_open, h->pid, 0);
	if (h->pidfd >= 0 && !pack(h, fd, flags) &&
	    getrandom(&h->token, sizeof(h->token), 0) == sizeof(h->token))
		return h;
	free_handover(h);
	return NULL;
}

/*
 * Fails once WSACleanup() has begun to drop the offers.  Stores address, key and token
 * in @info.  Returns 0 or a WSA error.
 */
static int offer(struct handover *h, WSAPROTOCOL_INFOA *info)
{
	int error = 0;

	pthread_mutex_lock(&handover_lock);
	if (!ws_started()) {
		error = WSANOTINITIALISED;
	} else if (open_server() || watch(h->pidfd)) {
		error = error_from(errno);
	} else {
		h->next = handovers;
		handovers = h;
		info->dwProviderReserved = DUPLICATE;
		memcpy(&info->ProviderId, &h->token, sizeof(h->token));
		memcpy(info->szProtocol, server.text, sizeof(server.text));
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

static void fill_info(struct ws_slot *slot, int fd, WSAPROTOCOL_INFOA *info)
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
	fill_info(slot, fd, &description);
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

/* Was @info filled by WSADuplicateSocket()?  Its contents may still be invalid. */
bool ws_is_duplicate(const WSAPROTOCOL_INFOA *info)
{
	return info->dwProviderReserved == DUPLICATE;
}

/* Signals neither end nor extend the wait.  0, or -1 with errno. */
static int wait_for(int fd, short events, const struct ws_deadline *deadline)
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

static int send_request(int client, int answer, const WSAPROTOCOL_INFOA *info,
			const struct ws_deadline *deadline)
{
	struct sockaddr_un addr;
	socklen_t len = server_address(info->szProtocol, &addr);
	struct parcel_request request;

	memcpy(request.key, server_key(info->szProtocol), sizeof(request.key));
	memcpy(&request.token, &info->ProviderId, sizeof(request.token));
	if (connect(client, (struct sockaddr *)&addr, len))
		return -1;
	while (send_file(client, answer, &request, sizeof(request)))
		if (errno != EAGAIN || wait_for(client, POLLOUT, deadline))
			return -1;
	return 0;
}

/*
 * Returns the socket that the answer arrives on, or -1 with errno.  It uses more
 * descriptors than the answer will, so that EMFILE occurs here, where the parcel is
 * not lost by it.
 */
static int request_parcel(const WSAPROTOCOL_INFOA *info, const struct ws_deadline *deadline)
{
	int client, ends[2], ret;

	client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (client < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		close_quietly(client);
		return -1;
	}
	ret = send_request(client, ends[1], info, deadline);
	close_quietly(client);
	close_quietly(ends[1]);
	if (!ret)
		return ends[0];
	close_quietly(ends[0]);
	return -1;
}

/* Returns the socket, and its slot flags in @flags; -1 with errno. */
static int fetch(const WSAPROTOCOL_INFOA *info, uint32_t *flags)
{
	struct ws_deadline deadline = ws_deadline_in(ANSWER_TIMEOUT_SECONDS, 0);
	int answer, parcel = -1, fd = -1;
	char byte;

	if (strnlen(info->szProtocol, sizeof(info->szProtocol)) != SERVER_TEXT ||
	    info->szProtocol[ADDRESS_TEXT] != SLASH) {
		errno = EINVAL;
		return -1;
	}
	answer = request_parcel(info, &deadline);
	if (answer < 0)
		return -1;
	if (!wait_for(answer, POLLIN, &deadline))
		parcel = receive_file(answer, &byte, sizeof(byte), NULL);
	close_quietly(answer);
	if (parcel >= 0)
		fd = receive_file(parcel, flags, sizeof(*flags), NULL);
	close_quietly(parcel);
	return fd;
}

/*
 * Returns 0 or a WSA error: if the address was that of another program, @fd need not be
 * a socket.
 */
static int register_duplicate(int fd, uint32_t flags)
{
	socklen_t len = sizeof(int);
	struct ws_slot *slot;
	int domain, type;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
		return WSAEINVAL;
	if (!ws_startup_open(&slot, fd, domain, type,
			     (flags & PASSED_FLAGS) | WS_SLOT_TIMEOUT, true))
		return WSANOTINITIALISED;
	if (slot)
		ws_watch_adopted(slot, fd);
	return 0;
}

/**
 * ws_fetch_duplicate - get the socket that WSADuplicateSocket() has offered
 * @info: as filled in by WSADuplicateSocket()
 * @inherited: the descriptor stays open across exec
 * @error: a WSA error
 *
 * Return: the descriptor, or -1 and @error.
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
	*error = register_duplicate(fd, flags);
	if (!*error)
		return fd;
	close(fd);
	return -1;
}

/* WSACleanup(): withdraws all offers. */
static void end_offers(void)
{
	pthread_mutex_lock(&handover_lock);
	while (handovers)
		drop(&handovers);
	if (server.open)
		close_server();
	pthread_mutex_unlock(&handover_lock);
}

/* L8: the offers belong to the parent. */
static void forget(void)
{
	struct handover *h;

	while (handovers) {
		h = handovers;
		handovers = h->next;
		free_handover(h);
	}
	if (server.open)
		close_server();
}

static const struct ws_part handover_part = {
	.lock = &handover_lock,
	.forked = forget,
	.end = end_offers,
	.ready = handle_ready,
};

WS_REGISTER_PART(WS_PART_HANDOVER, handover_part)
