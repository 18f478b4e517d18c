package modelcompare

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Distance is max|a-b| / max|a| over the finite elements of two tensors: 0 for equal ones, infinite when types or shapes
// differ, when NaN or infinities are at other places, when anything differs from a tensor of zeros, and for different
// text. -0 equals +0, and every NaN another.
func Distance(a, b tensor.Tensor) float64 {
	if a.Datatype != b.Datatype || !slices.Equal(a.Shape, b.Shape) || len(a.Data) != len(b.Data) {
		return math.Inf(1)
	}
	if bytes.Equal(a.Canonical().Data, b.Canonical().Data) {
		return 0
	}
	size := a.Datatype.Size()
	if size == 0 {
		return math.Inf(1)
	}
	var gap, scale float64
	for i := 0; i+size <= len(a.Data); i += size {
		x, y := number(a.Datatype, a.Data[i:]), number(b.Datatype, b.Data[i:])
		if math.IsNaN(x) || math.IsInf(x, 0) || math.IsNaN(y) || math.IsInf(y, 0) {
			if x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
				return math.Inf(1)
			}
			continue
		}
		gap, scale = max(gap, math.Abs(x-y)), max(scale, math.Abs(x))
	}
	if gap == 0 {
		return 0
	}
	return gap / scale
}

// number is the value of the first element of data; 64-bit integers are rounded.
func number(d tensor.Datatype, data []byte) float64 {
	u16, u32, u64 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	switch d {
	case tensor.Int8:
		return float64(int8(data[0]))
	case tensor.Uint16:
		return float64(u16(data))
	case tensor.Int16:
		return float64(int16(u16(data)))
	case tensor.Uint32:
		return float64(u32(data))
	case tensor.Int32:
		return float64(int32(u32(data)))
	case tensor.Uint64:
		return float64(u64(data))
	case tensor.Int64:
		return float64(int64(u64(data)))
	case tensor.FP16:
		return half(u16(data))
	case tensor.BF16:
		return float64(math.Float32frombits(uint32(u16(data)) << 16))
	case tensor.FP32:
		return float64(math.Float32frombits(u32(data)))
	case tensor.FP64:
		return math.Float64frombits(u64(data))
	default: // Bool, Uint8
		return float64(data[0])
	}
}

// half is the value of a 16-bit float.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	v := math.Ldexp(1+fraction/1024, exponent-15)
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	case exponent == 0x1f && fraction == 0:
		v = math.Inf(1)
	case exponent == 0x1f:
		return math.NaN()
	}
	if bits&0x8000 != 0 {
		return -v
	}
	return v
}
