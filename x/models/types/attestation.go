package types

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

const (
	// MaxAttestations bounds the attestations of one operator that are looked at in one block.
	MaxAttestations = 64
	// MaxClasses bounds the environment classes in which one operator attests one model.
	MaxClasses = 32
)

// OperatorAttestations is what one operator says of models in one vote extension.
type OperatorAttestations struct {
	Operator     string
	Attestations []ModelAttestation
}

// Validate checks that the attestation names a model and a class, and is a root, perhaps with its outputs, or a failure.
func (a ModelAttestation) Validate() error {
	if len(a.Model) != sha256.Size {
		return fmt.Errorf("model: expected %d bytes, got %d", sha256.Size, len(a.Model))
	}
	if a.EnvironmentClass == 0 {
		return errors.New("expected an environment class from 1, got 0")
	}
	if err := checkWordOf(a.OutputRoot, a.Failure); err != nil {
		return err
	}
	if a.Failure != MODEL_FAILURE_NONE && len(a.Outputs) > 0 {
		return fmt.Errorf("expected no outputs with a failure, got %d bytes", len(a.Outputs))
	}
	return nil
}

func checkWordOf(root []byte, failure ModelFailure) error {
	if failure == MODEL_FAILURE_NONE {
		if len(root) != sha256.Size {
			return fmt.Errorf("output root: expected %d bytes, got %d", sha256.Size, len(root))
		}
		return nil
	}
	if failure.Reason() == "" {
		return fmt.Errorf("failure: expected a known one, got %s", failure)
	}
	if len(root) > 0 {
		return fmt.Errorf("output root: expected none with a failure, got %d bytes", len(root))
	}
	return nil
}

// Shows reports whether the outputs are those of the root.
func (a ModelAttestation) Shows() bool {
	root := tensor.MerkleRoot(a.Outputs)
	return len(a.Outputs) > 0 && string(root[:]) == string(a.OutputRoot)
}
