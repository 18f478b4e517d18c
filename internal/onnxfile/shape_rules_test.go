package onnxfile

import (
	"errors"
	"strings"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
)

// outputTypes infers all outputs of a node and gives them as text, or the
// reason of the refusal.
func outputTypes(opset int64, n ow.Node, inputs []ow.ValueInfo, constants []ow.Tensor) string {
	g := ow.Graph{Name: "rule", Nodes: []ow.Node{n}, Inputs: inputs, Initializers: constants}
	p := &parser{lim: DefaultLimits}
	// Outputs are declared with their real type, which only inference knows.
	g.Outputs = []ow.ValueInfo{unranked(n.Outputs[0])}
	if err := p.parseModel(model(opset, g)); err != nil {
		return reasonOf(err)
	}
	inf := newInference(p)
	if err := inf.run(); err != nil {
		return reasonOf(err)
	}
	var out []string
	for _, name := range n.Outputs {
		v := inf.values[name]
		out = append(out, v.text())
	}
	return strings.Join(out, " ")
}

func reasonOf(err error) string {
	var r *Refusal
	if !errors.As(err, &r) {
		return err.Error()
	}
	return r.Reason.String()
}

func TestShapeRules(t *testing.T) {
	f := floatInput
	two := func(n ow.Node, outputs ...string) ow.Node { n.Outputs = outputs; return n }
	floats := func(name string, vs ...float32) ow.Tensor {
		return ow.FloatTensor(name, []int64{int64(len(vs))}, vs...)
	}
	for _, tc := range []struct {
		name      string
		node      ow.Node
		inputs    []ow.ValueInfo
		constants []ow.Tensor
		want      string
	}{
		{"addition broadcasts", op("Add", "y", in("x", "z")), []ow.ValueInfo{f("x", "N", 1, 4), f("z", 3, 1)}, nil, "FP32[N,3,4]"},
		{"a symbol meets another", op("Add", "y", in("x", "z")), []ow.ValueInfo{f("x", "N"), f("z", "M")}, nil, "unknown_shape"},
		{"a symbol meets a number", op("Add", "y", in("x", "z")), []ow.ValueInfo{f("x", "N"), f("z", 3)}, nil, "unknown_shape"},
		{"types differ", op("Add", "y", in("x", "z")), []ow.ValueInfo{f("x", 3), typedInput(ow.ElementDouble, "z", 3)}, nil, "malformed"},
		{"comparison gives booleans", op("Less", "y", in("x", "x")), []ow.ValueInfo{f("x", "N")}, nil, "BOOL[N]"},
		{"where needs a condition", op("Where", "y", in("x", "x", "x")), []ow.ValueInfo{f("x", "N")}, nil, "malformed"},
		{"where broadcasts", op("Where", "y", in("c", "x", "x")), []ow.ValueInfo{typedInput(ow.ElementBool, "c", 2, 1), f("x", "N")}, nil, "FP32[2,N]"},
		{"maximum of three", op("Max", "y", in("x", "z", "x")), []ow.ValueInfo{f("x", "N"), f("z", 1)}, nil, "FP32[N]"},
		{"cast", op("Cast", "y", in("x"), ow.Int("to", 10)), []ow.ValueInfo{f("x", "N")}, nil, "FP16[N]"},
		{"cast to text", op("Cast", "y", in("x"), ow.Int("to", 8)), []ow.ValueInfo{f("x", "N")}, nil, "unsupported_datatype"},
		{"cast like", op("CastLike", "y", in("x", "z")), []ow.ValueInfo{f("x", "N"), typedInput(ow.ElementBfloat16, "z")}, nil, "BF16[N]"},
		{"dropout gives a mask", two(op("Dropout", "", in("x")), "y", "mask"), []ow.ValueInfo{f("x", "N")}, nil, "FP32[N] BOOL[N]"},

		{"dropout with training mode off", op("Dropout", "y", in("x", "", "t")), []ow.ValueInfo{f("x", "N")}, []ow.Tensor{{Name: "t", Type: ow.ElementBool, Data: []byte{0}}}, "FP32[N]"},
		{"a test of each element", op("IsNaN", "y", in("x")), []ow.ValueInfo{f("x", "N")}, nil, "BOOL[N]"},
		{"identity", op("Identity", "y", in("x")), []ow.ValueInfo{f("x", "N")}, nil, "FP32[N]"},
		{"clip with one bound", op("Clip", "y", in("x", "", "b")), []ow.ValueInfo{f("x", "N"), f("b")}, nil, "FP32[N]"},
		{"clip with a bound for each element", op("Clip", "y", in("x", "b")), []ow.ValueInfo{f("x", 3), f("b", 3)}, nil, "malformed"},
		{"power with another type", op("Pow", "y", in("x", "e")), []ow.ValueInfo{f("x", "N"), typedInput(ow.ElementInt64, "e")}, nil, "FP32[N]"},
		{"slope of each channel", op("PRelu", "y", in("x", "s")), []ow.ValueInfo{f("x", "N", 4), f("s", 4)}, nil, "FP32[N,4]"},
		{"slope larger than the input", op("PRelu", "y", in("x", "s")), []ow.ValueInfo{f("x", 4), f("s", 2, 4)}, nil, "malformed"},
		{"a triangle", op("Trilu", "y", in("x")), []ow.ValueInfo{f("x", "N", 4)}, nil, "FP32[N,4]"},
		{"a triangle of a vector", op("Trilu", "y", in("x")), []ow.ValueInfo{f("x", "N")}, nil, "malformed"},
		{"running sum", op("CumSum", "y", in("x", "a")), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{scalar("a", -1)}, "FP32[N,4]"},
		{"running sum along no axis", op("CumSum", "y", in("x", "a")), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{scalar("a", 2)}, "malformed"},
		{"reduce keeps dimensions", op("ReduceMax", "y", in("x"), ow.Ints("axes", -1)), []ow.ValueInfo{f("x", "N", 4)}, nil, "FP32[N,1]"},
		{"reduce all", op("ReduceSum", "y", in("x"), ow.Int("keepdims", 0)), []ow.ValueInfo{f("x", "N", 4)}, nil, "FP32[]"},
		{"reduce by input", op("ReduceSum", "y", in("x", "a"), ow.Int("keepdims", 0)), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{ints("a", 0)}, "FP32[4]"},
		{"reduce with the axes of a later set", op("ReduceMax", "y", in("x", "a")), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{ints("a", 0)}, "unsupported_opset"},
		{"reduce an axis twice", op("ReduceMax", "y", in("x"), ow.Ints("axes", 1, -1)), []ow.ValueInfo{f("x", "N", 4)}, nil, "malformed"},
		{"arg max", op("ArgMax", "y", in("x"), ow.Int("axis", 1)), []ow.ValueInfo{f("x", "N", 4)}, nil, "INT64[N,1]"},
		{"top k", two(op("TopK", "", in("x", "k")), "y", "i"), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{ints("k", 2)}, "FP32[N,2] INT64[N,2]"},
		{"top k of too few", op("TopK", "y", in("x", "k"), ow.Int("axis", 0)), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{ints("k", 2)}, "malformed"},
		{"softmax out of range", op("Softmax", "y", in("x"), ow.Int("axis", 2)), []ow.ValueInfo{f("x", "N", 4)}, nil, "malformed"},

		{"reshape with a rest", op("Reshape", "y", in("x", "s")), []ow.ValueInfo{f("x", "N", 4, 6)}, []ow.Tensor{ints("s", 0, -1, 3)}, "FP32[N,8,3]"},
		{"reshape to a multiple", op("Reshape", "y", in("x", "s")), []ow.ValueInfo{f("x", "N", 4, 6)}, []ow.Tensor{ints("s", -1, 6)}, "FP32[4*N,6]"},
		{"reshape a symbol away", op("Reshape", "y", in("x", "s")), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{ints("s", 8)}, "unknown_shape"},
		{"reshape two symbols into one", op("Reshape", "y", in("x", "s")), []ow.ValueInfo{f("x", "N", "M")}, []ow.Tensor{ints("s", -1)}, "unknown_shape"},
		{"reshape to a shape that is an input", op("Reshape", "y", in("x", "s")), []ow.ValueInfo{f("x", "N"), typedInput(ow.ElementInt64, "s", 1)}, nil, "unknown_shape"},
		{"reshape with two rests", op("Reshape", "y", in("x", "s")), []ow.ValueInfo{f("x", 4)}, []ow.Tensor{ints("s", -1, -1)}, "malformed"},
		{"flatten", op("Flatten", "y", in("x")), []ow.ValueInfo{f("x", "N", 3, 4)}, nil, "FP32[N,12]"},
		{"flatten before all", op("Flatten", "y", in("x"), ow.Int("axis", 0)), []ow.ValueInfo{f("x", "N", 3, 4)}, nil, "FP32[1,12*N]"},
		{"transpose reverses", op("Transpose", "y", in("x")), []ow.ValueInfo{f("x", "N", 3, 4)}, nil, "FP32[4,3,N]"},
		{"transpose by half a permutation", op("Transpose", "y", in("x"), ow.Ints("perm", 1)), []ow.ValueInfo{f("x", "N", 3)}, nil, "malformed"},
		{"squeeze", op("Squeeze", "y", in("x", "a")), []ow.ValueInfo{f("x", "N", 1, 4)}, []ow.Tensor{ints("a", 1)}, "FP32[N,4]"},
		{"squeeze what may be one", op("Squeeze", "y", in("x")), []ow.ValueInfo{f("x", "N", 1)}, nil, "unknown_shape"},
		{"squeeze what is not one", op("Squeeze", "y", in("x", "a")), []ow.ValueInfo{f("x", "N", 2)}, []ow.Tensor{ints("a", 1)}, "unknown_shape"},
		{"unsqueeze", op("Unsqueeze", "y", in("x", "a")), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{ints("a", 0, -1)}, "FP32[1,N,4,1]"},
		{"concat multiples of a symbol", op("Concat", "y", in("x", "x", "z"), ow.Int("axis", 0)), []ow.ValueInfo{f("x", "N", 2), f("z", "N", 2)}, nil, "FP32[3*N,2]"},
		{"concat a symbol and a number", op("Concat", "y", in("x", "z"), ow.Int("axis", 0)), []ow.ValueInfo{f("x", "N"), f("z", 2)}, nil, "unknown_shape"},
		{"concat without axis", op("Concat", "y", in("x", "x")), []ow.ValueInfo{f("x", "N")}, nil, "malformed"},
		{"split evenly", two(op("Split", "", in("x"), ow.Int("axis", 1)), "a", "b"), []ow.ValueInfo{f("x", "N", 6)}, nil, "FP32[N,3] FP32[N,3]"},
		{"split by sizes", two(op("Split", "", in("x", "s"), ow.Int("axis", 1)), "a", "b"), []ow.ValueInfo{f("x", "N", 6)}, []ow.Tensor{ints("s", 1, 5)}, "FP32[N,1] FP32[N,5]"},
		{"split by other sizes", two(op("Split", "", in("x", "s"), ow.Int("axis", 1)), "a", "b"), []ow.ValueInfo{f("x", "N", 6)}, []ow.Tensor{ints("s", 1, 4)}, "unknown_shape"},
		{"expand", op("Expand", "y", in("x", "s")), []ow.ValueInfo{f("x", "N", 1)}, []ow.Tensor{ints("s", 2, 1, 5)}, "FP32[2,N,5]"},
		{"tile", op("Tile", "y", in("x", "r")), []ow.ValueInfo{f("x", "N", 2)}, []ow.Tensor{ints("r", 3, 2)}, "FP32[3*N,4]"},
		{"pad", op("Pad", "y", in("x", "p")), []ow.ValueInfo{f("x", "N", 2)}, []ow.Tensor{ints("p", 0, 1, 0, 2)}, "FP32[N,5]"},
		{"pad one axis", op("Pad", "y", in("x", "p", "", "a")), []ow.ValueInfo{f("x", "N", 2)}, []ow.Tensor{ints("p", 1, 2), ints("a", -1)}, "FP32[N,5]"},
		{"pad one axis by too many", op("Pad", "y", in("x", "p", "", "a")), []ow.ValueInfo{f("x", "N", 2)}, []ow.Tensor{ints("p", 1, 2, 3), ints("a", -1)}, "malformed"},
		{"pad a symbol", op("Pad", "y", in("x", "p")), []ow.ValueInfo{f("x", "N")}, []ow.Tensor{ints("p", 0, 1)}, "unknown_shape"},
		{"pad everything away", op("Pad", "y", in("x", "p")), []ow.ValueInfo{f("x", 2)}, []ow.Tensor{ints("p", -1, -1)}, "unknown_shape"},
		{"depth to space", op("DepthToSpace", "y", in("x"), ow.Int("blocksize", 2)), []ow.ValueInfo{f("x", "N", 8, 3, "W")}, nil, "FP32[N,2,6,2*W]"},
		{"space to depth", op("SpaceToDepth", "y", in("x"), ow.Int("blocksize", 2)), []ow.ValueInfo{f("x", "N", 2, 6, 4)}, nil, "FP32[N,8,3,2]"},
		{"resize by whole scales", op("Resize", "y", in("x", "", "s"), ow.String("mode", "nearest")), []ow.ValueInfo{f("x", "N", 3, 4, "W")}, []ow.Tensor{floats("s", 1, 1, 2, 2)}, "FP32[N,3,8,2*W]"},
		{"resize by broken scales", op("Resize", "y", in("x", "", "s")), []ow.ValueInfo{f("x", "N", 3, 4, 4)}, []ow.Tensor{floats("s", 1, 1, 1.5, 2)}, "unknown_shape"},
		{"resize to sizes", op("Resize", "y", in("x", "", "", "s")), []ow.ValueInfo{f("x", 1, 3, 4, 4)}, []ow.Tensor{ints("s", 1, 3, 7, 9)}, "FP32[1,3,7,9]"},

		{"gather rows", op("Gather", "y", in("x", "i")), []ow.ValueInfo{f("x", 100, 8), typedInput(ow.ElementInt64, "i", "N", "T")}, nil, "FP32[N,T,8]"},
		{"gather by floats", op("Gather", "y", in("x", "x")), []ow.ValueInfo{f("x", 100)}, nil, "malformed"},
		{"gather elements", op("GatherElements", "y", in("x", "i"), ow.Int("axis", 1)), []ow.ValueInfo{f("x", "N", 8), typedInput(ow.ElementInt64, "i", "N", 2)}, nil, "FP32[N,2]"},
		{"gather nd", op("GatherND", "y", in("x", "i")), []ow.ValueInfo{f("x", 5, 6, 7), typedInput(ow.ElementInt64, "i", "N", 2)}, nil, "FP32[N,7]"},
		{"scatter", op("ScatterND", "y", in("x", "i", "u")), []ow.ValueInfo{f("x", 5, 6), typedInput(ow.ElementInt64, "i", 2, 1), f("u", 2, 6)}, nil, "FP32[5,6]"},
		{"one hot", op("OneHot", "y", in("i", "d", "v")), []ow.ValueInfo{typedInput(ow.ElementInt64, "i", "N")}, []ow.Tensor{scalar("d", 5), floats("v", 0, 1)}, "FP32[N,5]"},
		{"slice a constant", op("Slice", "y", in("x", "s", "e", "a", "st")), []ow.ValueInfo{f("x", "N", 9)}, []ow.Tensor{ints("s", -1), ints("e", -100), ints("a", 1), ints("st", -2)}, "FP32[N,5]"},
		{"slice the first", op("Slice", "y", in("x", "s", "e")), []ow.ValueInfo{f("x", "N", 9)}, []ow.Tensor{ints("s", 0), ints("e", 1)}, "FP32[1,9]"},
		{"slice the last", op("Slice", "y", in("x", "s", "e")), []ow.ValueInfo{f("x", "N", 9)}, []ow.Tensor{ints("s", -1), ints("e", 1<<62)}, "FP32[1,9]"},
		{"slice two of a symbol", op("Slice", "y", in("x", "s", "e")), []ow.ValueInfo{f("x", "N", 9)}, []ow.Tensor{ints("s", 0), ints("e", 2)}, "unknown_shape"},
		{"slice by zero", op("Slice", "y", in("x", "s", "e", "s", "s")), []ow.ValueInfo{f("x", 9)}, []ow.Tensor{ints("s", 0), ints("e", 2)}, "unknown_shape"},
		{"slice nothing", op("Slice", "y", in("x", "s", "s")), []ow.ValueInfo{f("x", 9)}, []ow.Tensor{ints("s", 2)}, "unknown_shape"},
		{"range", op("Range", "y", in("s", "l", "d")), []ow.ValueInfo{f("x", 1)}, []ow.Tensor{scalar("s", 10), scalar("l", 3), scalar("d", -2)}, "INT64[4]"},
		{"range of nothing known", op("Range", "y", in("s", "s", "s")), []ow.ValueInfo{typedInput(ow.ElementInt64, "s")}, nil, "unknown_shape"},
		{"a constant list", op("Constant", "y", nil, ow.Ints("value_ints", 1, 2)), []ow.ValueInfo{f("x", 1)}, nil, "INT64[2]"},
		{"a constant tensor", op("Constant", "y", nil, ow.TensorValue("value", zeros("", 2, 3))), []ow.ValueInfo{f("x", 1)}, nil, "FP32[2,3]"},
		{"a constant of two values", op("Constant", "y", nil, ow.Int("value_int", 1), ow.Ints("value_ints", 1)), []ow.ValueInfo{f("x", 1)}, nil, "malformed"},
		{"a filled tensor", op("ConstantOfShape", "y", in("s"), ow.TensorValue("value", ints("", 7))), []ow.ValueInfo{f("x", 1)}, []ow.Tensor{ints("s", 2, 3)}, "INT64[2,3]"},
		{"a shape", op("Shape", "y", in("x"), ow.Int("start", 1)), []ow.ValueInfo{f("x", "N", 2, 3)}, nil, "INT64[2]"},

		{"a product of matrices", op("MatMul", "y", in("x", "z")), []ow.ValueInfo{f("x", "N", 1, 2, 3), f("z", 5, 3, 4)}, nil, "FP32[N,5,2,4]"},
		{"a product of vectors", op("MatMul", "y", in("x", "x")), []ow.ValueInfo{f("x", 3)}, nil, "FP32[]"},
		{"a product that does not fit", op("MatMul", "y", in("x", "z")), []ow.ValueInfo{f("x", 2, 3), f("z", 4, 2)}, nil, "unknown_shape"},
		{"a product over nothing", op("MatMul", "y", in("x", "w")), []ow.ValueInfo{f("x", 2, 3)}, []ow.Tensor{zeros("w", 0, 2)}, "unknown_shape"},
		{"gemm transposed", op("Gemm", "y", in("x", "z"), ow.Int("transA", 1), ow.Int("transB", 1)), []ow.ValueInfo{f("x", 3, "N"), f("z", 4, 3)}, nil, "FP32[N,4]"},
		{"gemm with a bias that does not fit", op("Gemm", "y", in("x", "z", "b")), []ow.ValueInfo{f("x", 2, 3), f("z", 3, 4), f("b", 3)}, nil, "unknown_shape"},
		{"convolution", op("Conv", "y", in("x", "w"), ow.Ints("strides", 2, 2), ow.Ints("pads", 1, 1, 1, 1), ow.Ints("dilations", 2, 1)), []ow.ValueInfo{f("x", "N", 3, 9, 9)}, []ow.Tensor{zeros("w", 5, 3, 3, 3)}, "FP32[N,5,4,5]"},
		{"convolution that keeps a symbol", op("Conv", "y", in("x", "w"), ow.Ints("pads", 1, 1)), []ow.ValueInfo{f("x", 1, 3, "L")}, []ow.Tensor{zeros("w", 5, 3, 3)}, "FP32[1,5,L]"},
		{"convolution that shortens a symbol", op("Conv", "y", in("x", "w")), []ow.ValueInfo{f("x", 1, 3, "L")}, []ow.Tensor{zeros("w", 5, 3, 3)}, "unknown_shape"},
		{"convolution in groups", op("Conv", "y", in("x", "w"), ow.Int("group", 3), ow.String("auto_pad", "SAME_UPPER"), ow.Ints("strides", 2)), []ow.ValueInfo{f("x", 1, 3, 7)}, []ow.Tensor{zeros("w", 6, 1, 4)}, "FP32[1,6,4]"},
		{"convolution of other channels", op("Conv", "y", in("x", "w")), []ow.ValueInfo{f("x", 1, 4, 7)}, []ow.Tensor{zeros("w", 6, 3, 4)}, "malformed"},
		{"convolution larger than its input", op("Conv", "y", in("x", "w")), []ow.ValueInfo{f("x", 1, 3, 3)}, []ow.Tensor{zeros("w", 6, 3, 4)}, "unknown_shape"},
		{"convolution with a stride of zero", op("Conv", "y", in("x", "w"), ow.Ints("strides", 0)), []ow.ValueInfo{f("x", 1, 3, 3)}, []ow.Tensor{zeros("w", 6, 3, 1)}, "malformed"},
		{"convolution with unknown padding", op("Conv", "y", in("x", "w"), ow.String("auto_pad", "HALF")), []ow.ValueInfo{f("x", 1, 3, 4)}, []ow.Tensor{zeros("w", 6, 3, 1)}, "unsupported_attribute"},
		{"convolution with two paddings", op("Conv", "y", in("x", "w"), ow.String("auto_pad", "VALID"), ow.Ints("pads", 1, 1)), []ow.ValueInfo{f("x", 1, 3, 4)}, []ow.Tensor{zeros("w", 6, 3, 1)}, "malformed"},
		{"transposed convolution", op("ConvTranspose", "y", in("x", "w"), ow.Ints("strides", 2), ow.Ints("output_padding", 1)), []ow.ValueInfo{f("x", 1, 3, 4)}, []ow.Tensor{zeros("w", 3, 5, 3)}, "FP32[1,5,10]"},
		{"transposed convolution doubles a symbol", op("ConvTranspose", "y", in("x", "w"), ow.Ints("strides", 2)), []ow.ValueInfo{f("x", 1, 3, "L")}, []ow.Tensor{zeros("w", 3, 5, 2)}, "FP32[1,5,2*L]"},
		{"pooling that rounds up", op("AveragePool", "y", in("x"), ow.Ints("kernel_shape", 3), ow.Ints("strides", 2), ow.Int("ceil_mode", 1)), []ow.ValueInfo{f("x", 1, 1, 6)}, nil, "FP32[1,1,3]"},
		{"pooling that starts in the padding", op("AveragePool", "y", in("x"), ow.Ints("kernel_shape", 1), ow.Ints("strides", 2), ow.Ints("pads", 0, 1), ow.Int("ceil_mode", 1)), []ow.ValueInfo{f("x", 1, 1, 2)}, nil, "unknown_shape"},
		{"pooling with indices", two(op("MaxPool", "", in("x"), ow.Ints("kernel_shape", 2)), "y", "i"), []ow.ValueInfo{f("x", "N", 1, 6)}, nil, "FP32[N,1,5] INT64[N,1,5]"},
		{"pooling of everything", op("GlobalAveragePool", "y", in("x")), []ow.ValueInfo{f("x", "N", 3, "H", "W")}, nil, "FP32[N,3,1,1]"},

		{"normalisation of layers", two(op("LayerNormalization", "", in("x", "s")), "y", "m", "d"), []ow.ValueInfo{f("x", "N", 4)}, []ow.Tensor{zeros("s", 4)}, "FP32[N,4] FP32[N,1] FP32[N,1]"},
		{"normalisation of instances", op("InstanceNormalization", "y", in("x", "s", "s")), []ow.ValueInfo{f("x", "N", 4, 2)}, []ow.Tensor{zeros("s", 4)}, "FP32[N,4,2]"},
		{"response normalisation", op("LRN", "y", in("x"), ow.Int("size", 3)), []ow.ValueInfo{f("x", "N", 4, 2)}, nil, "FP32[N,4,2]"},
		{"quantisation", op("QuantizeLinear", "y", in("x", "s")), []ow.ValueInfo{f("x", "N"), f("s")}, nil, "UINT8[N]"},
		{"dequantisation", op("DequantizeLinear", "y", in("x", "s")), []ow.ValueInfo{typedInput(ow.ElementInt8, "x", "N"), f("s")}, nil, "FP32[N]"},
		{"dynamic quantisation", two(op("DynamicQuantizeLinear", "", in("x")), "y", "s", "z"), []ow.ValueInfo{f("x", "N")}, nil, "UINT8[N] FP32[] UINT8[]"},
		{"product of bytes", op("MatMulInteger", "y", in("x", "z")), []ow.ValueInfo{typedInput(ow.ElementUint8, "x", "N", 3), typedInput(ow.ElementInt8, "z", 3, 2)}, nil, "INT32[N,2]"},
		{"product of bytes that are floats", op("MatMulInteger", "y", in("x", "x")), []ow.ValueInfo{f("x", 3, 3)}, nil, "malformed"},
		{"product of quantised matrices", op("QLinearMatMul", "y", in("x", "s", "z", "x", "s", "z", "s", "z8")), []ow.ValueInfo{typedInput(ow.ElementUint8, "x", 3, 3), f("s"), typedInput(ow.ElementUint8, "z"), typedInput(ow.ElementInt8, "z8")}, nil, "INT8[3,3]"},
		{"convolution of bytes", op("ConvInteger", "y", in("x", "w")), []ow.ValueInfo{typedInput(ow.ElementUint8, "x", "N", 2, 5), typedInput(ow.ElementUint8, "w", 3, 2, 2)}, nil, "INT32[N,3,4]"},
		{"quantised convolution", op("QLinearConv", "y", in("x", "s", "z", "w", "s", "z", "s", "z", "b")), []ow.ValueInfo{typedInput(ow.ElementUint8, "x", "N", 2, 5), typedInput(ow.ElementUint8, "w", 3, 2, 2), f("s"), typedInput(ow.ElementUint8, "z"), typedInput(ow.ElementInt32, "b", 3)}, nil, "UINT8[N,3,4]"},
		{"quantised convolution with a bias of another size", op("QLinearConv", "y", in("x", "s", "z", "w", "s", "z", "s", "z", "b")), []ow.ValueInfo{typedInput(ow.ElementUint8, "x", "N", 2, 5), typedInput(ow.ElementUint8, "w", 3, 2, 2), f("s"), typedInput(ow.ElementUint8, "z"), typedInput(ow.ElementInt32, "b", 4)}, nil, "malformed"},
		{"lstm", two(op("LSTM", "", in("x", "w", "r"), ow.Int("hidden_size", 5), ow.String("direction", "bidirectional")), "y", "h", "c"), []ow.ValueInfo{f("x", "T", "B", 3)}, []ow.Tensor{zeros("w", 2, 20, 3), zeros("r", 2, 20, 5)}, "FP32[T,2,B,5] FP32[2,B,5] FP32[2,B,5]"},
		{"gru with the weights of another size", op("GRU", "y", in("x", "w", "r"), ow.Int("hidden_size", 5)), []ow.ValueInfo{f("x", "T", "B", 3)}, []ow.Tensor{zeros("w", 1, 20, 3), zeros("r", 1, 20, 5)}, "malformed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := outputTypes(17, tc.node, tc.inputs, tc.constants); got != tc.want {
				t.Fatalf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// TestFoldingOfShapes follows chains that exporters write.
func TestFoldingOfShapes(t *testing.T) {
	base := func(nodes ...ow.Node) ow.Graph {
		return ow.Graph{
			Name: "fold", Nodes: append(nodes, op("Expand", "y", in("one", "s"))),
			Inputs:  []ow.ValueInfo{floatInput("x", "N", 6)},
			Outputs: []ow.ValueInfo{unranked("y")},
			Initializers: []ow.Tensor{
				zeros("one", 1), ints("i0", 0), ints("i1", 1), ints("two", 2), ints("three", 3), ints("minus", -1),
				ints("wild", -1, 6), ints("pair", 5, 6), ints("ends", 2),
			},
		}
	}
	shape := op("Shape", "d", in("x"))
	first := op("Gather", "n", in("d", "i0"))
	for name, tc := range map[string]struct {
		nodes []ow.Node
		want  string
	}{
		"the shape itself":           {[]ow.Node{op("Shape", "s", in("x"))}, "[N,6]"},
		"a slice of it":              {[]ow.Node{shape, op("Slice", "s", in("d", "i1", "ends"))}, "[6]"},
		"twice a dimension":          {[]ow.Node{shape, first, op("Mul", "s", in("n", "two"))}, "[2*N]"},
		"sum of a dimension":         {[]ow.Node{shape, first, op("Add", "s", in("n", "n"))}, "[2*N]"},
		"half of twice":              {[]ow.Node{shape, first, op("Mul", "m", in("n", "two")), op("Div", "s", in("m", "two"))}, "[N]"},
		"three times less once":      {[]ow.Node{shape, first, op("Mul", "m", in("n", "three")), op("Sub", "s", in("m", "n"))}, "[2*N]"},
		"a number subtracted":        {[]ow.Node{shape, op("Gather", "six", in("d", "i1")), op("Sub", "s", in("six", "two"))}, "[4]"},
		"through a cast":             {[]ow.Node{shape, op("Cast", "s", in("d"), ow.Int("to", 7))}, "[N,6]"},
		"replaced where it is -1":    {[]ow.Node{shape, op("Equal", "q", in("wild", "minus")), op("Where", "s", in("q", "d", "wild"))}, "[N,6]"},
		"a dimension is never -1":    {[]ow.Node{shape, op("Equal", "q", in("d", "minus")), op("Where", "s", in("q", "pair", "d"))}, "[N,6]"},
		"a filled list":              {[]ow.Node{op("Shape", "r", in("d")), op("ConstantOfShape", "s", in("r"), ow.TensorValue("value", ints("", 3)))}, "[3,3]"},
		"a range":                    {[]ow.Node{op("Range", "s", in("four", "six", "step"))}, "[4,5]"},
		"the size":                   {[]ow.Node{op("Size", "c", in("x")), op("Unsqueeze", "s", in("c", "i0"))}, "[6*N]"},
		"negated twice":              {[]ow.Node{op("Neg", "m", in("pair")), op("Neg", "s", in("m"))}, "[5,6]"},
		"half of an odd multiple":    {[]ow.Node{shape, first, op("Div", "s", in("n", "two"))}, "unknown_shape"},
		"a dimension and a number":   {[]ow.Node{shape, first, op("Add", "s", in("n", "two"))}, "unknown_shape"},
		"a dimension squared":        {[]ow.Node{shape, first, op("Mul", "s", in("n", "n"))}, "unknown_shape"},
		"may a dimension be two":     {[]ow.Node{shape, first, op("Equal", "q", in("n", "two")), op("Where", "s", in("q", "two", "n"))}, "unknown_shape"},
		"a float of it":              {[]ow.Node{shape, op("Cast", "f", in("d"), ow.Int("to", 1)), op("Cast", "s", in("f"), ow.Int("to", 7))}, "unknown_shape"},
		"a position that is not one": {[]ow.Node{shape, op("Gather", "s", in("d", "three"))}, "unknown_shape"},
		"division by nothing":        {[]ow.Node{op("Div", "s", in("two", "i0"))}, "unknown_shape"},
	} {
		t.Run(name, func(t *testing.T) {
			g := base(tc.nodes...)
			if name == "a filled list" {
				g.Nodes = append([]ow.Node{shape}, g.Nodes...)
			}
			g.Initializers = append(g.Initializers, scalar("four", 4), scalar("six0", 6), scalar("step", 1))
			if name == "a range" {
				g.Nodes[0].Inputs[1] = "six0"
			}
			r, err := Inspect(model(17, g), DefaultLimits)
			got := reasonText(r, err)
			if got != tc.want {
				t.Fatalf("got %s (%v), want %s", got, err, tc.want)
			}
		})
	}
}

func reasonText(r *Report, err error) string {
	if err != nil {
		return reasonOf(err)
	}
	return strings.TrimPrefix(r.Outputs[0].String(), r.Outputs[0].Name+" "+tensor.FP32.String())
}
