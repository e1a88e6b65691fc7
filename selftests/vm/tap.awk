# SPDX-License-Identifier: GPL-2.0
# Judges the output of one suite.  status is how it ended ("exit 0").  Prints
# what failed, then "skip REASON" for every test that the kernel under test
# cannot have, and last the counts: passed, failed, skipped.

function fail(text, output) {
	failed++
	print "  not ok: " text
	printf "%s", output
}

# What a test printed is kept until it is known to have failed.
function keep(text) {
	if (++lines <= 60)
		output = output "      " text "\n"
	else if (lines == 61)
		output = output "      ...\n"
}

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ {
	planned = substr($1, 4) + 0
	plans++
	if (planned == 0 && /# *SKIP/)
		whole = $0
	next
}

/^(not )?ok( |$)/ {
	results++
	text = $0
	keep(text)
	if (text ~ /^not /) {
		fail(text, output)
	} else if (text !~ /# *SKIP/) {
		passed++
	} else if (text ~ /# *SKIP *kernel:/) {
		skipped++
		sub(/.*# *SKIP */, "", text)
		print "skip " running " " text
	} else {
		fail(text ": a skip that the kernel does not explain", output)
	}
	output = ""
	lines = 0
	next
}

/^# +RUN / { running = $3 }
{ keep($0) }

END {
	if (whole) {
		sub(/.*# *SKIP */, "", whole)
		if (whole ~ /^kernel:/) {
			skipped++
			print "skip (all) " whole
		} else {
			fail("skipped as a whole: " whole, output)
		}
	} else if (status !~ /^exit/) {
		fail("ended by " status, output)
	} else if (plans != 1) {
		fail(plans ? "more than one plan" : "no plan was printed", output)
	} else if (planned != results) {
		fail("planned " planned " tests, reported " results + 0, output)
	} else if (!planned) {
		fail("no tests", output)
	} else if (status != "exit 0" && !failed) {
		fail("no test failed, yet " status, output)
	}
	print passed + 0, failed + 0, skipped + 0
}
