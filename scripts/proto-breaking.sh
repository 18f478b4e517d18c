#!/usr/bin/env bash
# Fails when proto/ breaks what an earlier version of it promised: a field's number, name or type, a removed message.
#
#   scripts/proto-breaking.sh [GIT-REF]     GIT-REF defaults to the latest release tag (v*); none yet: nothing to compare
set -euo pipefail
cd "$(dirname "$0")/.."

base=${1:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)}
if [[ -z $base ]]; then
	echo "proto-breaking: no release is tagged yet, nothing to compare with"
	exit 0
fi
git rev-parse --verify --quiet "$base^{commit}" >/dev/null || {
	echo "proto-breaking: $base names no commit" >&2
	exit 1
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/third_party"
git archive "$base" buf.yaml proto | tar -x -C "$tmp"
cp -r third_party/proto "$tmp/third_party/proto"

export BUF_CACHE_DIR=$tmp/cache
# Only proto/ itself is compared; the dependencies' files are imports on both sides.
(cd "$tmp" && "$OLDPWD/bin/buf" build proto -o "$tmp/base.binpb")
bin/buf breaking proto --against "$tmp/base.binpb"
echo "proto-breaking: compatible with $base"
