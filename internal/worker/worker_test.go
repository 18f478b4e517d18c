package worker_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/server"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

const (
	patience = 30 * time.Second
	// asWorker makes this test binary behave as a worker around a runtime that plays a part.
	asWorker = "OG_TEST_WORKER"
)

func TestMain(m *testing.M) {
	if part := os.Getenv(asWorker); part != "" {
		os.Exit(play(part, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// play is the worker process of these tests.
func play(part string, args []string) int {
	flags := flag.NewFlagSet(part, flag.ExitOnError)
	socket := flags.String("socket", "", "")
	loadTimeout := flags.Duration("load-timeout", 0, "")
	runTimeout := flags.Duration("run-timeout", 0, "")
	folder := flags.String("model-folder", "", "")
	flags.Bool("supervised", false, "")
	flags.Bool("cpu-time", false, "")
	for _, name := range []string{"library", "memory-limit", "model-budget", "max-model-bytes", "max-output-bytes", "nice"} {
		flags.String(name, "", "")
	}
	if err := flags.Parse(args); err != nil {
		return 1
	}
	if part == "node" {
		return playNode()
	}
	class := wire.EnvironmentClass{
		RuntimeVersion: "1.27.0", LibrarySHA256: workertest.Name(nil), Provider: "CPUExecutionProvider", Profile: 1, ISA: wire.ISAOther,
	}
	switch part {
	case "fails":
		fmt.Fprintln(os.Stderr, "the library is missing")
		return wire.ExitLibrary
	case "silent":
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	s, err := server.New(server.Config{
		Version: "v1", Environment: class, Runtime: actor{}, Inspect: func([]byte) (server.Signature, error) { return actorSignature, nil },
		ModelBudget: 1 << 20, MaxModelBytes: 1 << 20, MaxOutputBytes: 1 << 10, ModelFolder: *folder, LoadTimeout: *loadTimeout, RunTimeout: *runTimeout,
		Exit: func(code int, reason string) {
			fmt.Fprintln(os.Stderr, reason)
			os.Exit(code)
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	listener, err := server.Listen(*socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := server.NewGRPC(s).Serve(listener); err != nil {
		return 1
	}
	return 0
}

// playNode is a node that waits for its end with a worker running.
func playNode() int {
	cfg := worker.DefaultConfig()
	binary, err := os.Executable()
	if err != nil {
		return 1
	}
	cfg.BinaryPath, cfg.LibraryPath = binary, binary
	cfg.Environ = []string{asWorker + "=obeys"}
	s, err := worker.NewSupervisor(cfg)
	if err != nil {
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		return 1
	}
	fmt.Println("ready")
	select {}
}

// actor is a runtime whose models do what their input says: 0 gives the process's id, 1 fails, 2 hangs, 3 dies. A model
// named "hangs" hangs while it is loaded.
type actor struct{}

var actorSignature = server.Signature{
	Inputs:  []tensor.Spec{{Name: "x", Datatype: tensor.Int64, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}}},
	Outputs: []tensor.Spec{{Name: "y", Datatype: tensor.Int64, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}}},
}

func (actor) Load(model []byte) (backend.Session, error) {
	switch string(model) {
	case "hangs":
		select {}
	case "refused":
		return nil, backend.ErrModel
	}
	return actor{}, nil
}

func (actor) Run(inputs, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
	switch inputs[0].Data[0] {
	case 1:
		return nil, backend.ErrExecution
	case 2:
		select {}
	case 3:
		os.Exit(3)
	}
	return []tensor.Tensor{{Name: "y", Datatype: tensor.Int64, Shape: outputs[0].Shape, Data: make([]byte, len(inputs[0].Data))}}, nil
}

func (actor) Close() error { return nil }

// configure describes a worker that plays a part.
func configure(t *testing.T, part string) worker.Config {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := worker.DefaultConfig()
	cfg.BinaryPath, cfg.LibraryPath = binary, binary
	cfg.Environ = []string{asWorker + "=" + part}
	cfg.HealthInterval, cfg.HealthTimeout = 50*time.Millisecond, patience
	cfg.Backoff = worker.Backoff{Initial: time.Millisecond, Max: 20 * time.Millisecond, Reset: time.Minute}
	return cfg
}

// supervise starts a worker and waits until it is ready.
func supervise(t *testing.T, change func(*worker.Config)) *worker.Supervisor {
	t.Helper()
	cfg := configure(t, "obeys")
	if change != nil {
		change(&cfg)
	}
	s, err := worker.NewSupervisor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	waitReady(t, s)
	return s
}

func waitReady(t *testing.T, s *worker.Supervisor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually polls until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("expected %s within %s", what, patience)
		}
	}
}

// load makes the actor's model ready.
func load(t *testing.T, e worker.Engine) string {
	t.Helper()
	model := []byte("model")
	if err := e.Load(t.Context(), workertest.Name(model), model); err != nil {
		t.Fatal(err)
	}
	return workertest.Name(model)
}

func TestSupervisorRunsModels(t *testing.T) {
	s := supervise(t, nil)
	status := s.Status()
	if !status.Ready || status.Environment.Provider != "CPUExecutionProvider" || status.WorkerVersion != wire.Name+" v1" || status.Restarts != 0 {
		t.Errorf("expected a ready worker, got %+v", status)
	}
	name := load(t, s)
	if got := s.Status().LoadedModels; len(got) != 1 || got[0] != name {
		t.Errorf("expected %s loaded, got %v", name, got)
	}
	outcome, err := s.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 0, 0)}, []string{"y"})
	if err != nil || outcome.Failure != worker.FailureNone || len(outcome.Outputs) != 1 || len(outcome.Outputs[0].Data) != 16 {
		t.Errorf("expected y, got %+v, %v", outcome, err)
	}
}

func TestSupervisorTellsFailuresApart(t *testing.T) {
	s := supervise(t, nil)
	name := load(t, s)
	large := workertest.Integers("x", make([]int64, 1000)...)
	for what, c := range map[string]struct {
		name    string
		input   tensor.Tensor
		failure worker.Failure
		err     error
	}{
		"a failure of the model": {name, workertest.Integers("x", 1), worker.FailureExecution, nil},
		"outputs too large":      {name, large, worker.FailureOutputLimit, nil},
		"an unknown model":       {workertest.Name(nil), large, worker.FailureNone, worker.ErrNotLoaded},
		"a wrong input":          {name, workertest.Integers("z", 1), worker.FailureNone, worker.ErrInvalid},
	} {
		outcome, err := s.Infer(t.Context(), c.name, []tensor.Tensor{c.input}, nil)
		if !errors.Is(err, c.err) || outcome.Failure != c.failure || outcome.Outputs != nil {
			t.Errorf("%s: expected %s, %v, got %+v, %v", what, c.failure, c.err, outcome, err)
		}
	}
	for what, c := range map[string]struct {
		name, model string
		err         error
	}{
		"a name that is no digest": {"name", "model", worker.ErrInvalid},
		"the name of another":      {workertest.Name(nil), "model", worker.ErrInvalid},
		"a refused model":          {"", "refused", worker.ErrModelRefused},
		"a model beyond budget":    {"", strings.Repeat("m", 1<<19), worker.ErrTooLarge},
	} {
		if c.name == "" {
			c.name = workertest.Name([]byte(c.model))
		}
		if err := s.Load(t.Context(), c.name, []byte(c.model)); !errors.Is(err, c.err) {
			t.Errorf("%s: expected %v, got %v", what, c.err, err)
		}
	}
	if r := s.Status().Restarts; r != 0 {
		t.Errorf("expected no restart, got %d", r)
	}
}

// Whatever ends a worker, the call says why and the next worker serves.
func TestSupervisorRestarts(t *testing.T) {
	s := supervise(t, func(c *worker.Config) { c.LoadTimeout, c.RunTimeout = time.Second, time.Second })
	for i, c := range []struct {
		what string
		call func(name string) error
		err  error
		text string
	}{
		{"a crash", func(name string) error {
			_, err := s.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 3)}, nil)
			return err
		}, worker.ErrNotReady, "exit status 3"},
		{"a run that hangs", func(name string) error {
			_, err := s.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 2)}, nil)
			return err
		}, worker.ErrRunDeadline, "deadline"},
		{"a load that hangs", func(string) error {
			return s.Load(t.Context(), workertest.Name([]byte("hangs")), []byte("hangs"))
		}, worker.ErrLoadDeadline, "deadline"},
	} {
		name := load(t, s)
		err := c.call(name)
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: expected %v with %q, got %v", c.what, c.err, c.text, err)
		}
		if died := i == 0; errors.Is(err, worker.ErrDied) != died {
			t.Errorf("%s: expected ErrDied: %v, got %v", c.what, died, err)
		}
		eventually(t, "a restart after "+c.what, func() bool { return s.Status().Restarts == i+1 })
		waitReady(t, s)
		status := s.Status()
		if !strings.Contains(status.LastError, c.text) || len(status.LoadedModels) != 0 {
			t.Errorf("%s: expected the reason and no models, got %+v", c.what, status)
		}
		if _, err := s.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 0)}, nil); !errors.Is(err, worker.ErrNotLoaded) {
			t.Errorf("%s: expected ErrNotLoaded after the restart, got %v", c.what, err)
		}
	}
}

func TestSupervisorReportsWhyTheWorkerDoesNotStart(t *testing.T) {
	for part, text := range map[string]string{"fails": "the library is missing", "silent": "did not become ready within 200ms"} {
		t.Run(part, func(t *testing.T) {
			cfg := configure(t, part)
			cfg.StartTimeout = 200 * time.Millisecond
			if part == "fails" {
				cfg.StartTimeout = patience
			}
			lines := make(chan string, 1000)
			cfg.Log = func(line string) {
				select {
				case lines <- line:
				default:
				}
			}
			s, err := worker.NewSupervisor(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			eventually(t, "restarts", func() bool { return s.Status().Restarts >= 2 })
			status := s.Status()
			if status.Ready || !strings.Contains(status.LastError, text) {
				t.Errorf("expected %q, got %+v", text, status)
			}
			if err := s.Load(t.Context(), workertest.Name(nil), nil); !errors.Is(err, worker.ErrNotReady) || !strings.Contains(err.Error(), text) {
				t.Errorf("expected ErrNotReady with the reason, got %v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if err := s.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), text) {
				t.Errorf("expected the deadline with the reason, got %v", err)
			}
			if line := <-lines; line == "" {
				t.Error("expected log lines")
			}
		})
	}
}

func TestSupervisorClose(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s := supervise(t, func(c *worker.Config) { c.SocketDir = folder })
	name := load(t, s)
	done := make(chan error, 1)
	go func() {
		_, err := s.Infer(context.Background(), name, []tensor.Tensor{workertest.Integers("x", 2)}, nil)
		done <- err
	}()
	s.Close()
	s.Close() // harmless
	if err := <-done; !errors.Is(err, worker.ErrNotReady) || errors.Is(err, worker.ErrDied) {
		t.Errorf("a call under way: expected ErrNotReady and not ErrDied, got %v", err)
	}
	if _, err := s.Infer(t.Context(), name, nil, nil); !errors.Is(err, worker.ErrNotReady) {
		t.Errorf("a further call: expected ErrNotReady, got %v", err)
	}
	if err := s.WaitReady(t.Context()); !errors.Is(err, worker.ErrNotReady) {
		t.Errorf("waiting: expected ErrNotReady, got %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("expected no socket left, got %v, %v", left, err)
	}
}

func TestCallerMayGiveUp(t *testing.T) {
	s := supervise(t, nil)
	name := load(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Infer(ctx, name, []tensor.Tensor{workertest.Integers("x", 2)}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("expected DeadlineExceeded, got %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	for what, change := range map[string]func(*worker.Config){
		"no binary":             func(c *worker.Config) { c.BinaryPath = "" },
		"a missing binary":      func(c *worker.Config) { c.BinaryPath = filepath.Join(t.TempDir(), "none") },
		"a missing library":     func(c *worker.Config) { c.LibraryPath = filepath.Join(t.TempDir(), "none") },
		"no deadline for loads": func(c *worker.Config) { c.LoadTimeout = 0 },
		"a backoff upside down": func(c *worker.Config) { c.Backoff.Max = 0 },
		"no model budget":       func(c *worker.Config) { c.ModelBudget = 0 },
		"a niceness too high":   func(c *worker.Config) { c.Nice = 20 },
		"a socket path too long": func(c *worker.Config) {
			c.SocketDir = "/" + strings.Repeat("l", 100)
		},
	} {
		cfg := configure(t, "obeys")
		change(&cfg)
		if s, err := worker.NewSupervisor(cfg); err == nil {
			s.Close()
			t.Errorf("%s: expected an error", what)
		}
	}
}
