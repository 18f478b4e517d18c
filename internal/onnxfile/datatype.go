package onnxfile

import "github.com/opengradient/opengradient/internal/tensor"

// elementTypes maps TensorProto.DataType to datatypes. What is missing
// (strings, complex numbers, 8-bit floats and 4-bit integers) is not supported.
var elementTypes = [...]tensor.Datatype{
	1: tensor.FP32, 2: tensor.Uint8, 3: tensor.Int8, 4: tensor.Uint16, 5: tensor.Int16, 6: tensor.Int32,
	7: tensor.Int64, 9: tensor.Bool, 10: tensor.FP16, 11: tensor.FP64, 12: tensor.Uint32, 13: tensor.Uint64,
	16: tensor.BF16,
}

func datatypeOf(where string, v int64) (tensor.Datatype, error) {
	if v > 0 && v < int64(len(elementTypes)) && elementTypes[v] != tensor.Invalid {
		return elementTypes[v], nil
	}
	return tensor.Invalid, refuse(ReasonUnsupportedDatatype, where,
		"an element type among FLOAT, DOUBLE, FLOAT16, BFLOAT16, BOOL and integers of 8 to 64 bits", "type %d", v)
}

func isInteger(d tensor.Datatype) bool { return d >= tensor.Uint8 && d <= tensor.Int64 }
