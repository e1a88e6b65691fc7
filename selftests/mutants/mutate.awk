# SPDX-License-Identifier: GPL-2.0
# Prints the second file with the change that the first, mutants.txt, describes
# under name.  Fails unless the text is there once.

FNR == NR {
	if (/^[a-z]/)
		ours = index($0, name ":") == 1
	else if (ours && /^-/)
		old = old substr($0, 2) "\n"
	else if (ours && /^\+/)
		new = new substr($0, 2) "\n"
	next
}

{ text = text $0 "\n" }

END {
	at = index(text, old)
	if (!old || !at || index(substr(text, at + 1), old))
		exit 1
	printf "%s%s%s", substr(text, 1, at - 1), new,
	       substr(text, at + length(old))
}
