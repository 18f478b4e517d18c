package onnxwrite

import (
	"fmt"
	"unicode/utf8"
)

// check reports the first reason why the model could not load.
func (m Model) check() error {
	if m.IRVersion < 0 || m.Opset < 0 {
		return fmt.Errorf("model: expected versions of 1 or more, got IR %d and operator set %d", m.IRVersion, m.Opset)
	}
	for _, s := range [...]string{m.Producer, m.ProducerVersion, m.Doc} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("model: expected valid UTF-8, got %q", s)
		}
	}
	domains := map[string]bool{"": true}
	for _, set := range m.Imports {
		if err := checkName("domain", set.Domain); err != nil {
			return fmt.Errorf("model import: %w", err)
		}
		if domains[set.Domain] {
			return fmt.Errorf("model import: expected each domain once, got %q twice", set.Domain)
		}
		if set.Version < 1 {
			return fmt.Errorf("model import %q: expected a version of 1 or more, got %d", set.Domain, set.Version)
		}
		domains[set.Domain] = true
	}
	c := checker{domains: domains}
	return c.graph(m.Graph, nil, 1)
}

// scope holds the names of values visible in a graph, innermost first.
type scope struct {
	values map[string]bool
	outer  *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.values[name] {
			return true
		}
	}
	return false
}

// define adds a value; the name must be new in this and in every enclosing graph.
func (s *scope) define(what, name string) error {
	if err := checkName(what, name); err != nil {
		return err
	}
	if s.has(name) {
		return fmt.Errorf("%s: expected a unique name, got %q again", what, name)
	}
	s.values[name] = true
	return nil
}

type checker struct {
	domains map[string]bool
}

func (c checker) graph(g Graph, outer *scope, depth int) error {
	if depth > MaxGraphDepth {
		return fmt.Errorf("graph %q: expected graphs nested at most %d deep, got %d", g.Name, MaxGraphDepth, depth)
	}
	if err := c.graphBody(g, outer, depth); err != nil {
		return fmt.Errorf("graph %q: %w", g.Name, err)
	}
	return nil
}

func (c checker) graphBody(g Graph, outer *scope, depth int) error {
	if err := checkName("graph name", g.Name); err != nil {
		return err
	}
	if len(g.Outputs) == 0 {
		return fmt.Errorf("expected at least one output, got none")
	}
	s := &scope{values: map[string]bool{}, outer: outer}
	if err := defineConstants(g, s); err != nil {
		return err
	}
	nodeNames := map[string]bool{}
	for i, n := range g.Nodes {
		if n.Name != "" && nodeNames[n.Name] {
			return fmt.Errorf("node %d: expected a unique name, got %q again", i, n.Name)
		}
		nodeNames[n.Name] = true
		if err := c.node(n, s, depth); err != nil {
			return fmt.Errorf("node %d (%s %q): %w", i, n.Op, n.Name, err)
		}
	}
	outputs := map[string]bool{}
	for _, v := range g.Outputs {
		if err := v.check(); err != nil {
			return fmt.Errorf("output %q: %w", v.Name, err)
		}
		if !s.has(v.Name) {
			return fmt.Errorf("output %q: expected a value of the graph, got an unknown name", v.Name)
		}
		if outputs[v.Name] {
			return fmt.Errorf("output: expected a unique name, got %q again", v.Name)
		}
		outputs[v.Name] = true
	}
	for _, v := range g.Values {
		if err := v.check(); err != nil {
			return fmt.Errorf("value %q: %w", v.Name, err)
		}
	}
	return nil
}

// defineConstants brings the graph inputs and initializers into scope.
func defineConstants(g Graph, s *scope) error {
	inputs := map[string]bool{}
	for _, v := range g.Inputs {
		if err := s.define("input", v.Name); err != nil {
			return err
		}
		if err := v.check(); err != nil {
			return fmt.Errorf("input %q: %w", v.Name, err)
		}
		inputs[v.Name] = true
	}
	for _, t := range g.Initializers {
		if inputs[t.Name] {
			delete(inputs, t.Name) // the default value of an input, which may have one
		} else if err := s.define("initializer", t.Name); err != nil {
			return err
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
	}
	return nil
}

func (c checker) node(n Node, s *scope, depth int) error {
	if err := checkName("operator", n.Op); err != nil {
		return err
	}
	if !utf8.ValidString(n.Name) {
		return fmt.Errorf("name: expected valid UTF-8, got %q", n.Name)
	}
	if !c.domains[n.Domain] {
		return fmt.Errorf("domain: expected an imported operator set, got %q", n.Domain)
	}
	for _, name := range n.Inputs {
		if name != "" && !s.has(name) {
			return fmt.Errorf("input %q: expected an input, an initializer or an earlier node's output, got an unknown name", name)
		}
	}
	names := map[string]bool{}
	for _, a := range n.Attributes {
		if err := checkName("attribute name", a.Name); err != nil {
			return err
		}
		if names[a.Name] {
			return fmt.Errorf("attribute: expected a unique name, got %q again", a.Name)
		}
		names[a.Name] = true
		if err := c.attribute(a, s, depth); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	results := 0
	for _, name := range n.Outputs {
		if name == "" {
			continue
		}
		results++
		if err := s.define("output", name); err != nil {
			return err
		}
	}
	if results == 0 {
		return fmt.Errorf("expected at least one named output, got none")
	}
	return nil
}

func (c checker) attribute(a Attribute, s *scope, depth int) error {
	switch a.Kind {
	case AttributeFloat, AttributeInt, AttributeString, AttributeFloats, AttributeInts, AttributeStrings:
		return nil
	case AttributeTensor:
		if a.Tensor == nil {
			return fmt.Errorf("expected a tensor, got none")
		}
		if !utf8.ValidString(a.Tensor.Name) {
			return fmt.Errorf("tensor name: expected valid UTF-8, got %q", a.Tensor.Name)
		}
		return a.Tensor.check()
	case AttributeGraph:
		if a.Graph == nil {
			return fmt.Errorf("expected a graph, got none")
		}
		return c.graph(*a.Graph, s, depth+1)
	default:
		return fmt.Errorf("expected a known kind, got %s", a.Kind)
	}
}

func (v ValueInfo) check() error {
	if err := checkName("name", v.Name); err != nil {
		return err
	}
	if v.Type != ElementString && v.Type.Size() == 0 {
		return fmt.Errorf("expected a supported element type, got %s", v.Type)
	}
	if v.Unranked && len(v.Dims) != 0 {
		return fmt.Errorf("expected no dims in an unranked value, got %d", len(v.Dims))
	}
	for i, d := range v.Dims {
		if err := d.check(); err != nil {
			return fmt.Errorf("dimension %d: %w", i, err)
		}
	}
	return nil
}

func (d Dim) check() error {
	switch d.Kind {
	case DimUnspecified:
		return nil
	case DimFixed:
		if d.Size < 0 {
			return fmt.Errorf("expected a size of 0 or more, got %d", d.Size)
		}
		return nil
	case DimSymbolic:
		return checkName("symbol", d.Symbol)
	default:
		return fmt.Errorf("expected a known kind, got %d", d.Kind)
	}
}

func checkName(what, s string) error {
	if s == "" {
		return fmt.Errorf("%s: expected a name, got an empty one", what)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s: expected valid UTF-8, got %q", what, s)
	}
	return nil
}
