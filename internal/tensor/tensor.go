package tensor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Bounds that hold for every tensor, whatever the caller's [Limits].
const (
	MaxNameBytes = 256 // bytes of a tensor name
	MaxRank      = 16  // dimensions of a tensor
)

// Errors that this package wraps; use errors.Is.
var (
	ErrName      = errors.New("invalid tensor name")
	ErrDatatype  = errors.New("invalid datatype")
	ErrShape     = errors.New("invalid shape")
	ErrData      = errors.New("invalid tensor data")
	ErrEncoding  = errors.New("invalid tensor encoding")
	ErrLimit     = errors.New("tensor limit exceeded")
	ErrDuplicate = errors.New("duplicate tensor name")
)

// Tensor is a named, dense, row-major array.
type Tensor struct {
	Name     string
	Datatype Datatype
	Shape    []int64 // empty for a scalar; a dimension may be 0
	// Data holds the elements little-endian. Bool takes one byte, 0 or 1. Each
	// Bytes element is a 4-byte little-endian length followed by that many bytes.
	Data []byte
}

// Elements is the product of the dimensions, 1 for a scalar. It fails with
// ErrShape when the rank is above MaxRank, a dimension is negative, or the
// product of the dimensions that are not zero does not fit an int64.
func (t Tensor) Elements() (int64, error) { return elements(t.Shape) }

func elements(shape []int64) (int64, error) {
	if len(shape) > MaxRank {
		return 0, fmt.Errorf("%w: expected rank of at most %d, got %d", ErrShape, MaxRank, len(shape))
	}
	n, zero := int64(1), false
	for i, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("%w: expected dimension %d to be at least 0, got %d", ErrShape, i, d)
		case d == 0:
			zero = true
		case n > math.MaxInt64/d:
			// Checked even beside a zero: a shape that cannot be indexed is never accepted.
			return 0, fmt.Errorf("%w: the number of elements of %v overflows", ErrShape, shape)
		default:
			n *= d
		}
	}
	if zero {
		return 0, nil
	}
	return n, nil
}

// Validate checks that the name is 1 to MaxNameBytes bytes of UTF-8, that the
// datatype and shape are sound, and that Data is exactly what they promise:
// the right length, Bool values 0 or 1, and exact Bytes framing.
func (t Tensor) Validate() error {
	if err := t.validateHeader(); err != nil {
		return err
	}
	n, err := t.Elements()
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if t.Datatype == Bytes {
		err = checkFraming(t.Data, n)
	} else {
		err = checkFixed(t.Datatype, t.Data, n)
	}
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return nil
}

func (t Tensor) validateHeader() error {
	if err := checkName(t.Name); err != nil {
		return err
	}
	if !t.Datatype.Valid() {
		return fmt.Errorf("tensor %q: %w: got %s", t.Name, ErrDatatype, t.Datatype)
	}
	return nil
}

func checkName(name string) error {
	if len(name) == 0 || len(name) > MaxNameBytes {
		return fmt.Errorf("%w: expected 1 to %d bytes, got %d", ErrName, MaxNameBytes, len(name))
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("%w: expected UTF-8, got %q", ErrName, name)
	}
	return nil
}

func checkFixed(d Datatype, data []byte, n int64) error {
	want, err := dataBytes(d, n)
	if err != nil {
		return err
	}
	if want != int64(len(data)) {
		return fmt.Errorf("%w: expected %d bytes for %d elements of %s, got %d", ErrData, want, n, d, len(data))
	}
	if d == Bool {
		for i, b := range data {
			if b > 1 {
				return fmt.Errorf("%w: expected BOOL element %d to be 0 or 1, got %d", ErrData, i, b)
			}
		}
	}
	return nil
}

// dataBytes is the data length of n elements of a datatype of fixed size.
func dataBytes(d Datatype, n int64) (int64, error) {
	size := int64(d.Size())
	if size == 0 {
		return 0, fmt.Errorf("%w: %s has no fixed element size", ErrDatatype, d)
	}
	if n > math.MaxInt64/size {
		return 0, fmt.Errorf("%w: the byte size of %d elements of %s overflows", ErrShape, n, d)
	}
	return n * size, nil
}

func checkFraming(data []byte, n int64) error {
	rest := data
	for i := int64(0); i < n; i++ {
		if len(rest) < 4 {
			return fmt.Errorf("%w: expected %d BYTES elements, data ends in the length of element %d", ErrData, n, i)
		}
		size := uint64(binary.LittleEndian.Uint32(rest))
		rest = rest[4:]
		if size > uint64(len(rest)) {
			return fmt.Errorf("%w: expected %d bytes in BYTES element %d, got %d", ErrData, size, i, len(rest))
		}
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: expected no data after %d BYTES elements, got %d bytes", ErrData, n, len(rest))
	}
	return nil
}
