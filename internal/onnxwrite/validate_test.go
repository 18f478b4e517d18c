package onnxwrite

import (
	"strings"
	"testing"
)

// tiny is a valid model: y = x + c.
func tiny() Model {
	return Model{Graph: Graph{
		Name:         "tiny",
		Inputs:       []ValueInfo{{Name: "x", Type: ElementFloat, Dims: []Dim{Symbolic("N")}}},
		Initializers: []Tensor{FloatTensor("c", nil, 1)},
		Nodes:        []Node{{Op: "Add", Name: "add", Inputs: []string{"x", "c"}, Outputs: []string{"y"}}},
		Outputs:      []ValueInfo{{Name: "y", Type: ElementFloat, Dims: []Dim{Symbolic("N")}}},
	}}
}

func nested(depth int) Graph {
	g := Graph{
		Name:    "g",
		Nodes:   []Node{{Op: "Identity", Inputs: []string{"x"}, Outputs: []string{strings.Repeat("o", depth)}}},
		Outputs: []ValueInfo{{Name: strings.Repeat("o", depth), Type: ElementFloat}},
	}
	if depth > 1 {
		g.Nodes[0].Attributes = []Attribute{Subgraph("body", nested(depth-1))}
	}
	return g
}

func withBody(m *Model, depth int) {
	m.Graph.Nodes[0].Attributes = []Attribute{Subgraph("body", nested(depth))}
}

func TestMarshalAccepts(t *testing.T) {
	for name, edit := range map[string]func(*Model){
		"the base case":               func(*Model) {},
		"a default value of an input": func(m *Model) { m.Graph.Initializers = append(m.Graph.Initializers, FloatTensor("x", []int64{1}, 1)) },
		"an input as an output":       func(m *Model) { m.Graph.Outputs[0].Name = "x" },
		"nodes without names": func(m *Model) {
			m.Graph.Nodes = append(m.Graph.Nodes, Node{Op: "Abs", Inputs: []string{"y"}, Outputs: []string{"z"}})
			m.Graph.Nodes[0].Name = ""
		},
		"a tensor of no elements":             func(m *Model) { m.Graph.Initializers[0] = FloatTensor("c", []int64{1 << 61, 0, 3}) },
		"graphs nested to the bound":          func(m *Model) { withBody(m, MaxGraphDepth-1) },
		"an operator set of another domain":   func(m *Model) { m.Imports = []OperatorSet{{"d", 1}}; m.Graph.Nodes[0].Domain = "d" },
		"a skipped optional input and output": func(m *Model) { m.Graph.Nodes[0].Inputs[1] = ""; m.Graph.Nodes[0].Outputs = []string{"y", ""} },
	} {
		t.Run(name, func(t *testing.T) {
			m := tiny()
			edit(&m)
			if _, err := m.Marshal(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMarshalRefuses(t *testing.T) {
	attr := func(a Attribute) func(*Model) {
		return func(m *Model) { m.Graph.Nodes[0].Attributes = append(m.Graph.Nodes[0].Attributes, a) }
	}
	for _, tc := range []struct {
		reason, want string
		edit         func(*Model)
	}{
		{"negative operator set", "operator set -1", func(m *Model) { m.Opset = -1 }},
		{"producer is not UTF-8", "valid UTF-8", func(m *Model) { m.Producer = "\xff" }},
		{"import of the default domain", "got an empty one", func(m *Model) { m.Imports = []OperatorSet{{"", 1}} }},
		{"import twice", "twice", func(m *Model) { m.Imports = []OperatorSet{{"d", 1}, {"d", 1}} }},
		{"import of version 0", "got 0", func(m *Model) { m.Imports = []OperatorSet{{"d", 0}} }},
		{"graph without name", "graph name", func(m *Model) { m.Graph.Name = "" }},
		{"no outputs", "at least one output", func(m *Model) { m.Graph.Outputs = nil }},
		{"unknown output", `output "q"`, func(m *Model) { m.Graph.Outputs[0].Name = "q" }},
		{"output twice", "unique name", func(m *Model) { m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Outputs[0]) }},
		{"output without element type", "UNDEFINED", func(m *Model) { m.Graph.Outputs[0].Type = 0 }},
		{"input twice", "unique name", func(m *Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) }},
		{"input without name", "got an empty one", func(m *Model) { m.Graph.Inputs[0].Name = "" }},
		{"input of unsupported type", "ElementType(14)", func(m *Model) { m.Graph.Inputs[0].Type = 14 }},
		{"negative dimension", "got -1", func(m *Model) { m.Graph.Inputs[0].Dims[0] = Fixed(-1) }},
		{"symbol without name", "symbol", func(m *Model) { m.Graph.Inputs[0].Dims[0] = Symbolic("") }},
		{"unknown kind of dimension", "got 9", func(m *Model) { m.Graph.Inputs[0].Dims[0].Kind = 9 }},
		{"unranked with dims", "unranked", func(m *Model) { m.Graph.Inputs[0].Unranked = true }},
		{"bad value info", "UNDEFINED", func(m *Model) { m.Graph.Values = []ValueInfo{{Name: "y"}} }},
		{"initializer twice", "unique name", func(m *Model) { m.Graph.Initializers = append(m.Graph.Initializers, m.Graph.Initializers[0]) }},
		{"initializer without name", "got an empty one", func(m *Model) { m.Graph.Initializers[0].Name = "" }},
		{"too little data", "1 elements of 4 bytes, got 3 bytes", func(m *Model) { m.Graph.Initializers[0].Data = make([]byte, 3) }},
		{"data of an element too many", "got 8 bytes", func(m *Model) { m.Graph.Initializers[0].Data = make([]byte, 8) }},
		{"negative size", "got -2", func(m *Model) { m.Graph.Initializers[0].Dims = []int64{-2} }},
		{"size overflows", "below 2^63", func(m *Model) { m.Graph.Initializers[0].Dims = []int64{1 << 62, 1 << 62} }},
		{"bytes overflow", "got 4 bytes", func(m *Model) { m.Graph.Initializers[0].Dims = []int64{1 << 62} }},
		{"unsupported element type", "got UNDEFINED", func(m *Model) { m.Graph.Initializers[0].Type = 0 }},
		{"BOOL above 1", "got 2", func(m *Model) { m.Graph.Initializers[0] = Tensor{Name: "c", Type: ElementBool, Data: []byte{2}} }},
		{"strings in a FLOAT tensor", "no Strings", func(m *Model) { m.Graph.Initializers[0].Strings = []string{"a"} }},
		{"too few strings", "2 strings, got 1", func(m *Model) { m.Graph.Initializers[0] = StringTensor("c", []int64{2}, "a") }},
		{"bytes in a STRING tensor", "in Strings", func(m *Model) { m.Graph.Initializers[0].Type = ElementString }},
		{"node without operator", "operator", func(m *Model) { m.Graph.Nodes[0].Op = "" }},
		{"node name is not UTF-8", "valid UTF-8", func(m *Model) { m.Graph.Nodes[0].Name = "\xff" }},
		{"node name twice", "unique name", func(m *Model) {
			m.Graph.Nodes = append(m.Graph.Nodes, Node{Op: "Abs", Name: "add", Inputs: []string{"y"}, Outputs: []string{"z"}})
		}},
		{"domain not imported", `got "d"`, func(m *Model) { m.Graph.Nodes[0].Domain = "d" }},
		{"unknown node input", `input "q"`, func(m *Model) { m.Graph.Nodes[0].Inputs[0] = "q" }},
		{"node reads its own output", `input "y"`, func(m *Model) { m.Graph.Nodes[0].Inputs[0] = "y" }},
		{"value produced twice", "unique name", func(m *Model) { m.Graph.Nodes[0].Outputs = []string{"y", "y"} }},
		{"node hides an input", "unique name", func(m *Model) { m.Graph.Nodes[0].Outputs = []string{"y", "x"} }},
		{"node without outputs", "named output", func(m *Model) { m.Graph.Nodes[0].Outputs = []string{""} }},
		{"attribute without name", "attribute name", attr(Int("", 1))},
		{"attribute twice", "unique name", func(m *Model) { attr(Int("a", 1))(m); attr(Int("a", 2))(m) }},
		{"attribute of unknown kind", "AttributeKind(0)", attr(Attribute{Name: "a"})},
		{"attribute without its tensor", "got none", attr(Attribute{Name: "a", Kind: AttributeTensor})},
		{"attribute with a bad tensor", "got UNDEFINED", attr(TensorValue("a", Tensor{}))},
		{"attribute with a misnamed tensor", "valid UTF-8", attr(TensorValue("a", FloatTensor("\xff", nil, 1)))},
		{"attribute without its graph", "got none", attr(Attribute{Name: "a", Kind: AttributeGraph})},
		{"graphs nested past the bound", "at most 8 deep, got 9", func(m *Model) { withBody(m, MaxGraphDepth) }},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			m := tiny()
			tc.edit(&m)
			b, err := m.Marshal()
			if err == nil {
				t.Fatalf("expected an error, got %d bytes", len(b))
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("expected an error with %q, got %q", tc.want, err)
			}
			m.MarshalUnchecked() // must not panic
		})
	}
}
