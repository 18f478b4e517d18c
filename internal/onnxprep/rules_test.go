package onnxprep_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opengradient/opengradient/internal/onnxprep"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is a model with the options it is prepared with. The golden file of its name shows what becomes of it.
type sample struct {
	name string
	onnx []byte
	opts onnxprep.Options
}

func samples() []sample {
	f, h, u, s := ow.ElementFloat, ow.ElementFloat16, ow.ElementUint8, ow.ElementInt8
	softmax := func(op string, opset int64, t ow.ElementType, attrs ...ow.Attribute) []byte {
		return fixture(opset, t, t, []int64{2, 3, 5}, []ow.Node{node(op, list("x"), "y", attrs...)}).MarshalUnchecked()
	}
	var all []sample
	add := func(name string, onnx []byte) { all = append(all, sample{name: name, onnx: onnx}) }
	add("softmax-13", softmax("Softmax", 13, f))
	add("softmax-18", softmax("Softmax", 18, f, ow.Int("axis", 1)))
	add("softmax-11", softmax("Softmax", 11, f))
	add("softmax-half", softmax("Softmax", 17, h))
	add("softmax-double", softmax("Softmax", 17, ow.ElementDouble))
	add("logsoftmax-17", softmax("LogSoftmax", 17, f, ow.Int("axis", 0)))
	two := fixture(18, f, f, []int64{2, 5}, []ow.Node{node("Softmax", list("x"), "y/max"), node("Softmax", list("y/max"), "y")})
	add("softmax-twice", two.MarshalUnchecked())
	add("half", fixture(17, h, h, []int64{1, 1, 3}, []ow.Node{
		node("Conv", list("x", "w"), "c"), node("Relu", list("c"), "r"), node("Erf", list("r"), "y"),
	}, ow.Tensor{Name: "w", Type: h, Dims: []int64{1, 1, 1}, Data: []byte{0, 0x3c}}).MarshalUnchecked())
	for _, op := range []string{"MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv"} {
		add("signed-"+strings.ToLower(op), signedProduct(op, u, s).MarshalUnchecked())
	}
	add("signed-activations", signedProduct("ConvInteger", s, u).MarshalUnchecked())
	add("signed-both", signedProduct("MatMulInteger", s, s).MarshalUnchecked())
	computed := fixture(17, f, ow.ElementInt32, []int64{2, 2}, []ow.Node{
		node("QuantizeLinear", list("x", "scale"), "a"), node("QuantizeLinear", list("x", "scale", "zero"), "b"),
		node("MatMulInteger", list("a", "b"), "y"),
	}, float("scale", 0.02), byteTensor("zero", s, nil, 0))
	add("signed-computed", computed.MarshalUnchecked())
	value := byteTensor("", s, []int64{2, 2}, 1, 2, 0x80, 0xff)
	add("signed-dequantize", fixture(17, f, f, []int64{2, 2}, []ow.Node{
		node("Constant", nil, "w", ow.TensorValue("value", value)), node("DequantizeLinear", list("w", "scale"), "v"),
		node("MatMul", list("x", "v"), "y"),
	}, float("scale", 0.02)).MarshalUnchecked())
	shared := signedProduct("MatMulInteger", u, s)
	shared.Graph.Outputs = append(shared.Graph.Outputs, unranked("w", s))
	shared.Graph.Values = []ow.ValueInfo{unranked("q", u), unranked("gone", f)}
	annotation := func(name string) []byte {
		return message(text(1, name), nested(2, message(text(1, "SCALE_TENSOR"), text(2, "sx"))))
	}
	add("signed-shared", withGraph(shared, nested(14, annotation("w"), annotation("gone"))))
	add("unknown-factor", fixture(17, s, ow.ElementInt32, []int64{2, 2}, []ow.Node{
		{Op: "Own", Domain: "own", Inputs: list("x"), Outputs: list("h")}, node("MatMulInteger", list("x", "h"), "y"),
	}).MarshalUnchecked())
	add("functions", scaled())
	add("functions-of-functions", twice())
	add("functions-through", calls([][]byte{function("Through", list("x"), list("x"), nil)}, own("Through", list("x"), "y")))
	bound := function("Bound", list("x", "low", "high"), list("y", "unused"), nodeBytes(
		ow.Node{Op: "Clip", Inputs: list("x", "low", "high"), Outputs: list("y"), Name: "clip"}, node("Neg", list("y"), "unused")))
	add("functions-optional", calls([][]byte{bound}, own("Bound", list("x", "", "x"), "y")))
	documented := fixture(17, f, f, []int64{2}, []ow.Node{node("Relu", list("x"), "y")})
	documented.Doc = "a text"
	documented.Imports = []ow.OperatorSet{{Domain: "com.example", Version: 1}}
	strip := message(func([]byte) []byte { return documented.MarshalUnchecked() }, nested(20, message()), nested(14, message(text(1, "license"), text(2, "MIT"))))
	add("strip", strip)
	all = append(all, sample{"strip-metadata", strip, onnxprep.Options{DropMetadata: true}})
	symbols := fixture(17, f, f, nil, []ow.Node{node("Relu", list("x"), "y")})
	symbols.Graph.Inputs[0].Dims = []ow.Dim{ow.Symbolic("batch"), ow.Symbolic("width"), ow.Fixed(3)}
	symbols.Graph.Outputs[0] = ow.ValueInfo{Name: "y", Type: f, Dims: symbols.Graph.Inputs[0].Dims}
	all = append(all, sample{"fix", symbols.MarshalUnchecked(), onnxprep.Options{Fix: map[string]int64{"batch": 4, "height": 5}}})
	return all
}

// TestRules compares what becomes of each sample with its golden file.
func TestRules(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			out, report, err := onnxprep.Prepare(s.onnx, s.opts)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, c := range report.Changes {
				fmt.Fprintf(&b, "%s: %s: %s (%d)\n", c.Rule, c.Where, c.What, c.Count)
			}
			for _, n := range report.Left {
				fmt.Fprintf(&b, "left: %s: %s: expected %s, got %s\n", n.Rule, n.Where, n.Expected, n.Got)
			}
			b.WriteString(render(out))
			golden := filepath.Join("testdata", s.name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", &b, want)
			}
		})
	}
}

// TestFunctionsFile keeps a model with functions in a file, which the tests around the runtime run before and after.
func TestFunctionsFile(t *testing.T) {
	file := filepath.Join("testdata", "functions.onnx")
	if *update {
		if err := os.WriteFile(file, scaled(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, scaled()) {
		t.Errorf("expected the model of the sample, got %x, %v", b, err)
	}
}

// TestNothingToDo shows that a model that no rule concerns comes out byte for byte.
func TestNothingToDo(t *testing.T) {
	onnx := fixture(17, ow.ElementFloat, ow.ElementFloat, []int64{2}, []ow.Node{node("Relu", list("x"), "y")}).MarshalUnchecked()
	// A length in more bytes than needed is kept as well.
	onnx = append(onnx, 3<<3|2, 0x81, 0x00, 'v')
	out, report, err := onnxprep.Prepare(onnx, onnxprep.Options{})
	if err != nil || !bytes.Equal(out, onnx) {
		t.Fatalf("got %x, %v; want %x", out, err, onnx)
	}
	if len(report.Changes)+len(report.Left) != 0 || report.Before != report.After {
		t.Errorf("got %+v", report)
	}
}

// TestIdempotent prepares what was prepared.
func TestIdempotent(t *testing.T) {
	for _, s := range samples() {
		once, _, err := onnxprep.Prepare(s.onnx, s.opts)
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		twice, report, err := onnxprep.Prepare(once, s.opts)
		if err != nil || !bytes.Equal(once, twice) || len(report.Changes) != 0 {
			t.Errorf("%s: a second preparation changed %v, %v", s.name, report, err)
		}
	}
}

// render shows a model by name of field, one line for each node, tensor and declaration.
func render(onnx []byte) string {
	var b strings.Builder
	walk(onnx, func(num protowire.Number, v []byte, n uint64) {
		switch num {
		case 7:
			walk(v, func(num protowire.Number, v []byte, _ uint64) {
				fmt.Fprintf(&b, "%s %s\n", map[protowire.Number]string{1: "node", 2: "name", 5: "tensor", 11: "input", 12: "output", 13: "value", 14: "annotation"}[num], line(num, v))
			})
		case 8:
			fmt.Fprintf(&b, "operator set %q\n", v)
		default:
			fmt.Fprintf(&b, "field %d %q %d\n", num, v, n)
		}
	})
	return b.String()
}

func line(num protowire.Number, v []byte) string {
	switch num {
	case 1:
		names := map[protowire.Number][]string{}
		walk(v, func(num protowire.Number, v []byte, _ uint64) {
			if num == 5 {
				v = []byte(fmt.Sprintf("%q", v))
			}
			names[num] = append(names[num], string(v))
		})
		text := fmt.Sprintf("%s = %s(%s)", strings.Join(names[2], ", "), strings.Join(names[4], ""), strings.Join(names[1], ", "))
		for _, a := range names[5] {
			text += " " + a
		}
		return text
	case 2:
		return string(v)
	default:
		return fmt.Sprintf("%q", v)
	}
}

func walk(b []byte, f func(num protowire.Number, v []byte, n uint64)) {
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		b = b[tag:]
		size := protowire.ConsumeFieldValue(num, typ, b)
		switch typ {
		case protowire.BytesType:
			v, _ := protowire.ConsumeBytes(b)
			f(num, v, 0)
		case protowire.VarintType:
			v, _ := protowire.ConsumeVarint(b)
			f(num, nil, v)
		default:
			f(num, b[:size], 0)
		}
		b = b[size:]
	}
}
