package onnxwrite

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// ElementOf gives the ONNX element type of a tensor datatype; BYTES is ElementString. An unknown datatype is an error.
func ElementOf(d tensor.Datatype) (ElementType, error) {
	switch d {
	case tensor.Bool:
		return ElementBool, nil
	case tensor.Uint8:
		return ElementUint8, nil
	case tensor.Uint16:
		return ElementUint16, nil
	case tensor.Uint32:
		return ElementUint32, nil
	case tensor.Uint64:
		return ElementUint64, nil
	case tensor.Int8:
		return ElementInt8, nil
	case tensor.Int16:
		return ElementInt16, nil
	case tensor.Int32:
		return ElementInt32, nil
	case tensor.Int64:
		return ElementInt64, nil
	case tensor.FP16:
		return ElementFloat16, nil
	case tensor.FP32:
		return ElementFloat, nil
	case tensor.FP64:
		return ElementDouble, nil
	case tensor.BF16:
		return ElementBfloat16, nil
	case tensor.Bytes:
		return ElementString, nil
	default:
		return ElementUndefined, fmt.Errorf("datatype: expected a valid one, got %s", d)
	}
}
