package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	magic         = "OGTL"
	formatVersion = 1
	headerBytes   = len(magic) + 1 + 4
	// minTensorBytes is the smallest encoding of one tensor: a name of one byte,
	// rank 0, no data. It bounds the count field by the bytes that are there.
	minTensorBytes = 2 + 1 + 1 + 1 + 8
)

// Limits bound what [Decode] accepts.
type Limits struct {
	MaxTensors int   // tensors in the list
	MaxRank    int   // dimensions of a tensor; above MaxRank has no effect
	MaxBytes   int64 // bytes of the whole encoding
}

// DefaultLimits suit tensors that travel in transactions and votes.
var DefaultLimits = Limits{MaxTensors: 64, MaxRank: 8, MaxBytes: 4 << 20}

// Encode writes the canonical encoding of a list. The order is preserved. It
// fails when a tensor is not valid or a name occurs twice. An empty list is
// valid.
func Encode(ts []Tensor) ([]byte, error) {
	if err := checkUnique(ts); err != nil {
		return nil, err
	}
	size := headerBytes
	for i := range ts {
		if err := ts[i].Validate(); err != nil {
			return nil, err
		}
		size += overhead(ts[i]) + len(ts[i].Data)
	}
	b := make([]byte, 0, size)
	b = append(b, magic...)
	b = append(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ts)))
	for i := range ts {
		b = appendTensor(b, ts[i])
	}
	return b, nil
}

// EncodeOutputs encodes the [Tensor.Canonical] form of every tensor. The
// [MerkleRoot] of these bytes is an outcome root.
func EncodeOutputs(ts []Tensor) ([]byte, error) {
	out := make([]Tensor, len(ts))
	for i := range ts {
		out[i] = ts[i].Canonical()
	}
	return Encode(out)
}

// EncodedSize is the length in bytes that Encode would give for tensors of
// these names, datatypes and shapes; Data is not looked at. It fails for
// Bytes, whose size depends on the values, and where Encode would fail.
func EncodedSize(ts ...Tensor) (int64, error) {
	if err := checkUnique(ts); err != nil {
		return 0, err
	}
	total := int64(headerBytes)
	for i := range ts {
		if err := ts[i].validateHeader(); err != nil {
			return 0, err
		}
		n, err := ts[i].Elements()
		if err != nil {
			return 0, fmt.Errorf("tensor %q: %w", ts[i].Name, err)
		}
		data, err := dataBytes(ts[i].Datatype, n)
		if err != nil {
			return 0, fmt.Errorf("tensor %q: %w", ts[i].Name, err)
		}
		size := int64(overhead(ts[i]))
		if data > math.MaxInt64-total-size {
			return 0, fmt.Errorf("tensor %q: %w: the encoded size overflows", ts[i].Name, ErrShape)
		}
		total += size + data
	}
	return total, nil
}

func overhead(t Tensor) int { return 2 + len(t.Name) + 1 + 1 + 8*len(t.Shape) + 8 }

func appendTensor(b []byte, t Tensor) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(t.Name)))
	b = append(b, t.Name...)
	b = append(b, byte(t.Datatype), byte(len(t.Shape)))
	for _, d := range t.Shape {
		b = binary.LittleEndian.AppendUint64(b, uint64(d))
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(len(t.Data)))
	return append(b, t.Data...)
}

func checkUnique(ts []Tensor) error {
	if uint64(len(ts)) > math.MaxUint32 {
		return fmt.Errorf("%w: expected at most %d tensors, got %d", ErrLimit, uint32(math.MaxUint32), len(ts))
	}
	seen := make(map[string]struct{}, len(ts))
	for i := range ts {
		if _, dup := seen[ts[i].Name]; dup {
			return fmt.Errorf("%w: %q", ErrDuplicate, ts[i].Name)
		}
		seen[ts[i].Name] = struct{}{}
	}
	return nil
}
