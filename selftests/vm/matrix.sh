#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Builds the module for one kernel after the other, compares its undefined symbols
# with what that kernel exports, runs suites, and prints a table of it, which
# also is build/matrix.tsv.
#   matrix.sh "KERNEL..." "SUITE..." [ARG...]
#   PART=2/6       of all pairs of a kernel and a suite every sixth, from the second on
set -eu -o pipefail
. "$(dirname "$0")/arch.sh"

kernels=$1
suites=$2
args=("${@:3}")
table=$build/matrix.tsv
native_build=$build
mkdir -p "$build"
[[ -z ${PART-} || ($PART =~ ^[1-9][0-9]*/[1-9][0-9]*$ && ${PART%/*} -le ${PART#*/}) ]] ||
	die "PART=$PART is not the share K/N of all, with K from 1 to N"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# symbols KERNEL RELEASE: a line for each symbol that the module needs and the
# kernel does not export, or a summary
symbols() {
	local symvers

	symvers=$("$vm/fetch.sh" symvers "$1")
	readelf -sW "$build/kmod/$2/winsock.ko" | sed -n 's/.* UND \([^ ]\)/U \1/p' |
		awk -v release="$2" '
	NR == FNR { type[$2] = $4; home[$2] = $3; space[$2] = $5; next }
	{ n++ }
	!($2 in type) {
		print "winsock.ko needs " $2 ", which " release " does not export"
		missing++
		next
	}
	space[$2] != "" {
		print "winsock.ko needs " $2 ", which " release " exports in namespace " space[$2]
		missing++
	}
	home[$2] != "vmlinux" {
		print "winsock.ko needs " $2 ", which is in module " home[$2] " on " release
		missing++
	}
	type[$2] ~ /GPL/ { gpl++ }
	END {
		if (!missing)
			print "all " n ", " gpl + 0 " GPL"
		exit missing > 0
	}' "$symvers" -
}

# row RELEASE SYMBOLS PASSED FAILED: complete the kernel's row of the table
row() {
	case $arch:$kernel in
	?*:*) flavour=${arch_image#linux-image-} ;;
	:*-*) flavour=${kernel#*-} ;;
	*) flavour=cloud ;;
	esac
	printf '%s\t' "$kernel" "${arch:-amd64}" "$flavour" "$@" >>"$table"
	printf '%d\n' $((SECONDS - began)) >>"$table"
	passed=$((passed + $3))
	failed=$((failed + $4))
}

blame() {
	failures+="  $kernel: $*"$'\n'
	echo "  not ok: $kernel: $*"
}

# missing LINES: each is a failure
missing() {
	local line

	while read -r line; do
		blame "$line"
		bad=$((bad + 1))
	done <<<"$1"
}

# share: those of $suites that belong to PART for $kernel; counts all pairs in $pairs
share() {
	local suite

	mine=
	for suite in $suites; do
		# What is left out is told of in each share.
		[ -n "${PART-}" ] && [ -z "$(arch_left_out "$suite")" ] &&
			[ $((pairs++ % ${PART#*/} + 1)) != "${PART%/*}" ] ||
			mine+=" $suite"
	done
	for suite in $mine; do
		[ -n "$(arch_left_out "$suite")" ] || return 0
	done
	return 1
}

# try: build, compare, run, for $kernel
try() {
	local release counts known bad=0 targets=vm-kmod-$kernel

	# What runs on another architecture is built apart.
	[ -z "$arch" ] || targets+=" vm-init userlib selftests"
	build=$native_build${arch:+/$arch}
	export WINSOCK_BUILD=$build
	if ! release=$("$vm/fetch.sh" release "$kernel" 2>"$tmp/err") ||
		! "$vm/fetch.sh" kernel "$kernel" 2>&1 >/dev/null | tee "$tmp/err"; then
		blame "cannot be fetched: $(tail -n 1 "$tmp/err")"
		row "${release:--}" - 0 1
		return
	fi
	# shellcheck disable=SC2086 # a list
	if ! make --no-print-directory -C "$top" $targets ${arch:+KERNEL="$kernel" T="$mine"} \
		>"$tmp/log" 2>&1; then
		known=$(sed -n "s/^ERROR: modpost: \"\([^\"]*\)\" .*undefined!/winsock.ko needs \1, which $release does not export/p" \
			"$tmp/log")
		[ -n "$known" ] || {
			tail -n 30 "$tmp/log"
			known="the module does not build"
		}
		missing "$known"
		row "$release" "$bad missing" 0 "$bad"
		return
	fi
	known=$(symbols "$kernel" "$release") || {
		missing "$known"
		known="$bad missing"
	}
	"$vm/check.sh" "$kernel" "$mine" "${args[@]}" | tee "$tmp/check" ||
		failures+=$(sed -n '/^failed:$/,$s/^  /  /p' "$tmp/check")$'\n'
	counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$tmp/check")
	[ -n "$counts" ] || {
		blame "the machine gave no result"
		counts="0 1"
	}
	row "$release" "$known" "${counts% *}" $((${counts#* } + bad))
}

passed=0
failed=0
failures=
pairs=0
printf 'kernel\tmachine\tflavour\trelease\tsymbols exported\tpassed\tfailed\tseconds\n' >"$table"
for kernel in $kernels; do
	began=$SECONDS
	arch_set "$kernel"
	share || continue
	echo "== $kernel"
	try
done

echo
awk -F '\t' '{ printf "%-10s  %-7s  %-11s  %-27s  %-16s  %6s  %6s  %7s\n",
	$1, $2, $3, $4, $5, $6, $7, $8 }' "$table"
echo
[ -z "$failures" ] || printf 'failed:\n%s' "$failures"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
