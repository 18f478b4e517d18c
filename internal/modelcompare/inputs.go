package modelcompare

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/tensor"
)

const (
	// DefaultSize is the size of a symbolic dimension that the caller gives none.
	DefaultSize = 2
	// MaxInputBytes bounds the inputs of one sample.
	MaxInputBytes = 256 << 20
)

// source is SplitMix64: numbers that are the same on every machine.
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Inputs makes one tensor for each input of a signature; the same arguments give the same bytes everywhere. Floats are
// between -1 and 1, bytes take all their values, and wider integers are 0 or 1, so that most models can use them as an
// index. Symbolic dimensions have the size given, or DefaultSize.
func Inputs(signature []tensor.Spec, sizes map[string]int64, seed uint64) ([]tensor.Tensor, error) {
	bindings := make(map[string]int64)
	for _, spec := range signature {
		for _, d := range spec.Dims {
			if d.Symbol == "" {
				continue
			}
			bindings[d.Symbol] = DefaultSize
			if size, ok := sizes[d.Symbol]; ok {
				bindings[d.Symbol] = size
			}
		}
	}
	// The position of a tensor takes part, so that inputs of one type differ.
	random := source(seed)
	left := int64(MaxInputBytes)
	tensors := make([]tensor.Tensor, 0, len(signature))
	for _, spec := range signature {
		shape, err := spec.Resolve(bindings)
		if err != nil {
			return nil, err
		}
		t := tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype, Shape: shape}
		n, err := t.Elements()
		if err != nil {
			return nil, err
		}
		const most = 8 // bytes of an element
		if n > left/most {
			return nil, fmt.Errorf("input %q: expected at most %d bytes in all inputs, got %d elements: give its symbolic dimensions smaller sizes", spec.Name, MaxInputBytes, n)
		}
		left -= most * n
		for range n {
			t.Data = appendElement(t.Data, spec.Datatype, random.next())
		}
		if err := t.Validate(); err != nil {
			return nil, err
		}
		tensors = append(tensors, t)
	}
	return tensors, nil
}

// appendElement adds one element made from random bits.
func appendElement(b []byte, d tensor.Datatype, bits uint64) []byte {
	unit := int64(bits%2049) - 1024 // times 2^-10
	switch d {
	case tensor.FP64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(unit)/1024))
	case tensor.FP32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(unit)/1024))
	case tensor.FP16: // sign, an exponent of 2^-4 to 2^-1, fraction
		return binary.LittleEndian.AppendUint16(b, uint16(bits&0x8000|(11+bits>>16&3)<<10|bits&0x3ff))
	case tensor.BF16:
		return binary.LittleEndian.AppendUint16(b, uint16(bits&0x8000|(123+bits>>16&3)<<7|bits&0x7f))
	case tensor.Uint8, tensor.Int8:
		return append(b, byte(bits))
	case tensor.Bytes:
		return append(b, 1, 0, 0, 0, byte('a'+bits%26))
	default:
		return append(append(b, byte(bits&1)), bytes.Repeat([]byte{0}, d.Size()-1)...)
	}
}
