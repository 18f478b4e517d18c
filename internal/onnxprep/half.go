package onnxprep

// halfOps are the operators of 16-bit floats that the runtime sums, or approximates, in 16 bits on ARM64 and in 32 bits
// on x86, with results further apart than the tolerance for 16-bit floats, or close to it.
var halfOps = map[string]bool{"Conv": true, "AveragePool": true, "GlobalAveragePool": true, "Erf": true, "Gelu": true}

// half computes a node of 16-bit floats in 32 bits, as the runtime does by itself on x86.
func (m *model) half(n *node) []*node {
	if m.types[n.input(0)] != typeFloat16 || len(n.outputs) != 1 || n.outputs[0] == "" {
		return []*node{n}
	}
	y := n.outputs[0]
	b := &builder{m: m, at: n.at, base: y}
	wide := n.change()
	for i, x := range wide.inputs {
		if m.types[x] == typeFloat16 {
			wide.inputs[i] = b.node("float", "Cast", []string{x}, intAttribute("to", typeFloat))
		}
	}
	wide.outputs[0] = m.fresh(stem(y) + "/wide")
	m.set(wide.outputs[0], typeFloat)
	b.nodes = append(b.nodes, wide)
	b.result(y, "Cast", []string{wide.outputs[0]}, intAttribute("to", typeFloat16))
	m.report.changed(RuleHalf, n.where, len(b.nodes)-1, "%s of 16-bit floats computed in 32 bits", n.op)
	return b.nodes
}
