package executor

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// WorkerEngine is an [Engine] over the client of the worker process, or of a
// server in its place.
type WorkerEngine struct {
	engine    worker.Engine
	maxOutput uint64
}

// NewWorkerEngine wraps a client whose output limit is maxOutputBytes.
func NewWorkerEngine(engine worker.Engine, maxOutputBytes uint64) *WorkerEngine {
	return &WorkerEngine{engine: engine, maxOutput: maxOutputBytes}
}

// Status implements [Engine].
func (w *WorkerEngine) Status() EngineStatus {
	status := w.engine.Status()
	return EngineStatus{
		Ready:          status.Ready,
		Environment:    environmentClass(status.Environment),
		Models:         status.LoadedModels,
		WorkerVersion:  status.WorkerVersion,
		MaxOutputBytes: w.maxOutput,
	}
}

// environmentClass is a worker's class as the chain names it; nil when it is not
// known or has no such name.
func environmentClass(class worker.EnvironmentClass) *schedulingtypes.EnvironmentClass {
	library, err := hex.DecodeString(class.LibrarySHA256)
	if err != nil || len(library) == 0 {
		return nil
	}
	return &schedulingtypes.EnvironmentClass{
		RuntimeVersion: class.RuntimeVersion,
		LibrarySha256:  library,
		Provider:       class.Provider,
		Profile:        class.Profile,
		Isa:            class.ISA,
	}
}

// Load implements [Engine].
func (w *WorkerEngine) Load(ctx context.Context, sha256 string, onnx []byte) error {
	return translate(w.engine.Load(ctx, sha256, onnx))
}

// Infer implements [Engine].
func (w *WorkerEngine) Infer(ctx context.Context, sha256 string, inputs []tensor.Tensor, outputs []string) (Run, error) {
	outcome, err := w.engine.Infer(ctx, sha256, inputs, outputs)
	if err != nil {
		return Run{}, translate(err)
	}
	switch outcome.Failure {
	case worker.FailureNone:
		return Run{Outputs: outcome.Outputs}, nil
	case worker.FailureExecution:
		return Run{Failure: verificationtypes.FAILURE_EXECUTION}, nil
	case worker.FailureOutputLimit:
		return Run{Failure: verificationtypes.FAILURE_OUTPUT_LIMIT}, nil
	default:
		return Run{}, fmt.Errorf("expected a known failure from the worker, got %s", outcome.Failure)
	}
}

// translate adds to a worker's error what it means to the executor.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, worker.ErrModelRefused):
		return fmt.Errorf("%w: %w", ErrModelRefused, err)
	case errors.Is(err, worker.ErrNotLoaded):
		return fmt.Errorf("%w: %w", ErrNotLoaded, err)
	case errors.Is(err, worker.ErrLoadDeadline), errors.Is(err, worker.ErrRunDeadline):
		return fmt.Errorf("%w: %w", ErrTooSlow, err)
	default:
		return err
	}
}
