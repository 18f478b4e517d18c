package ort

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
)

// arg is an input of an operator: computed, or constant when it has values.
type arg struct {
	t      ow.ElementType
	shape  []int64
	values []int64 // repeated to fill the shape
	fixed  bool    // a constant of the file
}

func f32(shape ...int64) arg {
	return arg{t: ow.ElementFloat, shape: shape, values: []int64{1, 3, 2, 5}}
}
func typed(t ow.ElementType, shape ...int64) arg {
	return arg{t: t, shape: shape, values: []int64{1, 0, 1, 1}}
}
func index(shape ...int64) arg { return arg{t: ow.ElementInt64, shape: shape, values: []int64{0, 1}} }
func list(vs ...int64) arg {
	return arg{t: ow.ElementInt64, shape: []int64{int64(len(vs))}, values: vs, fixed: true}
}
func one(v int64) arg { return arg{t: ow.ElementInt64, values: []int64{v}, fixed: true} }
func weights(shape ...int64) arg {
	return arg{t: ow.ElementFloat, shape: shape, values: []int64{1, 2}, fixed: true}
}
func scalarOf(t ow.ElementType, v int64) arg { return arg{t: t, values: []int64{v}, fixed: true} }

var left = arg{} // an optional input that is left out

func (a arg) data() []byte {
	n := 1
	for _, d := range a.shape {
		n *= int(d)
	}
	var b []byte
	for i := range n {
		v := a.values[i%len(a.values)]
		switch a.t {
		case ow.ElementFloat:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		case ow.ElementInt64:
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		case ow.ElementInt32, ow.ElementUint32:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		default: // one byte
			b = append(b, byte(v))
		}
	}
	return b
}

// sample is a call of an operator that every rule must have.
type sample struct {
	op    string // after its domain, as in rules
	opset int64
	args  []arg
	outs  []ow.ElementType
	attrs []ow.Attribute
}

const float = ow.ElementFloat

func out(ts ...ow.ElementType) []ow.ElementType { return ts }

// simple are operators of floats whose result is of floats.
func simple(args []arg, ops ...string) []sample {
	var all []sample
	for _, op := range ops {
		all = append(all, sample{op: op, args: args, outs: out(float)})
	}
	return all
}

func samples() []sample {
	x := f32(2, 3, 4, 4)
	all := simple([]arg{f32(2, 3)}, "Abs", "Ceil", "Floor", "Round", "Sqrt", "Relu", "Sign", "Reciprocal", "HardSwish", "Neg", "Exp", "Tanh",
		"Sigmoid", "Erf", "Softplus", "Softsign", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
		"LeakyRelu", "ThresholdedRelu", "Elu", "Celu", "Selu", "HardSigmoid", "Shrink", "Gelu", "Mish", "Identity", "Clip", "Softmax",
		"LogSoftmax", "Hardmax", "LpNormalization", "Transpose", "Flatten", "Trilu", "EyeLike", "Squeeze",
		"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp")
	all = append(all, simple([]arg{f32(2, 3), f32(2, 3)}, "Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Max", "Min", "Sum", "Mean")...)
	for _, op := range []string{"Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"} {
		all = append(all, sample{op: op, args: []arg{f32(2, 3), f32(3)}, outs: out(ow.ElementBool)})
	}
	for _, op := range []string{"And", "Or", "Xor"} {
		all = append(all, sample{op: op, args: []arg{typed(ow.ElementBool, 2, 3), typed(ow.ElementBool, 3)}, outs: out(ow.ElementBool)})
	}
	for _, op := range []string{"BitwiseAnd", "BitwiseOr", "BitwiseXor"} {
		all = append(all, sample{op: op, args: []arg{typed(ow.ElementInt32, 2, 3), typed(ow.ElementInt32, 3)}, outs: out(ow.ElementInt32)})
	}
	all = append(all, simple([]arg{x}, "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "MeanVarianceNormalization")...)
	pool := []ow.Attribute{ow.Ints("kernel_shape", 2, 2), ow.Ints("strides", 2, 2), ow.Ints("pads", 1, 0, 0, 1)}
	conv := []ow.Attribute{ow.Ints("kernel_shape", 3, 3), ow.Ints("pads", 1, 1, 1, 1)}
	u8, s8 := ow.ElementUint8, ow.ElementInt8
	scale, zero := weights(), scalarOf(u8, 3)
	return slices.Concat(all, []sample{
		{op: "Not", args: []arg{typed(ow.ElementBool, 3)}, outs: out(ow.ElementBool)},
		{op: "BitwiseNot", args: []arg{typed(ow.ElementInt32, 3)}, outs: out(ow.ElementInt32)},
		{op: "BitShift", args: []arg{typed(ow.ElementUint32, 3), typed(ow.ElementUint32, 3)}, outs: out(ow.ElementUint32), attrs: []ow.Attribute{ow.String("direction", "LEFT")}},
		{op: "IsNaN", args: []arg{f32(3)}, outs: out(ow.ElementBool)},
		{op: "IsInf", args: []arg{f32(3)}, outs: out(ow.ElementBool)},
		{op: "Mod", args: []arg{f32(3), f32(3)}, outs: out(float), attrs: []ow.Attribute{ow.Int("fmod", 1)}},
		{op: "Dropout", args: []arg{f32(3)}, outs: out(float, ow.ElementBool)},
		{op: "Cast", args: []arg{f32(3)}, outs: out(ow.ElementInt32), attrs: []ow.Attribute{ow.Int("to", 6)}},
		{op: "CastLike", args: []arg{f32(3), typed(ow.ElementInt32, 1)}, outs: out(ow.ElementInt32)},
		{op: "Where", args: []arg{typed(ow.ElementBool, 2, 3), f32(3), f32(2, 1)}, outs: out(float)},
		{op: "ArgMax", args: []arg{f32(2, 3)}, outs: out(ow.ElementInt64), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "ArgMin", args: []arg{f32(2, 3)}, outs: out(ow.ElementInt64), attrs: []ow.Attribute{ow.Int("keepdims", 0)}},
		{op: "CumSum", args: []arg{f32(2, 3), one(1)}, outs: out(float)},
		{op: "TopK", args: []arg{f32(2, 5), list(3)}, outs: out(float, ow.ElementInt64)},
		{op: "Reshape", args: []arg{f32(2, 6), list(3, -1)}, outs: out(float)},
		{op: "Unsqueeze", args: []arg{f32(2, 3), list(0, 3)}, outs: out(float)},
		{op: "Concat", args: []arg{f32(2, 3), f32(2, 4)}, outs: out(float), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "Split", args: []arg{f32(2, 5), list(2, 3)}, outs: out(float, float), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "Split", opset: 18, args: []arg{f32(7)}, outs: out(float, float, float), attrs: []ow.Attribute{ow.Int("num_outputs", 3)}},
		{op: "Expand", args: []arg{f32(3, 1), list(2, 1, 4)}, outs: out(float)},
		{op: "Tile", args: []arg{f32(2, 3), list(2, 3)}, outs: out(float)},
		{op: "Pad", args: []arg{f32(2, 3), list(0, 1, 2, 3)}, outs: out(float)},
		{op: "DepthToSpace", args: []arg{f32(1, 8, 2, 3)}, outs: out(float), attrs: []ow.Attribute{ow.Int("blocksize", 2)}},
		{op: "SpaceToDepth", args: []arg{f32(1, 2, 4, 6)}, outs: out(float), attrs: []ow.Attribute{ow.Int("blocksize", 2)}},
		{op: "Resize", args: []arg{x, left, left, list(2, 3, 5, 7)}, outs: out(float), attrs: []ow.Attribute{ow.String("mode", "linear")}},
		{op: "Resize", args: []arg{x, left, {t: float, shape: []int64{4}, values: []int64{1, 1, 2, 3}, fixed: true}}, outs: out(float)},
		{op: "Constant", outs: out(float), attrs: []ow.Attribute{ow.Floats("value_floats", 1, 2)}},
		{op: "ConstantOfShape", args: []arg{list(2, 3)}, outs: out(float)},
		{op: "Range", args: []arg{one(1), one(9), one(3)}, outs: out(ow.ElementInt64)},
		{op: "Shape", args: []arg{f32(2, 3)}, outs: out(ow.ElementInt64)},
		{op: "Size", args: []arg{f32(2, 3)}, outs: out(ow.ElementInt64)},
		{op: "Slice", args: []arg{f32(2, 9), list(8), list(0), list(1), list(-3)}, outs: out(float)},
		{op: "Gather", args: []arg{f32(2, 3), index(2, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "GatherElements", args: []arg{f32(2, 3), index(2, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "GatherND", args: []arg{f32(2, 3, 4), index(5, 2)}, outs: out(float)},
		{op: "ScatterElements", args: []arg{f32(2, 3), index(2, 2), f32(2, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "ScatterND", args: []arg{f32(4, 3), index(2, 1), f32(2, 3)}, outs: out(float)},
		{op: "OneHot", args: []arg{index(2, 3), one(4), weights(2)}, outs: out(float), attrs: []ow.Attribute{ow.Int("axis", 1)}},
		{op: "HannWindow", args: []arg{one(9)}, outs: out(float)},
		{op: "HammingWindow", args: []arg{one(9)}, outs: out(float)},
		{op: "BlackmanWindow", args: []arg{one(9)}, outs: out(float)},
		{op: "ReverseSequence", args: []arg{f32(4, 2, 3), index(2)}, outs: out(float)},
		{op: "GridSample", args: []arg{x, f32(2, 5, 6, 2)}, outs: out(float)},
		{op: "GridSample", opset: 20, args: []arg{f32(1, 2, 3, 3, 3), f32(1, 2, 2, 4, 3)}, outs: out(float), attrs: []ow.Attribute{ow.String("mode", "linear")}},
		{op: "RoiAlign", args: []arg{x, f32(3, 4), index(3)}, outs: out(float), attrs: []ow.Attribute{ow.Int("sampling_ratio", 2), ow.Int("output_height", 2), ow.Int("output_width", 3)}},
		{op: "MatMul", args: []arg{f32(5, 2, 3), f32(3, 4)}, outs: out(float)},
		{op: "Gemm", args: []arg{f32(2, 3), f32(4, 3), f32(4)}, outs: out(float), attrs: []ow.Attribute{ow.Int("transB", 1)}},
		{op: "Einsum", args: []arg{f32(5, 2, 3), f32(5, 3, 4)}, outs: out(float), attrs: []ow.Attribute{ow.String("equation", "bij,bjk->bki")}},
		{op: "Einsum", args: []arg{f32(2, 3), f32(3, 4), f32(4)}, outs: out(float), attrs: []ow.Attribute{ow.String("equation", "ij, jk, k")}},
		{op: "Det", args: []arg{f32(5, 3, 3)}, outs: out(float)},
		{op: "Conv", args: []arg{x, weights(6, 3, 3, 3), weights(6)}, outs: out(float), attrs: conv},
		{op: "ConvTranspose", args: []arg{x, weights(3, 2, 3, 3)}, outs: out(float), attrs: append([]ow.Attribute{ow.Ints("strides", 2, 2)}, conv...)},
		{op: "MaxPool", args: []arg{x}, outs: out(float, ow.ElementInt64), attrs: pool},
		{op: "AveragePool", args: []arg{x}, outs: out(float), attrs: pool},
		{op: "LpPool", args: []arg{x}, outs: out(float), attrs: pool},
		{op: "LpPool", opset: 18, args: []arg{f32(1, 2, 5, 5)}, outs: out(float), attrs: []ow.Attribute{ow.Int("ceil_mode", 1), ow.Ints("kernel_shape", 2, 2), ow.Ints("strides", 2, 2)}},
		{op: "BatchNormalization", args: []arg{x, weights(3), weights(3), weights(3), weights(3)}, outs: out(float)},
		{op: "InstanceNormalization", args: []arg{x, weights(3), weights(3)}, outs: out(float)},
		{op: "GroupNormalization", args: []arg{f32(2, 4, 3), weights(2), weights(2)}, outs: out(float), attrs: []ow.Attribute{ow.Int("num_groups", 2)}},
		{op: "LayerNormalization", args: []arg{f32(2, 3), weights(3)}, outs: out(float, float, float)},
		{op: "LRN", args: []arg{x}, outs: out(float), attrs: []ow.Attribute{ow.Int("size", 3)}},
		{op: "QuantizeLinear", args: []arg{f32(2, 3), scale, zero}, outs: out(u8)},
		{op: "DequantizeLinear", args: []arg{typed(u8, 2, 3), scale, zero}, outs: out(float)},
		{op: "DynamicQuantizeLinear", args: []arg{f32(2, 3)}, outs: out(u8, float, u8)},
		{op: "MatMulInteger", args: []arg{typed(u8, 2, 3), typed(s8, 3, 4)}, outs: out(ow.ElementInt32)},
		{op: "QLinearMatMul", args: []arg{typed(u8, 2, 3), scale, zero, typed(u8, 3, 4), scale, zero, scale, zero}, outs: out(u8)},
		{op: "ConvInteger", args: []arg{typed(u8, 1, 2, 5, 5), {t: u8, shape: []int64{3, 2, 3, 3}, values: []int64{1, 2}, fixed: true}}, outs: out(ow.ElementInt32), attrs: conv},
		{op: "QLinearConv", args: []arg{typed(u8, 1, 2, 5, 5), scale, zero, {t: u8, shape: []int64{3, 2, 3, 3}, values: []int64{1, 2}, fixed: true}, scale, zero, scale, zero}, outs: out(u8), attrs: conv},
		{op: "RNN", args: []arg{f32(5, 2, 3), weights(1, 4, 3), weights(1, 4, 4)}, outs: out(float, float), attrs: []ow.Attribute{ow.Int("hidden_size", 4)}},
		{op: "GRU", args: []arg{f32(5, 2, 3), weights(2, 12, 3), weights(2, 12, 4)}, outs: out(float, float), attrs: []ow.Attribute{ow.Int("hidden_size", 4), ow.String("direction", "bidirectional")}},
		{op: "LSTM", args: []arg{f32(5, 2, 3), weights(1, 16, 3), weights(1, 16, 4)}, outs: out(float, float, float), attrs: []ow.Attribute{ow.Int("hidden_size", 4)}},
	}, classical())
}

// classical are samples of the domain ai.onnx.ml.
func classical() []sample {
	const ml = "ai.onnx.ml."
	tree := func(prefix string) []ow.Attribute {
		return []ow.Attribute{
			ow.Ints("nodes_treeids", 0, 0, 0, 1), ow.Ints("nodes_nodeids", 0, 1, 2, 0), ow.Ints("nodes_featureids", 2, 0, 0, 0),
			ow.Floats("nodes_values", 1.5, 0, 0, 0), ow.Strings("nodes_modes", "BRANCH_LEQ", "LEAF", "LEAF", "LEAF"),
			ow.Ints("nodes_truenodeids", 1, 0, 0, 0), ow.Ints("nodes_falsenodeids", 2, 0, 0, 0),
			ow.Ints(prefix+"_treeids", 0, 0, 1), ow.Ints(prefix+"_nodeids", 1, 2, 0), ow.Ints(prefix+"_ids", 0, 1, 2), ow.Floats(prefix+"_weights", 0.5, 1, 2),
		}
	}
	// One weight for each leaf, of one class: runtimes derive the other.
	binary := func(attributes []ow.Attribute) []ow.Attribute {
		for i := range attributes {
			if attributes[i].Name == "class_ids" {
				attributes[i].Ints = []int64{1, 1, 1}
			}
		}
		return attributes
	}
	return []sample{
		{op: ml + "TreeEnsembleRegressor", args: []arg{f32(4, 3)}, outs: out(float), attrs: append(tree("target"), ow.Int("n_targets", 3))},
		{op: ml + "TreeEnsembleClassifier", args: []arg{f32(4, 3)}, outs: out(ow.ElementInt64, float), attrs: append(tree("class"), ow.Ints("classlabels_int64s", 5, 6, 7))},
		{op: ml + "TreeEnsembleClassifier", args: []arg{f32(4, 3)}, outs: out(ow.ElementInt64, float), attrs: append(binary(tree("class")), ow.Ints("classlabels_int64s", 0, 1))},
		{op: ml + "LinearClassifier", args: []arg{f32(4, 2)}, outs: out(ow.ElementInt64, float), attrs: []ow.Attribute{
			ow.Ints("classlabels_ints", 0, 1, 2), ow.Floats("coefficients", 1, 2, 3, 4, 5, 6), ow.Floats("intercepts", 1, 2, 3), ow.String("post_transform", "SOFTMAX")}},
		{op: ml + "LinearRegressor", args: []arg{f32(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Floats("coefficients", 1, 2, 3, 4), ow.Int("targets", 2)}},
		{op: ml + "SVMRegressor", args: []arg{f32(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Floats("coefficients", 1, 2), ow.Floats("support_vectors", 1, 2, 3, 4),
			ow.Floats("rho", 1), ow.Int("n_supports", 2), ow.String("kernel_type", "RBF"), ow.Floats("kernel_params", 0.5, 0, 3)}},
		{op: ml + "Normalizer", args: []arg{f32(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.String("norm", "L2")}},
		{op: ml + "Scaler", args: []arg{f32(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Floats("offset", 1, 2), ow.Floats("scale", 1, 2)}},
		{op: ml + "Binarizer", args: []arg{f32(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Float("threshold", 2)}},
		{op: ml + "Imputer", args: []arg{f32(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Floats("imputed_value_floats", 1, 2), ow.Float("replaced_value_float", 3)}},
		{op: ml + "ArrayFeatureExtractor", args: []arg{f32(4, 3), index(2)}, outs: out(float)},
		{op: ml + "OneHotEncoder", args: []arg{index(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Ints("cats_int64s", 0, 1, 2)}},
		{op: ml + "LabelEncoder", args: []arg{index(4, 2)}, outs: out(float), attrs: []ow.Attribute{ow.Ints("keys_int64s", 0, 1), ow.Floats("values_floats", 2, 3)}},
	}
}

// file makes the model of a sample and its inputs. An unused input stands for those that a constant operator lacks.
func (s sample) file() ([]byte, []tensor.Tensor) {
	n := ow.Node{Op: s.op, Attributes: s.attrs}
	m := ow.Model{Opset: s.opset, Graph: ow.Graph{Name: "sample"}}
	if m.Opset == 0 {
		m.Opset = 17
		for _, r := range onnxfile.Coverage() {
			if r.Op == s.op && r.Since > m.Opset {
				m.Opset = r.Since
			}
		}
	}
	if op, ok := strings.CutPrefix(s.op, "ai.onnx.ml."); ok {
		n.Op, n.Domain = op, "ai.onnx.ml"
		m.Imports = []ow.OperatorSet{{Domain: "ai.onnx.ml", Version: 3}}
	}
	var inputs []tensor.Tensor
	for i, a := range append(slices.Clone(s.args), f32(1)) {
		name := string(rune('a' + i))
		switch {
		case a.t == 0:
			name = ""
		case a.fixed:
			m.Graph.Initializers = append(m.Graph.Initializers, ow.Tensor{Name: name, Type: a.t, Dims: a.shape, Data: a.data()})
		default:
			v := ow.ValueInfo{Name: name, Type: a.t, Dims: ow.Shape(a.shape...)}
			m.Graph.Inputs = append(m.Graph.Inputs, v)
			inputs = append(inputs, tensor.Tensor{Name: name, Datatype: datatypes[a.t], Shape: a.shape, Data: a.data()})
		}
		if i < len(s.args) {
			n.Inputs = append(n.Inputs, name)
		}
	}
	for i, t := range s.outs {
		name := "y" + string(rune('0'+i))
		n.Outputs = append(n.Outputs, name)
		m.Graph.Outputs = append(m.Graph.Outputs, ow.ValueInfo{Name: name, Type: t, Unranked: true})
	}
	m.Graph.Nodes = []ow.Node{n}
	return m.MarshalUnchecked(), inputs
}

var datatypes = map[ow.ElementType]tensor.Datatype{
	ow.ElementFloat: tensor.FP32, ow.ElementInt64: tensor.Int64, ow.ElementInt32: tensor.Int32, ow.ElementUint32: tensor.Uint32,
	ow.ElementUint8: tensor.Uint8, ow.ElementInt8: tensor.Int8, ow.ElementBool: tensor.Bool,
}

// TestEveryAcceptedOperatorRuns compares the rules with the runtime: each operator runs at least once and gives the
// types and shapes that inspection infers.
func TestEveryAcceptedOperatorRuns(t *testing.T) {
	e := openEnvironment(t)
	seen := map[string]bool{}
	for _, s := range samples() {
		seen[s.op] = true
		t.Run(s.op, func(t *testing.T) {
			file, inputs := s.file()
			inspectAndRun(t, e, file, inputs)
		})
	}
	for _, r := range onnxfile.Coverage() {
		key := r.Op
		if r.Domain != "ai.onnx" {
			key = r.Domain + "." + r.Op
		}
		if !seen[key] {
			t.Errorf("no sample of %s", key)
		}
	}
}
