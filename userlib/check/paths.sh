#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every verb of every Makefile refuses a path that make or the shell would take
# apart, install and uninstall also one that is relative, and change nothing there or beside it.  Prints what did.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

makefiles() {
	local path

	for path in Makefile kmod/Makefile kmod/path.mk userlib/Makefile \
		userlib/tools.mk selftests/Makefile; do
		install -D "$path" "$1/$path" || exit 1
	done
}

verbs() {	# MAKEFILE
	sed -n 's/^\.PHONY: *//p' "$top/$1/Makefile" | xargs -n 1 |
		grep -v FORCE | sort -u
}

look() {
	find "$tmp/there" -printf '%p %y %T@\n' | sort
}

refusal="is not supported"

# refused DIR VERB [VARIABLE=VALUE...]
refused() {
	local before after output

	before=$(look)
	output=$(cd "$tmp/there" && timeout 60 make --no-print-directory \
		-C "$@" 2>&1 </dev/null) && echo "make -C $*: not refused"
	[[ $output == *"$refusal; nothing was done"* ]] ||
		echo "make -C $*: $output"
	after=$(look)
	[ "$before" = "$after" ] || echo "make -C $*: the directory has changed"
}

# What "rm -rf" of the second tree's build/ would remove, word by word.
mkdir -p "$tmp/there/work/precious" "$tmp/there/new/winsock/build"
# shellcheck disable=SC2016,SC1003 # the characters themselves
for name in 'work new' 'a$HOME' "it's" 'a;b' 'a(b)' 'a#b' 'a\b' 'a%b' 'a*b'; do
	tree="$tmp/there/$name/winsock"
	makefiles "$tree"
	mkdir -p "$tree/build/kmod"
	for dir in . kmod userlib selftests; do
		for verb in $([ "$name" = 'work new' ] && verbs "$dir" || echo clean); do
			refused "$tree/$dir" "$verb"
		done
	done
done

makefiles "$tmp/there/plain"
for variable in DESTDIR PREFIX LIBDIR INCLUDEDIR MANDIR INSTALL_MOD_PATH; do
	for verb in install uninstall; do
		refused "$tmp/there/plain" "$verb" "$variable=$tmp/there/work new"
	done
done
refusal="is not an absolute path"
for variable in DESTDIR PREFIX LIBDIR INCLUDEDIR MANDIR INSTALL_MOD_PATH; do
	for verb in install uninstall; do
		refused "$tmp/there/plain" "$verb" "$variable=work"
	done
done
refusal="is not supported"
refused "$tmp/there/plain/kmod" clean "O=$tmp/there/work new"
refused "$tmp/there/plain/userlib" clean "O=$tmp/there/work new"
