package onnxprep

// sweep removes what the other rules made superfluous: constants that have a successor and no reader left, roundings that nobody reads, declarations
// of values that do not exist, and operator sets that no node uses.
func (m *model) sweep() error {
	used := map[string]bool{}
	exists := map[string]bool{}
	domains := map[string]bool{"": true}
	for _, n := range m.nodes {
		domains[n.domain] = true
		for _, name := range n.inputs {
			used[name] = true
		}
	}
	inputs := map[string]int{}
	for i, fl := range m.graph {
		if fl.num != graphInput && fl.num != graphOutput {
			continue
		}
		v, err := parseValue(fl.bytes)
		if err != nil {
			return err
		}
		if fl.num == graphOutput {
			used[v.name] = true
		} else {
			inputs[v.name] = i
			exists[v.name] = true
		}
	}
	m.dropSpare(used, inputs, exists)
	for _, n := range m.nodes {
		for _, name := range n.outputs {
			exists[name] = true
		}
	}
	for name, c := range m.constants {
		if c.at >= 0 && !m.dropped[c.at] {
			exists[name] = true
		}
	}
	if err := m.dropDeclarations(exists); err != nil {
		return err
	}
	m.dropImports(domains)
	return nil
}

func (m *model) dropSpare(used map[string]bool, inputs map[string]int, exists map[string]bool) {
	superfluous := func(name string) bool { return (m.replaced[name] || m.spare[name]) && !used[name] }
	kept := m.nodes[:0:0]
	for _, n := range m.nodes {
		if len(n.outputs) == 1 && superfluous(n.outputs[0]) {
			m.changed = true
			continue
		}
		kept = append(kept, n)
	}
	m.nodes = kept
	for name := range m.replaced {
		if c := m.constants[name]; superfluous(name) && c.at >= 0 { // an initializer
			m.dropped[c.at] = true
			delete(exists, name)
			if at, ok := inputs[name]; ok { // the input whose default value the constant was
				m.dropped[at] = true
			}
		}
	}
}

// dropDeclarations removes types and quantization annotations of values that are gone.
func (m *model) dropDeclarations(exists map[string]bool) error {
	gone := 0
	for i, fl := range m.graph {
		if fl.num != graphValueInfo && fl.num != graphAnnotation {
			continue
		}
		name, err := nameOf(fl.bytes)
		if err != nil {
			return err
		}
		if !exists[name] {
			m.dropped[i] = true
			gone++
		}
	}
	if gone > 0 {
		m.changed = true
		m.report.changed(RuleStrip, "graph", gone, "declarations of values that are not there removed")
	}
	return nil
}

// nameOf reads the name of the value that a declaration or an annotation is about.
func nameOf(b []byte) (string, error) {
	name := ""
	err := each("declaration", kinds{bytes: fields(1)}, b, func(fl field) error {
		if fl.num == 1 {
			name = string(fl.bytes)
		}
		return nil
	})
	return name, err
}

func (m *model) dropImports(domains map[string]bool) {
	kept := m.imports[:0:0]
	for _, set := range m.imports {
		if domains[set.domain] {
			kept = append(kept, set)
			continue
		}
		m.changed = true
		m.report.changed(RuleStrip, "operator set "+quote(set.domain), 1, "import that no node uses removed")
	}
	m.imports = kept
}
