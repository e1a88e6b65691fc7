#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the tests take from Debian, unpacked into the cache; no root needed.
#   fetch.sh release 6.1     name of the kernel release the VM runs
#   fetch.sh kernel 6.1      directory with its vmlinuz and modules.cpio
#   fetch.sh headers 6.1     directory to build modules for it against
#   fetch.sh source          directory with kselftest and checkpatch
set -eu -o pipefail
. "$(dirname "$0")/common.sh"

# The VM runs the kernel whose headers are installed, so that a module built
# against them loads.
release_of() {
	local headers

	headers=$(compgen -G "/usr/src/linux-headers-$1.*-cloud-amd64" |
		sort -V | tail -n 1) ||
		die "no headers of a Debian $1 cloud kernel; run: make deps"
	echo "${headers#/usr/src/linux-headers-}"
}

# download PACKAGE DIR: unpack a package that need not be installed
download() {
	(
		cd "$2" &&
			apt-get -qq -o APT::Sandbox::User=root download "$1" >&2 &&
			dpkg-deb -x "$1"_*.deb . &&
			rm "$1"_*.deb
	) || die "cannot download $1; as root run: apt-get update && apt-get upgrade 'linux-headers-*'"
}

# Directories of modules that a test may want: everything about networks, and
# the port through which vm-run hears the program.
module_dirs='net crypto lib arch drivers/virtio
	drivers/char/virtio_console.ko drivers/net/dummy.ko drivers/net/ifb.ko
	drivers/net/tun.ko drivers/net/veth.ko drivers/net/virtio_net.ko
	drivers/net/net_failover.ko'

fill_kernel() {
	local release=$1 dir=$2 from to path

	echo "  FETCH   linux-image-$release" >&2
	mkdir "$dir/deb"
	download "linux-image-$release" "$dir/deb"
	mv "$dir/deb/boot/vmlinuz-$release" "$dir/vmlinuz"

	from=$dir/deb/lib/modules/$release
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
		'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
		'*/scripts/const_structs.checkpatch' \
		'*/Documentation/dev-tools/checkpatch.rst'
	rm -rf "$dir/deb"
	# In a kernel tree a suite says #include "../kselftest_harness.h".
	mkdir "$dir/tools/testing/selftests/winsock"
	test -s "$dir/scripts/checkpatch.pl" &&
		test -s "$dir/tools/testing/selftests/kselftest_harness.h"
}

case ${2-} in
*-debug)
	exec "$vm/debug-kernel.sh" "$@"
	;;
esac

case ${1-} in
release)
	release_of "$2"
	;;
headers)
	echo "/usr/src/linux-headers-$(release_of "$2")"
	;;
kernel)
	release=$(release_of "$2")
	cached "kernel-$release" fill_kernel "$release"
	;;
source)
	cached source-6.1 fill_source
	;;
*)
	die "usage: fetch.sh release | kernel | headers VERSION, fetch.sh source"
	;;
esac
