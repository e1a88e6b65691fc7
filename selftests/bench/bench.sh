#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Counts in the test VM, and holds the counts to targets.tsv.
#   bench.sh "KERNEL..." [short | parallel]
set -eu -o pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/selftests/bench
build=$top/build
tsv=$build/bench.tsv
what=${2-}

case $what in
'' | short | parallel) ;;
*)
	echo "ARGS=$what is not known to bench; there are: short parallel" >&2
	exit 2
	;;
esac

tmp=$(mktemp)
trap 'rm -f "$tmp" "$tsv.new"' EXIT

# Under icount, sleep and processors are virtual; closing side by side is not.
[ "$what" = parallel ] || export ICOUNT=1
[ "$what" != parallel ] || tsv=$build/bench-parallel.tsv
: >"$tsv.new"
for kernel in $1; do
	echo "  BENCH   linux $kernel${what:+, $what}" >&2
	MEMORY=${MEMORY:-2048} "$top/selftests/vm/run.sh" "$kernel" -- \
		"$build/selftests/bench/bench" ${what:+"$what"} >"$tmp"
	sed "s/^/$kernel\t/" "$tmp" >>"$tsv.new"
done
mv "$tsv.new" "$tsv"

if [ "$what" = parallel ]; then
	awk -F '\t' '
	{ value[$1 FS $3, ++seen[$1 FS $3]] = $4; if (seen[$1 FS $3] == 1) order[++n] = $1 FS $3 }
	END {
		printf "%-24s%14s%14s%8s\n", "closes a second", "1 thread", "2 threads", "ratio"
		for (i = 1; i <= n; i++) {
			k = order[i]
			split(k, name, FS)
			printf "%-8s%-16s%14d%14d%8.2f\n", name[1], name[2], value[k, 1], value[k, 2], value[k, 3] / 100
		}
	}' "$tsv"
	exit
fi
awk -f "$here/table.awk" "$here/targets.tsv" "$tsv"
