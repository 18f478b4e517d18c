package onnxfile

import "github.com/opengradient/opengradient/internal/tensor"

func is8Bit(d tensor.Datatype) bool { return d == tensor.Uint8 || d == tensor.Int8 }

// inferQuantize gives the type of the zero point, UINT8 without one.
func inferQuantize(c *call) error {
	d := tensor.Uint8
	if zero := c.opt(2); zero != nil {
		d = zero.datatype
	}
	if err := c.work(c.in[0].shape...); err != nil {
		return err
	}
	return c.emit(d, c.in[0].shape)
}

// inferDequantize gives the type of the scale.
func inferDequantize(c *call) error {
	if err := c.work(c.in[0].shape...); err != nil {
		return err
	}
	return c.emit(c.in[1].datatype, c.in[0].shape)
}

func inferDynamicQuantize(c *call) error {
	x := c.in[0]
	if err := c.work(x.shape...); err != nil {
		return err
	}
	if err := c.emit(tensor.Uint8, x.shape); err != nil {
		return err
	}
	if err := c.emit(tensor.FP32, nil); err != nil {
		return err
	}
	return c.emit(tensor.Uint8, nil)
}

func (c *call) need8Bit(vs ...*value) error {
	for _, v := range vs {
		if !is8Bit(v.datatype) {
			return c.malformed("8-bit factors", "%s", v.text())
		}
	}
	return nil
}

func inferMatMulInteger(c *call) error {
	if err := c.need8Bit(c.in[0], c.in[1]); err != nil {
		return err
	}
	return c.matMul(c.in[0], c.in[1], tensor.Int32)
}

// inferQLinearMatMul reads a, its scale and zero point, b with the same, then
// scale and zero point of the result.
func inferQLinearMatMul(c *call) error {
	if err := c.need8Bit(c.in[0], c.in[3], c.in[7]); err != nil {
		return err
	}
	return c.matMul(c.in[0], c.in[3], c.in[7].datatype)
}

func inferConvInteger(c *call) error {
	if err := c.need8Bit(c.in[0], c.in[1]); err != nil {
		return err
	}
	return c.conv(c.in[0], c.in[1], nil, tensor.Int32)
}

// inferQLinearConv has the inputs of QLinearMatMul and a bias.
func inferQLinearConv(c *call) error {
	if err := c.need8Bit(c.in[0], c.in[3], c.in[7]); err != nil {
		return err
	}
	return c.conv(c.in[0], c.in[3], c.opt(8), c.in[7].datatype)
}
