#!/usr/bin/env bash
# Measures how far the outputs of models are apart on different processors, as they are and prepared, and writes the table
# into docs/model-stability.md. The real worker with the real library runs on this machine, and emulated by QEMU as
#   Haswell       AVX2 and FMA
#   SandyBridge   AVX
#   Nehalem       SSE 4.2
#   aarch64       ARM64, with the library for it
#
#   scripts/bench-stability.sh [FLAG...]       flags of testutil/benchstability, for example -samples 1
# An x86-64 machine under Linux is needed, and QEMU's user mode, a C compiler for ARM64 and its C++ library: Debian's
# qemu-user-static, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and libstdc++6-arm64-cross. Root gets them installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly go=${GO:-go} cc=aarch64-linux-gnu-gcc sysroot=/usr/aarch64-linux-gnu
readonly packages="qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross"

fail() {
	echo "bench-stability: $*" >&2
	exit 1
}

[[ $(uname -s)/$(uname -m) == Linux/x86_64 ]] || fail "this runs on Linux on x86_64 only, which the others are compared with"

# emulator ARCH prints the name of the command that emulates a processor of ARCH.
emulator() {
	command -v "qemu-$1-static" || command -v "qemu-$1"
}

complete() {
	emulator aarch64 >/dev/null && emulator x86_64 >/dev/null && command -v $cc >/dev/null && [[ -e $sysroot/lib/libstdc++.so.6 ]]
}

if ! complete; then
	hint="install them, for example: apt-get install $packages"
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || fail "emulators or the compiler for ARM64 are missing; $hint"
	echo "bench-stability: installing $packages"
	# shellcheck disable=SC2086 # a list
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } >/dev/null ||
		fail "the packages cannot be installed; $hint"
	complete || fail "$hint"
fi

OG_PLATFORM=Linux/x86_64 scripts/install-onnxruntime.sh build/lib
OG_PLATFORM=Linux/aarch64 scripts/install-onnxruntime.sh build/arm64/lib
$go build -o build/ ./cmd/opengradient-worker
CGO_ENABLED=1 GOARCH=arm64 CC=$cc $go build -o build/arm64/ ./cmd/opengradient-worker

scripts=$(mktemp -d)
trap 'rm -rf "$scripts"' EXIT
lib=$PWD/build/lib/libonnxruntime.so
cpus=(-cpu "native,$PWD/build/opengradient-worker,$lib")

# emulate NAME LIBRARY COMMAND...: adds a processor whose worker COMMAND runs.
emulate() {
	local name=$1 library=$2
	shift 2
	printf '#!/bin/sh\nexec %s "$@"\n' "$*" >"$scripts/$name"
	chmod +x "$scripts/$name"
	cpus+=(-cpu "$name,$scripts/$name,$library")
}

x86=$(emulator x86_64)
for cpu in Haswell SandyBridge Nehalem; do
	emulate $cpu "$lib" "$x86" -cpu $cpu "$PWD/build/opengradient-worker"
done
emulate aarch64 "$PWD/build/arm64/lib/libonnxruntime.so" "$(emulator aarch64)" -L $sysroot "$PWD/build/arm64/opengradient-worker"

echo "bench-stability: $("$x86" --version | head -1)"
$go run ./testutil/benchstability "${cpus[@]}" "$@"
