package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	cmtcrypto "github.com/cometbft/cometbft/crypto"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/internal/worker"
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
	engines, err := d.openEngines()
	if errors.Is(err, worker.ErrMissing) {
		logger.Error("no inference duty: this node runs as a plain full node and its operator earns no inference fees", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	running, err := d.assemble(engines, keyFile)
	if err != nil {
		engines.stop()
		return err
	}
	if !d.running.CompareAndSwap(nil, running) {
		running.stop()
		return errors.New("the inference duty runs already")
	}
	running.executor.Start()
	return nil
}

// assemble builds a duty around engines.
func (d *duty) assemble(engines engines, keyFile string) (*runningDuty, error) {
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
	store, err := d.store()
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
		Engine:    engines.serving,
		Provers:   engines.provers,
		Files:     modelFiles{store},
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
		engines.stop()
	}}, nil
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
