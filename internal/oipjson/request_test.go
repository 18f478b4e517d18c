package oipjson

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
)

func one(datatype, shape, data string) string {
	return `{"inputs":[{"name":"x","shape":` + shape + `,"datatype":"` + datatype + `","data":` + data + `}]}`
}

func TestDataIsReadExactly(t *testing.T) {
	for name, tc := range map[string]struct{ datatype, shape, data, want string }{
		"float rounded once, to nearest":         {"FP32", "[1]", "[0.1]", "cdcccc3d"},
		"float that two roundings get wrong":     {"FP32", "[1]", "[1.00000017881393432617187499]", "0100803f"},
		"float that two roundings get wrong, up": {"FP32", "[1]", "[1.00000017881393432617187501]", "0200803f"},
		"tie goes to even":                       {"FP32", "[1]", "[1.000000178813934326171875]", "0200803f"},
		"negative zero":                          {"FP32", "[2]", "[-0, 0]", "0000008000000000"},
		"values that JSON numbers lack":          {"FP32", "[3]", `["NaN","Infinity","-Infinity"]`, "0000c07f0000807f000080ff"},
		"double":                                 {"FP64", "[1]", "[0.1]", "9a9999999999b93f"},
		"half":                                   {"FP16", "[4]", `[1, -2, 65504, 5.9604644775390625e-8]`, "003c00c0ff7b0100"},
		"half at a tie goes to even":             {"FP16", "[2]", "[1.00048828125, 1.00146484375]", "003c023c"},
		"half beside a tie that FP64 cannot see": {"FP16", "[2]", "[1.000488281250000000000001, 1.001464843749999999999999]", "013c013c"},
		"half below the smallest rounds to zero": {"FP16", "[2]", "[2.98023223876953125e-8, -1e-400]", "00000080"},
		"half above that tie rounds to smallest": {"FP16", "[1]", "[2.98023223876953125000000001e-8]", "0100"},
		"half just below overflow":               {"FP16", "[1]", "[65519.99999]", "ff7b"},
		"half infinity":                          {"FP16", "[2]", `["-Infinity","NaN"]`, "00fc007e"},
		"bfloat":                                 {"BF16", "[3]", "[1, 3.140625, -0.1]", "803f4940cdbd"},
		"bfloat at a tie goes to even":           {"BF16", "[2]", "[1.00390625, 1.01171875]", "803f823f"},
		"signed bounds":                          {"INT8", "[3]", "[-128, 127, -0]", "807f00"},
		"64-bit integer beyond FP64":             {"INT64", "[2]", "[9007199254740993, -9223372036854775808]", "01000000000020000000000000000080"},
		"unsigned bounds":                        {"UINT64", "[2]", "[18446744073709551615, -0]", "ffffffffffffffff0000000000000000"},
		"bool":                                   {"BOOL", "[3]", "[true,false , true]", "010001"},
		"bytes with escapes":                     {"BYTES", "[3]", `["a\"]é", "", {"b64":"/w=="}]`, "05000000" + "61225dc3a9" + "00000000" + "01000000ff"},
		"nested as the shape":                    {"UINT8", "[2,3]", "[[1,2,3],[4,5,6]]", "010203040506"},
		"nested with space":                      {"UINT8", "[1,2,1]", " [ [ [ 1 ] , [ 2 ] ] ] ", "0102"},
		"flat for any rank":                      {"UINT8", "[2,1,2]", "[1,2,3,4]", "01020304"},
		"scalar":                                 {"UINT8", "[]", "[7]", "07"},
		"empty":                                  {"UINT8", "[0,4]", "[]", ""},
		"empty, nested":                          {"UINT8", "[2,0]", "[[],[]]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := ParseRequest([]byte(one(tc.datatype, tc.shape, tc.data)))
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(r.Inputs[0].Data); got != tc.want {
				t.Fatalf("expected %s, got %s", tc.want, got)
			}
		})
	}
}

func TestDataIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ datatype, shape, data string }{
		"float overflow":               {"FP32", "[1]", "[3.5e38]"},
		"double overflow":              {"FP64", "[1]", "[1e309]"},
		"half overflow":                {"FP16", "[1]", "[65520]"},
		"bfloat overflow":              {"BF16", "[1]", "[3.4e38]"},
		"number of great length":       {"FP64", "[1]", "[0." + strings.Repeat("1", maxLiteral) + "]"},
		"integer out of range":         {"INT8", "[1]", "[128]"},
		"unsigned below zero":          {"UINT8", "[1]", "[-1]"},
		"integer with fraction":        {"INT32", "[1]", "[1.0]"},
		"integer with exponent":        {"INT32", "[1]", "[1e2]"},
		"integer as text":              {"INT32", "[1]", `["1"]`},
		"float as text":                {"FP32", "[1]", `["1"]`},
		"float as hexadecimal":         {"FP32", "[1]", `[0x1p-2]`},
		"null":                         {"FP32", "[1]", "[null]"},
		"bool as number":               {"BOOL", "[1]", "[1]"},
		"bytes as number":              {"BYTES", "[1]", "[1]"},
		"bytes with unknown member":    {"BYTES", "[1]", `[{"hex":"00"}]`},
		"bytes without member":         {"BYTES", "[1]", `[{}]`},
		"bytes with bad base64":        {"BYTES", "[1]", `[{"b64":"*"}]`},
		"bytes with deep object":       {"BYTES", "[1]", `[{"b64":{}}]`},
		"object for a number":          {"FP32", "[1]", `[{}]`},
		"too few":                      {"UINT8", "[3]", "[1,2]"},
		"too many":                     {"UINT8", "[1]", "[1,2]"},
		"not an array":                 {"UINT8", "[1]", "1"},
		"scalar without array":         {"UINT8", "[]", "1"},
		"nested too deep":              {"UINT8", "[1,1]", "[[[1]]]"},
		"nested unevenly":              {"UINT8", "[2,2]", "[[1,2],[3]]"},
		"nested too long":              {"UINT8", "[2,2]", "[[1,2],[3,4,5]]"},
		"nested with too many rows":    {"UINT8", "[1,2]", "[[1,2],[3,4]]"},
		"rows of another kind":         {"UINT8", "[2,1]", "[[1],2]"},
		"array inside flat":            {"UINT8", "[2]", "[1,[2]]"},
		"negative dimension":           {"UINT8", "[-1]", "[]"},
		"fractional dimension":         {"UINT8", "[1.0]", "[1]"},
		"shape that overflows":         {"UINT8", "[9223372036854775807,9223372036854775807]", "[]"},
		"shape of too many dimensions": {"UINT8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[1]"},
		"unknown datatype":             {"FLOAT", "[1]", "[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := ParseRequest([]byte(one(tc.datatype, tc.shape, tc.data))); !errors.Is(err, ErrJSON) {
				t.Fatalf("expected ErrJSON, got %v and %v", err, r)
			}
		})
	}
}

func TestRequestForm(t *testing.T) {
	r, err := ParseRequest([]byte(`{"id":"7","parameters":{"a":1},"outputs":[{"name":"p"},{"name":"q","parameters":{}}],
		"inputs":[{"data":[[1]],"datatype":"INT8","name":"x","parameters":{},"shape":[1,1]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != "7" || len(r.Outputs) != 2 || r.Outputs[0] != "p" || r.Outputs[1] != "q" || len(r.Inputs) != 1 {
		t.Fatalf("got %+v", r)
	}
	many, err := ParseRequests([]byte("[" + one("INT8", "[1]", "[1]") + "," + one("INT8", "[1]", "[2]") + "]"))
	if err != nil || len(many) != 2 || many[1].Inputs[0].Data[0] != 2 {
		t.Fatalf("got %v, %+v", err, many)
	}
	single, err := ParseRequests([]byte(one("INT8", "[1]", "[3]")))
	if err != nil || len(single) != 1 {
		t.Fatalf("got %v, %+v", err, single)
	}
}

func TestRequestFormIsRefused(t *testing.T) {
	tensorWith := func(members string) string { return `{"inputs":[{` + members + `}]}` }
	for name, text := range map[string]string{
		"nothing":               "",
		"not JSON":              "inputs",
		"more after it":         one("INT8", "[1]", "[1]") + "{}",
		"not UTF-8":             "\"\xff\"",
		"no requests":           "[]",
		"array of numbers":      "[1]",
		"text":                  `"x"`,
		"no inputs":             `{"id":"1"}`,
		"empty inputs":          `{"inputs":[]}`,
		"inputs not an array":   `{"inputs":{}}`,
		"unknown member":        `{"inputs":[],"input":[]}`,
		"member twice":          `{"id":"1","id":"2","inputs":[]}`,
		"id as number":          `{"id":1}`,
		"outputs without name":  `{"outputs":[{}]}`,
		"outputs as text":       `{"outputs":["p"]}`,
		"output with data":      `{"outputs":[{"name":"p","data":[]}]}`,
		"parameters not object": `{"parameters":[]}`,
		"tensor without name":   tensorWith(`"shape":[],"datatype":"INT8","data":[1]`),
		"tensor without shape":  tensorWith(`"name":"x","datatype":"INT8","data":[1]`),
		"tensor without data":   tensorWith(`"name":"x","datatype":"INT8","shape":[1]`),
		"tensor without type":   tensorWith(`"name":"x","data":[1],"shape":[1]`),
		"tensor member unknown": tensorWith(`"name":"x","dtype":"INT8"`),
		"shape not an array":    tensorWith(`"name":"x","shape":1,"datatype":"INT8","data":[1]`),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseRequests([]byte(text)); !errors.Is(err, ErrJSON) {
				t.Fatalf("expected ErrJSON, got %v", err)
			}
		})
	}
}

func TestMarshal(t *testing.T) {
	ts, err := ParseTensors([]byte(`[{"name":"é","shape":[2],"datatype":"FP32","data":[0.1,1e-7]},{"name":"s","shape":[],"datatype":"BYTES","data":[{"b64":"/w=="}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := MarshalTensors(ts)
	want := `[{"name":"é","datatype":"FP32","shape":[2],"data":[0.1,1e-07]},{"name":"s","datatype":"BYTES","shape":[],"data":[{"b64":"/w=="}]}]`
	if err != nil || string(got) != want {
		t.Fatalf("expected %s, got %v and %s", want, err, got)
	}
	if _, err := MarshalTensors([]tensor.Tensor{{Name: "x"}}); !errors.Is(err, ErrJSON) {
		t.Fatalf("expected ErrJSON, got %v", err)
	}
	if _, err := MarshalData(tensor.Tensor{Name: "x", Datatype: tensor.Int8, Shape: []int64{1}}); !errors.Is(err, ErrJSON) {
		t.Fatalf("expected ErrJSON, got %v", err)
	}
}

// Every 16-bit pattern is written so that it reads back, NaN as its one pattern.
func TestEveryHalfReadsBack(t *testing.T) {
	for _, d := range []tensor.Datatype{tensor.FP16, tensor.BF16} {
		in := tensor.Tensor{Name: "x", Datatype: d, Shape: []int64{1 << 16}, Data: make([]byte, 2<<16)}
		for i := range 1 << 16 {
			in.Data[2*i], in.Data[2*i+1] = byte(i), byte(i>>8)
		}
		text, err := MarshalTensors([]tensor.Tensor{in})
		if err != nil {
			t.Fatal(err)
		}
		out, err := ParseTensors(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1 << 16 {
			want := uint64(i)
			if math.IsNaN(halfValue(formats[d], want)) {
				want = formats[d].nan
			}
			if got := uint64(out[0].Data[2*i]) | uint64(out[0].Data[2*i+1])<<8; got != want {
				t.Fatalf("%s: expected %04x, got %04x", d, want, got)
			}
		}
	}
}
