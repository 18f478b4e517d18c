package ort

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

func openEnvironment(tb testing.TB) *Environment {
	tb.Helper()
	e, err := Open(workertest.Library(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// announce is an output as the caller expects it.
func announce(name string, d tensor.Datatype, shape []int64) tensor.Tensor {
	return tensor.Tensor{Name: name, Datatype: d, Shape: shape}
}

func load(tb testing.TB, e *Environment, m onnxwrite.Model) backend.Session {
	tb.Helper()
	model, _ := workertest.Marshal(tb, m)
	s, err := e.Load(model)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestOpenDescribesTheLibrary(t *testing.T) {
	e := openEnvironment(t)
	if e.RuntimeVersion() != "1.27.0" {
		t.Errorf("expected runtime 1.27.0, got %s", e.RuntimeVersion())
	}
	if len(e.LibrarySHA256()) != 64 {
		t.Errorf("expected a SHA-256, got %q", e.LibrarySHA256())
	}
	if _, err := Open(workertest.Library(t)); !errors.Is(err, ErrLibrary) {
		t.Errorf("a second environment: expected ErrLibrary, got %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a missing file":       filepath.Join(t.TempDir(), "missing.so"),
		"a file of other kind": text,
		"a folder":             t.TempDir(),
	} {
		if _, err := Open(path); !errors.Is(err, ErrLibrary) {
			t.Errorf("%s: expected ErrLibrary, got %v", name, err)
		}
	}
	openEnvironment(t) // a refusal leaves nothing behind
}

func TestRunRepeatsBits(t *testing.T) {
	e := openEnvironment(t)
	input := workertest.Floats("x", []int64{5, 4}, workertest.Wave(20, 0.7)...)
	output := []tensor.Tensor{announce("y", tensor.FP32, []int64{5, 3})}
	var first []byte
	for range 3 {
		s := load(t, e, workertest.Network())
		// An input's position in memory must not matter.
		for offset := range 9 {
			moved := input
			backing := make([]byte, len(input.Data)+offset)
			moved.Data = backing[offset:]
			copy(moved.Data, input.Data)
			got, err := s.Run([]tensor.Tensor{moved}, output)
			if err != nil {
				t.Fatal(err)
			}
			if err := got[0].Validate(); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got[0].Data
			}
			if !bytes.Equal(got[0].Data, first) {
				t.Fatalf("expected %x, got %x", first, got[0].Data)
			}
		}
	}
}

func TestRunCarriesEveryDatatype(t *testing.T) {
	e := openEnvironment(t)
	shapes := [][]int64{{}, {1}, {7}, {2, 3}, {0}, {2, 0, 3}}
	for datatype := tensor.Bool; datatype < tensor.Bytes; datatype++ {
		for _, shape := range shapes {
			t.Run(fmt.Sprintf("%s%v", datatype, shape), func(t *testing.T) {
				elementType, err := onnxwrite.ElementOf(datatype)
				if err != nil {
					t.Fatal(err)
				}
				in := tensor.Tensor{Name: "x", Datatype: datatype, Shape: shape}
				n, err := in.Elements()
				if err != nil {
					t.Fatal(err)
				}
				in.Data = make([]byte, int(n)*datatype.Size())
				for i := range in.Data {
					in.Data[i] = byte(i*37 + 129)
					if datatype == tensor.Bool {
						in.Data[i] &= 1
					}
				}
				s := load(t, e, workertest.Identity(elementType, onnxwrite.Shape(shape...)...))
				got, err := s.Run([]tensor.Tensor{in}, []tensor.Tensor{announce("y", datatype, shape)})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got[0].Data, in.Data) || fmt.Sprint(got[0].Shape) != fmt.Sprint(shape) || got[0].Datatype != datatype {
					t.Errorf("expected %+v, got %+v", in, got[0])
				}
			})
		}
	}
}

func TestRunCarriesText(t *testing.T) {
	e := openEnvironment(t)
	s := load(t, e, workertest.Identity(onnxwrite.ElementString, onnxwrite.Symbolic("N")))
	for _, elements := range [][]string{{"alpha", "", "γ"}, {""}, {}} {
		in := textTensor(elements...)
		got, err := s.Run([]tensor.Tensor{in}, []tensor.Tensor{announce("y", tensor.Bytes, in.Shape)})
		if err != nil {
			t.Fatalf("%q: %v", elements, err)
		}
		if !bytes.Equal(got[0].Data, in.Data) {
			t.Errorf("%q: expected %q, got %q", elements, in.Data, got[0].Data)
		}
	}
}

func textTensor(elements ...string) tensor.Tensor {
	t := tensor.Tensor{Name: "x", Datatype: tensor.Bytes, Shape: []int64{int64(len(elements))}}
	for _, element := range elements {
		t.Data = append(t.Data, byte(len(element)), 0, 0, 0)
		t.Data = append(t.Data, element...)
	}
	return t
}

func TestRunRefuses(t *testing.T) {
	e := openEnvironment(t)
	lookup := load(t, e, workertest.Lookup())
	row := []tensor.Tensor{announce("row", tensor.FP32, []int64{1, 2})}
	text := load(t, e, workertest.Identity(onnxwrite.ElementString, onnxwrite.Symbolic("N")))
	for name, c := range map[string]struct {
		session backend.Session
		inputs  []tensor.Tensor
		outputs []tensor.Tensor
		want    error
		message string
	}{
		"an index outside the table": {lookup, []tensor.Tensor{workertest.Integers("index", 4)}, row, backend.ErrExecution, "out of data bounds"},
		"an announced shape that is wrong": {
			lookup, []tensor.Tensor{workertest.Integers("index", 1, 2)}, row, backend.ErrExecution, "shape",
		},
		"an announced datatype that is wrong": {
			lookup, []tensor.Tensor{workertest.Integers("index", 1)}, []tensor.Tensor{announce("row", tensor.FP64, []int64{1, 2})}, backend.ErrExecution, "",
		},
		"an input datatype that is wrong": {
			lookup, []tensor.Tensor{workertest.Floats("index", []int64{1}, 1)}, row, backend.ErrExecution, "data type",
		},
		"an unknown input":       {lookup, []tensor.Tensor{workertest.Integers("other", 1)}, row, backend.ErrExecution, ""},
		"a missing input":        {lookup, nil, row, backend.ErrExecution, ""},
		"an unknown output":      {lookup, []tensor.Tensor{workertest.Integers("index", 1)}, []tensor.Tensor{announce("other", tensor.FP32, []int64{1, 2})}, backend.ErrExecution, ""},
		"no outputs":             {lookup, []tensor.Tensor{workertest.Integers("index", 1)}, nil, backend.ErrUnsupported, "at least one"},
		"a name with zero bytes": {lookup, []tensor.Tensor{workertest.Integers("index\x00", 1)}, row, backend.ErrUnsupported, "zero bytes"},
		"an invalid tensor": {
			lookup, []tensor.Tensor{{Name: "index", Datatype: tensor.Int64, Shape: []int64{2}, Data: []byte{1}}}, row, backend.ErrUnsupported, "",
		},
		"an output too large to count": {
			lookup, []tensor.Tensor{workertest.Integers("index", 1)},
			[]tensor.Tensor{announce("row", tensor.FP32, []int64{1 << 62, 1})}, backend.ErrUnsupported, "",
		},
		"an output too large to allocate": {
			lookup, []tensor.Tensor{workertest.Integers("index", 1)},
			[]tensor.Tensor{announce("row", tensor.FP32, []int64{1 << 50, 2})}, backend.ErrMemory, "",
		},
		"text with a zero byte": {text, []tensor.Tensor{textTensor("a\x00b")}, []tensor.Tensor{announce("y", tensor.Bytes, []int64{1})}, backend.ErrUnsupported, "zero byte"},
		"scalar text":           {text, []tensor.Tensor{{Name: "x", Datatype: tensor.Bytes, Data: []byte{0, 0, 0, 0}}}, row, backend.ErrUnsupported, "scalar"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.session.Run(c.inputs, c.outputs)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.message) {
				t.Errorf("expected %v with %q, got %v", c.want, c.message, err)
			}
		})
	}
	if _, err := lookup.Run([]tensor.Tensor{workertest.Integers("index", -1)}, row); err != nil {
		t.Errorf("the session must survive failures, got %v", err)
	}
}

func TestRunGivesTheOutputsAskedFor(t *testing.T) {
	e := openEnvironment(t)
	m := workertest.Network()
	m.Graph.Outputs = append(m.Graph.Outputs, onnxwrite.ValueInfo{
		Name: "h2", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{onnxwrite.Symbolic("N"), onnxwrite.Fixed(16)},
	})
	s := load(t, e, m)
	in := []tensor.Tensor{workertest.Floats("x", []int64{1, 4}, 1, 2, 3, 4)}
	y, h2 := announce("y", tensor.FP32, []int64{1, 3}), announce("h2", tensor.FP32, []int64{1, 16})
	all, err := s.Run(in, []tensor.Tensor{h2, y})
	if err != nil {
		t.Fatal(err)
	}
	one, err := s.Run(in, []tensor.Tensor{y})
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Name != "h2" || all[1].Name != "y" || !bytes.Equal(all[1].Data, one[0].Data) {
		t.Errorf("expected h2 then y with the same bits, got %+v and %+v", all, one)
	}
}

func TestLoadRefuses(t *testing.T) {
	e := openEnvironment(t)
	unknownOp := workertest.Network()
	unknownOp.Graph.Nodes[1].Op = "NoSuchOperator"
	cut, _ := workertest.Marshal(t, workertest.Network())
	for name, model := range map[string][]byte{
		"no bytes":            nil,
		"other bytes":         []byte("not a model"),
		"a file cut short":    cut[:len(cut)/2],
		"an unknown operator": unknownOp.MarshalUnchecked(),
	} {
		if _, err := e.Load(model); !errors.Is(err, backend.ErrModel) {
			t.Errorf("%s: expected backend.ErrModel, got %v", name, err)
		}
	}
}

func TestClosedSession(t *testing.T) {
	e := openEnvironment(t)
	s := load(t, e, workertest.Lookup())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run([]tensor.Tensor{workertest.Integers("index", 1)}, []tensor.Tensor{announce("row", tensor.FP32, []int64{1, 2})}); err == nil {
		t.Error("expected an error from a closed session")
	}
}

func TestClassify(t *testing.T) {
	for message, want := range map[string]error{
		"std::bad_alloc": backend.ErrMemory,
		"Failed to allocate memory for requested buffer of size 8": backend.ErrMemory,
		"indices element out of data bounds":                       backend.ErrExecution,
	} {
		if err := classify(backend.ErrExecution, errors.New(message)); !errors.Is(err, want) {
			t.Errorf("%s: expected %v, got %v", message, want, err)
		}
	}
	if err := classify(backend.ErrModel, errors.New(strings.Repeat("é", 5000))); len(err.Error()) > maxMessage+100 {
		t.Errorf("expected a message cut to %d bytes, got %d", maxMessage, len(err.Error()))
	}
}

func BenchmarkRunNetwork(b *testing.B) {
	e := openEnvironment(b)
	s := load(b, e, workertest.Network())
	in := []tensor.Tensor{workertest.Floats("x", []int64{1, 4}, 1, 2, 3, 4)}
	out := []tensor.Tensor{announce("y", tensor.FP32, []int64{1, 3})}
	for b.Loop() {
		if _, err := s.Run(in, out); err != nil {
			b.Fatal(err)
		}
	}
}
