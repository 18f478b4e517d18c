package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/cometbft/cometbft/proto/tendermint/p2p"
	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/grpc/cmtservice"
	gogogrpc "github.com/cosmos/gogoproto/grpc"

	"github.com/opengradient/opengradient/internal/gateway/keys"
)

// execute runs the command with a home and gives what it prints.
func execute(t *testing.T, home string, args ...string) (string, error) {
	t.Helper()
	cmd := NewCommand()
	cmd.PersistentFlags().String(flags.FlagHome, home, "")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(context.WithValue(t.Context(), sdkclient.ClientContextKey, &sdkclient.Context{HomeDir: home}))
	return out.String(), err
}

func TestProgramsAreAnswered(t *testing.T) {
	home := t.TempDir()
	run := func(into any, args ...string) {
		t.Helper()
		out, err := execute(t, home, append(args, "--output", "json")...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatalf("%s: %v in %s", args, err, out)
		}
	}
	var file struct{ Path string }
	run(&file, "init")
	if file.Path != filepath.Join(home, "config", "gateway.toml") {
		t.Errorf("got %s", file.Path)
	}
	if _, err := os.Stat(file.Path); err != nil {
		t.Error(err)
	}
	var made struct{ ID, Key string }
	run(&made, "keys", "add", "alice", "--quota", "5")
	var key keys.Key
	run(&key, "keys", "set", "alice", "--quota", "9uopg", "--rate", "3/s")
	if key.ID != made.ID || key.Quota != 9 || key.Rate != 3 || key.Revoked != nil {
		t.Errorf("expected the key as it is now, got %+v", key)
	}
	run(&key, "keys", "revoke", made.ID)
	if key.Name != "alice" || key.Revoked == nil {
		t.Errorf("expected the key as it is now, got %+v", key)
	}
	if out, err := execute(t, home, "keys", "revoke", "alice"); err == nil || !strings.Contains(err.Error(), "expected one in use") || out != "" {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := execute(t, home, "keys", "set", "bob", "--quota", "1"); err == nil || !strings.Contains(err.Error(), `got "bob"`) {
		t.Errorf("got %v", err)
	}
}

func TestShellsCompleteNamesOfKeys(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"alice", "bob", "carol"} {
		if _, err := execute(t, home, "keys", "add", name, "--quota", "5uopg"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := execute(t, home, "keys", "revoke", "bob"); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"set", "revoke"} {
		out, err := execute(t, home, cobra.ShellCompNoDescRequestCmd, "keys", command, "")
		if err != nil {
			t.Fatal(err)
		}
		if offered := strings.Fields(out); !slices.Contains(offered, "alice") || !slices.Contains(offered, "carol") || slices.Contains(offered, "bob") {
			t.Errorf("%s: expected alice and carol, got %q", command, out)
		}
	}
}

// node answers for a chain, or not at all.
type node struct {
	gogogrpc.ClientConn
	network string
	err     error
}

func (n node) Invoke(_ context.Context, _ string, _, reply any, _ ...grpc.CallOption) error {
	if res, ok := reply.(*cmtservice.GetNodeInfoResponse); ok {
		res.DefaultNodeInfo = &p2p.DefaultNodeInfo{Network: n.network}
	}
	return n.err
}

func TestBothAddressesAreOfOneChain(t *testing.T) {
	for message, n := range map[string]node{
		"": {network: "one"}, `expected the chain "one" of node, got "two"`: {network: "two"}, "connection refused": {err: errors.New("connection refused")},
	} {
		err := sameChain(t.Context(), "localhost:9090", n, "one")
		if (err == nil) != (message == "") || err != nil && !strings.Contains(err.Error(), message) {
			t.Errorf("expected %q, got %v", message, err)
		}
	}
	if err := sameChain(t.Context(), "", nil, "one"); err != nil {
		t.Errorf("without an address: %v", err)
	}
}
