package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	cmtcrypto "github.com/cometbft/cometbft/crypto"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/internal/worker"
)

const (
	// maxWorkerOutput bounds the outputs that the worker hands over, in bytes. A request's own limit is far below.
	maxWorkerOutput = 1 << 20
	// maxWorkerModel bounds a model that the worker loads, in bytes.
	maxWorkerModel = 32 << 20
	// The worker is asked often whether it answers: a node that does not know that its worker hangs goes on
	// claiming readiness.
	healthInterval = time.Second
	healthTimeout  = 3 * time.Second
)

// StartDuty starts the node's inference duty: its worker and the executor that follows committed state. A node
// whose configuration turns the duty off, or whose machine has no worker installed, goes on as a plain full node;
// the log says what to do. Key file is the file of the consensus key; with a remote signer, which has none, the
// operator has to stand in the configuration.
func (app *App) StartDuty(keyFile string) error {
	d := app.duty
	logger := app.Logger().With("module", "inference")
	if !d.config.Enabled {
		logger.Info("no inference duty: [inference] enabled is false")
		return nil
	}
	engine, stopEngine, err := d.openEngine()
	if errors.Is(err, worker.ErrMissing) {
		logger.Error("no inference duty: this node runs as a plain full node and its operator earns no inference fees", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	running, err := d.assemble(engine, stopEngine, keyFile)
	if err != nil {
		stopEngine()
		return err
	}
	if !d.running.CompareAndSwap(nil, running) {
		running.stop()
		return errors.New("the inference duty runs already")
	}
	running.executor.Start()
	return nil
}

// assemble builds a duty around an engine.
func (d *duty) assemble(engine worker.Engine, stopEngine func(), keyFile string) (*runningDuty, error) {
	consensus, err := consensusAddress(keyFile)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(d.home, "data", "inference")
	outbox, err := executor.OpenOutbox(folder)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	sealKey, err := executor.OpenSealKey(folder)
	if err != nil {
		return nil, err
	}
	metrics, err := executor.NewPrometheusMetrics(prometheus.DefaultRegisterer)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	exec, err := executor.New(executor.Options{
		Operator:  d.config.Operator,
		Consensus: consensus,
		Committed: d.committed(),
		Engine:    executor.NewWorkerEngine(engine, maxWorkerOutput),
		Outbox:    outbox,
		SealKey:   sealKey,
		Syncing:   d.syncing,
		Metrics:   metrics,
		Logger:    d.app.Logger().With("module", "inference"),
	})
	if err != nil {
		return nil, err
	}
	return &runningDuty{consensus: consensus, executor: exec, stop: func() {
		// Whatever cannot be closed cleanly is on disk already: every outcome was written before it was sent.
		if err := exec.Close(); err != nil {
			d.app.Logger().Error("inference duty not closed cleanly", "err", err)
		}
		stopEngine()
	}}, nil
}

// openEngine starts the worker, or connects to the server that stands in for it.
func (d *duty) openEngine() (worker.Engine, func(), error) {
	c := d.config
	if len(c.Endpoints) > 0 {
		endpoint, err := worker.Dial(worker.EndpointConfig{
			Target: c.Endpoints[0], MaxModelBytes: maxWorkerModel, MaxOutputBytes: maxWorkerOutput,
			PollInterval: healthInterval, PollTimeout: healthTimeout,
		})
		if err != nil {
			return nil, nil, err
		}
		return endpoint, endpoint.Close, nil
	}
	w := worker.DefaultConfig()
	var err error
	if w.BinaryPath, err = worker.LocateBinary(c.Worker); err != nil {
		return nil, nil, err
	}
	if w.LibraryPath, err = worker.LocateLibrary(c.Library, d.home); err != nil {
		return nil, nil, err
	}
	w.MemoryLimit, w.ModelBudget = int64(c.MemoryLimit), int64(c.ModelBudget)
	w.MaxModelBytes, w.MaxOutputBytes = maxWorkerModel, maxWorkerOutput
	w.Nice, w.LoadTimeout, w.RunTimeout = c.Nice, c.LoadTimeout, c.RunTimeout
	w.HealthInterval, w.HealthTimeout = healthInterval, healthTimeout
	w.Backoff.Max = 10 * time.Second
	logger := d.app.Logger().With("module", "worker")
	w.Log = func(line string) { logger.Info(line) }
	supervisor, err := worker.NewSupervisor(w)
	if err != nil {
		return nil, nil, err
	}
	return supervisor, supervisor.Close, nil
}

// committed reads the duties of this node from committed state.
func (d *duty) committed() executor.Committed {
	app := d.app
	contexts := func() (sdk.Context, error) {
		if app.LastBlockHeight() == 0 {
			return sdk.Context{}, executor.ErrNoBlock
		}
		return app.CreateQueryContext(0, false)
	}
	return executor.NewStateReader(contexts, executor.Stores{
		Rounds:             app.VerificationKeeper.Rounds,
		Snapshots:          app.VerificationKeeper.Snapshots,
		VerificationParams: app.VerificationKeeper.ParamsVersions,
		Nodes:              app.SchedulingKeeper.Nodes,
		NodeModels:         app.SchedulingKeeper.ModelsOf,
		Tasks:              app.SchedulingKeeper.Tasks,
		Requests:           app.InferenceKeeper.Requests,
		Inputs:             app.InferenceKeeper.Inputs,
		ModelFiles:         app.InferenceKeeper.ModelFiles,
		Staking:            app.StakingKeeper,
	})
}

// consensusAddress reads the address of the consensus key from the file that CometBFT keeps it in. No file is no
// address: the key is with a remote signer.
func consensusAddress(keyFile string) (sdk.ConsAddress, error) {
	b, err := os.ReadFile(keyFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consensus key: %w", err)
	}
	// Only the public part is decoded.
	var doc struct {
		PubKey json.RawMessage `json:"pub_key"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("consensus key %s: %w", keyFile, err)
	}
	var key cmtcrypto.PubKey
	if err := cmtjson.Unmarshal(doc.PubKey, &key); err != nil {
		return nil, fmt.Errorf("consensus key %s: %w", keyFile, err)
	}
	return sdk.ConsAddress(key.Address()), nil
}
