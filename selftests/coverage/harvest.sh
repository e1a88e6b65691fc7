#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs in the test VM after the suites: the counters of gcov, of the module and
# of the library, leave it as a tar archive.

modprobe -a virtio_pci virtio_console 2>/dev/null
for _ in $(seq 100); do
	[ ! -e /dev/vport0p1 ] || break
	sleep 0.1
done

# files SUFFIX DIR: those below have no size that tar could believe
files() {
	mkdir -p "/tmp/gcov/$2"
	find "$1" -name '*.gcda' | while read -r file; do
		cat "$file" >"/tmp/gcov/$2/${file##*/}"
	done
}

files /sys/kernel/debug/gcov kmod
files @LIBRARY@ userlib
tar -C /tmp/gcov -c . >/dev/vport0p1
