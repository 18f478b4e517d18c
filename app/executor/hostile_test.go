package executor

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/internal/worker/ort"
	"github.com/opengradient/opengradient/internal/worker/server"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
	"github.com/opengradient/opengradient/testutil/hostile"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// asWorker makes this test binary behave as a worker around the real runtime.
const asWorker = "OG_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		if err := serveAsWorker(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, wire.Name+":", err)
			os.Exit(wire.ExitFailure)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveAsWorker(args []string) error {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	socket, library := flags.String("socket", "", ""), flags.String("library", "", "")
	load, run := flags.Duration("load-timeout", 0, ""), flags.Duration("run-timeout", 0, "")
	memory, budget := flags.Uint64("memory-limit", 0, ""), flags.Int64("model-budget", 0, "")
	model, output := flags.Int64("max-model-bytes", 0, ""), flags.Int64("max-output-bytes", 0, "")
	processor := flags.Bool("cpu-time", false, "")
	flags.Bool("supervised", false, "")
	flags.Int("nice", 0, "")
	flags.String("model-folder", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: *memory, Max: *memory}); err != nil {
		return err
	}
	runtime, err := ort.Open(*library)
	if err != nil {
		return err
	}
	config := server.Config{
		Version: "v1", Runtime: runtime, ModelBudget: *budget, MaxModelBytes: *model, MaxOutputBytes: *output, LoadTimeout: *load, RunTimeout: *run,
		Environment: wire.EnvironmentClass{
			RuntimeVersion: runtime.RuntimeVersion(), LibrarySHA256: runtime.LibrarySHA256(), Provider: ort.Provider, Profile: ort.Profile, ISA: server.ISA(),
		},
		Inspect: func(onnx []byte) (server.Signature, error) {
			report, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
			if err != nil {
				return server.Signature{}, err
			}
			return server.Signature{Inputs: report.Inputs, Outputs: report.Outputs}, nil
		},
		Exit: func(code int, reason string) {
			fmt.Fprintln(os.Stderr, reason)
			os.Exit(code)
		},
	}
	if *processor {
		config.CPUTime = func() time.Duration {
			var usage unix.Rusage
			if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
				panic(err)
			}
			return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	s, err := server.New(config)
	if err != nil {
		return err
	}
	listener, err := server.Listen(*socket)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return server.NewGRPC(s).Serve(listener)
}

// realWorker starts a worker around the real runtime.
func realWorker(t *testing.T, change func(*worker.Config)) (*worker.Supervisor, *WorkerEngine) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	c := worker.DefaultConfig()
	c.BinaryPath, c.LibraryPath, c.Environ = binary, workertest.Library(t), []string{asWorker + "=1"}
	c.MemoryLimit, c.MaxOutputBytes, c.HealthTimeout = 512<<20, 4<<20, time.Minute
	c.Backoff.Initial = time.Millisecond
	change(&c)
	s, err := worker.NewSupervisor(c)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, s.WaitReady(ctx))
	return s, NewWorkerEngine(s, WorkerLimits{MaxOutput: 4 << 20, MaxModel: uint64(c.MaxModelBytes), ModelBudget: uint64(c.ModelBudget)})
}

// Models that pass inspection and fail when they run are found out by the worker that tries them, each by its own failure;
// a sound one is proved after every one of them, and the worker that serves notices nothing.
func TestHostileModelsAreFoundOut(t *testing.T) {
	serving, engine := realWorker(t, func(*worker.Config) {})
	tries, tried := realWorker(t, func(c *worker.Config) { c.CPUTime, c.Nice, c.RunTimeout = true, 19, time.Second })
	class := *engine.Status().Environment
	b := newBench(t, func(b *bench) {
		b.provers = []Prover{{Engine: tried}}
		delete(b.chain.catalog, modelName)
		b.chain.classes = map[string]uint32{string(class.Identity()): 4}
		b.chain.node.Status.Environment = &class
	})
	b.opts.Engine, b.runner.engine = engine, engine

	want := make(map[ModelID]hostile.File)
	register := func(onnx []byte) (id ModelID, ok bool) {
		report, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
		require.NoError(t, err)
		inspected := func(m *modelstypes.Model) { m.Inspection = modelstypes.NewInspection(report) }
		if catalogued(onnx, inspected).CheckGolden(modelstypes.Golden{}) != nil {
			return id, false // the chain refuses it: its vectors are too large
		}
		return b.chain.register(string(onnx), admitting(100_000), inspected), true
	}
	for _, f := range hostile.Corpus() {
		if f.Want != hostile.Passes {
			continue
		}
		if id, ok := register(f.Bytes); ok {
			want[id] = f
		}
	}
	network, _ := workertest.Marshal(t, workertest.Network())
	sound, ok := register(network)
	require.True(t, ok)
	require.Greater(t, len(want), 10)

	settled := func() bool { return len(b.words()) == len(want)+1 }
	deadline := time.Now().Add(90 * time.Second)
	for !settled() && time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		require.NoError(t, tries.WaitReady(ctx))
		cancel()
		b.clock.move(time.Hour)
		b.block()
	}
	for id, f := range want {
		if _, said := b.words()[proofKey{id, 4}]; !said {
			t.Errorf("%s: nothing was found out", f.Name)
		}
	}
	require.True(t, settled(), "all models are tried")
	failures := map[hostile.Effect]modelstypes.ModelFailure{
		hostile.Unloaded: modelstypes.MODEL_FAILURE_LOAD, hostile.Fails: modelstypes.MODEL_FAILURE_EXECUTION, hostile.Crashes: modelstypes.MODEL_FAILURE_CRASH,
		hostile.Overstays: modelstypes.MODEL_FAILURE_TIMEOUT, hostile.Exhausts: modelstypes.MODEL_FAILURE_RESOURCES,
	}
	for key, word := range b.words() {
		if key.model == sound {
			require.NotEmpty(t, word.OutputRoot)
			require.True(t, word.Shows())
			continue
		}
		f := want[key.model]
		t.Logf("%s: %s", f.Name, word.Failure.Reason())
		require.Equal(t, failures[f.Effect], word.Failure, "%s, which %s: %s", f.Name, f.Effect, b.admissions.provers[0].found[key.model].detail)
	}
	require.Zero(t, serving.Status().Restarts)
	require.Positive(t, tries.Status().Restarts)
}
