# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced: builds Debian's linux-source in the directory $tree, as $release.
# shellcheck disable=SC2154 # they are the caller's

source_version() {
	dpkg-query -W -f '${Version}' "linux-source-$1" 2>/dev/null ||
		die "no package linux-source-$1; run: make deps"
}

# What the caller has in its environment is not for the kernel's makefiles.
kbuild() {
	env -i PATH="$PATH" LC_ALL=C KBUILD_BUILD_USER=winsock \
		KBUILD_BUILD_HOST=vm make -C "$tree" -j"$(nproc)" \
		LOCALVERSION="-${release#*-}" "$@"
}

say() {
	printf '  %-7s %s\n' "$1" "$2" >&2
}

# Every 250th line make prints, as a sign of life.
progress() {
	tee "$1" | awk 'NR % 250 == 0 {
		printf "  BUILD   %d files\n", NR
		fflush()
	}' >&2
}

# kbuild_unpack SERIES
kbuild_unpack() {
	mkdir -p "$tree"
	tar -C "$tree" --strip-components=1 \
		-xf "/usr/src/linux-source-$1.tar.xz"
}

# debug_sections WORD...: the settings of those sections of debug.config whose title
# begins with one of the words
debug_sections() {
	awk -v words=" $* " 'BEGIN { RS = ""; FS = "\n" }
	{
		word = $1
		sub(/^# /, "", word)
		sub(/[^A-Za-z].*/, "", word)
		if (index(words, " " word " "))
			for (i = 2; i <= NF; i++)
				if ($i ~ /^CONFIG_/)
					print $i
	}' "$vm/debug.config"
}

# What a kernel needs for the suites, without detectors or counters.
# shellcheck disable=SC2034 # for those who source this
plain_sections='Machine Programs Networks Observation'

# refused FRAGMENT: lines of it that did not come true.  A name that this version
# does not have is nothing to complain about.
refused() {
	local name

	grep '^CONFIG_' "$1" | grep -vxFf "$tree/.config" | while IFS='=' read -r name _; do
		! grep -qsrE --include='Kconfig*' \
			"^[[:space:]]*(menu)?config ${name#CONFIG_}\$" "$tree" ||
			echo "$name"
	done
}

# kbuild_configure FRAGMENT LOG: everything it does not name is off
kbuild_configure() {
	local names

	kbuild -s KCONFIG_ALLCONFIG="$1" allnoconfig >"$2" 2>&1 || {
		cat "$2" >&2
		return 1
	}
	names=$(refused "$1" | xargs)
	[ -z "$names" ] || {
		echo "${1##*/}: linux-$release does not grant: $names" >&2
		return 1
	}
}

# kbuild_build LOG TARGET...
kbuild_build() {
	kbuild "${@:2}" 2>&1 | progress "$1" || {
		echo "linux-$release does not build:" >&2
		grep -C 5 -E 'error|Error' "$1" | head -n 60 >&2
		return 1
	}
}

# kbuild_modules DIR: modules.cpio of the modules, with their tables
kbuild_modules() {
	root=$1/root
	mkdir -p "$root/usr"
	kbuild -s modules_install INSTALL_MOD_PATH="$root/usr" >"$1/log" 2>&1 || {
		cat "$1/log" >&2
		return 1
	}
	rm -f "$root/usr/lib/modules/$release"/{build,source}
	root_pack /dev/null "$1/modules.cpio"
	rm -rf "$root"
}
