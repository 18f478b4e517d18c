package client

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Tensor is a named, dense, row-major array. Data holds the elements little-endian; BOOL takes one byte each, BYTES a length of
// 4 bytes and so many bytes each.
type Tensor = tensor.Tensor

// Spec is the declared form of one input or output of a model. A dimension may have a symbol, whose value is that of the
// inputs of a request.
type Spec = tensor.Spec

// Datatype is the element type of a tensor.
type Datatype = tensor.Datatype

// The datatypes of the Open Inference Protocol, and BF16.
const (
	Bool   = tensor.Bool
	Uint8  = tensor.Uint8
	Uint16 = tensor.Uint16
	Uint32 = tensor.Uint32
	Uint64 = tensor.Uint64
	Int8   = tensor.Int8
	Int16  = tensor.Int16
	Int32  = tensor.Int32
	Int64  = tensor.Int64
	FP16   = tensor.FP16
	FP32   = tensor.FP32
	FP64   = tensor.FP64
	BF16   = tensor.BF16
	Bytes  = tensor.Bytes
)

// number is an element of fixed size.
type number interface {
	uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float32 | float64
}

// numbers makes a tensor of them. Whether the shape is theirs a check says.
func numbers[T number](d Datatype, name string, shape []int64, data []T) Tensor {
	encoded, err := binary.Append(make([]byte, 0, len(data)*d.Size()), binary.LittleEndian, data)
	if err != nil {
		panic(err) // the type of the elements is one of number
	}
	return Tensor{Name: name, Datatype: d, Shape: slices.Clone(shape), Data: encoded}
}

// Float32s is a tensor of FP32.
func Float32s(name string, shape []int64, data []float32) Tensor {
	return numbers(FP32, name, shape, data)
}

// Float64s is a tensor of FP64.
func Float64s(name string, shape []int64, data []float64) Tensor {
	return numbers(FP64, name, shape, data)
}

// Int8s is a tensor of INT8.
func Int8s(name string, shape []int64, data []int8) Tensor { return numbers(Int8, name, shape, data) }

// Int16s is a tensor of INT16.
func Int16s(name string, shape []int64, data []int16) Tensor {
	return numbers(Int16, name, shape, data)
}

// Int32s is a tensor of INT32.
func Int32s(name string, shape []int64, data []int32) Tensor {
	return numbers(Int32, name, shape, data)
}

// Int64s is a tensor of INT64.
func Int64s(name string, shape []int64, data []int64) Tensor {
	return numbers(Int64, name, shape, data)
}

// Uint8s is a tensor of UINT8.
func Uint8s(name string, shape []int64, data []uint8) Tensor {
	return numbers(Uint8, name, shape, data)
}

// Uint16s is a tensor of UINT16.
func Uint16s(name string, shape []int64, data []uint16) Tensor {
	return numbers(Uint16, name, shape, data)
}

// Uint32s is a tensor of UINT32.
func Uint32s(name string, shape []int64, data []uint32) Tensor {
	return numbers(Uint32, name, shape, data)
}

// Uint64s is a tensor of UINT64.
func Uint64s(name string, shape []int64, data []uint64) Tensor {
	return numbers(Uint64, name, shape, data)
}

// Bools is a tensor of BOOL.
func Bools(name string, shape []int64, data []bool) Tensor {
	t := Tensor{Name: name, Datatype: Bool, Shape: slices.Clone(shape), Data: make([]byte, len(data))}
	for i, v := range data {
		if v {
			t.Data[i] = 1
		}
	}
	return t
}

// Strings is a tensor of BYTES.
func Strings(name string, shape []int64, data []string) Tensor {
	t := Tensor{Name: name, Datatype: Bytes, Shape: slices.Clone(shape)}
	for _, v := range data {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, uint32(len(v)))
		t.Data = append(t.Data, v...)
	}
	return t
}

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
