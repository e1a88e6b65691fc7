#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the tests take from Debian, unpacked into the cache; no root needed.
#   fetch.sh release 6.1     name of the kernel release the VM runs
#   fetch.sh kernel 6.1      directory with its vmlinuz and modules.cpio
#   fetch.sh headers 6.1     directory to build modules for it against
#   fetch.sh symvers 6.1     file of the symbols it exports
#   fetch.sh within 6.1 COMMAND...   run where its headers directory is
#   fetch.sh emulator 6.1    program that the VM runs in
#   fetch.sh root 6.1-arm64  directory with another architecture's programs
#   fetch.sh source          directory with kselftest, its tests of kTLS, checkpatch
# Kernels: 6.1 and 6.12 are Debian's for the cloud, 6.1-amd64 and 6.1-rt the other
# flavours of the same release, those of arch.sh are for other architectures, 7 is the newest that the next Debian serves.
set -eu -o pipefail
. "$(dirname "$0")/trixie.sh"

# The VM runs the kernel whose headers are installed, so that a module built
# against them loads; other flavours are of the same release.
release_of() {
	local series=${1%%-*} headers

	if [ "$series" = 7 ]; then
		trixie_release "$1"
		return
	fi
	arch_set "$1"
	[ -z "$arch" ] || {
		arch_release
		return
	}
	case $1 in
	6.1 | 6.12 | 6.1-* | 6.12-*) ;;
	*) die "no kernel is called $1" ;;
	esac
	headers=$(compgen -G "/usr/src/linux-headers-$series.*-cloud-amd64" |
		sort -V | tail -n 1) ||
		die "no headers of a Debian $series cloud kernel; run: make deps"
	headers=${headers#/usr/src/linux-headers-}
	case $1 in
	"$series")	echo "$headers" ;;
	*-amd64)	echo "${headers%-cloud-amd64}-amd64" ;;
	*-rt)		echo "${headers%-cloud-amd64}-rt-amd64" ;;
	*)		die "no kernel is called $1" ;;
	esac
}

# download PACKAGE DIR: unpack a package that need not be installed; one of another
# architecture, if $arch_conf says so
arch_conf=
download() {
	local conf=/dev/null said

	case $1 in
	*+deb13-*) conf=$trixie_conf ;;
	*/*-backports) conf=$cache/apt-${1#*/}/apt.conf ;;
	*) conf=${arch_conf:-$conf} ;;
	esac
	said=$(
		cd "$2" && {
			apt-get -qq -c "$conf" -o APT::Sandbox::User=root \
				download "$1" &&
				dpkg-deb -x "${1%/*}"_*.deb . &&
				rm "${1%/*}"_*.deb
		} 2>&1
	) || die "cannot download $1$(download_failure "$said")"
}

# download_failure WHAT-APT-SAID: the cause and what to do
download_failure() {
	local full

	full=$(disk_full)
	[ -z "$full" ] || {
		echo "$full"
		return
	}
	case $1 in
	*"No space left"* | *"not enough free"* | *"enough space"*)
		echo ": the disk is full; make room, or set WINSOCK_CACHE to a directory elsewhere" ;;
	*"Temporary failure resolving"* | *"Could not resolve"* | *"Could not connect"* | \
		*"Unable to connect"* | *"Network is unreachable"* | *"Connection failed"* | \
		*"timed out"*)
		echo ": no network: $(grep -m 1 -iE 'resolv|connect|unreachable|timed out' <<<"$1")" ;;
	*"404 "* | *"Unable to locate"* | *"No packages found"* | *"Can't find a source"* | \
		*"was not found"*)
		echo ": Debian serves this version no longer; as root run: apt-get update && apt-get upgrade --with-new-pkgs" ;;
	*)
		echo ": $(tail -n 3 <<<"$1")" ;;
	esac
}

# fill_headers RELEASE DIR: headers of a flavour that is not installed, beside
# those of its parts that are.  They name each other by absolute paths.
fill_headers() {
	local release=$1 dir=$2 abi name

	# 6.1.0-57, and 6.12.117+deb12 where the version is the ABI
	abi=$(sed -E 's/^([0-9.]+(-[0-9]+|\+deb[0-9]+)).*/\1/' <<<"$release")
	echo "  FETCH   linux-headers-$release" >&2
	mkdir -p "$dir/usr/lib"
	[ -z "$arch" ] || arch_lists
	download "linux-headers-$release" "$dir"
	case $release in
	*-rt-amd64) name=linux-headers-$abi-common-rt ;;
	*) name=linux-headers-$abi-common ;;
	esac
	if [ -d "/usr/src/$name" ]; then
		ln -s "/usr/src/$name" "$dir/usr/src"
	else
		download "$name" "$dir"
	fi
	for name in /usr/lib/linux-kbuild-*; do
		ln -s "$name" "$dir/usr/lib"
	done
	sed -i "s|/usr/src/|$cache/headers-$release-$cache_format/usr/src/|" \
		"$dir/usr/src/linux-headers-$release/Makefile"
	test -s "$dir/usr/src/linux-headers-$release/Module.symvers" &&
		test -e "$dir/usr/src/linux-headers-$release/scripts/Makefile.build"
}

# Where they are for COMMANDs of "within".
headers_of() {
	local release dir=

	! is_debug "$1" || {
		"$vm/debug-kernel.sh" headers "$1"
		return
	}
	release=$(release_of "$1")
	arch_set "$1"
	case $1 in
	7)	trixie_userland "$release" >/dev/null ;;
	*-*)	dir=$(cached "headers-$release" fill_headers "$release") ;;
	esac
	echo "$dir/usr/src/linux-headers-$release"
}

# Directories of modules that a test may want: everything about networks, and
# the port through which vm-run hears the program.
module_dirs='net crypto lib arch drivers/virtio
	drivers/s390/virtio drivers/char/virtio_console.ko drivers/net/dummy.ko drivers/net/ifb.ko
	drivers/net/tun.ko drivers/net/veth.ko drivers/net/virtio_net.ko
	drivers/net/net_failover.ko'

fill_kernel() {
	local release=$1 dir=$2 from to path

	echo "  FETCH   linux-image-$release" >&2
	mkdir "$dir/deb"
	[ -z "$arch" ] || arch_lists
	if [[ $release == *+deb13-* ]]; then
		# The image is in parts, which leave nothing in /boot and /lib.
		for path in base binary modules; do
			download "linux-$path-$release" "$dir/deb"
		done
		from=$dir/deb/usr/lib/modules/$release
		mv "$from/vmlinuz" "$dir/vmlinuz"
	else
		download "linux-image-$release" "$dir/deb"
		from=$dir/deb/lib/modules/$release
		mv "$dir/deb/boot/vmlinuz-$release" "$dir/vmlinuz"
	fi

	to=$dir/root/usr/lib/modules/$release
	mkdir -p "$to/kernel"
	mv "$from"/modules.* "$to"
	(
		cd "$from/kernel"
		for path in $module_dirs; do
			compgen -G "$path*" || :
		done | xargs cp -r --parents -t "$to/kernel"
	)
	# busybox's modprobe reads plain modules only.
	find "$to" -name '*.ko.xz' -exec xz -d {} +
	ln -s usr/lib "$dir/root/lib"
	/sbin/depmod -b "$dir/root" "$release" 2>/dev/null
	rm "$dir/root/lib"
	(
		cd "$dir/root"
		find . -mindepth 1 -exec touch -h -d @0 {} +
		find . -mindepth 1 | LC_ALL=C sort |
			cpio -o -H newc --quiet --reproducible -R 0:0
	) >"$dir/modules.cpio"
	rm -rf "$dir/deb" "$dir/root"
	test -s "$dir/vmlinuz" && test -s "$dir/modules.cpio"
}

fill_source() {
	local dir=$1 tarball=/usr/src/linux-source-6.1.tar.xz

	echo "  FETCH   linux-source-6.1" >&2
	if [ ! -e "$tarball" ]; then
		mkdir "$dir/deb"
		download linux-source-6.1 "$dir/deb"
		tarball=$dir/deb$tarball
	fi
	tar -C "$dir" --strip-components=1 -xf "$tarball" --wildcards \
		'*/tools/testing/selftests/lib.mk' \
		'*/tools/testing/selftests/kselftest*' \
		'*/tools/testing/selftests/net/tls.c' \
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
		'*/scripts/const_structs.checkpatch' \
		'*/Documentation/dev-tools/checkpatch.rst'
	rm -rf "$dir/deb"
	# In a kernel tree a suite says #include "../kselftest_harness.h".
	mkdir "$dir/tools/testing/selftests/winsock"
	test -s "$dir/scripts/checkpatch.pl" &&
		test -s "$dir/tools/testing/selftests/kselftest_harness.h"
}

# Before 8.1, QEMU translated code without a lock against another CPU's changing
# it: a kernel that patches itself dies there or hangs, the sooner the busier the
# host is.  Debian 12 has such a one, and a later one among its backports.
emulator_sound=8.1

emulator_version() {
	"$1" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'
}

emulator_is_sound() {
	printf '%s\n' "$emulator_sound" "$(emulator_version "$1")" | sort -C -V
}

fill_emulator() {
	local suite=$1 dir=$2 package

	apt_suites "$suite" "$suite"
	echo "  FETCH   $emulator_package of $suite, 13 MB" >&2
	for package in "$emulator_package" qemu-system-data seabios; do
		download "$package/$suite" "$dir"
	done
	cat >"$dir/qemu" <<-END
		#!/bin/sh
		dir=\$(dirname "\$0")/usr
		exec "\$dir/bin/qemu-system-$machine" -L "\$dir/share/seabios" -L "\$dir/share/qemu" "\$@"
	END
	chmod +x "$dir/qemu"
	emulator_is_sound "$dir/qemu"
}

emulator() {
	local installed suite dir refused

	arch_set "$1"
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")-backports
	if [ -n "$arch" ]; then
		# With a second serial port.
		emulator_sound=9.1
		installed=$(command -v "qemu-system-$machine") &&
			emulator_is_sound "$installed" && {
			echo "$installed"
			return
		}
		dir=$(cached "emulator-$arch-$suite" fill_emulator "$suite") ||
			die "no $emulator_package of at least $emulator_sound, which $suite has"
		echo "$dir/qemu"
		return
	fi
	emulator_package=qemu-system-x86
	installed=$(command -v qemu-system-x86_64) ||
		die "no qemu-system-x86_64; run: make deps"
	emulator_is_sound "$installed" && {
		echo "$installed"
		return
	}
	# What could not be had is not asked for again at once.
	refused=$cache/.no-emulator
	if [ -z "$(find "$refused" -mmin -60 2>/dev/null)" ]; then
		if dir=$(cached "emulator-$suite" fill_emulator "$suite"); then
			echo "$dir/qemu"
			return
		fi
		touch "$refused"
		echo "  OLD     QEMU $(emulator_version "$installed"): before $emulator_sound, the machine may die or hang on a busy host" >&2
	fi
	echo "$installed"
}

case ${1-}:${2-} in
symvers:* | within:* | emulator:*)
	;;
*:in-tree-*)
	exec "$vm/in-tree.sh" "$@"
	;;
*)
	! is_debug "${2-}" || exec "$vm/debug-kernel.sh" "$@"
	;;
esac

case ${1-} in
release)
	release_of "$2"
	;;
headers)
	headers_of "$2"
	;;
symvers)
	headers=$(headers_of "$2")
	[ "$2" != 7 ] || headers=$(trixie_userland "${headers##*linux-headers-}")$headers
	echo "$headers/Module.symvers"
	;;
within)
	case $2 in
	7)	trixie_within "$(release_of 7)" "${@:3}" ;;
	*)
		arch_set "$2"
		[ -n "$arch" ] || exec "${@:3}"
		arch_within "${@:3}"
		;;
	esac
	;;
kernel)
	release=$(release_of "$2")
	arch_set "$2"
	cached "kernel-$release" fill_kernel "$release"
	;;
emulator)
	emulator "${2-}"
	;;
root)
	arch_set "$2"
	arch_root
	;;
source)
	cached source-6.1-tls fill_source
	;;
*)
	die "usage: fetch.sh release | kernel | headers | symvers | emulator | root KERNEL, fetch.sh within KERNEL COMMAND..., fetch.sh source"
	;;
esac
