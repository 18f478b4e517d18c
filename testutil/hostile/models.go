package hostile

import (
	"fmt"
	"slices"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// model is an unchecked file of the operator set 17.
func model(g ow.Graph, change ...func(*ow.Model)) []byte {
	if g.Name == "" {
		g.Name = "hostile"
	}
	m := ow.Model{Opset: 17, Graph: g}
	for _, f := range change {
		f(&m)
	}
	return slices.Clip(m.MarshalUnchecked()) // appended to by several
}

// graph has the input x FP32[N,4] and the output y FP32.
func graph(nodes ...ow.Node) ow.Graph {
	return ow.Graph{
		Name:    "hostile",
		Nodes:   nodes,
		Inputs:  []ow.ValueInfo{{Name: "x", Type: ow.ElementFloat, Dims: []ow.Dim{ow.Symbolic("N"), ow.Fixed(4)}}},
		Outputs: []ow.ValueInfo{{Name: "y", Type: ow.ElementFloat, Unranked: true}},
	}
}

func with(g ow.Graph, constants ...ow.Tensor) ow.Graph {
	g.Initializers = append(g.Initializers, constants...)
	return g
}

func node(op string, output string, inputs []string, attributes ...ow.Attribute) ow.Node {
	return ow.Node{Op: op, Inputs: inputs, Outputs: []string{output}, Attributes: attributes}
}

func in(names ...string) []string { return names }

func ints(name string, vs ...int64) ow.Tensor {
	return ow.Int64Tensor(name, []int64{int64(len(vs))}, vs...)
}

func number(name string, v int64) ow.Tensor { return ow.Int64Tensor(name, nil, v) }

func relu() ow.Graph { return graph(node("Relu", "y", in("x"))) }

// plain is a sound model that has a field of almost every kind.
func plain() []byte {
	g := with(graph(
		ow.Node{Op: "Gemm", Name: "gemm", Inputs: in("x", "w"), Outputs: in("h"), Attributes: []ow.Attribute{ow.Int("transB", 0), ow.Float("alpha", 1)}},
		ow.Node{Op: "Constant", Outputs: in("k"), Attributes: []ow.Attribute{ow.TensorValue("value", ow.FloatTensor("", []int64{2}, 1, 2))}},
		node("Add", "z", in("h", "k")),
		node("Transpose", "p", in("z"), ow.Ints("perm", 0, 1)),
		node("Gelu", "y", in("p"), ow.String("approximate", "none")),
	), ow.FloatTensor("w", []int64{4, 2}, 1, 2, 3, 4, 5, 6, 7, 8))
	g.Inputs[0].Dims[1] = ow.Fixed(4)
	g.Outputs[0] = ow.ValueInfo{Name: "y", Type: ow.ElementFloat, Dims: []ow.Dim{ow.Symbolic("N"), ow.Fixed(2)}}
	g.Values = []ow.ValueInfo{{Name: "h", Type: ow.ElementFloat, Dims: ow.Shape(1, 2)}}
	m := ow.Model{Opset: 20, Producer: "hostile", ProducerVersion: "1", ModelVersion: 1, Doc: "sound", Graph: g}
	file := m.MarshalUnchecked()
	return slices.Clip(raw(file, 14, text(text(nil, 1, "key"), 2, "value")))
}

// chain is n nodes, each reading the one before it.
func chain(n int, build func(i int, from, to string) ow.Node) []ow.Node {
	nodes := []ow.Node{}
	last := "x"
	for i := range n {
		next := fmt.Sprintf("n%d", i)
		if i == n-1 {
			next = "y"
		}
		nodes = append(nodes, build(i, last, next))
		last = next
	}
	return nodes
}
