package onnxfile

import "slices"

func inferConcat(c *call) error {
	if slices.Contains(c.in, nil) {
		return c.malformed("all inputs", "one that is left out")
	}
	if err := c.sameType(c.in...); err != nil {
		return err
	}
	first := c.in[0]
	if c.n.attrs["axis"] == nil {
		return c.malformed("attribute axis", "none")
	}
	axis, err := c.axis(c.attrInt("axis", 0), len(first.shape))
	if err != nil {
		return err
	}
	shape := slices.Clone(first.shape)
	known := slices.Clone(first.known)
	for _, v := range c.in[1:] {
		if len(v.shape) != len(shape) {
			return c.malformed("inputs of one rank", "%s and %s", shapeText(first.shape), shapeText(v.shape))
		}
		for i, d := range v.shape {
			ok := d == shape[i]
			if i == axis {
				shape[i], ok = addDims(shape[i], d)
			}
			if !ok {
				return c.unknown("dimensions that agree, and whose sum is a constant times one symbol", "%s and %s", shapeText(first.shape), shapeText(v.shape))
			}
		}
		if known == nil || v.known == nil || len(known) > maxKnownValues {
			known = nil
			continue
		}
		known = append(known, v.known...)
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emitKnown(first.datatype, shape, known)
}

func inferSplit(c *call) error {
	x := c.in[0]
	axis, err := c.axis(c.attrInt("axis", 0), len(x.shape))
	if err != nil {
		return err
	}
	parts, err := c.splitParts(x.shape[axis])
	if err != nil {
		return err
	}
	if err := c.work(x.shape...); err != nil {
		return err
	}
	for _, part := range parts {
		shape := slices.Clone(x.shape)
		shape[axis] = part
		if err := c.emit(x.datatype, shape); err != nil {
			return err
		}
	}
	return nil
}

// splitParts are the sizes of the outputs along the axis.
func (c *call) splitParts(d dim) ([]dim, error) {
	n := int64(len(c.n.outputs))
	if v := c.opt(1); v != nil {
		list, err := c.knownInts(v, "sizes")
		if err != nil {
			return nil, err
		}
		sum := dim{}
		for _, s := range list {
			var ok bool
			if sum, ok = addDims(sum, constant(s)); !ok {
				return nil, c.malformed("sizes that add up", "%v", list)
			}
		}
		if sum != d || int64(len(list)) != n {
			return nil, c.unknown("a size for each output that add up to "+d.String(), "%v", list)
		}
		return constants(list), nil
	}
	if want := c.attrInt("num_outputs", n); want != n {
		return nil, c.malformed("as many outputs as num_outputs", "%d and %d", n, want)
	}
	if d.Size%n == 0 {
		return slices.Repeat([]dim{{Size: d.Size / n, Symbol: d.Symbol}}, int(n)), nil
	}
	each := (d.Size + n - 1) / n
	if !isConst(d) || c.n.attrs["num_outputs"] == nil || each*(n-1) >= d.Size {
		return nil, c.unknown("a dimension that splits into equal parts", "%s into %d", d, n)
	}
	parts := slices.Repeat([]dim{constant(each)}, int(n))
	parts[n-1] = constant(d.Size - each*(n-1))
	return parts, nil
}

func inferExpand(c *call) error {
	x, target := c.in[0], c.in[1]
	if target.known == nil || !isInteger(target.datatype) {
		return c.unknown("a constant shape", "one that is computed")
	}
	shape, ok := broadcast(x.shape, target.known)
	if !ok {
		return c.unknown("shapes that broadcast for every value of their symbols", "%s and %s", shapeText(x.shape), shapeText(target.known))
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

func inferTile(c *call) error {
	x, repeats := c.in[0], c.in[1]
	if repeats.known == nil || !isInteger(repeats.datatype) || len(repeats.known) != len(x.shape) {
		return c.unknown("a constant number of repeats for each dimension", "%s", repeats.text())
	}
	shape := make([]dim, len(x.shape))
	for i, d := range x.shape {
		var ok bool
		if shape[i], ok = mulDims(d, repeats.known[i]); !ok {
			return c.unknown("dimensions of a constant times one symbol", "%s times %s", d, repeats.known[i])
		}
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

func inferPad(c *call) error {
	x := c.in[0]
	pads, err := c.knownInts(c.in[1], "pads")
	if err != nil {
		return err
	}
	axes := make([]int, len(x.shape))
	for i := range axes {
		axes[i] = i
	}
	if v := c.opt(3); v != nil {
		list, err := c.knownInts(v, "axes")
		if err != nil {
			return err
		}
		if _, err := c.axes(list, len(x.shape)); err != nil {
			return err
		}
		axes = axes[:0]
		for _, a := range list { // in the order given: pads follow it
			i, err := c.axis(a, len(x.shape))
			if err != nil {
				return err
			}
			axes = append(axes, i)
		}
	}
	if len(pads) != 2*len(axes) {
		return c.malformed("two pads for each axis", "%d for %d", len(pads), len(axes))
	}
	shape := slices.Clone(x.shape)
	for i, a := range axes {
		before, after := pads[i], pads[i+len(axes)]
		if max(before, after) > maxDim || min(before, after) < -maxDim {
			return c.malformed("small pads", "%d and %d", before, after)
		}
		var ok bool
		if shape[a], ok = addDims(shape[a], constant(before+after)); !ok {
			return c.unknown("pads of 0 on dimensions with a symbol", "%s", shapeText(x.shape))
		}
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}

func inferTrilu(c *call) error {
	if len(c.in[0].shape) < 2 {
		return c.malformed("a rank of at least 2", "%s", c.in[0].text())
	}
	// Runtimes add the diagonal to sizes.
	if k := c.opt(1); k != nil && len(k.known) == 1 && (k.known[0].Size > maxDim || k.known[0].Size < -maxDim) {
		return c.malformed("a diagonal within 2^40 of the main one", "%d", k.known[0].Size)
	}
	return inferUnary(c)
}

// blocks gives the shape [N,C,H,W] and the block size of a rearrangement.
func (c *call) blocks() ([]dim, int64, error) {
	shape, b := slices.Clone(c.in[0].shape), c.attrInt("blocksize", 0)
	if len(shape) != 4 || b < 1 || b > maxWindow {
		return nil, 0, c.malformed("a rank of 4 and a block size", "%s and %d", shapeText(shape), b)
	}
	return shape, b, nil
}

func inferDepthToSpace(c *call) error {
	shape, b, err := c.blocks()
	if err != nil {
		return err
	}
	return c.rearrange(shape, []int{1}, constant(b*b), []int{2, 3}, constant(b))
}

func inferSpaceToDepth(c *call) error {
	shape, b, err := c.blocks()
	if err != nil {
		return err
	}
	return c.rearrange(shape, []int{2, 3}, constant(b), []int{1}, constant(b*b))
}

// rearrange divides some dimensions and multiplies others.
func (c *call) rearrange(shape []dim, down []int, by dim, up []int, times dim) error {
	for _, i := range down {
		if shape[i].Size%by.Size != 0 {
			return c.unknown("dimensions that the block size divides", "%s", shapeText(shape))
		}
		shape[i].Size /= by.Size
	}
	for _, i := range up {
		var ok bool
		if shape[i], ok = mulDims(shape[i], times); !ok {
			return c.malformed("sizes that fit", "%s", shapeText(shape))
		}
	}
	if err := c.work(shape...); err != nil {
		return err
	}
	return c.emit(c.in[0].datatype, shape)
}

// cubicSamples are the points that a cubic interpolation of an image reads.
const cubicSamples = 16

// inferResize accepts sizes, or scales that are whole numbers: others would
// need float arithmetic to give a dimension.
func inferResize(c *call) error {
	x := c.in[0]
	shape := slices.Clone(x.shape)
	scales, sizes := c.opt(2), c.opt(3)
	switch {
	case c.attrInt("antialias", 0) != 0:
		// Its passes go over values of sizes that neither input nor output has.
		return c.unsupported("antialias 0", "%d", c.attrInt("antialias", 0))
	case c.attrString("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
		return c.unsupported("a mode without a region of interest", "tf_crop_and_resize")
	case sizes != nil && len(sizes.known) == len(shape) && isInteger(sizes.datatype):
		shape = slices.Clone(sizes.known)
	case sizes == nil && scales != nil && len(scales.known) == len(shape):
		for i, s := range scales.known {
			var ok bool
			if shape[i], ok = mulDims(shape[i], s); !ok || s.Size < 1 {
				return c.unknown("scales of at least 1", "%s", s)
			}
		}
	default:
		return c.unknown("constant sizes, or whole scales, for all dimensions", "others")
	}
	samples := constant(1)
	if c.attrString("mode", "nearest") == "cubic" {
		samples = constant(cubicSamples)
	}
	if err := c.work(append(slices.Clone(shape), samples)...); err != nil {
		return err
	}
	return c.emit(x.datatype, shape)
}
