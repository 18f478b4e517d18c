package onnxfile

import (
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// endless is the least end of a slice that stands for "to the end": the
// number that exporters with 32-bit indices write.
const endless = math.MaxInt32

func inferSlice(c *call) error {
	x := c.in[0]
	var lists [4][]int64 // starts, ends, axes, steps
	for i := range lists {
		v := c.opt(i + 1)
		if v == nil {
			continue
		}
		var err error
		if lists[i], err = c.knownInts(v, "starts, ends, axes and steps"); err != nil {
			return err
		}
	}
	starts, ends, order, steps := lists[0], lists[1], lists[2], lists[3]
	if order == nil {
		for i := range starts {
			order = append(order, int64(i))
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int64{1}, len(starts))
	}
	if len(ends) != len(starts) || len(order) != len(starts) || len(steps) != len(starts) {
		return c.malformed("starts, ends, axes and steps of one length", "%d, %d, %d, %d", len(starts), len(ends), len(order), len(steps))
	}
	if _, err := c.axes(order, len(x.shape)); err != nil {
		return err
	}
	shape, known := slices.Clone(x.shape), x.known
	for i, a := range order {
		axis, err := c.axis(a, len(x.shape))
		if err != nil {
			return err
		}
		d, ok := sliceDim(x.shape[axis], starts[i], ends[i], steps[i])
		if !ok {
			return c.unknown("a slice whose length is a constant times one symbol", "[%d:%d:%d] of %s", starts[i], ends[i], steps[i], x.shape[axis])
		}
		shape[axis] = d
		known = sliceKnown(known, d, starts[i], steps[i])
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emitKnown(x.datatype, shape, known)
}

// sliceDim is the length of d[start:end:step].
func sliceDim(d dim, start, end, step int64) (dim, bool) {
	if step == 0 || step == math.MinInt64 {
		return dim{}, false
	}
	if isConst(d) {
		return constant(sliceLength(d.Size, start, end, step)), true
	}
	// d is at least d.Size, for every value of its symbol.
	toEnd := end >= endless
	switch {
	case step == 1 && start == 0 && toEnd:
		return d, true
	case step == -1 && start == -1 && end <= -endless:
		return d, true
	case step > 0 && start >= 0 && end >= 0 && end <= d.Size:
		return constant(sliceLength(d.Size, start, end, step)), true
	case step > 0 && start < 0 && start >= -d.Size && toEnd:
		return constant(sliceLength(d.Size, start, math.MaxInt64, step)), true
	case step > 0 && start < 0 && start >= -d.Size && end < 0:
		return constant(sliceLength(d.Size, start, end, step)), true
	default:
		return dim{}, false
	}
}

// sliceLength counts the elements of [start:end:step] of n, n at least 0,
// with the clamping of the ONNX standard.
func sliceLength(n, start, end, step int64) int64 {
	start, end = fromEnd(start, n), fromEnd(end, n)
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		if start >= end {
			return 0
		}
		return (end-start-1)/step + 1
	}
	start, end = min(max(start, 0), n-1), min(max(end, -1), n-1)
	if start <= end {
		return 0
	}
	return (start-end-1)/-step + 1
}

func fromEnd(v, n int64) int64 {
	if v < 0 {
		return v + n
	}
	return v
}

// sliceKnown takes the known values of a vector that d := [start:...:step]
// leaves.
func sliceKnown(known []dim, d dim, start, step int64) []dim {
	if known == nil || !isConst(d) {
		return nil
	}
	n := int64(len(known))
	at := fromEnd(start, n)
	if step > 0 {
		at = min(max(at, 0), n)
	} else {
		at = min(max(at, 0), n-1)
	}
	out := make([]dim, 0, d.Size)
	for range d.Size {
		out = append(out, known[at])
		at += step
	}
	return out
}

func inferShapeOp(c *call) error {
	x := c.in[0]
	if c.st.opset() < 15 && len(c.n.attrs) != 0 {
		return refuse(ReasonUnsupportedOpset, c.n.where, "start and end from operator set 15 on", "them before")
	}
	n := int64(len(x.shape))
	start := min(max(fromEnd(c.attrInt("start", 0), n), 0), n)
	end := min(max(fromEnd(c.attrInt("end", n), n), 0), n)
	known := append([]dim{}, x.shape[start:max(start, end)]...)
	return c.emitKnown(tensor.Int64, []dim{constant(int64(len(known)))}, known)
}

func inferSize(c *call) error {
	m, err := c.product(c.in[0].shape...)
	if err != nil {
		return err
	}
	var known []dim
	if d, ok := c.st.symbols.dim(m); ok {
		known = []dim{d}
	}
	return c.emitKnown(tensor.Int64, nil, known)
}
