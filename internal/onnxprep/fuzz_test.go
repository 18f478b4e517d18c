package onnxprep_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/onnxprep"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// check asserts what holds for any bytes: no panic; a refusal, or a model that is the same again and stays the same when
// it is prepared once more; and that inspection does not turn against a model it accepted.
func check(t *testing.T, onnx []byte, opts onnxprep.Options) {
	before := bytes.Clone(onnx)
	out, report, err := onnxprep.Prepare(onnx, opts)
	if !bytes.Equal(onnx, before) {
		t.Fatal("the input was altered")
	}
	if err != nil {
		var refusal *onnxprep.Refusal
		if !errors.As(err, &refusal) || out != nil || report != nil {
			t.Fatalf("got %x, %v, %v", out, report, err)
		}
		return
	}
	again, second, err := onnxprep.Prepare(onnx, opts)
	if err != nil || !bytes.Equal(out, again) || !reflect.DeepEqual(report, second) {
		t.Fatalf("two runs differ: %v, %+v and %+v", err, report, second)
	}
	twice, third, err := onnxprep.Prepare(out, opts)
	if err != nil || !bytes.Equal(out, twice) || len(third.Changes) != 0 {
		t.Fatalf("a second preparation: %v, %+v after %+v", err, third, report)
	}
	if (len(report.Changes) == 0) != bytes.Equal(onnx, out) {
		t.Fatalf("the file changed: %t, but the report says %+v", !bytes.Equal(onnx, out), report)
	}
}

func FuzzPrepare(f *testing.F) {
	limits := onnxprep.Limits{MaxBytes: 1 << 16, MaxFields: 4096, MaxNodes: 512, MaxCallDepth: 4}
	for _, s := range samples() {
		f.Add(s.onnx, true)
		f.Add(s.onnx[:len(s.onnx)*2/3], false)
	}
	f.Fuzz(func(t *testing.T, onnx []byte, metadata bool) {
		check(t, onnx, onnxprep.Options{Fix: map[string]int64{"batch": 2}, DropMetadata: metadata, Limits: limits})
	})
}

// TestGenerated prepares random graphs of operators that rules concern. What inspection accepts before, it accepts
// after, with the same signature.
func TestGenerated(t *testing.T) {
	changed, accepted := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		onnx := generate(rt).MarshalUnchecked()
		check(t, onnx, onnxprep.Options{})
		before, err := onnxfile.Inspect(onnx, onnxfile.DefaultLimits)
		if err != nil {
			return
		}
		accepted++
		out, report, err := onnxprep.Prepare(onnx, onnxprep.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		if len(report.Changes) > 0 {
			changed++
		}
		after, err := onnxfile.Inspect(out, onnxfile.DefaultLimits)
		if err != nil {
			rt.Fatalf("inspection accepted the model before: %v", err)
		}
		if !reflect.DeepEqual(before.Inputs, after.Inputs) || !reflect.DeepEqual(before.Outputs, after.Outputs) {
			rt.Fatalf("signature: got %v -> %v, want %v -> %v", after.Inputs, after.Outputs, before.Inputs, before.Outputs)
		}
	})
	if changed < 10 || accepted < 10 {
		t.Fatalf("only %d of %d accepted models changed: the property was not exercised", changed, accepted)
	}
}

// generate makes a chain of operators on matrices of 4 by 4.
func generate(rt *rapid.T) ow.Model {
	typ := rapid.SampledFrom([]ow.ElementType{ow.ElementFloat, ow.ElementFloat16, ow.ElementDouble}).Draw(rt, "type")
	opset := rapid.Int64Range(13, 21).Draw(rt, "operator set")
	sign := rapid.SampledFrom([]ow.ElementType{ow.ElementUint8, ow.ElementInt8})
	m := fixture(opset, typ, typ, []int64{4, 4}, nil, float("scale", 0.05), byteTensor("zero-u", ow.ElementUint8, nil, 7),
		byteTensor("zero-s", ow.ElementInt8, nil, 7), byteTensor("w-u", ow.ElementUint8, []int64{4, 4}, make([]byte, 16)...),
		byteTensor("w-s", ow.ElementInt8, []int64{4, 4}, bytes.Repeat([]byte{0x85, 2}, 8)...))
	name := func(base string, t ow.ElementType) string {
		if t == ow.ElementInt8 {
			return base + "-s"
		}
		return base + "-u"
	}
	last, count := "x", 0
	next := func(op string, inputs []string, attrs ...ow.Attribute) string {
		count++
		// Names that the rules would choose themselves are among them.
		y := rapid.SampledFrom([]string{"v", "x/max", "x/exp", "w-s/unsigned", "prepared/axes/-1"}).Draw(rt, "name")
		y += string(rune('a' + count%26))
		if rapid.Bool().Draw(rt, "plain name") && count == 1 {
			y = "prepared/axes/-1"
		}
		m.Graph.Nodes = append(m.Graph.Nodes, node(op, inputs, y, attrs...))
		return y
	}
	for range rapid.IntRange(1, 5).Draw(rt, "steps") {
		switch rapid.IntRange(0, 5).Draw(rt, "operator") {
		case 0, 1:
			op := rapid.SampledFrom([]string{"Softmax", "LogSoftmax"}).Draw(rt, "kind")
			last = next(op, list(last), ow.Int("axis", rapid.Int64Range(-2, 1).Draw(rt, "axis")))
		case 2:
			last = next(rapid.SampledFrom([]string{"Relu", "Erf", "Tanh"}).Draw(rt, "kind"), list(last))
		case 3, 4:
			a, b := sign.Draw(rt, "left"), sign.Draw(rt, "right")
			wide := next("Cast", list(last), ow.Int("to", int64(ow.ElementFloat)))
			q := next("QuantizeLinear", list(wide, "scale", name("zero", a)))
			right := name("w", b)
			if rapid.Bool().Draw(rt, "computed") {
				right = next("QuantizeLinear", list(wide, "scale", name("zero", b)))
			}
			inputs := list(q, right)
			if rapid.Bool().Draw(rt, "zero points") {
				inputs = append(inputs, name("zero", a), name("zero", b))
			}
			last = next("Cast", list(next("MatMulInteger", inputs)), ow.Int("to", int64(typ)))
		default:
			last = next("Cast", list(next("DequantizeLinear", list("w-s", "scale"))), ow.Int("to", int64(typ)))
		}
	}
	m.Graph.Nodes = append(m.Graph.Nodes, node("Identity", list(last), "y"))
	return m
}
