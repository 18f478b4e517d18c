package modelzoo

import "github.com/opengradient/opengradient/internal/onnxwrite"

// mlp is a perceptron over rows of features, with layers of the widths given.
func mlp(name string, rows int64, activation string, widths ...int64) Model {
	b := newBuilder(name)
	x := b.input("x", onnxwrite.ElementFloat, "N", int(widths[0]))
	for i := 1; i < len(widths); i++ {
		if x = b.dense(x, widths[i-1], widths[i]); i < len(widths)-1 {
			x = b.node(activation, []string{x})
		}
	}
	b.output(b.node("Softmax", []string{x}), onnxwrite.ElementFloat)
	return Model{name, MLP, b.file(), floatInput("x", rows, widths[0])}
}

func mlps() []Model {
	return []Model{
		mlp("mlp-tiny", 1, "Relu", 4, 16, 3),
		mlp("mlp-wide", 16, "Tanh", 64, 512, 512, 10),
		mlp("mlp-deep", 128, "Relu", 256, 512, 512, 512, 512, 4),
	}
}
