package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func inferConstant(c *call) error {
	if len(c.n.attrs) != 1 {
		return c.malformed("one value", "%d", len(c.n.attrs))
	}
	v := &value{}
	for _, a := range c.n.attrs {
		switch a.kind {
		case 't':
			v = weightValue(a.tensor)
		case 'i':
			v = &value{datatype: tensor.Int64, known: []dim{constant(a.i)}}
		case 'I':
			v = &value{datatype: tensor.Int64, shape: []dim{constant(int64(len(a.ints)))}}
			if len(a.ints) <= maxKnownValues {
				v.known = constants(a.ints)
			}
		case 'f':
			v = &value{datatype: tensor.FP32}
		default:
			v = &value{datatype: tensor.FP32, shape: []dim{constant(int64(len(a.floats)))}}
		}
	}
	v.permanent = true
	c.results = append(c.results, v)
	return nil
}

func inferConstantOfShape(c *call) error {
	target := c.in[0]
	if target.known == nil || target.datatype != tensor.Int64 || len(target.shape) != 1 {
		return c.unknown("a constant shape", "one that is computed")
	}
	d, fill := tensor.FP32, []int64(nil)
	if a := c.n.attrs["value"]; a != nil {
		if a.tensor.elements != 1 {
			return c.malformed("one fill value", "%d", a.tensor.elements)
		}
		d, fill = a.tensor.datatype, a.tensor.known
	}
	shape := target.known
	if err := c.work(shape...); err != nil {
		return err
	}
	var known []dim
	if len(shape) <= 1 && fill != nil && d == tensor.Int64 {
		n := constant(1)
		if len(shape) == 1 {
			n = shape[0]
		}
		if isConst(n) && n.Size >= 0 && n.Size <= maxKnownValues {
			known = slices.Repeat([]dim{constant(fill[0])}, int(n.Size))
		}
	}
	return c.emitKnown(d, shape, known)
}

// inferRange accepts constant bounds, or 0 to a dimension by 1.
func inferRange(c *call) error {
	if err := c.sameType(c.in...); err != nil {
		return err
	}
	for _, v := range c.in {
		if len(v.known) != 1 {
			return c.unknown("a constant start, limit and delta of whole numbers", "a computed one")
		}
	}
	start, limit, delta := c.in[0].known[0], c.in[1].known[0], c.in[2].known[0]
	d := c.in[0].datatype
	if start == constant(0) && isOne(delta) && !isConst(limit) {
		if err := c.work(limit); err != nil {
			return err
		}
		return c.emit(d, []dim{limit})
	}
	if !isConst(start) || !isConst(limit) || !isConst(delta) || delta.Size == 0 {
		return c.unknown("a constant range", "%s to %s by %s", start, limit, delta)
	}
	for _, v := range []int64{start.Size, limit.Size, delta.Size} {
		if v > maxDim || v < -maxDim {
			return c.unknown("a small range", "%d", v)
		}
	}
	n, known := rangeLength(start.Size, limit.Size, delta.Size), []dim(nil)
	if n <= maxKnownValues && d == tensor.Int64 {
		known = make([]dim, 0, n)
		for i := range n {
			known = append(known, constant(start.Size+i*delta.Size))
		}
	}
	if err := c.work(constant(n)); err != nil {
		return err
	}
	return c.emitKnown(d, []dim{constant(n)}, known)
}

// rangeLength is max(0, ceil((limit-start)/delta)).
func rangeLength(start, limit, delta int64) int64 {
	span := limit - start
	if delta < 0 {
		span, delta = -span, -delta
	}
	if span <= 0 {
		return 0
	}
	return (span-1)/delta + 1
}
