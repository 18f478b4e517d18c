package modelzoo

import (
	"encoding/binary"
	"math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// source is SplitMix64: numbers that are the same everywhere and for ever.
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number from 0 to n-1.
func (s *source) below(n int) int { return int(s.next() % uint64(n)) }

// unit is a multiple of 1/1024 between -1 and 1: exact in 16-bit floats as well.
func (s *source) unit() float32 { return float32(s.below(2049)-1024) / 1024 }

// units are n values between -scale and scale; scale is a power of two.
func (s *source) units(n int, scale float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = s.unit() * scale
	}
	return out
}

func (s *source) bytes(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(s.next())
	}
	return out
}

// fanScale is the power of two next to 1/sqrt(n): it keeps sums of n products from growing.
func fanScale(n int) float32 {
	scale := float32(1)
	for ; n > 1; n /= 4 {
		scale /= 2
	}
	return scale
}

// half gives the bits of a 16-bit float that has the value exactly, or the next one toward zero.
func half(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127 + 15
	mantissa := bits&0x7fffff | 1<<23
	switch {
	case exponent <= -10:
		return sign
	case exponent <= 0:
		return sign | uint16(mantissa>>(14-exponent))
	default:
		return sign | uint16(exponent)<<10 | uint16(bits>>13&0x3ff)
	}
}

func floats(name string, shape []int64, values []float32) tensor.Tensor {
	t := tensor.Tensor{Name: name, Datatype: tensor.FP32, Shape: shape}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

func halfData(values []float32) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint16(data, half(v))
	}
	return data
}

func elements(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}

// floatInput makes Inputs of one FP32 tensor between -1 and 1.
func floatInput(name string, shape ...int64) func(uint64) []tensor.Tensor {
	return func(seed uint64) []tensor.Tensor {
		s := source(seed)
		return []tensor.Tensor{floats(name, shape, s.units(elements(shape), 1))}
	}
}

// halfInput makes Inputs of one FP16 tensor between -1 and 1.
func halfInput(name string, shape ...int64) func(uint64) []tensor.Tensor {
	return func(seed uint64) []tensor.Tensor {
		s := source(seed)
		return []tensor.Tensor{{Name: name, Datatype: tensor.FP16, Shape: shape, Data: halfData(s.units(elements(shape), 1))}}
	}
}

// byteInput makes Inputs of one UINT8 tensor.
func byteInput(name string, shape ...int64) func(uint64) []tensor.Tensor {
	return func(seed uint64) []tensor.Tensor {
		s := source(seed)
		return []tensor.Tensor{{Name: name, Datatype: tensor.Uint8, Shape: shape, Data: s.bytes(elements(shape))}}
	}
}
