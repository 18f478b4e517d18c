package voteext

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/app/abcitypes"
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
	return ext.Status == nil && len(ext.Attestations) == 0 && len(ext.Outputs) == 0
}

func validate(ext abcitypes.VoteExtension) error {
	if ext.Version != Version {
		return fmt.Errorf("%w: expected version %d, got %d", ErrMalformed, Version, ext.Version)
	}
	if n := len(ext.Attestations); n > MaxAttestations {
		return fmt.Errorf("%w: expected at most %d attestations, got %d", ErrTooLarge, MaxAttestations, n)
	}
	if n := len(ext.Outputs); n > MaxOutputs {
		return fmt.Errorf("%w: expected at most %d outputs, got %d", ErrTooLarge, MaxOutputs, n)
	}
	if ext.Status != nil {
		if err := ext.Status.Validate(); err != nil {
			return fmt.Errorf("%w: status: %w", ErrMalformed, err)
		}
	}
	var last Key
	for i, a := range ext.Attestations {
		if err := a.Validate(); err != nil {
			return fmt.Errorf("%w: attestation %d: %w", ErrMalformed, i, err)
		}
		if err := ascend(&last, Key{a.RequestId, a.Attempt}); err != nil {
			return fmt.Errorf("attestation %d: %w", i, err)
		}
	}
	last = Key{}
	for i, o := range ext.Outputs {
		if len(o.Output) == 0 {
			return fmt.Errorf("output %d: %w: expected output bytes, got none", i, ErrMalformed)
		}
		if err := ascend(&last, Key{o.RequestId, o.Attempt}); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
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
