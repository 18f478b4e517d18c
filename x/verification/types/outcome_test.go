package types

import (
	"bytes"
	"errors"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
)

func rootOutcome(b byte) Outcome { return Outcome{OutputRoot: bytes.Repeat([]byte{b}, RootSize)} }

func TestAttestationValidate(t *testing.T) {
	good := Attestation{RequestId: 1, Attempt: 1, Outcome: rootOutcome(1), EnvironmentClass: 1}
	for _, tc := range []struct {
		name   string
		change func(*Attestation)
		want   error
	}{
		{"a root", func(*Attestation) {}, nil},
		{"execution failed", func(a *Attestation) { a.Outcome = NewFailureOutcome(FAILURE_EXECUTION) }, nil},
		{"output over the limit", func(a *Attestation) { a.Outcome = NewFailureOutcome(FAILURE_OUTPUT_LIMIT) }, nil},
		{"request zero", func(a *Attestation) { a.RequestId = 0 }, ErrInvalidAttestation},
		{"attempt zero", func(a *Attestation) { a.Attempt = 0 }, ErrInvalidAttestation},
		{"class zero", func(a *Attestation) { a.EnvironmentClass = 0 }, ErrInvalidAttestation},
		{"nothing", func(a *Attestation) { a.Outcome = Outcome{} }, ErrInvalidAttestation},
		{"31 bytes", func(a *Attestation) { a.Outcome.OutputRoot = a.Outcome.OutputRoot[1:] }, ErrInvalidAttestation},
		{"33 bytes", func(a *Attestation) { a.Outcome.OutputRoot = append(a.Outcome.OutputRoot, 1) }, ErrInvalidAttestation},
		{"root of a failure", func(a *Attestation) { a.Outcome.Failure = FAILURE_EXECUTION }, ErrInvalidAttestation},
		{"failure beyond the known", func(a *Attestation) { a.Outcome = NewFailureOutcome(3) }, ErrInvalidAttestation},
		{"negative failure", func(a *Attestation) { a.Outcome = NewFailureOutcome(-1) }, ErrInvalidAttestation},
	} {
		t.Run(tc.name, func(t *testing.T) {
			attestation := good
			tc.change(&attestation)
			if err := attestation.Validate(); !errors.Is(err, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, err)
			}
		})
	}
}

func TestCheckOutput(t *testing.T) {
	output, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.Uint8, Shape: []int64{3}, Data: []byte{1, 2, 3}}})
	if err != nil {
		t.Fatal(err)
	}
	noise := []byte("noise")
	for _, tc := range []struct {
		name    string
		outcome Outcome
		output  []byte
		limit   int
		want    error
	}{
		{"the attested bytes", NewRootOutcome(tensor.MerkleRoot(output)), output, len(output), nil},
		{"one byte too long", NewRootOutcome(tensor.MerkleRoot(output)), output, len(output) - 1, ErrInvalidOutput},
		{"another root", rootOutcome(1), output, len(output), ErrInvalidOutput},
		{"no encoding", NewRootOutcome(tensor.MerkleRoot(noise)), noise, 100, ErrInvalidOutput},
		{"nothing", NewRootOutcome(tensor.MerkleRoot(nil)), nil, 100, ErrInvalidOutput},
		{"a failure has none", NewFailureOutcome(FAILURE_EXECUTION), output, 100, ErrInvalidOutput},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := CheckOutput(tc.outcome, tc.output, uint64(tc.limit)); !errors.Is(err, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, err)
			}
		})
	}
}
