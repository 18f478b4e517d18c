#!/usr/bin/env bash
# Runs fuzz targets, one after the other, each for a given time. go test runs one target at a time, hence this script.
#
#   scripts/fuzz.sh TIME [PATTERN...]       every Fuzz target of the packages PATTERN (default ./...)
# Instrumenting the Cosmos SDK for fuzzing takes minutes the first time.
# FUZZFLAGS are further flags of go test.
# New inputs that fail are written to the package's testdata/fuzz: commit them with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly go=${GO:-go}
time=${1:?usage: scripts/fuzz.sh TIME [PATTERN...]}
shift
(($#)) || set -- ./...

# One line per target: package folder and name.
targets=$(go list -f '{{$dir := .Dir}}{{range .TestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}' "$@" |
	xargs -r grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed -E 's|/[^/]+:func | |' | sort -u)

output=$(mktemp)
trap 'rm -f "$output"' EXIT

fuzz() { $go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$time" ${FUZZFLAGS:-} -timeout 0 2>&1 | tee "$output"; }

# fuzz_again tells a finding from trouble of go test itself, which at times ends a run in an error when its time is over: one that
# failed so and wrote no failing input is repeated once.
fuzz_again() {
	grep -q 'context deadline exceeded' "$output" && ! grep -q 'Failing input written' "$output" || return 1
	fuzz "$1" "$2"
}

ran=0
while read -r folder name; do
	[[ -n $name ]] || continue
	package=./${folder#"$PWD/"}
	echo "== $package $name"
	fuzz "$package" "$name" || fuzz_again "$package" "$name"
	ran=$((ran + 1))
done <<<"$targets"
echo "fuzz: $ran targets, $time each, no failure"
