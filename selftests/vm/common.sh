# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts of the test VM.

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$vm/../.." && pwd)
build=${WINSOCK_BUILD:-$top/build}
if [ -n "${WINSOCK_CACHE-}${XDG_CACHE_HOME-}${HOME-}" ]; then
	cache=${WINSOCK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/winsock}
else	# as for a service
	cache=$build/cache
fi

export vm top build cache

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# is_debug KERNEL: it is one of those that debug-kernel.sh builds, as 6.1-kcsan is from
# kcsan.config
is_debug() {
	[[ $1 == *-* && -e $vm/${1##*-}.config ]]
}

# What a cached directory is made of changes with the scripts that fill it.
cache_format=1

# disk_full: what to add to a message when the cache's disk is the cause
disk_full() {
	local free

	free=$(df -Pm "$cache" 2>/dev/null | awk 'NR == 2 { print $4 }')
	[ "${free:-9999}" -ge 200 ] ||
		echo ": its disk is full ($free MiB left); make room, or set WINSOCK_CACHE to a directory elsewhere"
}

# cached NAME FUNCTION [ARG...]: print the path of a cache directory; the
# function fills it on first use.  It appears under its name complete or not
# at all, whoever else asks or dies meanwhile.
cached() {
	local dir=$cache/$1-$cache_format fill

	if [ ! -d "$dir" ]; then
		mkdir -p "$cache" ||
			die "cannot create $cache; set WINSOCK_CACHE to a directory that can be written"
		exec 9>"$cache/.lock-$1"
		flock -n 9 || {
			echo "  WAIT    for another process to make $1" >&2
			flock 9
		}
		if [ ! -d "$dir" ]; then
			fill=$cache/.fill-$1
			# One that was killed may have left some.
			rm -rf "$fill"
			mkdir "$fill" || die "cannot write to $cache$(disk_full)"
			# However it ends: a function that dies ends the shell.
			# shellcheck disable=SC2064 # now, not then
			trap "rm -rf '$fill'" EXIT
			trap 'exit 130' INT
			trap 'exit 143' TERM HUP
			# A subshell's set -e is off in a condition: its last
			# word, the mv, is what counts.
			"${@:2}" "$fill" || exit 1
			chmod 755 "$fill"
			mv -T "$fill" "$dir"
			trap - EXIT INT TERM HUP
		fi
		exec 9>&-
	fi
	echo "$dir"
}

# Where this machine's apt takes Debian from.
debian_mirror() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk '$3 == "main" && $2 ~ /^[a-z]+$/ { print $1; exit }'
}
