package onnxprep

import "strconv"

// Operator sets from which on operators changed.
const (
	opsetNegativeAxis = 13 // Softmax: one axis, the last by default; ReduceSum: axes as an input
	opsetReduceAxes   = 18 // ReduceMax: axes as an input
)

// softmax rewrites
//
//	Softmax(x)    as e / ReduceSum(e)       with d = x - ReduceMax(x) and e = Exp(d)
//	LogSoftmax(x) as d - Log(ReduceSum(e))
//
// over the axis. Before operator set 13, Softmax is over all dimensions from its axis on: x is then made a matrix.
func (m *model) softmax(n *node) ([]*node, error) {
	opset, ok := m.version("")
	if len(n.inputs) != 1 || len(n.outputs) != 1 || n.inputs[0] == "" || n.outputs[0] == "" || !ok {
		return nil, refuse(n.where, "one input, one output and an operator set", "%d, %d", len(n.inputs), len(n.outputs))
	}
	typ := m.types[n.inputs[0]]
	if typ == typeDouble {
		return []*node{n}, nil // the kernel of 64-bit floats has one order of sums
	}
	axis := int64(-1)
	if opset < opsetNegativeAxis {
		axis = 1
	}
	if a := n.attr("axis"); a != nil {
		axis = a.number
	}
	b := &builder{m: m, at: n.at, base: n.outputs[0]}
	x, y := n.inputs[0], n.outputs[0]
	matrix, narrow := opset < opsetNegativeAxis, typ == typeFloat16 || typ == typeBfloat16
	if narrow {
		x = b.float(x)
	}
	reduced := axis
	if matrix {
		x = b.node("matrix", "Flatten", []string{x}, intAttribute("axis", axis))
		reduced = 1
	}
	d := b.node("shifted", "Sub", []string{x, b.reduce("ReduceMax", "max", x, reduced, opset >= opsetReduceAxes)})
	e := b.node("exp", "Exp", []string{d})
	sum := b.reduce("ReduceSum", "sum", e, reduced, opset >= opsetNegativeAxis)
	last, inputs := "Div", []string{e, sum}
	if n.op == "LogSoftmax" {
		last, inputs = "Sub", []string{d, b.node("log", "Log", []string{sum})}
	}
	result := y
	if narrow {
		result = m.fresh(stem(y) + "/wide")
	}
	if matrix {
		flat := b.node("flat", last, inputs)
		b.result(result, "Reshape", []string{flat, b.node("shape", "Shape", []string{n.inputs[0]})})
	} else {
		b.result(result, last, inputs)
	}
	if narrow {
		b.round(y, result, typ)
	}
	m.report.changed(RuleSoftmax, n.where, len(b.nodes), "%s over axis %d computed by %d nodes", n.op, axis, len(b.nodes))
	return b.nodes, nil
}

// builder makes the nodes that take the place of one. Their values are named after its output.
type builder struct {
	m     *model
	at    int
	base  string
	nodes []*node
}

// node adds a node of one output, whose name it returns.
func (b *builder) node(suffix, op string, inputs []string, attrs ...attribute) string {
	y := b.m.fresh(stem(b.base) + "/" + suffix)
	b.result(y, op, inputs, attrs...)
	return y
}

// result adds a node with a given output.
func (b *builder) result(y, op string, inputs []string, attrs ...attribute) {
	n := &node{at: b.at, op: op, inputs: inputs, outputs: []string{y}, attrs: attrs}
	b.m.infer(n)
	b.nodes = append(b.nodes, n)
}

func (b *builder) reduce(op, suffix, x string, axis int64, asInput bool) string {
	if asInput {
		return b.node(suffix, op, []string{x, b.m.axes(axis)})
	}
	return b.node(suffix, op, []string{x}, intsAttribute("axes", axis))
}

// axes is a constant list of one axis.
func (m *model) axes(axis int64) string {
	text := strconv.FormatInt(axis, 10)
	return m.share("axes/"+text, intsAttribute("value_ints", axis))
}

// share gives the name of a new constant, the same one for the same key.
func (m *model) share(key string, value attribute) string {
	if name, ok := m.shared[key]; ok {
		return name
	}
	n := &node{op: "Constant", outputs: []string{m.fresh("prepared/" + key)}, attrs: []attribute{value}}
	m.infer(n)
	m.noteConstant(n)
	m.prologue = append(m.prologue, n)
	m.shared[key] = n.outputs[0]
	return n.outputs[0]
}
