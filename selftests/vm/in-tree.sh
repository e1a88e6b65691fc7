#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module, its header and its selftests as part of a kernel: copied into Debian's
# linux-source, wired to its Kconfig and Makefiles, built as a module and built
# in, and run there by the tree's own kselftest runner.
#   in-tree.sh check "SUITE..."		all of that
#   in-tree.sh kernel in-tree-y|m	directory with its vmlinuz and modules.cpio
#   in-tree.sh release in-tree-y|m	name of its release
# The tree stays in the cache, so that later runs build what changed.
set -eu -o pipefail
. "$(dirname "$0")/initramfs.sh"
. "$vm/kbuild.sh"

series=6.1
version=$(source_version "$series")
release=${version%%-*}-in-tree

# fragment y|m: what the debug kernel has but its detectors, what the selftests
# ask for, and the module
fragment() {
	# shellcheck disable=SC2086 # a list of words
	debug_sections $plain_sections | cat - "$top/selftests/config" | awk -F= -v how="$1" '
		/^CONFIG_/ && value[$1] != "y" { value[$1] = $2 }
		END {
			value["CONFIG_WINSOCK"] = how
			for (name in value)
				print name "=" value[name]
		}' | sort
}

# unpack: into the place where it stays, since what is built knows its own path;
# a build that was interrupted goes on where it was
unpack() {
	[ ! -e "$dir/unpacked" ] || return 0
	say BUILD "linux-$release, ten minutes on two idle processors; later runs, one"
	rm -rf "$tree"
	kbuild_unpack "$series"
	touch "$dir/unpacked"
}

# once LINE FILE: append it if it is not there
once() {
	grep -qxF "$1" "$2" || echo "$1" >>"$2"
}

# place FROM... DIR: a directory of the tree that is all ours; what did not
# change keeps its time, so that it is not built again
place() {
	local dir=${*: -1} file

	mkdir -p "$dir"
	for file in "$dir"/*; do
		[[ " ${*##*/} " == *" ${file##*/} "* || -d $file ]] ||
			case $file in *.[ch]) rm "$file" ;; esac
	done
	cp -u -t "$dir" "${@:1:$#-1}"
}

# Where each file would stand in the kernel.
wire() {
	local file

	place "$top"/kmod/*.[ch] "$top/kmod/Kbuild" "$top/Kconfig" "$tree/net/winsock"
	# The library's suites stay behind with the library.
	local suites=tools/testing/selftests/winsock
	place "$top"/selftests/*.c "$top"/selftests/{Makefile,config,settings} "$tree/$suites"
	place "$top"/selftests/support/*.[ch] "$tree/$suites/support"
	place "$top/selftests/stress/storm.c" "$tree/$suites/stress"
	place "$top"/selftests/stress/storm/*.[ch] "$tree/$suites/stress/storm"
	cp -u "$top/uapi/linux/winsock.h" "$tree/include/uapi/linux/"
	cp -u "$top/uapi/winsock.rst" "$tree/Documentation/networking/"
	grep -q winsock "$tree/net/Kconfig" ||
		sed -i '\|^source "net/mptcp/Kconfig"|a source "net/winsock/Kconfig"' \
			"$tree/net/Kconfig"
	# shellcheck disable=SC2016 # make's variable
	grep -q winsock "$tree/net/Makefile" ||
		sed -i '/^obj-$(CONFIG_TLS)/a obj-$(CONFIG_WINSOCK)\t\t+= winsock/' \
			"$tree/net/Makefile"
	once "TARGETS += winsock" "$tree/tools/testing/selftests/Makefile"
	for file in net/Kconfig net/Makefile; do
		grep -q winsock "$tree/$file" ||
			die "$file of linux-$series is not what it was: see wire()"
	done
}

# build y|m: the kernel with the module in it or beside it, into $dir/y or m
build() {
	local out=$dir/$1

	say BUILD "linux-$release, CONFIG_WINSOCK=$1"
	rm -rf "$out"
	mkdir "$out"
	fragment "$1" >"$dir/fragment"
	kbuild_configure "$dir/fragment" "$dir/log" || return 1
	kbuild_build "$dir/log" bzImage modules || return 1
	! grep -E 'net/winsock/.*(warning|error)|WARNING: modpost' "$dir/log" >&2 || {
		echo "linux-$release: warnings about the module" >&2
		return 1
	}
	case $1 in
	y) grep -qx net/winsock/winsock.ko <(sed 's|^kernel/||' "$tree/modules.builtin") ;;
	m) test -s "$tree/net/winsock/winsock.ko" ;;
	esac || die "CONFIG_WINSOCK=$1 did not build winsock that way"
	kbuild_modules "$out" || return 1
	cp "$tree/arch/x86/boot/bzImage" "$out/vmlinuz"
}

# The runner's own way: a directory that could be carried to another machine.
install_selftests() {
	say BUILD "kselftest, TARGETS=winsock"
	rm -rf "$dir/kselftest"
	if ! kbuild -s headers >"$dir/log" 2>&1 ||
		! env -i PATH="$PATH" LC_ALL=C make -C "$tree/tools/testing/selftests" \
			-j"$(nproc)" TARGETS=winsock FORCE_TARGETS=1 \
			KSFT_INSTALL_PATH="$dir/kselftest" install >"$dir/log" 2>&1; then
		tail -n 20 "$dir/log" >&2
		die "make -C tools/testing/selftests TARGETS=winsock install fails"
	fi
	grep -q ^winsock: "$dir/kselftest/kselftest-list.txt" ||
		die "kselftest installed no test of winsock"
	[ -z "${TIMEOUT-}" ] ||
		sed -i "s/^timeout=.*/timeout=$TIMEOUT/" "$dir/kselftest/winsock/settings"
}

# job SUITE...: what the machine runs; its programs travel in one file
job() {
	local fake=$tmp/build suite

	mkdir -p "$fake/selftests"
	ln -s "$build/userlib" "$build/kmod" "$fake"
	ln -s "$build/selftests/vm" "$fake/selftests/vm"
	tar -C "$dir/kselftest" -cf "$fake/selftests/kselftest.tar" .
	{
		echo '#!/bin/sh'
		# As on any machine: the module is where modprobe looks.
		echo 'unset WINSOCK_KO'
		echo 'mkdir /tmp/kselftest && cd /tmp/kselftest && tar -xf /selftests/kselftest.tar || exit 1'
		printf 'exec ./run_kselftest.sh'
		for suite; do
			printf ' -t winsock:%s' "$suite"
		done
		echo
	} >"$fake/selftests/kselftest"
	chmod +x "$fake/selftests/kselftest"
}

# run y|m: in the machine
run() {
	WINSOCK_BUILD=$tmp/build TIMEOUT=$((${TIMEOUT:-300} * $(wc -w <<<"$suites"))) \
		"$vm/check.sh" "in-tree-$1" kselftest | tee "$tmp/check" ||
		failures+=$(sed -n '/^failed:$/,$s/^  /  /p' "$tmp/check")$'\n'
	read -r p f < <(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' \
		"$tmp/check") || p=0 f=1
	passed=$((passed + p))
	failed=$((failed + f))
}

check() {
	local tree=$dir/tree tmp how passed=0 failed=0 failures='' p f suite suites

	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # now
	trap "rm -rf '$tmp'" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir -p "$dir" ||
		die "cannot create $dir; set WINSOCK_CACHE to a directory that can be written"
	exec 7>"$dir/lock"
	flock 7

	unpack
	wire
	suites=$(env -i PATH="$PATH" make -s --no-print-directory \
		-C "$tree/tools/testing/selftests/winsock" list)
	for suite in $1; do
		grep -qx "$suite" <<<"$suites" ||
			die "T=$suite is not a suite of the kernel's tree; there are: ${suites//$'\n'/ }"
	done
	[ -z "$1" ] || suites=$1
	for how in m y; do
		build "$how"
	done
	install_selftests
	# shellcheck disable=SC2086 # a list
	job $suites
	for how in m y; do
		run "$how"
	done
	[ -z "$failures" ] || printf 'failed:\n%s' "$failures"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

case ${1-} in
release)
	echo "$release"
	exit
	;;
check | kernel)
	"$vm/deps.sh" need build vm "$series-source" in-tree >&2
	key=$({
		echo "$version"
		gcc -dumpfullversion
		fragment y
	} | sha256sum)
	dir=$cache/in-tree-$release-${key:0:8}-$cache_format
	;;
esac
case ${1-} in
check)
	check "${2-}"
	;;
kernel)
	echo "$dir/${2#in-tree-}"
	;;
*)
	die "usage: in-tree.sh check [SUITES], in-tree.sh kernel | release in-tree-y | in-tree-m"
	;;
esac
