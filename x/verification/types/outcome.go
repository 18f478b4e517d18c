package types

import (
	"bytes"
	"crypto/sha256"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/tensor"
)

// RootSize is the length of an output root in bytes.
const RootSize = sha256.Size

// NewRootOutcome is the outcome of a run that gave output tensors.
func NewRootOutcome(root tensor.Root) Outcome { return Outcome{OutputRoot: root[:]} }

// NewFailureOutcome is the outcome of a run that failed deterministically.
func NewFailureOutcome(failure Failure) Outcome { return Outcome{Failure: failure} }

// Failed tells whether the outcome is a deterministic failure.
func (o Outcome) Failed() bool { return o.Failure != FAILURE_NONE }

// Equal tells whether two outcomes are the same.
func (o Outcome) Equal(other Outcome) bool {
	return o.Failure == other.Failure && bytes.Equal(o.OutputRoot, other.OutputRoot)
}

// Validate checks that the outcome is either a root of 32 bytes or a known failure. It returns ErrInvalidAttestation.
func (o Outcome) Validate() error {
	if !o.Failed() {
		if len(o.OutputRoot) != RootSize {
			return ErrInvalidAttestation.Wrapf("expected an output root of %d bytes, got %d", RootSize, len(o.OutputRoot))
		}
		return nil
	}
	if _, known := Failure_name[int32(o.Failure)]; !known {
		return ErrInvalidAttestation.Wrapf("expected a known failure, got %d", o.Failure)
	}
	if len(o.OutputRoot) != 0 {
		return ErrInvalidAttestation.Wrapf("expected no output root with %s, got %d bytes", o.Failure, len(o.OutputRoot))
	}
	return nil
}

// key orders outcomes and tells them apart: failures first, then roots by their bytes.
func (o Outcome) key() string {
	if o.Failed() {
		return string([]byte{0, byte(o.Failure)})
	}
	return "\x01" + string(o.OutputRoot)
}

// Validate checks the form of an attestation: request ids, attempts and environment classes are counted from 1. It
// returns ErrInvalidAttestation.
func (a Attestation) Validate() error {
	if a.RequestId == 0 || a.Attempt == 0 || a.EnvironmentClass == 0 {
		return ErrInvalidAttestation.Wrapf("expected request id, attempt and environment class from 1, got %d, %d and %d",
			a.RequestId, a.Attempt, a.EnvironmentClass)
	}
	return a.Outcome.Validate()
}

// CheckOutput checks that output is a canonical encoding of tensors of at most maxBytes bytes whose Merkle root is the
// one in the outcome. It returns ErrInvalidOutput.
func CheckOutput(outcome Outcome, output []byte, maxBytes uint64) error {
	if outcome.Failed() {
		return ErrInvalidOutput.Wrapf("expected no bytes for %s, got %d", outcome.Failure, len(output))
	}
	if uint64(len(output)) > maxBytes {
		return ErrInvalidOutput.Wrapf("expected at most %d bytes, got %d", maxBytes, len(output))
	}
	if root := tensor.MerkleRoot(output); !bytes.Equal(root[:], outcome.OutputRoot) {
		return ErrInvalidOutput.Wrapf("expected bytes with root %x, got %x", outcome.OutputRoot, root)
	}
	// What is no output in its one canonical form could never be compared with another.
	if _, err := agreement.Cost(output); err != nil {
		return ErrInvalidOutput.Wrapf("expected a canonical encoding of tensors: %s", err)
	}
	return nil
}
