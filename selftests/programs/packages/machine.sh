#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run by systemd in a machine that has the packages installed: uses them, upgrades
# and removes them.
set -u -o pipefail
# shellcheck source=selftests/programs/packages/try.sh
. /vm/try.sh
exec >/dev/ttyS1 2>&1 </dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	DEBIAN_FRONTEND=noninteractive

release=$(uname -r)
higher=$(dpkg-deb -f /root/higher/libwinsock1_*.deb Version)
pids=

loaded() {
	grep '^winsock ' /proc/modules
}

# What loads is what dkms has built.
by_dkms() {
	modinfo -n winsock | grep "^/lib/modules/$release/updates/dkms/winsock.ko"
}

# The rule gives back what was taken away.
device_mode() {
	chmod 600 /dev/winsock
	udevadm trigger --settle --action=change /sys/class/misc/winsock
	[ "$(stat -c %a /dev/winsock)" = 666 ]
}

# serve: an echo server, on $port
serve() {
	rm -f /run/port
	/vm/echo_server 0 >/run/port &
	pids+=" $!"
	for _ in $(seq 300); do
		port=$(grep -o '[0-9][0-9]*$' /run/port) && return
		sleep 0.1
	done
	echo "no server"
	return 1
}

echoed() {
	[ "$(/vm/echo_client 127.0.0.1 "$port" text)" = text ]
}

# hold: a socket that nobody but its process and the module know of
hold() {
	rm -f /run/held
	perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0) or die;
		bind(S, sockaddr_in(0, INADDR_LOOPBACK)) and listen(S, 1) or die;
		socket(C, AF_INET, SOCK_STREAM, 0) or die;
		connect(C, getsockname(S)) or die;
		setsockopt(C, 6, 31, "winsock") or die "no ULP: $!";
		open(F, ">", "/run/held"); close(F); sleep 7200' &
	pids+=" $!"
	for _ in $(seq 300); do
		[ ! -e /run/held ] || return 0
		sleep 0.1
	done
	echo "no socket"
	return 1
}

release_one() {	# the process that was started first
	local pid

	pid=${pids# }
	pid=${pid%% *}
	pids=${pids# "$pid"}
	kill "$pid"
	wait "$pid" 2>/dev/null
	return 0
}

# A program's close(2) is reported.
reported() {
	winsock-run --report=/run/report perl -MSocket -e '
		socket(S, AF_INET, SOCK_STREAM, 0) or die; listen(S, 1) or die; close(S)' &&
		cat /run/report && [ -s /run/report ]
}

counted() {
	winsock-stat
	winsock-stat | grep -q '[1-9]'
}

upgrade() {
	says "stays loaded until the machine starts again" \
		apt-get install -y /root/higher/*.deb
}

install_dkms() {
	apt-get install -y --no-install-recommends /root/higher/winsock-dkms_*.deb
}

without_headers() {
	local build=/lib/modules/$release/build

	mv "$build" "$build.away" || return
	says "run: apt install linux-headers-$release" install_dkms
	local status=$?
	mv "$build.away" "$build" && ! loaded && return "$status"
}

loads() {
	apt-get purge -y winsock-dkms && install_dkms && loaded
}

upgraded() {
	dkms status
	[ "$(dkms status)" = "winsock/$higher, $release, x86_64: installed" ] &&
		[ "$(modinfo -F version winsock)" = "$higher" ]
}

# What is in the kernel is still the old one, which has no version.
old_one_runs() {
	loaded && [ ! -e /sys/module/winsock/version ]
}

new_one_loads() {
	modprobe winsock && [ "$(cat /sys/module/winsock/version)" = "$higher" ]
}

# gone: what was closed in the background may hold it for a moment
gone() {
	for _ in $(seq 100); do
		rmmod winsock && return
		sleep 0.1
	done
	return 1
}

nothing_left() {
	dkms status
	[ -z "$(dkms status)" ] || return
	find / -xdev -path /root -prune -o -path /vm -prune -o -path /var/log -prune -o \
		-iname '*winsock*' -print | grep . && return 1
	! loaded && ! modprobe winsock
}

try "the module was loaded at boot" loaded
try "it is dkms's" by_dkms
try "the rule opens the device to everyone" device_mode
serve
try "the example runs" echoed
try "winsock-run runs a program" reported
try "winsock-stat counts closes" counted
hold
try "apt upgrades while sockets are open" upgrade
try "dkms has built the new module" upgraded
try "the old one goes on running" old_one_runs
try "the open sockets go on working" echoed
try "rmmod refuses while a program uses the module" refuses "is in use" rmmod winsock
release_one
try "rmmod refuses while a socket is attached" refuses "is in use" rmmod winsock
release_one
try "rmmod succeeds when they are closed" gone
try "the new module loads" new_one_loads
serve
try "the example runs on it" echoed
release_one
try "apt purges winsock-dkms" apt-get purge -y winsock-dkms
try "what is loaded can go" gone
try "without the kernel's headers the package says what to install" without_headers
try "installed, the package loads the module" loads
try "removed, the package says that the module is still loaded" \
	says "winsock: the module is still loaded" apt-get purge -y winsock-dkms
try "it is, and can go" gone
try "without it the example says so" \
	refuses "is the module loaded?" /vm/echo_client 127.0.0.1 7 text
try "apt purges the rest" apt-get purge -y libwinsock1 libwinsock-dev winsock-tools
try "nothing is left" nothing_left
echo "done"
