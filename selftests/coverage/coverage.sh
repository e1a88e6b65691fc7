#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs suites in the test VM with a module and a library that count what runs,
# and tells what did not.
#   coverage.sh "KERNEL" "SUITE..."
# Without a kernel the module's suites run on the debug kernel, which can count,
# and the library's on a quick one.  With neither, every line that did not run
# must have its explanation in explained.txt, and the shares must be high enough.
set -eu -o pipefail
. "$(dirname "$0")/../vm/common.sh"
here=$top/selftests/coverage

counting=6.1-debug
quick=6.1

kernel=$1
suites=$2
out=$build/coverage
judge=1
[ -z "$kernel$suites" ] || judge=

build_module() {	# KERNEL
	local gcov=

	case $1 in *-debug) gcov=1 ;; esac
	make -s -C "$top/kmod" O="$out/kmod" GCOV="$gcov" \
		KDIR="$("$vm/fetch.sh" headers "$1")" >"$out/make" 2>&1 || {
		cat "$out/make" >&2
		die "the module does not build with counters"
	}
}

build_library() {
	gcc -c -fPIC -o "$out/library.o" "$here/library.c"
	make -s -C "$top/userlib" O="$out/userlib" \
		CFLAGS='-O0 -g --coverage -fprofile-update=atomic' \
		LDFLAGS="$out/library.o" "$out/userlib/libwinsock.so"
}

# What the machine has beside what check.sh puts there.
build_overlay() {
	local dir

	dir=/usr/lib/$(gcc -print-multiarch)
	rm -rf "$out/overlay"
	mkdir -p "$out/overlay"/{vm,etc,"$dir"}
	gcc -O2 -shared -fPIC -o "$out/overlay$dir/coverage_exit.so" "$here/exit.c"
	echo "$dir/coverage_exit.so" >"$out/overlay/etc/ld.so.preload"
	sed "s|@LIBRARY@|$out/userlib|" "$here/harvest.sh" >"$out/overlay/vm/harvest"
}

run() {	# KERNEL SUITE...
	[ $# -gt 1 ] || return 0
	build_module "$1"
	WINSOCK_BUILD=$out OVERLAY=$out/overlay HARVEST=$out/harvest \
		"$vm/check.sh" "$1" "${*:2}" || status=1
}

# The counters of each boot, beside the notes on what they count.
unpack() {
	local archive dir release

	for archive in "$out"/harvest/*; do
		[ -s "$archive" ] || die "nothing came out of the machine"
		dir=$out/gcov/${archive##*/}
		mkdir "$dir"
		tar -C "$dir" -xf "$archive"
		release=$("$vm/fetch.sh" release "$counting")
		[ -z "$(ls "$dir/kmod")" ] ||
			cp "$out/kmod/$release"/*.gcno "$dir/kmod/"
		cp "$out"/userlib/*/*.gcno "$dir/userlib/"
	done
}

gcov_all() {
	cd "$top/userlib"	# whose names are relative
	find "$out/gcov" -name '*.gcda' | LC_ALL=C sort |
		xargs gcov -t -b -c 2>"$out/gcov.log" | sed "s|Source:$out/|Source:|"
}

mkdir -p "$out"
rm -rf "$out"/{selftests,harvest,gcov}
mkdir "$out"/{harvest,gcov}
cp -al "$build/selftests" "$out/"
build_library
build_overlay

status=0
# Those under the thread sanitizer have a library of their own in them; what
# others repeat a thousand times has run once elsewhere.
[ -n "$suites" ] || suites=$(make -s -C "$top/selftests" list |
	grep -vE '_tsan$|^(many_sockets|exhaustion|fuzz_corpus|network|link_failure|storm)$' | xargs)
if [ -n "$kernel" ]; then
	# shellcheck disable=SC2086 # a list of names
	run "$kernel" $suites
else
	# shellcheck disable=SC2046 # lists of names
	{
		run "$counting" $(tr ' ' '\n' <<<"$suites" | grep -vE '^(lib_|examples|windows_programs)')
		run "$quick" $(tr ' ' '\n' <<<"$suites" | grep -E '^(lib_|examples|windows_programs)')
	}
fi
unpack
gcov_all >"$out/gcov.txt"
awk -v judge="$judge" -f "$here/report.awk" "$here/explained.txt" "$out/gcov.txt" ||
	status=1
exit "$status"
