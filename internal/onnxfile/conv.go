package onnxfile

import (
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

func inferConv(c *call) error {
	if err := c.sameType(c.in[0], c.in[1]); err != nil {
		return err
	}
	return c.conv(c.in[0], c.in[1], c.opt(2), c.in[0].datatype)
}

// kernelOf checks the ranks of input and weights and gives the kernel shape.
func (c *call) kernelOf(x, w *value) ([]int64, error) {
	if len(x.shape) < 3 || len(w.shape) != len(x.shape) {
		return nil, c.malformed("input and weights of one rank, at least 3", "%s and %s", x.text(), w.text())
	}
	kernel := make([]int64, 0, len(w.shape)-2)
	for _, d := range w.shape[2:] {
		if !isConst(d) {
			return nil, c.unknown("a constant kernel shape", "%s", w.text())
		}
		kernel = append(kernel, d.Size)
	}
	return kernel, nil
}

// groups is the number of groups that the channels fall into.
func (c *call) groups() (int64, error) {
	g := c.attrInt("group", 1)
	if g < 1 || g > maxWindow {
		return 0, c.malformed("a small positive number of groups", "%d", g)
	}
	return g, nil
}

func (c *call) checkBias(bias *value, channels dim) error {
	if bias != nil && !sameShape(bias.shape, []dim{channels}) {
		return c.malformed("a bias of ["+channels.String()+"]", "%s", bias.text())
	}
	return nil
}

// conv infers [N,C,D...] under weights [M,C/group,K...].
func (c *call) conv(x, w, bias *value, d tensor.Datatype) error {
	kernel, err := c.kernelOf(x, w)
	if err != nil {
		return err
	}
	group, err := c.groups()
	if err != nil {
		return err
	}
	if each, ok := mulDims(w.shape[1], constant(group)); !ok || each != x.shape[1] || !isConst(w.shape[0]) || w.shape[0].Size%group != 0 {
		return c.malformed("weights for the channels of the input", "%s for %s in %d groups", w.text(), x.text(), group)
	}
	if err := c.checkBias(bias, w.shape[0]); err != nil {
		return err
	}
	win, err := c.windowsOf(len(kernel), kernel)
	if err != nil {
		return err
	}
	spatial, err := c.slide(win, x.shape[2:])
	if err != nil {
		return err
	}
	shape := slices.Concat([]dim{x.shape[0], w.shape[0]}, spatial)
	if err := c.macs(slices.Concat(shape, w.shape[1:])...); err != nil {
		return err
	}
	if err := c.calls(x.shape[0], constant(group)); err != nil {
		return err
	}
	return c.emit(d, shape)
}

// inferConvTranspose infers [N,C,D...] under weights [C,M/group,K...].
func inferConvTranspose(c *call) error {
	x, w := c.in[0], c.in[1]
	if err := c.sameType(x, w); err != nil {
		return err
	}
	kernel, err := c.kernelOf(x, w)
	if err != nil {
		return err
	}
	group, err := c.groups()
	if err != nil {
		return err
	}
	channels, ok := mulDims(w.shape[1], constant(group))
	if !ok || w.shape[0] != x.shape[1] || w.shape[0].Size%group != 0 {
		return c.malformed("weights for the channels of the input", "%s for %s in %d groups", w.text(), x.text(), group)
	}
	if err := c.checkBias(c.opt(2), channels); err != nil {
		return err
	}
	win, err := c.windowsOf(len(kernel), kernel)
	if err != nil {
		return err
	}
	if win.auto != "NOTSET" && win.auto != "VALID" {
		return c.unsupported("explicit pads", "auto_pad %s", win.auto)
	}
	extra, err := c.windowList("output_padding", len(kernel), 0, make([]int64, len(kernel)))
	if err != nil {
		return err
	}
	shape := []dim{x.shape[0], channels}
	for i, d := range x.shape[2:] {
		// stride·(d-1) + output_padding + extent - pads
		rest := extra[i] + win.extent(i) - win.before[i] - win.after[i] - win.strides[i]
		scaled, ok := mulDims(d, constant(win.strides[i]))
		if ok {
			scaled, ok = addDims(scaled, constant(rest))
		}
		if !ok || scaled.Size < 1 {
			return c.unknown("a dimension of a constant times one symbol", "%s under kernel %d, stride %d", d, kernel[i], win.strides[i])
		}
		shape = append(shape, scaled)
	}
	if err := c.macs(slices.Concat(x.shape, w.shape[1:])...); err != nil {
		return err
	}
	if err := c.calls(x.shape[0], constant(group)); err != nil {
		return err
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}
