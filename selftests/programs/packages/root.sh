# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: a Debian 12 of its own in the directory $root, with a kernel, its headers
# and systemd, from where this machine's apt takes Debian.  What it runs has mounts
# and processes of its own, which end with it.
# shellcheck source=selftests/vm/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../vm/common.sh"

suite=bookworm
apart=(unshare --mount --pid --fork --kill-child)

# in_root COMMAND...: with packages that were downloaded before.  It is waited for in a
# way that a signal ends; then and at the end of this script it is killed.
in_root() {
	local status=0

	# shellcheck disable=SC2016 # the inner shell's variables
	setpriv --pdeathsig KILL "${apart[@]}" --mount-proc="$root/proc" \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} \
		${https_proxy:+"https_proxy=$https_proxy"} \
		sh -c 'mount --bind "$0" "$1/var/cache/apt/archives" &&
			exec timeout -k 10 1800 chroot "$@"' \
		"$archives" "$root" "$@" <&0 &
	echo $! >"$root.pid"
	wait $! || status=$?
	rm -f "$root.pid"
	return "$status"
}

root_stop() {
	local pid

	[ -s "${root-}.pid" ] || return 0
	pid=$(cat "$root.pid")
	kill -KILL "$pid" 2>/dev/null || :
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.1
	done
}

# root_configure: what it has of this machine, afresh each time
root_configure() {
	local origin

	# shellcheck disable=SC2016 # apt's variables
	origin=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk -v suite="$suite" 'index($2, suite) == 1 && $3 == "main"')
	[ -n "$origin" ] || origin="$(debian_mirror) $suite main"
	awk '{ print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $0 }' \
		<<<"$origin" >"$root/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(Check-[A-Za-z-]+|https?::Proxy) ' \
		>"$root/etc/apt/apt.conf.d/00host" || :
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	echo winsock-root >"$root/etc/hostname"
	# Nothing is started here.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
}

# fill_debian KERNEL DIR
fill_debian() {
	local kernel=$1-cloud-amd64 dir=$2 mirror root=$2/root archives=$2/archives

	kernel=${kernel#6.1-}	# as Debian 12 calls its own
	mirror=$(debian_mirror)
	[ -n "$mirror" ] || die "no Debian mirror is configured; see to it that apt-get update works"
	echo "  FETCH   a Debian 12 with linux-image-$kernel, two minutes" >&2
	mkdir "$archives"
	if ! {
		"${apart[@]}" debootstrap --variant=minbase --include=ca-certificates \
			"$suite" "$root" "$mirror" && root_configure &&
			in_root apt-get update && in_root apt-get upgrade -y &&
			in_root apt-get install -y --no-install-recommends \
				"linux-image-$kernel" "linux-headers-$kernel" \
				systemd-sysv udev kmod initramfs-tools
	} >"$dir/log" 2>&1; then
		tail -n 20 "$dir/log" >&2
		echo "no Debian 12 could be made; see to it that apt-get update works" >&2
		return 1
	fi
	echo "  PACK    it, for later runs" >&2
	rm -f "$root"/var/cache/apt/*.bin "$root/etc/apt/apt.conf.d/00host"
	tar -C "$root" -c --one-file-system . >"$dir/root.tar" || return 1
	rm -rf "$root"
	mv "$dir/log" "$dir/root.log"
}

# root_new KERNEL DIR: such a root in DIR, with the package lists of the day
root_new() {
	local base

	base=$(cached "root-$suite-$("$vm/fetch.sh" release "$1")" fill_debian "$1") || exit
	root=$2
	archives=$base/archives
	mkdir "$root"
	echo "  UNPACK  Debian 12"
	tar -C "$root" -xf "$base/root.tar"
	root_configure
	in_root apt-get -qq -o APT::Update::Error-Mode=any update >/dev/null 2>&1 ||
		echo "  OLD     package lists: apt-get update failed" >&2
	in_root apt-get -qq autoclean >/dev/null
}

# root_runs_at_boot COMMAND: then it powers off; nothing of apt's own runs beside it
root_runs_at_boot() {
	local units=$root/etc/systemd/system name

	cat >"$units/packages.service" <<-END
		[Service]
		Type=oneshot
		ExecStart=$1
		ExecStopPost=/bin/systemctl --force --force poweroff
		[Install]
		WantedBy=multi-user.target
	END
	mkdir -p "$units/multi-user.target.wants"
	ln -s ../packages.service "$units/multi-user.target.wants/"
	for name in apt-daily apt-daily-upgrade; do
		ln -sf /dev/null "$units/$name.timer"
	done
}

# root_list FILE: every file of it with its contents, without what apt, dpkg and the
# linker remember of themselves, and the key that dkms signs with and keeps
root_list() {
	local skip=() dir

	for dir in /vm /var/log /var/cache/{apt,debconf,ldconfig} /var/lib/apt \
		/etc/ld.so.cache '/var/lib/dpkg/status*' '/var/lib/dkms/mok.*'; do
		skip+=(-path ".$dir" -prune -o)
	done
	skip+=(-path ./var/lib/dkms -o)	# but what else is in it
	(
		cd "$root" || exit
		find . -xdev "${skip[@]}" -printf '%p %y %m %U:%G %l\n'
		find . -xdev "${skip[@]}" -type f -print0 | xargs -0 sha256sum |
			awk '{ print $2, $1 }'
	) | LC_ALL=C sort >"$1"
}
