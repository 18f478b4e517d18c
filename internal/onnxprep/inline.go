package onnxprep

import (
	"fmt"
	"slices"
)

// function is a FunctionProto.
type function struct {
	domain, name, overload string
	inputs, outputs        []string
	defaults               []attribute
	nodes                  []*node
	imports                []operatorSet
}

func (f *function) where() string {
	return fmt.Sprintf("function %s of %s", quote(f.name), quote(f.domain))
}

// callee identifies the function that a node calls.
type callee struct{ domain, name, overload string }

func (m *model) parseFunction(b []byte) error {
	where := fmt.Sprintf("function %d", len(m.functions))
	f := &function{}
	var seen once
	err := each(where, functionMessage, b, func(fl field) error {
		if err := m.count.add(where, 1); err != nil {
			return err
		}
		switch fl.num {
		case 1:
			f.name = string(fl.bytes)
		case 4:
			f.inputs = append(f.inputs, string(fl.bytes))
			return nil
		case 5:
			f.outputs = append(f.outputs, string(fl.bytes))
			return nil
		case 7:
			n, err := parseNode(fmt.Sprintf("%s, node %d", where, len(f.nodes)), fl.bytes, &m.count)
			f.nodes = append(f.nodes, n)
			return err
		case 9:
			set, err := parseOperatorSet(where, fl.bytes)
			f.imports = append(f.imports, set)
			return err
		case 10:
			f.domain = defaultDomain(string(fl.bytes))
		case 11:
			a, err := parseAttribute(where, fl.bytes, &m.count)
			f.defaults = append(f.defaults, a)
			return err
		case 13:
			f.overload = string(fl.bytes)
		case 6, 12, 14:
			return nil // lists
		}
		return seen.see(where, fl.num)
	})
	if err != nil {
		return err
	}
	if repeated(f.inputs) || repeated(f.outputs) {
		return refuse(f.where(), "inputs and outputs with names of their own", "a name twice")
	}
	m.functions = append(m.functions, f)
	return nil
}

func repeated(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) != len(names)
}

// call is a node that waits to be written or expanded.
type call struct {
	n     *node
	depth int // of the functions it comes from
}

// inline replaces calls of the model's functions by their nodes, until none is left, and drops the functions.
func (m *model) inline() error {
	if len(m.functions) == 0 {
		return nil
	}
	functions := make(map[callee]*function, len(m.functions))
	for _, f := range m.functions {
		key := callee{f.domain, f.name, f.overload}
		if functions[key] != nil {
			return refuse(f.where(), "one function of this name", "two")
		}
		functions[key] = f
	}
	calls := map[*function]int{}
	waiting := make([]call, 0, len(m.nodes))
	for _, n := range slices.Backward(m.nodes) {
		waiting = append(waiting, call{n, 0})
	}
	var out []*node
	for len(waiting) > 0 {
		c := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		f := functions[callee{c.n.domain, c.n.op, c.n.overload}]
		if f == nil {
			out = append(out, c.n)
			if len(out) > m.lim.MaxNodes {
				return refuse("graph", fmt.Sprintf("at most %d nodes with functions inlined", m.lim.MaxNodes), "more")
			}
			continue
		}
		if c.depth >= m.lim.MaxCallDepth {
			return refuse(c.n.where, fmt.Sprintf("functions that call functions at most %d deep", m.lim.MaxCallDepth), "more: perhaps one calls itself")
		}
		body, err := m.expand(c.n, f)
		if err != nil {
			return err
		}
		calls[f]++
		for _, n := range slices.Backward(body) {
			waiting = append(waiting, call{n, c.depth + 1})
		}
	}
	for i, n := range out {
		n.where = fmt.Sprintf("node %d (%s %s)", i, quote(n.op), quote(n.name))
	}
	for _, f := range m.functions {
		m.report.changed(RuleInline, f.where(), calls[f], "calls replaced by its nodes")
	}
	m.nodes, m.changed = out, true
	return nil
}

// expand gives the nodes of a function for one call of it.
func (m *model) expand(n *node, f *function) ([]*node, error) {
	if len(n.inputs) > len(f.inputs) || len(n.outputs) > len(f.outputs) {
		return nil, refuse(n.where, fmt.Sprintf("at most %d inputs and %d outputs", len(f.inputs), len(f.outputs)), "%d and %d", len(n.inputs), len(n.outputs))
	}
	if err := m.adopt(f); err != nil {
		return nil, err
	}
	prefix := ""
	for _, y := range n.outputs {
		if prefix = stem(y); prefix != "" {
			break
		}
	}
	renamed := map[string]string{"": ""}
	for i, name := range f.inputs {
		renamed[name] = n.input(i)
	}
	var body []*node
	for i, name := range f.outputs {
		y := ""
		if i < len(n.outputs) {
			y = n.outputs[i]
		}
		if x, direct := renamed[name]; direct && name != "" {
			if y != "" {
				body = append(body, &node{at: n.at, op: "Identity", inputs: []string{x}, outputs: []string{y}})
			}
			continue
		}
		if y == "" {
			y = m.fresh(prefix + "/" + stem(name))
		}
		renamed[name] = y
	}
	rename := func(names []string) []string {
		out := make([]string, len(names))
		for i, name := range names {
			to, ok := renamed[name]
			if !ok {
				to = m.fresh(prefix + "/" + stem(name))
				renamed[name] = to
			}
			out[i] = to
		}
		return out
	}
	for _, inner := range f.nodes {
		if err := m.count.add(n.where, inner.edges()); err != nil {
			return nil, err
		}
		c := *inner
		c.at, c.raw = n.at, nil
		c.inputs, c.outputs = rename(inner.inputs), rename(inner.outputs)
		if c.name != "" {
			c.name = prefix + "/" + stem(c.name)
		}
		c.attrs = resolve(inner.attrs, n, f)
		body = append(body, &c)
	}
	return body, m.count.add(n.where, 1+len(f.inputs)+len(f.outputs))
}

// adopt imports the operator sets of a function whose nodes come into the graph.
func (m *model) adopt(f *function) error {
	for _, set := range f.imports {
		version, ok := m.version(set.domain)
		if ok && version != set.version {
			return refuse(f.where(), fmt.Sprintf("version %d of operator set %s, as the model has", version, quote(set.domain)), "%d", set.version)
		}
		if !ok {
			m.imports = append(m.imports, operatorSet{set.domain, set.version, -1})
		}
	}
	return nil
}

// resolve replaces references to attributes of the function by the values of the call, or else their defaults. One with
// neither is left out.
func resolve(attrs []attribute, n *node, f *function) []attribute {
	out := make([]attribute, 0, len(attrs))
	for _, a := range attrs {
		if a.ref == "" {
			out = append(out, a)
			continue
		}
		value := n.attr(a.ref)
		for i := 0; value == nil && i < len(f.defaults); i++ {
			if f.defaults[i].name == a.ref {
				value = &f.defaults[i]
			}
		}
		if value == nil {
			continue
		}
		out = append(out, value.as(a.name))
	}
	return out
}

// as is the attribute under another name.
func (a attribute) as(name string) attribute {
	body := appendText(nil, 1, name)
	// The message was read before, so it is read without error.
	_ = each("attribute", attributeMessage, a.body, func(fl field) error {
		if fl.num != 1 {
			body = append(body, fl.raw...)
		}
		return nil
	})
	a.name, a.body = name, body
	return a
}
