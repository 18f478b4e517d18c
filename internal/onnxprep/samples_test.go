package onnxprep_test

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

func list(names ...string) []string { return names }

func node(op string, inputs []string, output string, attrs ...ow.Attribute) ow.Node {
	return ow.Node{Op: op, Inputs: inputs, Outputs: []string{output}, Attributes: attrs}
}

func declare(name string, t ow.ElementType, dims ...int64) ow.ValueInfo {
	return ow.ValueInfo{Name: name, Type: t, Dims: ow.Shape(dims...)}
}

func unranked(name string, t ow.ElementType) ow.ValueInfo {
	return ow.ValueInfo{Name: name, Type: t, Unranked: true}
}

// fixture is a model of one input x and one output y.
func fixture(opset int64, in, out ow.ElementType, dims []int64, nodes []ow.Node, constants ...ow.Tensor) ow.Model {
	return ow.Model{Opset: opset, Producer: "test", Graph: ow.Graph{
		Name: "g", Nodes: nodes, Inputs: []ow.ValueInfo{declare("x", in, dims...)}, Outputs: []ow.ValueInfo{unranked("y", out)}, Initializers: constants,
	}}
}

func byteTensor(name string, t ow.ElementType, dims []int64, values ...byte) ow.Tensor {
	return ow.Tensor{Name: name, Type: t, Dims: dims, Data: values}
}

func float(name string, v float32) ow.Tensor { return ow.FloatTensor(name, nil, v) }

// Messages that package onnxwrite does not write.

func message(fields ...func([]byte) []byte) []byte {
	var b []byte
	for _, f := range fields {
		b = f(b)
	}
	return b
}

func text(num protowire.Number, values ...string) func([]byte) []byte {
	return func(b []byte) []byte {
		for _, v := range values {
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
		return b
	}
}

func nested(num protowire.Number, messages ...[]byte) func([]byte) []byte {
	return func(b []byte) []byte {
		for _, v := range messages {
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
		return b
	}
}

func number(num protowire.Number, v uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
	}
}

// nodeBytes are the NodeProto messages of nodes.
func nodeBytes(nodes ...ow.Node) [][]byte {
	graph := inside(ow.Model{Graph: ow.Graph{Nodes: nodes}}.MarshalUnchecked(), 7)[0]
	return inside(graph, 1)
}

// inside gives the messages in a field of a message.
func inside(b []byte, num protowire.Number) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeField(b)
		if n == num && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(b)
			v, _ := protowire.ConsumeBytes(b[tag:])
			out = append(out, v)
		}
		b = b[size:]
	}
	return out
}

// withGraph is a model with further fields in its graph.
func withGraph(m ow.Model, more ...func([]byte) []byte) []byte {
	graph := message(append([]func([]byte) []byte{
		func([]byte) []byte { return inside(m.MarshalUnchecked(), 7)[0] }}, more...)...)
	m.Graph = ow.Graph{}
	onnx := m.MarshalUnchecked()
	before, after, _ := bytes.Cut(onnx, []byte{7<<3 | 2, 0})
	return append(message(func([]byte) []byte { return bytes.Clone(before) }, nested(7, graph)), after...)
}

// function is a FunctionProto in domain "own" that uses operator set 17.
func function(name string, inputs, outputs []string, nodes [][]byte, more ...func([]byte) []byte) []byte {
	return message(append([]func([]byte) []byte{
		text(1, name), text(4, inputs...), text(5, outputs...), nested(7, nodes...),
		nested(9, message(text(1, ""), number(2, 17)), message(text(1, "own"), number(2, 1))), text(10, "own"),
	}, more...)...)
}

// scaledFunction computes factor·Elu(x; slope), where slope is the attribute of the call or 0.5.
func scaledFunction() []byte {
	elu := message(text(1, "x"), text(2, "h"), text(3, "elu"), text(4, "Elu"),
		nested(5, message(text(1, "alpha"), text(21, "slope"), number(20, 1))))
	slope := inside(nodeBytes(node("", nil, "", ow.Float("slope", 0.5)))[0], 5)[0]
	return function("Scaled", list("x", "factor"), list("y"), append([][]byte{elu}, nodeBytes(node("Mul", list("h", "factor"), "y"))...), nested(11, slope))
}

func withFunctions(nodes []ow.Node, functions ...[]byte) []byte {
	m := fixture(17, ow.ElementFloat, ow.ElementFloat, []int64{4}, nodes, float("c", 3))
	m.Imports = []ow.OperatorSet{{Domain: "own", Version: 1}}
	return message(func([]byte) []byte { return m.MarshalUnchecked() }, nested(25, functions...))
}

// scaled calls a function with its attribute and without.
func scaled() []byte {
	sloped := own("Scaled", list("x", "c"), "h")
	sloped.Attributes = []ow.Attribute{ow.Float("slope", 0.25)}
	return withFunctions([]ow.Node{sloped, own("Scaled", list("h", "c"), "y")}, scaledFunction())
}

// twice calls a function that calls another one, and leaves out outputs.
func twice() []byte {
	sloped := own("Scaled", list("x", "factor"), "h")
	sloped.Attributes = []ow.Attribute{ow.Float("slope", 0.25)}
	f := function("Twice", list("x", "factor"), list("y", "spare"), nodeBytes(sloped, own("Scaled", list("h", "factor"), "y"), node("Neg", list("h"), "spare")))
	return withFunctions([]ow.Node{
		{Op: "Twice", Domain: "own", Name: "first", Inputs: list("x", "c"), Outputs: list("h")},
		{Op: "Twice", Domain: "own", Inputs: list("h", "c"), Outputs: list("z", "y")},
	}, scaledFunction(), f)
}

// signedProduct multiplies bytes of x, quantised with a zero point of type a, by a constant w of type b.
func signedProduct(op string, a, b ow.ElementType) ow.Model {
	weights := make([]byte, 6)
	for i := range weights {
		weights[i] = byte(i * 50)
	}
	dims, shape := []int64{2, 3}, []int64{3, 2}
	if op == "ConvInteger" || op == "QLinearConv" {
		dims, shape = []int64{1, 1, 2, 3}, []int64{3, 1, 1, 2}
	}
	constants := []ow.Tensor{
		float("sx", 0.02), byteTensor("zx", a, nil, 3), byteTensor("w", b, shape, weights...),
		float("sw", 0.01), byteTensor("zw", b, nil, 0), float("sy", 0.1), byteTensor("zy", a, nil, 9),
	}
	quantise := node("QuantizeLinear", list("x", "sx", "zx"), "q")
	if op == "MatMulInteger" || op == "ConvInteger" {
		return fixture(17, ow.ElementFloat, ow.ElementInt32, dims, []ow.Node{quantise, node(op, list("q", "w", "zx"), "y")}, constants[:3]...)
	}
	return fixture(17, ow.ElementFloat, a, dims, []ow.Node{quantise, node(op, list("q", "sx", "zx", "w", "sw", "zw", "sy", "zy"), "y")}, constants...)
}
