package client

import (
	"encoding/binary"
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
