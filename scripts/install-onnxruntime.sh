#!/usr/bin/env bash
# Installs the ONNX Runtime library the inference worker loads, and verifies it.
#
#   scripts/install-onnxruntime.sh [FOLDER]        FOLDER defaults to $OG_LIB_DIR, then build/lib
#
# OG_PLATFORM=Linux/aarch64 and the like install the file of another platform, for emulation.
# The library's bytes are part of a node's environment class, so exactly one file per platform is accepted: the one in
# the npm package onnxruntime-node, whose SHA-256 is pinned below. Where npm is missing, the project's release archive
# of the same version is tried instead; it is accepted only if the library in it is byte for byte the pinned one.
# Running the script again is free: a folder that already holds the right file is left alone.
set -euo pipefail

readonly version=1.27.0

fail() {
	echo "install-onnxruntime: $*" >&2
	exit 1
}

# platform, file in the npm package, name of the installed file, SHA-256, platform in the release archive's name
platform=${OG_PLATFORM:-$(uname -s)/$(uname -m)}
case "$platform" in
Linux/x86_64)
	member=package/bin/napi-v6/linux/x64/libonnxruntime.so.1
	name=libonnxruntime.so
	sha256=d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221
	release=linux-x64
	;;
Linux/aarch64 | Linux/arm64)
	member=package/bin/napi-v6/linux/arm64/libonnxruntime.so.1
	name=libonnxruntime.so
	sha256=c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f
	release=linux-aarch64
	;;
Darwin/arm64)
	member=package/bin/napi-v6/darwin/arm64/libonnxruntime.1.27.0.dylib
	name=libonnxruntime.dylib
	sha256=89f692a3a1a224e4ad0b796b0e7c0bd81113b0741bfe84211eceef14d05a9e59
	release=osx-arm64
	;;
*)
	fail "no ONNX Runtime $version for $platform: supported are Linux on x86_64 and arm64, and macOS on arm64"
	;;
esac

if command -v sha256sum >/dev/null; then
	digest() { sha256sum "$1" | cut -d' ' -f1; }
elif command -v shasum >/dev/null; then
	digest() { shasum -a 256 "$1" | cut -d' ' -f1; }
else
	fail "neither sha256sum nor shasum found: one is needed to verify the library"
fi

# A relative folder from the caller is the caller's; the default is the repository's.
folder=${1:-${OG_LIB_DIR:-$(cd "$(dirname "$0")/.." && pwd)/build/lib}}
target=$folder/$name
if [[ -f $target && $(digest "$target") == "$sha256" ]]; then
	echo "ONNX Runtime $version is already installed: $target"
	exit 0
fi

mkdir -p "$folder" || fail "cannot create the folder $folder"
work=$(mktemp -d "$folder/.install.XXXXXX") || fail "cannot write to the folder $folder"
trap 'rm -rf "$work"' EXIT

if command -v npm >/dev/null; then
	source="npm package onnxruntime-node@$version"
	echo "fetching the $source"
	archive=$(cd "$work" && npm pack --silent "onnxruntime-node@$version" | tail -n 1) ||
		fail "npm could not fetch onnxruntime-node@$version: check the network and npm's registry setting"
	tar -xzf "$work/$archive" -C "$work" "$member" ||
		fail "the $source holds no $member"
	library=$work/$member
elif command -v curl >/dev/null; then
	source="release archive onnxruntime-$release-$version.tgz"
	echo "npm not found; fetching the $source"
	curl --fail --location --silent --show-error --retry 3 --output "$work/release.tgz" \
		"https://github.com/microsoft/onnxruntime/releases/download/v$version/onnxruntime-$release-$version.tgz" ||
		fail "could not fetch the $source; install npm, or copy the library to $target yourself"
	tar -xzf "$work/release.tgz" -C "$work" || fail "the $source cannot be read"
	library=
	while IFS= read -r file; do
		if [[ $(digest "$file") == "$sha256" ]]; then
			library=$file
			break
		fi
	done < <(find "$work" -type f -name 'libonnxruntime*')
	[[ -n $library ]] ||
		fail "the $source holds no library with the pinned SHA-256 $sha256; the release build may differ from the pinned one: install npm and run this script again"
else
	fail "neither npm nor curl found: install npm, or copy the library to $target yourself (SHA-256 $sha256)"
fi

got=$(digest "$library")
[[ $got == "$sha256" ]] ||
	fail "the library in the $source has SHA-256 $got, expected $sha256: not installed"

chmod 0644 "$library"
mv -f "$library" "$target"
echo "installed ONNX Runtime $version: $target"
