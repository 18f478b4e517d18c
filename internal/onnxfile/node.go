package onnxfile

import (
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// node is a NodeProto of an allowed operator.
type node struct {
	where   string
	op      string // without its domain
	key     string // with it, see ruleKey
	rule    *rule
	inputs  []string // "" for an optional input that is left out
	outputs []string
	attrs   map[string]*attr
}

// attr is an AttributeProto; only the member that kind names is set. The kinds
// are written as in rules: i and I for one and more integers, f and F for
// floats, s and S for strings, t for a tensor.
type attr struct {
	kind   byte
	i      int64
	ints   []int64
	float  uint32 // bits
	floats []uint32
	text   string
	modes  []nodeMode // of strings: what they mean to a tree
	tensor *weight
}

func (p *parser) parseNode(index int, b []byte) (*node, error) {
	n := &node{where: fmt.Sprintf("node %d", index)}
	var attrs [][]byte
	domain, name := "", ""
	err := nodeSchema.each(n.where, b, func(fl field) (err error) {
		switch fl.num {
		case 1, 2:
			if p.edges++; p.edges > p.lim.MaxEdges {
				return refuse(ReasonTooLarge, n.where, fmt.Sprintf("at most %d inputs and outputs of nodes", p.lim.MaxEdges), "more")
			}
			var s string
			if s, err = fl.text(n.where); fl.num == 1 {
				n.inputs = append(n.inputs, s)
			} else {
				n.outputs = append(n.outputs, s)
			}
		case 3:
			name, err = fl.text(n.where)
		case 4:
			n.op, err = fl.text(n.where)
		case 5:
			if p.attributes++; p.attributes > p.lim.MaxAttributes {
				return refuse(ReasonTooLarge, n.where, fmt.Sprintf("at most %d attributes of nodes", p.lim.MaxAttributes), "more")
			}
			attrs = append(attrs, fl.bytes)
		case 7:
			domain, err = fl.text(n.where)
		case 9:
			err = checkEntry(n.where, fl.bytes)
		case 8:
			if len(fl.bytes) != 0 {
				err = refuse(ReasonFunction, n.where, "an operator", "an overload of a function")
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	n.where = fmt.Sprintf("node %d (%s %s)", index, quote(n.op), quote(name))
	opset := p.out.opset
	switch {
	case domain == mlDomain && p.out.mlOpset == 0:
		return nil, refuse(ReasonMalformed, n.where, "an operator set for "+mlDomain, "none")
	case domain == mlDomain:
		opset = p.out.mlOpset
	case !isDefaultDomain(domain):
		return nil, refuse(ReasonCustomDomain, n.where, "the default domain or "+mlDomain, "%s", quote(domain))
	}
	n.key = ruleKey(domain, n.op)
	if n.rule, err = ruleFor(n.where, n.key, opset); err != nil {
		return nil, err
	}
	for _, a := range attrs {
		if err := p.parseAttr(n, a); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// attributeKinds maps AttributeProto.AttributeType to kinds, and the field
// that holds the value.
var attributeKinds = [...]struct {
	kind  byte
	field int
}{1: {'f', 2}, 2: {'i', 3}, 3: {'s', 4}, 4: {'t', 5}, 6: {'F', 7}, 7: {'I', 8}, 8: {'S', 9}}

func (p *parser) parseAttr(n *node, b []byte) error {
	a := &attr{}
	name, typ := "", int32(0)
	var raw []byte
	used := uint32(0) // fields with a value
	err := attributeSchema.each(n.where, b, func(fl field) (err error) {
		switch fl.num {
		case 1:
			name, err = fl.text(n.where)
			return err
		case 13:
			return nil
		case 20:
			typ, err = fl.enum(n.where)
			return err
		case 2:
			a.float = uint32(fl.value)
		case 3:
			a.i = int64(fl.value)
		case 4:
			a.text, err = fl.text(n.where)
		case 5:
			raw = fl.bytes
		case 7:
			err = fl.fixed32s(n.where, func(v uint32) error {
				a.floats = append(a.floats, v)
				return p.countItem(n, len(a.floats))
			})
		case 8:
			a.ints = slices.Grow(a.ints, min(fl.count(), p.lim.MaxAttributeItems-p.items))
			err = fl.integers(n.where, func(v int64) error {
				a.ints = append(a.ints, v)
				return p.countItem(n, len(a.ints))
			})
		case 9:
			a.modes = append(a.modes, modeOf(fl.bytes))
			err = p.countItem(n, len(a.modes))
		case 6, 11:
			err = refuse(ReasonNesting, n.where, "no graph inside a node", "a graph attribute")
		case 22, 23:
			err = refuse(ReasonSparseTensor, n.where, "dense tensors", "a sparse tensor attribute")
		case 14, 15:
			err = refuse(ReasonUnsupportedType, n.where, "tensors", "a type attribute")
		case 21:
			err = refuse(ReasonFunction, n.where, "attribute values", "a reference to an attribute of a function")
		default:
			err = refuse(ReasonUnsupportedAttribute, n.where, "numbers, strings or a tensor", "field %d", fl.num)
		}
		used |= 1 << fl.num
		return err
	})
	if err != nil {
		return err
	}
	if typ < 1 || int(typ) >= len(attributeKinds) || attributeKinds[typ].kind == 0 {
		return refuse(ReasonUnsupportedAttribute, n.where, "a supported type of attribute "+quote(name), "type %d", typ)
	}
	a.kind = attributeKinds[typ].kind
	if used&^(1<<attributeKinds[typ].field) != 0 {
		return refuse(ReasonMalformed, n.where, "one value of the stated type in attribute "+quote(name), "another")
	}
	if want := n.rule.attrKind(name); want != a.kind {
		return refuse(ReasonUnsupportedAttribute, n.where, n.rule.attrsText(), "%s of kind %c", quote(name), a.kind)
	}
	if _, dup := n.attrs[name]; dup {
		return refuse(ReasonMalformed, n.where, "attribute "+quote(name)+" once", "twice")
	}
	if n.rule.long && a.kind == 'F' { // coefficients, thresholds, weights of leaves
		w := &weight{elements: int64(len(a.floats)), datatype: tensor.FP32}
		if err := p.countWeight(n.where, w); err != nil {
			return err
		}
	}
	if a.kind == 't' {
		if a.tensor, err = p.readWeight(n.where+" attribute "+quote(name), raw); err != nil {
			return err
		}
	}
	if n.attrs == nil {
		n.attrs = make(map[string]*attr)
	}
	n.attrs[name] = a
	return nil
}

// countItem counts one item of a list that has length items so far.
func (p *parser) countItem(n *node, length int) error {
	if length > maxListItems && !n.rule.long {
		return refuse(ReasonTooLarge, n.where, fmt.Sprintf("lists of at most %d items", maxListItems), "more")
	}
	if p.items++; p.items > p.lim.MaxAttributeItems {
		return refuse(ReasonTooLarge, n.where, fmt.Sprintf("at most %d items of lists in attributes", p.lim.MaxAttributeItems), "more")
	}
	return nil
}
