#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs suites in the test VM and judges them.
#   check.sh "KERNEL..." "SUITE..." [ARG...]
# The suites are the programs in build/selftests; ARGs are passed to each.  All
# of them share one boot for as long as the kernel survives them.
#   OVERLAY=DIR    put into the machine's root
#   HARVEST=DIR    what the overlay's /vm/harvest writes to the virtio port, a
#		   file for each boot
set -eu -o pipefail
. "$(dirname "$0")/initramfs.sh"
. "$vm/qemu.sh"

programs=$build/selftests
kernels=$1
suites=$2
args=("${@:3}")
timeout=$(sed -n 's/^timeout=//p' "$top/selftests/settings")

passed=0
failed=0
skipped=0	# a whole suite may be nothing for this kernel
explained=
failures=	# said once more at the end, where nobody has to look for them

say_suite() {	# KERNEL SUITE PASSED FAILED MS
	printf '  %-5s %-28s %4d passed, %d failed  %6s s\n' "$1" "$2" "$3" \
		"$4" "$(($5 / 1000)).$(($5 % 1000 / 100))"
}

# judge KERNEL SUITE STATUS MS: count what the suite printed
judge() {
	local verdict counts p f s line

	verdict=$(awk -v status="$3" -f "$vm/tap.awk" "$tmp/output")
	counts=${verdict##*$'\n'}
	read -r p f s <<<"$counts"
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	say_suite "$1" "$2" "$p" "$f" "$4"
	[ "$verdict" = "$counts" ] ||
		grep -v '^skip ' <<<"${verdict%$'\n'*}" || :
	while read -r line; do
		failures+="  $1 $2: $line"$'\n'
	done < <(sed -n 's/^  not ok: //p' <<<"$verdict")
	while read -r line; do
		explained+="  $1 $2 $line"$'\n'
	done < <(sed -n 's/^skip //p' <<<"$verdict")
}

# blame KERNEL SUITE TEXT: a failure that is not a test's own
blame() {
	failed=$((failed + 1))
	echo "  not ok: $1 $2: $3"
	failures+="  $1 $2: $3"$'\n'
}

compose() {	# KERNEL SUITE...
	local kernel=$1 dir suite release files

	shift
	rm -rf "$tmp/root"
	root_new "$tmp/root"
	carry_base
	release=$("$vm/fetch.sh" release "$kernel")
	[[ $kernel == in-tree-* ]] ||
		cp "$build/kmod/$release/winsock.ko" "$root/vm/"

	dir=$root/selftests
	mkdir "$dir"
	find "$programs" -maxdepth 1 -type f ! -name '*.d' \
		-exec cp -t "$dir" {} +
	mapfile -d '' -t files < <(
		find "$programs" -maxdepth 1 -type f -perm -100 -print0)
	carry_libs "${files[@]}"
	for suite; do
		printf '%s\0' "$seconds" /selftests "./$suite" \
			"${args[@]}" >"$root/vm/jobs/$(printf '%03d.%s' "$order" "$suite")"
		order=$((order + 1))
	done
	[ -z "${OVERLAY-}" ] || cp -r "$OVERLAY/." "$root/"
	root_pack "$kernel_dir/modules.cpio" "$tmp/initrd"
}

# boot KERNEL SUITE...: run suites until one of them makes the machine unfit;
# sets $done_suites to how many were dealt with
boot() {
	local kernel=$1 suite=VM rest job text state=boot words limit=$boot_seconds
	local port=()

	shift
	done_suites=0
	order=0
	compose "$kernel" "$@"
	# shellcheck disable=SC2054 # qemu's commas
	[ -z "${HARVEST-}" ] ||
		port=(-device virtio-serial
			-chardev "file,id=harvest,path=$HARVEST/$kernel.$#"
			-device virtserialport,chardev=harvest,nr=1)
	# The kernel hands on what it does not know: PID 1's environment.
	# What ends it is silence; this is for one that never stops talking.
	vm_start $((boot_seconds + $# * (10 * seconds + 40 * slow))) "$kernel_dir" \
		"check${SEED:+ SEED=$SEED}${ROUNDS:+ ROUNDS=$ROUNDS}" "${port[@]}"
	while vm_read "$limit"; do
		rest=${line#* }
		case ${line%% *} in
		start)
			suite=${rest#*.}
			state=running
			: >"$tmp/output"
			# The machine looks after the time itself; this is for
			# a kernel that hangs.
			limit=$((seconds + 30))
			;;
		'|')
			printf '%s\n' "$rest" >>"$tmp/output"
			[ -z "${V-}" ] || printf '    %s\n' "$rest"
			;;
		end)
			rest=${rest#* }
			judge "$kernel" "$suite" "${rest% *}" "${rest##* }"
			done_suites=$((done_suites + 1))
			state=unloading
			# After its time a suite may hold anything: start anew.
			[ "${rest%% *}" != timeout ] || state=stopped
			limit=$((60 * slow))
			;;
		leak)
			blame "$kernel" "$suite" "${rest#* }"
			state=stopped
			;;
		clean)
			state=clean
			;;
		error)
			blame "$kernel" "$suite" "$rest"
			state=stopped
			# Without a module there is no use in another boot.
			[ "$suite" != VM ] || done_suites=$#
			;;
		done)
			state=stopped
			;;
		esac
	done
	[ "$state" = stopped ] || words=$(vm_last_words)
	vm_wait 60

	case $state in
	boot)
		blame "$kernel" VM "did not come up: $words"
		cat "$tmp/qemu"
		done_suites=$#
		;;
	running)
		judge "$kernel" "$suite" "$words" 0
		done_suites=$((done_suites + 1))
		;;
	unloading | clean)
		blame "$kernel" "$suite" "$words after it"
		;;
	esac
	if [ "$state" != stopped ]; then
		console_excerpt
		failures+="  $kernel $suite: $(console_summary)"$'\n'
	fi
	console others >>"$tmp/races"
	# A splat that was survived is a failure too, once for each suite.
	console_splats | sort -s -u -k1,1 >"$tmp/splats"
	while read -r job text; do
		[ "$state" = stopped ] || [ "${job#*.}" != "$suite" ] || continue
		blame "$kernel" "${job#*.}" "kernel: $text"
		console_excerpt
	done <"$tmp/splats"
}

# say_races KERNEL: what console() kept from the suites
say_races() {
	local list=$build/races-$1.txt

	[ -s "$tmp/races" ] || return 0
	sed 's/.*BUG: KCSAN: //' "$tmp/races" | sort | uniq -c | sort -nr >"$list"
	printf '  %-5s %d reports of %d data races without a function of the module, not judged; they are in %s\n' \
		"$1" "$(wc -l <"$tmp/races")" "$(wc -l <"$list")" "${list#"$top"/}"
}

# The machines mostly wait: several take little longer than one.  Lines appear
# as they come, and say which kernel they speak of.
side_by_side() {
	local kernel counts line

	for kernel in $kernels; do
		"$0" "$kernel" "$suites" "${args[@]}" > >(
			tee "$tmp/all.$kernel" |
				sed -u -e '/^[0-9]* passed, [0-9]* failed$/d' \
					-e '/^failed:$/,$d' \
					-e "s/^  not ok:/  $kernel not ok:/"
		) 2>&1 &
		helper_pids+=" $!"
	done
	# shellcheck disable=SC2086 # a list of numbers
	wait $helper_pids || :
	helper_pids=
	sleep 0.5	# what they said is still on its way through tee
	for kernel in $kernels; do
		counts=$(sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' \
			"$tmp/all.$kernel")
		if [ -z "$counts" ]; then
			blame "$kernel" VM "no result"
			continue
		fi
		passed=$((passed + ${counts% *}))
		failed=$((failed + ${counts#* }))
		skipped=$((skipped + $(grep -c ' kernel: ' "$tmp/all.$kernel" || :)))
		while read -r line; do
			failures+="  $line"$'\n'
		done < <(sed -n '/^failed:$/,$s/^  //p' "$tmp/all.$kernel")
	done
}

one_kernel() {
	local kernel=$1 suite why fit=''

	kernel_dir=$("$vm/fetch.sh" kernel "$kernel")
	vm_fit "$kernel"
	seconds=${TIMEOUT:-$((${timeout:-120} * slow * ${ROUNDS:-1}))}
	for suite in $suites; do
		why=$(arch_left_out "$suite")
		[ -n "$why" ] || {
			fit+=" $suite"
			continue
		}
		printf '  left out on %s: %s: %s\n' "$arch" "$suite" "$why"
		skipped=$((skipped + 1))
	done
	# shellcheck disable=SC2086 # a list of names
	set -- $fit
	while [ $# -gt 0 ]; do
		boot "$kernel" "$@"
		shift "$done_suites"
	done
	say_races "$kernel"
}

case $kernels in
*' '*) side_by_side ;;
*) one_kernel "$kernels" ;;
esac

[ -z "$explained" ] || printf 'skipped, as the kernel explains:\n%s' "$explained"
[ -z "$failures" ] || printf 'failed:\n%s' "$failures"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
