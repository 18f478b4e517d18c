package main

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

// model is a row to be.
type model struct {
	name, family string
	onnx         []byte
	inputs       func(seed uint64) ([]tensor.Tensor, error)
	exact        bool // all outputs come from integer arithmetic
}

// models are those of the zoo, and some that show what the rules are for.
func models() []model {
	var all []model
	for _, m := range modelzoo.Models() {
		all = append(all, model{
			name: m.Name, family: m.Family, onnx: m.ONNX, exact: m.Family == modelzoo.Int8,
			inputs: func(seed uint64) ([]tensor.Tensor, error) { return m.Inputs(seed), nil },
		})
	}
	return append(all,
		logSoftmax(), softmaxOverChannels(), halfAttention(), halfConv(),
		signedMatMul(), signedConv(), signedActivations(), computedFactors(), dequantized(),
	)
}

// largeUnits is the cost, in compute units, above which a model runs on one sample: an emulated processor is a hundred
// times slower.
const largeUnits = 100

// samples is the number of inputs that a model runs on.
func (m model) samples(wanted int) (int, error) {
	report, err := onnxfile.Inspect(m.onnx, onnxfile.DefaultLimits)
	if err != nil {
		return 0, err
	}
	inputs, err := m.inputs(1)
	if err != nil {
		return 0, err
	}
	bindings, err := tensor.Bind(report.Inputs, inputs)
	if err != nil {
		return 0, err
	}
	units, err := report.ComputeUnits(bindings)
	if err != nil {
		return 0, err
	}
	if units > largeUnits {
		return 1, nil
	}
	return wanted, nil
}

// graph grows a model with random weights.
type graph struct {
	ow.Graph
	random uint64
}

func start(name string, t ow.ElementType, dims ...int64) *graph {
	g := &graph{Graph: ow.Graph{Name: name, Inputs: []ow.ValueInfo{{Name: "x", Type: t, Dims: ow.Shape(dims...)}}}}
	for _, c := range name {
		g.random = 31*g.random + uint64(c)
	}
	return g
}

// weight is a constant of random elements, between -1 and 1 for floats.
func (g *graph) weight(d tensor.Datatype, dims ...int64) string {
	g.random++
	spec := tensor.Spec{Name: fmt.Sprintf("c%d", len(g.Initializers)), Datatype: d}
	for _, n := range dims {
		spec.Dims = append(spec.Dims, tensor.Dim{Size: n})
	}
	ts, err := modelcompare.Inputs([]tensor.Spec{spec}, nil, g.random)
	if err != nil {
		panic(fmt.Sprintf("benchstability: %s: %v", g.Name, err))
	}
	return g.constant(d, dims, ts[0].Data)
}

func (g *graph) constant(d tensor.Datatype, dims []int64, data []byte) string {
	t, err := ow.ElementOf(d)
	if err != nil {
		panic(fmt.Sprintf("benchstability: %s: %v", g.Name, err))
	}
	name := fmt.Sprintf("c%d", len(g.Initializers))
	g.Initializers = append(g.Initializers, ow.Tensor{Name: name, Type: t, Dims: dims, Data: data})
	return name
}

func (g *graph) scale(v float32) string {
	name := fmt.Sprintf("c%d", len(g.Initializers))
	g.Initializers = append(g.Initializers, ow.FloatTensor(name, nil, v))
	return name
}

func (g *graph) zero(d tensor.Datatype, v byte) string { return g.constant(d, nil, []byte{v}) }

func (g *graph) node(op string, inputs []string, attrs ...ow.Attribute) string {
	y := fmt.Sprintf("v%d", len(g.Nodes))
	g.Nodes = append(g.Nodes, ow.Node{Op: op, Inputs: inputs, Outputs: []string{y}, Attributes: attrs})
	return y
}

// model ends the graph with an output.
func (g *graph) model(family, output string, t ow.ElementType, exact bool) model {
	g.Outputs = []ow.ValueInfo{{Name: output, Type: t, Unranked: true}}
	onnx, err := ow.Model{Opset: 20, IRVersion: 9, Graph: g.Graph}.Marshal()
	if err != nil {
		panic(fmt.Sprintf("benchstability: %s: %v", g.Name, err))
	}
	return model{name: g.Name, family: family, onnx: onnx, exact: exact, inputs: func(seed uint64) ([]tensor.Tensor, error) {
		report, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
		if err != nil {
			return nil, err
		}
		return modelcompare.Inputs(report.Inputs, nil, seed)
	}}
}

func logSoftmax() model {
	g := start("log-softmax", ow.ElementFloat, 8, 64)
	scores := g.node("Gemm", []string{"x", g.weight(tensor.FP32, 64, 1000), g.weight(tensor.FP32, 1000)})
	return g.model(modelzoo.MLP, g.node("LogSoftmax", []string{scores}), ow.ElementFloat, false)
}

func softmaxOverChannels() model {
	g := start("softmax-channels", ow.ElementFloat, 1, 3, 24, 24)
	maps := g.node("Conv", []string{"x", g.weight(tensor.FP32, 48, 3, 3, 3)})
	return g.model(modelzoo.Conv, g.node("Softmax", []string{maps}, ow.Int("axis", 1)), ow.ElementFloat, false)
}

func halfAttention() model {
	g := start("fp16-attention", ow.ElementFloat16, 1, 4, 96, 32)
	scores := g.node("MatMul", []string{"x", g.weight(tensor.FP16, 1, 4, 32, 96)})
	return g.model(modelzoo.Half, g.node("MatMul", []string{g.node("Softmax", []string{scores}), g.weight(tensor.FP16, 1, 4, 96, 32)}), ow.ElementFloat16, false)
}

func halfConv() model {
	g := start("fp16-conv-gelu", ow.ElementFloat16, 1, 16, 24, 24)
	maps := g.node("Gelu", []string{g.node("Conv", []string{"x", g.weight(tensor.FP16, 24, 16, 3, 3)})})
	return g.model(modelzoo.Half, g.node("GlobalAveragePool", []string{maps}), ow.ElementFloat16, false)
}

// quantized makes bytes of the float input, over their whole range.
func (g *graph) quantized(d tensor.Datatype) (q, scale, zero string) {
	middle := byte(128)
	if d == tensor.Int8 {
		middle = 0
	}
	scale, zero = g.scale(1.0/128), g.zero(d, middle)
	return g.node("QuantizeLinear", []string{"x", scale, zero}), scale, zero
}

func signedMatMul() model {
	g := start("int8-signed-matmul", ow.ElementFloat, 16, 256)
	q, scale, zero := g.quantized(tensor.Uint8)
	y := g.node("QLinearMatMul", []string{q, scale, zero, g.weight(tensor.Int8, 256, 64), g.scale(0.01), g.zero(tensor.Int8, 0), g.scale(0.3), g.zero(tensor.Uint8, 128)})
	return g.model(modelzoo.Int8, y, ow.ElementUint8, true)
}

func signedConv() model {
	g := start("int8-signed-conv", ow.ElementFloat, 1, 16, 24, 24)
	q, scale, zero := g.quantized(tensor.Uint8)
	y := g.node("QLinearConv", []string{q, scale, zero, g.weight(tensor.Int8, 24, 16, 3, 3), g.scale(0.01), g.zero(tensor.Int8, 0), g.scale(0.3), g.zero(tensor.Uint8, 128)})
	return g.model(modelzoo.Int8, y, ow.ElementUint8, true)
}

func signedActivations() model {
	g := start("int8-signed-activations", ow.ElementFloat, 1, 16, 24, 24)
	q, _, zero := g.quantized(tensor.Int8)
	return g.model(modelzoo.Int8, g.node("ConvInteger", []string{q, g.weight(tensor.Uint8, 24, 16, 3, 3), zero}), ow.ElementInt32, true)
}

func computedFactors() model {
	g := start("int8-computed", ow.ElementFloat, 64, 64)
	q, scale, zero := g.quantized(tensor.Uint8)
	signed := g.zero(tensor.Int8, 0)
	r := g.node("QuantizeLinear", []string{g.node("Transpose", []string{"x"}), scale, signed})
	return g.model(modelzoo.Int8, g.node("MatMulInteger", []string{q, r, zero, signed}), ow.ElementInt32, true)
}

func dequantized() model {
	g := start("int8-dequantized", ow.ElementFloat, 16, 256)
	w := g.node("DequantizeLinear", []string{g.weight(tensor.Int8, 256, 64), g.scale(0.01)})
	return g.model(modelzoo.Int8, g.node("MatMul", []string{"x", w}), ow.ElementFloat, false)
}
