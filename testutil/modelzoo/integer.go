package modelzoo

import (
	"github.com/opengradient/opengradient/internal/onnxwrite"
)

func (b *builder) byteWeight(shape ...int64) string {
	return b.constant(onnxwrite.Tensor{Type: onnxwrite.ElementUint8, Dims: shape, Data: b.random.bytes(elements(shape))})
}

func (b *builder) signedWeight(shape ...int64) string {
	return b.constant(onnxwrite.Tensor{Type: onnxwrite.ElementInt8, Dims: shape, Data: b.random.bytes(elements(shape))})
}

// zeroPoint is 128, the middle of the bytes.
func (b *builder) zeroPoint() string {
	return b.constant(onnxwrite.Tensor{Type: onnxwrite.ElementUint8, Data: []byte{128}})
}

func (b *builder) scale(v float32) string { return b.values(nil, []float32{v}) }

// dynamicInt8 quantises activations at run time between products with signed weights, as dynamic quantisation does.
func dynamicInt8(name string, rows int64, widths ...int64) Model {
	b := newBuilder(name)
	x := b.input("x", onnxwrite.ElementFloat, int(rows), int(widths[0]))
	for i := 1; i < len(widths); i++ {
		q := b.nodes("DynamicQuantizeLinear", 3, []string{x})
		sum := b.node("MatMulInteger", []string{q[0], b.signedWeight(widths[i-1], widths[i]), q[2]})
		scale := b.node("Mul", []string{q[1], b.scale(fanScale(int(widths[i-1])) / 64)})
		x = b.node("Mul", []string{b.node("Cast", []string{sum}, onnxwrite.Int("to", int64(onnxwrite.ElementFloat))), scale})
		x = b.node("Relu", []string{b.node("Add", []string{x, b.weight(1, widths[i])})})
	}
	b.output(x, onnxwrite.ElementFloat)
	return Model{name, Int8, b.file(), floatInput("x", rows, widths[0])}
}

// staticInt8 is a chain of quantised products from bytes to bytes.
func staticInt8(name string, rows int64, widths ...int64) Model {
	b := newBuilder(name)
	x := b.input("x", onnxwrite.ElementUint8, "N", int(widths[0]))
	for i := 1; i < len(widths); i++ {
		x = b.node("QLinearMatMul", []string{
			x, b.scale(1.0 / 64), b.zeroPoint(),
			b.byteWeight(widths[i-1], widths[i]), b.scale(fanScale(int(widths[i-1])) / 64), b.zeroPoint(),
			b.scale(1.0 / 64), b.zeroPoint(),
		})
	}
	b.output(x, onnxwrite.ElementUint8)
	return Model{name, Int8, b.file(), byteInput("x", rows, widths[0])}
}

// convInt8 is a chain of quantised convolutions of 3 by 3 on bytes.
func convInt8(name string, side int, channels ...int64) Model {
	b := newBuilder(name)
	x := b.input("image", onnxwrite.ElementUint8, 1, 3, side, side)
	in := int64(3)
	for _, out := range channels {
		bias := b.constant(onnxwrite.Int32Tensor("", []int64{out}, make([]int32, out)...))
		x = b.node("QLinearConv", []string{
			x, b.scale(1.0 / 64), b.zeroPoint(),
			b.byteWeight(out, in, 3, 3), b.scale(fanScale(int(in)*9) / 64), b.zeroPoint(),
			b.scale(1.0 / 64), b.zeroPoint(), bias,
		}, onnxwrite.Ints("pads", 1, 1, 1, 1), onnxwrite.Ints("kernel_shape", 3, 3))
		in = out
	}
	x = b.node("DequantizeLinear", []string{x, b.scale(1.0 / 64), b.zeroPoint()})
	b.output(b.node("GlobalAveragePool", []string{x}), onnxwrite.ElementFloat)
	return Model{name, Int8, b.file(), byteInput("image", 1, 3, int64(side), int64(side))}
}

func int8s() []Model {
	return []Model{
		staticInt8("int8-small", 1, 32, 64, 16),
		dynamicInt8("int8-medium", 32, 256, 512, 16),
		convInt8("int8-conv", 48, 32, 64, 64),
	}
}

// halfMLP is a perceptron of 16-bit floats.
func halfMLP(name string, rows int64, widths ...int64) Model {
	b := newBuilder(name)
	b.half = true
	x := b.input("x", onnxwrite.ElementFloat16, "N", int(widths[0]))
	for i := 1; i < len(widths); i++ {
		x = b.node("Relu", []string{b.project(x, widths[i-1], widths[i])})
	}
	b.output(x, onnxwrite.ElementFloat16)
	return Model{name, Half, b.file(), halfInput("x", rows, widths[0])}
}

// halfConv is a small convolutional network of 16-bit floats between 32-bit inputs and outputs, as converters write it.
func halfConv(name string, side int, channels ...int64) Model {
	b := newBuilder(name)
	b.half = true
	x := b.input("image", onnxwrite.ElementFloat, 1, 3, side, side)
	x = b.node("Cast", []string{x}, onnxwrite.Int("to", int64(onnxwrite.ElementFloat16)))
	in := int64(3)
	for _, out := range channels {
		x = b.node("Relu", []string{b.conv(x, in, out, 3, 1, 1)})
		in = out
	}
	x = b.node("Cast", []string{b.node("GlobalAveragePool", []string{x})}, onnxwrite.Int("to", int64(onnxwrite.ElementFloat)))
	b.output(x, onnxwrite.ElementFloat)
	return Model{name, Half, b.file(), floatInput("image", 1, 3, int64(side), int64(side))}
}

func halves() []Model {
	return []Model{
		halfMLP("fp16-small", 1, 16, 64, 8),
		halfMLP("fp16-medium", 64, 256, 512, 16),
		halfConv("fp16-conv", 32, 32, 64),
	}
}
