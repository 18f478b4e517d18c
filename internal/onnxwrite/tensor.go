package onnxwrite

import (
	"encoding/binary"
	"fmt"
	"math"
)

// ElementType is TensorProto.DataType: the type of a tensor's elements.
type ElementType int32

// The element types, with their ONNX numbers.
const (
	ElementUndefined ElementType = 0
	ElementFloat     ElementType = 1
	ElementUint8     ElementType = 2
	ElementInt8      ElementType = 3
	ElementUint16    ElementType = 4
	ElementInt16     ElementType = 5
	ElementInt32     ElementType = 6
	ElementInt64     ElementType = 7
	ElementString    ElementType = 8
	ElementBool      ElementType = 9
	ElementFloat16   ElementType = 10
	ElementDouble    ElementType = 11
	ElementUint32    ElementType = 12
	ElementUint64    ElementType = 13
	ElementBfloat16  ElementType = 16
)

var elementTypes = [...]struct {
	name string
	size int64 // bytes of one element; 0 for strings and for numbers that are not supported
}{
	ElementUndefined: {"UNDEFINED", 0},
	ElementFloat:     {"FLOAT", 4},
	ElementUint8:     {"UINT8", 1},
	ElementInt8:      {"INT8", 1},
	ElementUint16:    {"UINT16", 2},
	ElementInt16:     {"INT16", 2},
	ElementInt32:     {"INT32", 4},
	ElementInt64:     {"INT64", 8},
	ElementString:    {"STRING", 0},
	ElementBool:      {"BOOL", 1},
	ElementFloat16:   {"FLOAT16", 2},
	ElementDouble:    {"DOUBLE", 8},
	ElementUint32:    {"UINT32", 4},
	ElementUint64:    {"UINT64", 8},
	ElementBfloat16:  {"BFLOAT16", 2},
}

// String gives the ONNX name, for example "FLOAT16".
func (t ElementType) String() string {
	if t >= 0 && int(t) < len(elementTypes) && elementTypes[t].name != "" {
		return elementTypes[t].name
	}
	return fmt.Sprintf("ElementType(%d)", int32(t))
}

// Size is the number of bytes of one element in Tensor.Data; 0 for ElementString and for unsupported types.
func (t ElementType) Size() int64 {
	if t < 0 || int(t) >= len(elementTypes) {
		return 0
	}
	return elementTypes[t].size
}

// Tensor is a constant tensor, written with raw data: little-endian, row-major, BOOL one byte of 0 or 1. Elements of
// an ElementString tensor are in Strings instead, and Data is empty.
type Tensor struct {
	// Name is required of an initializer and optional in an attribute.
	Name    string
	Type    ElementType
	Dims    []int64
	Data    []byte
	Strings []string
}

// FloatTensor makes a tensor of 32-bit floats; no dims make a scalar.
func FloatTensor(name string, dims []int64, values ...float32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{Name: name, Type: ElementFloat, Dims: dims, Data: data}
}

// DoubleTensor makes a tensor of 64-bit floats; no dims make a scalar.
func DoubleTensor(name string, dims []int64, values ...float64) Tensor {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	return Tensor{Name: name, Type: ElementDouble, Dims: dims, Data: data}
}

// Int64Tensor makes a tensor of 64-bit integers, such as the axes of a reduction; no dims make a scalar.
func Int64Tensor(name string, dims []int64, values ...int64) Tensor {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return Tensor{Name: name, Type: ElementInt64, Dims: dims, Data: data}
}

// Int32Tensor makes a tensor of 32-bit integers; no dims make a scalar.
func Int32Tensor(name string, dims []int64, values ...int32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	return Tensor{Name: name, Type: ElementInt32, Dims: dims, Data: data}
}

// StringTensor makes a tensor of strings; no dims make a scalar.
func StringTensor(name string, dims []int64, values ...string) Tensor {
	return Tensor{Name: name, Type: ElementString, Dims: dims, Strings: values}
}

// elements is the product of the dims.
func (t Tensor) elements() (int64, error) {
	n := int64(1)
	empty := false
	for i, d := range t.Dims {
		switch {
		case d < 0:
			return 0, fmt.Errorf("dimension %d: expected a size of 0 or more, got %d", i, d)
		case d == 0:
			empty = true
		case n > math.MaxInt64/d:
			return 0, fmt.Errorf("dims %v: expected a product below 2^63", t.Dims)
		default:
			n *= d
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// check reports why the tensor's data does not fit its type and dims.
func (t Tensor) check() error {
	n, err := t.elements()
	if err != nil {
		return err
	}
	if t.Type == ElementString {
		if len(t.Data) != 0 {
			return fmt.Errorf("expected the elements of a STRING tensor in Strings, got %d bytes of Data", len(t.Data))
		}
		if int64(len(t.Strings)) != n {
			return fmt.Errorf("dims %v: expected %d strings, got %d", t.Dims, n, len(t.Strings))
		}
		return nil
	}
	size := t.Type.Size()
	if size == 0 {
		return fmt.Errorf("expected a supported element type, got %s", t.Type)
	}
	if len(t.Strings) != 0 {
		return fmt.Errorf("expected no Strings in a %s tensor, got %d", t.Type, len(t.Strings))
	}
	if n > math.MaxInt64/size || int64(len(t.Data)) != n*size {
		return fmt.Errorf("dims %v of %s: expected %d elements of %d bytes, got %d bytes", t.Dims, t.Type, n, size, len(t.Data))
	}
	if t.Type == ElementBool {
		for i, b := range t.Data {
			if b > 1 {
				return fmt.Errorf("element %d: expected BOOL 0 or 1, got %d", i, b)
			}
		}
	}
	return nil
}
