package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func inferBatchNorm(c *call) error {
	if c.attrInt("training_mode", 0) != 0 {
		return refuse(ReasonTraining, c.n.where, "inference mode", "training_mode 1")
	}
	return inferChannelNorm(c)
}

// inferChannelNorm keeps the shape [N,C,...]; all other inputs are vectors.
func inferChannelNorm(c *call) error {
	x := c.in[0]
	if len(x.shape) < 2 {
		return c.malformed("a rank of at least 2", "%s", x.text())
	}
	for _, v := range c.in[1:] {
		if len(v.shape) != 1 {
			return c.malformed("vectors of scale and bias", "%s", v.text())
		}
	}
	return inferUnary(c)
}

// inferLayerNorm also gives the optional mean and inverse deviation.
func inferLayerNorm(c *call) error {
	x := c.in[0]
	axis, err := c.axis(c.attrInt("axis", -1), len(x.shape))
	if err != nil {
		return err
	}
	for _, v := range c.in[1:] {
		if v == nil {
			continue
		}
		if joined, ok := broadcast(x.shape, v.shape); !ok || !sameShape(joined, x.shape) {
			return c.unknown("scale and bias that broadcast to the input", "%s to %s", v.text(), x.text())
		}
	}
	if err := inferUnary(c); err != nil {
		return err
	}
	means := append(slices.Clone(x.shape[:axis]), slices.Repeat([]dim{constant(1)}, len(x.shape)-axis)...)
	for range 2 {
		if err := c.emit(tensor.FP32, means); err != nil {
			return err
		}
	}
	return nil
}

// inferLRN charges the window of channels that each element reads.
func inferLRN(c *call) error {
	size := c.attrInt("size", 0)
	if size < 1 || size > maxWindow || len(c.in[0].shape) < 3 {
		return c.malformed("a small positive size and a rank of at least 3", "%d, %s", size, c.in[0].text())
	}
	if err := c.work(append(slices.Clone(c.in[0].shape), constant(size))...); err != nil {
		return err
	}
	return c.emit(c.in[0].datatype, c.in[0].shape)
}
