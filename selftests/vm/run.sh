#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs one program of this machine in the test VM, or a shell there.
#   run.sh KERNEL -- PROG [ARG...]	FILES, TIMEOUT and MEMORY in the environment
#					OVERLAY=DIR goes into the machine's root
#   run.sh KERNEL shell
# Exits as the program did (128 + N for signal N), 124 when its time was over,
# 125 when the machine failed.
set -eu -o pipefail
. "$(dirname "$0")/initramfs.sh"
. "$vm/qemu.sh"

kernel=$1
seconds=${TIMEOUT:-600}

machine_failed() {
	echo "vm-run: $*; the kernel's last words:" >&2
	console_excerpt >&2
	exit 125
}

absolute() {
	echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

# Every directory of a search path
absolute_path() {
	tr ':' '\n' <<<"$1" | while read -r dir; do
		realpath -m -s "$dir"
	done | paste -s -d :
}

compose() {
	local release

	root_new "$tmp/root"
	carry_base
	release=$("$vm/fetch.sh" release "$kernel")
	cp "$build/kmod/$release/winsock.ko" "$root/vm/"
}

run() {
	local prog=$1 file word='' words status=125

	case $prog in */*) ;; *) [ -e "$prog" ] || prog=$(find_program "$prog") ;; esac
	[ -f "$(carried "$prog")" ] || die "no program $prog"
	prog=$(absolute "$prog")
	carry_program "$prog"
	for file in ${FILES-}; do
		carry_file "$file" /root
	done
	[ -z "${OVERLAY-}" ] || cp -a --remove-destination "$OVERLAY/." "$root/"
	set -- "$prog" "${@:2}"
	[ -z "${LD_LIBRARY_PATH-}" ] ||
		set -- env "LD_LIBRARY_PATH=$(absolute_path "$LD_LIBRARY_PATH")" "$@"
	job run "$seconds" /root "$@"
	root_pack "$kernel_dir/modules.cpio" "$tmp/initrd"

	# Each stream has a port of its own, apart from the kernel's console.
	mkfifo "$tmp/out" "$tmp/err"
	cat "$tmp/out" &
	helper_pids+=" $!"
	cat "$tmp/err" >&2 &
	helper_pids+=" $!"
	vm_start $((boot_seconds + seconds + 40)) "$kernel_dir" run \
		-device virtio-serial \
		-chardev "file,id=out,path=$tmp/out" \
		-device virtserialport,chardev=out,nr=1 \
		-chardev "file,id=err,path=$tmp/err" \
		-device virtserialport,chardev=err,nr=2

	while vm_read $((boot_seconds + seconds + 30)); do
		word=${line%% *}
		case $word in
		end)
			# "end run exit 0 12"
			read -r _ _ word status _ <<<"$line"
			[ "$word" != signal ] || status=$((128 + status))
			[ "$word" != timeout ] || status=124
			;;
		error)
			machine_failed "${line#* }"
			;;
		done)
			break
			;;
		esac
	done
	[ "$word" = "done" ] || {
		words=$(vm_last_words)
		vm_wait 60
		machine_failed "$words"
	}
	vm_wait 20
	# The streams have ended with the machine: see them through.
	# shellcheck disable=SC2086 # a list of numbers
	wait $helper_pids || :
	helper_pids=
	console_splats >"$tmp/splats"
	[ ! -s "$tmp/splats" ] || machine_failed "$(head -n 1 "$tmp/splats")"
	return "$status"
}

shell() {
	local size

	[ -t 0 ] || die "vm-shell needs a terminal; use: make vm-run PROG=..."
	# A serial line does not know how large the terminal is.
	size=$(stty -a |
		sed -n 's/.*\(rows [1-9][0-9]*\); \(columns [1-9][0-9]*\);.*/\1 \2/p')
	cat >"$root/etc/profile" <<-END
		PS1='winsock-vm:\w# '
		${size:+stty $size}
		echo
		echo "Linux \$(uname -r), winsock loaded.  The selftests are in /selftests."
		echo "'exit' or Ctrl-A X ends the machine."
	END
	mkdir "$root/selftests"
	find "$build/selftests" -maxdepth 1 -type f ! -name '*.d' \
		-exec cp -t "$root/selftests" {} + 2>/dev/null || :
	root_pack "$kernel_dir/modules.cpio" "$tmp/initrd"
	[ "$arch" != s390x ] || ports=(ttysclp0 sclp_line0)
	qemu_command "$kernel_dir" "loglevel=4 quiet WINSOCK_VM=shell TERM=${TERM:-linux}" \
		-serial mon:stdio -serial "file:$tmp/verdict"
	"${qemu[@]}"
	if grep -s '^error ' "$tmp/verdict" >&2; then
		return 125
	fi
}

kernel_dir=$("$vm/fetch.sh" kernel "$kernel")
vm_fit "$kernel"
compose
case $2 in
shell)
	shell
	;;
--)
	shift 2
	run "$@"
	;;
esac
