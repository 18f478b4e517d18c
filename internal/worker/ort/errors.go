package ort

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of this package; use errors.Is.
var (
	// ErrExecution is a deterministic failure: the runtime ran the model and refused to go on. Every node that runs
	// the same model on the same inputs meets it too.
	ErrExecution = errors.New("the model failed to execute")
	// ErrModel is a model the runtime refuses to load, whatever the node.
	ErrModel = errors.New("the runtime refuses the model")
	// ErrMemory is a lack of memory on this machine.
	ErrMemory = errors.New("out of memory")
	// ErrUnsupported is a tensor this package cannot hand to the runtime: a BYTES scalar, or a name or a BYTES element
	// that holds a zero byte. No node can run it.
	ErrUnsupported = errors.New("tensor not supported by the runtime")
	// ErrLibrary is a runtime library that is missing or cannot be used.
	ErrLibrary = errors.New("the ONNX Runtime library cannot be used")
)

// memoryPhrases occur in the runtime's messages when an allocation failed. The binding gives messages only, and the
// runtime has no error code for this.
var memoryPhrases = []string{"bad_alloc", "bad allocation", "failed to allocate", "out of memory", "cannot allocate memory"}

const maxMessage = 1024 // bytes of a runtime message that are kept

// classify wraps an error of the runtime with ErrMemory if it speaks of memory, else with kind.
func classify(kind, err error) error {
	message := err.Error()
	lower := strings.ToLower(message)
	for _, phrase := range memoryPhrases {
		if strings.Contains(lower, phrase) {
			kind = ErrMemory
			break
		}
	}
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return fmt.Errorf("%w: %s", kind, strings.ToValidUTF8(message, "?"))
}
