#!/usr/bin/env bash
# Runs fuzz targets, one after the other, each for a given time. go test runs one target at a time, hence this script.
#
#   scripts/fuzz.sh TIME [PATTERN...]       every Fuzz target of the packages PATTERN (default ./...)
#   scripts/fuzz.sh TIME --pure             only those of packages that do not import the Cosmos SDK: they build in seconds,
#                                           while instrumenting the SDK for fuzzing takes minutes
# New inputs that fail are written to the package's testdata/fuzz: commit them with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly go=${GO:-go}
time=${1:?usage: scripts/fuzz.sh TIME [--pure | PATTERN...]}
shift
pure=false
if [[ ${1:-} == --pure ]]; then
	pure=true
	shift
fi
(($#)) || set -- ./...

# One line per target: package folder and name.
targets=$(go list -f '{{$dir := .Dir}}{{range .TestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}' "$@" |
	xargs -r grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed -E 's|/[^/]+:func | |' | sort -u)

ran=0
while read -r folder name; do
	[[ -n $name ]] || continue
	package=./${folder#"$PWD/"}
	if $pure && go list -test -deps "$package" | grep -q '^github.com/cosmos/cosmos-sdk'; then
		continue
	fi
	echo "== $package $name"
	$go test "$package" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -timeout 0
	ran=$((ran + 1))
done <<<"$targets"
echo "fuzz: $ran targets, $time each, no failure"
