package imagein

import (
	"math"
	"strconv"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Options say how an image becomes an input. The zero value takes everything from the input.
type Options struct {
	Layout Layout
	Color  Color
	// Size is that of the picture which the model is given; nil for what the input says, or else the image's own.
	Size *Size
	// Scale multiplies pixels from 0 to 255; 0 for 1/255 when the input has floats, and 1 when it has integers.
	Scale float64
	// Mean is subtracted and Std divided by, once for all channels or once for each; empty for 0 and 1.
	Mean, Std []float64
}

// Validate checks what does not depend on an input.
func (o Options) Validate() error {
	if o.Layout != LayoutAuto && o.Layout != LayoutNCHW && o.Layout != LayoutNHWC {
		return refuse("layout: expected nchw or nhwc, got %.64q", o.Layout)
	}
	if o.Color != ColorAuto && o.Color.Channels() == 0 {
		return refuse("color: expected gray, rgb, bgr or rgba, got %.64q", o.Color)
	}
	if s := o.Size; s != nil && (s.Height < 1 || s.Width < 1 || s.Height > MaxSide || s.Width > MaxSide) {
		return refuse("size: expected 1 to %d pixels a side, got %s", MaxSide, s)
	}
	if !finite(o.Scale) || o.Scale < 0 {
		return refuse("scale: expected a number above 0, got %v", o.Scale)
	}
	for i, v := range o.Mean {
		if !finite(v) {
			return refuse("mean %d: expected a number, got %v", i+1, v)
		}
	}
	for i, v := range o.Std {
		if !finite(v) || v <= 0 {
			return refuse("std %d: expected a number above 0, got %v", i+1, v)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Tensor makes the input that a spec describes, of at most most bytes, from an image file.
func Tensor(spec tensor.Spec, file []byte, o Options, most int64) (tensor.Tensor, error) {
	if err := o.Validate(); err != nil {
		return tensor.Tensor{}, err
	}
	if spec.Datatype == tensor.Bytes || spec.Datatype == tensor.Bool || !spec.Datatype.Valid() {
		return tensor.Tensor{}, refuse("datatype: expected an input of numbers, got %s", spec)
	}
	img, err := decode(file)
	if err != nil {
		return tensor.Tensor{}, err
	}
	p, err := newPlan(spec, o, Size{img.Bounds().Dy(), img.Bounds().Dx()})
	if err != nil {
		return tensor.Tensor{}, err
	}
	t := tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype, Shape: p.shape}
	elements, err := t.Elements()
	if err != nil {
		return tensor.Tensor{}, refuse("%w", err)
	}
	if elements > most/int64(spec.Datatype.Size()) {
		return tensor.Tensor{}, refuse("size: expected an input of at most %d bytes, got %d elements of %s for a picture of %s", most, elements, spec.Datatype, p.size)
	}
	if t.Data, err = p.data(spec.Datatype, resize(img, p.color, p.size), o); err != nil {
		return tensor.Tensor{}, err
	}
	return t, t.Validate()
}

// data writes pixels in the order of the layout. They go through the JSON form, so that they are rounded to the datatype once
// and are refused beyond its range, as every other input.
func (p plan) data(d tensor.Datatype, pixels []float64, o Options) ([]byte, error) {
	channels := p.color.Channels()
	mean, err := each("mean", o.Mean, channels, 0)
	if err != nil {
		return nil, err
	}
	std, err := each("std", o.Std, channels, 1)
	if err != nil {
		return nil, err
	}
	scale := o.Scale
	if scale == 0 {
		if scale = 1; d.IsFloat() {
			scale = 1.0 / 255
		}
	}
	text := []byte{'['}
	element := func(pixel, channel int) {
		if len(text) > 1 {
			text = append(text, ',')
		}
		v := (float64(pixels[pixel*channels+channel]*scale) - mean[channel]) / std[channel]
		if d.IsFloat() {
			text = strconv.AppendFloat(text, v, 'g', -1, 64)
		} else {
			text = strconv.AppendFloat(text, math.RoundToEven(v), 'f', -1, 64)
		}
	}
	count := p.size.Height * p.size.Width
	if p.channel != none && p.channel < p.height {
		for c := range channels {
			for i := range count {
				element(i, c)
			}
		}
	} else {
		for i := range count {
			for c := range channels {
				element(i, c)
			}
		}
	}
	_, data, err := oipjson.ParseArray(d, append(text, ']'))
	if err != nil {
		return nil, refuse("scale, mean and std: %w", err)
	}
	return data, nil
}

// each gives a number for each channel.
func each(name string, given []float64, channels int, otherwise float64) ([]float64, error) {
	if len(given) > 1 && len(given) != channels {
		return nil, refuse("%s: expected 1 or %d numbers, got %d", name, channels, len(given))
	}
	out := make([]float64, channels)
	for i := range out {
		switch len(given) {
		case 0:
			out[i] = otherwise
		case 1:
			out[i] = given[0]
		default:
			out[i] = given[i]
		}
	}
	return out, nil
}
