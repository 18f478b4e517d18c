package binary

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

var update = flag.Bool("update", false, "write the golden responses")

func goldens(t testing.TB, folder string) map[string]gatewaytest.Golden {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.golden"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("expected golden files, got %v, %v", paths, err)
	}
	all := make(map[string]gatewaytest.Golden, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		g, err := gatewaytest.ParseGolden(string(text))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".golden")] = g
	}
	return all
}

func read(body []byte, length string) (Request, error) {
	n, err := ParseLength(length, len(body))
	if err != nil {
		return Request{}, err
	}
	return Parse(body, n)
}

// describe writes what was read as golden files say it.
func describe(t testing.TB, r Request) string {
	t.Helper()
	var b strings.Builder
	if r.ID != "" {
		fmt.Fprintln(&b, "id", r.ID)
	}
	for _, in := range r.Inputs {
		data, err := oipjson.MarshalData(in)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "input %s %s%v %s\n", in.Name, in.Datatype, in.Shape, data)
	}
	if r.BinaryAll {
		fmt.Fprintln(&b, "all outputs as bytes")
	}
	for _, o := range r.Outputs {
		fmt.Fprintln(&b, "output", o.Name+map[bool]string{true: " as bytes"}[o.Binary])
	}
	for name, value := range r.Parameters {
		if name != "binary_data_output" {
			fmt.Fprintf(&b, "parameter %s %s\n", name, value)
		}
	}
	return b.String()
}

func TestGoldenRequests(t *testing.T) {
	for name, g := range goldens(t, "request") {
		r, err := read(g.Body, g.Length)
		if message, refused := strings.CutPrefix(strings.TrimSpace(g.Want), "refused: "); refused {
			if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: expected %q, got %v", name, message, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := describe(t, r); got != g.Want {
			t.Errorf("%s: expected\n%sgot\n%s", name, g.Want, got)
		}
	}
}

// responses are those of the golden files, by their names.
func responses() map[string]struct {
	Response
	binary []string
} {
	label := tensor.Tensor{Name: "label", Datatype: tensor.Int64, Shape: []int64{1}, Data: []byte{2, 0, 0, 0, 0, 0, 0, 0}}
	odds := tensor.Tensor{Name: "odds", Datatype: tensor.FP32, Shape: []int64{1, 3}, Data: []byte{0, 0, 0, 0, 0, 0, 0x80, 0x3e, 0, 0, 0x40, 0x3f}}
	words := tensor.Tensor{Name: "words", Datatype: tensor.Bytes, Shape: []int64{2}, Data: []byte("\x02\x00\x00\x00hi\x01\x00\x00\x00\xff")}
	head := Response{Model: "iris", Version: "1", ID: "flower", Outputs: []tensor.Tensor{label, odds}, Parameters: []Parameter{
		{"gateway_job", "00"}, {"request_id", int64(7)}, {"fee", uint64(math.MaxUint64)}, {"reused", false},
	}}
	type response = struct {
		Response
		binary []string
	}
	return map[string]response{
		"json":      {head, nil},
		"bytes":     {head, []string{"label", "odds"}},
		"mixed":     {head, []string{"label"}},
		"text":      {Response{Model: "m", Version: "3", Outputs: []tensor.Tensor{words}}, []string{"words"}},
		"text-json": {Response{Model: "m", Version: "3", Outputs: []tensor.Tensor{words}}, nil},
	}
}

func TestGoldenResponses(t *testing.T) {
	for name, r := range responses() {
		binary := make(map[string]bool)
		for _, o := range r.binary {
			binary[o] = true
		}
		body, n, err := r.Append(nil, func(o string) bool { return binary[o] })
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "response", name+".golden")
		if *update {
			text := "# Response " + name + ".\njson: " + string(body)
			if n >= 0 {
				text = fmt.Sprintf("# Response %s.\njson: %s\nbytes: % x\nlength: %d", name, body[:n], body[n:], n)
			}
			if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		g := goldens(t, "response")[name]
		length := ""
		if n >= 0 {
			length = strconv.Itoa(n)
		}
		if string(body) != string(g.Body) || length != g.Length {
			t.Errorf("%s: expected\n%q, %s, got\n%q, %s", name, g.Body, g.Length, body, length)
		}
	}
}

func TestRawRequests(t *testing.T) {
	n := tensor.Dim{Size: 1, Symbol: "N"}
	spec := func(d tensor.Datatype, dims ...tensor.Dim) []tensor.Spec {
		return []tensor.Spec{{Name: "x", Datatype: d, Dims: dims}}
	}
	for name, c := range map[string]struct {
		specs []tensor.Spec
		body  string
		shape string // or what the error says
	}{
		"a fixed shape":             {spec(tensor.Int16, tensor.Dim{Size: 2}), "abcd", "[2]"},
		"a scalar":                  {spec(tensor.Int16), "ab", "[]"},
		"one dimension that varies": {spec(tensor.FP32, n, tensor.Dim{Size: 2}), strings.Repeat("a", 24), "[3 2]"},
		"text":                      {spec(tensor.Bytes, n), "hello", "[1]"},
		"two dimensions that vary":  {spec(tensor.FP32, n, n), "abcd", "at most one dimension"},
		"half a row":                {spec(tensor.FP32, n, tensor.Dim{Size: 2}), "abcd", "a multiple of 8 bytes"},
		"another size":              {spec(tensor.FP32, tensor.Dim{Size: 2}), "abcd", "expected 8 bytes"},
		"a shape beyond all bytes":  {spec(tensor.FP32, tensor.Dim{Size: 1 << 40}, tensor.Dim{Size: 1 << 40}), "abcd", "expected the data of"},
		"two texts":                 {spec(tensor.Bytes, tensor.Dim{Size: 2}), "ab", "one element"},
		"two inputs":                {append(spec(tensor.FP32, n), spec(tensor.FP32, n)...), "abcd", "models with one input"},
	} {
		r, err := ParseRaw([]byte(c.body), c.specs)
		if strings.HasPrefix(c.shape, "[") {
			if err != nil || fmt.Sprint(r.Inputs[0].Shape) != c.shape || !r.BinaryAll {
				t.Errorf("%s: expected %s, got %+v, %v", name, c.shape, r, err)
			}
		} else if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), c.shape) {
			t.Errorf("%s: expected %q, got %v", name, c.shape, err)
		}
	}
}

// What is written as a response reads back, whichever outputs travel as bytes.
func TestResponsesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Response{Model: rapid.String().Draw(t, "model"), Version: "1", ID: rapid.String().Draw(t, "id")}
		binary := make(map[string]bool)
		for i := range rapid.IntRange(0, 4).Draw(t, "outputs") {
			d := tensor.Datatype(rapid.IntRange(int(tensor.Uint8), int(tensor.BF16)).Draw(t, "datatype"))
			n := rapid.IntRange(0, 5).Draw(t, "elements")
			data := rapid.SliceOfN(rapid.Byte(), n*d.Size(), n*d.Size()).Draw(t, "data")
			o := tensor.Tensor{Name: fmt.Sprint("o", i), Datatype: d, Shape: []int64{int64(n)}, Data: data}.Canonical()
			binary[o.Name] = rapid.Bool().Draw(t, "binary")
			r.Outputs = append(r.Outputs, o)
		}
		body, n, err := r.Append([]byte("before"), func(name string) bool { return binary[name] })
		if err != nil {
			t.Fatal(err)
		}
		body = body[len("before"):]
		end := n
		if n < 0 {
			end = len(body)
		}
		var members struct {
			ID      string            `json:"id"`
			Outputs []json.RawMessage `json:"outputs"`
		}
		if err := json.Unmarshal(body[:end], &members); err != nil {
			t.Fatal(err)
		}
		if members.ID != strings.ToValidUTF8(r.ID, "\ufffd") {
			t.Fatalf("expected id %q, got %q", r.ID, members.ID)
		}
		if len(r.Outputs) == 0 {
			return
		}
		// Outputs have the form of inputs.
		request := []byte(`{"inputs":[`)
		for i, o := range members.Outputs {
			if i > 0 {
				request = append(request, ',')
			}
			request = append(request, o...)
		}
		request = append(request, `]}`...)
		got, err := Parse(append(request, body[end:]...), len(request))
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range got.Inputs {
			if want := r.Outputs[i]; o.Name != want.Name || !reflect.DeepEqual(o.Canonical().Data, want.Data) && len(want.Data) > 0 {
				t.Fatalf("expected %+v, got %+v", want, o)
			}
		}
	})
}

// Whatever bytes arrive, reading ends in tensors that are valid or in ErrRequest.
func FuzzParse(f *testing.F) {
	for _, g := range goldens(f, "request") {
		f.Add(g.Body, g.Length)
	}
	f.Fuzz(func(t *testing.T, body []byte, length string) {
		r, err := read(body, length)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Errorf("expected ErrRequest, got %v", err)
			}
			return
		}
		if len(r.Inputs) == 0 {
			t.Error("expected inputs")
		}
		for _, in := range r.Inputs {
			if err := in.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParseRaw(f *testing.F) {
	f.Add([]byte("abcdefgh"), uint8(11), int64(1), int64(2), true)
	f.Add([]byte("hello"), uint8(14), int64(1), int64(1), false)
	f.Fuzz(func(t *testing.T, body []byte, datatype uint8, a, b int64, symbol bool) {
		spec := tensor.Spec{Name: "x", Datatype: tensor.Datatype(datatype), Dims: []tensor.Dim{{Size: a}, {Size: b}}}
		if symbol {
			spec.Dims[0].Symbol = "N"
		}
		r, err := ParseRaw(body, []tensor.Spec{spec})
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Errorf("expected ErrRequest, got %v", err)
			}
			return
		}
		if err := r.Inputs[0].Validate(); err != nil {
			t.Error(err)
		}
	})
}
