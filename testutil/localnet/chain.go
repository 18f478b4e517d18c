package localnet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opengradient/opengradient/testutil/chainclient"
)

// Export writes the state of a node that does not run as a genesis document.
func (n *Node) Export() ([]byte, error) {
	file := filepath.Join(n.Home, "exported.json")
	out, err := exec.Command(n.daemon, "export", "--home", n.Home, "--output-document", file).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("export: %w\n%s", err, out)
	}
	return os.ReadFile(file)
}

// AppState returns the state of one module in a genesis document.
func AppState(genesis []byte, module string) (json.RawMessage, error) {
	var doc struct {
		AppState map[string]json.RawMessage `json:"app_state"`
	}
	if err := json.Unmarshal(genesis, &doc); err != nil {
		return nil, err
	}
	state, ok := doc.AppState[module]
	if !ok {
		return nil, fmt.Errorf("genesis: expected a state of %s", module)
	}
	return state, nil
}

// Reset removes what a node that does not run has of its chain, keeps its keys and gives it another genesis.
func (n *Node) Reset(genesis []byte) error {
	if err := n.forget(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(n.Home, "config", "genesis.json"), genesis, 0o600)
}

// forget removes the chain's data.
func (n *Node) forget() error {
	out, err := exec.Command(n.daemon, "comet", "unsafe-reset-all", "--home", n.Home).CombinedOutput()
	if err != nil {
		return fmt.Errorf("reset: %w\n%s", err, out)
	}
	return nil
}

// StateSync removes what a node that does not run has of its chain, and makes it begin from a snapshot at its next
// start. It trusts the block at height as client's node has it, and asks two RPC servers for headers.
func (n *Node) StateSync(ctx context.Context, client *chainclient.Client, height int64, servers ...string) error {
	block, err := client.RPC.Block(ctx, &height)
	if err != nil {
		return err
	}
	// The state of the signer must stay: what was signed must not be signed again.
	file := filepath.Join(n.Home, "data", "priv_validator_state.json")
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := n.forget(); err != nil {
		return err
	}
	if err := os.WriteFile(file, signed, 0o600); err != nil {
		return err
	}
	for _, set := range []struct{ key, value string }{
		{"enable", "true"},
		{"rpc_servers", strconv.Quote(strings.Join(servers, ","))},
		{"trust_height", strconv.FormatInt(height, 10)},
		{"trust_hash", strconv.Quote(block.BlockID.Hash.String())},
		{"discovery_time", strconv.Quote("5s")},
	} {
		if err := n.SetCometConfig("statesync", set.key, set.value); err != nil {
			return err
		}
	}
	return nil
}
