# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sourced by check.sh: our headers beside those of mingw-w64, which clang reads
# for the one system and the other.

mingw=/usr/share/mingw-w64/include
# shellcheck disable=SC2154 # check.sh's
headers=$tmp/headers.c
printf '#include <%s>\n' winsock2.h ws2tcpip.h ws2ipdef.h mswsock.h mstcpip.h >"$headers"
echo '#include <winsock.h>' >"$tmp/winsock.c"
echo '#include <wspiapi.h>' >"$tmp/wspiapi.c"

# on windows|linux CLANG-ARGUMENT...: the headers and what comes from stdin
on() {
	local system=$1 target=x86_64-linux-gnu include=(-Iinclude)

	shift
	if [ "$system" = windows ]; then
		target=x86_64-w64-windows-gnu
		include=(-isystem "$mingw" -D_WIN32_WINNT=0x0a00
			 -DINCL_WINSOCK_API_TYPEDEFS=1)
	fi
	cat "$headers" - | clang -x c --target="$target" "${include[@]}" -w \
		-ferror-limit=0 "$@" -
}

# All that theirs define, as names.awk has it: not what they include from others.
# <winsock.h> and <wspiapi.h> are for programs that include nothing else.
names() {
	local name='winsock2|ws2tcpip|ws2ipdef|ws2def|mswsock|mstcpip|winsock|wspiapi|inaddr|in6addr'

	name="/((${name})|psdk_inc/_(socket_types|fd_types|ip_types|ip_mreq1|wsadata|wsa_errnos|xmitfile))[.]h\$"
	for headers in "$tmp/headers.c" "$tmp/winsock.c" "$tmp/wspiapi.c"; do
		on windows -E -dD '-D__attribute__(x)=' </dev/null |
			awk -v files="$name" -f check/names.awk
	done | sort -u
	headers=$tmp/headers.c
}

# those KIND...: their names
those() {
	local kind

	for kind; do
		sed -n "s/^$kind //p" "$tmp/names"
	done | sort -u
}

# kinds SYSTEM: for a list of functions (stdin) "name result argument...", each
# as p for a pointer, void, or i and how many bits it has
kinds() {
	grep -vxFf "$tmp/no-function" |
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
				print name ": " types[symbols[name]]
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

# values SYSTEM: for a list (stdin) of "NAME", "TYPE MEMBER" or "sizeof TYPE" lines
# the value; of a member its place and size.  What is no integer is left out.
values() {
	local system=$1

	sed -E 's/^sizeof (.*)/&\tsizeof(\1)/
		t
		s/^(.*[^ ]) ([^ ]+)$/&\t__builtin_offsetof(\1, \2) << 16 | sizeof(((\1 *)0)->\2)/
		t
		s/.*/&\t&/' >"$tmp/values"
	awk -F '\t' '{ printf "long long v_%d(void) { return (long long)(%s); }\n", NR, $2 }' \
		"$tmp/values" >"$tmp/values.c"
	on "$system" -fsyntax-only <"$tmp/values.c" 2>&1 |
		sed -n 's/^<stdin>:\([0-9]*\):.*error.*/\1/p' | sort -u >"$tmp/no-values"
	# the headers' lines come first
	awk -v before="$(wc -l <"$headers")" '
		FILENAME == ARGV[1] { no[$1 - before]; next } !(FNR in no)' \
		"$tmp/no-values" "$tmp/values.c" |
		on "$system" -O1 -S -emit-llvm -o - |
		awk -F '\t' 'NR == FNR { name[FNR] = $1; next }
		     /^define / { match($0, /@v_[0-9]+/)
				  n = substr($0, RSTART + 3, RLENGTH - 3) }
		     /^ +ret .* -?[0-9]+$/ {
			value = $0
			sub(/.* /, "", value)
			if (name[n] !~ / / || name[n] ~ /^sizeof /)
				print name[n] ": " value
			else
				print name[n] ": " int(value / 65536) "+" value % 65536
		     }' "$tmp/values" - | sort
}

# COMMAND LIST: what it says of the list's names on both systems, if not the same
differing() {
	"$1" windows <"$2" | sed 's/: /:/' >"$tmp/there"
	"$1" linux <"$2" | sed 's/: /:/' >"$tmp/here"
	awk -F : 'NR == FNR { here[$1] = $2; next }
	     !($1 in here) { here[$1] = "none" }
	     here[$1] != $2 { print $1 ": " $2 " -> " here[$1] }' \
		"$tmp/here" "$tmp/there"
}

# What is a number, a type or a function there is the same here, or
# check/differences says that it is not.
differences() {
	those function | grep -vxFf "$tmp/missing" >"$tmp/functions"
	# macros here
	awk '{ printf "void *p_%s = (void *)%s;\n", $1, $1 }' "$tmp/functions" |
		on linux -fsyntax-only 2>&1 |
		sed -n "s/.*undeclared identifier '\([A-Za-z0-9_]*\)'.*/\1/p" >"$tmp/no-function"
	those macro enum | grep -vxFf "$tmp/missing" >"$tmp/numbers"
	{
		those type tag | grep -vxFf "$tmp/missing" | sed 's/^/sizeof /'
		those member | awk -v missing="$tmp/missing" '
			BEGIN { while ((getline name <missing) > 0) no[name] }
			{ type = $0; sub(/ [^ ]*$/, "", type) }
			!(type in no)'
	} >"$tmp/types"
	# or else nothing was compared
	[ "$(wc -l <"$tmp/functions")" -gt 70 ] && [ "$(wc -l <"$tmp/numbers")" -gt 300 ] &&
		[ "$(wc -l <"$tmp/types")" -gt 200 ] || echo "too few names"
	{ differing kinds "$tmp/functions"; differing values "$tmp/numbers"
	  differing values "$tmp/types"; } |
		sed -E 's/^((AF|PF|IPPROTO)_MAX: .* -> ).*/\1any/' |
		sort | diff <(grep -v '^#' check/differences | grep . | sort) -
}

# A type or a macro may have come as a function, or the other way round.
missing() {
	those macro call enum function object type | comm -23 - <(macros linux) >"$tmp/wanted"
	{
		awk '{ printf "void f_%s(void) { (void)sizeof(%s); }\n", $1, $1 }' "$tmp/wanted"
		those tag | awk '{ printf "void f_%d(void) { (void)sizeof(%s); }\n", NR, $0 }'
	} | on linux -fsyntax-only 2>&1 |
		sed -n "s/.*undeclared identifier '\([A-Za-z0-9_]*\)'.*/\1/p
			s/.*incomplete type '\([A-Za-z0-9_ ]*\)'.*/\1/p" | sort -u
}

# Each missing name is in a group of check/left-out, and no pattern there is of use
# to none; winsock(7) says what the file says.
left_out() {
	awk -v missing="$tmp/missing" -f check/left-out.awk check/left-out >"$tmp/section"
	awk '/^\.\\" left-out: end/ { on = 0 } on; /^\.\\" left-out: begin/ { on = 1 }' \
		man/winsock.7 | diff - "$tmp/section"
}

names >"$tmp/names"
missing >"$tmp/missing"
