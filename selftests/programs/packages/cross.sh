#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the packages are on a machine of another architecture: the names that its
# library exports, and the module as dkms builds it there.
#   cross.sh KERNEL	one of selftests/vm/arch.sh
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/root.sh"
. "$here/try.sh"

kernel=$1
# shellcheck source=selftests/vm/qemu.sh
. "$vm/qemu.sh"
arch_set "$kernel"
[ -n "$arch" ] || die "$kernel is of this machine's architecture; that is for check.sh"
exec </dev/null

say() {
	printf '  %-7s %s\n' "$1" "$2"
}

version=$(make -s --no-print-directory -C "$top/userlib" version)
release=$("$vm/fetch.sh" release "$kernel")

# As dh_makeshlibs calls it, of the library that the cross compiler made.
same_symbols() {
	local library=$build/userlib/libwinsock.so.${version%%.*}

	[ -e "$library" ] || die "no $library; run: make userlib KERNEL=$kernel"
	mkdir -p "$tmp/symbols"
	"$vm/fetch.sh" within "$kernel" env DEB_HOST_ARCH="$arch" \
		dpkg-gensymbols -c4 -plibwinsock1 -v"$version" -P"$tmp/symbols" \
		-I"$top/.packages/debian/libwinsock1.symbols" -e"$library" \
		-O"$tmp/symbols/found"
}

fill_dkms() {
	echo "  FETCH   dkms" >&2
	(cd "$1" && apt-get -qq -o APT::Sandbox::User=root download dkms) >&2 ||
		die "cannot download dkms; as root run: apt-get update"
	dpkg-deb -x "$1"/dkms_*.deb "$1" && rm "$1"/dkms_*.deb &&
		test -x "$1/usr/sbin/dkms"
}

# The source as its package has it, built by dkms, which is told where its files
# are, and that there is no key.  It calls strip by that name.
dkms_builds() {
	local dkms headers module

	dkms=$(cached dkms fill_dkms) && headers=$("$vm/fetch.sh" headers "$kernel") &&
		dpkg-deb -x "$tmp"/deb/winsock-dkms_*_all.deb "$tmp/dkms" || return
	mkdir -p "$tmp/dkms/tree" "$tmp/bin"
	printf '#!/bin/sh\nexec %s-strip "$@"\n' "$triplet" >"$tmp/bin/strip"
	chmod 755 "$tmp/bin/strip"
	# shellcheck disable=SC2016 # the inner shell's
	"$vm/fetch.sh" within "$kernel" sh -c 'PATH=$0:$PATH sign_file=/none exec "$@"' \
		"$tmp/bin" "$dkms/usr/sbin/dkms" build -m winsock -v "$version" \
		-k "$release" -a "$machine" --dkmstree "$tmp/dkms/tree" \
		--sourcetree "$tmp/dkms/usr/src" --kernelsourcedir "$headers" || {
		tail -n 20 "$tmp/dkms/tree/winsock/$version/build/make.log"
		return 1
	}
	module=$tmp/dkms/tree/winsock/$version/$release/$machine/module/winsock.ko
	/sbin/modinfo -F vermagic "$module" | grep "^$release "
}

say BUILD "the packages of $version"
"$top/.packages/build.sh" "$tmp/deb" >/dev/null
try "the library exports on $arch what libwinsock1.symbols lists" same_symbols
try "dkms builds the module of the package for $release" dkms_builds

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
