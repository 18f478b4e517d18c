package onnxwrite

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opengradient/opengradient/internal/tensor"
)

var update = flag.Bool("update", false, "rewrite the golden files from the present output")

// sample uses every message and every field that can be written.
func sample() Model {
	branch := func(name string, v float32) Graph {
		return Graph{
			Name: name,
			Nodes: []Node{{Op: "Constant", Outputs: []string{name + "_out"}, Attributes: []Attribute{
				TensorValue("value", FloatTensor("", nil, v)),
			}}},
			Outputs: []ValueInfo{{Name: name + "_out", Type: ElementFloat}},
		}
	}
	return Model{
		Producer: "opengradient", ProducerVersion: "1", ModelVersion: 3, Doc: "every field once",
		Imports: []OperatorSet{{Domain: "com.example", Version: 2}},
		Graph: Graph{
			Name: "sample",
			Inputs: []ValueInfo{
				{Name: "x", Type: ElementFloat, Dims: []Dim{Symbolic("N"), Fixed(2), {}}},
				{Name: "flag", Type: ElementBool},
				{Name: "any", Type: ElementInt64, Unranked: true},
			},
			Initializers: []Tensor{
				FloatTensor("w", []int64{2, 2}, 1, -0.5, 0, 2),
				Int64Tensor("axes", []int64{1}, -1),
				Int32Tensor("i", nil, -2),
				DoubleTensor("d", []int64{1}, 0.25),
				StringTensor("words", []int64{2}, "a", ""),
				{Name: "none", Type: ElementFloat16, Dims: []int64{0, 3}},
			},
			Nodes: []Node{
				{Op: "Gemm", Name: "gemm", Inputs: []string{"x", "w", ""}, Outputs: []string{"y"}, Attributes: []Attribute{
					Int("transB", 1), Float("alpha", 0.5),
				}},
				{Op: "Fancy", Name: "fancy", Domain: "com.example", Inputs: []string{"y", "axes"}, Outputs: []string{"z", "", "u"}, Attributes: []Attribute{
					Ints("pads", 0, -1), Floats("scales", 1, 2.5), String("mode", "linear"), Strings("keys", "a", "b"),
				}},
				{Op: "If", Inputs: []string{"flag"}, Outputs: []string{"v"}, Attributes: []Attribute{
					Subgraph("then_branch", branch("then", 1)), Subgraph("else_branch", branch("else", 2)),
				}},
			},
			Outputs: []ValueInfo{
				{Name: "z", Type: ElementFloat, Dims: []Dim{Symbolic("N"), Fixed(2)}},
				{Name: "v", Type: ElementFloat},
			},
			Values: []ValueInfo{{Name: "y", Type: ElementFloat, Dims: Shape(1, 2)}},
		},
	}
}

func TestMarshalGolden(t *testing.T) {
	b, err := sample().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	dump(t, &out, "", "Model", b)
	path := filepath.Join("testdata", "sample.txt")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != string(want) {
		t.Errorf("%s: the fields written have changed, got:\n%s", path, got)
	}
}

func TestMarshalTwiceGivesTheSameBytes(t *testing.T) {
	a, err := sample().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := sample().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("two calls gave different bytes")
	}
	if !bytes.Equal(a, sample().MarshalUnchecked()) {
		t.Error("the unchecked bytes differ")
	}
}

func TestElementOfCoversEveryDatatype(t *testing.T) {
	for d := tensor.Bool; d <= tensor.Bytes; d++ {
		e, err := ElementOf(d)
		if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		if int64(d.Size()) != e.Size() {
			t.Errorf("%s: datatype has %d bytes an element, %s has %d", d, d.Size(), e, e.Size())
		}
	}
	if _, err := ElementOf(tensor.Invalid); err == nil {
		t.Error("INVALID: expected an error")
	}
}

func TestUnknownNumbersHaveNames(t *testing.T) {
	for got, want := range map[string]string{
		ElementType(14).String():    "ElementType(14)",
		ElementType(-1).String():    "ElementType(-1)",
		ElementType(99).String():    "ElementType(99)",
		ElementBfloat16.String():    "BFLOAT16",
		AttributeKind(11).String():  "AttributeKind(11)",
		AttributeStrings.String():   "STRINGS",
		fmt.Sprint(AttributeFloats): "FLOATS",
	} {
		if got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
	if ElementType(-1).Size() != 0 || ElementType(14).Size() != 0 || ElementType(99).Size() != 0 {
		t.Error("unsupported types: expected size 0")
	}
}

// schema names the fields of onnx.proto; a field that is a message is followed by its type.
var schema = map[string]map[protowire.Number][2]string{
	"Model": {
		1: {"ir_version"}, 2: {"producer_name"}, 3: {"producer_version"}, 5: {"model_version"}, 6: {"doc_string"},
		7: {"graph", "Graph"}, 8: {"opset_import", "OperatorSetId"},
	},
	"OperatorSetId": {1: {"domain"}, 2: {"version"}},
	"Graph": {
		1: {"node", "Node"}, 2: {"name"}, 5: {"initializer", "Tensor"}, 11: {"input", "ValueInfo"}, 12: {"output", "ValueInfo"},
		13: {"value_info", "ValueInfo"},
	},
	"Node": {1: {"input"}, 2: {"output"}, 3: {"name"}, 4: {"op_type"}, 5: {"attribute", "Attribute"}, 7: {"domain"}},
	"Attribute": {
		1: {"name"}, 2: {"f"}, 3: {"i"}, 4: {"s"}, 5: {"t", "Tensor"}, 6: {"g", "Graph"}, 7: {"floats"}, 8: {"ints"}, 9: {"strings"},
		20: {"type"},
	},
	"Tensor":      {1: {"dims"}, 2: {"data_type"}, 6: {"string_data"}, 8: {"name"}, 9: {"raw_data", "raw"}},
	"ValueInfo":   {1: {"name"}, 2: {"type", "Type"}},
	"Type":        {1: {"tensor_type", "TensorType"}},
	"TensorType":  {1: {"elem_type"}, 2: {"shape", "TensorShape"}},
	"TensorShape": {1: {"dim", "Dimension"}},
	"Dimension":   {1: {"dim_value"}, 2: {"dim_param"}},
}

// dump prints a message one field a line, and fails on a field that onnx.proto does not have or that is out of order.
func dump(t *testing.T, out *strings.Builder, indent, message string, b []byte) {
	t.Helper()
	last := protowire.Number(0)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("%s: %v", message, protowire.ParseError(n))
		}
		b = b[n:]
		field, ok := schema[message][num]
		if !ok || num < last {
			t.Fatalf("%s: field %d is unknown or out of order", message, num)
		}
		last = num
		switch typ {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			b = b[n:]
			fmt.Fprintf(out, "%s%s: %d\n", indent, field[0], int64(v))
		case protowire.Fixed32Type:
			v, n := protowire.ConsumeFixed32(b)
			b = b[n:]
			fmt.Fprintf(out, "%s%s: %v\n", indent, field[0], math.Float32frombits(v))
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			b = b[n:]
			switch field[1] {
			case "":
				fmt.Fprintf(out, "%s%s: %q\n", indent, field[0], v)
			case "raw":
				fmt.Fprintf(out, "%s%s: %x\n", indent, field[0], v)
			default:
				fmt.Fprintf(out, "%s%s {\n", indent, field[0])
				dump(t, out, indent+"  ", field[1], v)
				fmt.Fprintf(out, "%s}\n", indent)
			}
		default:
			t.Fatalf("%s.%s: wire type %d", message, field[0], typ)
		}
	}
}
