# SPDX-License-Identifier: LGPL-2.1-or-later
# Reads check/left-out; prints the list for winsock(7), and what is wrong with it.
# missing: a file with the names that our headers lack

BEGIN {
	while ((getline name <missing) > 0)
		names[name]
	print ".Bl -tag -width Ds"
}
/^#/ || !NF { next }
/^[^ \t]/ {
	finish()
	title = $0
	next
}
/^ / {
	sub(/^ /, "")
	reason = reason $0 "\n"
	next
}
{
	sub(/^\t/, "")
	n = split($0, word, / *, */)
	for (i = 1; i <= n; i++) {
		count++
		call[count] = sub(/\(\)$/, "", word[i])
		pattern[count] = word[i]
		take(word[i])
	}
}
END {
	finish()
	print ".El"
	for (name in names)
		if (!(name in taken))
			print "in no group: " name | "sort"
}

function take(pattern,  name, expression, hits) {
	expression = pattern
	gsub(/\*/, "[A-Za-z0-9_]*", expression)
	expression = "^(struct |union |enum )?" expression "$"
	for (name in names)
		if (name ~ expression) {
			taken[name]
			hits++
		}
	if (!hits)
		print "no such name is left out: " pattern
}

function finish(  i, last) {
	if (title == "")
		return
	print ".It " title
	printf "%s", reason
	for (i = 1; i <= count; i++)
		if (!call[i])
			print ".Dv " pattern[i] (i < count ? " ," : "")
		else
			print ".Fn " pattern[i] (i < count ? " ," : "")
	title = reason = ""
	count = 0
}
