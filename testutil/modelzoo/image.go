package modelzoo

import "github.com/opengradient/opengradient/internal/onnxwrite"

// classify pools [B,C,H,W] and gives probabilities of ten classes.
func (b *builder) classify(x string, channels int64) {
	x = b.node("Flatten", []string{b.node("GlobalAveragePool", []string{x})})
	b.output(b.node("Softmax", []string{b.dense(x, channels, 10)}), onnxwrite.ElementFloat)
}

// convNet has stages of two convolutions of 3 by 3; each stage after the first halves the image.
func convNet(name string, side int, channels ...int64) Model {
	b := newBuilder(name)
	x := b.input("image", onnxwrite.ElementFloat, 1, 3, side, side)
	in := int64(3)
	for i, out := range channels {
		stride := int64(1)
		if i > 0 {
			stride = 2
		}
		for range 2 {
			x = b.node("Relu", []string{b.normalize(b.conv(x, in, out, 3, stride, 1), out)})
			in, stride = out, 1
		}
	}
	b.classify(x, in)
	return Model{name, Conv, b.file(), floatInput("image", 1, 3, int64(side), int64(side))}
}

func convs() []Model {
	return []Model{
		convNet("conv-small", 16, 8, 16),
		convNet("conv-medium", 32, 48, 96, 160),
		convNet("conv-large", 64, 64, 128, 192),
	}
}

// depthwiseNet alternates depthwise convolutions of 3 by 3 and pointwise ones; each block doubles the channels.
func depthwiseNet(name string, side int, width int64, blocks int) Model {
	b := newBuilder(name)
	x := b.input("image", onnxwrite.ElementFloat, 1, 3, side, side)
	clip := func(x string) string {
		return b.node("Clip", []string{x, b.values(nil, []float32{0}), b.values(nil, []float32{6})})
	}
	x = clip(b.conv(x, 3, width, 3, 2, 1))
	for range blocks {
		x = clip(b.conv(x, width, width, 3, 1, width))
		x = clip(b.conv(x, width, 2*width, 1, 1, 1))
		width *= 2
	}
	b.classify(x, width)
	return Model{name, Depthwise, b.file(), floatInput("image", 1, 3, int64(side), int64(side))}
}

func depthwises() []Model {
	return []Model{
		depthwiseNet("depthwise-small", 16, 8, 2),
		depthwiseNet("depthwise-medium", 48, 16, 3),
		depthwiseNet("depthwise-large", 128, 24, 4),
	}
}
