package onnxprep

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// operands are the positions of both factors of an integer product, and of their zero points.
type operands struct{ left, leftZero, right, rightZero int }

var products = map[string]operands{
	"MatMulInteger": {0, 2, 1, 3},
	"ConvInteger":   {0, 2, 1, 3},
	"QLinearMatMul": {0, 2, 3, 5},
	"QLinearConv":   {0, 2, 3, 5},
}

func otherSign(typ int64) int64 {
	if typ == typeInt8 {
		return typeUint8
	}
	return typeInt8
}

func isByte(typ int64) bool { return typ == typeInt8 || typ == typeUint8 }

// product gives both factors of an integer product the same signedness: kernels for factors of one kind are exact
// everywhere, those for mixed ones saturate on some machines. A constant factor is converted here, a computed one by
// three nodes; the product of values minus zero points stays the same.
func (m *model) product(n *node, k operands) ([]*node, error) {
	left, right := m.types[n.input(k.left)], m.types[n.input(k.right)]
	if left == typeUnknown {
		left = m.types[n.input(k.leftZero)]
	}
	if right == typeUnknown {
		right = m.types[n.input(k.rightZero)]
	}
	if !isByte(left) || !isByte(right) {
		m.report.leave(RuleSigned, n.where, "factors known to be UINT8 or INT8", "%s and %s", typeName(left), typeName(right))
		return []*node{n}, nil
	}
	if left == right {
		return []*node{n}, nil
	}
	at, zero, typ := k.right, k.rightZero, right
	if m.constants[n.input(k.right)] == nil && m.constants[n.input(k.left)] != nil {
		at, zero, typ = k.left, k.leftZero, left
	}
	factor, zeroName := n.input(at), n.input(zero)
	if err := m.flippable(factor, zeroName); err != nil {
		m.report.leave(RuleSigned, n.where, err.Expected, "%s", err.Where+": "+err.Got)
		return []*node{n}, nil
	}
	c := n.change()
	b := &builder{m: m, at: n.at, base: factor}
	c.setInput(at, b.flip(factor, typ))
	if zeroName == "" {
		c.setInput(zero, m.middle(otherSign(typ)))
	} else {
		c.setInput(zero, b.flip(zeroName, typ))
	}
	m.report.changed(RuleSigned, n.where, 1, "factor %s of %s made %s, as the other is", quote(factor), typeName(typ), typeName(otherSign(typ)))
	return append(b.nodes, c), nil
}

// dequantize makes constants of signed bytes that become floats unsigned: runtimes that fuse such a node with a
// neighbour make a mixed product of it.
func (m *model) dequantize(n *node) ([]*node, error) {
	c, zero := m.constants[n.input(0)], n.input(2)
	if c == nil || c.typ != typeInt8 {
		return []*node{n}, nil
	}
	scale := m.constants[n.input(1)]
	err := m.flippable(c.name, zero)
	if err == nil && zero == "" && (scale == nil || !scale.plausible()) {
		err = refuse(n.where, "a constant scale, or a zero point", "neither")
	}
	if err != nil {
		m.report.leave(RuleSigned, n.where, err.Expected, "%s", err.Where+": "+err.Got)
		return []*node{n}, nil
	}
	changed := n.change()
	b := &builder{m: m, at: n.at, base: c.name}
	changed.setInput(0, b.flip(c.name, typeInt8))
	if zero == "" {
		changed.setInput(2, m.middles(typeUint8, scale.dims))
	} else {
		changed.setInput(2, b.flip(zero, typeInt8))
	}
	m.report.changed(RuleSigned, n.where, 1, "constant %s of INT8 made UINT8", quote(c.name))
	return append(b.nodes, changed), nil
}

// flippable tells why constants among the values cannot get the other signedness.
func (m *model) flippable(names ...string) *Refusal {
	for _, name := range names {
		if c := m.constants[name]; c != nil {
			if !isByte(c.typ) {
				return refuse("tensor "+quote(name), "UINT8 or INT8", "%s", typeName(c.typ))
			}
			if err := c.flip(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flip gives the name of a value of the other signedness, which holds 128 more or less. The value must be flippable and
// of the given type.
func (b *builder) flip(name string, typ int64) string {
	m, want := b.m, otherSign(typ)
	key := fmt.Sprintf("flip/%d/%s", want, name)
	if made, ok := m.shared[key]; ok {
		return made
	}
	c := m.constants[name]
	if c == nil {
		made := b.convert(name, want)
		m.shared[key] = made
		return made
	}
	made := m.fresh(stem(name) + suffixes[want])
	body := tensorBody(made, want, c.dims, c.flipped)
	if c.at >= 0 {
		m.added[c.at] = append(m.added[c.at], body)
		m.changed = true
		m.constants[made] = &constant{name: made, typ: want, dims: c.dims, at: c.at, body: body}
		m.set(made, want)
	} else {
		b.result(made, "Constant", nil, tensorAttribute("value", tensorBody("", want, c.dims, c.flipped)))
	}
	m.shared[key] = made
	m.replaced[name] = true
	return made
}

var suffixes = map[int64]string{typeUint8: "/unsigned", typeInt8: "/signed"}

// convert changes the signedness of a computed value.
func (b *builder) convert(name string, want int64) string {
	shift := int32(128)
	if want == typeInt8 {
		shift = -128
	}
	wide := b.node("wide", "Cast", []string{name}, intAttribute("to", typeInt32))
	data := binary.LittleEndian.AppendUint32(nil, uint32(shift))
	moved := b.node("moved", "Add", []string{wide, b.m.share(fmt.Sprintf("shift/%d", shift), tensorAttribute("value", tensorBody("", typeInt32, nil, data)))})
	return b.node(suffixes[want][1:], "Cast", []string{moved}, intAttribute("to", want))
}

// middle is the zero point that 0 becomes when the signedness changes.
func (m *model) middle(typ int64) string { return m.middles(typ, nil) }

// middles is a tensor of such zero points.
func (m *model) middles(typ int64, dims []int64) string {
	n, err := (tensor.Tensor{Shape: dims}).Elements()
	if err != nil {
		n = 0 // not reached: dims are those of a plausible constant
	}
	data := bytes.Repeat([]byte{0x80}, int(n))
	return m.share(fmt.Sprintf("zero/%s%v", typeName(typ), dims), tensorAttribute("value", tensorBody("", typ, dims, data)))
}
