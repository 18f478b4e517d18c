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
	engine worker.Engine
	limits WorkerLimits
}

// WorkerLimits are the limits that a worker was started with, in bytes.
type WorkerLimits struct {
	// MaxOutput bounds the outputs of one run in their canonical encoding, MaxModel a model file.
	MaxOutput, MaxModel uint64
	// ModelBudget is the memory for loaded models.
	ModelBudget uint64
}

// NewWorkerEngine wraps a client with these limits.
func NewWorkerEngine(engine worker.Engine, limits WorkerLimits) *WorkerEngine {
	return &WorkerEngine{engine: engine, limits: limits}
}

// Status implements [Engine].
func (w *WorkerEngine) Status() EngineStatus {
	status := w.engine.Status()
	return EngineStatus{
		Ready:          status.Ready,
		Environment:    environmentClass(status.Environment),
		Models:         status.LoadedModels,
		WorkerVersion:  status.WorkerVersion,
		MaxOutputBytes: w.limits.MaxOutput,
		ModelBudget:    w.limits.ModelBudget,
		MaxModelBytes:  w.limits.MaxModel,
		LastError:      status.LastError,
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

// LoadFile implements [Engine].
func (w *WorkerEngine) LoadFile(ctx context.Context, sha256, path string) error {
	return translate(w.engine.LoadFile(ctx, sha256, path))
}

// Unload implements [Engine].
func (w *WorkerEngine) Unload(ctx context.Context, sha256 string) error {
	return translate(w.engine.Unload(ctx, sha256))
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
	case errors.Is(err, worker.ErrDied):
		return fmt.Errorf("%w: %w", ErrCrashed, err)
	case errors.Is(err, worker.ErrTooLarge):
		return fmt.Errorf("%w: %w", ErrDoesNotFit, err)
	case errors.Is(err, worker.ErrLoadDeadline), errors.Is(err, worker.ErrRunDeadline):
		return fmt.Errorf("%w: %w", ErrTooSlow, err)
	default:
		return err
	}
}
