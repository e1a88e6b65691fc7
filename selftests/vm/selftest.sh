#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Proves that the test VM reports every kind of failure as one, and passes on
# what vm-run's program says.
#   selftest.sh KERNEL
set -eu -o pipefail
. "$(dirname "$0")/common.sh"

kernel=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export TMPDIR=$tmp/tmp
fake=$tmp/build
mkdir -p "$TMPDIR" "$fake/selftests"
for dir in kmod userlib; do
	ln -s "$build/$dir" "$fake/$dir"
done
ln -s "$build/selftests/vm" "$fake/selftests/vm"

passed=0
failed=0

expect() {	# TEXT WANTED GOT
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
		echo "  ok      $1"
	else
		failed=$((failed + 1))
		printf '  FAILED  %s\n    wanted: %s\n    got:    %s\n' "$1" "$2" "$3"
	fi
}

suites=
wanted=

# suite NAME PASSED FAILED: a suite from standard input, and how it must be judged
suite() {
	{
		echo '#!/bin/sh'
		cat
	} >"$fake/selftests/$1"
	chmod +x "$fake/selftests/$1"
	suites+=" $1"
	wanted+="$1 $2 $3"$'\n'
}

suite good 2 0 <<'END'
echo 1..2; echo ok 1 a; echo ok 2 b
END
suite bad 1 1 <<'END'
echo 1..2; echo ok 1 a; echo not ok 2 b; exit 1
END
suite lazy 1 1 <<'END'
echo 1..2; echo ok 1 a; echo "ok 2 b # SKIP not today"
END
suite excused 1 0 <<'END'
echo 1..2; echo ok 1 a; echo "ok 2 b # SKIP kernel: has no such thing"
END
suite crash 1 1 <<'END'
echo 1..2; echo ok 1 a; kill -SEGV $$
END
suite silent 0 1 <<'END'
END
suite short 1 1 <<'END'
echo 1..2; echo ok 1 a
END
suite status 1 1 <<'END'
echo 1..1; echo ok 1 a; exit 3
END
suite splat 1 1 <<'END'
echo 1..1; echo ok 1 a; echo "WARNING: possible circular locking" >/dev/kmsg
END
suite race 1 1 <<'END'
echo 1..1; echo ok 1 a
for i in "BUG: KCSAN: data-race in a / b" " a+0x1/0x2" " c+0x3/0x4 [winsock]" =======; do
	echo "$i" >/dev/kmsg
done
END
suite race_elsewhere 1 0 <<'END'
echo 1..1; echo ok 1 a
for i in "BUG: KCSAN: data-race in a / b" " a+0x1/0x2" " c+0x3/0x4 [other]" =======; do
	echo "$i" >/dev/kmsg
done
END
suite splat_in_race 1 1 <<'END'
echo 1..1; echo ok 1 a
for i in "BUG: KCSAN: data-race in a / b" "WARNING: in between" =======; do
	echo "$i" >/dev/kmsg
done
END
suite panic 1 1 <<'END'
echo 1..2; echo ok 1 a; sleep 1; echo c >/proc/sysrq-trigger; echo ok 2 b
END
suite hang 1 1 <<'END'
echo 1..2; echo ok 1 a; sleep 1000; echo ok 2 b
END
suite slow 4 0 <<'END'
echo 1..4; for i in 1 2 3 4; do sleep 3; echo ok $i; done
END
suite off 1 1 <<'END'
echo 1..2; echo ok 1 a; sleep 1; poweroff -f; sleep 1000; echo ok 2 b
END
suite frozen 1 1 <<'END'
echo 1..2; echo ok 1 a; sleep 1; insmod faulty.ko fault=freeze; echo ok 2 b
END
suite leak 1 1 <<'END'
echo 1..1; ./hold && echo ok 1 a
END
suite last 1 0 <<'END'
echo 1..1; echo ok 1 a
END

# A connection that outlives its program because its peer has gone deaf.
gcc -x c -o "$fake/selftests/hold" - <<'END'
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int c = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(l, (void *)&sin, len) || listen(l, 1) ||
	    getsockname(l, (void *)&sin, &len) || connect(c, (void *)&sin, len))
		return 1;
	if (setsockopt(c, SOL_TCP, TCP_ULP, "winsock", 7))
		return 2;
	if (system("tc qdisc add dev lo root netem loss 100%"))
		return 3;
	return write(c, "data", 4) != 4;
}
END

cp -r "$vm/faulty" "$tmp"
make -s -C "$("$vm/fetch.sh" headers "$kernel")" M="$tmp/faulty" \
	modules >"$tmp/log" 2>&1 || die "$(cat "$tmp/log")"
cp "$tmp/faulty/faulty.ko" "$fake/selftests/"

limit=6
! is_debug "$kernel" || limit=24
status=0
WINSOCK_BUILD=$fake TIMEOUT=$limit "$vm/check.sh" "$kernel" "$suites" \
	>"$tmp/check" || status=$?
expect "a run with failures fails" 1 "$status"
# What counts against a suite: its own tests, and what it did to the machine.
while read -r name p f; do
	[ -n "$name" ] || continue
	got=$(awk -v name="$name" -v kernel="$kernel" '
		$1 == kernel && $2 == name { p += $3; f += $5 }
		$1 " " $2 " " $3 " " $4 == "not ok: " kernel " " name ":" { f++ }
		END { print p + 0, f + 0 }' "$tmp/check")
	expect "suite: $name" "$p $f" "$got"
done <<<"$wanted"
expect "the sum is the last line" \
	"$(awk '{ p += $2; f += $3 } END { print p " passed, " f " failed" }' <<<"$wanted")" \
	"$(tail -n 1 "$tmp/check")"
expect "a frozen kernel says where" 1 \
	"$(grep -c '^  .* frozen: Kernel panic.*NMI.* spin' "$tmp/check")"
[ "$failed" = 0 ] || cat "$tmp/check"

# detects FAULT TEXT [COMMAND]: one detector of a debug kernel, in a machine of
# its own, since most of them speak only once
detects() {
	local insmod="insmod faulty.ko fault=$1"

	cat >"$fake/selftests/fault" <<-END
		#!/bin/sh
		echo 1..1; echo ok 1 a
		${3:-$insmod || echo not ok 2 insmod}
	END
	chmod +x "$fake/selftests/fault"
	WINSOCK_BUILD=$fake TIMEOUT=90 "$vm/check.sh" "$kernel" fault \
		>"$tmp/check" || :
	expect "detector: $1" "1 passed, 1 failed, $2" \
		"$(tail -n 1 "$tmp/check"), $(! grep -q "$2" "$tmp/check" || echo "$2")"
}

detectors() {
	detects leak "unreferenced object"
	detects overrun "KASAN: slab-out-of-bounds"
	detects use_after_free "KASAN: .*use-after-free"
	detects double_free "KASAN: double-free"
	detects lock_order "possible circular locking dependency"
	detects lock_kept "lock held when returning to user space"
	detects atomic_sleep "sleeping function called from invalid context"
	detects rcu_unlocked "suspicious RCU usage"
	detects list_corruption "list_del corruption"
	detects refcount "refcount_t: addition on 0"
	detects shift "UBSAN: shift-out-of-bounds"
	detects timer_freed "ODEBUG: free active"
	detects hang "blocked for more than" \
		"echo 5 >/proc/sys/kernel/hung_task_timeout_secs
		insmod faulty.ko fault=hang & sleep 20"
}

race_detectors() {
	detects race "BUG: KCSAN: data-race in racer / racer"
	detects no_release "(reordered) to 0x"
}

case $kernel in
*-debug)	detectors ;;
*-kcsan)	race_detectors ;;
esac

vm_run() {
	local status=0

	"$vm/run.sh" "$kernel" -- "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	echo "$status"
	[ "$status" != 1 ] || cat "$tmp/err" >&2
}

printf 'printf "a\\r\\nb\\n"; echo c >&2; exit 7\n' >"$tmp/script"
sed -i '1i #!/bin/sh' "$tmp/script"
chmod +x "$tmp/script"
expect "vm-run: exit status" 7 "$(vm_run "$tmp/script")"
expect "vm-run: standard output, byte for byte" \
	"$(printf 'a\r\nb\n' | od -c)" "$(od -c <"$tmp/out")"
expect "vm-run: standard error" c "$(cat "$tmp/err")"
printf '#include <stdio.h>\nint main(void) { return printf("%%zu bits", 8 * sizeof(long)) != 7; }\n' |
	gcc -m32 -x c -o "$tmp/narrow" -
expect "vm-run: a dynamic program for 32 bits" "0 32 bits" \
	"$(vm_run "$tmp/narrow") $(cat "$tmp/out")"
echo 'int f(void) { return 0; }' | gcc -m32 -shared -x c -o "$tmp/libabsent.so" -
echo 'int f(void); int main(void) { return f(); }' |
	gcc -m32 -x c -o "$tmp/narrow" - -L"$tmp" -labsent
rm "$tmp/libabsent.so"
expect "vm-run: a library for 32 bits that is not there" 1 "$(vm_run "$tmp/narrow" 2>"$tmp/said")"
expect "vm-run: what can be done about it" 1 \
	"$(grep -c 'needs libabsent.so for 32 bits.*link it statically' "$tmp/err")"
# shellcheck disable=SC2016 # the shell in the machine has another number
expect "vm-run: signal" 143 "$(vm_run /bin/bash -c 'kill $$')"
expect "vm-run: time limit" 124 "$(TIMEOUT=3 vm_run /bin/sleep 1000)"
expect "vm-run: panic" 125 \
	"$(vm_run /bin/bash -c 'echo c >/proc/sysrq-trigger')"

# told TEXT VERB...: make refuses, and what it prints has the text in it
told() {
	local text=$1 said status=0

	shift
	said=$(env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES make -C "$top" "$@" 2>&1 </dev/null) ||
		status=$?
	expect "make $*" "refused: $text" \
		"$([ "$status" = 0 ] || echo refused): $(grep -oF -m 1 -e "$text" <<<"$said" || echo "$said")"
}

told "KERNEL=5.10 is not a kernel of the test VM; there are: 6.1" check KERNEL=5.10
told "T=nosuch is not a suite; there are: abi" check T=nosuch
told "TIMEOUT=1m is not a whole number" check TIMEOUT=1m
told "ACCEL=hvf is no way to run the machine; there are: kvm tcg" check ACCEL=hvf
told "REPLAY=/no/file is not there" fuzz REPLAY=/no/file
told "KERNEL=7 is none that packages are checked with" check-packages KERNEL=7
told "PROG= is missing: make vm-run PROG=" vm-run
told "PROG=/no/program is not there" vm-run PROG=/no/program
told "FILES: no file /no/file" vm-run PROG=/bin/true FILES=/no/file
told "T= is missing: make watch" watch
expect "vm-shell without a terminal" 1 \
	"$("$vm/run.sh" "$kernel" shell 2>&1 </dev/null | grep -c "vm-shell needs a terminal")"
told "PREFIX=inst is not an absolute path; nothing was done" install PREFIX=inst
told 'DESTDIR is "/a b": a path with a space' install "DESTDIR=/a b"
told "KDIR=/proc is not a kernel's build directory" kmod KDIR=/proc
told "no headers of kernel 5.10" kmod KERNELRELEASE=5.10
told "KEY= or CERT= is missing" sign KERNELRELEASE="$("$vm/fetch.sh" release 6.1)"
told "VERSION=1/2 is not a version of a Debian package" deb VERSION=1/2

"$vm/run.sh" "$kernel" -- /bin/sleep 1000 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 200); do
	qemu=$(cat "$TMPDIR"/winsock-vm.*/qemu.pid 2>/dev/null || :)
	[ -z "$qemu" ] || break
	sleep 0.1
done
kill -TERM "$pid"
wait "$pid" || :
expect "interrupted: the machine is gone" gone \
	"$([ -n "$qemu" ] && ! kill -0 "$qemu" 2>/dev/null && echo gone)"
expect "nothing is left behind" "" "$(ls "$TMPDIR")"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
