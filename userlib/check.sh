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

# names_libc OBJECT: it calls libc where it should call the library
names_libc() {
	nm -u "$1" | awk '{ print $NF }' |
		grep -Ex '(__)?(accept|bind|connect|getaddrinfo|gethostby(addr|name)|gethostname|getpeername|getprotoby(name|number)|getservby(name|port)|getsockname|getsockopt|listen|recv|recvfrom|select|send|sendto|setsockopt|shutdown|socket)(_chk|64)?'
}

# compile COMPILER LANGUAGE FLAG...: the program compiles, links, is redirected
# to the last name, and runs
compile() {
	local compiler=$1 language=$2

	shift 2
	"$compiler" -x "$language" "$@" -Wall -Wextra -Iinclude -c "check/${source-source.c}" \
		-o "$tmp/source.o" || return
	names_libc "$tmp/source.o" && return 1
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

for how in "gcc c -std=c11 -pedantic" "gcc c -std=c99 -D_POSIX_C_SOURCE=200112L" \
	   "gcc c $optimised" "g++ c++ -std=c++98 -pedantic" \
	   "g++ c++ -std=c++11 -pedantic" "g++ c++ $optimised" \
	   "clang c -std=c11 -pedantic" "clang c -std=c99 $optimised" \
	   "clang++ c++ -std=c++98 -pedantic" "clang++ c++ -std=c++11 $optimised"; do
	command -v "${how%% *}" >/dev/null || continue
	# shellcheck disable=SC2086 # flags
	source=habits.c try "habits of programs: $how" compile $how \
		-Wno-nonportable-include-path
done

# compile_32 NAME COMPILER LANGUAGE FLAG...: where long has 32 bits, _TIME_BITS decides
# which select() it is.
compile_32() {
	local name=$1 compiler=$2 language=$3

	shift 3
	"$compiler" -m32 -x "$language" "$@" -Wall -Wextra -Iinclude -c check/time.c \
		-o "$tmp/source.o" || return
	names_libc "$tmp/source.o" && return 1
	nm -u "$tmp/source.o" | grep -q " $name$" || nm -u "$tmp/source.o"
}
time64='-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64'
for order in '' -DAFTER; do
	for how in "gcc c -std=c99 -D_DEFAULT_SOURCE" "gcc c $optimised" "g++ c++ $optimised" \
		   "clang c $optimised"; do
		command -v "${how%% *}" >/dev/null || continue
		# shellcheck disable=SC2086 # flags
		try "time_t of 32 bits: $how $order" compile_32 winsock_select $how $order
		# shellcheck disable=SC2086 # flags
		try "time_t of 64 bits: $how $order" \
			compile_32 winsock_select_time64 $how $order $time64
	done
done

for how in "gcc c -std=c99" "gcc c -fshort-wchar" "g++ c++ -std=c++11" \
	   "g++ c++ -fshort-wchar" "clang c -fshort-wchar" "clang++ c++ -std=c++11"; do
	command -v "${how%% *}" >/dev/null || continue
	# shellcheck disable=SC2086 # flags
	source=wide.c try "wide strings: $how" compile $how
done

# Each header by itself, first of all and a second time.
alone() {
	local how

	printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' \
		"$1" "$1" >"$tmp/alone.c"
	for how in "gcc -std=c99" "g++ -x c++ -std=c++11" "clang -std=c99" \
		   "clang++ -x c++ -std=c++11"; do
		command -v "${how%% *}" >/dev/null || continue
		# shellcheck disable=SC2086 # flags
		$how -pedantic -Wall -Wextra -Iinclude -fsyntax-only "$tmp/alone.c" ||
			return
	done
}
for header in $(find include -maxdepth 1 -type f -printf '%P\n' | sort); do
	try "header alone: $header" alone "$header"
done

# As people write them whose file system takes any case.
spellings() {
	local name

	for name in winsock winsock2 ws2tcpip wspiapi mswsock mstcpip; do
		[ "$(find include -maxdepth 1 -type l -iname "$name.h" | wc -l)" -ge 3 ] ||
			echo "$name.h: no other spelling"
	done
	find include -type l | while read -r name; do
		[ "$(readlink "$name")" = "$(basename "${name,,}")" ] || echo "$name"
	done
}
try "headers in other spellings" spellings

pragmas() {
	compile gcc c -DPRAGMAS -Wno-unknown-pragmas
	compile g++ c++ -DPRAGMAS -Wno-unknown-pragmas
}
try "source: with #pragma comment(lib, ...)" pragmas

# With the flags of winsock-win32, as pkg-config puts them together: a program
# of Win32 objects and sockets compiles, its sockets are the library's, and what
# needs no module runs.
win32() {
	local compiler=$1 language=$2 flags libs part

	shift 2
	flags="-DWINSOCK_WIN32 -Iinclude/win32 -Iinclude $(pkg-config --cflags winpr2)"
	libs="-lwinsock $(pkg-config --libs winpr2) -pthread"
	for part in check/objects.c ../selftests/programs/windows/win32/workers.c; do
		# shellcheck disable=SC2086 # flags
		"$compiler" -x "$language" "$@" $flags -Wall -Wextra -c "$part" \
			-o "$tmp/win32.o" || return
		# shellcheck disable=SC2086 # flags
		"$compiler" "$tmp/win32.o" -o "$tmp/win32" -L"$build" $libs \
			-Wl,-rpath,"$build" || return
		nm "$tmp/win32" | grep -E ' U (WSA|closesocket|ioctlsocket)' |
			grep -v '@WINSOCK_'
		[ "$part" = check/objects.c ] || continue
		[ -e /dev/winsock ] || "$tmp/win32" || echo "exit status $?"
	done
}
if pkg-config --exists winpr2; then
	for how in "gcc c -std=gnu99" "gcc c -O2" "g++ c++ -std=c++11 -O2" "clang c" \
		   "clang++ c++ -std=c++11"; do
		command -v "${how%% *}" >/dev/null || continue
		# shellcheck disable=SC2086 # flags
		try "with WinPR: $how" win32 $how
	done
fi

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

# What winsock(7) says is left out.
awk '/^\.S[sh]/ { on = /What is left out/ } on && $1 == ".Fn" { print $2 }' \
	man/winsock.7 | sort -u >"$tmp/left-out"
{
	printf '#include <%s>\n' winsock2.h ws2tcpip.h mswsock.h mstcpip.h
	echo 'int main(void) {'
	sed 's/$/();/' "$tmp/left-out"
	echo 'return 0; }'
} >"$tmp/left-out.c"

no_c_plus_plus() {
	LC_ALL=C g++ -x c++ -Iinclude -fsyntax-only "$tmp/left-out.c" 2>&1 |
		sed -n "s/.*error: '\([A-Za-z0-9_]*\)' was not declared.*/\1/p" |
		sort -u >"$tmp/out"
	diff "$tmp/left-out" "$tmp/out"
}

# Some compilers of C take a function that is not declared.
no_linking() {
	gcc -w -Iinclude "$tmp/left-out.c" -o "$tmp/left-out.x" \
		-L"$build/winsock" -lws2_32 2>&1 |
		sed -n "s/.*undefined reference to \`\([A-Za-z0-9_]*\)'.*/\1/p" |
		sort -u >"$tmp/out"
	[ -s "$tmp/out" ] && diff "$tmp/left-out" "$tmp/out"
}
try "what is left out does not compile as C++" no_c_plus_plus
try "what is left out does not link as C" no_linking

if [ -d /usr/share/mingw-w64/include ] && command -v clang >/dev/null; then
	# shellcheck source=userlib/check/windows.sh
	. check/windows.sh
	try "functions, types and numbers are Windows', or said to be others" differences
	try "every name of Windows' headers is here, or left out as winsock(7) says" left_out
fi

# The programs in winsock-porting(7) are those that are installed, but for their
# first line.
listings() {
	local page=man/winsock-porting.7 name

	sed -n 's/^\.\\" \(.*\.c\)$/\1/p' "$page" >"$tmp/listed"
	[ "$(wc -l <"$tmp/listed")" = 3 ] || echo "not three programs"
	while read -r name; do
		awk -v start=".\\\\\" $name" '
			/^\.Ed/ { on = 0 }
			on { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print }
			$0 == start { getline; on = 1 }' "$page" |
			diff "$(find examples ../uapi/examples -name "$name")" - |
			grep -vx -e 1d0 -e '< // SPDX-License-Identifier: .*'
	done <"$tmp/listed"
	return 0
}
try "the programs in winsock-porting(7) are the installed ones" listings

symbols() {
	nm -D --defined-only "$build/libwinsock.so" | awk '{ print $3 }' |
		grep -Ev '^(WSA[A-Za-z]+|__WSAFDIsSet|Inet(Ntop|Pton)A|(Accept|Connect|Disconnect)Ex|GetAcceptExSockaddrs|FreeAddrInfoW|TransmitFile|closesocket|ioctlsocket|winsock_[a-z_]+(_utf(16|32))?)@@WINSOCK_[0-9.]+$|^WINSOCK_[0-9.]+$'
	return 0
}
try "only Winsock's names are exported, each with a version" symbols

# A static program that only closes has neither the other rooms nor liburing.
core_alone() {
	ld -r "$build"/core/*.o -o "$tmp/core.o" || return
	nm -u "$tmp/core.o" | grep -E ' (ws_|winsock_|WSA|io_uring)' && return 1
	return 0
}
try "core needs no symbol of the other rooms" core_alone

# Else the package does not build.  Those of 32-bit machines are not here.
symbols_file() {
	local file=../.packages/debian/libwinsock1.symbols

	[ ! -e "$file" ] ||
		nm -D --defined-only "$build/libwinsock.so" |
			awk '{ sub(/@@/, "@", $3); print $3 ~ /@/ ? $3 : $3 "@" $3 }' | sort |
			diff <(sed -n 's/^ \([^ (]*\) .*/\1/p' "$file" | sort) -
}
try "the package's list of symbols is the library's" symbols_file

try "a path with a space is refused, and nothing removed" check/paths.sh

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
				grep -v -e 'in function .winsock_' -e 'in function .look_up' -e 'in statically linked applications'
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

# What is exported, and what the headers make of it, has a page that man(1) finds
# by that name, whether or not an index was made.
pages() {
	local root=$tmp/man-root name found

	make -s O="$build" PREFIX=/usr "DESTDIR=$root" install >"$tmp/out" || return
	export MANPATH=$root/usr/share/man MANOPT='' MANSECT=''
	install -D -m 644 -t "$MANPATH/man4" ../kmod/winsock.4
	sed -n 's/^\t\([A-Za-z_]*\);$/\1/p' libwinsock.map >"$tmp/pages"
	[ "$(wc -l <"$tmp/pages")" -gt 70 ] || echo "too few names"
	sed -n 's/^#define \([A-Za-z0-9_]*\)[ \t]\+\([A-Za-z0-9_]*\)$/\1 \2/p' \
		include/winsock2.h include/ws2tcpip.h | while read -r name found; do
			grep -qxE "(winsock_)?$found" "$tmp/pages" && echo "$name"
		done >"$tmp/aliases"
	[ "$(wc -l <"$tmp/aliases")" -gt 12 ] || echo "too few aliases"
	# And the macros that a page speaks of, but those that libc or Windows explains.
	sed -n 's/^\.Fn \([A-Z][A-Za-z_]*\).*/\1/p' man/*.3 | grep -vE '^(FD_[A-Z]*|MAKEWORD)$' |
		sort -u | while read -r name; do
		grep -hE "^[ \t]*#define $name\(" include/winsock2.h
	done | sed 's/.*define \([A-Za-z_]*\).*/\1/' >>"$tmp/aliases"
	sed -n 's/^\twinsock_\([a-z_]*\);$/\1_winsock/p' libwinsock.map |
		grep -vE '^(strerror|poll|ioctlsocket_long|close_deadline|.*_(queue|message|event|outcomes?))_winsock$' \
		>"$tmp/libcs"
	tr '[:upper:]' '[:lower:]' <"$tmp/pages" | sort -u >"$tmp/lower"
	sort -u "$tmp"/{pages,aliases,libcs,lower} | while read -r name; do
		man -w "$name" >/dev/null 2>&1 || echo "no page: $name"
	done
	found=$(man -w 4 winsock)
	[ "$found" = "$MANPATH/man4/winsock.4" ] || echo "man 4 winsock: $found"
	for name in winsock winsock-porting winsock-behaviour; do
		found=$(man -w "$name" 2>&1)
		[ "$(readlink -f "$found")" = "$MANPATH/man7/$name.7" ] ||
			echo "man $name: $found"
	done
	find "$MANPATH" -xtype l
	find "$MANPATH" -name '*.[0-9]' | while read -r name; do
		[ -L "$name" ] || mandoc -Tlint -W warning "$name" 2>&1
	done
	grep -q "^\$ export CPATH=/usr/include/winsock" "$MANPATH/man7/winsock.7" ||
		echo "winsock(7) names other directories than those of the installation"
}
if command -v man >/dev/null && command -v mandoc >/dev/null; then
	try "every name has a page" pages
fi

# A row that a page cites is in winsock-behaviour(7).
cited() {
	grep -hE '^\.(Pq|Po)? ?.*\b[GNCUPROLT][0-9]+\b' man/*.[0-9] run/*.1 stat/*.1 |
		grep -oE '\b[GNCUPROLT][0-9]+\b' | sort -u >"$tmp/cited"
	[ "$(wc -l <"$tmp/cited")" -gt 20 ] || echo "too few rows"
	sed -n 's/^\.It //p' "$build/winsock-behaviour.7" | tr -s ', ' '\n' | sort -u |
		comm -23 "$tmp/cited" -
	grep -lE '^\.Pq.*\b[GNCUPROLT][0-9]+\b' man/*.3 man/*.7 |
		xargs grep -L '^\.Xr winsock-behaviour 7'
	return 0
}
try "every row that a page cites is in winsock-behaviour(7)" cited

# What a reader copies from a page compiles: each program, from its first #include
# to its last brace, as mandoc shows it; the library's as C++ too.
examples() {
	local page program how

	for page in man/*.[0-9]; do
		rm -f "$tmp"/program-*
		mandoc -Tutf8 -O width=200 "$page" | col -bx | awk -v out="$tmp/program-" '
			/^[^ ]/ { finish() }
			/^ *#include/ {
				if (!on || closed)
					start()
			}
			on { text = text substr($0, indent + 1) "\n" }
			on && match($0, /^ *}/) && RLENGTH == indent + 1 {
				closed = 1
				kept = text
			}
			END { finish() }
			function start() {
				finish()
				match($0, /^ */)
				indent = RLENGTH
				on = 1
			}
			function finish() {
				if (kept)
					printf "%s", kept >(out (++n) ".c")
				text = kept = ""
				on = closed = 0
			}'
		for program in "$tmp"/program-*.c; do
			[ -e "$program" ] || continue
			echo "$page" >>"$tmp/examples"
			for how in "gcc -x c" "g++ -x c++"; do
				[ "$how" = "gcc -x c" ] || grep -q winsock2.h "$program" ||
					continue
				# shellcheck disable=SC2086 # flags
				$how -D_GNU_SOURCE -Wall -Wextra -Iinclude -I../uapi \
					-fsyntax-only "$program" 2>&1 |
					grep -E 'error|warning' | sed "s|^|$page: |"
			done
		done
	done
	[ "$(wc -l <"$tmp/examples")" -ge 5 ] || echo "too few programs"
	awk '/^\.\\" python/ { getline; on = 1; next } /^\.Ed/ { on = 0 }
		on { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print }' \
		man/winsock-porting.7 >"$tmp/example.py"
	[ -s "$tmp/example.py" ] || echo "no Python"
	! command -v python3 >/dev/null ||
		python3 -c 'compile(open(__import__("sys").argv[1]).read(), "example", "exec")' \
			"$tmp/example.py"
	sed -n '/^import fcntl/,$p' ../uapi/examples/closesocket.py | diff "$tmp/example.py" - ||
		echo "the Python example is not uapi/examples/closesocket.py"
	# The number and the layout that it has.
	printf '#include <linux/winsock.h>\n#include <stdio.h>\n%s\n' \
		'int main(void) { printf("%#lx", (long)WINSOCK_IOC_CLOSESOCKET); return sizeof(struct winsock_closesocket) != 16; }' |
		gcc -I../uapi -x c - -o "$tmp/number" && grep -q "$("$tmp/number")" "$tmp/example.py" ||
		echo "the Python example's number is another"
}
if command -v mandoc >/dev/null; then
	try "the programs in the pages compile" examples
fi

# The synopses say what the header declares: a redeclaration that differs does
# not compile.
synopses() {
	local page

	for page in man/*.3; do
		{
			printf '#include <%s>\n' winsock2.h ws2tcpip.h mswsock.h mstcpip.h
			echo '#undef socklen_t'	# what libc's is, as pages of its calls have it
			awk '/^\.S[hs]/ { on = $2 == "SYNOPSIS" }
				on && /^\.Ft/ { sub(/^\.Ft /, ""); gsub(/"/, ""); type = $0 }
				on && /^\.F[on] / { name = $2; args = $0
					sub(/^\.F[on] [A-Za-z_]+ ?/, "", args) }
				on && /^\.Fn / { gsub(/^"|"$/, "", args)
					gsub(/" "/, ", ", args); declare() }
				on && /^\.Fa / { sub(/^\.Fa /, ""); gsub(/"/, "")
					args = args (args ? ", " : "") $0 }
				on && /^\.Fc/ { declare() }
				function declare() {
					if (type && name !~ /^(routine|select|FD_.*|WINSOCK_.*|winsock_poll|winsock_ioc.*)$/)
						print type " (" name ")(" args ");"
				}' "$page"
		} >"$tmp/synopsis.c"
		grep -c '^[^#]' "$tmp/synopsis.c" >>"$tmp/declared-count"
		gcc -D_GNU_SOURCE -w -Iinclude -fsyntax-only "$tmp/synopsis.c" 2>&1 |
			grep error | sed "s|^|${page#man/}: |"
	done
	[ "$(awk '{ n += $1 } END { print n }' "$tmp/declared-count")" -gt 60 ] || echo "too few synopses"
}
try "the synopses are what the headers declare" synopses

# Threads that end, and fork(2), call into it.
staying() {
	readelf -d "$build/libwinsock.so" | grep 'FLAGS_1.*NODELETE' >"$tmp/out" ||
		echo "it can be unloaded"
}
try "once loaded it stays" staying

memory() {
	valgrind -q --error-exitcode=9 --leak-check=full "$tmp/source" >"$tmp/out" || echo "exit status $?"
}
if command -v valgrind >/dev/null && compile gcc c -g; then
	try "valgrind finds nothing" memory
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
