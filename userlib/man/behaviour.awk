# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes winsock-behaviour(7) of uapi/BEHAVIOUR.md, for readers who have no source:
# headings, paragraphs, items and tables, whose rows become a list by their numbers.
#   awk -v date="November 23, 2026" -f behaviour.awk BEHAVIOUR.md

BEGIN {
	print ".\\\" SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note"
	print ".\\\" Made from uapi/BEHAVIOUR.md: change that."
	print ".Dd " date
	print ".Dt WINSOCK-BEHAVIOUR 7"
	print ".Os"
	print ".Sh NAME"
	print ".Nm winsock-behaviour"
	print ".Nd what closesocket does, row by row"
	print ".Sh DESCRIPTION"
}

/^<!--/ || /^# / { next }

/^\|[-|: ]*$/ { next }

/^\|/ {
	flush()
	row($0)
	next
}

{ end_table() }

/^## / {
	flush()
	end_items()
	print ".Ss " plain(substr($0, 4))
	fresh = 1
	next
}

/^$/ { flush(); next }

/^- / {
	flush()
	if (!items)
		print ".Bl -bullet"
	items = 1
	print ".It"
	text = substr($0, 3)
	next
}

{
	sub(/^ +/, "")
	text = text (text ? " " : "") $0
	# A definition begins a line in the source, and does here.
	if (/\.$/ && !items)
		flush()
}

END {
	flush()
	end_items()
	end_table()
	print ".Sh SEE ALSO"
	print ".Xr closesocket 3 ,"
	print ".Xr winsock 4 ,"
	print ".Xr winsock 7 ,"
	print ".Xr winsock-porting 7"
}

function row(line,    cell, n, i, what) {
	end_items()
	gsub(/^\| *| *\| *$/, "", line)
	n = split(line, cell, / *\| */)
	if (!columns) {
		columns = n
		for (i = 1; i <= n; i++)
			heading[i] = cell[i]
		if (length(heading[n]) > 15)
			words(heading[2] ": " heading[n] ".")
		print ".Bl -tag -width \"C20\""
		return
	}
	print ".It " plain(cell[1])
	if (columns == 2) {
		words(cell[2])
		return
	}
	if (heading[columns] == "here") {
		for (i = 2; i <= columns; i++)
			words(heading[i] ": " cell[i] (i < columns ? ";" : "."))
		return
	}
	what = cell[2]
	for (i = 3; i < columns; i++)
		what = what (cell[i] == "" ? "" : ", " heading[i] " " cell[i])
	if (columns > 3) {
		words(heading[2] " " what ".")
		words("Result: " cell[columns])
		return
	}
	words(what (cell[columns] == "" ? "" : ":"))
	words(cell[columns])
}

function end_table() {
	if (columns)
		print ".El"
	columns = 0
}

function end_items() {
	if (items)
		print ".El"
	items = 0
}

function flush() {
	if (text == "")
		return
	if (!items && !fresh && paragraphs)
		print ".Pp"
	paragraphs++
	words(text)
	text = ""
	fresh = 0
}

function plain(s) {
	gsub(/\\/, "\\e", s)
	gsub(/`/, "", s)
	gsub(/\*/, "", s)
	return s
}

# One sentence a line, and no line that is long or looks like a request.
function words(s,    word, n, i, line) {
	n = split(plain(s), word, " ")
	for (i = 1; i <= n; i++) {
		if (line != "" && length(line " " word[i]) > 78) {
			put(line)
			line = ""
		}
		if (word[i] ~ /^[A-Za-z_]+\(\)[.,;:]?$/) {
			if (line != "")
				put(line)
			line = ""
			sub(/\(\)/, "", word[i])
			sub(/[.,;:]$/, " &", word[i])
			print ".Fn " word[i]
			continue
		}
		line = line (line == "" ? "" : " ") word[i]
		if (word[i] ~ /\.\)?$/) {
			put(line)
			line = ""
		}
	}
	if (line != "")
		put(line)
}

function put(line) {
	print (line ~ /^[.']/ ? "\\&" : "") line
}
