package types

import (
	"bytes"

	"github.com/opengradient/opengradient/internal/tensor"
)

// MaxEvidenceBytes bounds the bytes that are read as evidence: what the largest electorate and the largest outputs that a
// block can carry need, many times over.
const MaxEvidenceBytes = 64 << 20

// NewEvidence gathers what the verdict of a settled round is derived from. Outputs are ascending by candidate; they are
// left out when all that spoke attested the same, since nothing was compared then.
func NewEvidence(round Round, outputs []RoundOutput) Evidence {
	if len(round.Candidates) < 2 {
		outputs = nil
	}
	return Evidence{Round: round, Outputs: outputs}
}

// NeedsEvidence tells whether the receipt of a settled round leaves something open: the verdict was found by comparison,
// there were other outcomes, or somebody is at fault.
func (r Round) NeedsEvidence() bool {
	return r.Arbitrated || r.IsContested() || len(r.Faults) > 0
}

// Encode is the canonical encoding, whose Merkle root the receipt holds: fields ascending, defaults left out.
func (e Evidence) Encode() ([]byte, error) {
	encoded, err := e.Marshal()
	if err != nil {
		return nil, ErrInvalidEvidence.Wrapf("expected evidence that can be encoded: %s", err)
	}
	return encoded, nil
}

// Root is the Merkle root of the canonical encoding.
func (e Evidence) Root() (tensor.Root, error) {
	encoded, err := e.Encode()
	return tensor.MerkleRoot(encoded), err
}

// DecodeEvidence reads the canonical encoding and nothing else. It returns ErrInvalidEvidence.
func DecodeEvidence(encoded []byte) (Evidence, error) {
	if len(encoded) > MaxEvidenceBytes {
		return Evidence{}, ErrInvalidEvidence.Wrapf("expected at most %d bytes, got %d", MaxEvidenceBytes, len(encoded))
	}
	var evidence Evidence
	if err := evidence.Unmarshal(encoded); err != nil {
		return Evidence{}, ErrInvalidEvidence.Wrapf("expected the encoding of evidence: %s", err)
	}
	again, err := evidence.Encode()
	if err != nil {
		return Evidence{}, err
	}
	if !bytes.Equal(again, encoded) {
		return Evidence{}, ErrInvalidEvidence.Wrapf("expected the canonical encoding of %d bytes, got other %d bytes", len(again), len(encoded))
	}
	return evidence, nil
}
