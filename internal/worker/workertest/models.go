package workertest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Marshal gives the bytes of a model and their SHA-256 in hexadecimal, by which the worker names it.
func Marshal(tb testing.TB, m onnxwrite.Model) (model []byte, name string) {
	tb.Helper()
	model, err := m.Marshal()
	if err != nil {
		tb.Fatalf("marshal model: %v", err)
	}
	return model, Name(model)
}

// Name is the name of a model at the worker.
func Name(model []byte) string {
	digest := sha256.Sum256(model)
	return hex.EncodeToString(digest[:])
}

// Network is a small two-layer network: x FP32[N,4] to y FP32[N,3].
func Network() onnxwrite.Model {
	const in, hidden, out = 4, 16, 3
	return onnxwrite.Model{Graph: onnxwrite.Graph{
		Name: "network",
		Nodes: []onnxwrite.Node{
			{Op: "Gemm", Inputs: []string{"x", "w1", "b1"}, Outputs: []string{"h1"}},
			{Op: "Relu", Inputs: []string{"h1"}, Outputs: []string{"h2"}},
			{Op: "Gemm", Inputs: []string{"h2", "w2", "b2"}, Outputs: []string{"y"}},
		},
		Inputs:  []onnxwrite.ValueInfo{value("x", onnxwrite.ElementFloat, onnxwrite.Symbolic("N"), onnxwrite.Fixed(in))},
		Outputs: []onnxwrite.ValueInfo{value("y", onnxwrite.ElementFloat, onnxwrite.Symbolic("N"), onnxwrite.Fixed(out))},
		Initializers: []onnxwrite.Tensor{
			onnxwrite.FloatTensor("w1", []int64{in, hidden}, Wave(in*hidden, 0.1)...),
			onnxwrite.FloatTensor("b1", []int64{hidden}, Wave(hidden, 0.2)...),
			onnxwrite.FloatTensor("w2", []int64{hidden, out}, Wave(hidden*out, 0.3)...),
			onnxwrite.FloatTensor("b2", []int64{out}, Wave(out, 0.4)...),
		},
	}}
}

// Lookup picks rows of a table: index INT64[N] to row FP32[N,2]; an index outside -4..3 fails when the model runs.
func Lookup() onnxwrite.Model {
	return onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         "lookup",
		Nodes:        []onnxwrite.Node{{Op: "Gather", Inputs: []string{"table", "index"}, Outputs: []string{"row"}}},
		Inputs:       []onnxwrite.ValueInfo{value("index", onnxwrite.ElementInt64, onnxwrite.Symbolic("N"))},
		Outputs:      []onnxwrite.ValueInfo{value("row", onnxwrite.ElementFloat, onnxwrite.Symbolic("N"), onnxwrite.Fixed(2))},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("table", []int64{4, 2}, Wave(8, 0.5)...)},
	}}
}

// Heavy multiplies x FP32[size,size] by itself steps times: size³·steps multiplications in a file of any size.
func Heavy(size int64, steps int) onnxwrite.Model {
	g := onnxwrite.Graph{
		Name:   "heavy",
		Inputs: []onnxwrite.ValueInfo{value("x", onnxwrite.ElementFloat, onnxwrite.Shape(size, size)...)},
	}
	last := "x"
	for i := range steps {
		next := fmt.Sprintf("h%d", i)
		g.Nodes = append(g.Nodes, onnxwrite.Node{Op: "MatMul", Inputs: []string{last, "x"}, Outputs: []string{next}})
		last = next
	}
	g.Outputs = []onnxwrite.ValueInfo{value(last, onnxwrite.ElementFloat, onnxwrite.Shape(size, size)...)}
	return onnxwrite.Model{Graph: g}
}

// Identity copies x to y, of any type and shape.
func Identity(t onnxwrite.ElementType, dims ...onnxwrite.Dim) onnxwrite.Model {
	return onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:    "identity",
		Nodes:   []onnxwrite.Node{{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnxwrite.ValueInfo{value("x", t, dims...)},
		Outputs: []onnxwrite.ValueInfo{value("y", t, dims...)},
	}}
}

func value(name string, t onnxwrite.ElementType, dims ...onnxwrite.Dim) onnxwrite.ValueInfo {
	return onnxwrite.ValueInfo{Name: name, Type: t, Dims: dims}
}

// Wave is n smooth values between -1 and 1 that repeat late.
func Wave(n int, step float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(math.Sin(float64(i+1) * step))
	}
	return values
}

// Floats is an FP32 tensor.
func Floats(name string, shape []int64, values ...float32) tensor.Tensor {
	t := tensor.Tensor{Name: name, Datatype: tensor.FP32, Shape: shape}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// Integers is an INT64 tensor of one dimension.
func Integers(name string, values ...int64) tensor.Tensor {
	t := tensor.Tensor{Name: name, Datatype: tensor.Int64, Shape: []int64{int64(len(values))}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint64(t.Data, uint64(v))
	}
	return t
}

// Outer builds the product FP32[16384,16384] (1 GiB) of x FP32[16384,1] with itself and gives its maximum y FP32[1,1]:
// much memory for small tensors.
func Outer() onnxwrite.Model {
	return onnxwrite.Model{Graph: onnxwrite.Graph{
		Name: "outer",
		Nodes: []onnxwrite.Node{
			{Op: "Transpose", Inputs: []string{"x"}, Outputs: []string{"t"}},
			{Op: "MatMul", Inputs: []string{"x", "t"}, Outputs: []string{"p"}},
			{Op: "ReduceMax", Inputs: []string{"p"}, Outputs: []string{"y"}},
		},
		Inputs:  []onnxwrite.ValueInfo{value("x", onnxwrite.ElementFloat, onnxwrite.Fixed(16384), onnxwrite.Fixed(1))},
		Outputs: []onnxwrite.ValueInfo{value("y", onnxwrite.ElementFloat, onnxwrite.Shape(1, 1)...)},
	}}
}

// Weighted adds a constant of n elements to x FP32[n]: a file of 4·n bytes and more.
func Weighted(n int) onnxwrite.Model {
	return onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         "weighted",
		Nodes:        []onnxwrite.Node{{Op: "Add", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:       []onnxwrite.ValueInfo{value("x", onnxwrite.ElementFloat, onnxwrite.Fixed(int64(n)))},
		Outputs:      []onnxwrite.ValueInfo{value("y", onnxwrite.ElementFloat, onnxwrite.Fixed(int64(n)))},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{int64(n)}, Wave(n, 0.1)...)},
	}}
}
