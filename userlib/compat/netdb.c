// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * gethostbyname and related functions.  The result is valid in the calling thread
 * until it makes a call of the same kind or ends.
 */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winsock2.h>

#include "core/blocking.h"
#include "core/call.h"
#include "core/error.h"
#include "core/export.h"

#define FIRST_SIZE	1024
#define LAST_SIZE	1048576

enum kind {
	HOST,
	SERVICE,
	PROTOCOL,
	KINDS,
};

/**
 * struct answer - the last result of a thread
 * @entry: of one of the three kinds
 * @found: @entry, or NULL
 * @mem: the memory that @entry points to
 * @size: of @mem
 */
struct answer {
	union {
		struct hostent host;
		struct servent service;
		struct protoent protocol;
	} entry;
	void *found;
	char *mem;
	size_t size;
};

/**
 * struct query - one lookup
 * @kind: the kind of entry
 * @ask: calls libc; returns an errno, and for hosts an h_errno
 * @name: name or address to look up
 * @number: number to look up, or the length of the address
 * @family: of the address
 * @protocol: of a service, or NULL
 */
struct query {
	enum kind kind;
	int (*ask)(const struct query *query, struct answer *answer, int *h_err);
	const char *name;
	int number;
	int family;
	const char *protocol;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

static void free_answers(void *arg)
{
	struct answer *answers = arg;
	int i;

	for (i = 0; i < KINDS; i++)
		free(answers[i].mem);
	free(answers);
}

static void make_key(void)
{
	have_key = !pthread_key_create(&key, free_answers);
}

static struct answer *answer_of(enum kind kind)
{
	struct answer *answers;

	pthread_once(&once, make_key);
	if (!have_key)
		return NULL;
	answers = pthread_getspecific(key);
	if (!answers) {
		answers = calloc(KINDS, sizeof(*answers));
		if (answers && pthread_setspecific(key, answers)) {
			free(answers);
			answers = NULL;
		}
	}
	return answers ? &answers[kind] : NULL;
}

static bool grow(struct answer *answer)
{
	size_t size = answer->size ? 2 * answer->size : FIRST_SIZE;
	char *mem = size > LAST_SIZE ? NULL : malloc(size);

	if (!mem)
		return false;
	free(answer->mem);
	answer->mem = mem;
	answer->size = size;
	return true;
}

static int error_from_h_errno(int h_err, int err)
{
	switch (h_err) {
	case HOST_NOT_FOUND:
		return WSAHOST_NOT_FOUND;
	case TRY_AGAIN:
		return WSATRY_AGAIN;
	case NO_DATA:
		return WSANO_DATA;
	case NETDB_INTERNAL:
		return err == ENOMEM ? WSA_NOT_ENOUGH_MEMORY : WSANO_RECOVERY;
	default:
		return WSANO_RECOVERY;
	}
}

static int look_up(const struct query *query, struct answer *answer)
{
	int err, h_err = NO_RECOVERY;

	if (!answer || (!answer->mem && !grow(answer)))
		return WSA_NOT_ENOUGH_MEMORY;
	while ((err = query->ask(query, answer, &h_err)) == ERANGE)
		if (!grow(answer))
			return WSA_NOT_ENOUGH_MEMORY;
	if (answer->found)
		return 0;
	return query->kind == HOST ? error_from_h_errno(h_err, err) : WSANO_DATA;
}

/* The entry, or NULL with the last error; @error is that of the caller's checks. */
static void *answer(const struct query *query, int error)
{
	struct answer *answer;
	struct ws_call call;

	if (!ws_call_begin(&call, -1))
		return NULL;
	answer = answer_of(query->kind);
	if (!error) {
		ws_blocking_begin();
		error = look_up(query, answer);
		ws_blocking_end();
	}
	return ws_call_end(&call, error) ? NULL : answer->found;
}

static int ask_host_by_name(const struct query *query, struct answer *answer,
			    int *h_err)
{
	return gethostbyname_r(query->name, &answer->entry.host, answer->mem,
			       answer->size, (struct hostent **)&answer->found,
			       h_err);
}

static int ask_host_by_addr(const struct query *query, struct answer *answer,
			    int *h_err)
{
	return gethostbyaddr_r(query->name, query->number, query->family,
			       &answer->entry.host, answer->mem, answer->size,
			       (struct hostent **)&answer->found, h_err);
}

static int ask_service_by_name(const struct query *query,
			       struct answer *answer, int *h_err)
{
	(void)h_err;
	return getservbyname_r(query->name, query->protocol,
			       &answer->entry.service, answer->mem, answer->size,
			       (struct servent **)&answer->found);
}

static int ask_service_by_port(const struct query *query,
			       struct answer *answer, int *h_err)
{
	(void)h_err;
	return getservbyport_r(query->number, query->protocol,
			       &answer->entry.service, answer->mem, answer->size,
			       (struct servent **)&answer->found);
}

static int ask_protocol_by_name(const struct query *query,
				struct answer *answer, int *h_err)
{
	(void)h_err;
	return getprotobyname_r(query->name, &answer->entry.protocol,
				answer->mem, answer->size,
				(struct protoent **)&answer->found);
}

static int ask_protocol_by_number(const struct query *query,
				  struct answer *answer, int *h_err)
{
	(void)h_err;
	return getprotobynumber_r(query->number, &answer->entry.protocol,
				  answer->mem, answer->size,
				  (struct protoent **)&answer->found);
}

/* NULL stands for the name of this machine. */
WS_EXPORT struct hostent *winsock_gethostbyname(const char *name)
{
	char own[HOST_NAME_MAX + 1];
	struct query query = {
		.kind = HOST,
		.ask = ask_host_by_name,
		.name = name,
	};
	int saved_errno = errno;

	if (!name || !*name) {
		query.name = gethostname(own, sizeof(own)) ? "" : own;
		errno = saved_errno;
	}
	return answer(&query, 0);
}

WS_EXPORT struct hostent *winsock_gethostbyaddr(const void *addr, socklen_t len,
						int family)
{
	socklen_t need = family == AF_INET ? sizeof(struct in_addr) :
					     sizeof(struct in6_addr);
	struct query query = {
		.kind = HOST,
		.ask = ask_host_by_addr,
		.name = addr,
		.number = need,
		.family = family,
	};
	int error = 0;

	if (family != AF_INET && family != AF_INET6)
		error = WSAEAFNOSUPPORT;
	else if (!addr || len < need)
		error = WSAEFAULT;
	return answer(&query, error);
}

WS_EXPORT struct servent *winsock_getservbyname(const char *name,
						const char *protocol)
{
	struct query query = {
		.kind = SERVICE,
		.ask = ask_service_by_name,
		.name = name,
		.protocol = protocol,
	};

	return answer(&query, name ? 0 : WSAEFAULT);
}

WS_EXPORT struct servent *winsock_getservbyport(int port, const char *protocol)
{
	struct query query = {
		.kind = SERVICE,
		.ask = ask_service_by_port,
		.number = port,
		.protocol = protocol,
	};

	return answer(&query, 0);
}

WS_EXPORT struct protoent *winsock_getprotobyname(const char *name)
{
	struct query query = {
		.kind = PROTOCOL,
		.ask = ask_protocol_by_name,
		.name = name,
	};

	return answer(&query, name ? 0 : WSAEFAULT);
}

WS_EXPORT struct protoent *winsock_getprotobynumber(int number)
{
	struct query query = {
		.kind = PROTOCOL,
		.ask = ask_protocol_by_number,
		.number = number,
	};

	return answer(&query, 0);
}

WS_EXPORT int winsock_gethostname(char *name, size_t len)
{
	char own[HOST_NAME_MAX + 1];
	struct ws_call call;
	int error = 0;

	if (!ws_call_begin(&call, -1))
		return SOCKET_ERROR;
	if (gethostname(own, sizeof(own)))
		error = ws_error_from_errno(errno);
	else if (!name || len > INT_MAX || len <= strlen(own))
		error = WSAEFAULT;
	else
		strcpy(name, own);
	return ws_call_end(&call, error);
}
