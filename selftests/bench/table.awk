# SPDX-License-Identifier: GPL-2.0
# Makes a table of bench.tsv and holds it to targets.tsv:
#   awk -f table.awk targets.tsv bench.tsv
# Exits with 1 if a count misses its limit.
BEGIN { FS = "\t"; split("close emulation shutdown ioctl-plain ioctl library", ways, " ") }
/^#/ || NF == 0 { next }

FNR == NR {
	targets++
	for (i = 1; i <= 7; i++)
		target[targets, i] = $i
	next
}

{
	if (!(($1, $2) in seen)) {
		seen[$1, $2] = 1
		rows[$1, ++nrows[$1]] = $2
	}
	if (!($1 in known)) {
		known[$1] = 1
		kernels[++nkernels] = $1
	}
	count[$1, $2, $3] = $4
}

function times(kernel, row, way,    n, base) {
	n = count[kernel, row, way]
	base = count[kernel, row, "close"]
	return n && base ? sprintf("%.3f", n / base) : ""
}

function table(kernel,    i, j, row, line) {
	printf "%-36s%12s%12s%12s%12s%12s%12s%9s%9s\n",
		"Linux " kernel ", instructions", "close(2)", "emulation",
		"shutdown", "ioctl,plain", "ioctl", "library", "ioctl/",
		"library/"
	for (i = 1; i <= nrows[kernel]; i++) {
		row = rows[kernel, i]
		line = sprintf("%-36s", row)
		for (j = 1; j <= 6; j++)
			line = line sprintf("%12s", count[kernel, row, ways[j]])
		line = line sprintf("%9s%9s", times(kernel, row, "ioctl"),
				    times(kernel, row, "library"))
		sub(/ +$/, "", line)
		print line
	}
	print ""
}

# What a target compares with.
function base_of(kernel, i,    base, recv) {
	base = target[i, 3]
	recv = "recv 1, blocking"
	# 64 threads, each of which has had to be ready for it a thousand times
	if (base == "=1000 recvs of each")
		return 64 * 1000 * (count[kernel, recv, "emulation"] - count[kernel, recv, "close"])
	if (sub(/^=/, "", base) && match(base, /\/[a-z-]+$/))
		return count[kernel, substr(base, 1, RSTART - 1), substr(base, RSTART + 1)]
	if (target[i, 3] ~ /^=/)
		return count[kernel, base, base == "FIN close" ? "close" : "ioctl"]
	return count[kernel, target[i, 1], base]
}

function holds(how, got, limit) {
	return how == "cheaper" ? got + 0 >= limit + 0 : got + 0 <= limit + 0
}

function judge(kernel, i,    n, base, how, got, limit) {
	if (!((kernel, target[i, 1], target[i, 2]) in count))
		return
	n = count[kernel, target[i, 1], target[i, 2]]
	how = target[i, 4]
	base = how == "most" ? 1 : base_of(kernel, i)
	if (!base)
		return
	if (how == "ratio")
		got = sprintf("%.3f", n / base)
	else if (how == "cheaper")
		got = sprintf("%.2f", base / n)
	else
		got = how == "plus" ? n - base : n
	judged++
	limit = target[i, 6] == "" ? target[i, 5] : target[i, 6]
	if (!holds(how, got, limit)) {
		missed++
		printf "  not ok: %s %s, %s: %s %s, the limit is %s\n", kernel,
			target[i, 1], target[i, 2], how, got, limit
	} else if (!holds(how, got, target[i, 5])) {
		printf "  above the goal: %s %s, %s: %s %s, the goal was %s: %s\n",
			kernel, target[i, 1], target[i, 2], how, got,
			target[i, 5], target[i, 7]
	}
}

END {
	for (k = 1; k <= nkernels; k++)
		table(kernels[k])
	for (k = 1; k <= nkernels; k++)
		for (i = 1; i <= targets; i++)
			judge(kernels[k], i)
	printf "%d passed, %d failed\n", judged - missed, missed
	exit missed || !judged ? 1 : 0
}
