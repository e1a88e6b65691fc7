#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The debug kernels of the test VM: Debian's linux-source as debug.config
# wants it, built once into the cache; no root needed.
#   debug-kernel.sh release 6.1-debug   name of the release, built or not
#   debug-kernel.sh kernel 6.1-debug    directory with vmlinuz and modules.cpio
#   debug-kernel.sh headers 6.1-debug   directory to build modules against
set -eu -o pipefail
. "$(dirname "$0")/initramfs.sh"

config=$vm/debug.config

source_version() {
	dpkg-query -W -f '${Version}' "linux-source-$1" 2>/dev/null ||
		die "no package linux-source-$1; run: make deps"
}

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
	echo "${version%%-*}-debug-${key:0:8}"
}

settings() {
	grep '^CONFIG_' "$config"
}

# refused DIR: lines of the fragment that did not come true.  A name that this
# version does not have is nothing to complain about.
refused() {
	local name

	settings | grep -vxFf "$1/.config" | while IFS='=' read -r name _; do
		! grep -qsrE --include='Kconfig*' \
			"^[[:space:]]*(menu)?config ${name#CONFIG_}\$" "$1" ||
			echo "$name"
	done
}

# What the caller has in its environment is not for the kernel's makefiles.
kbuild() {
	env -i PATH="$PATH" LC_ALL=C KBUILD_BUILD_USER=winsock \
		KBUILD_BUILD_HOST=vm make -C "$tree" -j"$(nproc)" \
		LOCALVERSION="-${release#*-}" "$@"
}

say() {
	printf '  %-7s %s\n' "$1" "$2" >&2
}

# Every 250th line make prints, as a sign of life.
progress() {
	tee "$1" | awk 'NR % 250 == 0 {
		printf "  BUILD   %d files\n", NR
		fflush()
	}' >&2
}

fill_debug_kernel() {
	local series=$1 release=$2 dir=$3 tree=$3/tree names path

	mkdir "$tree"
	say BUILD "linux-$release, once; ten minutes on two idle processors"
	tar -C "$tree" --strip-components=1 \
		-xf "/usr/src/linux-source-$series.tar.xz" || return 1
	kbuild -s KCONFIG_ALLCONFIG="$config" allnoconfig >"$dir/log" 2>&1 || {
		cat "$dir/log" >&2
		return 1
	}
	names=$(refused "$tree" | xargs)
	[ -z "$names" ] || {
		echo "debug.config: linux-$series does not grant: $names" >&2
		return 1
	}
	kbuild bzImage modules 2>&1 | progress "$dir/log" || {
		echo "linux-$release does not build:" >&2
		grep -C 5 -E 'error|Error' "$dir/log" | head -n 60 >&2
		return 1
	}
	path=$(cat "$tree/include/config/kernel.release")
	[ "$path" = "$release" ] || {
		echo "the release is $path, not $release" >&2
		return 1
	}

	root=$dir/root
	mkdir -p "$root/usr"
	kbuild -s modules_install INSTALL_MOD_PATH="$root/usr" \
		>"$dir/log" 2>&1 || {
		cat "$dir/log" >&2
		return 1
	}
	rm -f "$root/usr/lib/modules/$release"/{build,source}
	root_pack /dev/null "$dir/modules.cpio"
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
	rm -rf "$tree" "$root" "$dir/log"
	test -s "$dir/vmlinuz" && test -s "$dir/modules.cpio"
}

directory() {
	local release

	"$vm/deps.sh" need build vm "$1-debug" >&2
	release=$(release_of "$1")
	cached "kernel-$release" fill_debug_kernel "$1" "$release"
}

series=${2-}
series=${series%-debug}
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
	die "usage: debug-kernel.sh release | kernel | headers VERSION-debug"
	;;
esac
