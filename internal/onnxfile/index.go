package onnxfile

import (
	"slices"
)

func inferGather(c *call) error {
	data, indices := c.in[0], c.in[1]
	axis, err := c.axis(c.attrInt("axis", 0), len(data.shape))
	if err != nil {
		return err
	}
	if !isInteger(indices.datatype) {
		return c.malformed("integer indices", "%s", indices.text())
	}
	shape := slices.Concat(data.shape[:axis], indices.shape, data.shape[axis+1:])
	if err := c.work(shape...); err != nil {
		return err
	}
	// Each index copies one block, however small.
	blocks, err := c.product(slices.Concat(data.shape[:axis], indices.shape)...)
	if err != nil {
		return err
	}
	if err := c.charge(0, scalarWork, blocks); err != nil {
		return err
	}
	return c.emitKnown(data.datatype, shape, foldGather(data, indices))
}

// foldGather picks known values by constant indices.
func foldGather(data, indices *value) []dim {
	if data.known == nil || indices.known == nil || len(data.shape) != 1 {
		return nil
	}
	out := make([]dim, len(indices.known))
	for i, d := range indices.known {
		at := d.Size
		if at < 0 {
			at += int64(len(data.known))
		}
		if !isConst(d) || at < 0 || at >= int64(len(data.known)) {
			return nil
		}
		out[i] = data.known[at]
	}
	return out
}

func inferGatherElements(c *call) error {
	data, indices := c.in[0], c.in[1]
	if _, err := c.axis(c.attrInt("axis", 0), len(data.shape)); err != nil {
		return err
	}
	if !isInteger(indices.datatype) || len(indices.shape) != len(data.shape) {
		return c.malformed("integer indices of the rank of the data", "%s and %s", indices.text(), data.text())
	}
	if err := c.work(indices.shape...); err != nil {
		return err
	}
	return c.emit(data.datatype, indices.shape)
}

func inferGatherND(c *call) error {
	data, indices := c.in[0], c.in[1]
	batch := c.attrInt("batch_dims", 0)
	q, r := len(indices.shape), len(data.shape)
	if !isInteger(indices.datatype) || q < 1 || batch < 0 || batch >= int64(min(q, r)) {
		return c.malformed("integer indices and batch_dims below both ranks", "%s, %d", indices.text(), batch)
	}
	last := indices.shape[q-1]
	if !isConst(last) || last.Size < 1 || last.Size > int64(r)-batch {
		return c.unknown("a constant last dimension of the indices within the rank of the data", "%s", last)
	}
	if !sameShape(data.shape[:batch], indices.shape[:batch]) {
		return c.unknown("equal batch dimensions", "%s and %s", data.text(), indices.text())
	}
	shape := slices.Concat(indices.shape[:q-1], data.shape[batch+last.Size:])
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(data.datatype, shape)
}

// inferScatter covers ScatterElements and ScatterND: the result has the type
// of the data; data and updates are both moved.
func inferScatter(c *call) error {
	data, indices, updates := c.in[0], c.in[1], c.in[2]
	if err := c.sameType(data, updates); err != nil {
		return err
	}
	if !isInteger(indices.datatype) || len(data.shape) == 0 || len(indices.shape) == 0 {
		return c.malformed("data and integer indices of rank 1 or more", "%s and %s", data.text(), indices.text())
	}
	if _, err := c.axis(c.attrInt("axis", 0), len(data.shape)); err != nil {
		return err
	}
	want := indices.shape
	if c.n.op == "ScatterND" {
		last := indices.shape[len(indices.shape)-1]
		if !isConst(last) || last.Size < 1 || last.Size > int64(len(data.shape)) {
			return c.unknown("a constant last dimension of the indices within the rank of the data", "%s", last)
		}
		want = slices.Concat(indices.shape[:len(indices.shape)-1], data.shape[last.Size:])
	}
	if !sameShape(updates.shape, want) || c.n.op == "ScatterElements" && len(indices.shape) != len(data.shape) {
		return c.unknown("updates of the shape that indices and data imply", "%s for %s and %s", updates.text(), indices.text(), data.text())
	}
	if err := c.work(updates.shape...); err != nil {
		return err
	}
	if err := c.work(data.shape...); err != nil {
		return err
	}
	return c.emit(data.datatype, data.shape)
}

func inferOneHot(c *call) error {
	indices, depth, values := c.in[0], c.in[1], c.in[2]
	n, err := c.knownInts(depth, "depth")
	if err != nil {
		return err
	}
	axis, err := c.axis(c.attrInt("axis", -1), len(indices.shape)+1)
	if err != nil {
		return err
	}
	if len(n) != 1 || n[0] < 1 || !sameShape(values.shape, []dim{constant(2)}) {
		return c.malformed("one depth of at least 1 and two values", "%v and %s", n, values.text())
	}
	shape := slices.Insert(slices.Clone(indices.shape), axis, constant(n[0]))
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(values.datatype, shape)
}
