package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

const patience = 20 * time.Second

// fakeRuntime stands for the runtime: what it does is set by functions.
type fakeRuntime struct {
	load func(model []byte) error
	run  func(inputs, outputs []tensor.Tensor) ([]tensor.Tensor, error)

	loads, open, running, overlaps atomic.Int32
}

func (f *fakeRuntime) Load(model []byte) (backend.Session, error) {
	f.loads.Add(1)
	if f.load != nil {
		if err := f.load(model); err != nil {
			return nil, err
		}
	}
	f.open.Add(1)
	return &fakeSession{runtime: f}, nil
}

type fakeSession struct {
	runtime *fakeRuntime
	closed  bool
}

func (s *fakeSession) Run(inputs, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
	if s.closed {
		panic("a closed session runs")
	}
	if s.runtime.running.Add(1) != 1 {
		s.runtime.overlaps.Add(1)
	}
	defer s.runtime.running.Add(-1)
	if s.runtime.run != nil {
		return s.runtime.run(inputs, outputs)
	}
	return zeros(outputs), nil
}

func (s *fakeSession) Close() error {
	s.closed = true
	s.runtime.open.Add(-1)
	return nil
}

// zeros fills announced outputs.
func zeros(outputs []tensor.Tensor) []tensor.Tensor {
	filled := make([]tensor.Tensor, len(outputs))
	for i, t := range outputs {
		n, err := t.Elements()
		if err != nil {
			panic(err)
		}
		filled[i] = t
		filled[i].Data = make([]byte, int(n)*max(t.Datatype.Size(), 4*(1-min(t.Datatype.Size(), 1))))
	}
	return filled
}

// harness is a server on a socket, with a client.
type harness struct {
	client  oip.GRPCInferenceServiceClient
	runtime *fakeRuntime
	exits   chan int
}

var environment = wire.EnvironmentClass{
	RuntimeVersion: "1.27.0",
	LibrarySHA256:  workertest.Name([]byte("library")),
	Provider:       "CPUExecutionProvider",
	Profile:        1,
	ISA:            wire.ISAAVX2,
}

// signature of every model of the fake runtime, unless its bytes are "refused".
var signature = Signature{
	Inputs: []tensor.Spec{{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 2}}}},
	Outputs: []tensor.Spec{
		{Name: "y", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}},
		{Name: "label", Datatype: tensor.Bytes, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}},
	},
}

func start(t *testing.T, runtime *fakeRuntime, change func(*Config)) *harness {
	t.Helper()
	h := &harness{runtime: runtime, exits: make(chan int, 8)}
	cfg := Config{
		Version:     "test",
		Environment: environment,
		Runtime:     runtime,
		Inspect: func(model []byte) (Signature, error) {
			if string(model) == "refused" {
				return Signature{}, errors.New("unsupported operator")
			}
			return signature, nil
		},
		ModelBudget:    1000 * SessionFactor,
		MaxModelBytes:  4000,
		MaxOutputBytes: 1000,
		LoadTimeout:    patience,
		RunTimeout:     patience,
		Exit:           func(code int, _ string) { h.exits <- code },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s", "worker.sock")
	listener, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGRPC(s)
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		g.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		s.Close()
		if n := runtime.open.Load(); n != 0 {
			t.Errorf("expected every session closed, got %d open", n)
		}
		if n := runtime.overlaps.Load(); n != 0 {
			t.Errorf("expected one run at a time, got %d overlaps", n)
		}
	})
	h.client = oip.NewGRPCInferenceServiceClient(conn)
	return h
}

// load sends a model; it returns the outcome mark and the error.
func (h *harness) load(ctx context.Context, name string, model []byte) (string, error) {
	var trailer metadata.MD
	_, err := h.client.RepositoryModelLoad(ctx, &oip.RepositoryModelLoadRequest{
		ModelName: name,
		Parameters: map[string]*oip.ModelRepositoryParameter{
			wire.ModelFile: {ParameterChoice: &oip.ModelRepositoryParameter_BytesParam{BytesParam: model}},
		},
	}, grpc.Trailer(&trailer))
	return outcome(trailer), err
}

// infer asks for outputs of n rows; it returns them, the outcome mark and the error.
func (h *harness) infer(ctx context.Context, name string, n int, outputs ...string) ([]tensor.Tensor, string, error) {
	x := workertest.Floats("x", []int64{int64(n), 2}, make([]float32, 2*n)...)
	return h.send(ctx, codec.Request(name, []tensor.Tensor{x}, outputs))
}

func (h *harness) send(ctx context.Context, r *oip.ModelInferRequest) ([]tensor.Tensor, string, error) {
	var trailer metadata.MD
	response, err := h.client.ModelInfer(ctx, r, grpc.Trailer(&trailer))
	if err != nil {
		return nil, outcome(trailer), err
	}
	got, err := codec.Outputs(response)
	return got, outcome(trailer), err
}

func outcome(trailer metadata.MD) string {
	if values := trailer.Get(wire.OutcomeTrailer); len(values) == 1 {
		return values[0]
	}
	return ""
}

// loaded starts a server that holds one model.
func loaded(t *testing.T, runtime *fakeRuntime, change func(*Config)) (*harness, string) {
	t.Helper()
	h := start(t, runtime, change)
	model := []byte("model")
	if _, err := h.load(t.Context(), workertest.Name(model), model); err != nil {
		t.Fatal(err)
	}
	return h, workertest.Name(model)
}

func (h *harness) models(t *testing.T) map[string]bool {
	t.Helper()
	index, err := h.client.RepositoryIndex(t.Context(), &oip.RepositoryIndexRequest{})
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, m := range index.GetModels() {
		names[m.GetName()] = m.GetState() == "READY" && m.GetVersion() == "1"
	}
	return names
}

func TestConfigValidate(t *testing.T) {
	valid := Config{
		Version: "v", Environment: environment, Runtime: &fakeRuntime{},
		Inspect:     func([]byte) (Signature, error) { return signature, nil },
		ModelBudget: 1, MaxModelBytes: 1, MaxOutputBytes: 1, LoadTimeout: 1, RunTimeout: 1,
		Exit: func(int, string) {},
	}
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no environment":       func(c *Config) { c.Environment = wire.EnvironmentClass{} },
		"no runtime":           func(c *Config) { c.Runtime = nil },
		"no budget":            func(c *Config) { c.ModelBudget = 0 },
		"a negative limit":     func(c *Config) { c.MaxOutputBytes = -1 },
		"a limit over gRPC's":  func(c *Config) { c.MaxModelBytes = 1 << 40 },
		"no deadline for runs": func(c *Config) { c.RunTimeout = 0 },
	} {
		c := valid
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: expected an error", name)
		}
		if _, err := New(c); err == nil {
			t.Errorf("%s: expected no server", name)
		}
	}
}

func TestMetadata(t *testing.T) {
	h, name := loaded(t, &fakeRuntime{}, nil)
	live, err := h.client.ServerLive(t.Context(), &oip.ServerLiveRequest{})
	if err != nil || !live.GetLive() {
		t.Errorf("expected a live server, got %v, %v", live, err)
	}
	m, err := h.client.ServerMetadata(t.Context(), &oip.ServerMetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if class, found, err := wire.ParseEnvironment(m.GetExtensions()); err != nil || !found || class != environment || m.GetVersion() != "test" {
		t.Errorf("expected %v, got %v (%v, %v)", environment, m, found, err)
	}
	model, err := h.client.ModelMetadata(t.Context(), &oip.ModelMetadataRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(model.GetInputs()[0].GetShape(), model.GetOutputs()[1].GetDatatype()); got != "[-1 2]BYTES" {
		t.Errorf("expected the signature, got %v", model)
	}
	for asked, want := range map[string]bool{name: true, workertest.Name(nil): false} {
		ready, err := h.client.ModelReady(t.Context(), &oip.ModelReadyRequest{Name: asked})
		if err != nil || ready.GetReady() != want {
			t.Errorf("%s: expected %v, got %v, %v", asked, want, ready, err)
		}
	}
	if ready, err := h.client.ModelReady(t.Context(), &oip.ModelReadyRequest{Name: name, Version: "2"}); err != nil || ready.GetReady() {
		t.Errorf("another version: expected not ready, got %v, %v", ready, err)
	}
	if _, err := h.client.ModelMetadata(t.Context(), &oip.ModelMetadataRequest{Name: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown model: expected NotFound, got %v", err)
	}
}

func TestStatistics(t *testing.T) {
	calls := 0
	h, name := loaded(t, &fakeRuntime{run: func(_, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
		if calls++; calls == 3 {
			return nil, backend.ErrExecution
		}
		return zeros(outputs), nil
	}}, nil)
	for range 3 {
		_, _, _ = h.infer(t.Context(), name, 1)
	}
	r, err := h.client.ModelStatistics(t.Context(), &oip.ModelStatisticsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	s := r.GetModelStats()[0]
	if s.GetExecutionCount() != 2 || s.GetInferenceStats().GetSuccess().GetCount() != 2 || s.GetInferenceStats().GetFail().GetCount() != 1 {
		t.Errorf("expected 2 successes and 1 failure, got %v", s)
	}
	if _, err := h.client.ModelStatistics(t.Context(), &oip.ModelStatisticsRequest{Name: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown model: expected NotFound, got %v", err)
	}
}
