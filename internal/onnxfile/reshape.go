package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func inferReshape(c *call) error {
	x, target := c.in[0], c.in[1]
	if target.datatype != tensor.Int64 || target.known == nil || len(target.shape) != 1 {
		return c.unknown("a constant list of dimensions", "%s that is computed", target.text())
	}
	shape, free, err := c.reshapeTarget(x, target.known)
	if err != nil {
		return err
	}
	total, err := c.product(x.shape...)
	if err != nil {
		return err
	}
	given, err := c.product(shape...)
	if err != nil {
		return err
	}
	if free < 0 {
		if given != total {
			return c.unknown("as many elements as "+shapeText(x.shape), "%s", shapeText(shape))
		}
	} else {
		rest, ok := total.over(given)
		if ok {
			shape[free], ok = c.st.symbols.dim(rest)
		}
		if !ok {
			return c.unknown("a remaining dimension of a constant times one symbol", "%s into %s", shapeText(x.shape), shapeText(target.known))
		}
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emitKnown(x.datatype, shape, x.known)
}

// reshapeTarget replaces the zeros of a target shape by input dimensions and
// its -1 by 1, whose index it returns, or -1.
func (c *call) reshapeTarget(x *value, target []dim) ([]dim, int, error) {
	shape, free := slices.Clone(target), -1
	for i, d := range shape {
		switch {
		case d == constant(-1) && free < 0:
			free = i
			shape[i] = constant(1)
		case d.Size < 0:
			return nil, 0, c.malformed("dimensions of at least 1, 0 or one -1", "%s", shapeText(target))
		case d.Size == 0 && c.attrInt("allowzero", 0) == 0:
			if i >= len(x.shape) {
				return nil, 0, c.malformed("a 0 only where the input has a dimension", "%s of %s", shapeText(target), shapeText(x.shape))
			}
			shape[i] = x.shape[i]
		}
	}
	return shape, free, nil
}

func inferFlatten(c *call) error {
	x := c.in[0]
	n := len(x.shape)
	at := c.attrInt("axis", 1)
	if at < 0 {
		at += int64(n)
	}
	if at < 0 || at > int64(n) {
		return c.malformed("an axis within the rank", "%d", c.attrInt("axis", 1))
	}
	shape := make([]dim, 2)
	for i, part := range [][]dim{x.shape[:at], x.shape[at:]} {
		m, err := c.product(part...)
		if err != nil {
			return err
		}
		var ok bool
		if shape[i], ok = c.st.symbols.dim(m); !ok {
			return c.unknown("at most one symbol on each side of the axis", "%s", shapeText(x.shape))
		}
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

func inferTranspose(c *call) error {
	x := c.in[0]
	perm := c.attrInts("perm")
	if perm == nil {
		for i := len(x.shape) - 1; i >= 0; i-- {
			perm = append(perm, int64(i))
		}
	}
	axes, err := c.axes(perm, len(x.shape))
	if err != nil {
		return err
	}
	if len(axes) != len(x.shape) || slices.ContainsFunc(perm, func(v int64) bool { return v < 0 }) {
		return c.malformed("a permutation of all dimensions", "%v of %s", perm, shapeText(x.shape))
	}
	shape := make([]dim, len(perm))
	for i, v := range perm {
		shape[i] = x.shape[v]
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

func inferSqueeze(c *call) error {
	x := c.in[0]
	var axes []int
	if v := c.opt(1); v != nil {
		list, err := c.knownInts(v, "axes")
		if err != nil {
			return err
		}
		if axes, err = c.axes(list, len(x.shape)); err != nil {
			return err
		}
	} else {
		for i, d := range x.shape {
			if !isConst(d) && d.Size == 1 {
				return c.unknown("axes, because a symbol may be 1", "%s", shapeText(x.shape))
			}
			if isOne(d) {
				axes = append(axes, i)
			}
		}
	}
	for _, a := range axes {
		if !isOne(x.shape[a]) {
			return c.unknown("to squeeze dimensions of 1", "%s of %s", x.shape[a], shapeText(x.shape))
		}
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emitKnown(x.datatype, reduced(x.shape, axes, false), x.known)
}

func inferUnsqueeze(c *call) error {
	x := c.in[0]
	list, err := c.knownInts(c.in[1], "axes")
	if err != nil {
		return err
	}
	rank := len(x.shape) + len(list)
	axes, err := c.axes(list, rank)
	if err != nil {
		return err
	}
	shape, rest := make([]dim, rank), x.shape
	for i := range shape {
		if slices.Contains(axes, i) {
			shape[i] = constant(1)
			continue
		}
		shape[i], rest = rest[0], rest[1:]
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emitKnown(x.datatype, shape, x.known)
}
