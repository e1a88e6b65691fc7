#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs Debian's programs in the test VM, by themselves and by winsock-run.
#   programs.sh KERNEL [count] [NAME...]	rows whose names have these in them
# "count" has their instructions counted, too, which takes longer.
set -eu -o pipefail
. "$(dirname "$0")/../../vm/common.sh"

# What is tried, and the one place that names it.
packages='python3 socat curl nginx-light redis-server redis-tools iperf3 openjdk-17-jre-headless'
packages+=' nodejs chrony'

here=$top/selftests/programs/debian

# Everything that they need, whatever this machine has: with an empty status file
# nothing counts as installed, with archives of our own nothing as downloaded.
fill_programs() {
	local dir=$1 apt name

	apt=(apt-get -qq -o APT::Sandbox::User=root -o APT::Install-Recommends=false)
	echo "  FETCH   $packages, with what they need, 120 MB" >&2
	mkdir -p "$dir/deb/partial" "$dir/root"
	: >"$dir/status"
	# shellcheck disable=SC2086 # a list
	"${apt[@]}" -o "Dir::State::Status=$dir/status" -o "Dir::Cache::Archives=$dir/deb" \
		--print-uris install $packages |
		sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_.*/\1=\2/p" | sed 's/%3a/:/' >"$dir/list"
	(
		cd "$dir/deb" && xargs "${apt[@]}" download <"$dir/list"
	) >&2 || die "cannot download Debian 12's packages; as root run: apt-get update"
	mkdir -p "$dir/root/usr"/{bin,sbin,lib,lib64}
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$dir/root/$name"
	done
	for name in "$dir"/deb/*.deb; do
		dpkg-deb --fsys-tarfile "$name" |
			tar -C "$dir/root" -x --keep-directory-symlink --no-same-owner \
				--exclude=./usr/share/doc --exclude=./usr/share/man \
				--exclude=./usr/share/locale --exclude=./var || return 1
	done
	rm -rf "$dir/deb" "$dir/root"/{bin,sbin,lib,lib64}
	# What their maintainer scripts would have made.
	ln -sf ../lib/jvm/java-17-openjdk-amd64/bin/java "$dir/root/usr/bin/java"
	test -x "$dir/root/usr/bin/socat"
}

kernel=$1
shift
[ "${1-}" != count ] || export ICOUNT=1
name=programs-$(md5sum <<<"$packages" | head -c 8)
userland=$(cached "$name" fill_programs)

cd "$here"
export OVERLAY=$userland/root
export FILES="$build/userlib/run/winsock-run $build/userlib/run/libwinsock-run.so"
FILES+=" $top/uapi/examples/closesocket.py $top/uapi/examples/deadline_epoll.py"
for file in check.py blocked.py linger.py server.py http.js Blocked.java nginx.conf; do
	FILES+=" $file"
done
TIMEOUT=${TIMEOUT:-3600} MEMORY=${MEMORY:-2560} "$vm/run.sh" "$kernel" -- /bin/sh -c \
	'exec python3 /root/check.py "$@"' sh "$@"
