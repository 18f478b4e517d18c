package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// workerEngine is a worker in the terms of the executor.
type workerEngine struct{ worker worker.Engine }

var _ executor.Engine = workerEngine{}

// Status implements executor.Engine.
func (e workerEngine) Status() executor.EngineStatus {
	s := e.worker.Status()
	return executor.EngineStatus{Ready: s.Ready, Environment: environmentClass(s.Environment), WorkerVersion: s.WorkerVersion}
}

// environmentClass is nil for a class that is not known or not complete.
func environmentClass(c worker.EnvironmentClass) *schedulingtypes.EnvironmentClass {
	sum, err := hex.DecodeString(c.LibrarySHA256)
	if err != nil || c == (worker.EnvironmentClass{}) {
		return nil
	}
	return &schedulingtypes.EnvironmentClass{
		RuntimeVersion: c.RuntimeVersion, LibrarySha256: sum, Provider: c.Provider, Profile: c.Profile, Isa: c.ISA,
	}
}

// Load implements executor.Engine.
func (e workerEngine) Load(ctx context.Context, sha256 string, onnx []byte) error {
	err := e.worker.Load(ctx, sha256, onnx)
	if errors.Is(err, worker.ErrModelRefused) {
		return fmt.Errorf("%w: %w", executor.ErrModelRefused, err)
	}
	return err
}

// Infer implements executor.Engine.
func (e workerEngine) Infer(ctx context.Context, sha256 string, inputs []tensor.Tensor, outputs []string) (executor.Run, error) {
	outcome, err := e.worker.Infer(ctx, sha256, inputs, outputs)
	if err != nil {
		return executor.Run{}, err
	}
	switch outcome.Failure {
	case worker.FailureNone:
		return executor.Run{Outputs: outcome.Outputs}, nil
	case worker.FailureExecution:
		return executor.Run{Failure: verificationtypes.FAILURE_EXECUTION}, nil
	case worker.FailureOutputLimit:
		return executor.Run{Failure: verificationtypes.FAILURE_OUTPUT_LIMIT}, nil
	default:
		return executor.Run{}, fmt.Errorf("worker: expected a known failure, got %s", outcome.Failure)
	}
}
