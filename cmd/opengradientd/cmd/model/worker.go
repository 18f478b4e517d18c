package model

import (
	"context"
	"time"

	"github.com/opengradient/opengradient/internal/worker"
)

const (
	// startPatience bounds the start of the worker.
	startPatience = time.Minute
	// maxOutputs bounds the outputs of one run, in bytes.
	maxOutputs = 256 << 20
)

// StartWorker starts a worker of this command's own for models of up to largest bytes. Empty paths are those of
// worker.LocateBinary and worker.LocateLibrary. The caller closes it.
func StartWorker(ctx context.Context, binary, library, home string, largest int) (*worker.Supervisor, error) {
	cfg := worker.DefaultConfig()
	var err error
	if cfg.BinaryPath, err = worker.LocateBinary(binary); err != nil {
		return nil, err
	}
	if cfg.LibraryPath, err = worker.LocateLibrary(library, home); err != nil {
		return nil, err
	}
	cfg.MaxModelBytes = max(cfg.MaxModelBytes, int64(largest))
	cfg.ModelBudget = max(cfg.ModelBudget, 16*cfg.MaxModelBytes)
	cfg.MaxOutputBytes = maxOutputs
	supervisor, err := worker.NewSupervisor(cfg)
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := supervisor.WaitReady(wait); err != nil {
		supervisor.Close()
		return nil, err
	}
	return supervisor, nil
}
