# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: kernels for another architecture than this machine's.  Their compiler
# and their root file system are unpacked into the cache: Debian's cross compilers
# conflict with gcc-multilib, and this machine's dpkg has no foreign architecture.
# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# Each machine is a line: KERNEL=, Debian's name of the architecture, the compiler's,
# the kernel's, the package that depends on its newest image, the emulator and its
# package, class, byte order and machine in an ELF file's head, the serial ports for
# the console and the verdict, and the emulator's machine.
arch_table='
6.1-arm64	arm64	aarch64-linux-gnu	arm64	linux-image-cloud-arm64	aarch64	qemu-system-arm	0201b700	ttyAMA0	ttyAMA1	-M virt -cpu max,pauth-impdef=on
6.12-arm64-16k	arm64	aarch64-linux-gnu	arm64	linux-image-6.12-arm64-16k	aarch64	qemu-system-arm	0201b700	ttyAMA0	ttyAMA1	-M virt -cpu max,pauth-impdef=on
6.1-s390x	s390x	s390x-linux-gnu	s390	linux-image-s390x	s390x	qemu-system-s390x	02020016	ttyS0	ttysclp0	-M s390-ccw-virtio -cpu max
6.1-armhf	armhf	arm-linux-gnueabihf	arm	linux-image-armmp	arm	qemu-system-arm	01012800	ttyAMA0	ttyAMA1	-M virt,highmem=off -cpu cortex-a15
'

# arch_set KERNEL: sets what the machine's line says; $arch is empty for a kernel
# of this machine's architecture
# shellcheck disable=SC2034 # for those who source this
arch_set() {
	local name options

	ports=(ttyS0 ttyS1)
	arch='' triplet=x86_64-linux-gnu kernel_arch=x86 machine=x86_64
	while IFS=$'\t' read -r name options; do
		[ "$name" = "$1" ] || continue
		IFS=$'\t' read -r arch triplet kernel_arch arch_image machine \
			emulator_package elf_head "ports[0]" "ports[1]" options <<<"$options"
		read -r -a machine_options <<<"$options"
	done <<<"$arch_table"
}

# arch_release: the newest kernel that Debian has for it
arch_release() {
	local package

	arch_lists
	package=$(apt-cache -c "$arch_conf" depends "$arch_image" |
		sed -n 's/^ *Depends: linux-image-//p' | head -n 1)
	[ -n "$package" ] || die "Debian has no $arch_image"
	echo "$package"
}

# arch_left_out SUITE: why the machine that arch_set chose does not run it
arch_left_out() {
	[ -n "$arch" ] || return 0
	case $1 in
	*_32) echo "its 32-bit caller is one of x86" ;;
	*_tsan) has_tsan || echo "the cross compiler has no thread sanitizer for it" ;;
	esac
}

# What the suites start in the machine, beside what is built here.
arch_tools='busybox-static bash coreutils dash iproute2 libgcc-s1 libstdc++6 liburing2'

# has_tsan: Debian's cross compiler has the thread sanitizer for the machine
has_tsan() {
	[ "$arch" = arm64 ]
}

# The compiler and the C library to compile with.
cross_packages() {
	echo binutils-"$triplet" {cpp,gcc,g++}-12-"$triplet" \
		{libc6-dev,libc6,linux-libc-dev,libgcc-12-dev,libgcc-s1}-"$arch"-cross \
		{libstdc++-12-dev,libstdc++6}-"$arch"-cross
	! has_tsan || echo libtsan2-"$arch"-cross
}

# arch_lists: the package lists of that architecture; sets $arch_conf
arch_lists() {
	apt_arch "$arch"
	arch_conf=$cache/apt-$arch/apt.conf
}

# unpack DEB DIR: its /usr, and what belongs there
unpack() {
	dpkg-deb --fsys-tarfile "$1" |
		tar -C "$2" -x --keep-directory-symlink --no-same-owner \
			--exclude=./usr/share/doc --exclude=./usr/share/man \
			--exclude=./usr/share/locale
}

fill_cross() {
	local dir=$1 name

	echo "  FETCH   gcc-12-$triplet, 50 MB" >&2
	mkdir "$dir/deb"
	# shellcheck disable=SC2046 # a list
	(cd "$dir/deb" && apt-get -qq -o APT::Sandbox::User=root download $(cross_packages)) >&2 ||
		die "cannot download gcc-12-$triplet; as root run: apt-get update"
	arch_lists
	(cd "$dir/deb" && apt-get -c "$arch_conf" -qq download liburing{-dev,2}) >&2 ||
		die "cannot download liburing-dev:$arch"
	for name in "$dir"/deb/*.deb; do
		unpack "$name" "$dir" || return 1
	done
	# Where the compiler looks, without the directory that it is not in.
	cp -r "$dir"/usr/include/liburing* "$dir/usr/$triplet/include/"
	cp -a "$dir/usr/lib/$triplet"/liburing* "$dir/usr/$triplet/lib/"
	for name in gcc g++; do
		ln -s "$triplet-$name-12" "$dir/usr/bin/$triplet-$name"
	done
	sed -i "s|/usr/$triplet/lib/||g" "$dir/usr/$triplet/lib/libc.so"
	rm -rf "$dir/deb"
	test -x "$dir/usr/bin/$triplet-gcc-12"
}

fill_root() {
	local dir=$1 name packages

	arch_lists
	echo "  FETCH   what runs in an $arch machine, 30 MB" >&2
	mkdir -p "$dir"/deb "$dir"/usr/{bin,sbin,lib}
	for name in bin sbin lib; do
		ln -s "usr/$name" "$dir/$name"
	done
	# shellcheck disable=SC2086 # a list
	packages=$(apt-get -c "$arch_conf" -qq --print-uris install $arch_tools |
		sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_.*/\1=\2/p" |
		sed 's/%3a/:/')
	# shellcheck disable=SC2086 # a list
	(cd "$dir/deb" && apt-get -c "$arch_conf" -qq download $packages) >&2 ||
		die "cannot download $arch_tools for $arch"
	for name in "$dir"/deb/*.deb; do
		unpack "$name" "$dir" || return 1
	done
	rm -rf "$dir/deb"
	# What is absolute there is not on this machine.
	find "$dir" -type l -lname '/*' | while read -r name; do
		ln -sfnr "$dir$(readlink "$name")" "$name"
	done
	test -x "$dir/bin/busybox"
}

# arch_root: root file system of the architecture that arch_set chose
arch_root() {
	cached "root-$arch" fill_root
}

# arch_cross: its compiler and libraries
arch_cross() {
	cached "cross-$arch" fill_cross
}

# arch_within COMMAND...: run it with the compiler of that architecture
arch_within() {
	local dir

	dir=$(arch_cross)
	# binutils have a library of their own.
	export LD_LIBRARY_PATH=$dir/usr/lib/x86_64-linux-gnu
	export PATH=$dir/usr/bin:$PATH
	export ARCH=$kernel_arch CROSS_COMPILE=$triplet-
	export CC=$triplet-gcc CXX=$triplet-g++ AR=$triplet-ar
	# Of the C library the linker finds what a library needs, of others not.
	export LDFLAGS=-Wl,-rpath-link,$dir/usr/$triplet/lib
	exec "$@"
}
