#!/usr/bin/env bash
# Generates from proto/: the Go types, gRPC stubs and REST handlers of the chain's modules, the Open Inference Protocol
# stubs, and the merged OpenAPI document. Generated files whose schema is gone are removed.
# Needs the tools in bin/ and third_party/proto: `make proto-gen` sees to both.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly module=github.com/opengradient/opengradient
# Folders that may hold generated Go files.
readonly generated_roots=(app internal x)
# The SDK services the chain serves over REST. tx/v1beta1/service.proto is the transaction service.
readonly sdk_rest=(
	cosmos/auth/v1beta1/query.proto
	cosmos/authz/v1beta1/query.proto
	cosmos/bank/v1beta1/query.proto
	cosmos/base/node/v1beta1/query.proto
	cosmos/base/tendermint/v1beta1/query.proto
	cosmos/consensus/v1/query.proto
	cosmos/distribution/v1beta1/query.proto
	cosmos/evidence/v1beta1/query.proto
	cosmos/feegrant/v1beta1/query.proto
	cosmos/gov/v1/query.proto
	cosmos/mint/v1beta1/query.proto
	cosmos/slashing/v1beta1/query.proto
	cosmos/staking/v1beta1/query.proto
	cosmos/tx/v1beta1/service.proto
	cosmos/upgrade/v1beta1/query.proto
)

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
buf() { BUF_CACHE_DIR=$out/.buf bin/buf "$@"; }

generate_go() { # TEMPLATE FOLDER
	if [[ -n $(find "proto/$2" -name '*.proto' 2>/dev/null) ]]; then
		buf generate . --template "proto/$1" --path "proto/$2" --output "$out/go"
	fi
}

mkdir -p "$out/go" "$out/openapi"
generate_go buf.gen.gogo.yaml opengradient
generate_go buf.gen.oip.yaml oip

if [[ ! -d $out/go/$module ]]; then
	echo "proto-gen: nothing was generated below $module: check the go_package options in proto/" >&2
	exit 1
fi
stray=$(find "$out/go" -name '*.go' -not -path "$out/go/$module/*")
if [[ -n $stray ]]; then
	echo "proto-gen: go_package outside $module: $stray" >&2
	exit 1
fi

# Install what changed, so that untouched packages keep their build cache, and drop what is no longer generated.
(cd "$out/go/$module" && find . -name '*.go' | sort) | while read -r file; do
	gofmt -w "$out/go/$module/$file"
	if ! cmp -s "$out/go/$module/$file" "$file"; then
		install -D -m 0644 "$out/go/$module/$file" "$file"
		echo "generated ${file#./}"
	fi
done
for root in "${generated_roots[@]}"; do
	[[ -d $root ]] || continue
	find "$root" \( -name '*.pb.go' -o -name '*.pb.gw.go' \) | while read -r file; do
		if [[ ! -f $out/go/$module/$file ]]; then
			rm -f "$file"
			echo "removed $file"
		fi
	done
done

paths=()
for file in "${sdk_rest[@]}"; do
	paths+=(--path "third_party/proto/$file")
done
while read -r file; do
	paths+=(--path "$file")
done < <(grep -rl --include='*.proto' 'google\.api\.http' proto/opengradient | sort)
buf generate . --template proto/buf.gen.openapi.yaml "${paths[@]}" --output "$out/openapi"
go run ./scripts/openapi <"$out/openapi/opengradient.swagger.json" >"$out/swagger.json"
if ! cmp -s "$out/swagger.json" docs/openapi/swagger.json; then
	install -D -m 0644 "$out/swagger.json" docs/openapi/swagger.json
	echo "generated docs/openapi/swagger.json"
fi
