package hostile

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// cycles are graphs without an order in which they could run.
func (c *corpus) cycles() {
	const class = "cyclic-graph"
	bad := onnxfile.ReasonMalformed
	c.add(class, "node-of-itself", bad, model(graph(node("Add", "y", in("x", "y")))))
	c.add(class, "two-nodes", bad, model(graph(node("Add", "a", in("x", "y")), node("Relu", "y", in("a")))))
	ring := chain(8000, func(_ int, from, to string) ow.Node { return node("Relu", to, in(from)) })
	ring[0].Inputs[0] = "y"
	c.add(class, "ring-of-8000", bad, model(graph(ring...)))
	back := chain(100, func(_ int, from, to string) ow.Node { return node("Relu", to, in(from)) })
	for i := range 50 {
		back[i], back[99-i] = back[99-i], back[i]
	}
	c.add(class, "backward", bad, model(graph(back...)))
	c.add(class, "value-from-nowhere", bad, model(graph(node("Add", "y", in("x", "nothing")))))
	c.add(class, "output-from-nowhere", bad, model(graph(node("Relu", "z", in("x")))))
}

// names occur twice where each must be once.
func (c *corpus) names() {
	const class = "duplicate-name"
	bad := onnxfile.ReasonMalformed
	c.add(class, "value", bad, model(graph(node("Relu", "y", in("x")), node("Exp", "y", in("x")))))
	c.add(class, "outputs-of-a-node", bad, model(graph(ow.Node{Op: "Split", Inputs: in("x"), Outputs: in("y", "y"), Attributes: []ow.Attribute{ow.Int("axis", 1)}})))
	c.add(class, "input", bad, model(func() ow.Graph { g := relu(); g.Inputs = append(g.Inputs, g.Inputs[0]); return g }()))
	c.add(class, "initializer", bad, model(with(relu(), number("w", 1), number("w", 2))))
	c.add(class, "weight-as-result", bad, model(with(graph(node("Relu", "y", in("x"))), ow.FloatTensor("y", nil, 1))))
	c.add(class, "output", bad, model(func() ow.Graph { g := relu(); g.Outputs = append(g.Outputs, g.Outputs[0]); return g }()))
	c.add(class, "attribute", bad, model(graph(node("Softmax", "y", in("x"), ow.Int("axis", 0), ow.Int("axis", 1)))))
	c.add(class, "operator-set", onnxfile.ReasonUnsupportedOpset, model(relu(), func(m *ow.Model) { m.Imports = []ow.OperatorSet{{Domain: "ai.onnx", Version: 18}} }))
}

// nesting puts graphs into nodes, and loops around them.
func (c *corpus) nesting() {
	loops, nested := onnxfile.ReasonControlFlow, onnxfile.ReasonNesting
	body := func(depth int) ow.Graph {
		g := ow.Graph{Name: "b", Nodes: []ow.Node{node("Relu", "o", in("x"))}, Outputs: []ow.ValueInfo{{Name: "o", Type: ow.ElementFloat}}}
		for range depth {
			inner := g
			g = ow.Graph{Name: "b", Nodes: []ow.Node{node("If", "o", in("c"), ow.Subgraph("then_branch", inner), ow.Subgraph("else_branch", inner))}, Outputs: g.Outputs}
		}
		return g
	}
	c.add("control-flow", "if-20-deep", loops, model(graph(node("If", "y", in("x"), ow.Subgraph("then_branch", ladder(20))))))
	c.add("control-flow", "if-in-both-branches", loops, model(graph(node("If", "y", in("x"), ow.Subgraph("then_branch", body(10)), ow.Subgraph("else_branch", body(1))))))
	c.add("control-flow", "loop-of-2-62", loops, model(with(graph(node("Loop", "y", in("n", "", "x"), ow.Subgraph("body", body(0)))), number("n", 1<<62))))
	c.add("control-flow", "loop-without-end", loops, model(graph(node("Loop", "y", in("", "", "x"), ow.Subgraph("body", body(0))))))
	c.add("control-flow", "loop-in-a-loop", loops, model(with(graph(node("Loop", "y", in("n", "", "x"), ow.Subgraph("body", ow.Graph{Name: "b", Nodes: []ow.Node{node("Loop", "o", in("n", "", "x"), ow.Subgraph("body", body(0)))}}))), number("n", 1<<31))))
	c.add("control-flow", "scan", loops, model(graph(node("Scan", "y", in("x"), ow.Subgraph("body", body(0)), ow.Int("num_scan_inputs", 1)))))
	c.add("nesting", "graph-in-a-plain-node", nested, model(graph(node("Relu", "y", in("x"), ow.Subgraph("body", body(0))))))
	c.add("nesting", "graphs-1000-deep", nested, deepGraphs(1000, "Relu"))
	c.add("nesting", "graphs-100000-deep", nested, deepGraphs(100_000, "Relu"))
	c.add("nesting", "list-of-graphs", nested, graphOf(model(relu()), func(g []byte) []byte {
		return edit(g, 1, func(n []byte) []byte {
			return raw(n, 5, raw(raw(varint(text(nil, 1, "bodies"), 20, 10), 11, nil), 11, nil))
		})
	}))
}

// ladder is an If in an If in an If.
func ladder(depth int) ow.Graph {
	g := ow.Graph{Name: "l", Nodes: []ow.Node{node("Relu", "o", in("x"))}, Outputs: []ow.ValueInfo{{Name: "o", Type: ow.ElementFloat}}}
	for range depth {
		g = ow.Graph{Name: "l", Nodes: []ow.Node{node("If", "o", in("c"), ow.Subgraph("then_branch", g))}, Outputs: g.Outputs}
	}
	return g
}

// deepGraphs nests graphs in attributes of nodes.
func deepGraphs(depth int, op string) []byte {
	// All that a level adds is in front of what it holds: the bytes are collected backward.
	var backward []byte
	front := func(b []byte, length int) { // b, and the length of what follows
		b = protowire.AppendVarint(b, uint64(length))
		slices.Reverse(b)
		backward = append(backward, b...)
	}
	for range depth {
		front(protowire.AppendTag(varint(text(nil, 1, "g"), 20, 5), 6, protowire.BytesType), len(backward))
		front(protowire.AppendTag(text(nil, 4, op), 5, protowire.BytesType), len(backward))
		front(protowire.AppendTag(nil, 1, protowire.BytesType), len(backward))
	}
	slices.Reverse(backward)
	return graphOf(model(relu()), func([]byte) []byte { return backward })
}

// functions are models that bring operators of their own, which expand when they are called.
func (c *corpus) functions() {
	const class = "function"
	want := onnxfile.ReasonFunction
	// Each function calls the one before it twice: 2⁴⁰ nodes from 40 functions.
	file := model(graph(ow.Node{Op: "f40", Domain: "bomb", Inputs: in("x"), Outputs: in("y")}))
	for i := range 41 {
		f := text(nil, 1, fmt.Sprintf("f%d", i))
		f = text(text(f, 4, "a"), 5, "c")
		call := func(from, to string) []byte {
			n := text(text(nil, 1, from), 2, to)
			if i == 0 {
				return text(n, 4, "Relu")
			}
			return text(text(n, 4, fmt.Sprintf("f%d", i-1)), 7, "bomb")
		}
		f = raw(raw(f, 7, call("a", "b")), 7, call("b", "c"))
		file = raw(file, 25, text(f, 10, "bomb"))
	}
	// Fields may come in any order: with the functions first, nothing else is known yet.
	c.add(class, "doubling-40-times", want, functionsFirst(file))
	self := raw(nil, 25, raw(text(text(nil, 1, "f"), 10, "self"), 7, text(text(nil, 4, "f"), 7, "self")))
	c.add(class, "calls-itself", want, append(self, model(relu())...))
	c.add(class, "overloaded", want, graphOf(model(relu()), func(g []byte) []byte {
		return edit(g, 1, func(n []byte) []byte { return text(n, 8, "other") })
	}))
	c.add(class, "attribute-by-reference", want, graphOf(model(relu()), func(g []byte) []byte {
		return edit(g, 1, func(n []byte) []byte { return raw(n, 5, text(varint(text(nil, 1, "axis"), 20, 2), 21, "outer")) })
	}))
}

// functionsFirst moves the functions of a model to its front.
func functionsFirst(file []byte) []byte {
	var first, rest []byte
	for _, f := range fields(file) {
		if f.num == 25 {
			first = append(first, file[f.begin:f.end]...)
		} else {
			rest = append(rest, file[f.begin:f.end]...)
		}
	}
	return append(first, rest...)
}
