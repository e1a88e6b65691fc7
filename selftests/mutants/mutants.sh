#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Small faults, one at a time, and the test that each is killed by.  NAME.patch is
# one: "Kernel:" and "Suites:" say where it shows, then comes the patch.
#   mutants.sh "NAME,..."	these
#   mutants.sh "" 2/6	the second of six shares of all
#   mutants.sh ""	those of files that have changed since BASE
# JOBS says how many machines work at the same time.  Each has its own copy of
# the sources, below build/mutants.
set -eu -o pipefail
. "$(dirname "$0")/../vm/common.sh"
here=$top/selftests/mutants

# What one takes, roughly, on a machine with nothing else to do.
SECONDS_EACH=35

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

# header NAME FIELD
header() {
	sed -n "s/^$2: //p;/^---/q" "$here/$1.patch"
}

# What the patches change: one file or more.
changed() {	# NAME...
	local name

	for name in "$@"; do
		sed -n 's,^+++ b/,,p' "$here/$name.patch"
	done
}

# Without a repository around it, which would have a say in what is patched.
patch_tree() {	# NAME
	GIT_CEILING_DIRECTORIES=$build/mutants git -C "$tree" apply "$here/$1.patch"
}

mutant() {	# NAME
	local name=$1 kernel suites suite file start=$SECONDS

	kernel=$(header "$name" Kernel)
	suites=$(header "$name" Suites)
	verdict="NO VERDICT"
	for suite in $suites; do
		[ -x "$out/selftests/$suite" ] || verdict="NO SUITE $suite"
	done
	if [ "$verdict" != "NO VERDICT" ]; then
		:
	elif ! patch_tree "$name" >"$tmp/make" 2>&1; then
		verdict="DOES NOT APPLY"
		cat "$tmp/make"
	elif ! build_parts "$kernel"; then
		verdict="DOES NOT BUILD"
		cat "$tmp/make"
	else
		run_suites "$kernel" "$suites"
	fi
	for file in $(changed "$name"); do
		cp "$top/$file" "$tree/$file"
	done
	printf '  %-48s %4d s  %s\n' "$name" $((SECONDS - start)) "$verdict"
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
	local name

	tree=$build/mutants/$1/tree
	out=$build/mutants/$1/build
	killed=0
	alive=
	copy_sources
	while read -r name <&4; do
		mutant "$name"
	done 4<"$2"
	[ -z "$alive" ] || echo "not killed:$alive"
	echo "$killed passed, $(wc -w <<<"$alive") failed"
}

if [ "$1" = worker ]; then
	worker "$2" "$3"
	exit
fi

all=$(cd "$here" && printf '%s\n' *.patch | sed 's/\.patch$//')

# By name
choose() {	# NAME,...
	local name

	for name in ${1//,/ }; do
		[ -e "$here/$name.patch" ] ||
			die "M=$name is no mutant; there are: $(xargs <<<"$all")"
		echo "$name"
	done
}

choose_part() {	# N/M
	if ! [[ $1 =~ ^([1-9][0-9]*)/([1-9][0-9]*)$ ]] ||
		((BASH_REMATCH[1] > BASH_REMATCH[2])); then
		die "PART=$1 is no share; for the second of six say: PART=2/6"
	fi
	awk -v n="${BASH_REMATCH[2]}" -v i="${BASH_REMATCH[1]}" 'NR % n == i % n' <<<"$all"
}

# Those of files that differ from BASE
choose_changed() {
	local base=${BASE:-} name

	[ -n "$base" ] || base=$(git -C "$top" merge-base HEAD '@{upstream}' 2>/dev/null) ||
		base=HEAD~1
	git -C "$top" rev-parse -q --verify "$base^{commit}" >/dev/null ||
		die "BASE=$base is no commit"
	git -C "$top" diff --name-only "$base" -- kmod userlib uapi >"$tmp/differ"
	for name in $all; do
		changed "$name" | grep -qxFf "$tmp/differ" && echo "$name"
	done
	return 0
}

jobs=${JOBS:-$(nproc)}
if [ -n "$1" ]; then
	choose "$1"
elif [ -n "${2:-}" ]; then
	choose_part "$2"
else
	choose_changed
fi >"$tmp/chosen"
number=$(wc -l <"$tmp/chosen")
if [ "$number" = 0 ]; then
	echo "no mutant is of a file that has changed; all of them: PART=1/1"
	exit
fi
echo "$number of $(wc -w <<<"$all") mutants, about $((number * SECONDS_EACH / jobs / 60 + 1)) minutes"

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
awk -v wanted="$number" '
	/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
	END {
		failed += wanted - passed - failed
		print passed + 0 " passed, " failed + 0 " failed"
		exit failed > 0
	}' "$tmp"/said.*
