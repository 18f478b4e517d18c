SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# Overridable: `make GO=go1.26.8 test`, `make BUILDFLAGS=-trimpath build`.
GO ?= go
BUILDFLAGS ?=
FUZZTIME ?= 60s
FUZZTIME_INSPECT ?= 300s
BENCH ?= .
BENCHFLAGS ?=
SIMFLAGS ?=
CHAOSFLAGS ?=
export GO VALIDATORS PORT_OFFSET

BIN := bin
BUILD := build

##@ Build

VERSION ?= $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo dev))
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null)
SDK_VERSION := github.com/cosmos/cosmos-sdk/version
LDFLAGS := -X $(SDK_VERSION).Name=opengradient -X $(SDK_VERSION).AppName=opengradientd \
	-X $(SDK_VERSION).Version=$(VERSION) -X $(SDK_VERSION).Commit=$(COMMIT)

# One setting of cgo for builds, tests and lint: the SDK is compiled once. Only the worker links C code of ours.
COMMANDS := opengradientd opengradient-demo opengradient-worker

.PHONY: build install onnxruntime tools clean
build: ## Build the daemon, the worker and the demonstration into build/
	@mkdir -p $(BUILD)
	$(foreach command,$(COMMANDS),$(GO) build $(BUILDFLAGS) -ldflags '$(LDFLAGS)' -o $(BUILD)/ ./cmd/$(command);)

install: ## Install the daemon and the worker into GOBIN
	$(GO) install $(BUILDFLAGS) -ldflags '$(LDFLAGS)' ./cmd/opengradientd
	$(GO) install $(BUILDFLAGS) -ldflags '$(LDFLAGS)' ./cmd/opengradient-worker

onnxruntime: ## Install the pinned ONNX Runtime library into build/lib
	scripts/install-onnxruntime.sh $(BUILD)/lib

PLUGINS := protoc-gen-gocosmos protoc-gen-grpc-gateway protoc-gen-openapiv2 protoc-gen-go protoc-gen-go-grpc
PROTO_TOOLS := $(BIN)/buf $(addprefix $(BIN)/,$(PLUGINS))

PACKAGE_protoc-gen-gocosmos := github.com/cosmos/gogoproto/protoc-gen-gocosmos
PACKAGE_protoc-gen-grpc-gateway := github.com/grpc-ecosystem/grpc-gateway/protoc-gen-grpc-gateway
PACKAGE_protoc-gen-openapiv2 := github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv2
PACKAGE_protoc-gen-go := google.golang.org/protobuf/cmd/protoc-gen-go
PACKAGE_protoc-gen-go-grpc := google.golang.org/grpc/cmd/protoc-gen-go-grpc

# A tool is built from the module that pins it, and again only when the pin moves.
$(addprefix $(BIN)/,$(PLUGINS)): tools/go.mod tools/go.sum
	cd tools && $(GO) build -trimpath -o ../$@ $(PACKAGE_$(@F))

$(BIN)/buf: tools/buf/go.mod tools/buf/go.sum
	cd tools/buf && $(GO) build -trimpath -ldflags '-s -w' -o ../../$@ github.com/bufbuild/buf/cmd/buf

$(BIN)/golangci-lint: tools/golangci-lint/go.mod tools/golangci-lint/go.sum
	cd tools/golangci-lint && $(GO) build -trimpath -ldflags '-s -w' -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(BIN)/grpcurl: tools/grpcurl/go.mod tools/grpcurl/go.sum
	cd tools/grpcurl && $(GO) build -trimpath -ldflags '-s -w' -o ../../$@ github.com/fullstorydev/grpcurl/cmd/grpcurl

tools: $(PROTO_TOOLS) $(BIN)/golangci-lint $(BIN)/grpcurl ## Build the pinned tools into bin/ (minutes the first time)

clean: ## Remove build results and assembled files; the tools in bin/ stay
	rm -rf $(BUILD) third_party coverage.out

##@ Protobuf

.PHONY: proto-deps proto-gen proto-check proto-lint proto-breaking
proto-deps: ## Assemble the dependencies' .proto files into third_party/proto
	@scripts/proto-deps.sh

proto-gen: proto-deps $(PROTO_TOOLS) ## Generate Go, REST handlers and the OpenAPI document from proto/
	scripts/proto-gen.sh

proto-check: proto-deps $(PROTO_TOOLS) ## Fail when generated files are not up to date
	scripts/proto-gen.sh --check

proto-lint: proto-deps $(BIN)/buf ## Lint proto/
	$(BIN)/buf lint proto

proto-breaking: proto-deps $(BIN)/buf ## Fail on changes incompatible with the last release (PROTO_BASE=ref)
	scripts/proto-breaking.sh $(PROTO_BASE)

##@ Code

.PHONY: fmt lint
fmt: $(BIN)/golangci-lint ## Format Go files and order their imports
	$(BIN)/golangci-lint fmt

lint: $(BIN)/golangci-lint ## Lint Go files and check the dependency boundaries
	$(BIN)/golangci-lint run
	scripts/check-deps.sh

##@ Test

# Network tests start real nodes from build/. One of them, the chain as people and programs reach it, is part of `make test`.
NETTEST := ./testutil/nettest

.PHONY: test test-unit test-net test-race test-long test-qemu chaos fuzz fuzz-short fuzz-inspect bench
test: test-unit fuzz-short build $(BIN)/grpcurl ## Unit tests, a short fuzz and one network test
	$(GO) test -tags nettest -count 1 -timeout 15m $(NETTEST)/access

test-unit: onnxruntime ## Tests of all packages
	$(GO) test -timeout 20m ./...

test-net: build onnxruntime ## The other network tests, one after the other
	packages=$$($(GO) list -tags nettest $(NETTEST)/... | grep -v '/testutil/nettest/access$$'); \
		$(GO) test -tags nettest -count 1 -p 1 -timeout 40m $$packages

test-race: onnxruntime ## Tests of all packages under the race detector
	$(GO) test -race -timeout 60m ./...

test-long: onnxruntime fuzz-inspect ## Property tests with 10,000 cases each, and a long fuzz of inspection
	packages=$$($(GO) list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/pgregory.net\/rapid/ { print $$1 }'); \
		$(GO) test -count 1 -timeout 120m $$packages -rapid.checks=10000

chaos: build onnxruntime ## Kill nodes of a network at random moments, 30 times (CHAOSFLAGS='-kills 100 -seed 2')
	$(GO) test -tags nettest -count 1 -v -timeout 120m ./testutil/chaos $(CHAOSFLAGS)

test-qemu: ## Tests of the pure packages on emulated arm64 and older and newer amd64 processors
	scripts/test-qemu.sh

fuzz: ## Every fuzz target for FUZZTIME (60s)
	scripts/fuzz.sh $(FUZZTIME)

# Two targets of FUZZTIME_INSPECT each. Every input is held to a bound on what inspection allocates for it.
fuzz-inspect: ## Fuzz inspection for at least ten minutes of a core, under a memory ceiling (FUZZTIME_INSPECT=300s)
	GOMEMLIMIT=512MiB FUZZFLAGS=-fuzzminimizetime=2s scripts/fuzz.sh $(FUZZTIME_INSPECT) ./internal/onnxfile ./testutil/hostile

fuzz-short: ## Every fuzz target for 2 seconds
	scripts/fuzz.sh 2s

bench: onnxruntime ## Benchmarks (BENCH=regexp)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m ./...

.PHONY: bench-net bench-stall
bench-net: build onnxruntime ## Inferences against bank sends on one network, into docs/benchmarks.md (BENCHFLAGS)
	$(GO) run ./testutil/benchnet throughput $(BENCHFLAGS)

bench-stall: build onnxruntime ## Block interval with a stopped worker, at most 1.2 times the undisturbed one (BENCHFLAGS)
	$(GO) run ./testutil/benchnet stall $(BENCHFLAGS)

.PHONY: bench-stability
bench-stability: ## Models as they are and prepared on this processor and emulated ones, into docs/model-stability.md (BENCHFLAGS)
	scripts/bench-stability.sh $(BENCHFLAGS)

.PHONY: bench-cost model-coverage
bench-cost: onnxruntime ## Static cost against measured time, into docs/model-coverage.md; fails when the ranks correlate by less than 0.9
	$(GO) run ./testutil/costbench -library $(BUILD)/lib -document docs/model-coverage.md

model-coverage: ## Operators that inspection accepts, into docs/model-coverage.md
	$(GO) test -count 1 -run '^TestCoverageDocument$$' ./internal/onnxfile -update

SIM_DOCUMENT := docs/scheduling-simulator.md
.PHONY: sim-scheduling
sim-scheduling: ## Scheduling rules over synthetic networks, into docs/scheduling-simulator.md; fails when a promise breaks (SIMFLAGS)
	$(GO) run ./testutil/schedsim -check -o $(SIM_DOCUMENT) -plots docs/img $(SIMFLAGS)

##@ Local network

.PHONY: demo
demo: ## Verified predictions from a fresh network in .demo, all of it checked (KEEP=1 leaves it running)
	@scripts/demo.sh

.PHONY: localnet-start localnet-stop localnet-status localnet-logs localnet-reset
localnet-start: build onnxruntime ## Start a network on this machine (VALIDATORS=4 PORT_OFFSET=0)
	scripts/localnet.sh start

localnet-stop: ## Stop its nodes; a later start continues the chain
	scripts/localnet.sh stop

localnet-status: ## Height and process of each node
	scripts/localnet.sh status

localnet-logs: ## Follow the nodes' logs
	scripts/localnet.sh logs

localnet-reset: ## Stop its nodes and remove it
	scripts/localnet.sh reset

##@ Help

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
