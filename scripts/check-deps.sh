#!/usr/bin/env bash
# Checks, over all transitive imports, the boundaries that a per-file lint rule cannot see:
#   - a node's daemon links neither ONNX Runtime (the worker is a process of its own) nor test code;
#   - the worker links neither test code nor the chain: it never holds validator keys;
#   - the pure packages stay free of everything but the standard library and the protobuf wire format.
# And that docs/dependencies.md explains every direct dependency.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly module=github.com/opengradient/opengradient
failed=0

# forbid PACKAGE REGEX REASON
forbid() {
	local deps found
	deps=$(go list -deps "$1")
	found=$(grep -E "$2" <<<"$deps" || true)
	if [[ -n $found ]]; then
		echo "check-deps: $1 must not import, even indirectly ($3):" >&2
		printf '%s\n' "$found" | sed 's/^/  /' >&2
		failed=1
	fi
}

forbid ./cmd/opengradientd "^$module/internal/worker/(ort|server)(/|\$)|^github.com/yalue/onnxruntime_go" \
	"inference never runs in a process that holds keys"
forbid ./cmd/opengradientd "^$module/testutil(/|\$)|^gonum.org/v1/plot|^github.com/getkin/kin-openapi" "test code is not shipped"
forbid ./cmd/opengradient-worker "^$module/testutil(/|\$)|^pgregory.net/rapid" "test code is not shipped"
forbid ./cmd/opengradient-worker "^$module/(app|x)(/|\$)|^github.com/cosmos/cosmos-sdk" "the worker knows no chain"

for name in tensor onnxfile onnxprep onnxwrite agreement conduct selection pricing queue modelref golden admission; do
	deps=$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' "./internal/$name/...")
	found=$(grep -vE "^$module/internal/(tensor|onnxfile|onnxprep|onnxwrite|agreement|conduct|selection|pricing|queue|modelref|golden|admission)(/|\$)" <<<"$deps" |
		grep -vE '^google.golang.org/protobuf/(encoding/protowire|internal/(errors|detrand))$' | grep . || true)
	if [[ -n $found ]]; then
		echo "check-deps: internal/$name is pure; it must not import:" >&2
		printf '%s\n' "$found" | sed 's/^/  /' >&2
		failed=1
	fi
done

# Every direct dependency and every tool is explained.
direct=$(awk '/^require \($/ { inside = 1; next } /^\)/ { inside = 0 } inside && !/\/\/ indirect/ { print $1 }' go.mod)
tools=$(awk '$1 == "tool" && $2 != "(" { print $2 } /^tool \($/ { inside = 1; next } /^\)/ { inside = 0 } inside { print $1 }' tools/go.mod tools/*/go.mod)
for path in $direct $tools; do
	if ! grep -qF "\`$path\`" docs/dependencies.md; then
		echo "check-deps: docs/dependencies.md does not say why $path is there" >&2
		failed=1
	fi
done

((failed == 0)) && echo "dependency boundaries hold"
exit "$failed"
