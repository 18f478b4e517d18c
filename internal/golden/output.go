package golden

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// prefixBytes is the length that precedes each output.
const prefixBytes = 8

// Join packs the outputs of all vectors, each the canonical encoding: its length as 8 bytes big-endian, then its bytes.
// The Merkle root of the result is what nodes attest.
func Join(outputs [][]byte) []byte {
	size := 0
	for _, o := range outputs {
		size += prefixBytes + len(o)
	}
	b := make([]byte, 0, size)
	for _, o := range outputs {
		b = binary.BigEndian.AppendUint64(b, uint64(len(o)))
		b = append(b, o...)
	}
	return b
}

// Split is the strict inverse of [Join] for a known number of vectors. What it returns shares the memory of b. It fails
// with ErrSplit.
func Split(b []byte, vectors int) ([][]byte, error) {
	if vectors < 1 || vectors > MaxVectors {
		return nil, fmt.Errorf("%w: expected 1 to %d vectors, got %d", ErrSplit, MaxVectors, vectors)
	}
	outputs := make([][]byte, vectors)
	for i := range outputs {
		if len(b) < prefixBytes {
			return nil, fmt.Errorf("%w: expected the length of output %d of %d, got %d bytes", ErrSplit, i+1, vectors, len(b))
		}
		size := binary.BigEndian.Uint64(b)
		b = b[prefixBytes:]
		if size > uint64(len(b)) {
			return nil, fmt.Errorf("%w: expected %d bytes of output %d of %d, got %d", ErrSplit, size, i+1, vectors, len(b))
		}
		outputs[i], b = b[:size:size], b[size:]
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%w: expected the end after %d outputs, got %d bytes more", ErrSplit, vectors, len(b))
	}
	return outputs, nil
}

// Check splits a golden output and checks that each part is an output of the signature in its order, in canonical form,
// with one value for each symbol within the part. It returns the parts, and fails with ErrSplit.
func Check(b []byte, vectors int, outputs []tensor.Spec) ([][]byte, error) {
	parts, err := Split(b, vectors)
	if err != nil {
		return nil, err
	}
	limits := tensor.Limits{MaxTensors: len(outputs), MaxRank: tensor.MaxRank, MaxBytes: int64(len(b))}
	for i, part := range parts {
		ts, err := tensor.Decode(part, limits)
		if err != nil {
			return nil, fmt.Errorf("%w: output %d of %d: %w", ErrSplit, i+1, vectors, err)
		}
		if _, err := tensor.Bind(outputs, ts); err != nil {
			return nil, fmt.Errorf("%w: output %d of %d: %w", ErrSplit, i+1, vectors, err)
		}
		for j, t := range ts {
			if t.Name != outputs[j].Name {
				return nil, fmt.Errorf("%w: output %d of %d: expected tensor %d to be %q, got %q", ErrSplit, i+1, vectors, j, outputs[j].Name, t.Name)
			}
			if !bytes.Equal(t.Canonical().Data, t.Data) {
				return nil, fmt.Errorf("%w: output %d of %d: expected tensor %q with one form of NaN and of zero, got another", ErrSplit, i+1, vectors, t.Name)
			}
		}
	}
	return parts, nil
}
