SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

BIN := bin

# --- Tools -----------------------------------------------------------------------------------------------------------

PLUGINS := protoc-gen-gocosmos protoc-gen-grpc-gateway protoc-gen-openapiv2 protoc-gen-go protoc-gen-go-grpc
PROTO_TOOLS := $(BIN)/buf $(addprefix $(BIN)/,$(PLUGINS))

PKG_protoc-gen-gocosmos := github.com/cosmos/gogoproto/protoc-gen-gocosmos
PKG_protoc-gen-grpc-gateway := github.com/grpc-ecosystem/grpc-gateway/protoc-gen-grpc-gateway
PKG_protoc-gen-openapiv2 := github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2
PKG_protoc-gen-go := google.golang.org/protobuf/cmd/protoc-gen-go
PKG_protoc-gen-go-grpc := google.golang.org/grpc/cmd/protoc-gen-go-grpc

# Each tool is built from its pinned module and again only when the pin moves.
$(addprefix $(BIN)/,$(PLUGINS)): tools/go.mod tools/go.sum
	cd tools && go build -trimpath -o ../$@ $(PKG_$(@F))

$(BIN)/buf: tools/buf/go.mod tools/buf/go.sum
	cd tools/buf && go build -trimpath -ldflags '-s -w' -o ../../$@ github.com/bufbuild/buf/cmd/buf

.PHONY: tools
tools: $(PROTO_TOOLS) ## Build the pinned tools into bin/

# --- Protobuf --------------------------------------------------------------------------------------------------------

.PHONY: proto-deps proto-gen proto-lint
proto-deps: ## Assemble the dependencies' .proto files into third_party/proto
	scripts/proto-deps.sh

proto-gen: proto-deps $(PROTO_TOOLS) ## Generate Go, REST handlers and the OpenAPI document from proto/
	scripts/proto-gen.sh

proto-lint: proto-deps $(BIN)/buf ## Lint proto/
	$(BIN)/buf lint proto

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
