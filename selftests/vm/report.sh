#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What somebody who looks for a fault from afar wants to know of this machine and
# this tree, on standard output.  Nothing is sent anywhere.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
# An ordinary user's may lack the directory of modinfo.
PATH=$PATH:/usr/sbin:/sbin

# section TITLE COMMAND...: what the command says, and whether it failed
section() {
	local title=$1

	printf '\n== %s\n' "$title"
	shift
	"$@" 2>&1 || echo "($1: exit status $?)"
}

tree() {
	git log -1 --format='%h %cs %s' && git status --short
}

system() {
	uname -srvm
	sed -n 's/^PRETTY_NAME=//p' /etc/os-release
	nproc
	grep -m 1 '^MemTotal' /proc/meminfo
	cat /sys/hypervisor/type 2>/dev/null
	cat /proc/sys/kernel/tainted
}

versions() {
	local name

	for name in gcc clang make qemu-system-x86_64; do
		if command -v "$name" >/dev/null; then
			"$name" --version 2>/dev/null | head -n 1
		else
			echo "$name: none"
		fi
	done
	dpkg-query -W -f '${Package} ${Version}\n' 'linux-headers-*' \
		'linux-source-*' '*winsock*' liburing2 libc6 2>/dev/null
	true
}

module() {
	modinfo winsock || echo "not installed"
	grep '^winsock ' /proc/modules || echo "not loaded"
	ls -l /dev/winsock
	cat /proc/net/winsock_stat
	true
}

# What the module's behaviour may depend on.
config() {
	local file

	for file in "/boot/config-$(uname -r)" /proc/config.gz; do
		[ -r "$file" ] || continue
		zcat -f "$file" | grep -E '^CONFIG_(PREEMPT[A-Z_]*|HZ|NET_NS|MPTCP|TLS|SMC|IPV6|LSM|MODULE_SIG[A-Z_]*|KASAN|KCSAN|PROVE_LOCKING|LTO_[A-Z_]*|CFI_CLANG|RANDSTRUCT[A-Z_]*)='
		return
	done
	echo "the kernel's configuration is not to be read"
}

settings() {
	cd /proc/sys && grep . net/ipv4/tcp_{mem,rmem,wmem,max_orphans,fin_timeout} \
		net/ipv4/tcp_{congestion_control,abort_on_overflow} kernel/io_uring_disabled
	true
}

# The kernel's log, where it speaks of us or of trouble.
log() {
	dmesg | grep -iE 'winsock|BUG|WARNING|Oops|Call Trace|panic|hung_task|TCP:' |
		tail -n 60
	true
}

built() {
	ls -l build/kmod/*/winsock.ko build/userlib/libwinsock.so.*.*
	cat build/matrix.tsv
	true
}

section "the tree" tree
section "the machine" system
section "versions" versions
section "the module" module
section "kernel configuration" config
section "settings" settings
section "kernel log" log
section "what was built" built
