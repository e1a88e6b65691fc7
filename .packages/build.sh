#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Builds the Debian packages of the source tree that this file is in.
#   build.sh DIR [VERSION]
# They and the source package appear in DIR.  The same source gives the same
# bytes, in a clone and unpacked from an archive alike: what is dated bears the
# date of the last commit, or else of the newest file (or SOURCE_DATE_EPOCH).
set -eu -o pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
parts='.packages/debian kmod uapi userlib COPYING.GPL-2.0 COPYING.LGPL-2.1
	COPYING.Linux-syscall-note'

die() {
	echo "make deb: $*" >&2
	exit 1
}

[ $# -ge 1 ] || die "usage: build.sh DIR [VERSION]"
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=${2:-$(make -s --no-print-directory -C "$top/userlib" version)}
[[ $version =~ ^[0-9][0-9A-Za-z.+~]*$ ]] ||
	die "VERSION=$version is not a version of a Debian package; one is 1.0.1"
ours=$(make -s --no-print-directory -C "$top/userlib" version)
[ "${version%%[!0-9]*}" = "${ours%%.*}" ] ||
	die "VERSION=$version would need a library of another SONAME; this is libwinsock.so.${ours%%.*}, so VERSION= begins with ${ours%%.*}."

epoch=${SOURCE_DATE_EPOCH-}
[ -n "$epoch" ] || [ ! -e "$top/.git" ] ||
	epoch=$(git -C "$top" log -1 --format=%ct 2>/dev/null) || :
# shellcheck disable=SC2086 # a list
[ -n "$epoch" ] ||
	epoch=$(cd "$top" && find $parts -type f -printf '%Ts\n' | sort -n | tail -n 1)

umask 022
tree=$out/winsock-$version
rm -rf "$tree" "$out"/{winsock,libwinsock}*_*
mkdir -p "$tree"
# shellcheck disable=SC2086 # a list
tar -C "$top" -c $parts | tar -C "$tree" -x --no-same-owner --no-same-permissions
mv "$tree/.packages/debian" "$tree/debian"
rmdir "$tree/.packages"
mkdir "$tree/debian/source"
echo '3.0 (native)' >"$tree/debian/source/format"
cat >"$tree/debian/changelog" <<END
winsock ($version) unstable; urgency=medium

  * This version; the history of the source says what changed.

 -- $(sed -n 's/^Maintainer: //p' "$tree/debian/control")  $(LC_ALL=C date -uR -d "@$epoch")
END
# A package keeps the date of a file that is older than the version.
find "$tree" -exec touch -h -d "@$epoch" {} +

log=$out/log
(
	cd "$tree" && env -i PATH="$PATH" LC_ALL=C.UTF-8 TZ=UTC \
		SOURCE_DATE_EPOCH="$epoch" dpkg-buildpackage -us -uc
) >"$log" 2>&1 </dev/null || {
	tail -n 30 "$log" >&2
	die "the packages do not build; all of what was said is in $log"
}
rm -rf "$tree"
for package in "$out"/*.deb; do
	case $package in
	*-dbgsym_*) ;;
	*) printf '  %-7s %s\n' DEB "${package#"$top/"}" ;;
	esac
done
