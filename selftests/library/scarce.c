// SPDX-License-Identifier: GPL-2.0
/*
 * Memory or descriptors run out in the midst of a call: it fails with an error, or
 * does without, and works when there are some again.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "suite.h"

#define TIMEOUT_MS	20
#define MANY		200	/* sockets; too many for the stack */

/* Of the library's own allocations, how many are granted yet. */
static atomic_bool counting;
static atomic_int grants;
static atomic_bool refused;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);

static bool refuse(const void *caller)
{
	Dl_info info;

	if (!counting || !dladdr(caller, &info) ||
	    !strstr(info.dli_fname, "libwinsock") || grants-- > 0)
		return false;
	refused = true;
	errno = ENOMEM;
	return true;
}

/* The library calls these rather than libc's. */
void *malloc(size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

/*
 * Of what is below, make_...() sets the scene.  The others are the operations:
 * they return 0 or a WSA error, and can be repeated.
 */
static struct pair pair;
static SOCKET many[MANY];
static WSAEVENT event;
static HWND queue;
static struct sockaddr_storage addr;
static socklen_t addrlen;

static int error_if(bool failed)
{
	return failed ? WSAGetLastError() : 0;
}

static void make_pair(void)
{
	open_pair(&pair, AF_INET);
}

static int open_and_close(void)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);

	return error_if(s == INVALID_SOCKET || closesocket(s));
}

static void make_native_listener(void)
{
	addrlen = loopback(AF_INET, &addr);
	many[0] = native_socket(AF_INET, SOCK_STREAM);
	check(bind(many[0], (struct sockaddr *)&addr, addrlen));
	check(listen(many[0], 1));
	addrlen = sizeof(addr);
	check(getsockname(many[0], (struct sockaddr *)&addr, &addrlen));
}

/* Sockets that the library has not met. */
static int adopt(void)
{
	DWORD ms = 5000;
	SOCKET s, child;
	int on = 1;

	s = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (s == INVALID_SOCKET)
		return errno == EMFILE ? WSAEMFILE : WSAENOTSOCK;
	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &ms, sizeof(ms)) ||
	    setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, &on, sizeof(on)) ||
	    connect(s, (struct sockaddr *)&addr, addrlen))
		return WSAGetLastError();
	child = accept(many[0], (struct sockaddr *)&addr, &addrlen);
	addrlen = name_of(many[0], &addr);
	if (child == INVALID_SOCKET || send(child, "", 1, 0) != 1 ||
	    shutdown(child, SD_SEND) || closesocket(child))
		return WSAGetLastError();
	return error_if(closesocket(s));
}

static void make_event(void)
{
	make_pair();
	event = WSACreateEvent();
}

static int create_event(void)
{
	WSAEVENT e = WSACreateEvent();

	return error_if(e == WSA_INVALID_EVENT || !WSACloseEvent(e));
}

static int select_events(void)
{
	return error_if(WSAEventSelect(pair.s, event, FD_READ | FD_CLOSE) ||
			WSAEventSelect(pair.s, NULL, 0));
}

static int wait_for_event(void)
{
	DWORD ret = WSAWaitForMultipleEvents(1, &event, FALSE, TIMEOUT_MS, FALSE);

	return ret == WSA_WAIT_TIMEOUT ? 0 : error_if(true);
}

static int create_queue(void)
{
	HWND q = winsock_create_queue();

	return error_if(!q || winsock_close_queue(q));
}

static void make_queue(void)
{
	make_pair();
	queue = winsock_create_queue();
}

static int select_messages(void)
{
	struct winsock_message message;
	int ret;

	if (WSAAsyncSelect(pair.s, queue, 1, FD_WRITE))
		return WSAGetLastError();
	ret = winsock_get_message(queue, &message, TIMEOUT_MS);
	if (WSAAsyncSelect(pair.s, queue, 0, 0))
		return WSAGetLastError();
	return refused ? 0 : error_if(ret == SOCKET_ERROR);
}

static void routine(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped,
		    DWORD flags)
{
}

static int request(void)
{
	WSAOVERLAPPED ov = { 0 };
	char byte = 'x', room;
	WSABUF out = { 1, &byte }, in = { 1, &room };
	DWORD bytes, flags = 0;

	if (WSARecv(pair.peer, &in, 1, NULL, &flags, &ov, routine) &&
	    WSAGetLastError() != WSA_IO_PENDING)
		return WSAGetLastError();
	check(WSASend(pair.s, &out, 1, &bytes, 0, NULL, NULL));
	while (!HasOverlappedIoCompleted(&ov))
		usleep(1000);
	return ov.Internal ? (int)ov.Internal : 0;
}

static int send_pieces(void)
{
	static WSABUF pieces[MANY];
	DWORD bytes;

	return error_if(WSASend(pair.s, pieces, MANY, &bytes, 0, NULL, NULL));
}

static int duplicate(void)
{
	WSAPROTOCOL_INFO info;
	SOCKET s;

	if (WSADuplicateSocket(pair.s, getpid(), &info))
		return WSAGetLastError();
	s = WSASocket(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO,
		      FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED);
	/* The source needs a descriptor, too, and cannot report that it got none. */
	if (s == INVALID_SOCKET && WSAGetLastError() == WSAEINVAL)
		return WSAEMFILE;
	return error_if(s == INVALID_SOCKET || closesocket(s));
}

static void make_many(void)
{
	int i;

	for (i = 0; i < MANY; i++)
		many[i] = open_socket(AF_INET, SOCK_DGRAM);
}

static int select_many(void)
{
	struct timeval now = { 0 };
	fd_set set;
	int i;

	FD_ZERO(&set);
	for (i = 0; i < MANY; i++)
		FD_SET(many[i], &set);
	return error_if(select(0, NULL, &set, NULL, &now) != MANY);
}

static int poll_many(void)
{
	struct pollfd native[MANY];
	WSAPOLLFD fds[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		fds[i] = (WSAPOLLFD) { .fd = many[i], .events = POLLOUT };
		native[i] = (struct pollfd) { .fd = many[i], .events = POLLOUT };
	}
	if (WSAPoll(fds, MANY, 0) != MANY)
		return WSAGetLastError();
	return error_if(winsock_poll(native, MANY, 0) != MANY);
}

static int look_up(void)
{
	return error_if(!gethostbyname("localhost"));
}

/* What an operation says when it cannot be done for want of anything. */
static bool is_scarcity(int error)
{
	switch (error) {
	case WSAENOBUFS:
	case WSAEMFILE:
	case WSA_NOT_ENOUGH_MEMORY:
	/* The names' own words for it */
	case WSATRY_AGAIN:
	case WSANO_RECOVERY:
		return true;
	default:
		return false;
	}
}

enum resource {
	MEMORY,
	DESCRIPTORS,
	WATCHES,	/* entries of all epoll sets */
};

#define MAX_WATCHES	"/proc/sys/fs/epoll/max_user_watches"

static void write_number(const char *path, int n)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, "%d\n", n) < 0 || fclose(file))
		err(EXIT_FAILURE, "%s", path);
}

/**
 * struct attempt - an operation when there is only so much
 * @prepare: sets the scene
 * @run: the operation
 * @resource: what is scarce
 * @n: how much of it there is
 */
struct attempt {
	void (*prepare)(void);
	int (*run)(void);
	enum resource resource;
	int n;
};

/* Descriptors: those up to the first one that is free, and @n more. */
static void become_scarce(const struct attempt *a, struct rlimit *before)
{
	struct rlimit limit;
	int next = check(dup(0));

	close(next);
	check(getrlimit(RLIMIT_NOFILE, before));
	limit = *before;
	limit.rlim_cur = next + a->n;
	refused = false;
	switch (a->resource) {
	case MEMORY:
		grants = a->n;
		counting = true;
		break;
	case DESCRIPTORS:
		check(setrlimit(RLIMIT_NOFILE, &limit));
		break;
	case WATCHES:
		write_number(MAX_WATCHES, a->n);
		break;
	}
}

static void become_plenty(const struct rlimit *before)
{
	counting = false;
	check(setrlimit(RLIMIT_NOFILE, before));
	write_number(MAX_WATCHES, 100000);
}

/* Returns the error that it failed with. */
static void *attempt_main(void *arg)
{
	struct attempt *a = arg;
	struct rlimit before;
	int error, later;

	start();
	if (a->prepare)
		a->prepare();
	become_scarce(a, &before);
	error = a->run();
	become_plenty(&before);
	if (error && !is_scarcity(error))
		errx(EXIT_FAILURE, "with %d: error %d", a->n, error);
	later = a->run();
	if (later)
		errx(EXIT_FAILURE, "with %d: error %d, then error %d", a->n,
		     error, later);
	check(WSACleanup());
	return (void *)(intptr_t)(error || refused);
}

/* In a process whose library has done nothing yet.  Was there too little? */
static bool attempt(struct attempt *a)
{
	int status, before;
	pthread_t thread;
	void *scarce;
	pid_t pid;

	pid = check(fork());
	if (!pid) {
		before = count_descriptors();
		check(pthread_create(&thread, NULL, attempt_main, a));
		pthread_join(thread, &scarce);
		/* Sockets from elsewhere, whose listener is the test's own. */
		if (count_descriptors() > before + 1)
			errx(EXIT_FAILURE, "with %d: descriptors are left", a->n);
		_exit(scarce ? 2 : 0);
	}
	check(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status) & 1)
		errx(EXIT_FAILURE, "with %d: status %#x", a->n, status);
	return WEXITSTATUS(status);
}

FIXTURE(scarce) {
};

FIXTURE_VARIANT(scarce) {
	void (*prepare)(void);
	int (*run)(void);
};

FIXTURE_VARIANT_ADD(scarce, open_and_close) { NULL, open_and_close };
FIXTURE_VARIANT_ADD(scarce, adopt) { make_native_listener, adopt };
FIXTURE_VARIANT_ADD(scarce, create_event) { NULL, create_event };
FIXTURE_VARIANT_ADD(scarce, select_events) { make_event, select_events };
FIXTURE_VARIANT_ADD(scarce, wait_for_event) { make_event, wait_for_event };
FIXTURE_VARIANT_ADD(scarce, create_queue) { NULL, create_queue };
FIXTURE_VARIANT_ADD(scarce, select_messages) { make_queue, select_messages };
FIXTURE_VARIANT_ADD(scarce, request) { make_pair, request };
FIXTURE_VARIANT_ADD(scarce, send_pieces) { make_pair, send_pieces };
FIXTURE_VARIANT_ADD(scarce, duplicate) { make_pair, duplicate };
FIXTURE_VARIANT_ADD(scarce, select_many) { make_many, select_many };
FIXTURE_VARIANT_ADD(scarce, poll_many) { make_many, poll_many };
FIXTURE_VARIANT_ADD(scarce, look_up) { NULL, look_up };

FIXTURE_SETUP(scarce)
{
}

FIXTURE_TEARDOWN(scarce)
{
}

TEST_F(scarce, memory_is_done_without_or_asked_for_later)
{
	struct attempt a = { variant->prepare, variant->run, MEMORY };

	while (attempt(&a))
		a.n++;
	TH_LOG("%d allocations", a.n);
}

/* An operation that needs more than the few that are tried does not end. */
TEST_F(scarce, descriptors_are_done_without_or_asked_for_later)
{
	struct attempt a = { variant->prepare, variant->run, DESCRIPTORS };

	while (attempt(&a))
		a.n++;
	TH_LOG("%d descriptors", a.n);
}

TEST_F(scarce, watches_are_done_without_or_asked_for_later)
{
	struct attempt a = { variant->prepare, variant->run, WATCHES };

	while (attempt(&a))
		a.n++;
	TH_LOG("%d watches", a.n);
}

TEST_HARNESS_MAIN
