// SPDX-License-Identifier: GPL-2.0
/*
 * The rate of this machine's time stamp counter, in kHz.  The emulator hands it to
 * the guest as it is, and a guest that measures it for itself while the host is
 * busy may be wrong by a factor, and all its clocks with it.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define MEASURE_MS	50

struct reading {
	unsigned long long ticks;
	long long nsec;
	long long doubt;
};

/* The closest of some, since one may be interrupted in the middle. */
static struct reading look(void)
{
	struct reading best = { .doubt = -1 };
	struct timespec now;
	int i;

	for (i = 0; i < 10; i++) {
		unsigned long long before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		after = __rdtsc();
		if (best.doubt >= 0 && (long long)(after - before) >= best.doubt)
			continue;
		best.doubt = after - before;
		best.ticks = before + (after - before) / 2;
		best.nsec = now.tv_sec * 1000000000LL + now.tv_nsec;
	}
	return best;
}

int main(void)
{
	struct timespec pause = { .tv_nsec = MEASURE_MS * 1000000L };
	struct reading start = look(), end;

	nanosleep(&pause, NULL);
	end = look();
	printf("%llu\n", (end.ticks - start.ticks) * 1000000 / (end.nsec - start.nsec));
	return 0;
}
