package onnxprep

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// model is a file while it is being rewritten. Fields that no rule touches are written as they were read.
type model struct {
	lim       Limits
	report    *Report
	count     counter
	fields    []field // of the ModelProto
	imports   []operatorSet
	functions []*function
	graph     []field // of the GraphProto
	changed   bool    // anything but nodes that have no raw form

	nodes     []*node
	constants map[string]*constant
	names     map[string]bool // of all values
	next      map[string]int  // the next number to try for a new name
	types     map[string]int64

	prologue  []*node          // new constants, before all nodes
	added     map[int][][]byte // new initializers, after those they come from
	dropped   map[int]bool     // fields of the graph that go
	rewritten map[int][]byte   // fields of the graph with new content
	shared    map[string]string
	replaced  map[string]bool   // constants that have a successor
	wide      map[string]string // values computed in 32 bits, by the name of their roundings to 16 bits
	spare     map[string]bool   // results of nodes that go if nobody reads them
}

// operatorSet is an OperatorSetIdProto.
type operatorSet struct {
	domain  string
	version int64
	at      int // the model's field, -1 for one that is added
}

// Field numbers of GraphProto.
const (
	graphNode        = 1
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	graphValueInfo   = 13
	graphAnnotation  = 14
)

func parseModel(b []byte, lim Limits, report *Report) (*model, error) {
	m := &model{
		lim: lim, report: report, count: counter{limit: lim.MaxFields},
		constants: map[string]*constant{}, names: map[string]bool{}, next: map[string]int{}, types: map[string]int64{},
		added: map[int][][]byte{}, dropped: map[int]bool{}, rewritten: map[int][]byte{}, shared: map[string]string{}, replaced: map[string]bool{},
		wide: map[string]string{}, spare: map[string]bool{},
	}
	const where = "model"
	var seen once
	var graph []byte
	found := false
	err := each(where, modelMessage, b, func(fl field) error {
		m.fields = append(m.fields, fl)
		if err := m.count.add(where, 1); err != nil {
			return err
		}
		switch fl.num {
		case 7:
			graph, found = fl.bytes, true
		case 8:
			return m.parseImport(fl.bytes)
		case 25:
			return m.parseFunction(fl.bytes)
		case 14, 20:
			return nil // lists
		}
		return seen.see(where, fl.num)
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, refuse(where, "a graph", "none")
	}
	return m, m.parseGraph(graph)
}

func parseOperatorSet(where string, b []byte) (operatorSet, error) {
	set := operatorSet{at: -1}
	err := each(where, opsetMessage, b, func(fl field) error {
		switch fl.num {
		case 1:
			set.domain = defaultDomain(string(fl.bytes))
		case 2:
			set.version = int64(fl.value)
		}
		return nil
	})
	return set, err
}

func (m *model) parseImport(b []byte) error {
	set, err := parseOperatorSet("operator set", b)
	if err != nil {
		return err
	}
	if _, twice := m.version(set.domain); twice {
		return refuse("operator set "+quote(set.domain), "each domain once", "twice")
	}
	set.at = len(m.fields) - 1
	m.imports = append(m.imports, set)
	return nil
}

// version is that of the imported operator set of a domain.
func (m *model) version(domain string) (int64, bool) {
	for _, set := range m.imports {
		if set.domain == domain {
			return set.version, true
		}
	}
	return 0, false
}

func (m *model) parseGraph(b []byte) error {
	const where = "graph"
	var seen once
	return each(where, graphMessage, b, func(fl field) error {
		at := len(m.graph)
		m.graph = append(m.graph, fl)
		if err := m.count.add(where, 1); err != nil {
			return err
		}
		switch fl.num {
		case graphNode:
			n, err := parseNode(fmt.Sprintf("node %d", len(m.nodes)), fl.bytes, &m.count)
			if err != nil {
				return err
			}
			n.at = at
			m.nodes = append(m.nodes, n)
			m.know(n.inputs...)
			m.know(n.outputs...)
			if len(m.nodes) > m.lim.MaxNodes {
				return refuse(where, fmt.Sprintf("at most %d nodes", m.lim.MaxNodes), "more")
			}
			return nil
		case graphInitializer:
			return m.parseInitializer(at, fl.bytes)
		case graphInput, graphOutput, graphValueInfo:
			v, err := parseValue(fl.bytes)
			if err != nil {
				return err
			}
			m.know(v.name)
			if m.types[v.name] == typeUnknown {
				m.types[v.name] = v.typ
			}
			return nil
		case graphAnnotation, 15, 16:
			return nil // lists
		}
		return seen.see(where, fl.num)
	})
}

func (m *model) parseInitializer(at int, b []byte) error {
	where := fmt.Sprintf("field %d of the graph", at)
	c, err := parseConstant(where, b)
	if err != nil {
		return err
	}
	if m.constants[c.name] != nil {
		return refuse("initializer "+quote(c.name), "a name of its own", "the name twice")
	}
	c.at = at
	m.constants[c.name] = c
	m.types[c.name] = c.typ
	m.know(c.name)
	return nil
}

func (m *model) know(names ...string) {
	for _, name := range names {
		m.names[name] = true
	}
}

// fresh makes a name that no value has.
func (m *model) fresh(base string) string {
	name := base
	for m.names[name] || name == "" {
		m.next[base] = max(m.next[base], 1) + 1
		name = fmt.Sprintf("%s_%d", base, m.next[base])
	}
	m.names[name] = true
	return name
}

// value is what matters of a ValueInfoProto.
type value struct {
	name string
	typ  int64 // typeUnknown unless it is a tensor
}

func parseValue(b []byte) (value, error) {
	var v value
	const where = "declared value"
	err := each(where, valueMessage, b, func(fl field) error {
		switch fl.num {
		case 1:
			v.name = string(fl.bytes)
		case 2:
			return each(where, typeMessage, fl.bytes, func(kind field) error {
				if kind.num != 1 {
					return nil
				}
				return each(where, tensorType, kind.bytes, func(t field) error {
					if t.num == 1 {
						v.typ = int64(t.value)
					}
					return nil
				})
			})
		}
		return nil
	})
	return v, err
}

// marshal writes the file. It gives b, the file as it was read, if nothing has changed.
func (m *model) marshal(b []byte) ([]byte, error) {
	var size int64
	for _, n := range m.nodes {
		m.changed = m.changed || n.raw == nil
		size += n.size()
	}
	if !m.changed {
		return b, nil
	}
	size += int64(len(b))
	for _, list := range m.added {
		for _, body := range list {
			size += int64(len(body))
		}
	}
	if size > 2*m.lim.MaxBytes {
		return nil, m.tooLarge()
	}
	graph := m.marshalGraph()
	out := make([]byte, 0, len(graph)+len(b)/8+64)
	kept := make(map[int]bool, len(m.imports))
	for _, set := range m.imports {
		kept[set.at] = true
	}
	for i, fl := range m.fields {
		switch {
		case fl.num == 7:
			out = appendBytes(out, 7, graph)
		case fl.num == 25 || fl.num == 8 && !kept[i]:
		default:
			out = append(out, fl.raw...)
		}
	}
	for _, set := range m.imports {
		if set.at < 0 {
			out = appendBytes(out, 8, appendVarint(appendText(nil, 1, set.domain), 2, set.version))
		}
	}
	if int64(len(out)) > m.lim.MaxBytes {
		return nil, m.tooLarge()
	}
	return out, nil
}

func (m *model) tooLarge() error {
	return refuse("prepared model", fmt.Sprintf("at most %d bytes", m.lim.MaxBytes), "more")
}

func (m *model) marshalGraph() []byte {
	var b []byte
	left := m.nodes
	for i, fl := range m.graph {
		if fl.num == graphNode {
			for ; len(left) > 0 && left[0].at == i; left = left[1:] {
				if left[0].raw != nil {
					b = append(b, fl.raw...) // the one node that was read here
				} else {
					b = appendBytes(b, graphNode, left[0].marshal())
				}
			}
			continue
		}
		if body, ok := m.rewritten[i]; ok {
			b = appendBytes(b, protowire.Number(fl.num), body)
		} else if !m.dropped[i] {
			b = append(b, fl.raw...)
		}
		for _, body := range m.added[i] {
			b = appendBytes(b, graphInitializer, body)
		}
	}
	return b
}
