package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// reduceAxesInput is the operator set in which axes became an input; of
// ReduceSum they were one from the first accepted set on.
const reduceAxesInput = 18

func inferReduce(c *call) error {
	x := c.in[0]
	list := c.attrInts("axes")
	fromInput := c.n.op == "ReduceSum" || c.st.opset() >= reduceAxesInput
	if fromInput && list != nil || !fromInput && len(c.in) > 1 {
		return refuse(ReasonUnsupportedOpset, c.n.where, "axes as this operator set defines them", "axes as another does")
	}
	if v := c.opt(1); v != nil {
		var err error
		if list, err = c.knownInts(v, "axes"); err != nil {
			return err
		}
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	if len(list) == 0 {
		if c.attrInt("noop_with_empty_axes", 0) != 0 {
			return c.emit(x.datatype, x.shape)
		}
		for i := range x.shape {
			list = append(list, int64(i))
		}
	}
	axes, err := c.axes(list, len(x.shape))
	if err != nil {
		return err
	}
	return c.emit(x.datatype, reduced(x.shape, axes, c.attrInt("keepdims", 1) != 0))
}

func (in *inference) opset() int64 { return in.p.out.opset }

// reduced removes axes, or makes them 1.
func reduced(shape []dim, axes []int, keep bool) []dim {
	out := make([]dim, 0, len(shape))
	for i, d := range shape {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case keep:
			out = append(out, constant(1))
		}
	}
	return out
}

func inferArg(c *call) error {
	x := c.in[0]
	axis, err := c.axis(c.attrInt("axis", 0), len(x.shape))
	if err != nil {
		return err
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	return c.emit(tensor.Int64, reduced(x.shape, []int{axis}, c.attrInt("keepdims", 1) != 0))
}

// inferAlongAxis keeps the shape and needs a valid axis.
func inferAlongAxis(c *call) error {
	if _, err := c.axis(c.attrInt("axis", -1), len(c.in[0].shape)); err != nil {
		return err
	}
	return inferUnary(c)
}

func inferCumSum(c *call) error {
	vs, err := c.knownInts(c.in[1], "axis")
	if err != nil {
		return err
	}
	if len(vs) != 1 {
		return c.malformed("one axis", "%d", len(vs))
	}
	if _, err := c.axis(vs[0], len(c.in[0].shape)); err != nil {
		return err
	}
	return inferUnary(c)
}

func inferTopK(c *call) error {
	x := c.in[0]
	axis, err := c.axis(c.attrInt("axis", -1), len(x.shape))
	if err != nil {
		return err
	}
	k, err := c.knownInts(c.in[1], "k")
	if err != nil {
		return err
	}
	// A dimension with a symbol is at least its size.
	if len(k) != 1 || k[0] < 1 || k[0] > x.shape[axis].Size {
		return c.malformed("one k from 1 to the smallest size of "+x.shape[axis].String(), "%v", k)
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	shape := slices.Clone(x.shape)
	shape[axis] = constant(k[0])
	if err := c.emit(x.datatype, shape); err != nil {
		return err
	}
	return c.emit(tensor.Int64, shape)
}
