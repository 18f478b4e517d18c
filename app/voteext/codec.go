package voteext

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/app/abcitypes"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Bounds of a vote extension. All are consensus constants: changing one is a
// coordinated upgrade.
const (
	// MaxBytes is the largest encoding of a vote extension.
	MaxBytes = 32 << 10
	// Version is the only version of the encoding there is.
	Version = 1
	// MaxAttestations bounds the attestations of one extension.
	MaxAttestations = 1024
	// MaxOutputs bounds the published outputs of one extension.
	MaxOutputs = 256
	// MaxCommitments bounds the commitments of one extension.
	MaxCommitments = 1024
	// MaxReveals bounds the reveals of one extension.
	MaxReveals = 1024
)

// Errors of [Encode] and [Decode]; use errors.Is.
var (
	// ErrTooLarge marks an encoding above MaxBytes, or a list above its bound.
	ErrTooLarge = errors.New("vote extension too large")
	// ErrMalformed marks bytes that are not the canonical encoding of an extension.
	ErrMalformed = errors.New("malformed vote extension")
)

// Encode is the one encoding of an extension. An extension that says nothing
// encodes to no bytes. It fails with ErrMalformed or ErrTooLarge where [Decode]
// would refuse the result.
func Encode(ext abcitypes.VoteExtension) ([]byte, error) {
	if err := validate(ext); err != nil {
		return nil, err
	}
	if silent(ext) {
		return []byte{}, nil
	}
	if size := ext.Size(); size > MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes, got %d", ErrTooLarge, MaxBytes, size)
	}
	b, err := ext.Marshal()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return b, nil
}

// Decode is the strict inverse of [Encode]: it accepts exactly the bytes that
// Encode gives, whatever else they might be read as. It bounds what it allocates
// by a small multiple of len(b), at most of MaxBytes, and shares no memory with b.
func Decode(b []byte) (abcitypes.VoteExtension, error) {
	if len(b) > MaxBytes {
		return abcitypes.VoteExtension{}, fmt.Errorf("%w: expected at most %d bytes, got %d", ErrTooLarge, MaxBytes, len(b))
	}
	if len(b) == 0 {
		return abcitypes.VoteExtension{Version: Version}, nil
	}
	var ext abcitypes.VoteExtension
	if err := ext.Unmarshal(b); err != nil {
		return abcitypes.VoteExtension{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	again, err := Encode(ext)
	if err != nil {
		return abcitypes.VoteExtension{}, err
	}
	if !bytes.Equal(again, b) {
		return abcitypes.VoteExtension{}, fmt.Errorf("%w: expected the canonical encoding of %d bytes, got %d other bytes", ErrMalformed, len(again), len(b))
	}
	return ext, nil
}

func silent(ext abcitypes.VoteExtension) bool {
	return ext.Status == nil && len(ext.Attestations)+len(ext.Outputs)+len(ext.Commitments)+len(ext.Reveals)+len(ext.Models) == 0
}

func validate(ext abcitypes.VoteExtension) error {
	if ext.Version != Version {
		return fmt.Errorf("%w: expected version %d, got %d", ErrMalformed, Version, ext.Version)
	}
	for _, list := range []struct {
		name     string
		got, max int
	}{
		{"attestations", len(ext.Attestations), MaxAttestations},
		{"outputs", len(ext.Outputs), MaxOutputs},
		{"commitments", len(ext.Commitments), MaxCommitments},
		{"reveals", len(ext.Reveals), MaxReveals},
		{"models", len(ext.Models), MaxModels},
	} {
		if list.got > list.max {
			return fmt.Errorf("%w: expected at most %d %s, got %d", ErrTooLarge, list.max, list.name, list.got)
		}
	}
	if ext.Status != nil {
		if err := ext.Status.Validate(); err != nil {
			return fmt.Errorf("%w: status: %w", ErrMalformed, err)
		}
	}
	if err := validateWords(ext); err != nil {
		return err
	}
	var last Key
	for i, o := range ext.Outputs {
		if len(o.Output) == 0 {
			return fmt.Errorf("output %d: %w: expected output bytes, got none", i, ErrMalformed)
		}
		if err := ascend(&last, Key{o.RequestId, o.Attempt}); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return validateModels(ext.Models)
}

// validateWords checks the lists that say something on the outcome of an attempt. An attempt stands in one of them at
// most: whoever attests has nothing to seal, and a commitment is opened in a later block than the one that took it.
func validateWords(ext abcitypes.VoteExtension) error {
	said := make(map[Key]string, len(ext.Attestations)+len(ext.Commitments)+len(ext.Reveals))
	word := func(what string, i int, last *Key, key Key) error {
		if err := ascend(last, key); err != nil {
			return fmt.Errorf("%s %d: %w", what, i, err)
		}
		if other, ok := said[key]; ok {
			return fmt.Errorf("%s %d: %w: expected one word on %s, got a %s beside it", what, i, ErrMalformed, key, other)
		}
		said[key] = what
		return nil
	}
	var last Key
	for i, a := range ext.Attestations {
		if err := a.Validate(); err != nil {
			return fmt.Errorf("%w: attestation %d: %w", ErrMalformed, i, err)
		}
		if err := word("attestation", i, &last, Key{a.RequestId, a.Attempt}); err != nil {
			return err
		}
	}
	last = Key{}
	for i, c := range ext.Commitments {
		if n := len(c.Commitment); n != verificationtypes.CommitmentSize {
			return fmt.Errorf("%w: commitment %d: expected %d bytes, got %d", ErrMalformed, i, verificationtypes.CommitmentSize, n)
		}
		if err := word("commitment", i, &last, Key{c.RequestId, c.Attempt}); err != nil {
			return err
		}
	}
	last = Key{}
	for i, r := range ext.Reveals {
		if err := r.Attestation.Validate(); err != nil {
			return fmt.Errorf("%w: reveal %d: %w", ErrMalformed, i, err)
		}
		if n := len(r.Salt); n != verificationtypes.SaltSize {
			return fmt.Errorf("%w: reveal %d: expected a salt of %d bytes, got %d", ErrMalformed, i, verificationtypes.SaltSize, n)
		}
		if err := word("reveal", i, &last, Key{r.Attestation.RequestId, r.Attestation.Attempt}); err != nil {
			return err
		}
	}
	return nil
}

// ascend checks that next is a valid key above *last and makes it the last one.
func ascend(last *Key, next Key) error {
	if next.RequestID == 0 || next.Attempt == 0 {
		return fmt.Errorf("%w: expected a request id and an attempt from 1, got %s", ErrMalformed, next)
	}
	if last.Compare(next) >= 0 {
		return fmt.Errorf("%w: expected a key above %s, got %s", ErrMalformed, *last, next)
	}
	*last = next
	return nil
}
