// Package backend says what the worker's server asks of the runtime that executes models, so that neither knows the
// other.
package backend

import (
	"errors"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Errors of a Runtime and its sessions; use errors.Is. Any other error is a fault of this machine or program.
var (
	// ErrExecution is a deterministic failure: the runtime ran the model and refused to go on. Every node that runs
	// the same model on the same inputs meets it too.
	ErrExecution = errors.New("the model failed to execute")
	// ErrModel is a model the runtime refuses to load, whatever the node.
	ErrModel = errors.New("the runtime refuses the model")
	// ErrUnsupported is a tensor that cannot be handed to the runtime, on any node.
	ErrUnsupported = errors.New("tensor not supported by the runtime")
	// ErrMemory is a lack of memory on this machine.
	ErrMemory = errors.New("out of memory")
)

// Runtime executes models.
type Runtime interface {
	// Load makes a session of an ONNX model. It fails with ErrModel or ErrMemory, and cannot be interrupted.
	Load(model []byte) (Session, error)
}

// Session is a loaded model. It need not be safe for concurrent use.
type Session interface {
	// Run computes outputs, of which name, datatype and shape are given, and returns them with data in the same order.
	// It fails with ErrExecution, also when an output turns out to have another datatype or shape, with ErrUnsupported
	// or with ErrMemory, and cannot be interrupted.
	Run(inputs, outputs []tensor.Tensor) ([]tensor.Tensor, error)
	// Close frees the session.
	Close() error
}
