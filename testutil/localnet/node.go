package localnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/testutil/chainclient"
)

// Node is one validator of a network: a daemon process with its worker.
type Node struct {
	Name string
	Home string
	// RPC, GRPC, REST and Metrics are the node's addresses.
	RPC, GRPC, REST, Metrics string

	daemon string
	codecs chainclient.Codecs

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	client *chainclient.Client
}

// LogFile is the file that takes the node's output.
func (n *Node) LogFile() string { return filepath.Join(n.Home, "node.log") }

// Client is a connection to the node; it survives restarts of the node.
func (n *Node) Client() *chainclient.Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client == nil {
		c, err := chainclient.Dial(n.GRPC, n.RPC, n.codecs)
		if err != nil {
			// Dialling connects lazily: only a malformed address of this package's own making gets here.
			panic(err)
		}
		n.client = c
	}
	return n.client
}

// Start starts the node's process. It must not be running.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	log, err := os.OpenFile(n.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(n.daemon, "start", "--home", n.Home, "--log_no_color")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = os.Environ()
	if os.Getenv(wire.LibraryVariable) == "" {
		cmd.Env = append(cmd.Env, wire.LibraryVariable+"="+filepath.Join(buildDir(), "lib"))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		_ = log.Close()
		close(exited)
	}()
	n.cmd, n.exited = cmd, exited
	return nil
}

// WaitHeight waits until the node has committed height. It fails at once when the node does not run.
func (n *Node) WaitHeight(ctx context.Context, height int64) error {
	return chainclient.Until(ctx, fmt.Sprintf("height %d", height), func() (bool, error) {
		if !n.Signal(0) {
			return false, fmt.Errorf("%s has ended", n.Name)
		}
		h, err := n.Client().Height(ctx)
		return err == nil && h >= height, nil
	})
}

// Stop ends the node with SIGTERM and waits for it.
func (n *Node) Stop() error {
	if !n.Signal(syscall.SIGTERM) {
		return nil
	}
	select {
	case <-n.exited:
		return nil
	case <-time.After(30 * time.Second):
		n.Kill()
		return fmt.Errorf("%s did not stop within 30 s of SIGTERM", n.Name)
	}
}

// Kill ends the node and its worker with SIGKILL and waits for the node.
func (n *Node) Kill() {
	n.mu.Lock()
	cmd, exited := n.cmd, n.exited
	n.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-exited
}

// Signal sends a signal to the daemon; it is false when the daemon does not run.
func (n *Node) Signal(s syscall.Signal) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.exited:
		return false
	default:
		return n.cmd.Process.Signal(s) == nil
	}
}

// WorkerPID returns the process id of the node's worker. It fails with ErrNoWorker while there is none.
func (n *Node) WorkerPID() (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0, ErrNoWorker
	}
	return WorkerPID(n.cmd.Process.Pid)
}

// SignalWorker sends a signal to the node's worker.
func (n *Node) SignalWorker(s syscall.Signal) error {
	pid, err := n.WorkerPID()
	if err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return syscall.Kill(pid, s)
}

// SetAppConfig sets a key in the section of app.toml, to a value in TOML. The key must be there already.
func (n *Node) SetAppConfig(section, key, value string) error {
	return setConfig(filepath.Join(n.Home, "config", "app.toml"), section, key, value)
}

// SetCometConfig sets a key in the section of config.toml, to a value in TOML; an empty section is the top of the
// file. The key must be there already.
func (n *Node) SetCometConfig(section, key, value string) error {
	return setConfig(filepath.Join(n.Home, "config", "config.toml"), section, key, value)
}

func setConfig(file, section, key, value string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(b), "\n")
	current := ""
	for i, line := range lines {
		if name, ok := strings.CutPrefix(line, "["); ok {
			current = strings.TrimRight(strings.TrimSpace(name), "]")
		}
		if name, _, ok := strings.Cut(line, "="); ok && current == section && strings.TrimSpace(name) == key {
			lines[i] = key + " = " + value
			return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600)
		}
	}
	return fmt.Errorf("%s: expected the key %q in section [%s]", file, key, section)
}

func editJSON(file string, edit func(map[string]any) error) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	if err := edit(doc); err != nil {
		return err
	}
	if b, err = json.MarshalIndent(doc, "", " "); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}
