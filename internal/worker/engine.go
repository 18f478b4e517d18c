// Package worker is the node's side of inference: it finds, starts, watches and restarts the worker process, and speaks
// the Open Inference Protocol with it or with another server in its place. It holds no runtime and no cgo: a model that
// crashes, hangs or eats memory does so in the other process.
package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// EnvironmentClass is everything about the worker that may decide the bits of a result.
type EnvironmentClass = wire.EnvironmentClass

// Errors of an Engine; use errors.Is. Every one is a failure of the infrastructure or of the caller, none an outcome: it
// says nothing about what the model does with its inputs.
var (
	// ErrNotReady is a worker that is starting, restarting or gone. Try again later.
	ErrNotReady = errors.New("the worker is not ready")
	// ErrNotLoaded is a model the worker does not hold, perhaps no longer: a restart or the memory budget drops models.
	// Load it and try again.
	ErrNotLoaded = errors.New("the model is not loaded")
	// ErrDied is a worker process that ended by itself while it was at work on this call. It goes with ErrNotReady.
	ErrDied = errors.New("the worker died")
	// ErrModelRefused is a model that no worker can load: inspection or the runtime refuses it.
	ErrModelRefused = errors.New("the model is refused")
	// ErrInvalid is a request the worker cannot make sense of, such as tensors outside the model's signature.
	ErrInvalid = errors.New("invalid request")
	// ErrResources is a worker without the memory for this model or request.
	ErrResources = errors.New("the worker lacks resources")
	// ErrTooLarge is a model, or a run of it, that needs more memory than the worker gives. It goes with ErrResources.
	ErrTooLarge = errors.New("the model needs too much memory")
	// ErrLoadDeadline and ErrRunDeadline are a load and a run that exceeded their hard deadline. The worker was
	// restarted. Another node may be faster, so this is no outcome; but trying again here is hardly of use.
	ErrLoadDeadline = errors.New("loading the model exceeded its deadline")
	ErrRunDeadline  = errors.New("running the model exceeded its deadline")
	// ErrStalled is a load or a run that had too little of the processor for its deadline to be judged; the worker was
	// restarted.
	ErrStalled = errors.New("the model got too little of the processor")
	// ErrProtocol is a server that does not answer as the protocol says.
	ErrProtocol = errors.New("unexpected answer")
)

// Failure is how an inference failed deterministically: every node with this model and these inputs fails alike, so the
// failure itself can be attested.
type Failure uint8

// The failures.
const (
	FailureNone        Failure = iota // the inference succeeded
	FailureExecution                  // the runtime failed inside the model, for example on an index out of range
	FailureOutputLimit                // the outputs exceed the worker's limit
)

// String names the failure.
func (f Failure) String() string {
	switch f {
	case FailureNone:
		return "none"
	case FailureExecution:
		return "execution"
	case FailureOutputLimit:
		return "output limit"
	}
	return fmt.Sprintf("Failure(%d)", uint8(f))
}

// Outcome is what every node must agree on: outputs, or a deterministic failure.
type Outcome struct {
	// Outputs are valid tensors in the order asked for, as the runtime made them (not in canonical form). Nil on failure.
	Outputs []tensor.Tensor
	Failure Failure
}

// Status is what an engine knows about its worker. It is a copy.
type Status struct {
	Ready         bool
	Environment   EnvironmentClass // of the current worker, else of the last one; the zero value while unknown
	WorkerVersion string
	LoadedModels  []string // SHA-256 of the models, in hexadecimal, sorted
	Restarts      int      // times the worker was started again, or the endpoint came back
	LastError     string   // why the worker was last not ready; empty if it never failed
}

// Engine runs models. All methods are safe for concurrent use.
type Engine interface {
	// Status is cheap: it takes a lock and copies.
	Status() Status
	// Load makes a model ready to run. Loading a model that is loaded counts as a use. Models are dropped when memory is
	// needed, and all of them when the worker restarts.
	Load(ctx context.Context, sha256hex string, onnx []byte) error
	// LoadFile is Load of a file at an absolute path. The worker reads it itself; it must be in the model folder.
	LoadFile(ctx context.Context, sha256hex, path string) error
	// Unload frees a model. One that is not loaded is no error.
	Unload(ctx context.Context, sha256hex string) error
	// Infer runs a loaded model once and returns the outputs named, or all of them if none is. An error is a failure of
	// the infrastructure or the caller; what the model does with its inputs is in the Outcome.
	Infer(ctx context.Context, sha256hex string, inputs []tensor.Tensor, outputs []string) (Outcome, error)
}
