package imagein

import (
	"image"
	"image/color"
	"image/draw"
)

// rows reads the channels of an image row by row, as numbers from 0 to 255.
type rows struct {
	img   image.Image
	color Color
	strip *image.RGBA // one row of an image without transparency, which draw converts quickly
}

func newRows(img image.Image, c Color) rows {
	r := rows{img: img, color: c}
	fast := false
	switch m := img.(type) {
	case *image.YCbCr, *image.Gray, *image.CMYK:
		fast = true
	case *image.RGBA:
		fast = m.Opaque()
	}
	if fast {
		r.strip = image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx(), 1))
	}
	return r
}

// read fills values with row y: all channels of a pixel, then those of the next.
func (r rows) read(y int, values []float64) {
	b := r.img.Bounds()
	width, channels := b.Dx(), r.color.Channels()
	if r.strip != nil {
		draw.Draw(r.strip, r.strip.Bounds(), r.img, image.Pt(b.Min.X, b.Min.Y+y), draw.Src)
	}
	for x := range width {
		p := r.pixel(x, y)
		out := values[x*channels : (x+1)*channels]
		unit := float64(p.unit)
		switch r.color {
		case ColorGray:
			// The weights of brightness sum to 65536, so that gray stays what it is.
			out[0] = float64((p.red*19595+p.green*38470+p.blue*7471+1<<15)>>16) / unit
		case ColorBGR:
			out[0], out[1], out[2] = float64(p.blue)/unit, float64(p.green)/unit, float64(p.red)/unit
		default:
			out[0], out[1], out[2] = float64(p.red)/unit, float64(p.green)/unit, float64(p.blue)/unit
			if r.color == ColorRGBA {
				out[3] = float64(p.alpha) / unit
			}
		}
	}
}

// pixel holds channels from 0 to 255 times unit, which is 1 for images of 8 bits and 257 for those of 16.
type pixel struct{ red, green, blue, alpha, unit uint32 }

func (r rows) pixel(x, y int) pixel {
	b := r.img.Bounds()
	switch m := r.img.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		c, _ := color.NRGBA64Model.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA64)
		return pixel{uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A), 257}
	default:
		if r.strip != nil {
			p := r.strip.Pix[4*x : 4*x+4]
			return pixel{uint32(p[0]), uint32(p[1]), uint32(p[2]), uint32(p[3]), 1}
		}
		c, _ := color.NRGBAModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
		return pixel{uint32(c.R), uint32(c.G), uint32(c.B), uint32(c.A), 1}
	}
}

// span is the part of a line that one new pixel covers: from its first pixel on, with weights whose sum is 1.
type span struct {
	first   int
	weights []float64
}

// spans divides a line of from pixels into to new ones.
func spans(from, to int) []span {
	list := make([]span, to)
	step := float64(from) / float64(to)
	reach := max(step, 1)
	for i := range list {
		center := float64((float64(i) + 0.5) * step)
		first := max(0, int(center-reach+0.5))
		end := min(from, int(center+reach+0.5))
		s := span{first: first, weights: make([]float64, 0, end-first)}
		sum := 0.0
		for at := first; at < end; at++ {
			distance := (float64(at) + 0.5 - center) / reach
			if distance < 0 {
				distance = -distance
			}
			w := max(0, 1-distance)
			sum += w
			s.weights = append(s.weights, w)
		}
		for k := range s.weights {
			s.weights[k] /= sum
		}
		list[i] = s
	}
	return list
}

// resize gives the pixels of an image in another size, row by row, all channels of a pixel together. It holds one row of the
// image at a time.
func resize(img image.Image, c Color, to Size) []float64 {
	b := img.Bounds()
	channels := c.Channels()
	across, down := spans(b.Dx(), to.Width), spans(b.Dy(), to.Height)
	source := newRows(img, c)
	row := make([]float64, b.Dx()*channels)
	narrow := make([]float64, to.Width*channels)
	out := make([]float64, to.Height*to.Width*channels)
	begun := 0 // no row of the result before it takes anything more
	for y := range b.Dy() {
		source.read(y, row)
		for x, s := range across {
			for k := range channels {
				sum := 0.0
				for i, w := range s.weights {
					// Converted products are rounded by themselves, on every machine.
					sum += float64(w * row[(s.first+i)*channels+k])
				}
				narrow[x*channels+k] = sum
			}
		}
		for begun < to.Height && down[begun].first+len(down[begun].weights) <= y {
			begun++
		}
		for o := begun; o < to.Height && down[o].first <= y; o++ {
			if y >= down[o].first+len(down[o].weights) {
				continue
			}
			w := down[o].weights[y-down[o].first]
			target := out[o*len(narrow) : (o+1)*len(narrow)]
			for i, v := range narrow {
				target[i] += float64(w * v)
			}
		}
	}
	return out
}
