#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What can be told of the library without a kernel that has the module:
#   check.sh BUILD	BUILD is where make has put the library
# Prints one line for each thing, and "N passed, N failed" at the end.
set -u -o pipefail
cd "$(dirname "$0")" || exit 1
build=${1:?usage: check.sh BUILD}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

passed=0
failed=0

# try NAME COMMAND...: nothing may be printed, a warning is a failure
try() {
	local name=$1 output

	shift
	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name"
		printf '%s\n' "$output" | head -n 20
	fi
}

# compile COMPILER LANGUAGE FLAG...: the program compiles, links, is redirected
# to the last name, and runs
compile() {
	local compiler=$1 language=$2

	shift 2
	"$compiler" -x "$language" "$@" -Wall -Wextra -Iinclude -c check/source.c \
		-o "$tmp/source.o" || return
	nm -u "$tmp/source.o" | awk '{ print $NF }' |
		grep -Ex '(__)?(accept|bind|connect|getaddrinfo|gethostby(addr|name)|gethostname|getpeername|getprotoby(name|number)|getservby(name|port)|getsockname|getsockopt|listen|recv|recvfrom|select|send|sendto|setsockopt|shutdown|socket)(_chk)?' &&
		return 1
	"$compiler" "$tmp/source.o" -o "$tmp/source" -L"$build/winsock" -lws2_32 \
		-Wl,-rpath,"$build" || return
	[ -e /dev/winsock ] || "$tmp/source" >"$tmp/out" || echo "exit status $?"
}

optimised='-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2'
for order in '' -DAFTER; do
	# After libc's headers it is too late to ask for more than they gave.
	c99=-std=c99${order:+ -D_DEFAULT_SOURCE}
	for how in "gcc c" "gcc c $c99 -pedantic" "gcc c $c99 -pedantic $optimised" \
		   "gcc c -D_GNU_SOURCE $optimised" "gcc c $optimised -flto" \
		   "g++ c++ -std=c++11 -pedantic" "g++ c++ $optimised" \
		   "g++ c++ -std=c++17 $optimised" \
		   "clang c $c99 -pedantic $optimised" "clang++ c++ $optimised"; do
		command -v "${how%% *}" >/dev/null || continue
		# shellcheck disable=SC2086 # flags
		try "source: $how $order" compile $how $order
	done
done

awk '/^\/\* Error numbers/, /^$/ { if (/^#define/) print $2 }' \
	include/winsock2.h | sort -u >"$tmp/names"
names=$(sed 's/.*/NAME(&)/' "$tmp/names" | paste -sd ';')

# every number has a text, and no other number the same
texts() {
	gcc -Iinclude "-DNAMES=$names" check/texts.c -o "$tmp/texts" \
		-L"$build/winsock" -lws2_32 -Wl,-rpath,"$build" || return
	"$tmp/texts" | sort -u >"$tmp/out"
	[ "$(wc -l <"$tmp/out")" -gt 80 ] || return
	grep -vE '^[0-9]+ [A-Z]' "$tmp/out"
	grep 'Unknown' "$tmp/out"
	cut -d ' ' -f 2- "$tmp/out" | sort | uniq -d
	return 0
}
try "every error has a text of its own" texts

# Windows' own values, where mingw's headers are installed.
mingw=/usr/share/mingw-w64/include
numbers() {
	sed -nE -e 's/^#define (WSA[A-Z_]+)[ \t]+\(WSABASEERR *\+ *([0-9]+) *\)$/\1 +\2/p' \
		-e 's/^#define (WSA[A-Z_]+)[ \t]+\(?(__MSABI_LONG\()?([0-9]+)[L)]*$/\1 \3/p' \
		"$mingw/winerror.h" "$mingw/psdk_inc/_wsa_errnos.h" |
		awk '{ print $1, $2 ~ /^\+/ ? 10000 + $2 : $2 }' | sort -u >"$tmp/theirs"
	[ "$(wc -l <"$tmp/theirs")" -gt 80 ] || return
	gcc -Iinclude "-DNAMES=$names" check/names.c -o "$tmp/numbers" || return
	"$tmp/numbers" | sort -u >"$tmp/ours"
	# every number of theirs that we have is the same
	join "$tmp/ours" "$tmp/theirs" | awk '$2 != $3'
	# and of the errors of sockets none is missing
	awk '$2 >= 10000 && $2 < 12000 && $1 != "WSABASEERR" { print $1 }' "$tmp/theirs" |
		sort -u | comm -23 - "$tmp/names"
	return 0
}
[ ! -d "$mingw" ] || try "the errors have Windows' numbers" numbers

symbols() {
	nm -D --defined-only "$build/libwinsock.so" | awk '{ print $3 }' |
		grep -Ev '^(WSA[A-Za-z]+|__WSAFDIsSet|Inet(Ntop|Pton)A|TransmitFile|closesocket|ioctlsocket|winsock_[a-z_]+)@@WINSOCK_[0-9.]+$|^WINSOCK_[0-9.]+$'
	return 0
}
try "only Winsock's names are exported, each with a version" symbols

# With no flag but -lws2_32; what libc says of static programs is no fault.
installed() {
	local root=$tmp/root examples example how status
	local where=(PREFIX=/usr "DESTDIR=$root")

	make -s O="$build" "${where[@]}" install >"$tmp/out" || return
	examples=$root/usr/share/doc/libwinsock/examples
	[ "$(find "$examples" -name '*.c' | wc -l)" -ge 9 ] || echo "too few examples"
	for example in "$examples"/*.c; do
		for how in cc "g++ -x c++" "cc -static" "g++ -static -x c++"; do
			# shellcheck disable=SC2086 # flags
			CPATH=$root/usr/include/winsock \
				LIBRARY_PATH=$root/usr/lib/winsock:$root/usr/lib \
				$how "$example" -x none -lws2_32 -o "$tmp/example" 2>&1 |
				grep -v -e 'in function .winsock_' -e 'in statically linked applications'
			[ "${example##*/}" = echo_client.c ] || continue
			# It tells its usage.
			LD_LIBRARY_PATH=$root/usr/lib "$tmp/example" 2>"$tmp/out"
			status=$?
			[ "$status" = 2 ] || echo "$how: exit status $status"
		done
	done
	make -s O="$build" "${where[@]}" uninstall >"$tmp/out"
	find "$root" ! -type d
	find "$root" -name '*winsock*'
}
try "installed, the examples compile with -lws2_32 alone" installed

memory() {
	valgrind -q --error-exitcode=9 --leak-check=full "$tmp/source" >"$tmp/out" || echo "exit status $?"
}
if command -v valgrind >/dev/null && compile gcc c -g; then
	try "valgrind finds nothing" memory
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
