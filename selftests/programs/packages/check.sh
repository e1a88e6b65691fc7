#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Builds the packages, and installs, uses, upgrades and removes them: in a Debian 12
# made for it, first as a directory and then as the test VM's own system.
#   check.sh KERNEL	6.1 or 6.12
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/root.sh"
. "$here/try.sh"

kernel=$1
[ "$(id -u)" = 0 ] ||
	die "packages are tried in a Debian of their own, which only root can make; run: sudo make check-packages"

# shellcheck source=selftests/vm/qemu.sh
. "$vm/qemu.sh"
trap 'root_stop; cleanup' EXIT
exec </dev/null

say() {
	printf '  %-7s %s\n' "$1" "$2"
}

version=$(make -s --no-print-directory -C "$top/userlib" version)
higher=$version.1
release=$("$vm/fetch.sh" release "$kernel")
ours='winsock-dkms libwinsock1 libwinsock-dev winsock-tools'
# What a user has who compiles.
compilers='gcc g++ pkg-config'

# A copy as from an archive of the last commit.
copy_source() {
	mkdir "$1"
	tar -C "$top" -c .packages kmod uapi userlib COPYING.GPL-2.0 COPYING.LGPL-2.1 \
		COPYING.Linux-syscall-note | tar -C "$1" -x
	[ ! -e "$top/.git" ] ||
		find "$1" -exec touch -h -d "@$(git -C "$top" log -1 --format=%ct)" {} +
}

build_again() {
	copy_source "$tmp/source" || return
	(
		umask 077
		TZ=Pacific/Chatham CFLAGS=-O0 \
			"$tmp/source/.packages/build.sh" "$tmp/again"
	) || return
	for file in "$tmp"/deb/*.{deb,dsc,tar.xz}; do
		cmp "$file" "$tmp/again/${file##*/}" || return
	done
}

# Its module says so, to be told from the other.
build_higher() {
	copy_source "$tmp/higher" || return
	echo "MODULE_VERSION(\"$higher\");" >>"$tmp/higher/kmod/main.c"
	"$tmp/higher/.packages/build.sh" "$tmp/higher-deb" "$higher"
}

lint() {
	lintian --allow-root -I --fail-on error,warning,info "$tmp"/deb/*.changes
}

build_sh() {
	"$top/.packages/build.sh" "$@"
}

verb() {	# as a user would
	make --no-print-directory -C "$top" KERNELRELEASE="$release" "$@"
}

places=("DESTDIR=$tmp/dest" PREFIX=/usr LIBDIR=/usr/lib/here INCLUDEDIR=/usr/headers
	MANDIR=/usr/pages "INSTALL_MOD_PATH=$tmp/dest/machine")

make_install() {
	local file

	verb install "${places[@]}" || return
	for file in usr/lib/here/libwinsock.so usr/headers/winsock/winsock2.h \
		usr/pages/man4/winsock.4 machine/etc/udev/rules.d/60-winsock.rules \
		machine/etc/modules-load.d/winsock.conf \
		"machine/lib/modules/$release/extra/winsock.ko"; do
		[ -e "$tmp/dest/$file" ] || {
			echo "not there: $file"
			return 1
		}
	done
}

names() {	# of the files below a directory, however they are packed
	find "$1" ! -type d ! -name '*.ko' -printf '%f\n' | sed 's/\.gz$//' | sort -u
}

same_files() {
	local package

	for package in "$tmp"/deb/*.deb; do
		dpkg-deb -x "$package" "$tmp/unpacked" || return
	done
	comm -23 <(names "$tmp/dest") <(names "$tmp/unpacked") >"$tmp/missing"
	sed 's/^/in no package: /' "$tmp/missing"
	[ ! -s "$tmp/missing" ]
}

make_uninstall() {
	verb uninstall "${places[@]}" || return
	find "$tmp/dest" ! -type d | tee "$tmp/left"
	[ ! -s "$tmp/left" ]
}

sign() {
	local module=$build/kmod/$release/winsock.ko

	openssl req -new -x509 -nodes -days 1 -subj "/CN=a test/" -newkey rsa:2048 \
		-keyout "$tmp/key.pem" -outform DER -out "$tmp/key.der" &&
		cp "$module" "$tmp/unsigned.ko" &&
		verb sign KEY="$tmp/key.pem" CERT="$tmp/key.der" &&
		verb sign KEY="$tmp/key.pem" CERT="$tmp/key.der" &&
		[ "$(grep -ac '~Module signature appended~' "$module")" = 1 ] &&
		/sbin/modinfo -F signer "$module" | grep -x "a test" || return
	rm "$module" && cp "$tmp/unsigned.ko" "$module"
}

built() {
	local status

	status=$(in_root dkms status) || return
	echo "$status"
	[ "$status" = "winsock/$version, $release, x86_64: installed" ] || return
	in_root modinfo -k "$release" -F vermagic winsock | grep "^$release "
}

# compile COMMAND: every example
compile() {
	in_root sh -ec "
		cd /usr/share/doc/libwinsock/examples
		for x in *.c; do
			$1 -o /vm/\${x%.c}
		done"
}

raw_interface() {
	# shellcheck disable=SC2016 # the inner shell's
	in_root sh -ec 'for x in /usr/share/doc/winsock/examples/*.c; do
			cc -Wall -Werror $x -o /vm/raw
		done'
}

removed() {
	in_root sh -c "apt-get remove -y $ours" || return
	in_root dkms status | tee "$tmp/left"
	[ ! -s "$tmp/left" ] || return
	nothing_of_ours
}

# The source in the same root, for what make installs.
source_is_there() {
	copy_source "$root/vm/source" || return
	tar -C "$top" -c Makefile selftests | tar -C "$root/vm/source" -x || return
	# A machine's own kernel, for what asks which one is running.
	mkdir "$root/vm/own"
	printf '#!/bin/sh\n[ "$*" = -r ] || exec /bin/uname "$@"\necho %s\n' \
		"$release" >"$root/vm/own/uname"
	chmod 755 "$root/vm/own/uname"
}

# in_source VERB...: as after su, without the system's directories in PATH
in_source() {
	in_root env PATH="${own_kernel:+/vm/own:}/usr/bin:/bin" \
		make --no-print-directory -C /vm/source "$@"
}

ours_in_root() {
	find "$root" -xdev -path "$root/root" -prune -o -path "$root/vm" -prune -o \
		-iname '*winsock*' ! -path '*/var/lib/dpkg/info/*' -print \
		-o -name '*ws2_32*' -print | tee "$tmp/left"
}

nothing_of_ours() {
	ours_in_root
	[ ! -s "$tmp/left" ]
}

refused_for_another_kernel() {
	refuses "nothing was installed.  Install the headers of $(uname -r)" \
		in_source install && nothing_of_ours
}

# A directory in the way of the last thing to be installed.
refused_before_the_first_change() {
	echo >"$root/vm/file"
	refuses "cannot write to /vm/file" in_source install KERNELRELEASE="$release" \
		MANDIR=/vm/file/man && nothing_of_ours
}

installed_from_source() {
	in_source install ${1:+"$1"} || return
	in_root modinfo -k "$release" -n winsock |
		grep "^/lib/modules/$release/extra/winsock.ko" || return
	in_root sh -c '[ -e /etc/udev/rules.d/60-winsock.rules ] &&
		[ -e /etc/modules-load.d/winsock.conf ] && ldconfig -p | grep libwinsock'
}

# The verbs in the order that forgets what was built.
uninstalled_after_clean() {
	in_source clean && in_source uninstall || return
	nothing_of_ours && [ ! -e "$root/vm/source/build" ]
}

own_kernel_installed() {
	local own_kernel=yes

	in_source kmod userlib && installed_from_source "" && uninstalled_after_clean
}

purged() {
	in_root sh -ec "dpkg --purge $ours && apt-get purge -y $compilers &&
		apt-get -o APT::AutoRemove::RecommendsImportant=false \
			-o APT::AutoRemove::SuggestsImportant=false \
			autoremove --purge -y" || return
	root_list "$tmp/after"
	diff "$tmp/before" "$tmp/after" >"$tmp/differences" || {
		head -n 40 "$tmp/differences"
		return 1
	}
}

# Each of README's ways to install, as it is written there, with a kernel that is
# said to run and with what needs one that really does left out.
readme_route() {	# NUMBER
	awk -v wanted="$1" '
		/^## / { here = $0 == "## Installing" }
		here && /^    / { if (!last) n++; last = 1; if (n == wanted) print; next }
		{ last = 0 }' "$top/README.md" >"$root/vm/route"
	[ -s "$root/vm/route" ] || return
	cat "$root/vm/route"
	in_root env PATH=/vm/own:/usr/sbin:/usr/bin:/sbin:/bin \
		APT_CONFIG=/vm/own/apt.conf bash -ec 'cd /vm/source && . /vm/route' 2>&1 |
		tee "$tmp/said" || return
	# What make itself had to install is missing in it.
	! grep DEPS "$tmp/said"
}

readme_is_ready() {
	printf '#!/bin/sh\nexec "$@"\n' >"$root/vm/own/sudo"
	printf '#!/bin/sh\nexec modinfo -k %s "$@"\n' "$release" >"$root/vm/own/modprobe"
	chmod 755 "$root/vm/own"/*
	printf 'APT::Get::Assume-Yes "true";\n' >"$root/vm/own/apt.conf"
	in_root sh -c 'command -v make || command -v gcc' && return 1
	in_root apt-get install -y --no-install-recommends make
}

# What was installed is what a program is compiled with.
used() {
	# shellcheck disable=SC2016 # the inner shell's
	in_root sh -ec 'cc -o /vm/used /vm/source/userlib/examples/echo_client.c \
		$(pkg-config --cflags --libs winsock)'
	refuses "is the module loaded?" in_root /vm/used 127.0.0.1 7 text
}

readme_removes_packages() {
	local command

	command=$(grep -o 'sudo apt purge [a-z0-9 -]*' "$top/README.md") || return
	in_root env PATH=/vm/own:/usr/sbin:/usr/bin:/sbin:/bin \
		APT_CONFIG=/vm/own/apt.conf sh -c "$command" && nothing_of_ours
}

user_in_root() {	# VERB...
	in_root setpriv --reuid 65534 --regid 65534 --clear-groups \
		make --no-print-directory -C /vm/source "$@"
}

user_lacks_packages() {
	in_root chown -R 65534 /vm/source || return
	refuses "missing packages; as root run: apt-get update && apt-get install" \
		user_in_root kmod userlib
}

# An ordinary user is told what to do, once, and changes nothing.
user_is_told() {
	ours_in_root >/dev/null
	cp "$tmp/left" "$tmp/there"
	in_root chown -R 65534 /vm/source
	refuses "cannot write to /lib/modules/$release/extra; nothing was installed" \
		user_in_root install KERNELRELEASE="$release" &&
		refuses "nothing was removed.  Run it as root" user_in_root uninstall || return
	[ "$(user_in_root uninstall 2>&1 | grep -c 'cannot remove')" = 1 ] || return
	ours_in_root >/dev/null
	cmp "$tmp/left" "$tmp/there"
}

# For oneself alone: the linker's cache is the system's, and one is told.
user_installs_at_home() {
	mkdir "$root/vm/home" && in_root chown -R 65534 /vm/home /vm/source || return
	says "LD_LIBRARY_PATH=/vm/home/lib" user_in_root install PREFIX=/vm/home \
		INSTALL_MOD_PATH=/vm/home KERNELRELEASE="$release" || return
	user_in_root install PREFIX=/vm/home INSTALL_MOD_PATH=/vm/home \
		KERNELRELEASE="$release" 2>&1 | tee "$tmp/said"
	! grep -q 'Permission denied' "$tmp/said" &&
		user_in_root uninstall PREFIX=/vm/home INSTALL_MOD_PATH=/vm/home || return
	[ -z "$(find "$root/vm/home" ! -type d)" ]
}

refused_with_a_space() {
	mkdir "$root/vm/a b" && cp -r "$root/vm/source" "$root/vm/a b/source" || return
	local verb

	for verb in all install uninstall deb clean; do
		refuses "is not supported; nothing was done. Use another directory" \
			in_root make --no-print-directory -C "/vm/a b/source" "$verb" || return
	done
	rm -r "$root/vm/a b"
}

disk() {
	mke2fs -q -t ext4 -d "$root" "$tmp/disk" 3G >/dev/null && cp "$root/initrd.img" "$tmp/initrd"
}

# What the machine says on its second serial port, as machine.sh says it.
run_machine() {
	local done_=

	vm_fit "$kernel"
	vm_start 3600 "$root" "packages root=/dev/vda rw" \
		-drive "file=$tmp/disk,format=raw,if=virtio,cache=unsafe"
	while vm_read 1800; do
		line=${line%$'\r'}
		case $line in
		'ok '*) passed=$((passed + 1)) ;;
		'not ok '*) failed=$((failed + 1)) ;;
		done)
			done_=1
			break
			;;
		esac
		printf '%s\n' "$line"
	done
	vm_wait 30
	try "the machine ran to its end" test -n "$done_"
	[ -n "$done_" ] || console_excerpt
	console_splats >"$tmp/splats"
	try "the kernel has nothing to complain about" splats
}

splats() {
	cat "$tmp/splats"
	[ ! -s "$tmp/splats" ]
}

say BUILD "the packages of $version"
"$top/.packages/build.sh" "$tmp/deb" >/dev/null
try "built elsewhere, without the history, they are the same, byte for byte" build_again
try "lintian finds nothing" lint
try "a version that is none is refused" \
	refuses "is not a version" build_sh "$tmp/none" 1/2
try "a version of another library is refused" \
	refuses "begins with 1." build_sh "$tmp/none" 2.0
try "a higher version builds" build_higher
try "make install goes where it is told to" make_install
try "what it installs is in the packages" same_files
try "make uninstall leaves nothing" make_uninstall
try "make sign signs once, however often" sign
try "make sign without a key says what is missing" \
	refuses "KEY= or CERT= is missing" verb sign
try "make sign with a key that is not there says so" \
	refuses "/no/key cannot be read" verb sign KEY=/no/key CERT=/no/certificate

root_new "$kernel" "$tmp/root"
mkdir -p "$root"/root/{packages,higher} "$root/vm"
cp "$tmp"/deb/{winsock,lib}*.deb "$root/root/packages"
cp "$tmp"/higher-deb/{winsock,lib}*.deb "$root/root/higher"
rm "$root"/root/*/*-dbgsym_*
cp "$here"/{machine,try}.sh "$root/vm"
root_runs_at_boot "/bin/bash /vm/machine.sh"
root_list "$tmp/before"

say INSTALL "into it, with a compiler"
try "apt installs them and what they depend on" \
	in_root sh -c "apt-get install -y --no-install-recommends /root/packages/*.deb $compilers"
try "dkms has built the module for $release" built
# shellcheck disable=SC2016 # the inner shell's
{
	try "the examples compile with pkg-config winsock" \
		compile 'cc $x $(pkg-config --cflags --libs winsock)'
	try "the examples compile as C++" \
		compile 'c++ -x c++ $x -x none $(pkg-config --cflags --libs ws2_32)'
	try "the examples compile statically" \
		compile 'cc -static $x $(pkg-config --static --cflags --libs winsock) 2>/dev/null'
	try "the examples compile with pkg-config ws2_32" \
		compile 'cc $x $(pkg-config --cflags --libs ws2_32)'
}
try "the examples of the raw interface compile" raw_interface
try "without the module an example says so" \
	refuses "is the module loaded?" in_root /vm/echo_client 127.0.0.1 7 text
try "without the module winsock-run says so" \
	refuses "the module winsock is not loaded" in_root winsock-run true
try "without the module winsock-stat says so" \
	refuses "the module winsock is not loaded" in_root winsock-stat

say PACK "it, as the disk of a machine"
disk

say REMOVE "them"
try "removed, they leave nothing" removed

say SOURCE "into it, with make"
source_is_there
try "make builds for the kernel whose headers are there" \
	says "are not installed" in_source kmod userlib
try "make install refuses a module for another kernel" refused_for_another_kernel
try "make install refuses before it changes anything" refused_before_the_first_change
try "make install finds depmod and ldconfig without PATH" \
	installed_from_source KERNELRELEASE="$release"
try "make uninstall after make clean leaves nothing" uninstalled_after_clean
try "for the running kernel nothing has to be said" own_kernel_installed
try "purged with what they brought, everything is as before" purged

say README "as it is written there"
try "nothing that compiles is there" readme_is_ready
try "make in a directory with a space in its path does nothing and says so" refused_with_a_space
try "an ordinary user is told which packages are missing" user_lacks_packages
try "README's way with make works" readme_route 1
try "a program compiles with what it installed" used
try "an ordinary user is told to be root, and changes nothing" user_is_told
try "make uninstall removes it" uninstalled_after_clean
try "README's way with packages works" readme_route 2
try "a program compiles with what they installed" used
try "README's way to remove them leaves nothing" readme_removes_packages
try "a user installs for himself, and is told what the linker needs" user_installs_at_home

say BOOT "a machine with what was installed, ten minutes"
run_machine

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
