package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func inferMatMul(c *call) error {
	a, b := c.in[0], c.in[1]
	if err := c.sameType(a, b); err != nil {
		return err
	}
	return c.matMul(a, b, a.datatype)
}

// matMul multiplies by the rules of numpy: vectors are made matrices for the
// product, leading dimensions broadcast.
func (c *call) matMul(a, b *value, d tensor.Datatype) error {
	as, bs := a.shape, b.shape
	if len(as) == 0 || len(bs) == 0 {
		return c.malformed("factors of rank 1 or more", "%s and %s", a.text(), b.text())
	}
	if len(as) == 1 {
		as = []dim{constant(1), as[0]}
	}
	if len(bs) == 1 {
		bs = []dim{bs[0], constant(1)}
	}
	m, k := as[len(as)-2], as[len(as)-1]
	k2, n := bs[len(bs)-2], bs[len(bs)-1]
	if k != k2 {
		return c.unknown("equal inner dimensions", "%s and %s", a.text(), b.text())
	}
	batch, ok := broadcast(as[:len(as)-2], bs[:len(bs)-2])
	if !ok {
		return c.unknown("leading dimensions that broadcast for every value of their symbols", "%s and %s", a.text(), b.text())
	}
	if err := c.macs(append(slices.Clone(batch), m, n, atLeastOne(k))...); err != nil {
		return err
	}
	if len(bs) > 2 { // otherwise one product of all rows
		if err := c.calls(batch...); err != nil {
			return err
		}
	}
	shape := batch
	if len(a.shape) > 1 {
		shape = append(shape, m)
	}
	if len(b.shape) > 1 {
		shape = append(shape, n)
	}
	return c.emit(d, shape)
}

// atLeastOne keeps an empty sum from costing nothing.
func atLeastOne(d dim) dim {
	if d.Size == 0 {
		return constant(1)
	}
	return d
}

func inferGemm(c *call) error {
	a, b := c.in[0], c.in[1]
	if err := c.sameType(a, b); err != nil {
		return err
	}
	if len(a.shape) != 2 || len(b.shape) != 2 {
		return c.malformed("matrices", "%s and %s", a.text(), b.text())
	}
	m, k := a.shape[0], a.shape[1]
	if c.attrInt("transA", 0) != 0 {
		m, k = k, m
	}
	k2, n := b.shape[0], b.shape[1]
	if c.attrInt("transB", 0) != 0 {
		k2, n = n, k2
	}
	if k != k2 {
		return c.unknown("equal inner dimensions", "%s and %s", a.text(), b.text())
	}
	shape := []dim{m, n}
	if bias := c.opt(2); bias != nil {
		joined, ok := broadcast(shape, bias.shape)
		if !ok || !sameShape(joined, shape) || bias.datatype != a.datatype {
			return c.unknown("a bias that broadcasts to "+shapeText(shape), "%s", bias.text())
		}
	}
	if err := c.macs(m, n, atLeastOne(k)); err != nil {
		return err
	}
	return c.emit(a.datatype, shape)
}
