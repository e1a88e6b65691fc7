#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The Debian packages this project needs, and the one place that names them.
#   deps.sh install          every package (make deps)
#   deps.sh need GROUP...    what the groups need, if it is not there yet, and
#                            what those in WINSOCK_NEEDS do: the verb's later steps
set -eu -o pipefail
. "$(dirname "$0")/common.sh"

# Modules for the running kernel are built with its own headers, where apt has
# them: it may run a kernel of the machine around it, or one built by hand.
running=$(uname -r)
running_package=linux-headers-$running
if ! dpkg-query -W "linux-image-$running" >/dev/null 2>&1 &&
	! apt-cache show "$running_package" >/dev/null 2>&1; then
	running=
	running_package=linux-headers-cloud-amd64
fi

# group, package, and a command or file that shows it is there
packages='
build		gcc				gcc
build		g++				g++
build		libc6-dev			/usr/include/stdio.h
build		liburing-dev			/usr/include/liburing.h
running		'"$running_package"'	/lib/modules/'"${running:-*}"'/build/Makefile
headers		linux-headers-cloud-amd64	/usr/src/linux-headers-6.1.*-cloud-amd64/Makefile
selftests	gcc				gcc
selftests	libc6-dev			/usr/include/stdio.h
selftests	gcc-multilib			/usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a
selftests	libc6-dev-i386			/usr/lib32/libc.a
selftests	xz-utils			xz
selftests	linux-source-6.1		/usr/src/linux-source-6.1.tar.xz
vm		linux-headers-cloud-amd64	/usr/src/linux-headers-6.1.*-cloud-amd64/Makefile
vm		linux-headers-6.12-cloud-amd64	/usr/src/linux-headers-6.12.*-cloud-amd64/Makefile
vm		qemu-system-x86			qemu-system-x86_64
vm		busybox-static			/bin/busybox
vm		cpio				cpio
vm		xz-utils			xz
vm		kmod				/sbin/depmod
vm		iproute2			/sbin/tc
vm		netbase				/etc/protocols
6.1-source	flex				flex
6.1-source	bison				bison
6.1-source	bc				bc
6.1-source	libelf-dev			/usr/include/libelf.h
6.1-source	linux-source-6.1		/usr/src/linux-source-6.1.tar.xz
6.12-source	flex				flex
6.12-source	bison				bison
6.12-source	bc				bc
6.12-source	libelf-dev			/usr/include/libelf.h
6.12-source	linux-source-6.12		/usr/src/linux-source-6.12.tar.xz
in-tree		rsync				rsync
host		clang				clang
host		man-db				man
host		mandoc				mandoc
host		gcc-multilib			/usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a
host		libc6-dev-i386			/usr/lib32/libc.a
host		valgrind			valgrind
host		pkg-config			pkg-config
host		libwinpr2-dev			/usr/include/winpr2/winpr/synch.h
host		mingw-w64-common		/usr/share/mingw-w64/include/winsock2.h
gdb		gdb				gdb
watch		entr				entr
plot		gnuplot-nox			gnuplot
plot		graphviz			dot
deb		build-essential			/usr/share/build-essential/list
deb		dpkg-dev			dpkg-buildpackage
deb		debhelper			dh
deb		dh-dkms				dh_dkms
packages	lintian				lintian
packages	debootstrap			/usr/sbin/debootstrap
packages	e2fsprogs			/sbin/mke2fs
packages	openssl				openssl
style		perl				perl
style		linux-source-6.1		/usr/src/linux-source-6.1.tar.xz
style		sparse				sparse
style		shellcheck			shellcheck
style		mandoc				mandoc
'

# wanted GROUP...: packages of these groups that are not there, once each
wanted() {
	local group package witness

	while read -r group package witness; do
		case " $* " in *" $group "*) ;; *) continue ;; esac
		command -v "$witness" >/dev/null ||
			compgen -G "$witness" >/dev/null ||
			echo "$package"
	done <<<"${packages#$'\n'}" | sort -u
}

case ${1-} in
install)
	groups=$(awk 'NF { print $1 }' <<<"$packages" | sort -u | xargs)
	;;
need)
	groups="${*:2} ${WINSOCK_NEEDS-}"
	;;
*)
	die "usage: deps.sh install | need GROUP..."
	;;
esac

# shellcheck disable=SC2086 # a list
missing=$(wanted $groups | xargs)
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends $missing"
command -v apt-get >/dev/null ||
	die "missing what Debian 12 calls: $missing"
[ "$(id -u)" = 0 ] ||
	die "missing packages; as root run: apt-get update && $install"

echo "  DEPS    $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A fresh machine has no package lists, an old one stale ones.
if ! { apt-get update && $install; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	die "apt-get failed; see to it that this works: apt-get update && $install"
fi
# shellcheck disable=SC2086 # a list
missing=$(wanted $groups | xargs)
[ -z "$missing" ] || die "installed, yet not found: $missing"
