// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer has learnt and found, against the model once more: a test for
 * each file of fuzz/corpus and fuzz/findings.  To look at one that fails:
 * make fuzz REPLAY=file.
 */
#include "kselftest.h"
#include "support/cgroup.h"
#include "support/check.h"
#include "support/counters.h"
#include "support/device.h"
#include "support/module.h"
#include "support/netns.h"
#include "support/pair.h"
#include "support/process.h"
#include "support/receive.h"
#include "support/socket.h"
#include "support/thread.h"
#include "support/wire.h"
#include "fuzz/execute.h"
#include "fuzz/sequences.h"

/* Calls at the same time: not every try has them meet. */
#define RACE_TRIES	5

static void test(const struct sequence *sequence)
{
	struct verdict verdict = { 0 };
	struct program p;
	const char *error;
	int tries, line;

	line = program_parse(&p, sequence->text, &error);
	if (line) {
		ksft_test_result_fail("%s:%d: %s\n", sequence->name, line,
				      error);
		return;
	}
	for (tries = program_racers(&p) ? RACE_TRIES : 1; tries; tries--) {
		execute(&p, false, &verdict);
		if (verdict.finding)
			break;
	}
	if (verdict.finding)
		ksft_print_msg("%s\n", verdict.text);
	ksft_test_result(!verdict.finding, "%s\n", sequence->name);
}

int main(void)
{
	int n = 0;

	while (sequences[n].name)
		n++;
	ksft_print_header();
	ksft_set_plan(n);
	execute_init();
	for (n = 0; sequences[n].name; n++)
		test(&sequences[n]);
	ksft_finished();
}
