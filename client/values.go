package client

import (
	"encoding/binary"
	"fmt"
	"math"
)

// values reads the elements of a tensor. It fails when the tensor has another datatype or is not valid.
func values[T number](d Datatype, t Tensor) ([]T, error) {
	if err := expect(d, t); err != nil {
		return nil, err
	}
	list := make([]T, len(t.Data)/d.Size())
	if _, err := binary.Decode(t.Data, binary.LittleEndian, list); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return list, nil
}

func expect(d Datatype, t Tensor) error {
	if t.Datatype != d {
		return fmt.Errorf("tensor %q: expected the datatype %s, got %s", t.Name, d, t.Datatype)
	}
	return t.Validate()
}

// Float32Values reads a tensor of FP32, row by row. It fails on another datatype.
func Float32Values(t Tensor) ([]float32, error) { return values[float32](FP32, t) }

// Float64Values reads a tensor of FP64, row by row. It fails on another datatype.
func Float64Values(t Tensor) ([]float64, error) { return values[float64](FP64, t) }

// Int8Values reads a tensor of INT8, row by row. It fails on another datatype.
func Int8Values(t Tensor) ([]int8, error) { return values[int8](Int8, t) }

// Int16Values reads a tensor of INT16, row by row. It fails on another datatype.
func Int16Values(t Tensor) ([]int16, error) { return values[int16](Int16, t) }

// Int32Values reads a tensor of INT32, row by row. It fails on another datatype.
func Int32Values(t Tensor) ([]int32, error) { return values[int32](Int32, t) }

// Int64Values reads a tensor of INT64, row by row. It fails on another datatype.
func Int64Values(t Tensor) ([]int64, error) { return values[int64](Int64, t) }

// Uint8Values reads a tensor of UINT8, row by row. It fails on another datatype.
func Uint8Values(t Tensor) ([]uint8, error) { return values[uint8](Uint8, t) }

// Uint16Values reads a tensor of UINT16, row by row. It fails on another datatype.
func Uint16Values(t Tensor) ([]uint16, error) { return values[uint16](Uint16, t) }

// Uint32Values reads a tensor of UINT32, row by row. It fails on another datatype.
func Uint32Values(t Tensor) ([]uint32, error) { return values[uint32](Uint32, t) }

// Uint64Values reads a tensor of UINT64, row by row. It fails on another datatype.
func Uint64Values(t Tensor) ([]uint64, error) { return values[uint64](Uint64, t) }

// BoolValues reads a tensor of BOOL, row by row. It fails on another datatype.
func BoolValues(t Tensor) ([]bool, error) {
	if err := expect(Bool, t); err != nil {
		return nil, err
	}
	list := make([]bool, len(t.Data))
	for i, b := range t.Data {
		list[i] = b == 1
	}
	return list, nil
}

// StringValues reads a tensor of BYTES, row by row. It fails on another datatype.
func StringValues(t Tensor) ([]string, error) {
	if err := expect(Bytes, t); err != nil {
		return nil, err
	}
	var list []string
	for rest := t.Data; len(rest) > 0; {
		size := binary.LittleEndian.Uint32(rest)
		list = append(list, string(rest[4:4+size]))
		rest = rest[4+size:]
	}
	return list, nil
}

// Floats reads a tensor of FP16, BF16, FP32 or FP64 as float64, which holds each of their values. It fails on another datatype.
func Floats(t Tensor) ([]float64, error) {
	if !t.Datatype.IsFloat() {
		return nil, fmt.Errorf("tensor %q: expected a datatype of floats, got %s", t.Name, t.Datatype)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	size := t.Datatype.Size()
	list := make([]float64, 0, len(t.Data)/size)
	for rest := t.Data; len(rest) > 0; rest = rest[size:] {
		switch t.Datatype {
		case FP16:
			list = append(list, halfToFloat(binary.LittleEndian.Uint16(rest)))
		case BF16:
			list = append(list, float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(rest))<<16)))
		case FP32:
			list = append(list, float64(math.Float32frombits(binary.LittleEndian.Uint32(rest))))
		default:
			list = append(list, math.Float64frombits(binary.LittleEndian.Uint64(rest)))
		}
	}
	return list, nil
}

// halfToFloat reads an IEEE 754 half.
func halfToFloat(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&0x1f), float64(h&0x3ff)
	if h>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	default:
		return sign * math.Ldexp(1024+fraction, exponent-25)
	}
}
