package ort

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/worker/backend"
)

// ErrLibrary is a runtime library that is missing or cannot be used.
var ErrLibrary = errors.New("the ONNX Runtime library cannot be used")

// memoryPhrases occur in the runtime's messages when an allocation failed. The binding gives messages only, and the
// runtime has no error code for this.
var memoryPhrases = []string{"bad_alloc", "bad allocation", "failed to allocate", "out of memory", "cannot allocate memory"}

const maxMessage = 1024 // bytes of a runtime message that are kept

// classify wraps an error of the runtime with backend.ErrMemory if it speaks of memory, else with kind.
func classify(kind, err error) error {
	message := err.Error()
	lower := strings.ToLower(message)
	for _, phrase := range memoryPhrases {
		if strings.Contains(lower, phrase) {
			kind = backend.ErrMemory
			break
		}
	}
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return fmt.Errorf("%w: %s", kind, strings.ToValidUTF8(message, "?"))
}
