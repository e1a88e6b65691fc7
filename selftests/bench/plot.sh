#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# CONTRIBUTING's figure, from what `make bench` counted.
#   plot.sh TSV SVG
set -eu -o pipefail
here=$(dirname "$0")

[ -s "$1" ] || {
	echo "$1 is not there; run: make bench" >&2
	exit 1
}
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT

kernel=$(awk -F '\t' '{ print $1; exit }' "$1")
awk -F '\t' -v kernel="$kernel" '
BEGIN {
	rows[1] = "FIN close"
	rows[2] = "RST close"
	rows[3] = "idle linger, blocking"
	rows[4] = "idle linger, nonblocking"
	rows[5] = "refusal"
	split("close emulation ioctl library", ways, " ")
}
$1 == kernel { count[$2, $3] = $4 }
END {
	for (i = 1; i <= 5; i++) {
		line = rows[i]
		sub(/, /, ",\\n", line)
		for (j = 1; j <= 4; j++)
			line = line "\t" ((rows[i], ways[j]) in count ? count[rows[i], ways[j]] : "-")
		print line
	}
}' "$1" >"$tmp"
gnuplot -e "data='$tmp'; out='$2'; kernel='$kernel'" "$here/plot.gp"
sed -i '1a <!-- SPDX-License-Identifier: GPL-2.0 -->' "$2"
echo "  PLOT    $2" >&2
