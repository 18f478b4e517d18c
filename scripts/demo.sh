#!/usr/bin/env bash
# Shows the chain at work: builds it, starts a fresh network of four validators in .demo, trains a classifier of Iris
# flowers, registers it and asks for verified predictions, kills a worker on the way, and checks all that comes back.
#
# KEEP=1 leaves the network running. DEMO_REQUESTS (50) is the number of requests. PORT_OFFSET (100) is added to every
# port, so that a network started by `make localnet-start` is not in the way.
set -euo pipefail
cd "$(dirname "$0")/.."

export LOCALNET=.demo PORT_OFFSET=${PORT_OFFSET:-100} VALIDATORS=4
readonly requests=${DEMO_REQUESTS:-50} keep=${KEEP:-}

make --no-print-directory build onnxruntime

scripts/localnet.sh reset
finish() {
	if [[ -n $keep ]]; then
		echo "The network goes on. Continue with, for example:"
		echo "  build/opengradientd model list --home $LOCALNET/node0"
		echo "  LOCALNET=$LOCALNET scripts/localnet.sh logs"
		echo "Remove it: LOCALNET=$LOCALNET scripts/localnet.sh reset"
	else
		LOCALNET=$LOCALNET scripts/localnet.sh stop
		echo "The network is stopped (KEEP=1 leaves it running). Continue the chain: LOCALNET=$LOCALNET scripts/localnet.sh start"
	fi
}
trap finish EXIT
scripts/localnet.sh start

build/opengradient-demo train -o build/iris.onnx -rows build/iris-rows.json
build/opengradient-demo run -home "$LOCALNET/node0" -model build/iris.onnx -requests "$requests" \
	-rpc "tcp://127.0.0.1:$((26657 + PORT_OFFSET))" -grpc "127.0.0.1:$((9090 + PORT_OFFSET))" \
	-rest "http://127.0.0.1:$((1317 + PORT_OFFSET))" -kill-worker-of "$LOCALNET/node3"
