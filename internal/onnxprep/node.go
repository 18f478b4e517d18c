package onnxprep

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// node is a NodeProto.
type node struct {
	at       int    // the field of the graph it is written at; new nodes take that of the node they serve
	where    string // for messages
	name     string
	op       string
	domain   string // "" also for "ai.onnx"
	overload string
	inputs   []string // "" for an optional input that is left out
	outputs  []string
	attrs    []attribute
	metadata []byte // the fields of metadata as written
	raw      []byte // the message as written; nil for a node that is new or changed
}

// attribute is an AttributeProto.
type attribute struct {
	name   string
	ref    string // the attribute of the surrounding function that gives the value
	number int64
	tensor []byte // nil if there is none
	body   []byte // the message as written
}

func defaultDomain(s string) string {
	if s == "ai.onnx" {
		return ""
	}
	return s
}

// counter adds up fields against Limits.MaxFields.
type counter struct{ n, limit int }

func (c *counter) add(where string, n int) error {
	if c.n += n; c.n > c.limit {
		return refuse(where, fmt.Sprintf("at most %d fields in all", c.limit), "more")
	}
	return nil
}

func parseNode(where string, b []byte, count *counter) (*node, error) {
	n := &node{raw: b, where: where}
	var seen once
	err := each(where, nodeMessage, b, func(fl field) (err error) {
		if err := count.add(where, 1); err != nil {
			return err
		}
		switch fl.num {
		case 1:
			n.inputs = append(n.inputs, string(fl.bytes))
			return nil
		case 2:
			n.outputs = append(n.outputs, string(fl.bytes))
			return nil
		case 3:
			n.name = string(fl.bytes)
		case 4:
			n.op = string(fl.bytes)
		case 5:
			a, err := parseAttribute(where, fl.bytes, count)
			n.attrs = append(n.attrs, a)
			return err
		case 7:
			n.domain = defaultDomain(string(fl.bytes))
		case 8:
			n.overload = string(fl.bytes)
		case 9:
			n.metadata = append(n.metadata, fl.raw...)
			return nil
		}
		return seen.see(where, fl.num)
	})
	if err != nil {
		return nil, err
	}
	n.where = fmt.Sprintf("%s (%s %s)", where, quote(n.op), quote(n.name))
	return n, nil
}

func parseAttribute(where string, b []byte, count *counter) (attribute, error) {
	a := attribute{body: b}
	var seen once
	err := each(where, attributeMessage, b, func(fl field) error {
		switch fl.num {
		case 1:
			a.name = string(fl.bytes)
		case 3:
			a.number = int64(fl.value)
		case 5:
			a.tensor = fl.bytes
		case 21:
			a.ref = string(fl.bytes)
		case 6, 11:
			return refuse(where, "no graph inside a node: the network runs no control flow", "a graph attribute")
		case 7, 8, 9, 10, 15, 23:
			return nil // lists
		}
		return seen.see(where, fl.num)
	})
	if err != nil {
		return a, err
	}
	return a, count.add(where, 1)
}

// attr finds an attribute, nil if there is none.
func (n *node) attr(name string) *attribute {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			return &n.attrs[i]
		}
	}
	return nil
}

// input is the name of an input, "" if it is left out.
func (n *node) input(i int) string {
	if i < len(n.inputs) {
		return n.inputs[i]
	}
	return ""
}

// setInput replaces an input of a node that is ours to change.
func (n *node) setInput(i int, name string) {
	for len(n.inputs) <= i {
		n.inputs = append(n.inputs, "")
	}
	n.inputs[i] = name
}

// change gives a copy of a node that may be altered.
func (n *node) change() *node {
	c := *n
	c.raw = nil
	c.inputs = append([]string{}, n.inputs...)
	c.outputs = append([]string{}, n.outputs...)
	return &c
}

// edges is what a node adds to the number of fields.
func (n *node) edges() int { return 1 + len(n.inputs) + len(n.outputs) + len(n.attrs) }

// size is at least the number of bytes of the message.
func (n *node) size() int64 {
	const overhead = 12 // tag and length
	if n.raw != nil {
		return int64(len(n.raw)) + overhead
	}
	size := int64(len(n.name)+len(n.op)+len(n.domain)+len(n.overload)+len(n.metadata)) + 6*overhead
	for _, s := range n.inputs {
		size += int64(len(s)) + overhead
	}
	for _, s := range n.outputs {
		size += int64(len(s)) + overhead
	}
	for _, a := range n.attrs {
		size += int64(len(a.body)) + overhead
	}
	return size
}

func (n *node) marshal() []byte {
	if n.raw != nil {
		return n.raw
	}
	var b []byte
	for _, s := range n.inputs {
		b = appendText(b, 1, s)
	}
	for _, s := range n.outputs {
		b = appendText(b, 2, s)
	}
	for _, f := range []struct {
		num  protowire.Number
		text string
	}{{3, n.name}, {4, n.op}} {
		if f.text != "" {
			b = appendText(b, f.num, f.text)
		}
	}
	for _, a := range n.attrs {
		b = appendBytes(b, 5, a.body)
	}
	if n.domain != "" {
		b = appendText(b, 7, n.domain)
	}
	if n.overload != "" {
		b = appendText(b, 8, n.overload)
	}
	return append(b, n.metadata...)
}

// Values of AttributeProto.AttributeType.
const (
	attributeInt    = 2
	attributeTensor = 4
	attributeInts   = 7
)

func intAttribute(name string, v int64) attribute {
	b := appendVarint(appendText(nil, 1, name), 3, v)
	return attribute{name: name, number: v, body: appendVarint(b, 20, attributeInt)}
}

func intsAttribute(name string, v int64) attribute {
	b := appendVarint(appendText(nil, 1, name), 8, v)
	return attribute{name: name, body: appendVarint(b, 20, attributeInts)}
}

func tensorAttribute(name string, tensor []byte) attribute {
	b := appendBytes(appendText(nil, 1, name), 5, tensor)
	return attribute{name: name, tensor: tensor, body: appendVarint(b, 20, attributeTensor)}
}
