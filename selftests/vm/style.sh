#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch, W=1, sparse, shellcheck and mandoc over everything git knows; and
# whether the kept faults still apply.
set -eu -o pipefail
. "$(dirname "$0")/common.sh"
cd "$top"

# What of checkpatch --strict is not for us:
# FILE_PATH_CHANGES	no MAINTAINERS file lists an out-of-tree file
# LINUX_VERSION_CODE	compat.h exists for it, and it alone (checked below)
# CONST_STRUCT		a wrapped operation table is filled in at run time
kernel_ignores=FILE_PATH_CHANGES,LINUX_VERSION_CODE,CONST_STRUCT
# A table of tracepoints is laid out by TRACE_EVENT's own custom.
trace_ignores=$kernel_ignores,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
# User space has neither the kernel's macros nor its types, and the library has
# Winsock's names and types.
user_ignores=FILE_PATH_CHANGES,PREFER_KERNEL_TYPES,ARRAY_SIZE,ENOSYS
user_ignores+=,PREFER_DEFINED_ATTRIBUTE_MACRO,CAMELCASE,NEW_TYPEDEFS,AVOID_EXTERNS

failed=0

# step NAME COMMAND...: one line when it is clean, its output when it is not
step() {
	local name=$1 output

	shift
	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		echo "  CLEAN   $name"
	else
		echo "  DIRTY   $name"
		printf '%s\n' "$output"
		failed=$((failed + 1))
	fi
}

# Files that git knows or would take: new ones count too.
files() {
	git ls-files -co --exclude-standard -- "$@" | sort -u |
		while read -r file; do
			[ ! -e "$file" ] || echo "$file"
		done
}

# checkpatch IGNORES FILE...
checkpatch() {
	local file status=0

	for file in "${@:2}"; do
		# It reads C only: what is for C++ becomes a comment.
		mkdir -p "$tmp/$(dirname "$file")"
		awk '/^#[ \t]*if/ { depth++ }
		     /^#[ \t]*if.*__cplusplus/ && !from { print; from = depth; next }
		     from && depth == from && /^#[ \t]*(else|endif)/ { from = 0 }
		     { print from ? "/* for C++ */" : $0 }
		     /^#[ \t]*endif/ { depth-- }' "$file" >"$tmp/$file"
	done
	# It looks below its root for names in camel case, and keeps a list.
	mkdir -p "$tmp/include"
	cd "$tmp"
	printf '%s\0' "${@:2}" | xargs -0 -n 16 -P "$(nproc)" \
		"$source/scripts/checkpatch.pl" --strict --no-tree --root="$tmp" --no-summary \
		--terse --show-types --max-line-length=100 --ignore "$1" -f || status=1
	cd "$top"
	return "$status"
}

kbuild() {
	make --no-print-directory -s -C kmod O="$tmp/kbuild" \
		KERNELRELEASE="$1" "${@:2}" >/dev/null
}

shells() {
	files | while read -r file; do
		case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
		'#!'*sh*) echo "$file" ;;
		*) [ "${file%.sh}" = "$file" ] || echo "$file" ;;
		esac
	done
}

spdx() {
	files ':!COPYING*' | while read -r file; do
		head -n 5 "$file" | grep -q SPDX-License-Identifier ||
			echo "$file: no SPDX-License-Identifier in its first lines"
	done
}

version_tests() {
	files '*.c' '*.h' ':!kmod/compat.h' | xargs -r grep -n LINUX_VERSION_CODE || :
}

# What no longer applies kills nobody; make mutants would tell much later.
faults() {
	local patch

	for patch in selftests/mutants/*.patch; do
		git apply --check "$patch" 2>/dev/null || echo "$patch does not apply"
	done
}

source=$("$vm/fetch.sh" source)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mapfile -t kernel < <(files 'kmod/*.[ch]' 'uapi/*.h' ':!kmod/trace.h')
mapfile -t trace < <(files kmod/trace.h)
# Programs written for Windows stay as they were written.
mapfile -t user < <(files 'userlib/*.[ch]' 'selftests/*.[ch]' 'uapi/examples/*.c' \
	':!selftests/programs/windows/')
mapfile -t scripts < <(shells)
mapfile -t pages < <(files 'kmod/*.[1-9]' 'userlib/*.[1-9]')

step "checkpatch, kernel" checkpatch "$kernel_ignores" "${kernel[@]}"
[ ${#trace[@]} = 0 ] ||
	step "checkpatch, tracepoints" checkpatch "$trace_ignores" "${trace[@]}"
step "checkpatch, user space" checkpatch "$user_ignores" "${user[@]}"
for version in 6.1 6.12; do
	release=$("$vm/fetch.sh" release "$version")
	step "W=1 and sparse, $version" kbuild "$release" W=1 C=1
done
step "shellcheck" shellcheck -x -P SCRIPTDIR "${scripts[@]}"
[ ${#pages[@]} = 0 ] ||
	step "mandoc" mandoc -T lint -W warning "${pages[@]}"
step "syzkaller description" selftests/stress/fuzz/description.sh
[ ! -e .git ] || step "kept faults apply" faults
step "SPDX" spdx
step "version tests outside compat.h" version_tests

[ "$failed" = 0 ]
