#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which names lead to which page, as "LINK:TARGET" below the directory of the pages:
# every other name of a page, what the header makes of it, and what the linker sees.
# winsock(7) is found before winsock(4).
set -eu
cd "$(dirname "$0")"

awk '
FILENAME ~ /\.h$/ {
	if ($1 == "#define" && NF == 3 && $2 ~ /^[A-Za-z_]+$/)
		alias[$2] = $3
	next
}
FILENAME ~ /\.map$/ {
	sub(/;/, "")
	exported[$1] = 1
	next
}
/^\.Sh/ { in_name = $2 == "NAME" }
in_name && $1 == ".Nm" {
	page[$2] = FILENAME
	if ($2 ~ /_winsock$/) {
		linker = $2
		sub(/_winsock$/, "", linker)
		page["winsock_" linker] = FILENAME
	}
}
END {
	for (name in page)
		if (name "A" in exported)
			page[name "A"] = page[name]
	for (name in alias) {
		if (alias[name] in page)
			page[name] = page[alias[name]]
		else if ("winsock_" alias[name] in exported)
			page[name] = page["winsock_" alias[name]]
	}
	for (name in page)
		if (name ".3" != page[name])
			print "man3/" name ".3:" page[name]
}' ../include/winsock2.h ../include/ws2tcpip.h ../libwinsock.map [A-Za-z]*.3 | LC_ALL=C sort
echo man3/winsock.3:../man7/winsock.7
