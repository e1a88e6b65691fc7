#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The kernel's own tests of kTLS, before our module is loaded, beside it when it
# has been used, and after it has gone.  kTLS builds its operations from those
# of the first socket that it meets, so it starts anew each time.
cd "$(dirname "$0")" || exit 1

tests=./ktls_net
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
	echo "1..0 # SKIP kernel: $1"
	exit 4
}

n=0
result() {	# STATUS TEXT
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n $2" && return
	echo "not ok $n $2"
	failed=1
}

# A module that a socket of a moment ago still holds goes a moment later.
remove() {
	for _ in $(seq 100); do
		grep -q "^$1 " /proc/modules || return 0
		rmmod "$1" 2>/dev/null && return 0
		sleep 0.1
	done
	echo "# $1 does not unload"
	return 1
}

# What each test said, without the figures that differ from run to run
run() {
	modprobe tls || return 1
	"$tests" >"$work/$1.log" 2>&1
	sed -n 's/^\(not \)\{0,1\}ok [0-9]* \([^ ]*\).*/\1\2/p' \
		"$work/$1.log" >"$work/$1"
	[ -s "$work/$1" ] || { sed 's/^/# /' "$work/$1.log"; return 1; }
	echo "# $1: $(grep -vc '^not ' "$work/$1") of $(wc -l <"$work/$1") passed"
	remove tls
}

same() {	# NAME
	cmp -s "$work/before" "$work/$1" && return
	diff "$work/before" "$work/$1" | sed 's/^/# /'
	return 1
}

[ ! -c /dev/winsock ] || [ -e /sys/module/winsock/refcnt ] ||
	skip "the module is built in"
modprobe -q tls || skip "no kTLS as a module"
remove tls || skip "kTLS is in use"

echo "TAP version 13"
echo "1..6"
failed=0
remove winsock && run before
result $? ktls_works_without_the_module

insmod "${WINSOCK_KO:-/winsock.ko}" && ./attach >"$work/attach" 2>&1
result $? module_is_used_and_tries_kTLS
remove tls && run beside
result $? ktls_works_beside_the_module
same beside
result $? and_as_before

remove winsock && run after
result $? ktls_works_after_the_module
same after
result $? and_as_before_too
exit "$failed"
