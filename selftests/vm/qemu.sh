# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: a temporary directory, one virtual machine at a time in it, and the
# certainty that neither is left behind.
# shellcheck source=selftests/vm/arch.sh
. "$(dirname "${BASH_SOURCE[0]}")/arch.sh"

# vm_fit KERNEL: the emulator for it, and what a kernel that detects or preempts
# more needs
# shellcheck disable=SC2034 # for those who source this
vm_fit() {
	arch_set "$1"
	emulator=$("$vm/fetch.sh" emulator "$1")
	slow=1
	memory=${MEMORY:-1024}		# MiB
	[ -z "$arch" ] || slow=2
	boot_seconds=$((180 * slow))	# to "ready" on a very busy host
	panic_on_warn=1
	if is_debug "$1"; then
		slow=4
		memory=${MEMORY:-2048}
	fi
	case $1 in
	*-rt)
		slow=2
		;;
	*-kcsan)
		# It would panic at each race, and the kernel has some of its own.
		panic_on_warn=0
		;;
	esac
}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/winsock-vm.XXXXXX")
qemu_pid=
helper_pids=

# shellcheck disable=SC2317 # called by the traps
cleanup() {
	trap '' INT TERM HUP
	vm_kill
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

vm_kill() {
	local pid

	for pid in $qemu_pid $helper_pids; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $qemu_pid $helper_pids; do
		wait "$pid" 2>/dev/null || :
	done
	qemu_pid='' helper_pids=
}

# accelerate KERNELDIR: sets $accelerator, once.  The host's kvm device may exist and
# hang a guest, so it is used only where that is asked for, and where this kernel gets
# as far as PID 1 with it.
accelerator=
accelerate() {
	[ -z "$accelerator" ] || return 0
	accelerator=tcg
	[ "${ACCEL-}" = kvm ] && [ -z "${ICOUNT-}" ] || return 0
	if [ -n "$arch" ]; then
		echo "  ACCEL   a machine of another architecture is emulated" >&2
	elif [ ! -w /dev/kvm ]; then
		echo "  ACCEL   no access to /dev/kvm: the machine is emulated" >&2
	elif kvm_boots "$1"; then
		accelerator=kvm
	else
		echo "  ACCEL   with KVM the kernel did not reach PID 1 within $kvm_seconds seconds: the machine is emulated" >&2
	fi
}

# kvm_boots KERNELDIR: PID 1 of the test VM says that it has no module, and ends.
kvm_seconds=30
kvm_boots() {
	local dir=$tmp/kvm

	mkdir -p "$dir"/root/{dev,proc,sys} && cp "$build/selftests/vm/init" "$dir/root/init"
	(cd "$dir/root" && find . | cpio -o -H newc --quiet) >"$dir/initrd"
	setpriv --pdeathsig TERM timeout -k 2 "$kvm_seconds" "$emulator" -accel kvm -cpu host \
		-m 512 -nodefaults -display none -no-reboot -kernel "$1/vmlinuz" \
		-initrd "$dir/initrd" -append "console=ttyS0 panic=-1 WINSOCK_VM=run" \
		-serial "file:$dir/console" -serial "file:$dir/verdict" \
		</dev/null >"$dir/qemu" 2>&1 3>&- 4>&- || :
	grep -qs '^error' "$dir/verdict"
}

# qemu_command KERNELDIR APPEND ARG...: into the array $qemu
qemu_command() {
	local size accel clock

	size=$(($(stat -c %s "$tmp/initrd") >> 20))
	# The archive is there twice while the kernel unpacks it.
	[ "$memory" -ge $((3 * size + 512)) ] || memory=$((3 * size + 512))
	accelerate "$1"
	# shellcheck disable=SC2054 # qemu's commas
	if [ -n "$arch" ]; then
		accel=(-accel tcg,thread=multi -smp 2 "${machine_options[@]}")
		clock=
		# The console is the port of whole lines, but for a shell.
		[ "$arch:${ports[0]}" != s390x:ttyS0 ] || clock=conmode=sclp
	else
		# On a busy host the kernel would take the emulated TSC for unstable.
		accel=(-accel tcg,thread=multi -smp 2 -cpu max,la57=off)
		# Nor does it measure the rate well there, and its clocks go wrong with it.
		clock="no_timer_check tsc=reliable tsc_early_khz=$("$build/selftests/vm/tsc")"
	fi
	[ "$accelerator" = tcg ] || {
		accel=(-accel kvm -smp 2 -cpu host)
		clock="no_timer_check tsc=reliable"
	}
	# With ICOUNT the time stamp counter counts instructions, and chance and
	# the hour are the same each time.
	# shellcheck disable=SC2054
	[ -z "${ICOUNT-}" ] || {
		accel=(-accel tcg,thread=single -icount shift=0,sleep=off -smp 1 -cpu max,la57=off
			-seed 1 -rtc base=2026-01-01,clock=vm)
		clock="no_timer_check tsc=reliable"
	}
	# shellcheck disable=SC2054
	qemu=("$emulator" -pidfile "$tmp/qemu.pid" "${accel[@]}"
		-m "$memory" -nodefaults -display none -no-reboot
		-kernel "$1/vmlinuz" -initrd "$tmp/initrd"
		-append "console=${ports[0]} WINSOCK_PORT=${ports[1]} panic=-1 oops=panic panic_on_warn=$panic_on_warn printk.devkmsg=on unknown_nmi_panic panic_print=0x41 $clock nokaslr mitigations=off random.trust_cpu=on $2"
		"${@:3}")
}

# vm_start SECONDS KERNELDIR MODE ARG...: boot $tmp/initrd.  What PID 1 reports
# can be read from descriptor 3, the console is in $tmp/console, and descriptor
# 4 leads to QEMU's monitor.
vm_start() {
	local seconds=$1 dir=$2 mode=$3
	local serials=(-serial "file:$tmp/console" -serial chardev:verdict)

	# Its first is the one that takes any byte, the second one a line at a time.
	[ "$arch" != s390x ] ||
		serials=("${serials[@]:2}" "${serials[@]:0:2}")
	rm -f "$tmp/verdict" "$tmp/console" "$tmp/monitor."*
	mkfifo "$tmp/verdict" "$tmp/monitor.in" "$tmp/monitor.out"
	qemu_command "$dir" "WINSOCK_VM=$mode" \
		-chardev "pipe,id=monitor,path=$tmp/monitor" -mon chardev=monitor \
		-chardev "file,id=verdict,path=$tmp/verdict" "${serials[@]}" "${@:4}"
	# The machine does not outlive its time, and, should this script be
	# killed without a chance to clean up, not the script either.
	setpriv --pdeathsig TERM timeout -k 5 "$seconds" "${qemu[@]}" \
		</dev/null >"$tmp/qemu" 2>&1 3>&- 4>&- &
	qemu_pid=$!
	# Opened for both, so that a machine that never starts does not hold
	# us here; vm_read looks after the end.
	exec 3<>"$tmp/verdict" 4<>"$tmp/monitor.in"
}

# vm_last_words: why the machine says nothing any more, in a few words.  One
# that hangs is made to write on its console what each CPU and task is at.
vm_last_words() {
	if kill -0 "$qemu_pid" 2>/dev/null; then
		echo nmi >&4
		echo "a hang of the kernel"
	elif [ -n "$(console_splats)" ]; then
		echo "kernel death"
	else
		echo "the machine's end $(tail -n 1 "$tmp/qemu")"
	fi
}

# vm_read SECONDS: the next line of the verdict into $line; fails when there
# will be none, or none came in time
vm_read() {
	local end=$((SECONDS + $1)) part=

	line=
	while [ "$SECONDS" -lt "$end" ]; do
		if IFS= read -r -t 1 -u 3 part; then
			line+=$part
			return 0
		fi
		# A read that times out returns what it has of the line.
		line+=$part
		kill -0 "$qemu_pid" 2>/dev/null && continue
		while IFS= read -r -t 0.1 -u 3 part; do
			line+=$part
			return 0
		done
		return 1
	done
	return 1
}

# vm_wait SECONDS: let the machine end by itself for so long
vm_wait() {
	local end=$((SECONDS + $1))

	while kill -0 "$qemu_pid" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do
		sleep 0.05
	done
	kill "$qemu_pid" 2>/dev/null || :
	wait "$qemu_pid" 2>/dev/null || :
	qemu_pid=
	exec 3<&- 4>&-
}

# Kernel messages that no test may cause.
splat='BUG: |BUG at |WARNING: |Oops|: 000[0-9a-f] [[]#|Call Trace:|general protection|Kernel panic'
splat+='|Unable to handle kernel|Internal error: |KASAN|KCSAN|UBSAN|unreferenced object|possible .*deadlock|INFO: '
splat+='|inconsistent lock state|suspicious RCU|sleeping function|refcount_t'
splat+='|held lock freed|locks held|ODEBUG|unregister_netdevice: waiting'
# A detector that gave up finds nothing any more.
splat+='|turning off the locking correctness|leak detector disabled'

# console ours|others: what the machine printed.  A data race that KCSAN reports is
# ours if a function of the module, or of one that is a fault on purpose, is among
# those that made the accesses or called them; of the others, only their titles are
# printed, and only if they are what is asked for.
console() {
	awk -v wanted="$1" -v splat="$splat" '
	function end(i) {
		for (i = 1; i <= n; i++)
			if (wanted == "ours" ? ours || line[i] ~ keep && i > 1 : !ours && i == 1)
				print line[i]
		n = 0
	}
	BEGIN {
		keep = "winsock-vm: |" splat
	}
	{ sub(/\r$/, "") }
	/BUG: KCSAN: / {
		end()
		ours = 0
		line[n = 1] = $0
		next
	}
	n {
		line[++n] = $0
		if (/\[(winsock|faulty)\]/)
			ours = 1
		if (/\] =====+$/)
			end()
		next
	}
	wanted == "ours"
	END {
		# The machine has ended within it.
		ours = 1
		end()
	}' "$tmp/console"
}

# Each with the job that caused it: "JOB MESSAGE".
console_splats() {
	console ours | awk -v splat="$splat" '
	{ sub(/^\[ *[0-9.]+\] */, "") }
	/winsock-vm: start / { job = $NF; next }
	$0 ~ splat { print (job ? job : "boot"), $0 }'
}

# The console from shortly before its first bad line on, or else its end; what
# registers hold is left out.
console_excerpt() {
	console ours | awk -v splat="$splat" '
	/\] (R[0-9A-Z]+|CR2|CS|DR[0-9]|FS|PKRU|Code):/ && !/RIP:/ { next }
	{ line[++n] = "    " $0 }
	!bad && $0 ~ splat { bad = n }
	END {
		from = bad ? bad - 3 : n - 14
		for (i = from < 1 ? 1 : from; i <= n && i < from + 60; i++)
			print line[i]
	}'
}

# In one line: the first bad one, and whose work it was.
console_summary() {
	console ours | awk -v splat="$splat" '
	{ sub(/^\[ *[0-9.]+\] */, "") }
	!bad && $0 ~ splat { bad = $0 }
	bad && !/^RIP:/ && /^[ ?]*[a-z_][A-Za-z0-9_.]*\+0x[0-9a-f]+\/0x/ && ++n <= 12 {
		sub(/^ */, "")
		sub(/\+0x.*\/0x[0-9a-f]+/, "")
		trace = trace " < " $0
	}
	END { if (bad) print bad ":" trace }'
}
