package client

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// checkInputs checks tensors against the signature and gives the values of its symbols.
func checkInputs(specs []Spec, inputs []Tensor) (map[string]int64, error) {
	if err := checkNames(specs, inputs); err != nil {
		return nil, err
	}
	for _, t := range inputs {
		if !t.Datatype.Valid() {
			return nil, invalid(inferencetypes.ErrInputDatatype, input(t.Name)+".datatype", "a datatype such as FP32", t.Datatype.String())
		}
		for i, d := range t.Shape {
			if d < 0 {
				return nil, invalid(inferencetypes.ErrInputShape, input(t.Name)+".shape", "dimensions of at least 0",
					fmt.Sprintf("%d in dimension %d", d, i))
			}
		}
	}
	bindings, err := tensor.Bind(specs, inputs)
	var mismatch *tensor.SignatureError
	switch {
	case errors.As(err, &mismatch):
		return nil, explainMismatch(mismatch, specs, inputs)
	case err != nil:
		return nil, err
	}
	for _, t := range inputs {
		if err := checkData(t); err != nil {
			return nil, err
		}
	}
	return bindings, nil
}

func input(name string) string { return fmt.Sprintf("inputs[%.64q]", name) }

// checkNames checks that the tensors have the names of the signature.
func checkNames(specs []Spec, inputs []Tensor) error {
	given := make(map[string]bool, len(inputs))
	known := make([]string, len(specs))
	wanted := make(map[string]bool, len(specs))
	for i, s := range specs {
		known[i], wanted[s.Name] = s.Name, true
	}
	for _, t := range inputs {
		if !wanted[t.Name] {
			return invalid(inferencetypes.ErrInputName, input(t.Name), "an input of the model: "+list(known), "an unknown name")
		}
		if given[t.Name] {
			return invalid(inferencetypes.ErrInputName, input(t.Name), "one tensor of this name", "two")
		}
		given[t.Name] = true
	}
	for _, s := range specs {
		if !given[s.Name] {
			return invalid(inferencetypes.ErrInputName, input(s.Name), "a tensor "+form(s), "none")
		}
	}
	return nil
}

// form writes datatype and shape of a signature: FP32[N,4].
func form(s Spec) string { return strings.TrimPrefix(s.String(), s.Name+" ") }

// explainMismatch names the field of a tensor that does not match, with the whole of what is expected.
func explainMismatch(m *tensor.SignatureError, specs []Spec, inputs []Tensor) error {
	var spec Spec
	for _, s := range specs {
		if s.Name == m.Tensor {
			spec = s
		}
	}
	var shape []int64
	for _, t := range inputs {
		if t.Name == m.Tensor {
			shape = t.Shape
		}
	}
	switch m.Field {
	case tensor.FieldDatatype:
		return invalid(inferencetypes.ErrInputDatatype, input(m.Tensor)+".datatype", m.Expected, m.Got)
	case tensor.FieldRank:
		return invalid(inferencetypes.ErrInputShape, input(m.Tensor)+".shape",
			fmt.Sprintf("%s dimensions as in %s", m.Expected, form(spec)), fmt.Sprintf("%s, %v", m.Got, shape))
	case tensor.FieldShape:
		return invalid(inferencetypes.ErrInputShape, input(m.Tensor)+".shape",
			fmt.Sprintf("%s as in %s", m.Expected, form(spec)), fmt.Sprintf("%s in %v", m.Got, shape))
	default:
		return invalid(inferencetypes.ErrInputName, input(m.Tensor), m.Expected, m.Got)
	}
}

// checkData checks that the data of a tensor is what datatype and shape promise.
func checkData(t Tensor) error {
	field := input(t.Name) + ".data"
	count, err := t.Elements()
	if err != nil {
		return invalid(inferencetypes.ErrInputShape, input(t.Name)+".shape", "a shape whose elements can be counted", err.Error())
	}
	if t.Datatype == Bytes {
		if expected, got, ok := checkFraming(t.Data, count); !ok {
			return invalid(inferencetypes.ErrInputMalformed, field, expected, got)
		}
		return nil
	}
	size := int64(t.Datatype.Size())
	if have := int64(len(t.Data)); have%size != 0 || have/size != count {
		return invalid(inferencetypes.ErrInputMalformed, field,
			fmt.Sprintf("%d elements of %s, %d bytes each, for the shape %v", count, t.Datatype, size, t.Shape), fmt.Sprintf("%d bytes", have))
	}
	if t.Datatype == Bool {
		for i, b := range t.Data {
			if b > 1 {
				return invalid(inferencetypes.ErrInputMalformed, field, fmt.Sprintf("element %d of BOOL to be 0 or 1", i), fmt.Sprint(b))
			}
		}
	}
	return nil
}

// checkFraming checks that data is so many elements of BYTES.
func checkFraming(data []byte, count int64) (expected, got string, ok bool) {
	rest := data
	for i := range count {
		if len(rest) < 4 {
			return fmt.Sprintf("%d elements of BYTES, each with its length in 4 bytes", count), fmt.Sprintf("the end of the data in element %d", i), false
		}
		size := uint64(binary.LittleEndian.Uint32(rest))
		rest = rest[4:]
		if size > uint64(len(rest)) {
			return fmt.Sprintf("%d bytes in element %d of BYTES", size, i), fmt.Sprintf("%d bytes", len(rest)), false
		}
		rest = rest[size:]
	}
	if len(rest) > 0 {
		return fmt.Sprintf("no data after %d elements of BYTES", count), fmt.Sprintf("%d bytes more", len(rest)), false
	}
	return "", "", true
}
