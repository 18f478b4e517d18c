package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

const (
	patience = 60 * time.Second
	// asWorker makes this test binary behave as the command.
	asWorker = "OG_TEST_WORKER"
)

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		main()
	}
	os.Exit(m.Run())
}

// supervise runs the command under a supervisor and waits until it is ready.
func supervise(tb testing.TB, change func(*worker.Config)) *worker.Supervisor {
	tb.Helper()
	binary, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cfg := worker.DefaultConfig()
	cfg.BinaryPath, cfg.LibraryPath = binary, workertest.Library(tb)
	cfg.Environ = []string{asWorker + "=1"}
	cfg.HealthInterval, cfg.HealthTimeout = 50*time.Millisecond, patience
	cfg.Backoff.Initial = time.Millisecond
	if change != nil {
		change(&cfg)
	}
	s, err := worker.NewSupervisor(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	waitReady(tb, s)
	return s
}

func waitReady(tb testing.TB, s *worker.Supervisor) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		tb.Fatal(err)
	}
}

func load(tb testing.TB, s *worker.Supervisor, m onnxwrite.Model) string {
	tb.Helper()
	model, name := workertest.Marshal(tb, m)
	if err := s.Load(tb.Context(), name, model); err != nil {
		tb.Fatal(err)
	}
	return name
}

func infer(tb testing.TB, s *worker.Supervisor, name string, inputs ...tensor.Tensor) []tensor.Tensor {
	tb.Helper()
	outcome, err := s.Infer(tb.Context(), name, inputs, nil)
	if err != nil || outcome.Failure != worker.FailureNone {
		tb.Fatalf("expected outputs, got %s, %v", outcome.Failure, err)
	}
	return outcome.Outputs
}

// restarted waits until the nth restart is done.
func restarted(t *testing.T, s *worker.Supervisor, n int) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if status := s.Status(); status.Restarts >= n && status.Ready {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("expected restart %d within %s, got %+v", n, patience, s.Status())
		}
	}
}

func TestWorkerStatesItsEnvironment(t *testing.T) {
	got := supervise(t, nil).Status().Environment
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
	if got.RuntimeVersion != "1.27.0" || got.Profile != 1 || got.Provider != "CPUExecutionProvider" {
		t.Errorf("expected the canonical profile of 1.27.0, got %v", got)
	}
}

// The same request gives the same bits on every run, in every process.
func TestWorkerRepeatsBits(t *testing.T) {
	x := workertest.Floats("x", []int64{3, 4}, workertest.Wave(12, 0.9)...)
	var first []byte
	for range 2 {
		s := supervise(t, nil)
		name := load(t, s, workertest.Network())
		for range 3 {
			outputs := infer(t, s, name, x)
			encoded, err := tensor.EncodeOutputs(outputs)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = encoded
			}
			if !bytes.Equal(encoded, first) {
				t.Fatalf("expected %x, got %x", first, encoded)
			}
		}
		s.Close()
	}
}

func TestWorkerTellsFailuresApart(t *testing.T) {
	s := supervise(t, func(c *worker.Config) { c.MaxOutputBytes = 1000 })
	network, lookup := load(t, s, workertest.Network()), load(t, s, workertest.Lookup())
	for what, c := range map[string]struct {
		name    string
		input   tensor.Tensor
		failure worker.Failure
		err     error
	}{
		"an index out of range": {lookup, workertest.Integers("index", 0, 4), worker.FailureExecution, nil},
		"outputs too large":     {network, workertest.Floats("x", []int64{100, 4}, make([]float32, 400)...), worker.FailureOutputLimit, nil},
		"a wrong shape":         {network, workertest.Floats("x", []int64{1, 3}, 1, 2, 3), worker.FailureNone, worker.ErrInvalid},
		"a wrong datatype":      {network, workertest.Integers("x", 1), worker.FailureNone, worker.ErrInvalid},
		"another model":         {workertest.Name(nil), workertest.Integers("x", 1), worker.FailureNone, worker.ErrNotLoaded},
	} {
		outcome, err := s.Infer(t.Context(), c.name, []tensor.Tensor{c.input}, nil)
		if !errors.Is(err, c.err) || outcome.Failure != c.failure {
			t.Errorf("%s: expected %s, %v, got %s, %v", what, c.failure, c.err, outcome.Failure, err)
		}
	}
	infer(t, s, lookup, workertest.Integers("index", 0, 3))
}

func TestWorkerRefusesModels(t *testing.T) {
	s := supervise(t, nil)
	random := workertest.Network()
	random.Graph.Nodes[1].Op = "RandomNormalLike"
	wrong := workertest.Network()
	wrong.Graph.Nodes[0].Inputs = []string{"x", "w1", "b1", "b1"} // Gemm has three
	for what, m := range map[string]onnxwrite.Model{"randomness": random, "a malformed node": wrong} {
		model := m.MarshalUnchecked()
		if err := s.Load(t.Context(), workertest.Name(model), model); !errors.Is(err, worker.ErrModelRefused) {
			t.Errorf("%s: expected ErrModelRefused, got %v", what, err)
		}
	}
	if r := s.Status().Restarts; r != 0 {
		t.Errorf("expected no restart, got %d", r)
	}
}

func TestWorkerEndsOnDeadlines(t *testing.T) {
	const size = 1024
	x := workertest.Floats("x", []int64{size, size}, make([]float32, size*size)...)
	s := supervise(t, func(c *worker.Config) { c.RunTimeout, c.MaxOutputBytes = 300*time.Millisecond, 8<<20 })
	heavy := load(t, s, workertest.Heavy(size, 96))
	if _, err := s.Infer(t.Context(), heavy, []tensor.Tensor{x}, nil); !errors.Is(err, worker.ErrRunDeadline) {
		t.Errorf("a long run: expected ErrRunDeadline, got %v", err)
	}
	restarted(t, s, 1)
	infer(t, s, load(t, s, workertest.Lookup()), workertest.Integers("index", 1))

	s = supervise(t, func(c *worker.Config) { c.LoadTimeout = time.Microsecond })
	model, name := workertest.Marshal(t, workertest.Weighted(4<<20))
	if err := s.Load(t.Context(), name, model); !errors.Is(err, worker.ErrLoadDeadline) {
		t.Errorf("a long load: expected ErrLoadDeadline, got %v", err)
	}
	restarted(t, s, 1)
}

func TestWorkerLimitsAreFlags(t *testing.T) {
	s := supervise(t, func(c *worker.Config) { c.ModelBudget = 1 << 20 })
	model, name := workertest.Marshal(t, workertest.Weighted(1<<16))
	if err := s.Load(t.Context(), name, model); !errors.Is(err, worker.ErrResources) {
		t.Errorf("a model beyond the budget: expected ErrResources, got %v", err)
	}
	s = supervise(t, func(c *worker.Config) { c.MaxModelBytes = 100 })
	if err := s.Load(t.Context(), name, model[:1<<16]); !errors.Is(err, worker.ErrInvalid) {
		t.Errorf("a model too large: expected ErrInvalid, got %v", err)
	}
}

func TestWorkerReportsWhyItDoesNotStart(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := worker.DefaultConfig()
	cfg.BinaryPath, cfg.LibraryPath = binary, binary // no library, but a file
	cfg.Environ = []string{asWorker + "=1"}
	s, err := worker.NewSupervisor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for s.Status().LastError == "" && ctx.Err() == nil {
		wait, done := context.WithTimeout(ctx, 5*time.Millisecond)
		_ = s.WaitReady(wait)
		done()
	}
	if last := s.Status().LastError; !strings.Contains(last, "install-onnxruntime.sh") {
		t.Errorf("expected advice, got %q", last)
	}
}

// Round trips through the process, on one connection.
func BenchmarkInfer(b *testing.B) {
	s := supervise(b, nil)
	network := load(b, s, workertest.Network())
	const n = 1 << 18
	weighted := load(b, s, workertest.Weighted(n))
	for name, c := range map[string]struct {
		model string
		input tensor.Tensor
	}{
		"network": {network, workertest.Floats("x", []int64{1, 4}, 1, 2, 3, 4)},
		"1MiB":    {weighted, workertest.Floats("x", []int64{n}, make([]float32, n)...)},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.input.Data)))
			for b.Loop() {
				if _, err := s.Infer(b.Context(), c.model, []tensor.Tensor{c.input}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Loads of small models, most of which are there already.
func BenchmarkLoad(b *testing.B) {
	s := supervise(b, func(c *worker.Config) { c.ModelBudget = 10 << 20 })
	var models [][]byte
	for i := range 64 {
		m := workertest.Network()
		m.ModelVersion = int64(i + 1)
		model, _ := workertest.Marshal(b, m)
		models = append(models, model)
	}
	i := 0
	for b.Loop() {
		model := models[i%len(models)]
		i++
		name := workertest.Name(model)
		if err := s.Load(b.Context(), name, model); err != nil {
			b.Fatal(err)
		}
	}
}
