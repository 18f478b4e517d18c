#!/usr/bin/env bash
# Runs a network of validators on this machine, each a process of its own with its worker.
#
#   scripts/localnet.sh start     make the network if there is none, start its nodes, wait for blocks
#   scripts/localnet.sh status    height and process of each node
#   scripts/localnet.sh logs      follow the nodes' logs
#   scripts/localnet.sh stop      stop the nodes; a later start continues the chain
#   scripts/localnet.sh reset     stop the nodes and remove the network
#
# VALIDATORS (4) and PORT_OFFSET (0) count when the network is made. LOCALNET names its folder (.localnet).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly daemon=$PWD/build/opengradientd
net=${LOCALNET:-.localnet}
[[ $net == /* ]] || net=$PWD/$net
readonly net
readonly start_seconds=90 stop_seconds=30

fail() {
	echo "localnet: $*" >&2
	exit 1
}

homes() { find "$net" -mindepth 1 -maxdepth 1 -type d -name 'node*' 2>/dev/null | sort -V; }

# running HOME prints the process id of the home's node, if it runs. A process that merely got the number of a node that
# has ended is not ours: its command line names no such home.
running() {
	local pid
	pid=$(cat "$1/node.pid" 2>/dev/null) || return 1
	ps -o args= -p "$pid" 2>/dev/null | grep -qF -- "start --home $1" || return 1
	echo "$pid"
}

# height HOME prints the node's latest block height.
height() {
	local address
	address=$(sed -n 's|^node = "tcp://\(.*\)"|\1|p' "$1/config/client.toml")
	curl -fsS --max-time 2 "http://$address/status" 2>/dev/null |
		sed -n 's/.*"latest_block_height": *"\([0-9]*\)".*/\1/p' | head -n 1
}

start() {
	[[ -x $daemon ]] || fail "$daemon is missing: run \`make build\`"
	if [[ ! -d $net ]]; then
		"$daemon" testnet --validators "${VALIDATORS:-4}" --port-offset "${PORT_OFFSET:-0}" --output-dir "$net"
		for home in $(homes); do
			[[ ! -d build/lib ]] || ln -s "$PWD/build/lib" "$home/lib"
		done
	fi
	local home first
	first=$(homes | head -n 1)
	[[ -n $first ]] || fail "$net holds no node: run \`make localnet-reset\`"
	for home in $(homes); do
		if running "$home" >/dev/null; then
			continue
		fi
		nohup "$daemon" start --home "$home" >>"$home/node.log" 2>&1 </dev/null &
		echo $! >"$home/node.pid"
	done

	local begin=$SECONDS reached
	while ((SECONDS - begin < start_seconds)); do
		for home in $(homes); do
			# Right after its start a process has no command line of its own yet, so only its number counts here.
			kill -0 "$(cat "$home/node.pid")" 2>/dev/null || fail "$home ended:"$'\n'"$(tail -n 20 "$home/node.log")"
		done
		reached=$(height "$first" || true)
		if [[ -n $reached ]] && ((reached > 1)); then
			status
			return
		fi
		sleep 1
	done
	fail "no block within $start_seconds s: see $first/node.log"
}

status() {
	local home pid reached
	[[ -d $net ]] || fail "there is no network: run \`make localnet-start\`"
	for home in $(homes); do
		if pid=$(running "$home"); then
			reached=$(height "$home" || true)
			printf '%-8s process %-8s height %s\n' "${home##*/}" "$pid" "${reached:-unknown}"
		else
			printf '%-8s stopped\n' "${home##*/}"
		fi
	done
}

stop() {
	local home pid begin=$SECONDS
	for home in $(homes); do
		if pid=$(running "$home"); then
			kill "$pid"
		fi
	done
	for home in $(homes); do
		while running "$home" >/dev/null; do
			if ((SECONDS - begin > stop_seconds)); then
				echo "localnet: ${home##*/} did not end within $stop_seconds s and is killed" >&2
				kill -KILL "$(running "$home")" || true
			fi
			sleep 0.2
		done
		rm -f "$home/node.pid"
	done
}

case "${1:-}" in
start) start ;;
stop) stop ;;
status) status ;;
logs)
	[[ -d $net ]] || fail "there is no network: run \`make localnet-start\`"
	exec tail -n 20 -F "$net"/node*/node.log
	;;
reset)
	stop
	rm -rf "$net"
	;;
*)
	sed -n '2,10s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
