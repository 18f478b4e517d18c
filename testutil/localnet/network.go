// Package localnet runs real validator networks on this machine for tests and benchmarks: daemon processes with
// their workers, made by `opengradientd testnet`, on loopback ports.
package localnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opengradient/opengradient/testutil/chainclient"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// ChainID is the chain id of every network.
const ChainID = "opengradient-test-1"

// Options say what a network is made of. The zero value is four validators.
type Options struct {
	// Validators is the number of validators, four when zero.
	Validators int
	// TimeoutCommit is the time between a commit and the next proposal, one second when zero.
	TimeoutCommit time.Duration
	// TimeoutRound is how long a node waits for a proposal and for the votes of a round, the daemon's defaults when zero.
	TimeoutRound time.Duration
	// Workers names another worker binary for some nodes, by index.
	Workers map[int]string
	// Daemons names another daemon binary for some nodes, by index.
	Daemons map[int]string
	// SnapshotInterval is the number of blocks between state-sync snapshots, the daemon's default when zero.
	SnapshotInterval int
	// EditGenesis changes the genesis file of every node before the start.
	EditGenesis func(genesis map[string]any) error
	// Configure changes the settings of the i-th node before the start. All nodes are there by then.
	Configure func(n *Network, i int) error
}

// Network is a running network.
type Network struct {
	Dir    string
	Nodes  []*Node
	Codecs chainclient.Codecs
	// Faucet is the funded account.
	Faucet *chainclient.Signer

	daemon             string
	validators, offset int
}

// The ports of the first node, before the offset of the network. Each node has ports portsPerNode above those before it.
const (
	p2pPort, rpcPort, prometheusPort, restPort, grpcPort = 26656, 26657, 26660, 1317, 9090
	portsPerNode                                         = 10
)

// TB is the part of testing.TB that the package uses.
type TB interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Context() context.Context
}

// Start makes and starts a network and waits for its first blocks. It ends with the test; when the test failed,
// the tails of the logs are printed.
func Start(t TB, opts Options) *Network {
	t.Helper()
	n, err := Make(t.TempDir(), opts)
	if err != nil {
		t.Fatalf("make the network: %v", err)
	}
	t.Cleanup(func() {
		n.Stop()
		if t.Failed() {
			n.printLogs(t)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := n.Start(ctx); err != nil {
		t.Fatalf("%v", err)
	}
	return n
}

// Start starts all nodes and waits until each has made a few blocks and answers queries. After an error some of them
// may run.
func (n *Network) Start(ctx context.Context) error {
	for _, node := range n.Nodes {
		if err := node.Start(); err != nil {
			return fmt.Errorf("start %s: %w", node.Name, err)
		}
	}
	for _, node := range n.Nodes {
		if err := node.WaitHeight(ctx, 2); err != nil {
			return fmt.Errorf("%s makes no blocks: %w", node.Name, err)
		}
		// A chain that begins at a later height counts the blocks before it as made, but has no state to ask.
		err := chainclient.Until(ctx, node.Name+" to answer queries", func() (bool, error) {
			_, err := node.Client().Inference.Params(ctx, &inferencetypes.QueryParamsRequest{})
			return err == nil, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Make writes the home folders of a network below dir without starting it.
func Make(dir string, opts Options) (*Network, error) {
	if opts.Validators == 0 {
		opts.Validators = 4
	}
	if opts.TimeoutCommit == 0 {
		opts.TimeoutCommit = time.Second
	}
	daemon, err := Binary("opengradientd")
	if err != nil {
		return nil, err
	}
	offset, err := freeOffset(opts.Validators)
	if err != nil {
		return nil, err
	}
	netDir := filepath.Join(dir, "net")
	out, err := exec.Command(daemon, "testnet", "--validators", strconv.Itoa(opts.Validators), "--output-dir", netDir,
		"--chain-id", ChainID, "--port-offset", strconv.Itoa(offset), "--timeout-commit", opts.TimeoutCommit.String(),
		"--home", filepath.Join(dir, "unused")).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("opengradientd testnet: %w\n%s", err, out)
	}
	codecs, err := chainclient.LoadCodecs()
	if err != nil {
		return nil, err
	}
	n := &Network{Dir: netDir, Codecs: codecs, daemon: daemon, validators: opts.Validators, offset: offset}
	for i := range opts.Validators {
		node := n.node(i)
		if d, ok := opts.Daemons[i]; ok {
			node.daemon = d
		}
		if w, ok := opts.Workers[i]; ok {
			if err := node.SetAppConfig("inference", "worker", strconv.Quote(w)); err != nil {
				return nil, err
			}
		}
		if opts.TimeoutRound > 0 {
			for _, key := range []string{"timeout_propose", "timeout_prevote", "timeout_precommit"} {
				if err := node.SetCometConfig("consensus", key, strconv.Quote(opts.TimeoutRound.String())); err != nil {
					return nil, err
				}
			}
		}
		if opts.SnapshotInterval > 0 {
			if err := node.SetAppConfig("state-sync", "snapshot-interval", strconv.Itoa(opts.SnapshotInterval)); err != nil {
				return nil, err
			}
		}
		if opts.EditGenesis != nil {
			if err := editJSON(filepath.Join(node.Home, "config", "genesis.json"), opts.EditGenesis); err != nil {
				return nil, err
			}
		}
		n.Nodes = append(n.Nodes, node)
	}
	for i := range n.Nodes {
		if opts.Configure == nil {
			break
		}
		if err := opts.Configure(n, i); err != nil {
			return nil, err
		}
	}
	n.Faucet, err = chainclient.NewSigner(n.Nodes[0].Home, "faucet", ChainID, codecs)
	return n, err
}

func (n *Network) port(base, node int) int { return base + n.offset + portsPerNode*node }

// node is the i-th node of the network, whose home folder is there or about to be made.
func (n *Network) node(i int) *Node {
	name := fmt.Sprintf("node%d", i)
	return &Node{
		Name: name, Home: filepath.Join(n.Dir, name),
		RPC:     fmt.Sprintf("tcp://127.0.0.1:%d", n.port(rpcPort, i)),
		GRPC:    fmt.Sprintf("127.0.0.1:%d", n.port(grpcPort, i)),
		REST:    fmt.Sprintf("http://127.0.0.1:%d", n.port(restPort, i)),
		Metrics: fmt.Sprintf("http://127.0.0.1:%d", n.port(prometheusPort, i)),
		daemon:  n.daemon, codecs: n.Codecs,
	}
}

// Binary returns the path of a built program: in the folder that OG_BUILD_DIR names, or build/ of this repository.
func Binary(name string) (string, error) {
	path := filepath.Join(buildDir(), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("expected the program %s, run `make build` first: %w", path, err)
	}
	return path, nil
}

func buildDir() string {
	if dir := os.Getenv("OG_BUILD_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(Root(), "build")
}

// Root is the root folder of this repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Stop ends all nodes.
func (n *Network) Stop() {
	for _, node := range n.Nodes {
		node.Kill()
	}
}

// printLogs prints what each node says of its inference duty and of errors, and the end of its log.
func (n *Network) printLogs(t TB) {
	const told, tail = 40, 15
	for _, node := range n.Nodes {
		b, err := os.ReadFile(node.LogFile())
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		end := lines[max(0, len(lines)-tail):]
		if at := slices.IndexFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:")
		}); at >= 0 {
			end = lines[max(0, at-tail):min(len(lines), at+told)] // what was before it, and where it was
		}
		own := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
			return !strings.Contains(line, "module=inference") && !strings.Contains(line, " ERR ")
		})
		t.Logf("%s on inference and errors:\n%s\nend of its log:\n%s", node.Name,
			strings.Join(own[max(0, len(own)-told):], "\n"), strings.Join(end, "\n"))
	}
}

// freeOffset finds a port offset at which every port of the network is free.
func freeOffset(validators int) (int, error) {
	for offset := 2000 + 100*(os.Getpid()%50); offset < 30_000; offset += 500 {
		if allFree(offset, validators+spare) {
			return offset, nil
		}
	}
	return 0, errors.New("no free range of ports")
}

func allFree(offset, nodes int) bool {
	for i := range nodes {
		for _, base := range []int{p2pPort, rpcPort, prometheusPort, restPort, grpcPort} {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+offset+portsPerNode*i))
			if err != nil {
				return false
			}
			if l.Close() != nil {
				return false
			}
		}
	}
	return true
}
