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
	rows[6] = "1000 drain within 60 s, each"
	labels[rows[6]] = "with a deadline, 1 of 1000"
	split("close emulation ioctl library", ways, " ")
}
$1 == kernel { count[$2, $3] = $4 }
# A row that has only sockets that are not attached
$1 == kernel && $3 == "ioctl-plain" && !(($2, "ioctl") in count) { count[$2, "ioctl"] = $4 }
END {
	for (i = 1; i <= 6; i++) {
		line = rows[i] in labels ? labels[rows[i]] : rows[i]
		sub(/, /, ",\\n", line)
		for (j = 1; j <= 4; j++)
			line = line "\t" ((rows[i], ways[j]) in count ? count[rows[i], ways[j]] : "-")
		print line
	}
}' "$1" >"$tmp"
gnuplot -e "data='$tmp'; out='$2'; kernel='$kernel'" "$here/plot.gp"
sed -i '1a <!-- SPDX-License-Identifier: GPL-2.0 -->' "$2"
echo "  PLOT    $2" >&2
