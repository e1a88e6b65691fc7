# SPDX-License-Identifier: GPL-2.0
# Reads explained.txt, then what gcov -t -b -c says of the sources in kmod and
# userlib.  Prints the shares of each file and every line that did not run, with
# its function; with judge=1 also what is wrong, and fails then.

function percent(part, whole) {
	return whole ? 100 * part / whole : 100
}

function row(name, run, all, taken, branches, hidden) {
	printf "  %-24s %5d of %5d  %5.1f %%   %5d of %5d  %5.1f %%   %s\n", name,
		run, all, percent(run, all), taken, branches,
		percent(taken, branches), hidden ? hidden : ""
}

# enough WHAT SHARE WANTED
function enough(what, share, wanted) {
	if (share < wanted)
		wrong[++wrongs] = sprintf("%s: %.1f %%, should be %d %%", what,
					  share, wanted)
}

BEGIN {
	decisions = "(if|for|while|switch) [(]|for_each[a-z_]*[(]|wait_event[a-z_]*[(]|likely[(]|[?]|&&|[|][|]"
}

# A reason, and below it, behind a tab, "FILE: FUNCTION: LINES" for the lines that it
# explains.  One that begins with "Sometimes" is for lines that run at other times.
FILENAME ~ /explained\.txt$/ {
	if (sub(/^\t/, "")) {
		lines = $0
		sub(/.*: /, "", lines)
		sub(/: [^:]*$/, "")
		most[$0] += lines
		if (!sometimes)
			least[$0] += lines
	} else if (!$0)
		sometimes = 0
	else if (/^Sometimes /)
		sometimes = 1
	next
}

# "        -:    0:Source:PATH"
/^ *-: *0:Source:/ {
	sub(/^ *-: *0:Source:/, "")
	file = ""
	if (match($0, /(^|\/)kmod\/[^\/]+\/[a-z_]+\.[ch]$/) ) {
		sub(/.*\//, "")
		file = "kmod/" $0
	} else if ($0 ~ /^(core|events|overlapped|compat)\/[a-z_]+\.[ch]$/) {
		file = "userlib/" $0
	}
	if (file && !(file in known)) {
		known[file] = 1
		files[++nfiles] = file
	}
	next
}

!file { next }

# It precedes the line on which the function begins.
/^function .* called / {
	name = $2
	next
}

# "branch  0 taken 5 (fallthrough)" belongs to the line above.  Left out are those
# that nothing in the source decides: a fault in an access to user space, which
# has a label of its own, what TRACE_EVENT is made of, and what the debug kernel
# has in its macros, to complain of RCU, say, and in functions' first lines.
/^branch .*\(throw\)/ { next }
/^branch / && file ~ /\/trace\.h$/ { next }
/^branch / && !decides[line] { next }
/^branch / {
	key = line SUBSEP $2
	if (!(key in branch)) {
		branch[key] = 0
		branches[file]++
	}
	if ($3 == "taken" && $4 > 0 && !branch[key]) {
		branch[key] = 1
		taken[file]++
	}
	next
}

/^ *[-0-9#=]+\*?: *[0-9]+:/ {
	split($0, field, ":")
	number = field[2] + 0
	line = file SUBSEP number
	text = $0
	sub(/^[^:]*:[^:]*:[ \t]*/, "", text)
	decision = goes_on || text ~ decisions
	goes_on = text ~ /(&&|\|\|)$/
	if (field[1] ~ /-/)
		next
	if (!(line in count)) {
		count[line] = 0
		all[file]++
		at[file, all[file]] = number
		source[line] = text
		within[line] = name
		decides[line] = decision
	}
	if (field[1] ~ /[1-9]/ && !count[line]) {
		count[line] = 1
		run[file]++
	}
}

END {
	print "                                      lines                    branches   explained"
	for (i = 1; i <= nfiles; i++) {
		f = files[i]
		hidden = 0
		for (j = 1; j <= all[f]; j++) {
			line = f SUBSEP at[f, j]
			if (count[line])
				continue
			key = f ": " within[line]
			idle[key]++
			if (key in most && idle[key] <= most[key]) {
				hidden++
				continue
			}
			missing[++n] = f ":" at[f, j] ": " within[line] ": " source[line]
		}
		row(f, run[f], all[f], taken[f], branches[f], hidden)
		part = f
		sub(/\/.*/, "", part)
		parts[part] = 1
		sum_run[part] += run[f]
		sum_all[part] += all[f]
		sum_taken[part] += taken[f]
		sum_branches[part] += branches[f]
		sum_hidden[part] += hidden
	}
	for (part in parts)
		row(part, sum_run[part], sum_all[part], sum_taken[part],
		    sum_branches[part], sum_hidden[part])
	if (n)
		print "not run:"
	for (i = 1; i <= n; i++)
		print "  " missing[i]
	if (!judge)
		exit 0

	for (key in least) {
		part = key
		sub(/\/.*/, "", part)
		if (part in parts && idle[key] < least[key])
			wrong[++wrongs] = sprintf("explained.txt: %s: %d lines do not run, not %d",
						  key, idle[key], least[key])
	}
	if (n)
		wrong[++wrongs] = n " lines did not run and have no explanation"
	if (!("kmod" in parts && "userlib" in parts))
		wrong[++wrongs] = "module or library is not in the report at all"
	if ("kmod" in parts) {
		enough("kmod, lines", percent(sum_run["kmod"], sum_all["kmod"]), 97)
		enough("kmod, branches", percent(sum_taken["kmod"], sum_branches["kmod"]), 90)
	}
	if ("userlib" in parts)
		enough("userlib, lines", percent(sum_run["userlib"], sum_all["userlib"]), 95)
	if (wrongs)
		print "wrong:"
	for (i = 1; i <= wrongs; i++)
		print "  " wrong[i]
	exit wrongs > 0
}
