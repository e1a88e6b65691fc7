#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Kernels of the test VM that look for faults: Debian's linux-source as debug.config or
# kcsan.config wants it, built once into the cache; no root needed.
#   debug-kernel.sh release 6.1-debug   name of the release, built or not
#   debug-kernel.sh kernel 6.1-debug    directory with vmlinuz and modules.cpio
#   debug-kernel.sh headers 6.1-debug   directory to build modules against
# and so for 6.1-kcsan.
set -eu -o pipefail
. "$(dirname "$0")/initramfs.sh"
. "$vm/kbuild.sh"

# Kernels that differ in source, configuration or compiler differ in name, and
# so do the modules built for them.
release_of() {
	local version key

	version=$(source_version "$1")
	key=$({
		echo "$version"
		gcc -dumpfullversion
		settings
	} | sha256sum)
	echo "${version%%-*}-$flavour-${key:0:8}"
}

settings() {
	# shellcheck disable=SC2086 # a list of words
	[ "$flavour" = debug ] || debug_sections $plain_sections Hangs
	grep '^CONFIG_' "$vm/$flavour.config"
}

fill_debug_kernel() {
	local series=$1 release=$2 dir=$3 tree=$3/tree path

	say BUILD "linux-$release, once; ten minutes on two idle processors"
	kbuild_unpack "$series" || return 1
	settings >"$dir/$flavour.config"
	kbuild_configure "$dir/$flavour.config" "$dir/log" || return 1
	kbuild_build "$dir/log" bzImage modules || return 1
	path=$(cat "$tree/include/config/kernel.release")
	[ "$path" = "$release" ] || {
		echo "the release is $path, not $release" >&2
		return 1
	}
	kbuild_modules "$dir" || return 1
	cp "$tree/arch/x86/boot/bzImage" "$dir/vmlinuz"
	# With its symbols, to tell where an address of a report lies.
	mv "$tree/vmlinux" "$dir/vmlinux"

	# What a module is built with.
	mkdir "$dir/headers"
	tar -C "$tree" -c --exclude='*.o' --exclude='*.cmd' .config Makefile \
		Module.symvers include scripts arch/x86/include \
		arch/x86/Makefile arch/x86/Makefile_32.cpu \
		tools/objtool/objtool |
		tar -C "$dir/headers" -x || return 1
	rm -rf "$tree" "$dir/log"
	test -s "$dir/vmlinuz" && test -s "$dir/modules.cpio"
}

directory() {
	local release

	"$vm/deps.sh" need build vm "$1-source" >&2
	release=$(release_of "$1")
	cached "kernel-$release" fill_debug_kernel "$1" "$release"
}

series=${2-}
flavour=${series##*-}
series=${series%-*}
case ${1-} in
release)
	release_of "$series"
	;;
kernel)
	directory "$series"
	;;
headers)
	echo "$(directory "$series")/headers"
	;;
*)
	die "usage: debug-kernel.sh release | kernel | headers KERNEL"
	;;
esac
