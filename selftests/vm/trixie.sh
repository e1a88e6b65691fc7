# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: kernels of the next Debian, which serves newer ones than this does.
# What their headers need for building goes into the cache, too.
# shellcheck source=selftests/vm/arch.sh
. "$(dirname "${BASH_SOURCE[0]}")/arch.sh"

# What a kernel is built with, beside its headers and the compiler they name.
trixie_tools='make bash binutils coreutils dash diffutils findutils grep mawk perl-base
	sed util-linux'

trixie_suites="trixie trixie-backports"
trixie_conf=$cache/apt-trixie/apt.conf

trixie_failed() {
	# shellcheck disable=SC2086 # a list
	apt_failed "$1" $trixie_suites
}

# trixie_release SERIES: the newest kernel of it
trixie_release() {
	local release

	# shellcheck disable=SC2086 # a list
	apt_suites trixie $trixie_suites
	release=$(apt-cache -c "$trixie_conf" pkgnames "linux-headers-$1." |
		sed -n 's/^linux-headers-\([0-9.]*+deb13-cloud-amd64\)$/\1/p' |
		sort -V | tail -n 1)
	[ -n "$release" ] || trixie_failed "no headers of a $1.x cloud kernel are served"
	echo "$release"
}

fill_userland() {
	local release=$1 dir=$2 packages name

	# shellcheck disable=SC2086 # a list
	set -- "linux-headers-$release" $trixie_tools
	echo "  FETCH   $1 and what it is built with, 90 MB" >&2
	mkdir "$dir/deb"
	packages=$(apt-get -c "$trixie_conf" -qq --print-uris install "$@" |
		sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_.*/\1=\2/p" |
		sed 's/%3a/:/')
	# shellcheck disable=SC2086 # a list
	(
		cd "$dir/deb" &&
			apt-get -c "$trixie_conf" -qq download $packages
	) >&2 || trixie_failed "cannot download linux-headers-$release"
	for name in "$dir"/deb/*.deb; do
		dpkg-deb --fsys-tarfile "$name" |
			tar -C "$dir" -x --keep-directory-symlink --no-same-owner \
				--exclude=./usr/share/doc --exclude=./usr/share/man \
				--exclude=./usr/share/locale ./usr || return 1
	done
	rm -rf "$dir/deb"
	ln -s mawk "$dir/usr/bin/awk"
	test -s "$dir/usr/src/linux-headers-$release/Module.symvers"
}

trixie_userland() {
	cached "userland-$1" fill_userland "$1"
}

# trixie_within RELEASE COMMAND...: run it where /usr is the other Debian's,
# which its headers package and compiler take for granted.  Nothing else differs,
# and nobody else sees it.
trixie_within() {
	local dir namespace tree

	for tree in "$top" "$build" "$cache"; do
		[[ $tree/ != /usr/* ]] ||
			die "a module for this kernel is built without this machine's /usr; move $tree to somewhere else"
	done
	dir=$(trixie_userland "$1")
	shift
	for namespace in "--mount" "--user --map-root-user --mount" ""; do
		# shellcheck disable=SC2086 # options
		[ -z "$namespace" ] || ! unshare $namespace true 2>/dev/null || break
	done
	[ -n "$namespace" ] ||
		die "a module for this kernel is built in a mount namespace, which this machine forbids; run as root or permit user namespaces"
	# shellcheck disable=SC2016,SC2086 # the inner shell's variables; options
	exec unshare $namespace sh -c \
		'mount --bind "$0/usr" /usr && exec "$@"' "$dir" "$@"
}
