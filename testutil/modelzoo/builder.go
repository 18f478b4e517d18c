package modelzoo

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/onnxwrite"
)

// builder grows a graph node by node; each method that adds one returns the name of its value.
type builder struct {
	graph  onnxwrite.Graph
	opset  int64
	ml     bool // the graph uses ai.onnx.ml
	half   bool // weights are 16-bit floats
	random source
}

func newBuilder(name string) *builder {
	b := &builder{graph: onnxwrite.Graph{Name: name}, opset: 17}
	for _, c := range name {
		b.random = b.random*31 + source(c)
	}
	return b
}

// input declares a graph input; its dims are sizes (int) and symbols (string).
func (b *builder) input(name string, t onnxwrite.ElementType, dims ...any) string {
	v := onnxwrite.ValueInfo{Name: name, Type: t}
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			v.Dims = append(v.Dims, onnxwrite.Fixed(int64(d)))
		case string:
			v.Dims = append(v.Dims, onnxwrite.Symbolic(d))
		default:
			panic(fmt.Sprintf("modelzoo: dimension %v", d))
		}
	}
	b.graph.Inputs = append(b.graph.Inputs, v)
	return name
}

func (b *builder) output(name string, t onnxwrite.ElementType) {
	b.graph.Outputs = append(b.graph.Outputs, onnxwrite.ValueInfo{Name: name, Type: t, Unranked: true})
}

func (b *builder) constant(t onnxwrite.Tensor) string {
	t.Name = fmt.Sprintf("c%d", len(b.graph.Initializers))
	b.graph.Initializers = append(b.graph.Initializers, t)
	return t.Name
}

// weight is a constant of random floats, scaled for sums over fan products.
func (b *builder) weight(fan int, shape ...int64) string {
	return b.values(shape, b.random.units(elements(shape), fanScale(fan)))
}

// values is a constant of floats.
func (b *builder) values(shape []int64, values []float32) string {
	if b.half {
		return b.constant(onnxwrite.Tensor{Type: onnxwrite.ElementFloat16, Dims: shape, Data: halfData(values)})
	}
	return b.constant(onnxwrite.FloatTensor("", shape, values...))
}

// fill is a constant of n times one float.
func (b *builder) fill(v float32, shape ...int64) string {
	values := make([]float32, elements(shape))
	for i := range values {
		values[i] = v
	}
	return b.values(shape, values)
}

func (b *builder) ints(values ...int64) string {
	return b.constant(onnxwrite.Int64Tensor("", []int64{int64(len(values))}, values...))
}

func (b *builder) node(op string, inputs []string, attributes ...onnxwrite.Attribute) string {
	return b.nodes(op, 1, inputs, attributes...)[0]
}

// nodes adds a node of several outputs.
func (b *builder) nodes(op string, outputs int, inputs []string, attributes ...onnxwrite.Attribute) []string {
	n := onnxwrite.Node{Op: op, Inputs: inputs, Attributes: attributes}
	for i := range outputs {
		n.Outputs = append(n.Outputs, fmt.Sprintf("v%d_%d", len(b.graph.Nodes), i))
	}
	b.graph.Nodes = append(b.graph.Nodes, n)
	return n.Outputs
}

// mlNode adds a node of the domain ai.onnx.ml.
func (b *builder) mlNode(op string, outputs int, inputs []string, attributes ...onnxwrite.Attribute) []string {
	names := b.nodes(op, outputs, inputs, attributes...)
	b.graph.Nodes[len(b.graph.Nodes)-1].Domain = "ai.onnx.ml"
	b.ml = true
	return names
}

// file gives the bytes. A graph that can not be written is a fault of this package.
func (b *builder) file() []byte {
	m := onnxwrite.Model{Opset: b.opset, Producer: "opengradient modelzoo", Graph: b.graph}
	if b.ml {
		m.Imports = []onnxwrite.OperatorSet{{Domain: "ai.onnx.ml", Version: 3}}
	}
	file, err := m.Marshal()
	if err != nil {
		panic(fmt.Sprintf("modelzoo: %s: %v", b.graph.Name, err))
	}
	return file
}

// dense is x·w + bias, from n to m features, for matrices.
func (b *builder) dense(x string, n, m int64) string {
	return b.node("Gemm", []string{x, b.weight(int(n), n, m), b.weight(1, m)})
}

// project is x·w + bias over the last dimension of any shape.
func (b *builder) project(x string, n, m int64) string {
	return b.node("Add", []string{b.node("MatMul", []string{x, b.weight(int(n), n, m)}), b.weight(1, m)})
}

// conv is a convolution of kernel k by k with pads that keep the size, in groups.
func (b *builder) conv(x string, in, out, k, stride, group int64) string {
	w := b.weight(int(in/group*k*k), out, in/group, k, k)
	return b.node("Conv", []string{x, w, b.weight(1, out)}, onnxwrite.Ints("kernel_shape", k, k), onnxwrite.Ints("strides", stride, stride),
		onnxwrite.Ints("pads", k/2, k/2, k/2, k/2), onnxwrite.Int("group", group))
}

// normalize is batch normalization with random statistics.
func (b *builder) normalize(x string, channels int64) string {
	return b.node("BatchNormalization", []string{x, b.fill(1, channels), b.weight(1, channels), b.weight(1, channels), b.fill(1, channels)})
}
