package onnxprep

// halfOps are the operators of 16-bit floats that the runtime sums, or approximates, in 16 bits on ARM64 and in 32 bits
// on x86, with results further apart than the tolerance for 16-bit floats, or close to it.
var halfOps = map[string]bool{"Conv": true, "AveragePool": true, "GlobalAveragePool": true, "Erf": true, "Gelu": true}

// half computes a node of 16-bit floats in 32 bits if it is one of halfOps, or reads what such a node computed: as on
// x86, where the runtime does so by itself, nothing is rounded in between. Constants stay as small as they are. Where a
// graph output or another domain reads a value, or the model casts it, it is rounded as the model says.
func (m *model) half(n *node) []*node {
	if n.op == "Cast" && m.wide[n.input(0)] != "" {
		c := n.change()
		c.inputs[0] = m.wide[n.input(0)]
		return []*node{c}
	}
	concerned := halfOps[n.op] && m.types[n.input(0)] == typeFloat16
	for _, x := range n.inputs {
		concerned = concerned || m.wide[x] != ""
	}
	if !concerned || n.op == "Cast" || n.op == "CastLike" {
		return []*node{n}
	}
	b := &builder{m: m, at: n.at}
	c := n.change()
	for i, x := range c.inputs {
		if m.types[x] == typeFloat16 {
			c.inputs[i] = b.float(x)
		}
	}
	b.nodes = append(b.nodes, c)
	for i, y := range c.outputs {
		if y != "" && m.types[y] == typeFloat16 {
			c.outputs[i] = m.fresh(stem(y) + "/wide")
			m.set(c.outputs[i], typeFloat)
			b.round(y, c.outputs[i], typeFloat16)
		}
	}
	m.report.changed(RuleHalf, n.where, 1, "%s of 16-bit floats computed in 32 bits", n.op)
	return b.nodes
}

// float gives a value of 16-bit floats as one of 32-bit floats.
func (b *builder) float(x string) string {
	if wide := b.m.wide[x]; wide != "" {
		return wide
	}
	key := "float/" + x
	if made, ok := b.m.shared[key]; ok {
		return made
	}
	made := b.m.fresh(stem(x) + "/float")
	b.result(made, "Cast", []string{x}, intAttribute("to", typeFloat))
	b.m.shared[key] = made
	return made
}

// round makes y from a value of 32-bit floats that takes its place. The cast goes again if nobody reads y.
func (b *builder) round(y, wide string, typ int64) {
	b.result(y, "Cast", []string{wide}, intAttribute("to", typ))
	b.m.spare[y] = true
	if typ == typeFloat16 {
		b.m.wide[y] = wide
	}
}
