package worker_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/server"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

var stated = worker.EnvironmentClass{
	RuntimeVersion: "1.26.0", LibrarySHA256: workertest.Name([]byte("library")), Provider: "CPUExecutionProvider", Profile: 1, ISA: wire.ISAAVX2,
}

// endpoint watches a server at path.
func endpoint(t *testing.T, path string, class worker.EnvironmentClass) *worker.Endpoint {
	t.Helper()
	e, err := worker.Dial(worker.EndpointConfig{
		Target: "unix:" + path, Environment: class, MaxModelBytes: 1 << 20, MaxOutputBytes: 1 << 10,
		PollInterval: 5 * time.Millisecond, PollTimeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestEndpointInFrontOfAWorker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s", "w.sock")
	e := endpoint(t, path, stated)
	eventually(t, "an error while nobody listens", func() bool { s := e.Status(); return !s.Ready && s.LastError != "" })

	class := stated
	class.RuntimeVersion = "1.27.0"
	s, err := server.New(server.Config{
		Version: "v2", Environment: class, Runtime: actor{}, Inspect: func([]byte) (server.Signature, error) { return actorSignature, nil },
		ModelBudget: 1 << 20, MaxModelBytes: 1 << 20, MaxOutputBytes: 1 << 10, LoadTimeout: patience, RunTimeout: patience,
		Exit: func(int, string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	listen := func() *grpc.Server {
		listener, err := server.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		g := server.NewGRPC(s)
		go func() { _ = g.Serve(listener) }()
		t.Cleanup(g.Stop)
		return g
	}
	g := listen()
	eventually(t, "readiness", func() bool { return e.Status().Ready })
	if got := e.Status(); got.Environment != class || got.WorkerVersion != wire.Name+" v2" {
		t.Errorf("expected the class the server states, got %+v", got)
	}
	name := load(t, e)
	if got := e.Status().LoadedModels; len(got) != 1 || got[0] != name {
		t.Errorf("expected the model, got %v", got)
	}
	if outcome, err := e.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 0)}, []string{"y"}); err != nil || len(outcome.Outputs) != 1 {
		t.Errorf("expected y, got %+v, %v", outcome, err)
	}
	if outcome, err := e.Infer(t.Context(), name, []tensor.Tensor{workertest.Integers("x", 1)}, nil); err != nil || outcome.Failure != worker.FailureExecution {
		t.Errorf("expected a failure of the model, got %+v, %v", outcome, err)
	}
	g.Stop()
	eventually(t, "the server's absence", func() bool { return !e.Status().Ready })
	if _, err := e.Infer(t.Context(), name, nil, nil); !errors.Is(err, worker.ErrNotReady) {
		t.Errorf("expected ErrNotReady, got %v", err)
	}
	listen()
	eventually(t, "the server's return", func() bool { s := e.Status(); return s.Ready && s.Restarts == 1 })
}

// foreign is an inference server of another make: it states no environment class and answers with typed contents in its
// own order.
type foreign struct {
	oip.UnimplementedGRPCInferenceServiceServer
	outputs []*oip.ModelInferResponse_InferOutputTensor
}

func (foreign) ServerReady(context.Context, *oip.ServerReadyRequest) (*oip.ServerReadyResponse, error) {
	return &oip.ServerReadyResponse{Ready: true}, nil
}

func (foreign) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	return &oip.ServerMetadataResponse{Name: "other", Version: "3", Extensions: []string{"classification"}}, nil
}

func (foreign) RepositoryIndex(context.Context, *oip.RepositoryIndexRequest) (*oip.RepositoryIndexResponse, error) {
	return &oip.RepositoryIndexResponse{}, nil
}

func (f foreign) ModelInfer(context.Context, *oip.ModelInferRequest) (*oip.ModelInferResponse, error) {
	return &oip.ModelInferResponse{Outputs: f.outputs}, nil
}

func TestEndpointInFrontOfAnotherServer(t *testing.T) {
	folder := t.TempDir()
	start := func(name string, f foreign) *worker.Endpoint {
		path := filepath.Join(folder, name)
		listener, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		g := grpc.NewServer()
		oip.RegisterGRPCInferenceServiceServer(g, f)
		go func() { _ = g.Serve(listener) }()
		t.Cleanup(g.Stop)
		return endpoint(t, path, stated)
	}
	output := func(name string, values ...int64) *oip.ModelInferResponse_InferOutputTensor {
		return &oip.ModelInferResponse_InferOutputTensor{
			Name: name, Datatype: "INT64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Int64Contents: values},
		}
	}
	e := start("good", foreign{outputs: []*oip.ModelInferResponse_InferOutputTensor{output("b", 2), output("a", 1)}})
	eventually(t, "readiness", func() bool { return e.Status().Ready })
	if got := e.Status(); got.Environment != stated || got.WorkerVersion != "other 3" {
		t.Errorf("expected the class the operator states, got %+v", got)
	}
	outcome, err := e.Infer(t.Context(), workertest.Name(nil), nil, []string{"a", "b"})
	if err != nil || outcome.Outputs[0].Name != "a" || outcome.Outputs[1].Data[0] != 2 {
		t.Errorf("expected a then b, got %+v, %v", outcome, err)
	}
	if _, err := e.Infer(t.Context(), workertest.Name(nil), nil, []string{"a", "c"}); !errors.Is(err, worker.ErrProtocol) {
		t.Errorf("a missing output: expected ErrProtocol, got %v", err)
	}
	if _, err := e.Infer(t.Context(), workertest.Name(nil), nil, []string{"a"}); !errors.Is(err, worker.ErrProtocol) {
		t.Errorf("a surplus output: expected ErrProtocol, got %v", err)
	}
	if err := e.Load(t.Context(), workertest.Name(nil), nil); !errors.Is(err, worker.ErrProtocol) {
		t.Errorf("a server that cannot load: expected ErrProtocol, got %v", err)
	}
	bad := start("bad", foreign{outputs: []*oip.ModelInferResponse_InferOutputTensor{output("a", 1, 2, 3)}})
	if _, err := bad.Infer(t.Context(), workertest.Name(nil), nil, nil); !errors.Is(err, worker.ErrProtocol) {
		t.Errorf("data of wrong length: expected ErrProtocol, got %v", err)
	}
}

// A server that is replaced between two health checks by one of another class: what it answers is no outcome.
func TestEndpointThatIsReplacedBetweenHealthChecks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	swapped := &swapping{foreign: foreign{outputs: []*oip.ModelInferResponse_InferOutputTensor{{
		Name: "a", Datatype: "INT64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Int64Contents: []int64{1}},
	}}}}
	g := grpc.NewServer()
	oip.RegisterGRPCInferenceServiceServer(g, swapped)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	e, err := worker.Dial(worker.EndpointConfig{
		Target: "unix:" + path, MaxModelBytes: 1 << 20, MaxOutputBytes: 1 << 10, PollInterval: time.Hour, PollTimeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	eventually(t, "readiness", func() bool { return e.Status().Ready })
	if got := e.Status().Environment; got != stated {
		t.Fatalf("expected %+v, got %+v", stated, got)
	}
	if _, err := e.Infer(t.Context(), workertest.Name(nil), nil, []string{"a"}); err != nil {
		t.Errorf("expected an outcome of the class that was stated, got %v", err)
	}
	swapped.other.Store(true)
	if _, err := e.Infer(t.Context(), workertest.Name(nil), nil, []string{"a"}); !errors.Is(err, worker.ErrNotReady) {
		t.Errorf("expected ErrNotReady from a server of another class, got %v", err)
	}
}

// swapping is a server that states a class, and another one once it is told to.
type swapping struct {
	foreign
	other atomic.Bool
}

func (s *swapping) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	class := stated
	if s.other.Load() {
		class.RuntimeVersion = "0.0.1"
	}
	return &oip.ServerMetadataResponse{Name: "other", Version: "3", Extensions: class.Extensions()}, nil
}

func TestDialRefuses(t *testing.T) {
	valid := worker.EndpointConfig{Target: "unix:" + os.DevNull, MaxModelBytes: 1, MaxOutputBytes: 1, PollInterval: 1, PollTimeout: 1}
	for what, change := range map[string]func(*worker.EndpointConfig){
		"no target":               func(c *worker.EndpointConfig) { c.Target = "" },
		"no limit":                func(c *worker.EndpointConfig) { c.MaxModelBytes = 0 },
		"no interval":             func(c *worker.EndpointConfig) { c.PollInterval = 0 },
		"a class that is partial": func(c *worker.EndpointConfig) { c.Environment.ISA = wire.ISAAVX },
	} {
		c := valid
		change(&c)
		if e, err := worker.Dial(c); err == nil {
			e.Close()
			t.Errorf("%s: expected an error", what)
		}
	}
}
