# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: packages of other suites of Debian than this machine's.  Their lists go
# into the cache; the machine's own apt and its packages stay as they are.
# shellcheck source=selftests/vm/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# apt_suites NAME SUITE...: the lists of the day, for apt with
# -c $cache/apt-NAME/apt.conf; older ones, if there are no others to be had
apt_suites() {
	apt_lists "$1" apt_mirror_sources "${@:2}"
}

# apt_arch ARCH: the same of this machine's own suites, for another architecture
apt_arch() {
	apt_lists "$1" apt_own_sources
}

# apt_lists NAME FUNCTION [SUITE...]: the function prints what goes into sources.list
apt_lists() {
	local dir=$cache/apt-$1 log=$cache/apt-$1/log

	mkdir -p "$dir" ||
		die "cannot create $dir; set WINSOCK_CACHE to a directory that can be written"
	exec 8>"$dir/.lock"
	flock 8
	if [ -z "$(find "$dir/updated" -mtime -1 2>/dev/null)" ]; then
		apt_configure "$dir" "${@:2}"
		[ "$2" != apt_own_sources ] ||
			echo "APT::Architecture \"$1\"; APT::Architectures { \"$1\"; };" \
				>>"$dir/apt.conf"
		if apt-get -c "$dir/apt.conf" -qq update >"$log" 2>&1; then
			touch "$dir/updated"
		elif [ ! -e "$dir/updated" ] && ! compgen -G "$dir/lists/"*_Packages* >/dev/null; then
			tail -n 5 "$log" >&2
			apt_failed "no package lists" "${@:3}"
		else
			# One list may be broken where it comes from; not again at once.
			echo "  OLD     package lists of $1: apt-get update failed" >&2
			touch -d '-23 hours' "$dir/updated"
		fi
	fi
	exec 8>&-
}

# apt_failed TEXT SUITE...
apt_failed() {
	die "$1 (Debian${2+ ${*:2}}, from where this machine's apt takes Debian); see to it that apt-get update works"
}

apt_mirror_sources() {
	local mirror

	mirror=$(debian_mirror)
	[ -z "$mirror" ] || printf "$mirror %s main\n" "$@"
}

apt_own_sources() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk '$3 == "main" && $2 ~ /^[a-z]+(-updates|-security)?$/' | sort -u
}

# The machine's apt with other lists and without its hooks.  An empty status
# file: nothing is installed, all of it will be named.
apt_configure() {
	local dir=$1

	mkdir -p "$dir"/{lists/partial,archives/partial}
	: >"$dir/status"
	"${@:2}" | sed 's|^|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |' \
		>"$dir/sources.list"
	[ -s "$dir/sources.list" ] || apt_failed "no Debian mirror is configured" "${@:3}"
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
