package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func inferUnary(c *call) error {
	x := c.in[0]
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, x.shape)
}

func inferNeg(c *call) error {
	zero := &value{datatype: c.in[0].datatype, known: []dim{constant(0)}}
	return c.elementwise(c.in[0].datatype, foldArithmetic("Sub", zero, c.in[0]), c.in[0])
}

// inferTest is a predicate on each element.
func inferTest(c *call) error {
	if err := c.work(c.in[0].shape...); err != nil {
		return err
	}
	return c.emit(tensor.Bool, c.in[0].shape)
}

func inferIdentity(c *call) error {
	x := c.in[0]
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emitKnown(x.datatype, x.shape, x.known)
}

func inferClip(c *call) error {
	for i := 1; i < len(c.in); i++ {
		if v := c.in[i]; v != nil && (v.datatype != c.in[0].datatype || !allOnes(v.shape)) {
			return c.malformed("scalar bounds of the input's type", "%s", v.text())
		}
	}
	return inferUnary(c)
}

func allOnes(shape []dim) bool {
	return !slices.ContainsFunc(shape, func(d dim) bool { return !isOne(d) })
}

// inferDropout accepts inference mode only: training mode must be left out or
// be constant false.
func inferDropout(c *call) error {
	if mode := c.opt(2); mode != nil {
		if len(mode.known) != 1 || mode.known[0] != constant(0) {
			return refuse(ReasonRandomOp, c.n.where, "training_mode left out or constant false", "another")
		}
	}
	if err := inferUnary(c); err != nil {
		return err
	}
	return c.emit(tensor.Bool, c.in[0].shape)
}

func inferCast(c *call) error {
	to, err := datatypeOf(c.n.where, c.attrInt("to", 0))
	if err != nil {
		return err
	}
	return c.cast(to)
}

func inferCastLike(c *call) error { return c.cast(c.in[1].datatype) }

func (c *call) cast(to tensor.Datatype) error {
	x := c.in[0]
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emitKnown(to, x.shape, castKnown(x, to))
}

// castKnown keeps values through casts that do not change them: between
// integer types that hold dimensions, and from booleans to those.
func castKnown(x *value, to tensor.Datatype) []dim {
	switch {
	case x.known == nil:
		return nil
	case to == x.datatype:
		return x.known
	case to == tensor.Int64 && (x.datatype == tensor.Int32 || x.datatype == tensor.Bool):
		return x.known
	case to == tensor.Int64 && x.datatype == tensor.FP32:
		return x.known // whole numbers only are kept
	default:
		return nil
	}
}

// joined broadcasts the shapes of all inputs.
func (c *call) joined(vs ...*value) ([]dim, error) {
	shape := []dim{}
	for _, v := range vs {
		next, ok := broadcast(shape, v.shape)
		if !ok {
			return nil, c.unknown("shapes that broadcast for every value of their symbols", "%s and %s", shapeText(shape), shapeText(v.shape))
		}
		shape = next
	}
	return shape, nil
}

func (c *call) sameType(vs ...*value) error {
	for _, v := range vs {
		if v.datatype != vs[0].datatype {
			return c.malformed("inputs of one type", "%s and %s", vs[0].datatype, v.datatype)
		}
	}
	return nil
}

// elementwise charges and emits one output of broadcast shape.
func (c *call) elementwise(d tensor.Datatype, known []dim, vs ...*value) error {
	shape, err := c.joined(vs...)
	if err != nil {
		return err
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emitKnown(d, shape, known)
}

func inferBinary(c *call) error {
	if err := c.sameType(c.in...); err != nil {
		return err
	}
	return c.elementwise(c.in[0].datatype, foldArithmetic(c.n.op, c.in[0], c.in[1]), c.in...)
}

// inferPow allows the exponent another type; the result has the base's.
func inferPow(c *call) error { return c.elementwise(c.in[0].datatype, nil, c.in...) }

func inferPRelu(c *call) error {
	shape, err := c.joined(c.in...)
	if err != nil {
		return err
	}
	if !sameShape(shape, c.in[0].shape) || c.in[0].datatype != c.in[1].datatype {
		return c.malformed("a slope that broadcasts to the input", "%s to %s", c.in[1].text(), c.in[0].text())
	}
	return inferUnary(c)
}

func inferCompare(c *call) error {
	if err := c.sameType(c.in...); err != nil {
		return err
	}
	var known []dim
	if c.n.op == "Equal" {
		known = foldEqual(c.in[0], c.in[1])
	}
	return c.elementwise(tensor.Bool, known, c.in...)
}

func inferVariadic(c *call) error {
	if slices.Contains(c.in, nil) {
		return c.malformed("all inputs", "one that is left out")
	}
	if err := c.sameType(c.in...); err != nil {
		return err
	}
	shape, err := c.joined(c.in...)
	if err != nil {
		return err
	}
	for range c.in {
		if err := c.work(shape...); err != nil {
			return err
		}
	}
	return c.emit(c.in[0].datatype, shape)
}

func inferWhere(c *call) error {
	if c.in[0].datatype != tensor.Bool {
		return c.malformed("a BOOL condition", "%s", c.in[0].datatype)
	}
	if err := c.sameType(c.in[1], c.in[2]); err != nil {
		return err
	}
	return c.elementwise(c.in[1].datatype, foldWhere(c.in[0], c.in[1], c.in[2]), c.in...)
}
