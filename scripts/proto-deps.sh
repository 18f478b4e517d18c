#!/usr/bin/env bash
# Assembles the .proto files of our dependencies into third_party/proto (git-ignored), from the Go module cache and at
# exactly the versions of go.mod. No schema registry is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly dest=third_party/proto
readonly modules=(
	github.com/cosmos/cosmos-sdk
	github.com/cosmos/cosmos-proto
	github.com/cosmos/gogoproto
	github.com/grpc-ecosystem/grpc-gateway
)

versions=$(go list -m -f '{{.Path}} {{.Version}}' "${modules[@]}")
want=$(printf '%s\n%s\n' "$versions" "$(sha256sum <"$0")")
if [[ -f $dest/.versions && $(<"$dest/.versions") == "$want" ]]; then
	exit 0
fi

go mod download "${modules[@]}"
dir_of() { go list -m -f '{{.Dir}}' "$1"; }

# copy_tree MODULE SOURCE TARGET copies the .proto files below MODULE/SOURCE to TARGET, keeping their paths.
copy_tree() {
	local from file
	from=$(dir_of "$1")/$2
	(cd "$from" && find . -name '*.proto') | while read -r file; do
		install -D -m 0644 "$from/$file" "$tmp/$3/$file"
	done
}

mkdir -p third_party
tmp=$(mktemp -d third_party/proto.XXXXXX)
trap 'rm -rf "$tmp"' EXIT

copy_tree github.com/cosmos/cosmos-sdk proto .
copy_tree github.com/cosmos/cosmos-proto proto .
copy_tree github.com/grpc-ecosystem/grpc-gateway third_party/googleapis/google/api google/api
install -D -m 0644 "$(dir_of github.com/cosmos/gogoproto)/gogoproto/gogo.proto" "$tmp/gogoproto/gogo.proto"

# Files that belong to no Go package (the SDK's app-wiring configuration) stop the OpenAPI generator, and nothing of ours
# imports them.
find "$tmp" -name '*.proto' -exec grep -L '^option go_package' {} + | xargs -r rm -f
find "$tmp" -type d -empty -delete

printf '%s\n' "$want" >"$tmp/.versions"
rm -rf "$dest"
mv "$tmp" "$dest"
trap - EXIT
chmod 0755 "$dest"
echo "assembled $(find "$dest" -name '*.proto' | wc -l) files in $dest"
