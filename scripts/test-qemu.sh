#!/usr/bin/env bash
# Runs the tests of the pure packages on processors this machine does not have, emulated by QEMU: all validators must
# come to the same result. Each test binary is cross-compiled, and run in its package's folder:
#   arm64            whose compiler fuses multiplications and additions where the language lets it
#   amd64, Nehalem   SSE only
#   amd64, Haswell   compiled for AVX2 and FMA (GOAMD64=v3), where it may fuse as well
#
#   scripts/test-qemu.sh [PACKAGE...]      default: all pure packages
# QEMU's user mode is needed: Debian's qemu-user-static or qemu-user. Root gets it installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly go=${GO:-go}
(($#)) || set -- internal/agreement internal/conduct internal/tensor internal/onnxfile internal/onnxfile/report internal/onnxprep internal/selection internal/pricing internal/queue internal/golden internal/admission testutil/iris testutil/modelzoo

fail() {
	echo "test-qemu: $*" >&2
	exit 1
}

# emulator ARCH prints the name of the command that emulates a processor of ARCH.
emulator() {
	command -v "qemu-$1-static" || command -v "qemu-$1"
}

have_emulators() {
	emulator aarch64 >/dev/null && emulator x86_64 >/dev/null
}

if ! have_emulators; then
	hint="install qemu-aarch64 and qemu-x86_64, for example: apt-get install qemu-user-static"
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || fail "$hint"
	echo "test-qemu: installing qemu-user-static"
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static; } >/dev/null ||
		fail "the package cannot be installed; $hint"
	have_emulators || fail "$hint"
fi
arm=$(emulator aarch64)
x86=$(emulator x86_64)

binaries=$(mktemp -d)
trap 'rm -rf "$binaries"' EXIT

runs=0
failed=()

# run PLATFORM PACKAGE EMULATOR...: builds with the environment given by PLATFORM and runs the tests once.
run() {
	local platform=$1 package=$2 binary begin
	shift 2
	binary=$binaries/${package//\//-}.test
	# shellcheck disable=SC2086 # the platform is a list of assignments
	env CGO_ENABLED=0 GOOS=linux $platform $go test -c -o "$binary" "./$package"
	begin=$SECONDS
	runs=$((runs + 1))
	if (cd "$package" && "$@" "$binary" -test.timeout 10m >"$binaries/log" 2>&1); then
		printf 'ok    %-24s %-20s %4d s\n' "$platform" "$package" $((SECONDS - begin))
	else
		printf 'FAIL  %-24s %-20s %4d s\n' "$platform" "$package" $((SECONDS - begin))
		sed 's/^/      /' "$binaries/log"
		failed+=("$platform $package")
	fi
}

echo "test-qemu: $("$arm" --version | head -1)"
for package in "$@"; do
	run GOARCH=arm64 "$package" "$arm"
	run "GOARCH=amd64 GOAMD64=v1" "$package" "$x86" -cpu Nehalem
	run "GOARCH=amd64 GOAMD64=v3" "$package" "$x86" -cpu Haswell
done

((${#failed[@]} == 0)) || fail "${#failed[@]} of $runs runs failed"
echo "test-qemu: $runs runs on 3 processors, no failure"
