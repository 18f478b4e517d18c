package localnet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// spare is the number of nodes for which ports are kept beside the validators'.
const spare = 2

// Join writes the home folder of one more node, with a key named validator, and adds it to the network. It is no
// validator, and does not run yet.
func (n *Network) Join(timeoutCommit time.Duration) (*Node, error) {
	i := len(n.Nodes)
	if i >= n.validators+spare {
		return nil, fmt.Errorf("expected at most %d nodes beside the validators", spare)
	}
	node := n.node(i)
	for _, args := range [][]string{
		{"init", node.Name, "--chain-id", ChainID},
		{"keys", "add", "validator", "--keyring-backend", "test"},
	} {
		if out, err := exec.Command(node.daemon, append(args, "--home", node.Home)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", args[0], err, out)
		}
	}
	genesis, err := os.ReadFile(filepath.Join(n.Nodes[0].Home, "config", "genesis.json"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(node.Home, "config", "genesis.json"), genesis, 0o600); err != nil {
		return nil, err
	}
	peers, err := n.peers()
	if err != nil {
		return nil, err
	}
	for _, set := range []struct{ section, key, value string }{
		{"p2p", "laddr", strconv.Quote(fmt.Sprintf("tcp://127.0.0.1:%d", n.port(p2pPort, i)))},
		{"p2p", "persistent_peers", strconv.Quote(strings.Join(peers, ","))},
		{"p2p", "addr_book_strict", "false"},
		{"p2p", "allow_duplicate_ip", "true"},
		{"rpc", "laddr", strconv.Quote(node.RPC)},
		{"rpc", "pprof_laddr", `""`},
		{"instrumentation", "prometheus_listen_addr", strconv.Quote(fmt.Sprintf("127.0.0.1:%d", n.port(prometheusPort, i)))},
		{"consensus", "timeout_commit", strconv.Quote(timeoutCommit.String())},
	} {
		if err := node.SetCometConfig(set.section, set.key, set.value); err != nil {
			return nil, err
		}
	}
	for _, set := range []struct{ section, key, value string }{
		{"", "minimum-gas-prices", `"0uopg"`},
		{"api", "address", strconv.Quote(strings.Replace(node.REST, "http", "tcp", 1))},
		{"grpc", "address", strconv.Quote(node.GRPC)},
	} {
		if err := node.SetAppConfig(set.section, set.key, set.value); err != nil {
			return nil, err
		}
	}
	n.Nodes = append(n.Nodes, node)
	return node, nil
}

// peers are the addresses of the nodes there are, with their ids.
func (n *Network) peers() ([]string, error) {
	peers := make([]string, len(n.Nodes))
	for i, node := range n.Nodes {
		out, err := exec.Command(node.daemon, "comet", "show-node-id", "--home", node.Home).Output()
		if err != nil {
			return nil, fmt.Errorf("id of %s: %w", node.Name, err)
		}
		peers[i] = fmt.Sprintf("%s@127.0.0.1:%d", strings.TrimSpace(string(out)), n.port(p2pPort, i))
	}
	return peers, nil
}
