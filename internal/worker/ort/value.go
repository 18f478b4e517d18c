package ort

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
)

// elementTypes are the runtime's numbers of the datatypes of fixed size.
var elementTypes = map[tensor.Datatype]int{
	tensor.Bool:   ort.TensorElementDataTypeBool,
	tensor.Uint8:  ort.TensorElementDataTypeUint8,
	tensor.Uint16: ort.TensorElementDataTypeUint16,
	tensor.Uint32: ort.TensorElementDataTypeUint32,
	tensor.Uint64: ort.TensorElementDataTypeUint64,
	tensor.Int8:   ort.TensorElementDataTypeInt8,
	tensor.Int16:  ort.TensorElementDataTypeInt16,
	tensor.Int32:  ort.TensorElementDataTypeInt32,
	tensor.Int64:  ort.TensorElementDataTypeInt64,
	tensor.FP16:   ort.TensorElementDataTypeFloat16,
	tensor.FP32:   ort.TensorElementDataTypeFloat,
	tensor.FP64:   ort.TensorElementDataTypeDouble,
	tensor.BF16:   ort.TensorElementDataTypeBFloat16,
}

// value is a tensor in the runtime's hands.
type value interface {
	ort() ort.Value
	data() ([]byte, error) // a copy, in the layout of tensor.Tensor
	free()
}

// valueSet frees values together.
type valueSet []value

func (s *valueSet) add(v value) { *s = append(*s, v) }

func (s *valueSet) free() {
	for _, v := range *s {
		v.free()
	}
}

func (e *Environment) inputValue(t tensor.Tensor) (value, error) {
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrUnsupported, err)
	}
	if t.Datatype == tensor.Bytes {
		return stringInput(t)
	}
	v, err := e.fixedValue(t.Datatype, t.Shape, len(t.Data))
	if err != nil {
		return nil, err
	}
	copy(v.buffer.bytes(), t.Data)
	return v, nil
}

func (e *Environment) outputValue(o tensor.Tensor) (value, error) {
	n, err := o.Elements()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", backend.ErrUnsupported, err)
	}
	if o.Datatype == tensor.Bytes {
		return newStrings(o.Shape)
	}
	size := int64(o.Datatype.Size())
	if size == 0 || n > math.MaxInt/size {
		return nil, fmt.Errorf("%w: %d elements of %s", backend.ErrUnsupported, n, o.Datatype)
	}
	return e.fixedValue(o.Datatype, o.Shape, int(n*size))
}

// fixed is a tensor whose elements have one size.
type fixed struct {
	api     *api
	buffer  buffer
	binding foreign
	boolean bool
}

func (e *Environment) fixedValue(d tensor.Datatype, shape []int64, size int) (*fixed, error) {
	elementType, ok := elementTypes[d]
	if !ok {
		return nil, fmt.Errorf("%w: datatype %s", backend.ErrUnsupported, d)
	}
	b, err := allocate(size)
	if err != nil {
		return nil, err
	}
	v := &fixed{api: e.api, buffer: b, boolean: d == tensor.Bool}
	if v.binding.internals.value, err = e.api.tensor(b, shape, elementType); err != nil {
		b.free()
		return nil, classify(backend.ErrUnsupported, err)
	}
	return v, nil
}

func (v *fixed) ort() ort.Value { return &v.binding }

func (v *fixed) data() ([]byte, error) {
	data := append([]byte{}, v.buffer.bytes()...)
	if v.boolean {
		// Any byte but zero is true to the runtime; a tensor knows one byte for it.
		for i, b := range data {
			if b != 0 {
				data[i] = 1
			}
		}
	}
	return data, nil
}

func (v *fixed) free() {
	v.api.release(v.binding.internals.value)
	v.binding.internals.value = unsafe.Pointer(nil)
	v.buffer.free()
}

// text is a tensor of BYTES, whose elements the runtime owns.
type text struct{ tensor *ort.StringTensor }

func newStrings(shape []int64) (*text, error) {
	if len(shape) == 0 {
		return nil, fmt.Errorf("%w: expected rank of at least 1 for BYTES, got a scalar", backend.ErrUnsupported)
	}
	t, err := ort.NewStringTensor(ort.NewShape(shape...))
	if err != nil {
		return nil, classify(backend.ErrUnsupported, err)
	}
	return &text{t}, nil
}

// stringInput hands a valid tensor of BYTES to the runtime.
func stringInput(t tensor.Tensor) (*text, error) {
	var elements []string
	for rest := t.Data; len(rest) > 0; {
		n := 4 + int(binary.LittleEndian.Uint32(rest))
		element := string(rest[4:n])
		if strings.IndexByte(element, 0) >= 0 {
			return nil, fmt.Errorf("%w: BYTES element %d holds a zero byte", backend.ErrUnsupported, len(elements))
		}
		elements = append(elements, element)
		rest = rest[n:]
	}
	v, err := newStrings(t.Shape)
	if err != nil {
		return nil, err
	}
	if err := v.tensor.SetContents(elements); err != nil {
		v.free()
		return nil, classify(backend.ErrUnsupported, err)
	}
	return v, nil
}

func (v *text) ort() ort.Value { return v.tensor }

func (v *text) data() ([]byte, error) {
	elements, err := v.tensor.GetContents()
	if err != nil {
		return nil, classify(backend.ErrMemory, err)
	}
	var data []byte
	for i, element := range elements {
		if uint64(len(element)) > math.MaxUint32 {
			return nil, fmt.Errorf("%w: BYTES element %d of %d bytes", backend.ErrUnsupported, i, len(element))
		}
		data = binary.LittleEndian.AppendUint32(data, uint32(len(element)))
		data = append(data, element...)
	}
	return data, nil
}

func (v *text) free() { _ = v.tensor.Destroy() }
