#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Small faults, one at a time, and the test that each is killed by.
#   mutants.sh "NAME..."	these of mutants.txt; all without a name
# JOBS says how many machines work at the same time.  Each has its own copy of
# the sources, below build/mutants.
set -eu -o pipefail
. "$(dirname "$0")/../vm/common.sh"
here=$top/selftests/mutants
table=$here/mutants.txt

tmp=$(mktemp -d)
pids=

# shellcheck disable=SC2317 # called by the traps
cleanup() {
	trap '' INT TERM HUP
	end_children
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

end_children() {
	local pid

	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || :
	done
	pids=
}

# Only what has changed is copied, and then looks new to make.
copy_sources() {
	local file

	(
		cd "$top"
		git ls-files -co --exclude-standard -- kmod userlib uapi
	) | while read -r file; do
		[ ! -e "$top/$file" ] || cmp -s "$top/$file" "$tree/$file" ||
			install -D "$top/$file" "$tree/$file"
	done
	mkdir -p "$out"
	rm -rf "$out/selftests"
	cp -al "$build/selftests" "$out/"
}

# Both parts: the mutant before may have been in the other.
build_parts() {	# KERNEL
	{
		make -s -C "$tree/kmod" O="$out/kmod" \
			KDIR="$("$vm/fetch.sh" headers "$1")" &&
			make -s -C "$tree/userlib" O="$out/userlib" \
				"$out/userlib/libwinsock.so"
	} >"$tmp/make" 2>&1
}

# The first test that fails says enough.
run_suites() {	# KERNEL SUITES
	local line

	mkfifo "$tmp/said"
	V=1 WINSOCK_BUILD=$out "$vm/check.sh" "$1" "$2" >"$tmp/said" 2>&1 &
	pids=$!
	while IFS= read -r line; do
		case $line in
		'  not ok: '*)
			verdict=${line#  not ok: }
			break
			;;
		'    not ok '*)
			verdict=${line#    not ok * }
			break
			;;
		*' passed, 0 failed')
			verdict=SURVIVED
			;;
		esac
	done <"$tmp/said"
	end_children
	rm "$tmp/said"
}

mutant() {	# NAME FILE KERNEL SUITES
	local name=$1 file=$2 kernel=$3 suites=$4 suite start=$SECONDS

	verdict="NO VERDICT"
	for suite in $suites; do
		[ -x "$out/selftests/$suite" ] || verdict="NO SUITE $suite"
	done
	if [ "$verdict" != "NO VERDICT" ]; then
		:
	elif ! awk -v name="$name" -f "$here/mutate.awk" "$table" "$top/$file" \
		>"$tree/$file"; then
		verdict="DOES NOT APPLY"
	elif ! build_parts "$kernel"; then
		verdict="DOES NOT BUILD"
		cat "$tmp/make"
	else
		run_suites "$kernel" "$suites"
	fi
	cp "$top/$file" "$tree/$file"
	printf '  %-40s %-18s %4d s  %s\n' "$name" "$file" \
		$((SECONDS - start)) "$verdict"
	case $verdict in
	[A-Z][A-Z]*)
		alive+=" $name"
		;;
	*)
		killed=$((killed + 1))
		;;
	esac
}

# worker N LIST: this process's share
worker() {
	local name file kernel suites

	tree=$build/mutants/$1/tree
	out=$build/mutants/$1/build
	killed=0
	alive=
	copy_sources
	while read -r name file kernel suites <&4; do
		mutant "$name" "$file" "$kernel" "$suites"
	done 4<"$2"
	[ -z "$alive" ] || echo "not killed:$alive"
	echo "$killed passed, $(wc -w <<<"$alive") failed"
}

if [ "$1" = worker ]; then
	worker "$2" "$3"
	exit
fi

jobs=${JOBS:-$(nproc)}
sed -n 's/^\([a-z0-9_]*\): /\1 /p' "$table" >"$tmp/list"
for name in $1; do
	grep "^$name " "$tmp/list" >>"$tmp/chosen" ||
		die "M=$name is no mutant; there are: $(sed 's/ .*//' "$tmp/list" | xargs)"
done
[ -n "$1" ] || mv "$tmp/list" "$tmp/chosen"

for i in $(seq "$jobs"); do
	awk -v n="$jobs" -v i="$i" 'NR % n == i - 1' "$tmp/chosen" >"$tmp/list.$i"
	[ -s "$tmp/list.$i" ] || continue
	"$0" worker "$i" "$tmp/list.$i" > >(
		tee "$tmp/said.$i" | grep --line-buffered -v ' passed, '
	) &
	pids+=" $!"
done
# shellcheck disable=SC2086 # a list of numbers
wait $pids || :
pids=
sleep 0.5	# what they said is still on its way through tee
awk -v wanted="$(wc -l <"$tmp/chosen")" '
	/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
	END {
		failed += wanted - passed - failed
		print passed + 0 " passed, " failed + 0 " failed"
		exit failed > 0
	}' "$tmp"/said.*
