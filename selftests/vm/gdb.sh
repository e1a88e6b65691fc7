#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs a program of this machine in the test VM with gdb attached to the kernel
# and the module; it stops just before the program begins.
#   gdb.sh KERNEL PROG [ARG...]
# KERNEL is a debug kernel, since those have symbols.  FILES as for run.sh; GDB has
# further arguments of gdb's, quoted as for a shell.
set -eu -o pipefail
. "$(dirname "$0")/initramfs.sh"
. "$vm/qemu.sh"

kernel=$1
prog=$2
hours=12

# The module once more, with what gdb wants to know of it.
build_module() {
	headers=$("$vm/fetch.sh" headers "$kernel")
	make -s -C "$top/kmod" O="$build/gdb" KDIR="$headers" DEBUG=1 >"$tmp/make" 2>&1 || {
		cat "$tmp/make" >&2
		die "the module does not build with debug information"
	}
	module=$build/gdb/$("$vm/fetch.sh" release "$kernel")/winsock.ko
}

compose() {
	local file

	root_new "$tmp/root"
	carry_base
	cp "$module" "$root/vm/winsock.ko"
	carry_program "$prog"
	for file in ${FILES-}; do
		carry_file "$file" /root
	done
	# Says where the module lies, then calls what gdb waits for.
	cat >"$root/vm/told" <<-'END'
		#!/bin/sh
		cd /sys/module/winsock/sections
		for name in .text .data .bss .rodata; do
			[ ! -e "$name" ] || echo "$name $(cat "$name")"
		done
		echo
		busybox sync
		cd /root
		exec "$@"
	END
	chmod 755 "$root/vm/told"
	job run $((hours * 3600)) /root /vm/told "$@"
	root_pack "$kernel_dir/modules.cpio" "$tmp/initrd"
}

# relay: the sections into a command of gdb's, all after them to our output
relay() {
	local name address text='' others=''

	while read -r name address && [ -n "$name" ]; do
		case $name in
		.text)	text=$address ;;
		*)	others+=" -s $name $address" ;;
		esac
	done
	echo "add-symbol-file $module $text$others" >"$tmp/sections.new"
	mv "$tmp/sections.new" "$tmp/sections"
	exec cat
}

[ -f "$prog" ] || die "no program $prog"
prog=$(realpath -s "$prog")
kernel_dir=$("$vm/fetch.sh" kernel "$kernel")
vm_fit "$kernel"
build_module
compose "$prog" "${@:3}"

mkfifo "$tmp/out"
relay <"$tmp/out" >&2 &
helper_pids+=" $!"
vm_start $((hours * 3600)) "$kernel_dir" run \
	-chardev "socket,id=gdb,path=$tmp/gdb,server=on,wait=off" -gdb chardev:gdb -S \
	-device virtio-serial-pci \
	-chardev "file,id=out,path=$tmp/out" -device virtserialport,chardev=out,nr=1 \
	-chardev "file,id=err,path=/dev/stderr" -device virtserialport,chardev=err,nr=2

cat >"$tmp/commands" <<-END
	set pagination off
	set confirm off
	file $kernel_dir/vmlinux
	directory $top/kmod
	target remote $tmp/gdb
	hbreak ksys_sync
	continue
	delete
	shell for i in \$(seq 100); do [ -e $tmp/sections ] && break; sleep 0.1; done
	source $tmp/sections
	set pagination on
END
for _ in $(seq 100); do
	[ ! -S "$tmp/gdb" ] || break
	sleep 0.1
done
echo "  GDB     the machine boots, and stops where ${prog##*/} begins" >&2
declare -a more="(${GDB-})"
gdb -q -nx -x "$tmp/commands" "${more[@]}"
