/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM winsock

#if !defined(_WINSOCK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _WINSOCK_TRACE_H

#include <linux/inet.h>
#include <linux/tracepoint.h>
#include <net/inet_sock.h>

/* The two addresses of a connection. */
#ifndef WINSOCK_TRACE_PEERS
#define WINSOCK_TRACE_PEERS
static inline void winsock_trace_peers(const struct sock *sk, u16 *family,
				       u16 *sport, u16 *dport, u8 *saddr,
				       u8 *daddr)
{
	*family = sk ? sk->sk_family : AF_UNSPEC;
	*sport = 0;
	*dport = 0;
	memset(saddr, 0, 16);
	memset(daddr, 0, 16);
	if (*family == AF_INET) {
		ipv6_addr_set_v4mapped(inet_sk(sk)->inet_saddr,
				       (struct in6_addr *)saddr);
		ipv6_addr_set_v4mapped(sk->sk_daddr, (struct in6_addr *)daddr);
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (*family == AF_INET6) {
		memcpy(saddr, &sk->sk_v6_rcv_saddr, 16);
		memcpy(daddr, &sk->sk_v6_daddr, 16);
	}
#endif
	if (*family == AF_INET || *family == AF_INET6) {
		*sport = ntohs(inet_sk(sk)->inet_sport);
		*dport = ntohs(sk->sk_dport);
	}
}
#endif

TRACE_DEFINE_ENUM(NATIVE);
TRACE_DEFINE_ENUM(GRACEFUL);
TRACE_DEFINE_ENUM(HARD);
TRACE_DEFINE_ENUM(LINGER);
TRACE_DEFINE_ENUM(LINGER_TIMEOUT);
TRACE_DEFINE_ENUM(DEADLINE_CLOSE);
TRACE_DEFINE_ENUM(REFUSE);
TRACE_DEFINE_ENUM(SHARED);

TRACE_DEFINE_ENUM(WINSOCK_DELIVERED);
TRACE_DEFINE_ENUM(WINSOCK_DEADLINE_RESET);
TRACE_DEFINE_ENUM(WINSOCK_PEER_RESET);

#define WINSOCK_TRACE_RESULT(result)					\
	__print_symbolic(result,					\
			 { WINSOCK_DELIVERED, "delivered" },		\
			 { WINSOCK_DEADLINE_RESET, "deadline" },	\
			 { WINSOCK_PEER_RESET, "lost" })

#define WINSOCK_TRACE_HOW(how)						\
	__print_symbolic(how,						\
			 { NATIVE, "native" },				\
			 { GRACEFUL, "graceful" },			\
			 { HARD, "hard" },				\
			 { LINGER, "linger" },				\
			 { LINGER_TIMEOUT, "deadline" },			\
			 { DEADLINE_CLOSE, "background" },			\
			 { REFUSE, "refuse" },				\
			 { SHARED, "shared" })

/*
 * One event for each close of a socket: the decision, the result, the number of
 * calls of the process that it interrupted, and the duration.  IPv4 addresses are
 * IPv4-mapped.  Addresses of families other than IPv4 and IPv6 are zero.
 */
TRACE_EVENT(winsock_close,
	TP_PROTO(const struct sock *sk, int fd, int how, int err,
		 unsigned int calls, u64 nsecs),
	TP_ARGS(sk, fd, how, err, calls, nsecs),
	TP_STRUCT__entry(
		__field(int, fd)
		__field(int, how)
		__field(int, err)
		__field(unsigned int, calls)
		__field(u64, nsecs)
		__field(u16, family)
		__field(u16, sport)
		__field(u16, dport)
		__array(u8, saddr, 16)
		__array(u8, daddr, 16)
	),
	TP_fast_assign(
		__entry->fd = fd;
		__entry->how = how;
		__entry->err = err;
		__entry->calls = calls;
		__entry->nsecs = nsecs;
		winsock_trace_peers(sk, &__entry->family, &__entry->sport,
				    &__entry->dport, __entry->saddr,
				    __entry->daddr);
	),
	TP_printk("fd=%d how=%s err=%d calls=%u nsecs=%llu family=%u saddr=%pI6c sport=%u daddr=%pI6c dport=%u",
		  __entry->fd, WINSOCK_TRACE_HOW(__entry->how), __entry->err,
		  __entry->calls, __entry->nsecs, __entry->family,
		  __entry->saddr, __entry->sport,
		  __entry->daddr, __entry->dport)
);

/* One event for each close with a deadline that continued in the background: its end. */
TRACE_EVENT(winsock_outcome,
	TP_PROTO(const struct sock *sk, int result, u64 cookie, u64 unacked,
		 u64 nsecs),
	TP_ARGS(sk, result, cookie, unacked, nsecs),
	TP_STRUCT__entry(
		__field(int, result)
		__field(u64, cookie)
		__field(u64, unacked)
		__field(u64, nsecs)
		__field(u16, family)
		__field(u16, sport)
		__field(u16, dport)
		__array(u8, saddr, 16)
		__array(u8, daddr, 16)
	),
	TP_fast_assign(
		__entry->result = result;
		__entry->cookie = cookie;
		__entry->unacked = unacked;
		__entry->nsecs = nsecs;
		winsock_trace_peers(sk, &__entry->family, &__entry->sport,
				    &__entry->dport, __entry->saddr,
				    __entry->daddr);
	),
	TP_printk("result=%s cookie=%llu unacked=%llu nsecs=%llu family=%u saddr=%pI6c sport=%u daddr=%pI6c dport=%u",
		  WINSOCK_TRACE_RESULT(__entry->result), __entry->cookie,
		  __entry->unacked, __entry->nsecs, __entry->family,
		  __entry->saddr, __entry->sport,
		  __entry->daddr, __entry->dport)
);

#endif /* _WINSOCK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
