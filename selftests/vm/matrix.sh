#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Builds the module for one kernel after the other, compares its undefined symbols
# with what that kernel exports, runs suites, and prints a table of it, which
# also is build/matrix.tsv.
#   matrix.sh "KERNEL..." "SUITE..." [ARG...]
set -eu -o pipefail
. "$(dirname "$0")/common.sh"

kernels=$1
suites=$2
args=("${@:3}")
table=$build/matrix.tsv

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# symbols KERNEL RELEASE: a line for each symbol that the module needs and the
# kernel does not export, or a summary
symbols() {
	local symvers

	symvers=$("$vm/fetch.sh" symvers "$1")
	nm -u "$build/kmod/$2/winsock.ko" | awk -v release="$2" '
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
	case $kernel in
	*-*) flavour=${kernel#*-} ;;
	*) flavour=cloud ;;
	esac
	printf '%s\t' "$kernel" "$flavour" "$@" >>"$table"
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

# try: build, compare, run, for $kernel
try() {
	local release counts known bad=0

	if ! release=$("$vm/fetch.sh" release "$kernel" 2>"$tmp/err") ||
		! "$vm/fetch.sh" kernel "$kernel" 2>&1 >/dev/null | tee "$tmp/err"; then
		blame "cannot be fetched: $(tail -n 1 "$tmp/err")"
		row "${release:--}" - 0 1
		return
	fi
	if ! make --no-print-directory -C "$top" "vm-kmod-$kernel" >"$tmp/log" 2>&1; then
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
	"$vm/check.sh" "$kernel" "$suites" "${args[@]}" | tee "$tmp/check" ||
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
printf 'kernel\tflavour\trelease\tsymbols exported\tpassed\tfailed\tseconds\n' >"$table"
for kernel in $kernels; do
	began=$SECONDS
	echo "== $kernel"
	try
done

echo
awk -F '\t' '{ printf "%-10s  %-7s  %-27s  %-16s  %6s  %6s  %7s\n",
	$1, $2, $3, $4, $5, $6, $7 }' "$table"
echo
[ -z "$failures" ] || printf 'failed:\n%s' "$failures"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
