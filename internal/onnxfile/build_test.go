package onnxfile

import (
	"errors"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// dims makes a shape of numbers and symbols; 0 leaves a dimension unspecified.
func dims(items ...any) []ow.Dim {
	out := make([]ow.Dim, 0, len(items))
	for _, item := range items {
		switch v := item.(type) {
		case int:
			if v == 0 {
				out = append(out, ow.Dim{})
				continue
			}
			out = append(out, ow.Fixed(int64(v)))
		case string:
			out = append(out, ow.Symbolic(v))
		}
	}
	return out
}

func floatInput(name string, shape ...any) ow.ValueInfo {
	return ow.ValueInfo{Name: name, Type: ow.ElementFloat, Dims: dims(shape...)}
}

func typedInput(t ow.ElementType, name string, shape ...any) ow.ValueInfo {
	return ow.ValueInfo{Name: name, Type: t, Dims: dims(shape...)}
}

// ints is a vector of INT64; one value with no dimension is made by scalar.
func ints(name string, vs ...int64) ow.Tensor {
	return ow.Int64Tensor(name, []int64{int64(len(vs))}, vs...)
}

func scalar(name string, v int64) ow.Tensor { return ow.Int64Tensor(name, nil, v) }

// zeros is a FLOAT tensor.
func zeros(name string, shape ...int64) ow.Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return ow.Tensor{Name: name, Type: ow.ElementFloat, Dims: shape, Data: make([]byte, 4*n)}
}

func op(name, output string, inputs []string, attrs ...ow.Attribute) ow.Node {
	return ow.Node{Op: name, Inputs: inputs, Outputs: []string{output}, Attributes: attrs}
}

func in(names ...string) []string { return names }

// unranked declares a float value without shape.
func unranked(name string) ow.ValueInfo {
	return ow.ValueInfo{Name: name, Type: ow.ElementFloat, Unranked: true}
}

func model(opset int64, g ow.Graph) []byte {
	return ow.Model{IRVersion: 8, Opset: opset, Producer: "test", Graph: g}.MarshalUnchecked()
}

// mlp has two layers: N×4 → 8 → 3.
func mlp() ow.Graph {
	return ow.Graph{
		Name: "mlp",
		Nodes: []ow.Node{
			op("Gemm", "h", in("x", "w1", "b1")),
			op("Relu", "a", in("h")),
			op("Gemm", "y", in("a", "w2", "b2")),
		},
		Inputs:       []ow.ValueInfo{floatInput("x", "N", 4)},
		Outputs:      []ow.ValueInfo{floatInput("y", "N", 3)},
		Initializers: []ow.Tensor{zeros("w1", 4, 8), zeros("b1", 8), zeros("w2", 8, 3), zeros("b2", 3)},
	}
}

// convNet classifies B×1×28×28 images.
func convNet() ow.Graph {
	return ow.Graph{
		Name: "conv",
		Nodes: []ow.Node{
			op("Conv", "c", in("image", "k", "kb"), ow.Ints("kernel_shape", 3, 3), ow.Ints("pads", 1, 1, 1, 1)),
			op("BatchNormalization", "n", in("c", "s", "s", "s", "s")),
			op("Relu", "r", in("n")),
			op("MaxPool", "p", in("r"), ow.Ints("kernel_shape", 2, 2), ow.Ints("strides", 2, 2)),
			op("Flatten", "f", in("p")),
			op("Gemm", "g", in("f", "w"), ow.Int("transB", 1)),
			op("Softmax", "prob", in("g"), ow.Int("axis", -1)),
			op("ArgMax", "label", in("g"), ow.Int("axis", 1), ow.Int("keepdims", 0)),
		},
		Inputs: []ow.ValueInfo{floatInput("image", "B", 1, 28, 28)},
		Outputs: []ow.ValueInfo{
			floatInput("prob", "B", 10),
			typedInput(ow.ElementInt64, "label", "B"),
		},
		Initializers: []ow.Tensor{zeros("k", 8, 1, 3, 3), zeros("kb", 8), zeros("s", 8), zeros("w", 10, 8*14*14)},
	}
}

// attention splits heads the way exporters do: from the shape of the input,
// through Shape, Gather, Concat and Reshape.
func attention() ow.Graph {
	return ow.Graph{
		Name: "attention",
		Nodes: []ow.Node{
			op("MatMul", "q", in("x", "wq")),
			op("Shape", "shape", in("x")),
			op("Gather", "batch", in("shape", "zero"), ow.Int("axis", 0)),
			op("Gather", "steps", in("shape", "one"), ow.Int("axis", 0)),
			op("Unsqueeze", "batch1", in("batch", "axis0")),
			op("Unsqueeze", "steps1", in("steps", "axis0")),
			op("Concat", "split", in("batch1", "steps1", "heads"), ow.Int("axis", 0)),
			op("Reshape", "qh", in("q", "split")),
			op("Transpose", "qt", in("qh"), ow.Ints("perm", 0, 2, 1, 3)),
			op("Transpose", "kt", in("qh"), ow.Ints("perm", 0, 2, 3, 1)),
			op("MatMul", "scores", in("qt", "kt")),
			op("Softmax", "p", in("scores"), ow.Int("axis", -1)),
			op("MatMul", "o", in("p", "qt")),
			op("Transpose", "ot", in("o"), ow.Ints("perm", 0, 2, 1, 3)),
			op("Reshape", "y", in("ot", "join")),
		},
		Inputs:       []ow.ValueInfo{floatInput("x", "batch", "steps", 16)},
		Outputs:      []ow.ValueInfo{floatInput("y", "batch", "steps", 16)},
		Initializers: []ow.Tensor{zeros("wq", 16, 16), scalar("zero", 0), scalar("one", 1), ints("axis0", 0), ints("heads", 4, 4), ints("join", 0, 0, -1)},
	}
}

func inspect(t *testing.T, opset int64, g ow.Graph) *Report {
	t.Helper()
	r, err := Inspect(model(opset, g), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantRefusal checks the class of an error and that it says everything.
func wantRefusal(t *testing.T, err error, want Reason) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal for %s", err, want)
	}
	if r.Reason != want || r.Where == "" || r.Expected == "" || r.Got == "" {
		t.Fatalf("got %v, want a complete refusal for %s", err, want)
	}
}
