# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced, on this machine and in the virtual one: one line for each thing.

passed=0
failed=0

# try NAME COMMAND...: what it said, if it fails
try() {
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name"
		tail -n 30 <<<"$output" | sed 's/^/# /'
	fi
}

# says TEXT COMMAND...: it succeeds and says TEXT
says() {
	local text=$1 output status=0

	shift
	output=$("$@" 2>&1) || status=$?
	grep -qF "$text" <<<"$output" || {
		printf '%s\n' "did not say: $text" "but: $output"
		return 1
	}
	return "$status"
}

# refuses TEXT COMMAND...: it fails and says TEXT
refuses() {
	local text=$1 output

	shift
	if output=$("$@" 2>&1); then
		echo "succeeded: $*"
		return 1
	fi
	grep -qF "$text" <<<"$output" || {
		printf '%s\n' "did not say: $text" "but: $output"
		return 1
	}
}
