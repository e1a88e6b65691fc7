# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sourced by check.sh: our headers beside those of mingw-w64, which clang reads
# for the one system and the other.

mingw=/usr/share/mingw-w64/include
# shellcheck disable=SC2154 # check.sh's
headers=$tmp/headers.c
printf '#include <%s>\n' winsock2.h ws2tcpip.h ws2ipdef.h mswsock.h mstcpip.h >"$headers"

# on windows|linux CLANG-ARGUMENT...: the headers and what comes from stdin
on() {
	local system=$1 target=x86_64-linux-gnu include=(-Iinclude)

	shift
	if [ "$system" = windows ]; then
		target=x86_64-w64-windows-gnu
		include=(-isystem "$mingw" -D_WIN32_WINNT=0x0602)
	fi
	cat "$headers" - | clang -x c --target="$target" "${include[@]}" -w \
		-ferror-limit=0 "$@" -
}

# The functions that theirs declare, and no other header that they include.
functions() {
	on windows -E '-D__attribute__(x)=' </dev/null |
		awk '/^# [0-9]+ "/ { split($0, part, "\""); file = part[2]; next }
		     file ~ /\/(winsock2|ws2tcpip|mswsock|mstcpip)\.h$/' |
		awk '{
			for (i = 1; i <= length($0); i++) {
				c = substr($0, i, 1)
				if (c == "{" || c == ";") {
					if (!depth)
						declared(text)
					text = ""
				}
				depth += (c == "{") - (c == "}")
				if (!depth && c != "}")
					text = text c
			}
			text = text " "
		}
		function declared(text) {
			if (text ~ /typedef|__C_ASSERT__/ || !index(text, "("))
				return
			sub(/ *\(.*/, "", text)
			sub(/.*[ *;]/, "", text)
			print text
		}' | sort -u
}

# Those of a list of names (stdin) that are not declared.
undeclared() {
	awk '{ printf "void *p_%s = (void *)%s;\n", $1, $1 }' |
		on linux -fsyntax-only 2>&1 |
		sed -n "s/.*undeclared identifier '\([A-Za-z0-9_]*\)'.*/\1/p" | sort -u
}

# kinds SYSTEM: for a list of functions (stdin) "name result argument...", each
# as p for a pointer, void, or i and how many bits it has
kinds() {
	awk '{ printf "void *p_%s = (void *)%s;\n", $1, $1 }' |
		on "$1" -S -emit-llvm -o - |
		awk '/^@p_/ {
			name = substr($1, 4)
			match($0, /@[A-Za-z0-9_]+ to |ptr @[A-Za-z0-9_]+/)
			symbol = substr($0, RSTART, RLENGTH)
			gsub(/ to |ptr |@/, "", symbol)
			symbols[name] = symbol
		}
		/^(declare|define) / {
			match($0, /@[A-Za-z0-9_]+\(/)
			symbol = substr($0, RSTART + 1, RLENGTH - 2)
			before = substr($0, 1, RSTART - 1)
			after = substr($0, RSTART + RLENGTH)
			n = split(before, word, " ")
			line = kind(word[n])
			sub(/\)[^)]*$/, "", after)
			n = split(after, word, /, */)
			for (i = 1; i <= n; i++)
				line = line " " kind(word[i])
			types[symbol] = line
		}
		END {
			for (name in symbols)
				print name, types[symbols[name]]
		}
		function kind(type) {
			sub(/ .*/, "", type)
			return type ~ /\*$|^ptr/ ? "p" : type
		}' | sort
}

# macros SYSTEM: the names of all
macros() {
	on "$1" -E -dM </dev/null | sed -n 's/^#define \([A-Za-z0-9_]*\).*/\1/p' | sort -u
}

# Our constants that theirs define too.
constants() {
	grep -hoE '^#define +[A-Za-z0-9_]+[^A-Za-z0-9_(]+[^ ]' include/*.h |
		awk '{ print $2 }' | sort -u | comm -12 - <(macros windows) |
		grep -vxE 'WSAEVENT|WSAID_.*|[hs]_addr|s6_(bytes|words)'
}

# values SYSTEM: for a list of macros (stdin) "name value"
values() {
	awk '{ printf "long long v_%s(void) { return (long long)(%s); }\n", $1, $1 }' |
		on "$1" -O1 -S -emit-llvm -o - |
		awk '/^define / { match($0, /@v_[A-Za-z0-9_]+/)
				  name = substr($0, RSTART + 3, RLENGTH - 3) }
		     /^ +ret / { print name, $3 }' | sort
}

# COMMAND LIST: what it says of the list's names on both systems, if not the same
differing() {
	"$1" windows <"$2" >"$tmp/there"
	"$1" linux <"$2" >"$tmp/here"
	awk 'NR == FNR { name = $1; $1 = ""; there[name] = $0; next }
	     { name = $1; $1 = ""
	       if (there[name] != $0)
			print name ":" there[name] " ->" $0 }' "$tmp/there" "$tmp/here"
	[ "$(wc -l <"$tmp/here")" = "$(wc -l <"$2")" ] || echo "$1: some are missing"
}

# Types and numbers are Windows', or check/differences says that they are not.
differences() {
	comm -23 "$tmp/functions" "$tmp/undeclared" >"$tmp/declared"
	constants >"$tmp/constants"
	# or else nothing was compared
	[ "$(wc -l <"$tmp/declared")" -gt 70 ] &&
		[ "$(wc -l <"$tmp/constants")" -gt 150 ] || echo "too few names"
	{ differing kinds "$tmp/declared"; differing values "$tmp/constants"; } |
		sort | diff <(grep -v '^#' check/differences | grep . | sort) -
	sed -nE 's/^#define (WSA[A-Z_]+)[ \t].*/\1/p' "$mingw/psdk_inc/_wsa_errnos.h" |
		sort -u | comm -23 - "$tmp/constants"
}

# What the manual page says is what is missing.
left_out() {
	macros linux | comm -13 - "$tmp/undeclared" | diff "$tmp/left-out" -
}

functions >"$tmp/functions"
undeclared <"$tmp/functions" >"$tmp/undeclared"
