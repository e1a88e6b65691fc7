# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: composes the root file system of the test VM in the directory $root.
# shellcheck source=selftests/vm/arch.sh
. "$(dirname "${BASH_SOURCE[0]}")/arch.sh"

arch_set native
# Of another architecture: where its programs and libraries are instead of /
sysroot=

# Programs of the host that every VM has, where the host has them.  busybox's
# shell would be no /bin/sh: it prefers its own applets to the real ip and tc; its
# timeout does not know what kselftest's runner asks of it.
tools='sh bash ip ss tc timeout'

# Libraries that programs load by name at run time, so that ldd shows none.
dlopened='libgcc_s.so.1 libnss_files.so.2 libnss_dns.so.2 libresolv.so.2'

root_new() {
	local dir

	root=$1
	[ -z "$arch" ] || sysroot=$(arch_root)
	mkdir -p "$root"/{usr/{bin,sbin,lib,lib32,lib64,libx32},etc,root,vm/jobs}
	for dir in bin sbin lib lib32 lib64 libx32; do
		ln -s "usr/$dir" "$root/$dir"
	done
	mkdir "$root"/{proc,sys,dev,run,var}
	mkdir -m 1777 "$root/tmp"
	ln -s ../run "$root/var/run"
	ln -s ../tmp "$root/var/tmp"
	ln -s ../proc/mounts "$root/etc/mtab"

	cat >"$root/etc/passwd" <<-END
		root:x:0:0:root:/root:/bin/sh
		nobody:x:65534:65534:nobody:/:/bin/false
	END
	cat >"$root/etc/group" <<-END
		root:x:0:
		nogroup:x:65534:
	END
	cat >"$root/etc/hosts" <<-END
		127.0.0.1	localhost winsock-vm
		::1		localhost ip6-localhost ip6-loopback
	END
	cat >"$root/etc/nsswitch.conf" <<-END
		passwd: files
		group: files
		hosts: files
		services: files
		protocols: files
		networks: files
	END
	: >"$root/etc/resolv.conf"
	# A name may have addresses on several lines of hosts.
	echo "multi on" >"$root/etc/host.conf"
	# With ld.so.cache the loader looks where it does on this machine.
	for dir in /etc/services /etc/protocols /etc/gai.conf ${arch:-/etc/ld.so.cache}; do
		[ ! -r "$dir" ] || cp -L "$dir" "$root$dir"
	done
}

# carry FILE: put a file of the host under the same name, with what it links to
carry() {
	local file dest=$root$1

	[ ! -e "$dest" ] || return 0
	file=$(carried "$1")
	elf_fits "$file" ||
		die "$1 is for another architecture than the machine, which is $machine$(how_to_cross)"
	mkdir -p "${dest%/*}"
	cp -L "$file" "$dest"
	chmod u+w "$dest"
	carry_libs "$file"
}

# carried FILE: where the file that the VM has under this name is on this machine
carried() {
	[ -z "$sysroot" ] || [ ! -e "$sysroot$1" ] || {
		echo "$sysroot$1"
		return
	}
	echo "$1"
}

# elf_fits FILE: it is no ELF file, or the machine can run it
elf_fits() {
	local head

	head=$(od -A n -N 20 -t x1 "$1" 2>/dev/null | tr -d ' \n')
	case $arch:${head:0:8}:${head:8:4}${head:36:4} in
	?*:7f454c46:"${elf_head-}" | :7f454c46:????3e00 | :7f454c46:????0300) ;;
	*:7f454c46:*) return 1 ;;
	esac
}

how_to_cross() {
	[ -z "$arch" ] ||
		echo ": build it with selftests/vm/fetch.sh within 6.1-$arch $triplet-gcc ..."
}

# needed FILE: the names of its loader and libraries
needed() {
	readelf -l -d "$1" 2>/dev/null | sed -n \
		-e 's/.*program interpreter: \(.*\)]/\1/p' \
		-e 's/.*(NEEDED).*\[\(.*\)]/\1/p'
}

# carry_libs_arch FILE...: as carry_libs, of another architecture than ldd's
carry_libs_arch() {
	local file lib path dir from

	for file; do
		while read -r lib; do
			case $lib in
			libwinsock.* | libws2_32.*) continue ;; # carry_winsock
			/*) path=$root$lib ;;
			*) path=$root/lib/$triplet/$lib ;;
			esac
			[ ! -e "$path" ] || continue
			from=
			while read -r dir; do
				[ -n "$from" ] || [ -z "$dir" ] || [ ! -e "$dir/${lib##*/}" ] ||
					! elf_fits "$dir/${lib##*/}" || from=$dir/${lib##*/}
			done < <(tr ':' '\n' <<<"${LD_LIBRARY_PATH-}"
				printf '%s\n' "$sysroot"/{,usr/}lib/"$triplet" "$sysroot/lib" \
					"$(arch_cross)/usr/$triplet/lib")
			[ -n "$from" ] ||
				die "$file needs ${lib##*/} for $arch, which is not to be had; link it statically (-static), or set LD_LIBRARY_PATH to where it is"
			install -D -m 755 "$(realpath "$from")" "$path"
			carry_libs_arch "$from"
		done < <(needed "$file")
	done
}

# is_32_bit FILE: an ELF file, whatever this machine can run
is_32_bit() {
	[ "$(od -A n -N 5 -t x1 "$1" 2>/dev/null)" = " 7f 45 4c 46 01" ]
}

# The 32-bit libraries that most programs need, for a machine that does not have
# them; they are packages of Debian's 64-bit architecture.
libs_32='libc6-i386 lib32gcc-s1 lib32stdc++6'
fill_libs_32() {
	local dir=$1 deb

	echo "  FETCH   $libs_32" >&2
	# shellcheck disable=SC2086 # a list
	(cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download $libs_32) >&2 ||
		die "cannot download $libs_32; as root run: apt-get update, or link the program statically (-static)"
	for deb in "$dir"/*.deb; do
		dpkg-deb -x "$deb" "$dir/root" || return 1
	done
	rm -f "$dir"/*.deb
	test -e "$dir/root/usr/lib32/libstdc++.so.6"
}

# find_lib_32 NAME: its path on this machine or in the cache
find_lib_32() {
	local dir cached_libs

	while read -r dir; do
		[ -z "$dir" ] || ! is_32_bit "$dir/$1" || {
			echo "$dir/$1"
			return
		}
	done < <(tr ':' '\n' <<<"${LD_LIBRARY_PATH-}"
		printf '%s\n' /lib32 /lib/i386-linux-gnu /usr/lib/i386-linux-gnu /lib)
	case $1 in
	ld-linux.* | libc.* | libm.* | libgcc_s.* | libstdc++.* | libpthread.* | libdl.* | librt.*) ;;
	*) return 1 ;;
	esac
	cached_libs=$(cached libs-32 fill_libs_32) || return
	for dir in usr/lib32 lib32; do
		[ ! -e "$cached_libs/root/$dir/$1" ] || {
			echo "$cached_libs/root/$dir/$1"
			return
		}
	done
	return 1
}

# carry_libs_32 FILE...: the same for 32-bit ones, which ldd would have to run
carry_libs_32() {
	local file lib path

	for file; do
		is_32_bit "$file" || continue
		while read -r lib; do
			case $lib in
			/*) path=$root$lib ;;
			*) path=$root/lib32/$lib ;;
			esac
			[ ! -e "$path" ] || continue
			file=$(find_lib_32 "${lib##*/}") ||
				die "$1 needs ${lib##*/} for 32 bits, which is not on this machine; link it statically (-static), or set LD_LIBRARY_PATH to where it is"
			install -D -m 755 "$(realpath "$file")" "$path"
			carry_libs_32 "$file"
		done < <(readelf -l -d "$file" 2>/dev/null | sed -n \
			-e 's/.*program interpreter: \(.*\)]/\1/p' \
			-e 's/.*(NEEDED).*\[\(libc\.so.*\)]/\1\nlibgcc_s.so.1/p;t' \
			-e 's/.*(NEEDED).*\[\(.*\)]/\1/p')
	done
}

# carry_libs FILE...: the shared libraries and the dynamic loader.  ldd lists
# them transitively; of a file that is not dynamic it says so and fails.
carry_libs() {
	local lib

	[ -z "$arch" ] || {
		carry_libs_arch "$@"
		return
	}
	carry_libs_32 "$@"

	LD_LIBRARY_PATH=$build/userlib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
		ldd "$@" 2>/dev/null |
		awk '$2 == "=>" && $3 ~ /^\// { print $3 }
		     $2 == "=>" && $3 == "not" { print "missing " $1 }
		     $1 ~ /^\// && $2 != "=>" && !/:$/ { print $1 }' |
		sort -u >"$root/../libs" || :
	while read -r lib; do
		case $lib in
		missing*)
			die "$1 needs ${lib#* }, which is not on this machine; set LD_LIBRARY_PATH to where it is" ;;
		"$build"/userlib/*)
			;; # carry_winsock
		*)
			[ -e "$root$lib" ] ||
				install -D -m 755 "$lib" "$root$lib" ;;
		esac
	done <"$root/../libs"
}

# Our own library goes where the loader looks without being told.
carry_winsock() {
	local lib dir

	dir=$root/usr/lib/$triplet
	mkdir -p "$dir"
	for lib in "$build"/userlib/*.so*; do
		[ ! -e "$lib" ] || cp -P "$lib" "$dir"
	done
	for lib in "$build"/userlib/*.so.*; do
		[ -L "$lib" ] || [ ! -e "$lib" ] || carry_libs "$lib"
	done
}

carry_base() {
	local name path dir

	install -m 755 "$(carried /bin/busybox)" "$root/bin/busybox"
	for name in $tools; do
		path=$(PATH=$(search_path /usr/sbin /sbin /usr/bin /bin) command -v "$name") ||
			continue
		path=${path#"$sysroot"}
		carry "$path"
	done
	dir=/lib/$triplet
	for name in $dlopened; do
		[ ! -e "$(carried "$dir/$name")" ] || carry "$dir/$name"
	done
	carry_winsock
	for dir in /usr/lib/locale/C.utf8 /usr/lib/terminfo; do
		[ ! -d "$dir" ] || cp -r --parents "$dir" "$root"
	done
	install -m 755 "$build/selftests/vm/init" "$root/init"
}

# search_path DIR...: where programs of the VM are on this machine
search_path() {
	local IFS=:

	[ -z "$sysroot" ] || set -- "${@/#/$sysroot}"
	echo "$*"
}

# find_program NAME: as env(1) in the VM would, distribution's own first
find_program() {
	local path

	path=$(PATH=$(search_path /usr/local/bin /usr/bin /bin /usr/sbin /sbin):$PATH \
		command -v "$1") ||
		die "no program $1 on this machine"
	echo "${path#"$sysroot"}"
}

# carry_program FILE: a program or script at its own path, able to run there
carry_program() {
	local file=$1 first interpreter arg

	carry "$file"
	chmod a+x "$root$file"
	IFS= read -r first <"$file" 2>/dev/null || :
	case $first in '#!'*) ;; *)
		carry_runtime "$file"
		return
	esac
	read -r interpreter arg <<<"${first#\#!}"
	if [ "${interpreter##*/}" = env ]; then
		carry "$interpreter"
		arg=${arg#-S }
		interpreter=$(find_program "${arg%% *}")
		# env finds it in the VM's PATH under its bare name.
		[ "${interpreter%/*}" = /usr/bin ] || [ "${interpreter%/*}" = /bin ] ||
			ln -sf "$interpreter" "$root/usr/bin/${interpreter##*/}"
	fi
	carry "$interpreter"
	carry_runtime "$interpreter"
}

# carry_runtime FILE: what an interpreter loads that no link shows
carry_runtime() {
	local dir dirs='' objects

	case ${1##*/} in
	python3*)
		dirs=$("$1" -c 'import sysconfig as s
print(s.get_path("stdlib"), s.get_path("platstdlib"), sep="\n")')
		;;
	perl*)
		# shellcheck disable=SC2016 # perl's variable
		dirs=$("$1" -e 'print map { "$_\n" } @INC')
		;;
	esac
	while read -r dir; do
		[ -d "$dir" ] || continue
		mkdir -p "$root$dir"
		tar -C "$dir" -c --exclude=./test --exclude=./idlelib \
			--exclude='./config-*' --exclude=./site-packages \
			--exclude=./dist-packages --exclude=./ensurepip . |
			tar -C "$root$dir" -x
		mapfile -d '' -t objects < <(find "$dir" -name '*.so' -print0)
		[ ${#objects[@]} = 0 ] || carry_libs "${objects[@]}"
	done < <(sort -u <<<"$dirs")
}

# carry_file FILE DIR: a file or directory of the user's, by its last name in
# DIR; also by the name it was given, so that arguments fit as they are.
carry_file() {
	local file=${1%/} dir=$2 name

	[ -e "$file" ] || die "FILES: no file $file"
	[ ! -x "$file" ] || [ -d "$file" ] || carry_libs "$(realpath "$file")"
	name=${file##*/}
	case $file in
	/*)
		mkdir -p "$root${file%/*}"
		cp -rL "$file" "$root${file%/*}/"
		[ "$root$dir" = "$root${file%/*}" ] ||
			ln -sf "$file" "$root$dir/$name"
		;;
	*)
		cp -rL "$file" "$root$dir/"
		case $file in */*)
			[[ /$file/ == */../* ]] && return
			mkdir -p "$root$dir/${file%/*}"
			[ "$root$dir/${file}" -ef "$root$dir/$name" ] ||
				ln -sf "$dir/$name" "$root$dir/$file"
		esac
		;;
	esac
}

# job NAME SECONDS DIR ARG...
job() {
	printf '%s\0' "${@:2}" >"$root/vm/jobs/$1"
}

# root_pack MODULES.CPIO FILE: owned by root whoever runs this, and the same
# archive for the same contents
root_pack() {
	(
		cd "$root" || exit
		find . -mindepth 1 -exec touch -h -d @0 {} +
		find . -mindepth 1 | LC_ALL=C sort |
			cpio -o -H newc --quiet --reproducible -R 0:0 |
			cat "$1" - >"$2"
	)
}
