#!/usr/bin/env bash
# Generates from proto/: the Go types, gRPC stubs and REST handlers of the chain's modules, the Open Inference Protocol
# stubs, and the merged OpenAPI document. Generated files whose schema is gone are removed.
#
#   scripts/proto-gen.sh            bring the generated files up to date
#   scripts/proto-gen.sh --check    change nothing; fail and list the files that are not up to date
#
# Needs the tools in bin/ and third_party/proto: `make proto-gen` and `make proto-check` see to both.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly module=github.com/opengradient/opengradient
readonly document=docs/openapi/swagger.json
# Folders that may hold generated Go files.
readonly generated_roots=(app internal x)
# The SDK services the chain serves over REST.
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

check=false
case "${1:-}" in
'') ;;
--check) check=true ;;
*)
	echo "usage: $0 [--check]" >&2
	exit 2
	;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
buf() { BUF_CACHE_DIR=$tmp/cache bin/buf "$@"; }

# --- Generate into a temporary folder --------------------------------------------------------------------------------

# The new files, at their paths in the repository.
readonly fresh=$tmp/out/$module
mkdir -p "$fresh" "$tmp/openapi"

buf generate . --template proto/buf.gen.gogo.yaml --path proto/opengradient --output "$tmp/out"
buf generate . --template proto/buf.gen.oip.yaml --path proto/oip --output "$tmp/out"

stray=$(find "$tmp/out" -name '*.go' -not -path "$fresh/*")
if [[ -n $stray ]]; then
	echo "proto-gen: a go_package lies outside $module:" >&2
	echo "${stray//$tmp\/out\//  }" >&2
	exit 1
fi
find "$fresh" -name '*.go' -exec gofmt -w {} +

paths=()
for file in "${sdk_rest[@]}"; do
	paths+=(--path "third_party/proto/$file")
done
while read -r file; do
	paths+=(--path "$file")
done < <(grep -rl --include='*.proto' 'google\.api\.http' proto/opengradient | sort)
buf generate . --template proto/buf.gen.openapi.yaml "${paths[@]}" --output "$tmp/openapi"
mkdir -p "$fresh/$(dirname "$document")"
buf build . "${paths[@]}" --output "$tmp/schemas.binpb"
go run ./scripts/openapi -image "$tmp/schemas.binpb" -routes scripts/openapi/routes.json \
	<"$tmp/openapi/opengradient.swagger.json" >"$fresh/$document"

# --- Compare with the repository -------------------------------------------------------------------------------------

changed=()
while read -r file; do
	cmp -s "$fresh/$file" "$file" || changed+=("$file")
done < <(cd "$fresh" && find . -type f | sed 's|^\./||' | sort)

removed=()
while read -r file; do
	[[ -f $fresh/$file ]] || removed+=("$file")
done < <(for root in "${generated_roots[@]}"; do
	find "$root" \( -name '*.pb.go' -o -name '*.pb.gw.go' \) 2>/dev/null || true
done | sort)

if $check; then
	if ((${#changed[@]} + ${#removed[@]} > 0)); then
		echo "proto-gen: not up to date, run \`make proto-gen\`:" >&2
		printf '  %s\n' "${changed[@]}" "${removed[@]}" >&2
		exit 1
	fi
	echo "generated files are up to date"
	exit 0
fi

# Only what changed is written, so that untouched packages keep their build cache.
for file in "${changed[@]}"; do
	install -D -m 0644 "$fresh/$file" "$file"
	echo "generated $file"
done
for file in "${removed[@]}"; do
	rm -f "$file"
	echo "removed $file"
done
