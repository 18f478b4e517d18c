// Package bigmodel makes ONNX models of a given size: a network of two layers whose hidden layer is as wide as the size
// asks for.
package bigmodel

import (
	"encoding/binary"
	"math"

	"github.com/opengradient/opengradient/internal/onnxwrite"
)

// The signature of every model: FP32 [1, Features] to FP32 [1, Scores].
const (
	Input    = "x"
	Output   = "y"
	Features = 64
	Scores   = 10
)

// elementBytes is the size of one FP32 element.
const elementBytes = 4

// Make gives a model of at least size bytes, and at most a few kilobytes more. Its weights follow from the seed.
func Make(size int, seed uint64) ([]byte, error) {
	hidden := int64(size/(elementBytes*(Features+Scores)) + 1)
	random := seed | 1
	return onnxwrite.Model{
		Producer: "opengradient-bigmodel",
		Graph: onnxwrite.Graph{
			Name:    "big",
			Inputs:  []onnxwrite.ValueInfo{{Name: Input, Type: onnxwrite.ElementFloat, Dims: onnxwrite.Shape(1, Features)}},
			Outputs: []onnxwrite.ValueInfo{{Name: Output, Type: onnxwrite.ElementFloat, Dims: onnxwrite.Shape(1, Scores)}},
			Initializers: []onnxwrite.Tensor{
				weights("w1", &random, Features, hidden),
				weights("w2", &random, hidden, Scores),
			},
			Nodes: []onnxwrite.Node{
				{Op: "Gemm", Inputs: []string{Input, "w1"}, Outputs: []string{"h"}},
				{Op: "Relu", Inputs: []string{"h"}, Outputs: []string{"r"}},
				{Op: "Gemm", Inputs: []string{"r", "w2"}, Outputs: []string{Output}},
			},
		},
	}.Marshal()
}

// weights are small numbers of both signs, multiples of 2^-16, from an xorshift generator.
func weights(name string, random *uint64, rows, columns int64) onnxwrite.Tensor {
	data := make([]byte, 0, elementBytes*rows*columns)
	for range rows * columns {
		*random ^= *random << 13
		*random ^= *random >> 7
		*random ^= *random << 17
		value := float32(int32(*random>>40)-1<<23) / (1 << 27)
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(value))
	}
	return onnxwrite.Tensor{Name: name, Type: onnxwrite.ElementFloat, Dims: []int64{rows, columns}, Data: data}
}
