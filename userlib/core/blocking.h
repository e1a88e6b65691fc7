/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The per-thread flag "in a blocking call" (G2), and cancellation of the call (L3).
 *
 * Only a signal handler, or a function called by it, can find the flag set.
 */
#ifndef WS_BLOCKING_H
#define WS_BLOCKING_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/**
 * struct ws_blocking - state shared between a thread and its signal handlers
 * @blocking: the thread is in a blocking call
 * @cancelled: that call is to fail with WSAEINTR
 *
 * No other thread accesses it.  The TLS model avoids an allocation at first use,
 * which a signal handler could not make.
 */
struct ws_blocking {
	atomic_bool blocking;
	atomic_bool cancelled;
};

extern __thread struct ws_blocking ws_blocking
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline bool ws_is_blocking(void)
{
	return atomic_load_explicit(&ws_blocking.blocking, memory_order_relaxed);
}

static inline void ws_blocking_begin(void)
{
	atomic_store_explicit(&ws_blocking.cancelled, false, memory_order_relaxed);
	atomic_store_explicit(&ws_blocking.blocking, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void ws_blocking_end(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&ws_blocking.blocking, false, memory_order_relaxed);
}

bool ws_is_cancellable(void);
bool ws_is_cancelled(void);
int ws_ppoll(struct pollfd *pollfds, nfds_t count, const struct timespec *left);

#endif
