package imagein

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Layout says where the channels of an input are.
type Layout string

// The layouts. Of an input without a batch dimension, the two without N are meant.
const (
	LayoutAuto Layout = ""
	LayoutNCHW Layout = "nchw"
	LayoutNHWC Layout = "nhwc"
)

// Color says what the channels of an input are.
type Color string

// The colors. ColorAuto is gray, RGB or RGBA by the number of channels.
const (
	ColorAuto Color = ""
	ColorGray Color = "gray"
	ColorRGB  Color = "rgb"
	ColorBGR  Color = "bgr"
	ColorRGBA Color = "rgba"
)

// Channels is the number of channels of a color; 0 for ColorAuto.
func (c Color) Channels() int {
	return map[Color]int{ColorGray: 1, ColorRGB: 3, ColorBGR: 3, ColorRGBA: 4}[c]
}

// Size is a height and a width in pixels.
type Size struct{ Height, Width int }

// none is a dimension that an input does not have.
const none = -1

// axes are the positions of dimensions in a signature.
type axes struct{ batch, channel, height, width int }

// Takes says whether an input can be an image by itself: whether it has numbers, and dimensions for a height and a width.
func Takes(spec tensor.Spec) bool {
	_, err := findAxes(spec, Options{})
	return err == nil && spec.Datatype != tensor.Bytes && spec.Datatype != tensor.Bool
}

// findAxes says which dimension is which. Without channels, two dimensions are taken for a height and a width when both are fixed
// or a size is stated: of those that are not, one is more likely a number of rows.
func findAxes(spec tensor.Spec, o Options) (axes, error) {
	l := o.Layout
	picture := func(height, width int) bool {
		return o.Size != nil || spec.Dims[height].Symbol == "" && spec.Dims[width].Symbol == ""
	}
	channels := func(at int) bool {
		d := spec.Dims[at]
		return d.Symbol == "" && (d.Size == 1 || d.Size == 3 || d.Size == 4)
	}
	switch rank := len(spec.Dims); rank {
	case 2:
		if !picture(0, 1) {
			return axes{}, refuse("shape: expected an input with a fixed height and width, or the size of the picture to be stated, got %s", spec)
		}
		return axes{none, none, 0, 1}, nil
	case 3, 4:
		first := rank - 3
		batch := first - 1 // none without
		switch {
		case l == LayoutNCHW, l == LayoutAuto && channels(first) && !channels(rank-1):
			return axes{batch, first, first + 1, first + 2}, nil
		case l == LayoutNHWC, l == LayoutAuto && !channels(first) && channels(rank-1):
			return axes{batch, first + 2, first, first + 1}, nil
		case rank == 3 && spec.Dims[0].Symbol != "" && !channels(rank-1) && picture(1, 2):
			return axes{0, none, 1, 2}, nil
		}
		return axes{}, refuse("layout: expected one dimension of 1, 3 or 4 channels, first or last, or the layout to be stated, got %s", spec)
	default:
		return axes{}, refuse("shape: expected an input with height and width, got %s", spec)
	}
}

// plan is how an image becomes an input.
type plan struct {
	axes
	color Color
	size  Size
	shape []int64
}

// newPlan decides for an image of a size, by what is stated and what the input says.
func newPlan(spec tensor.Spec, o Options, img Size) (plan, error) {
	a, err := findAxes(spec, o)
	if err != nil {
		return plan{}, err
	}
	p := plan{axes: a, color: o.Color, shape: make([]int64, len(spec.Dims))}
	if a.batch != none {
		if d := spec.Dims[a.batch]; d.Size != 1 {
			return plan{}, refuse("shape: expected an input that takes one image, got %s", spec)
		}
		p.shape[a.batch] = 1
	}
	if p.color, err = colorOf(spec, a, o.Color); err != nil {
		return plan{}, err
	}
	if a.channel != none {
		p.shape[a.channel] = int64(p.color.Channels())
	}
	if p.size, err = sizeOf(spec, a, o.Size, img); err != nil {
		return plan{}, err
	}
	p.shape[a.height], p.shape[a.width] = int64(p.size.Height), int64(p.size.Width)
	return p, nil
}

func colorOf(spec tensor.Spec, a axes, stated Color) (Color, error) {
	fixed := int64(1)
	if a.channel != none {
		d := spec.Dims[a.channel]
		if fixed = d.Size; d.Symbol != "" {
			fixed = 0
		}
	}
	if stated != ColorAuto {
		if n := int64(stated.Channels()); n == 0 || fixed != 0 && n != fixed {
			return "", refuse("color: expected one of %d channels, as %s has, got %s", fixed, spec, stated)
		}
		return stated, nil
	}
	switch fixed {
	case 1:
		return ColorGray, nil
	case 0, 3:
		return ColorRGB, nil
	case 4:
		return ColorRGBA, nil
	default:
		return "", refuse("color: expected 1, 3 or 4 channels, got %s", spec)
	}
}

func sizeOf(spec tensor.Spec, a axes, stated *Size, img Size) (Size, error) {
	size := img
	if stated != nil {
		size = *stated
	} else if h, w := spec.Dims[a.height], spec.Dims[a.width]; h.Symbol != "" && h.Symbol == w.Symbol {
		return Size{}, refuse("size: expected one to be stated, as height and width of %s depend on each other", spec)
	}
	for _, side := range []struct {
		name  string
		d     tensor.Dim
		value *int
	}{{"height", spec.Dims[a.height], &size.Height}, {"width", spec.Dims[a.width], &size.Width}} {
		switch d := side.d; {
		case d.Symbol == "" && stated != nil && int64(*side.value) != d.Size:
			return Size{}, refuse("size: expected a %s of %d, as %s has, got %d", side.name, d.Size, spec, *side.value)
		case d.Size < 1 || d.Size > MaxSide:
			return Size{}, refuse("shape: expected a %s of 1 to %d, got %s", side.name, MaxSide, spec)
		case d.Symbol == "":
			*side.value = int(d.Size)
		case stated == nil: // the next smaller multiple, at least one
			*side.value = max(1, *side.value/int(d.Size)) * int(d.Size)
		}
		if *side.value < 1 || *side.value > MaxSide {
			return Size{}, refuse("size: expected a %s of 1 to %d, got %d", side.name, MaxSide, *side.value)
		}
	}
	return size, nil
}

// String writes, for example, 224x224: height, then width.
func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Height, s.Width) }
