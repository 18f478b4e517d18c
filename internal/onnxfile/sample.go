package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// inferGridSample reads [N,C,D...] at the points [N,O...,spatial] of a grid.
func inferGridSample(c *call) error {
	x, grid := c.in[0], c.in[1]
	r := len(x.shape)
	if r != 4 && (r != 5 || c.st.opset() < 20) || len(grid.shape) != r {
		return c.malformed("an image of rank 4, from operator set 20 on also 5, and a grid of its rank", "%s and %s", x.text(), grid.text())
	}
	if grid.shape[0] != x.shape[0] || grid.shape[r-1] != constant(int64(r-2)) {
		return c.unknown("a point of the grid for each output", "%s and %s", x.text(), grid.text())
	}
	var samples int64
	switch mode := c.attrString("mode", "linear"); mode {
	case "nearest":
		samples = 1
	case "linear", "bilinear":
		samples = 1 << (r - 2)
	case "cubic", "bicubic":
		samples = 1 << (2 * (r - 2))
	default:
		return c.unsupported("mode nearest, linear or cubic", "%s", quote(mode))
	}
	shape := slices.Concat(x.shape[:2], grid.shape[1:r-1])
	if err := c.work(append(slices.Clone(shape), constant(samples))...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

// maxSamplingRatio bounds the points of a bin of RoiAlign along a side.
const maxSamplingRatio = 1 << 10

// inferRoiAlign pools regions [R,4] of [N,C,H,W]. Without a sampling ratio the
// number of points depends on the regions.
func inferRoiAlign(c *call) error {
	x, rois, batch := c.in[0], c.in[1], c.in[2]
	if len(x.shape) != 4 || len(rois.shape) != 2 || rois.shape[1] != constant(4) || len(batch.shape) != 1 || batch.shape[0] != rois.shape[0] || batch.datatype != tensor.Int64 {
		return c.malformed("an image of rank 4, regions [R,4] and INT64 indices [R]", "%s, %s and %s", x.text(), rois.text(), batch.text())
	}
	ratio := c.attrInt("sampling_ratio", 0)
	if ratio < 1 || ratio > maxSamplingRatio {
		return c.unsupported("sampling_ratio from 1 to 1024: 0 makes the work depend on values", "%d", ratio)
	}
	height, width := c.attrInt("output_height", 1), c.attrInt("output_width", 1)
	if min(height, width) < 1 || max(height, width) > maxWindow {
		return c.malformed("a small positive output size", "%d and %d", height, width)
	}
	shape := []dim{rois.shape[0], x.shape[1], constant(height), constant(width)}
	if err := c.work(append(slices.Clone(shape), constant(4*ratio*ratio))...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

// inferReverseSequence keeps the shape.
func inferReverseSequence(c *call) error {
	x, lens := c.in[0], c.in[1]
	batch, time := c.attrInt("batch_axis", 1), c.attrInt("time_axis", 0)
	if len(x.shape) < 2 || min(batch, time) != 0 || max(batch, time) != 1 {
		return c.malformed("batch_axis and time_axis 0 and 1 of a rank of at least 2", "%d, %d and %s", batch, time, x.text())
	}
	if lens.datatype != tensor.Int64 || !sameShape(lens.shape, x.shape[batch:batch+1]) {
		return c.malformed("an INT64 length for each sequence", "%s for %s", lens.text(), x.text())
	}
	return inferUnary(c)
}

// inferMeanVariance normalises over axes and keeps the shape.
func inferMeanVariance(c *call) error {
	list := c.attrInts("axes")
	if list == nil {
		list = []int64{0, 2, 3}
	}
	if _, err := c.axes(list, len(c.in[0].shape)); err != nil {
		return err
	}
	return inferUnary(c)
}
