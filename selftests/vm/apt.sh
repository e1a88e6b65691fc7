# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: packages of other suites of Debian than this machine's.  Their lists go
# into the cache; the machine's own apt and its packages stay as they are.
# shellcheck source=selftests/vm/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# apt_suites NAME SUITE...: the lists of the day, for apt with
# -c $cache/apt-NAME/apt.conf; older ones, if there are no others to be had
apt_suites() {
	local dir=$cache/apt-$1 log=$cache/apt-$1/log

	mkdir -p "$dir" ||
		die "cannot create $dir; set WINSOCK_CACHE to a directory that can be written"
	exec 8>"$dir/.lock"
	flock 8
	if [ -z "$(find "$dir/updated" -mtime -1 2>/dev/null)" ]; then
		apt_configure "$dir" "${@:2}"
		if apt-get -c "$dir/apt.conf" -qq update >"$log" 2>&1; then
			touch "$dir/updated"
		elif [ ! -e "$dir/updated" ]; then
			tail -n 5 "$log" >&2
			apt_failed "no package lists" "${@:2}"
		else
			echo "  OLD     package lists of $1: apt-get update failed" >&2
		fi
	fi
	exec 8>&-
}

# apt_failed TEXT SUITE...
apt_failed() {
	die "$1 (Debian ${*:2}, from where this machine's apt takes Debian); see to it that apt-get update works"
}

# The machine's apt with other lists and without its hooks.  An empty status
# file: nothing is installed, all of it will be named.
apt_configure() {
	local dir=$1 mirror

	mirror=$(debian_mirror)
	[ -n "$mirror" ] || apt_failed "no Debian mirror is configured" "${@:2}"
	mkdir -p "$dir"/{lists/partial,archives/partial}
	: >"$dir/status"
	printf "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror %s main\n" \
		"${@:2}" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State "$dir";
		Dir::State::Lists "$dir/lists";
		Dir::State::Status "$dir/status";
		Dir::Cache "$dir";
		Dir::Cache::Archives "$dir/archives";
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
		APT::Update::Error-Mode "any";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
}
