#!/usr/bin/env bash
# Runs fuzz targets, one after the other, each for a given time. go test runs one target at a time, hence this script.
#
#   scripts/fuzz.sh TIME [PATTERN...]       every Fuzz target of the packages PATTERN (default ./...)
# Instrumenting the Cosmos SDK for fuzzing takes minutes the first time.
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

ran=0
while read -r folder name; do
	[[ -n $name ]] || continue
	package=./${folder#"$PWD/"}
	echo "== $package $name"
	$go test "$package" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -timeout 0
	ran=$((ran + 1))
done <<<"$targets"
echo "fuzz: $ran targets, $time each, no failure"
