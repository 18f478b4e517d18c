//go:build nettest

// Package access tests how people and programs reach the chain: commands, the gateway, the node's REST and gRPC, the Go library,
// proofs, and what the developer guide tells its readers to type.
package access

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// bed is a network of four validators with the Iris model, registered as "iris", and a gateway that an account of its own pays for.
type bed struct {
	*nettest.Fixture
	// daemon is the path of opengradientd, grpcurl that of grpcurl.
	daemon, grpcurl string
	// home has the keyring with the key faucet, and the client's settings for the first node.
	home string
	// payerHome has the keyring with the key payer, and the gateway's folder.
	payerHome string
	// payer is the gateway's account.
	payer *chainclient.Signer
	// gateway and gatewayGRPC are the gateway's addresses, http://host:port and host:port, and key is an API key of it.
	gateway, gatewayGRPC, key string

	process *process
}

// payerFunds is what the gateway's account gets.
var payerFunds = sdk.NewCoins(sdk.NewInt64Coin(inferencetypes.Denom, 500_000_000))

// newBed registers the model on a network and starts a gateway.
func newBed(t *testing.T, net *localnet.Network) *bed {
	t.Helper()
	b := &bed{Fixture: nettest.Register(t, net), daemon: binary(t), grpcurl: grpcurl(t), home: net.Nodes[0].Home, payerHome: t.TempDir()}
	b.pay(t, "keys", "add", "payer", "--keyring-backend", "test")
	var err error
	if b.payer, err = chainclient.NewSigner(b.payerHome, "payer", localnet.ChainID, net.Codecs); err != nil {
		t.Fatal(err)
	}
	send := &banktypes.MsgSend{FromAddress: net.Faucet.Address.String(), ToAddress: b.payer.Address.String(), Amount: payerFunds}
	if _, err := b.Client.Deliver(nettest.Patience(t), net.Faucet, chainclient.Fees{}, send); err != nil {
		t.Fatal(err)
	}
	b.key = b.addKey(t, "tests", "400000000uopg")
	b.startGateway(t)
	return b
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := localnet.Binary("opengradientd")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func grpcurl(t *testing.T) string {
	t.Helper()
	path := filepath.Join(localnet.Root(), "bin", "grpcurl")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("expected the program %s, run `make bin/grpcurl` first: %v", path, err)
	}
	return path
}

// command is a command of the daemon for the first node.
func (b *bed) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), b.daemon, append(args, "--home", b.home)...)
}

// run runs a command that has to succeed, and gives its standard output.
func (b *bed) run(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, b.command(t, args...))
}

// pay runs a command in the folder of the gateway that has to succeed, and gives its standard output.
func (b *bed) pay(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, exec.CommandContext(t.Context(), b.daemon, append(args, "--home", b.payerHome)...))
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String()
}

// addKey makes an API key of the gateway.
func (b *bed) addKey(t *testing.T, name, quota string) string {
	t.Helper()
	var made struct {
		Key string `json:"key"`
	}
	out := b.pay(t, "gateway", "keys", "add", name, "--quota", quota, "--output", "json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Key == "" {
		t.Fatalf("expected a key, got %s (%v)", out, err)
	}
	return made.Key
}

// startGateway starts the gateway, on ports that are free, and waits until it listens. It ends with the test.
func (b *bed) startGateway(t *testing.T) {
	t.Helper()
	p := &process{cmd: exec.Command(b.daemon, "gateway", "--home", b.payerHome, "--keyring-backend", "test", "--from", "payer", "--gas-prices", "0.001uopg",
		"--node", b.Net.Nodes[0].RPC, "--node-grpc", b.Net.Nodes[0].GRPC,
		"--rest-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0")}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", p.log.tail())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the gateway: expected its addresses, got %q and %v\n%s", line, err, p.log.tail())
	}
	var rest, grpc, metrics string
	if _, err := fmt.Sscanf(line, "listening: rest=%s grpc=%s metrics=%s\n", &rest, &grpc, &metrics); err != nil {
		t.Fatalf("the gateway: expected its addresses, got %q", line)
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	b.process, b.gateway, b.gatewayGRPC = p, "http://"+rest, grpc
}

// process is a program that a test has started.
type process struct {
	cmd  *exec.Cmd
	log  tail
	once sync.Once
}

// kill ends it with SIGKILL.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
	})
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 16 << 10

// Write implements io.Writer.
func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if extra := len(l.text) - tailBytes; extra > 0 {
		l.text = l.text[extra:]
	}
	return len(p), nil
}

func (l *tail) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
