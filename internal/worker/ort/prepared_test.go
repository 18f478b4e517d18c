package ort

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/onnxprep"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

// runner runs inspected models for a comparison.
type runner struct{ e *Environment }

func (r runner) Run(_ context.Context, onnx []byte, inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	report, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return run(r.e, onnx, inputs, report.Outputs)
}

// run loads a model for one run; the outputs have the datatypes and shapes of specs.
func run(e *Environment, onnx []byte, inputs []tensor.Tensor, specs []tensor.Spec) (outputs []tensor.Tensor, err error) {
	bindings := map[string]int64{"N": 2}
	for _, s := range specs {
		shape, err := s.Resolve(bindings)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, announce(s.Name, s.Datatype, shape))
	}
	session, err := e.Load(onnx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	outputs, err = session.Run(inputs, outputs)
	if errors.Is(err, backend.ErrExecution) {
		return nil, fmt.Errorf("%w: %w", modelcompare.ErrFailed, err)
	}
	return outputs, err
}

func tolerance(d tensor.Datatype) float64 {
	return float64(agreement.DefaultTaus().Of(d)) / agreement.TauUnit
}

// checkPrepared prepares a model and compares the outputs, with a tolerance of at least the one given. It returns whether
// anything changed.
func checkPrepared(tb interface{ Fatalf(string, ...any) }, e *Environment, onnx []byte, least float64) bool {
	before, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
	if err != nil {
		tb.Fatalf("inspection of the original: %v", err)
	}
	prepared, report, err := onnxprep.Prepare(onnx, onnxprep.Options{})
	if err != nil {
		tb.Fatalf("%v", err)
	}
	if _, err := onnxfile.Inspect(prepared, onnxfile.DefaultLimits); err != nil {
		tb.Fatalf("inspection of the prepared model: %v", err)
	}
	sizes := map[string]int64{}
	result, err := modelcompare.Compare(context.Background(), runner{e}, onnx, prepared, before.Inputs, sizes, 2, 1)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	for _, o := range result.Outputs {
		if o.Distance > max(tolerance(o.Datatype), least) {
			tb.Fatalf("output %s %s moved by %.2g, more than its tolerance", o.Name, o.Datatype, o.Distance)
		}
	}
	return len(report.Changes) > 0
}

// TestPreparedZoo compares the models of the zoo before and after. All but those with the operators concerned come out
// as they are.
func TestPreparedZoo(t *testing.T) {
	e := openEnvironment(t)
	changed := map[string]bool{}
	for _, m := range modelzoo.Models() {
		t.Run(m.Name, func(t *testing.T) {
			least := 0.0
			if m.Family == modelzoo.Half {
				least = tolerance(tensor.FP16) // outputs may be wider than what they come from
			}
			changed[m.Name] = checkPrepared(t, e, m.ONNX, least)
		})
	}
	for name, want := range map[string]bool{
		"attention-large": true, "int8-medium": true, "fp16-conv": true, "conv-small": true, // ends in Softmax
		"tree-large": false, "lstm-large": false, "int8-conv": false, "fp16-small": false,
	} {
		if changed[name] != want {
			t.Errorf("%s: expected changed %t, got %t", name, want, changed[name])
		}
	}
}

// TestPreparedGenerated compares random graphs of the operators concerned.
func TestPreparedGenerated(t *testing.T) {
	e := openEnvironment(t)
	changed := 0
	rapid.Check(t, func(rt *rapid.T) {
		if checkPrepared(rt, e, generated(rt).MarshalUnchecked(), 0) {
			changed++
		}
	})
	if changed < 10 {
		t.Fatalf("only %d models changed: the property was not exercised", changed)
	}
}

// generated makes a model of one operator concerned, on random weights.
func generated(rt *rapid.T) ow.Model {
	float := rapid.SampledFrom([]ow.ElementType{ow.ElementFloat, ow.ElementFloat16}).Draw(rt, "float")
	dims := rapid.SliceOfN(rapid.Int64Range(1, 40), 2, 4).Draw(rt, "dims")
	rank := int64(len(dims))
	m := ow.Model{Opset: rapid.Int64Range(13, 21).Draw(rt, "operator set"), Graph: ow.Graph{Name: "g",
		Inputs:  []ow.ValueInfo{{Name: "x", Type: float, Dims: ow.Shape(dims...)}},
		Outputs: []ow.ValueInfo{{Name: "y", Type: float, Unranked: true}},
	}}
	add := func(op, output string, inputs []string, attrs ...ow.Attribute) {
		m.Graph.Nodes = append(m.Graph.Nodes, ow.Node{Op: op, Inputs: inputs, Outputs: []string{output}, Attributes: attrs})
	}
	constant := func(name string, t ow.ElementType, dims []int64, data []byte) {
		m.Graph.Initializers = append(m.Graph.Initializers, ow.Tensor{Name: name, Type: t, Dims: dims, Data: data})
	}
	kind := rapid.SampledFrom([]string{"Softmax", "LogSoftmax", "Erf", "MatMulInteger", "QLinearMatMul", "ConvInteger", "QLinearConv", "DequantizeLinear"}).Draw(rt, "operator")
	switch kind {
	case "Softmax", "LogSoftmax":
		add(kind, "y", []string{"x"}, ow.Int("axis", rapid.Int64Range(-rank, rank-1).Draw(rt, "axis")))
		return m
	case "Erf":
		add(kind, "y", []string{"x"})
		return m
	}
	m.Graph.Inputs[0].Type, m.Graph.Outputs[0].Type = ow.ElementFloat, ow.ElementInt32
	m.Graph.Initializers = []ow.Tensor{ow.FloatTensor("sx", nil, 0.008), ow.FloatTensor("sw", nil, 0.01), ow.FloatTensor("sy", nil, 0.05)}
	left := rapid.SampledFrom([]ow.ElementType{ow.ElementUint8, ow.ElementInt8}).Draw(rt, "left")
	right := ow.ElementInt8
	if kind == "MatMulInteger" || kind == "ConvInteger" { // the others run no signed by unsigned factors
		right = rapid.SampledFrom([]ow.ElementType{ow.ElementUint8, ow.ElementInt8}).Draw(rt, "right")
	}
	weights := []int64{dims[rank-1], rapid.Int64Range(1, 20).Draw(rt, "columns")}
	if kind == "ConvInteger" || kind == "QLinearConv" {
		dims = append([]int64{1}, append(dims, 3, 3)[:3]...)
		m.Graph.Inputs[0].Dims = ow.Shape(dims...)
		weights = []int64{weights[1], dims[1], 1, 1}
	}
	n := int64(1)
	for _, d := range weights {
		n *= d
	}
	data := rapid.SliceOfN(rapid.Byte(), int(n), int(n)).Draw(rt, "weights")
	constant("zx", left, nil, []byte{rapid.Byte().Draw(rt, "zero point of x")})
	constant("w", right, weights, data)
	constant("zw", right, nil, []byte{rapid.Byte().Draw(rt, "zero point of w")})
	constant("zy", left, nil, []byte{5})
	add("QuantizeLinear", "q", []string{"x", "sx", "zx"})
	switch kind {
	case "MatMulInteger", "ConvInteger":
		inputs := []string{"q", "w", "zx", "zw"}
		add(kind, "y", inputs[:rapid.IntRange(2, 4).Draw(rt, "inputs")])
	case "DequantizeLinear":
		m.Graph.Outputs[0].Type = ow.ElementFloat
		add(kind, "v", []string{"w", "sw", "zw"}[:rapid.IntRange(2, 3).Draw(rt, "inputs")])
		add("MatMul", "y", []string{"x", "v"})
	default:
		m.Graph.Outputs[0].Type = left
		add(kind, "y", []string{"q", "sx", "zx", "w", "sw", "zw", "sy", "zy"})
	}
	return m
}

// TestPreparedOldSoftmax runs operator set 12, which inspection does not take: Softmax is over all dimensions from its
// axis on. The outputs are compared with those of the operator itself.
func TestPreparedOldSoftmax(t *testing.T) {
	e := openEnvironment(t)
	spec := []tensor.Spec{{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 3}, {Size: 5}, {Size: 7}}}}
	inputs, err := modelcompare.Inputs(spec, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	spec[0].Name = "y"
	for _, op := range []string{"Softmax", "LogSoftmax"} {
		for axis := range int64(3) {
			onnx := ow.Model{IRVersion: 3, Opset: 11 + axis%2, Graph: ow.Graph{Name: "g",
				Nodes:   []ow.Node{{Op: op, Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: []ow.Attribute{ow.Int("axis", axis)}}},
				Inputs:  []ow.ValueInfo{{Name: "x", Type: ow.ElementFloat, Dims: ow.Shape(3, 5, 7)}},
				Outputs: []ow.ValueInfo{{Name: "y", Type: ow.ElementFloat, Dims: ow.Shape(3, 5, 7)}},
			}}.MarshalUnchecked()
			prepared, _, err := onnxprep.Prepare(onnx, onnxprep.Options{})
			if err != nil || bytes.Equal(onnx, prepared) {
				t.Fatal(err)
			}
			a, errBefore := run(e, onnx, inputs, spec)
			b, errAfter := run(e, prepared, inputs, spec)
			if errBefore != nil || errAfter != nil {
				t.Fatalf("%s, axis %d: %v, %v", op, axis, errBefore, errAfter)
			}
			if d := modelcompare.Distance(a[0], b[0]); !(d <= 1e-5) || math.IsNaN(d) {
				t.Errorf("%s, axis %d: moved by %v", op, axis, d)
			}
		}
	}
}

// TestPreparedFunctions runs a model with functions, which the runtime takes and inspection does not. Inlined, it gives the
// same bits.
func TestPreparedFunctions(t *testing.T) {
	e := openEnvironment(t)
	onnx, err := os.ReadFile("../../onnxprep/testdata/functions.onnx")
	if err != nil {
		t.Fatal(err)
	}
	prepared, _, err := onnxprep.Prepare(onnx, onnxprep.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := onnxfile.Inspect(prepared, onnxfile.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := modelcompare.Inputs(report.Inputs, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, errBefore := run(e, onnx, inputs, report.Outputs)
	b, errAfter := run(e, prepared, inputs, report.Outputs)
	if errBefore != nil || errAfter != nil || len(a) != 1 || !bytes.Equal(a[0].Data, b[0].Data) {
		t.Errorf("got %v, %v and %v, %v", a, errBefore, b, errAfter)
	}
}

// TestPreparedDefaultValue converts a weight that is also a graph input, as files of IR version 3 have it.
func TestPreparedDefaultValue(t *testing.T) {
	e := openEnvironment(t)
	g := ow.Graph{Name: "g",
		Nodes: []ow.Node{
			{Op: "DynamicQuantizeLinear", Inputs: []string{"x"}, Outputs: []string{"q", "s", "z"}},
			{Op: "MatMulInteger", Inputs: []string{"q", "w", "z"}, Outputs: []string{"y"}},
		},
		Inputs: []ow.ValueInfo{
			{Name: "x", Type: ow.ElementFloat, Dims: ow.Shape(2, 3)}, {Name: "w", Type: ow.ElementInt8, Dims: ow.Shape(3, 2)},
		},
		Outputs:      []ow.ValueInfo{{Name: "y", Type: ow.ElementInt32, Dims: ow.Shape(2, 2)}},
		Initializers: []ow.Tensor{{Name: "w", Type: ow.ElementInt8, Dims: []int64{3, 2}, Data: []byte{1, 2, 3, 4, 5, 6}}},
	}
	if !checkPrepared(t, e, ow.Model{IRVersion: 3, Opset: 13, Graph: g}.MarshalUnchecked(), 0) {
		t.Error("expected the weight to be converted")
	}
}
