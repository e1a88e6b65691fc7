#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Says what of uapi/linux/winsock.h winsock.txt lacks or has in another size;
# silent when there is nothing to say.
set -eu
cd "$(dirname "$0")"
header=../../../uapi/linux/winsock.h
description=winsock.txt

# Requests, options, the level, and the words of the two strings
sed -n 's/^#define \(WINSOCK_IOC_[A-Z_]*\|WINSOCK_SO_[A-Z_]*\|SOL_WINSOCK\).*/\1/p
	s/^#define WINSOCK_\(DEVICE\|ULP\)[^"]*\("[^"]*"\)/\2/p' "$header" |
	while read -r name; do
		grep -v '^#' "$description" | grep -q -e "const\[$name\]" -e "string\[$name\]" ||
			echo "$description: no $name"
	done

structs=$(sed -n 's/^struct \([a-z_]*\) {/\1/p' "$header")
program=$(mktemp)
trap 'rm -f "$program"' EXIT
{
	printf '#include <stdio.h>\n#include "%s"\nint main(void)\n{\n' "$PWD/$header"
	for name in $structs; do
		printf 'printf("%s %%zu\\n", sizeof(struct %s));\n' "$name" "$name"
	done
	echo '}'
} | gcc -x c -o "$program" -
"$program" | while read -r name size; do
	described=$(awk -v name="$name" '
		$0 == name " {" { inside = 1; found = 1; next }
		inside && /^}/ { inside = 0 }
		inside && $2 == "fd" { bytes += 4; next }
		inside && match($0, /int(8|16|32|64)/) {
			bytes += substr($0, RSTART + 3, RLENGTH - 3) / 8
		}
		END { print found ? bytes : "nothing" }' "$description")
	[ "$described" = "$size" ] ||
		echo "$description: struct $name has $size bytes, described are: $described"
done
