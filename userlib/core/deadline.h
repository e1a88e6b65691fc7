/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The deadline of a wait. */
#ifndef WS_DEADLINE_H
#define WS_DEADLINE_H

#include <stdbool.h>
#include <time.h>

/* Wider than a long of 32 bits, which holds little more than two seconds. */
#define WS_NSEC_PER_SEC		1000000000LL
#define WS_NSEC_PER_MSEC	1000000LL

/**
 * struct ws_deadline - when a wait times out
 * @bounded: false for a wait without a timeout
 * @at: the time, of CLOCK_MONOTONIC
 */
struct ws_deadline {
	bool bounded;
	struct timespec at;
};

static inline struct ws_deadline ws_never(void)
{
	return (struct ws_deadline) { .bounded = false };
}

/* A deadline beyond the range of the clock is none. */
static inline struct ws_deadline ws_deadline_in(time_t sec, long long nsec)
{
	struct ws_deadline deadline;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	nsec += now.tv_nsec;
	now.tv_sec += nsec / WS_NSEC_PER_SEC;
	deadline.at.tv_nsec = nsec % WS_NSEC_PER_SEC;
	deadline.bounded = !__builtin_add_overflow(now.tv_sec, sec,
						   &deadline.at.tv_sec);
	return deadline;
}

/* The time left; 0 once the deadline has passed. */
static inline struct timespec ws_deadline_left(const struct ws_deadline *deadline)
{
	struct timespec left;

	clock_gettime(CLOCK_MONOTONIC, &left);
	left.tv_sec = deadline->at.tv_sec - left.tv_sec;
	left.tv_nsec = deadline->at.tv_nsec - left.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_nsec += WS_NSEC_PER_SEC;
		left.tv_sec--;
	}
	return left.tv_sec < 0 ? (struct timespec) { 0 } : left;
}

#endif
