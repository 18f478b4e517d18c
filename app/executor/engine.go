package executor

import (
	"context"
	"errors"

	"github.com/opengradient/opengradient/internal/tensor"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Errors of an engine that mean something to the executor; use errors.Is.
var (
	// ErrModelRefused: no node can load the model. It is a deterministic failure of
	// every run of it.
	ErrModelRefused = errors.New("the runtime refuses the model")
	// ErrNotLoaded: the engine does not hold the model, perhaps no longer.
	ErrNotLoaded = errors.New("the model is not loaded")
	// ErrCrashed: the process behind the engine died at work on this very call.
	ErrCrashed = errors.New("the model ends the process that runs it")
	// ErrDoesNotFit: the model or the run needs more memory than the engine gives.
	ErrDoesNotFit = errors.New("the model does not fit the memory for models")
	// ErrTooSlow: loading or running took longer than this node allows. Trying
	// again within the attempt is of no use.
	ErrTooSlow = errors.New("the model takes too long on this node")
)

// Engine runs models. It is safe for concurrent use. Every error it returns, but
// ErrModelRefused, is a failure of the infrastructure: it says nothing about the
// model or its inputs. A call returns soon after its context ends.
type Engine interface {
	// Status is what the engine knows of itself, from memory.
	Status() EngineStatus
	// Load makes a model ready to run. A model that is loaded already is no error.
	Load(ctx context.Context, sha256 string, onnx []byte) error
	// LoadFile is Load of a file at an absolute path.
	LoadFile(ctx context.Context, sha256, path string) error
	// Unload frees a model. One that is not loaded is no error.
	Unload(ctx context.Context, sha256 string) error
	// Infer runs a loaded model and gives the outputs asked for.
	Infer(ctx context.Context, sha256 string, inputs []tensor.Tensor, outputs []string) (Run, error)
}

// EngineStatus is what an engine knows of itself.
type EngineStatus struct {
	// Ready is true when the engine answers and can run models.
	Ready bool
	// Environment is the class of the engine; nil while it is not known.
	Environment *schedulingtypes.EnvironmentClass
	// Models are the models that are loaded: SHA-256 in lower-case hexadecimal, in any order.
	Models []string
	// WorkerVersion is the version string of the process behind the engine.
	WorkerVersion string
	// MaxOutputBytes is the limit behind FAILURE_OUTPUT_LIMIT, in bytes of the
	// canonical encoding.
	MaxOutputBytes uint64
	// ModelBudget is the memory for loaded models, in bytes.
	ModelBudget uint64
	// MaxModelBytes is the size of the largest file that can be loaded.
	MaxModelBytes uint64
	// LastError is why the engine was last not ready; empty if it never failed.
	LastError string
}

// Run is how running a model ended.
type Run struct {
	// Outputs are set when Failure is FAILURE_NONE.
	Outputs []tensor.Tensor
	// Failure is a deterministic failure: every node meets it, or one of the same
	// limit in the case of FAILURE_OUTPUT_LIMIT.
	Failure verificationtypes.Failure
}
